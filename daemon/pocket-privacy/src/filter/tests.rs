use proptest::prelude::*;

use super::*;

fn known() -> Known {
    let mut known = Known::builder();
    known.person(&["Anna Weber", "Anni"]);
    known.person(&["José Álvarez-Núñez"]);
    known.email("anna.weber@example.org");
    known.phone("+49 171 2345678");
    known.secret("Tr0ub4dor&3 horse");
    known.build()
}

fn filtered(text: &str) -> String {
    Filter::new().feed(text, &known()).unwrap().as_str().to_owned()
}

#[test]
fn the_same_thing_has_the_same_placeholder_in_all_texts_of_a_question() {
    let known = known();
    let mut filter = Filter::new();
    let system = filter.feed("The owner is Anna Weber.", &known).unwrap();
    assert_eq!(system.as_str(), "The owner is [PERSON_1].");
    let prompt = filter
        .feed("ANNA WEBER wrote to x@y.org, José to Anna", &known)
        .unwrap();
    assert_eq!(
        prompt.as_str(),
        "[PERSON_1b] wrote to [EMAIL_1], [PERSON_2] to [PERSON_1c]"
    );
    assert_eq!(
        filter.restore(
            "Tell [PERSON_1] and [Person_2] at [EMAIL\\_1](mailto:EMAIL_1), not [PERSON_9] or [PERSON_1z]"
        ),
        "Tell Anna Weber and José at x@y.org(mailto:x@y.org), not [PERSON_9] or [PERSON_1z]"
    );
    assert_eq!(prompt.counts(), [(Kind::Email, 1), (Kind::Person, 3)]);
    let first = &prompt.replacements()[0];
    assert_eq!((first.original.clone(), first.result.clone()), (0..10, 0..11));
}

#[test]
fn a_text_that_looks_like_a_placeholder_confuses_nothing() {
    let known = known();
    let mut filter = Filter::new();
    let text = "My [EMAIL_1] is a@b.org, [person_1] and PERSON_1 are Anna; email_1, [[PHONE 2]]";
    let filtered = filter.feed(text, &known).unwrap();
    assert_eq!(
        filtered.as_str(),
        "My [TEXT_1] is [EMAIL_1], [TEXT_2] and [TEXT_3] are [PERSON_1]; [TEXT_4], [[TEXT_5]]"
    );
    assert_eq!(filter.restore(filtered.as_str()), text);
}

#[test]
fn an_answer_in_pieces_is_the_same_as_one_in_whole() {
    let known = known();
    let mut filter = Filter::new();
    let _sent = filter.feed("Anna, a@b.org", &known).unwrap();
    let answer = "Dear [PERSON_1], **EMAIL_1** or [Email_1](mailto:EMAIL_1)! [a] \\[EMAIL\\_1\\] ß PERSON_1";
    let whole = filter.restore(answer);
    for size in 1..12 {
        let letters: Vec<char> = answer.chars().collect();
        let mut answering = filter.answering();
        let mut shown = String::new();
        for piece in letters.chunks(size) {
            shown.push_str(&answering.push(&piece.iter().collect::<String>()));
        }
        shown.push_str(&answering.finish());
        assert_eq!(shown, whole, "pieces of {size}");
    }
}

#[test]
fn a_text_that_is_too_long_is_refused() {
    let long = "a".repeat(MOST_TEXT + 1);
    assert_eq!(Filter::new().feed(&long, &known()).err(), Some(TooLong));
}

#[test]
fn what_stands_around_stays_as_it_was() {
    assert_eq!(filtered(""), "");
    assert_eq!(
        filtered("Nothing of note here — ½ ｆｕｌｌ."),
        "Nothing of note here — ½ ｆｕｌｌ."
    );
    assert_eq!(filtered("ask Anna's mother"), "ask [PERSON_1]'s mother");
}

/// As tags of Unicode write it, which show nothing.
fn tags(text: &str) -> String {
    let tag = |letter: char| char::from_u32(0xe_0000 + u32::from(letter)).unwrap();
    text.chars().map(tag).collect()
}

#[test]
fn nothing_leaves_that_nobody_sees() {
    for (text, sent) in [
        (format!("about {} now", tags("Anna Weber")), "about  now"),
        (format!("An{}na Weber", tags("x")), "[PERSON_1]"),
        (
            "An\u{fff9}na We\u{1}ber\u{fffb} \u{202e}x\u{202c}".to_owned(),
            "[PERSON_1] x",
        ),
        ("An-\nna We&#98;er \u{200b}x".to_owned(), "[PERSON_1] x"),
        (
            "anna&#46;weber&#64;example.org&amp;x".to_owned(),
            "[EMAIL_1]&amp;x",
        ),
        (
            "a-\npassword: hunter2hunter2".to_owned(),
            "a-\npassword: [SECRET_1]",
        ),
        ("ک\u{200c}+49 171 2345678\u{200c}ک".to_owned(), "ک[PHONE_1]ک"),
        (
            "می\u{200c}خواهم 👩\u{200d}🚀".to_owned(),
            "می\u{200c}خواهم 👩\u{200d}🚀",
        ),
    ] {
        assert_eq!(filtered(&text), sent, "{text:?}");
    }
}

#[test]
fn marks_stand_where_they_stood_although_letters_were_dropped() {
    let text = format!("\u{200b}a{} An\u{ad}na\u{200b}, x@y.org", tags("hidden"));
    let sent = Filter::new().feed(&text, &known()).unwrap();
    assert_eq!(sent.as_str(), "a [PERSON_1], [EMAIL_1]");
    let marks = sent.replacements().iter();
    let marks: Vec<_> = marks
        .map(|one| (&text[one.original.clone()], &sent.as_str()[one.result.clone()]))
        .collect();
    assert_eq!(marks, [("An\u{ad}na", "[PERSON_1]"), ("x@y.org", "[EMAIL_1]")]);
}

/// What is left of a text without anything that could be dropped or put in the place of a control.
fn seen(text: &str) -> String {
    let seen = |letter: &char| !visible::is_hidden(*letter);
    let letters = text.chars().filter(seen);
    letters
        .map(|letter| visible::control(letter).unwrap_or(letter))
        .collect()
}

proptest! {
    #[test]
    fn what_leaves_shows_all_that_it_holds(
        parts in proptest::collection::vec(
            prop_oneof![
                any::<char>().prop_map(String::from),
                (0xe_0000_u32..0xe_0080).prop_map(|code| char::from_u32(code).unwrap().to_string()),
                (0x2000_u32..0x2070).prop_map(|code| char::from_u32(code).unwrap().to_string()),
                (0_u32..0xb0).prop_map(|code| char::from_u32(code).unwrap().to_string()),
                proptest::sample::select(vec![
                    "Anna", "&#", "65;", "-\n", "a@b.org", "ک", "क", "्", "☺", "\u{fe0f}", "\u{200d}", "\u{180b}", "ᠠ",
                    "\u{fffa}", "\u{20e3}", "1", "EMAIL_",
                ])
                .prop_map(str::to_owned),
            ],
            0..40,
        )
    ) {
        let text = parts.concat();
        let mut filter = Filter::new();
        let sent = filter.feed(&text, &known()).unwrap();
        let mut again = String::new();
        visible::push(sent.as_str(), &mut again);
        prop_assert_eq!(sent.as_str(), again);
        prop_assert_eq!(seen(&filter.restore(sent.as_str())), seen(&text));
        for one in sent.replacements() {
            prop_assert!(text.get(one.original.clone()).is_some_and(|original| !original.is_empty()));
            prop_assert!(sent.as_str()[one.result.clone()].starts_with('['));
        }
    }

    #[test]
    fn an_echo_comes_back_as_it_was(text in "\\PC{0,200}") {
        let mut filter = Filter::new();
        let sent = filter.feed(&text, &known()).unwrap();
        prop_assert_eq!(seen(&filter.restore(sent.as_str())), seen(&text));
    }

    #[test]
    fn an_echo_of_what_is_found_comes_back_as_it_was(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("Anna Weber"), Just("[EMAIL_1]"), Just("EMAIL_"), Just("1"), Just("["), Just("]"), Just("\\"),
                Just("a@b.org"), Just(" "), Just("+49 171 2345678"), Just("%5B"), Just("PERSON_1"), Just("b"), Just("anni"),
                Just("TEXT_1"), Just("\u{200b}"), Just("\n"), Just("password: x7"), Just("_"),
            ],
            0..24,
        )
    ) {
        let text = parts.concat();
        let mut filter = Filter::new();
        let sent = filter.feed(&text, &known()).unwrap();
        prop_assert_eq!(seen(&filter.restore(sent.as_str())), seen(&text));
    }

    #[test]
    fn no_answer_makes_it_panic(answer in "\\PC{0,100}|[\\[\\]_A-Z0-9%\\\\ ]{0,100}") {
        let mut filter = Filter::new();
        let _sent = filter.feed("Anna a@b.org", &known()).unwrap();
        let whole = filter.restore(&answer);
        prop_assert!(!whole.is_empty() || answer.is_empty());
    }
}
