//! Backups that the device sends: where to, what would leave, and what came of the last.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{
    BackupOffer, BackupPlace, BackupSending, Failure, InvalidWebAddress, Operation, PlaceProtocol,
    SendingState,
};

use crate::again::Again;
use crate::door::Door;
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::Done;
use crate::pages::backup::name_of_now;
use crate::parts::invalid;
use crate::present::{Phrase, Shell, bytes_in_words, filled, go, page_after};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::Words;

const HERE: &str = "/device/backup/send";
/// What can be spoken at a place.
const SPOKEN: [(&str, &str); 2] = [(WEBDAV, "WebDAV"), (S3, "S3")];
const S3: &str = "s3";
const WEBDAV: &str = "webdav";

#[derive(Template)]
#[template(path = "backup_send.html")]
struct SendPage {
    shell: Shell,
    /// Whether the device knows to whom it seals.
    ready: bool,
    /// Whether the profile lets anything out.
    open: bool,
    /// Where they go; empty where no place is set.
    place: Phrase,
    typed: Typed,
    /// How the last one is, or what came of it; empty where there was none.
    last: Phrase,
    under_way: bool,
    /// What the owner would consent to.
    consent: Option<Consent>,
}

/// What would leave, and where to.
struct Consent {
    about: Phrase,
    bytes: String,
    sha256: String,
}

impl Consent {
    fn new(t: &Words, BackupOffer { to, size, sha256, .. }: BackupOffer) -> Self {
        Self {
            about: filled(t.send_consent_about, &[to.host().to_owned().into()]),
            bytes: format!("{to}\nContent-Length: {size}\nSHA-256: {sha256}"),
            sha256,
        }
    }
}

/// A place as it is typed.
#[derive(Default)]
struct Typed {
    folder: String,
    s3: bool,
    region: String,
    secret: String,
    user: String,
}

impl Typed {
    fn of(fields: &Fields) -> Self {
        let line = |name| fields.line(name).trim().to_owned();
        Self {
            folder: line("folder"),
            s3: fields.line("protocol") == S3,
            region: line("region"),
            secret: line("secret"),
            user: line("user"),
        }
    }

    fn set(place: &BackupPlace) -> Self {
        let region = match &place.protocol {
            PlaceProtocol::S3 { region } => Some(region.clone()),
            PlaceProtocol::Webdav => None,
        };
        Self {
            folder: place.folder.to_string(),
            s3: region.is_some(),
            region: region.unwrap_or_default(),
            secret: place.secret.clone(),
            user: place.user.clone(),
        }
    }

    const fn protocol(&self) -> &'static str {
        if self.s3 { S3 } else { WEBDAV }
    }

    fn place(self, t: &Words) -> Result<BackupPlace, Failure> {
        let folder = self.folder.parse();
        Ok(BackupPlace {
            protocol: match self.s3 {
                true => PlaceProtocol::S3 { region: self.region },
                false => PlaceProtocol::Webdav,
            },
            folder: folder.map_err(|error: InvalidWebAddress| invalid(&error.to_string(), t.send_address))?,
            user: self.user,
            secret: self.secret,
        })
    }
}

fn send_page(owner: &Owner, shell: Shell, typed: Option<Typed>) -> SendPage {
    let t = owner.look.words();
    let status = owner.status.backup.clone().unwrap_or_default();
    let place = status.place.as_ref();
    let parts = |place: &BackupPlace| {
        let folder = place.folder.to_string();
        [folder, place.user.clone(), place.secret.clone()].map(Phrase::from)
    };
    let (consent, last) = match status.sending {
        Some(BackupSending {
            offer,
            state: SendingState::Offered,
        }) => (Some(Consent::new(t, offer)), None),
        other => (None, other),
    };
    SendPage {
        ready: status.ready,
        open: shell.profile.opens_cloud(),
        shell,
        place: place.map_or_else(Phrase::default, |place| filled(t.send_place, &parts(place))),
        typed: typed.unwrap_or_else(|| place.map(Typed::set).unwrap_or_default()),
        under_way: last
            .as_ref()
            .is_some_and(|last| last.state == SendingState::UnderWay),
        last: last.map_or_else(Phrase::default, |last| came_of(t, &last)),
        consent,
    }
}

/// How it is, or what came of it.
fn came_of(t: &Words, BackupSending { offer, state }: &BackupSending) -> Phrase {
    let (to, size) = (Phrase::from(offer.to.to_string()), bytes_in_words(t, offer.size));
    match state {
        SendingState::Failed { reason, answer, left } => {
            let answered = answer.map_or_else(Phrase::default, |(_, status)| {
                filled(t.send_answered, &[status.to_string().into()])
            });
            let left = if *left { t.send_left } else { "" };
            filled(
                t.send_failed,
                &[to, reason.to_string().into(), answered, left.into()],
            )
        }
        SendingState::Sent => filled(t.send_sent, &[size, to, offer.sha256.clone().into()]),
        SendingState::Offered | SendingState::UnderWay => filled(t.send_under_way, &[size, to]),
    }
}

fn titled(owner: &Owner) -> Shell {
    Shell::new(owner, owner.look.words().send_title, "/device")
}

/// Where to, and how the last one is.
pub(crate) async fn show(owner: Owner, Query(done): Query<Done>, again: Again) -> Result<Response, Trouble> {
    let shell = again.tell(titled(&owner).done(done.code()));
    let typed = again.fields().map(Typed::of);
    again.page(&send_page(&owner, shell, typed))
}

fn answer(owner: &Owner, done: Result<(), Failure>, to: &'static str) -> Result<Response, Trouble> {
    match done {
        Ok(()) => Ok(go(to)),
        Err(failure) => page_after(&failure, &send_page(owner, titled(owner).failed(&failure), None)),
    }
}

/// Sets where backups are sent, or that they are not.
pub(crate) async fn place(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let set = async {
        let operation = match fields.ticked("remove") {
            true => Operation::BackupPlaceRemove,
            false => Operation::BackupPlaceSet(Box::new(Typed::of(&fields).place(owner.look.words())?)),
        };
        door.ask(operation).await.map(drop)
    };
    match set.await {
        Ok(()) => Ok(go("/device/backup/send?done=saved")),
        Err(failure) => {
            let shell = titled(&owner).failed(&failure);
            page_after(&failure, &send_page(&owner, shell, Some(Typed::of(&fields))))
        }
    }
}

/// Has a new one sealed onto the device. Nothing of it leaves before the owner has seen what.
pub(crate) async fn offer(State(door): State<Door>, owner: Owner) -> Result<Response, Trouble> {
    answer(&owner, seal(&door).await, HERE)
}

/// A browser that goes away in the middle takes it along.
async fn seal(door: &Door) -> Result<(), Failure> {
    let offer = Operation::BackupOffer { name: name_of_now() };
    let mut sealing = door.archives().seal(door.request(offer)).await?;
    while door.archives().spool(&mut sealing).await?.is_some() {}
    Ok(())
}

/// Sends the very one that was shown.
pub(crate) async fn send(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let sent = async {
        if !fields.ticked("read") {
            return Err(invalid(t.not_ticked, t.not_ticked_do));
        }
        let sha256 = fields.line("sha256").to_owned();
        door.ask(Operation::BackupSend { sha256 }).await.map(drop)
    };
    answer(&owner, sent.await, HERE)
}
