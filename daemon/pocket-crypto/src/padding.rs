//! Padmé padding: hides a length at the price of at most 12 %, falling as lengths grow.
//!
//! Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs",
//! PoPETs 2019, algorithm 1.

/// The Padmé length for `len` bytes: never less than `len`, at most 12 % more, and with
/// O(log log n) bits of information left about `len`. Saturates at `u64::MAX`.
pub fn padme(len: u64) -> u64 {
    let Some(exponent) = len.checked_ilog2() else {
        return 0;
    };
    let Some(mantissa_bits) = exponent.checked_ilog2().map(|bits| bits + 1) else {
        return len;
    };
    let mask = (1u64 << (exponent - mantissa_bits)) - 1;
    len.checked_add(mask).map_or(u64::MAX, |sum| sum & !mask)
}

#[cfg(test)]
mod tests {
    use super::padme;
    use proptest::prelude::*;

    #[test]
    fn published_shape() {
        let table = [
            (0, 0),
            (1, 1),
            (2, 2),
            (8, 8),
            (9, 10),
            (100, 104),
            (1000, 1024),
            (1025, 1088),
            (65_537, 67_584),
            (u64::MAX, u64::MAX),
        ];
        for (len, padded) in table {
            assert_eq!(padme(len), padded, "padme({len})");
        }
    }

    proptest! {
        #[test]
        fn never_shorter_and_little_longer(len in 1u64..1 << 60) {
            let padded = padme(len);
            prop_assert!(padded >= len);
            prop_assert!((padded - len).saturating_mul(100) <= len.saturating_mul(12));
        }

        #[test]
        fn a_padded_length_stays(len in 0u64..1 << 60) {
            prop_assert_eq!(padme(padme(len)), padme(len));
        }

        #[test]
        fn longer_in_never_gives_shorter_out(len in 0u64..1 << 60, more in 0u64..1 << 30) {
            prop_assert!(padme(len + more) >= padme(len));
        }
    }
}
