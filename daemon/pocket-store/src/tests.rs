//! The store as its one user meets it, on real folders.

mod support;

mod store;
