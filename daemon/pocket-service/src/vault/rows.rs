//! Rows of the engine's own, read back.

use pocket_core::{Failure, Finding};
use pocket_store::Store;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure;

/// A row. A newer shape gets a variant of its own.
#[derive(Deserialize, Serialize)]
pub(super) enum Stored<T> {
    V1(T),
}

/// The bytes of a row.
pub(super) fn encode<T: Serialize>(held: &T) -> Vec<u8> {
    postcard::to_stdvec(&Stored::V1(held)).expect("encoding into memory can't fail")
}

/// Reads rows, and remembers those that can't be: each has no effect, and the owner is told.
pub(super) struct Rows<'a> {
    store: &'a Store,
    unknown: Vec<Finding>,
}

impl<'a> Rows<'a> {
    pub(super) const fn of(store: &'a Store) -> Self {
        Self {
            store,
            unknown: Vec::new(),
        }
    }

    pub(super) const fn store(&self) -> &'a Store {
        self.store
    }

    /// The names that begin with `prefix`.
    pub(super) fn names(&self, prefix: &str) -> Result<Vec<String>, Failure> {
        self.store
            .system_names(prefix)
            .map_err(|error| failure::store(&error))
    }

    /// What the row of this name holds, if there is one and it is understood.
    pub(super) fn read<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Failure> {
        let row = self.store.system(name).map_err(|error| failure::store(&error))?;
        let Some(row) = row else { return Ok(None) };
        let understood = understood(name, &row);
        Ok(understood.map_err(|finding| self.unknown.push(finding)).ok())
    }

    /// What could not be read.
    pub(super) fn unknown(self) -> Vec<Finding> {
        self.unknown
    }
}

fn understood<T: DeserializeOwned>(name: &str, row: &[u8]) -> Result<T, Finding> {
    let Stored::V1(held) = postcard::from_bytes(row).map_err(|_| Finding {
        what: format!("the device's own row {name}"),
        problem: "it is whole, and of a shape that this version does not know; it has no effect".to_owned(),
        remedy: "go back to the version that wrote it, or set up anew what it stood for".to_owned(),
    })?;
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_back_and_one_of_another_version_is_named() {
        let row = encode(&(7_u32, "held"));
        let read: (u32, String) = understood("broker", &row).unwrap();
        assert_eq!(read, (7, "held".to_owned()));
        let newer = [&[1], &row[1..]].concat();
        let finding = understood::<(u32, String)>("broker", &newer).unwrap_err();
        assert!(finding.what.ends_with("row broker"), "{}", finding.what);
    }
}
