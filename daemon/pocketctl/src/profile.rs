//! What may leave the device.

use pocket_core::{Answer, Operation, Profile, Timestamp};
use serde_json::json;

use crate::arguments::ProfileCommand;
use crate::entry::moment;
use crate::exit::Problem;
use crate::output::Output;
use crate::session::Session;

pub(crate) fn run(session: &mut Session, command: ProfileCommand) -> Result<(), Problem> {
    if let ProfileCommand::Set { name, minutes } = command {
        session.ask(Operation::ProfileSet {
            profile: name,
            minutes,
        })?;
    }
    match session.ask(Operation::ProfileShow)? {
        Answer::Profile { profile, until } => show(session.output, profile, until),
        _ => Err(Problem::unexpected()),
    }
}

fn show(output: Output, profile: Profile, until: Option<Timestamp>) -> Result<(), Problem> {
    let lease = until
        .map(|until| format!(" until {}", moment(until)))
        .unwrap_or_default();
    let text = format!("{profile}{lease}\n{}", profile.meaning());
    output.print(
        &json!({"profile": profile, "until": until, "meaning": profile.meaning()}),
        &text,
    )
}
