//! Addresses of Japan, China and Korea, which go from the large to the small.

use crate::labels::skip_some;
use crate::view::{View, is_word};

/// Longest address, in letters.
const LONGEST: usize = 60;

pub(super) fn find(view: &View, at: usize) -> Option<(usize, usize)> {
    match view.small(at) {
        '\u{4e00}'..='\u{9fff}' if !is_han(view.before(at)) => chinese_or_japanese(view, at),
        '\u{ac00}'..='\u{d7a3}' if view.begins_word(at) => korean(view, at),
        _ => None,
    }
}

const fn is_han(letter: char) -> bool {
    matches!(letter, '\u{4e00}'..='\u{9fff}' | '\u{3041}'..='\u{30ff}' | '々')
}

/// `東京都千代田区丸の内1丁目9番1号`, `北京市朝阳区建国路88号`.
fn chinese_or_japanese(view: &View, at: usize) -> Option<(usize, usize)> {
    const LARGE: &str = "都道府県省市区";
    const MIDDLE: &str = "市区町村郡县縣路街道巷里乡镇";
    let mut end = at;
    let (mut large, mut middle, mut number) = (None, false, false);
    while end < at + LONGEST {
        let letter = view.small(end);
        if letter.is_ascii_digit() {
            number = true;
        } else if large.is_none() && LARGE.contains(letter) && end > at {
            large = Some(end);
        } else if large.is_some() && MIDDLE.contains(letter) {
            middle = true;
        } else if letter == ' ' {
            if !(is_han(view.small(end + 1)) || view.small(end + 1).is_ascii_digit()) || !middle {
                break;
            }
        } else if !(is_han(letter)
            || letter == '-'
            || letter.is_ascii_alphabetic() && view.small(end + 1) == '座')
        {
            break;
        }
        end += 1;
    }
    while end > at && matches!(view.before(end), ' ' | '-') {
        end -= 1;
    }
    // Words before it have no space between: the address begins where a district is named at the latest.
    let large = large?;
    let start = (at..large)
        .rev()
        .find(|at| {
            matches!(
                view.small(*at),
                'は' | 'の' | 'に' | 'を' | '在' | '是' | '到' | '住'
            )
        })
        .map_or(at, |mark| mark + 1);
    (middle && number && end - start >= 6).then_some((start, end))
}

/// `서울특별시 강남구 테헤란로 123-4 (역삼동)`.
fn korean(view: &View, at: usize) -> Option<(usize, usize)> {
    let first = view.word_end(at);
    let is_large = |end: usize| matches!(view.before(end), '시' | '도');
    if !is_large(first) || first - at < 3 {
        return None;
    }
    let (mut place, mut street) = (first, false);
    for _ in 0..4 {
        let from = skip_some(view, place, 1, |letter| letter == ' ');
        let word = view.word_end(from);
        if word == from || !matches!(view.small(from), '\u{ac00}'..='\u{d7a3}') {
            break;
        }
        street |= matches!(view.before(word), '로' | '길' | '동' | '리');
        place = word;
    }
    let from = skip_some(view, place, 1, |letter| letter == ' ');
    let mut end = skip_some(view, from, 12, |letter| {
        letter.is_ascii_digit() || letter == '-' || letter == '가' || letter == '길'
    });
    let numbered = end > from;
    let bracket = skip_some(view, end, 1, |letter| letter == ' ');
    if view.small(bracket) == '(' {
        let close = skip_some(view, bracket, 20, |letter| letter != ')' && letter != '\n');
        if view.small(close) == ')' && is_word(view.before(close)) {
            end = close + 1;
        }
    }
    (street && numbered).then_some((at, end))
}
