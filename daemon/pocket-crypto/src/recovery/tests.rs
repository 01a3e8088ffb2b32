use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn key_and_text() -> (RecoveryKey, String) {
    let key = RecoveryKey::generate(&mut StdRng::seed_from_u64(4));
    let text = key.to_text().expose_str().unwrap().to_owned();
    (key, text)
}

fn parse_error(text: &str) -> Option<RecoveryKeyError> {
    RecoveryKey::parse(text).err()
}

/// The format is frozen: owners have it on paper. SHA-256 of 24 zero bytes begins with 9d, which
/// ends the 200 bits as 10011101.
#[test]
fn known_text() {
    let zero = RecoveryKey(Box::new(Zeroizing::new([0; BYTES])));
    let text = zero.to_text();
    let expected = "00000-00000-00000-00000-00000-00000-00000-0004X";
    assert_eq!(text.expose_str().unwrap(), expected);
}

#[test]
fn what_people_type_is_understood() {
    let (key, text) = key_and_text();
    let spaced = format!("  {}\n", text.to_lowercase().replace('-', " "));
    let confused = text.replace('0', "o").replace('1', "l");
    for typed in [&text, &spaced, &confused, &text.replace('-', "")] {
        let parsed = RecoveryKey::parse(typed).ok().unwrap();
        assert_eq!(parsed.expose_bytes(), key.expose_bytes());
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let (_, text) = key_and_text();
    assert_eq!(parse_error(""), Some(RecoveryKeyError::Length { found: 0 }));
    assert_eq!(
        parse_error(&text[..46]),
        Some(RecoveryKeyError::Length { found: 39 })
    );
    assert_eq!(
        parse_error(&format!("{text}0")),
        Some(RecoveryKeyError::Length { found: 41 })
    );
    assert_eq!(
        parse_error(&format!("u{}", &text[1..])),
        Some(RecoveryKeyError::Character('u'))
    );
    let first = if text.starts_with('7') { "8" } else { "7" };
    assert_eq!(
        parse_error(&format!("{first}{}", &text[1..])),
        Some(RecoveryKeyError::Checksum)
    );
}

#[test]
fn a_group_tag_fits_only_its_own_group_place_and_key() {
    let (recovery, text) = key_and_text();
    let key = Key::from_bytes([1; 32]);
    let tags = recovery.group_tags(&key);
    let groups: Vec<&str> = text.split('-').collect();
    for (index, group) in (0u8..).zip(&groups) {
        let place = usize::from(index);
        assert_eq!(
            tags[place],
            group_tag(&key, index, &format!(" {} ", group.to_lowercase()))
        );
        assert_ne!(tags[place], group_tag(&key, (index + 1) % 8, group));
        assert_ne!(tags[place], group_tag(&Key::from_bytes([2; 32]), index, group));
        assert_ne!(tags[place], group_tag(&key, index, ""));
        assert_ne!(tags[place], group_tag(&key, index, "!!!!!"));
    }
}

proptest! {
    #[test]
    fn round_trip(bytes: [u8; BYTES]) {
        let key = RecoveryKey(Box::new(Zeroizing::new(bytes)));
        let parsed = RecoveryKey::parse(key.to_text().expose_str().unwrap()).ok().unwrap();
        prop_assert_eq!(parsed.expose_bytes(), &bytes);
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,60}") {
        prop_assert!(RecoveryKey::parse(&text).is_err());
    }
}
