//! Markdown as HTML that can do no harm.
//!
//! The parser's events are filtered before they become HTML, so nothing has to be cleaned afterwards:
//! raw HTML is shown as the text that it is, links lead only where a known scheme leads, and nothing
//! is loaded from anywhere.

use form_urlencoded::byte_serialize;
use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html};

/// Longest text that is rendered, in bytes; longer ones are shown as they are.
const LONGEST: usize = 512 * 1024;
/// Schemes that a link of a note may have. `javascript:` and `data:` would act on this very page.
const SCHEMES: [&str; 5] = ["http://", "https://", "mailto:", "tel:", "#"];

/// The HTML of a note; `None` when it is too long to render.
pub(crate) fn render(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        return None;
    }
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_WIKILINKS;
    let mut safe = Safe::default();
    let events = Parser::new_ext(text, options).flat_map(|event| safe.pass(event));
    let mut out = String::with_capacity(text.len() * 2);
    html::push_html(&mut out, events);
    Some(out)
}

/// What the filter has to remember.
#[derive(Default)]
struct Safe {
    /// Open links and images: whether their end is shown.
    open: Vec<bool>,
    /// Inside code, where `#` is no tag.
    code: bool,
}

impl Safe {
    fn pass<'a>(&mut self, event: Event<'a>) -> Vec<Event<'a>> {
        match event {
            Event::Html(text) | Event::InlineHtml(text) => vec![Event::Text(text)],
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) if !self.code && self.open.is_empty() => with_tags(&text),
            Event::TaskListMarker(done) => {
                vec![Event::Text(if done { "\u{2611} " } else { "\u{2610} " }.into())]
            }
            other => vec![other],
        }
    }

    fn start<'a>(&mut self, tag: Tag<'a>) -> Vec<Event<'a>> {
        let tag = match tag {
            // The title of the page is its only first heading.
            Tag::Heading {
                level, classes: _, ..
            } => Tag::Heading {
                level: lower(level),
                id: None,
                classes: Vec::new(),
                attrs: Vec::new(),
            },
            // Alignment would be a style inside the page.
            Tag::Table(_) => Tag::Table(Vec::new()),
            Tag::CodeBlock(kind) => {
                self.code = true;
                Tag::CodeBlock(kind)
            }
            // A picture from elsewhere would be a request to there: it is a link to press.
            Tag::Link {
                link_type, dest_url, ..
            }
            | Tag::Image {
                link_type, dest_url, ..
            } => match address(link_type, &dest_url).filter(|_| !self.open.contains(&true)) {
                Some(dest_url) => {
                    self.open.push(true);
                    Tag::Link {
                        link_type: LinkType::Inline,
                        dest_url,
                        title: CowStr::Borrowed(""),
                        id: CowStr::Borrowed(""),
                    }
                }
                None => {
                    self.open.push(false);
                    return Vec::new();
                }
            },
            Tag::HtmlBlock => Tag::Paragraph,
            other => other,
        };
        vec![Event::Start(tag)]
    }

    fn end<'a>(&mut self, tag: TagEnd) -> Vec<Event<'a>> {
        let tag = match tag {
            TagEnd::Heading(level) => TagEnd::Heading(lower(level)),
            TagEnd::Link | TagEnd::Image => match self.open.pop() {
                Some(true) => TagEnd::Link,
                _ => return Vec::new(),
            },
            TagEnd::CodeBlock => {
                self.code = false;
                TagEnd::CodeBlock
            }
            TagEnd::HtmlBlock => TagEnd::Paragraph,
            other => other,
        };
        vec![Event::End(tag)]
    }
}

const fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H2,
        HeadingLevel::H2 => HeadingLevel::H3,
        HeadingLevel::H3 => HeadingLevel::H4,
        HeadingLevel::H4 => HeadingLevel::H5,
        HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

/// Where a link leads; nowhere if that could do harm.
fn address<'a>(kind: LinkType, to: &str) -> Option<CowStr<'a>> {
    if matches!(kind, LinkType::WikiLink { .. }) {
        return Some(format!("/notes/named?title={}", encoded(to)).into());
    }
    if matches!(kind, LinkType::Email) {
        return Some(format!("mailto:{to}").into());
    }
    let plain = !to.chars().any(char::is_control);
    let begins = |scheme: &str| {
        to.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    (plain && SCHEMES.iter().any(|scheme| begins(scheme))).then(|| to.to_owned().into())
}

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

/// A text with its `#tags` as links to the notes that have them.
fn with_tags<'a>(text: &str) -> Vec<Event<'a>> {
    let mut events = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('#') {
        let (before, after) = rest.split_at(at);
        let tag = tag_at(after);
        let alone = before
            .chars()
            .next_back()
            .or_else(|| plain.chars().next_back())
            .is_none_or(char::is_whitespace);
        plain.push_str(before);
        if tag.is_empty() || !alone {
            plain.push('#');
            rest = after.get(1..).unwrap_or_default();
            continue;
        }
        events.push(Event::Text(std::mem::take(&mut plain).into()));
        events.push(Event::Start(Tag::Link {
            link_type: LinkType::Inline,
            dest_url: format!("/records/notes?tag={}", encoded(tag)).into(),
            title: CowStr::Borrowed(""),
            id: CowStr::Borrowed(""),
        }));
        events.push(Event::Text(format!("#{tag}").into()));
        events.push(Event::End(TagEnd::Link));
        rest = after.get(1 + tag.len()..).unwrap_or_default();
        plain.clear();
        if rest.is_empty() {
            return events;
        }
        // What follows a tag directly is no new tag.
        let next = rest.chars().next().map_or(0, char::len_utf8);
        plain.push_str(rest.get(..next).unwrap_or_default());
        rest = rest.get(next..).unwrap_or_default();
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        events.push(Event::Text(plain.into()));
    }
    events
}

/// The name behind a `#`: letters, digits, `-`, `_`, `/`, with a letter among them.
fn tag_at(text: &str) -> &str {
    let name = text.get(1..).unwrap_or_default();
    let is_part = |c: char| c.is_alphanumeric() || "-_/".contains(c);
    let end = name.find(|c: char| !is_part(c)).unwrap_or(name.len());
    let name = name.get(..end).unwrap_or_default();
    if name.chars().any(char::is_alphabetic) {
        name
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        render(text).unwrap()
    }

    #[test]
    fn the_usual_is_rendered_and_headings_step_down() {
        let html =
            html("# One\n\n*a* **b** `c` ~~d~~\n\n- [x] done\n- [ ] open\n\n| a | b |\n|--:|---|\n| 1 | 2 |");
        for part in [
            "<h2>One</h2>",
            "<em>a</em>",
            "<strong>b</strong>",
            "<del>d</del>",
            "\u{2611} done",
            "<th>a</th>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("style=") && !html.contains("<input"), "{html}");
    }

    #[test]
    fn nothing_that_acts_gets_through() {
        for attack in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<svg onload=alert(1)>",
            "a <b onclick=x>b</b>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](data:text/html,<script>)",
            "[x](  javascript:alert(1))",
            "[x](java&#115;cript:alert(1))",
            "[x](&#1;javascript:alert(1))",
            "[x](vbscript:x)",
            "![x](javascript:alert(1))",
            "<javascript:alert(1)>",
            "[x]: javascript:alert(1)\n\n[x]",
            "[![x](https://a.example/i.png)](javascript:alert(1))",
            "[x](//evil.example)",
            "<a href=\"https://x\">\n\n<iframe src=x>",
        ] {
            let html = html(attack);
            let unsafe_parts = [
                "<script",
                "<img",
                "<svg",
                "<b ",
                "<iframe",
                "href=\"java",
                "href=\"data",
                "href=\"vb",
                "href=\"//",
                "href=\"JaVa",
            ];
            for part in unsafe_parts {
                assert!(!html.contains(part), "{attack}: {html}");
            }
        }
    }

    #[test]
    fn a_picture_from_elsewhere_is_a_link() {
        let html = html("![cat](https://a.example/cat.png)");
        assert_eq!(html, "<p><a href=\"https://a.example/cat.png\">cat</a></p>\n");
    }

    #[test]
    fn wiki_links_and_tags_lead_to_notes() {
        let html = html("See [[Doctor & Co|her]] #health/blood, not a#b, #1 or `#code`.");
        assert!(
            html.contains("<a href=\"/notes/named?title=Doctor+%26+Co\">her</a>"),
            "{html}"
        );
        assert!(
            html.contains("<a href=\"/records/notes?tag=health%2Fblood\">#health/blood</a>, not a#b, #1 or"),
            "{html}"
        );
        assert!(html.contains("<code>#code</code>"));
    }

    #[test]
    fn deep_nesting_and_odd_text_end() {
        for text in [
            ">".repeat(5000),
            "[".repeat(5000),
            "*a".repeat(5000),
            "#".repeat(5000),
            "\0\u{202e}".to_owned(),
        ] {
            assert!(render(&text).is_some());
        }
        assert!(render(&"x".repeat(LONGEST + 1)).is_none());
    }
}
