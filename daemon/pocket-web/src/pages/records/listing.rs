//! A category as a list: in pages, narrowed by words or a tag, in an order of the owner's.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use pocket_core::{Answer, Category, Entry, Operation, Order, RecordId};

use super::show::{Asked, Show};
use super::{category_named, now, view};
use crate::door::{Door, unexpected};
use crate::guard::Owner;
use crate::present::{Phrase, Shell, counted, filled, filters, number, page, records_path, title_of};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::Words;

use view::Row;

/// Records on a page.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "records.html")]
struct ListPage {
    shell: Shell,
    category: &'static str,
    add_path: String,
    add_words: &'static str,
    hint: &'static str,
    count: Phrase,
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
    lists: Vec<String>,
    /// How many there are in all.
    matching: u64,
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
    let show = Show::new(category, &asked);
    let t = owner.look.words();
    let found = if show.is_plain() {
        newest(&door, t, &show, &asked).await?
    } else {
        browse(&door, t, &show, &asked).await?
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
        count: count(t, total, &show, found.matching),
        rows: found.rows,
        sorts: sorts(t, category),
        states: [
            ("open", t.open_tasks),
            ("done", t.done_tasks),
            ("all", t.all_tasks),
        ],
        lists: found.lists,
        here: show.path(&[]),
        newest: show.path(&[]),
        show,
        older: found.older,
        first_page: asked.after.is_empty() && asked.from() == 0,
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

fn count(t: &Words, total: u64, show: &Show, matching: u64) -> Phrase {
    let all = counted(t, total, t.n_records);
    if show.takes_all() {
        return Phrase::joined([all, order(t, show.sort).into()], ", ");
    }
    filled(t.shown_of, &[number(t, matching), all])
}

const fn order(t: &Words, sort: Order) -> &'static str {
    match sort {
        Order::Due => t.order_due,
        Order::Newest => t.order_newest,
        Order::Oldest => t.order_oldest,
        Order::Title => t.order_title,
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

/// The newest, from where the address says: the order that the device keeps, so that no more is read
/// than is shown.
async fn newest(door: &Door, t: &Words, show: &Show, asked: &Asked) -> Result<Found, Trouble> {
    let after: Option<RecordId> = match asked.after.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|_| Trouble::NotFound)?),
    };
    let operation = Operation::List {
        category: show.category,
        after,
        limit: PAGE,
    };
    let Answer::Page(page) = door.ask(operation).await?.answer else {
        return Err(unexpected().into());
    };
    let last = page.entries.last().filter(|_| page.more);
    let last = last.map(|entry| entry.id.to_string());
    Ok(Found {
        rows: rows(t, &page.entries),
        older: last.map(|last| show.path(&[("after", &last)])),
        lists: Vec::new(),
        matching: page.total,
    })
}

/// One page of what fits, in the order that was asked for.
async fn browse(door: &Door, t: &Words, show: &Show, asked: &Asked) -> Result<Found, Trouble> {
    let skip = asked.from();
    let operation = Operation::Browse {
        category: show.category,
        browse: Box::new(show.browse(skip, PAGE)),
    };
    let Answer::Browsed(browsed) = door.ask(operation).await?.answer else {
        return Err(unexpected().into());
    };
    // A page of large records may hold fewer: the next one begins behind those that are shown.
    let shown = u32::try_from(browsed.entries.len()).unwrap_or(PAGE);
    let next = skip.saturating_add(shown);
    let more = shown > 0 && u64::from(next) < browsed.matching;
    Ok(Found {
        rows: rows(t, &browsed.entries),
        older: more.then(|| show.path(&[("from", &next.to_string())])),
        lists: browsed.lists,
        matching: browsed.matching,
    })
}

fn rows(t: &Words, entries: &[Entry]) -> Vec<Row> {
    let today = now();
    entries.iter().map(|entry| Row::new(entry, t, today)).collect()
}
