//! Agents: the programs that may work with the data, and how far.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use pocket_core::{AgentName, AgentSummary, Answer, Category, Failure, FailureKind, Operation, Scopes, Verb};
use pocket_crypto::SecretBytes;
use serde::Deserialize;

use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::Done;
use crate::present::{Moment, Shell, go, page, page_after, title_of};
use crate::trouble::Trouble;

#[derive(Template)]
#[template(path = "agents.html")]
struct AgentsPage {
    shell: Shell,
    agents: Vec<Row>,
}

struct Row {
    name: String,
    scopes: Vec<String>,
    created: Moment,
    last_used: Option<Moment>,
}

impl From<AgentSummary> for Row {
    fn from(agent: AgentSummary) -> Self {
        Self {
            name: agent.name.as_str().to_owned(),
            scopes: agent
                .scopes
                .to_string()
                .split(',')
                .map(|scope| scope.replace([':', '+'], " "))
                .collect(),
            created: Moment(agent.created),
            last_used: agent.last_used.map(Moment),
        }
    }
}

/// The agents.
pub(crate) async fn list(
    State(door): State<Door>,
    owner: Owner,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let agents = all(&door).await?.into_iter().map(Row::from).collect();
    let shell = Shell::new(&owner, "Agents", "/agents").done(done.code());
    page(&AgentsPage { shell, agents })
}

/// The agents, as the engine has them.
pub(crate) async fn all(door: &Door) -> Result<Vec<AgentSummary>, Failure> {
    match door.ask(Operation::AgentList).await?.answer {
        Answer::Agents(agents) => Ok(agents),
        _ => Err(unexpected()),
    }
}

#[derive(Template)]
#[template(path = "agent_new.html")]
struct NewPage {
    shell: Shell,
    name: String,
    rows: Vec<ScopeRow>,
}

/// The boxes of one category.
struct ScopeRow {
    title: &'static str,
    boxes: Vec<ScopeBox>,
}

struct ScopeBox {
    value: String,
    words: &'static str,
    ticked: bool,
}

fn new_page(shell: Shell, name: &str, chosen: &Scopes) -> NewPage {
    let grantable = Category::ALL
        .into_iter()
        .filter(|category| !matches!(category, Category::Audit | Category::Settings));
    let rows = grantable.map(|category| ScopeRow {
        title: title_of(category),
        boxes: Verb::ALL
            .map(|verb| ScopeBox {
                value: format!("{category}:{}", verb.name()),
                words: verb.name(),
                ticked: chosen.allow(category, verb),
            })
            .into(),
    });
    NewPage {
        shell,
        name: name.to_owned(),
        rows: rows.collect(),
    }
}

/// Asks what a new agent may do. Nothing is ticked: the owner says what it may do.
pub(crate) async fn add(owner: Owner) -> Result<Response, Trouble> {
    page(&new_page(
        Shell::new(&owner, "New agent", "/agents"),
        "",
        &Scopes::default(),
    ))
}

/// The page that shows an agent's token, once.
#[derive(Template)]
#[template(path = "agent_token.html")]
struct TokenPage {
    shell: Shell,
    name: String,
    token: SecretBytes,
}

impl TokenPage {
    fn text(&self) -> &str {
        self.token.expose_str().unwrap_or_default()
    }
}

/// Makes the agent, and shows its token.
pub(crate) async fn submit_add(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    match make(&door, &fields).await {
        Ok((name, token)) => {
            let shell = Shell::new(&owner, "The agent\u{2019}s token", "/agents");
            page(&TokenPage { shell, name, token })
        }
        Err(failure) => {
            let shell = Shell::new(&owner, "New agent", "/agents").failed(&failure);
            let chosen = scopes(&fields).unwrap_or_default();
            page_after(&failure, &new_page(shell, fields.line("name"), &chosen))
        }
    }
}

async fn make(door: &Door, fields: &Fields) -> Result<(String, SecretBytes), Failure> {
    let invalid = |message: &str, remedy| Failure::new(FailureKind::Invalid, message, remedy);
    let name: AgentName = fields
        .line("name")
        .parse()
        .map_err(|error| invalid(error, "give it a short name"))?;
    let scopes =
        scopes(fields).ok_or_else(|| invalid("the agent may do nothing yet", "tick what it may do"))?;
    let reply = door.ask(Operation::AgentAdd { name, scopes }).await?;
    match (reply.answer, reply.payload) {
        (Answer::Agent(agent), Some(token)) => Ok((agent.name.as_str().to_owned(), token)),
        _ => Err(unexpected()),
    }
}

fn scopes(fields: &Fields) -> Option<Scopes> {
    let ticked: Vec<&str> = fields.all("scope").collect();
    ticked.join(",").parse().ok()
}

/// Which agent.
#[derive(Deserialize)]
pub(crate) struct Which {
    name: Option<String>,
}

#[derive(Template)]
#[template(path = "confirm_delete.html")]
struct RevokePage {
    shell: Shell,
    question: String,
    name: String,
    button: &'static str,
    back: String,
}

/// Asks before an agent's token is taken away.
pub(crate) async fn revoke(owner: Owner, Query(which): Query<Which>) -> Result<Response, Trouble> {
    let name = which.name.unwrap_or_default();
    page(&RevokePage {
        shell: Shell::new(&owner, "Revoke an agent", "/agents"),
        question: format!("Take the token of \u{201c}{name}\u{201d} away? It can do nothing from then on."),
        name,
        button: "Revoke the agent",
        back: "/agents".to_owned(),
    })
}

/// Takes it away.
pub(crate) async fn submit_revoke(State(door): State<Door>, fields: Fields) -> Result<Response, Trouble> {
    let name = fields.text("name").parse().map_err(|_| Trouble::NotFound)?;
    door.ask(Operation::AgentRevoke { name }).await?;
    Ok(go("/agents?done=revoked"))
}
