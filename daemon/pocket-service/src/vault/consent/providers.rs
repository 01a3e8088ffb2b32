//! The models that can be asked.

use std::collections::BTreeMap;

use pocket_core::{Answer, Failure, FailureKind, Provider, ProviderName};
use pocket_store::Changes;

use super::Consents;
use crate::failure;
use crate::vault::rows::{Rows, encode};
use crate::vault::{Act, Vault};

/// The names of the rows begin so.
const PREFIX: &str = "provider/";
/// Most providers.
const MOST: usize = 32;

/// Reads them back. One that can't be read is not asked any more.
pub(super) fn load(rows: &mut Rows<'_>) -> Result<BTreeMap<ProviderName, Provider>, Failure> {
    let mut providers = BTreeMap::new();
    for name in rows.names(PREFIX)? {
        let read: Option<Provider> = rows.read(&name)?;
        providers.extend(read.map(|provider| (provider.name.clone(), provider)));
    }
    Ok(providers)
}

impl Consents {
    /// The provider of this name, or the only one there is.
    ///
    /// # Errors
    /// [`FailureKind::NotFound`] when there is none, or several and no name.
    pub(in crate::vault) fn provider(&self, name: Option<&ProviderName>) -> Result<&Provider, Failure> {
        let mut all = self.providers.values();
        match (name, all.next(), all.next()) {
            (Some(name), ..) => self.providers.get(name).ok_or_else(|| {
                let known: Vec<&str> = self.providers.keys().map(ProviderName::as_str).collect();
                let remedy = if known.is_empty() {
                    "add it with `pocketctl provider add`".to_owned()
                } else {
                    format!("there are: {}", known.join(", "))
                };
                Failure::new(FailureKind::NotFound, format!("no such provider: {name}"), remedy)
            }),
            (None, Some(only), None) => Ok(only),
            (None, None, _) => Err(Failure::new(
                FailureKind::NotFound,
                "there is no model to ask",
                "the owner adds one with `pocketctl provider add`",
            )),
            (None, Some(_), Some(_)) => Err(failure::invalid(
                "there are several models to ask",
                "name one: `pocketctl provider list` shows them",
            )),
        }
    }
}

impl Vault {
    /// Adds a provider, or replaces the one of its name.
    pub(in crate::vault) fn provider_add(&mut self, act: Act, provider: Provider) -> Result<Answer, Failure> {
        let provider = provider
            .checked()
            .map_err(|error| failure::invalid(error.to_string(), "see `pocketctl provider add --help`"))?;
        let (known, name) = (&self.consents.providers, provider.name.clone());
        if known.len() >= MOST && !known.contains_key(&name) {
            return Err(failure::invalid(
                "there are 32 providers already",
                "remove one that is no longer asked",
            ));
        }
        let changes = Changes::new().put_system(&row_name(&name), encode(&provider));
        self.commit(act.permit, &[], changes, act.now)?;
        self.consents.providers.insert(name, provider);
        Ok(Answer::Done)
    }

    /// Lists them.
    pub(in crate::vault) fn provider_list(&mut self, act: Act) -> Result<Answer, Failure> {
        self.admit(act.permit, &[], act.now)?;
        Ok(Answer::Providers(
            self.consents.providers.values().cloned().collect(),
        ))
    }

    /// Forgets one. What waits for a yes to it can't be sent any more.
    pub(in crate::vault) fn provider_remove(
        &mut self,
        act: Act,
        name: &ProviderName,
    ) -> Result<Answer, Failure> {
        self.consents.provider(Some(name))?;
        let changes = Changes::new().remove_system(&row_name(name));
        self.commit(act.permit, &[], changes, act.now)?;
        self.consents.providers.remove(name);
        Ok(Answer::Done)
    }
}

fn row_name(name: &ProviderName) -> String {
    format!("{PREFIX}{name}")
}
