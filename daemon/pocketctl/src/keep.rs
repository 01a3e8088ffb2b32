//! How long one record is kept: a setting that names it.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use pocket_core::{
    Answer, Category, Content, Entry, NewEntry, Operation, Record, RecordId, Setting, Timestamp, When,
};
use serde_json::json;

use crate::exit::Problem;
use crate::output::escape;
use crate::records::each;
use crate::session::Session;

/// A record, and how long it is kept.
#[derive(Args)]
pub(crate) struct Keep {
    category: Category,
    id: RecordId,
    /// To the end of this day, or until this time; then it is removed
    #[arg(long, value_name = "DAY", conflicts_with = "usual")]
    until: Option<When>,
    /// As long as its category says
    #[arg(long)]
    usual: bool,
}

pub(crate) fn run(session: &mut Session, keep: &Keep) -> Result<(), Problem> {
    if keep.until.as_ref().is_some_and(|until| until.is_past(now())) {
        return Err(Problem::usage(
            "that day is over: the record would be removed at once",
            "name a day to come, or remove it: pocketctl delete",
        ));
    }
    // A day for a record that is not there would be obeyed by nobody.
    session.ask(Operation::Get {
        category: keep.category,
        id: keep.id,
    })?;
    let name = format!("keep_until.{}", keep.id);
    let known = known(session, &name)?;
    let until = match (&keep.until, known) {
        (Some(until), _) => {
            set(session, name, until)?;
            Some(until.to_string())
        }
        (None, Some(entry)) if keep.usual => {
            session.ask(Operation::Delete {
                category: Category::Settings,
                id: entry.id,
            })?;
            None
        }
        (None, known) => known.and_then(|entry| match entry.content.into_record() {
            Record::Setting(setting) => Some(setting.value),
            _ => None,
        }),
    };
    let text = until.as_ref().map_or_else(
        || format!("{} is kept as long as its category says", keep.id),
        |until| format!("{} is kept until {}, and then removed", keep.id, escape(until)),
    );
    session
        .output
        .print(&json!({"id": keep.id, "until": until}), &text)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The setting of this name.
fn known(session: &mut Session, name: &str) -> Result<Option<Entry>, Problem> {
    let mut found = None;
    let mut visit = |_: &mut Session, entry: Entry| {
        let is_it = matches!(entry.content.record(), Record::Setting(setting) if setting.name == name);
        if is_it {
            found = Some(entry);
        }
        Ok(!is_it)
    };
    each(session, Category::Settings, None, &mut visit, None)?;
    Ok(found)
}

/// Adding a setting that is there sets it anew.
fn set(session: &mut Session, name: String, until: &When) -> Result<(), Problem> {
    let setting = Setting {
        name,
        value: until.to_string(),
    };
    let content = Content::check(Record::Setting(setting))
        .map_err(|error| Problem::usage(error.to_string(), "write the day as 2027-01-31"))?;
    let item = NewEntry {
        id: None,
        created: None,
        updated: None,
        upload: None,
        content,
    };
    let items = vec![item];
    match session.ask(Operation::Add { items, import: false })? {
        Answer::Added(_) => Ok(()),
        _ => Err(Problem::unexpected()),
    }
}
