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
        filtered("Nothing of note \u{200b}here — ½ ｆｕｌｌ."),
        "Nothing of note \u{200b}here — ½ ｆｕｌｌ."
    );
    assert_eq!(filtered("ask Anna's mother"), "ask [PERSON_1]'s mother");
}

proptest! {
    #[test]
    fn an_echo_comes_back_as_it_was(text in "\\PC{0,200}") {
        let mut filter = Filter::new();
        let sent = filter.feed(&text, &known()).unwrap();
        prop_assert_eq!(filter.restore(sent.as_str()), text);
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
        prop_assert_eq!(filter.restore(sent.as_str()), text);
    }

    #[test]
    fn no_answer_makes_it_panic(answer in "\\PC{0,100}|[\\[\\]_A-Z0-9%\\\\ ]{0,100}") {
        let mut filter = Filter::new();
        let _sent = filter.feed("Anna a@b.org", &known()).unwrap();
        let whole = filter.restore(&answer);
        prop_assert!(!whole.is_empty() || answer.is_empty());
    }
}
