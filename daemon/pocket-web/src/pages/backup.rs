//! Backups: one that is made as it is downloaded, what is lacking, who else opens them, how often one is wanted,
//! and trying one that the browser hands in.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use pocket_core::{Answer, BackupSchedule, Failure, Operation, OperationKind, Timestamp};
use pocket_service::Sealing;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::home::lack_in_words;
use crate::pages::{Done, audit};
use crate::parts::{Upload, broken_off};
use crate::present::{Moment, Shell, go, page, page_after};
use crate::query::Query;
use crate::trouble::Trouble;

const SAVED: &str = "/device/backup?done=saved";
/// Entries of the log that are shown.
const SHOWN: usize = 10;
/// Pieces that are ready before the browser has taken the one before.
const AHEAD: usize = 1;
/// How long a browser may take none, or send none. There is one place for archives, and others wait for it.
const STALLED: Duration = Duration::from_secs(2 * 60);

#[derive(Template)]
#[template(path = "backup.html")]
struct BackupPage {
    shell: Shell,
    /// Whether the device knows to whom it seals.
    ready: bool,
    unconfirmed: bool,
    lack: &'static str,
    last: Option<Moment>,
    unfinished: Option<Moment>,
    drilled: Option<Moment>,
    recipients: Vec<String>,
    /// Days, in words, whether it is that.
    often: [(u16, &'static str, bool); 3],
    newest: u16,
    /// What the log has of the last ones, the newest first.
    done: Vec<audit::Row>,
}

async fn backup_page(door: &Door, owner: &Owner, shell: Shell) -> Result<BackupPage, Failure> {
    let t = owner.look.words();
    let status = owner.status.backup.clone().unwrap_or_default();
    let days = status.schedule.map_or(0, |schedule| schedule.days);
    let often = [(0, t.backup_never), (1, t.backup_daily), (7, t.backup_weekly)];
    Ok(BackupPage {
        shell,
        done: done(door, owner).await?,
        ready: status.ready,
        unconfirmed: owner.status.recovery_confirmed == Some(false),
        lack: lack_in_words(t, &status),
        last: status.last.map(Moment),
        unfinished: status.unfinished.map(Moment),
        drilled: status.drilled.map(Moment),
        often: often.map(|(of, words)| (of, words, of == days)),
        newest: status.schedule.map_or(30, |schedule| schedule.newest),
        recipients: status.recipients,
    })
}

/// Backups among the last entries of the log: made, tried, and what came of it.
async fn done(door: &Door, owner: &Owner) -> Result<Vec<audit::Row>, Failure> {
    let show = Operation::AuditShow {
        before: None,
        limit: Operation::MOST_LISTED,
    };
    let Answer::Audit(entries) = door.ask(show).await?.answer else {
        return Err(unexpected());
    };
    let names = audit::Names::of(door).await?;
    let backups = entries.iter().filter(|entry| {
        let kind = entry.event.operation;
        matches!(
            kind,
            OperationKind::BackupDone | OperationKind::BackupDrilled | OperationKind::BackupSent
        )
    });
    let rows = backups.map(|entry| audit::row(owner.look.words(), entry, &names));
    Ok(rows.take(SHOWN).collect())
}

fn titled(owner: &Owner) -> Shell {
    Shell::new(owner, owner.look.words().backup_title, "/device")
}

/// How backups are, and what can be done about it.
pub(crate) async fn show(
    State(door): State<Door>,
    owner: Owner,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let shell = titled(&owner).done(done.code());
    page(&backup_page(&door, &owner, shell).await?)
}

async fn answer(door: &Door, owner: &Owner, done: Result<(), Failure>) -> Result<Response, Trouble> {
    match done {
        Ok(()) => Ok(go(SAVED)),
        Err(failure) => {
            let shell = titled(owner).failed(&failure);
            page_after(&failure, &backup_page(door, owner, shell).await?)
        }
    }
}

/// Sends a new archive, after the passphrase was shown.
pub(crate) async fn submit(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let sealing = match begin(&door, &owner, &fields).await {
        Ok(sealing) => sealing,
        Err(failure) => return answer(&door, &owner, Err(failure)).await,
    };
    let (out, pieces) = mpsc::channel(AHEAD);
    tokio::spawn(async move { send(&door, sealing, &out).await });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", name_of_now()),
        ),
    ];
    let body = Body::from_stream(stream::try_unfold(pieces, next_piece));
    Ok((headers, body).into_response())
}

async fn begin(door: &Door, owner: &Owner, fields: &Fields) -> Result<Sealing, Failure> {
    door.ask_again(owner.session, fields.secret("passphrase")).await?;
    door.archives().seal(door.request(Operation::BackupCreate)).await
}

/// Hands the pieces on as the browser takes them. One that takes none any more is given up, and so is the archive.
async fn send(door: &Door, mut sealing: Sealing, out: &mpsc::Sender<Option<Bytes>>) {
    while let Ok(piece) = sealing.next().await {
        let ended = piece.is_none();
        let taken = timeout(STALLED, out.send(piece.map(Bytes::from))).await;
        if !matches!(taken, Ok(Ok(()))) {
            return;
        }
        if ended {
            // Once all of it is on its way, and the place is still ours.
            if timeout(STALLED, out.closed()).await.is_ok() {
                drop(door.ask(Operation::BackupDone).await);
            }
            return;
        }
    }
}

type Pieces = mpsc::Receiver<Option<Bytes>>;

/// `None` is the end. An archive whose maker is gone before must not look whole.
async fn next_piece(mut pieces: Pieces) -> io::Result<Option<(Bytes, Pieces)>> {
    match pieces.recv().await {
        Some(Some(piece)) => Ok(Some((piece, pieces))),
        Some(None) => Ok(None),
        None => Err(io::Error::other("the backup broke off")),
    }
}

/// As `pocketctl` names one, so that a folder of them stays in order.
pub(crate) fn name_of_now() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp::from_millis(i64::try_from(now.as_millis()).unwrap_or(i64::MAX)).to_string();
    let now: String = now.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
    format!("pocketai-{now}Z.age")
}

/// Seals backups to someone else too, or not any more.
pub(crate) async fn recipient(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let recipient = fields.line("recipient").trim().to_owned();
    let request = if fields.ticked("remove") {
        door.request(Operation::BackupRecipientRemove { recipient })
    } else {
        let add = door.request(Operation::BackupRecipientAdd { recipient });
        add.with_passphrase(fields.secret("passphrase"))
    };
    let done = door.send(request).await.map(drop);
    answer(&door, &owner, done).await
}

/// Sets how often a backup is wanted.
pub(crate) async fn schedule(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let number = |name: &str| fields.line(name).parse().unwrap_or(u16::MAX);
    let days = number("days");
    let schedule = (days > 0).then(|| BackupSchedule {
        days,
        newest: number("newest"),
    });
    let done = door.ask(Operation::BackupSchedule(schedule)).await.map(drop);
    answer(&door, &owner, done).await
}

/// Tries the archive that the browser hands in.
pub(crate) async fn drill(
    State(door): State<Door>,
    owner: Owner,
    upload: Upload,
) -> Result<Response, Trouble> {
    match open(&door, &owner, upload).await {
        Ok(()) => Ok(go("/device/backup?done=tried")),
        Err(failure) => answer(&door, &owner, Err(failure)).await,
    }
}

async fn open(door: &Door, owner: &Owner, mut upload: Upload) -> Result<(), Failure> {
    let mut file = upload.file().await?;
    let mut opening = door.archives().open(door.request(Operation::BackupDrill)).await?;
    loop {
        let piece = timeout(STALLED, file.next()).await;
        let piece = piece.map_err(|_| broken_off(owner.look.words()))??;
        // One that wants no more says why at the end.
        match piece {
            Some(bytes) => drop(opening.feed(&bytes).await),
            None => return opening.finish().await.map(drop),
        }
    }
}
