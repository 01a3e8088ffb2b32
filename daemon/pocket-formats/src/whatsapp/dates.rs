//! Which number of a date is the day: WhatsApp writes dates the way the telephone's language does
//! and does not say which that is, so the whole chat is asked.

use pocket_core::When;

use super::RawMessage;
use super::header::Header;
use crate::Remark;

/// The order of the numbers, and how sure that is.
pub(super) struct Order {
    day_first: bool,
    guessed: bool,
}

type Key = (u16, u16, u16, (u8, u8, u8));

impl Order {
    /// Decides for a whole chat: by a number above 12; else by which reading keeps the messages in
    /// order; else day first.
    pub(super) fn of(messages: &[RawMessage<'_>]) -> Self {
        let ambiguous: Vec<&Header<'_>> = messages
            .iter()
            .map(|message| &message.header)
            .filter(|header| !has_year_first(header))
            .collect();
        let above_12 = |at: usize| {
            let numbers = ambiguous.iter().filter_map(|header| header.numbers.get(at));
            numbers.filter(|number| **number > 12).count()
        };
        let (firsts, seconds) = (above_12(0), above_12(1));
        let breaks = |day_first| {
            let keys: Vec<Key> = ambiguous.iter().map(|header| key(header, day_first)).collect();
            keys.windows(2)
                .filter(|pair| matches!(pair, [before, after] if before > after))
                .count()
        };
        let (day_first_breaks, month_first_breaks) = (breaks(true), breaks(false));
        let sure = |day_first| Self {
            day_first,
            guessed: false,
        };
        if firsts != seconds {
            return sure(firsts > seconds);
        }
        if day_first_breaks != month_first_breaks {
            return sure(day_first_breaks < month_first_breaks);
        }
        let differs = ambiguous
            .iter()
            .any(|header| header.numbers.first() != header.numbers.get(1));
        // Where dates have dots, the day comes first.
        let has_dots = ambiguous.iter().all(|header| header.separator == '.');
        Self {
            day_first: true,
            guessed: differs && !has_dots,
        }
    }

    /// What the owner should know of the decision.
    pub(super) fn remark(&self) -> Option<Remark> {
        self.guessed.then_some(Remark::DayFirst)
    }

    /// The date and time of a message, where the telephone was; `None` when there is no such day.
    pub(super) fn when(&self, header: &Header<'_>) -> Option<When> {
        let (year, month, day, (hour, minute, second)) = key(header, self.day_first);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
            .parse()
            .ok()
    }
}

fn has_year_first(header: &Header<'_>) -> bool {
    matches!(header.numbers, [first, ..] if first > 31)
}

fn key(header: &Header<'_>, day_first: bool) -> Key {
    let [first, second, third] = header.numbers;
    if has_year_first(header) {
        return (first, second, third, header.time);
    }
    let year = if third < 100 { 2000 + third } else { third };
    if day_first {
        (year, second, first, header.time)
    } else {
        (year, first, second, header.time)
    }
}
