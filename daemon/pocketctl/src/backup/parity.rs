//! Parity beside an archive, and an archive made whole with it.

use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use pocket_core::{Failure, FailureKind};
use pocket_parity::{ParityError, Report, examine, protect};
use serde_json::json;

use super::create::{Part, with_ending};
use super::open;
use crate::exit::Problem;
use crate::output::escape;
use crate::session::Session;

/// How the name of a parity file ends, behind the archive's own.
const ENDING: &str = "parity";
/// How much of its length an archive gets in parity, in percent, unless its owner says otherwise.
pub(crate) const PERCENT: u8 = 10;

/// The name of an archive's parity.
pub(super) fn beside(archive: &Path) -> PathBuf {
    with_ending(archive, ENDING)
}

/// Makes the parity of an archive; gives its name. What is read for it comes from the disk, and must be what was
/// written there.
pub(super) fn make(archive: &Path, percent: u8, written: &[u8; 32]) -> Result<PathBuf, Problem> {
    let mut file = open(archive)?;
    // Not from memory, if the kernel does us the favour: so a disk that lies is found out now.
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap_or_default();
    let name = beside(archive);
    let parity = Part::new(&name)?;
    let read = protect(&mut file, percent, &mut &parity.file).map_err(|error| not_made(archive, &error))?;
    if read != *written {
        return Err(Problem::local(
            format!(
                "the disk gave back other bytes of {} than were written",
                archive.display()
            ),
            "make another backup on another disk: this one can't be trusted",
        ));
    }
    parity.sync()?;
    parity.keep(&name)?;
    Ok(name)
}

/// Whether an archive is as it was when its parity was made; `None` where it has none.
pub(super) fn as_written(archive: &Path) -> Result<Option<bool>, Problem> {
    let path = beside(archive);
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(look(archive)?.whole))
}

/// The same for people.
pub(super) const fn in_words(as_written: Option<bool>) -> &'static str {
    match as_written {
        None => "There is no parity beside it that could mend it.",
        Some(true) => "By its parity it is as it was written.",
        Some(false) => "By its parity it is damaged: pocketctl backup repair FILE",
    }
}

/// Says of a damaged archive with parity what to do about it.
pub(super) fn hint(problem: Problem, archive: &Path) -> Problem {
    match problem {
        Problem::Failure(failure) if failure.kind == FailureKind::Damaged && beside(archive).exists() => {
            let remedy = format!("mend it: pocketctl backup repair {}", archive.display());
            Failure { remedy, ..failure }.into()
        }
        other => other,
    }
}

/// Writes a damaged archive anew, as it was; the damaged one stays as it is.
pub(super) fn repair(session: &Session, archive: &Path, out: Option<PathBuf>) -> Result<(), Problem> {
    let report = look(archive)?;
    if report.whole {
        let json =
            json!({"file": archive.to_string_lossy(), "blocks": report.blocks, "bad": 0, "repaired": null});
        let text = format!("{} is as it was written", escape(&archive.display().to_string()));
        return session.output.print(&json, &text);
    }
    if report.mendable < report.bad {
        return Err(lost(archive, &report));
    }
    let out = out.unwrap_or_else(|| archive.with_extension("repaired.age"));
    if std::fs::symlink_metadata(&out).is_ok() {
        return Err(super::create::taken(&out));
    }
    let part = Part::new(&out)?;
    let mut parity = open(&beside(archive))?;
    let report = pocket_parity::repair(&mut open(archive)?, &mut parity, &mut &part.file)
        .map_err(|error| not_repaired(archive, &error))?;
    if !report.whole {
        return Err(lost(archive, &report));
    }
    part.sync()?;
    part.keep(&out)?;
    // It will lie on a disk as well.
    make(&out, PERCENT, &report.sha256)?;
    let json = json!({
        "file": archive.to_string_lossy(), "blocks": report.blocks, "bad": report.bad,
        "repaired": out.to_string_lossy(),
    });
    let text = format!(
        "{} of {} blocks were bad; written anew, as it was: {}\nThe damaged one stays where it is. A disk that \
         loses some loses more: keep the new one on another.",
        report.bad,
        report.blocks,
        escape(&out.display().to_string()),
    );
    session.output.print(&json, &text)
}

fn look(archive: &Path) -> Result<Report, Problem> {
    let mut file = open(archive)?;
    let parity = beside(archive);
    let mut parity = File::open(&parity).map_err(|error| Problem::file("read", &parity, &error))?;
    examine(&mut file, &mut parity).map_err(|error| not_repaired(archive, &error))
}

fn lost(archive: &Path, report: &Report) -> Problem {
    let Report {
        blocks,
        bad,
        mendable,
        ..
    } = report;
    Failure::new(
        FailureKind::Damaged,
        format!(
            "{} can't be mended: {bad} of its {blocks} blocks are bad, and the parity gives back {mendable}",
            archive.display()
        ),
        "use another copy of it, or an older one",
    )
    .into()
}

fn not_made(archive: &Path, error: &ParityError) -> Problem {
    Problem::local(
        format!(
            "{} is there, and without parity that could mend it: {}",
            archive.display(),
            with_cause(error)
        ),
        "make room on the disk, and make another backup",
    )
}

fn not_repaired(archive: &Path, error: &ParityError) -> Problem {
    let remedy = match error {
        ParityError::Newer => "update the software",
        ParityError::Write(_) => "make room on the disk, or name another with --out",
        _ => "use another copy of both files, or an older backup",
    };
    Problem::local(
        format!("{}: {}", beside(archive).display(), with_cause(error)),
        remedy,
    )
}

fn with_cause(error: &ParityError) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_gives_back_other_bytes_than_were_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.age");
        std::fs::write(&archive, "what was written").unwrap();
        let made = make(&archive, PERCENT, &[7; 32]);
        assert!(matches!(made, Err(Problem::Local { message, .. }) if message.contains("other bytes")));
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no parity of that"
        );
    }
}
