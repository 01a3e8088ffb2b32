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
        cursor.word_for_at();
        let (time, has_seconds) = cursor.time()?;
        let rest = if bracket {
            cursor
                .eat(|next| next == ']')
                .then(|| cursor.0.strip_prefix(' ').unwrap_or(cursor.0))?
        } else if let Some(rest) = cursor.0.strip_prefix(": ").filter(|_| has_seconds) {
            // Older iPhones: `13.06.18 21.25.15: Ann: hello`.
            rest
        } else {
            cursor.spaces();
            let dash = |dash| cursor.0.strip_prefix(dash);
            dash("- ").or_else(|| dash("– "))?
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

    /// Some languages put a word between date and time: `13.6.2018 klo 21.25 - `.
    fn word_for_at(&mut self) {
        for word in ["klo ", "kl. ", "às ", "um "] {
            self.0 = self.0.strip_prefix(word).unwrap_or(self.0);
        }
    }

    /// The time, and whether it has seconds.
    fn time(&mut self) -> Option<((u8, u8, u8), bool)> {
        let hour = u8::try_from(self.number(2)?).ok()?;
        let separator = self.0.chars().next().filter(|next| matches!(next, ':' | '.'))?;
        self.eat(|next| next == separator);
        let minute = u8::try_from(self.number(2)?).ok()?;
        let mut ahead = Cursor(self.0);
        let second = ahead
            .eat(|next| next == separator)
            .then(|| ahead.number(2))
            .flatten();
        if second.is_some() {
            self.0 = ahead.0;
        }
        let has_seconds = second.is_some();
        let second = u8::try_from(second.unwrap_or(0)).ok()?;
        let hour = match self.half_of_day() {
            Some(Half::Morning) if hour == 12 => 0,
            Some(Half::Afternoon) if hour < 12 => hour + 12,
            _ => hour,
        };
        (hour < 24 && minute < 60 && second < 60).then_some(((hour, minute, second), has_seconds))
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
