//! Documents on their way in, 1 MiB at a time, so that files of any size pass through a small memory.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use pocket_core::{Answer, Content, Document, Failure, NewEntry, Operation, Record, RecordId};
use pocket_crypto::SecretBytes;

use crate::again::Again;
use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::records::form::split_tags;
use crate::parts::{Cutter, Part, Upload, invalid, no_file};
use crate::present::{Notice, Shell, counted_plain, go, length, page_after};
use crate::trouble::Trouble;
use crate::words::Words;

/// Most files at once.
const MOST_FILES: usize = 256;
/// Most bytes of all files of one form: 4 GiB.
const MOST_AT_ONCE: u64 = 4 * 1024 * 1024 * 1024;
/// More than stands in a form besides the bytes of its files: the heads of 256 parts and the texts.
const AROUND: u64 = 1024 * 1024;

/// Asks for files.
#[derive(Template)]
#[template(path = "upload.html")]
pub(crate) struct UploadPage {
    shell: Shell,
    note: String,
    tags: String,
}

impl UploadPage {
    fn new(owner: &Owner) -> Self {
        Self {
            shell: Shell::new(owner, owner.look.words().upload_title, "/records/documents"),
            note: String::new(),
            tags: String::new(),
        }
    }

    /// With what was typed elsewhere about a document.
    pub(crate) fn with(owner: &Owner, notice: Notice, fields: &Fields) -> Self {
        let mut form = Self::new(owner);
        form.shell.notice = Some(notice);
        form.shell.unsaved = true;
        form.note = fields.text("note").to_owned();
        form.tags = fields.text("tags").to_owned();
        form
    }
}

/// Asks for files.
pub(crate) async fn upload(owner: Owner, again: Again) -> Result<Response, Trouble> {
    let form = UploadPage::new(&owner);
    let form = UploadPage {
        shell: again.tell(form.shell),
        note: again.text_or("note", String::new),
        tags: again.text_or("tags", String::new),
    };
    again.page(&form)
}

/// Takes them in.
pub(crate) async fn submit_upload(
    State(door): State<Door>,
    owner: Owner,
    headers: HeaderMap,
    upload: Upload,
) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let mut intake = Intake::new(t);
    let taken = match announced(&headers) {
        Some(bytes) if bytes > MOST_AT_ONCE + AROUND => Err(intake.too_much()),
        _ => intake.take(&door, upload).await,
    };
    match taken {
        Ok(()) => Ok(go("/records/documents?done=uploaded")),
        Err(mut failure) => {
            if intake.stored > 0 {
                let stored = counted_plain(t, length(intake.stored), t.n_stored);
                failure.remedy = format!("{}; {stored}", failure.remedy);
            }
            let form = UploadPage::new(&owner);
            let form = UploadPage {
                shell: form.shell.failed(&failure),
                note: intake.common.note,
                tags: intake.common.tags.join(", "),
            };
            page_after(&failure, &form)
        }
    }
}

/// How many bytes the browser is about to send.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The parts of a form as they come: what was taken, and how much of it.
struct Intake {
    t: &'static Words,
    /// What is said of all files alike.
    common: Document,
    /// Files that are stored.
    stored: usize,
    /// Bytes of files that came, also of one that is not complete.
    bytes: u64,
}

impl Intake {
    fn new(t: &'static Words) -> Self {
        Self {
            t,
            common: Document::default(),
            stored: 0,
            bytes: 0,
        }
    }

    /// Stores each file of the form as soon as it is complete. A part that the form does not have ends
    /// it: there is no other limit on how many of those may come.
    async fn take(&mut self, door: &Door, mut upload: Upload) -> Result<(), Failure> {
        let t = self.t;
        let mut files = 0;
        while let Some(part) = upload.next().await? {
            match part.name() {
                "note" if files == 0 => self.common.note = part.text().await?.replace("\r\n", "\n"),
                "tags" if files == 0 => self.common.tags = split_tags(&part.text().await?),
                "file" => {
                    files += 1;
                    if files > MOST_FILES {
                        return Err(invalid(t.too_many_files, t.too_many_files_do));
                    }
                    self.take_file(door, part).await?;
                }
                _ => return Err(invalid(t.unknown_part, t.unknown_part_do)),
            }
        }
        if self.stored == 0 {
            return Err(no_file(t));
        }
        Ok(())
    }

    async fn take_file(&mut self, door: &Door, part: Part<'_>) -> Result<(), Failure> {
        let t = self.t;
        let named = part.file_name();
        if named.is_empty() {
            // What a browser sends when no file was chosen: nothing.
            return if part.text().await?.is_empty() {
                Ok(())
            } else {
                Err(invalid(t.unknown_part, t.unknown_part_do))
            };
        }
        let document = Document {
            name: file_name(named),
            media_type: part.media_type().chars().take(127).collect(),
            ..self.common.clone()
        };
        // Looked at before the bytes come, which may take minutes.
        let checked = Content::check(Record::Document(document));
        let content = checked.map_err(|_| invalid(t.bad_file_name, t.rename_file))?;
        let mut pieces = Pieces::begin(door).await?;
        self.send_bytes(door, &mut pieces, part).await?;
        let item = NewEntry {
            id: None,
            created: None,
            updated: None,
            upload: Some(pieces.finish(door).await?),
            content,
        };
        let items = vec![item];
        door.ask(Operation::Add { items, import: false }).await?;
        self.stored += 1;
        Ok(())
    }

    fn too_much(&self) -> Failure {
        invalid(self.t.too_much_at_once, self.t.too_many_files_do)
    }

    async fn send_bytes(
        &mut self,
        door: &Door,
        pieces: &mut Pieces,
        mut part: Part<'_>,
    ) -> Result<(), Failure> {
        let t = self.t;
        while let Some(bytes) = part.next().await? {
            self.bytes = self.bytes.saturating_add(length(bytes.len()));
            if self.bytes > MOST_AT_ONCE {
                return Err(self.too_much());
            }
            pieces.push(door, t, &bytes).await?;
        }
        Ok(())
    }
}

/// The bytes of a file on their way to the engine, in pieces of exactly 1 MiB but for the last.
pub(crate) struct Pieces {
    upload: RecordId,
    cutter: Cutter,
    size: u64,
}

impl Pieces {
    /// Begins with a file.
    pub(crate) async fn begin(door: &Door) -> Result<Self, Failure> {
        let Answer::Upload(upload) = door.ask(Operation::UploadBegin).await?.answer else {
            return Err(unexpected());
        };
        Ok(Self {
            upload,
            cutter: Cutter::default(),
            size: 0,
        })
    }

    /// Takes its next bytes.
    pub(crate) async fn push(&mut self, door: &Door, t: &Words, bytes: &[u8]) -> Result<(), Failure> {
        self.size = self.size.saturating_add(length(bytes.len()));
        if self.size > Operation::MOST_DOCUMENT {
            return Err(invalid(t.file_too_large, t.file_too_large_do));
        }
        let mut bytes = bytes;
        while !bytes.is_empty() {
            if let Some(piece) = self.cutter.cut(&mut bytes) {
                send_piece(door, self.upload, piece).await?;
            }
        }
        Ok(())
    }

    /// Ends the file; gives what names its bytes.
    pub(crate) async fn finish(self, door: &Door) -> Result<RecordId, Failure> {
        if let Some(piece) = self.cutter.rest() {
            send_piece(door, self.upload, piece).await?;
        }
        Ok(self.upload)
    }
}

async fn send_piece(door: &Door, upload: RecordId, piece: Vec<u8>) -> Result<(), Failure> {
    let request = door.request(Operation::UploadChunk { upload });
    door.send(request.with_payload(SecretBytes::new(piece)))
        .await
        .map(drop)
}

/// The last part of a name that a browser may have sent with folders, in either notation.
pub(crate) fn file_name(sent: &str) -> String {
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    if name.trim().is_empty() {
        "unnamed".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_without_folders() {
        for (sent, kept) in [
            ("a.pdf", "a.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\tmp\\a b.txt", "a b.txt"),
            ("x/", "unnamed"),
            ("a\0b\n", "ab"),
        ] {
            assert_eq!(file_name(sent), kept, "{sent:?}");
        }
    }
}
