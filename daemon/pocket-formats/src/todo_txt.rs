//! Reading todo.txt lists (<https://github.com/todotxt/todo.txt>). Written by hand: the crate for
//! it reads the clock for relative dates and panics on large ones.

use pocket_core::{Record, Task, Timestamp, When};

use crate::fit::{Fitter, Kept};
use crate::markdown::instant;
use crate::text::file_name;
use crate::{At, Item, Parsed, Remark, Why};

/// Reads one task a line.
pub(crate) fn read(path: &str, text: &str) -> Parsed {
    let list = list_of(path);
    let mut parsed = Parsed::default();
    for (line, number) in text.lines().zip(1usize..) {
        if !line.trim().is_empty() {
            parsed.take(At::Line(number), read_line(line.trim(), &list));
        }
    }
    parsed
}

/// The list's name from a file name like `work.todo.txt`; `todo.txt` and `done.txt` name none.
fn list_of(path: &str) -> String {
    let name = file_name(path);
    let stem = name.strip_suffix(".txt").unwrap_or(name);
    match stem {
        "done" | "todo" => String::new(),
        _ => stem
            .strip_suffix(".todo")
            .or_else(|| stem.strip_suffix(".done"))
            .unwrap_or(stem)
            .to_owned(),
    }
}

fn read_line(line: &str, list: &str) -> Result<Item, Why> {
    let mut task = Task::default();
    let mut fitter = Fitter::default();
    let (rest, created) = head(line, &mut task);
    let mut projects = Vec::new();
    let mut words = Vec::new();
    for word in rest.split_whitespace() {
        if !is_marker(word, &mut task, &mut projects, &mut fitter) {
            words.push(word);
        }
    }
    let title = if words.is_empty() {
        rest.to_owned()
    } else {
        words.join(" ")
    };
    task.title = fitter.line(&title);
    let mut projects = projects.into_iter();
    task.list = fitter.line(&projects.next().unwrap_or_else(|| list.to_owned()));
    let contexts = std::mem::take(&mut task.tags);
    task.tags = fitter.tags(projects.chain(contexts));
    let kept = Kept {
        created,
        ..Kept::default()
    };
    fitter.finish(Record::Task(task), kept)
}

/// Reads the mark, the priority and the dates in front; gives back the rest and when it was made.
fn head<'a>(line: &'a str, task: &mut Task) -> (&'a str, Option<Timestamp>) {
    let mut rest = line;
    if let Some(after) = rest.strip_prefix("x ") {
        task.done = true;
        rest = after.trim_start();
    }
    if let Some((letter, after)) = priority(rest) {
        task.priority = Some(letter);
        rest = after;
    }
    let (first, after) = date(rest).map_or((None, rest), |(day, after)| (Some(day), after));
    let (second, after) = date(after).map_or((None, after), |(day, after)| (Some(day), after));
    // A done task has the day of completion first, then that of creation.
    let (completed, created) = if task.done { (first, second) } else { (None, first) };
    task.completed = completed;
    (after, created.and_then(|day| instant(day.as_str())))
}

fn date(text: &str) -> Option<(When, &str)> {
    let (word, rest) = text.split_once(' ')?;
    let is_day = word.len() == 10;
    is_day
        .then(|| word.parse().ok())
        .flatten()
        .map(|day| (day, rest.trim_start()))
}

/// `(A) ` to `(Z) `: 1 for A to 9 for I and beyond.
fn priority(text: &str) -> Option<(u8, &str)> {
    let (letter, rest) = text.strip_prefix('(')?.split_once(") ")?;
    Some((rank(letter)?, rest.trim_start()))
}

fn rank(letter: &str) -> Option<u8> {
    match letter.as_bytes() {
        [letter @ b'A'..=b'Z'] => Some((letter - b'A' + 1).min(9)),
        _ => None,
    }
}

/// Takes a word that stands for something: a project, a context, or a `key:value` that is known.
fn is_marker(word: &str, task: &mut Task, projects: &mut Vec<String>, fitter: &mut Fitter) -> bool {
    if let Some(project) = word.strip_prefix('+').filter(|name| !name.is_empty()) {
        projects.push(project.to_owned());
        return true;
    }
    if let Some(context) = word.strip_prefix('@').filter(|name| !name.is_empty()) {
        task.tags.push(context.to_owned());
        return true;
    }
    let Some((key, value)) = word.split_once(':') else {
        return false;
    };
    match key {
        "due" => task.due = task.due.take().or_else(|| value.parse().ok()),
        "t" => task.start = task.start.take().or_else(|| value.parse().ok()),
        "pri" => task.priority = task.priority.or_else(|| rank(value)),
        "rec" => return repeat(value, word, task, fitter),
        _ => return false,
    }
    // What could not be read stays in the title.
    match key {
        "due" => task.due.is_some(),
        "t" => task.start.is_some(),
        _ => task.priority.is_some(),
    }
}

/// `rec:2w` and `rec:+2w` (days, business days, weeks, months, years) as an RFC 5545 rule.
fn repeat(value: &str, word: &str, task: &mut Task, fitter: &mut Fitter) -> bool {
    let (is_strict, plain) = match value.strip_prefix('+') {
        Some(plain) => (true, plain),
        None => (false, value),
    };
    let unit = plain.chars().next_back().unwrap_or(' ');
    let number = plain.strip_suffix(unit).unwrap_or_default();
    let number = if number.is_empty() {
        Some(1)
    } else {
        number.parse::<u16>().ok()
    };
    let frequency = match unit {
        'd' => Some("FREQ=DAILY"),
        'b' => Some("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        'w' => Some("FREQ=WEEKLY"),
        'm' => Some("FREQ=MONTHLY"),
        'y' => Some("FREQ=YEARLY"),
        _ => None,
    };
    let rule = match (frequency, number) {
        (Some(frequency), Some(1)) => Some(frequency.to_owned()),
        // "Each third business day" has no rule.
        (Some(frequency), Some(number @ 2..)) if unit != 'b' => {
            Some(format!("{frequency};INTERVAL={number}"))
        }
        _ => None,
    };
    match rule {
        Some(rule) => {
            task.repeat = rule;
            if !is_strict {
                fitter.remark(Remark::RepeatsFromDue);
            }
        }
        None => {
            if !task.notes.is_empty() {
                task.notes.push('\n');
            }
            task.notes.push_str(word);
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(line: &str) -> (Task, Item) {
        let item = read_line(line, "file").unwrap();
        match item.content.record().clone() {
            Record::Task(task) => (task, item),
            _ => panic!("no task"),
        }
    }

    #[test]
    fn each_part_of_a_line_finds_its_field() {
        let (open, item) = task(
            "(B) 2026-01-02 Call Mom +Family +Later @phone due:2026-03-04 t:2026-03-01 rec:+2w key:val http://x",
        );
        assert_eq!(open.title, "Call Mom key:val http://x");
        assert_eq!(
            (open.list.as_str(), open.tags.join(",")),
            ("Family", "Later,phone".to_owned())
        );
        assert_eq!(open.priority, Some(2));
        assert_eq!(open.due, "2026-03-04".parse().ok());
        assert_eq!(open.start, "2026-03-01".parse().ok());
        assert_eq!(open.repeat, "FREQ=WEEKLY;INTERVAL=2");
        assert_eq!(item.created, "2026-01-02T00:00:00Z".parse().ok());
        assert!(!open.done);

        let (done, item) = task("x 2026-02-03 2026-02-01 Pay rent pri:Z");
        assert!(done.done);
        assert_eq!(done.completed, "2026-02-03".parse().ok());
        assert_eq!(item.created, "2026-02-01T00:00:00Z".parse().ok());
        assert_eq!((done.title.as_str(), done.list.as_str()), ("Pay rent", "file"));
        assert_eq!(done.priority, Some(9));
    }

    #[test]
    fn what_is_no_marker_stays_in_the_title() {
        assert_eq!(task("xylophone lesson").0.title, "xylophone lesson");
        assert_eq!(task("(a) small").0.title, "(a) small");
        assert_eq!(task("+OnlyProject").0.title, "+OnlyProject");
        assert_eq!(task("x due:soon a").0.title, "due:soon a");
        assert_eq!(task("2 + 2 @ home").0.title, "2 + 2 @ home");
        assert_eq!(task("a rec:3b").0.notes, "rec:3b");
        assert_eq!(task("a rec:99999999999999d due:99999999999999999d").0.repeat, "");
        assert_eq!(task("a rec:1m").0.repeat, "FREQ=MONTHLY");
        assert_eq!(task("a rec:12m").0.repeat, "FREQ=MONTHLY;INTERVAL=12");
        assert_eq!(list_of("x/work.todo.txt"), "work");
        assert_eq!(list_of("todo.txt"), "");
    }
}
