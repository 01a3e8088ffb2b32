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

/// What the parity beside an archive tells.
#[derive(Clone, Copy, Default)]
pub(super) struct Told {
    /// Whether the archive is as it was when its parity was made; `None` where it has none.
    pub(super) as_written: Option<bool>,
    /// How much of the parity file itself went bad.
    pub(super) parity_bad: Option<u64>,
}

/// Asks the parity beside an archive. All of it is read: one that rots is noticed before it is needed.
pub(super) fn told(archive: &Path) -> Result<Told, Problem> {
    if !beside(archive).exists() {
        return Ok(Told::default());
    }
    match look(archive)? {
        Ok(report) => Ok(Told {
            as_written: Some(report.whole),
            parity_bad: Some(report.parity_bad),
        }),
        // It was not made of what lies there now, whatever that is.
        Err(ParityError::Another) => Ok(Told {
            as_written: Some(false),
            parity_bad: None,
        }),
        Err(error) => Err(not_repaired(archive, &error)),
    }
}

/// The same for people.
pub(super) const fn in_words(told: Told) -> &'static str {
    match (told.as_written, told.parity_bad) {
        (None, _) => "There is no parity beside it that could mend it.",
        (Some(true), Some(1..)) => {
            "By its parity it is as it was written. The parity file itself went bad in places: pocketctl backup \
             repair FILE makes it anew."
        }
        (Some(true), _) => "By its parity it is as it was written.",
        (Some(false), _) => "By its parity it is damaged: pocketctl backup repair FILE",
    }
}

/// Makes the parity of an archive that was found good anew where it went bad or is not there; says whether it did.
pub(super) fn care(archive: &Path) -> Result<bool, Problem> {
    let known = beside(archive).exists().then(|| look(archive)).transpose()?;
    if let Some(Ok(report)) = &known
        && report.whole
        && report.parity_bad == 0
    {
        return Ok(false);
    }
    let name = beside(archive);
    let part = Part::new(&name)?;
    protect(&mut open(archive)?, PERCENT, &mut &part.file).map_err(|error| not_made(archive, &error))?;
    part.sync()?;
    part.replace(&name)?;
    Ok(true)
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
    let report = look(archive)?.map_err(|error| not_repaired(archive, &error))?;
    if report.whole {
        return nothing_bad(session, archive, &report);
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
        "repaired": out.to_string_lossy(), "renewed": false,
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

/// The archive needs nothing; its parity may.
fn nothing_bad(session: &Session, archive: &Path, report: &Report) -> Result<(), Problem> {
    let renewed = report.parity_bad > 0 && care(archive)?;
    let json = json!({
        "file": archive.to_string_lossy(), "blocks": report.blocks, "bad": 0, "repaired": null, "renewed": renewed,
    });
    let mut text = format!("{} is as it was written", escape(&archive.display().to_string()));
    if renewed {
        text.push_str("; its parity had gone bad in places, and is made anew");
    }
    session.output.print(&json, &text)
}

fn look(archive: &Path) -> Result<Result<Report, ParityError>, Problem> {
    let mut file = open(archive)?;
    let parity = beside(archive);
    let mut parity = File::open(&parity).map_err(|error| Problem::file("read", &parity, &error))?;
    Ok(examine(&mut file, &mut parity))
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
    if let ParityError::Another = error {
        let message = format!(
            "{} can't be mended with the parity beside it: {error}",
            archive.display()
        );
        let remedy =
            "look whether the two belong together; else use another copy of both, or an older backup";
        return Failure::new(FailureKind::Damaged, message, remedy).into();
    }
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

    #[test]
    fn parity_that_went_bad_or_is_not_there_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.age");
        std::fs::write(&archive, vec![7; 50_000]).unwrap();
        let care = || care(&archive).unwrap_or_else(|_| panic!("no parity"));
        assert!(care(), "there was none");
        assert!(!care());
        let parity = beside(&archive);
        let good = std::fs::read(&parity).unwrap();
        for bad in [&b"nothing"[..], &good[..good.len() - 4096]] {
            std::fs::write(&parity, bad).unwrap();
            assert!(care());
            assert_eq!(std::fs::read(&parity).unwrap(), good);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
