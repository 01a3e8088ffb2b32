//! What the owner saw before they erased it: how many records, and a code of which ones and how they were. It
//! keeps what was written meanwhile from being erased unseen, not from an attacker.

use std::fmt::Write as _;
use std::str::FromStr;

use pocket_core::RecordId;
use sha2::{Digest, Sha256};

/// Hexadecimal digits of the code: few enough to be typed.
const DIGITS: usize = 8;

/// `7-3f9a1c2e`, or `7` alone: then only the number is compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    count: usize,
    code: Option<String>,
}

impl Seen {
    /// Of these records, each with what becomes another when it is changed.
    pub(super) fn of(records: impl IntoIterator<Item = (RecordId, i64)>) -> Self {
        let mut records: Vec<_> = records.into_iter().collect();
        records.sort_unstable();
        let mut hash = Sha256::new();
        for (id, state) in &records {
            hash.update(format!("{id} {state}\n"));
        }
        let mut code = String::new();
        for byte in hash.finalize() {
            write!(code, "{byte:02x}").expect("writing to a String never fails");
        }
        code.truncate(DIGITS);
        Self {
            count: records.len(),
            code: Some(code),
        }
    }

    /// Whether who says `self` has seen `there`.
    pub(super) fn is(&self, there: &Self) -> bool {
        self.count == there.count && (self.code.is_none() || self.code == there.code)
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }
}

impl FromStr for Seen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "the number of records that you saw, and the code beside it: 7-3f9a1c2e";
        let (count, code) = match text.split_once('-') {
            Some((count, code)) => (count, Some(code.to_ascii_lowercase())),
            None => (text, None),
        };
        let is_code = |code: &String| code.len() == DIGITS && code.bytes().all(|c| c.is_ascii_hexdigit());
        if code.as_ref().is_some_and(|code| !is_code(code)) {
            return Err(FORM);
        }
        let count = count.parse().map_err(|_| FORM)?;
        Ok(Self { count, code })
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.count)?;
        self.code.as_ref().map_or(Ok(()), |code| write!(f, "-{code}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u8, state: i64) -> (RecordId, i64) {
        (RecordId::from_bytes([number; 16]), state)
    }

    #[test]
    fn another_record_or_another_revision_is_not_what_was_seen() {
        let there = Seen::of([record(1, 1), record(2, 1)]);
        let typed: Seen = there.to_string().parse().unwrap();
        assert!(typed.is(&there) && typed.is(&Seen::of([record(2, 1), record(1, 1)])));
        for other in [
            Seen::of([record(1, 1), record(3, 1)]),
            Seen::of([record(1, 1), record(2, 2)]),
            Seen::of([record(1, 1)]),
            Seen::of([record(1, 1), record(2, 1), record(3, 1)]),
        ] {
            assert!(!typed.is(&other), "{other}");
        }
        let number: Seen = "2".parse().unwrap();
        assert!(number.is(&there) && !number.is(&Seen::of([record(1, 1)])));
    }

    #[test]
    fn what_is_no_such_code_is_not_taken_for_a_number_alone() {
        for text in [
            "",
            "two",
            "-3f9a1c2e",
            "2-",
            "2-3f9a",
            "2-3f9a1c2g",
            "2-3f9a1c2e0",
            "2 3f9a1c2e",
        ] {
            assert!(text.parse::<Seen>().is_err(), "{text}");
        }
        assert_eq!("2-3F9A1C2E".parse::<Seen>().unwrap().to_string(), "2-3f9a1c2e");
    }
}
