//! Whether a category may be in a question at all.

use pocket_core::{Category, Sensitivity};

/// What of a category may leave, once the owner has seen it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Leaving {
    /// Nothing: it stays on the device, filtered or not, whatever the owner says.
    Never,
    /// Its text, as [`crate::Filtered`] alone.
    Filtered,
}

/// What of `category` may be in a question to a model elsewhere.
pub const fn leaving(category: Category) -> Leaving {
    match (category, category.sensitivity()) {
        (_, Sensitivity::Critical) => Leaving::Never,
        // How the device is set up and what was done on it helps no model, and much an attacker.
        (Category::Audit | Category::Settings, _) => Leaving::Never,
        (_, Sensitivity::High | Sensitivity::Medium) => Leaving::Filtered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_critical_never_leaves() {
        for category in Category::ALL {
            if category.sensitivity() == Sensitivity::Critical {
                assert_eq!(leaving(category), Leaving::Never, "{category}");
            }
        }
        assert_eq!(leaving(Category::Secrets), Leaving::Never);
        assert_eq!(leaving(Category::Settings), Leaving::Never);
        assert_eq!(leaving(Category::Notes), Leaving::Filtered);
    }
}
