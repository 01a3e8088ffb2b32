//! Tables: the head of a column says what all below it is.

use crate::Kind;
use crate::find::person;
use crate::labels::{Field, Labels};
use crate::resolve::Find;
use crate::view::{View, is_word};

/// Most columns that are read, and longest cell in letters.
const MOST_COLUMNS: usize = 64;
const LONGEST_CELL: usize = 200;

pub(super) fn find(view: &View, labels: &Labels, finds: &mut Vec<Find>) {
    let mut at = 0;
    let mut table: Option<(char, Vec<Option<Field>>)> = None;
    while at < view.len() {
        let end = view.skip(at, |letter| letter != '\n');
        let row = table
            .as_ref()
            .map(|(sign, columns)| (cells(view, at, end, *sign), columns));
        match row {
            // A name with a comma that is not quoted makes a cell more.
            Some((cells, columns)) if (columns.len()..columns.len() + 2).contains(&cells.len()) => {
                let more = cells.len() - columns.len();
                for (cell, field) in cells.iter().skip(more).zip(columns) {
                    finds.extend(field.and_then(|field| of_cell(view, *cell, field)));
                }
            }
            // The line below the head of a table in Markdown.
            Some(_)
                if view.skip(at, |letter| matches!(letter, '|' | '-' | ':' | ' ' | '+' | '=')) == end
                    && end > at => {}
            _ => table = head(view, labels, at, end),
        }
        at = end + 1;
    }
}

/// The columns of a head: at least two, of which one at least is known.
fn head(view: &View, labels: &Labels, at: usize, end: usize) -> Option<(char, Vec<Option<Field>>)> {
    labels.within(at, end)?;
    let signs = [',', ';', '\t', '|'];
    let sign = signs
        .into_iter()
        .max_by_key(|sign| (at..end).filter(|at| view.small(*at) == *sign).count())?;
    let cells = cells(view, at, end, sign);
    if cells.len() < 2 || cells.len() > MOST_COLUMNS {
        return None;
    }
    if !cells.iter().all(|cell| is_title(view, *cell)) {
        return None;
    }
    let columns: Vec<_> = cells
        .iter()
        .map(|cell| labels.within(cell.start, cell.end))
        .collect();
    // A sentence may have a comma and such a word too.
    let known = columns.iter().flatten().count();
    if known < 2 && columns.len() > 2 {
        return None;
    }
    Some((sign, columns))
}

/// At most three words, without signs of a sentence or of code.
fn is_title(view: &View, cell: Cell) -> bool {
    let text = view.text(cell.start..cell.end);
    let signs = text
        .chars()
        .all(|letter| is_word(letter) || " _-./()#".contains(letter));
    let words = text.split_whitespace().count();
    signs
        && words <= 3
        && text.chars().count() <= 30
        && !text.starts_with("//")
        && !text.contains(|letter: char| letter.is_ascii_digit())
}

#[derive(Clone, Copy)]
struct Cell {
    start: usize,
    end: usize,
}

/// The cells of a line, without quotes and spaces around them.
fn cells(view: &View, at: usize, end: usize, sign: char) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut start = at;
    let mut quoted = false;
    for place in at..=end {
        let letter = if place == end { sign } else { view.small(place) };
        if letter == '"' {
            quoted = !quoted;
        }
        if letter == sign && (!quoted || place == end) {
            cells.push(trimmed(view, start, place));
            start = place + 1;
        }
    }
    if sign == '|' {
        cells.retain(|cell| cell.start < cell.end);
    }
    cells
}

fn trimmed(view: &View, mut start: usize, mut end: usize) -> Cell {
    let around = |letter| matches!(letter, ' ' | '"' | '\'' | '*');
    while start < end && around(view.small(start)) {
        start += 1;
    }
    while end > start && around(view.before(end)) {
        end -= 1;
    }
    Cell { start, end }
}

fn of_cell(view: &View, cell: Cell, field: Field) -> Option<Find> {
    let Cell { start, end } = cell;
    let digits = (start..end).filter(|at| view.small(*at).is_ascii_digit()).count();
    let letters = (start..end).filter(|at| is_word(view.small(*at))).count();
    let kind = match field {
        Field::Account if digits >= 5 => Kind::Iban,
        Field::Address if letters >= 3 => Kind::Address,
        Field::Birth if digits >= 4 => Kind::BirthDate,
        Field::Card if digits >= 12 => Kind::Card,
        Field::CardCheck if digits >= 3 => Kind::Card,
        Field::Coordinate if digits >= 3 => Kind::Coordinates,
        Field::Identity if digits >= 4 => Kind::Identity,
        Field::Password if letters >= 3 => Kind::Secret,
        Field::Person => return person::value(view, start, end, true),
        Field::Phone if digits >= 5 => Kind::Phone,
        Field::Token if digits >= 2 && letters >= 8 => Kind::Key,
        Field::Vehicle if digits >= 2 => Kind::Vehicle,
        _ => return None,
    };
    (end > start && end - start <= LONGEST_CELL).then(|| Find::new(kind, start, end))
}
