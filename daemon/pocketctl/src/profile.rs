//! What may leave the device, what waits for consent, and asking a model.

use pocket_core::{
    Answer, Ask, ConsentState, Failure, FailureKind, Operation, Profile, ProviderName, Timestamp,
};
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
    match command {
        ConsentCommand::List => list(session),
        ConsentCommand::Show { id } => {
            let reply = session.call(Operation::ConsentShow { id }, None, None)?;
            let bytes = reply.payload.ok_or_else(Problem::unexpected)?;
            let Answer::Consent(detail) = reply.answer else {
                return Err(Problem::unexpected());
            };
            let text = escape_lines(bytes.expose_str().map_err(|_| Problem::unexpected())?);
            session.output.print(
                &json!({"question": detail.question, "parts": detail.parts}),
                &text,
            )
        }
        ConsentCommand::Approve { id } => {
            let Answer::Asked(asked) = session.ask(Operation::ConsentStatus { id, from: 0 })? else {
                return Err(Problem::unexpected());
            };
            let sha256 = asked.question.sha256;
            session.ask(Operation::ConsentApprove { id, sha256 })?;
            session.output.remark("it is on its way")
        }
        ConsentCommand::Deny { id } => {
            session.ask(Operation::ConsentDeny { id })?;
            session.output.remark("it stays here")
        }
    }
}

fn list(session: &mut Session) -> Result<(), Problem> {
    let Answer::Consents { questions, .. } = session.ask(Operation::ConsentList)? else {
        return Err(Problem::unexpected());
    };
    if questions.is_empty() {
        return session.output.remark("nothing waits for your consent");
    }
    questions.iter().try_for_each(|question| {
        let line = format!("{} {} {}", question.id, question.state.name(), question.place);
        session.output.print(&json!(question), &line)
    })
}

pub(crate) fn ask(
    session: &mut Session,
    provider: Option<ProviderName>,
    text: &[String],
) -> Result<(), Problem> {
    let text = SecretBytes::new(text.join(" ").into_bytes());
    let ask = Ask {
        provider,
        ..Ask::default()
    };
    let reply = session.call(Operation::Ask(Box::new(ask)), None, Some(text))?;
    let Answer::Asked(asked) = reply.answer else {
        return Err(Problem::unexpected());
    };
    if asked.question.state != ConsentState::Waiting {
        return session
            .output
            .print(&json!(asked.question), asked.question.state.name());
    }
    let id = asked.question.id;
    Err(Failure::new(
        FailureKind::ConsentNeeded,
        format!("question {id} waits for your consent"),
        format!("look at it with `pocketctl consent show {id}`, then approve or deny it"),
    )
    .into())
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
