//! Asking a model, by the owner.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{
    Answer, Ask, Category, Failure, FailureKind, InvalidProvider, Operation, Provider, RecordId,
};
use pocket_service::Attachments;
use serde::Deserialize;

use crate::again::Again;
use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::upload::file_name;
use crate::present::{Shell, go, page_after, records_path, title_of};
use crate::query::Query;
use crate::trouble::Trouble;

/// What goes along, as the address says: `notes:ID`.
#[derive(Deserialize)]
pub(crate) struct Along {
    with: Option<String>,
}

#[derive(Template)]
#[template(path = "ask.html")]
struct AskPage {
    shell: Shell,
    providers: Vec<Provider>,
    chosen: String,
    text: String,
    purpose: String,
    /// Records that go along, as fields have them.
    with: Vec<Record>,
    /// Whether files can be read here.
    reader: bool,
}

struct Record {
    value: String,
    title: &'static str,
    path: String,
}

impl AskPage {
    fn is_chosen(&self, provider: &Provider) -> bool {
        provider.name.as_str() == self.chosen
    }

    fn has_local(&self) -> bool {
        self.providers.iter().any(Provider::is_local)
    }
}

/// The form.
pub(crate) async fn show(
    State(door): State<Door>,
    owner: Owner,
    Query(along): Query<Along>,
    again: Again,
) -> Result<Response, Trouble> {
    let shell = again.tell(Shell::new(&owner, owner.look.words().ask_a_model, "/consent"));
    let with: Vec<String> = match again.fields() {
        Some(fields) => fields.all("with").map(str::to_owned).collect(),
        None => along.with.into_iter().collect(),
    };
    let form = AskPage {
        chosen: again.text_or("provider", String::new),
        text: again.text_or("text", String::new),
        purpose: again.text_or("purpose", String::new),
        with: records(&shell, with.iter().map(String::as_str)),
        providers: providers(&door).await?,
        reader: door.reader().is_installed(),
        shell,
    };
    again.page(&form)
}

/// Asks; the owner decides on the next page, unless the model is on this device.
pub(crate) async fn submit(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    match ask(&door, &fields).await {
        Ok(id) => Ok(go(&format!("/consent/{id}"))),
        Err(failure) => {
            let shell = Shell::new(&owner, owner.look.words().ask_a_model, "/consent").failed(&failure);
            let form = AskPage {
                chosen: fields.line("provider").to_owned(),
                text: fields.text("text").to_owned(),
                purpose: fields.line("purpose").to_owned(),
                with: records(&shell, fields.all("with")),
                providers: providers(&door).await?,
                reader: door.reader().is_installed(),
                shell,
            };
            page_after(&failure, &form)
        }
    }
}

async fn ask(door: &Door, fields: &Fields) -> Result<RecordId, Failure> {
    let invalid = |error: InvalidProvider| Failure::new(FailureKind::Invalid, error.to_string(), "");
    let provider = match fields.line("provider") {
        "" => None,
        name => Some(name.parse().map_err(invalid)?),
    };
    let ask = Ask {
        provider,
        purpose: fields.line("purpose").to_owned(),
        with: fields.all("with").filter_map(parse).collect(),
    };
    let request = door.request(Operation::Ask(Box::new(ask)));
    let request = request.with_payload(fields.secret("text"));
    let mut attached = Attachments::default();
    for file in fields.files() {
        attached
            .add(door.reader(), &file_name(&file.name), &file.bytes)
            .await?;
    }
    match door.send(attached.with(request)).await?.answer {
        Answer::Asked(asked) => Ok(asked.question.id),
        _ => Err(unexpected()),
    }
}

fn parse(text: &str) -> Option<(Category, RecordId)> {
    let (category, id) = text.split_once(':')?;
    Some((category.parse().ok()?, id.parse().ok()?))
}

fn records<'a>(shell: &Shell, with: impl Iterator<Item = &'a str>) -> Vec<Record> {
    let record = |text: &'a str| {
        let (category, id) = parse(text)?;
        Some(Record {
            value: text.to_owned(),
            title: title_of(shell.look.words(), category),
            path: format!("{}/{id}", records_path(category)),
        })
    };
    with.filter_map(record).collect()
}

/// The models that can be asked.
pub(crate) async fn providers(door: &Door) -> Result<Vec<Provider>, Failure> {
    match door.ask(Operation::ProviderList).await?.answer {
        Answer::Providers(providers) => Ok(providers),
        _ => Err(unexpected()),
    }
}
