//! When everything was last exported.

use pocket_core::Timestamp;

/// What the device knows of exports.
#[derive(Clone, Copy, Default)]
pub(super) struct Exported {
    /// When one last came to its end.
    pub(super) last: Option<Timestamp>,
    /// When one was begun since that has not.
    pub(super) unfinished: Option<Timestamp>,
}

impl Exported {
    /// As its row has it: two times in milliseconds, 8 bytes each, 0 for none.
    pub(super) fn row(self) -> [u8; 16] {
        let mut row = [0; 16];
        let (last, unfinished) = row.split_at_mut(8);
        last.copy_from_slice(&bytes(self.last));
        unfinished.copy_from_slice(&bytes(self.unfinished));
        row
    }

    /// From its row. A row of 8 bytes is of the first form, which knew of beginnings alone.
    pub(super) fn from_row(row: &[u8]) -> Self {
        match row.len() {
            8 => Self {
                last: None,
                unfinished: time(row),
            },
            16 => Self {
                last: row.get(..8).and_then(time),
                unfinished: row.get(8..).and_then(time),
            },
            _ => Self::default(),
        }
    }
}

fn bytes(time: Option<Timestamp>) -> [u8; 8] {
    time.map_or(0, Timestamp::millis).to_be_bytes()
}

fn time(bytes: &[u8]) -> Option<Timestamp> {
    let millis = i64::from_be_bytes(bytes.try_into().ok()?);
    (millis != 0).then(|| Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_was_written_and_one_of_the_first_form_only_that_an_export_was_begun() {
        let at = |millis| Some(Timestamp::from_millis(millis));
        for (last, unfinished) in [(None, None), (at(1), None), (at(1), at(2)), (None, at(2))] {
            let back = Exported::from_row(&Exported { last, unfinished }.row());
            assert_eq!((back.last, back.unfinished), (last, unfinished));
        }
        let first = Exported::from_row(&7i64.to_be_bytes());
        assert_eq!((first.last, first.unfinished), (None, at(7)));
        let none = Exported::from_row(b"odd");
        assert_eq!((none.last, none.unfinished), (None, None));
    }
}
