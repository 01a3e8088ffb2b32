//! How often strangers may knock, and whose session is whose. Time is an argument here. How often an
//! agent may call, the engine counts: over all doors, and over a restart.
//!
//! Everything is kept by the SHA-256 of a token, never by the token. Nothing here grows with what
//! strangers send: there is an entry only for tokens that were right once, and those the owner made.

use std::collections::HashSet;
use std::time::{Duration, Instant};

/// SHA-256 of a token.
pub(crate) type Digest = [u8; 32];

/// Wrong tokens a minute, from everyone together: on loopback all callers have one address.
const WRONG_LIMIT: u32 = 20;
/// Requests a minute, together, with tokens that nobody can check while the vault is locked.
const UNPROVEN_LIMIT: u32 = 60;
/// Open sessions of one agent (a session costs about 40 kB); one more closes the longest idle.
const SESSIONS: usize = 8;
const MINUTE: Duration = Duration::from_secs(60);

/// Requests counted in a minute that begins with the first of them.
pub(crate) struct Window {
    limit: u32,
    began: Option<Instant>,
    count: u32,
}

impl Window {
    /// Lets `limit` requests a minute through.
    pub(crate) const fn new(limit: u32) -> Self {
        Self {
            limit,
            began: None,
            count: 0,
        }
    }

    /// Counts one more.
    ///
    /// # Errors
    /// How long to wait, when the limit is reached.
    pub(crate) fn count(&mut self, now: Instant) -> Result<(), Duration> {
        let left = self.left(now);
        if left.is_zero() {
            self.began = Some(now);
            self.count = 0;
        } else if self.count >= self.limit {
            return Err(left);
        }
        self.count += 1;
        Ok(())
    }

    /// What is left of the minute.
    fn left(&self, now: Instant) -> Duration {
        self.began.map_or(Duration::ZERO, |began| {
            MINUTE.saturating_sub(now.saturating_duration_since(began))
        })
    }
}

/// What the engine said of a token.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Proof {
    /// An agent's.
    Right,
    /// Nobody can tell while the vault is locked.
    Unproven,
}

struct Session {
    id: String,
    owner: Digest,
    proof: Proof,
    used: Instant,
}

/// All callers.
pub(crate) struct Callers {
    known: HashSet<Digest>,
    wrong: Window,
    unproven: Window,
    sessions: Vec<Session>,
}

impl Callers {
    /// Nobody yet.
    pub(crate) fn new() -> Self {
        Self {
            known: HashSet::new(),
            wrong: Window::new(WRONG_LIMIT),
            unproven: Window::new(UNPROVEN_LIMIT),
            sessions: Vec::new(),
        }
    }

    /// Notes what the engine said of a token that it did not refuse.
    ///
    /// # Errors
    /// How long to wait, where nobody can tell whose token it is and too many such came.
    pub(crate) fn passed(&mut self, token: &Digest, proof: Proof, now: Instant) -> Result<(), Duration> {
        match proof {
            Proof::Unproven if self.known.contains(token) => Ok(()),
            Proof::Unproven => self.unproven.count(now),
            Proof::Right => {
                self.known.insert(*token);
                for session in self.sessions.iter_mut().filter(|session| session.owner == *token) {
                    session.proof = Proof::Right;
                }
                Ok(())
            }
        }
    }

    /// Notes a token that is nobody's, or nobody's any more. Gives the sessions to close. However many
    /// there are, a right one is looked up still: a token is 256 random bits, and the look-up costs next
    /// to nothing.
    ///
    /// # Errors
    /// How long to wait, when too many wrong ones came.
    pub(crate) fn failed(&mut self, token: &Digest, now: Instant) -> (Vec<String>, Result<(), Duration>) {
        self.known.remove(token);
        let closed = self.sessions.extract_if(.., |session| session.owner == *token);
        let closed = closed.map(|session| session.id).collect();
        (closed, self.wrong.count(now))
    }

    /// Whether the session was begun with this very token.
    pub(crate) fn owns(&mut self, token: &Digest, id: &str, now: Instant) -> bool {
        let session = self
            .sessions
            .iter_mut()
            .find(|session| session.id == id && session.owner == *token);
        session.is_some_and(|session| {
            session.used = now;
            true
        })
    }

    /// Binds a new session to the token that began it. Gives the session to close instead, if that
    /// is one too many. While nobody can tell who is who, all strangers share one such allowance.
    pub(crate) fn bind(&mut self, token: &Digest, id: String, proof: Proof, now: Instant) -> Option<String> {
        let same = |session: &Session| match proof {
            Proof::Right => session.owner == *token,
            Proof::Unproven => session.proof == Proof::Unproven,
        };
        let mine = || {
            self.sessions
                .iter()
                .enumerate()
                .filter(|(_, session)| same(session))
        };
        let idlest = mine().min_by_key(|(_, session)| session.used).map(|(at, _)| at);
        let full = mine().count() >= SESSIONS;
        let closed = idlest.filter(|_| full).map(|at| self.sessions.swap_remove(at).id);
        self.sessions.push(Session {
            id,
            owner: *token,
            proof,
            used: now,
        });
        closed
    }

    /// Forgets a session that its agent ended.
    pub(crate) fn unbind(&mut self, id: &str) {
        self.sessions.retain(|session| session.id != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: Digest = [1; 32];
    const BERT: Digest = [2; 32];

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_window_lets_so_many_through_and_opens_again() {
        let start = Instant::now();
        let mut window = Window::new(2);
        assert_eq!(window.count(start), Ok(()));
        assert_eq!(window.count(start + seconds(10)), Ok(()));
        assert_eq!(window.count(start + seconds(20)), Err(seconds(40)));
        assert_eq!(window.count(start + seconds(60)), Ok(()));
    }

    #[test]
    fn wrong_tokens_run_out_and_keep_no_agent_out() {
        let now = Instant::now();
        let mut callers = Callers::new();
        assert_eq!(callers.passed(&ANNA, Proof::Right, now), Ok(()));
        for wrong in 0..20 {
            let token = [100 + wrong; 32];
            assert_eq!(callers.failed(&token, now).1, Ok(()));
        }
        assert_eq!(callers.failed(&[99; 32], now).1, Err(MINUTE));
        assert_eq!(callers.passed(&ANNA, Proof::Right, now), Ok(()));
        assert_eq!(
            callers.passed(&BERT, Proof::Right, now),
            Ok(()),
            "an agent that was never here before"
        );
        assert_eq!(callers.failed(&[99; 32], now + MINUTE).1, Ok(()));
        assert_eq!(callers.known.len(), 2, "strangers leave nothing behind");
    }

    #[test]
    fn unproven_tokens_share_one_allowance() {
        let now = Instant::now();
        let mut callers = Callers::new();
        assert_eq!(callers.passed(&ANNA, Proof::Right, now), Ok(()));
        for stranger in 0..60 {
            assert_eq!(
                callers.passed(&[100 + stranger; 32], Proof::Unproven, now),
                Ok(())
            );
        }
        assert!(callers.passed(&BERT, Proof::Unproven, now).is_err());
        assert_eq!(callers.passed(&ANNA, Proof::Unproven, now), Ok(()));
    }

    #[test]
    fn a_session_is_its_owners_and_the_longest_idle_makes_room() {
        let start = Instant::now();
        let mut callers = Callers::new();
        for number in 0..8u64 {
            let at = start + seconds(number);
            assert_eq!(callers.bind(&ANNA, format!("s{number}"), Proof::Right, at), None);
        }
        assert!(callers.owns(&ANNA, "s0", start + seconds(100)));
        assert!(!callers.owns(&BERT, "s0", start), "another's token");
        let closed = callers.bind(&ANNA, "s8".to_owned(), Proof::Right, start + seconds(101));
        assert_eq!(closed.as_deref(), Some("s1"), "s0 was used since");
        assert!(!callers.owns(&ANNA, "s1", start));
        assert_eq!(callers.bind(&BERT, "b0".to_owned(), Proof::Right, start), None);
    }

    #[test]
    fn strangers_together_never_push_an_agents_session_out() {
        let now = Instant::now();
        let mut callers = Callers::new();
        assert_eq!(callers.bind(&ANNA, "anna".to_owned(), Proof::Right, now), None);
        for stranger in 0..100u8 {
            let closed = callers.bind(&[stranger; 32], format!("x{stranger}"), Proof::Unproven, now);
            assert_ne!(closed.as_deref(), Some("anna"));
        }
        assert_eq!(callers.sessions.len(), 1 + SESSIONS);
    }

    #[test]
    fn a_revoked_token_loses_its_sessions() {
        let start = Instant::now();
        let mut callers = Callers::new();
        assert_eq!(callers.bind(&ANNA, "a".to_owned(), Proof::Right, start), None);
        assert_eq!(callers.bind(&BERT, "b".to_owned(), Proof::Right, start), None);
        assert_eq!(callers.failed(&ANNA, start).0, ["a"]);
        assert!(!callers.owns(&ANNA, "a", start));
        assert!(callers.owns(&BERT, "b", start));
        callers.unbind("b");
        assert!(!callers.owns(&BERT, "b", start));
    }
}
