//! A category as a list: in an order of one's own, narrowed.

use serde::{Deserialize, Serialize};

use crate::Entry;

/// In which order.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// What is due first; done tasks last.
    Due,
    /// What came in last first.
    #[default]
    Newest,
    /// What was unchanged for longest first.
    Oldest,
    /// By title.
    Title,
}

impl Order {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Due, Self::Newest, Self::Oldest, Self::Title];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Title => "title",
        }
    }
}

/// What of a category, and in which order. What is empty narrows nothing.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Browse {
    /// In which order.
    pub order: Order,
    /// Words that must stand in a record, or begin one that does.
    pub words: String,
    /// A tag that it must have.
    pub tag: String,
    /// The list on which a task must stand.
    pub list: String,
    /// Whether a task must be done or not.
    pub done: Option<bool>,
    /// How many to leave out.
    pub skip: u32,
    /// At most this many, up to [`crate::Operation::MOST_LISTED`].
    pub limit: u32,
}

/// What there is to see of a category.
#[derive(Clone, Deserialize, Serialize)]
pub struct Browsed {
    /// The records asked for.
    pub entries: Vec<Entry>,
    /// How many there are that fit, those left out included.
    pub matching: u64,
    /// The lists on which its tasks stand, in order.
    pub lists: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_one_name_for_people_and_programs() {
        for order in Order::ALL {
            assert_eq!(serde_json::to_value(order).unwrap(), order.name());
        }
    }
}
