//! A folder of archives that is kept fresh: for a timer, which need not know how things stand.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use pocket_core::{BackupReport, FailureKind, Timestamp};
use serde_json::json;

use super::{ENDING, create, drill, parity};
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
    remove_left(folder)?;
    let known = match fresh(folder, days)? {
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
    // With the archive proved good, and only then: what is made of a bad one mends it into a bad one.
    let renewed = !made && report.is_some() && parity::care(&path)?;
    let mut others = archives(folder)?;
    others.retain(|archive| archive.path != path);
    // Those whose time has not come were made while a clock was wrong, then or now. They take no place from others,
    // and nobody knows which of them to drop.
    let now = Timestamp::from_millis(millis_now());
    let all = others.len();
    others.retain(|archive| !archive.is_ahead(now));
    let ahead = all.saturating_sub(others.len());
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
        "kept": kept, "dropped": beyond, "ahead": ahead, "renewed": renewed,
    });
    let name = escape(&path.display().to_string());
    let how = match (made, records) {
        (true, Some(records)) => format!("made, tried and whole: {name}, {records} records"),
        (_, Some(records)) => format!("tried and whole: {name}, {records} records"),
        (_, None) => format!("as it was written: {name}. The device has a newer one elsewhere"),
    };
    let mut text = format!("{how}. Archives here: {kept}, older ones that are gone: {beyond}");
    if ahead > 0 {
        text.push_str(&format!(
            ". {ahead} are named by a time that has not come, and are left alone: look at the clock"
        ));
    }
    if renewed {
        text.push_str(". Its parity had gone bad, and is made anew");
    }
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
            if parity::told(&path).ok().and_then(|told| told.as_written) != Some(true) {
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

/// The newest of those that are no older than `days`.
fn fresh(folder: &Path, days: u32) -> Result<Option<Archive>, Problem> {
    let now = Timestamp::from_millis(millis_now());
    let mut fresh = archives(folder)?;
    fresh.retain(|archive| archive.is_fresh(now, days));
    Ok(fresh.pop())
}

/// Whether one has to be made or tried, by what the device remembers of its newest.
pub(super) fn is_due(days: u32, last: Option<Timestamp>, drilled: Option<Timestamp>) -> bool {
    let now = Timestamp::from_millis(millis_now());
    let done = |at: Option<Timestamp>, days| at.is_some_and(|at| at <= now && now.since(at) < within(days));
    !done(last, days) || !done(drilled, 1)
}

/// The newest archive, where it is fresh and the device opened its newest within a day.
pub(super) fn tried_today(
    folder: &Path,
    days: u32,
    drilled: Option<Timestamp>,
) -> Result<Option<PathBuf>, Problem> {
    let now = Timestamp::from_millis(millis_now());
    let today = drilled.is_some_and(|drilled| drilled <= now && now.since(drilled) < within(1));
    let fresh = fresh(folder, days)?.filter(|archive| today && drilled >= Some(archive.made));
    Ok(fresh.map(|archive| archive.path))
}

/// The archive that was named, or the newest in the folder that was.
pub(super) fn newest(path: &Path) -> Result<PathBuf, Problem> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let mut named = archives(path)?;
    let now = Timestamp::from_millis(millis_now());
    if named.iter().any(|archive| !archive.is_ahead(now)) {
        named.retain(|archive| !archive.is_ahead(now));
    }
    if let Some(newest) = named.pop() {
        return Ok(newest.path);
    }
    let inside = fs::read_dir(path).map_err(|error| Problem::file("read", path, &error))?;
    let paths = inside.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut others = paths.filter(|path| path.extension().is_some_and(|ending| ending == ENDING));
    match (others.next(), others.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Problem::local(
            format!(
                "no name in {} says which archive is the newest: the time of a file does not",
                path.display()
            ),
            "name the file",
        )),
        (None, _) => Err(Problem::local(
            format!("there is no backup in {}", path.display()),
            "make one: pocketctl backup create DIR",
        )),
    }
}

/// Removes what runs that were killed left of archives and their parity, unless another writes it just now.
fn remove_left(folder: &Path) -> Result<(), Problem> {
    let inside = fs::read_dir(folder).map_err(|error| Problem::file("read", folder, &error))?;
    let files = inside
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    for path in files.map(|entry| entry.path()).filter(|path| is_part(path)) {
        create::Part::remove_left(&path);
    }
    Ok(())
}

/// `pocketai-20261122T030405Z.age.123.part`, or the same of its parity.
fn is_part(path: &Path) -> bool {
    let of = || {
        let name = path.file_name()?.to_str()?;
        let (name, process) = name.strip_suffix(".part")?.rsplit_once('.')?;
        process.parse::<u32>().ok()?;
        let name = name.strip_suffix(".parity").unwrap_or(name);
        Archive::of(path.with_file_name(name))
    };
    of().is_some()
}

/// So many days, and an hour less, so that what runs once a day does not skip one.
fn within(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 86_400).saturating_sub(Duration::from_secs(3600))
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
        !self.is_ahead(now) && now.since(self.made) < within(days)
    }

    fn is_ahead(&self, now: Timestamp) -> bool {
        self.made > now.plus(AHEAD)
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

    #[test]
    fn of_a_folder_the_newest_is_taken_by_its_name_and_none_by_the_time_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let name = |name: &str| folder.path().join(name);
        let newest = || newest(folder.path());
        assert!(newest().is_err());
        fs::write(name("other.txt"), "").unwrap();
        fs::write(name("holiday.age"), "").unwrap();
        assert!(
            newest().is_ok_and(|path| path == name("holiday.age")),
            "the only one"
        );
        fs::write(name("b.age"), "").unwrap();
        assert!(matches!(newest(), Err(Problem::Local { remedy, .. }) if remedy == "name the file"));
        let new = name("pocketai-20261121T030405Z.age");
        fs::write(&new, "").unwrap();
        fs::write(name("pocketai-20261121T030405Z.age.parity"), "").unwrap();
        // Copied later.
        fs::write(name("pocketai-20251122T030405Z.age"), "").unwrap();
        assert!(newest().is_ok_and(|path| path == new));
        let ahead = name("pocketai-99991122T030405Z.age");
        fs::write(&ahead, "").unwrap();
        assert!(newest().is_ok_and(|path| path == new), "its time has not come");
    }

    #[test]
    fn what_killed_runs_left_goes_and_what_another_writes_stays() {
        let folder = tempfile::tempdir().unwrap();
        let name = |name: &str| folder.path().join(name);
        let left = [
            "pocketai-20261122T030405Z.age.12.part",
            "pocketai-20261122T030405Z.age.parity.12.part",
        ];
        let others = ["holiday.age.12.part", "pocketai-20261122T030405Z.age.x.part"];
        for file in left.iter().chain(&others) {
            fs::write(name(file), "half").unwrap();
        }
        let writing = create::Part::new(&name("pocketai-20261122T030406Z.age"));
        let writing = writing.unwrap_or_else(|_| panic!("no part"));
        remove_left(folder.path()).unwrap_or_else(|_| panic!("not removed"));
        assert!(left.iter().all(|file| !name(file).exists()));
        assert!(others.iter().all(|file| name(file).exists()) && writing.path.exists());
    }

    #[test]
    fn a_fresh_one_that_was_opened_today_needs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |ago: i64| Timestamp::from_millis(millis_now() - ago * 3_600_000);
        let due = |drilled| tried_today(folder.path(), 7, drilled).is_ok_and(|known| known.is_none());
        assert!(due(Some(at(1))), "there is none");
        let made: String = at(30)
            .to_string()
            .chars()
            .take(19)
            .filter(|c| !matches!(c, '-' | ':'))
            .collect();
        fs::write(folder.path().join(format!("pocketai-{made}Z.age")), "").unwrap();
        assert!(!due(Some(at(1))));
        assert!(due(Some(at(24))) && due(Some(at(-1))) && due(None));
        assert!(due(Some(at(31))), "it was another that was opened");

        assert!(!is_due(7, Some(at(30)), Some(at(1))));
        assert!(is_due(1, Some(at(30)), Some(at(1))) && is_due(7, Some(at(30)), Some(at(24))));
        assert!(
            is_due(1, None, None) && is_due(1, Some(at(1)), None) && is_due(1, Some(at(-1)), Some(at(1)))
        );
    }
}
