//! Where did I write that? A full-text index over the records of a category.
//!
//! It ranks by BM25 and knows phrases, beginnings, inexact words, fields, tags and dates, in any
//! script ([`Query`]). It is made from records and can always be made from them again. An index is a
//! few *parts*: one in memory that takes what is new, and sealed ones that do not change. This crate
//! gives and gets bytes; it never writes a file, and must not: what they are sealed with, and where they
//! lie, is the business of its caller.

mod fields;
mod index;
mod languages;
mod meaning;
mod merge;
mod part;
mod postings;
mod query;
mod rank;
mod snippet;
#[cfg(test)]
mod tests;
mod words;

use thiserror::Error;

pub use fields::{Card, Field};
pub use index::{Index, Version};
pub use merge::Merge;
pub use part::{Files, Kept};
pub use query::{InvalidQuery, Query};
pub use rank::{Found, Meant, search};
pub use snippet::{Snippet, snippet};

/// The index can't be read: make it anew from the records.
#[derive(Debug, Error)]
pub enum SearchError {
    /// Its bytes are not what they must be.
    #[error("the search index is damaged")]
    Damaged,
    /// A piece of it can't be had.
    #[error("the search index can't be read: {0}")]
    Unreadable(String),
}
