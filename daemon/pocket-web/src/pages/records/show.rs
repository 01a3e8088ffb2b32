//! What of a category is shown, and in which order: as the address of a list says.

use pocket_core::{Browse, Category, Order};
use serde::Deserialize;

use crate::present::records_path;

/// Which tasks.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Which {
    /// All.
    All,
    /// Those that are done.
    Done,
    /// Those to do.
    Open,
}

impl Which {
    fn named(name: &str) -> Self {
        let known = [Self::All, Self::Done];
        known
            .into_iter()
            .find(|which| which.name() == name)
            .unwrap_or(Self::Open)
    }

    /// Its name in the address.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Done => "done",
            Self::Open => "open",
        }
    }
}

/// What the address asks for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// Begin after the record of this id.
    pub(crate) after: String,
    /// What was done before.
    pub(crate) done: Option<String>,
    from: String,
    list: String,
    q: String,
    sort: String,
    state: String,
    tag: String,
}

impl Asked {
    /// How many records come before those of the page.
    pub(crate) fn from(&self) -> u32 {
        self.from.parse().unwrap_or(0)
    }
}

/// What is shown of a category.
pub(crate) struct Show {
    /// Of which category.
    pub(crate) category: Category,
    /// Words that must stand in it.
    pub(crate) q: String,
    /// A tag that it must have.
    pub(crate) tag: String,
    /// A list of tasks.
    pub(crate) list: String,
    /// Which tasks.
    pub(crate) state: Which,
    /// In which order.
    pub(crate) sort: Order,
}

impl Show {
    /// What `asked` says of a category.
    pub(crate) fn new(category: Category, asked: &Asked) -> Self {
        let usual = if category == Category::Tasks {
            Order::Due
        } else {
            Order::Newest
        };
        let named = Order::ALL.into_iter().find(|order| order.name() == asked.sort);
        Self {
            category,
            q: asked.q.trim().to_owned(),
            tag: asked.tag.clone(),
            list: asked.list.clone(),
            state: Which::named(&asked.state),
            sort: named.unwrap_or(usual),
        }
    }

    /// What is asked of the device.
    pub(crate) fn browse(&self, skip: u32, limit: u32) -> Browse {
        let tasks = self.category == Category::Tasks;
        Browse {
            order: self.sort,
            words: self.q.clone(),
            tag: self.tag.clone(),
            list: self.list.clone(),
            done: match self.state {
                Which::Done if tasks => Some(true),
                Which::Open if tasks => Some(false),
                Which::All | Which::Done | Which::Open => None,
            },
            skip,
            limit,
        }
    }

    /// Whether it is the list that the device keeps by itself, and nothing else is to be known of it.
    pub(crate) fn is_plain(&self) -> bool {
        self.takes_all() && self.sort == Order::Newest && self.category != Category::Tasks
    }

    /// Whether the owner asked for less than everything.
    pub(crate) fn is_narrow(&self) -> bool {
        !(self.q.is_empty() && self.tag.is_empty() && self.list.is_empty())
            || (self.category == Category::Tasks && self.state == Which::Done)
    }

    /// Whether every record is shown, so that none has to be looked at.
    pub(crate) fn takes_all(&self) -> bool {
        !self.is_narrow() && (self.category != Category::Tasks || self.state == Which::All)
    }

    /// The address of the list with this and something more.
    pub(crate) fn path(&self, more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("sort", self.sort.name());
        let texts = [("q", &self.q), ("tag", &self.tag), ("list", &self.list)];
        for (name, value) in texts.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        if self.category == Category::Tasks {
            query.append_pair("state", self.state.name());
        }
        // What leads on stands first, as the shortest address.
        let mut on = form_urlencoded::Serializer::new(String::new());
        on.extend_pairs(more);
        let (on, rest) = (on.finish(), query.finish());
        let between = if on.is_empty() { "" } else { "&" };
        format!("{}?{on}{between}{rest}", records_path(self.category))
    }
}
