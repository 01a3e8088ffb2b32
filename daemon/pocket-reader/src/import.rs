//! The records in what is imported, in lines that the daemon takes: of one file, or of the files in an
//! archive, one after the other.

mod unpack;

use std::io::Write;

use pocket_core::Unreadable;
use pocket_formats::{At, Format, HEAD_BYTES, ImportLine, Item, Skipped, Why, detect, document, parse};

use crate::input::Input;

/// Of what kind the file is; for a document, its description.
pub(crate) fn describe(input: &Input, out: &mut impl Write) -> Result<(), Unreadable> {
    let path = &input.head.name;
    if unpack::is_archive(path, &input.bytes) {
        return put(out, &ImportLine::Archive);
    }
    put(
        out,
        &match detect(path, &input.bytes) {
            Format::Document => ImportLine::Document(document(path, input.head.size, &input.bytes)),
            format => ImportLine::Records(format),
        },
    )
}

/// The records in it, and what was left out. A document's bytes are left to who sent them.
pub(crate) fn records(input: &Input, out: &mut impl Write) -> Result<(), Unreadable> {
    let (path, bytes) = (&input.head.name, &input.bytes);
    if unpack::is_archive(path, bytes) {
        return unpack::files(path, bytes, out);
    }
    match format_of(path, bytes) {
        Format::Document => put(out, &ImportLine::Document(document(path, input.head.size, bytes))),
        format => parts(format, path, bytes, out, |_, _| Ok(false)),
    }
}

fn format_of(path: &str, bytes: &[u8]) -> Format {
    detect(path, bytes.get(..HEAD_BYTES).unwrap_or(bytes))
}

/// The parts of a text. `send` sends the bytes of the file that a record names, behind the record; it
/// gives `false` when there is no such file.
fn parts<W: Write>(
    format: Format,
    path: &str,
    bytes: &[u8],
    out: &mut W,
    mut send: impl FnMut(Item, &mut W) -> Result<bool, Unreadable>,
) -> Result<(), Unreadable> {
    let parsed = match parse(format, path, bytes) {
        Ok(parsed) => parsed,
        Err(error) => return put(out, &ImportLine::Failed(error)),
    };
    for (item, number) in parsed.items.into_iter().zip(1usize..) {
        if item.file.is_none() {
            put(out, &ImportLine::Item(Box::new(item)))?;
        } else if !send(item, out)? {
            let (at, why) = (At::Record(number), Why::BytesApart);
            put(out, &ImportLine::Skipped(Skipped { at, why }))?;
        }
    }
    let mut skipped = parsed.skipped.into_iter();
    skipped.try_for_each(|skipped| put(out, &ImportLine::Skipped(skipped)))
}

/// Sends a line. Who no longer listens ends it.
fn put(out: &mut impl Write, line: &ImportLine) -> Result<(), Unreadable> {
    let mut bytes = Vec::new();
    line.append(&mut bytes);
    out.write_all(&bytes).map_err(|_| Unreadable::Broke)
}
