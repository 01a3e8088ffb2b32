//! What is typed, or stands in a line of text, and is read by code of our own survives any text; what was read is
//! written so that it reads back.
#![no_main]
use std::fmt::Display;
use std::str::FromStr;

use pocket_core::{
    AgentName, Category, DeviceSettings, Price, Profile, ProviderName, RecordId, Scopes, Setting, Timestamp,
    UpdateStatus, When,
};

libfuzzer_sys::fuzz_target!(|text: &str| {
    drop(text.parse::<AgentName>());
    reads_back::<Category>(text);
    reads_back::<Profile>(text);
    reads_back::<ProviderName>(text);
    reads_back::<RecordId>(text);
    reads_back::<Scopes>(text);
    reads_back::<Timestamp>(text);
    reads_back::<When>(text);
    drop(UpdateStatus::parse(text));
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    drop(Price::parse(name, value, "EUR"));
    let setting = Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    DeviceSettings::default().apply(&setting).unwrap_or_default();
});

fn reads_back<T: Display + FromStr>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let written = value.to_string();
        let again = written.parse::<T>().unwrap_or_else(|_| panic!("{written}"));
        assert_eq!(again.to_string(), written);
    }
}
