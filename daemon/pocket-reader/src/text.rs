//! The text in a file, whatever its format.

mod archive;
mod epub;
mod html;
mod office;
mod plain;
mod rtf;

use pocket_core::{Extract, MOST_TEXT, Unreadable};

use crate::input::Input;
use crate::kind::Kind;
use crate::pdf;

/// What separates the pages of a text.
const PAGE_BREAK: char = '\u{c}';

/// The text in a file, encoded.
pub(crate) fn extract(input: Input) -> Result<Vec<u8>, Unreadable> {
    let mut text = Text::default();
    match Kind::of(&input.head, &input.bytes) {
        Kind::Epub => epub::read(&input.bytes, &mut text)?,
        Kind::Excel => office::excel(&input.bytes, &mut text)?,
        Kind::Html => html::read(&plain::decode_html(&input.bytes), &mut text),
        Kind::OpenDocument => office::open_document(&input.bytes, &mut text)?,
        Kind::Pdf => pdf::text(input.bytes, &mut text)?,
        Kind::Picture => {}
        Kind::PowerPoint => office::power_point(&input.bytes, &mut text)?,
        Kind::Rtf => rtf::read(&input.bytes, &mut text),
        Kind::Text => text.push(&plain::decode(&input.bytes).ok_or(Unreadable::Unsupported)?),
        Kind::Word => office::word(&input.bytes, &mut text)?,
        Kind::Zip => return Err(Unreadable::Unsupported),
    }
    postcard::to_stdvec(&text.finish()).map_err(|_| Unreadable::Broke)
}

/// A text that is gathered, up to [`MOST_TEXT`] bytes.
#[derive(Default)]
pub(crate) struct Text {
    text: String,
    pages: u32,
    cut: bool,
}

impl Text {
    /// Adds to it; what control characters a file slips in is left out.
    pub(crate) fn push(&mut self, more: &str) {
        let kept = |c: &char| !c.is_control() || matches!(c, '\n' | '\t' | '\u{c}');
        for c in more.chars().filter(kept) {
            if self.text.len() + c.len_utf8() > MOST_TEXT {
                self.cut = true;
                return;
            }
            self.text.push(c);
        }
    }

    /// Ends the line, if one is begun.
    pub(crate) fn end_line(&mut self) {
        if !(self.text.is_empty() || self.text.ends_with(['\n', PAGE_BREAK])) {
            self.push("\n");
        }
    }

    /// A page begins; the one before ends.
    pub(crate) fn begin_page(&mut self) {
        if self.pages > 0 {
            self.begin_section();
        }
        self.pages = self.pages.saturating_add(1);
    }

    /// A part begins that is no page.
    pub(crate) fn begin_section(&mut self) {
        while self.text.ends_with(['\n', ' ', '\t']) {
            self.text.pop();
        }
        self.push("\u{c}");
    }

    /// Whether no more is taken.
    pub(crate) const fn is_full(&self) -> bool {
        self.cut
    }

    /// What was gathered last.
    pub(crate) fn last(&self) -> Option<char> {
        self.text.chars().next_back()
    }

    /// How many pages there are although the text was cut before the last.
    pub(crate) const fn count_pages(&mut self, pages: u32) {
        self.pages = pages;
    }

    fn finish(mut self) -> Extract {
        while self.text.ends_with(['\n', ' ', '\t']) {
            self.text.pop();
        }
        Extract {
            text: self.text,
            pages: self.pages,
            cut: self.cut,
        }
    }
}

#[cfg(test)]
mod tests;
