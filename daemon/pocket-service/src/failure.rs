//! From what went wrong below to what the owner is told.

use std::io;

use pocket_core::{Failure, FailureKind, Reason};
use pocket_crypto::keyring::{EditError, UnlockError};
use pocket_store::{KeyringFileError, StoreError};

/// Policy's refusal in words, with what the owner can do.
pub(crate) fn refused(reason: Reason) -> Failure {
    let remedy = match reason {
        Reason::Anonymous => "sign in first",
        Reason::AuditIsFixed => "read it with `pocketctl audit show`",
        Reason::NetworkShut(_) => "the owner can open it for a time: `pocketctl profile set LOCAL_NETWORK`",
        Reason::NeverLeaves(_) => "ask without it",
        Reason::NoGateway => "install pocket-gateway beside pocketd, and start pocketd again",
        Reason::Profile(_) => {
            "nothing was sent; the owner can open it for a time: `pocketctl profile set CLOUD_WITH_CONSENT`"
        }
        Reason::NoScope(..) => "the owner can give it: `pocketctl agent add NAME --scope CATEGORY:VERB`",
        Reason::OwnerOnly => "ask the owner to do it on the page or with `pocketctl`",
        Reason::PassphraseNeeded => "send the passphrase with the request",
        Reason::SecretsApart => "type `pocketctl secret set NAME` and give the value on standard input",
        Reason::WrongDoor => "type `pocketctl` on the device itself",
    };
    Failure::new(FailureKind::Refused, reason.to_string(), remedy)
}

pub(crate) fn store(error: &StoreError) -> Failure {
    Failure::new(error.kind(), error.to_string(), error.remedy())
}

pub(crate) fn keyring(error: &KeyringFileError) -> Failure {
    let (kind, remedy) = match error {
        KeyringFileError::Damaged { .. } => (
            FailureKind::Damaged,
            "put a copy of keyring.a back from a backup; nothing was made in its place",
        ),
        KeyringFileError::Newer { .. } => (FailureKind::Newer, "update the software; nothing was touched"),
        KeyringFileError::Io { source, .. } => disk(source),
        KeyringFileError::Unread { .. } => (
            FailureKind::Unavailable,
            "nothing was changed, and nothing has to be reset: check the card and its permissions, then start pocketd again",
        ),
    };
    Failure::new(kind, error.to_string(), remedy)
}

/// A file that could not be written, where nothing was changed by that.
pub(crate) fn disk(error: &io::Error) -> (FailureKind, &'static str) {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (
            FailureKind::Full,
            "nothing was changed: make room on the disk, then try again",
        ),
        _ => (
            FailureKind::Unavailable,
            "nothing was changed: check the disk and its permissions, then try again",
        ),
    }
}

/// A keyring that was perhaps written and perhaps not.
pub(crate) fn unsure(failure: &Failure) -> Failure {
    Failure::new(
        FailureKind::Uncertain,
        format!("{}; it is not known whether the change was kept", failure.message),
        "the device locks itself: unlock it, after a change of the passphrase with the new one and else with the \
         old one, and look whether it was done before you do it again; check the disk",
    )
}

pub(crate) fn unlock(error: UnlockError) -> Failure {
    let (kind, remedy) = match error {
        UnlockError::Damaged(_) => (
            FailureKind::Damaged,
            "put a copy of the keyring back from a backup; the data was left untouched",
        ),
        UnlockError::DeviceSecretForeign => (
            FailureKind::DeviceSecretForeign,
            "put this device's own secret back, or open it with `pocketctl unlock --recovery`",
        ),
        UnlockError::DeviceSecretMissing => (
            FailureKind::DeviceSecretMissing,
            "put the device secret back, or open it with `pocketctl unlock --recovery`",
        ),
        UnlockError::NoSuchSlot(_) => (
            FailureKind::NotFound,
            "open it another way: passphrase or recovery key",
        ),
        UnlockError::WrongPassphrase => (
            FailureKind::WrongCredential,
            "try again, or open it with `pocketctl unlock --recovery`",
        ),
        UnlockError::WrongRecoveryKey => (
            FailureKind::WrongCredential,
            "look for the newest recovery key that you wrote down",
        ),
    };
    Failure::new(kind, error.to_string(), remedy)
}

pub(crate) fn edit(error: EditError) -> Failure {
    Failure::new(
        FailureKind::Internal,
        error.to_string(),
        "nothing was changed; try again",
    )
}

pub(crate) fn locked() -> Failure {
    Failure::new(
        FailureKind::Locked,
        "the vault is locked",
        "unlock it: `pocketctl unlock`, or on the page",
    )
}

/// The keys are there, and the store is being read.
pub(crate) fn opening() -> Failure {
    Failure::new(
        FailureKind::Locked,
        "the vault is being opened",
        "try again in a moment",
    )
}

/// A write failed, and what was under way was given up.
pub(crate) fn reopened() -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        "the store was opened anew after a failed write",
        "try again; if it happens again, check the disk and its free space",
    )
}

/// No backup is being brought back.
pub(crate) fn no_restore() -> Failure {
    Failure::new(
        FailureKind::Conflict,
        "no backup is being brought back to this device",
        "begin it anew: `pocketctl backup restore FILE`",
    )
}

pub(crate) fn busy() -> Failure {
    Failure::new(
        FailureKind::Throttled,
        "too much of this is under way already",
        "wait until it is done, then try again",
    )
}

pub(crate) fn stopping() -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        "the device is stopping",
        "start pocketd again",
    )
}

/// The engine took a request and ended without an answer. At a clean end it tells whoever still waits: it broke down.
pub(crate) fn unanswered(changes: bool) -> Failure {
    if !changes {
        return stopping();
    }
    Failure::new(
        FailureKind::Uncertain,
        "the device broke down over it; it is not known whether the change was kept",
        "start pocketd again, and look whether it is there before you do it again; check the disk",
    )
}

pub(crate) fn not_set_up() -> Failure {
    Failure::new(
        FailureKind::NotSetUp,
        "this device has no owner yet",
        "set it up: `pocketctl setup`, or on the page with the setup code",
    )
}

pub(crate) fn throttled(seconds: u64) -> Failure {
    Failure::new(
        FailureKind::Throttled,
        format!("too many wrong guesses: the next one may come in {seconds} s"),
        "wait, then try again",
    )
}

pub(crate) fn invalid(message: impl Into<String>, remedy: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Invalid, message, remedy)
}

pub(crate) fn not_found(what: &str, remedy: &str) -> Failure {
    Failure::new(FailureKind::NotFound, format!("no such {what}"), remedy)
}

pub(crate) fn internal(message: impl Into<String>) -> Failure {
    Failure::new(
        FailureKind::Internal,
        message,
        "this is a defect: please report it",
    )
}
