//! The records in a file that is imported, in lines that the daemon takes.

use pocket_core::Unreadable;
use pocket_formats::{Format, HEAD_BYTES, ImportLine, detect, document, parse};

use crate::input::Input;

/// Of what kind the file is; for a document, its description.
pub(crate) fn describe(input: &Input) -> Result<Vec<u8>, Unreadable> {
    let path = &input.head.name;
    let line = match detect(path, &input.bytes) {
        Format::Document => ImportLine::Document(document(path, input.head.size, &input.bytes)),
        format => ImportLine::Records(format),
    };
    lines([line])
}

/// The records in it, and what was left out.
pub(crate) fn records(input: &Input) -> Result<Vec<u8>, Unreadable> {
    let path = &input.head.name;
    let head = input.bytes.get(..HEAD_BYTES).unwrap_or(&input.bytes);
    match parse(detect(path, head), path, &input.bytes) {
        Ok(parsed) => {
            let items = parsed
                .items
                .into_iter()
                .map(|item| ImportLine::Item(Box::new(item)));
            lines(items.chain(parsed.skipped.into_iter().map(ImportLine::Skipped)))
        }
        Err(error) => lines([ImportLine::Failed(error.to_string())]),
    }
}

fn lines(lines: impl IntoIterator<Item = ImportLine>) -> Result<Vec<u8>, Unreadable> {
    let mut out = Vec::new();
    for line in lines {
        line.append(&mut out);
    }
    Ok(out)
}
