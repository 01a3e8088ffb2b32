//! Agents: tokens, scopes, last use.

use std::collections::HashMap;

use pocket_core::{
    Actor, ActorRef, Agent, AgentName, AgentSummary, Answer, Failure, FailureKind, RecordId, Scopes,
    Timestamp,
};
use pocket_crypto::SecretBytes;
use pocket_crypto::token::{self, Token};
use pocket_store::{Changes, Store};
use serde::{Deserialize, Serialize};

use super::records::random_id;
use super::{Act, Vault};
use crate::failure;
use crate::handle::Reply;

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

/// The agents, in memory.
#[derive(Default)]
pub(crate) struct Agents {
    known: Vec<StoredAgent>,
    last_used: HashMap<RecordId, Timestamp>,
}

impl Agents {
    pub(super) fn load(store: &Store) -> Result<Self, Failure> {
        let mut known = Vec::new();
        for name in store
            .system_names(PREFIX)
            .map_err(|error| failure::store(&error))?
        {
            let Some(bytes) = store.system(&name).map_err(|error| failure::store(&error))? else {
                continue;
            };
            // An agent that can't be read has no access: it fails closed.
            known.extend(postcard::from_bytes(&bytes).ok());
        }
        let mut last_used = HashMap::new();
        // Where the log is damaged, the last use is not known; the damage itself is told elsewhere.
        for entry in store.audit_before(None, LOOK_BACK).unwrap_or_default() {
            if let ActorRef::Agent(id) = entry.event.actor {
                last_used.entry(id).or_insert(entry.event.at);
            }
        }
        Ok(Self { known, last_used })
    }

    /// The agent with this token.
    pub(crate) fn authenticate(&self, presented: &SecretBytes) -> Result<Agent, Failure> {
        let text = presented.expose_str().unwrap_or_default();
        let found = self
            .known
            .iter()
            .find(|agent| token::matches(&agent.token_hash, text));
        let found = found.ok_or_else(|| {
            Failure::new(
                FailureKind::WrongCredential,
                "the token is unknown or was revoked",
                "ask the owner for a new one: `pocketctl agent add NAME --scope …`",
            )
        })?;
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
        }
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
        let bytes =
            postcard::to_stdvec(&agent).map_err(|_| failure::internal("an agent could not be encoded"))?;
        let changes = Changes::new().put_system(&row(agent.id), bytes);
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
        let id = self.agents.named(name).map(|agent| agent.id);
        let id = id.ok_or_else(|| failure::not_found("agent", "see `pocketctl agent list`"))?;
        let changes = Changes::new().remove_system(&row(id));
        self.commit(act.permit, &[], changes, act.now)?;
        self.agents.known.retain(|agent| agent.id != id);
        Ok(Answer::Done)
    }

    /// The rows of all agents, to be removed when the owner locks in panic.
    pub(super) fn agent_rows(&self) -> Vec<String> {
        self.agents.known.iter().map(|agent| row(agent.id)).collect()
    }
}

fn row(id: RecordId) -> String {
    format!("{PREFIX}{id}")
}
