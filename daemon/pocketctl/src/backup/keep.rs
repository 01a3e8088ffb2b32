//! A folder of archives that is kept fresh: for a timer, which need not know how things stand.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pocket_core::{BackupReport, FailureKind};
use serde_json::json;

use super::{create, drill, parity};
use crate::exit::Problem;
use crate::output::escape;
use crate::session::Session;

/// Makes a new archive unless there is a good one of the last `days`, tries the newest, and only then drops those
/// beyond the `newest`.
pub(super) fn run(
    session: &mut Session,
    folder: &Path,
    days: u32,
    newest: Option<u16>,
) -> Result<(), Problem> {
    let last = archives(folder)?.pop().filter(|path| is_fresh(path, days));
    let tried = match &last {
        Some(path) => try_it(session, path)?,
        None => None,
    };
    let (last, report, made) = match (last, tried) {
        (Some(path), Some(report)) => (path, report, false),
        _ => {
            let made = create::make(session, Some(folder.to_owned()), parity::PERCENT)?;
            let report = drill(session, &made.path)?;
            (made.path, report, true)
        }
    };
    let mut all = archives(folder)?;
    let beyond = newest.map_or(0, |newest| all.len().saturating_sub(usize::from(newest)));
    let dropped: Vec<PathBuf> = all.drain(..beyond).collect();
    for archive in &dropped {
        drop_one(archive)?;
    }
    let json = json!({
        "file": last.to_string_lossy(), "made": made, "records": report.facts.records(), "whole": true,
        "kept": all.len(), "dropped": dropped.len(),
    });
    let text = format!(
        "{}{} is whole: {} records. {} archives are here{}",
        if made { "made: " } else { "" },
        escape(&last.display().to_string()),
        report.facts.records(),
        all.len(),
        if dropped.is_empty() {
            String::new()
        } else {
            format!(", {} older ones are gone", dropped.len())
        },
    );
    session.output.print(&json, &text)
}

/// Tries an archive; `None` where it is not good, or not the device's newest any more: another has to be made.
fn try_it(session: &mut Session, path: &Path) -> Result<Option<Box<BackupReport>>, Problem> {
    match drill(session, path) {
        Ok(report) => Ok(Some(report)),
        Err(Problem::Failure(failure))
            if matches!(failure.kind, FailureKind::Damaged | FailureKind::NotFound) =>
        {
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}

/// The archives that were named by the time when they were made, the oldest first. Nothing else is ever touched.
fn archives(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let inside = fs::read_dir(folder).map_err(|error| Problem::file("read", folder, &error))?;
    let mut archives: Vec<PathBuf> = inside
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| is_ours(path))
        .collect();
    archives.sort();
    Ok(archives)
}

/// `pocketai-20261122T030405Z.age`.
fn is_ours(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let time = name
        .strip_prefix("pocketai-")
        .and_then(|name| name.strip_suffix("Z.age"));
    time.and_then(|time| time.split_once('T'))
        .is_some_and(|(day, time)| is_digits(day, 8) && is_digits(time, 6))
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// One whose time lies ahead, after a jump of the clock, is not.
fn is_fresh(path: &Path, days: u32) -> bool {
    let written = fs::metadata(path).and_then(|about| about.modified()).ok();
    let age = written.and_then(|written| SystemTime::now().duration_since(written).ok());
    // An hour less, so that what runs once a day does not skip one.
    let most = Duration::from_secs(u64::from(days) * 86_400).saturating_sub(Duration::from_secs(3600));
    age.is_some_and(|age| age < most)
}

fn drop_one(archive: &Path) -> Result<(), Problem> {
    let fail = |error| Problem::file("remove", archive, &error);
    fs::remove_file(archive).map_err(fail)?;
    // It may have none.
    fs::remove_file(parity::beside(archive)).unwrap_or_default();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_archives_with_the_name_of_a_time_are_ours() {
        let ours = |name: &str| is_ours(Path::new(name));
        assert!(ours("/stick/pocketai-20261122T030405Z.age"));
        for other in [
            "pocketai-20261122T030405Z.age.parity",
            "pocketai-20261122T030405Z.repaired.age",
            "pocketai-20261122T030405Z.age.12.part",
            "pocketai-2026112T030405Z.age",
            "pocketai-20261122T03040aZ.age",
            "holiday.age",
        ] {
            assert!(!ours(other), "{other}");
        }
    }

    #[test]
    fn one_of_today_is_fresh_and_one_of_the_future_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pocketai-20261122T030405Z.age");
        let file = fs::File::create(&path).unwrap();
        assert!(is_fresh(&path, 1) && !is_fresh(&path, 0));
        let day = Duration::from_secs(86_400);
        for other in [SystemTime::now() - day, SystemTime::now() + day] {
            file.set_modified(other).unwrap();
            assert!(!is_fresh(&path, 1));
        }
        file.set_modified(SystemTime::now() - day).unwrap();
        assert!(is_fresh(&path, 7));
    }
}
