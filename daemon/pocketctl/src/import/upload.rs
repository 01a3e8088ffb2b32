//! A document's bytes on their way to the device.

use std::fs::File;
use std::io::{self, ErrorKind, Read};

use pocket_core::{Answer, Operation, RecordId};
use pocket_crypto::SecretBytes;

use crate::exit::Problem;
use crate::session::Session;

/// Sends a whole file in pieces; gives the upload's id.
pub(super) fn upload(session: &mut Session, mut file: File) -> Result<RecordId, Problem> {
    let Answer::Upload(upload) = session.ask(Operation::UploadBegin)? else {
        return Err(Problem::unexpected());
    };
    loop {
        let piece = piece(&mut file).map_err(|error| {
            Problem::local(
                format!("a file stopped being readable while it was imported: {error}"),
                "import it again",
            )
        })?;
        if piece.is_empty() {
            return Ok(upload);
        }
        session.call(Operation::UploadChunk { upload }, None, Some(piece))?;
    }
}

/// The next 1 MiB, or what is left of it.
pub(crate) fn piece(from: &mut impl Read) -> io::Result<SecretBytes> {
    let mut piece = vec![0; Operation::MOST_CHUNK];
    let mut filled = 0;
    while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    piece.truncate(filled);
    Ok(SecretBytes::new(piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_full_until_the_last() {
        let bytes = vec![7; Operation::MOST_CHUNK + 5];
        let mut from = bytes
            .chunks(1000)
            .map(io::Cursor::new)
            .fold(Box::new(io::empty()) as Box<dyn Read>, |all, chunk| {
                Box::new(all.chain(chunk))
            });
        let mut next = || piece(&mut from).unwrap().len();
        assert_eq!((next(), next(), next()), (Operation::MOST_CHUNK, 5, 0));
    }
}
