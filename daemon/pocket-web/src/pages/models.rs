//! The models that can be asked.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{Failure, FailureKind, Operation, Price, Protocol, Provider, ProviderName};

use crate::again::Again;
use crate::door::Door;
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::Done;
use crate::pages::asking::providers;
use crate::present::{Shell, go, page, page_after};
use crate::query::Query;
use crate::trouble::Trouble;

#[derive(Template)]
#[template(path = "models.html")]
struct ModelsPage {
    shell: Shell,
    providers: Vec<Provider>,
}

/// The list.
pub(crate) async fn list(
    State(door): State<Door>,
    owner: Owner,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let shell = Shell::new(&owner, owner.look.words().models, "/consent").done(done.code());
    let providers = providers(&door).await?;
    page(&ModelsPage { shell, providers })
}

#[derive(Template)]
#[template(path = "model_new.html")]
struct NewPage {
    shell: Shell,
    fields: Typed,
    asks: bool,
}

/// What was typed into the form.
struct Typed {
    name: String,
    place: String,
    protocol: String,
    model: String,
    secret: String,
    price_in: String,
    price_out: String,
    currency: String,
}

impl Typed {
    fn of(text: impl Fn(&str) -> String) -> Self {
        Self {
            name: text("name"),
            place: text("place"),
            protocol: text("protocol"),
            model: text("model"),
            secret: text("secret"),
            price_in: text("price_in"),
            price_out: text("price_out"),
            currency: text("currency"),
        }
    }
}

impl NewPage {
    fn is_protocol(&self, protocol: &Protocol) -> bool {
        protocol.name() == self.fields.protocol
    }
}

/// Asks for a new one.
pub(crate) async fn add(State(door): State<Door>, owner: Owner, again: Again) -> Result<Response, Trouble> {
    let shell = again.tell(Shell::new(&owner, owner.look.words().add_model, "/consent"));
    let form = NewPage {
        shell,
        fields: Typed::of(|name| again.text_or(name, String::new)),
        asks: door.asks(&owner),
    };
    again.page(&form)
}

/// Adds it.
pub(crate) async fn submit_add(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    match store(&door, &owner, &fields).await {
        Ok(()) => Ok(go("/models?done=saved")),
        Err(failure) => {
            let shell = Shell::new(&owner, owner.look.words().add_model, "/consent").failed(&failure);
            let form = NewPage {
                shell,
                fields: Typed::of(|name| fields.line(name).to_owned()),
                asks: door.asks(&owner),
            };
            page_after(&failure, &form)
        }
    }
}

async fn store(door: &Door, owner: &Owner, fields: &Fields) -> Result<(), Failure> {
    // A stolen session could send the owner's questions to a host of its own.
    door.confirm(owner, fields).await?;
    let invalid = |error: &dyn std::error::Error| Failure::new(FailureKind::Invalid, error.to_string(), "");
    let price = match (fields.line("price_in"), fields.line("price_out")) {
        ("", "") => None,
        (input, output) => {
            let price = Price::parse(input, output, fields.line("currency"));
            Some(price.map_err(|error| invalid(&error))?)
        }
    };
    let secret = fields.line("secret");
    let provider = Provider {
        name: fields.line("name").parse().map_err(|error| invalid(&error))?,
        protocol: fields.line("protocol").parse().map_err(|error| invalid(&error))?,
        place: fields.line("place").parse().map_err(|error| invalid(&error))?,
        model: fields.line("model").to_owned(),
        secret: (!secret.is_empty()).then(|| secret.to_owned()),
        pin: None,
        most_prompt: Provider::USUAL_PROMPT,
        most_tokens: Provider::USUAL_TOKENS,
        price,
    };
    door.ask(Operation::ProviderAdd(Box::new(provider)))
        .await
        .map(drop)
}

/// Forgets one.
pub(crate) async fn remove(State(door): State<Door>, fields: Fields) -> Result<Response, Trouble> {
    let name: Result<ProviderName, _> = fields.line("name").parse();
    let Ok(name) = name else {
        return Err(Trouble::NotFound);
    };
    door.ask(Operation::ProviderRemove { name }).await?;
    Ok(go("/models?done=deleted"))
}
