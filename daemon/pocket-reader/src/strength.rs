//! How hard a passphrase is to guess: by lists of leaked passwords, words, names, keys and dates. Their
//! 1.8 MB are here and not in the daemon, and what they say of a passphrase ends with this process.

use pocket_core::{Flaw, Strength, Unreadable};
use zxcvbn::feedback::{Feedback, Suggestion, Warning};
use zxcvbn::zxcvbn;

/// Only so many characters are looked at: the estimate takes time with their square.
const LOOKED_AT: usize = 100;
/// What everyone would try first on this device.
const OUR_NAMES: [&str; 2] = ["pocketai", "pocket"];

/// The estimate, encoded.
pub(crate) fn estimate(passphrase: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let text = str::from_utf8(passphrase).map_err(|_| Unreadable::Damaged)?;
    let end = text
        .char_indices()
        .nth(LOOKED_AT)
        .map_or(text.len(), |(at, _)| at);
    let entropy = zxcvbn(text.get(..end).unwrap_or_default(), &OUR_NAMES);
    let strength = Strength {
        digits: digits(entropy.guesses()),
        flaws: entropy.feedback().map(flaws).unwrap_or_default(),
    };
    postcard::to_stdvec(&strength).map_err(|_| Unreadable::Broke)
}

fn digits(guesses: u64) -> u8 {
    guesses
        .checked_ilog10()
        .and_then(|digits| u8::try_from(digits).ok())
        .unwrap_or(0)
}

fn flaws(feedback: &Feedback) -> Vec<Flaw> {
    let warning = feedback.warning().map(of_warning);
    let others = feedback
        .suggestions()
        .iter()
        .filter_map(|suggestion| of_suggestion(*suggestion));
    let mut flaws: Vec<Flaw> = warning.into_iter().chain(others).collect();
    let all = flaws.clone();
    let mut place = 0;
    flaws.retain(|flaw| {
        place += 1;
        all.iter().position(|one| one == flaw) == Some(place - 1)
    });
    flaws
}

const fn of_warning(warning: Warning) -> Flaw {
    match warning {
        Warning::AWordByItselfIsEasyToGuess => Flaw::SingleWord,
        Warning::CommonNamesAndSurnamesAreEasyToGuess
        | Warning::NamesAndSurnamesByThemselvesAreEasyToGuess => Flaw::Name,
        Warning::DatesAreOftenEasyToGuess | Warning::RecentYearsAreEasyToGuess => Flaw::Date,
        Warning::RepeatsLikeAaaAreEasyToGuess | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => {
            Flaw::Repeats
        }
        Warning::SequencesLikeAbcAreEasyToGuess => Flaw::Sequence,
        Warning::ShortKeyboardPatternsAreEasyToGuess | Warning::StraightRowsOfKeysAreEasyToGuess => {
            Flaw::Keys
        }
        Warning::ThisIsACommonPassword
        | Warning::ThisIsATop100Password
        | Warning::ThisIsATop10Password
        | Warning::ThisIsSimilarToACommonlyUsedPassword => Flaw::Common,
    }
}

const fn of_suggestion(suggestion: Suggestion) -> Option<Flaw> {
    Some(match suggestion {
        Suggestion::AddAnotherWordOrTwo | Suggestion::UseAFewWordsAvoidCommonPhrases => Flaw::TooShort,
        Suggestion::AllUppercaseIsAlmostAsEasyToGuessAsAllLowercase
        | Suggestion::CapitalizationDoesntHelpVeryMuch => Flaw::Capitals,
        Suggestion::AvoidDatesAndYearsThatAreAssociatedWithYou
        | Suggestion::AvoidRecentYears
        | Suggestion::AvoidYearsThatAreAssociatedWithYou => Flaw::Date,
        Suggestion::AvoidRepeatedWordsAndCharacters => Flaw::Repeats,
        Suggestion::AvoidSequences => Flaw::Sequence,
        Suggestion::NoNeedForSymbolsDigitsOrUppercaseLetters => return None,
        Suggestion::PredictableSubstitutionsDontHelpVeryMuch => Flaw::Substitutions,
        Suggestion::ReversedWordsArentMuchHarderToGuess => Flaw::Reversed,
        Suggestion::UseALongerKeyboardPatternWithMoreTurns => Flaw::Keys,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(passphrase: &str) -> Strength {
        postcard::from_bytes(&estimate(passphrase.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn what_leaked_is_easy_and_words_are_better_than_tricks() {
        for (passphrase, least, most, flaw) in [
            ("", 0, 0, Some(Flaw::TooShort)),
            ("password1234", 0, 4, Some(Flaw::Common)),
            ("qwertyuiop", 0, 4, Some(Flaw::Common)),
            ("aaaaaaaaaaaaaaaa", 0, 4, Some(Flaw::Repeats)),
            ("drowssap", 0, 4, Some(Flaw::Reversed)),
            ("P@ssw0rd", 0, 4, Some(Flaw::Substitutions)),
            ("pocketai", 0, 4, None),
            ("Tr0ub4dor&3", 5, 11, None),
            ("four words are best", 11, 19, None),
            ("correct horse battery staple", 12, 19, None),
            ("\u{fc}berall liegt moos auf steinen", 14, 19, None),
        ] {
            let told = of(passphrase);
            assert!((least..=most).contains(&told.digits), "{passphrase}: {told:?}");
            assert!(
                flaw.is_none_or(|flaw| told.flaws.contains(&flaw)),
                "{passphrase}: {told:?}"
            );
        }
    }

    #[test]
    fn a_flaw_is_told_once_and_a_long_text_costs_no_more() {
        let told = of("abcabcabc");
        let mut seen = told.flaws.clone();
        seen.dedup();
        assert_eq!(seen, told.flaws);
        assert_eq!(
            of(&"\u{fc}x7".repeat(40_000)),
            of(&"\u{fc}x7".repeat(LOOKED_AT / 3 + 1))
        );
        assert_eq!(estimate(b"\xff\xfe").err(), Some(Unreadable::Damaged));
    }
}
