//! Files that go with a question: of a picture its pixels, of anything else its text.

use pocket_core::{Extract, Failure, FailureKind, FileHead, ReaderJob, SHOWN_SIDE, Unreadable};
use pocket_crypto::SecretBytes;
use pocket_models::MOST_PICTURES;
use pocket_privacy::CleanPicture;
use zeroize::Zeroizing;

use crate::extraction;
use crate::failure;
use crate::handle::Request;
use crate::reader::{ReadError, Reader};

/// Most bytes of one file, as it comes: 8 MiB, a large photograph of a telephone.
pub const MOST_ATTACHED: usize = 8 * 1024 * 1024;

/// Longest name of a file that is given along, in characters.
const LONGEST_NAME: usize = 255;

/// What was made of the files so far, for the next question.
#[derive(Default)]
pub struct Attachments {
    texts: Zeroizing<String>,
    pictures: Vec<CleanPicture>,
    files: usize,
}

impl Attachments {
    /// Has a file read by a program without power: of what it holds nothing else goes along.
    ///
    /// # Errors
    /// [`Failure`] names the file when it can't be read, or is too much.
    pub async fn add(&mut self, reader: &Reader, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        // It stands ahead of the text: a line of its own, and no more.
        let name: String = name
            .chars()
            .filter(|c| !c.is_control())
            .take(LONGEST_NAME)
            .collect();
        let name = name.as_str();
        if bytes.len() > MOST_ATTACHED {
            return Err(failure::invalid(
                format!("{name} has more than 8 MiB"),
                "attach the part that matters, or a smaller picture",
            ));
        }
        if self.files == MOST_PICTURES {
            return Err(failure::invalid(
                format!("more than {MOST_PICTURES} files with a question"),
                "ask with fewer",
            ));
        }
        match reader.clean_picture(bytes, SHOWN_SIDE).await {
            Ok(picture) => self.pictures.push(picture),
            Err(ReadError::Unreadable(Unreadable::Unsupported)) => {
                let text = text(reader, name, bytes).await?;
                self.texts.push_str(&format!("{name}:\n{}\n\n", text.trim_end()));
            }
            Err(error) => return Err(unusable(name, error)),
        }
        self.files += 1;
        Ok(())
    }

    /// The question with all of them: texts ahead of its words, pictures beside them.
    #[must_use]
    pub fn with(self, mut request: Request) -> Request {
        if !self.texts.is_empty() {
            let words = request
                .payload
                .take()
                .unwrap_or_else(|| SecretBytes::new(Vec::new()));
            let whole = [self.texts.as_bytes(), words.expose_bytes()].concat();
            request.payload = Some(SecretBytes::new(whole));
        }
        request.pictures = self.pictures;
        request
    }
}

/// All the text of a file: a part of it would be taken for the whole.
async fn text(reader: &Reader, name: &str, bytes: &[u8]) -> Result<Zeroizing<String>, Failure> {
    let head = FileHead {
        job: ReaderJob::Text,
        name: name.to_owned(),
        media_type: String::new(),
        size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
    };
    let read = reader
        .all(head, bytes)
        .await
        .map_err(|error| unusable(name, error))?;
    let Extract { text, cut, .. } =
        extraction::decode(&read).map_err(|reason| unusable(name, reason.into()))?;
    let text = Zeroizing::new(text);
    if cut {
        return Err(unusable(name, Unreadable::TooLarge.into()));
    }
    if text.trim().is_empty() {
        return Err(failure::invalid(
            format!("there is no text in {name}"),
            "attach it as a picture, if it is a scan",
        ));
    }
    Ok(text)
}

fn unusable(name: &str, error: ReadError) -> Failure {
    match error {
        ReadError::Unreadable(reason) => Failure::new(
            FailureKind::Invalid,
            format!("{name} can't go along: {reason}"),
            "attach it as text, or as a picture in PNG or JPEG; what can't be read does not leave",
        ),
        other => other.into_failure(),
    }
}
