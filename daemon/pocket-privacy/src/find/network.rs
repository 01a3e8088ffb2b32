//! Addresses of machines, and web addresses that open something.

use crate::Kind;
use crate::find::key;
use crate::labels::{Labels, skip_some};
use crate::resolve::Find;
use crate::view::{View, is_word};

/// Longest web address that is read, in letters.
const LONGEST_URL: usize = 4096;

pub(super) fn find(view: &View, _labels: &Labels, finds: &mut Vec<Find>) {
    let mut read = 0;
    for at in 0..view.len() {
        let letter = view.small(at);
        let begins = !is_word(view.before(at));
        if letter == ':' && view.has(at, "://") && at >= read {
            let (find, end) = url(view, at);
            read = end;
            finds.extend(find);
        }
        if begins && letter.is_ascii_hexdigit() {
            finds.extend(mac(view, at));
        }
        if begins && letter.is_ascii_digit() {
            finds.extend(version_4(view, at).map(|end| Find::new(Kind::Ip, at, end)));
        }
        if begins && (letter.is_ascii_hexdigit() || view.has(at, "::")) && view.before(at) != ':' {
            finds.extend(version_6(view, at).map(|end| Find::new(Kind::Ip, at, end)));
        }
    }
}

/// Where an address of version 4 ends. Addresses that mean no machine in particular stay.
fn version_4(view: &View, at: usize) -> Option<usize> {
    let mut end = at;
    let mut parts = [0_u32; 4];
    for (index, part) in parts.iter_mut().enumerate() {
        let digits = skip_some(view, end, 4, |letter| letter.is_ascii_digit());
        *part = view.text(end..digits).parse().ok().filter(|value| *value < 256)?;
        (digits - end <= 3).then_some(())?;
        end = digits;
        if index < 3 {
            (view.small(end) == '.').then_some(())?;
            end += 1;
        }
    }
    let dotted = |place: usize| view.small(place) == '.' && view.small(place + 1).is_ascii_digit();
    let within = is_word(view.small(end)) || dotted(end) || at > 1 && view.before(at) == '.';
    let everyone = matches!(parts, [0, 0, 0, 0] | [127, ..] | [255, ..]);
    (!within && !everyone && !is_version(view, at)).then_some(end)
}

/// `version 1.2.3.4`, `v1.2.3.4`, `Chrome/1.2.3.4`.
fn is_version(view: &View, at: usize) -> bool {
    const WORDS: [&str; 6] = ["version", "versie", "release", "ver.", "build", "wersja"];
    if matches!(view.before(at), '/' | '^' | '~' | '=') {
        // `ping=10.0.0.1` is one; `"react": "^1.2.3.4"` and `Chrome/120.0.1.2` are not.
        let slash = view.before(at) == '/' && at >= 2 && view.before(at - 1).is_alphanumeric();
        return slash || matches!(view.before(at), '^' | '~');
    }
    let word = view.skip_back(at, 2, |letter| matches!(letter, ' ' | ':'));
    WORDS.iter().any(|name| {
        let length = name.chars().count();
        word.checked_sub(length)
            .is_some_and(|start| view.has(start, name))
    })
}

/// Where an address of version 6 ends (RFC 4291).
fn version_6(view: &View, at: usize) -> Option<usize> {
    let mut end = at;
    let (mut groups, mut gaps, mut digits) = (0, 0, false);
    loop {
        if view.has(end, "::") {
            gaps += 1;
            end += 2;
        } else if view.small(end) == ':' && groups > 0 && view.small(end + 1).is_ascii_hexdigit() {
            end += 1;
        } else if groups > 0 {
            break;
        }
        let group = skip_some(view, end, 5, |letter| letter.is_ascii_hexdigit());
        if group == end {
            break;
        }
        if view.small(group) == '.'
            && let Some(mapped) = version_4_within(view, end)
        {
            (groups, end, digits) = (groups + 2, mapped, true);
            break;
        }
        (group - end <= 4).then_some(())?;
        digits |= (end..group).any(|at| view.small(at).is_ascii_digit());
        (groups, end) = (groups + 1, group);
        if groups > 8 {
            return None;
        }
    }
    let whole = gaps == 0 && groups == 8 || gaps == 1 && (2..8).contains(&groups) && digits;
    if view.small(end) == '%' {
        end = skip_some(view, end + 1, 16, |letter| letter.is_alphanumeric());
    }
    let goes_on = is_word(view.small(end)) || view.small(end) == ':' && is_word(view.small(end + 1));
    (whole && !goes_on).then_some(end)
}

fn version_4_within(view: &View, at: usize) -> Option<usize> {
    let end = skip_some(view, at, 15, |letter| letter.is_ascii_digit() || letter == '.');
    (view
        .text(at..end)
        .split('.')
        .filter_map(|part| part.parse::<u8>().ok())
        .count()
        == 4)
        .then_some(end)
}

/// Six pairs, or eight, with `:` or `-` between them, or three groups of four.
fn mac(view: &View, at: usize) -> Option<Find> {
    let pair = skip_some(view, at, 5, |letter| letter.is_ascii_hexdigit()) - at;
    let sign = view.small(at + pair);
    let most = match (pair, sign) {
        (2, ':' | '-') => 8,
        (4, '.') => 3,
        _ => return None,
    };
    let mut end = at + pair;
    let mut groups = 1;
    while groups < most && view.small(end) == sign {
        let next = skip_some(view, end + 1, pair + 1, |letter| letter.is_ascii_hexdigit());
        if next - end - 1 != pair {
            break;
        }
        (groups, end) = (groups + 1, next);
    }
    let goes_on = is_word(view.small(end)) || view.small(end) == sign && is_word(view.small(end + 1));
    let right = matches!((pair, groups), (2, 6 | 8) | (4, 3));
    let nobody = view
        .text(at..end)
        .chars()
        .all(|letter| matches!(letter, '0' | 'f' | ':' | '-' | '.'));
    let letters = (at..end).any(|at| view.small(at).is_ascii_alphabetic());
    let lettered = pair == 2 && sign == ':' || letters;
    (right && !goes_on && !nobody && lettered).then(|| Find::new(Kind::Mac, at, end))
}

/// The web address whose `://` is at `sign`, if it opens something; and where it ends.
fn url(view: &View, sign: usize) -> (Option<Find>, usize) {
    let start = view.skip_back(sign, 24, |letter| {
        letter.is_ascii_alphanumeric() || "+-.".contains(letter)
    });
    fn ends(letter: char) -> bool {
        letter.is_whitespace() || "<>\"`{}|\\^\0".contains(letter)
    }
    let end = skip_some(view, sign + 3, LONGEST_URL, |letter| !ends(letter));
    let end = view.skip_back_to_word(end, sign + 3);
    let authority = skip_some(view, sign + 3, 512, |letter| {
        !ends(letter) && !"/?#".contains(letter)
    })
    .min(end);
    let user = (sign + 3..authority).rev().find(|at| view.small(*at) == '@');
    let password = user.is_some_and(|user| (sign + 3..user).any(|at| view.small(at) == ':'));
    let opens = password || parameters(view, authority, end) || secret_path(view, authority, end);
    (opens.then(|| Find::new(Kind::Url, start, end)), end)
}

/// Whether a parameter of the query or the fragment is a secret by its name.
fn parameters(view: &View, from: usize, to: usize) -> bool {
    const NAMES: [&str; 34] = [
        "token",
        "key",
        "apikey",
        "sig",
        "signature",
        "auth",
        "secret",
        "password",
        "passwd",
        "pwd",
        "pass",
        "session",
        "sessionid",
        "sid",
        "jwt",
        "accesstoken",
        "refreshtoken",
        "idtoken",
        "otp",
        "code",
        "ticket",
        "hash",
        "invite",
        "reset",
        "magic",
        "credential",
        "xamzsignature",
        "xamzcredential",
        "xamzsecuritytoken",
        "xgoogsignature",
        "clientsecret",
        "appid",
        "nonce",
        "authkey",
    ];
    let mut at = from;
    while at < to {
        let begins = matches!(view.small(at), '?' | '&' | '#' | ';');
        at += 1;
        if !begins {
            continue;
        }
        let end = skip_some(view, at, 40, |letter| {
            is_word(letter) || matches!(letter, '_' | '-' | '.')
        });
        let value = skip_some(view, end + 1, 400, |letter| !matches!(letter, '&' | ';' | '#')).min(to);
        let mut name = view.text(at..end);
        name.retain(is_word);
        let named = NAMES.contains(&name.as_str())
            || name.ends_with("token")
            || name.ends_with("secret")
            || name.ends_with("apikey");
        if view.small(end) == '=' && named && value > end + 5 {
            return true;
        }
    }
    false
}

/// Whether a part of the path is a long secret: an address that only who knows it can open.
fn secret_path(view: &View, from: usize, to: usize) -> bool {
    let mut at = from;
    while at < to {
        let end = skip_some(view, at, 512, |letter| {
            !matches!(letter, '/' | '?' | '&' | '=' | '#')
        })
        .min(to);
        if end - at >= 20 && key::is_random(&view.plain_text(at..end)) {
            return true;
        }
        at = end + 1;
    }
    false
}
