//! What waits for the owner's consent: shown to the byte, approved once or denied.

use std::io::Write;
use std::path::Path;

use pocket_core::{
    ActorRef, AgentSummary, Answer, Category, Consent, ConsentDetail, ConsentPart, ConsentState, Operation,
    RecordId, StandingConsent, StandingTerms,
};
use pocket_crypto::SecretBytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::arguments::ConsentCommand;
use crate::entry::moment;
use crate::exit::Problem;
use crate::export;
use crate::output::{columns, escape, escape_lines};
use crate::session::Session;
use crate::terminal;
use crate::{ask, button};

/// What is typed to let something leave.
const WORD: &str = "SEND";

pub(crate) fn run(session: &mut Session, command: ConsentCommand) -> Result<(), Problem> {
    match command {
        ConsentCommand::Approve { id, sha256 } => approve(session, id, sha256),
        ConsentCommand::Deny { id } => {
            session.ask(Operation::ConsentDeny { id })?;
            session
                .output
                .print(&json!({"denied": id}), &format!("denied {id}"))
        }
        ConsentCommand::Lease(terms) => lease(session, terms.into()),
        ConsentCommand::List => list(session),
        ConsentCommand::Revoke { id } => {
            session.ask(Operation::StandingRemove { id })?;
            session
                .output
                .print(&json!({"revoked": id}), &format!("revoked {id}"))
        }
        ConsentCommand::Show { id, pictures } => show(session, id, pictures.as_deref()),
    }
}

fn list(session: &mut Session) -> Result<(), Problem> {
    let Answer::Consents {
        questions,
        standing,
        refused,
    } = session.ask(Operation::ConsentList)?
    else {
        return Err(Problem::unexpected());
    };
    let names = Names::known(session)?;
    let output = session.output;
    if output.is_json() {
        questions
            .iter()
            .try_for_each(|question| output.print(&names.add(to_json(question), question), ""))?;
        standing
            .iter()
            .try_for_each(|standing| output.print(&json!({"lease": standing}), ""))?;
        return refused.iter().try_for_each(|(agent, count)| {
            let pressing = json!({"agent": agent, "name": names.agent(*agent), "refused": count});
            output.print(&json!({"pressing": pressing}), "")
        });
    }
    if !questions
        .iter()
        .any(|question| question.state == ConsentState::Waiting)
    {
        output.remark("nothing waits for your consent")?;
    }
    for (agent, count) in &refused {
        let name = names.agent(*agent).unwrap_or("an agent");
        output.remark(&format!(
            "{name} asks too much: questions refused within the hour: {count}"
        ))?;
    }
    questions
        .iter()
        .try_for_each(|question| output.print(&json!(null), &line(question, &names)))?;
    standing
        .iter()
        .try_for_each(|standing| output.print(&json!(null), &lease_line(standing, &names)))
}

/// Everything that is to be known before one says yes, and the answer where there is one.
fn show(session: &mut Session, id: RecordId, folder: Option<&Path>) -> Result<(), Problem> {
    let (detail, bytes) = detail(session, id)?;
    if let Some(folder) = folder {
        put_pictures(session, &detail.question, folder)?;
    }
    let asked = ask::status(session, id, 0)?;
    let body = String::from_utf8_lossy(bytes.expose_bytes());
    let names = Names::known(session)?;
    let mut json = names.add(ask::to_json(&asked), &asked.question);
    json["parts"] = json!(detail.parts);
    json["body"] = json!(body);
    let mut text = vec![facts(&detail.question, &names)];
    text.extend(detail.parts.iter().map(part_text));
    text.push(format!(
        "The exact bytes that leave, redacted as above:\n{}",
        escape_lines(&detail.readable(bytes.expose_bytes()))
    ));
    if !asked.text.is_empty() {
        text.push(format!(
            "{}\n{}",
            ask::label(&asked.question),
            escape_lines(&asked.text)
        ));
    }
    session.output.print(&json, &text.join("\n\n"))
}

/// Puts the pictures into files, to be looked at before one says yes.
fn put_pictures(session: &mut Session, question: &Consent, folder: &Path) -> Result<(), Problem> {
    for number in 0..question.pictures {
        let show = Operation::ConsentShow {
            id: question.id,
            picture: Some(number),
        };
        let picture = session
            .call(show, None, None)?
            .payload
            .ok_or_else(Problem::unexpected)?;
        let bytes = picture.expose_bytes();
        let kind = if bytes.starts_with(b"\x89PNG") {
            "png"
        } else {
            "jpg"
        };
        let path = folder.join(format!("picture-{}.{kind}", number.saturating_add(1)));
        let mut file = export::create(&path)?;
        file.write_all(bytes)
            .map_err(|error| Problem::file("write", &path, &error))?;
    }
    Ok(())
}

/// A question with the bytes that would leave. They are checked here: what is shown is what is approved.
pub(crate) fn detail(session: &mut Session, id: RecordId) -> Result<(ConsentDetail, SecretBytes), Problem> {
    let show = Operation::ConsentShow { id, picture: None };
    let reply = session.call(show, None, None)?;
    let (Answer::Consent(detail), Some(bytes)) = (reply.answer, reply.payload) else {
        return Err(Problem::unexpected());
    };
    check(&detail.question, bytes.expose_bytes())?;
    Ok((*detail, bytes))
}

/// Whether these are the bytes that the question is about.
fn check(question: &Consent, bytes: &[u8]) -> Result<(), Problem> {
    if digest(bytes) == question.sha256 {
        return Ok(());
    }
    Err(Problem::local(
        "the bytes are not those that the question names",
        "deny it; and check the device with pocketctl check",
    ))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn approve(session: &mut Session, id: RecordId, sha256: Option<String>) -> Result<(), Problem> {
    let sha256 = match sha256 {
        Some(sha256) => sha256.trim().to_ascii_lowercase(),
        None => confirmed(session, id)?,
    };
    let answer = session.ask(Operation::ConsentApprove {
        id,
        sha256: sha256.clone(),
    })?;
    if matches!(answer, Answer::PressNeeded { .. }) {
        button::wait(session, &answer)?;
        if ask::status(session, id, 0)?.question.state == ConsentState::Waiting {
            return Err(button::not_pressed());
        }
    }
    let json = json!({"approved": id, "sha256": sha256});
    let text = format!("It is on its way, once. The answer: pocketctl consent show {id}");
    session.output.print(&json, &text)
}

/// Shows what would leave and has the word typed; gives the digest of what was shown.
fn confirmed(session: &mut Session, id: RecordId) -> Result<String, Problem> {
    if !terminal::is_present() || session.output.is_json() {
        return Err(Problem::usage(
            "there is nobody at a terminal to approve this",
            "name the bytes that you saw: --sha256 HEX, as pocketctl consent show prints it",
        ));
    }
    let (detail, bytes) = detail(session, id)?;
    let names = Names::known(session)?;
    terminal::say(&facts(&detail.question, &names));
    for part in &detail.parts {
        terminal::say(&format!("\n{}", part_text(part)));
    }
    if detail.question.pictures > 0 {
        terminal::say(&format!(
            "\nNobody has searched the pictures for names. Look at them: pocketctl consent show {id} --pictures DIR"
        ));
    }
    // Whoever reads takes their time: the device cuts a connection that idles.
    session.hang_up();
    let typed = terminal::ask(&format!(
        "\nType {WORD} to let these {} bytes leave, once: ",
        bytes.len()
    ))?;
    if *typed != WORD {
        return Err(Problem::usage(
            "the word was not typed: nothing was approved",
            "it still waits; or deny it",
        ));
    }
    Ok(digest(bytes.expose_bytes()))
}

fn lease(session: &mut Session, terms: StandingTerms) -> Result<(), Problem> {
    let text = format!(
        "{} may ask {} {} times and send {} bytes for {} minutes without asking you{}",
        terms.agent.as_str(),
        terms.provider,
        terms.calls,
        terms.bytes,
        terms.minutes,
        with_records(terms.category),
    );
    let json = json!(terms);
    let before = leases(session)?;
    let answer = session.ask(Operation::StandingAdd(terms))?;
    button::wait(session, &answer)?;
    if leases(session)?.iter().all(|lease| before.contains(lease)) {
        return Err(button::not_pressed());
    }
    session.output.print(&json, &text)
}

/// The leases that there are.
fn leases(session: &mut Session) -> Result<Vec<RecordId>, Problem> {
    match session.ask(Operation::ConsentList)? {
        Answer::Consents { standing, .. } => Ok(standing.into_iter().map(|lease| lease.id).collect()),
        _ => Err(Problem::unexpected()),
    }
}

fn with_records(category: Option<Category>) -> String {
    category.map_or_else(
        || ", with no records of yours".to_owned(),
        |category| format!(", with records of {category}"),
    )
}

/// A question in one line.
pub(crate) fn line(question: &Consent, names: &Names) -> String {
    format!(
        "{}  {:8}  from {} to {}: {} bytes{}{}",
        question.id,
        question.state.name(),
        names.of(question.asker),
        question.provider,
        question.size,
        if question.purpose.is_empty() {
            String::new()
        } else {
            format!(", for: {}", escape(&question.purpose))
        },
        if question.state == ConsentState::Waiting {
            format!(", until {}", moment(question.expires))
        } else {
            String::new()
        }
    )
}

fn lease_line(standing: &StandingConsent, names: &Names) -> String {
    format!(
        "{}  lease     {} may ask {}: {} calls and {} bytes left, until {}{}",
        standing.id,
        names.of(ActorRef::Agent(standing.agent)),
        standing.provider,
        standing.calls,
        standing.bytes,
        moment(standing.until),
        with_records(standing.category),
    )
}

/// What the owner calls the agents.
#[derive(Default)]
pub(crate) struct Names(Vec<(RecordId, String)>);

impl Names {
    /// As the device knows them now.
    fn known(session: &mut Session) -> Result<Self, Problem> {
        let Answer::Agents(agents) = session.ask(Operation::AgentList)? else {
            return Err(Problem::unexpected());
        };
        let named = |agent: AgentSummary| (agent.id, agent.name.as_str().to_owned());
        Ok(Self(agents.into_iter().map(named).collect()))
    }

    fn agent(&self, id: RecordId) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| *known == id)
            .map(|(_, name)| name.as_str())
    }

    /// A question in JSON, with the name of the agent that asks.
    fn add(&self, mut json: Value, question: &Consent) -> Value {
        if let ActorRef::Agent(id) = question.asker {
            json["agent"] = json!(self.agent(id));
        }
        json
    }

    /// Whom a question is from.
    fn of(&self, asker: ActorRef) -> String {
        match asker {
            ActorRef::Agent(id) => self
                .agent(id)
                .map_or_else(|| format!("agent {id}, revoked"), |name| format!("agent {name}")),
            ActorRef::Broker => "someone at the broker".to_owned(),
            ActorRef::Device => "the device".to_owned(),
            ActorRef::Nobody(_) => "someone unknown".to_owned(),
            ActorRef::Owner(_) => "you".to_owned(),
        }
    }
}

fn facts(question: &Consent, names: &Names) -> String {
    let mut rows = vec![
        ("question", question.id.to_string()),
        ("state", state_text(&question.state)),
        (
            "asked by",
            format!("{}, {}", names.of(question.asker), moment(question.asked)),
        ),
        ("to", format!("{} at {}", question.provider, question.place)),
        ("path", escape(&question.path)),
        ("model", escape(&question.model)),
        ("purpose", or_none(escape(&question.purpose))),
        ("records of", or_none(category_names(&question.categories))),
        ("replaced", or_none(replaced(question))),
        (
            "size",
            format!(
                "{} bytes, about {} tokens{}",
                question.size,
                question.tokens,
                match question.pictures {
                    0 => String::new(),
                    1 => ", 1 picture".to_owned(),
                    more => format!(", {more} pictures"),
                }
            ),
        ),
        ("cost", cost(question)),
        ("sha256", question.sha256.clone()),
        ("until", moment(question.expires)),
    ];
    if question.repeats > 0 {
        rows.push((
            "repeated",
            format!("{} times in the same words", question.repeats),
        ));
    }
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    columns(&rows)
}

fn cost(question: &Consent) -> String {
    question.cost.as_ref().map_or_else(
        || "unknown: no price is set".to_owned(),
        |cost| format!("at most about {cost}, estimated"),
    )
}

fn category_names(categories: &[Category]) -> String {
    categories
        .iter()
        .map(|category| category.name())
        .collect::<Vec<_>>()
        .join(", ")
}

fn replaced(question: &Consent) -> String {
    let count = |one: &pocket_core::Replaced| format!("{} {}", one.count, escape(&one.kind));
    question.replaced.iter().map(count).collect::<Vec<_>>().join(", ")
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

fn state_text(state: &ConsentState) -> String {
    match state {
        ConsentState::Answered { sent, received } => {
            format!("answered: {sent} bytes sent, {received} received")
        }
        ConsentState::Failed {
            reason,
            sent,
            received,
        } => {
            format!(
                "failed: {} ({sent} bytes sent, {received} received)",
                escape(reason)
            )
        }
        other => other.name().to_owned(),
    }
}

/// A text as it would leave, and what each placeholder in it stands for.
fn part_text(part: &ConsentPart) -> String {
    let title = part.record.map_or_else(
        || "The question, as it would leave:".to_owned(),
        |(category, id)| format!("{category}:{id}, as it would leave:"),
    );
    let text = format!("{title}\n{}", escape_lines(&part.redacted));
    let piece = |text: &str, (from, to): (u32, u32)| {
        let range = usize::try_from(from).ok()?..usize::try_from(to).ok()?;
        text.get(range).map(escape)
    };
    let mut rows: Vec<Vec<String>> = part
        .marks
        .iter()
        .map(|mark| {
            vec![
                piece(&part.redacted, mark.redacted).unwrap_or_default(),
                format!(
                    "stands for {}",
                    piece(&part.original, mark.original).unwrap_or_default()
                ),
                format!("({})", escape(&mark.kind)),
            ]
        })
        .collect();
    rows.sort();
    rows.dedup();
    if rows.is_empty() {
        text
    } else {
        format!("{text}\n\nWhat stays here:\n{}", columns(&rows))
    }
}

/// A question with its state in one word, and what belongs to that beside it.
pub(crate) fn to_json(question: &Consent) -> Value {
    let mut json = json!(question);
    json["state"] = json!(question.state.name());
    match &question.state {
        ConsentState::Answered { sent, received } => {
            json["sent"] = json!(sent);
            json["received"] = json!(received);
        }
        ConsentState::Failed {
            reason,
            sent,
            received,
        } => {
            json["reason"] = json!(reason);
            json["sent"] = json!(sent);
            json["received"] = json!(received);
        }
        _ => {}
    }
    json
}

#[cfg(test)]
mod tests {
    use pocket_core::{ConsentMark, Cost, Replaced, Timestamp};

    use super::*;

    fn question() -> Consent {
        Consent {
            id: RecordId::from_bytes([7; 16]),
            asker: ActorRef::Agent(RecordId::from_bytes([9; 16])),
            asked: Timestamp::from_millis(0),
            expires: Timestamp::from_millis(600_000),
            provider: "cloud".parse().unwrap(),
            place: "https://api.example.com/v1".parse().unwrap(),
            path: "/v1/chat/completions".to_owned(),
            model: "large\u{1b}[2J".to_owned(),
            purpose: "a present\u{202e}\r".to_owned(),
            categories: vec![Category::Notes, Category::Tasks],
            sha256: digest(b""),
            size: 812,
            replaced: vec![Replaced {
                kind: "person".to_owned(),
                count: 2,
            }],
            pictures: 0,
            tokens: 300,
            cost: Some(Cost {
                millionths: 20_600,
                currency: "EUR".to_owned(),
            }),
            repeats: 3,
            standing: false,
            state: ConsentState::Waiting,
        }
    }

    fn part(redacted: (u32, u32)) -> ConsentPart {
        ConsentPart {
            record: None,
            original: "to Ännchen\u{1b}".to_owned(),
            redacted: "to [PERSON_1]\u{1b}".to_owned(),
            marks: vec![ConsentMark {
                kind: "person".to_owned(),
                original: (3, 11),
                redacted,
            }],
        }
    }

    #[test]
    fn all_that_the_owner_decides_on_is_said() {
        let names = Names(vec![(RecordId::from_bytes([9; 16]), "desk".to_owned())]);
        let facts = facts(&question(), &names);
        for said in [
            "agent desk",
            "cloud at https://api.example.com/v1",
            "/v1/chat/completions",
            "large\\u{1b}[2J",
            "a present\\u{202e}\\r",
            "notes, tasks",
            "2 person",
            "812 bytes, about 300 tokens",
            "at most about 0.0206 EUR, estimated",
            "3 times in the same words",
            &digest(b""),
            "1970-01-01 00:10",
        ] {
            assert!(facts.contains(said), "{said}: {facts}");
        }
        assert!(!facts.contains(['\u{1b}', '\u{202e}', '\r']));
        let line = line(&question(), &Names::default());
        assert!(line.contains("from agent 0909"), "revoked: {line}");
        assert!(
            line.contains("to cloud: 812 bytes, for: a present\\u{202e}\\r, until"),
            "{line}"
        );
    }

    #[test]
    fn other_bytes_than_the_question_names_are_not_shown() {
        assert!(check(&question(), b"").is_ok());
        assert!(check(&question(), b" ").is_err());
        let nist = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc"), nist, "FIPS 180-2, B.1");
    }

    #[test]
    fn a_failure_says_what_went_and_came() {
        let state = ConsentState::Failed {
            reason: "cut\u{7}".to_owned(),
            sent: 5,
            received: 6,
        };
        assert_eq!(state_text(&state), "failed: cut\\u{7} (5 bytes sent, 6 received)");
        let json = to_json(&Consent { state, ..question() });
        assert_eq!(
            (&json["state"], &json["sent"], &json["received"]),
            (&json!("failed"), &json!(5), &json!(6))
        );
    }

    #[test]
    fn what_was_replaced_stands_beside_what_it_was() {
        let shown = part_text(&part((3, 13)));
        assert!(shown.contains("to [PERSON_1]\\u{1b}"), "{shown}");
        assert!(
            shown.contains("[PERSON_1]  stands for Ännchen  (person)"),
            "{shown}"
        );
        for nonsense in [(0, 99), (9, 3), (u32::MAX, 0)] {
            assert!(
                part_text(&part(nonsense)).contains("stands for Ännchen"),
                "it does not panic"
            );
        }
    }
}
