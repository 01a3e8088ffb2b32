//! Every reader of what lies on the disk, for tests that feed them any bytes. In no product.

use pocket_crypto::{Key, Sealer};

use crate::blob::BlobRef;
use crate::heads::{self, Head};
use crate::v1::{self, IndexV1, StubV1};
use crate::{blob, reset};

/// Reads `bytes` as everything that the store ever reads. Must not panic, and what was read and can be
/// written must read back the same.
///
/// # Panics
/// When one of the readers has a defect.
pub fn read_as_everything(bytes: &[u8]) {
    if let Some(head) = Head::decode(bytes) {
        assert!(Head::decode(&head.encode()).as_ref() == Some(&head));
    }
    if let Some((entry, blob)) = v1::decode(bytes) {
        let written = v1::encode(&entry, blob.as_ref());
        assert!(v1::decode(&written).is_some_and(|(again, _)| again == entry));
    }
    if let Some(stub) = StubV1::decode(bytes) {
        let content = stub.content();
        // Lengths that were read are reckoned with, whatever they are.
        std::hint::black_box((content.file_length(), content.hex()));
        assert!(StubV1::decode(&stub.encode()).is_some());
    }
    if let Some(index) = IndexV1::decode(bytes) {
        let lengths = index.files().iter().map(BlobRef::file_length).max();
        std::hint::black_box((lengths, index.note().len()));
        assert!(IndexV1::decode(&index.encode()).is_some());
    }
    if let Some((name, content)) = v1::decode_named(bytes) {
        assert!(v1::decode_named(&v1::encode_named(&name, &content)).is_some());
    }
    reset::read_any(bytes);
    let sealer = Sealer::new(&Key::from_bytes([7; 32]));
    heads::read_any_slot(bytes, &sealer);
    std::hint::black_box(blob::parse_hex(&String::from_utf8_lossy(bytes)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            read_as_everything(&bytes);
        }

        /// Small numbers are what lengths and variants look like.
        #[test]
        fn nor_do_bytes_that_look_like_a_row(bytes in proptest::collection::vec(0u8..12, 0..200)) {
            read_as_everything(&bytes);
        }
    }
}
