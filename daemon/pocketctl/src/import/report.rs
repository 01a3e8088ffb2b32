//! What came in, what was here already, and what did not come in and why.

use std::collections::HashMap;

use pocket_formats::Format;
use serde_json::{Value, json};

use crate::output::escape;

/// Lines about one file in the summary for people, at most.
const MOST_LINES: usize = 10;

/// Something that did not come in.
pub(super) struct Skip {
    file: String,
    place: String,
    reason: String,
}

impl Skip {
    /// A whole file.
    pub(super) fn file(file: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            place: String::new(),
            reason: reason.into(),
        }
    }

    /// A place in a file.
    pub(super) fn place(
        file: impl Into<String>,
        place: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            file: file.into(),
            place: place.into(),
            reason: reason.into(),
        }
    }

    /// For people.
    pub(super) fn line(&self) -> String {
        let place = if self.place.is_empty() {
            String::new()
        } else {
            format!(", {}", self.place)
        };
        escape(&format!("{}{place}: {}", self.file, self.reason))
    }

    fn to_json(&self) -> Value {
        json!({"file": self.file, "place": self.place, "reason": self.reason})
    }
}

/// One file that was read.
pub(super) struct FileReport {
    pub(super) file: String,
    pub(super) format: Format,
    pub(super) imported: u64,
    pub(super) already_here: u64,
    /// What the owner should know of how it was read.
    pub(super) remarks: Vec<String>,
}

/// The whole import.
#[derive(Default)]
pub(super) struct Report {
    pub(super) files: Vec<FileReport>,
    pub(super) skipped: Vec<Skip>,
}

impl Report {
    pub(super) fn imported(&self) -> u64 {
        self.files.iter().map(|file| file.imported).sum()
    }

    pub(super) fn already_here(&self) -> u64 {
        self.files.iter().map(|file| file.already_here).sum()
    }

    pub(super) fn to_json(&self) -> Value {
        let file = |file: &FileReport| {
            json!({
                "file": file.file,
                "format": format_name(file.format),
                "imported": file.imported,
                "already_here": file.already_here,
                "remarks": file.remarks,
            })
        };
        json!({
            "imported": self.imported(),
            "already_here": self.already_here(),
            "skipped": self.skipped.iter().map(Skip::to_json).collect::<Vec<_>>(),
            "files": self.files.iter().map(file).collect::<Vec<_>>(),
        })
    }

    pub(super) fn to_text(&self) -> String {
        let mut lines = vec![format!(
            "{} imported, {} already here, {} skipped",
            self.imported(),
            self.already_here(),
            self.skipped.len()
        )];
        for file in &self.files {
            let remark = |remark: &String| format!("{}: {}", escape(&file.file), escape(remark));
            some(&file.file, file.remarks.iter().map(remark), &mut lines);
        }
        if !self.skipped.is_empty() {
            lines.push("Skipped:".to_owned());
        }
        // What the device refuses comes after what the file's reader skipped: together by file.
        let mut by_file: Vec<(&str, Vec<&Skip>)> = Vec::new();
        let mut places = HashMap::new();
        for skip in &self.skipped {
            let place = *places.entry(skip.file.as_str()).or_insert(by_file.len());
            match by_file.get_mut(place) {
                Some((_, skips)) => skips.push(skip),
                None => by_file.push((&skip.file, vec![skip])),
            }
        }
        for (file, skips) in by_file {
            some(file, skips.into_iter().map(Skip::line), &mut lines);
        }
        lines.join("\n")
    }
}

/// Adds the first lines about a file, and how many more there are: one broken file must not hide what
/// is said of the others.
fn some(file: &str, all: impl ExactSizeIterator<Item = String>, lines: &mut Vec<String>) {
    let more = all.len().saturating_sub(MOST_LINES);
    lines.extend(all.take(MOST_LINES).map(|line| format!("  {line}")));
    if more > 0 {
        lines.push(format!(
            "  {}: and {more} more (--json has them all)",
            escape(file)
        ));
    }
}

const fn format_name(format: Format) -> &'static str {
    match format {
        Format::Calendar => "calendar",
        Format::Chat => "chat",
        Format::Contacts => "contacts",
        Format::Document => "document",
        Format::ExportLines => "export-lines",
        Format::Markdown => "markdown",
        Format::MemoryLines => "memory-lines",
        Format::TodoTxt => "todo-txt",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broken_file_does_not_hide_what_is_said_of_the_others() {
        let mut report = Report::default();
        report.files.push(FileReport {
            file: "a.vcf".to_owned(),
            format: Format::Contacts,
            imported: 0,
            already_here: 0,
            remarks: (0..11).map(|number| format!("remark {number}")).collect(),
        });
        for number in 0..1000 {
            report
                .skipped
                .push(Skip::place("a.vcf", format!("card {number}"), "broken"));
            if number % 500 == 0 {
                report.skipped.push(Skip::file(format!("{number}.md"), "hidden"));
            }
        }
        let text = report.to_text();
        let expected = [
            "0 imported, 0 already here, 1002 skipped",
            "  a.vcf: remark 9",
            "  a.vcf: and 1 more (--json has them all)",
            "  a.vcf, card 9: broken",
            "  a.vcf: and 990 more (--json has them all)",
            "  0.md: hidden",
            "  500.md: hidden",
        ];
        let lines: Vec<&str> = text.lines().collect();
        for line in expected {
            assert!(lines.contains(&line), "{line} is missing in {text}");
        }
        assert_eq!(lines.len(), 1 + 11 + 1 + 11 + 2, "{text}");
        let all = report.to_json()["skipped"].as_array().map(Vec::len);
        assert_eq!(all, Some(1002));
    }
}
