use super::*;

/// The templates, as they are in the source.
const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");

/// Names that are the same in every language.
const NAMES: [&str; 3] = ["PocketAI", "pocketctl", "mcpServers"];

fn placeholders(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = text
        .match_indices('{')
        .map(|(at, _)| &text[at..(at + 3).min(text.len())])
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn every_language_says_everything_with_the_same_placeholders() {
    for ((key, english), (_, german)) in ENGLISH.all().into_iter().zip(GERMAN.all()) {
        assert!(!english.trim().is_empty() && !german.trim().is_empty(), "{key}");
        assert_eq!(placeholders(english), placeholders(german), "{key}");
        if key.starts_with("n_") {
            assert_eq!(
                (english.matches('|').count(), german.matches('|').count()),
                (1, 1),
                "{key}"
            );
        }
    }
}

#[test]
fn the_languages_differ() {
    let pairs = ENGLISH.all().into_iter().zip(GERMAN.all());
    let same = pairs
        .filter(|((_, english), (_, german))| english == german)
        .count();
    assert!(same * 20 < ENGLISH.all().len(), "{same} texts are not translated");
}

#[test]
fn placeholders_are_filled_and_nothing_else() {
    assert_eq!(fill("{0} of {1}, {0}", &["a", "{1}"]), "a of {1}, a");
    assert_eq!(fill("{ {2} {x} }", &["a"]), "{ {2} {x} }");
}

/// What people would read of a template that does not come from here.
fn literal(template: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    // The parts of the template language go first, then the tags; of these, what is read aloud stays.
    let mut plain = String::new();
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at);
        plain.push_str(before);
        let end = if after.starts_with("{{") {
            "}}"
        } else if after.starts_with("{%") {
            "%}"
        } else {
            panic!("a lone brace: {after:.40}")
        };
        rest = after.split_once(end).map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    let mut rest = plain.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let (tag, after) = after.split_once('>').unwrap_or((after, ""));
        for attribute in [
            "aria-label=\"",
            "placeholder=\"",
            "title=\"",
            "alt=\"",
            "data-busy=\"",
        ] {
            if let Some((_, value)) = tag.split_once(attribute) {
                text.push_str(value.split('"').next().unwrap_or_default());
                text.push(' ');
            }
        }
        let is_code = tag == "code" || tag.starts_with("pre ");
        let closing = if tag == "code" { "</code>" } else { "</pre>" };
        rest = if is_code {
            after.split_once(closing).map_or("", |(_, rest)| rest)
        } else {
            after
        };
    }
    text.push_str(rest);
    NAMES.iter().fold(text, |text, name| text.replace(name, ""))
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test reads the source, not a file of the owner's"
)]
fn no_template_has_a_text_of_its_own() {
    let mut seen = 0;
    for file in std::fs::read_dir(TEMPLATES).unwrap() {
        let path = file.unwrap().path();
        let text = literal(&std::fs::read_to_string(&path).unwrap());
        // A unit is written alike everywhere.
        let words: Vec<&str> = text
            .split(|c: char| !c.is_alphabetic())
            .filter(|word| word.len() > 1)
            .collect();
        assert!(words.is_empty(), "{}: {words:?}", path.display());
        seen += 1;
    }
    assert!(seen > 30);
}
