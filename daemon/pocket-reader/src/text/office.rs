//! Office files: XML inside a zip archive.

use pocket_core::Unreadable;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::Text;
use super::archive::Archive;

/// A text document of Word.
pub(super) fn word(bytes: &[u8], text: &mut Text) -> Result<(), Unreadable> {
    let mut archive = Archive::open(bytes)?;
    paragraphs(&archive.needed("word/document.xml")?, text)?;
    for notes in ["word/footnotes.xml", "word/endnotes.xml", "word/comments.xml"] {
        if let Some(part) = archive.part(notes)? {
            text.end_line();
            paragraphs(&part, text)?;
        }
    }
    Ok(())
}

/// A presentation of PowerPoint: a page a slide.
pub(super) fn power_point(bytes: &[u8], text: &mut Text) -> Result<(), Unreadable> {
    let mut archive = Archive::open(bytes)?;
    for slide in archive.numbered("ppt/slides/slide", ".xml") {
        text.begin_page();
        paragraphs(&archive.needed(&slide)?, text)?;
    }
    Ok(())
}

/// Paragraphs `p` of runs of text `t`, as Word and PowerPoint have them.
fn paragraphs(xml: &str, text: &mut Text) -> Result<(), Unreadable> {
    let mut inside = false;
    walk(xml, text, &mut |event, text| match event {
        Part::Start("t") => inside = true,
        Part::End("t") => inside = false,
        Part::Text(words) if inside => text.push(words),
        Part::Start("tab") => text.push("\t"),
        Part::Start("br" | "cr") | Part::End("p") => text.end_line(),
        _ => {}
    })
}

/// A text, table or presentation of OpenDocument.
pub(super) fn open_document(bytes: &[u8], text: &mut Text) -> Result<(), Unreadable> {
    let xml = Archive::open(bytes)?.needed("content.xml")?;
    let mut depth = 0usize;
    walk(&xml, text, &mut |event, text| match event {
        Part::Start("p" | "h") => depth += 1,
        Part::End("p" | "h") => {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                text.end_line();
            }
        }
        Part::Start("page") => text.begin_page(),
        Part::Start("tab") => text.push("\t"),
        Part::Start("s") => text.push(" "),
        Part::Start("line-break") => text.end_line(),
        Part::Text(words) if depth > 0 => text.push(words),
        _ => {}
    })
}

/// A workbook of Excel: a line a row, cells separated by tabs.
pub(super) fn excel(bytes: &[u8], text: &mut Text) -> Result<(), Unreadable> {
    let mut archive = Archive::open(bytes)?;
    let shared = match archive.part("xl/sharedStrings.xml")? {
        Some(part) => shared_strings(&part)?,
        None => Vec::new(),
    };
    for sheet in archive.numbered("xl/worksheets/sheet", ".xml") {
        rows(&archive.needed(&sheet)?, &shared, text)?;
        text.end_line();
        text.push("\n");
    }
    Ok(())
}

/// Texts that cells name by their number.
fn shared_strings(xml: &str) -> Result<Vec<String>, Unreadable> {
    let (mut all, mut one, mut inside) = (Vec::new(), String::new(), false);
    walk(xml, &mut Text::default(), &mut |event, _| match event {
        Part::Start("t") => inside = true,
        Part::End("t") => inside = false,
        Part::Text(words) if inside => one.push_str(words),
        Part::End("si") => all.push(std::mem::take(&mut one)),
        _ => {}
    })?;
    Ok(all)
}

fn rows(xml: &str, shared: &[String], text: &mut Text) -> Result<(), Unreadable> {
    let (mut by_number, mut inside, mut value) = (false, false, String::new());
    let mut first = true;
    walk(xml, text, &mut |event, text| match event {
        Part::Start("row") => first = true,
        Part::Cell(kind) => by_number = kind == "s",
        Part::Start("v" | "t") => inside = true,
        Part::Text(words) if inside => value.push_str(words),
        Part::End("v" | "t") => inside = false,
        Part::End("c") => {
            let said = std::mem::take(&mut value);
            if !said.is_empty() {
                if !std::mem::take(&mut first) {
                    text.push("\t");
                }
                let named = by_number
                    .then(|| shared.get(said.parse::<usize>().ok()?))
                    .flatten();
                text.push(named.unwrap_or(&said));
            }
        }
        Part::End("row") => text.end_line(),
        _ => {}
    })
}

/// What stands in an XML file, element by element; names are without their prefix.
enum Part<'a> {
    /// A cell of a table, by the type that it declares.
    Cell(&'a str),
    End(&'a str),
    Start(&'a str),
    Text(&'a str),
}

/// Goes through an XML file. It is flat: however deep elements lie in one another, it costs nothing.
fn walk(xml: &str, text: &mut Text, visit: &mut dyn FnMut(Part<'_>, &mut Text)) -> Result<(), Unreadable> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    loop {
        if text.is_full() {
            return Ok(());
        }
        match reader.read_event().map_err(|_| Unreadable::Damaged)? {
            Event::Start(tag) => start(&tag, text, visit),
            Event::Empty(tag) => {
                start(&tag, text, visit);
                visit(Part::End(tag.local_name().as_ref()), text);
            }
            Event::End(tag) => visit(Part::End(tag.local_name().as_ref()), text),
            Event::Text(words) => visit(Part::Text(&words.xml10_content()), text),
            Event::CData(words) => visit(Part::Text(&words.xml10_content()), text),
            Event::GeneralRef(name) => {
                let mut letter = [0; 4];
                visit(Part::Text(entity(&name, &mut letter)), text);
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn start(tag: &BytesStart<'_>, text: &mut Text, visit: &mut dyn FnMut(Part<'_>, &mut Text)) {
    let name = tag.local_name();
    if name.as_ref() == "c" {
        let kind = tag.try_get_attribute("t").ok().flatten();
        let kind = kind.map(|kind| kind.value.into_owned()).unwrap_or_default();
        visit(Part::Cell(&kind), text);
    }
    visit(Part::Start(name.as_ref()), text);
}

/// The five entities that XML itself has, and characters by number. Others are a file's own, and are
/// never expanded.
fn entity<'a>(name: &quick_xml::events::BytesRef<'_>, letter: &'a mut [u8; 4]) -> &'a str {
    if let Ok(Some(character)) = name.resolve_char_ref() {
        return character.encode_utf8(letter);
    }
    quick_xml::escape::resolve_xml_entity(name).unwrap_or_default()
}
