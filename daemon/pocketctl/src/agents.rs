//! The programs that may use the device.

use pocket_core::{AgentLimits, AgentName, AgentSummary, Answer, Operation};
use serde_json::{Value, json};

use crate::arguments::AgentCommand;
use crate::entry::moment;
use crate::exit::Problem;
use crate::output::{columns, escape};
use crate::session::Session;

pub(crate) fn run(session: &mut Session, command: AgentCommand) -> Result<(), Problem> {
    match command {
        AgentCommand::Add { name, scope } => show_token(session, Operation::AgentAdd { name, scopes: scope }),
        AgentCommand::Limit {
            name,
            calls,
            records,
            megabytes,
        } => {
            let usual = AgentLimits::default();
            let limits = AgentLimits {
                calls: calls.unwrap_or(usual.calls),
                records: records.unwrap_or(usual.records),
                bytes: megabytes.map_or(usual.bytes, |megabytes| megabytes * 1_000_000),
            };
            limit(session, name, limits)
        }
        AgentCommand::List => list(session),
        AgentCommand::Rotate { name } => show_token(session, Operation::AgentRotate { name }),
        AgentCommand::Revoke { name } => {
            session.ask(Operation::AgentRevoke { name: name.clone() })?;
            session
                .output
                .print(&json!({"revoked": name}), &format!("revoked {}", name.as_str()))
        }
    }
}

/// Does what brings a token, and shows that.
fn show_token(session: &mut Session, operation: Operation) -> Result<(), Problem> {
    let reply = session.call(operation, None, None)?;
    let (Answer::Agent(agent), Some(token)) = (reply.answer, reply.payload) else {
        return Err(Problem::unexpected());
    };
    let token = token.expose_str().map_err(|_| Problem::unexpected())?;
    let mut json = to_json(&agent);
    json["token"] = json!(token);
    let text = format!(
        "{} may now: {}\nIts token is shown only this once:\n\n    {}\n",
        agent.name.as_str(),
        agent.scopes,
        escape(token)
    );
    session.output.print(&json, &text)
}

fn limit(session: &mut Session, name: AgentName, limits: AgentLimits) -> Result<(), Problem> {
    let text = format!(
        "{} may call {} times a minute, add {} records and write {} bytes",
        name.as_str(),
        limits.calls,
        limits.records,
        limits.bytes
    );
    let json = json!({ "name": name, "limits": limits });
    session.ask(Operation::AgentLimit { name, limits })?;
    session.output.print(&json, &text)
}

fn list(session: &mut Session) -> Result<(), Problem> {
    let Answer::Agents(agents) = session.ask(Operation::AgentList)? else {
        return Err(Problem::unexpected());
    };
    if session.output.is_json() {
        return agents
            .iter()
            .try_for_each(|agent| session.output.print(&to_json(agent), ""));
    }
    let row = |agent: &AgentSummary| {
        let used = agent
            .last_used
            .map_or_else(|| "never used".to_owned(), |at| format!("used {}", moment(at)));
        let share = format!("{} of {} records", agent.records, agent.limits.records);
        vec![
            agent.name.as_str().to_owned(),
            used,
            share,
            agent.scopes.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = agents.iter().map(row).collect();
    session.output.print(&json!(null), &columns(&rows))
}

/// An agent with its scopes in the form in which they are typed.
fn to_json(agent: &AgentSummary) -> Value {
    let mut json = json!(agent);
    json["scopes"] = json!(agent.scopes.to_string());
    json
}
