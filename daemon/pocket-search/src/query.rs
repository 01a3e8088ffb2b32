//! What is asked.
//!
//! Words, in any order: records that hold more of them, and rarer ones, come first. `"a phrase"`;
//! `begin*`; `roughly~`; `title:word`, `tag:word` (or `#word`), `from:word`, `list:word`, `text:word`;
//! `+must`, `-not`; `after:2026-01-01`, `before:2026-02-01` (the day of the last change).

use pocket_core::Timestamp;
use thiserror::Error;

use crate::Field;
use crate::words::words;

/// Clauses that a query may have; what is over that is left out.
const MOST: usize = 32;

/// A query, read.
#[derive(Debug, Default)]
pub struct Query {
    pub(crate) clauses: Vec<Clause>,
    pub(crate) after: Option<Timestamp>,
    pub(crate) before: Option<Timestamp>,
}

/// The query can't be read.
#[derive(Debug, Eq, Error, PartialEq)]
#[error("{0}")]
pub struct InvalidQuery(pub(crate) String);

/// One thing asked for.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Clause {
    pub(crate) how: How,
    pub(crate) field: Option<Field>,
    pub(crate) what: What,
}

/// Whether it must be there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum How {
    Must,
    Not,
    Should,
}

/// What is looked for.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum What {
    /// Words that stand beside each other.
    Phrase(Vec<String>),
    /// A word.
    Word(String, Form),
}

/// How exactly.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// Also words a letter or two away.
    Fuzzy,
    /// The word and its other forms.
    Plain,
    /// All that begins so.
    Prefix,
}

impl Clause {
    /// Whether it may be met by what is only near to it: what must be there, or in one field, is meant
    /// as it is said.
    pub(crate) fn is_loose(&self) -> bool {
        self.how == How::Should && self.field.is_none()
    }
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// [`InvalidQuery`] when a date can't be read.
    pub fn parse(text: &str) -> Result<Self, InvalidQuery> {
        let mut query = Self::default();
        for token in Tokens(text) {
            query.take(token)?;
        }
        query.clauses.truncate(MOST);
        Ok(query)
    }

    /// What narrows a list: every word must be there, or one that begins with it.
    pub fn narrowing(text: &str) -> Self {
        let clauses = words(text).into_iter().map(|word| Clause {
            how: How::Must,
            field: None,
            what: What::Word(word, Form::Prefix),
        });
        Self {
            clauses: clauses.take(MOST).collect(),
            ..Self::default()
        }
    }

    /// Whether it asks for nothing at all.
    pub const fn is_empty(&self) -> bool {
        self.clauses.is_empty() && self.after.is_none() && self.before.is_none()
    }

    fn take(&mut self, token: &str) -> Result<(), InvalidQuery> {
        let (how, rest) = match token.split_at_checked(1) {
            Some(("-", rest)) if !rest.is_empty() => (How::Not, rest),
            Some(("+", rest)) if !rest.is_empty() => (How::Must, rest),
            _ => (How::Should, token),
        };
        if let Some(tag) = rest.strip_prefix('#') {
            self.add(required(how), Some(Field::Tag), tag);
            return Ok(());
        }
        match rest.split_once(':') {
            Some(("after", date)) => self.after = Some(day(date, 0)?),
            Some(("before", date)) => self.before = Some(day(date, 0)?),
            Some(("on", date)) => {
                self.after = Some(day(date, 0)?);
                self.before = Some(day(date, 1)?);
            }
            Some((name, value)) if !value.is_empty() => match Field::named(name) {
                Some(field) => self.add(required(how), Some(field), value),
                None => self.add(how, None, rest),
            },
            _ => self.add(how, None, rest),
        }
        Ok(())
    }

    fn add(&mut self, how: How, field: Option<Field>, text: &str) {
        let mut push = |what| self.clauses.push(Clause { how, field, what });
        if let Some(phrase) = text.strip_prefix('"') {
            let phrase = words(phrase.trim_end_matches('"'));
            match phrase.as_slice() {
                [] => {}
                [word] => push(What::Word(word.clone(), Form::Plain)),
                _ => push(What::Phrase(phrase)),
            }
            return;
        }
        let (text, form) = if let Some(text) = text.strip_suffix('*') {
            (text, Form::Prefix)
        } else if let Some(text) = text.trim_end_matches(['1', '2']).strip_suffix('~') {
            (text, Form::Fuzzy)
        } else {
            (text, Form::Plain)
        };
        let all = words(text);
        // The `s` of `Anna's`, the `l` of `l'eau`: they say nothing beside the word that they belong to.
        let several = all.iter().any(|word| word.len() > 1);
        for word in all.into_iter().filter(|word| !several || word.len() > 1) {
            push(What::Word(word, form));
        }
    }
}

/// What names a field is meant as a condition.
const fn required(how: How) -> How {
    match how {
        How::Should => How::Must,
        How::Must | How::Not => how,
    }
}

/// The first instant of a day, `later` days on, in UTC.
fn day(date: &str, later: u64) -> Result<Timestamp, InvalidQuery> {
    let day = date.get(..10).filter(|_| date.len() == 10);
    let instant: Option<Timestamp> = day.and_then(|day| format!("{day}T00:00:00Z").parse().ok());
    let instant = instant.ok_or_else(|| {
        InvalidQuery(format!(
            "`{}` is no date: write it as 2026-11-22",
            date.chars().take(30).collect::<String>()
        ))
    })?;
    Ok(instant.plus(std::time::Duration::from_secs(later * 86_400)))
}

/// The pieces of a query between spaces; quoted ones stay whole.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start();
        let mut quoted = false;
        let end = text.find(|letter: char| {
            quoted ^= letter == '"';
            letter.is_whitespace() && !quoted
        });
        let (token, rest) = text.split_at(end.unwrap_or(text.len()));
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(how: How, field: Option<Field>, word: &str, form: Form) -> Clause {
        Clause {
            how,
            field,
            what: What::Word(word.to_owned(), form),
        }
    }

    #[test]
    fn a_query_is_read() {
        let query =
            Query::parse("Anna's +tea -milk* title:Plan #work \"oat  Milk\" colour~ http://x").unwrap();
        assert_eq!(
            query.clauses,
            [
                word(How::Should, None, "anna", Form::Plain),
                word(How::Must, None, "tea", Form::Plain),
                word(How::Not, None, "milk", Form::Prefix),
                word(How::Must, Some(Field::Title), "plan", Form::Plain),
                word(How::Must, Some(Field::Tag), "work", Form::Plain),
                Clause {
                    how: How::Should,
                    field: None,
                    what: What::Phrase(vec!["oat".to_owned(), "milk".to_owned()])
                },
                word(How::Should, None, "colour", Form::Fuzzy),
                word(How::Should, None, "http", Form::Plain),
            ]
        );
    }

    #[test]
    fn dates_are_days_and_others_are_refused() {
        let query = Query::parse("on:2026-11-22").unwrap();
        let (after, before) = (query.after.unwrap(), query.before.unwrap());
        assert_eq!(before.since(after).as_secs(), 86_400);
        assert!(Query::parse("after:yesterday").is_err());
        assert!(Query::parse("after:2026-13-01").is_err());
        assert!(Query::parse("\"").unwrap().is_empty());
    }
}
