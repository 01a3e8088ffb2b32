//! What of a category is shown, and in which order: as the address of a list says.

use pocket_core::{Category, Record};
use serde::Deserialize;

use super::view;
use crate::present::records_path;

/// Tasks up to which they are shown by their due date unless asked otherwise: to sort is to read all.
const SORTED_UNASKED: u64 = 2000;

/// In which order.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Sort {
    /// What is due first.
    Due,
    /// The newest first: the order that the device keeps.
    Newest,
    /// The one unchanged for longest first.
    Oldest,
    /// By name.
    Title,
}

impl Sort {
    fn named(name: &str) -> Option<Self> {
        let all = [Self::Due, Self::Newest, Self::Oldest, Self::Title];
        all.into_iter().find(|sort| sort.name() == name)
    }

    /// Its name in the address.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Title => "title",
        }
    }
}

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
    list: String,
    page: String,
    q: String,
    sort: String,
    state: String,
    tag: String,
}

impl Asked {
    /// The number of the page, from 0.
    pub(crate) fn page(&self) -> usize {
        self.page.parse().unwrap_or(0).min(100_000)
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
    pub(crate) sort: Sort,
    words: Vec<String>,
}

impl Show {
    /// What `asked` says of a category with so many records.
    pub(crate) fn new(category: Category, total: u64, asked: &Asked) -> Self {
        let usual = if category == Category::Tasks && total <= SORTED_UNASKED {
            Sort::Due
        } else {
            Sort::Newest
        };
        Self {
            category,
            q: asked.q.trim().to_owned(),
            tag: asked.tag.clone(),
            list: asked.list.clone(),
            state: Which::named(&asked.state),
            sort: Sort::named(&asked.sort).unwrap_or(usual),
            words: asked.q.split_whitespace().map(str::to_lowercase).collect(),
        }
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

    /// Whether a record is shown.
    pub(crate) fn takes(&self, record: &Record) -> bool {
        if let Record::Task(task) = record {
            let wanted = match self.state {
                Which::All => true,
                Which::Done => task.done,
                Which::Open => !task.done,
            };
            if !wanted || !(self.list.is_empty() || self.list == task.list) {
                return false;
            }
        }
        let has_tag = self.tag.is_empty()
            || view::tags(record).contains(&self.tag)
            || matches!(record, Record::Note(note) if says_tag(&note.body, &self.tag));
        has_tag && self.says_words(record)
    }

    fn says_words(&self, record: &Record) -> bool {
        self.words.iter().all(|word| {
            let mut said = false;
            record.for_each_text(&mut |text| said = said || text.to_lowercase().contains(word.as_str()));
            said
        })
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

/// Whether a note has the tag in its text.
fn says_tag(body: &str, tag: &str) -> bool {
    let mark = format!("#{tag}");
    body.match_indices(&mark).any(|(at, _)| {
        let before = body.get(..at).and_then(|text| text.chars().next_back());
        let after = body.get(at + mark.len()..).and_then(|text| text.chars().next());
        before.is_none_or(char::is_whitespace)
            && after.is_none_or(|c| !(c.is_alphanumeric() || "-_/".contains(c)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_in_the_text_stands_alone() {
        assert!(says_tag("a #health b", "health"));
        assert!(says_tag("#health", "health") && says_tag("x\n#health.", "health"));
        assert!(!says_tag("#healthy", "health") && !says_tag("a#health", "health"));
        assert!(!says_tag("#health/blood", "health") && says_tag("#\u{fc}ber", "\u{fc}ber"));
    }
}
