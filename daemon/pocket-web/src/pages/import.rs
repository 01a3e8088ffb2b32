//! Bringing in what other programs wrote: single files, whole folders, and archives of folders. A
//! stranger's file is read by the reader; what comes back is lines of records, taken one after the other,
//! and a file that holds none is kept as a document.

mod incoming;
mod reasons;
mod report;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::Failure;
use pocket_formats::{below, plain_path};
use pocket_service::ReadError;

use self::incoming::{Batch, Incoming, Target};
use self::report::{FileReport, Report};
use crate::door::Door;
use crate::guard::Owner;
use crate::pages::viewing::why;
use crate::parts::{Upload, invalid, no_file};
use crate::present::{Phrase, Shell, page, page_after};
use crate::trouble::Trouble;

/// Most files in one form: a large folder.
const MOST_FILES: usize = 10_000;

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    shell: Shell,
    /// Whether files can be read here.
    reader: bool,
}

#[derive(Template)]
#[template(path = "import_done.html")]
struct DonePage {
    shell: Shell,
    sum: Phrase,
    files: Vec<FileReport>,
    /// How many files are not listed, in words; empty when all are.
    unlisted: Phrase,
    /// How many files are hidden and were left alone, in words; empty when none are.
    hidden: Phrase,
}

/// Asks for files.
pub(crate) async fn show(State(door): State<Door>, owner: Owner) -> Result<Response, Trouble> {
    page(&import_page(&door, &owner))
}

fn import_page(door: &Door, owner: &Owner) -> ImportPage {
    ImportPage {
        shell: Shell::new(owner, owner.look.words().import_title, "/device"),
        reader: door.reader().is_installed(),
    }
}

/// Takes them in, one after the other, and says what became of each.
pub(crate) async fn submit(
    State(door): State<Door>,
    owner: Owner,
    upload: Upload,
) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let mut target = Target::new(&door, t);
    let taken = take(&mut target, upload).await;
    let mut report = target.report;
    report.finish();
    match taken {
        Ok(()) => done(&owner, report),
        Err(failure) => {
            let mut form = import_page(&door, &owner);
            let failure = report.beside(t, failure);
            form.shell = form.shell.failed(&failure);
            page_after(&failure, &form)
        }
    }
}

fn done(owner: &Owner, report: Report) -> Result<Response, Trouble> {
    let t = owner.look.words();
    page(&DonePage {
        shell: Shell::new(owner, t.import_done, "/device"),
        sum: report.sum(t),
        unlisted: report.unlisted(t),
        hidden: report.hidden(t),
        files: report.into_files(t),
    })
}

async fn take(target: &mut Target<'_>, mut upload: Upload) -> Result<(), Failure> {
    let t = target.t;
    let mut files = 0;
    while let Some(part) = upload.next().await? {
        let sent = part.file_name().to_owned();
        if sent.is_empty() {
            continue;
        }
        files += 1;
        if files > MOST_FILES {
            return Err(invalid(t.import_too_many, t.import_too_many_do));
        }
        let mut file = Incoming::new(part);
        match plain_path(&sent) {
            // The folder that was chosen stands in front of each path.
            Some(path) => take_file(target, &mut file, below(&path)).await?,
            None => target.report.pass_by(1),
        }
        file.pass_by().await?;
    }
    if files == 0 {
        return Err(no_file(t));
    }
    Ok(())
}

async fn take_file(target: &mut Target<'_>, file: &mut Incoming<'_>, path: &str) -> Result<(), Failure> {
    target.report.begin(path);
    let mut batch = Batch::default();
    let taken = incoming::bring_in(target, file, &mut batch, path).await;
    // What came before the trouble is whole, and comes in.
    let sent = batch.send(target).await;
    match taken {
        Ok(()) => {}
        // Something is wrong with this file alone: the others go on.
        Err(ReadError::Unreadable(reason)) => target.report.tell(why(target.t, reason).to_owned()),
        Err(error) => return Err(error.into_failure()),
    }
    sent
}
