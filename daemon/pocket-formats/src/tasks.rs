//! Reading tasks from iCalendar (RFC 5545): each `VTODO` is one. Appointments and journals are no
//! records here and are counted as skipped.

use std::collections::BTreeMap;

use calcard::icalendar::{
    ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarParameterName, ICalendarProperty,
    ICalendarValue,
};
use calcard::{Entry, Parser, common::PartialDateTime};
use pocket_core::{Record, Task, When};
use serde_json::{Map, Value};

use crate::contacts::{CREATED, FIELDS, ID, UPDATED, zone_text};
use crate::fit::{Fitter, Kept};
use crate::markdown::instant;
use crate::text::{starts_with_ignoring_case, stem};
use crate::unfold::{Part, parts, unescape};
use crate::{At, Item, Parsed, Remark, Why};

/// The property in which an export keeps the name of a task's list.
pub(crate) const LIST: &str = "X-POCKETAI-LIST";

/// Reads a stream of calendars.
pub(crate) fn read(path: &str, text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut list = stem(path).to_owned();
    let mut tasks = 0usize;
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for part in parts(text) {
        match part {
            Part::Component { kind, text, closed } if kind == "VTODO" => {
                tasks += 1;
                parsed.take(At::Task(tasks), read_task(&text, &list, closed));
            }
            Part::Component { kind, .. } => {
                *others.entry(kind).or_default() += 1;
            }
            Part::Line(line) if line == "BEGIN:VCALENDAR" => stem(path).clone_into(&mut list),
            Part::Line(line) => {
                if let Some(name) = calendar_name(&line) {
                    list = name;
                }
            }
        }
    }
    others.remove("VTIMEZONE");
    for (kind, count) in &others {
        parsed.skip(At::File, left_out(kind)(*count));
    }
    if tasks == 0 && others.is_empty() {
        parsed.skip(At::File, Why::NoTask);
    }
    parsed
}

fn left_out(kind: &str) -> fn(usize) -> Why {
    match kind {
        "VEVENT" => Why::Events,
        "VJOURNAL" => Why::Journal,
        "VFREEBUSY" => Why::FreeBusy,
        _ => Why::CalendarParts,
    }
}

/// The calendar's name, if `line` says it.
fn calendar_name(line: &str) -> Option<String> {
    let is_name = starts_with_ignoring_case(line, "X-WR-CALNAME") || starts_with_ignoring_case(line, "NAME");
    let (name, value) = line.split_once(':')?;
    let name = name.split(';').next().unwrap_or(name);
    let is_name = is_name && (name.eq_ignore_ascii_case("X-WR-CALNAME") || name.eq_ignore_ascii_case("NAME"));
    Some(unescape(value)).filter(|value| is_name && !value.trim().is_empty())
}

/// Reads one `VTODO`, from `BEGIN` to `END`.
pub(crate) fn read_task(text: &str, list: &str, closed: bool) -> Result<Item, Why> {
    let Entry::ICalendar(calendar) = Parser::new(text).entry() else {
        return Err(Why::UnreadableTask);
    };
    let of_task = |component: &&ICalendarComponent| component.component_type == ICalendarComponentType::VTodo;
    let Some(todo) = calendar.components.iter().find(of_task) else {
        return Err(Why::UnreadableTask);
    };
    let mut fitter = Fitter::default();
    if !closed {
        fitter.remark(Remark::TaskCutOff);
    }
    if calendar.components.len() > 1 {
        fitter.remark(Remark::Reminder);
    }
    let reader = TaskReader { todo, source: text };
    let kept = reader.kept();
    let task = reader.task(list, &mut fitter);
    if task.title.is_empty() && !kept.fields.contains_key("title") {
        return Err(Why::Untitled);
    }
    fitter.finish(Record::Task(task), kept)
}

struct TaskReader<'a> {
    todo: &'a ICalendarComponent,
    source: &'a str,
}

impl TaskReader<'_> {
    fn task(&self, list: &str, fitter: &mut Fitter) -> Task {
        let notes = self.notes();
        let summary = self.text(&ICalendarProperty::Summary).unwrap_or_default();
        let title = if summary.trim().is_empty() {
            notes.lines().next().unwrap_or_default()
        } else {
            &summary
        };
        let tags = self
            .entries(&ICalendarProperty::Categories)
            .flat_map(|entry| entry.values.iter());
        let tags: Vec<String> = tags
            .filter_map(ICalendarValue::as_text)
            .map(str::to_owned)
            .collect();
        let completed = self.when(&ICalendarProperty::Completed, fitter);
        // A task that we exported stands on no list but the one it names.
        let elsewhere = if self.other(ID).is_some() { "" } else { list };
        let list = self.other(LIST).unwrap_or_else(|| elsewhere.to_owned());
        self.remark_left_out(fitter);
        Task {
            title: fitter.line(title),
            list: fitter.line(&list),
            tags: fitter.tags(tags),
            done: self.is_done(fitter) || completed.is_some(),
            completed,
            start: self.when(&ICalendarProperty::Dtstart, fitter),
            due: self.when(&ICalendarProperty::Due, fitter),
            priority: self.priority(),
            repeat: fitter.line(&self.repeat()),
            notes,
        }
    }

    fn kept(&self) -> Kept {
        let fields = self.other(FIELDS);
        let fields = fields.and_then(|json| serde_json::from_str::<Map<String, Value>>(&json).ok());
        let time = |name, property| {
            let own = self.other(name).and_then(|text| instant(&text));
            own.or_else(|| {
                self.when(property, &mut Fitter::default())
                    .and_then(|when| instant(when.as_str()))
            })
        };
        Kept {
            id: self.other(ID).and_then(|id| id.parse().ok()),
            created: time(CREATED, &ICalendarProperty::Created),
            updated: time(UPDATED, &ICalendarProperty::LastModified),
            fields: fields.unwrap_or_default(),
        }
    }

    fn entries<'b>(&'b self, property: &'b ICalendarProperty) -> impl Iterator<Item = &'b ICalendarEntry> {
        self.todo
            .entries
            .iter()
            .filter(move |entry| entry.name == *property)
    }

    fn text(&self, property: &ICalendarProperty) -> Option<String> {
        self.entries(property).find_map(text_of)
    }

    fn other(&self, name: &str) -> Option<String> {
        let mut named = self.todo.entries.iter().filter(
            |entry| matches!(&entry.name, ICalendarProperty::Other(other) if other.eq_ignore_ascii_case(name)),
        );
        named.find_map(text_of)
    }

    /// The description, and what else the task says in words.
    fn notes(&self) -> String {
        let mut all: Vec<String> = self
            .entries(&ICalendarProperty::Description)
            .filter_map(text_of)
            .collect();
        for (property, name) in [
            (ICalendarProperty::Comment, "Comment"),
            (ICalendarProperty::Contact, "Contact"),
            (ICalendarProperty::Location, "Place"),
            (ICalendarProperty::Url, "Link"),
        ] {
            all.extend(
                self.entries(&property)
                    .filter_map(text_of)
                    .map(|text| format!("{name}: {text}")),
            );
        }
        all.join("\n")
    }

    fn is_done(&self, fitter: &mut Fitter) -> bool {
        let status = self.text(&ICalendarProperty::Status).unwrap_or_default();
        if status.eq_ignore_ascii_case("CANCELLED") {
            fitter.remark(Remark::Cancelled);
            return true;
        }
        let all_done = self.number(&ICalendarProperty::PercentComplete) == Some(100);
        status.eq_ignore_ascii_case("COMPLETED") || all_done
    }

    fn number(&self, property: &ICalendarProperty) -> Option<i64> {
        self.entries(property)
            .find_map(|entry| match entry.values.first()? {
                ICalendarValue::Integer(number) => Some(*number),
                other => other.as_text()?.trim().parse().ok(),
            })
    }

    fn priority(&self) -> Option<u8> {
        let number = self.number(&ICalendarProperty::Priority)?;
        u8::try_from(number)
            .ok()
            .filter(|priority| (1..=9).contains(priority))
    }

    fn when(&self, property: &ICalendarProperty, fitter: &mut Fitter) -> Option<When> {
        let entry = self.entries(property).next()?;
        let when = match entry.values.first() {
            Some(ICalendarValue::PartialDateTime(date)) => when_of(date),
            _ => None,
        };
        let has_zone = entry
            .params
            .iter()
            .any(|param| param.name == ICalendarParameterName::Tzid);
        match &when {
            None => fitter.remark(Remark::OddDate),
            Some(_) if has_zone => fitter.remark(Remark::Zone),
            Some(_) => {}
        }
        when
    }

    /// The repeat rule just as the file has it.
    fn repeat(&self) -> String {
        let unfolded = self.source.replace("\r\n ", "").replace("\r\n\t", "");
        let rule = unfolded.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let name = name.split(';').next().unwrap_or(name);
            name.eq_ignore_ascii_case("RRULE")
                .then(|| value.trim().to_owned())
        });
        rule.unwrap_or_default()
    }

    fn remark_left_out(&self, fitter: &mut Fitter) {
        for entry in &self.todo.entries {
            match entry.name {
                ICalendarProperty::Attach => fitter.remark(Remark::Attachment),
                ICalendarProperty::Duration => fitter.remark(Remark::Duration),
                ICalendarProperty::Exdate | ICalendarProperty::Rdate => {
                    fitter.remark(Remark::Exceptions);
                }
                ICalendarProperty::RelatedTo => fitter.remark(Remark::RelatedTask),
                _ => {}
            }
        }
    }
}

fn text_of(entry: &ICalendarEntry) -> Option<String> {
    let texts: Vec<&str> = entry.values.iter().filter_map(ICalendarValue::as_text).collect();
    Some(texts.join(",")).filter(|text| !text.is_empty())
}

fn when_of(date: &PartialDateTime) -> Option<When> {
    let day = format!("{:04}-{:02}-{:02}", date.year?, date.month?, date.day?);
    let Some(hour) = date.hour else {
        return day.parse().ok();
    };
    let (minute, second) = (date.minute.unwrap_or(0), date.second.unwrap_or(0));
    // A leap second is the last second of its minute here.
    let second = second.min(59);
    format!("{day}T{hour:02}:{minute:02}:{second:02}{}", zone_text(date))
        .parse()
        .ok()
}

#[cfg(test)]
#[path = "tasks_tests.rs"]
mod tests;
