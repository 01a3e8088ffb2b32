//! The text of a page in HTML: what a reader would see, line by line.

use html5gum::{DefaultEmitter, Token, Tokenizer};

use super::Text;

/// Elements whose content nobody sees.
const HIDDEN: [&[u8]; 6] = [b"script", b"style", b"template", b"noscript", b"svg", b"math"];
/// Elements that stand on lines of their own.
const BLOCKS: [&[u8]; 36] = [
    b"address",
    b"article",
    b"aside",
    b"blockquote",
    b"body",
    b"br",
    b"caption",
    b"dd",
    b"div",
    b"dl",
    b"dt",
    b"fieldset",
    b"figcaption",
    b"figure",
    b"footer",
    b"form",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"header",
    b"hr",
    b"li",
    b"main",
    b"nav",
    b"ol",
    b"option",
    b"p",
    b"pre",
    b"section",
    b"table",
    b"title",
    b"tr",
    b"ul",
];

/// Adds the text of a page.
pub(super) fn read(page: &str, text: &mut Text) {
    let mut emitter = DefaultEmitter::default();
    // Scripts and styles end at their own end tags, whatever stands in them.
    emitter.naively_switch_states(true);
    let mut hidden: Option<Vec<u8>> = None;
    for token in Tokenizer::new_with_emitter(page, emitter) {
        let Ok(token) = token;
        if text.is_full() {
            return;
        }
        match token {
            Token::StartTag(tag) if hidden.is_none() => {
                if HIDDEN.contains(&tag.name.as_slice()) && !tag.self_closing {
                    hidden = Some(tag.name.to_vec());
                }
                separate(&tag.name, text);
            }
            Token::EndTag(tag) => {
                if hidden.as_deref() == Some(tag.name.as_slice()) {
                    hidden = None;
                }
                separate(&tag.name, text);
            }
            Token::String(words) if hidden.is_none() => push_words(&words, text),
            _ => {}
        }
    }
    text.end_line();
}

fn separate(tag: &[u8], text: &mut Text) {
    if BLOCKS.contains(&tag) {
        text.end_line();
    } else if matches!(tag, b"td" | b"th") && !matches!(text.last(), None | Some('\n' | '\t')) {
        text.push("\t");
    }
}

/// White space of whatever length is one space, and none begins a line.
fn push_words(words: &[u8], text: &mut Text) {
    let words = String::from_utf8_lossy(words);
    let space = |text: &mut Text| {
        if !matches!(text.last(), None | Some(' ' | '\n' | '\t' | '\u{c}')) {
            text.push(" ");
        }
    };
    if words.starts_with(char::is_whitespace) {
        space(text);
    }
    let mut between = false;
    for word in words.split_whitespace() {
        if between {
            space(text);
        }
        text.push(word);
        between = true;
    }
    if between && words.ends_with(char::is_whitespace) {
        space(text);
    }
}
