//! What opens a keyring, and what does not.

use super::*;

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
