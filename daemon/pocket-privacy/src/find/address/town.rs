//! Postcodes and towns: behind or before a street, and alone where the form is clear.

use crate::labels::skip_some;
use crate::view::{View, is_word};

/// Most words of a town's name.
const MOST_WORDS: usize = 4;

/// States of the United States and provinces of Canada, and states of Australia and Brazil.
const STATES: &str = " AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD \
 TN TX UT VT VA WA WV WI WY DC PR VI GU AS MP AE AP AA FM MH PW ON QC BC AB MB SK NS NB NL PE YT NT NU NSW VIC QLD TAS ACT SP RJ MG RS BA ";

/// Where the postcode and the town behind a street end.
pub(super) fn behind(view: &View, at: usize) -> usize {
    let mut end = at;
    for _ in 0..4 {
        let place = skip_some(view, end, 4, |letter| {
            matches!(letter, ' ' | ',' | '\n' | '-' | '·' | '|' | '/')
        });
        let escaped = if view.has(end, "\\n") { end + 2 } else { place };
        let place = place.max(escaped);
        if place == end {
            break;
        }
        let breaks = (end..place).any(|at| view.small(at) != ' ');
        match part(view, place, breaks) {
            Some(next) => end = past_province(view, next),
            None => break,
        }
    }
    end
}

/// Whether a postcode follows on this line or the next.
pub(super) fn follows(view: &View, at: usize) -> bool {
    let place = skip_some(view, at, 3, |letter| matches!(letter, ' ' | ',' | '\n'));
    (at..place).any(|at| view.small(at) != ' ') && postcode(view, place).is_some()
}

/// Past ` (MI)` and ` / SP`, as Italy and Brazil write their provinces.
fn past_province(view: &View, at: usize) -> usize {
    let capital = |at: usize| view.plain(at).is_ascii_uppercase();
    let signs = skip_some(view, at, 3, |letter| matches!(letter, ' ' | '/' | '-' | '('));
    let sign = (at..signs).any(|at| matches!(view.small(at), '/' | '-' | '('));
    let right = sign && capital(signs) && capital(signs + 1) && !is_word(view.small(signs + 2));
    let end = signs + 2;
    if right {
        end + usize::from(view.small(end) == ')')
    } else {
        at
    }
}

/// A postcode with its town, a town with its postcode, or either.
fn part(view: &View, at: usize, breaks: bool) -> Option<usize> {
    if let Some(code) = postcode(view, at) {
        return Some(town_of(view, code));
    }
    let (town, words) = name(view, at);
    if words == 0 || !breaks {
        return None;
    }
    let gap = skip_some(view, town, 3, |letter| matches!(letter, ' ' | ',' | '-' | '/'));
    let state = state(view, gap).unwrap_or(town);
    let gap = skip_some(view, state, 2, |letter| matches!(letter, ' ' | ','));
    let code = postcode(view, gap).filter(|_| gap > state);
    // A word behind a comma is a town if a postcode or the end of the line follows.
    let ends = matches!(view.small(town), '\n' | '\0' | ',' | '"' | '\\');
    code.map(|code| town_of(view, code))
        .or_else(|| (state > town).then_some(state))
        .or_else(|| ends.then_some(town))
}

/// Where the town ends that stands behind a postcode, on its line or the next; the postcode's own end
/// when there is none.
fn town_of(view: &View, code: usize) -> usize {
    let gap = skip_some(view, code, 2, |letter| matches!(letter, ' ' | ',' | '\n'));
    let small = ["da ", "das ", "de ", "do ", "dos "]
        .into_iter()
        .find(|word| view.has(gap, word));
    let (town, words) = name(view, gap + small.map_or(0, str::len));
    let below = (code..gap).any(|at| view.small(at) == '\n');
    // On the next line another sentence may follow; what has a colon there is a label.
    let point = (gap..town).find(|at| below && view.small(*at) == '.');
    let town = point.unwrap_or(town);
    let ends = !below || matches!(view.small(town), '\n' | '\0' | '.' | ',' | ' ');
    if words > 0 && gap > code && ends {
        town
    } else {
        code
    }
}

/// `80331 München, ` before a street, and `г. Москва, `.
pub(super) fn before(view: &View, start: usize) -> usize {
    let mut begin = start;
    for _ in 0..3 {
        let end = view.skip_back(begin, 2, |letter| matches!(letter, ' ' | ','));
        let comma = (end..begin).any(|at| view.small(at) == ',');
        let place = view.skip_back(end, 40, |letter| {
            is_word(letter) || matches!(letter, ' ' | '.' | '-' | '(' | ')')
        });
        let place = skip_some(view, place, 3, |letter| !is_word(letter));
        // A town, a village, a station, a farm.
        const TOWNS: [&str; 12] = [
            "к.", "г.", "м.", "г ", "ст.", "с.", "п.", "д.", "клх ", "пос.", "пгт ", "х.",
        ];
        let town = (place..end)
            .rev()
            .find(|at| view.begins_word(*at) && TOWNS.iter().any(|word| view.has(*at, word)));
        let named = town.is_some();
        let place = town.unwrap_or(place);
        let coded = postcode(view, place).is_some_and(|code| code <= end);
        let own = comma && place < end && (named || coded);
        if !own {
            break;
        }
        begin = place;
    }
    begin
}

/// The words of a town's name.
fn name(view: &View, at: usize) -> (usize, usize) {
    const SMALL: [&str; 26] = [
        "am", "an", "der", "im", "in", "bei", "ob", "a.", "de", "la", "le", "les", "sur", "sous", "en", "du",
        "del", "di", "d", "do", "da", "upon", "on", "the", "nad", "i",
    ];
    let (mut end, mut place, mut count) = (at, at, 0);
    for _ in 0..MOST_WORDS + 2 {
        let word = view.word_end(place);
        let first = view.plain(place);
        let capital = first.is_uppercase() || first.is_alphabetic() && !first.is_lowercase();
        let digits = (place..word).any(|at| view.small(at).is_ascii_digit());
        let small = count > 0 && SMALL.contains(&view.text(place..word).as_str());
        if word == place || digits || !capital && !small || count == MOST_WORDS {
            break;
        }
        if capital {
            (end, count) = (word, count + 1);
        }
        let next = skip_some(view, word, 1, |letter| letter == '.');
        place = skip_some(view, next, 1, |letter| matches!(letter, ' ' | '-' | '\'' | '/'));
        if place == word {
            break;
        }
    }
    (end, count)
}

fn state(view: &View, at: usize) -> Option<usize> {
    let end = view.word_end(at);
    let text = view.plain_text(at..end);
    ((2..=3).contains(&text.len()) && STATES.contains(&format!(" {text} "))).then_some(end)
}

/// A postcode of one of the forms of the world, and where it ends: `9` is a digit, `A` a letter.
fn postcode(view: &View, at: usize) -> Option<usize> {
    const FORMS: [&str; 18] = [
        "99999999",
        "9999AA",
        "99999-9999",
        "99999-999",
        "9999-999",
        "999-9999",
        "99-999",
        "999 99",
        "9999 AA",
        "AA-9999",
        "A-9999",
        "A-99999",
        "AA-99999",
        "999999",
        "99999",
        "9999",
        "9999999",
        "AAA 9999",
    ];
    let end = FORMS.iter().find_map(|form| fits(view, at, form));
    end.or_else(|| british(view, at)).or_else(|| canadian(view, at))
}

fn fits(view: &View, at: usize, form: &str) -> Option<usize> {
    let right = form.chars().enumerate().all(|(index, mark)| {
        let letter = view.plain(at + index);
        match mark {
            '9' => letter.is_ascii_digit(),
            'A' => letter.is_ascii_uppercase(),
            _ => letter == mark,
        }
    });
    let end = at + form.len();
    (right && !is_word(view.small(end)) && !is_word(view.before(at))).then_some(end)
}

/// `SW1A 1AA`
fn british(view: &View, at: usize) -> Option<usize> {
    const FORMS: [&str; 6] = ["A9 9AA", "A99 9AA", "AA9 9AA", "AA99 9AA", "A9A 9AA", "AA9A 9AA"];
    let end = FORMS.iter().find_map(|form| fits(view, at, form))?;
    let last = view.text(end - 2..end);
    (!last.contains(['c', 'i', 'k', 'm', 'o', 'v'])).then_some(end)
}

/// `K1A 0B1`
fn canadian(view: &View, at: usize) -> Option<usize> {
    let end = fits(view, at, "A9A 9A9").or_else(|| fits(view, at, "A9A9A9"))?;
    (!view.text(at..end).contains(['d', 'f', 'i', 'o', 'q', 'u'])).then_some(end)
}

/// What is an address without a street: `Springfield, IL 62704`, `D-80331 München`, a postcode of
/// Britain, a line that is postcode and town alone, a box of the post office.
pub(super) fn alone(view: &View, at: usize) -> Option<(usize, usize)> {
    if let Some(end) = british(view, at).or_else(|| canadian(view, at).filter(|end| end - at == 7)) {
        return Some((back(view, at), end));
    }
    if ["FPO ", "APO ", "DPO "]
        .iter()
        .any(|word| view.has_plain(at, word))
        && let Some(code) = state(view, at + 4)
        && let Some(end) = fits(view, code + 1, "99999")
    {
        return Some((back(view, at), end));
    }
    if let Some(end) = box_number(view, at) {
        return Some((at, behind(view, end)));
    }
    let begins = at == 0
        || matches!(view.before(at), '\n' | '"' | ',')
        || view.before(at) == ' ' && at >= 2 && matches!(view.before(at - 1), ',' | ':');
    if view.plain(at).is_ascii_uppercase() || view.plain(at).is_uppercase() {
        return american(view, at).or_else(|| {
            let country = ["D-", "A-", "CH-", "F-", "I-", "B-", "NL-", "L-", "DK-", "S-"]
                .iter()
                .any(|one| view.has_plain(at, one));
            let end = postcode(view, at).filter(|_| country)?;
            let (town, words) = name(view, skip_some(view, end, 1, |letter| letter == ' '));
            (words > 0).then_some((at, town))
        });
    }
    if view.has(at, "〒") || view.before(at) == '〒' {
        return fits(view, at, "999-9999").map(|end| (at, end));
    }
    // A line of its own: `80331 München`, `75001 Paris`, `1011 AB Amsterdam`, `00-950 Warszawa`.
    let end = ["99999", "9999 AA", "99-999", "999 99", "99999-999", "9999-999"]
        .iter()
        .find_map(|form| fits(view, at, form))?;
    let gap = skip_some(view, end, 1, |letter| letter == ' ');
    let (town, words) = name(view, gap);
    let ends = matches!(view.small(town), '\n' | '\0' | '"' | ',');
    (begins && words > 0 && gap > end && ends).then_some((at, town))
}

/// Back over the lines or parts before a postcode that name a house and a town: words with capitals and
/// numbers alone.
fn back(view: &View, at: usize) -> usize {
    let mut start = at;
    for _ in 0..12 {
        let gap = view.skip_back(start, 2, |letter| matches!(letter, ' ' | ',' | '\n'));
        let word = view.skip_back(gap, 30, |letter| is_word(letter) || matches!(letter, '-' | '\''));
        let own = word < gap
            && gap < start
            && (view.plain(word).is_uppercase() || view.small(word).is_ascii_digit());
        if !own || matches!(view.before(word), '@' | '.' | '/') {
            break;
        }
        start = word;
    }
    start
}

/// `Springfield, IL 62704`
fn american(view: &View, at: usize) -> Option<(usize, usize)> {
    let (town, words) = name(view, at);
    let gap = skip_some(view, town, 2, |letter| matches!(letter, ' ' | ','));
    let comma = view.small(town) == ',';
    let state = state(view, gap).filter(|_| words > 0 && comma)?;
    let code = skip_some(view, state, 1, |letter| letter == ' ');
    let end = fits(view, code, "99999-9999")
        .or_else(|| fits(view, code, "99999"))
        .or_else(|| canadian(view, code))?;
    Some((at, end))
}

fn box_number(view: &View, at: usize) -> Option<usize> {
    const BOXES: [&str; 10] = [
        "p.o. box ",
        "po box ",
        "p. o. box ",
        "postfach ",
        "boite postale ",
        "bp ",
        "apartado de correos ",
        "apartado ",
        "casella postale ",
        "postbus ",
    ];
    let word = BOXES
        .iter()
        .find(|word| view.has(at, word) && (word.len() > 4 || view.plain(at).is_uppercase()))?;
    let number = at + word.len();
    let end = skip_some(view, number, 8, |letter| letter.is_ascii_digit() || letter == ' ');
    let end = view.skip_back(end, 1, |letter| letter == ' ');
    (end > number).then_some(end)
}
