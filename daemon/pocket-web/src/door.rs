//! What every request of this door shares.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit, Mac};
use pocket_core::{Actor, Answer, Door as DoorName, Failure, FailureKind, LockState, Operation, Status};
use pocket_crypto::SecretBytes;
use pocket_service::{Archives, Handle, Reader, Reply, Request};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::Addresses;
use crate::exporting::Exporting;
use crate::fields::Fields;
use crate::guard::Owner;
use crate::kept::Kept;
use crate::limit::RateLimit;
use crate::session::{CookieToken, SessionId, Sessions, hex};
use crate::words::ENGLISH;

/// Changes that someone without a session may ask for in a minute, all callers together: on the
/// loopback address there is no telling them apart. The engine slows guesses down besides.
const VISITOR_RATE: u32 = 20;
/// Passphrases whose strength may be asked for in a minute while someone types.
const ESTIMATE_RATE: u32 = 240;
/// How long a browser keeps its choice of language and theme, in seconds: a year.
const LOOK_SECONDS: u32 = 365 * 24 * 60 * 60;

/// The door's own state. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Door(Arc<Inner>);

struct Inner {
    handle: Handle,
    reader: Reader,
    archives: Archives,
    mcp: SocketAddr,
    control: PathBuf,
    hosts: Vec<String>,
    port: u16,
    sessions: Sessions,
    visitors: Mutex<RateLimit>,
    estimates: Mutex<RateLimit>,
    kept: Kept,
    exporting: Exporting,
    // Lives as long as the process: a form from before a restart is refused, as its session is.
    form_key: CookieToken,
    watching: AtomicBool,
}

impl Door {
    pub(crate) fn new(handle: Handle, reader: Reader, archives: Archives, addresses: Addresses) -> Self {
        let port = addresses.ui.port();
        Self(Arc::new(Inner {
            handle,
            reader,
            archives,
            mcp: addresses.mcp,
            control: addresses.control,
            hosts: hosts(port),
            port,
            sessions: Sessions::default(),
            visitors: Mutex::new(RateLimit::a_minute(VISITOR_RATE)),
            estimates: Mutex::new(RateLimit::a_minute(ESTIMATE_RATE)),
            kept: Kept::default(),
            exporting: Exporting::default(),
            form_key: CookieToken::generate(),
            watching: AtomicBool::new(false),
        }))
    }

    /// Whether `host`, as in a request, names this door. A name that an attacker's DNS points at
    /// 127.0.0.1 does not.
    pub(crate) fn is_named(&self, host: &str) -> bool {
        self.0.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    /// The engine.
    pub(crate) fn handle(&self) -> &Handle {
        &self.0.handle
    }

    /// Who reads the files of strangers.
    pub(crate) fn reader(&self) -> &Reader {
        &self.0.reader
    }

    /// Who seals and opens archives.
    pub(crate) fn archives(&self) -> &Archives {
        &self.0.archives
    }

    /// The sessions.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// Forms whose session had ended.
    pub(crate) fn kept(&self) -> &Kept {
        &self.0.kept
    }

    /// How far an export has come.
    pub(crate) fn exporting(&self) -> &Exporting {
        &self.0.exporting
    }

    /// Counts a change asked for without a session; the error is the number of seconds to wait.
    pub(crate) fn count_visitor(&self, now: Instant) -> Result<(), u64> {
        count(&self.0.visitors, now)
    }

    /// Counts an estimate; the error is the number of seconds to wait.
    pub(crate) fn count_estimate(&self, now: Instant) -> Result<(), u64> {
        count(&self.0.estimates, now)
    }

    /// Asks the engine as the owner.
    pub(crate) async fn ask(&self, operation: Operation) -> Result<Reply, Failure> {
        self.0.handle.call(self.request(operation)).await
    }

    /// An owner's request, to put a passphrase or a payload beside.
    pub(crate) fn request(&self, operation: Operation) -> Request {
        let actor = Actor::Owner {
            door: DoorName::Web,
            passphrase_shown: false,
        };
        Request::new(actor, operation)
    }

    /// Sends a request that was made with [`Door::request`].
    pub(crate) async fn send(&self, request: Request) -> Result<Reply, Failure> {
        self.0.handle.call(request).await
    }

    /// Asks the engine as someone who shows a secret or nothing.
    pub(crate) async fn ask_as_visitor(
        &self,
        operation: Operation,
        passphrase: Option<SecretBytes>,
        payload: Option<SecretBytes>,
    ) -> Result<Reply, Failure> {
        let actor = Actor::Nobody(DoorName::Web);
        self.0
            .handle
            .call(Request {
                actor,
                operation,
                passphrase,
                payload,
                pictures: Vec::new(),
            })
            .await
    }

    /// Whether the owner who sits there knows the passphrase: a session that was left open, or stolen,
    /// must not be enough for what gives everything away. The engine counts wrong guesses.
    pub(crate) async fn ask_again(&self, session: SessionId, passphrase: SecretBytes) -> Result<(), Failure> {
        self.ask_as_visitor(Operation::Authenticate, Some(passphrase), None)
            .await?;
        self.sessions().show(session, Instant::now());
        Ok(())
    }

    /// The same for what can be put right again, or harms less: not asked again within five minutes.
    pub(crate) async fn confirm(&self, owner: &Owner, fields: &Fields) -> Result<(), Failure> {
        if !fields.text("passphrase").is_empty() {
            return self.ask_again(owner.session, fields.secret("passphrase")).await;
        }
        if self.sessions().is_fresh(owner.session, Instant::now()) {
            return Ok(());
        }
        let t = owner.look.words();
        Err(Failure::new(FailureKind::Refused, t.show_again, t.show_again_do))
    }

    /// Whether the form of such an act has to ask for the passphrase.
    pub(crate) fn asks(&self, owner: &Owner) -> bool {
        self.sessions().asks(owner.session, Instant::now())
    }

    /// How the device is, as anyone may know it.
    pub(crate) async fn public_status(&self) -> Result<Status, Failure> {
        status_of(self.ask_as_visitor(Operation::Status, None, None).await?)
    }

    /// How the device is, as the owner may know it.
    pub(crate) async fn owner_status(&self) -> Result<Status, Failure> {
        status_of(self.ask(Operation::Status).await?)
    }

    /// Where agents are served.
    pub(crate) fn mcp(&self) -> SocketAddr {
        self.0.mcp
    }

    /// Where `pocketctl` is served.
    pub(crate) fn control(&self) -> &Path {
        &self.0.control
    }

    /// Whether the vault is open.
    pub(crate) async fn is_unlocked(&self) -> bool {
        let status = self.owner_status().await;
        status.is_ok_and(|status| status.state == LockState::Unlocked)
    }

    /// Begins a session for a browser that has just shown the passphrase; gives the cookie.
    pub(crate) async fn begin_session(
        &self,
        before: Option<SessionId>,
        now: Instant,
    ) -> Result<String, Failure> {
        self.watch_the_vault();
        let salt = self.0.handle.passphrase_salt().await?;
        let token = self.0.sessions.begin(before, salt, now);
        Ok(set_cookie(&self.session_cookie(), token.expose_str()))
    }

    /// The name of the session's cookie. It holds the port, because browsers share cookies between
    /// the ports of a host and two devices may be open at once.
    pub(crate) fn session_cookie(&self) -> String {
        format!("pocketai_session_{}", self.0.port)
    }

    /// The name of the cookie of those who have no session yet.
    pub(crate) fn visitor_cookie(&self) -> String {
        format!("pocketai_visitor_{}", self.0.port)
    }

    /// The name of the cookie that opens a form kept for its browser.
    pub(crate) fn kept_cookie(&self) -> String {
        format!("pocketai_kept_{}", self.0.port)
    }

    /// The name of the cookie with the choice of language and theme.
    pub(crate) fn look_cookie(&self) -> String {
        format!("pocketai_look_{}", self.0.port)
    }

    /// The cookie for that choice.
    pub(crate) fn set_look(&self, choice: &str) -> String {
        format!(
            "{}; Max-Age={LOOK_SECONDS}",
            set_cookie(&self.look_cookie(), choice)
        )
    }

    /// What a form must bring along to be taken for one of this door's, for the browser with this cookie.
    pub(crate) fn form_token(&self, cookie: &str) -> String {
        let key = self.0.form_key.expose_str().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(cookie.as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    /// Whether a form brought the right token along. Constant time.
    pub(crate) fn form_token_matches(&self, cookie: &str, presented: &str) -> bool {
        self.form_token(cookie)
            .as_bytes()
            .ct_eq(presented.as_bytes())
            .into()
    }

    /// Ends all sessions as soon as the vault locks, whoever locked it: a session must not outlive
    /// the keys and come back to life with the next unlock. A session that was begun with a
    /// passphrase of before ends too, whoever changed it.
    fn watch_the_vault(&self) {
        if self.0.watching.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut changes = self.0.handle.changes();
        changes.mark_unchanged();
        let door: Weak<Inner> = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                let Some(door) = door.upgrade().map(Self) else {
                    return;
                };
                let state = door.public_status().await.map(|status| status.state);
                match (state, door.handle().passphrase_salt().await) {
                    (Ok(LockState::Unlocked), Ok(salt)) => door.sessions().end_of_other_salts(salt),
                    _ => door.sessions().end_all(),
                }
            }
        });
    }
}

fn count(limit: &Mutex<RateLimit>, now: Instant) -> Result<(), u64> {
    limit.lock().unwrap_or_else(PoisonError::into_inner).take(now)
}

/// The names under which a browser on this machine reaches the port.
fn hosts(port: u16) -> Vec<String> {
    let names = ["127.0.0.1", "localhost", "[::1]"];
    let mut hosts: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
    if port == 80 {
        hosts.extend(names.map(str::to_owned));
    }
    hosts
}

fn status_of(reply: Reply) -> Result<Status, Failure> {
    match reply.answer {
        Answer::Status(status) => Ok(*status),
        _ => Err(unexpected()),
    }
}

/// The engine gave an answer of another kind than the operation has. In the language of the device: a
/// page of another tells it by its kind.
pub(crate) fn unexpected() -> Failure {
    Failure::new(FailureKind::Internal, ENGLISH.unexpected, ENGLISH.unexpected_do)
}

/// The value of a `Set-Cookie` header. Without `Secure`: this door speaks plain HTTP on the loopback
/// address, where some browsers drop such a cookie; no packet of it passes a network.
pub(crate) fn set_cookie(name: &str, value: &str) -> String {
    format!("{name}={value}; HttpOnly; SameSite=Strict; Path=/")
}

/// The same that makes the browser forget the cookie.
pub(crate) fn drop_cookie(name: &str) -> String {
    format!("{name}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0")
}

/// The value of a request's cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "x_a=1; a=2".parse().unwrap());
        headers.append(header::COOKIE, "b=3;a=4".parse().unwrap());
        assert_eq!(cookie(&headers, "a"), Some("2"));
        assert_eq!(cookie(&headers, "b"), Some("3"));
        assert_eq!(cookie(&headers, "c"), None);
    }

    #[test]
    fn only_names_of_this_machine_are_hosts() {
        assert_eq!(hosts(7878), ["127.0.0.1:7878", "localhost:7878", "[::1]:7878"]);
        assert!(hosts(80).contains(&"localhost".to_owned()));
    }
}
