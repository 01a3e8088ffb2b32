use proptest::prelude::*;

use super::*;
use crate::{Filter, Known};

fn filtered(text: &str) -> String {
    Filter::new()
        .feed(text, &Known::default())
        .unwrap()
        .as_str()
        .to_owned()
}

/// Each text with what becomes of it; all that differ are told at once.
fn check(table: &[(&str, &str)]) {
    let wrong: Vec<_> = table
        .iter()
        .map(|(text, expected)| (text, expected, filtered(text)))
        .filter(|(_, expected, found)| found != *expected)
        .map(|(text, _, found)| format!("{text} -> {found}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn addresses_of_mail() {
    check(&[
        ("a.b+c@mail.example.co.uk.", "[EMAIL_1]."),
        ("write to <jörg@müller.de>", "write to <[EMAIL_1]>"),
        ("mail name (at) example (dot) com", "mail [EMAIL_1]"),
        ("name at example dot com", "[EMAIL_1]"),
        ("n\u{200b}ame＠example．com", "[EMAIL_1]"),
        ("mailto:a@b.org?subject=x", "mailto:[EMAIL_1]?subject=x"),
        ("meet at noon, point taken", "meet at noon, point taken"),
        ("pkg@1.2.3 and @Override", "pkg@1.2.3 and @Override"),
    ]);
}

#[test]
fn telephone_numbers() {
    check(&[
        ("+49 (0)30 123-4567", "[PHONE_1]"),
        ("0049 171 2345678", "[PHONE_1]"),
        ("(555) 010-4477 x12", "[PHONE_1]"),
        ("06 12 34 56 78", "[PHONE_1]"),
        ("Tel.: 12345", "Tel.: [PHONE_1]"),
        ("٠١٧١ ٢٣٤٥٦٧٨", "[PHONE_1]"),
        ("+1\u{a0}555\u{2011}010\u{2011}4477", "[PHONE_1]"),
        (
            "25.09.2024 10:30, 1.234.567,89 EUR",
            "25.09.2024 10:30, 1.234.567,89 EUR",
        ),
        (
            "order no. 4815162342, 2019-2023",
            "order no. 4815162342, 2019-2023",
        ),
    ]);
}

#[test]
fn accounts_and_cards() {
    check(&[
        ("DE89 3704 0044 0532 0130 00", "[IBAN_1]"),
        ("de89370400440532013000", "[IBAN_1]"),
        ("DE88370400440532013000", "DE88370400440532013000"),
        ("IBAN: DE88 3704 0044 0532 0130 00", "IBAN: [IBAN_1]"),
        ("4111-1111-1111-1111", "[CARD_1]"),
        ("4111 1111 1111 1112 now", "4111 1111 1111 1112 now"),
        ("card 378282246310005, CVV: 123", "card [CARD_1], CVV: [CARD_2]"),
    ]);
}

#[test]
fn machines_and_web_addresses() {
    check(&[
        ("from 203.0.113.7:8080", "from [IP_1]:8080"),
        ("2001:db8::8a2e:370:7334, fe80::1", "[IP_1], [IP_2]"),
        (
            "127.0.0.1 ::1 v1.2.3.4 std::vec 10:20:30",
            "127.0.0.1 ::1 v1.2.3.4 std::vec 10:20:30",
        ),
        ("00:1B:44:11:3A:B7", "[MAC_1]"),
        ("https://u:secret@example.org/x.", "[URL_1]."),
        ("https://example.org/?a=1&token=abcdef12", "[URL_1]"),
        (
            "https://example.org/a/page?id=7",
            "https://example.org/a/page?id=7",
        ),
        ("48.137154, 11.576124", "[COORDINATES_1]"),
        ("48°08'14\"N 11°34'31\"E", "[COORDINATES_1]"),
        ("8FVC9G8F+6X", "[COORDINATES_1]"),
    ]);
}

#[test]
fn national_numbers() {
    for number in [
        "536-90-4399",
        "AB 12 34 56 C",
        "86 095 742 719",
        "86095742719",
        "1 84 12 76 451 089 46",
        "12345678Z",
        "X1234567L",
        "RSSMRA85T10A562S",
        "85.07.30-033.28",
        "44051401359",
        "811228-9874",
        "131052-308T",
        "756.9217.0769.85",
        "1237 010180",
        "529.982.247-25",
        "2341 2341 2346",
        "11010519491231002X",
        "193 456 787",
        "10000000146",
        "29029900157",
        "900101-1234567",
        "112-233-445 95",
        "ABCPE1234F",
        "11.222.333/0001-81",
        "12.345.678-5",
        "943 476 5919",
    ] {
        assert_eq!(filtered(&format!("x {number} y")), "x [ID_1] y", "{number}");
    }
    check(&[
        ("Passport No.: C01X00T47", "Passport No.: [ID_1]"),
        ("BSN 111222333", "BSN [ID_1]"),
        ("000-12-3456 and 86095742718", "000-12-3456 and 86095742718"),
        ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "[ID_1]"),
        ("VIN 1M8GDM9AXKP042788", "VIN [VEHICLE_1]"),
    ]);
}

#[test]
fn births() {
    check(&[
        ("born on March 12, 1980", "born on [BIRTHDATE_1]"),
        ("geb. am 12.3.80", "geb. am [BIRTHDATE_1]"),
        ("née le 12 mars 1980", "née le [BIRTHDATE_1]"),
        (
            "{\"birthDate\": \"1980-03-12\"}",
            "{\"birthDate\": \"[BIRTHDATE_1]\"}",
        ),
        ("生年月日：1980年3月12日", "生年月日：[BIRTHDATE_1]"),
        ("released on 1980-03-12", "released on 1980-03-12"),
    ]);
}

/// Put together here, so that no file of the tree holds a key.
fn key(parts: &[&str]) -> String {
    parts.concat()
}

#[test]
fn keys_and_passwords() {
    let private = key(&[
        "-----BEGIN OPENSSH PRIV",
        "ATE KEY-----\nb3Bl\nbnNz\n-----END OPENSSH PRIV",
        "ATE KEY-----",
    ]);
    let token = key(&["gh", "p_16C7e42F292c6912E7710c838347Ae178B4a"]);
    check(&[
        (&private, "[KEY_1]"),
        (&token, "[KEY_1]"),
        (
            "Authorization: Bearer 9f86d081884c7d65",
            "Authorization: Bearer [KEY_1]",
        ),
        ("password: hunter2, user", "password: [SECRET_1], user"),
        ("Das Passwort ist Sommer2024!", "Das Passwort ist [SECRET_1]"),
        ("parola: \"correct horse\"", "parola: \"[SECRET_1]\""),
        ("the password is required", "the password is required"),
        (
            "commit 9b69cf7d59b775df80f8acabe6e7ff076fb0c0bb",
            "commit 9b69cf7d59b775df80f8acabe6e7ff076fb0c0bb",
        ),
        (
            "legal winner thank year wave sausage worth useful legal winner thank yellow",
            "[KEY_1]",
        ),
    ]);
}

#[test]
fn names_and_addresses_of_others() {
    check(&[
        (
            "Dear Mr. Smith,\nyes.\nBest regards,\nJane Doe",
            "Dear Mr. [PERSON_1],\nyes.\nBest regards,\n[PERSON_2]",
        ),
        ("Frau Dr. Müller kommt", "Frau Dr. [PERSON_1] kommt"),
        ("Jane Doe <[x]> Name: Jane Doe", "Jane Doe <[x]> Name: [PERSON_1]"),
        (
            "lives at 12 Mill Lane, Oxford OX1 2JD now",
            "lives at [ADDRESS_1] now",
        ),
        ("Lindenstr. 12a, 80331 München", "[ADDRESS_1]"),
        ("12, rue de la Paix, 75002 Paris", "[ADDRESS_1]"),
        ("Via Roma 12, 00184 Roma (RM)", "[ADDRESS_1]"),
        ("ul. Kwiatowa 12/3, 00-950 Warszawa", "[ADDRESS_1]"),
        ("ул. Ленина, д. 5", "[ADDRESS_1]"),
        ("東京都千代田区丸の内1丁目9番1号", "[ADDRESS_1]"),
        ("name;phone\nJane Doe;12345", "name;phone\n[PERSON_1];[PHONE_1]"),
    ]);
}

/// How many letters are looked at in a text that repeats `piece` up to `length` bytes.
fn looks(piece: &str, length: usize) -> usize {
    let text = piece.repeat(length / piece.len());
    let views = [Some(View::of(&text)), View::decoded(&text)];
    let looks = views.iter().flatten().map(|view| {
        all(view, &mut Vec::new());
        view.looks.get()
    });
    looks.sum()
}

#[test]
fn no_text_takes_more_than_its_length() {
    for piece in [
        "a",
        "A ",
        "1",
        "1 ",
        "1.",
        "0-",
        "@",
        "a@",
        "a.",
        "a at ",
        ":",
        "::",
        "a:",
        "://",
        "http://a/",
        "?token=",
        "-----BEGIN ",
        "eyJ",
        "[EMAIL_",
        "Name: ",
        "name,",
        "name,\n",
        "password: ",
        "password is ",
        "电话",
        "東京都",
        "서울시 ",
        "Dear ",
        "Mr. ",
        "best regards\n",
        "Via ",
        "Via Roma ",
        "12 A ",
        "\"",
        "a\"",
        "<",
        "a <",
        "(",
        "sk-",
        "A-",
        "legal ",
        "\u{200b}",
        "ß",
        "е",
        "48.1, ",
        "1° ",
        "+",
        "2+",
        "AB12",
        "P<",
        "born 1",
        "1.1.80 ",
        "Jan ",
        "DE89",
        "4111 ",
        "ä",
        "|a",
        "N0S 4NL ",
        "a-\n",
        "a-    ",
        "&#97;",
        "&amp;",
        "&#",
        "\u{200d}",
        "a\n",
    ] {
        let (short, long) = (looks(piece, 6_000), looks(piece, 18_000));
        assert!(long <= short * 4, "{piece:?}: {short} letters, then {long}");
        assert!(long <= 18_000 * 4_000, "{piece:?}: {long}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,120}|[ -~\n]{0,120}|[0-9 .:/()+-]{0,80}|[A-Za-z@. \n,:<>\"]{0,120}") {
        let mut finds = Vec::new();
        let view = View::of(&text);
        all(&view, &mut finds);
        prop_assert!(finds.iter().all(|find| find.start < find.end && find.end <= view.len()));
    }
}
