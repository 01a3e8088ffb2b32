//! The settings that the device itself obeys.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use crate::{Category, Entry, Record, RecordId, Setting, Timestamp, When};

/// The beginning of the name of a setting about one record.
const KEEP_UNTIL: &str = "keep_until.";

/// What the device obeys, with its defaults.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeviceSettings {
    auto_lock: Option<Duration>,
    retention_days: Vec<(Category, Option<u32>)>,
    keep_until: BTreeMap<RecordId, When>,
}

/// A setting that the device would obey if it understood it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidSetting {
    /// `auto_lock_minutes`.
    #[error("auto_lock_minutes is a number of minutes from 0 (never) to 1440")]
    AutoLock,
    /// `keep_until.ID`.
    #[error(
        "keep_until.ID names a record by its 32 hexadecimal digits in small letters, and a day or a time: 2027-01-31"
    )]
    KeepUntil,
    /// `retention_days.CATEGORY`.
    #[error(
        "retention_days.CATEGORY is a number of days from 1 to 36500, or 0 for ever; not for audit, secrets or settings"
    )]
    Retention,
    /// No setting has this name.
    #[error("no such setting: there are auto_lock_minutes, retention_days.CATEGORY and keep_until.ID")]
    Unknown,
}

impl Default for DeviceSettings {
    fn default() -> Self {
        Self {
            auto_lock: Some(Duration::from_secs(30 * 60)),
            retention_days: Vec::new(),
            keep_until: BTreeMap::new(),
        }
    }
}

impl DeviceSettings {
    /// Takes one setting in.
    ///
    /// # Errors
    /// [`InvalidSetting`] when the name is unknown or the value out of range; nothing changes then.
    pub fn apply(&mut self, setting: &Setting) -> Result<(), InvalidSetting> {
        if setting.name == "auto_lock_minutes" {
            let minutes: u64 = setting.value.parse().map_err(|_| InvalidSetting::AutoLock)?;
            if minutes > 1440 {
                return Err(InvalidSetting::AutoLock);
            }
            self.auto_lock = (minutes > 0).then(|| Duration::from_secs(minutes * 60));
            return Ok(());
        }
        if let Some(id) = setting.name.strip_prefix(KEEP_UNTIL) {
            let text = id;
            let id: RecordId = text.parse().map_err(|_| InvalidSetting::KeepUntil)?;
            // One record, one name: in capitals it would be a second setting beside the first.
            if id.to_string() != text {
                return Err(InvalidSetting::KeepUntil);
            }
            let until = setting.value.parse().map_err(|_| InvalidSetting::KeepUntil)?;
            self.keep_until.insert(id, until);
            return Ok(());
        }
        let category = setting
            .name
            .strip_prefix("retention_days.")
            .ok_or(InvalidSetting::Unknown)?;
        let category: Category = category.parse().map_err(|_| InvalidSetting::Retention)?;
        let days: u32 = setting.value.parse().map_err(|_| InvalidSetting::Retention)?;
        let fixed = matches!(category, Category::Audit | Category::Secrets | Category::Settings);
        if fixed || days > 36_500 {
            return Err(InvalidSetting::Retention);
        }
        self.retention_days.retain(|(known, _)| *known != category);
        self.retention_days.push((category, (days > 0).then_some(days)));
        Ok(())
    }

    /// How long the owner may be idle before the vault locks; `None` is for ever.
    pub const fn auto_lock(&self) -> Option<Duration> {
        self.auto_lock
    }

    /// How long a record of `category` is kept after its last change; `None` is for ever.
    pub fn retention(&self, category: Category) -> Option<Duration> {
        let set = self
            .retention_days
            .iter()
            .find(|(known, _)| *known == category)
            .map(|(_, days)| *days);
        let days = set.unwrap_or_else(|| category.default_retention_days())?;
        Some(Duration::from_secs(u64::from(days) * 24 * 60 * 60))
    }

    /// Whether a record has a day of its own.
    pub fn has_day(&self, id: RecordId) -> bool {
        self.keep_until.contains_key(&id)
    }

    /// Which records have a day of their own that is over.
    pub fn over(&self, now: Timestamp) -> impl Iterator<Item = RecordId> {
        let over = self
            .keep_until
            .iter()
            .filter(move |(_, until)| until.is_past(now));
        over.map(|(id, _)| *id)
    }

    /// Whether a record has been kept as long as it should be: until its own day, if it has one, else for as
    /// long as its category keeps them. A setting that says so of a record goes with it.
    pub fn is_old(&self, entry: &Entry, now: Timestamp) -> bool {
        let record = entry.content.record();
        if let Record::Setting(setting) = record {
            let id = setting
                .name
                .strip_prefix(KEEP_UNTIL)
                .and_then(|id| id.parse().ok());
            return id.is_some_and(|id| self.own_day(id, now) == Some(true));
        }
        self.own_day(entry.id, now).unwrap_or_else(|| {
            self.retention(record.category())
                .is_some_and(|kept| now.since(entry.updated) > kept)
        })
    }

    /// Whether a record's own day is over; `None` when it has none.
    fn own_day(&self, id: RecordId, now: Timestamp) -> Option<bool> {
        self.keep_until.get(&id).map(|until| until.is_past(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(updated: Timestamp) -> Entry {
        Entry {
            id: RecordId::from_bytes([7; 16]),
            created: updated,
            updated,
            revision: 1,
            origin: crate::Origin::Owner,
            content: crate::Content::check(Record::Note(crate::Note {
                title: "n".to_owned(),
                ..crate::Note::default()
            }))
            .unwrap(),
        }
    }

    #[test]
    fn a_records_own_day_counts_before_what_its_category_says_both_ways() {
        let now: Timestamp = "2026-11-22T10:30:00Z".parse().unwrap();
        let (young, old) = (note(now), note("2020-01-01T00:00:00Z".parse().unwrap()));
        let name = format!("keep_until.{}", young.id);
        let (_, mut settings) = set("retention_days.notes", "30");
        assert!(settings.is_old(&old, now) && !settings.is_old(&young, now));
        for (until, over) in [("2026-11-22", false), ("2026-11-21", true), ("2027-01-01", false)] {
            let setting = Setting {
                name: name.clone(),
                value: until.to_owned(),
            };
            settings.apply(&setting).unwrap();
            let itself = Entry {
                id: RecordId::from_bytes([8; 16]),
                content: crate::Content::check(Record::Setting(setting)).unwrap(),
                ..young.clone()
            };
            for entry in [&young, &old, &itself] {
                assert_eq!(settings.is_old(entry, now), over, "{until}");
            }
            assert_eq!(settings.over(now).count(), usize::from(over), "{until}");
        }
        for (name, value) in [("keep_until.12", "2026-11-22"), (name.as_str(), "soon")] {
            assert_eq!(set(name, value).0, Err(InvalidSetting::KeepUntil), "{name}");
        }
        // In capitals it would be a second setting of the same record.
        let id = RecordId::from_bytes([0xab; 16]);
        let (small, capitals) = (id.to_string(), id.to_string().to_uppercase());
        let outcome = |id: &str| set(&format!("keep_until.{id}"), "2027-01-31");
        assert_eq!(outcome(&capitals).0, Err(InvalidSetting::KeepUntil));
        let (taken, settings) = outcome(&small);
        assert_eq!((taken, settings.has_day(id)), (Ok(()), true));
        assert!(!settings.has_day(young.id));
    }

    fn set(name: &str, value: &str) -> (Result<(), InvalidSetting>, DeviceSettings) {
        let mut settings = DeviceSettings::default();
        let outcome = settings.apply(&Setting {
            name: name.to_owned(),
            value: value.to_owned(),
        });
        (outcome, settings)
    }

    #[test]
    fn settings_are_obeyed_or_refused_by_name() {
        assert_eq!(
            set("auto_lock_minutes", "5").1.auto_lock(),
            Some(Duration::from_secs(300))
        );
        assert_eq!(set("auto_lock_minutes", "0").1.auto_lock(), None);
        assert_eq!(set("auto_lock_minutes", "1440").0, Ok(()));
        assert_eq!(set("auto_lock_minutes", "1441").0, Err(InvalidSetting::AutoLock));
        assert_eq!(set("retention_days.notes", "36500").0, Ok(()));
        for days in ["36501", "40000", "-1", "4294967296"] {
            assert_eq!(
                set("retention_days.notes", days).0,
                Err(InvalidSetting::Retention)
            );
        }
        let (outcome, settings) = set("retention_days.notes", "1");
        assert_eq!(outcome, Ok(()));
        assert_eq!(
            settings.retention(Category::Notes),
            Some(Duration::from_secs(86_400))
        );
        assert_eq!(settings.retention(Category::Memory), None);
        assert_eq!(
            set("retention_days.outbox", "0").1.retention(Category::Outbox),
            None
        );
        assert_eq!(set("retention_days.audit", "1").0, Err(InvalidSetting::Retention));
        assert_eq!(set("colour", "blue").0, Err(InvalidSetting::Unknown));
    }

    #[test]
    fn what_is_set_last_counts_and_each_category_for_itself() {
        let mut settings = DeviceSettings::default();
        for (category, days) in [("notes", "3"), ("tasks", "5"), ("notes", "7")] {
            let (name, value) = (format!("retention_days.{category}"), days.to_owned());
            assert_eq!(settings.apply(&Setting { name, value }), Ok(()));
        }
        let days = |category| settings.retention(category).map(|kept| kept.as_secs() / 86_400);
        assert_eq!((days(Category::Notes), days(Category::Tasks)), (Some(7), Some(5)));
        let entry = note(Timestamp::from_millis(1_000_000_000));
        let week = entry.updated.plus(Duration::from_secs(7 * 86_400));
        assert!(
            !settings.is_old(&entry, week),
            "a week is not over on its last moment"
        );
        assert!(settings.is_old(&entry, week.plus(Duration::from_millis(1))));
    }
}
