//! Adding, showing, changing, listing, finding and removing records.

use std::io::{self, BufRead};
use std::path::Path;

use pocket_core::{Added, Answer, Category, Content, Entry, NewEntry, Operation, Page, RecordId};
use serde_json::{Map, Value, json};

use crate::editor;
use crate::entry::{fields as fields_of, row, to_json, to_text};
use crate::exit::Problem;
use crate::export::download;
use crate::fields;
use crate::output::escape;
use crate::session::Session;
use crate::terminal;

/// Longest line of JSON that is read: 16 MiB, as a record of 8 MiB may need with its escapes.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// Records asked for at a time. The device holds a page in memory, and a record may be large.
const PAGE: u32 = 100;

/// Most bytes of text in one request. The socket takes 10 MiB.
pub(crate) const MOST_BYTES: usize = 4 * 1024 * 1024;

pub(crate) fn add(session: &mut Session, category: Category, arguments: &[String]) -> Result<(), Problem> {
    if arguments == ["-"] {
        return add_lines(session, category);
    }
    let fields = fields::parse(category, arguments)?;
    send(session, vec![fields::entry(category, fields)?])
}

pub(crate) fn get(
    session: &mut Session,
    category: Category,
    id: RecordId,
    out: Option<&Path>,
) -> Result<(), Problem> {
    if out.is_some() && category != Category::Documents {
        let message = format!("--out writes a document's bytes, and {category} have none");
        return Err(Problem::usage(message, "leave --out out"));
    }
    if session.output.is_json() && out.is_some_and(is_standard_output) {
        return Err(Problem::usage(
            "with --json nothing but JSON may appear on standard output",
            "leave --json out, or name a file: --out FILE",
        ));
    }
    let entry = read(session, category, id)?;
    match out {
        None => session.output.print(&to_json(&entry)?, &to_text(&entry)?),
        Some(path) if is_standard_output(path) => {
            download(session, id, &mut io::stdout().lock(), Problem::output).map(|_| ())
        }
        Some(path) => {
            let mut file = crate::export::create(path)?;
            let size = download(session, id, &mut file, |error| {
                Problem::file("write", path, error)
            })?;
            file.sync_all()
                .map_err(|error| Problem::file("write", path, &error))?;
            let text = format!("{size} bytes written to {}", escape(&path.display().to_string()));
            session.output.print(
                &json!({"id": id, "file": path.to_string_lossy(), "bytes": size}),
                &text,
            )
        }
    }
}

fn is_standard_output(path: &Path) -> bool {
    path == Path::new("-")
}

pub(crate) fn edit(
    session: &mut Session,
    category: Category,
    id: RecordId,
    arguments: &[String],
) -> Result<(), Problem> {
    let typed = match arguments {
        [] if !terminal::is_present() => {
            return Err(Problem::usage(
                "there is nothing to change and no terminal for an editor",
                "name what shall be different, FIELD=VALUE, or - for JSON on standard input",
            ));
        }
        [] => None,
        [dash] if dash == "-" => Some(input_object()?),
        arguments => Some(fields::parse(category, arguments)?),
    };
    let entry = read(session, category, id)?;
    let before = fields_of(&entry)?;
    let content = match typed {
        Some(changes) => fields::content(category, merge(before, changes))?,
        None => {
            session.hang_up();
            match editor::edit(category, &before)? {
                Some(content) => content,
                None => {
                    return session.output.print(
                        &json!({"id": id, "revision": entry.revision}),
                        "nothing was changed",
                    );
                }
            }
        }
    };
    save(session, &entry, content)
}

pub(crate) fn list(
    session: &mut Session,
    category: Category,
    limit: Option<u64>,
    after: Option<RecordId>,
) -> Result<(), Problem> {
    let mut left = limit.unwrap_or(u64::MAX);
    let output = session.output;
    each(
        session,
        category,
        after,
        &mut |_, entry| {
            if left == 0 {
                return Ok(false);
            }
            left -= 1;
            output.print(&to_json(&entry)?, &row(&entry))?;
            Ok(left > 0)
        },
        limit,
    )
}

pub(crate) fn search(
    session: &mut Session,
    category: Option<Category>,
    limit: u32,
    query: &[String],
) -> Result<(), Problem> {
    let categories = category.into_iter().collect();
    let operation = Operation::Search {
        categories,
        query: query.join(" "),
        limit,
    };
    let Answer::Hits(hits) = session.ask(operation)? else {
        return Err(Problem::unexpected());
    };
    if hits.is_empty() {
        return session.output.remark("nothing was found");
    }
    for hit in hits {
        let mut json = to_json(&hit.entry)?;
        json["snippet"] = json!(hit.snippet);
        json["marks"] = json!(hit.marks);
        let text = format!("{}  {}", hit.entry.content.category(), row(&hit.entry));
        let snippet = hit.snippet.trim();
        let text = if snippet.is_empty() {
            text
        } else {
            format!("{text}\n    {}", escape(&snippet.replace('\n', " ")))
        };
        session.output.print(&json, &text)?;
    }
    Ok(())
}

pub(crate) fn delete(session: &mut Session, category: Category, id: RecordId) -> Result<(), Problem> {
    session.ask(Operation::Delete { category, id })?;
    session
        .output
        .print(&json!({"deleted": id}), &format!("deleted {id}"))
}

/// Has a document read again.
pub(crate) fn read_again(session: &mut Session, id: RecordId) -> Result<(), Problem> {
    session.ask(Operation::ReadAgain { id })?;
    session
        .output
        .print(&json!({"waits": id}), &format!("{id} waits to be read again"))
}

/// One record.
fn read(session: &mut Session, category: Category, id: RecordId) -> Result<Entry, Problem> {
    match session.ask(Operation::Get { category, id })? {
        Answer::Entry(entry) => Ok(*entry),
        _ => Err(Problem::unexpected()),
    }
}

/// Calls `visit` with each record of a category, the newest first, until it says `false`. The
/// session is lent to it, so that it may ask for more on the way.
pub(crate) fn each(
    session: &mut Session,
    category: Category,
    after: Option<RecordId>,
    visit: &mut dyn FnMut(&mut Session, Entry) -> Result<bool, Problem>,
    limit: Option<u64>,
) -> Result<(), Problem> {
    let limit = limit.map_or(PAGE, |limit| u32::try_from(limit).unwrap_or(PAGE).min(PAGE));
    let mut after = after;
    loop {
        let Answer::Page(Page { entries, more, .. }) = session.ask(Operation::List {
            category,
            after,
            limit,
        })?
        else {
            return Err(Problem::unexpected());
        };
        let last = entries.last().map(|entry| entry.id);
        for entry in entries {
            if !visit(session, entry)? {
                return Ok(());
            }
        }
        // A page that is empty and yet not the last would turn this into an endless loop.
        if !more || last.is_none() {
            return Ok(());
        }
        after = last;
    }
}

fn add_lines(session: &mut Session, category: Category) -> Result<(), Problem> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    let mut input = io::stdin().lock();
    for number in 1u64.. {
        let Some(line) = read_line(&mut input, number)? else {
            break;
        };
        if line.trim().is_empty() {
            continue;
        }
        bytes += line.len();
        batch.push(
            fields::object(&line)
                .and_then(|object| fields::entry(category, object))
                .map_err(|problem| at(number, problem))?,
        );
        if batch.len() == Operation::MOST_ITEMS || bytes > MOST_BYTES {
            bytes = 0;
            send(session, std::mem::take(&mut batch))?;
        }
    }
    if batch.is_empty() {
        Ok(())
    } else {
        send(session, batch)
    }
}

fn read_line(input: &mut impl BufRead, number: u64) -> Result<Option<String>, Problem> {
    let mut line = String::new();
    let mut limited = io::Read::take(input, LONGEST_LINE);
    match limited.read_line(&mut line) {
        Ok(0) => Ok(None),
        Ok(_) if !line.ends_with('\n') && limited.limit() == 0 => Err(at(
            number,
            Problem::usage("the line is longer than 16 MiB", "split the record"),
        )),
        Ok(_) => Ok(Some(line)),
        Err(error) => Err(at(
            number,
            Problem::local(
                format!("can't read standard input: {error}"),
                "it must be UTF-8 text",
            ),
        )),
    }
}

/// The problem, with the line that it is in.
fn at(number: u64, problem: Problem) -> Problem {
    match problem {
        Problem::Usage { message, remedy } => Problem::usage(format!("line {number}: {message}"), remedy),
        Problem::Local { message, remedy } => Problem::local(format!("line {number}: {message}"), remedy),
        other => other,
    }
}

fn send(session: &mut Session, items: Vec<NewEntry>) -> Result<(), Problem> {
    let Answer::Added(added) = session.ask(Operation::Add { items, import: false })? else {
        return Err(Problem::unexpected());
    };
    for added in added {
        let (status, id) = match added {
            Added::AlreadyHere(id) => ("already-here", id),
            Added::Differs(id) => ("differs", id),
            Added::New(id) => ("new", id),
        };
        let text = if status == "new" {
            format!("added {id}")
        } else {
            format!("{status} {id}")
        };
        session
            .output
            .print(&json!({"id": id, "status": status}), &text)?;
    }
    Ok(())
}

fn save(session: &mut Session, before: &Entry, content: Content) -> Result<(), Problem> {
    let id = before.id;
    if content == before.content {
        return session.output.print(
            &json!({"id": id, "revision": before.revision}),
            "nothing was changed",
        );
    }
    let operation = Operation::Edit {
        id,
        content: Box::new(content),
        revision: Some(before.revision),
    };
    match session.ask(operation)? {
        Answer::Entry(entry) => {
            let json = json!({"id": id, "revision": entry.revision});
            session
                .output
                .print(&json, &format!("changed {id}, revision {}", entry.revision))
        }
        _ => {
            let revision = before.revision.saturating_add(1);
            session.output.print(
                &json!({"id": id, "revision": revision}),
                &format!("changed {id}, revision {revision}"),
            )
        }
    }
}

fn merge(mut fields: Map<String, Value>, changes: Map<String, Value>) -> Map<String, Value> {
    fields.extend(changes);
    fields
}

/// The one JSON object on standard input: bare fields, or an entry with them inside.
fn input_object() -> Result<Map<String, Value>, Problem> {
    let mut text = String::new();
    let read = io::Read::read_to_string(&mut io::Read::take(io::stdin().lock(), LONGEST_LINE), &mut text);
    read.map_err(|error| {
        Problem::local(
            format!("can't read standard input: {error}"),
            "it must be UTF-8 text",
        )
    })?;
    let mut object = fields::object(&text)?;
    match object.remove("fields") {
        Some(Value::Object(fields)) => Ok(fields),
        _ => Ok(object),
    }
}
