//! Secrets: named here, set here, shown nowhere.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{Answer, Failure, Operation, SecretSummary};
use serde::Deserialize;

use crate::again::Again;
use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::Done;
use crate::pages::records::remove::AskFirst;
use crate::present::{Moment, Shell, go, page, page_after};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::fill;

/// Which secret.
#[derive(Deserialize)]
pub(crate) struct Which {
    name: Option<String>,
}

#[derive(Template)]
#[template(path = "secrets.html")]
struct SecretsPage {
    shell: Shell,
    secrets: Vec<Row>,
}

struct Row {
    name: String,
    note: String,
    updated: Moment,
    /// The name as a query. No more than that: addresses stay in the browser's history.
    query: String,
}

/// The names.
pub(crate) async fn list(
    State(door): State<Door>,
    owner: Owner,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let rows = secrets(&door).await?.into_iter().map(|secret| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("name", &secret.name).finish();
        Row {
            name: secret.name,
            note: secret.note,
            updated: Moment(secret.updated),
            query,
        }
    });
    let shell = Shell::new(&owner, owner.look.words().secrets, "/secrets").done(done.code());
    page(&SecretsPage {
        shell,
        secrets: rows.collect(),
    })
}

async fn secrets(door: &Door) -> Result<Vec<SecretSummary>, Failure> {
    match door.ask(Operation::SecretList).await?.answer {
        Answer::Secrets(secrets) => Ok(secrets),
        _ => Err(unexpected()),
    }
}

#[derive(Template)]
#[template(path = "secret_set.html")]
struct SetPage {
    shell: Shell,
    name: String,
    note: String,
    asks: bool,
}

/// Asks for a secret's value.
pub(crate) async fn set(
    State(door): State<Door>,
    owner: Owner,
    Query(which): Query<Which>,
    again: Again,
) -> Result<Response, Trouble> {
    let shell = again.tell(Shell::new(&owner, owner.look.words().set_secret, "/secrets"));
    let name = again.text_or("name", || which.name.unwrap_or_default());
    let mut known = secrets(&door).await?.into_iter();
    let known = known.find(|secret| secret.name == name);
    let note = again.text_or("note", || known.map(|secret| secret.note).unwrap_or_default());
    let asks = door.asks(&owner);
    again.page(&SetPage {
        shell,
        name,
        note,
        asks,
    })
}

/// Sets it.
pub(crate) async fn submit_set(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let (name, note) = (fields.line("name").to_owned(), fields.line("note").to_owned());
    match store(&door, &owner, &fields).await {
        Ok(()) => Ok(go("/secrets?done=saved")),
        Err(failure) => {
            let shell = Shell::new(&owner, owner.look.words().set_secret, "/secrets").failed(&failure);
            let asks = door.asks(&owner);
            page_after(
                &failure,
                &SetPage {
                    shell,
                    name,
                    note,
                    asks,
                },
            )
        }
    }
}

async fn store(door: &Door, owner: &Owner, fields: &Fields) -> Result<(), Failure> {
    door.confirm(owner, fields).await?;
    let operation = Operation::SecretSet {
        name: fields.line("name").to_owned(),
        note: fields.line("note").to_owned(),
    };
    let request = door.request(operation).with_payload(fields.secret("value"));
    door.send(request).await.map(drop)
}

/// Asks before a secret is deleted.
pub(crate) async fn delete(
    State(door): State<Door>,
    owner: Owner,
    Query(which): Query<Which>,
) -> Result<Response, Trouble> {
    let name = which.name.unwrap_or_default();
    if !secrets(&door).await?.iter().any(|secret| secret.name == name) {
        return Ok(go("/secrets"));
    }
    page(&delete_page(&door, &owner, name))
}

fn delete_page(door: &Door, owner: &Owner, name: String) -> AskFirst {
    let t = owner.look.words();
    AskFirst {
        shell: Shell::new(owner, t.delete_secret, "/secrets"),
        question: fill(t.delete_secret_question, &[&name]),
        items: Vec::new(),
        action: "/secrets/delete".to_owned(),
        hidden: vec![("name", name)],
        button: t.delete_secret,
        asks: door.asks(owner),
        back: "/secrets".to_owned(),
    }
}

/// Deletes it.
pub(crate) async fn submit_delete(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let name = fields.text("name").to_owned();
    if let Err(failure) = door.confirm(&owner, &fields).await {
        let mut form = delete_page(&door, &owner, name);
        form.shell = form.shell.failed(&failure);
        return page_after(&failure, &form);
    }
    door.ask(Operation::SecretDelete { name }).await?;
    Ok(go("/secrets?done=deleted"))
}
