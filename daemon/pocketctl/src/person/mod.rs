//! All that the device holds about one person: to show it, hand it out, or erase it. The right of access and
//! of erasure (articles 15 and 17 of the GDPR) for whom the owner keeps something about.
//!
//! What is about them is found by reading every record, not by the index: nothing is left out because it was
//! not among the best hits. The owner strikes what is not meant.

mod known;
mod seen;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use pocket_core::{Answer, Category, Contact, Entry, FailureKind, Operation, Record, RecordId};
use pocket_formats::EXPORTED;
use serde_json::json;

use crate::exit::Problem;
use crate::output::{columns, escape};
use crate::records::each;
use crate::session::Session;
use crate::terminal::{self, progress};
use crate::{ask, consent, export};
use known::Known;
use seen::Seen;

const WORD: &str = "ERASE";
/// Longest title in a list, in characters.
const TITLE: usize = 60;

#[derive(Subcommand)]
pub(crate) enum PersonCommand {
    /// List the records that name them, and by what
    Show {
        #[command(flatten)]
        who: Who,
    },
    /// Write those records to a new folder, in open formats
    Export {
        #[command(flatten)]
        who: Who,
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Delete those records and destroy the keys that sealed them
    Erase {
        #[command(flatten)]
        who: Who,
        /// What you saw, as `person show` names it, instead of the typed word: the number of records, and their code
        #[arg(long, value_name = "N-CODE")]
        confirm: Option<Seen>,
    },
}

/// A person, and what is not about them.
#[derive(Args)]
pub(crate) struct Who {
    /// Their contact's id, or their name
    #[arg(value_name = "NAME|ID")]
    pub(crate) who: String,
    /// What else they are known by: another spelling, a number (repeat it for more)
    #[arg(long, value_name = "TEXT")]
    pub(crate) also: Vec<String>,
    /// A record that is not about them (repeat it for more)
    #[arg(long, value_name = "ID")]
    pub(crate) except: Vec<RecordId>,
}

/// A record that names the person.
struct Found {
    id: RecordId,
    category: Category,
    title: String,
    /// By what: a name, an e-mail address and so on.
    by: BTreeSet<&'static str>,
    /// Becomes another when it is changed: its revision, or when it was set.
    state: i64,
}

pub(crate) fn run(session: &mut Session, command: PersonCommand) -> Result<(), Problem> {
    match command {
        PersonCommand::Show { who } => show(session, &who),
        PersonCommand::Export { who, folder } => hand_out(session, &who, &folder),
        PersonCommand::Erase { who, confirm } => erase(session, &who, confirm.as_ref()),
    }
}

fn show(session: &mut Session, who: &Who) -> Result<(), Problem> {
    let found = find(session, who)?;
    let seen = seen(&found);
    if session.output.is_json() {
        return found
            .iter()
            .try_for_each(|one| session.output.print(&to_json(one, &seen), ""));
    }
    if found.is_empty() {
        return session.output.remark("nothing here names them");
    }
    let confirm = format!("to erase exactly these: pocketctl person erase, the same words, --confirm {seen}");
    session.output.remark(&format!("{}\n{confirm}", table(&found)))
}

fn hand_out(session: &mut Session, who: &Who, folder: &Path) -> Result<(), Problem> {
    let found = some(find(session, who)?)?;
    let wanted: BTreeSet<RecordId> = found.iter().map(|found| found.id).collect();
    let counts = export::chosen(session, folder, &|entry| wanted.contains(&entry.id))?;
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let secrets = count(&found).remove(&Category::Secrets).unwrap_or(0);
    let text = format!(
        "{total} records written to {}. They may tell of others too: look through them before you hand them out.{}",
        escape(&folder.display().to_string()),
        if secrets > 0 {
            " Secrets that name the person are not among them."
        } else {
            ""
        }
    );
    let categories: BTreeMap<&str, u64> = counts
        .iter()
        .map(|(category, count)| (category.name(), *count))
        .collect();
    let json = json!({
        "folder": folder.to_string_lossy(), "exported": total, "categories": categories, "secrets_left_out": secrets,
    });
    session.output.print(&json, &text)
}

fn erase(session: &mut Session, who: &Who, confirm: Option<&Seen>) -> Result<(), Problem> {
    let found = some(find(session, who)?)?;
    agree(session, &found, confirm)?;
    let bar = progress(session.output, u64::try_from(found.len()).ok());
    for found in &found {
        match session.ask(delete(found)) {
            // Someone else removed it meanwhile: that is as good.
            Err(Problem::Failure(failure)) if failure.kind == FailureKind::NotFound => {}
            other => drop(other?),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let counts = count(&found);
    for category in counts.keys() {
        let category = *category;
        session
            .ask(Operation::CategoryRekey { category })
            .map_err(|problem| not_rekeyed(problem, category))?;
    }
    let names: BTreeMap<&str, usize> = counts
        .iter()
        .map(|(category, count)| (category.name(), *count))
        .collect();
    let text = format!(
        "{} records are erased, and the keys that sealed them are destroyed.\n\
         Backups and exports that you made before still hold them: delete those, and make a new backup.",
        found.len()
    );
    session
        .output
        .print(&json!({"erased": found.len(), "categories": names}), &text)
}

/// What takes a record away.
fn delete(found: &Found) -> Operation {
    match found.category {
        Category::Secrets => Operation::SecretDelete {
            name: found.title.clone(),
        },
        category => Operation::Delete {
            category,
            id: found.id,
        },
    }
}

fn not_rekeyed(problem: Problem, category: Category) -> Problem {
    match problem {
        Problem::Failure(mut failure) => {
            failure.message = format!(
                "the records are deleted, but {category} could not be given a new key: {}",
                failure.message
            );
            failure.remedy = format!(
                "{}; then pocketctl category rekey {category}, or wait a day: the device does it by itself",
                failure.remedy
            );
            failure.into()
        }
        other => other,
    }
}

/// The owner has seen the list: types the word at a terminal, or names what they saw.
fn agree(session: &mut Session, found: &[Found], confirm: Option<&Seen>) -> Result<(), Problem> {
    match confirm {
        Some(confirm) if confirm.is(&seen(found)) => Ok(()),
        Some(confirm) if confirm.count() == found.len() => Err(Problem::usage(
            "there are as many such records, but they are not the ones that you saw, or were changed since",
            "look again: pocketctl person show, with the same words",
        )),
        Some(confirm) => Err(Problem::usage(
            format!("there are {} such records, not {}", found.len(), confirm.count()),
            "look again: pocketctl person show, with the same words",
        )),
        None if terminal::is_present() && !session.output.is_json() => {
            terminal::say(&table(found));
            // Whoever reads takes their time: the device cuts a connection that idles.
            session.hang_up();
            let typed = terminal::ask(&format!(
                "\nStrike what is not meant with --except ID. Type {WORD} to erase these {} records for good: ",
                found.len()
            ))?;
            if *typed == WORD {
                return Ok(());
            }
            Err(Problem::usage(
                "the word was not typed: nothing was erased",
                "strike what is not meant with --except ID, and repeat it",
            ))
        }
        None => Err(Problem::usage(
            "there is nobody at a terminal to look at the list",
            "look at it with pocketctl person show, and repeat this with the --confirm that it names",
        )),
    }
}

/// Everything that names the person, less what the owner struck.
fn find(session: &mut Session, who: &Who) -> Result<Vec<Found>, Problem> {
    let (contact, known) = meant(session, who)?;
    for text in known.passed_by() {
        terminal::say(&format!("too short to be looked for: {}", escape(text)));
    }
    let mut found = Vec::new();
    let mut messages = BTreeMap::new();
    let bar = progress(session.output, None);
    for category in EXPORTED {
        bar.set_message(category.name());
        let mut visit = |_: &mut Session, entry: Entry| {
            bar.inc(1);
            let mut by = known.in_record(entry.content.record());
            if contact == Some(entry.id) {
                by.insert("contact");
            }
            if category == Category::Outbox {
                messages.insert(entry.id, entry.revision);
            }
            found.extend((!by.is_empty()).then(|| of_entry(&entry, by)));
            Ok(true)
        };
        each(session, category, None, &mut visit, None)?;
    }
    questions(session, &known, &messages, &mut found)?;
    secrets(session, &known, &mut found)?;
    bar.finish_and_clear();
    strike(found, &who.except)
}

fn of_entry(entry: &Entry, by: BTreeSet<&'static str>) -> Found {
    Found {
        id: entry.id,
        category: entry.content.category(),
        title: entry.content.record().title().to_owned(),
        by,
        state: entry.revision.into(),
    }
}

/// What was asked of models lies in the outbox with names replaced: the words as they were are looked at too,
/// and the answers. `messages` has the revisions of what lies there.
fn questions(
    session: &mut Session,
    known: &Known,
    messages: &BTreeMap<RecordId, u32>,
    found: &mut Vec<Found>,
) -> Result<(), Problem> {
    let Answer::Consents { questions, .. } = session.ask(Operation::ConsentList)? else {
        return Err(Problem::unexpected());
    };
    for question in questions {
        let shown = consent::detail(session, question.id).and_then(|(detail, _)| {
            let asked = ask::status(session, question.id, 0)?;
            Ok((detail, asked.text))
        });
        let (detail, answer) = match shown {
            Ok(shown) => shown,
            // Its record was deleted: nothing of it is left to be found.
            Err(Problem::Failure(failure)) if failure.kind == FailureKind::NotFound => continue,
            Err(problem) => return Err(problem),
        };
        let mut by = known.in_text(&answer);
        by.extend(known.in_text(&question.purpose));
        for part in &detail.parts {
            by.extend(known.in_text(&part.original));
        }
        if by.is_empty() {
            continue;
        }
        match found.iter_mut().find(|found| found.id == question.id) {
            Some(found) => found.by.extend(by),
            None => found.push(Found {
                id: question.id,
                category: Category::Outbox,
                title: question.purpose.clone(),
                by,
                state: messages.get(&question.id).copied().unwrap_or_default().into(),
            }),
        }
    }
    Ok(())
}

/// Secrets by their names and remarks; no command sees their values.
fn secrets(session: &mut Session, known: &Known, found: &mut Vec<Found>) -> Result<(), Problem> {
    let Answer::Secrets(secrets) = session.ask(Operation::SecretList)? else {
        return Err(Problem::unexpected());
    };
    for secret in secrets {
        let mut by = known.in_text(&secret.name);
        by.extend(known.in_text(&secret.note));
        found.extend((!by.is_empty()).then_some(Found {
            id: secret.id,
            category: Category::Secrets,
            title: secret.name,
            by,
            state: secret.updated.millis(),
        }));
    }
    Ok(())
}

/// Takes away what the owner struck. What is not in the list was mistyped, and something else would go.
fn strike(mut found: Vec<Found>, except: &[RecordId]) -> Result<Vec<Found>, Problem> {
    for id in except.iter().collect::<BTreeSet<_>>() {
        let before = found.len();
        found.retain(|found| found.id != *id);
        if found.len() == before {
            return Err(Problem::usage(
                format!("{id} is not among the records that name them"),
                "take the ids from pocketctl person show",
            ));
        }
    }
    Ok(found)
}

/// Who is meant: a contact by its id, the one contact of that name, or a name that no contact has.
fn meant(session: &mut Session, who: &Who) -> Result<(Option<RecordId>, Known), Problem> {
    let id: Option<RecordId> = who.who.parse().ok();
    let mut contacts: Vec<(RecordId, Contact)> = Vec::new();
    let named = Known::of_texts(Some(&who.who), &[]);
    let mut visit = |_: &mut Session, entry: Entry| {
        if let Record::Contact(contact) = entry.content.record()
            && id.map_or_else(|| is_named(&named, contact), |id| id == entry.id)
        {
            contacts.push((entry.id, contact.clone()));
        }
        Ok(true)
    };
    each(session, Category::Contacts, None, &mut visit, None)?;
    if contacts.len() > 1 {
        let ids: Vec<String> = contacts.iter().map(|(id, _)| id.to_string()).collect();
        return Err(Problem::usage(
            format!("{} contacts have this name", contacts.len()),
            format!("say which one is meant by its id: {}", ids.join(", ")),
        ));
    }
    if id.is_some() && contacts.is_empty() {
        return Err(Problem::local(
            "there is no such contact",
            "take the id from pocketctl list contacts, or give a name",
        ));
    }
    let name = id.is_none().then_some(who.who.as_str());
    let mut known = Known::of_texts(name, &who.also);
    let contact = contacts.pop();
    if let Some((_, contact)) = &contact {
        known.add_contact(contact);
    }
    if known.is_empty() && contact.is_none() {
        for text in known.passed_by() {
            terminal::say(&format!("too short to be looked for: {}", escape(text)));
        }
        return Err(Problem::usage(
            "there is nothing to look for",
            "give a name, or more with --also",
        ));
    }
    Ok((contact.map(|(id, _)| id), known))
}

fn is_named(named: &Known, contact: &Contact) -> bool {
    [&contact.name, &contact.nickname]
        .into_iter()
        .any(|name| !named.in_text(name).is_empty())
}

fn some(found: Vec<Found>) -> Result<Vec<Found>, Problem> {
    if found.is_empty() {
        return Err(Problem::local(
            "nothing here names them",
            "look for other words with --also",
        ));
    }
    Ok(found)
}

fn count(found: &[Found]) -> BTreeMap<Category, usize> {
    let mut counts = BTreeMap::new();
    for found in found {
        let count = counts.entry(found.category).or_insert(0usize);
        *count = count.saturating_add(1);
    }
    counts
}

fn seen(found: &[Found]) -> Seen {
    Seen::of(found.iter().map(|found| (found.id, found.state)))
}

fn to_json(found: &Found, seen: &Seen) -> serde_json::Value {
    json!({
        "id": found.id, "category": found.category, "title": found.title, "by": found.by,
        "confirm": seen.to_string(),
    })
}

fn table(found: &[Found]) -> String {
    let row = |found: &Found| {
        let by: Vec<&str> = found.by.iter().copied().collect();
        let title: String = found.title.chars().take(TITLE).collect();
        vec![
            found.id.to_string(),
            found.category.to_string(),
            by.join(" "),
            escape(&title),
        ]
    };
    columns(&found.iter().map(row).collect::<Vec<_>>())
}
