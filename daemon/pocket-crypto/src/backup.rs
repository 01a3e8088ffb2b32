//! The keys of backups: an X25519 key pair (RFC 7748) whose secret half is derived from the owner's recovery
//! key, so that the paper opens every archive, and the device keeps the public half alone; and the key that
//! vouches for an archive's manifest, since whoever knows a public key can seal to it.

use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

use crate::labels;
use crate::recovery::RecoveryKey;
use crate::secret::{Key, derive};

impl RecoveryKey {
    /// The secret half of the key pair that archives are sealed to: an age identity.
    pub fn backup_identity(&self) -> Key {
        derive(None, self.expose_bytes(), labels::BACKUP_IDENTITY, &[])
    }

    /// The key that vouches for what is in an archive.
    pub fn backup_vouching(&self) -> Key {
        derive(None, self.expose_bytes(), labels::BACKUP_VOUCHING, &[])
    }
}

/// The public half of a key pair.
pub fn public(identity: &Key) -> [u8; 32] {
    x25519(*identity.expose_bytes(), X25519_BASEPOINT_BYTES)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    /// RFC 7748, section 5.2: the first of the iterations, whose scalar is the base point itself.
    #[test]
    fn published_vector() {
        let mut nine = [0; 32];
        nine[0] = 9;
        let hex: String = public(&Key::from_bytes(nine))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hex,
            "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
        );
    }

    #[test]
    fn a_recovery_key_always_has_the_same_keys_and_no_two_of_them_are_one() {
        let mut rng = StdRng::seed_from_u64(1);
        let recovery = RecoveryKey::generate(&mut rng);
        let (identity, vouching) = (recovery.backup_identity(), recovery.backup_vouching());
        let text = recovery.to_text();
        let again = RecoveryKey::parse(text.expose_str().unwrap()).unwrap();
        assert!(identity.matches(&again.backup_identity()) && vouching.matches(&again.backup_vouching()));
        assert!(!identity.matches(&vouching));
        let other = RecoveryKey::generate(&mut rng);
        assert!(!identity.matches(&other.backup_identity()));
    }
}
