//! The file of a keyring, and bytes that claim to be one.

use proptest::prelude::*;

use super::*;

/// A file whose checksum fits, whatever was done to it.
fn with_checksum(mut file: Vec<u8>) -> Vec<u8> {
    file.truncate(file.len() - CHECKSUM);
    let checksum = Sha256::digest(&file);
    file.extend_from_slice(&checksum);
    file
}

#[test]
fn files_are_told_apart() {
    let file = full_keyring().to_bytes();
    assert_eq!(Keyring::parse(b""), Err(KeyringError::NotAKeyring));
    assert_eq!(
        Keyring::parse(b"SQLite format 3\0"),
        Err(KeyringError::NotAKeyring)
    );
    assert_eq!(Keyring::parse(MAGIC), Err(KeyringError::Damaged("cut short")));
    assert_eq!(
        Keyring::parse(&file[..30]),
        Err(KeyringError::Damaged("cut short"))
    );
    assert_eq!(
        Keyring::parse(&file[..file.len() - 1]),
        Err(KeyringError::Damaged("checksum"))
    );

    let mut newer = file.clone();
    newer[8] = 2;
    assert_eq!(Keyring::parse(&newer), Err(KeyringError::Damaged("checksum")));
    assert_eq!(
        Keyring::parse(&with_checksum(newer)),
        Err(KeyringError::Newer { found: 2, known: 1 })
    );

    let mut longer = file.clone();
    longer.push(0);
    let longer = with_checksum([&longer[..], &[0; 32]].concat());
    assert_eq!(
        Keyring::parse(&longer),
        Err(KeyringError::Damaged("trailing bytes"))
    );
    let longest = |more| with_checksum([&file[..], &vec![0; MAX_FILE + more - file.len()]].concat());
    assert_eq!(
        Keyring::parse(&longest(0)),
        Err(KeyringError::Damaged("trailing bytes"))
    );
    assert_eq!(
        Keyring::parse(&longest(1)),
        Err(KeyringError::Damaged("too long"))
    );
    let mut none = file;
    none[8] = 0;
    assert_eq!(
        Keyring::parse(&with_checksum(none)),
        Err(KeyringError::Damaged("version"))
    );
}

#[test]
fn slot_lists_that_no_version_writes_are_refused() {
    type Change = fn(&mut Keyring);
    let changes: [Change; 5] = [
        |keyring| keyring.slots[1].id = keyring.slots[0].id,
        |keyring| {
            keyring.slots.push(Slot {
                id: 77,
                ..keyring.slots[1].clone()
            })
        },
        |keyring| keyring.slots[0].kdf = None,
        |keyring| keyring.slots[2].kdf = Some(KdfParams::MIN),
        |keyring| keyring.slots[1].device_check = None,
    ];
    for change in changes {
        let mut keyring = full_keyring();
        change(&mut keyring);
        assert!(matches!(
            Keyring::parse(&keyring.to_bytes()),
            Err(KeyringError::Damaged(_))
        ));
    }
}

/// The format is frozen. Keys, names and sealed bytes are random; the frame is not.
#[test]
fn the_file_is_laid_out_as_documented() {
    let keyring = full_keyring();
    let file = keyring.to_bytes();
    assert_eq!(&file[..10], b"PAIKEYS\0\x01\0");
    assert_eq!(file[10..26], keyring.ring_id);
    // Counter 1, three slots, then slot 0: id 0, kind passphrase, parameters present.
    assert_eq!(file[26..31], [1, 3, 0, 0, 1]);
    // 16384 KiB, 2 passes, 1 lane as postcard's varints; then the salt.
    assert_eq!(file[31..36], [0x80, 0x80, 0x01, 2, 1]);
    assert_eq!(file[36..68], SALT);
    assert_eq!(
        Sha256::digest(&file[..file.len() - 32]).as_slice(),
        &file[file.len() - 32..]
    );
}

/// The same for what each wrapped ROOT and the sealed table are bound to.
#[test]
fn the_bindings_are_as_documented() {
    let (mut ring, recovery) = full_ring();
    let keyring = locked(&mut ring);
    let id = keyring.ring_id;
    let slots = [
        (
            1,
            passphrase_key(&derived(), Some(&device()), &keyring.slots[0].salt),
        ),
        (2, device_key(&device(), &keyring.slots[1].salt)),
        (3, recovery_key(&recovery, &keyring.slots[2].salt)),
    ];
    let costs = [0, 0, 0x40, 0, 0, 0, 0, 2, 0, 0, 0, 1];
    for (slot, (kind, key)) in keyring.slots.iter().zip(slots) {
        let kdf = if kind == 1 { &costs[..] } else { &[] };
        let check = slot.device_check.as_ref().map_or(&[][..], |check| check);
        let associated = join(&[&id, &[kind - 1], &[kind], kdf, &slot.salt, check]);
        let sealer = Sealer::new(&key.derive(labels::SLOT_WRAP, &id));
        let root = sealer.open_bound(&associated, &slot.wrapped_root).unwrap();
        assert_eq!(root.as_slice(), ring.root_for_test().expose_bytes());
    }
}

/// Opens nothing in any way that the holder of all secrets has.
fn opens_nothing(keyring: &Keyring) -> bool {
    keyring.unlock_passphrase(&derived(), Some(&device())).is_err()
        && keyring.unlock_device(&device()).is_err()
        && keyring.unlock_recovery(&full_ring().1).is_err()
}

#[test]
fn tables_that_no_version_writes_are_refused() {
    let (ring, _) = full_ring();
    let bytes = ring.table_bytes_for_test();
    assert!(Table::from_bytes(&SecretBytes::new(bytes.clone())).is_some());
    for length in 0..bytes.len() {
        assert!(Table::from_bytes(&SecretBytes::new(bytes[..length].to_vec())).is_none());
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(Table::from_bytes(&SecretBytes::new(longer)).is_none());
    // The challenge is at the end: two equal groups, and a group that doesn't exist.
    for challenge in [[3, 3], [4, 2], [0, 8]] {
        let (rest, _) = bytes.split_at(bytes.len() - 2);
        let changed = [rest, &challenge].concat();
        assert!(Table::from_bytes(&SecretBytes::new(changed)).is_none());
    }
}

#[test]
fn the_largest_table_fits() {
    let mut rng = rng();
    let mut ring = Keyring::create(&mut rng, &(0..=255).collect::<Vec<u8>>());
    ring.set_passphrase(&mut rng, &derived(), SALT, params(), Some(&device()));
    ring.set_device(&mut rng, &device());
    let _recovery = ring.set_recovery(&mut rng);
    let keyring = locked(&mut ring);
    assert!(keyring.to_bytes().len() < MAX_FILE);
    assert_eq!(contents(&unlock(&keyring)), contents(&ring));
}

proptest! {
    #[test]
    fn a_flipped_bit_in_the_file_is_always_noticed(place: proptest::sample::Index, bit in 0u8..8) {
        let mut file = full_keyring().to_bytes();
        let place = place.index(file.len());
        file[place] ^= 1 << bit;
        prop_assert!(Keyring::parse(&file).is_err());
    }

    /// Whoever changes the file can make its checksum fit: then nothing may open.
    #[test]
    fn a_changed_file_with_a_right_checksum_never_unlocks(
        places in proptest::collection::vec((any::<proptest::sample::Index>(), 1u8..), 1..4),
    ) {
        let original = full_keyring().to_bytes();
        let mut file = original.clone();
        let body = file.len() - CHECKSUM;
        for (place, change) in places {
            file[place.index(body)] ^= change;
        }
        prop_assume!(file != original);
        if let Ok(keyring) = Keyring::parse(&with_checksum(file)) {
            prop_assert!(opens_nothing(&keyring));
        }
    }

    #[test]
    fn any_body_is_parsed_without_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let file = [&MAGIC[..], &VERSION.to_le_bytes(), &body, &[0; CHECKSUM]].concat();
        if let Ok(keyring) = Keyring::parse(&with_checksum(file)) {
            prop_assert!(opens_nothing(&keyring));
        }
        prop_assert!(Keyring::parse(&body).is_err());
    }
}
