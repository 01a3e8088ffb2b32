//! The order of a factory reset. Keys go first: whatever the power does afterwards, what is left
//! is noise.

use serde::{Deserialize, Serialize};

/// A step of the reset. Each one can be done again: a step that was cut is simply repeated.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ResetStep {
    /// The device secret is overwritten and removed.
    DeviceSecret,
    /// The keyring is overwritten and removed, its copy too.
    Keyring,
    /// The sealed heads and the count of attempts are removed.
    Heads,
    /// The sealed files are removed.
    Blobs,
    /// The store is removed.
    Store,
    /// Whatever else lies in the folder is removed.
    Remains,
    /// The old ciphertext is tried with every key that is left.
    Proof,
}

impl ResetStep {
    /// Where a reset begins.
    pub const FIRST: Self = Self::DeviceSecret;

    /// The step after this one; `None` when the device is new.
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::DeviceSecret => Some(Self::Keyring),
            Self::Keyring => Some(Self::Heads),
            Self::Heads => Some(Self::Blobs),
            Self::Blobs => Some(Self::Store),
            Self::Store => Some(Self::Remains),
            Self::Remains => Some(Self::Proof),
            Self::Proof => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_before_anything_else_and_the_order_ends() {
        let mut order = vec![ResetStep::FIRST];
        while let Some(next) = order.last().and_then(|step| step.next()) {
            order.push(next);
        }
        assert_eq!(order.len(), 7);
        assert_eq!(order[..2], [ResetStep::DeviceSecret, ResetStep::Keyring]);
        assert_eq!(order.last(), Some(&ResetStep::Proof));
    }
}
