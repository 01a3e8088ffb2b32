//! The device's files apart from the store: keyring, device secret, count of wrong guesses.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pocket_core::{
    Attempts, Doors, Failure, FailureKind, Finding, LockState, MOST_UPDATE_STATE, Profile, Status, Timestamp,
    UpdateStatus, UpdateStep,
};
use pocket_crypto::keyring::{SlotKind, UnlockError};
use pocket_crypto::{Key, Keyring};
use pocket_store::atomic::write_atomically;
use pocket_store::{DeviceSecretError, DeviceSecretPlace, Folder};
use tracing::warn;

use crate::engine::Now;
use crate::failure;
use crate::outbound::Outbound;
use crate::service::{Config, StartError, Updates};

/// What is found where that was cut short.
const CUT: &str = "restore";
/// What a marker says of a device that is being made of a backup.
const RESTORE: &[u8] = b"restore";
/// Longest log of a store that opens within a moment: about 20,000 records.
const SMALL_STORE: u64 = 16 * 1024 * 1024;

/// The device as its files have it.
pub(crate) struct Device {
    pub(crate) folder: Arc<Folder>,
    config: Config,
    attempts: Attempts,
    pub(crate) outbound: Outbound,
    /// How many buttons of the device answer.
    pub(crate) buttons: u32,
    /// What was mended or found damaged since the start.
    pub(crate) findings: Vec<Finding>,
}

impl Device {
    pub(crate) fn open(config: Config, outbound: Outbound) -> Result<Self, StartError> {
        let folder = Arc::new(Folder::open(&config.data_dir)?);
        Ok(Self {
            // Permissions that were too wide: put right by now, but the owner has to know.
            findings: folder.findings().to_vec(),
            folder,
            config,
            attempts: Attempts::default(),
            outbound,
            buttons: 0,
        })
    }

    /// Where the secret of the device with this ring lies.
    pub(crate) fn secret_place(&self, ring_id: [u8; 16]) -> DeviceSecretPlace {
        DeviceSecretPlace::choose(&self.config.device_secret_dir, self.folder.path(), ring_id)
    }

    /// The device secret that belongs to `keyring`; `None` when it is not there.
    pub(crate) fn read_secret(&self, keyring: &Keyring) -> Result<Option<Key>, Failure> {
        self.secret_place(keyring.ring_id())
            .read()
            .map_err(|error| secret_failed(&error))
    }

    /// Keeps a new device secret, and begins to count wrong guesses under it.
    pub(crate) fn create_secret(&mut self, ring_id: [u8; 16], secret: &Key) -> Result<(), Failure> {
        self.secret_place(ring_id)
            .create(secret)
            .map_err(|error| secret_failed(&error))?;
        self.keep_attempts(Attempts::default(), Some(secret));
        Ok(())
    }

    /// Marks that a setup is under way: cut before its end, it is undone at the next start.
    pub(crate) fn mark_setup(&self) -> Result<(), Failure> {
        self.write_marker(b"")
    }

    /// The same for a device that is made of a backup: until the end, what its store holds is nobody's.
    pub(crate) fn mark_restore(&self) -> Result<(), Failure> {
        self.write_marker(RESTORE)
    }

    /// Whether that was begun and has not come to its end.
    pub(crate) fn restore_was_cut(&self) -> bool {
        fs::read(self.setup_marker()).is_ok_and(|marker| marker == RESTORE)
    }

    fn write_marker(&self, what: &[u8]) -> Result<(), Failure> {
        write_atomically(&self.setup_marker(), what, 0o600).map_err(|error| marker_failed(&error))
    }

    /// The setup is complete.
    pub(crate) fn unmark_setup(&self) -> Result<(), Failure> {
        if !self.setup_marker().exists() {
            return Ok(());
        }
        let removed = fs::remove_file(self.setup_marker());
        let synced = removed.and_then(|()| File::open(self.folder.path())?.sync_all());
        synced.map_err(|error| marker_failed(&error))
    }

    /// Whether a setup was cut short before there was a store, or a restore before its end. Where there is
    /// a store otherwise, it may hold data, and nothing is undone.
    pub(crate) fn setup_was_cut(&self) -> bool {
        self.setup_marker().exists() && (!self.has_store() || self.restore_was_cut())
    }

    /// Whether there is a store at all: a device that was set up has one.
    pub(crate) fn has_store(&self) -> bool {
        self.folder.path().join("db").exists()
    }

    /// Whether the store opens within a moment, also on a small board.
    pub(crate) fn has_small_store(&self) -> bool {
        let log = self.folder.path().join("db").join("db").metadata();
        log.is_ok_and(|log| log.len() <= SMALL_STORE)
    }

    fn setup_marker(&self) -> PathBuf {
        self.folder.path().join("setup.pending")
    }

    /// A restore was cut short and undone: the owner has to know, until the device is someone's.
    pub(crate) fn find_cut_restore(&mut self) {
        self.find(Finding {
            what: CUT.to_owned(),
            problem: "bringing a backup back was cut short: nothing of it was kept, and the device is new"
                .to_owned(),
            remedy: "begin it anew: pocketctl backup restore FILE".to_owned(),
        });
    }

    pub(crate) fn forget_cut_restore(&mut self) {
        self.findings.retain(|finding| finding.what != CUT);
    }

    /// Forgets what was known of the former owner's device.
    pub(crate) fn forget(&mut self) {
        self.attempts = Attempts::default();
        self.findings.clear();
    }

    pub(crate) fn read_keyring(&mut self) -> Result<Option<Keyring>, Failure> {
        if let Some(Finding {
            what,
            problem,
            remedy,
        }) = self.folder.misplaced()
        {
            let message = format!("{what} is damaged: {problem}");
            return Err(Failure::new(FailureKind::Damaged, message, remedy));
        }
        let read = self
            .folder
            .read_keyring()
            .map_err(|error| failure::keyring(&error))?;
        let Some(read) = read else { return Ok(None) };
        if let Some(finding) = &read.repaired {
            warn!(
                what = finding.what,
                problem = finding.problem,
                "the keyring was mended from its copy"
            );
            self.find(finding.clone());
        }
        Ok(Some(read.keyring))
    }

    /// The counter of the keyring that lies on the disk, if one does.
    pub(crate) fn keyring_counter(&self) -> Option<u64> {
        let read = self.folder.read_keyring().ok().flatten();
        read.map(|read| read.keyring.counter())
    }

    pub(crate) fn write_keyring(&self, keyring: &Keyring) -> Result<(), Failure> {
        self.folder
            .write_keyring(keyring)
            .map_err(|error| failure::keyring(&error))
    }

    /// Whether a guess may be made now.
    pub(crate) fn may_guess(&mut self, now: Timestamp) -> Result<(), Failure> {
        // A clock that was set back starts the wait anew; it must not stop it from running.
        self.attempts = self.attempts.rebased(now);
        let wait = self.attempts.wait(now);
        if wait.is_zero() {
            Ok(())
        } else {
            Err(failure::throttled(wait.as_secs().max(1)))
        }
    }

    /// Reads the count of wrong guesses from before the last start.
    pub(crate) fn recall_attempts(&mut self, keyring: &Keyring, now: Now) {
        // Without the device secret no passphrase opens anything, however often one guesses.
        if let Ok(Some(secret)) = self.read_secret(keyring) {
            let (attempts, finding) = self.folder.read_attempts(&secret);
            self.attempts = attempts.rebased(now.wall);
            if let Some(finding) = finding {
                warn!(what = finding.what, problem = finding.problem, "damage was found");
                self.find(finding);
            }
        }
    }

    /// Keeps a finding; the same thing found again, at the next lock, is told once.
    fn find(&mut self, finding: Finding) {
        self.findings.retain(|known| known.what != finding.what);
        self.findings.push(finding);
    }

    /// How many wrong guesses there were.
    pub(crate) const fn attempts(&self) -> Attempts {
        self.attempts
    }

    /// Counts a wrong guess, on disk, before it is answered.
    pub(crate) fn guessed_wrong(&mut self, secret: Option<&Key>, now: Timestamp) {
        self.keep_attempts(self.attempts.failed(now), secret);
    }

    /// Forgets the wrong guesses after a right one.
    pub(crate) fn guessed_right(&mut self, secret: Option<&Key>) {
        if self.attempts != Attempts::default() {
            self.keep_attempts(Attempts::default(), secret);
        }
    }

    fn keep_attempts(&mut self, attempts: Attempts, secret: Option<&Key>) {
        self.attempts = attempts;
        if let Some(secret) = secret
            && let Err(error) = self.folder.write_attempts(secret, attempts)
        {
            // The count in memory still slows the guesser down until the next start.
            warn!(%error, "the count of wrong guesses could not be written");
        }
    }

    /// The part of the status that needs no keys.
    pub(crate) fn status(&self, now: Timestamp) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: LockState::Locked,
            profile: Profile::OfflineOnly,
            profile_until: None,
            recovery_confirmed: None,
            recovery_groups: None,
            failed_unlocks: self.attempts.failures(),
            wait_seconds: self.attempts.wait(now).as_secs(),
            doors: None,
            device_secret: String::new(),
            categories: Vec::new(),
            storage: None,
            last_check: None,
            last_export: None,
            unfinished_export: None,
            backup: None,
            press: None,
            update: None,
            findings: Vec::new(),
            reset: None,
        }
    }

    /// Where updates are handed in.
    pub(crate) fn updates(&self) -> Result<&Updates, Failure> {
        self.config.updates.as_ref().ok_or_else(|| {
            Failure::new(
                FailureKind::Refused,
                "this device does not update itself",
                "update the programs as you installed them; on PocketAI's own image this works",
            )
        })
    }

    /// Where it is asked for that something is done with them.
    pub(crate) fn updates_request(&self, spool: &Path) -> PathBuf {
        spool.join("request")
    }

    /// Refuses a change while the data is a copy, made for a release on trial that changes its format: if that does
    /// not show that it is good, the copy goes, and what was answered "done" would be gone with it.
    pub(crate) fn is_to_stay(&self) -> Result<(), Failure> {
        let updates = self.config.updates.as_ref();
        let mark = updates.map(|updates| updates.state.with_file_name("copy"));
        // One that can't be looked for may be there.
        if mark.is_none_or(|mark| matches!(mark.try_exists(), Ok(false))) {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::Unavailable,
            "a new release tries the data in its new format, on a copy: until it has shown that it is good, nothing \
             is changed",
            "unlock the device and wait a minute, then do this again; `pocketctl lock` locks it at once",
        ))
    }

    /// How it is with the device's own system, if that says so.
    pub(crate) fn update_status(&self) -> Option<UpdateStatus> {
        let updates = self.config.updates.as_ref()?;
        let mut text = String::new();
        let file = File::open(&updates.state).ok()?;
        file.take(MOST_UPDATE_STATE).read_to_string(&mut text).ok()?;
        let mut status = UpdateStatus::parse(&text).ok()?;
        // Until that was noticed, the account is of the time before.
        if let Ok(request) = fs::read(self.updates_request(&updates.spool)) {
            status.step = match status.step {
                UpdateStep::Offered(offer) if request.starts_with(b"install") => {
                    UpdateStep::Installing(offer)
                }
                _ => UpdateStep::Looking,
            };
        }
        Some(status)
    }

    /// Where the doors listen, once they do.
    pub(crate) fn doors(&self) -> Option<Doors> {
        self.config.doors.get().copied()
    }

    /// Reads keyring and device secret anew and compares them with what is in use.
    pub(crate) fn try_keys(&mut self, used: &Keyring) -> Vec<Finding> {
        let known = self.findings.len();
        let mut found = Vec::new();
        match self.read_keyring() {
            Ok(Some(read)) if read == *used => {}
            Ok(_) => found.push(Finding {
                what: "keyring".to_owned(),
                problem: "the keyring on the disk is not the one in use".to_owned(),
                remedy: "run `pocketctl check`, which writes the one in use".to_owned(),
            }),
            Err(failure) => found.push(Finding {
                what: "keyring".to_owned(),
                problem: failure.message,
                remedy: "run `pocketctl check` before the device is locked: it writes the one in use"
                    .to_owned(),
            }),
        }
        found.extend(self.findings.get(known..).unwrap_or_default().iter().cloned());
        let secret = self.read_secret(used);
        let fits = secret.and_then(|secret| {
            used.check_device(SlotKind::Passphrase, secret.as_ref())
                .map_err(failure::unlock)
        });
        found.extend(fits.err().map(|failure| Finding {
            what: "device secret".to_owned(),
            problem: failure.message,
            remedy: failure.remedy,
        }));
        found
    }

    /// Writes the keyring in use where the disk has another or none that can be read.
    pub(crate) fn mend_keyring(&self, used: &Keyring) -> Option<Finding> {
        let there = self.folder.read_keyring().ok().flatten();
        if there.is_some_and(|read| read.keyring == *used) {
            return None;
        }
        let (problem, remedy) = match self.write_keyring(used) {
            Ok(()) => (
                "what lay on the disk was damaged or another; the one in use was written again".to_owned(),
                "nothing: check once more; if it comes back, replace the card".to_owned(),
            ),
            Err(failure) => (failure.message, failure.remedy),
        };
        Some(Finding {
            what: "keyring".to_owned(),
            problem,
            remedy,
        })
    }

    /// Tells a wrong guess from trouble that is not the guesser's, counts it, and says what it is.
    pub(crate) fn unlock_failed(
        &mut self,
        error: UnlockError,
        secret: Option<&Key>,
        now: Timestamp,
    ) -> Failure {
        if matches!(
            error,
            UnlockError::WrongPassphrase | UnlockError::WrongRecoveryKey
        ) {
            self.guessed_wrong(secret, now);
        }
        failure::unlock(error)
    }
}

fn secret_failed(error: &DeviceSecretError) -> Failure {
    let kind = match error {
        DeviceSecretError::Damaged { .. } => FailureKind::Damaged,
        DeviceSecretError::Io { .. } => FailureKind::DeviceSecretMissing,
    };
    let remedy = "put it back from a copy, or open the vault with `pocketctl unlock --recovery`";
    Failure::new(kind, error.to_string(), remedy)
}

fn marker_failed(error: &std::io::Error) -> Failure {
    let (kind, remedy) = failure::disk(error);
    Failure::new(kind, format!("the data folder can't be written: {error}"), remedy)
}
