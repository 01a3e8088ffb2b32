//! What came in, what was here already, and what did not come in and why.

use pocket_formats::Format;
use serde_json::{Value, json};

use crate::output::escape;

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
            lines.extend(
                file.remarks
                    .iter()
                    .map(|remark| format!("  {}: {}", escape(&file.file), escape(remark))),
            );
        }
        if !self.skipped.is_empty() {
            lines.push("Skipped:".to_owned());
            lines.extend(self.skipped.iter().map(|skip| format!("  {}", skip.line())));
        }
        lines.join("\n")
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
