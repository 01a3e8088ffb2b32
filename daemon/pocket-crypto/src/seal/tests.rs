use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use xaes_256_gcm::aead::{Aead, Payload};

use super::*;

const CONTEXT: Context<'static> = Context {
    category: 3,
    generation: 7,
    id: b"record",
    schema: 2,
};

fn rng() -> StdRng {
    StdRng::seed_from_u64(11)
}

fn sealer() -> Sealer {
    Sealer::new(&Key::from_bytes([9; 32]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// C2SP XAES-256-GCM, "Test vectors".
#[test]
fn xaes_256_gcm_published_vectors() {
    let table = [
        (1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (
            3,
            "c2sp.org/XAES-256-GCM",
            "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
        ),
    ];
    for (key, aad, expected) in table {
        let payload = Payload {
            msg: b"XAES-256-GCM",
            aad: aad.as_bytes(),
        };
        let sealed = Sealer::new(&Key::from_bytes([key; 32]))
            .0
            .encrypt(b"ABCDEFGHIJKLMNOPQRSTUVWX".into(), payload)
            .unwrap();
        assert_eq!(hex(&sealed), expected);
    }
}

/// RFC 4231, test case 2, whose data `mac` reaches only without its length prefix; so the prefix is
/// checked against the bare construction.
#[test]
fn hmac_published_vector_and_length_prefix() {
    let bare = |key: &[u8], data: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(data);
        hex(&mac.finalize().into_bytes())
    };
    assert_eq!(
        bare(b"Jefe", b"what do ya want for nothing?"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    let key = Key::from_bytes([1; 32]);
    let framed = b"\0\0\0\0\0\0\0\x02ab\0\0\0\0\0\0\0\x01c";
    assert_eq!(hex(&mac(&key, &[b"ab", b"c"])), bare(&[1; 32], framed));
    assert_ne!(mac(&key, &[b"ab", b"c"]), mac(&key, &[b"a", b"bc"]));

    // A key that is used again gives what a fresh one gives.
    let kept = MacKey::new(&key);
    assert_ne!(kept.mac(&[b"another"]), mac(&key, &[b"ab", b"c"]));
    assert_eq!(kept.mac(&[b"ab", b"c"]), mac(&key, &[b"ab", b"c"]));
}

/// The format is frozen: a change here makes every device's data unreadable.
#[test]
fn the_layout_is_what_the_documentation_says() {
    let sealed = sealer().seal(&mut rng(), &CONTEXT, b"hello");
    assert_eq!(sealed[0], 1);
    assert_eq!(sealed.len(), 1 + 24 + 10 + 16, "padme(4 + 5) is 10");

    let (nonce, body) = sealed[1..].split_first_chunk::<24>().unwrap();
    let mut associated = Vec::new();
    for part in [&[1u8][..], &[3], &[0, 0, 0, 7], b"record", &[0, 2]] {
        associated.extend_from_slice(&u64::try_from(part.len()).unwrap().to_be_bytes());
        associated.extend_from_slice(part);
    }
    let payload = Payload {
        msg: body,
        aad: &associated,
    };
    let opened = sealer().0.decrypt(nonce.into(), payload).unwrap();
    assert_eq!(opened, b"\x05\0\0\0hello\0");
}

#[test]
fn every_context_field_is_bound() {
    let sealed = sealer().seal(&mut rng(), &CONTEXT, b"hello");
    let others = [
        Context {
            category: 4,
            ..CONTEXT
        },
        Context {
            generation: 8,
            ..CONTEXT
        },
        Context {
            id: b"recore",
            ..CONTEXT
        },
        Context { id: b"", ..CONTEXT },
        Context { schema: 3, ..CONTEXT },
    ];
    for other in &others {
        assert_eq!(sealer().open(other, &sealed).err(), Some(OpenError::NotAuthentic));
    }
    let stranger = Sealer::new(&Key::from_bytes([8; 32]));
    assert_eq!(
        stranger.open(&CONTEXT, &sealed).err(),
        Some(OpenError::NotAuthentic)
    );
}

#[test]
fn errors_have_names() {
    let open = |bytes: &[u8]| sealer().open(&CONTEXT, bytes).err();
    assert_eq!(open(&[]), Some(OpenError::TooShort));
    assert_eq!(open(&[1; 44]), Some(OpenError::TooShort));
    assert_eq!(open(&[1; 45]), Some(OpenError::NotAuthentic));
    assert_eq!(open(&[2; 100]), Some(OpenError::UnknownSuite(2)));
}

#[test]
fn authentic_bytes_with_bad_padding_are_refused() {
    let forge = |padded: &[u8]| unpad(Zeroizing::new(padded.to_vec())).err();
    assert_eq!(forge(b"\0\0\0\0"), None);
    assert_eq!(forge(b"\x01\0\0\0a"), None);
    for wrong in [
        &b"\x05\0\0\0hello\x01"[..], // padding that is not zero
        b"\x05\0\0\0hello",          // not of Padmé length
        b"\x05\0\0\0hello\0\0\0",    // longer than Padmé length
        b"\xff\xff\xff\xffa",        // length beyond the end
        b"\0\0\0",                   // no room for a length
    ] {
        assert_eq!(forge(wrong), Some(OpenError::BadPadding), "{wrong:?}");
    }
}

#[test]
fn nonces_are_fresh() {
    let (mut rng, sealer) = (rng(), sealer());
    let first = sealer.seal(&mut rng, &CONTEXT, b"same");
    let second = sealer.seal(&mut rng, &CONTEXT, b"same");
    assert_ne!(first[1..25], second[1..25]);
    assert_ne!(first[25..], second[25..]);
}

proptest! {
    #[test]
    fn round_trip(
        plaintext in proptest::collection::vec(any::<u8>(), 0..3000),
        id in proptest::collection::vec(any::<u8>(), 0..40),
        category: u8, generation: u32, schema: u16, seed: u64,
    ) {
        let context = Context { category, generation, id: &id, schema };
        let sealed = sealer().seal(&mut StdRng::seed_from_u64(seed), &context, &plaintext);
        let opened = sealer().open(&context, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), &plaintext);
    }

    #[test]
    fn any_flipped_bit_is_refused(length in 0usize..200, place: proptest::sample::Index, bit in 0u8..8) {
        let mut sealed = sealer().seal(&mut rng(), &CONTEXT, &vec![7; length]);
        let place = place.index(sealed.len());
        sealed[place] ^= 1 << bit;
        prop_assert!(sealer().open(&CONTEXT, &sealed).is_err());
    }

    #[test]
    fn a_cut_or_longer_message_is_refused(length in 0usize..200, keep: proptest::sample::Index) {
        let mut sealed = sealer().seal(&mut rng(), &CONTEXT, &vec![7; length]);
        prop_assert!(sealer().open(&CONTEXT, &sealed[..keep.index(sealed.len())]).is_err());
        sealed.push(0);
        prop_assert!(sealer().open(&CONTEXT, &sealed).is_err());
    }

    #[test]
    fn any_bytes_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(sealer().open(&CONTEXT, &bytes).is_err());
    }
}
