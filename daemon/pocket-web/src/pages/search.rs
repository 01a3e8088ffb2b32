//! Search in one category or all.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{Answer, Category, Failure, Hit, Operation};
use serde::Deserialize;

use crate::door::{Door, unexpected};
use crate::guard::Owner;
use crate::pages::records::view;
use crate::present::{Notice, Phrase, Shell, counted, length, page, title_of};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::{Words, fill};

/// Most hits on the page.
const MOST: u32 = 50;

/// What is looked for, and where.
#[derive(Deserialize)]
pub(crate) struct Asked {
    q: Option<String>,
    #[serde(rename = "in")]
    category: Option<String>,
}

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    shell: Shell,
    query: String,
    chosen: String,
    places: Vec<(&'static str, &'static str)>,
    hits: Vec<Row>,
    asked: bool,
    outcome: Phrase,
}

struct Row {
    path: String,
    title: String,
    place: &'static str,
    /// Pieces of the snippet, and whether each fits.
    snippet: Vec<(bool, String)>,
}

impl Row {
    fn new(t: &Words, hit: Hit) -> Self {
        let category = hit.entry.content.category();
        Self {
            path: view::path(&hit.entry),
            title: view::title(hit.entry.content.record()),
            place: title_of(t, category),
            snippet: pieces(&hit.snippet, &hit.marks),
        }
    }
}

/// A snippet cut where its marks begin and end.
fn pieces(snippet: &str, marks: &[(u32, u32)]) -> Vec<(bool, String)> {
    let mut pieces = Vec::new();
    let mut rest = 0;
    let mut push = |marked, from: usize, to: usize| {
        let piece = snippet.get(from..to).unwrap_or_default();
        if !piece.is_empty() {
            pieces.push((marked, piece.to_owned()));
        }
    };
    for (from, to) in marks {
        let (from, to) = (length_of(*from), length_of(*to));
        push(false, rest, from);
        push(true, from, to);
        rest = to;
    }
    push(false, rest, snippet.len());
    pieces
}

fn length_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The box, and what was found.
pub(crate) async fn show(
    State(door): State<Door>,
    owner: Owner,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let query = asked.q.unwrap_or_default();
    let chosen = asked.category.unwrap_or_default();
    let searchable = Category::ALL
        .into_iter()
        .filter(|category| *category != Category::Audit);
    let mut search = SearchPage {
        shell: Shell::new(&owner, t.search, "/search"),
        query: query.trim().to_owned(),
        places: searchable
            .map(|category| (category.name(), title_of(t, category)))
            .collect(),
        hits: Vec::new(),
        asked: !query.trim().is_empty(),
        outcome: Phrase::default(),
        chosen,
    };
    if search.asked {
        match find(&door, &search.query, &search.chosen).await {
            Ok(hits) => search.hits = hits.into_iter().map(|hit| Row::new(t, hit)).collect(),
            Err(failure) if failure.kind == pocket_core::FailureKind::Locked => return Err(failure.into()),
            Err(failure) => search.shell.notice = Some(Notice::of(owner.look, &failure)),
        }
    }
    search.outcome = if search.hits.is_empty() {
        fill(t.found_nothing, &[&search.query]).into()
    } else {
        counted(t, length(search.hits.len()), t.n_found)
    };
    page(&search)
}

async fn find(door: &Door, query: &str, category: &str) -> Result<Vec<Hit>, Failure> {
    let categories = category.parse().ok().into_iter().collect();
    let operation = Operation::Search {
        categories,
        query: query.to_owned(),
        limit: MOST,
    };
    match door.ask(operation).await?.answer {
        Answer::Hits(hits) => Ok(hits),
        _ => Err(unexpected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_is_cut_at_its_marks() {
        let cut = |marks: &[(u32, u32)]| {
            let pieces = pieces("an ü needle", marks);
            pieces
                .into_iter()
                .map(|(marked, text)| format!("{marked}:{text}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(cut(&[(0, 2), (6, 12)]), ["true:an", "false: ü ", "true:needle"]);
        assert_eq!(cut(&[]), ["false:an ü needle"]);
        // What makes no sense shows nothing, and stops nothing.
        assert_eq!(cut(&[(4, 5), (90, 99)]), [""; 0]);
    }
}
