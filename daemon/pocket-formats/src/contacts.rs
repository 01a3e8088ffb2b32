//! Reading contacts from vCard 2.1 (with quoted-printable), 3.0 and 4.0 (RFC 6350).

use calcard::vcard::{VCard, VCardEntry, VCardParameterName, VCardProperty, VCardValue};
use calcard::{Entry, Parser, common::PartialDateTime};
use pocket_core::{Contact, Labelled, Record};
use serde_json::{Map, Value};

use crate::fit::{Fitter, Kept, MAX_LIST};
use crate::markdown::instant;
use crate::unfold::{Part, parts};
use crate::{At, Item, Parsed, Remark, Why};

/// The properties in which an export keeps what vCard has no place for.
pub(crate) const ID: &str = "X-POCKETAI-ID";
pub(crate) const CREATED: &str = "X-POCKETAI-CREATED";
pub(crate) const UPDATED: &str = "X-POCKETAI-UPDATED";
pub(crate) const FIELDS: &str = "X-POCKETAI-FIELDS";
/// The label that Apple's programs give a property of the same group.
pub(crate) const LABEL: &str = "X-ABLABEL";

/// Reads a stream of cards.
pub(crate) fn read(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut cards = 0usize;
    for part in parts(text) {
        match part {
            Part::Component { kind, text, closed } if kind == "VCARD" => {
                cards += 1;
                parsed.take(At::Card(cards), read_card(&text, closed));
            }
            Part::Component { .. } => parsed.skip(At::File, Why::NoContact),
            Part::Line(_) => {}
        }
    }
    if cards == 0 {
        parsed.skip(At::File, Why::NoCard);
    }
    parsed
}

/// Reads one card, from `BEGIN` to `END`.
pub(crate) fn read_card(text: &str, closed: bool) -> Result<Item, Why> {
    let Entry::VCard(card) = Parser::new(text).entry() else {
        return Err(Why::UnreadableCard);
    };
    let mut fitter = Fitter::default();
    if !closed {
        fitter.remark(Remark::CardCutOff);
    }
    let reader = CardReader { card: &card };
    let kept = reader.kept();
    let contact = reader.contact(&mut fitter);
    if contact.name.is_empty() && !kept.fields.contains_key("name") {
        return Err(Why::Nameless);
    }
    fitter.finish(Record::Contact(contact), kept)
}

struct CardReader<'a> {
    card: &'a VCard,
}

impl CardReader<'_> {
    fn contact(&self, fitter: &mut Fitter) -> Contact {
        let organisation = self.organisation();
        let emails = self.labelled(&VCardProperty::Email, fitter, |entry| {
            bare_uri(&text_of(entry, ", "), "mailto:")
        });
        let phones = self.labelled(&VCardProperty::Tel, fitter, |entry| {
            bare_uri(&text_of(entry, ";"), "tel:")
        });
        let tags = self.entries(&VCardProperty::Categories).flat_map(texts);
        let urls = self.entries(&VCardProperty::Url).map(|entry| text_of(entry, ","));
        let name = self
            .name()
            .or_else(|| Some(organisation.clone()).filter(|name| !name.trim().is_empty()))
            .or_else(|| emails.first().map(|email| email.value.clone()))
            .or_else(|| phones.first().map(|phone| phone.value.clone()))
            .unwrap_or_default();
        self.remark_left_out(fitter);
        Contact {
            name: fitter.line(&name),
            nickname: fitter.line(&self.joined(&VCardProperty::Nickname, ", ")),
            role: self.role(),
            addresses: self.labelled(&VCardProperty::Adr, fitter, address),
            urls: fitter.list(urls.filter(|url| !url.is_empty()).collect()),
            birthday: fitter.line(&self.joined(&VCardProperty::Bday, ", ")),
            note: self.note(),
            tags: fitter.tags(tags),
            organisation,
            phones,
            emails,
        }
    }

    fn kept(&self) -> Kept {
        let own = |name| self.other(name).map(|entry| text_of(entry, ";"));
        let standard = |property| self.entries(property).next().map(|entry| text_of(entry, ";"));
        let fields = own(FIELDS).and_then(|json| serde_json::from_str::<Map<String, Value>>(&json).ok());
        let time = |name, property| {
            own(name)
                .or_else(|| standard(property))
                .and_then(|text| instant(&text))
        };
        Kept {
            id: own(ID).and_then(|id| id.parse().ok()),
            created: time(CREATED, &VCardProperty::Created),
            updated: time(UPDATED, &VCardProperty::Rev),
            fields: fields.unwrap_or_default(),
        }
    }

    fn entries<'b>(&'b self, property: &'b VCardProperty) -> impl Iterator<Item = &'b VCardEntry> {
        self.card.properties(property)
    }

    fn other(&self, name: &str) -> Option<&VCardEntry> {
        self.card.entries.iter().find(|entry| is_other(entry, name))
    }

    fn joined(&self, property: &VCardProperty, separator: &str) -> String {
        let all: Vec<String> = self.entries(property).flat_map(texts).collect();
        all.join(separator)
    }

    /// The name as shown, or put together from its parts.
    fn name(&self) -> Option<String> {
        let shown = self.entries(&VCardProperty::Fn).map(|entry| text_of(entry, ";"));
        let parts = self.entries(&VCardProperty::N).map(|entry| {
            // Family; given; additional; prefixes; suffixes (RFC 6350, section 6.2.2).
            let part = |at| {
                entry
                    .values
                    .get(at)
                    .map(|value| value_text(value, " "))
                    .unwrap_or_default()
            };
            let all = [part(3), part(1), part(2), part(0), part(4)];
            let all = all.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
            all.collect::<Vec<_>>().join(" ")
        });
        shown.chain(parts).find(|name| !name.trim().is_empty())
    }

    fn organisation(&self) -> String {
        self.entries(&VCardProperty::Org)
            .map(|entry| text_of(entry, ", "))
            .find(|name| !name.is_empty())
            .unwrap_or_default()
    }

    fn role(&self) -> String {
        let titles = self.entries(&VCardProperty::Title);
        let mut all: Vec<String> = titles
            .chain(self.entries(&VCardProperty::Role))
            .map(|entry| text_of(entry, ";"))
            .filter(|role| !role.is_empty())
            .collect();
        all.dedup();
        all.join(", ")
    }

    /// The remarks, and what else the card says in words.
    fn note(&self) -> String {
        let notes = self
            .entries(&VCardProperty::Note)
            .map(|entry| text_of(entry, ";"));
        let named = self.card.entries.iter().filter_map(|entry| {
            let name = match &entry.name {
                VCardProperty::Anniversary => "Anniversary",
                VCardProperty::Impp => "Chat",
                VCardProperty::Related => "Related",
                VCardProperty::Socialprofile => "Profile",
                VCardProperty::Other(name) if name.eq_ignore_ascii_case("X-SOCIALPROFILE") => "Profile",
                _ => return None,
            };
            Some(format!("{name}: {}", text_of(entry, ";")))
        });
        let all: Vec<String> = notes.chain(named).collect();
        all.join("\n")
    }

    fn labelled(
        &self,
        property: &VCardProperty,
        fitter: &mut Fitter,
        value: impl Fn(&VCardEntry) -> String,
    ) -> Vec<Labelled> {
        let single_line = *property != VCardProperty::Adr;
        let mut all = Vec::new();
        // Finding a label looks through the whole card: stop where the rest is dropped anyway.
        for entry in self.entries(property).take(2 * MAX_LIST) {
            let mut value = value(entry);
            if single_line {
                value = fitter.line(&value);
            }
            if !value.is_empty() {
                let label = self.label(entry);
                all.push(Labelled { label, value });
            }
        }
        fitter.list(all)
    }

    /// What the property is for: Apple's label of its group, else its types.
    fn label(&self, entry: &VCardEntry) -> String {
        let group = entry.group.as_deref();
        let named = group.and_then(|group| {
            let mut labels = self.card.entries.iter().filter(|entry| is_other(entry, LABEL));
            labels.find(|label| label.group.as_deref() == Some(group))
        });
        if let Some(label) = named {
            let text = text_of(label, ";");
            let builtin = text
                .strip_prefix("_$!<")
                .and_then(|text| text.strip_suffix(">!$_"));
            return builtin.map_or_else(|| text.clone(), str::to_lowercase);
        }
        let types = entry
            .params
            .iter()
            .filter(|param| param.name == VCardParameterName::Type);
        let mut words: Vec<String> = Vec::new();
        for word in types.filter_map(|param| param.value.as_text()) {
            let word = word.to_lowercase();
            let says_something = !matches!(word.as_str(), "pref" | "voice" | "internet" | "x-internet" | "");
            if says_something && !words.contains(&word) {
                words.push(word);
            }
        }
        words.join(" ")
    }

    fn remark_left_out(&self, fitter: &mut Fitter) {
        for entry in &self.card.entries {
            match entry.name {
                VCardProperty::Photo => fitter.remark(Remark::Photo),
                VCardProperty::Logo => fitter.remark(Remark::Logo),
                VCardProperty::Sound => fitter.remark(Remark::Sound),
                VCardProperty::Key => fitter.remark(Remark::Key),
                VCardProperty::Geo => fitter.remark(Remark::Geo),
                _ => {}
            }
        }
    }
}

fn is_other(entry: &VCardEntry, name: &str) -> bool {
    matches!(&entry.name, VCardProperty::Other(other) if other.eq_ignore_ascii_case(name))
}

/// The values of a property as texts, empty ones left out.
fn texts(entry: &VCardEntry) -> impl Iterator<Item = String> {
    let texts = entry.values.iter().map(|value| value_text(value, ", "));
    texts
        .map(|text| text.replace("\r\n", "\n"))
        .filter(|text| !text.trim().is_empty())
}

fn text_of(entry: &VCardEntry, separator: &str) -> String {
    texts(entry).collect::<Vec<_>>().join(separator)
}

/// The text of a value; one with several parts has `separator` between them.
fn value_text(value: &VCardValue, separator: &str) -> String {
    match value {
        VCardValue::Boolean(bool) => bool.to_string(),
        VCardValue::Component(parts) => {
            let parts = parts.iter().filter(|part| !part.trim().is_empty());
            parts.map(String::as_str).collect::<Vec<_>>().join(separator)
        }
        VCardValue::Float(number) => number.to_string(),
        VCardValue::Integer(number) => number.to_string(),
        VCardValue::PartialDateTime(date) => date_text(date),
        VCardValue::Binary(data) => String::from_utf8_lossy(&data.data).into_owned(),
        VCardValue::GramGender(_) | VCardValue::Kind(_) | VCardValue::Sex(_) | VCardValue::Text(_) => {
            value.as_text().unwrap_or_default().to_owned()
        }
    }
}

/// A date that may lack its year (`--04-12`), with its time if it has one.
fn date_text(date: &PartialDateTime) -> String {
    let mut text = match (date.year, date.month, date.day) {
        (Some(year), Some(month), Some(day)) => format!("{year:04}-{month:02}-{day:02}"),
        (Some(year), Some(month), None) => format!("{year:04}-{month:02}"),
        (Some(year), None, _) => format!("{year:04}"),
        (None, Some(month), Some(day)) => format!("--{month:02}-{day:02}"),
        (None, Some(month), None) => format!("--{month:02}"),
        (None, None, Some(day)) => format!("---{day:02}"),
        (None, None, None) => String::new(),
    };
    if let Some(hour) = date.hour {
        let (minute, second) = (date.minute.unwrap_or(0), date.second.unwrap_or(0));
        text.push_str(&format!("T{hour:02}:{minute:02}:{second:02}"));
        text.push_str(&zone_text(date));
    }
    text
}

/// The offset from UTC of a date's time, `Z` for none; empty when it names no zone.
pub(crate) fn zone_text(date: &PartialDateTime) -> String {
    let sign = if date.tz_minus { '-' } else { '+' };
    match (date.tz_hour, date.tz_minute.unwrap_or(0)) {
        (None, _) => String::new(),
        (Some(0), 0) => "Z".to_owned(),
        (Some(hour), minute) => format!("{sign}{hour:02}:{minute:02}"),
    }
}

/// A postal address on one line.
fn address(entry: &VCardEntry) -> String {
    let text = text_of(entry, ", ");
    let lines = text
        .split(['\n', '\r'])
        .map(|line| line.trim().trim_end_matches(','));
    lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

fn bare_uri(text: &str, scheme: &str) -> String {
    if crate::text::starts_with_ignoring_case(text, scheme) {
        text.get(scheme.len()..).unwrap_or_default().to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
#[path = "contacts_tests.rs"]
mod tests;
