//! Looking things up by what they are: people, tasks.

use pocket_core::{Answer, Category, Entry, Failure, Hit, Operation, Record, Task, Verb};

use super::{Desk, Span, unexpected};
use crate::arguments::{ContactsArguments, TasksArguments};
use crate::cut;
use crate::progress::Progress;
use crate::results::{Row, RowsResult};

impl Desk {
    /// Finds people.
    pub(crate) async fn contacts(&self, asked: ContactsArguments) -> Result<RowsResult, Failure> {
        let span = Span::new(asked.after, asked.limit);
        self.look_up(Category::Contacts, asked.query, &span, |_| true)
            .await
    }

    /// The hits in one category that `fits`, whole where the agent may read them.
    pub(super) async fn look_up(
        &self,
        category: Category,
        query: String,
        span: &Span,
        fits: impl Fn(&Hit) -> bool,
    ) -> Result<RowsResult, Failure> {
        let (hits, more) = self.hits(vec![category], query, span).await?;
        let may_read = self.agent.scopes.allow(category, Verb::Read);
        let looked_at = hits.len();
        let (mut places, mut rows) = (Vec::new(), Vec::new());
        for (place, hit) in hits.into_iter().enumerate().filter(|(_, hit)| fits(hit)) {
            places.push(place);
            rows.push(if may_read {
                Row::recalled(hit.entry)
            } else {
                Row::glimpsed(hit)
            });
        }
        let (records, left_out) = cut::fitting(rows);
        // The next page begins with the first row that found no room, or behind what was looked at.
        let behind = places.get(records.len()).copied().filter(|_| left_out);
        let next = span.next(behind.unwrap_or(looked_at), left_out || more);
        Ok(RowsResult { records, next })
    }

    /// Tasks, what is due first.
    pub(crate) async fn tasks(
        &self,
        asked: TasksArguments,
        progress: &Progress,
    ) -> Result<RowsResult, Failure> {
        let mut found = self
            .every(
                Category::Tasks,
                |entry| task(entry).is_some_and(|task| asked.fits(task)),
                progress,
            )
            .await?;
        found.sort_by_cached_key(|entry| {
            let task = task(entry).cloned().unwrap_or_default();
            // What has no day, or no priority, comes last.
            (
                task.due.is_none(),
                task.due,
                task.priority.is_none(),
                task.priority,
                task.title,
            )
        });
        let span = Span::new(asked.after, asked.limit);
        let count = found.len();
        let page = found.into_iter().skip(span.skip).take(span.size);
        let (records, left_out) = cut::fitting(page.map(Row::listed).collect());
        let end = span.skip.saturating_add(records.len());
        let next = (left_out || end < count)
            .then_some(end)
            .filter(|_| !records.is_empty());
        Ok(RowsResult { records, next })
    }

    /// Every record of a category that `fits`, page by page, so that others get their turn in between.
    async fn every(
        &self,
        category: Category,
        fits: impl Fn(&Entry) -> bool,
        progress: &Progress,
    ) -> Result<Vec<Entry>, Failure> {
        let (mut found, mut after, mut seen) = (Vec::new(), None, 0);
        loop {
            let limit = Operation::MOST_LISTED;
            let asked = Operation::List {
                category,
                after,
                limit,
            };
            let Answer::Page(page) = self.ask(asked).await? else {
                return Err(unexpected());
            };
            seen += page.entries.len();
            progress.step(seen, usize::try_from(page.total).ok()).await;
            after = page.entries.last().map(|entry| entry.id);
            found.extend(page.entries.into_iter().filter(&fits));
            if !page.more || after.is_none() {
                return Ok(found);
            }
        }
    }
}

impl TasksArguments {
    fn fits(&self, task: &Task) -> bool {
        let on_list = self.list.as_ref().is_none_or(|list| same(list, &task.list));
        let tagged = self
            .tag
            .as_ref()
            .is_none_or(|tag| task.tags.iter().any(|other| same(tag, other)));
        let due = match (&self.due_by, &task.due) {
            (None, _) => true,
            (Some(by), Some(due)) => due.day() <= by.0.day(),
            (Some(_), None) => false,
        };
        task.done == self.done && on_list && tagged && due
    }
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn task(entry: &Entry) -> Option<&Task> {
    match entry.content.record() {
        Record::Task(task) => Some(task),
        _ => None,
    }
}
