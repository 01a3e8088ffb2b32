//! How hard a passphrase is to guess, as the reader's estimator tells it.

use serde::{Deserialize, Serialize};

/// An estimate. It says how many guesses, and nothing of what was guessed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Strength {
    /// How many guesses it takes, as a power of ten.
    pub digits: u8,
    /// What makes it easy, the worst first.
    pub flaws: Vec<Flaw>,
}

/// What makes a passphrase easy to guess. A closed list, because who estimates is trusted with no words.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Flaw {
    /// Capitals where everyone puts them.
    Capitals,
    /// It stands in lists of leaked passwords, or is close to one that does.
    Common,
    /// A day or a year.
    Date,
    /// A row of keys.
    Keys,
    /// A first name or a surname.
    Name,
    /// The same again and again.
    Repeats,
    /// A word backwards.
    Reversed,
    /// Letters or digits in their order.
    Sequence,
    /// One word alone.
    SingleWord,
    /// Signs in the place of letters that they look like.
    Substitutions,
    /// Too few words.
    TooShort,
}
