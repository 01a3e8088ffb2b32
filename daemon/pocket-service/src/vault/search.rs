//! Searching, and lists in an order of one's own: both are answered by the index, once it has taken in
//! what it could miss.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};

use pocket_core::{Browse, Browsed, Category, Entry, Failure, Hit, Operation, Order, RecordId, Timestamp};
use pocket_search::{Card, Index, Query, SearchError, search, snippet};
use tracing::warn;

use super::records::{MOST_PAGE, size};
use super::{Act, Slice, Vault, Work};
use crate::engine::Now;
use crate::failure;

/// Longest query in bytes.
const LONGEST: usize = 1024;
/// Most lists of tasks that are named.
const MOST_LISTS: usize = 100;

/// A search under way.
pub(crate) struct Searching {
    categories: Vec<Category>,
    query: Query,
    limit: usize,
}

/// A list being made.
pub(crate) struct Browsing {
    category: Category,
    browse: Box<Browse>,
}

impl Vault {
    pub(super) fn search(
        &mut self,
        act: Act,
        categories: &[Category],
        query: &str,
        limit: u32,
    ) -> Result<Work, Failure> {
        let query = parse(query)?;
        let categories: Vec<Category> = categories
            .iter()
            .copied()
            .filter(|category| category.holds_records())
            .collect();
        self.admit(act.permit, &[], act.now)?;
        categories.iter().try_for_each(|category| self.whole(*category))?;
        self.retry_unreadable(&categories);
        Ok(Work::Search(Box::new(Searching {
            categories,
            query,
            limit: usize::try_from(limit.clamp(1, Operation::MOST_LISTED)).unwrap_or(1),
        })))
    }

    /// Takes in what the index lacks; gives what was found once that is done.
    pub(super) fn search_on(
        &mut self,
        searching: &Searching,
        slice: &Slice,
        now: Now,
    ) -> Result<Option<Vec<Hit>>, Failure> {
        let Searching {
            categories,
            query,
            limit,
        } = searching;
        for category in categories {
            if !self.catch_up(*category, slice, now)? {
                return Ok(None);
            }
        }
        let found = self.indexes.with(&self.store, |indexes, files| {
            let chosen: Vec<(Category, &Index)> = categories
                .iter()
                .filter_map(|category| Some((*category, indexes.get(*category)?)))
                .collect();
            search(&chosen, query, *limit, now.wall, files)
        });
        let (found, meant) = match found {
            Ok(found) => found,
            Err(error) => {
                self.mend(categories, &error);
                return Ok(None);
            }
        };
        let mut hits = Vec::new();
        let mut bytes = 0;
        for found in found {
            let entry = self.store.get(found.category, found.id);
            let Some(entry) = entry.map_err(|error| failure::store(&error))? else {
                continue;
            };
            bytes += size(&entry);
            let shown = snippet(entry.content.record(), &meant);
            let marks = shown
                .marks
                .iter()
                .filter_map(|mark| Some((u32::try_from(mark.start).ok()?, u32::try_from(mark.end).ok()?)));
            hits.push(Hit {
                marks: marks.collect(),
                snippet: shown.text,
                entry,
            });
            if bytes >= MOST_PAGE {
                break;
            }
        }
        Ok(Some(hits))
    }

    pub(super) fn browse(
        &mut self,
        act: Act,
        category: Category,
        browse: Box<Browse>,
    ) -> Result<Work, Failure> {
        if browse.words.len() > LONGEST {
            return Err(failure::invalid("these are too many words", "give 1 KiB at most"));
        }
        if !category.holds_records() {
            return Err(failure::invalid(
                "the audit log is no list of records",
                "see `audit show`",
            ));
        }
        self.admit(act.permit, &[], act.now)?;
        self.whole(category)?;
        self.retry_unreadable(&[category]);
        Ok(Work::Browse(Browsing { category, browse }))
    }

    /// Takes in what the index lacks; gives the list once that is done.
    pub(super) fn browse_on(
        &mut self,
        browsing: &Browsing,
        slice: &Slice,
        now: Now,
    ) -> Result<Option<Browsed>, Failure> {
        let Browsing { category, browse } = browsing;
        if !self.catch_up(*category, slice, now)? {
            return Ok(None);
        }
        let rows = self.indexes.with(&self.store, |indexes, files| {
            let Some(index) = indexes.get(*category) else {
                return Ok(Rows::default());
            };
            let narrowed = if browse.words.trim().is_empty() {
                None
            } else {
                let query = Query::narrowing(&browse.words);
                let (found, _) = search(&[(*category, index)], &query, usize::MAX, now.wall, files)?;
                Some(found.iter().map(|found| found.id).collect())
            };
            let mut rows = Rows::default();
            index.for_each_card(files, &mut |id, updated, card| {
                rows.take(browse, narrowed.as_ref(), Row { id, updated, card });
            })?;
            Ok(rows)
        });
        let rows: Rows = match rows {
            Ok(rows) => rows,
            Err(error) => {
                self.mend(&[*category], &error);
                return Ok(None);
            }
        };
        let matching = rows.fitting.len() as u64;
        let lists = rows.lists.iter().take(MOST_LISTS).cloned().collect();
        let mut entries: Vec<Entry> = Vec::new();
        let mut bytes = 0;
        for id in rows.page(browse) {
            let entry = self.store.get(*category, id);
            let entry = entry.map_err(|error| failure::store(&error))?;
            bytes += entry.as_ref().map_or(0, size);
            entries.extend(entry);
            if bytes >= MOST_PAGE {
                break;
            }
        }
        Ok(Some(Browsed {
            entries,
            matching,
            lists,
        }))
    }

    /// An index that can't be read is made anew, which the next piece of work begins.
    fn mend(&mut self, categories: &[Category], error: &SearchError) {
        warn!(%error, "the search index is made anew");
        for category in categories {
            self.indexes.discard(&self.store, *category);
        }
    }
}

fn parse(query: &str) -> Result<Query, Failure> {
    let nothing = || {
        failure::invalid(
            "there is nothing to search for",
            "give one to a few words, 1 KiB at most",
        )
    };
    if query.len() > LONGEST {
        return Err(nothing());
    }
    let query = Query::parse(query).map_err(|error| {
        failure::invalid(
            error.to_string(),
            "correct it: a query is words, `\"a phrase\"`, `begin*`, `title:word`, `#tag`, `+must`, `-not`, `after:2026-11-22`",
        )
    })?;
    if query.is_empty() {
        Err(nothing())
    } else {
        Ok(query)
    }
}

/// What a list may show.
#[derive(Default)]
struct Rows {
    fitting: Vec<Row>,
    lists: BTreeSet<String>,
}

struct Row {
    id: RecordId,
    updated: Timestamp,
    card: Card,
}

impl Rows {
    fn take(&mut self, browse: &Browse, narrowed: Option<&HashSet<RecordId>>, row: Row) {
        if !row.card.list.is_empty() && !self.lists.contains(&row.card.list) {
            self.lists.insert(row.card.list.clone());
        }
        let card = &row.card;
        let fits = narrowed.is_none_or(|ids| ids.contains(&row.id))
            && (browse.tag.is_empty() || card.tags.contains(&browse.tag))
            && (browse.list.is_empty() || card.list == browse.list)
            && browse.done.is_none_or(|done| card.done == done);
        if fits {
            self.fitting.push(row);
        }
    }

    /// The ids of the rows that are asked for, in their order.
    fn page(mut self, browse: &Browse) -> Vec<RecordId> {
        let skip = usize::try_from(browse.skip).unwrap_or(usize::MAX);
        let limit = usize::try_from(browse.limit.clamp(1, Operation::MOST_LISTED)).unwrap_or(1);
        let most = skip.saturating_add(limit);
        let order = |one: &Row, other: &Row| compare(browse.order, one, other);
        if most < self.fitting.len() {
            self.fitting.select_nth_unstable_by(most, order);
            self.fitting.truncate(most);
        }
        self.fitting.sort_unstable_by(order);
        self.fitting.into_iter().skip(skip).map(|row| row.id).collect()
    }
}

/// Which of two rows comes first; the newer of two that are alike.
fn compare(order: Order, one: &Row, other: &Row) -> Ordering {
    let newest = || (other.card.created, one.id).cmp(&(one.card.created, other.id));
    let first = match order {
        Order::Due => due(&one.card).cmp(&due(&other.card)),
        Order::Newest => Ordering::Equal,
        Order::Oldest => one.updated.cmp(&other.updated),
        Order::Title => one.card.title.cmp(&other.card.title),
    };
    first.then_with(newest)
}

/// What is done comes last, and before it what is never due.
fn due(card: &Card) -> (bool, bool, &str, u8, &str) {
    (
        card.done,
        card.due.is_empty(),
        &card.due,
        card.priority,
        &card.title,
    )
}
