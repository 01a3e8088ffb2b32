//! How hard a new passphrase is to guess, estimated while it is typed. The estimate is a hint: what
//! the device takes is decided by the engine.

use axum::Extension;
use axum::Json;
use passwords::{analyzer, scorer};
use serde::Serialize;

use crate::fields::Fields;
use crate::look::Look;
use crate::words::Words;

/// The score from which each grade begins, of 100.
const GRADES: [f64; 4] = [60.0, 78.0, 84.0, 90.0];
/// Below this many characters no passphrase is better than fair, whatever is in it.
const SHORT: usize = 14;
/// With fewer different characters than these it is a row of repeats.
const FEW: usize = 5;
/// Only so many characters are looked at.
const LOOKED_AT: usize = 256;

/// What the page shows beside the field.
#[derive(Serialize)]
pub(crate) struct Estimate {
    grade: u8,
    words: &'static str,
}

/// Estimates the passphrase of the form. It is neither stored nor logged.
pub(crate) async fn estimate(Extension(look): Extension<Look>, fields: Fields) -> Json<Estimate> {
    let grade = grade(fields.text("passphrase"));
    let words = in_words(look.words(), grade);
    Json(Estimate { grade, words })
}

const fn in_words(t: &Words, grade: u8) -> &'static str {
    match grade {
        0 => t.very_weak,
        1 => t.weak,
        2 => t.fair,
        3 => t.good,
        _ => t.strong,
    }
}

/// Whether an owner should be asked twice.
pub(crate) fn is_weak(passphrase: &str) -> bool {
    grade(passphrase) < 2
}

/// From 0 (guessed at once) to 4.
fn grade(passphrase: &str) -> u8 {
    let looked_at: zeroize::Zeroizing<String> =
        zeroize::Zeroizing::new(passphrase.chars().take(LOOKED_AT).collect());
    let score = scorer::score(&analyzer::analyze(looked_at.as_str()));
    let reached = GRADES.iter().filter(|least| score >= **least).count();
    let different: std::collections::BTreeSet<char> = looked_at.chars().collect();
    let most = match looked_at.chars().count() {
        _ if different.len() < FEW => 0,
        length if length < SHORT => 2,
        _ => 4,
    };
    u8::try_from(reached.min(most)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_better_than_tricks() {
        for (passphrase, least, most) in [
            ("", 0, 0),
            ("aaaaaaaaaaaa", 0, 0),
            ("password", 0, 0),
            ("password1234", 0, 1),
            ("qwertyuiop", 0, 1),
            ("hello hello hello", 0, 1),
            ("Tr0ub4dor&3", 0, 2),
            ("four words are best", 3, 4),
            ("correct horse battery staple", 4, 4),
        ] {
            let grade = grade(passphrase);
            assert!((least..=most).contains(&grade), "{passphrase}: {grade}");
        }
        assert_eq!(grade(&"\u{fc}a".repeat(10_000)), 0);
    }
}
