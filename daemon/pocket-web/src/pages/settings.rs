//! How the device behaves.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{
    Answer, Category, Content, DeviceSettings, Entry, Failure, FailureKind, Operation, Record, Setting,
};

use crate::again::Again;
use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::{Owner, append_cookie};
use crate::look::{Language, Look, Theme};
use crate::pages::Done;
use crate::pages::records::add_one;
use crate::present::{RECORD_CATEGORIES, Shell, go, page_after, title_of};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::Words;

const AUTO_LOCK: &str = "auto_lock_minutes";

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    shell: Shell,
    themes: [(Theme, &'static str); 3],
    auto_lock: Row,
    retention: Vec<Row>,
    asks: bool,
}

/// A setting and what it is set to.
struct Row {
    name: String,
    words: &'static str,
    value: String,
}

/// The settings in force.
pub(crate) async fn show(
    State(door): State<Door>,
    owner: Owner,
    Query(done): Query<Done>,
    again: Again,
) -> Result<Response, Trouble> {
    let shell = Shell::new(&owner, owner.look.words().settings, "/settings").done(done.code());
    let mut rows = in_force(owner.look.words(), &stored(&door).await?);
    if let Some(fields) = again.fields() {
        rows = typed(rows, fields);
    }
    let shell = again.tell(shell);
    again.page(&settings_page(shell, &rows, door.asks(&owner)))
}

/// The settings as they were typed.
fn typed(rows: Vec<Row>, fields: &Fields) -> Vec<Row> {
    let typed = rows.into_iter().map(|row| Row {
        value: fields.line(&row.name).to_owned(),
        ..row
    });
    typed.collect()
}

fn settings_page(shell: Shell, values: &[Row], asks: bool) -> SettingsPage {
    let row = |row: &Row| Row {
        name: row.name.clone(),
        words: row.words,
        value: row.value.clone(),
    };
    let (auto_lock, retention) = values.split_first().expect("auto-lock comes first, always");
    let t = shell.look.words();
    let in_words = |theme| match theme {
        Theme::Auto => t.as_browser,
        Theme::Dark => t.dark,
        Theme::Light => t.light,
    };
    SettingsPage {
        shell,
        themes: Theme::ALL.map(|theme| (theme, in_words(theme))),
        auto_lock: row(auto_lock),
        retention: retention.iter().map(row).collect(),
        asks,
    }
}

/// The settings as records: at most one for each name.
async fn stored(door: &Door) -> Result<Vec<Entry>, Failure> {
    let operation = Operation::List {
        category: Category::Settings,
        after: None,
        limit: Operation::MOST_LISTED,
    };
    match door.ask(operation).await?.answer {
        Answer::Page(page) => Ok(page.entries),
        _ => Err(unexpected()),
    }
}

/// Every setting with its value: auto-lock first, then the retention of each category.
fn in_force(t: &Words, stored: &[Entry]) -> Vec<Row> {
    let mut settings = DeviceSettings::default();
    for entry in stored.iter().rev() {
        if let Record::Setting(setting) = entry.content.record() {
            // The device obeys none that it does not understand.
            settings.apply(setting).unwrap_or_default();
        }
    }
    let minutes = settings.auto_lock().map_or(0, |time| time.as_secs() / 60);
    let auto_lock = Row {
        name: AUTO_LOCK.to_owned(),
        words: t.auto_lock,
        value: minutes.to_string(),
    };
    let retention = RECORD_CATEGORIES.map(|category| {
        let days = settings
            .retention(category)
            .map_or(0, |time| time.as_secs() / (24 * 60 * 60));
        Row {
            name: format!("retention_days.{category}"),
            words: title_of(t, category),
            value: days.to_string(),
        }
    });
    std::iter::once(auto_lock).chain(retention).collect()
}

/// Stores what was changed.
pub(crate) async fn submit(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let stored = stored(&door).await?;
    match save(&door, &owner, &stored, &fields).await {
        Ok(()) => Ok(go("/settings?done=saved")),
        Err(failure) => {
            let rows = typed(in_force(owner.look.words(), &stored), &fields);
            let shell = Shell::new(&owner, owner.look.words().settings, "/settings").failed(&failure);
            page_after(&failure, &settings_page(shell, &rows, door.asks(&owner)))
        }
    }
}

/// All values are looked at before the first one is stored.
async fn save(door: &Door, owner: &Owner, stored: &[Entry], fields: &Fields) -> Result<(), Failure> {
    let t = owner.look.words();
    let mut operations = Vec::new();
    let mut opens = false;
    for row in in_force(t, stored) {
        let value = fields.line(&row.name);
        if value != row.value && !value.is_empty() {
            // A vault that never locks stays open to whoever has stolen the session.
            opens |= row.name == AUTO_LOCK && value.parse() == Ok(0);
            operations.push(change(
                t,
                stored,
                Setting {
                    name: row.name,
                    value: value.to_owned(),
                },
            )?);
        }
    }
    if opens {
        door.confirm(owner, fields).await?;
    }
    for operation in operations {
        door.ask(operation).await?;
    }
    Ok(())
}

fn change(t: &Words, stored: &[Entry], setting: Setting) -> Result<Operation, Failure> {
    let wrong = if setting.name == AUTO_LOCK {
        t.bad_auto_lock
    } else {
        t.bad_days
    };
    let invalid = || Failure::new(FailureKind::Invalid, wrong, t.correct_field);
    DeviceSettings::default().apply(&setting).map_err(|_| invalid())?;
    let same = |entry: &&Entry| matches!(entry.content.record(), Record::Setting(known) if known.name == setting.name);
    let known = stored.iter().find(same).map(|entry| (entry.id, entry.revision));
    let content = Content::check(Record::Setting(setting)).map_err(|_| invalid())?;
    Ok(match known {
        Some((id, revision)) => Operation::Edit {
            id,
            content: Box::new(content),
            revision: Some(revision),
        },
        None => add_one(content),
    })
}

/// Keeps this browser's choice of language and theme, in a cookie of its own.
pub(crate) async fn submit_look(State(door): State<Door>, fields: Fields) -> Response {
    let choice = Look::choice(fields.line("language"), fields.line("theme"));
    let mut response = go("/settings?done=saved");
    append_cookie(&mut response, &door.set_look(&choice));
    response
}
