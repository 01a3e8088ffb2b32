//! The bridge from stdio to the agents' door, for programs that start their MCP server themselves.
//!
//! The device may stop and start again meanwhile, as after an update: the client notices no more of it
//! than an error for what was under way.

mod bridge;
mod traffic;

use std::io::{self, BufReader, Read};
use std::path::Path;

use pocket_crypto::SecretBytes;
use zeroize::Zeroizing;

use self::bridge::Bridge;
use crate::exit::Problem;
use crate::session::Session;

const TOKEN_VARIABLE: &str = "POCKETAI_TOKEN";
/// Longest file that is read for a token: 4 KiB.
const LONGEST_TOKEN: u64 = 4096;

/// Passes standard input on to the device and its answers to standard output, until the input ends.
pub(crate) fn run(session: &Session, token_file: Option<&Path>) -> Result<(), Problem> {
    let token = token(token_file)?;
    let connect = || {
        let copy = SecretBytes::new(token.expose_bytes().to_vec());
        Ok(session.connect()?.into_mcp(copy)?)
    };
    Bridge::new(connect, io::stdout().lock())?.run(BufReader::new(io::stdin()))
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

#[cfg(test)]
mod tests {
    use super::*;

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
