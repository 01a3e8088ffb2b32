//! What is known by name: the owner, everyone in the contacts, the values of secrets.

mod dictionary;
mod names;
mod numbers;

use zeroize::Zeroize;

use crate::Kind;
use crate::find::date::{self, Day};
use crate::resolve::Find;
use crate::view::{View, folded, is_word};
use dictionary::{Dictionary, Place, Stream};

/// Letters of a pattern that is looked for inside of words too. What is shorter stands in too many.
const LEAST_ANYWHERE: usize = 6;
/// Signs of a secret that is looked for inside of words too.
const LEAST_SECRET: usize = 4;
/// A longer secret is looked for piece by piece, so that a part of it is found as well.
const PIECE: usize = 48;

/// Everything that is looked for by name. Made once for a question; wiped when it is dropped.
#[derive(Default)]
pub struct Known {
    /// Looked for in the letters and digits of a text.
    squeezed: Dictionary,
    /// Looked for in all but its spaces.
    dense: Dictionary,
    births: Vec<(Day, u32)>,
    /// The first letters of a person's names, by entity.
    initials: Vec<String>,
}

impl Known {
    /// Begins with nothing.
    pub fn builder() -> KnownBuilder {
        KnownBuilder::default()
    }

    /// Finds all of it in a text.
    pub(crate) fn find(&self, view: &View, finds: &mut Vec<Find>) {
        let mut persons = Vec::new();
        let squeezed = Stream::of(view, is_word);
        self.squeezed
            .find(view, &squeezed, &mut |found| match found.kind {
                Kind::Person => persons.push(found),
                Kind::Phone => finds.push(numbers::with_country(
                    view,
                    found.start,
                    found.end,
                    found.entity(),
                )),
                kind => finds.push(Find {
                    kind,
                    start: found.start,
                    end: found.end,
                    entity: found.entity(),
                }),
            });
        names::join(view, persons, &self.initials, finds);
        if !self.dense.is_empty() {
            let dense = Stream::of(view, |letter| !letter.is_whitespace());
            self.dense.find(view, &dense, &mut |found| {
                finds.push(Find {
                    entity: None,
                    ..Find::new(found.kind, found.start, found.end)
                });
            });
        }
        if !self.births.is_empty() {
            self.find_births(view, finds);
        }
    }

    fn find_births(&self, view: &View, finds: &mut Vec<Find>) {
        date::each(view, &mut |date| {
            let same = self.births.iter().find(|(day, _)| date.may_be(*day));
            if let Some((_, entity)) = same {
                finds.push(Find {
                    entity: Some(*entity),
                    ..Find::new(Kind::BirthDate, date.start, date.end)
                });
            }
        });
    }
}

/// Collects what is to be known. Each call names one more thing.
#[derive(Default)]
pub struct KnownBuilder {
    known: Known,
    entities: u32,
}

impl KnownBuilder {
    /// A person, by all the names that they have: full names, nicknames, a maiden name. Parts of them are
    /// looked for too, in every order and with the endings of many languages.
    pub fn person(&mut self, names: &[&str]) -> &mut Self {
        let entity = self.entity();
        let mut initials = String::new();
        for name in names {
            if name.contains('@') {
                self.email(name);
            } else {
                names::add(&mut self.known.squeezed, name, entity, &mut initials);
            }
        }
        if let Some(own) = usize::try_from(entity)
            .ok()
            .and_then(|at| self.known.initials.get_mut(at))
        {
            *own = initials;
        }
        self
    }

    /// An e-mail address.
    pub fn email(&mut self, address: &str) -> &mut Self {
        self.squeezed(address, Kind::Email)
    }

    /// A telephone number, in any way of writing it.
    pub fn phone(&mut self, number: &str) -> &mut Self {
        let entity = self.entity();
        numbers::add(&mut self.known.squeezed, number, entity);
        self
    }

    /// A postal address, on one line or several.
    pub fn address(&mut self, address: &str) -> &mut Self {
        let entity = self.entity();
        numbers::add_address(&mut self.known.squeezed, address, entity);
        self
    }

    /// A day of birth, as a calendar or a person writes it.
    pub fn birthday(&mut self, day: &str) -> &mut Self {
        let entity = self.entity();
        let view = View::of(day);
        let mut days = Vec::new();
        date::each(&view, &mut |date| days.extend(date.days()));
        self.known
            .births
            .extend(days.into_iter().map(|day| (day, entity)));
        self
    }

    /// Something else by which somebody is known: an organisation, an account, a number.
    pub fn other(&mut self, text: &str) -> &mut Self {
        self.squeezed(text, Kind::Other)
    }

    /// The value of a secret. It is looked for as it is, and as web addresses, JSON, Base64 and hexadecimal
    /// write it.
    pub fn secret(&mut self, value: &str) -> &mut Self {
        for written in numbers::writings(value) {
            self.secret_as(&written);
        }
        self
    }

    /// Everything that was named.
    pub fn build(mut self) -> Known {
        self.known.squeezed.close();
        self.known.dense.close();
        self.known
    }

    fn secret_as(&mut self, value: &str) {
        let mut dense: Vec<char> = folded(value)
            .chars()
            .filter(|letter| !letter.is_whitespace())
            .collect();
        let place = if dense.len() < LEAST_SECRET {
            Place::Alone
        } else {
            Place::Anywhere
        };
        let mut rest = dense.as_slice();
        while rest.len() > PIECE {
            let (piece, behind) = rest.split_at(PIECE);
            self.known.dense.add(piece, Kind::Secret, place, 0);
            rest = behind;
        }
        let last = dense.len().saturating_sub(PIECE.min(dense.len()));
        self.known
            .dense
            .add(dense.get(last..).unwrap_or_default(), Kind::Secret, place, 0);
        let squeezed: Vec<char> = dense.iter().copied().filter(|letter| is_word(*letter)).collect();
        // A passphrase of words, with other signs between them.
        if (8..=PIECE).contains(&squeezed.len()) && squeezed.len() < dense.len() + 8 {
            let entity = self.entity();
            self.known
                .squeezed
                .add(&squeezed, Kind::Secret, Place::Anywhere, entity);
        }
        dense.zeroize();
    }

    fn squeezed(&mut self, text: &str, kind: Kind) -> &mut Self {
        let entity = self.entity();
        let letters: Vec<char> = folded(text).chars().filter(|letter| is_word(*letter)).collect();
        let place = if letters.len() < LEAST_ANYWHERE {
            Place::Alone
        } else {
            Place::Anywhere
        };
        self.known.squeezed.add(&letters, kind, place, entity);
        self
    }

    fn entity(&mut self) -> u32 {
        let entity = self.entities;
        self.entities = entity.saturating_add(1);
        self.known.initials.push(String::new());
        entity
    }
}

#[cfg(test)]
mod tests;
