//! Which languages an index holds, and which words of them mean the same.

use frostem::{Algorithm, Stemmer};

/// A language whose word forms are known, and small words that show that a text is written in it.
struct Language {
    algorithm: Algorithm,
    signs: [&'static str; 5],
}

/// As many as fit the bits of [`Languages`].
const LANGUAGES: [Language; 14] = [
    language(Algorithm::English, ["the", "and", "is", "with", "that"]),
    language(Algorithm::German, ["und", "der", "nicht", "mit", "ist"]),
    language(Algorithm::French, ["les", "est", "dans", "pour", "une"]),
    language(Algorithm::Spanish, ["los", "para", "las", "por", "una"]),
    language(Algorithm::Italian, ["che", "della", "il", "sono", "gli"]),
    language(Algorithm::Portuguese, ["nao", "uma", "dos", "para", "com"]),
    language(Algorithm::Dutch, ["het", "een", "niet", "van", "zijn"]),
    language(Algorithm::Swedish, ["och", "att", "inte", "som", "ar"]),
    language(Algorithm::Danish, ["og", "ikke", "det", "som", "er"]),
    language(Algorithm::Norwegian, ["og", "ikke", "det", "som", "er"]),
    language(Algorithm::Finnish, ["ja", "ei", "etta", "oli", "se"]),
    language(Algorithm::Russian, ["и", "не", "на", "что", "в"]),
    language(Algorithm::Turkish, ["ve", "bir", "icin", "bu", "ile"]),
    language(Algorithm::Arabic, ["في", "من", "علي", "الي", "ان"]),
];

/// So many of its small words must be there before a language counts.
const ENOUGH: usize = 3;

const fn language(algorithm: Algorithm, signs: [&'static str; 5]) -> Language {
    Language { algorithm, signs }
}

/// A set of languages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Languages(u16);

impl Languages {
    /// Those whose small words are among the terms that `has` knows.
    pub(crate) fn detect(has: &dyn Fn(&str) -> bool) -> Self {
        let mut bits = 0;
        for (number, language) in LANGUAGES.iter().enumerate() {
            let found = language.signs.iter().filter(|sign| has(sign)).count();
            if found >= ENOUGH {
                bits |= 1 << number;
            }
        }
        Self(bits)
    }

    /// Those of either; where there are none, English, which a few short facts may not show.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The stems of a folded word, one a language, each with the stemmer that made it.
    pub(crate) fn stems(self, word: &str) -> Vec<Stem> {
        let bits = if self.0 == 0 { 1 } else { self.0 };
        let chosen = LANGUAGES.iter().enumerate();
        let chosen = chosen.filter(|(number, _)| bits & (1 << number) != 0);
        let mut stems: Vec<Stem> = chosen
            .map(|(_, language)| Stem::new(Stemmer::new(language.algorithm), word))
            .collect();
        stems.retain(|stem| stem.text.chars().count() >= 2);
        stems
    }
}

/// A stem in one language.
pub(crate) struct Stem {
    stemmer: Stemmer,
    text: String,
}

impl Stem {
    fn new(stemmer: Stemmer, word: &str) -> Self {
        let text = stemmer.stem(word).into_owned();
        Self { stemmer, text }
    }

    /// What every word of this stem begins with: the last letter may change, as in `city`, `cities`.
    pub(crate) fn beginning(&self) -> &str {
        let mut letters = self.text.char_indices();
        let last = letters.next_back().map_or(0, |(at, _)| at);
        if self.text.chars().count() >= 3 {
            self.text.get(..last).unwrap_or(&self.text)
        } else {
            &self.text
        }
    }

    /// Whether `word` has this stem.
    pub(crate) fn is_of(&self, word: &str) -> bool {
        self.stemmer.stem(word) == self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_shows_by_its_small_words() {
        let german = Languages::detect(&|word| ["und", "der", "ist"].contains(&word));
        assert_eq!(german, Languages(2));
        assert_eq!(Languages::detect(&|word| word == "und"), Languages(0));
    }

    #[test]
    fn forms_of_a_word_share_a_stem() {
        let english = Languages(1).stems("cities");
        assert!(english[0].is_of("city") && "city".starts_with(english[0].beginning()));
        let german = Languages(2).stems("hauser");
        assert!(german[0].is_of("haus"));
        // Without a sign of any, English.
        assert!(Languages(0).stems("running")[0].is_of("runs"));
    }
}
