//! How the page looks to one browser: its language, light or dark.

use axum::http::{HeaderMap, header};

use crate::door::cookie;
use crate::words::{ENGLISH, GERMAN, Words};

/// A language that the page speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Language {
    /// English, which the device itself speaks too.
    English,
    /// German.
    German,
}

impl Language {
    /// Every language.
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its code (BCP 47).
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// What its speakers call it.
    pub(crate) const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    fn named(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The language of an `Accept-Language` header (RFC 9110, 12.5.4) that it likes best.
    fn liked(header: &str) -> Option<Self> {
        let mut best: Option<(Self, u16)> = None;
        for range in header.split(',').take(32) {
            let mut parts = range.trim().split(';');
            let code = parts.next().unwrap_or_default();
            let code = code.split('-').next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(1000, weight);
            let better = best.map_or(weight > 0, |(_, most)| weight > most);
            if let Some(language) = Self::named(&code).filter(|_| better) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }
}

/// A weight in thousandths; what is no weight counts as none.
fn weight(text: &str) -> u16 {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if whole == "1" {
        return 1000;
    }
    let digits: String = rest.chars().chain("000".chars()).take(3).collect();
    digits.parse().unwrap_or(0)
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Theme {
    /// As the browser has it.
    #[default]
    Auto,
    /// Always dark.
    Dark,
    /// Always light.
    Light,
}

impl Theme {
    /// Every theme.
    pub(crate) const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// Its name in the cookie and in the page.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }

    fn named(name: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|theme| theme.name() == name)
            .unwrap_or_default()
    }
}

/// How the page looks to a browser.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// In which language.
    pub(crate) language: Language,
    /// The language that its owner chose; without a choice it goes by the browser.
    pub(crate) chosen: Option<Language>,
    /// Light or dark.
    pub(crate) theme: Theme,
}

impl Look {
    /// What the request's headers say; `name` is the cookie of the choice.
    pub(crate) fn of(headers: &HeaderMap, name: &str) -> Self {
        let choice = cookie(headers, name).unwrap_or_default();
        let (language, theme) = choice.split_once('.').unwrap_or_default();
        let chosen = Language::named(language);
        let liked = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .and_then(Language::liked);
        Self {
            language: chosen.or(liked).unwrap_or(Language::English),
            chosen,
            theme: Theme::named(theme),
        }
    }

    /// The value of the cookie for a choice: only known names get into it.
    pub(crate) fn choice(language: &str, theme: &str) -> String {
        let language = Language::named(language).map_or("auto", Language::code);
        format!("{language}.{}", Theme::named(theme).name())
    }

    /// The texts.
    pub(crate) const fn words(self) -> &'static Words {
        match self.language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(cookie: &str, accepted: &str) -> (Language, Theme) {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, format!("look={cookie}").parse().unwrap());
        headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
        let look = Look::of(&headers, "look");
        (look.language, look.theme)
    }

    #[test]
    fn the_choice_comes_before_the_browser_and_english_is_last() {
        use Language::{English, German};
        for (cookie, accepted, expected) in [
            ("", "", (English, Theme::Auto)),
            ("", "de-AT,de;q=0.9,en;q=0.8", (German, Theme::Auto)),
            ("", "en;q=0.5, de;q=0.7", (German, Theme::Auto)),
            ("", "fr, de;q=0, *;q=0.1", (English, Theme::Auto)),
            ("", "fr,,;;=;q=x", (English, Theme::Auto)),
            ("en.dark", "de", (English, Theme::Dark)),
            ("auto.light", "de", (German, Theme::Light)),
            ("<script>.x", "de", (German, Theme::Auto)),
        ] {
            assert_eq!(look(cookie, accepted), expected, "{cookie} {accepted}");
        }
    }

    #[test]
    fn a_cookie_is_made_of_known_names_only() {
        assert_eq!(Look::choice("de", "dark"), "de.dark");
        assert_eq!(Look::choice("x; Path=/", "y"), "auto.auto");
    }
}
