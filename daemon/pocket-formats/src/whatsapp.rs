//! Reading the chats that WhatsApp exports as text. The form of a line depends on the telephone and
//! its language: `12/31/23, 9:41 PM - Ann: hello`, `31.12.23, 21:41 - Ann: hello`,
//! `[31/12/2023, 21:41:05] Ann: hello`.

mod dates;
mod header;

use pocket_core::{Conversation, Message, Record};

use crate::fit::{Fitter, Kept};
use crate::text::{cut, file_name, stem};
use crate::{At, Item, Parsed, Remark, Why};
use dates::Order;
use header::Header;

/// What the texts of one record may take together, with room for its title: 8 MiB less 8 KiB.
const MAX_BYTES: usize = 8 * 1024 * 1024 - 8 * 1024;
/// Longest name of a sender, in bytes; a longer one is part of a notice that holds a colon.
const MAX_SENDER: usize = 128;

/// Whether a text begins like a chat: its first line that is not empty is a message.
pub(crate) fn looks_like_chat(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.is_some_and(|line| Header::read(line).is_some())
}

/// Reads a chat; one that is too large for one record comes in parts.
pub(crate) fn read(path: &str, text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut raw = Vec::new();
    for (line, number) in text.lines().zip(1usize..) {
        match (Header::read(line), raw.last_mut()) {
            (Some(header), _) => raw.push(RawMessage::new(header)),
            (None, Some(RawMessage { text, .. })) => {
                text.push('\n');
                text.push_str(line);
            }
            (None, None) if line.trim().is_empty() => {}
            (None, None) => parsed.skip(At::Line(number), Why::BeforeFirstMessage),
        }
    }
    if raw.is_empty() {
        parsed.skip(At::File, Why::NoMessage);
        return parsed;
    }
    let order = Order::of(&raw);
    let mut remarks: Vec<Remark> = order.remark().into_iter().collect();
    let messages: Vec<Message> = raw
        .into_iter()
        .map(|raw| raw.finish(&order, &mut remarks))
        .collect();
    split(&title(path), messages, &remarks, &mut parsed);
    parsed
}

/// A message whose date has not been understood yet.
struct RawMessage<'a> {
    header: Header<'a>,
    from: &'a str,
    text: String,
}

impl<'a> RawMessage<'a> {
    fn new(header: Header<'a>) -> Self {
        let (from, text) = sender(header.rest);
        let text = text.to_owned();
        Self { header, from, text }
    }

    fn finish(self, order: &Order, remarks: &mut Vec<Remark>) -> Message {
        let at = order.when(&self.header);
        if at.is_none() {
            Remark::NoSuchDates.add_to(remarks);
        }
        if is_attachment(&self.text) {
            Remark::AttachmentsNamed.add_to(remarks);
        }
        let mut text = self.text;
        if text.len() + self.from.len() > MAX_BYTES {
            text = cut(&text, MAX_BYTES - self.from.len()).to_owned();
            Remark::CutMessage.add_to(remarks);
        }
        Message {
            at,
            from: self.from.to_owned(),
            text,
        }
    }
}

/// The sender and the text; a notice of the service has no sender.
fn sender(rest: &str) -> (&str, &str) {
    let split = rest
        .split_once(": ")
        .or_else(|| Some((rest.strip_suffix(':')?, "")));
    match split {
        Some((from, text))
            if !from.is_empty() && from.len() <= MAX_SENDER && !from.contains(['"', '“', '„', '«']) =>
        {
            (trim_marks(from), trim_marks(text))
        }
        _ => ("", trim_marks(rest)),
    }
}

/// Without the invisible marks that WhatsApp puts around names and notices.
fn trim_marks(text: &str) -> &str {
    text.trim_matches(is_mark)
}

fn is_mark(next: char) -> bool {
    matches!(next, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn is_attachment(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default().trim_end_matches(is_mark);
    first == "<Media omitted>"
        || first.ends_with("(file attached)")
        || first.starts_with("<attached: ")
        || (first.ends_with(" omitted") && first.len() < 40)
}

/// What the file name, or for `_chat.txt` the folder, says of whom the chat is with.
fn title(path: &str) -> String {
    let name = stem(path).trim();
    let name = if file_name(path).eq_ignore_ascii_case("_chat.txt") {
        let folder = path.rsplit_once('/').map_or("", |(folders, _)| folders);
        file_name(folder).trim()
    } else {
        name
    };
    const BEFORE: [&str; 8] = [
        "WhatsApp Chat with ",
        "WhatsApp Chat - ",
        "WhatsApp-Chat mit ",
        "WhatsApp-Chat - ",
        "Chat de WhatsApp con ",
        "Chat WhatsApp con ",
        "Discussion WhatsApp avec ",
        "Conversa do WhatsApp com ",
    ];
    let with = BEFORE.into_iter().find_map(|before| name.strip_prefix(before));
    match with.unwrap_or(name).trim() {
        "" => "WhatsApp chat".to_owned(),
        title => title.to_owned(),
    }
}

fn split(title: &str, messages: Vec<Message>, remarks: &[Remark], parsed: &mut Parsed) {
    let mut part = Vec::new();
    let mut parts = 0usize;
    let mut bytes = 0usize;
    for message in messages {
        let more = message.from.len() + message.text.len();
        if bytes + more > MAX_BYTES && !part.is_empty() {
            parts += 1;
            parsed.take(
                At::Part(parts),
                conversation(title, parts, std::mem::take(&mut part), remarks),
            );
            bytes = 0;
        }
        bytes += more;
        part.push(message);
    }
    parts += 1;
    parsed.take(At::Part(parts), conversation(title, parts, part, remarks));
}

fn conversation(title: &str, part: usize, messages: Vec<Message>, remarks: &[Remark]) -> Result<Item, Why> {
    let mut fitter = Fitter::default();
    remarks.iter().for_each(|remark| fitter.remark(*remark));
    let title = match part {
        1 => title.to_owned(),
        _ => format!("{} (part {part})", cut(title, 960)),
    };
    let conversation = Conversation {
        title: fitter.line(&title),
        channel: "whatsapp".to_owned(),
        tags: Vec::new(),
        messages,
    };
    fitter.finish(Record::Conversation(conversation), Kept::default())
}

#[cfg(test)]
#[path = "whatsapp_tests.rs"]
mod tests;
