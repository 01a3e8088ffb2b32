//! A file that the owner has fetched from elsewhere: the address, what of the device leaves for that, and how
//! far it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

use crate::{CallFailure, is_host_name};

/// Longest address, in bytes: those that stores of files sign are long.
const LONGEST: usize = 2048;

/// An address on the web that the owner gave, or that a server named: `https://HOST[:PORT]/PATH`, with its
/// query, without a part of the document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WebAddress {
    host: String,
    port: u16,
    path: String,
}

/// The text is no [`WebAddress`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "an address is https://HOST[:PORT]/PATH with a host's name, at most 2048 characters, without # and spaces"
)]
pub struct InvalidWebAddress;

impl WebAddress {
    /// The host's name, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The path, beginning with a slash, with its query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Who is asked, as the request says it: the port only where it is not the usual one.
    fn at(&self) -> String {
        match self.port {
            443 => self.host.clone(),
            port => format!("{}:{port}", self.host),
        }
    }

    /// All that leaves the device to fetch it, besides what opens an encrypted connection: the very bytes, with
    /// line ends of one byte.
    pub fn request(&self) -> String {
        format!(
            "GET {} HTTP/1.1\nhost: {}\nuser-agent: PocketAI\naccept-encoding: identity\nconnection: close\n",
            self.path,
            self.at()
        )
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}{}", self.at(), self.path)
    }
}

impl FromStr for WebAddress {
    type Err = InvalidWebAddress;

    fn from_str(text: &str) -> Result<Self, InvalidWebAddress> {
        let rest = text.strip_prefix("https://").ok_or(InvalidWebAddress)?;
        let (authority, path) = rest.split_at(rest.find('/').ok_or(InvalidWebAddress)?);
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) if !port.starts_with('+') => {
                (host, port.parse().map_err(|_| InvalidWebAddress)?)
            }
            Some(_) => return Err(InvalidWebAddress),
            None => (authority, 443),
        };
        let host = host.to_ascii_lowercase();
        let visible = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if text.len() > LONGEST || port == 0 || !is_host_name(&host) || !visible {
            return Err(InvalidWebAddress);
        }
        let path = path.to_owned();
        Ok(Self { host, port, path })
    }
}

impl Serialize for WebAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WebAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// A release that is fetched, or came to nothing.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Fetch {
    /// From where.
    pub from: WebAddress,
    /// Bytes that came.
    pub received: u64,
    /// How many there are, if the server said so.
    pub size: Option<u64>,
    /// Why it came to nothing, if it did.
    pub fault: Option<FetchFault>,
}

/// Why what was to be fetched is not there.
#[derive(Clone, Debug, Deserialize, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FetchFault {
    /// There was no whole answer.
    #[error(transparent)]
    Call(CallFailure),
    /// The server leads elsewhere. That is not followed: the owner consented to this address.
    #[error("the server leads elsewhere, which is not followed")]
    Elsewhere(Option<WebAddress>),
    /// It could not be kept, in words.
    #[error("{0}")]
    NotKept(String),
    /// The server does not give it: its HTTP status.
    #[error("the server does not give it: it answers {0}")]
    Status(u16),
    /// The owner stopped it.
    #[error("you stopped it")]
    Stopped,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_read_as_it_will_be_asked_for() {
        for (text, host, port, path) in [
            ("https://a.example/", "a.example", 443, "/"),
            ("https://A.Example:443/x", "a.example", 443, "/x"),
            (
                "https://a.example:8443//x/../y?z=1&u=%20@b:c",
                "a.example",
                8443,
                "//x/../y?z=1&u=%20@b:c",
            ),
        ] {
            let address: WebAddress = text.parse().unwrap();
            assert_eq!(
                (address.host(), address.port(), address.path()),
                (host, port, path),
                "{text}"
            );
            assert_eq!(address.to_string().parse(), Ok(address), "{text}");
        }
        let longest = format!("https://a.example/{}", "x".repeat(LONGEST - 18));
        assert_eq!(
            (longest.len(), longest.parse::<WebAddress>().is_ok()),
            (2048, true)
        );
        assert!(format!("{longest}x").parse::<WebAddress>().is_err());
        let usual: WebAddress = "https://a.example:443/x".parse().unwrap();
        assert_eq!(usual.to_string(), "https://a.example/x");
    }

    #[test]
    fn what_is_no_address_of_a_file_on_the_web_is_refused() {
        let long = format!("https://a.example/{}", "x".repeat(LONGEST));
        for text in [
            "",
            "a.example/x",
            "http://a.example/x",
            "HTTPS://a.example/x",
            "ftp://a.example/x",
            "file:///etc/passwd",
            "https://a.example",
            "https:///x",
            "https://localhost/x",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://2130706433/x",
            "https://user@a.example/x",
            "https://user:secret@a.example/x",
            "https://a.example:0/x",
            "https://a.example:/x",
            "https://a.example:65536/x",
            "https://a.example:+443/x",
            "https://a.example:1:2/x",
            "https://a.example\\@b.example/x",
            "https://a.example?x",
            "https://a.example/x#y",
            "https://a.example/a b",
            "https://a.example/\r\nx: y",
            "https://a.example/\u{e4}",
            "https://b\u{fc}cher.example/x",
            " https://a.example/x",
            &long,
        ] {
            assert_eq!(text.parse::<WebAddress>(), Err(InvalidWebAddress), "{text:?}");
        }
    }

    #[test]
    fn what_leaves_is_a_few_lines_without_anything_of_the_owner() {
        let address: WebAddress = "https://a.example:8443/x?y".parse().unwrap();
        assert_eq!(
            address.request(),
            "GET /x?y HTTP/1.1\nhost: a.example:8443\nuser-agent: PocketAI\naccept-encoding: identity\nconnection: close\n"
        );
    }

    proptest! {
        #[test]
        fn no_address_breaks_out_of_its_line(text in "https://a\\.[a-z]{1,4}(:[0-9]{1,5})?/.{0,30}") {
            if let Ok(address) = text.parse::<WebAddress>() {
                prop_assert_eq!(address.request().lines().count(), 5);
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
