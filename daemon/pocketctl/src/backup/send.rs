//! A backup that the device sends elsewhere, once the owner has seen where to and which bytes.

use std::thread;
use std::time::Duration;

use pocket_core::{
    Answer, BackupOffer, BackupPlace, BackupSending, BackupStatus, CallFailure, Failure, FailureKind,
    Operation, PlaceProtocol, PlaceStep, SendingState,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{create::name_of_now, schedule::backup};
use crate::arguments::{NewPlace, PlaceCommand, PlaceKind};
use crate::exit::Problem;
use crate::output::escape;
use crate::session::Session;
use crate::terminal::progress;
use crate::{button, terminal};

/// Between one look at the device and the next.
const PAUSE: Duration = Duration::from_millis(250);

pub(super) fn place(session: &mut Session, command: PlaceCommand) -> Result<(), Problem> {
    match command {
        PlaceCommand::Remove => {
            session.ask(Operation::BackupPlaceRemove)?;
            session.output.print(&json!({"removed": true}), "removed")
        }
        PlaceCommand::Set(wanted) => {
            let place = checked(*wanted)?;
            session.ask(Operation::BackupPlaceSet(Box::new(place)))?;
            show(session)
        }
        PlaceCommand::Show => show(session),
    }
}

fn checked(wanted: NewPlace) -> Result<BackupPlace, Problem> {
    let protocol = match wanted.kind {
        PlaceKind::S3 => PlaceProtocol::S3 {
            region: wanted.region,
        },
        PlaceKind::Webdav => PlaceProtocol::Webdav,
    };
    let place = BackupPlace {
        protocol,
        folder: wanted.folder,
        user: wanted.user,
        secret: wanted.secret,
    };
    place
        .checked()
        .map_err(|error| Problem::usage(error.to_string(), "see pocketctl backup place set --help"))
}

fn show(session: &mut Session) -> Result<(), Problem> {
    let BackupStatus { place, sending, .. } = backup(session)?;
    let mut text = match &place {
        None => "no place is set: pocketctl backup place set".to_owned(),
        Some(place) => format!(
            "backups are sent to {} by {}, as {}, with the secret {}",
            place.folder,
            spoken(&place.protocol),
            escape(&place.user),
            escape(&place.secret)
        ),
    };
    if let Some(sending) = &sending {
        text.push_str(&format!("\nthe last: {}", came_of(sending)));
    }
    session
        .output
        .print(&json!({"place": place, "sending": sending}), &text)
}

fn came_of(BackupSending { offer, state }: &BackupSending) -> String {
    let how = match state {
        SendingState::Failed { reason, answer, left } => {
            format!("not sent: {}", why(*reason, *answer, *left))
        }
        SendingState::Offered => "waits for consent".to_owned(),
        SendingState::Sent => "sent, and seen to lie there".to_owned(),
        SendingState::UnderWay => "on its way".to_owned(),
    };
    format!(
        "{}, {} bytes, SHA-256 {}: {how}",
        offer.to, offer.size, offer.sha256
    )
}

fn why(reason: CallFailure, answer: Option<(PlaceStep, u16)>, left: bool) -> String {
    let answer = answer.map_or_else(String::new, |(step, status)| {
        format!(" (to {} the place answered {status})", verb(step))
    });
    let left = match left {
        true => "; a part of it may still lie there, which counts as nothing: remove it",
        false => "",
    };
    format!("{reason}{answer}{left}")
}

fn spoken(protocol: &PlaceProtocol) -> String {
    match protocol {
        PlaceProtocol::S3 { region } => format!("S3 (region {region})"),
        PlaceProtocol::Webdav => "WebDAV".to_owned(),
    }
}

/// Has a new backup sealed on the device, and sent once the owner consents to those very bytes.
pub(super) fn run(session: &mut Session, yes: bool) -> Result<(), Problem> {
    // Before the work: nobody consents here.
    if !yes && (!terminal::is_present() || session.output.is_json()) {
        return Err(Problem::usage(
            "there is nobody at a terminal to consent to this",
            "if you know what leaves: --yes",
        ));
    }
    let offer = seal(session)?;
    if !yes {
        consent(&offer)?;
    }
    let send = Operation::BackupSend {
        sha256: offer.sha256.clone(),
    };
    let answer = session.ask(send)?;
    button::wait(session, &answer)?;
    let sending = follow(session, &offer)?;
    if sending.state == SendingState::Offered && matches!(answer, Answer::PressNeeded { .. }) {
        return Err(button::not_pressed());
    }
    tell(session, sending)
}

/// Has it sealed onto the device. What is offered has to be what was seen on its way.
fn seal(session: &mut Session) -> Result<BackupOffer, Problem> {
    let bar = progress(session.output, None);
    session.ask(Operation::BackupOffer { name: name_of_now(0) })?;
    let mut digest = Sha256::new();
    while let Some(piece) = session.client()?.next_piece()? {
        digest.update(piece.expose_bytes());
        bar.inc(u64::try_from(piece.len()).unwrap_or(u64::MAX));
    }
    bar.finish_and_clear();
    let seen: String = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let offered = backup(session)?.sending.map(|sending| sending.offer);
    let offer = offered.filter(|offer| offer.sha256 == seen);
    offer.ok_or_else(|| {
        Failure::new(
            FailureKind::Conflict,
            "another backup was begun meanwhile",
            "send it again",
        )
        .into()
    })
}

fn consent(offer: &BackupOffer) -> Result<(), Problem> {
    let steps = match offer.protocol {
        PlaceProtocol::S3 { .. } => "PUT, then HEAD to see that all of it came; DELETE if not",
        PlaceProtocol::Webdav => {
            "PUT under its name with .part behind it, HEAD to see that all of it came, MOVE to its name, HEAD again; \
             DELETE if not"
        }
    };
    terminal::say(&format!(
        "This leaves the device, once, encrypted, for {host} and nobody else:\n\n  a new backup of everything, sealed \
         to your recovery key and to whom you added\n  {size} bytes, SHA-256 {sha256}\n  to {to}\n  by {spoken}: {steps}\n\n\
         The server sees its length, your network's address, the user and, with WebDAV, the password; nobody opens the \
         backup without a key.",
        host = offer.to.host(),
        size = offer.size,
        sha256 = offer.sha256,
        to = offer.to,
        spoken = spoken(&offer.protocol),
    ));
    let typed = terminal::ask("Type SEND to have it sent, anything else to leave it: ")?;
    if typed.as_str() == "SEND" {
        return Ok(());
    }
    Err(Failure::new(FailureKind::Refused, "nothing was sent", "type SEND to consent").into())
}

fn follow(session: &mut Session, offer: &BackupOffer) -> Result<BackupSending, Problem> {
    let bar = progress(session.output, None);
    loop {
        let sending = backup(session)?.sending.filter(|sending| sending.offer == *offer);
        let sending = sending.ok_or_else(withdrawn)?;
        if sending.state != SendingState::UnderWay {
            bar.finish_and_clear();
            return Ok(sending);
        }
        bar.tick();
        thread::sleep(PAUSE);
    }
}

fn withdrawn() -> Problem {
    Failure::new(
        FailureKind::Unavailable,
        "the backup was given up: the device was locked, the profile shut, or another was begun",
        "send it again",
    )
    .into()
}

fn tell(session: &Session, sending: BackupSending) -> Result<(), Problem> {
    let BackupSending { offer, state } = sending;
    let SendingState::Failed { reason, answer, left } = state else {
        let json = json!({"sent": offer.to, "bytes": offer.size, "sha256": offer.sha256});
        let text = format!(
            "{} bytes sent to {}, and seen to lie there\nIt counts as tried once you have it back: pocketctl backup drill FILE",
            offer.size, offer.to
        );
        return session.output.print(&json, &text);
    };
    let what = format!(
        "the backup was not sent to {}: {}",
        offer.to,
        why(reason, answer, left)
    );
    let remedy = format!("{}; then send it again", reason.remedy());
    Err(Failure::new(FailureKind::Unavailable, what, remedy).into())
}

const fn verb(step: PlaceStep) -> &'static str {
    match step {
        PlaceStep::Look => "HEAD",
        PlaceStep::Name => "MOVE",
        PlaceStep::Put => "PUT",
        PlaceStep::Remove => "DELETE",
    }
}
