use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

const CODES: [u8; 3] = [1, 2, 9];
const SALT: [u8; 32] = [0x5a; 32];

fn rng() -> StdRng {
    StdRng::seed_from_u64(42)
}

/// Stands for the Argon2id output of the owner's passphrase.
fn derived() -> Key {
    Key::from_bytes([1; 32])
}

fn device() -> Key {
    Key::from_bytes([2; 32])
}

fn stranger() -> Key {
    Key::from_bytes([3; 32])
}

fn params() -> KdfParams {
    KdfParams::new(16 * 1024, 2, 1).unwrap()
}

/// A ring with all three slots.
fn full_ring() -> (Unlocked, RecoveryKey) {
    let mut rng = rng();
    let mut ring = Keyring::create(&mut rng, &CODES);
    ring.set_passphrase(&mut rng, &derived(), SALT, params(), Some(&device()));
    ring.set_device(&mut rng, &device());
    let recovery = ring.set_recovery(&mut rng);
    (ring, recovery)
}

fn locked(ring: &mut Unlocked) -> Keyring {
    let keyring = ring.to_keyring(&mut rng()).unwrap();
    let parsed = Keyring::parse(&keyring.to_bytes()).unwrap();
    assert_eq!(parsed, keyring);
    parsed
}

fn full_keyring() -> Keyring {
    locked(&mut full_ring().0)
}

/// Everything in a table that the outside can see.
fn contents(ring: &Unlocked) -> Vec<(u8, u32, [u8; 16], [u8; 32])> {
    let entry = |code| {
        let keys = ring.category(code).unwrap();
        (code, keys.generation, keys.tree, *keys.key.expose_bytes())
    };
    ring.category_codes().map(entry).collect()
}

fn unlock(keyring: &Keyring) -> Unlocked {
    keyring
        .unlock_passphrase(&derived(), Some(&device()))
        .ok()
        .unwrap()
}

/// A file whose checksum fits, whatever was done to it.
fn with_checksum(mut file: Vec<u8>) -> Vec<u8> {
    file.truncate(file.len() - CHECKSUM);
    let checksum = Sha256::digest(&file);
    file.extend_from_slice(&checksum);
    file
}

#[test]
fn every_slot_unlocks_the_same_ring() {
    let (mut ring, recovery) = full_ring();
    let keyring = locked(&mut ring);
    let audit = ring.derive(labels::AUDIT_CHAIN, &[]);
    let opened = [
        keyring.unlock_passphrase(&derived(), Some(&device())),
        keyring.unlock_device(&device()),
        keyring.unlock_recovery(&recovery),
    ];
    for unlocked in opened {
        let unlocked = unlocked.ok().unwrap();
        assert_eq!(contents(&unlocked), contents(&ring));
        assert_eq!((unlocked.ring_id(), unlocked.counter()), (ring.ring_id(), 1));
        assert_eq!(keyring.ring_id(), ring.ring_id());
        assert!(unlocked.derive(labels::AUDIT_CHAIN, &[]).matches(&audit));
    }
}

#[test]
fn a_new_ring_has_distinct_keys() {
    let (ring, _) = full_ring();
    let table = contents(&ring);
    assert_eq!(
        table.iter().map(|entry| (entry.0, entry.1)).collect::<Vec<_>>(),
        [(1, 1), (2, 1), (9, 1)]
    );
    assert_ne!(table[0].2, table[1].2);
    assert_ne!(table[0].3, table[1].3);
    assert!(ring.category(3).is_none());
    let (other, _) = (Keyring::create(&mut StdRng::seed_from_u64(7), &CODES), ());
    assert_ne!(other.ring_id(), ring.ring_id());
}

#[test]
fn every_slot_has_a_salt_of_its_own() {
    let first = full_keyring();
    let mut rng = StdRng::seed_from_u64(43);
    let mut ring = Keyring::create(&mut rng, &CODES);
    ring.set_device(&mut rng, &device());
    let second = locked(&mut ring);
    let salts = [&first.slots[1], &first.slots[2], &second.slots[0]].map(|slot| slot.salt);
    assert!(salts[0] != salts[1] && salts[0] != salts[2] && salts[1] != salts[2]);
}

#[test]
fn what_is_wrong_has_a_name() {
    let keyring = full_keyring();
    let passphrase = |derived: &Key, device: Option<&Key>| keyring.unlock_passphrase(derived, device).err();
    assert_eq!(
        passphrase(&stranger(), Some(&device())),
        Some(UnlockError::WrongPassphrase)
    );
    assert_eq!(
        passphrase(&derived(), None),
        Some(UnlockError::DeviceSecretMissing)
    );
    assert_eq!(
        passphrase(&derived(), Some(&stranger())),
        Some(UnlockError::DeviceSecretForeign)
    );
    assert_eq!(
        keyring.unlock_device(&stranger()).err(),
        Some(UnlockError::DeviceSecretForeign)
    );
    let other = RecoveryKey::generate(&mut StdRng::seed_from_u64(99));
    assert_eq!(
        keyring.unlock_recovery(&other).err(),
        Some(UnlockError::WrongRecoveryKey)
    );
    assert_eq!(
        keyring.check_device(SlotKind::Passphrase, None),
        Err(UnlockError::DeviceSecretMissing)
    );
    assert_eq!(
        keyring.check_device(SlotKind::Passphrase, Some(&device())),
        Ok(())
    );
}

#[test]
fn a_missing_slot_has_a_name() {
    let mut ring = Keyring::create(&mut rng(), &CODES);
    ring.set_passphrase(&mut rng(), &derived(), SALT, params(), None);
    let keyring = locked(&mut ring);
    assert!(keyring.has_slot(SlotKind::Passphrase) && !keyring.has_slot(SlotKind::Device));
    assert_eq!(
        keyring.unlock_device(&device()).err(),
        Some(UnlockError::NoSuchSlot(SlotKind::Device))
    );
    let recovery = RecoveryKey::generate(&mut rng());
    assert_eq!(
        keyring.unlock_recovery(&recovery).err(),
        Some(UnlockError::NoSuchSlot(SlotKind::Recovery))
    );
    assert_eq!(keyring.passphrase_params(), Some((SALT, params())));
    for (kind, name) in [
        (SlotKind::Passphrase, "passphrase"),
        (SlotKind::Device, "device"),
        (SlotKind::Recovery, "recovery"),
    ] {
        let said = UnlockError::NoSuchSlot(kind).to_string();
        assert_eq!(said, format!("this keyring has no {name} slot"));
    }
}

/// A board that got its device secret after setup still unlocks.
#[test]
fn a_slot_made_without_the_device_secret_does_not_mix_one_in() {
    let mut ring = Keyring::create(&mut rng(), &CODES);
    ring.set_passphrase(&mut rng(), &derived(), SALT, params(), None);
    let keyring = locked(&mut ring);
    assert!(keyring.unlock_passphrase(&derived(), None).is_ok());
    assert!(keyring.unlock_passphrase(&derived(), Some(&device())).is_ok());
}

#[test]
fn damage_behind_a_right_key_is_not_called_a_wrong_passphrase() {
    let mut keyring = full_keyring();
    let good = keyring.clone();
    keyring.slots[0].wrapped_root[30] ^= 1;
    let error = keyring.unlock_passphrase(&derived(), Some(&device())).err();
    assert_eq!(error, Some(UnlockError::Damaged("wrapped root")));
    // The other slots notice that this one was changed.
    assert_eq!(
        keyring.unlock_device(&device()).err(),
        Some(UnlockError::Damaged("key table"))
    );

    let mut keyring = good;
    keyring.sealed_table[40] ^= 1;
    assert_eq!(
        keyring.unlock_device(&device()).err(),
        Some(UnlockError::Damaged("key table"))
    );
}

/// Nobody without ROOT can seal such a table; it would be a fault of whoever wrote it.
#[test]
fn a_table_of_other_slots_than_the_file_has_opens_nothing() {
    type Change = fn(&mut slot::SlotSecret);
    let changes: [(&str, Change); 6] = [
        ("none", |_| ()),
        ("id", |slot| slot.id += 7),
        ("kind", |slot| slot.kind = SlotKind::Recovery),
        ("parameters", |slot| slot.kdf = Some(KdfParams::MIN)),
        ("salt", |slot| slot.salt[0] ^= 1),
        ("device check", |slot| slot.device_check = None),
    ];
    for (name, change) in changes {
        let (mut ring, _) = full_ring();
        let mut keyring = locked(&mut ring);
        let mut table = Table::from_bytes(&SecretBytes::new(ring.table_bytes_for_test())).unwrap();
        change(&mut table.slots[1]);
        keyring.seal_table(&mut rng(), &ring.root_for_test(), &table);
        let refused = (name != "none").then_some(UnlockError::Damaged("slot list"));
        assert_eq!(keyring.unlock_device(&device()).err(), refused, "{name}");
    }
}

/// Each of these keeps the checksum right: only the binding can notice.
#[test]
fn every_header_field_is_bound() {
    type Change = fn(&mut Keyring);
    let changes: [(&str, Change); 6] = [
        ("counter", |keyring| keyring.counter += 1),
        ("slot removed", |keyring| drop(keyring.slots.remove(2))),
        ("slots swapped", |keyring| keyring.slots.swap(1, 2)),
        ("other slot's salt", |keyring| keyring.slots[2].salt[0] ^= 1),
        ("own params", |keyring| {
            keyring.slots[0].kdf = Some(KdfParams::MIN)
        }),
        ("other slot's check", |keyring| keyring.slots[2].check[0] ^= 1),
    ];
    for (name, change) in changes {
        let mut keyring = full_keyring();
        change(&mut keyring);
        let keyring = Keyring::parse(&keyring.to_bytes()).unwrap();
        let error = keyring.unlock_passphrase(&derived(), Some(&device())).err();
        assert!(
            matches!(error, Some(UnlockError::Damaged(_))),
            "{name}: {error:?}"
        );
    }
    let mut keyring = full_keyring();
    keyring.ring_id[0] ^= 1;
    assert!(keyring.unlock_device(&device()).is_err());
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

#[test]
fn the_counter_grows_with_each_write_and_each_draft() {
    let (mut ring, _) = full_ring();
    assert_eq!(locked(&mut ring).counter(), 1);
    assert_eq!(locked(&mut ring).counter(), 2);
    let (mut first, mut second) = (ring.draft(), ring.draft());
    let counters = [locked(&mut first).counter(), locked(&mut second).counter()];
    assert_eq!(counters, [4, 5]);
    assert_eq!(unlock(&locked(&mut second)).counter(), 6);
}

#[test]
fn a_draft_leaves_the_ring_as_it_was() {
    let (mut ring, _) = full_ring();
    let before = contents(&ring);
    let mut draft = ring.draft();
    assert_eq!(contents(&draft), before);
    draft.erase_category(&mut rng(), 2).unwrap();
    assert_eq!(contents(&ring), before);
    assert_ne!(contents(&draft), before);
}

#[test]
fn erasing_a_category_replaces_its_keys_and_root_and_nothing_else() {
    let (mut ring, recovery) = full_ring();
    let old = locked(&mut ring);
    let (before, old_root) = (contents(&ring), ring.root_for_test());
    let audit = ring.derive(labels::AUDIT_CHAIN, &[]);

    ring.erase_category(&mut StdRng::seed_from_u64(5), 2).unwrap();
    let new = locked(&mut ring);
    let after = contents(&unlock(&new));
    assert_eq!((after[0], after[2]), (before[0], before[2]));
    assert_eq!(after[1].1, before[1].1 + 1);
    assert_ne!(after[1].2, before[1].2);
    assert_ne!(after[1].3, before[1].3);

    assert!(!ring.root_for_test().matches(&old_root));
    assert_eq!(
        old.attempt_all(&[&old_root]).opened,
        1,
        "ROOT opens the old table"
    );
    assert_eq!(new.attempt_all(&[&old_root]).opened, 0, "and not the new one");
    // No slot had to be asked for its secret, and the ring's own keys stayed.
    assert!(new.unlock_device(&device()).is_ok());
    let recovered = new.unlock_recovery(&recovery).ok().unwrap();
    assert!(recovered.derive(labels::AUDIT_CHAIN, &[]).matches(&audit));
    assert_eq!(
        ring.erase_category(&mut rng(), 77),
        Err(EditError::NoSuchCategory(77))
    );
}

#[test]
fn next_keys_count_once_they_are_in_the_ring() {
    let mut rng = rng();
    let (mut ring, _) = full_ring();
    let before = contents(&ring);
    let names = ring.category(1).unwrap().names.duplicate();
    let next = ring.next_keys(&mut rng, 1).unwrap();
    assert_eq!(contents(&ring), before, "making them changes nothing");
    assert_eq!(contents(&unlock(&locked(&mut ring))), before);

    let old_root = ring.root_for_test();
    ring.rekey_category(&mut rng, &next).unwrap();
    let ring = unlock(&locked(&mut ring));
    let keys = ring.category(1).unwrap();
    assert_eq!((keys.generation, keys.tree), (2, next.keys().tree));
    assert!(keys.key.matches(next.keys().key));
    assert!(keys.names.matches(&names), "ids from content stay");
    assert_ne!(contents(&ring)[0], before[0]);
    assert_eq!(contents(&ring)[1..], before[1..]);
    assert!(!ring.root_for_test().matches(&old_root));
    assert_eq!(
        ring.next_keys(&mut rng, 77).err(),
        Some(EditError::NoSuchCategory(77))
    );
}

/// Keys made before an erase must not bring the old generation's successor into the new ring.
#[test]
fn next_keys_of_an_erased_or_rekeyed_category_are_refused() {
    let mut rng = rng();
    let (mut ring, _) = full_ring();
    let old_names = ring.category(1).unwrap().names.duplicate();
    let [stale, next] = [(); 2].map(|()| ring.next_keys(&mut rng, 1).unwrap());
    ring.rekey_category(&mut rng, &next).unwrap();
    assert_eq!(ring.rekey_category(&mut rng, &stale), Err(EditError::Replaced(1)));
    let stale = ring.next_keys(&mut rng, 1).unwrap();
    ring.erase_category(&mut rng, 1).unwrap();
    assert_eq!(ring.rekey_category(&mut rng, &stale), Err(EditError::Replaced(1)));
    assert!(!ring.category(1).unwrap().names.matches(&old_names));
}

#[test]
fn categories_are_added_and_never_overwritten() {
    let (mut ring, _) = full_ring();
    let before = contents(&ring);
    assert_eq!(
        ring.add_category(&mut rng(), 2),
        Err(EditError::CategoryExists(2))
    );
    ring.add_category(&mut rng(), 40).unwrap();
    let ring = unlock(&locked(&mut ring));
    assert_eq!(contents(&ring)[..3], before);
    assert_eq!(ring.category(40).unwrap().generation, 1);
}

#[test]
fn a_changed_passphrase_replaces_the_old_one() {
    let mut rng = rng();
    let (mut ring, recovery) = full_ring();
    let old = locked(&mut ring);
    let old_root = ring.root_for_test();
    ring.set_passphrase(&mut rng, &stranger(), [8; 32], KdfParams::MIN, Some(&device()));
    let new = locked(&mut ring);
    let error = new.unlock_passphrase(&derived(), Some(&device())).err();
    assert_eq!(error, Some(UnlockError::WrongPassphrase));
    assert!(new.unlock_passphrase(&stranger(), Some(&device())).is_ok());
    assert!(new.unlock_recovery(&recovery).is_ok());
    assert_eq!(new.passphrase_params(), Some(([8; 32], KdfParams::MIN)));
    // The old file with the old passphrase yields a ROOT that opens nothing new.
    assert!(old.unlock_passphrase(&derived(), Some(&device())).is_ok());
    assert_eq!(new.attempt_all(&[&old_root]).opened, 0);
}

#[test]
fn slots_are_removed_but_never_the_last() {
    let mut rng = rng();
    let (mut ring, _) = full_ring();
    let old_root = ring.root_for_test();
    ring.remove_slot(&mut rng, SlotKind::Device).unwrap();
    assert!(!ring.root_for_test().matches(&old_root));
    assert!(ring.recovery_challenge().is_some());
    ring.remove_slot(&mut rng, SlotKind::Recovery).unwrap();
    assert_eq!(ring.recovery_challenge(), None);
    let again = ring.remove_slot(&mut rng, SlotKind::Recovery);
    assert_eq!(again, Err(EditError::NoSuchSlot(SlotKind::Recovery)));
    let last = ring.remove_slot(&mut rng, SlotKind::Passphrase);
    assert_eq!(last, Err(EditError::LastSlot(SlotKind::Passphrase)));
    assert_eq!(contents(&unlock(&locked(&mut ring))), contents(&ring));
}

#[test]
fn a_ring_that_no_one_could_open_is_not_written() {
    let mut ring = Keyring::create(&mut rng(), &CODES);
    assert_eq!(ring.to_keyring(&mut rng()), Err(EditError::NoSlots));
}

#[test]
fn the_recovery_key_is_confirmed_by_the_groups_asked_for() {
    let (mut ring, recovery) = full_ring();
    let text = recovery.to_text().expose_str().unwrap().to_lowercase();
    let groups: Vec<&str> = text.split('-').collect();
    let group = |index: u8| groups[usize::from(index)];
    let [first, second] = ring.recovery_challenge().unwrap();
    assert!(first < second && second < 8);
    let other = (0..8).find(|index| *index != first && *index != second).unwrap();

    for wrong in [
        [(first, group(first)), (second, group(first))],
        [(first, group(second)), (second, group(second))],
        [(first, group(first)), (first, group(first))],
        [(first, group(first)), (other, group(other))],
        [(first, ""), (second, "")],
        [(200, group(first)), (255, group(second))],
    ] {
        assert!(!ring.confirm_recovery(wrong), "{wrong:?}");
        assert!(!ring.recovery_confirmed());
    }
    assert!(ring.confirm_recovery([(second, group(second)), (first, group(first))]));
    // It stays confirmed, however often it is read back, and whatever else is typed.
    assert!(ring.confirm_recovery([(first, group(first)), (second, group(second))]));
    assert!(ring.recovery_confirmed());
    assert!(!ring.confirm_recovery([(first, ""), (second, "")]));
    let mut ring = unlock(&locked(&mut ring));
    assert!(ring.recovery_confirmed());
    // A new key is unconfirmed again, and the old one opens nothing any more.
    let replaced = ring.set_recovery(&mut StdRng::seed_from_u64(77));
    assert!(!ring.recovery_confirmed());
    let keyring = locked(&mut ring);
    assert_eq!(
        keyring.unlock_recovery(&recovery).err(),
        Some(UnlockError::WrongRecoveryKey)
    );
    assert!(keyring.unlock_recovery(&replaced).is_ok());
}

#[test]
fn the_mark_of_a_recovery_key_is_its_own() {
    let mut rng = rng();
    let mut ring = Keyring::create(&mut rng, &CODES);
    assert_eq!(ring.recovery_mark(), None);
    let [first, second] = [(); 2].map(|()| {
        let _recovery = ring.set_recovery(&mut rng);
        ring.recovery_mark().unwrap()
    });
    assert_ne!(first, second);
    assert_eq!(ring.draft().recovery_mark(), Some(second));
}

#[test]
fn every_pair_of_groups_is_asked_for() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..400 {
        let mut ring = Keyring::create(&mut rng(), &[]);
        let _recovery = ring.set_recovery(&mut StdRng::seed_from_u64(seed));
        seen.insert(ring.recovery_challenge().unwrap());
    }
    assert_eq!(seen.len(), 8 * 7 / 2);
}

/// The proof after a reset has to find what does open, or its zero means nothing.
#[test]
fn attempts_find_every_way_in() {
    let (mut ring, _) = full_ring();
    let keyring = locked(&mut ring);
    let (derived, device, stranger) = (derived(), device(), stranger());
    let opened = |candidates: &[&Key]| keyring.attempt_all(candidates).opened;
    assert_eq!(opened(&[&device]), 1, "the device slot");
    assert_eq!(opened(&[&derived]), 0, "the passphrase needs the device secret");
    assert_eq!(
        opened(&[&derived, &device]),
        2,
        "the device slot, and the passphrase slot by the pair"
    );
    assert_eq!(opened(&[&ring.root_for_test()]), 1, "ROOT opens the table");
    assert_eq!(
        opened(&[&device_key(&device, &keyring.slots[1].salt)]),
        1,
        "a slot key"
    );
    let table_key = ring.root_for_test().derive(labels::KEY_TABLE, &keyring.ring_id);
    assert_eq!(opened(&[&table_key]), 1, "the table's own key");
    // Two candidates, each: three slots in three single roles and two pairs, and the table twice.
    assert_eq!(
        keyring.attempt_all(&[&stranger, &derived]),
        Attempts { tried: 34, opened: 0 }
    );
    assert_eq!(keyring.attempt_all(&[]), Attempts { tried: 0, opened: 0 });
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
