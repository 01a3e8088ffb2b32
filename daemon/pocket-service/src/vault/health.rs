//! Whether the device really works, found out by doing it.

use std::time::Duration;

use pocket_core::audit::{Head, Verifier};
use pocket_core::{Answer, Category, Failure, FailureKind, Finding, OperationKind, Profile};
use pocket_store::Changes;

use super::{Act, Vault};
use crate::engine::Now;
use crate::failure;
use crate::keys::Device;

/// Entries at the end of the log that are verified each time.
const TAIL: usize = 256;
/// The clock may be so much behind what was last written down.
const SLACK: Duration = Duration::from_secs(60);

impl Vault {
    /// What was found damaged; with `strict` also what is found out now: a row is written, synced and
    /// read back, the end of the log verified, the files of the keys read, room and clock looked at.
    pub(super) fn health(&mut self, device: &mut Device, act: Act, strict: bool) -> Result<Answer, Failure> {
        let now = act.now;
        self.admit(act.permit, &[], now)?;
        let mut findings = self.all_findings();
        if strict {
            findings.extend(device.try_keys(&self.keyring));
            findings.extend(self.try_store(now));
            findings.extend(self.try_log());
            findings.extend(self.try_room());
            findings.extend(self.try_clock(now));
            findings.extend(self.try_gateway(now));
        }
        let records = Category::ALL
            .into_iter()
            .map(|category| self.store.count(category).unwrap_or(0))
            .sum();
        Ok(Answer::Check(pocket_core::CheckReport {
            records,
            blobs: 0,
            audit: self.chain.head().sequence,
            findings,
        }))
    }

    fn try_store(&mut self, now: Now) -> Option<Finding> {
        let failure = self.write_and_read_back(now).err()?;
        Some(found("store", failure.message, failure.remedy))
    }

    fn write_and_read_back(&mut self, now: Now) -> Result<(), Failure> {
        let permit = pocket_core::decide_own(OperationKind::SelfTest).map_err(failure::refused)?;
        let probe = now.wall.millis().to_be_bytes().to_vec();
        let changes = Changes::new().put_system("health", probe.clone());
        self.commit(permit, &[], changes, now)?;
        self.sync()?;
        let read = self
            .store
            .system("health")
            .map_err(|error| failure::store(&error))?;
        if read.is_some_and(|read| *read == probe) {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::Damaged,
            "a row that was just written reads back differently",
            "save your data with `pocketctl export`, then replace the card",
        ))
    }

    /// The newest entries, up to the head that the device remembers.
    fn try_log(&self) -> Option<Finding> {
        let damaged = |problem: String| {
            let remedy = "see `pocketctl audit verify`; what was written before is kept";
            Some(found("audit log", problem, remedy))
        };
        let tail = match self.store.audit_before(None, TAIL) {
            Ok(tail) => tail,
            Err(error) => return damaged(error.to_string()),
        };
        let mut oldest_first = tail.iter().rev();
        let before = oldest_first.next()?;
        let after = Head {
            sequence: before.sequence,
            mac: before.mac,
        };
        let mut verifier = Verifier::resume(self.store.audit_mac(), after);
        let walked = oldest_first.try_for_each(|entry| verifier.step(entry));
        let verified = walked.and_then(|()| verifier.finish(self.chain.head()).map(drop));
        verified.err().and_then(|broken| damaged(broken.to_string()))
    }

    fn try_room(&self) -> Option<Finding> {
        let remedy = "delete something large, or move to a larger card";
        match self.store.space() {
            Ok(space) if space.free < space.needed => {
                let problem = format!(
                    "{} MB are free, and {} MB are needed to go on working",
                    space.free / 1_000_000,
                    space.needed / 1_000_000
                );
                Some(found("storage", problem, remedy))
            }
            Ok(_) => None,
            Err(error) => Some(found("storage", error.to_string(), remedy)),
        }
    }

    /// Time must not run backwards: what is leased or retained goes by it.
    fn try_clock(&self, now: Now) -> Option<Finding> {
        let tail = self.store.audit_before(None, TAIL).ok()?;
        let written = tail.iter().map(|entry| entry.event.at).max()?;
        (written.since(now.wall) > SLACK).then(|| {
            let problem = "it is behind the time that was last written down".to_owned();
            found("clock", problem, "set the clock of the device")
        })
    }

    /// A profile that lets something out needs the program that can.
    fn try_gateway(&self, now: Now) -> Option<Finding> {
        let open = self.lease.in_force(now.wall) != Profile::OfflineOnly;
        (open && !self.outbound.has_gateway()).then(|| {
            let problem =
                "the profile lets something out, and there is no program that could send".to_owned();
            found(
                "gateway",
                problem,
                "install pocket-gateway beside pocketd, and start pocketd again",
            )
        })
    }
}

fn found(what: &str, problem: String, remedy: impl Into<String>) -> Finding {
    Finding {
        what: what.to_owned(),
        problem,
        remedy: remedy.into(),
    }
}
