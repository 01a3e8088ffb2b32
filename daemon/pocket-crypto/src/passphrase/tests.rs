use argon2::{AssociatedData, ParamsBuilder};

use super::*;

fn secret(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 9106, section 5.3. Its secret and associated data are not used by `derive`, so the vector is
/// run on the implementation that `derive` calls.
#[test]
fn argon2id_published_vector() {
    let params = ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(AssociatedData::new(&[4; 12]).unwrap())
        .build()
        .unwrap();
    let mut tag = [0; 32];
    Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params)
        .unwrap()
        .hash_password_into(&[1; 32], &[2; 16], &mut tag)
        .unwrap();
    assert_eq!(
        hex(&tag),
        "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
    );
}

#[test]
fn derive_is_argon2id_version_19() {
    let params = KdfParams::new(8192, 2, 2).unwrap();
    let mut expected = [0; 32];
    let costs = Params::new(8192, 2, 2, None).unwrap();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, costs)
        .hash_password_into(b"correct horse", &[7; 32], &mut expected)
        .unwrap();
    let derived = derive(&secret("correct horse"), &[7; 32], params).ok().unwrap();
    assert_eq!(derived.expose_bytes(), &expected);
}

#[test]
fn every_input_counts() {
    let key =
        |text: &str, salt: u8, params: KdfParams| derive(&secret(text), &[salt; 32], params).ok().unwrap();
    let usual = key("correct horse", 1, KdfParams::MIN);
    assert!(usual.matches(&key("correct horse", 1, KdfParams::MIN)));
    assert!(!usual.matches(&key("correct horsf", 1, KdfParams::MIN)));
    assert!(!usual.matches(&key("correct horse", 2, KdfParams::MIN)));
    assert!(!usual.matches(&key("correct horse", 1, KdfParams::new(8192, 2, 1).unwrap())));
    assert!(!usual.matches(&key("correct horse", 1, KdfParams::new(8193, 1, 1).unwrap())));
}

#[test]
fn parameters_out_of_bounds_are_refused_also_from_a_file() {
    let table = [
        (8191, 1, 1),
        (1_048_577, 1, 1),
        (u32::MAX, 1, 1),
        (8192, 0, 1),
        (8192, 65, 1),
        (8192, 1, 0),
        (8192, 1, 5),
    ];
    for (memory_kib, passes, lanes) in table {
        assert!(KdfParams::new(memory_kib, passes, lanes).is_err());
        let bytes = postcard::to_allocvec(&(memory_kib, passes, lanes)).unwrap();
        assert!(postcard::from_bytes::<KdfParams>(&bytes).is_err());
    }
    for params in [KdfParams::MIN, KdfParams::new(1_048_576, 64, 4).unwrap()] {
        let bytes = postcard::to_allocvec(&params).unwrap();
        assert_eq!(postcard::from_bytes::<KdfParams>(&bytes), Ok(params));
    }
}

#[test]
fn parameters_are_those_that_were_given() {
    let params = KdfParams::new(9000, 3, 4).unwrap();
    assert_eq!(
        (params.memory_kib(), params.passes(), params.lanes()),
        (9000, 3, 4)
    );
}

#[test]
fn new_passphrases_are_checked() {
    let check = |bytes: &[u8]| check_passphrase(&SecretBytes::new(bytes.to_vec()));
    assert_eq!(check(b""), Err(WeakPassphrase::Empty));
    assert_eq!(check(b"sevench"), Err(WeakPassphrase::TooShort));
    assert_eq!(
        check("\u{e9}".repeat(7).as_bytes()),
        Err(WeakPassphrase::TooShort)
    );
    assert_eq!(check("\u{e9}a".repeat(4).as_bytes()), Ok(()));
    assert_eq!(
        check("\u{e9}".repeat(8).as_bytes()),
        Err(WeakPassphrase::TooShort)
    );
    assert_eq!(check(&[b' '; 20]), Err(WeakPassphrase::TooShort));
    assert_eq!(check(b"eight ch"), Ok(()));
    assert_eq!(check(&b"ab".repeat(512)), Ok(()));
    assert_eq!(check(&b"ab".repeat(513)), Err(WeakPassphrase::TooLong));
    assert_eq!(check(b"\xff\xfe long enough"), Err(WeakPassphrase::NotText));
}

/// A board on which a pass over a MiB takes this long.
fn board(per_mib: Duration) -> impl FnMut(&KdfParams) -> Duration {
    move |params| per_mib * (params.memory_kib() / 1024) * params.passes()
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn calibration_fits_the_board() {
    // (limit in KiB, time for a MiB in milliseconds, expected memory in MiB, expected passes)
    let table = [
        (64 * 1024, 4, 64, 3),    // a small board: an eighth of 512 MB
        (64 * 1024, 30, 32, 1),   // slower: memory is halved
        (64 * 1024, 1000, 8, 1),  // hopeless: the least that is accepted
        (4096 * 1024, 1, 256, 3), // a laptop: memory stops at 256 MiB
        (0, 4, 8, 31),            // no memory to spare: the least, with more passes
        (64 * 1024, 0, 64, 64),   // faster than the clock can tell
    ];
    for (limit, milliseconds, memory_mib, passes) in table {
        let params = calibrate(limit, SECOND, board(Duration::from_millis(milliseconds)));
        assert_eq!(
            (params.memory_kib() / 1024, params.passes()),
            (memory_mib, passes),
            "{limit} {milliseconds}"
        );
        assert_eq!(
            KdfParams::new(params.memory_kib(), params.passes(), params.lanes()),
            Ok(params)
        );
    }
}

#[test]
fn calibration_measures_at_most_ten_times() {
    for odd in [0, 1, 999_999_999, u64::MAX] {
        let mut measured = 0;
        let params = calibrate(u32::MAX, SECOND, |_| {
            measured += 1;
            Duration::from_nanos(odd.wrapping_mul(measured))
        });
        assert!(measured <= 10);
        assert!(KdfParams::new(params.memory_kib(), params.passes(), params.lanes()).is_ok());
    }
}

/// A quarter more than was asked for is near enough; a nanosecond above that is not.
#[test]
fn calibration_keeps_memory_up_to_a_quarter_over_time() {
    for (nanoseconds, memory_mib) in [(1_250_000_000, 64), (1_250_000_001, 32)] {
        let params = calibrate(64 * 1024, SECOND, |params| {
            Duration::from_nanos(nanoseconds / 64 * u64::from(params.memory_kib() / 1024) + nanoseconds % 64)
        });
        assert_eq!(params.memory_kib() / 1024, memory_mib, "{nanoseconds}");
    }
}

/// The first pass also pays for fresh pages; the correction finds the room that this hid.
#[test]
fn calibration_corrects_a_slow_first_pass() {
    let params = calibrate(64 * 1024, SECOND, |params| {
        Duration::from_millis(300) + Duration::from_millis(100) * params.passes()
    });
    assert!((5..=8).contains(&params.passes()), "{}", params.passes());
}
