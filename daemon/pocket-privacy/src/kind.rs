//! The kinds of things that are replaced.

use std::fmt;

/// What a piece of text is that must not leave.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// A postal address, or the part of one that names a house.
    Address,
    /// A day of birth.
    BirthDate,
    /// The number of a payment card, or its check digits.
    Card,
    /// A place on the earth to within a street.
    Coordinates,
    /// An e-mail address.
    Email,
    /// The number of a bank account.
    Iban,
    /// A number by which a state, a tax office or an insurance knows a person.
    Identity,
    /// An internet address.
    Ip,
    /// A key that opens a service, or a private key.
    Key,
    /// A text that looks like a placeholder without being one.
    Literal,
    /// The hardware address of a network card.
    Mac,
    /// What the owner named besides: an organisation, an account.
    Other,
    /// A name of a person.
    Person,
    /// A telephone number.
    Phone,
    /// A password, a PIN, the value of a secret.
    Secret,
    /// A web address with a password or a token in it.
    Url,
    /// A licence plate or the number of a vehicle.
    Vehicle,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Address,
        Self::BirthDate,
        Self::Card,
        Self::Coordinates,
        Self::Email,
        Self::Iban,
        Self::Identity,
        Self::Ip,
        Self::Key,
        Self::Literal,
        Self::Mac,
        Self::Other,
        Self::Person,
        Self::Phone,
        Self::Secret,
        Self::Url,
        Self::Vehicle,
    ];

    /// The word in its placeholders: upper-case letters of ASCII.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Address => "ADDRESS",
            Self::BirthDate => "BIRTHDATE",
            Self::Card => "CARD",
            Self::Coordinates => "COORDINATES",
            Self::Email => "EMAIL",
            Self::Iban => "IBAN",
            Self::Identity => "ID",
            Self::Ip => "IP",
            Self::Key => "KEY",
            Self::Literal => "TEXT",
            Self::Mac => "MAC",
            Self::Other => "OTHER",
            Self::Person => "PERSON",
            Self::Phone => "PHONE",
            Self::Secret => "SECRET",
            Self::Url => "URL",
            Self::Vehicle => "VEHICLE",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
