//! Secrets: their names are shown, their values never.

use pocket_core::{
    Answer, Category, Content, Entry, Failure, Origin, Record, RecordId, SecretName, SecretSummary, Timestamp,
};
use pocket_crypto::SecretBytes;
use pocket_store::Changes;

use super::records::checked;
use super::{Act, Vault};
use crate::failure;

/// Longest value of a secret: room for a private key or a certificate chain.
const LONGEST: usize = 64 * 1024;

impl Vault {
    pub(super) fn secret_set(&mut self, act: Act, name: String, note: String) -> Result<Answer, Failure> {
        let (set, now) = (name.clone(), act.now);
        let done = self.put_secret(act, name, note)?;
        self.secret_changed(&set, now)?;
        Ok(done)
    }

    fn put_secret(&mut self, act: Act, name: String, note: String) -> Result<Answer, Failure> {
        let value = act
            .payload
            .ok_or_else(|| failure::invalid("the secret's value is missing", "give it on standard input"))?;
        if value.is_empty() || value.len() > LONGEST {
            return Err(failure::invalid(
                "the secret's value is empty or over 64 KiB",
                "give another value",
            ));
        }
        let id = self.secret_id(&name)?;
        let content = checked(Record::Secret(SecretName { name, note }))?;
        let known = self
            .store
            .get(Category::Secrets, id)
            .map_err(|error| failure::store(&error))?;
        let updated = act.now.wall;
        let (created, revision) = known.map_or((updated, 1), |known| {
            (known.created, known.revision.saturating_add(1))
        });
        let entry = Entry {
            id,
            created,
            updated,
            revision,
            origin: Origin::Owner,
            content,
        };
        let changes = Changes::new().put(entry, None).put_secret_value(id, &value);
        self.commit(act.permit, &[(Category::Secrets, id)], changes, act.now)?;
        Ok(Answer::Done)
    }

    pub(super) fn secret_list(&mut self, act: Act) -> Result<Answer, Failure> {
        self.admit(act.permit, &[], act.now)?;
        self.whole(Category::Secrets)?;
        let mut secrets = Vec::new();
        let scanned = self.store.scan(Category::Secrets, &mut |entry| {
            let (id, updated) = (entry.id, entry.updated);
            if let Record::Secret(SecretName { name, note }) = entry.content.into_record() {
                secrets.push(SecretSummary {
                    id,
                    name,
                    note,
                    updated,
                });
            }
            std::ops::ControlFlow::Continue(())
        });
        scanned.map_err(|error| failure::store(&error))?;
        secrets.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(Answer::Secrets(secrets))
    }

    pub(super) fn secret_delete(&mut self, act: Act, name: &str) -> Result<Answer, Failure> {
        let id = self.secret_id(name)?;
        if self
            .store
            .get(Category::Secrets, id)
            .map_err(|error| failure::store(&error))?
            .is_none()
        {
            return Err(failure::not_found("secret", "see `pocketctl secret list`"));
        }
        let changes = Changes::new().remove(Category::Secrets, id);
        self.commit(act.permit, &[(Category::Secrets, id)], changes, act.now)?;
        self.secret_changed(name, act.now)?;
        Ok(Answer::Done)
    }

    /// The value of a secret, for a use that was allowed: looked up at each use, so that a deletion counts at
    /// once.
    pub(super) fn secret_named(&self, name: &str) -> Result<SecretBytes, Failure> {
        let id = self.secret_id(name)?;
        let value = self
            .store
            .secret_value(id)
            .map_err(|error| failure::store(&error))?;
        value.ok_or_else(|| {
            let remedy = "set it with `pocketctl secret set`, or name another one";
            failure::not_found(&format!("secret: {name}"), remedy)
        })
    }

    /// Which value a secret has: how often and when it was set; `None` when there is none.
    pub(super) fn secret_revision(&self, name: &str) -> Result<Option<(u32, Timestamp)>, Failure> {
        let entry = self.store.get(Category::Secrets, self.secret_id(name)?);
        let entry = entry.map_err(|error| failure::store(&error))?;
        Ok(entry.map(|entry| (entry.revision, entry.updated)))
    }

    /// A secret is known by its name: the same name is the same record.
    fn secret_id(&self, name: &str) -> Result<RecordId, Failure> {
        let named = Record::Secret(SecretName {
            name: name.to_owned(),
            note: String::new(),
        });
        let named: Content = checked(named)?;
        Ok(self.store.content_id(&named))
    }
}
