//! The pages, one file for each group of them.

pub(crate) mod agents;
pub(crate) mod asking;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod broker;
pub(crate) mod consent;
pub(crate) mod device;
pub(crate) mod documents;
pub(crate) mod erasing;
pub(crate) mod export;
pub(crate) mod first_run;
pub(crate) mod home;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod models;
pub(crate) mod profile;
pub(crate) mod records;
pub(crate) mod search;
pub(crate) mod secrets;
pub(crate) mod sending;
pub(crate) mod settings;
pub(crate) mod standing;
pub(crate) mod strength;
pub(crate) mod update;
pub(crate) mod upload;
pub(crate) mod viewing;

use serde::Deserialize;

/// What the page before has done, as the address says.
#[derive(Deserialize)]
pub(crate) struct Done {
    done: Option<String>,
}

impl Done {
    /// Its code.
    pub(crate) fn code(&self) -> Option<&str> {
        self.done.as_deref()
    }
}
