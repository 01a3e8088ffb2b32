//! A category as a list: in pages, narrowed by words or a tag, in an order of the owner's.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use pocket_core::{Answer, Category, Entry, Failure, Operation, Page, Record, RecordId, When};

use super::show::{Asked, Show, Sort};
use super::{category_named, now, view};
use crate::door::{Door, unexpected};
use crate::guard::Owner;
use crate::present::{Shell, counted, filters, length, page, records_path, title_of};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::{Words, fill};

use view::Row;

/// Records on a page.
const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "records.html")]
struct ListPage {
    shell: Shell,
    category: &'static str,
    add_path: String,
    add_words: &'static str,
    hint: &'static str,
    count: String,
    rows: Vec<Row>,
    show: Show,
    sorts: Vec<(&'static str, &'static str)>,
    states: [(&'static str, &'static str); 3],
    lists: Vec<String>,
    here: String,
    newest: String,
    older: Option<String>,
    first_page: bool,
}

/// What was found, and what there is besides.
struct Found {
    rows: Vec<Row>,
    older: Option<String>,
    lists: BTreeSet<String>,
}

/// A page of records.
pub(crate) async fn list(
    State(door): State<Door>,
    owner: Owner,
    Path(category): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let category = category_named(&category)?;
    let total = owner
        .status
        .categories
        .iter()
        .find(|status| status.category == category)
        .map_or(0, |status| status.records);
    let show = Show::new(category, total, &asked);
    let t = owner.look.words();
    let found = match show.sort {
        Sort::Newest => newest(&door, t, &show, &asked).await?,
        _ => sorted(&door, t, &show, &asked).await?,
    };
    let documents = category == Category::Documents;
    let mut shell =
        Shell::new(&owner, title_of(t, category), records_path(category)).done(asked.done.as_deref());
    if let Some(notice) = shell
        .notice
        .as_mut()
        .filter(|_| asked.done.as_deref() == Some("deleted"))
    {
        notice.undo = door
            .sessions()
            .has_deleted(owner.session, std::time::Instant::now());
    }
    page(&ListPage {
        shell,
        category: category.name(),
        add_path: if documents {
            "/documents/upload".to_owned()
        } else {
            format!("/records/{category}/new")
        },
        add_words: if documents { t.upload } else { t.add },
        hint: hint(t, category),
        count: count(t, total, &show, found.rows.len(), found.older.is_some()),
        rows: found.rows,
        sorts: sorts(t, category),
        states: [
            ("open", t.open_tasks),
            ("done", t.done_tasks),
            ("all", t.all_tasks),
        ],
        lists: found.lists.into_iter().collect(),
        here: show.path(&[]),
        newest: show.path(&[]),
        show,
        older: found.older,
        first_page: asked.after.is_empty() && asked.page() == 0,
    })
}

fn sorts(t: &Words, category: Category) -> Vec<(&'static str, &'static str)> {
    let mut sorts = vec![
        ("newest", t.newest_first),
        ("oldest", t.oldest_first),
        ("title", t.by_title),
    ];
    if category == Category::Tasks {
        sorts.insert(0, ("due", t.by_due));
    }
    sorts
}

fn count(t: &Words, total: u64, show: &Show, shown: usize, more: bool) -> String {
    let all = counted(total, t.n_records);
    if show.takes_all() {
        return format!("{all}, {}", order(t, show.sort));
    }
    let shown = length(shown).to_string();
    fill(if more { t.shown_and_more } else { t.shown_of }, &[&shown, &all])
}

const fn order(t: &Words, sort: Sort) -> &'static str {
    match sort {
        Sort::Due => t.order_due,
        Sort::Newest => t.order_newest,
        Sort::Oldest => t.order_oldest,
        Sort::Title => t.order_title,
    }
}

const fn hint(t: &Words, category: Category) -> &'static str {
    match category {
        Category::Contacts => t.empty_contacts,
        Category::Conversations => t.empty_conversations,
        Category::Documents => t.empty_documents,
        Category::Memory => t.empty_memory,
        Category::Notes => t.empty_notes,
        Category::Tasks => t.empty_tasks,
        Category::Audit | Category::Outbox | Category::Secrets | Category::Settings => t.empty_outbox,
    }
}

async fn read(door: &Door, category: Category, after: Option<RecordId>, limit: u32) -> Result<Page, Failure> {
    let operation = Operation::List {
        category,
        after,
        limit,
    };
    match door.ask(operation).await?.answer {
        Answer::Page(page) => Ok(page),
        _ => Err(unexpected()),
    }
}

/// The newest that fit, from where the address says: reads no further than the page goes.
async fn newest(door: &Door, t: &Words, show: &Show, asked: &Asked) -> Result<Found, Trouble> {
    let mut after: Option<RecordId> = match asked.after.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|_| Trouble::NotFound)?),
    };
    let limit = if show.takes_all() {
        u32::try_from(PAGE).unwrap_or(1)
    } else {
        Operation::MOST_LISTED
    };
    let mut found = Found {
        rows: Vec::new(),
        older: None,
        lists: BTreeSet::new(),
    };
    loop {
        let page = read(door, show.category, after, limit).await?;
        after = page.entries.last().map(|entry| entry.id);
        for entry in page
            .entries
            .iter()
            .filter(|entry| show.takes(entry.content.record()))
        {
            if found.rows.len() == PAGE {
                let last = found
                    .rows
                    .last()
                    .map(|row| row.id.to_string())
                    .unwrap_or_default();
                found.older = Some(show.path(&[("after", &last)]));
                return Ok(found);
            }
            found.add(entry, t);
        }
        if !page.more || after.is_none() {
            return Ok(found);
        }
        if show.takes_all() && found.rows.len() >= PAGE {
            let last = after.map(|id| id.to_string()).unwrap_or_default();
            found.older = Some(show.path(&[("after", &last)]));
            return Ok(found);
        }
    }
}

impl Found {
    fn add(&mut self, entry: &Entry, t: &Words) {
        self.lists.extend(list_of(entry.content.record()));
        self.rows.push(Row::new(entry, t, now()));
    }
}

/// The list that a task stands on.
fn list_of(record: &Record) -> Option<String> {
    match record {
        Record::Task(task) if !task.list.is_empty() => Some(task.list.clone()),
        _ => None,
    }
}

/// All that fit, sorted, and of these one page.
async fn sorted(door: &Door, t: &Words, show: &Show, asked: &Asked) -> Result<Found, Trouble> {
    let first = asked.page().saturating_mul(PAGE);
    let mut best = Best::new(first.saturating_add(PAGE + 1));
    let mut lists = BTreeSet::new();
    let mut after = None;
    let today = now();
    loop {
        let page = read(door, show.category, after, Operation::MOST_LISTED).await?;
        after = page.entries.last().map(|entry| entry.id);
        for entry in &page.entries {
            let record = entry.content.record();
            lists.extend(list_of(record));
            if show.takes(record) {
                best.offer(key(show.sort, entry), || Row::new(entry, t, today));
            }
        }
        if !page.more || after.is_none() {
            break;
        }
    }
    let rows = best.into_rows();
    let older = (rows.len() > first + PAGE).then(|| show.path(&[("page", &(asked.page() + 1).to_string())]));
    Ok(Found {
        rows: rows.into_iter().skip(first).take(PAGE).collect(),
        older,
        lists,
    })
}

/// The first rows by their keys. Holds at most twice as many as are wanted, and makes only those that
/// may be among them.
struct Best {
    most: usize,
    rows: Vec<(String, Row)>,
    /// The last key that is still among the first, once there are enough.
    worst: Option<String>,
}

impl Best {
    const fn new(most: usize) -> Self {
        Self {
            most,
            rows: Vec::new(),
            worst: None,
        }
    }

    /// Of equal keys the one that came first stays first.
    fn offer(&mut self, key: String, row: impl FnOnce() -> Row) {
        if self.worst.as_ref().is_some_and(|worst| key >= *worst) {
            return;
        }
        self.rows.push((key, row()));
        if self.rows.len() >= self.most.saturating_mul(2) {
            self.keep_best();
            self.worst = self.rows.last().map(|(key, _)| key.clone());
        }
    }

    fn keep_best(&mut self) {
        self.rows.sort_by(|one, other| one.0.cmp(&other.0));
        self.rows.truncate(self.most);
    }

    fn into_rows(mut self) -> Vec<Row> {
        self.keep_best();
        self.rows.into_iter().map(|(_, row)| row).collect()
    }
}

fn key(sort: Sort, entry: &Entry) -> String {
    let record = entry.content.record();
    match (sort, record) {
        (Sort::Due, Record::Task(task)) => format!(
            "{}{}{:02}{}",
            u8::from(task.done),
            task.due.as_ref().map_or("~", When::as_str),
            task.priority.unwrap_or(10),
            task.title.to_lowercase()
        ),
        (Sort::Title, _) => record.title().to_lowercase(),
        _ => format!("{:020}", entry.updated.millis()),
    }
}
