//! Electronic books: pages of HTML inside a zip archive, in the order of their spine.

use std::collections::HashMap;

use pocket_core::Unreadable;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::archive::Archive;
use super::{Text, html};

/// Adds the chapters of a book.
pub(super) fn read(bytes: &[u8], text: &mut Text) -> Result<(), Unreadable> {
    let mut archive = Archive::open(bytes)?;
    let mut package = None;
    elements(&archive.needed("META-INF/container.xml")?, &mut |name, tag| {
        if name == "rootfile" && package.is_none() {
            package = attribute(tag, "full-path");
        }
    })?;
    let package = package.ok_or(Unreadable::Damaged)?;
    let folder = package.rsplit_once('/').map_or("", |(folder, _)| folder);
    let (mut files, mut order) = (HashMap::new(), Vec::new());
    elements(&archive.needed(&package)?, &mut |name, tag| match name {
        "item" => files.extend(attribute(tag, "id").zip(attribute(tag, "href"))),
        "itemref" => order.extend(attribute(tag, "idref")),
        _ => {}
    })?;
    let mut first = true;
    for chapter in order.iter().filter_map(|id| files.get(id)) {
        let Some(page) = archive.part(&inside(folder, chapter))? else {
            continue;
        };
        if !std::mem::take(&mut first) {
            text.begin_section();
        }
        html::read(&page, text);
    }
    Ok(())
}

/// The name of a part that is named from within `folder`.
fn inside(folder: &str, name: &str) -> String {
    let name = name.split('#').next().unwrap_or_default();
    let mut path: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(path.pop()),
            part => path.push(part),
        }
    }
    unquoted(&path.join("/"))
}

/// Without the percent signs of a web address.
fn unquoted(name: &str) -> String {
    let mut out = Vec::new();
    let mut rest = name.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Each element with its name, without the prefix.
fn elements(xml: &str, visit: &mut dyn FnMut(&str, &BytesStart<'_>)) -> Result<(), Unreadable> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    loop {
        match reader.read_event().map_err(|_| Unreadable::Damaged)? {
            Event::Start(tag) | Event::Empty(tag) => visit(tag.local_name().as_ref(), &tag),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    let value = attribute
        .normalized_value(quick_xml::XmlVersion::Implicit1_0)
        .ok()?;
    Some(value.into_owned())
}
