//! Sessions of the owner: random, kept as a hash only, short.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pocket_core::Entry;
use pocket_crypto::SecretBytes;
use rand::Rng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::limit::RateLimit;

/// A session that nobody used for this long is over.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// A session is over after this long, used or not.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);
/// Sessions at once: browsers of one owner. The one unused for longest makes room.
const MOST: usize = 16;
/// How long what was deleted can be put back.
const UNDO: Duration = Duration::from_secs(5 * 60);
/// How long after the passphrase was shown it need not be shown again for what a stolen session must
/// not be able to do.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// A page that is opened this long before that is over asks for it all the same: its form takes time.
const HEADROOM: Duration = Duration::from_secs(60);
/// Requests of one session in a minute.
const RATE: u32 = 600;

/// A 256-bit random value, as a cookie carries it: 64 hexadecimal digits.
pub(crate) struct CookieToken(SecretBytes);

impl CookieToken {
    /// A fresh one.
    pub(crate) fn generate() -> Self {
        let mut bytes = Zeroizing::new([0u8; 32]);
        rand::rng().fill_bytes(bytes.as_mut_slice());
        Self(SecretBytes::new(hex(bytes.as_slice()).into_bytes()))
    }

    /// The text of the cookie.
    pub(crate) fn expose_str(&self) -> &str {
        self.0.expose_str().expect("hexadecimal digits are ASCII")
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is kept of a session's token. A plain hash is enough: there are 256 random bits under it.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(crate) struct SessionId([u8; 32]);

impl SessionId {
    /// Of whatever a cookie presented.
    pub(crate) fn of(cookie: &str) -> Self {
        Self(Sha256::digest(cookie.as_bytes()).into())
    }
}

struct Session {
    started: Instant,
    used: Instant,
    /// When the passphrase was last shown in it.
    shown: Instant,
    rate: RateLimit,
    /// Of the passphrase that was in force when it began.
    salt: Option<[u8; 32]>,
    undo: Option<Deleted>,
}

/// Records that were deleted a moment ago.
struct Deleted {
    entries: Vec<Entry>,
    since: Instant,
}

impl Deleted {
    fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < UNDO
    }
}

impl Session {
    fn lives(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) < IDLE
            && now.saturating_duration_since(self.started) < LONGEST
    }
}

/// Why a session can't be used.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum NoSession {
    /// Unknown, or over.
    Over,
    /// Too many requests; seconds to wait.
    Throttled(u64),
}

/// The sessions of this door. They live in memory only: a restart ends them all, and locks the
/// vault anyway.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<SessionId, Session>>);

impl Sessions {
    /// Begins a session under a new token, and ends the one that the browser had before: a token
    /// that someone planted before the login is worth nothing after it.
    pub(crate) fn begin(
        &self,
        before: Option<SessionId>,
        salt: Option<[u8; 32]>,
        now: Instant,
    ) -> CookieToken {
        let token = CookieToken::generate();
        let mut live = self.lock();
        live.retain(|id, session| Some(*id) != before && session.lives(now));
        if live.len() >= MOST {
            let oldest = live
                .iter()
                .min_by_key(|(_, session)| session.used)
                .map(|(id, _)| *id);
            oldest.and_then(|id| live.remove(&id));
        }
        let rate = RateLimit::a_minute(RATE);
        live.insert(
            SessionId::of(token.expose_str()),
            Session {
                started: now,
                used: now,
                shown: now,
                rate,
                salt,
                undo: None,
            },
        );
        token
    }

    /// Uses a session: its idle time starts anew.
    pub(crate) fn touch(&self, id: SessionId, now: Instant) -> Result<(), NoSession> {
        let mut live = self.lock();
        let session = live
            .get_mut(&id)
            .filter(|session| session.lives(now))
            .ok_or(NoSession::Over)?;
        session.rate.take(now).map_err(NoSession::Throttled)?;
        session.used = now;
        Ok(())
    }

    /// Whether it is alive, without using it.
    pub(crate) fn lives(&self, id: SessionId, now: Instant) -> bool {
        self.lock().get(&id).is_some_and(|session| session.lives(now))
    }

    /// The passphrase was shown in it.
    pub(crate) fn show(&self, id: SessionId, now: Instant) {
        if let Some(session) = self.lock().get_mut(&id) {
            session.shown = now;
        }
    }

    /// Whether the passphrase was shown in it a moment ago.
    pub(crate) fn is_fresh(&self, id: SessionId, now: Instant) -> bool {
        self.since_shown(id, now).is_some_and(|passed| passed < FRESH)
    }

    /// Whether a page that needs it is to ask for it.
    pub(crate) fn asks(&self, id: SessionId, now: Instant) -> bool {
        self.since_shown(id, now)
            .is_none_or(|passed| passed + HEADROOM >= FRESH)
    }

    fn since_shown(&self, id: SessionId, now: Instant) -> Option<Duration> {
        let live = self.lock();
        live.get(&id)
            .map(|session| now.saturating_duration_since(session.shown))
    }

    /// As if the passphrase had been shown that much earlier, everywhere.
    #[cfg(test)]
    pub(crate) fn age(&self, by: Duration) {
        for session in self.lock().values_mut() {
            session.shown -= by;
        }
    }

    /// Keeps what was just deleted, so that it can be put back. It goes with the session, at a lock
    /// at the latest.
    pub(crate) fn keep_deleted(&self, id: SessionId, entries: Vec<Entry>, now: Instant) {
        if let Some(session) = self.lock().get_mut(&id) {
            session.undo = Some(Deleted { entries, since: now });
        }
    }

    /// Whether something can be put back.
    pub(crate) fn has_deleted(&self, id: SessionId, now: Instant) -> bool {
        let live = self.lock();
        let undo = live.get(&id).and_then(|session| session.undo.as_ref());
        undo.is_some_and(|undo| undo.is_fresh(now))
    }

    /// Takes what was deleted out; nothing once it has been too long.
    pub(crate) fn take_deleted(&self, id: SessionId, now: Instant) -> Vec<Entry> {
        let undo = self.lock().get_mut(&id).and_then(|session| session.undo.take());
        undo.filter(|undo| undo.is_fresh(now))
            .map(|undo| undo.entries)
            .unwrap_or_default()
    }

    /// Forgets what can't be put back any more.
    pub(crate) fn forget_deleted(&self, now: Instant) {
        for session in self.lock().values_mut() {
            session.undo = session.undo.take().filter(|undo| undo.is_fresh(now));
        }
    }

    /// Ends those that began with another passphrase than that of this salt.
    pub(crate) fn end_of_other_salts(&self, salt: Option<[u8; 32]>) {
        self.lock().retain(|_, session| session.salt == salt);
    }

    /// Ends one.
    pub(crate) fn end(&self, id: SessionId) {
        self.lock().remove(&id);
    }

    /// Ends all.
    pub(crate) fn end_all(&self) {
        self.lock().clear();
    }

    /// How many are alive.
    pub(crate) fn count(&self, now: Instant) -> usize {
        self.lock().values().filter(|session| session.lives(now)).count()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Session>> {
        // Each change above is a single call on the map: a panic elsewhere leaves no half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(sessions: &Sessions, now: Instant) -> SessionId {
        SessionId::of(sessions.begin(None, None, now).expose_str())
    }

    #[test]
    fn a_session_ends_when_idle_and_at_the_latest_after_half_a_day() {
        let sessions = Sessions::default();
        let start = Instant::now();
        let id = begun(&sessions, start);
        let mut now = start;
        while now + IDLE / 2 < start + LONGEST {
            now += IDLE / 2;
            assert_eq!(sessions.touch(id, now), Ok(()));
        }
        assert_eq!(sessions.touch(id, start + LONGEST), Err(NoSession::Over));

        let idle = begun(&sessions, start);
        assert!(sessions.lives(idle, start + IDLE - Duration::from_secs(1)));
        assert_eq!(sessions.touch(idle, start + IDLE), Err(NoSession::Over));
    }

    #[test]
    fn looking_does_not_keep_a_session_alive() {
        let sessions = Sessions::default();
        let start = Instant::now();
        let id = begun(&sessions, start);
        assert!(sessions.lives(id, start + IDLE / 2));
        assert!(!sessions.lives(id, start + IDLE));
    }

    #[test]
    fn a_login_ends_the_session_before_it_and_the_tokens_differ() {
        let sessions = Sessions::default();
        let now = Instant::now();
        let planted = begun(&sessions, now);
        let token = sessions.begin(Some(planted), None, now);
        assert_eq!(token.expose_str().len(), 64);
        assert_eq!(sessions.touch(planted, now), Err(NoSession::Over));
        assert_eq!(sessions.touch(SessionId::of(token.expose_str()), now), Ok(()));
        sessions.end_all();
        assert_eq!(
            sessions.touch(SessionId::of(token.expose_str()), now),
            Err(NoSession::Over)
        );
    }

    #[test]
    fn a_passphrase_counts_for_five_minutes_and_for_its_own_session() {
        let sessions = Sessions::default();
        let start = Instant::now();
        let (id, other) = (begun(&sessions, start), begun(&sessions, start));
        let second = Duration::from_secs(1);
        assert!(sessions.is_fresh(id, start + FRESH - second) && !sessions.is_fresh(id, start + FRESH));
        let late = start + FRESH - HEADROOM;
        assert!(!sessions.asks(id, late - second) && sessions.asks(id, late));
        sessions.touch(id, start + FRESH).unwrap();
        assert!(
            !sessions.is_fresh(id, start + FRESH),
            "being at work is not enough"
        );
        sessions.show(id, start + FRESH);
        assert!(sessions.is_fresh(id, start + FRESH) && !sessions.is_fresh(other, start + FRESH));
        sessions.end(id);
        assert!(!sessions.is_fresh(id, start) && sessions.asks(id, start));
    }

    #[test]
    fn one_session_too_many_ends_the_one_unused_for_longest() {
        let sessions = Sessions::default();
        let start = Instant::now();
        let first = begun(&sessions, start);
        let second = begun(&sessions, start + Duration::from_secs(1));
        for _ in 2..MOST {
            begun(&sessions, start + Duration::from_secs(2));
        }
        let now = start + Duration::from_secs(3);
        assert_eq!(sessions.touch(first, now), Ok(()));
        begun(&sessions, now);
        assert_eq!(sessions.count(now), MOST);
        assert!(sessions.lives(first, now));
        assert!(!sessions.lives(second, now));
    }

    #[test]
    fn requests_of_a_session_are_limited() {
        let sessions = Sessions::default();
        let now = Instant::now();
        let id = begun(&sessions, now);
        for _ in 0..RATE {
            assert_eq!(sessions.touch(id, now), Ok(()));
        }
        assert_eq!(sessions.touch(id, now), Err(NoSession::Throttled(61)));
    }
}
