//! Writing everything but secrets to a new folder, in open formats.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use indicatif::ProgressBar;
use pocket_core::{Answer, Category, Entry, Operation, Record, RecordId};
use pocket_formats::{EXPORTED, ExportFile, NoteNames, Parts, document_path, export_note};
use serde_json::{Map, json};

use crate::exit::Problem;
use crate::output::{columns, escape};
use crate::records::each;
use crate::session::Session;
use crate::terminal::progress;

pub(crate) fn run(session: &mut Session, folder: &Path) -> Result<(), Problem> {
    let is_new = prepare(folder)?;
    if let Err(problem) = session.ask(Operation::Export) {
        if is_new {
            // Empty and ours; if it stays, it is in nobody's way.
            fs::remove_dir(folder).unwrap_or_default();
        }
        return Err(problem);
    }
    let counts = write_all(session, folder, &|_| true)?;
    session.ask(Operation::ExportDone)?;
    tell(session, folder, &counts)
}

/// Writes the records that are wanted to a new folder. This is no export of everything, and does not count as
/// one: the device records of it no more than of reading them.
pub(crate) fn chosen(
    session: &mut Session,
    folder: &Path,
    wanted: &dyn Fn(&Entry) -> bool,
) -> Result<Vec<(Category, u64)>, Problem> {
    prepare(folder)?;
    let mut counts = write_all(session, folder, wanted)?;
    counts.retain(|(_, count)| *count > 0);
    Ok(counts)
}

fn write_all(
    session: &mut Session,
    folder: &Path,
    wanted: &dyn Fn(&Entry) -> bool,
) -> Result<Vec<(Category, u64)>, Problem> {
    let bar = progress(session.output, None);
    let mut counts = Vec::new();
    for category in EXPORTED {
        bar.set_message(category.name());
        let count = match Parts::of(category) {
            Some(parts) => stream(session, folder, category, parts, wanted, &bar)?,
            None => notes(session, folder, wanted, &bar)?,
        };
        counts.push((category, count));
    }
    bar.finish_and_clear();
    Ok(counts)
}

/// A new file that only its owner may read. An existing one, and a link, are refused.
pub(crate) fn create(path: &Path) -> Result<File, Problem> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.map_err(|error| Problem::file("write", path, &error))
}

/// Reads a document's bytes into `out`; gives their number. `fail` words an error of `out`.
pub(crate) fn download(
    session: &mut Session,
    id: RecordId,
    out: &mut impl Write,
    fail: impl Fn(&io::Error) -> Problem,
) -> Result<u64, Problem> {
    let mut offset = 0u64;
    loop {
        let reply = session.call(Operation::ReadBlob { id, offset }, None, None)?;
        let (Answer::Blob { size }, Some(piece)) = (reply.answer, reply.payload) else {
            return Err(Problem::unexpected());
        };
        out.write_all(piece.expose_bytes())
            .map_err(|error| fail(&error))?;
        offset = offset.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if offset >= size {
            out.flush().map_err(|error| fail(&error))?;
            return Ok(offset);
        }
        if piece.is_empty() {
            return Err(Problem::unexpected());
        }
    }
}

/// Makes the folder, or makes sure that it is empty: an export never mixes with anything. Whether it
/// is new.
fn prepare(folder: &Path) -> Result<bool, Problem> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mut inside = fs::read_dir(folder).map_err(|error| Problem::file("read", folder, &error))?;
            if inside.next().is_some() {
                return Err(Problem::local(
                    format!("{} is not empty", folder.display()),
                    "name a new folder",
                ));
            }
            Ok(false)
        }
        Err(error) => Err(Problem::file("make", folder, &error)),
    }
}

/// All records of a category, in as few files as can be read back; documents bring files of their
/// own along.
fn stream(
    session: &mut Session,
    folder: &Path,
    category: Category,
    mut parts: Parts,
    wanted: &dyn Fn(&Entry) -> bool,
    bar: &ProgressBar,
) -> Result<u64, Problem> {
    let mut count = 0u64;
    let mut visit = |session: &mut Session, entry: Entry| {
        if !wanted(&entry) {
            return Ok(true);
        }
        let full = parts
            .add(&entry)
            .map_err(|error| Problem::local(error.to_string(), "report this"))?;
        full.map_or(Ok(()), |part| write(folder, &part.file))?;
        document(session, folder, &entry)?;
        count += 1;
        bar.inc(1);
        Ok(true)
    };
    each(session, category, None, &mut visit, None)?;
    parts.finish().map_or(Ok(()), |part| write(folder, &part.file))?;
    Ok(count)
}

fn write(folder: &Path, file: &ExportFile) -> Result<(), Problem> {
    let path = inside(folder, &file.path)?;
    let mut out = create(&path)?;
    out.write_all(&file.bytes)
        .and_then(|()| out.sync_all())
        .map_err(|error| Problem::file("write", &path, &error))
}

fn notes(
    session: &mut Session,
    folder: &Path,
    wanted: &dyn Fn(&Entry) -> bool,
    bar: &ProgressBar,
) -> Result<u64, Problem> {
    let mut names = NoteNames::default();
    let mut count = 0u64;
    let mut visit = |_: &mut Session, entry: Entry| {
        if !wanted(&entry) {
            return Ok(true);
        }
        let file = export_note(&entry, &mut names)
            .map_err(|error| Problem::local(error.to_string(), "report this"))?;
        write(folder, &file)?;
        count += 1;
        bar.inc(1);
        Ok(true)
    };
    each(session, Category::Notes, None, &mut visit, None)?;
    Ok(count)
}

/// The bytes of a document that has any.
fn document(session: &mut Session, folder: &Path, entry: &Entry) -> Result<(), Problem> {
    let Record::Document(document) = entry.content.record() else {
        return Ok(());
    };
    let Some(name) = document_path(entry.id, document) else {
        return Ok(());
    };
    let path = inside(folder, &name)?;
    let mut file = create(&path)?;
    let size = download(session, entry.id, &mut file, |error| {
        Problem::file("write", &path, error)
    })?;
    if size != document.size {
        return Err(Problem::local(
            format!(
                "document {} has {size} bytes, not the {} that it should have",
                entry.id, document.size
            ),
            "see what is damaged: pocketctl check",
        ));
    }
    Ok(())
}

/// `name` under `folder`, with its folders made. Names come from records, which others may have
/// written: one that leads out of the folder is refused.
fn inside(folder: &Path, name: &str) -> Result<PathBuf, Problem> {
    let name = Path::new(name);
    let is_plain = name.components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain || name.as_os_str().is_empty() {
        return Err(Problem::local(
            format!("{} would lie outside the export", name.display()),
            "rename the record",
        ));
    }
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        let made = DirBuilder::new().mode(0o700).recursive(true).create(parent);
        made.map_err(|error| Problem::file("make", parent, &error))?;
    }
    Ok(path)
}

fn tell(session: &Session, folder: &Path, counts: &[(Category, u64)]) -> Result<(), Problem> {
    let by_name: Map<_, _> = counts
        .iter()
        .map(|(category, count)| (category.name().to_owned(), json!(count)))
        .collect();
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let rows: Vec<Vec<String>> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(category, count)| vec![category.name().to_owned(), count.to_string()])
        .collect();
    let text = format!(
        "{total} records exported to {}\n{}\nThe files are readable by whoever gets them. Secrets and the audit log are not among them.",
        escape(&folder.display().to_string()),
        columns(&rows)
    );
    let json = json!({"folder": folder.to_string_lossy(), "exported": total, "categories": by_name, "left_out": ["secrets", "audit"]});
    session.output.print(&json, &text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_name_that_leads_out_of_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../a", "/etc/a", "notes/../../a", "", "."] {
            assert!(inside(folder.path(), name).is_err(), "{name}");
        }
        let path = inside(folder.path(), "notes/sub/a.md").unwrap_or_else(|_| panic!("refused"));
        drop(create(&path).unwrap_or_else(|_| panic!("not created")));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::metadata(folder.path().join("notes"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o700
        );
        assert!(create(&path).is_err(), "overwritten");
    }

    #[test]
    fn a_folder_with_something_in_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(prepare(folder.path()).is_ok_and(|is_new| !is_new));
        let new = folder.path().join("new");
        assert!(prepare(&new).is_ok_and(|is_new| is_new));
        assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(prepare(folder.path()).is_err());
        assert!(prepare(&folder.path().join("no/such")).is_err());
    }
}
