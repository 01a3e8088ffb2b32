//! Writing contacts as vCard 4.0 (RFC 6350).

use pocket_core::{Contact, Entry, Labelled, Record};
use serde_json::{Map, Value};

use crate::contacts::{CREATED, FIELDS, ID, LABEL, UPDATED, read_card};
use crate::front_matter::plain_json;
use crate::lossless;
use crate::unfold::{escape, fold};

/// Adds the entry's card to `out`.
pub(crate) fn append(entry: &Entry, contact: &Contact, out: &mut Vec<u8>) {
    let first = card(entry, contact, &Map::new());
    let read = String::from_utf8(first.clone()).ok();
    let read = read.and_then(|text| read_card(&text, true).ok());
    let record: &Record = entry.content.record();
    let lost = lossless::lost(record, read.as_ref().map(|item| item.content.record()));
    if lost.is_empty() {
        out.extend(first);
    } else {
        out.extend(card(entry, contact, &lost));
    }
}

fn card(entry: &Entry, contact: &Contact, lost: &Map<String, Value>) -> Vec<u8> {
    let mut card = Card {
        out: Vec::new(),
        groups: 0,
    };
    card.raw("BEGIN", "VCARD");
    card.raw("VERSION", "4.0");
    card.raw("UID", &format!("urn:uuid:{}", uuid(&entry.id.to_string())));
    card.text("FN", &contact.name);
    card.text("NICKNAME", &contact.nickname);
    card.text("ORG", &contact.organisation);
    card.text("TITLE", &contact.role);
    card.labelled("TEL", &contact.phones, escape);
    card.labelled("EMAIL", &contact.emails, escape);
    // Our addresses are one line, which is put where the street goes.
    card.labelled("ADR", &contact.addresses, |address| {
        format!(";;{};;;;", escape(address))
    });
    contact.urls.iter().for_each(|url| card.text("URL", url));
    card.birthday(&contact.birthday);
    card.text("NOTE", &contact.note);
    let tags: Vec<String> = contact.tags.iter().map(|tag| escape(tag)).collect();
    card.unless_empty("CATEGORIES", &tags.join(","));
    card.raw("REV", &compact(&entry.updated.to_string()));
    card.raw(ID, &entry.id.to_string());
    card.raw(CREATED, &entry.created.to_string());
    card.raw(UPDATED, &entry.updated.to_string());
    if !lost.is_empty() {
        card.text(FIELDS, &plain_json(&Value::Object(lost.clone())));
    }
    card.raw("END", "VCARD");
    card.out
}

struct Card {
    out: Vec<u8>,
    groups: usize,
}

impl Card {
    fn raw(&mut self, name: &str, value: &str) {
        fold(&mut self.out, name, value);
    }

    fn unless_empty(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.raw(name, value);
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        self.unless_empty(name, &escape(text));
    }

    /// Values with their labels: as types where they are such, else the way Apple's programs do.
    fn labelled(&mut self, name: &str, all: &[Labelled], spell: impl Fn(&str) -> String) {
        for Labelled { label, value } in all {
            let is_type = label.split(' ').all(|word| {
                !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
            });
            if label.is_empty() {
                self.raw(name, &spell(value));
            } else if is_type {
                let types = label.replace(' ', ",");
                self.raw(&format!("{name};TYPE={types}"), &spell(value));
            } else {
                self.groups += 1;
                let group = self.groups;
                self.raw(&format!("item{group}.{name}"), &spell(value));
                self.raw(&format!("item{group}.{LABEL}"), &escape(label));
            }
        }
    }

    fn birthday(&mut self, birthday: &str) {
        let is_date = birthday.len() == 10 && birthday.parse::<pocket_core::When>().is_ok();
        let is_day_of_year = birthday.len() == 7
            && birthday
                .strip_prefix("--")
                .is_some_and(|day| day.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()));
        if is_date {
            self.raw("BDAY", &birthday.replace('-', ""));
        } else if is_day_of_year {
            self.raw("BDAY", &format!("--{}", birthday.replace('-', "")));
        } else if !birthday.is_empty() {
            self.raw("BDAY;VALUE=text", &escape(birthday));
        }
    }
}

/// 32 hexadecimal digits in the form of a UUID (RFC 9562).
pub(crate) fn uuid(id: &str) -> String {
    let part = |from, to| id.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// An instant of RFC 3339 in UTC in the basic format of ISO 8601, to the second.
pub(crate) fn compact(instant: &str) -> String {
    let seconds = instant.split('.').next().unwrap_or(instant).trim_end_matches('Z');
    format!("{}Z", seconds.replace(['-', ':'], ""))
}
