//! What became of the files that were brought in, in words.

use pocket_core::{Added, Failure};

use crate::present::{Phrase, counted, counted_plain};
use crate::words::{Words, fill};

/// Lines about one file, at most.
const MOST_LINES: usize = 20;
/// Files that there is something to tell of, at most.
const MOST_TOLD: usize = 200;
/// Files that came in without a word, at most: a folder of thousands is no list to read.
const MOST_QUIET: usize = 20;

/// What became of one file.
#[derive(Default)]
pub(super) struct FileReport {
    pub(super) name: String,
    /// What came in and what was here already, in words.
    pub(super) sum: Phrase,
    pub(super) new: u64,
    pub(super) already: u64,
    /// What was left out and why; what the owner should know.
    pub(super) lines: Vec<String>,
    /// More of those than are shown.
    pub(super) more: usize,
    /// Whether it is an archive, whose files are reported one by one.
    archive: bool,
}

/// What became of all of them.
#[derive(Default)]
pub(super) struct Report {
    current: Option<FileReport>,
    told: Vec<FileReport>,
    quiet: Vec<FileReport>,
    unlisted: u64,
    hidden: u64,
    new: u64,
    already: u64,
}

impl Report {
    /// A file begins.
    pub(super) fn begin(&mut self, name: &str) {
        self.finish();
        self.current = Some(FileReport {
            name: name.to_owned(),
            ..FileReport::default()
        });
    }

    /// It is an archive.
    pub(super) const fn is_archive(&mut self) {
        if let Some(file) = &mut self.current {
            file.archive = true;
        }
    }

    /// Says something of it.
    pub(super) fn tell(&mut self, line: String) {
        let Some(file) = &mut self.current else {
            return;
        };
        if file.lines.len() < MOST_LINES {
            file.lines.push(line);
        } else {
            file.more += 1;
        }
    }

    /// Counts a record of it.
    pub(super) fn note(&mut self, t: &Words, added: Added) {
        let Some(file) = &mut self.current else {
            return;
        };
        match added {
            Added::AlreadyHere(_) => file.already += 1,
            Added::Differs(id) => self.tell(fill(t.import_differs, &[&id.to_string()])),
            Added::New(_) => file.new += 1,
        }
    }

    /// So many files are hidden.
    pub(super) const fn pass_by(&mut self, files: u64) {
        self.hidden = self.hidden.saturating_add(files);
    }

    /// What a failure in the middle leaves standing.
    pub(super) fn beside(&self, t: &Words, mut failure: Failure) -> Failure {
        if self.new > 0 {
            let stored = counted_plain(t, self.new, t.n_imported);
            failure.remedy = format!("{}; {stored}", failure.remedy);
        }
        failure
    }

    /// What came in altogether.
    pub(super) fn sum(&self, t: &Words) -> Phrase {
        sum(t, self.new, self.already)
    }

    /// How many files are not listed.
    pub(super) fn unlisted(&self, t: &Words) -> Phrase {
        some(t, self.unlisted, t.n_unlisted)
    }

    /// How many files are hidden.
    pub(super) fn hidden(&self, t: &Words) -> Phrase {
        some(t, self.hidden, t.n_hidden)
    }

    /// The files to list, those first that there is something to tell of.
    pub(super) fn into_files(self, t: &Words) -> Vec<FileReport> {
        let mut files: Vec<FileReport> = self.told.into_iter().chain(self.quiet).collect();
        for file in &mut files {
            file.sum = sum(t, file.new, file.already);
        }
        files
    }

    /// The last file has ended.
    pub(super) fn finish(&mut self) {
        let Some(file) = self.current.take() else {
            return;
        };
        self.new = self.new.saturating_add(file.new);
        self.already = self.already.saturating_add(file.already);
        if file.archive && file.lines.is_empty() {
            return;
        }
        let (list, most) = if file.lines.is_empty() {
            (&mut self.quiet, MOST_QUIET)
        } else {
            (&mut self.told, MOST_TOLD)
        };
        if list.len() < most {
            list.push(file);
        } else {
            self.unlisted = self.unlisted.saturating_add(1);
        }
    }
}

fn sum(t: &Words, new: u64, already: u64) -> Phrase {
    if (new, already) == (0, 0) {
        return t.nothing_imported.into();
    }
    Phrase::joined(
        [some(t, new, t.n_imported), some(t, already, t.n_already_here)],
        ", ",
    )
}

/// A count with its noun; nothing for none.
fn some(t: &Words, number: u64, forms: &str) -> Phrase {
    if number == 0 {
        return Phrase::default();
    }
    counted(t, number, forms)
}

#[cfg(test)]
mod tests {
    use pocket_core::RecordId;

    use super::*;
    use crate::words::ENGLISH;

    #[test]
    fn a_large_folder_is_no_long_list_and_what_went_wrong_stands_first() {
        let mut report = Report::default();
        for number in 0..100 {
            report.begin(&format!("{number}.md"));
            report.note(&ENGLISH, Added::New(RecordId::from_bytes([1; 16])));
            if number >= 98 {
                report.tell("photo left out".to_owned());
            }
        }
        report.begin("vault.zip");
        report.is_archive();
        report.pass_by(3);
        report.finish();
        assert!(report.sum(&ENGLISH).to_string().contains("100</data> records"));
        assert!(report.unlisted(&ENGLISH).to_string().contains("78</data>"));
        assert!(report.hidden(&ENGLISH).to_string().contains("3</data>"));
        let files = report.into_files(&ENGLISH);
        assert_eq!(files.len(), 2 + MOST_QUIET);
        assert_eq!(
            (files[0].name.as_str(), files[2].name.as_str()),
            ("98.md", "0.md")
        );
    }

    #[test]
    fn one_broken_file_does_not_fill_the_page() {
        let mut report = Report::default();
        report.begin("a.vcf");
        (0..MOST_LINES + 5).for_each(|number| report.tell(number.to_string()));
        report.finish();
        let files = report.into_files(&ENGLISH);
        assert_eq!((files[0].lines.len(), files[0].more), (MOST_LINES, 5));
    }
}
