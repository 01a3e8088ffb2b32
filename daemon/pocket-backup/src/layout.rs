//! How the inside of an archive is laid out: JSON lines of records as an export has them, with revision and
//! origin; lines for what an export leaves out; and which file goes by which name.

use pocket_core::{Category, Content, Entry, Origin, Record, RecordId, Timestamp};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::manifest::{hex, unhex};

/// The folder of the documents' bytes.
const DOCUMENTS: &str = "documents/";
/// Longest part of a document's name that goes into its name here, in bytes.
const MOST_NAME: usize = 60;

/// Said to who opens an archive without PocketAI.
pub(crate) const READ_ME: &str = "This is a backup of a PocketAI device.\n\n\
CATEGORY.jsonl, CATEGORY-2.jsonl ...  one record a line, as JSON; of two lines with one id the later counts\n\
documents/                            the bytes of documents, each named by the id of its record\n\
secrets.jsonl                         names of secrets, and lines with their values\n\
removed.jsonl                         what was removed while the backup was made\n\
device.jsonl                          agents, providers and the broker, in the device's own form\n\
audit.jsonl                           the audit log, the oldest entry first\n\
manifest.json                         what all of these are, each with its SHA-256\n\
manifest.hmac                         vouches for the manifest, for who has the recovery key\n\n\
`pocketctl backup restore FILE` makes a new device of it. `pocketctl import FOLDER` brings the records of\n\
the unpacked folder to a device that is in use.\n";

/// What lines of one file are about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Sheet {
    Audit,
    Device,
    ReadMe,
    Records(Category),
    Removed,
}

impl Sheet {
    const fn stem(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Device => "device",
            Self::ReadMe => "README",
            Self::Records(category) => category.name(),
            Self::Removed => "removed",
        }
    }

    /// The name of its file number `number`, from 1.
    pub(crate) fn name(self, number: u32) -> String {
        let stem = self.stem();
        match (self, number) {
            (Self::ReadMe, _) => format!("{stem}.txt"),
            (_, 1) => format!("{stem}.jsonl"),
            _ => format!("{stem}-{number}.jsonl"),
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        let records = Category::ALL
            .into_iter()
            .filter(|category| category.holds_records())
            .map(Self::Records);
        [Self::Audit, Self::Device, Self::ReadMe, Self::Removed]
            .into_iter()
            .chain(records)
    }
}

/// What a member is, by its name.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Name {
    File(RecordId),
    Sheet(Sheet, u32),
}

impl Name {
    /// Only names that [`Sheet::name`] and [`file_name`] make are names at all.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if let Some(rest) = name.strip_prefix(DOCUMENTS) {
            let id = rest.get(..32)?.parse().ok()?;
            let tail = rest.get(32..)?.strip_prefix('-')?;
            return (safe(tail) == tail).then_some(Self::File(id));
        }
        let (stem, _) = name.rsplit_once('.')?;
        let number = match stem.split_once('-') {
            Some((_, number)) => number.parse().ok()?,
            None => 1,
        };
        let sheet = Sheet::all().find(|sheet| sheet.name(number) == name)?;
        Some(Self::Sheet(sheet, number))
    }
}

/// Where the bytes of a document lie.
pub(crate) fn file_name(id: RecordId, name: &str) -> String {
    format!("{DOCUMENTS}{id}-{}", safe(name))
}

fn safe(name: &str) -> String {
    let mut safe: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') {
                c
            } else {
                '-'
            }
        })
        .collect();
    safe.truncate(MOST_NAME);
    safe
}

/// A line of records.
#[derive(Serialize)]
struct Written<'a> {
    category: Category,
    id: RecordId,
    created: Timestamp,
    updated: Timestamp,
    revision: u32,
    origin: Origin,
    fields: Fields<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

struct Fields<'a>(&'a Record);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_fields(serializer)
    }
}

/// A line of a record, or the value of a secret.
#[derive(Deserialize)]
#[serde(untagged)]
enum Read {
    Record {
        category: Category,
        id: RecordId,
        created: Timestamp,
        updated: Timestamp,
        revision: u32,
        origin: Origin,
        fields: Value,
    },
    Value {
        secret: RecordId,
        value: Option<String>,
        hex: Option<String>,
    },
}

#[derive(Serialize)]
struct Secret<'a> {
    secret: RecordId,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    hex: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Removed {
    category: Category,
    id: RecordId,
}

/// What a line of records says.
pub(crate) enum Line {
    Record(Box<Entry>),
    Value(RecordId, Vec<u8>),
}

pub(crate) fn record(entry: &Entry) -> Option<Vec<u8>> {
    let file = match entry.content.record() {
        Record::Document(document) if !document.sha256.is_empty() => {
            Some(file_name(entry.id, &document.name))
        }
        _ => None,
    };
    line(&Written {
        category: entry.content.category(),
        id: entry.id,
        created: entry.created,
        updated: entry.updated,
        revision: entry.revision,
        origin: entry.origin,
        fields: Fields(entry.content.record()),
        file,
    })
}

pub(crate) fn value(id: RecordId, value: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(value).ok();
    line(&Secret {
        secret: id,
        value: text,
        hex: text.is_none().then(|| hex(value)),
    })
}

pub(crate) fn row(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    line(&Row {
        name: name.to_owned(),
        hex: hex(bytes),
    })
}

pub(crate) fn removed(category: Category, id: RecordId) -> Option<Vec<u8>> {
    line(&Removed { category, id })
}

/// A value on a line of its own.
pub(crate) fn line(value: &impl Serialize) -> Option<Vec<u8>> {
    let mut line = serde_json::to_vec(value).ok()?;
    line.push(b'\n');
    Some(line)
}

/// Reads a line of the records of `category`.
pub(crate) fn read_record(of: Category, line: &[u8]) -> Option<Line> {
    match serde_json::from_slice(line).ok()? {
        Read::Record {
            category,
            id,
            created,
            updated,
            revision,
            origin,
            fields,
        } => {
            let record = Record::deserialize_fields(category, fields).ok()?;
            let content = Content::check(record).ok()?;
            (category == of && revision > 0).then(|| {
                Line::Record(Box::new(Entry {
                    id,
                    created,
                    updated,
                    revision,
                    origin,
                    content,
                }))
            })
        }
        Read::Value { secret, value, hex } => {
            let bytes = match (value, hex) {
                (Some(text), None) => text.into_bytes(),
                (None, Some(hex)) => unhex(&hex)?,
                _ => return None,
            };
            (of == Category::Secrets).then_some(Line::Value(secret, bytes))
        }
    }
}

pub(crate) fn read_row(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let row: Row = serde_json::from_slice(line).ok()?;
    Some((row.name, unhex(&row.hex)?))
}

pub(crate) fn read_removed(line: &[u8]) -> Option<(Category, RecordId)> {
    let Removed { category, id } = serde_json::from_slice(line).ok()?;
    category.holds_records().then_some((category, id))
}
