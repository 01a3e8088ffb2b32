//! The date, time and brackets in front of a message.

use super::is_mark;

/// What stands in front of a message, with the date's numbers as they come.
pub(super) struct Header<'a> {
    /// The three numbers of the date, in the order of the file.
    pub(super) numbers: [u16; 3],
    /// What separates them: `/`, `.` or `-`.
    pub(super) separator: char,
    /// Hour, minute and second, on the 24-hour clock.
    pub(super) time: (u8, u8, u8),
    /// What follows: sender and text, or a notice.
    pub(super) rest: &'a str,
}

impl<'a> Header<'a> {
    /// Reads the front of a line; `None` when the line goes on with the message before.
    pub(super) fn read(line: &'a str) -> Option<Self> {
        let mut cursor = Cursor(line.trim_start_matches(is_mark));
        let bracket = cursor.eat(|next| next == '[');
        let (numbers, separator) = cursor.date()?;
        cursor.eat(|next| next == ',' || next == '،');
        if !cursor.spaces() {
            return None;
        }
        let time = cursor.time()?;
        let rest = if bracket {
            cursor
                .eat(|next| next == ']')
                .then(|| cursor.0.strip_prefix(' ').unwrap_or(cursor.0))?
        } else {
            cursor.spaces();
            cursor
                .0
                .strip_prefix("- ")
                .or_else(|| cursor.0.strip_prefix("– "))?
        };
        Some(Self {
            numbers,
            separator,
            time,
            rest,
        })
    }
}

struct Cursor<'a>(&'a str);

impl Cursor<'_> {
    fn eat(&mut self, is_wanted: impl Fn(char) -> bool) -> bool {
        match self.0.strip_prefix(is_wanted) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Spaces of any width: newer telephones write U+202F in front of AM and PM.
    fn spaces(&mut self) -> bool {
        let before = self.0.len();
        self.0 = self
            .0
            .trim_start_matches(|next: char| next.is_whitespace() || is_mark(next));
        self.0.len() < before
    }

    /// A number of at most `most` digits.
    fn number(&mut self, most: usize) -> Option<u16> {
        let end = self
            .0
            .find(|next: char| !next.is_ascii_digit())
            .unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        // A day and a month have one or two digits, a year two or four.
        if digits.len() > most || digits.len() == 3 {
            return None;
        }
        self.0 = rest;
        digits.parse().ok()
    }

    fn date(&mut self) -> Option<([u16; 3], char)> {
        let first = self.number(4)?;
        let separator = self
            .0
            .chars()
            .next()
            .filter(|next| matches!(next, '/' | '.' | '-'))?;
        self.eat(|next| next == separator);
        self.spaces();
        let second = self.number(2)?;
        self.eat(|next| next == separator).then_some(())?;
        self.spaces();
        let third = self.number(4)?;
        // A dot may stand after the year as well.
        self.eat(|next| next == '.');
        Some(([first, second, third], separator))
    }

    fn time(&mut self) -> Option<(u8, u8, u8)> {
        let hour = u8::try_from(self.number(2)?).ok()?;
        let separator = self.0.chars().next().filter(|next| matches!(next, ':' | '.'))?;
        self.eat(|next| next == separator);
        let minute = u8::try_from(self.number(2)?).ok()?;
        let second = if self.eat(|next| next == separator) {
            u8::try_from(self.number(2)?).ok()?
        } else {
            0
        };
        let hour = match self.half_of_day() {
            Some(Half::Morning) if hour == 12 => 0,
            Some(Half::Afternoon) if hour < 12 => hour + 12,
            _ => hour,
        };
        (hour < 24 && minute < 60 && second < 60).then_some((hour, minute, second))
    }

    /// `AM`, `p.m.`, `a. m.` and the like.
    fn half_of_day(&mut self) -> Option<Half> {
        let mut ahead = Cursor(self.0);
        ahead.spaces();
        let half = match ahead.0.chars().next()? {
            'a' | 'A' => Half::Morning,
            'p' | 'P' => Half::Afternoon,
            _ => return None,
        };
        ahead.eat(|_| true);
        ahead.eat(|next| next == '.');
        ahead.spaces();
        if !ahead.eat(|next| matches!(next, 'm' | 'M')) {
            return None;
        }
        ahead.eat(|next| next == '.');
        self.0 = ahead.0;
        Some(half)
    }
}

enum Half {
    Afternoon,
    Morning,
}
