//! The device's own system: what runs, and a signed release in its place.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use pocket_core::{
    Age, Answer, Failure, FailureKind, Fetch, FetchFault, Operation, UpdateOffer, UpdateStatus, UpdateStep,
    WebAddress,
};
use serde_json::json;

use crate::arguments::UpdateCommand;
use crate::exit::Problem;
use crate::import::piece;
use crate::session::Session;
use crate::terminal::progress;
use crate::{button, status, terminal};

/// Between one look at the device and the next.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a signature is waited for: a small board reads the whole bundle.
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) fn run(session: &mut Session, command: UpdateCommand) -> Result<(), Problem> {
    match command {
        UpdateCommand::Fetch { from, yes } => fetch(session, from, yes),
        UpdateCommand::Install { sha256, older } => install(session, sha256, older),
        UpdateCommand::Offer { file } => offer(session, &file),
        UpdateCommand::Show => {
            let update = read(session)?;
            show(session, &update)
        }
        UpdateCommand::Stop => {
            session.ask(Operation::UpdateFetchStop)?;
            let update = read(session)?;
            show(session, &update)
        }
    }
}

/// What the system says of itself.
fn read(session: &mut Session) -> Result<UpdateStatus, Problem> {
    status::read(session)?.update.ok_or_else(|| {
        Failure::new(
            FailureKind::Unavailable,
            "this device does not update itself, or that part of its system does not answer",
            "update the programs as you installed them; on PocketAI's own image, start it again or use a stick",
        )
        .into()
    })
}

fn show(session: &Session, update: &UpdateStatus) -> Result<(), Problem> {
    session.output.print(&json!(update), &in_words(update))
}

/// The same in lines for people.
fn in_words(update: &UpdateStatus) -> String {
    let good = if update.good {
        "it has shown that it works".to_owned()
    } else {
        format!(
            "on trial: unlock the device, so that it can show that it works; {} more starts before it goes back",
            update.tries_left
        )
    };
    let step = match &update.step {
        UpdateStep::Failed(fault) => format!("the last update failed: {}", fault.reason()),
        UpdateStep::Idle => "no update is at hand".to_owned(),
        UpdateStep::Installed(offer) => {
            format!("release {} is written; the device starts again", offer.release)
        }
        UpdateStep::Installing(offer) => format!("release {} is being written", offer.release),
        UpdateStep::Looking => "the signature of an update is being looked at".to_owned(),
        UpdateStep::Offered(offer) => offered(offer),
    };
    let fetch = update.fetch.as_ref().map(|fetch| format!("\n{}", fetched(fetch)));
    format!("{}\n{good}\n{step}{}", runs(update), fetch.unwrap_or_default())
}

/// How far a fetch is, or what came of it.
fn fetched(fetch: &Fetch) -> String {
    match (&fetch.fault, fetch.size) {
        (None, None) => format!(
            "it is being fetched from {}: {} bytes so far",
            fetch.from, fetch.received
        ),
        (None, Some(size)) => format!(
            "it is being fetched from {}: {} of {size} bytes",
            fetch.from, fetch.received
        ),
        (Some(fault), _) => format!("nothing was fetched from {}: {}", fetch.from, why(fault)),
    }
}

fn why(fault: &FetchFault) -> String {
    match fault {
        FetchFault::Elsewhere(Some(to)) => format!("the server leads to {to}, and nothing was asked there"),
        other => other.to_string(),
    }
}

/// What runs, in one line.
pub(crate) fn runs(update: &UpdateStatus) -> String {
    format!("release {} in slot {}", update.release, update.slot)
}

fn offered(offer: &UpdateOffer) -> String {
    let (age, older) = match offer.age {
        Age::Newer => ("newer than what runs", ""),
        Age::Older => (
            "OLDER than what runs: flaws that were mended may be back",
            " --older",
        ),
        Age::Same => ("the one that runs", ""),
    };
    format!(
        "release {} is signed for this device, and {age}\nSHA-256 {}\ninstall it: pocketctl update install{older}",
        offer.release, offer.sha256
    )
}

/// Hands a bundle in, and says what its signature is worth.
fn offer(session: &mut Session, path: &Path) -> Result<(), Problem> {
    let fail = |error: io::Error| Problem::file("read", path, &error);
    let (mut from, size): (Box<dyn Read>, _) = if path == Path::new("-") {
        (Box::new(io::stdin().lock()), None)
    } else {
        let file = File::open(path).map_err(fail)?;
        let size = file.metadata().map(|about| about.len()).ok();
        (Box::new(file), size)
    };
    let bar = progress(session.output, size);
    let mut offset = 0;
    loop {
        let piece = piece(&mut from).map_err(fail)?;
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if length == 0 {
            break;
        }
        session.call(Operation::UpdateChunk { offset }, None, Some(piece))?;
        offset += length;
        bar.inc(length);
    }
    bar.finish_and_clear();
    if offset == 0 {
        return Err(Problem::local(
            format!("{} is empty", path.display()),
            "give the .raucb file of a release, or - and the file on standard input",
        ));
    }
    session.ask(Operation::UpdateOffer)?;
    tell_looked_at(session)
}

/// Waits for the signature to be looked at, and says what it is worth.
fn tell_looked_at(session: &mut Session) -> Result<(), Problem> {
    let update = wait(session)?;
    match &update.step {
        UpdateStep::Failed(fault) => Err(Failure::new(
            FailureKind::Refused,
            fault.reason(),
            "get the file again from where the release was published",
        )
        .into()),
        _ => show(session, &update),
    }
}

/// Has one fetched, once the owner has seen what leaves for that.
fn fetch(session: &mut Session, from: WebAddress, yes: bool) -> Result<(), Problem> {
    if !yes {
        consent(session, &from)?;
    }
    let answer = session.ask(Operation::UpdateFetch { from: Box::new(from) })?;
    button::wait(session, &answer)?;
    let pressed = matches!(answer, Answer::PressNeeded { .. });
    let first = read(session)?;
    if pressed && first.fetch.is_none() && first.step != UpdateStep::Looking {
        return Err(button::not_pressed());
    }
    follow(session, first)?;
    tell_looked_at(session)
}

/// Shows what would leave, and has the word typed.
fn consent(session: &Session, from: &WebAddress) -> Result<(), Problem> {
    if !terminal::is_present() || session.output.is_json() {
        return Err(Problem::usage(
            "there is nobody at a terminal to consent to this",
            "if you know what leaves: --yes",
        ));
    }
    terminal::say(&format!(
        "This leaves the device, once, encrypted, for {} and nobody else:\n\n{}\nNothing of yours is in it; the server \
         sees your network's address, and that a PocketAI asks. At most 1 GiB comes back, and is looked at like a file \
         that you hand in.",
        from.host(),
        from.request()
    ));
    let typed = terminal::ask("Type FETCH to have it fetched, anything else to leave it: ")?;
    if typed.as_str() == "FETCH" {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Refused,
        "nothing was fetched",
        "type FETCH to consent",
    )
    .into())
}

/// Until it is all there, or came to nothing.
fn follow(session: &mut Session, first: UpdateStatus) -> Result<(), Problem> {
    let size = first.fetch.as_ref().and_then(|fetch| fetch.size);
    let bar = progress(session.output, size);
    let mut update = first;
    while let Some(fetch) = &update.fetch {
        if let Some(fault) = &fetch.fault {
            let remedy = match fault {
                FetchFault::Call(_) => {
                    "check the address, the network and the device's clock; with a wrong certificate, someone may be \
                     in between. Nothing of it is kept: fetch it again then"
                }
                FetchFault::Elsewhere(_) => "if you trust that address, fetch from there",
                FetchFault::NotKept(_) => "make room, or hand a bundle in: pocketctl update offer FILE",
                FetchFault::Status(_) => "check the address",
                FetchFault::Stopped => "fetch it again",
            };
            return Err(Failure::new(FailureKind::Unavailable, fetched(fetch), remedy).into());
        }
        if let Some(size) = fetch.size {
            bar.set_length(size);
        }
        bar.set_position(fetch.received);
        thread::sleep(PAUSE);
        update = read(session)?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Until the signature was looked at.
fn wait(session: &mut Session) -> Result<UpdateStatus, Problem> {
    let begun = Instant::now();
    loop {
        let update = read(session)?;
        if update.step != UpdateStep::Looking {
            return Ok(update);
        }
        if begun.elapsed() > PATIENCE {
            return Err(Failure::new(
                FailureKind::Unavailable,
                "nobody looked at the signature: the part of the system that does so is not at work",
                "start the device again, or update it by a stick (docs/flashing.md)",
            )
            .into());
        }
        thread::sleep(PAUSE);
    }
}

/// Has the offered release installed. What the owner types the passphrase for is what was just shown.
fn install(session: &mut Session, sha256: Option<String>, older: bool) -> Result<(), Problem> {
    let update = read(session)?;
    let offer = update.offer().ok_or_else(|| {
        Problem::from(Failure::new(
            FailureKind::NotFound,
            "no release is offered",
            "hand one in: pocketctl update offer FILE",
        ))
    })?;
    let sha256 = sha256.unwrap_or_else(|| offer.sha256.clone());
    let prompt = format!(
        "Passphrase, to install release {} in place of {} and start again: ",
        offer.release, update.release
    );
    let passphrase = session.passphrases.ask(&prompt)?;
    let install = Operation::UpdateInstall { sha256, older };
    let answer = session.call(install, Some(passphrase), None)?.answer;
    if matches!(answer, Answer::PressNeeded { .. }) {
        button::wait(session, &answer)?;
        if matches!(read(session)?.step, UpdateStep::Offered(_)) {
            return Err(button::not_pressed());
        }
    }
    let text = format!(
        "release {} is being written to the other slot, which takes minutes; then the device starts again. Unlock it \
         then: only an open vault can show that the release works",
        offer.release
    );
    session.output.print(&json!({"installing": offer}), &text)
}
