//! How far an export has come.

use std::sync::atomic::{AtomicU64, Ordering};

/// Records that went out; of two exports at once, their sum.
#[derive(Default)]
pub(crate) struct Exporting {
    running: AtomicU64,
    records: AtomicU64,
}

/// An export under way; ends with this value, however it ends.
pub(crate) struct Running<'a>(&'a Exporting);

impl Exporting {
    /// Begins one.
    pub(crate) fn begin(&self) -> Running<'_> {
        if self.running.fetch_add(1, Ordering::AcqRel) == 0 {
            self.records.store(0, Ordering::Release);
        }
        Running(self)
    }

    /// So many more went out.
    pub(crate) fn add(&self, records: u64) {
        self.records.fetch_add(records, Ordering::AcqRel);
    }

    /// How many went out, while one is under way.
    pub(crate) fn records(&self) -> Option<u64> {
        (self.running.load(Ordering::Acquire) > 0).then(|| self.records.load(Ordering::Acquire))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_counts_while_it_runs() {
        let exporting = Exporting::default();
        assert_eq!(exporting.records(), None);
        let running = exporting.begin();
        exporting.add(7);
        assert_eq!(exporting.records(), Some(7));
        drop(running);
        assert_eq!(exporting.records(), None);
        let _again = exporting.begin();
        assert_eq!(exporting.records(), Some(0));
    }
}
