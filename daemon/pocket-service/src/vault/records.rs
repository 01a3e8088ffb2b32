//! Adding, reading, changing and removing records.

use std::collections::HashSet;

use pocket_core::{
    Actor, ActorRef, Added, Answer, Category, Content, DeviceSettings, Entry, Failure, FailureKind, NewEntry,
    Operation, Origin, Reading, Record, RecordId, Setting, Thumbnail,
};
use pocket_store::{BlobRef, Changes};
use rand::Rng;

use super::reading::{is_pending, keep_what_was_read};
use super::usage::Charge;
use super::{Act, Vault};
use crate::engine::Now;
use crate::failure;

/// About how many bytes one answer may hold before its last record: a page ends early rather than
/// fill a small board.
pub(super) const MOST_PAGE: usize = 1024 * 1024;

impl Vault {
    pub(super) fn add(
        &mut self,
        actor: &Actor,
        act: Act,
        items: Vec<NewEntry>,
        import: bool,
    ) -> Result<Answer, Failure> {
        if items.len() > Operation::MOST_ITEMS {
            return Err(failure::invalid(
                format!("{} records at once are too many", items.len()),
                format!("send at most {}", Operation::MOST_ITEMS),
            ));
        }
        let mut batch = Batch::new(origin(actor, import), import, act.now);
        for item in items {
            self.take_in(actor, &mut batch, item)?;
        }
        self.finish(act, batch)
    }

    /// Writes what a batch holds, in one transaction.
    pub(super) fn finish(&mut self, act: Act, batch: Batch) -> Result<Answer, Failure> {
        let Batch {
            changes,
            added,
            new,
            unread,
            settings,
            charge,
            ..
        } = batch;
        if new.is_empty() {
            self.admit(act.permit, &[], act.now)?;
        } else {
            self.commit_charged(act.permit, &new, changes, charge, act.now)?;
        }
        unread.into_iter().for_each(|id| self.note_unread(id));
        if settings {
            self.recall_settings()?;
        }
        Ok(Answer::Added(added))
    }

    fn take_in(&mut self, actor: &Actor, batch: &mut Batch, item: NewEntry) -> Result<(), Failure> {
        let (content, blob) = self.complete(actor, &item)?;
        if let Record::Setting(setting) = content.record() {
            batch.settings = true;
            return self.take_setting(batch, setting, &content);
        }
        let id = match (item.id, batch.import) {
            (Some(id), _) => id,
            (None, true) => self.store.content_id(&content),
            (None, false) => random_id(),
        };
        let known = self
            .store
            .get(content.category(), id)
            .map_err(|error| failure::store(&error))?;
        if batch.ids.contains(&id)
            || known
                .as_ref()
                .is_some_and(|known| is_same(&known.content, &content))
        {
            batch.added.push(Added::AlreadyHere(id));
            self.discard(blob)?;
        } else if known.is_some() {
            self.discard(blob)?;
            // An id without a file's own name for it is made from the content: the owner has edited
            // the record since it came in.
            batch.added.push(if item.id.is_some() {
                Added::Differs(id)
            } else {
                Added::AlreadyHere(id)
            });
        } else {
            let created = item.created.unwrap_or(batch.now.wall);
            let updated = item.updated.unwrap_or(created);
            batch.put(
                Entry {
                    id,
                    created,
                    updated,
                    revision: 1,
                    origin: batch.origin,
                    content,
                },
                blob,
            );
        }
        Ok(())
    }

    /// Removes the bytes of a document that is here already.
    fn discard(&self, blob: Option<BlobRef>) -> Result<(), Failure> {
        blob.map_or(Ok(()), |blob| self.store.discard_blob(&blob))
            .map_err(|error| failure::store(&error))
    }

    /// A setting is known by its name: adding it again sets it anew.
    fn take_setting(&self, batch: &mut Batch, setting: &Setting, content: &Content) -> Result<(), Failure> {
        check_setting(setting)?;
        let id = self.setting_id(&setting.name)?;
        let known = self
            .store
            .get(Category::Settings, id)
            .map_err(|error| failure::store(&error))?;
        let now = batch.now.wall;
        let (created, revision) = known.map_or((now, 1), |known| {
            (known.created, known.revision.saturating_add(1))
        });
        let content = content.clone();
        batch.put(
            Entry {
                id,
                created,
                updated: now,
                revision,
                origin: batch.origin,
                content,
            },
            None,
        );
        Ok(())
    }

    pub(super) fn setting_id(&self, name: &str) -> Result<RecordId, Failure> {
        let named = Record::Setting(Setting {
            name: name.to_owned(),
            value: String::new(),
        });
        let named =
            Content::check(named).map_err(|error| failure::invalid(error.to_string(), "give it a name"))?;
        Ok(self.store.content_id(&named))
    }

    /// The content with what the device itself knows of a document's bytes.
    fn complete(&mut self, actor: &Actor, item: &NewEntry) -> Result<(Content, Option<BlobRef>), Failure> {
        let upload = item.upload.map(|id| self.uploads.finish(actor, id)).transpose()?;
        match (item.content.record(), upload) {
            (Record::Document(document), upload) => {
                let mut document = document.clone();
                let (blob, sha256) =
                    upload.map_or((None, String::new()), |(blob, sha256)| (Some(blob), sha256));
                document.size = blob.as_ref().map_or(0, BlobRef::size);
                document.sha256 = sha256;
                document.reading = blob.as_ref().map_or(Reading::None, |_| Reading::Pending);
                document.pages = 0;
                document.thumbnail = Thumbnail::default();
                Ok((checked(Record::Document(document))?, blob))
            }
            (_, Some(_)) => Err(failure::invalid(
                "only a document has bytes",
                "add it to `documents`",
            )),
            (_, None) => Ok((item.content.clone(), None)),
        }
    }

    pub(super) fn get(&mut self, act: Act, category: Category, id: RecordId) -> Result<Answer, Failure> {
        self.admit(act.permit, &[(category, id)], act.now)?;
        Ok(Answer::Entry(Box::new(self.existing(category, id)?)))
    }

    pub(super) fn existing(&self, category: Category, id: RecordId) -> Result<Entry, Failure> {
        let entry = self
            .store
            .get(category, id)
            .map_err(|error| failure::store(&error))?;
        entry.ok_or_else(|| {
            failure::not_found(
                &format!("record in {category}: {id}"),
                "look it up with `list` or `search`",
            )
        })
    }

    pub(super) fn edit(
        &mut self,
        act: Act,
        id: RecordId,
        content: Content,
        revision: Option<u32>,
    ) -> Result<Answer, Failure> {
        let category = content.category();
        let old = self.existing(category, id)?;
        if revision.is_some_and(|revision| revision != old.revision) {
            return Err(Failure::new(
                FailureKind::Conflict,
                format!(
                    "the record is at revision {}: it was changed meanwhile",
                    old.revision
                ),
                "read it again, then edit that",
            ));
        }
        let content = kept_by_device(&old, content)?;
        let is_setting = category == Category::Settings;
        let blob = self.store.blob_of(id).map_err(|error| failure::store(&error))?;
        // What an agent wrote into the owner's record is no longer the owner's word.
        let origin = match act.permit.actor() {
            ActorRef::Agent(_) => Origin::Agent,
            _ => old.origin,
        };
        let before = size(&old);
        let entry = Entry {
            updated: act.now.wall,
            revision: old.revision.saturating_add(1),
            origin,
            content,
            ..old
        };
        let charge = Charge::bytes(size(&entry).saturating_sub(before));
        let changes = Changes::new().put(entry.clone(), blob);
        self.commit_charged(act.permit, &[(category, id)], changes, charge, act.now)?;
        if is_setting {
            self.recall_settings()?;
        }
        Ok(Answer::Entry(Box::new(entry)))
    }

    pub(super) fn delete(&mut self, act: Act, category: Category, id: RecordId) -> Result<Answer, Failure> {
        let gone = self.existing(category, id)?;
        let charge = Charge::back(&gone);
        // What is said of it alone goes with it.
        let day = self.day_of(id).map(|day| (Category::Settings, day));
        let records: Vec<_> = [(category, id)].into_iter().chain(day).collect();
        let changes = records.iter().fold(Changes::new(), |changes, (category, id)| {
            changes.remove(*category, *id)
        });
        self.commit_charged(act.permit, &records, changes, charge, act.now)?;
        if category == Category::Settings || day.is_some() {
            self.recall_settings()?;
        }
        Ok(Answer::Done)
    }

    pub(super) fn list(
        &mut self,
        act: Act,
        category: Category,
        after: Option<RecordId>,
        limit: u32,
    ) -> Result<Answer, Failure> {
        self.admit(act.permit, &[], act.now)?;
        self.whole(category)?;
        let limit = usize::try_from(limit.clamp(1, Operation::MOST_LISTED)).unwrap_or(1);
        let next = |after| {
            self.store
                .page(category, after, 1)
                .map_err(|error| failure::store(&error))
        };
        let mut page = next(after)?;
        let mut bytes: usize = page.entries.iter().map(size).sum();
        while page.more && page.entries.len() < limit && bytes < MOST_PAGE {
            let one = next(page.entries.last().map(|entry| entry.id))?;
            bytes += one.entries.iter().map(size).sum::<usize>();
            page.entries.extend(one.entries);
            page.more = one.more;
        }
        Ok(Answer::Page(page))
    }
}

/// About how much memory an entry takes.
pub(super) fn size(entry: &Entry) -> usize {
    let mut bytes = size_of::<Entry>();
    entry
        .content
        .record()
        .for_each_text(&mut |text| bytes = bytes.saturating_add(text.len()));
    match entry.content.record() {
        Record::Document(document) => bytes.saturating_add(document.thumbnail.bytes().len()),
        _ => bytes,
    }
}

/// What one `Add` is about to change.
pub(super) struct Batch {
    changes: Changes,
    added: Vec<Added>,
    new: Vec<(Category, RecordId)>,
    /// Documents whose bytes wait to be read.
    unread: Vec<RecordId>,
    ids: HashSet<RecordId>,
    settings: bool,
    charge: Charge,
    origin: Origin,
    import: bool,
    pub(super) now: Now,
}

impl Batch {
    pub(super) fn new(origin: Origin, import: bool, now: Now) -> Self {
        Self {
            changes: Changes::new(),
            added: Vec::new(),
            new: Vec::new(),
            unread: Vec::new(),
            ids: HashSet::new(),
            settings: false,
            charge: Charge::default(),
            origin,
            import,
            now,
        }
    }

    /// Whether it puts this record already.
    pub(super) fn holds(&self, id: RecordId) -> bool {
        self.ids.contains(&id)
    }

    /// Notes that a record is here already.
    pub(super) fn here(&mut self, id: RecordId) {
        self.added.push(Added::AlreadyHere(id));
    }

    /// A new record of this content.
    pub(super) fn make(&mut self, id: RecordId, content: Content) {
        let (now, origin) = (self.now.wall, self.origin);
        let entry = Entry {
            id,
            created: now,
            updated: now,
            revision: 1,
            origin,
            content,
        };
        self.put(entry, None);
    }

    /// An existing record with other content.
    pub(super) fn replace(&mut self, old: Entry, content: Content) {
        let entry = Entry {
            updated: self.now.wall,
            revision: old.revision.saturating_add(1),
            content,
            ..old
        };
        self.ids.insert(entry.id);
        self.new.push((entry.content.category(), entry.id));
        self.changes = std::mem::take(&mut self.changes).put(entry, None);
    }

    fn put(&mut self, entry: Entry, blob: Option<BlobRef>) {
        self.ids.insert(entry.id);
        if is_pending(entry.content.record()) {
            self.unread.push(entry.id);
        }
        self.new.push((entry.content.category(), entry.id));
        self.added.push(Added::New(entry.id));
        self.charge.add(&entry);
        self.changes = std::mem::take(&mut self.changes).put(entry, blob);
    }
}

pub(super) const fn origin(actor: &Actor, import: bool) -> Origin {
    match actor {
        Actor::Agent(_) => Origin::Agent,
        _ if import => Origin::Import,
        _ => Origin::Owner,
    }
}

pub(super) fn random_id() -> RecordId {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    RecordId::from_bytes(bytes)
}

pub(super) fn checked(record: Record) -> Result<Content, Failure> {
    Content::check(record)
        .map_err(|error| failure::invalid(error.to_string(), "mend that field and try again"))
}

fn check_setting(setting: &Setting) -> Result<(), Failure> {
    let mut settings = DeviceSettings::default();
    settings
        .apply(setting)
        .map_err(|error| failure::invalid(error.to_string(), "give it such a value"))
}

/// Whether a record is here already, whatever the device has found out about it since.
fn is_same(known: &Content, new: &Content) -> bool {
    match (known.record(), new.record()) {
        (Record::Document(known), Record::Document(new)) => known.is_same_file(new),
        (known, new) => known == new,
    }
}

/// The new content, with the fields that no one but the device sets as they were.
fn kept_by_device(old: &Entry, content: Content) -> Result<Content, Failure> {
    match (old.content.record(), content.record()) {
        (Record::Document(old), Record::Document(new)) => {
            let mut document = new.clone();
            keep_what_was_read(old, &mut document);
            checked(Record::Document(document))
        }
        (Record::Setting(old), Record::Setting(new)) if old.name != new.name => Err(failure::invalid(
            "a setting can't be renamed",
            "delete it and add the other one",
        )),
        (_, Record::Setting(new)) => check_setting(new).map(|()| content),
        _ => Ok(content),
    }
}
