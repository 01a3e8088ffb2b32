//! The first eight bytes from each side.

use thiserror::Error;

/// Version of the protocol. Grows whenever an operation, an answer or the framing changes shape:
/// the headers are not self-describing.
pub const VERSION: u16 = 1;

const MAGIC: [u8; 6] = *b"PAICTL";

/// What each side sends first: `PAICTL` and [`VERSION`], big-endian.
pub const GREETING: [u8; 8] = {
    let [a, b, c, d, e, f] = MAGIC;
    let [high, low] = VERSION.to_be_bytes();
    [a, b, c, d, e, f, high, low]
};

/// Why the other side can't be talked to.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum GreetingError {
    /// Something else listens or calls.
    #[error("the other side does not speak the control protocol of PocketAI")]
    Foreign,
    /// The same protocol in another version.
    #[error(
        "the other side speaks version {theirs} of the control protocol, and this program version {VERSION}"
    )]
    Version {
        /// The other side's version.
        theirs: u16,
    },
}

/// Checks the other side's first eight bytes.
///
/// # Errors
/// [`GreetingError`] unless they are this version's.
pub fn check_greeting(theirs: &[u8; 8]) -> Result<(), GreetingError> {
    let [magic @ .., high, low] = *theirs;
    let version = u16::from_be_bytes([high, low]);
    match (magic == MAGIC, version == VERSION) {
        (false, _) => Err(GreetingError::Foreign),
        (true, false) => Err(GreetingError::Version { theirs: version }),
        (true, true) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_peer_and_another_version_are_told_apart() {
        assert_eq!(check_greeting(&GREETING), Ok(()));
        assert_eq!(check_greeting(b"GET / HT"), Err(GreetingError::Foreign));
        assert_eq!(
            check_greeting(b"PAICTL\x02\x03"),
            Err(GreetingError::Version { theirs: 0x0203 })
        );
    }
}
