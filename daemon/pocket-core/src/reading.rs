//! What was read out of a document's bytes: how far that has come, why it failed, and the preview.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

/// Most bytes of a preview: 12 KiB, so that a list of documents stays small.
pub const MOST_THUMBNAIL: usize = 12 * 1024;
/// Most bytes of text that are taken out of a file: 4 MiB, about two thousand pages.
pub const MOST_TEXT: usize = 4 * 1024 * 1024;
/// Largest file that is read, in bytes: 64 MiB.
pub const MOST_READ: u64 = 64 * 1024 * 1024;

/// Longest side of a picture or page that is shown, in pixels.
pub const SHOWN_SIDE: u32 = 1600;

/// What a reader is to do with a file.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ReaderJob {
    /// Say of what kind a file is that is to be imported, by its name and its beginning.
    Describe,
    /// Give the records in it, one to a line.
    Import,
    /// Give a page of it as a picture.
    Page {
        /// Which one, from 1.
        number: u32,
    },
    /// Give it as a picture with pixels alone, no side longer than [`SHOWN_SIDE`].
    Picture,
    /// It is no file but a passphrase: say how hard it is to guess, as a [`crate::Strength`].
    Strength,
    /// Give it as a picture that may be sent elsewhere: pixels alone, as they are seen, and no more of them
    /// than are asked for.
    Pixels {
        /// The longest side, in pixels.
        side: u32,
        /// The most bytes of the file.
        most: u32,
    },
    /// Give its text: an [`Extract`].
    Text,
    /// Give a small picture of it: a JPEG file of at most [`MOST_THUMBNAIL`] bytes.
    Thumbnail,
}

/// What a reader is told ahead of the file's bytes: on its standard input, where no other user of the
/// machine sees it, behind its own length (4 bytes, little endian).
#[derive(Clone, Deserialize, Serialize)]
pub struct FileHead {
    /// What to do.
    pub job: ReaderJob,
    /// The file's name; for an import the path in the folder that is imported.
    pub name: String,
    /// What it is said to be.
    pub media_type: String,
    /// How many bytes the whole file has.
    pub size: u64,
}

/// The text of a file.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Extract {
    /// The text; pages are separated by U+000C.
    pub text: String,
    /// How many pages there are; 0 where the format has none.
    pub pages: u32,
    /// Whether there is more text than is kept.
    pub cut: bool,
}

/// How far the text of a document has been read out of its bytes. Set by the device.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// There are no bytes to read.
    #[default]
    None,
    /// It waits for its turn.
    Pending,
    /// It was read; its text is what the file says.
    Done,
    /// It was read; of its text only the first [`MOST_TEXT`] bytes are kept.
    Partly,
    /// It could not be read, and is not tried again.
    Failed(Unreadable),
}

/// Why a file could not be read. A closed list, because who read it is trusted with no words.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreadable {
    /// It does not keep to its format.
    #[error("it is damaged")]
    Damaged,
    /// It takes more memory than a reader may have, or its reader broke down on it.
    #[error("its reader broke down on it: it is damaged, or takes more memory than there is for it")]
    Broke,
    /// There is no such page in it.
    #[error("it has no such page")]
    NoSuchPage,
    /// It is encrypted.
    #[error("it is protected with a password")]
    Protected,
    /// It is larger than is read.
    #[error("it is too large to be read")]
    TooLarge,
    /// It took longer than a reader may take.
    #[error("it takes too long to be read")]
    TooLong,
    /// The kernel can't take a reader's powers away.
    #[error("this kernel has no seccomp filter for it: a file of a stranger is not read without one")]
    Unsafe,
    /// There is no reader for its format.
    #[error("nothing here reads its format")]
    Unsupported,
}

impl Unreadable {
    /// Each with the exit code by which a reader says it.
    const CODES: [(Self, u8); 8] = [
        (Self::Broke, 10),
        (Self::Damaged, 11),
        (Self::NoSuchPage, 12),
        (Self::Protected, 13),
        (Self::TooLarge, 14),
        (Self::TooLong, 15),
        (Self::Unsafe, 16),
        (Self::Unsupported, 17),
    ];

    /// The exit code by which a reader says it.
    pub fn code(self) -> u8 {
        let of = Self::CODES.into_iter().find(|(reason, _)| *reason == self);
        of.map_or(1, |(_, code)| code)
    }

    /// What an exit code of a reader says; one that it should not have is a reader that broke down.
    pub fn of_code(code: u8) -> Self {
        let of = Self::CODES.into_iter().find(|(_, known)| *known == code);
        of.map_or(Self::Broke, |(reason, _)| reason)
    }
}

/// A small picture of a document, as the bytes of a JPEG file; empty when there is none. It is stored
/// with the record and appears in no JSON: neither programs nor exports get it.
#[derive(Clone, Default, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Thumbnail(Vec<u8>);

impl Thumbnail {
    /// Takes the bytes of a JPEG file of at most [`MOST_THUMBNAIL`]; anything else is no preview.
    pub fn new(jpeg: Vec<u8>) -> Option<Self> {
        let fits = jpeg.len() <= MOST_THUMBNAIL && jpeg.starts_with(b"\xff\xd8\xff");
        fits.then_some(Self(jpeg))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Thumbnail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Err(de::Error::custom("a preview is made by the device alone"));
        }
        let bytes = Vec::deserialize(deserializer)?;
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        Self::new(bytes).ok_or_else(|| de::Error::custom("a preview is a JPEG file of at most 12 KiB"))
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no bytes"),
            Self::Pending => f.write_str("not read yet"),
            Self::Done => f.write_str("read"),
            Self::Partly => f.write_str("read, its text cut"),
            Self::Failed(reason) => write!(f, "not read: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;

    #[test]
    fn a_reason_is_told_by_its_code_and_an_odd_code_is_a_breakdown() {
        for (reason, code) in Unreadable::CODES {
            assert_eq!((reason.code(), Unreadable::of_code(code)), (code, reason));
        }
        for code in [0, 1, 101, 255] {
            assert_eq!(Unreadable::of_code(code), Unreadable::Broke);
        }
    }

    #[test]
    fn a_preview_is_stored_and_in_no_json() {
        let document = Document {
            name: "a.pdf".to_owned(),
            thumbnail: Thumbnail::new(b"\xff\xd8\xff\xe0 pixels".to_vec()).unwrap_or_default(),
            reading: Reading::Failed(Unreadable::Protected),
            ..Document::default()
        };
        let json = serde_json::to_value(&document).unwrap_or_default();
        assert_eq!(json["reading"], serde_json::json!({"failed": "protected"}));
        assert!(json.get("thumbnail").is_none());
        let back: Result<Document, _> = serde_json::from_value(json);
        assert!(back.is_ok_and(|back| back.thumbnail.is_empty() && back.reading == document.reading));
        let forged = r#"{"name":"a","thumbnail":[255,216,255]}"#;
        assert!(serde_json::from_str::<Document>(forged).is_err());
        let stored = postcard::to_stdvec(&document).unwrap_or_default();
        assert!(postcard::from_bytes::<Document>(&stored).is_ok_and(|back| back == document));
        assert!(Thumbnail::new(b"<svg>".to_vec()).is_none());
        assert!(Thumbnail::new([b"\xff\xd8\xff".as_slice(), &[0; MOST_THUMBNAIL]].concat()).is_none());
    }

    #[test]
    fn sizes_are_those_that_are_documented() {
        assert_eq!(
            (MOST_THUMBNAIL, MOST_TEXT, MOST_READ),
            (12_288, 4_194_304, 67_108_864)
        );
        let jpeg = [b"\xff\xd8\xff".as_slice(), &[7; 12_285]].concat();
        let largest = Thumbnail::new(jpeg.clone()).unwrap();
        assert!(largest.bytes() == jpeg && !largest.is_empty());
    }

    #[test]
    fn how_far_a_reading_is_can_be_told() {
        for (reading, said) in [
            (Reading::None, "no bytes"),
            (Reading::Pending, "not read yet"),
            (Reading::Done, "read"),
            (Reading::Partly, "read, its text cut"),
        ] {
            assert_eq!(reading.to_string(), said);
        }
        let failed = Reading::Failed(Unreadable::Protected).to_string();
        assert_eq!(failed, format!("not read: {}", Unreadable::Protected));
    }
}
