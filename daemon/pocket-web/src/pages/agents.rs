//! Agents: the programs that may work with the data, and how far.

use std::net::SocketAddr;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{AgentName, AgentSummary, Answer, Category, Failure, FailureKind, Operation, Scopes, Verb};
use pocket_crypto::SecretBytes;
use serde::Deserialize;
use serde_json::json;

use crate::again::Again;
use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::Done;
use crate::pages::records::remove::AskFirst;
use crate::present::{Moment, Phrase, Shell, bytes_in_words, filled, go, number, page, page_after, title_of};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::{Words, fill};

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
    share: Phrase,
}

impl Row {
    fn new(t: &Words, agent: AgentSummary) -> Self {
        Self {
            name: agent.name.as_str().to_owned(),
            scopes: scopes_in_words(t, &agent.scopes),
            created: Moment(agent.created),
            last_used: agent.last_used.map(Moment),
            share: share_in_words(t, &agent),
        }
    }
}

/// How much of its share it has used, and how often it may call.
fn share_in_words(t: &Words, agent: &AgentSummary) -> Phrase {
    filled(
        t.agent_share,
        &[
            number(t, agent.records.into()),
            number(t, agent.limits.records.into()),
            bytes_in_words(t, agent.bytes),
            bytes_in_words(t, agent.limits.bytes),
            number(t, agent.limits.calls.into()),
        ],
    )
}

/// `Notes: read, search` for each category that it may use.
fn scopes_in_words(t: &Words, scopes: &Scopes) -> Vec<String> {
    let in_words = |category: Category| {
        let verbs = Verb::ALL.into_iter().filter(|verb| scopes.allow(category, *verb));
        let verbs: Vec<&str> = verbs.map(|verb| verb_in_words(t, verb)).collect();
        (!verbs.is_empty()).then(|| format!("{}: {}", title_of(t, category), verbs.join(", ")))
    };
    Category::ALL.into_iter().filter_map(in_words).collect()
}

const fn verb_in_words(t: &Words, verb: Verb) -> &'static str {
    match verb {
        Verb::Delete => t.verb_delete,
        Verb::Read => t.verb_read,
        Verb::Search => t.verb_search,
        Verb::Send => t.verb_send,
        Verb::Write => t.verb_write,
    }
}

/// The agents.
pub(crate) async fn list(
    State(door): State<Door>,
    owner: Owner,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let agents = all(&door).await?.into_iter();
    let agents = agents.map(|agent| Row::new(t, agent)).collect();
    let shell = Shell::new(&owner, t.agents, "/agents").done(done.code());
    page(&AgentsPage { shell, agents })
}

/// The agents, as the engine has them.
pub(crate) async fn all(door: &Door) -> Result<Vec<AgentSummary>, Failure> {
    match door.ask(Operation::AgentList).await?.answer {
        Answer::Agents(agents) => Ok(agents),
        _ => Err(unexpected()),
    }
}

async fn is_there(door: &Door, name: &str) -> Result<bool, Failure> {
    Ok(all(door).await?.iter().any(|agent| agent.name.as_str() == name))
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
    let t = shell.look.words();
    let grantable = Category::ALL
        .into_iter()
        .filter(|category| !matches!(category, Category::Audit | Category::Settings));
    let rows = grantable.map(|category| ScopeRow {
        title: title_of(t, category),
        boxes: Verb::ALL
            .into_iter()
            .filter(|verb| verb.applies_to(category))
            .map(|verb| ScopeBox {
                value: format!("{category}:{}", verb.name()),
                words: verb_in_words(t, verb),
                ticked: chosen.allow(category, verb),
            })
            .collect(),
    });
    NewPage {
        shell,
        name: name.to_owned(),
        rows: rows.collect(),
    }
}

/// Asks what a new agent may do. Nothing is ticked: the owner says what it may do.
pub(crate) async fn add(owner: Owner, again: Again) -> Result<Response, Trouble> {
    let shell = again.tell(Shell::new(&owner, owner.look.words().new_agent, "/agents"));
    let chosen = again.fields().and_then(scopes).unwrap_or_default();
    let name = again.text_or("name", String::new);
    again.page(&new_page(shell, &name, &chosen))
}

/// The page that shows an agent's token, once.
#[derive(Template)]
#[template(path = "agent_token.html")]
struct TokenPage {
    shell: Shell,
    name: String,
    token: SecretBytes,
    mcp: SocketAddr,
    control: String,
}

impl TokenPage {
    fn text(&self) -> &str {
        self.token.expose_str().unwrap_or_default()
    }

    /// What a client that starts programs is to be told (the `mcpServers` object of its settings).
    fn stdio(&self) -> String {
        client(&json!({
            "command": "pocketctl",
            "args": ["--control", self.control, "mcp"],
            "env": { "POCKETAI_TOKEN": self.text() },
        }))
    }

    /// What a client that speaks HTTP is to be told.
    fn http(&self) -> String {
        client(&json!({
            "type": "http",
            "url": format!("http://{}/mcp", self.mcp),
            "headers": { "Authorization": format!("Bearer {}", self.text()) },
        }))
    }
}

/// The settings of a client, with this device as one of its servers.
fn client(server: &serde_json::Value) -> String {
    format!("{:#}", json!({ "mcpServers": { "pocketai": server } }))
}

/// Makes the agent, and shows its token.
pub(crate) async fn submit_add(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    match make(&door, &owner, &fields).await {
        Ok((name, token)) => token_page(&door, &owner, name, token),
        Err(failure) => {
            let shell = Shell::new(&owner, owner.look.words().new_agent, "/agents").failed(&failure);
            let chosen = scopes(&fields).unwrap_or_default();
            page_after(&failure, &new_page(shell, fields.line("name"), &chosen))
        }
    }
}

fn token_page(door: &Door, owner: &Owner, name: String, token: SecretBytes) -> Result<Response, Trouble> {
    page(&TokenPage {
        shell: Shell::new(owner, owner.look.words().agents_token, "/agents"),
        name,
        token,
        mcp: door.mcp(),
        control: door.control().display().to_string(),
    })
}

async fn make(door: &Door, owner: &Owner, fields: &Fields) -> Result<(String, SecretBytes), Failure> {
    let t = owner.look.words();
    let invalid = |message: &str, remedy| Failure::new(FailureKind::Invalid, message, remedy);
    let name: AgentName = fields
        .line("name")
        .parse()
        .map_err(|_: &str| invalid(t.bad_agent_name, t.agent_name_hint))?;
    let scopes = scopes(fields).ok_or_else(|| invalid(t.may_nothing, t.may_nothing_do))?;
    door.ask_again(owner.session, fields.secret("passphrase")).await?;
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

/// Asks before an agent's token is taken away.
pub(crate) async fn revoke(
    State(door): State<Door>,
    owner: Owner,
    Query(which): Query<Which>,
) -> Result<Response, Trouble> {
    let name = which.name.unwrap_or_default();
    if !is_there(&door, &name).await? {
        return Ok(go("/agents"));
    }
    let t = owner.look.words();
    page(&AskFirst {
        shell: Shell::new(&owner, t.revoke_agent, "/agents"),
        question: fill(t.revoke_question, &[&name]),
        items: Vec::new(),
        action: "/agents/revoke".to_owned(),
        hidden: vec![("name", name)],
        button: t.revoke_agent,
        asks: false,
        back: "/agents".to_owned(),
    })
}

/// Takes it away.
pub(crate) async fn submit_revoke(State(door): State<Door>, fields: Fields) -> Result<Response, Trouble> {
    let name = fields.text("name").parse().map_err(|_| Trouble::NotFound)?;
    door.ask(Operation::AgentRevoke { name }).await?;
    Ok(go("/agents?done=revoked"))
}

#[derive(Template)]
#[template(path = "agent_rotate.html")]
struct RotatePage {
    shell: Shell,
    question: String,
    name: String,
}

impl RotatePage {
    fn new(shell: Shell, name: String) -> Self {
        let question = fill(shell.look.words().rotate_question, &[&name]);
        Self {
            shell,
            question,
            name,
        }
    }
}

/// Asks before an agent's token is replaced.
pub(crate) async fn rotate(
    State(door): State<Door>,
    owner: Owner,
    Query(which): Query<Which>,
) -> Result<Response, Trouble> {
    let name = which.name.unwrap_or_default();
    if !is_there(&door, &name).await? {
        return Ok(go("/agents"));
    }
    let shell = Shell::new(&owner, owner.look.words().rotate_agent, "/agents");
    page(&RotatePage::new(shell, name))
}

/// Replaces it, and shows the new one.
pub(crate) async fn submit_rotate(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let name: AgentName = fields.text("name").parse().map_err(|_| Trouble::NotFound)?;
    match replace(&door, &owner, name.clone(), &fields).await {
        Ok(token) => token_page(&door, &owner, name.as_str().to_owned(), token),
        Err(failure) => {
            let shell = Shell::new(&owner, owner.look.words().rotate_agent, "/agents").failed(&failure);
            page_after(&failure, &RotatePage::new(shell, name.as_str().to_owned()))
        }
    }
}

async fn replace(
    door: &Door,
    owner: &Owner,
    name: AgentName,
    fields: &Fields,
) -> Result<SecretBytes, Failure> {
    door.ask_again(owner.session, fields.secret("passphrase")).await?;
    let reply = door.ask(Operation::AgentRotate { name }).await?;
    reply.payload.ok_or_else(unexpected)
}
