//! The settings that the device itself obeys.

use std::time::Duration;

use thiserror::Error;

use crate::{Category, Setting};

/// What the device obeys, with its defaults.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeviceSettings {
    auto_lock: Option<Duration>,
    retention_days: Vec<(Category, Option<u32>)>,
}

/// A setting that the device would obey if it understood it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidSetting {
    /// `auto_lock_minutes`.
    #[error("auto_lock_minutes is a number of minutes from 0 (never) to 1440")]
    AutoLock,
    /// `retention_days.CATEGORY`.
    #[error(
        "retention_days.CATEGORY is a number of days from 1 to 36500, or 0 for ever; not for audit, secrets or settings"
    )]
    Retention,
    /// No setting has this name.
    #[error("no such setting: there are auto_lock_minutes and retention_days.CATEGORY")]
    Unknown,
}

impl Default for DeviceSettings {
    fn default() -> Self {
        Self {
            auto_lock: Some(Duration::from_secs(30 * 60)),
            retention_days: Vec::new(),
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(set("auto_lock_minutes", "1441").0, Err(InvalidSetting::AutoLock));
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
}
