//! Ticking tasks off. One that repeats is due again at its next date instead.

use axum::extract::{Path, State};
use axum::response::Response;
use jiff::Span;
use jiff::civil::{Date, DateTime};
use pocket_core::{Category, Content, Operation, Record, Task, When};

use super::{id_named, now, read, view};
use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::present::{go, own_path};
use crate::trouble::Trouble;

/// Steps after which a date is given up: a daily task that nobody ticked off for a hundred years.
const MOST_STEPS: u32 = 40_000;

/// Ticks a task off, or takes the tick away.
pub(crate) async fn tick(
    State(door): State<Door>,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let entry = read(&door, Category::Tasks, id_named(&id)?).await?;
    let Record::Task(task) = entry.content.record().clone() else {
        return Err(Trouble::NotFound);
    };
    let today = When::from_instant(now());
    let (task, again) = ticked(task, &today);
    let content = Content::check(Record::Task(task)).map_err(|_| unexpected())?;
    let operation = Operation::Edit {
        id: entry.id,
        content: Box::new(content),
        revision: Some(entry.revision),
    };
    door.ask(operation).await?;
    let done = if again { "again" } else { "saved" };
    let back = match fields.text("back") {
        "" => view::path(&entry),
        back => own_path(back).to_owned(),
    };
    let between = if back.contains('?') { '&' } else { '?' };
    Ok(go(&format!("{back}{between}done={done}")))
}

/// The task as it is afterwards, and whether it was put off to its next date.
fn ticked(mut task: Task, now: &When) -> (Task, bool) {
    let next = task.due.as_ref().filter(|_| !task.done).and_then(|due| {
        let rule = Rule::parse(&task.repeat)?;
        rule.after(due, now.day())
    });
    if let Some(next) = next {
        task.due = Some(next);
        return (task, true);
    }
    task.done = !task.done;
    task.completed = task.done.then(|| now.clone());
    (task, false)
}

/// The plain repeats of RFC 5545: every so many days, weeks, months or years.
struct Rule {
    step: Span,
}

impl Rule {
    /// `None` for one with more parts than these: it is not guessed at.
    fn parse(text: &str) -> Option<Self> {
        let mut frequency = None;
        let mut interval = 1;
        for part in text.trim().trim_start_matches("RRULE:").split(';') {
            match part.split_once('=')? {
                ("FREQ", value) => frequency = Some(value),
                ("INTERVAL", value) => {
                    interval = value
                        .parse::<i64>()
                        .ok()
                        .filter(|every| (1..=1000).contains(every))?;
                }
                _ => return None,
            }
        }
        let step = match frequency? {
            "DAILY" => Span::new().days(interval),
            "WEEKLY" => Span::new().weeks(interval),
            "MONTHLY" => Span::new().months(interval),
            "YEARLY" => Span::new().years(interval),
            _ => return None,
        };
        Some(Self { step })
    }

    /// The first date after `due` that is not before `today`. Counted from `due` itself: a month that
    /// is too short in between leaves the day of the month as it is.
    fn after(&self, due: &When, today: &str) -> Option<When> {
        let zone = if due.as_str().ends_with('Z') { "Z" } else { "" };
        let text = due.as_str().trim_end_matches('Z');
        let today: Date = today.parse().ok()?;
        let begun: DateTime = text.parse().ok()?;
        for times in 1..=MOST_STEPS {
            let step = self.step.checked_mul(times.into()).ok()?;
            let next = begun.checked_add(step).ok()?;
            if next.date() >= today {
                let next = if text.len() == 10 {
                    next.date().to_string()
                } else {
                    format!("{next:.0}{zone}")
                };
                return next.parse().ok();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rule: &str, due: &str, now: &str) -> Option<String> {
        let task = Task {
            due: due.parse().ok(),
            repeat: rule.to_owned(),
            ..Task::default()
        };
        let (task, again) = ticked(task, &now.parse().unwrap());
        assert_eq!(again, !task.done);
        task.due.filter(|_| again).map(|due| due.to_string())
    }

    #[test]
    fn a_task_that_repeats_is_due_again() {
        for (rule, due, next) in [
            ("FREQ=DAILY", "2026-11-20", Some("2026-11-22")),
            ("FREQ=DAILY;INTERVAL=3", "2026-11-22", Some("2026-11-25")),
            ("FREQ=WEEKLY", "2026-11-16", Some("2026-11-23")),
            ("FREQ=MONTHLY", "2026-10-31", Some("2026-11-30")),
            ("FREQ=YEARLY", "2024-02-29", Some("2027-02-28")),
            ("FREQ=WEEKLY", "2026-11-16T10:30:00", Some("2026-11-23T10:30:00")),
            (
                "FREQ=WEEKLY",
                "2026-11-16T10:30:00Z",
                Some("2026-11-23T10:30:00Z"),
            ),
            ("FREQ=WEEKLY;BYDAY=MO,TH", "2026-11-16", None),
            ("FREQ=DAILY;INTERVAL=0", "2026-11-16", None),
            ("", "2026-11-16", None),
            ("nonsense", "2026-11-16", None),
        ] {
            assert_eq!(
                after(rule, due, "2026-11-22T08:00:00Z").as_deref(),
                next,
                "{rule} {due}"
            );
        }
    }

    #[test]
    fn a_tick_is_set_and_taken_away() {
        let now: When = "2026-11-22T08:00:00Z".parse().unwrap();
        let (done, _) = ticked(Task::default(), &now);
        assert!(done.done && done.completed == Some(now.clone()));
        let (open, _) = ticked(done, &now);
        assert!(!open.done && open.completed.is_none());
    }
}
