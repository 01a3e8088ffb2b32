//! The store as its one user meets it, on real folders.

mod bytes;
mod damage;
mod disk;
mod folder;
mod format;
mod rekey;
mod reset;
mod search_index;
mod store;
mod support;
mod trace;
