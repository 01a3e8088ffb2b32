//! The scrub: everything is read, to the last chunk, piece by piece between other work.
//!
//! What is changed on the way is followed: a row that comes or goes where the scrub has been is counted
//! in or out there too ([`Scrub::follow`]), so that count and digest must agree at the end.

use std::collections::VecDeque;

use pocket_core::{Category, CheckReport, Finding, audit};
use sled::IVec;

use crate::blob::{self, BlobRef};
use crate::plan::Counted;
use crate::scan::Scan;
use crate::shelf::name_of;
use crate::{Store, StoreError};

/// Entries read at once while the log is walked: keeps a long log out of memory.
const AUDIT_STEP: usize = 256;

/// A scrub under way.
pub(crate) struct Scrub {
    report: CheckReport,
    /// Shelves that were not read yet.
    left: Vec<u8>,
    shelf: Option<ShelfScrub>,
    /// Sealed files of the shelf that was read last, and the next chunk of the first of them.
    files: VecDeque<BlobRef>,
    chunk: u64,
    /// The last entry of the audit log that was verified.
    log: audit::Head,
    log_done: bool,
}

/// A shelf that is being read.
struct ShelfScrub {
    code: u8,
    scan: Scan,
    after: Option<IVec>,
    version: u64,
}

impl Scrub {
    fn new(codes: impl Iterator<Item = u8>) -> Self {
        Self {
            report: CheckReport {
                records: 0,
                blobs: 0,
                audit: 0,
                findings: Vec::new(),
            },
            left: codes.collect(),
            shelf: None,
            files: VecDeque::new(),
            chunk: 0,
            log: audit::Head::default(),
            log_done: false,
        }
    }

    /// Counts a row that came or went where the scrub has been already.
    pub(crate) fn follow(&mut self, counted: &Counted) {
        if let Some(shelf) = &mut self.shelf
            && shelf.code == counted.code
            && shelf
                .after
                .as_ref()
                .is_some_and(|after| counted.key.as_slice() <= after.as_ref())
        {
            counted.how.apply(&mut shelf.scan.head, &counted.element);
        }
    }

    /// The shelf was replaced: what was read of it says nothing any more.
    pub(crate) fn begin_again(&mut self, code: u8) {
        if self.shelf.as_ref().is_some_and(|shelf| shelf.code == code) {
            self.shelf = None;
            self.left.push(code);
        }
    }

    #[cfg(test)]
    pub(crate) fn files_waiting(&self) -> usize {
        self.files.len()
    }

    fn tell(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }
}

impl Store {
    /// Reads every row, every sealed file and the whole audit chain, and compares them with the heads.
    /// Takes as long as the card takes to be read. What is found short counts as short from then on.
    ///
    /// # Errors
    /// [`StoreError::Reopen`], [`StoreError::Newer`]; damage is in the report.
    pub fn scrub(&mut self) -> Result<CheckReport, StoreError> {
        self.begin_scrub();
        loop {
            if let Some(report) = self.scrub_on(&mut || true)? {
                return Ok(report);
            }
        }
    }

    /// Begins a scrub, in the place of one that is under way.
    pub fn begin_scrub(&mut self) {
        self.scrub = Some(Scrub::new(self.shelves.keys().rev().copied()));
    }

    /// Whether a scrub is under way.
    pub fn is_scrubbing(&self) -> bool {
        self.scrub.is_some()
    }

    /// Gives up a scrub under way, if there is one.
    pub fn abandon_scrub(&mut self) {
        self.scrub = None;
    }

    /// Goes on with a scrub as long as `go_on` says, asked after each row, chunk and handful of audit
    /// entries. Gives the report once everything was read, or when no scrub was begun.
    ///
    /// # Errors
    /// As [`Store::scrub`]; the scrub is then given up.
    pub fn scrub_on(&mut self, go_on: &mut dyn FnMut() -> bool) -> Result<Option<CheckReport>, StoreError> {
        self.usable()?;
        let Some(mut scrub) = self.scrub.take() else {
            return Ok(Some(Scrub::new(std::iter::empty()).report));
        };
        // One row, chunk or handful is read in any case: a caller without time still gets on.
        loop {
            if self.scrub_step(&mut scrub, go_on)? {
                return Ok(Some(scrub.report));
            }
            if !go_on() {
                self.scrub = Some(scrub);
                return Ok(None);
            }
        }
    }

    /// One step; `true` when there is nothing left.
    fn scrub_step(&mut self, scrub: &mut Scrub, go_on: &mut dyn FnMut() -> bool) -> Result<bool, StoreError> {
        if let Some(file) = scrub.files.pop_front() {
            self.scrub_file(scrub, file, go_on);
        } else if let Some(shelf) = scrub.shelf.take() {
            self.scrub_shelf(scrub, shelf, go_on)?;
        } else if let Some(code) = scrub.left.pop() {
            scrub.shelf = Some(ShelfScrub {
                code,
                scan: Scan::new(self.keys_of(code)),
                after: None,
                version: self.shelf(code).version,
            });
        } else if scrub.log_done {
            return Ok(true);
        } else {
            self.scrub_log(scrub);
        }
        Ok(false)
    }

    fn scrub_shelf(
        &mut self,
        scrub: &mut Scrub,
        mut shelf: ShelfScrub,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<(), StoreError> {
        let code = shelf.code;
        let tree = &self.shelf(code).tree;
        let last = shelf
            .scan
            .walk(tree, self.keys_of(code), None, shelf.after.as_ref(), go_on)?;
        if last.is_some() {
            shelf.after = last;
            scrub.shelf = Some(shelf);
            return Ok(());
        }
        let mut scan = shelf.scan;
        if self.shelf(code).version != shelf.version {
            // A row that was split and is gone again leaves pieces here that belong to none.
            scan.stray.clear();
        }
        scrub.report.records = scrub.report.records.saturating_add(scan.index.len() as u64);
        let found = scan.judge(&self.head_of(code));
        let known = &mut self.shelf_mut(code).finding;
        if let Some(found) = &found {
            known.get_or_insert_with(|| found.clone());
        }
        if let Some(finding) = found.or_else(|| known.clone()) {
            scrub.tell(finding);
        }
        scrub.files = scan.files.into();
        Ok(())
    }

    fn scrub_file(&self, scrub: &mut Scrub, file: BlobRef, go_on: &mut dyn FnMut() -> bool) {
        // Deleted since its row was read.
        if !self.shelf(file.code).index.has_file(&file.name) {
            scrub.chunk = 0;
            return;
        }
        match blob::verify(&self.blobs(), &file, scrub.chunk, go_on) {
            Ok(Some(chunk)) => {
                scrub.chunk = chunk;
                scrub.files.push_front(file);
                return;
            }
            Ok(None) => {}
            Err(error) => scrub.tell(finding(file.code, &error)),
        }
        scrub.chunk = 0;
        scrub.report.blobs = scrub.report.blobs.saturating_add(1);
    }

    /// Verifies the next entries of the audit log.
    fn scrub_log(&self, scrub: &mut Scrub) {
        let mut verifier = audit::Verifier::resume(self.audit_mac(), scrub.log);
        let entries = match self.audit_from(scrub.log.sequence.saturating_add(1), AUDIT_STEP) {
            Ok(entries) => entries,
            Err(error) => {
                scrub.log_done = true;
                return scrub.tell(finding(Category::Audit.code(), &error));
            }
        };
        let steps = entries.iter().try_for_each(|entry| verifier.step(entry));
        scrub.log = verifier.head();
        scrub.report.audit = scrub.log.sequence;
        scrub.log_done = steps.is_err() || entries.len() < AUDIT_STEP;
        let verified = if scrub.log_done {
            steps.and_then(|()| verifier.finish(self.head.audit()).map(drop))
        } else {
            steps
        };
        if let Err(broken) = verified {
            scrub.tell(broken_finding(broken));
        }
    }
}

fn finding(code: u8, error: &StoreError) -> Finding {
    Finding {
        what: name_of(code).to_owned(),
        problem: error.to_string(),
        remedy: error.remedy(),
    }
}

fn broken_finding(broken: audit::Broken) -> Finding {
    Finding {
        what: Category::Audit.name().to_owned(),
        problem: broken.to_string(),
        remedy: "compare it with an exported log, and restore a backup".to_owned(),
    }
}
