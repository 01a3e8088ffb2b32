//! The bridge from stdio to the agents' door, for programs that start their MCP server themselves.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pocket_core::{Failure, FailureKind};
use pocket_crypto::SecretBytes;
use zeroize::Zeroizing;

use crate::exit::Problem;
use crate::session::Session;

const TOKEN_VARIABLE: &str = "POCKETAI_TOKEN";
/// Most bytes that are passed on at once: 64 KiB.
const BUFFER: usize = 64 * 1024;
/// Longest file that is read for a token: 4 KiB.
const LONGEST_TOKEN: u64 = 4096;

/// Copies standard input to the device and its answers to standard output, until either ends.
pub(crate) fn run(session: &Session, token_file: Option<&Path>) -> Result<(), Problem> {
    let token = token(token_file)?;
    let stream = session.connect()?.into_mcp(token)?;
    let up = stream.try_clone().map_err(|error| cut(&error))?;
    let input_ended = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&input_ended);
    // Not joined: when the device hangs up, it may sit in a read that nothing ends but our exit.
    let _asking = thread::spawn(move || {
        if copy(&mut io::stdin().lock(), &mut &up).is_ok() {
            ended.store(true, Ordering::SeqCst);
        }
        // The device answers what it was asked so far, and then hangs up.
        up.shutdown(Shutdown::Write).unwrap_or_default();
    });
    match copy(&mut &stream, &mut io::stdout().lock()) {
        Ok(()) if input_ended.load(Ordering::SeqCst) => Ok(()),
        Ok(()) => Err(hung_up()),
        Err(Side::Reading(error)) => Err(cut(&error)),
        Err(Side::Writing(error)) => Err(Problem::output(&error)),
    }
}

/// The token from the file or the environment, without spaces around it.
fn token(file: Option<&Path>) -> Result<SecretBytes, Problem> {
    let text = match file {
        Some(path) => read_token(path)?,
        None => Zeroizing::new(std::env::var(TOKEN_VARIABLE).unwrap_or_default()),
    };
    if text.trim().is_empty() {
        return Err(Problem::usage(
            "there is no agent's token",
            format!(
                "put the one that `pocketctl agent add` showed into ${TOKEN_VARIABLE}, or into a file: --token-file FILE"
            ),
        ));
    }
    Ok(SecretBytes::new(text.trim().as_bytes().to_vec()))
}

fn read_token(path: &Path) -> Result<Zeroizing<String>, Problem> {
    let fail = |error| Problem::file("read", path, &error);
    let mut text = Zeroizing::new(String::with_capacity(4096));
    std::fs::File::open(path)
        .map_err(fail)?
        .take(LONGEST_TOKEN)
        .read_to_string(&mut text)
        .map_err(fail)?;
    Ok(text)
}

/// Which side of a copy failed.
enum Side {
    Reading(io::Error),
    Writing(io::Error),
}

/// Passes everything on as soon as it comes, to the end of `from`.
fn copy(from: &mut impl Read, to: &mut impl Write) -> Result<(), Side> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Side::Reading(error)),
        };
        let piece = buffer.get(..read).unwrap_or_default();
        to.write_all(piece)
            .and_then(|()| to.flush())
            .map_err(Side::Writing)?;
    }
}

fn cut(error: &io::Error) -> Problem {
    Failure::new(
        FailureKind::Unavailable,
        format!("the connection to pocketd failed: {error}"),
        "start the agent again",
    )
    .into()
}

fn hung_up() -> Problem {
    let message =
        "the device closed the agent's connection: it was locked or stopped, or the token was revoked";
    Failure::new(
        FailureKind::Unavailable,
        message,
        "unlock it (pocketctl unlock), then start the agent again",
    )
    .into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn bytes_pass_in_pieces_and_in_order() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let sent: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
        let expected = sent.clone();
        let writer = thread::spawn(move || near.write_all(&sent));
        let mut received = Vec::new();
        assert!(copy(&mut &far, &mut received).is_ok());
        writer.join().unwrap().unwrap();
        assert!(received == expected);
    }

    #[test]
    fn a_token_file_is_read_without_its_newline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "pai_abc\n").unwrap();
        assert!(token(Some(&path)).is_ok_and(|token| token.expose_bytes() == b"pai_abc"));
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(token(Some(&path)), Err(Problem::Usage { .. })));
        assert!(matches!(
            token(Some(&folder.path().join("none"))),
            Err(Problem::Local { .. })
        ));
    }
}
