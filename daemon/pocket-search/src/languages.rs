//! Which languages an index holds, and which words of them mean the same.

use frostem::{Algorithm, Stemmer};

/// A language whose word forms are known.
struct Language {
    algorithm: Algorithm,
    /// Words that show that a text is written in it.
    signs: [&'static str; 5],
    /// Words that only hold a sentence together or make it a question, folded, with spaces between them.
    small: &'static str,
}

/// As many as fit the bits of [`Languages`].
const LANGUAGES: [Language; 14] = [
    language(
        Algorithm::English,
        ["the", "and", "is", "with", "that"],
        "a an and are as at be by can did do does for from had has have how i in is it its me my \
         of on or our should that the their there these they this to was we were what when where \
         which who whose why will with would you your",
    ),
    language(
        Algorithm::German,
        ["und", "der", "nicht", "mit", "ist"],
        "aber als am an auf aus bei das dass dem den der des die doch du ein eine einem einen \
         einer eines er es fur hat hatte ich ihr im in ist kann man mein meine mit muss nach \
         nicht noch oder sich sie sind soll und uns von vom war warum was welche welcher welches \
         wann wem wen wenn wer wie wir wird wo zu zum zur",
    ),
    language(
        Algorithm::French,
        ["les", "est", "dans", "pour", "une"],
        "a ai au aux avec c ce ces cette comment d dans de des du elle en est et il ils j je l la \
         le les leur ma mes mon n ne nous on ou par pas pour pourquoi qu quand que quel quelle \
         quels quelles qui quoi s sa se ses son sont sur un une vous",
    ),
    language(
        Algorithm::Spanish,
        ["los", "para", "las", "por", "una"],
        "a al como con cual cuales cuando cuanto de del donde el ella en es esta este esto fue ha \
         han hay la las le lo los me mi mis no nos o para pero por porque que quien se si sin son \
         su sus un una y yo",
    ),
    language(
        Algorithm::Italian,
        ["che", "della", "il", "sono", "gli"],
        "a ai al alla che chi come con cosa da dal dalla de dei del della delle di dove e ed gli \
         ha ho i il in io la le lo ma mi mia mio nel nella non o per perche qual quale quali \
         quando si sono su sul tra un una",
    ),
    language(
        Algorithm::Portuguese,
        ["nao", "uma", "dos", "para", "com"],
        "a ao aos as com como da das de do dos e ela ele em esta este eu foi ha mas me meu minha \
         na nao nas no nos o onde os ou para pela pelo por porque qual quais quando que quem se \
         sem seu sua um uma",
    ),
    language(
        Algorithm::Dutch,
        ["het", "een", "niet", "van", "zijn"],
        "aan als bij dat de den der die dit een en er haar heeft het hij hoe ik in is je kan met \
         mijn naar niet of om onze op te tot uit van voor waar waarom wanneer was wat we welke \
         wie wij zijn zo zou",
    ),
    language(
        Algorithm::Swedish,
        ["och", "att", "inte", "som", "ar"],
        "ar att av de den det du efter en er ett fran for ha har hon hur i inte jag kan med men \
         min mitt nar och om pa sa sin som till var varfor vad vem vi vilka vilken vilket",
    ),
    language(
        Algorithm::Danish,
        ["og", "ikke", "det", "som", "er"],
        "af at da de den der det du eller en er et for fra har han hun hvad hvem hvilke hvilken \
         hvilket hvor hvorfor hvordan hvornar i ikke jeg kan med men min mit nar og om pa sa sin \
         som til var vi",
    ),
    language(
        Algorithm::Norwegian,
        ["og", "ikke", "det", "som", "er"],
        "av at da de den der det du eller en er et for fra har han hun hva hvem hvilke hvilken \
         hvor hvorfor hvordan i ikke jeg kan med men min mitt nar og om pa sa sin som til var vi",
    ),
    language(
        Algorithm::Finnish,
        ["ja", "ei", "etta", "oli", "se"],
        "ei en etta he han ja jos joka kanssa kuin kuka kun me mika milloin mina miksi missa \
         miten mutta myos niin oli olla on ovat se sen sina tai tama",
    ),
    language(
        Algorithm::Russian,
        ["и", "не", "на", "что", "в"],
        "а без бы был была были было быть в вам вас во вот вы где да для до его ее если есть еще \
         же за зачем и из или им их к как какая какие какой каком когда кого кому кто ли мне мой \
         моя мы на над не нет но ну о об он она они оно от по под почему при с сколько со так \
         такой там то только ты у уже чего чей чем что чтобы это я",
    ),
    language(
        Algorithm::Turkish,
        ["ve", "bir", "icin", "bu", "ile"],
        "ama bana ben bir biz bu da daha de en gibi hangi hem icin ile kadar ki kim mi mu nasil \
         ne neden nerede o ve veya ya",
    ),
    language(
        Algorithm::Arabic,
        ["في", "من", "علي", "الي", "ان"],
        "ان او اين في كم كيف كل لا لم لماذا ما ماذا متي مع من هذا هذه هل هو هي و علي الي عن التي \
         الذي",
    ),
];

/// So many of its small words must be there before a language counts.
const ENOUGH: usize = 3;

const fn language(algorithm: Algorithm, signs: [&'static str; 5], small: &'static str) -> Language {
    Language {
        algorithm,
        signs,
        small,
    }
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

    /// Whether a folded word only holds sentences together in one of them, as `what` and `does` do. How
    /// rare it is says little then: a few facts hold hardly a question.
    pub(crate) fn is_small(self, word: &str) -> bool {
        self.chosen()
            .any(|language| language.small.split(' ').any(|small| small == word))
    }

    /// The stems of a folded word, one a language, each with the stemmer that made it.
    pub(crate) fn stems(self, word: &str) -> Vec<Stem> {
        let mut stems: Vec<Stem> = self
            .chosen()
            .map(|language| Stem::new(Stemmer::new(language.algorithm), word))
            .collect();
        stems.retain(|stem| stem.text.chars().count() >= 2);
        stems
    }

    fn chosen(self) -> impl Iterator<Item = &'static Language> {
        let bits = if self.0 == 0 { 1 } else { self.0 };
        let numbered = LANGUAGES.iter().enumerate();
        numbered
            .filter(move |(number, _)| bits & (1 << number) != 0)
            .map(|(_, language)| language)
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

    #[test]
    fn small_words_are_folded_and_known_in_their_own_language() {
        for language in &LANGUAGES {
            for small in language.small.split(' ') {
                assert_eq!(crate::words::words(small), [small]);
            }
        }
        assert!(Languages(1).is_small("what") && !Languages(1).is_small("warum"));
        assert!(Languages(2).is_small("warum") && Languages(3).is_small("what"));
        assert!(Languages(0).is_small("does"));
    }
}
