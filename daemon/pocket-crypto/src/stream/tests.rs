use proptest::prelude::*;

use super::*;

const SALT: [u8; 32] = [5; 32];

fn key() -> Key {
    Key::from_bytes([3; 32])
}

/// Seals as the store does: whole chunks, and what is left closes the blob.
fn seal(salt: [u8; 32], context: &[u8], plaintext: &[u8]) -> Vec<Vec<u8>> {
    let mut sealer = BlobSealer::new(&key(), salt, context);
    let (chunks, last) = plaintext.as_chunks::<CHUNK>();
    let mut sealed: Vec<_> = chunks
        .iter()
        .map(|chunk| sealer.seal_chunk(chunk).unwrap())
        .collect();
    sealed.push(sealer.finish(last).unwrap());
    sealed
}

fn opener() -> BlobOpener {
    BlobOpener::new(&key(), SALT, b"blob 1")
}

fn three_chunks() -> Vec<Vec<u8>> {
    let plaintext: Vec<u8> = (0..CHUNK * 2 + 100)
        .map(|place| u8::try_from(place % 251).unwrap())
        .collect();
    seal(SALT, b"blob 1", &plaintext)
}

#[track_caller]
fn refused(index: u32, last: bool, sealed: &[u8]) {
    assert!(opener().open_chunk(index, last, sealed).is_err());
}

/// The sizes are frozen with the format: what was sealed in chunks of another size opens no more.
#[test]
fn a_chunk_is_64_kib() {
    assert_eq!((CHUNK, SEALED_CHUNK), (65_536, 65_552));
}

#[test]
fn chunks_open_in_any_order() {
    let sealed = three_chunks();
    assert_eq!(
        sealed.iter().map(Vec::len).collect::<Vec<_>>(),
        [SEALED_CHUNK, SEALED_CHUNK, 116]
    );
    let last = opener().open_chunk(2, true, &sealed[2]).unwrap();
    let first = opener().open_chunk(0, false, &sealed[0]).unwrap();
    assert_eq!((last.len(), first.len()), (100, CHUNK));
    assert_eq!(first[..4], [0, 1, 2, 3]);
}

#[test]
fn reordered_chunks_are_refused() {
    let sealed = three_chunks();
    refused(0, false, &sealed[1]);
    refused(1, false, &sealed[0]);
    refused(1 << 24, false, &sealed[0]);
}

#[test]
fn a_truncated_blob_is_refused() {
    let sealed = three_chunks();
    // The last chunk was cut off, so the one before it comes as the last.
    refused(1, true, &sealed[1]);
    // The file ends inside a chunk.
    refused(2, true, &sealed[2][..115]);
    assert_eq!(
        opener()
            .open_chunk(0, false, &sealed[0][..SEALED_CHUNK - 1])
            .err(),
        Some(OpenError::TooShort)
    );
    assert_eq!(opener().open_chunk(2, true, &[]).err(), Some(OpenError::TooShort));
}

#[test]
fn an_extended_blob_is_refused() {
    let sealed = three_chunks();
    // More came after the last chunk, so it comes as one in the middle.
    refused(2, false, &sealed[2]);
    refused(2, true, &[&sealed[2][..], &[0]].concat());
    refused(0, false, &[&sealed[0][..], &[0]].concat());
}

#[test]
fn chunks_of_another_blob_are_refused() {
    let other_salt = seal([6; 32], b"blob 1", b"same");
    let other_context = seal(SALT, b"blob 2", b"same");
    let own = seal(SALT, b"blob 1", b"same");
    refused(0, true, &other_salt[0]);
    refused(0, true, &other_context[0]);
    assert_eq!(opener().open_chunk(0, true, &own[0]).unwrap().as_slice(), b"same");
    let stranger = BlobOpener::new(&Key::from_bytes([4; 32]), SALT, b"blob 1");
    assert_eq!(
        stranger.open_chunk(0, true, &own[0]).err(),
        Some(OpenError::NotAuthentic)
    );
}

#[test]
fn a_chunk_of_the_wrong_length_is_not_sealed() {
    let mut sealer = BlobSealer::new(&key(), SALT, b"");
    for wrong in [0, CHUNK - 1, CHUNK + 1] {
        let error = sealer.seal_chunk(&vec![0; wrong]).unwrap_err();
        assert_eq!(error, BlobError::ChunkLength { found: wrong });
    }
    let error = sealer.finish(&vec![0; CHUNK + 1]).unwrap_err();
    assert_eq!(error, BlobError::ChunkLength { found: CHUNK + 1 });
}

#[test]
fn the_last_chunk_may_be_empty_or_full() {
    for length in [0, 1, CHUNK] {
        let sealer = BlobSealer::new(&key(), SALT, b"blob 1");
        let sealed = sealer.finish(&vec![8; length]).unwrap();
        let opened = opener().open_chunk(0, true, &sealed).unwrap();
        assert_eq!(opened.as_slice(), vec![8; length]);
    }
    assert_eq!(
        opener().open_chunk(0, true, &[0; OVERHEAD]).err(),
        Some(OpenError::NotAuthentic)
    );
}

#[test]
fn the_counter_never_wraps() {
    let mut sealer = BlobSealer::new(&key(), SALT, b"blob 1");
    sealer.next = u32::MAX;
    assert_eq!(sealer.seal_chunk(&[0; CHUNK]), Err(BlobError::TooManyChunks));
    let last = sealer.finish(b"end").unwrap();
    assert!(opener().open_chunk(u32::MAX, true, &last).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn round_trip(length in 0..CHUNK * 3 + 1, fill: u8) {
        let plaintext = vec![fill; length];
        let sealed = seal(SALT, b"blob 1", &plaintext);
        let mut opened = Vec::new();
        for (index, chunk) in (0u32..).zip(&sealed) {
            let last = usize::try_from(index).unwrap() + 1 == sealed.len();
            opened.extend_from_slice(&opener().open_chunk(index, last, chunk).unwrap());
        }
        prop_assert!(opened == plaintext);
    }

    #[test]
    fn any_flipped_bit_is_refused(length in 0usize..300, place: proptest::sample::Index, bit in 0u8..8) {
        let mut sealed = seal(SALT, b"blob 1", &vec![1; length]).remove(0);
        let place = place.index(sealed.len());
        sealed[place] ^= 1 << bit;
        prop_assert!(opener().open_chunk(0, true, &sealed).is_err());
    }
}
