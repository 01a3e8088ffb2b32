use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

mod file;
mod ring;
mod slots;

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
