//! Reading and verifying the audit log.

use pocket_core::audit::{Broken, Entry, Head, Standing, Verifier};
use pocket_core::{Answer, Failure, Operation, OperationKind};
use pocket_crypto::SecretBytes;

use super::{Act, Slice, Vault, Work};
use crate::failure;

/// Entries read at once while the log is walked.
const STRIDE: usize = 256;

/// A log that is being verified: its last entry that was.
pub(crate) struct Verifying(Head);

impl Vault {
    pub(super) fn audit_show(
        &mut self,
        act: Act,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Answer, Failure> {
        self.admit(act.permit, &[], act.now)?;
        let limit = usize::try_from(limit.clamp(1, Operation::MOST_LISTED)).unwrap_or(1);
        let entries = self
            .store
            .audit_before(before, limit)
            .map_err(|error| failure::store(&error))?;
        Ok(Answer::Audit(entries))
    }

    /// Verifies an exported log.
    pub(super) fn audit_verify_exported(&mut self, act: Act) -> Result<Answer, Failure> {
        self.admit(act.permit, &[], act.now)?;
        let text = act
            .payload
            .ok_or_else(|| failure::invalid("the exported log is missing", "send it beside"))?;
        self.verify_exported(&text).map(Answer::AuditVerified)
    }

    /// Begins to verify the log in the store.
    pub(super) fn audit_verify_own(&mut self, act: Act) -> Result<Work, Failure> {
        self.admit(act.permit, &[], act.now)?;
        Ok(Work::Verify(Verifying(Head::default())))
    }

    /// Walks the log in the store on, up to the head that the device remembers.
    pub(super) fn verify_on(
        &self,
        verifying: &mut Verifying,
        slice: &Slice,
    ) -> Result<Option<Result<u64, Broken>>, Failure> {
        let mut verifier = Verifier::resume(self.store.audit_mac(), verifying.0);
        loop {
            let entries = self
                .store
                .audit_from(verifier.head().sequence.saturating_add(1), STRIDE)
                .map_err(|error| failure::store(&error))?;
            if entries.is_empty() {
                return Ok(Some(verifier.finish(self.chain.head())));
            }
            if let Err(broken) = entries.iter().try_for_each(|entry| verifier.step(entry)) {
                return Ok(Some(Err(broken)));
            }
            verifying.0 = verifier.head();
            if !slice.go_on() {
                return Ok(None);
            }
        }
    }

    /// Walks an exported log, or the piece of one that begins with its [`Standing`]. The last entry of
    /// all must be that of its own export: where it is another, the end was cut off.
    fn verify_exported(&self, text: &SecretBytes) -> Result<Result<u64, Broken>, Failure> {
        let text = text.expose_str().map_err(|_| not_a_log(0))?;
        let (standing, text) = standing(text);
        let mut verifier = Verifier::resume(self.store.audit_mac(), standing.after);
        let mut last = None;
        for (line, number) in text.lines().zip(1..) {
            let Some(entry) = exported_entry(line) else {
                if verifier.head().sequence == 0 {
                    return Err(not_a_log(number));
                }
                // Words that no entry has, in the middle of a log.
                return Ok(Err(Broken::Edited(verifier.head().sequence.saturating_add(1))));
            };
            if let Err(broken) = verifier.step(&entry) {
                return Ok(Err(broken));
            }
            last = Some(entry.event.operation);
        }
        let head = verifier.head();
        // A piece without an entry shows nothing of the place that it names.
        if last == Some(OperationKind::AuditExport) || (standing.more && last.is_some()) {
            return Ok(verifier.finish(head));
        }
        let expected = self.next_export(head.sequence)?;
        Ok(Err(Broken::Truncated {
            found: head.sequence,
            expected,
        }))
    }

    /// The first export that the log records after `sequence`; its end when there is none.
    fn next_export(&self, sequence: u64) -> Result<u64, Failure> {
        let mut next = sequence.saturating_add(1);
        loop {
            let entries = self
                .store
                .audit_from(next, STRIDE)
                .map_err(|error| failure::store(&error))?;
            let Some(last) = entries.last() else {
                return Ok(self.chain.head().sequence);
            };
            next = last.sequence.saturating_add(1);
            let export = |entry: &&Entry| entry.event.operation == OperationKind::AuditExport;
            if let Some(export) = entries.iter().find(export) {
                return Ok(export.sequence);
            }
        }
    }
}

/// Where the piece of a log begins, and its entries. A text that does not say is a whole log.
fn standing(text: &str) -> (Standing, &str) {
    let whole = Standing {
        after: Head::default(),
        more: false,
    };
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    serde_json::from_str(line).map_or((whole, text), |standing| (standing, rest))
}

/// The entry in a line, if the line says nothing else.
fn exported_entry(line: &str) -> Option<Entry> {
    let entry: Entry = serde_json::from_str(line).ok()?;
    let written: serde_json::Value = serde_json::from_str(line).ok()?;
    (serde_json::to_value(&entry).ok()? == written).then_some(entry)
}

fn not_a_log(line: usize) -> Failure {
    failure::invalid(
        format!("line {line} is no entry of an exported audit log"),
        "give the file that `pocketctl audit export` wrote",
    )
}
