//! A folder of archives that is kept fresh: for a timer, which need not know how things stand.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pocket_core::{BackupReport, FailureKind, Timestamp};
use serde_json::json;

use super::{create, drill, parity};
use crate::exit::Problem;
use crate::output::escape;
use crate::session::Session;

/// How far ahead the name of an archive may be: of two in one second the later is called by the next.
const AHEAD: Duration = Duration::from_secs(120);

/// Makes a new archive unless there is a good one of the last `days`, tries the newest, and only then drops those
/// beyond the `newest`.
pub(super) fn run(
    session: &mut Session,
    folder: &Path,
    days: u32,
    newest: Option<u16>,
) -> Result<(), Problem> {
    let now = Timestamp::from_millis(millis_now());
    let mut fresh = archives(folder)?;
    fresh.retain(|archive| archive.is_fresh(now, days));
    let known = match fresh.pop() {
        Some(archive) => try_it(session, archive.path)?,
        None => None,
    };
    let made = known.is_none();
    let Held { path, report } = match known {
        Some(held) => held,
        None => {
            let made = create::make(session, Some(folder.to_owned()), parity::PERCENT)?;
            let report = Some(drill(session, &made.path)?);
            Held {
                path: made.path,
                report,
            }
        }
    };
    let mut others = archives(folder)?;
    others.retain(|archive| archive.path != path);
    let most = newest
        .filter(|_| report.is_some())
        .map(|newest| usize::from(newest).saturating_sub(1));
    let beyond = most.map_or(0, |most| others.len().saturating_sub(most));
    let kept = others.len().saturating_sub(beyond).saturating_add(1);
    for archive in others.iter().take(beyond) {
        drop_one(&archive.path)?;
    }
    let records = report.as_ref().map(|report| report.facts.records());
    let json = json!({
        "file": path.to_string_lossy(), "made": made, "tried": report.is_some(), "records": records,
        "kept": kept, "dropped": beyond,
    });
    let name = escape(&path.display().to_string());
    let how = match (made, records) {
        (true, Some(records)) => format!("made, tried and whole: {name}, {records} records"),
        (_, Some(records)) => format!("tried and whole: {name}, {records} records"),
        (_, None) => format!("as it was written: {name}. The device has a newer one elsewhere"),
    };
    let text = format!("{how}. Archives here: {kept}, older ones that are gone: {beyond}");
    session.output.print(&json, &text)
}

/// An archive that is good, as far as can be told.
struct Held {
    path: PathBuf,
    /// What it proved to be; nothing where only its parity could be asked.
    report: Option<Box<BackupReport>>,
}

/// Tries an archive; `None` where it is not good, and another has to be made.
fn try_it(session: &mut Session, path: PathBuf) -> Result<Option<Held>, Problem> {
    let report = match drill(session, &path) {
        Ok(report) => Some(report),
        Err(Problem::Failure(failure)) if failure.kind == FailureKind::Damaged => return Ok(None),
        // The device made another since, for another folder. Two folders must not chase one another.
        Err(Problem::Failure(failure)) if failure.kind == FailureKind::NotFound => {
            if parity::as_written(&path).ok().flatten() != Some(true) {
                return Ok(None);
            }
            None
        }
        // A card that can't be read is when another is needed most. What was begun ends with the connection.
        Err(Problem::Local { .. }) => {
            session.hang_up();
            return Ok(None);
        }
        Err(problem) => return Err(problem),
    };
    Ok(Some(Held { path, report }))
}

/// An archive that was named by the time when it was made. Nothing else is ever touched.
struct Archive {
    path: PathBuf,
    made: Timestamp,
}

/// The oldest first.
fn archives(folder: &Path) -> Result<Vec<Archive>, Problem> {
    let inside = fs::read_dir(folder).map_err(|error| Problem::file("read", folder, &error))?;
    let mut archives: Vec<Archive> = inside
        .filter_map(Result::ok)
        // A pipe of such a name would be waited for.
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| Archive::of(entry.path()))
        .collect();
    archives.sort_by_key(|archive| archive.made);
    Ok(archives)
}

impl Archive {
    /// `pocketai-20261122T030405Z.age`. The time of a file is not asked: on some sticks it is that of another
    /// time zone.
    fn of(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let time = name.strip_prefix("pocketai-")?.strip_suffix(".age")?;
        let (day, second) = time.strip_suffix('Z')?.split_once('T')?;
        if !is_digits(day, 8) || !is_digits(second, 6) {
            return None;
        }
        let made = time.parse().ok()?;
        Some(Self { path, made })
    }

    /// One whose time lies ahead, after a jump of the clock, is not.
    fn is_fresh(&self, now: Timestamp, days: u32) -> bool {
        // An hour less, so that what runs once a day does not skip one.
        let most = Duration::from_secs(u64::from(days) * 86_400).saturating_sub(Duration::from_secs(3600));
        self.made <= now.plus(AHEAD) && now.since(self.made) < most
    }
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn millis_now() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
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

    fn archive(name: &str) -> Option<Archive> {
        Archive::of(Path::new("/stick").join(name))
    }

    #[test]
    fn only_archives_with_the_name_of_a_time_are_ours() {
        let ours = archive("pocketai-20261122T030405Z.age").unwrap();
        assert_eq!(ours.made.to_string(), "2026-11-22T03:04:05.000Z");
        for other in [
            "pocketai-20261122T030405Z.age.parity",
            "pocketai-20261122T030405Z.repaired.age",
            "pocketai-20261122T030405Z.age.12.part",
            "pocketai-2026112T030405Z.age",
            "pocketai-20261322T030405Z.age",
            "pocketai-20261122T03040aZ.age",
            "holiday.age",
        ] {
            assert!(archive(other).is_none(), "{other}");
        }
    }

    #[test]
    fn one_of_today_is_fresh_and_one_of_the_future_is_not() {
        let ours = archive("pocketai-20261122T030405Z.age").unwrap();
        let is_fresh = |now: &str, days| ours.is_fresh(now.parse().unwrap(), days);
        assert!(is_fresh("2026-11-22T03:04:04Z", 1), "of two in one second");
        assert!(is_fresh("2026-11-23T02:00:00Z", 1));
        assert!(!is_fresh("2026-11-23T02:05:00Z", 1));
        assert!(is_fresh("2026-11-23T02:05:00Z", 2));
        assert!(!is_fresh("2026-11-21T03:04:05Z", 1), "the clock went back");
    }
}
