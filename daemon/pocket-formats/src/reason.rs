//! Why something in a file was left out, or came in changed: closed lists, so that each door says it in
//! its own language, and so that who read the file is trusted with no words. They never quote content.

use std::borrow::Cow;

use pocket_core::{Category, InvalidRecord, Problem};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where in a file.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// The card of this number.
    #[error("card {0}")]
    Card(usize),
    /// The file as a whole.
    #[error("the file")]
    File,
    /// The line of this number.
    #[error("line {0}")]
    Line(usize),
    /// The note that the file is.
    #[error("note")]
    Note,
    /// The part of this number of a chat that is too long for one record.
    #[error("part {0}")]
    Part(usize),
    /// The record of this number.
    #[error("record {0}")]
    Record(usize),
    /// The task of this number.
    #[error("task {0}")]
    Task(usize),
}

/// Why something was left out.
#[derive(Clone, Debug, Deserialize, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// A line of a chat that belongs to no message.
    #[error("stands before the first message")]
    BeforeFirstMessage,
    /// A document of an export whose bytes did not come along.
    #[error("its bytes lie in a file of their own, which is not here")]
    BytesApart,
    /// Events of a calendar, so many.
    #[error("{0} event(s) left out: only tasks (VTODO) come in from calendars")]
    Events(usize),
    /// Other parts of a calendar, so many.
    #[error("{0} other component(s) left out: only tasks (VTODO) come in from calendars")]
    CalendarParts(usize),
    /// Free and busy times of a calendar, so many.
    #[error("{0} free/busy time(s) left out: only tasks (VTODO) come in from calendars")]
    FreeBusy(usize),
    /// A record that is not acceptable.
    #[error("{category}: {field} {problem}")]
    Invalid {
        /// What it would be.
        category: Category,
        /// The first field at fault.
        field: Cow<'static, str>,
        /// What is wrong with it.
        problem: Problem,
    },
    /// Entries of a journal, so many.
    #[error("{0} journal entry or entries left out: only tasks (VTODO) come in from calendars")]
    Journal(usize),
    /// A card that names nobody.
    #[error("has no name, organisation, e-mail address or telephone number")]
    Nameless,
    /// No card in the file.
    #[error("holds no vCard (no BEGIN:VCARD)")]
    NoCard,
    /// Something in a file of contacts that is none.
    #[error("holds a component that is no contact")]
    NoContact,
    /// A line that no export has.
    #[error("is no line of an export")]
    NoExportLine,
    /// A line that the memory file does not have.
    #[error("is neither an entity nor a relation")]
    NoFact,
    /// A line that is no JSON.
    #[error("is no JSON object")]
    NoJson,
    /// No message in the file.
    #[error("holds no message")]
    NoMessage,
    /// No task in the file.
    #[error("holds no task (no BEGIN:VTODO)")]
    NoTask,
    /// A line of an export whose fields are of another category.
    #[error("the fields are not those of {0}")]
    OtherFields(Category),
    /// A line of an export whose category never comes in.
    #[error("{0} do not come in from files")]
    StaysOut(Category),
    /// A card that can't be read.
    #[error("is no readable vCard")]
    UnreadableCard,
    /// A task that can't be read.
    #[error("is no readable VTODO")]
    UnreadableTask,
    /// A task that says nothing.
    #[error("has no SUMMARY and no DESCRIPTION")]
    Untitled,
}

impl From<&InvalidRecord> for Why {
    fn from(invalid: &InvalidRecord) -> Self {
        Self::Invalid {
            category: invalid.category(),
            field: invalid.field().into(),
            problem: invalid.problem(),
        }
    }
}

/// How a record differs from what the file says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remark {
    /// A file that hangs on a task.
    #[error("attachment left out")]
    Attachment,
    /// Files of a chat.
    #[error("attachments are only named, not included")]
    AttachmentsNamed,
    /// A task that was called off.
    #[error("a cancelled task, kept as done")]
    Cancelled,
    /// A card without an end.
    #[error("the card has no END and may be cut off")]
    CardCutOff,
    /// A message that was too long.
    #[error("a message longer than 8 MiB was cut")]
    CutMessage,
    /// The order of day and month was guessed.
    #[error("dates may be day/month or month/day; read as day/month")]
    DayFirst,
    /// How long a task takes.
    #[error("duration left out")]
    Duration,
    /// Days on which a task does not repeat, or does besides.
    #[error("exceptions to the repeat rule left out")]
    Exceptions,
    /// A path that no export has.
    #[error("the file's path leads out of the export and was ignored")]
    ForeignPath,
    /// A front matter that can't be read.
    #[error("the front matter is no valid YAML and was kept as text")]
    FrontMatter,
    /// Where someone is.
    #[error("geographic position left out")]
    Geo,
    /// A public key.
    #[error("public key left out")]
    Key,
    /// An old file.
    #[error("not UTF-8, read as Windows-1252 (Latin-1)")]
    Latin,
    /// A line that was too long.
    #[error("a line longer than 1 KiB was cut")]
    LongLine,
    /// A list that was too long.
    #[error("more than 256 entries of a list were left out")]
    LongList,
    /// A picture of an organisation.
    #[error("logo left out")]
    Logo,
    /// Days that there are not.
    #[error("some dates do not exist and were left out")]
    NoSuchDates,
    /// A date of no known kind.
    #[error("a date that cannot be read was left out")]
    OddDate,
    /// What an export had added to the format.
    #[error("the fields that PocketAI had added are damaged and were left out")]
    OurFields,
    /// A picture of someone.
    #[error("photo left out")]
    Photo,
    /// A task that belongs to another.
    #[error("link to another task left out")]
    RelatedTask,
    /// An alarm.
    #[error("reminder left out")]
    Reminder,
    /// A rule that repeats from the day of doing.
    #[error("repeats from the due date, not from the day it is done")]
    RepeatsFromDue,
    /// A recording.
    #[error("sound left out")]
    Sound,
    /// A task without an end.
    #[error("the task has no END and may be cut off")]
    TaskCutOff,
    /// A file of wide characters.
    #[error("read as UTF-16")]
    Utf16,
    /// Times of a place.
    #[error("times of a named time zone were kept as local times")]
    Zone,
}

impl Remark {
    /// Adds it to others, once.
    pub(crate) fn add_to(self, remarks: &mut Vec<Self>) {
        if !remarks.contains(&self) {
            remarks.push(self);
        }
    }
}
