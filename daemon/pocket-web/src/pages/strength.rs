//! How hard a new passphrase is to guess, estimated while it is typed. The reader has the lists for it,
//! and the estimate is a hint: what the device takes is decided by the engine.

use axum::extract::State;
use axum::{Extension, Json};
use pocket_core::{Flaw, Strength};
use pocket_crypto::SecretBytes;
use serde::Serialize;

use crate::door::Door;
use crate::fields::Fields;
use crate::look::Look;
use crate::words::Words;

/// From how many guesses on, as powers of ten, each grade begins. A guess costs about a second of one
/// core: who has a thousand of them makes ten to the eighth in a day, and ten to the eleventh in three years.
const GRADES: [u8; 4] = [4, 8, 11, 14];
/// Below this grade an owner is asked twice.
const FAIR: u8 = 2;

/// What the page shows beside the field.
#[derive(Serialize)]
pub(crate) struct Estimate {
    /// From 0 to 4; `None` when there is nothing to estimate with.
    grade: Option<u8>,
    words: String,
}

/// Estimates the passphrase of the form. It is neither stored nor logged.
pub(crate) async fn estimate(
    State(door): State<Door>,
    Extension(look): Extension<Look>,
    fields: Fields,
) -> Json<Estimate> {
    let strength = door.reader().strength(&fields.secret("passphrase")).await;
    Json(told(look.words(), strength.as_ref()))
}

/// Whether an owner should be asked twice. Where nothing can estimate, nobody is.
pub(crate) async fn is_weak(door: &Door, passphrase: SecretBytes) -> bool {
    let strength = door.reader().strength(&passphrase).await;
    strength.is_some_and(|strength| grade(&strength) < FAIR)
}

fn told(t: &Words, strength: Option<&Strength>) -> Estimate {
    let Some(strength) = strength else {
        return Estimate {
            grade: None,
            words: t.strength_unknown.to_owned(),
        };
    };
    let grade = grade(strength);
    let words = match grade {
        0 => t.very_weak,
        1 => t.weak,
        2 => t.fair,
        3 => t.good,
        _ => t.strong,
    };
    let advice = strength.flaws.first().filter(|_| grade <= FAIR);
    let words = advice.map_or_else(
        || words.to_owned(),
        |flaw| format!("{words}. {}", in_words(t, *flaw)),
    );
    Estimate {
        grade: Some(grade),
        words,
    }
}

/// From 0 (guessed at once) to 4.
fn grade(strength: &Strength) -> u8 {
    let reached = GRADES.iter().filter(|least| strength.digits >= **least).count();
    u8::try_from(reached).unwrap_or(0)
}

const fn in_words(t: &Words, flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Capitals => t.flaw_capitals,
        Flaw::Common => t.flaw_common,
        Flaw::Date => t.flaw_date,
        Flaw::Keys => t.flaw_keys,
        Flaw::Name => t.flaw_name,
        Flaw::Repeats => t.flaw_repeats,
        Flaw::Reversed => t.flaw_reversed,
        Flaw::Sequence => t.flaw_sequence,
        Flaw::SingleWord => t.flaw_single_word,
        Flaw::Substitutions => t.flaw_substitutions,
        Flaw::TooShort => t.flaw_too_short,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{ENGLISH, GERMAN};

    fn strength(digits: u8) -> Strength {
        Strength {
            digits,
            flaws: vec![Flaw::Common, Flaw::TooShort],
        }
    }

    #[test]
    fn a_weak_passphrase_is_told_why_and_a_good_one_is_left_alone() {
        for (digits, grade) in [
            (0, 0),
            (3, 0),
            (4, 1),
            (7, 1),
            (8, 2),
            (10, 2),
            (11, 3),
            (14, 4),
            (u8::MAX, 4),
        ] {
            let told = told(&ENGLISH, Some(&strength(digits)));
            assert_eq!(told.grade, Some(grade), "{digits}");
            assert_eq!(
                told.words.contains(ENGLISH.flaw_common),
                grade <= FAIR,
                "{}",
                told.words
            );
        }
    }

    #[test]
    fn without_an_estimator_that_is_said() {
        let told = told(&GERMAN, None);
        assert_eq!((told.grade, told.words.as_str()), (None, GERMAN.strength_unknown));
    }
}
