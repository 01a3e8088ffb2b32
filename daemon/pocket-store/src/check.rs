//! The scrub: everything is read, to the last chunk.

use pocket_core::{Category, CheckReport, Finding, audit};

use crate::blob::{self, BLOBS};
use crate::commit::{blobs_of, read_row};
use crate::scan::Scan;
use crate::shelf::name_of;
use crate::{Store, StoreError};

/// Entries read at once while the log is walked: keeps a long log out of memory.
const AUDIT_STEP: usize = 256;

impl Store {
    /// Reads every row, every sealed file and the whole audit chain, and compares them with the heads.
    /// Takes as long as the card takes to be read.
    ///
    /// # Errors
    /// [`StoreError::Reopen`], [`StoreError::Newer`]; damage is in the report.
    pub fn scrub(&self) -> Result<CheckReport, StoreError> {
        self.usable()?;
        let mut report = CheckReport {
            records: 0,
            blobs: 0,
            audit: 0,
            findings: Vec::new(),
        };
        for code in self.shelves.keys().copied() {
            let scan = self.rescan(code)?;
            report.records = report.records.saturating_add(scan.index.len() as u64);
            let expected = self.head.shelf(code);
            report
                .findings
                .extend(expected.and_then(|expected| scan.judge(&expected)));
            self.scrub_files(&scan, code, &mut report);
        }
        self.scrub_audit(&mut report)?;
        Ok(report)
    }

    fn scrub_files(&self, scan: &Scan, code: u8, report: &mut CheckReport) {
        let keys = self.keys_of(code);
        for item in &self.shelf(code).tree {
            let Ok((key, _)) = item else { break };
            let named = read_row(&self.shelf(code).tree, keys, &key).ok().flatten();
            let Some(row) = named else { continue };
            let Ok(plain) = row.open(keys, &key) else { continue };
            for file in blobs_of(&row, &plain)
                .iter()
                .filter(|file| scan.named.contains(&file.name))
            {
                report.blobs = report.blobs.saturating_add(1);
                if let Err(error) = blob::verify(&self.root.join(BLOBS), keys, file) {
                    report.findings.push(finding(code, &error));
                }
            }
        }
    }

    fn scrub_audit(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        let mut verifier = audit::Verifier::new(self.audit_mac());
        loop {
            let from = verifier.head().sequence.saturating_add(1);
            let entries = match self.audit_from(from, AUDIT_STEP) {
                Ok(entries) => entries,
                Err(error) => {
                    report.findings.push(finding(Category::Audit.code(), &error));
                    return Ok(());
                }
            };
            for entry in &entries {
                if let Err(broken) = verifier.step(entry) {
                    report.findings.push(broken_finding(broken));
                    return Ok(());
                }
                report.audit = report.audit.saturating_add(1);
            }
            if entries.len() < AUDIT_STEP {
                break;
            }
        }
        if let Err(broken) = verifier.finish(self.head.audit()) {
            report.findings.push(broken_finding(broken));
        }
        Ok(())
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
