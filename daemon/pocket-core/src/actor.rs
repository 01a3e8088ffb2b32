//! Who asks, and by which door.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

use crate::{Category, RecordId};

/// The way by which a request came in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// The control socket: `pocketctl`.
    Control,
    /// The agents' door.
    Mcp,
    /// The page.
    Web,
}

/// Who asks. The door vouches for it: it has seen the session, the token or the peer's user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Actor {
    /// An agent that showed its token.
    Agent(Agent),
    /// Whoever may publish at the owner's broker: may leave a text, and lock.
    Broker,
    /// The device itself: timers, start and stop.
    Device,
    /// Someone who has shown nothing yet.
    Nobody(Door),
    /// The owner.
    Owner {
        /// By which door.
        door: Door,
        /// Whether the passphrase came with this very request and was right.
        passphrase_shown: bool,
    },
}

/// The same without scopes: what the audit log keeps.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorRef {
    /// An agent, by its id.
    Agent(RecordId),
    /// Whoever may publish at the owner's broker.
    Broker,
    /// The device itself.
    Device,
    /// Someone unknown, by the door.
    Nobody(Door),
    /// The owner, by the door.
    Owner(Door),
}

impl Actor {
    /// What the audit log keeps of the actor.
    pub const fn reference(&self) -> ActorRef {
        match self {
            Self::Agent(agent) => ActorRef::Agent(agent.id),
            Self::Broker => ActorRef::Broker,
            Self::Device => ActorRef::Device,
            Self::Nobody(door) => ActorRef::Nobody(*door),
            Self::Owner { door, .. } => ActorRef::Owner(*door),
        }
    }
}

/// An agent: a program that the owner gave a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Agent {
    /// Its id.
    pub id: RecordId,
    /// What it may do.
    pub scopes: Scopes,
}

/// How much an agent may do, so that one that was taken over can neither fill the disk nor take the
/// device from the others.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AgentLimits {
    /// Calls in a minute.
    pub calls: u32,
    /// Records that it may add.
    pub records: u32,
    /// Bytes that it may write.
    pub bytes: u64,
}

impl Default for AgentLimits {
    /// More than a person's assistant needs in years, and little of an SD card.
    fn default() -> Self {
        Self {
            calls: 600,
            records: 20_000,
            bytes: 64 * 1024 * 1024,
        }
    }
}

/// What an agent may do with a category.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Get and list.
    Read,
    /// Search.
    Search,
    /// Add and edit.
    Write,
    /// Delete.
    Delete,
    /// Ask for something to be sent: of the outbox only. The owner is asked each time.
    Send,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 5] = [Self::Read, Self::Search, Self::Write, Self::Delete, Self::Send];

    /// The word that people type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Read => "read",
            Self::Search => "search",
            Self::Send => "send",
            Self::Write => "write",
        }
    }

    /// Whether there is such a thing to do with `category`.
    pub fn applies_to(self, category: Category) -> bool {
        self != Self::Send || category == Category::Outbox
    }
}

/// One thing that an agent may do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Scope {
    /// With what.
    pub category: Category,
    /// Doing what.
    pub verb: Verb,
}

/// All that an agent may do. Nothing is implied: no verb brings another with it, no category all.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Whether it may do `verb` with `category`.
    pub fn allow(&self, category: Category, verb: Verb) -> bool {
        self.0.contains(&Scope { category, verb })
    }

    /// Whether it may do anything at all with `category`.
    pub fn touch(&self, category: Category) -> bool {
        self.0.iter().any(|scope| scope.category == category)
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for category in Category::ALL.into_iter().filter(|category| self.touch(*category)) {
            let verbs: Vec<&str> = Verb::ALL
                .into_iter()
                .filter(|verb| self.allow(category, *verb))
                .map(Verb::name)
                .collect();
            write!(f, "{separator}{category}:{}", verbs.join("+"))?;
            separator = ",";
        }
        Ok(())
    }
}

/// The text names no scopes.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidScope {
    /// A category that agents may not have.
    #[error("{0} is the owner's alone: agents can have no scope on it")]
    OwnerOnly(Category),
    /// Not in the form of a scope.
    #[error(
        "not a scope: write CATEGORY:VERB[+VERB], such as notes:read+search; verbs are read, search, write, delete, and send for the outbox"
    )]
    Form,
    /// Only the outbox sends.
    #[error("there is no {verb} on {category}: what is to be sent is asked for by outbox:send")]
    NoSuchVerb {
        /// On which category.
        category: Category,
        /// Which verb.
        verb: &'static str,
    },
    /// An unknown category.
    #[error(transparent)]
    Category(#[from] crate::UnknownCategory),
}

impl FromStr for Scopes {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let mut scopes = Vec::new();
        for part in text.split(',') {
            // What people call it.
            let part = if part.trim() == "cloud" {
                "outbox:send"
            } else {
                part
            };
            let (category, verbs) = part.trim().split_once(':').ok_or(InvalidScope::Form)?;
            let category: Category = category.parse()?;
            if matches!(category, Category::Audit | Category::Settings) {
                return Err(InvalidScope::OwnerOnly(category));
            }
            for verb in verbs.split('+') {
                let verb = Verb::ALL
                    .into_iter()
                    .find(|known| known.name() == verb)
                    .ok_or(InvalidScope::Form)?;
                if !verb.applies_to(category) {
                    let verb = verb.name();
                    return Err(InvalidScope::NoSuchVerb { category, verb });
                }
                scopes.push(Scope { category, verb });
            }
        }
        scopes.sort_unstable();
        scopes.dedup();
        Ok(Self(scopes))
    }
}

/// The name that the owner gives an agent: 1 to 64 letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct AgentName(String);

impl AgentName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AgentName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if (1..=64).contains(&text.len()) && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err("an agent's name is 1 to 64 letters, digits, '-', '_' or '.'")
        }
    }
}

impl<'de> Deserialize<'de> for AgentName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_as_they_print() {
        let scopes: Scopes = "tasks:write,notes:read+search".parse().unwrap();
        assert_eq!(scopes.to_string(), "notes:read+search,tasks:write");
        assert_eq!(scopes.iter().count(), 3);
        assert!(scopes.allow(Category::Notes, Verb::Read));
        assert!(!scopes.allow(Category::Notes, Verb::Write));
        assert!(!scopes.allow(Category::Tasks, Verb::Read));
        assert_eq!("notes".parse::<Scopes>(), Err(InvalidScope::Form));
        assert_eq!("notes:all".parse::<Scopes>(), Err(InvalidScope::Form));
        assert_eq!("".parse::<Scopes>(), Err(InvalidScope::Form));
        assert_eq!(
            "audit:read".parse::<Scopes>(),
            Err(InvalidScope::OwnerOnly(Category::Audit))
        );
        assert!("cellar:read".parse::<Scopes>().is_err());
        assert!("notes:send".parse::<Scopes>().is_err());
        let cloud: Scopes = "notes:read,cloud".parse().unwrap();
        assert_eq!(cloud.to_string(), "notes:read,outbox:send");
    }

    #[test]
    fn an_agents_name_is_short_and_plain() {
        let longest = "x".repeat(64);
        for name in ["a", "Home-Assistant_2.1", &longest] {
            assert_eq!(
                name.parse::<AgentName>().map(|known| known.as_str() == name),
                Ok(true)
            );
        }
        for name in ["", &"x".repeat(65), "a b", "a\n", "b\u{e4}r"] {
            assert!(name.parse::<AgentName>().is_err(), "{name:?}");
        }
    }
}
