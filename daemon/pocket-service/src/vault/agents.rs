//! Agents: tokens, scopes, last use.

use std::collections::HashMap;

use pocket_core::{
    Actor, ActorRef, Agent, AgentLimits, AgentName, AgentSummary, Answer, Failure, FailureKind, RecordId,
    Scopes, Timestamp,
};
use pocket_crypto::SecretBytes;
use pocket_crypto::token::{self, Token};
use pocket_store::Changes;
use serde::{Deserialize, Serialize};

use super::records::random_id;
use super::usage::{self, Calls, Charge, MINUTE, Usage};
use super::{Act, Vault};
use crate::failure;
use crate::handle::Reply;
use crate::vault::rows::{Rows, Stored, encode};

/// The names of agents' rows begin so.
const PREFIX: &str = "agent/";
/// Most agents: a person keeps an eye on no more.
const MOST: usize = 64;
/// How far back the log is read for the last use of each agent.
const LOOK_BACK: usize = 2_000;

/// An agent as it is stored. The token itself is kept nowhere.
#[derive(Deserialize, Serialize)]
struct StoredAgent {
    id: RecordId,
    name: AgentName,
    scopes: Scopes,
    created: Timestamp,
    token_hash: [u8; 32],
}

/// The same row for a device that was made of a backup: the agent is known, and its token opens nothing.
/// Rows of another name stay as they are; `None` for one that can't be read.
pub(super) fn without_token(name: &str, row: &[u8]) -> Option<Vec<u8>> {
    if !name.starts_with(PREFIX) {
        return Some(row.to_vec());
    }
    let Stored::V1(mut agent) = postcard::from_bytes::<Stored<StoredAgent>>(row).ok()?;
    agent.token_hash = Token::generate(&mut rand::rng()).hash();
    Some(encode(&agent))
}

/// The agents, in memory.
#[derive(Default)]
pub(crate) struct Agents {
    known: Vec<StoredAgent>,
    last_used: HashMap<RecordId, Timestamp>,
    usage: HashMap<RecordId, Usage>,
    calls: HashMap<RecordId, Calls>,
}

impl Agents {
    pub(super) fn load(rows: &mut Rows<'_>) -> Result<Self, Failure> {
        let mut known: Vec<StoredAgent> = Vec::new();
        for name in rows.names(PREFIX)? {
            known.extend(rows.read(&name)?);
        }
        let store = rows.store();
        let mut usage = HashMap::new();
        for agent in &known {
            let row = store
                .system(&usage::name(agent.id))
                .map_err(|error| failure::store(&error))?;
            usage.insert(agent.id, row.map_or_else(Usage::default, |row| Usage::read(&row)));
        }
        let mut last_used = HashMap::new();
        let mut calls: HashMap<RecordId, Calls> = HashMap::new();
        // Where the log is damaged, the last use is not known; the damage itself is told elsewhere.
        for entry in store.audit_before(None, LOOK_BACK).unwrap_or_default() {
            if let ActorRef::Agent(id) = entry.event.actor {
                let at = entry.event.at;
                let last: Timestamp = *last_used.entry(id).or_insert(at);
                // An operation on several categories has an entry for each, of one time.
                if last.since(at) < MINUTE {
                    calls
                        .entry(id)
                        .and_modify(|calls| calls.earlier(at))
                        .or_insert_with(|| Calls::first(at));
                }
            }
        }
        Ok(Self {
            known,
            last_used,
            usage,
            calls,
        })
    }

    /// The agent of this id, with what it may do by now.
    pub(crate) fn by_id(&self, id: RecordId) -> Result<Agent, Failure> {
        let found = self.known.iter().find(|agent| agent.id == id);
        let found = found.ok_or_else(unknown)?;
        Ok(Agent {
            id,
            scopes: found.scopes.clone(),
        })
    }

    /// Counts a call, whatever it is: the owner sees that a client has got through. After a restart only
    /// what is on record is known.
    pub(crate) fn count(&mut self, id: RecordId, now: Timestamp) -> Result<(), Failure> {
        self.last_used.insert(id, now);
        let most = self.usage_of(id).limits.calls;
        match self.calls.get_mut(&id) {
            Some(calls) => calls.count(most, now),
            None => {
                self.calls.insert(id, Calls::first(now));
                Ok(())
            }
        }
    }

    fn usage_of(&self, id: RecordId) -> Usage {
        self.usage.get(&id).copied().unwrap_or_default()
    }

    /// What the agent has used after `charge`; `None` for who is no agent.
    pub(super) fn charged(
        &self,
        actor: ActorRef,
        charge: Charge,
    ) -> Result<Option<(RecordId, Usage)>, Failure> {
        match actor {
            ActorRef::Agent(id) => Ok(Some((id, self.usage_of(id).charged(charge)?))),
            _ => Ok(None),
        }
    }

    /// Notes what was used, once it is written.
    pub(super) fn settle(&mut self, id: RecordId, usage: Usage) {
        self.usage.insert(id, usage);
    }

    /// The agent with this token.
    pub(crate) fn authenticate(&self, presented: &SecretBytes) -> Result<Agent, Failure> {
        let text = presented.expose_str().unwrap_or_default();
        let found = self
            .known
            .iter()
            .find(|agent| token::matches(&agent.token_hash, text));
        let found = found.ok_or_else(unknown)?;
        Ok(Agent {
            id: found.id,
            scopes: found.scopes.clone(),
        })
    }

    /// Notes that an agent did something.
    pub(super) fn seen(&mut self, actor: &Actor, now: Timestamp) {
        if let Actor::Agent(agent) = actor {
            self.last_used.insert(agent.id, now);
        }
    }

    fn summary(&self, agent: &StoredAgent) -> AgentSummary {
        AgentSummary {
            id: agent.id,
            name: agent.name.clone(),
            scopes: agent.scopes.clone(),
            created: agent.created,
            last_used: self.last_used.get(&agent.id).copied(),
            limits: self.usage_of(agent.id).limits,
            records: self.usage_of(agent.id).records,
            bytes: self.usage_of(agent.id).bytes,
        }
    }

    /// The id of the agent of this name.
    pub(super) fn id_of(&self, name: &AgentName) -> Result<RecordId, Failure> {
        let id = self.named(name).map(|agent| agent.id);
        id.ok_or_else(|| failure::not_found("agent", "see `pocketctl agent list`"))
    }

    fn named(&self, name: &AgentName) -> Option<&StoredAgent> {
        self.known.iter().find(|agent| agent.name == *name)
    }
}

impl Vault {
    pub(super) fn agent_add(&mut self, act: Act, name: AgentName, scopes: Scopes) -> Result<Reply, Failure> {
        if self.agents.named(&name).is_some() {
            return Err(Failure::new(
                FailureKind::Conflict,
                format!("there is an agent {} already", name.as_str()),
                "choose another name, or revoke that one first",
            ));
        }
        if self.agents.known.len() >= MOST {
            return Err(failure::invalid(
                "there are 64 agents already",
                "revoke one that is no longer used",
            ));
        }
        let token = Token::generate(&mut rand::rng());
        let agent = StoredAgent {
            id: random_id(),
            name,
            scopes,
            created: act.now.wall,
            token_hash: token.hash(),
        };
        let changes = Changes::new().put_system(&row(agent.id), encode(&agent));
        self.commit(act.permit, &[], changes, act.now)?;
        let summary = self.agents.summary(&agent);
        self.agents.known.push(agent);
        let payload = Some(SecretBytes::new(token.expose_str().as_bytes().to_vec()));
        Ok(Reply {
            answer: Answer::Agent(summary),
            payload,
        })
    }

    pub(super) fn agent_list(&mut self, act: Act) -> Result<Answer, Failure> {
        self.admit(act.permit, &[], act.now)?;
        let agents = self
            .agents
            .known
            .iter()
            .map(|agent| self.agents.summary(agent))
            .collect();
        Ok(Answer::Agents(agents))
    }

    pub(super) fn agent_revoke(&mut self, act: Act, name: &AgentName) -> Result<Answer, Failure> {
        let id = self.agents.id_of(name)?;
        let changes = self.without_agent(Changes::new(), id)?;
        self.commit(act.permit, &[], changes, act.now)?;
        self.agents.known.retain(|agent| agent.id != id);
        Ok(Answer::Done)
    }

    /// A new token in place of the old one, and a share that is whole again: the owner has looked at it.
    pub(super) fn agent_rotate(&mut self, act: Act, name: &AgentName) -> Result<Reply, Failure> {
        let id = self.agents.id_of(name)?;
        let token = Token::generate(&mut rand::rng());
        let known = self.agents.known.iter().find(|agent| agent.id == id);
        let known = known.ok_or_else(|| failure::internal("an agent is gone"))?;
        let agent = StoredAgent {
            id,
            name: known.name.clone(),
            scopes: known.scopes.clone(),
            created: known.created,
            token_hash: token.hash(),
        };
        let usage = Usage {
            limits: self.agents.usage_of(id).limits,
            ..Usage::default()
        };
        let changes = Changes::new()
            .put_system(&row(id), encode(&agent))
            .put_system(&usage::name(id), usage.row());
        self.commit(act.permit, &[], changes, act.now)?;
        self.agents.settle(id, usage);
        self.agents.known.retain(|agent| agent.id != id);
        let summary = self.agents.summary(&agent);
        self.agents.known.push(agent);
        let payload = Some(SecretBytes::new(token.expose_str().as_bytes().to_vec()));
        Ok(Reply {
            answer: Answer::Agent(summary),
            payload,
        })
    }

    pub(super) fn agent_limit(
        &mut self,
        act: Act,
        name: &AgentName,
        limits: AgentLimits,
    ) -> Result<Answer, Failure> {
        let id = self.agents.id_of(name)?;
        if limits.calls == 0 {
            return Err(failure::invalid(
                "an agent that may call no more is no agent",
                "allow it one call a minute at least, or revoke it",
            ));
        }
        let usage = Usage {
            limits,
            ..self.agents.usage_of(id)
        };
        let changes = Changes::new().put_system(&usage::name(id), usage.row());
        self.commit(act.permit, &[], changes, act.now)?;
        self.agents.settle(id, usage);
        Ok(Answer::Done)
    }

    /// Removes an agent's rows; it may have used nothing yet.
    fn without_agent(&self, changes: Changes, id: RecordId) -> Result<Changes, Failure> {
        let changes = changes.remove_system(&row(id));
        let usage = usage::name(id);
        let used = self
            .store
            .system(&usage)
            .map_err(|error| failure::store(&error))?;
        Ok(if used.is_some() {
            changes.remove_system(&usage)
        } else {
            changes
        })
    }

    /// The rows of all agents, to be removed when the owner locks in panic.
    pub(super) fn agent_rows(&self) -> Vec<String> {
        let ids = self.agents.known.iter().map(|agent| agent.id);
        ids.flat_map(|id| {
            let used = self.store.system(&usage::name(id)).ok().flatten();
            [Some(row(id)), used.map(|_| usage::name(id))]
        })
        .flatten()
        .collect()
    }
}

fn unknown() -> Failure {
    Failure::new(
        FailureKind::WrongCredential,
        "the token is unknown or was revoked",
        "ask the owner for a new one: `pocketctl agent add NAME --scope …`",
    )
}

fn row(id: RecordId) -> String {
    format!("{PREFIX}{id}")
}
