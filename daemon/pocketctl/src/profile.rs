//! What may leave the device, what waits for consent, and asking a model.

use pocket_core::{Answer, Failure, FailureKind, Operation, Profile, RecordId, Timestamp};
use pocket_crypto::SecretBytes;
use serde_json::json;

use crate::arguments::{ConsentCommand, ProfileCommand};
use crate::entry::moment;
use crate::exit::Problem;
use crate::output::{Output, escape_lines};
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

pub(crate) fn consent(session: &mut Session, command: ConsentCommand) -> Result<(), Problem> {
    let Answer::Consents(waiting) = session.ask(Operation::ConsentList)? else {
        return Err(Problem::unexpected());
    };
    match command {
        ConsentCommand::List if waiting.is_empty() => session.output.remark("nothing waits for your consent"),
        ConsentCommand::List => waiting
            .iter()
            .try_for_each(|id| session.output.print(&json!({"id": id}), &id.to_string())),
        ConsentCommand::Approve { id } | ConsentCommand::Deny { id } | ConsentCommand::Show { id } => {
            Err(nothing_waits(id).into())
        }
    }
}

pub(crate) fn ask(session: &mut Session, provider: Option<String>, text: &[String]) -> Result<(), Problem> {
    let text = SecretBytes::new(text.join(" ").into_bytes());
    let reply = session.call(Operation::Ask { provider }, None, Some(text))?;
    let payload = reply.payload.ok_or_else(Problem::unexpected)?;
    let answer = payload.expose_str().map_err(|_| Problem::unexpected())?;
    session.output.print(
        &json!({"suggestion": answer}),
        &format!("Suggestion:\n{}", escape_lines(answer)),
    )
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

fn nothing_waits(id: RecordId) -> Failure {
    Failure::new(
        FailureKind::NotFound,
        format!("no request {id} waits for your consent"),
        "pocketctl consent list shows what waits",
    )
}
