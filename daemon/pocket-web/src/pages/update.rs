//! A new release for the device itself: handed in, looked at, and let into the other slot.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{
    Age, Failure, Fetch, FetchFault, Operation, UpdateFault, UpdateOffer, UpdateStatus, UpdateStep,
    WebAddress,
};
use pocket_crypto::SecretBytes;

use crate::door::Door;
use crate::fields::Fields;
use crate::guard::Owner;
use crate::parts::{Cutter, Upload, invalid, no_file};
use crate::present::{Phrase, Shell, bytes_in_words, filled, go, length, page, page_after};
use crate::trouble::Trouble;
use crate::words::Words;

const HERE: &str = "/device/update";

#[derive(Template)]
#[template(path = "update.html")]
struct UpdatePage {
    shell: Shell,
    /// Whether the system says how it is.
    known: bool,
    runs: Phrase,
    trial: Phrase,
    /// How far an update is; empty where none is under way.
    step: Phrase,
    /// Whether another one can't be handed in now.
    waits: bool,
    offer: Option<UpdateOffer>,
    offered: Phrase,
    age: &'static str,
    older: bool,
    /// Whether it may be installed now.
    may: bool,
    /// How far a fetch is, or what came of it; empty where there is none.
    fetch: Phrase,
    /// Whether it goes on.
    fetching: bool,
    /// The address that may be fetched from next: where a server led to.
    next: String,
    /// Whether the profile lets anything out.
    open: bool,
    /// What the owner would consent to.
    consent: Option<Consent>,
}

/// What would leave, and where to.
struct Consent {
    from: String,
    about: Phrase,
    bytes: String,
}

impl Consent {
    fn new(t: &Words, from: &WebAddress) -> Self {
        Self {
            from: from.to_string(),
            about: filled(t.update_fetch_about, &[from.host().to_owned().into()]),
            bytes: from.request(),
        }
    }
}

fn update_page(owner: &Owner, shell: Shell, consent: Option<Consent>) -> UpdatePage {
    let t = owner.look.words();
    let status = owner.status.update.as_ref();
    let (step, waits) = status.map_or_else(Default::default, |status| step_in_words(t, &status.step));
    let offer = status.and_then(UpdateStatus::offer).cloned();
    let fetch = status.and_then(|status| status.fetch.as_ref());
    let fetching = fetch.is_some_and(|fetch| fetch.fault.is_none());
    UpdatePage {
        open: shell.profile.opens_cloud(),
        shell,
        consent,
        fetch: fetch.map_or_else(Phrase::default, |fetch| fetch_in_words(t, fetch)),
        fetching,
        next: match fetch.and_then(|fetch| fetch.fault.as_ref()) {
            Some(FetchFault::Elsewhere(Some(to))) => to.to_string(),
            _ => String::new(),
        },
        known: status.is_some(),
        runs: system_in_words(t, status),
        trial: match status {
            Some(status) if !status.good => filled(t.update_trial, &[status.tries_left.to_string().into()]),
            _ => t.update_good.into(),
        },
        step,
        waits: waits || fetching,
        offered: offer.as_ref().map_or_else(Phrase::default, |offer| {
            filled(t.update_offered, &[offer.release.to_string().into()])
        }),
        age: offer.as_ref().map_or("", |offer| match offer.age {
            Age::Newer => t.update_newer,
            Age::Older => t.update_older,
            Age::Same => t.update_same,
        }),
        older: offer.as_ref().is_some_and(|offer| offer.age == Age::Older),
        may: status.is_some_and(|status| status.good),
        offer,
    }
}

/// What runs.
pub(crate) fn system_in_words(t: &Words, status: Option<&UpdateStatus>) -> Phrase {
    status.map_or_else(
        || t.update_none.into(),
        |status| {
            let parts = [status.release.to_string(), status.slot.to_string()];
            filled(t.update_slot, &parts.map(Phrase::from))
        },
    )
}

/// How far it is, and whether it has to be waited for.
fn step_in_words(t: &Words, step: &UpdateStep) -> (Phrase, bool) {
    let release = |text: &'static str, offer: &UpdateOffer| filled(text, &[offer.release.to_string().into()]);
    match step {
        UpdateStep::Failed(fault) => {
            let why = match fault {
                UpdateFault::Changed => t.update_changed,
                UpdateFault::Left => t.update_left,
                UpdateFault::NotWritten => t.update_not_written,
                UpdateFault::Older => t.update_was_older,
                UpdateFault::OnTrial => t.update_on_trial,
                UpdateFault::Room => t.update_room,
                UpdateFault::Signature => t.update_signature,
            };
            (why.into(), false)
        }
        UpdateStep::Idle | UpdateStep::Offered(_) => (Phrase::default(), false),
        UpdateStep::Installed(offer) => (release(t.update_installed, offer), true),
        UpdateStep::Installing(offer) => (release(t.update_installing, offer), true),
        UpdateStep::Looking => (t.update_looking.into(), true),
    }
}

/// How far a fetch is, or what came of it.
fn fetch_in_words(t: &Words, fetch: &Fetch) -> Phrase {
    let host = Phrase::from(fetch.from.host().to_owned());
    let received = bytes_in_words(t, fetch.received);
    let why: Phrase = match (&fetch.fault, fetch.size) {
        (None, None) => return filled(t.update_fetching, &[host, received]),
        (None, Some(size)) => {
            let size = bytes_in_words(t, size);
            return filled(t.update_fetch_of, &[host, received, size]);
        }
        (Some(FetchFault::Elsewhere(Some(to))), _) => filled(t.update_fetch_leads, &[to.to_string().into()]),
        (Some(FetchFault::Status(status)), _) => filled(t.update_fetch_status, &[status.to_string().into()]),
        (Some(FetchFault::Stopped), _) => t.update_fetch_stopped.into(),
        (Some(fault), _) => fault.to_string().into(),
    };
    filled(t.update_fetch_failed, &[host, why])
}

/// How the device's own system is.
pub(crate) async fn show(owner: Owner) -> Result<Response, Trouble> {
    let shell = Shell::new(&owner, owner.look.words().update_title, "/device");
    page(&update_page(&owner, shell, None))
}

/// Takes a bundle in.
pub(crate) async fn submit(
    State(door): State<Door>,
    owner: Owner,
    upload: Upload,
) -> Result<Response, Trouble> {
    let taken = take(&door, owner.look.words(), upload).await;
    answer(&owner, taken)
}

async fn take(door: &Door, t: &Words, mut upload: Upload) -> Result<(), Failure> {
    let mut file = upload.file().await?;
    let mut cutter = Cutter::default();
    let mut offset = 0;
    while let Some(bytes) = file.next().await? {
        let mut bytes = bytes.as_ref();
        while !bytes.is_empty() {
            if let Some(piece) = cutter.cut(&mut bytes) {
                send(door, &mut offset, piece).await?;
            }
        }
    }
    if let Some(piece) = cutter.rest() {
        send(door, &mut offset, piece).await?;
    }
    if offset == 0 {
        return Err(no_file(t));
    }
    door.ask(Operation::UpdateOffer).await.map(drop)
}

async fn send(door: &Door, offset: &mut u64, piece: Vec<u8>) -> Result<(), Failure> {
    let length = length(piece.len());
    let request = door.request(Operation::UpdateChunk { offset: *offset });
    door.send(request.with_payload(SecretBytes::new(piece))).await?;
    *offset += length;
    Ok(())
}

/// Has it installed: the very one that was shown.
pub(crate) async fn install(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let install = Operation::UpdateInstall {
        sha256: fields.line("sha256").to_owned(),
        older: fields.ticked("older"),
    };
    let request = door.request(install).with_passphrase(fields.secret("passphrase"));
    let asked = door.send(request).await.map(drop);
    answer(&owner, asked)
}

/// Shows what would leave to fetch an update; once the owner has seen that, has it fetched.
pub(crate) async fn fetch(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let from: WebAddress = match fields.line("from").parse() {
        Ok(from) => from,
        Err(error) => {
            let failure = invalid(&error.to_string(), t.update_fetch_address);
            return answer(&owner, Err(failure));
        }
    };
    if !fields.ticked("read") {
        let shell = Shell::new(&owner, t.update_title, "/device");
        return page(&update_page(&owner, shell, Some(Consent::new(t, &from))));
    }
    let from = Box::new(from);
    let asked = door.ask(Operation::UpdateFetch { from }).await.map(drop);
    answer(&owner, asked)
}

/// Fetches no further.
pub(crate) async fn stop(State(door): State<Door>, owner: Owner) -> Result<Response, Trouble> {
    let stopped = door.ask(Operation::UpdateFetchStop).await.map(drop);
    answer(&owner, stopped)
}

fn answer(owner: &Owner, done: Result<(), Failure>) -> Result<Response, Trouble> {
    match done {
        Ok(()) => Ok(go(HERE)),
        Err(failure) => {
            let shell = Shell::new(owner, owner.look.words().update_title, "/device").failed(&failure);
            page_after(&failure, &update_page(owner, shell, None))
        }
    }
}
