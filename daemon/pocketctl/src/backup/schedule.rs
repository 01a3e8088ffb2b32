//! How often the owner wants a backup, as the device remembers it; and doing it.

use std::path::Path;

use pocket_core::{BackupSchedule, BackupStatus, Operation};
use serde_json::json;

use super::{keep, locked};
use crate::arguments::ScheduleCommand;
use crate::exit::Problem;
use crate::output::escape;
use crate::session::Session;
use crate::status;

pub(super) fn run(session: &mut Session, command: &ScheduleCommand) -> Result<(), Problem> {
    let wanted = match *command {
        ScheduleCommand::Daily { newest } => Some(BackupSchedule { days: 1, newest }),
        ScheduleCommand::Due => return due(session),
        ScheduleCommand::Off => None,
        ScheduleCommand::Show => return show(session),
        ScheduleCommand::Weekly { newest } => Some(BackupSchedule { days: 7, newest }),
    };
    session.ask(Operation::BackupSchedule(wanted))?;
    show(session)
}

fn show(session: &mut Session) -> Result<(), Problem> {
    let BackupStatus { schedule, last, .. } = backup(session)?;
    let text = match schedule {
        None => "no backup is made by itself".to_owned(),
        Some(BackupSchedule { days, newest }) => {
            let often = match days {
                1 => "a backup a day".to_owned(),
                days => format!("a backup every {days} days"),
            };
            format!(
                "{often}, {newest} are kept; a stick named POCKETAI-BK takes them, or `pocketctl backup keep --scheduled DIR`"
            )
        }
    };
    let json = json!({
        "days": schedule.map(|schedule| schedule.days), "newest": schedule.map(|schedule| schedule.newest),
        "last": last,
    });
    session.output.print(&json, &text)
}

/// By what the device knows, so that nobody's stick is looked at for nothing.
fn due(session: &mut Session) -> Result<(), Problem> {
    let backup = backup(session)?;
    let due = backup
        .schedule
        .is_some_and(|schedule| keep::is_due(schedule.days.into(), backup.last, backup.drilled));
    let text = if due { "a backup is due" } else { "nothing is due" };
    session.output.print(&json!({"due": due}), text)?;
    if due { Ok(()) } else { Err(Problem::No) }
}

/// For a timer that comes by often: does what is due, and costs nothing when nothing is.
pub(super) fn keep(session: &mut Session, folder: &Path) -> Result<(), Problem> {
    let backup = backup(session)?;
    let Some(BackupSchedule { days, newest }) = backup.schedule else {
        let json = json!({"made": false, "scheduled": false});
        return session
            .output
            .print(&json, "no backup is wanted: pocketctl backup schedule daily");
    };
    if let Some(file) = keep::tried_today(folder, days.into(), backup.drilled)? {
        let json = json!({"file": file.to_string_lossy(), "made": false, "scheduled": true});
        let text = format!("nothing is due: {}", escape(&file.display().to_string()));
        return session.output.print(&json, &text);
    }
    keep::run(session, folder, days.into(), Some(newest))
}

pub(super) fn backup(session: &mut Session) -> Result<BackupStatus, Problem> {
    status::read(session)?.backup.ok_or_else(locked)
}
