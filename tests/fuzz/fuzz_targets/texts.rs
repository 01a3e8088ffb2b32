//! What is typed, or stands in a line of text, and is read by code of our own survives any text; what was read is
//! written so that it reads back.
#![no_main]
use std::fmt::Display;
use std::str::FromStr;

use pocket_core::{
    AgentName, BackupPlace, Category, DeviceSettings, Place, PlaceProtocol, PressFor, Price, Profile, Protocol,
    ProviderName, RecordId, Scopes, Setting, Timestamp, UpdateStatus, WebAddress, When,
};
use pocket_gateway::Exception;

libfuzzer_sys::fuzz_target!(|text: &str| {
    drop(text.parse::<AgentName>());
    reads_back::<Category>(text);
    reads_back::<Place>(text);
    reads_back::<PressFor>(text);
    reads_back::<Profile>(text);
    reads_back::<ProviderName>(text);
    reads_back::<RecordId>(text);
    reads_back::<Scopes>(text);
    reads_back::<Timestamp>(text);
    reads_back::<WebAddress>(text);
    reads_back::<When>(text);
    drop(text.parse::<Exception>());
    std::hint::black_box(text.parse::<Protocol>().is_ok());
    place(text);
    drop(UpdateStatus::parse(text));
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    drop(Price::parse(name, value, "EUR"));
    let setting = Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    DeviceSettings::default().apply(&setting).unwrap_or_default();
});

/// Where backups are sent: the address, who logs in, the region, and the name of an archive that is to lie there.
fn place(text: &str) {
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default().to_owned();
    let Ok(folder) = next().parse() else { return };
    let (user, region, name) = (next(), next(), next());
    let secret = user.clone();
    let place = BackupPlace { protocol: PlaceProtocol::S3 { region }, folder, user, secret };
    let Ok(place) = place.checked() else { return };
    let Some(address) = place.address_of(&name) else { return };
    assert!(address.path().strip_prefix(place.folder.path()).is_some_and(|rest| rest == name && !rest.contains('/')));
}

fn reads_back<T: Display + FromStr>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let written = value.to_string();
        let again = written.parse::<T>().unwrap_or_else(|_| panic!("{written}"));
        assert_eq!(again.to_string(), written);
    }
}
