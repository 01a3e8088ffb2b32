//! Consent ahead of time.

use std::str::FromStr;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{AgentSummary, Answer, Category, Failure, FailureKind, Operation, Provider, StandingTerms};

use crate::again::Again;
use crate::door::Door;
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::{agents, asking};
use crate::present::{Shell, go, page_after, title_of};
use crate::trouble::Trouble;

#[derive(Template)]
#[template(path = "standing.html")]
struct StandingPage {
    shell: Shell,
    agents: Vec<AgentSummary>,
    providers: Vec<Provider>,
    typed: Typed,
    asks: bool,
}

/// What was typed into the form.
struct Typed {
    agent: String,
    provider: String,
    category: String,
    calls: String,
    bytes: String,
    minutes: String,
}

impl Typed {
    fn of(text: impl Fn(&str, &str) -> String) -> Self {
        Self {
            agent: text("agent", ""),
            provider: text("provider", ""),
            category: text("category", ""),
            calls: text("calls", "5"),
            bytes: text("bytes", "50000"),
            minutes: text("minutes", "30"),
        }
    }
}

impl StandingPage {
    async fn new(door: &Door, owner: &Owner, shell: Shell, typed: Typed) -> Result<Self, Failure> {
        let providers = asking::providers(door).await?.into_iter();
        Ok(Self {
            shell,
            agents: agents::all(door).await?,
            providers: providers.filter(|provider| !provider.is_local()).collect(),
            typed,
            asks: door.asks(owner),
        })
    }

    /// The categories of which something may leave at all.
    fn categories(&self) -> impl Iterator<Item = (Category, &'static str)> {
        let t = self.shell.look.words();
        let may = Category::ALL
            .into_iter()
            .filter(|category| !category.never_leaves());
        may.map(|category| (category, title_of(t, category)))
    }

    fn is_category(&self, category: &Category) -> bool {
        category.name() == self.typed.category
    }
}

/// Asks for whom and what.
pub(crate) async fn add(State(door): State<Door>, owner: Owner, again: Again) -> Result<Response, Trouble> {
    let shell = again.tell(Shell::new(&owner, owner.look.words().new_standing, "/consent"));
    let typed = Typed::of(|name, usual| again.text_or(name, || usual.to_owned()));
    let form = StandingPage::new(&door, &owner, shell, typed).await?;
    again.page(&form)
}

/// Consents.
pub(crate) async fn submit_add(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    match consent(&door, &owner, &fields).await {
        Ok(Answer::PressNeeded { .. }) => Ok(go("/consent")),
        Ok(_) => Ok(go("/consent?done=saved")),
        Err(failure) => {
            let shell = Shell::new(&owner, owner.look.words().new_standing, "/consent").failed(&failure);
            let typed = Typed::of(|name, _| fields.line(name).to_owned());
            page_after(&failure, &StandingPage::new(&door, &owner, shell, typed).await?)
        }
    }
}

async fn consent(door: &Door, owner: &Owner, fields: &Fields) -> Result<Answer, Failure> {
    door.confirm(owner, fields).await?;
    let category = match fields.line("category") {
        "" => None,
        _ => Some(read(fields, "category")?),
    };
    let operation = Operation::StandingAdd(StandingTerms {
        agent: read(fields, "agent")?,
        provider: read(fields, "provider")?,
        category,
        calls: read(fields, "calls")?,
        bytes: read(fields, "bytes")?,
        minutes: read(fields, "minutes")?,
    });
    door.ask(operation).await.map(|reply| reply.answer)
}

fn read<T: FromStr<Err: ToString>>(fields: &Fields, name: &str) -> Result<T, Failure> {
    let read = fields.line(name).parse();
    read.map_err(|error: T::Err| Failure::new(FailureKind::Invalid, error.to_string(), ""))
}
