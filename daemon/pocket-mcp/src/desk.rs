//! What each tool does, on behalf of one agent: an operation to the engine, its answer cut to size.

mod facts;
mod lookup;
mod models;

use pocket_core::{
    Actor, Added, Agent, Answer, Category, Content, Door, Entry, Failure, FailureKind, Hit, LockState,
    NewEntry, Operation, Record, RecordId, Status, Verb,
};
use pocket_service::{Handle, Request};
use serde_json::{Map, Value};

use crate::arguments::{
    AddArguments, DeleteArguments, EditArguments, GetArguments, ListArguments, SearchArguments,
};
use crate::cut;
use crate::found::Found;
use crate::progress::Progress;
use crate::results::{
    self, ListResult, MayDo, Outcome, Outcomes, RecordResult, Row, SearchResult, StatusResult,
};

/// Records or hits in an answer when the agent names no number.
const USUAL: u32 = 20;
/// Most that an agent may ask for at once.
const MOST: u32 = 100;

/// One agent at the engine's door. Made anew for each call, so that a revoked agent gets no further.
pub(crate) struct Desk {
    handle: Handle,
    agent: Agent,
}

impl Desk {
    /// A desk for `agent`, who has just shown its token.
    pub(crate) const fn new(handle: Handle, agent: Agent) -> Self {
        Self { handle, agent }
    }

    /// Who sits here.
    pub(crate) const fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Adds records, all or none. Facts are remembered: the same one is not kept twice.
    pub(crate) async fn add(&self, asked: AddArguments) -> Result<Outcomes, Failure> {
        few(asked.records.len())?;
        let category = asked.category.0;
        let contents: Vec<Content> = asked
            .records
            .into_iter()
            .map(|fields| content(category, fields))
            .collect::<Result<_, _>>()?;
        if category == Category::Memory {
            return self
                .remember_all(contents.into_iter().map(facts::plain).collect())
                .await;
        }
        let entry = |content| NewEntry {
            id: None,
            created: None,
            updated: None,
            upload: None,
            content,
        };
        let items = contents.into_iter().map(entry).collect();
        added(self.ask(Operation::Add { items, import: false }).await?)
    }

    /// Removes records, one after the other; says of each what became of it.
    pub(crate) async fn delete(
        &self,
        asked: DeleteArguments,
        progress: &Progress,
    ) -> Result<Outcomes, Failure> {
        let ids: Vec<RecordId> = asked.ids.iter().map(|id| id.0).collect();
        self.delete_all(asked.category.0, &ids, progress).await
    }

    async fn delete_all(
        &self,
        category: Category,
        ids: &[RecordId],
        progress: &Progress,
    ) -> Result<Outcomes, Failure> {
        few(ids.len())?;
        let mut results = Vec::new();
        for (number, id) in ids.iter().copied().enumerate() {
            progress.step(number, Some(ids.len())).await;
            let outcome = match self.ask(Operation::Delete { category, id }).await {
                Ok(_) => "deleted",
                Err(failure) if failure.kind == FailureKind::NotFound => "not-found",
                Err(failure) => return Err(failure),
            };
            results.push(Outcome::new(id, outcome));
        }
        Ok(Outcomes { results })
    }

    /// Replaces some fields of a record. The revision that was read travels along, so that a change
    /// in between is not overwritten.
    pub(crate) async fn edit(&self, asked: EditArguments) -> Result<Outcome, Failure> {
        let id = asked.id.0;
        let entry = self.entry(asked.category.0, id).await?;
        let mut fields = results::all_fields(entry.content.record());
        fields.extend(asked.fields);
        let content = Box::new(content(asked.category.0, fields)?);
        let revision = asked.revision.or(Some(entry.revision));
        self.ask(Operation::Edit {
            id,
            content,
            revision,
        })
        .await?;
        Ok(Outcome::new(id, "edited"))
    }

    /// Reads a record, or one of its fields from a place on.
    pub(crate) async fn get(&self, asked: GetArguments) -> Result<RecordResult, Failure> {
        let entry = self.entry(asked.category.0, asked.id.0).await?;
        if let Some(page) = asked.page {
            return RecordResult::page(entry, page, asked.offset.unwrap_or(0)).ok_or_else(|| {
                let remedy = "documents have pages, from 1 to the `pages` that `get` shows without `page`";
                Failure::new(FailureKind::Invalid, "the record has no such page", remedy)
            });
        }
        if asked.field.is_none() && asked.offset.is_none() {
            return Ok(RecordResult::whole(entry));
        }
        RecordResult::piece(entry, asked.field.as_deref(), asked.offset.unwrap_or(0)).ok_or_else(|| {
            let remedy = "name one of the fields that `get` shows, or leave `field` out for the main text";
            Failure::new(FailureKind::Invalid, "the record has no such field", remedy)
        })
    }

    /// Lists a page of a category.
    pub(crate) async fn list(&self, asked: ListArguments) -> Result<ListResult, Failure> {
        let limit = asked.limit.unwrap_or(USUAL).clamp(1, MOST);
        let after = asked.after.map(|id| id.0);
        let Answer::Page(page) = self
            .ask(Operation::List {
                category: asked.category.0,
                after,
                limit,
            })
            .await?
        else {
            return Err(unexpected());
        };
        let (records, left_out) = cut::fitting(page.entries.into_iter().map(Row::listed).collect());
        let next = (left_out || page.more)
            .then(|| records.last().map(|row| row.id.clone()))
            .flatten();
        Ok(ListResult {
            records,
            total: page.total,
            next,
        })
    }

    /// Searches.
    pub(crate) async fn search(&self, asked: SearchArguments) -> Result<SearchResult, Failure> {
        let categories = asked.category.map(|category| category.0).into_iter().collect();
        let span = Span::new(asked.after, asked.limit);
        let (hits, more) = self.hits(categories, asked.query, &span).await?;
        let (hits, left_out) = cut::fitting(hits.into_iter().map(Found::from).collect());
        let next = span.next(hits.len(), left_out || more);
        Ok(SearchResult { hits, next })
    }

    /// How the device is, and what this agent may do.
    pub(crate) async fn status(&self) -> Result<StatusResult, Failure> {
        let Answer::Status(status) = self.ask(Operation::Status).await? else {
            return Err(unexpected());
        };
        Ok(StatusResult {
            may: self.may(),
            ..bare_status(&status, None)
        })
    }

    /// Reads a record.
    pub(crate) async fn entry(&self, category: Category, id: RecordId) -> Result<Entry, Failure> {
        match self.ask(Operation::Get { category, id }).await? {
            Answer::Entry(entry) => Ok(*entry),
            _ => Err(unexpected()),
        }
    }

    /// The hits inside `span`, and whether there are more behind it.
    async fn hits(
        &self,
        categories: Vec<Category>,
        query: String,
        span: &Span,
    ) -> Result<(Vec<Hit>, bool), Failure> {
        let limit = span.end();
        let Answer::Hits(hits) = self
            .ask(Operation::Search {
                categories,
                query,
                limit,
            })
            .await?
        else {
            return Err(unexpected());
        };
        let mut hits: Vec<Hit> = hits.into_iter().skip(span.skip).collect();
        let more = hits.len() > span.size;
        hits.truncate(span.size);
        Ok((hits, more))
    }

    fn may(&self) -> Vec<MayDo> {
        let scopes = &self.agent.scopes;
        let touched = Category::ALL
            .into_iter()
            .filter(|category| scopes.touch(*category));
        touched
            .map(|category| {
                let verbs = Verb::ALL.into_iter().filter(|verb| scopes.allow(category, *verb));
                MayDo {
                    category: category.name(),
                    verbs: verbs.map(Verb::name).collect(),
                }
            })
            .collect()
    }

    /// Asks the engine on the agent's behalf.
    pub(crate) async fn ask(&self, operation: Operation) -> Result<Answer, Failure> {
        let request = Request::new(Actor::Agent(self.agent.clone()), operation);
        self.handle.call(request).await.map(|reply| reply.answer)
    }
}

/// Refuses more than one answer can tell of.
fn few(count: usize) -> Result<(), Failure> {
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    if (1..=most).contains(&count) {
        return Ok(());
    }
    let message = format!("1 to {most} can be done at once, not {count}");
    Err(Failure::new(FailureKind::Invalid, message, "send them in parts"))
}

/// What became of what was added, in order.
fn added(answer: Answer) -> Result<Outcomes, Failure> {
    let Answer::Added(added) = answer else {
        return Err(unexpected());
    };
    let results = added.into_iter().map(|one| match one {
        Added::New(id) => Outcome::new(id, "added"),
        Added::AlreadyHere(id) | Added::Differs(id) => Outcome::new(id, "already-here"),
    });
    Ok(Outcomes {
        results: results.collect(),
    })
}

/// Which of the hits an answer shows.
struct Span {
    skip: usize,
    size: usize,
}

impl Span {
    fn new(after: Option<usize>, limit: Option<u32>) -> Self {
        let size = limit.unwrap_or(USUAL).clamp(1, MOST);
        Self {
            skip: after.unwrap_or(0),
            size: usize::try_from(size).unwrap_or(usize::MAX),
        }
    }

    /// How many hits to ask for: one more than are shown, to know whether there are more.
    fn end(&self) -> u32 {
        let end = self.skip.saturating_add(self.size).saturating_add(1);
        u32::try_from(end).unwrap_or(u32::MAX).min(Operation::MOST_LISTED)
    }

    /// The cursor of the next page, after `shown` hits of this one.
    fn next(&self, shown: usize, more: bool) -> Option<usize> {
        let next = self.skip.saturating_add(shown);
        let reachable = u32::try_from(next).is_ok_and(|next| next < Operation::MOST_LISTED);
        (more && reachable && shown > 0).then_some(next)
    }
}

/// How the device is, for a caller whom nobody can recognise while it is locked: what anyone may know.
///
/// # Errors
/// Whatever the engine says.
pub(crate) async fn status_while_locked(handle: &Handle, why: &Failure) -> Result<StatusResult, Failure> {
    let request = Request::new(Actor::Nobody(Door::Mcp), Operation::Status);
    match handle.call(request).await?.answer {
        Answer::Status(status) => Ok(bare_status(&status, Some(why))),
        _ => Err(unexpected()),
    }
}

fn bare_status(status: &Status, why: Option<&Failure>) -> StatusResult {
    let state = match status.state {
        LockState::Damaged { .. } => "damaged",
        LockState::FirstRun => "first-run",
        LockState::Locked => "locked",
        LockState::Unlocked => "unlocked",
    };
    StatusResult {
        state,
        message: why.map(|why| why.message.clone()),
        remedy: why.map(|why| why.remedy.clone()),
        version: status.version.clone(),
        may: Vec::new(),
    }
}

pub(crate) fn content(category: Category, fields: Map<String, Value>) -> Result<Content, Failure> {
    let record = Record::deserialize_fields(category, Value::Object(fields)).map_err(|error| {
        let remedy = "correct the fields; the description of `add` lists them";
        Failure::new(FailureKind::Invalid, format!("{category}: {error}"), remedy)
    })?;
    checked(record)
}

pub(crate) fn checked(record: Record) -> Result<Content, Failure> {
    Content::check(record).map_err(|error| {
        Failure::new(
            FailureKind::Invalid,
            error.to_string(),
            "correct that field and call again",
        )
    })
}

pub(crate) fn unexpected() -> Failure {
    let message = "the device gave an answer that belongs to another question";
    Failure::new(
        FailureKind::Internal,
        message,
        "this is a defect: please report it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_page_through_and_end() {
        let first = Span::new(None, None);
        assert_eq!((first.skip, first.size, first.end()), (0, 20, 21));
        assert_eq!(first.next(20, true), Some(20));
        assert_eq!(first.next(20, false), None);
        assert_eq!(first.next(0, true), None, "a page without rows would never end");
        let far = Span::new(Some(usize::MAX), Some(0));
        assert_eq!((far.size, far.end()), (1, Operation::MOST_LISTED));
        assert_eq!(far.next(1, true), None);
    }

    #[test]
    fn wrong_fields_are_named_with_the_remedy() {
        let fields = |json: &str| serde_json::from_str::<Map<String, Value>>(json).unwrap();
        for (json, part) in [
            (r#"{"titel":"Milk"}"#, "titel"),
            (r#"{"title":""}"#, "title is empty"),
            (r#"{"title":"Milk","priority":12}"#, "priority"),
        ] {
            let Err(failure) = content(Category::Tasks, fields(json)) else {
                panic!("{json} was accepted")
            };
            assert_eq!(failure.kind, FailureKind::Invalid);
            assert!(failure.message.contains(part), "{}", failure.message);
        }
        assert!(content(Category::Tasks, fields(r#"{"title":"Milk","due":"2026-12-01"}"#)).is_ok());
    }
}
