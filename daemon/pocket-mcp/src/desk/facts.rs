//! Facts: remembering, recalling, forgetting.

use std::time::{SystemTime, UNIX_EPOCH};

use pocket_core::{Category, Content, Failure, Hit, Memory, NewFact, Operation, Record, RecordId, Timestamp};

use super::{Desk, Span, added, checked, few};
use crate::arguments::{FactArguments, ForgetArguments, RecallArguments, RememberArguments};
use crate::progress::Progress;
use crate::results::{Outcomes, RowsResult};

impl Desk {
    /// Remembers facts, all or none.
    pub(crate) async fn remember(&self, asked: RememberArguments) -> Result<Outcomes, Failure> {
        few(asked.facts.len())?;
        let facts: Vec<NewFact> = asked.facts.into_iter().map(fact).collect::<Result<_, _>>()?;
        self.remember_all(facts).await
    }

    pub(super) async fn remember_all(&self, facts: Vec<NewFact>) -> Result<Outcomes, Failure> {
        added(self.ask(Operation::Remember { facts }).await?)
    }

    /// Searches the facts; without `history`, only those that hold. Who may search but not read sees of
    /// each what any hit shows.
    pub(crate) async fn recall(&self, asked: RecallArguments) -> Result<RowsResult, Failure> {
        let now = now();
        let holds = |hit: &Hit| match hit.entry.content.record() {
            Record::Memory(memory) => asked.history || !memory.is_history(now),
            _ => false,
        };
        let span = Span::new(asked.after, asked.limit);
        self.look_up(Category::Memory, asked.query, &span, holds).await
    }

    /// Removes facts for good.
    pub(crate) async fn forget(
        &self,
        asked: ForgetArguments,
        progress: &Progress,
    ) -> Result<Outcomes, Failure> {
        let ids: Vec<RecordId> = asked.ids.iter().map(|id| id.0).collect();
        self.delete_all(Category::Memory, &ids, progress).await
    }
}

/// A fact that takes the place of none.
pub(super) const fn plain(content: Content) -> NewFact {
    NewFact {
        content,
        supersedes: None,
    }
}

fn fact(asked: FactArguments) -> Result<NewFact, Failure> {
    let memory = Memory {
        text: asked.text,
        subject: asked.subject,
        tags: asked.tags,
        source: asked.source,
        confidence: asked.confidence,
        valid_from: asked.valid_from.map(|date| date.0),
        valid_until: asked.valid_until.map(|date| date.0),
    };
    Ok(NewFact {
        content: checked(Record::Memory(memory))?,
        supersedes: asked.supersedes.map(|id| id.0),
    })
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
