//! The keys of a ring that is open.

use super::*;

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
