//! Finding `#tags` in the text of a note, the way Obsidian does.

use crate::text::cut;

/// Longest code span that is recognised, in bytes.
const MAX_SPAN: usize = 16 * 1024;

/// The tags in Markdown `text`, in order, repeats included. A tag is a `#` at the start of a word
/// followed by letters, digits, `_`, `-` and `/`, not all of them digits. Code, both blocks and
/// spans, holds none, nor does a heading's `# ` or the fragment of a link.
pub(crate) fn hashtags(text: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut fence: Option<(char, usize)> = None;
    for line in text.lines() {
        let marker = fence_marker(line);
        match (fence, marker) {
            (None, Some(opening)) => fence = Some(opening),
            (Some((mark, length)), Some((other, more))) if mark == other && more >= length => fence = None,
            (None, None) if !is_indented_code(line) => in_line(line, &mut tags),
            _ => {}
        }
    }
    tags
}

/// The character and length of the code fence that `line` is, if it is one.
fn fence_marker(line: &str) -> Option<(char, usize)> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = line.chars().take_while(|other| *other == mark).count();
    (length >= 3).then_some((mark, length))
}

/// Indented code; a list may be indented as well, so its items are no code.
fn is_indented_code(line: &str) -> bool {
    let is_indented = line.starts_with("    ") || line.starts_with('\t');
    let item = line.trim_start();
    let is_list = item.starts_with(['-', '*', '+']) || item.starts_with(|first: char| first.is_ascii_digit());
    is_indented && !is_list
}

fn in_line(line: &str, tags: &mut Vec<String>) {
    let mut rest = line;
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        let step = match next {
            '`' => code_span(rest),
            '#' if before.is_whitespace() || matches!(before, '(' | ',' | ';' | '"') => {
                let tag = tag_at(rest);
                tags.extend((!tag.is_empty()).then(|| tag.to_owned()));
                1 + tag.len()
            }
            _ => next.len_utf8(),
        };
        let (read, left) = rest.split_at(step);
        before = read.chars().next_back().unwrap_or(' ');
        rest = left;
    }
}

/// The length of the code span that `text` begins with, or of its backticks when it does not end.
fn code_span(text: &str) -> usize {
    let ticks = text.bytes().take_while(|byte| *byte == b'`').count();
    let (fence, inside) = text.split_at(ticks);
    // Looking ahead only so far keeps odd texts from taking quadratic time.
    cut(inside, MAX_SPAN)
        .find(fence)
        .map_or(ticks, |end| ticks + end + ticks)
}

/// The tag after the `#` with which `text` begins; empty when there is none.
fn tag_at(text: &str) -> &str {
    let tag = text.get(1..).unwrap_or_default();
    let end = tag
        .find(|other: char| !(other.is_alphanumeric() || matches!(other, '_' | '-' | '/')))
        .unwrap_or(tag.len());
    let (tag, after) = tag.split_at(end);
    let tag = tag.trim_end_matches(['/', '-']);
    let is_number = tag.chars().all(|digit| digit.is_ascii_digit());
    // `#a#b` is no tag; `#fff;` and `#1` are none of ours.
    if is_number || after.starts_with('#') {
        ""
    } else {
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_words_outside_code() {
        let text = "# Heading\n#garden and #work/plan, (#über) #1 a#b http://x/#y\n`#no` ``#no ` #no`` #yes\n\
                    ```sh\n#no\n```\n~~~~\n```\n#no\n~~~~\n    #no\n\t- #item\n#end-";
        assert_eq!(
            hashtags(text),
            ["garden", "work/plan", "über", "yes", "item", "end"]
        );
        assert!(hashtags("##double #a#b # `` #").is_empty());
    }
}
