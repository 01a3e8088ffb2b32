//! Models that can be asked: where they are and what they speak.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

use crate::{InvalidPrice, Price, RecordId};

/// Longest path, model name or other short text of a provider, in bytes.
const LONGEST: usize = 256;

const FNV_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The name that the owner gives a provider: 1 to 64 lower-case letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ProviderName(String);

impl ProviderName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the audit log, which holds no names, calls it: FNV-1a of 128 bits (draft-eastlake-fnv).
    pub fn id(&self) -> RecordId {
        let mix = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(FNV_PRIME);
        RecordId::from_bytes(self.0.bytes().fold(FNV_BASIS, mix).to_be_bytes())
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProviderName {
    type Err = InvalidProvider;

    fn from_str(text: &str) -> Result<Self, InvalidProvider> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        if (1..=64).contains(&text.len()) && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidProvider::Name)
        }
    }
}

impl<'de> Deserialize<'de> for ProviderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// What a model's server speaks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Anthropic's messages.
    Anthropic,
    /// OpenAI's chat completions, which many others and local servers speak too.
    OpenAi,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 2] = [Self::Anthropic, Self::OpenAi];

    /// The word that people type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
        }
    }
}

impl FromStr for Protocol {
    type Err = InvalidProvider;

    fn from_str(text: &str) -> Result<Self, InvalidProvider> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.name() == text)
            .ok_or(InvalidProvider::Protocol)
    }
}

/// Where a model is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// Beyond the device: HTTPS to a named host.
    Cloud {
        /// The host's name, in lower case.
        host: String,
        /// The port.
        port: u16,
        /// The path under which the protocol's own paths lie; empty, or with a slash ahead and none behind.
        base: String,
    },
    /// On the device: HTTP over a Unix socket.
    Local {
        /// The socket's path, absolute.
        socket: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cloud {
                host,
                port: 443,
                base,
            } => write!(f, "https://{host}{base}"),
            Self::Cloud { host, port, base } => write!(f, "https://{host}:{port}{base}"),
            Self::Local { socket } => write!(f, "unix:{socket}"),
        }
    }
}

impl FromStr for Place {
    type Err = InvalidProvider;

    /// From `https://HOST[:PORT][/BASE]` or `unix:/PATH`.
    fn from_str(text: &str) -> Result<Self, InvalidProvider> {
        if text.len() > LONGEST {
            return Err(InvalidProvider::Place);
        }
        if let Some(socket) = text.strip_prefix("unix:") {
            let printable = socket.chars().all(|c| !c.is_control());
            // The kernel takes no longer path for a socket.
            return if socket.starts_with('/') && socket.len() < 108 && printable {
                Ok(Self::Local {
                    socket: socket.to_owned(),
                })
            } else {
                Err(InvalidProvider::Socket)
            };
        }
        let rest = text.strip_prefix("https://").ok_or(InvalidProvider::Place)?;
        let (authority, base) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| InvalidProvider::Place)?),
            None => (authority, 443),
        };
        let host = host.to_ascii_lowercase();
        let base = base.trim_end_matches('/');
        if port == 0 || !is_host_name(&host) || !is_path(base) {
            return Err(InvalidProvider::Place);
        }
        Ok(Self::Cloud {
            host,
            port,
            base: base.to_owned(),
        })
    }
}

impl Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Whether it is a name of at least two labels as DNS has them (RFC 1035, 1123), in lower case, and no
/// address: the last label has a letter.
pub fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= 253
        && host.contains('.')
        && host.split('.').all(is_label)
        && last.starts_with(|c: char| c.is_ascii_lowercase())
}

/// Whether it is empty, or a path of plain segments.
fn is_path(base: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '/');
    base.chars().all(plain)
        && !base.contains("//")
        && !base.split('/').any(|part| part == ".." || part == ".")
}

/// A model that can be asked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Provider {
    /// What the owner calls it.
    pub name: ProviderName,
    /// What its server speaks.
    pub protocol: Protocol,
    /// Where it is.
    pub place: Place,
    /// Which of its models.
    pub model: String,
    /// The name of the secret that holds its key; none for a server that asks for none.
    pub secret: Option<String>,
    /// SHA-256 of the public key that its server must have.
    pub pin: Option<[u8; 32]>,
    /// Most bytes of a question, all its texts together.
    pub most_prompt: u32,
    /// Most tokens of an answer.
    pub most_tokens: u32,
    /// What it asks, if the owner has said so.
    pub price: Option<Price>,
}

impl Provider {
    /// Most bytes of a question when the owner says nothing: about 16,000 tokens.
    pub const USUAL_PROMPT: u32 = 64 * 1024;
    /// Most bytes of a question that the owner may allow: 1 MiB.
    pub const MOST_PROMPT: u32 = 1024 * 1024;
    /// Most tokens of an answer when the owner says nothing.
    pub const USUAL_TOKENS: u32 = 2048;
    /// Most tokens of an answer that the owner may allow.
    pub const MOST_TOKENS: u32 = 32_768;

    /// Whether it is on this device.
    pub const fn is_local(&self) -> bool {
        matches!(self.place, Place::Local { .. })
    }

    /// A pin from 64 hexadecimal digits, in either case, with or without colons, as the usual tools print
    /// them.
    ///
    /// # Errors
    /// [`InvalidProvider::Pin`] when it is anything else.
    pub fn pin_from(text: &str) -> Result<[u8; 32], InvalidProvider> {
        let digits: String = text.trim().chars().filter(|c| *c != ':').collect();
        let byte = |pair: &[u8]| {
            let text = str::from_utf8(pair).ok().filter(|text| !text.starts_with('+'))?;
            u8::from_str_radix(text, 16).ok()
        };
        let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
        let pin = bytes
            .filter(|_| digits.len() == 64)
            .and_then(|bytes| bytes.try_into().ok());
        pin.ok_or(InvalidProvider::Pin)
    }

    /// The same, if it makes sense.
    ///
    /// # Errors
    /// [`InvalidProvider`] names what does not.
    pub fn checked(self) -> Result<Self, InvalidProvider> {
        let short = |text: &str| text.len() <= LONGEST && !text.chars().any(char::is_control);
        if self.model.is_empty() || !short(&self.model) {
            return Err(InvalidProvider::Model);
        }
        if self
            .secret
            .as_deref()
            .is_some_and(|name| name.is_empty() || !short(name))
        {
            return Err(InvalidProvider::Secret);
        }
        if !(1..=Self::MOST_PROMPT).contains(&self.most_prompt)
            || !(1..=Self::MOST_TOKENS).contains(&self.most_tokens)
        {
            return Err(InvalidProvider::Limits);
        }
        if let Some(price) = &self.price {
            price.check().map_err(InvalidProvider::Price)?;
        }
        if self.is_local() && self.pin.is_some() {
            return Err(InvalidProvider::LocalPin);
        }
        Ok(self)
    }
}

/// Why a provider makes no sense.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InvalidProvider {
    /// A limit.
    #[error("a question takes 1 to 1048576 bytes, an answer 1 to 32768 tokens")]
    Limits,
    /// A pin where there is no TLS.
    #[error("a model on this device has no certificate to pin")]
    LocalPin,
    /// The model's name.
    #[error("a model's name is 1 to 256 characters")]
    Model,
    /// The provider's name.
    #[error("a provider's name is 1 to 64 lower-case letters, digits, '-', '_' or '.'")]
    Name,
    /// The digest of a pinned key.
    #[error("a pin is the SHA-256 of the server's public key: 64 hexadecimal digits")]
    Pin,
    /// Where it is.
    #[error(
        "a provider is at https://HOST[:PORT][/PATH] with a host's name, or on this device at unix:/PATH"
    )]
    Place,
    /// What it asks.
    #[error(transparent)]
    Price(InvalidPrice),
    /// What it speaks.
    #[error("no such protocol: there are anthropic and openai")]
    Protocol,
    /// The secret's name.
    #[error("the secret's name is 1 to 256 characters")]
    Secret,
    /// The socket's path.
    #[error("a model on this device is at unix:/PATH, an absolute path of at most 107 bytes")]
    Socket,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_name_is_its_published_digest() {
        for (name, id) in [
            ("a", "d228cb696f1a8caf78912b704e4a8964"),
            ("foobar", "343e1662793c64bf6f0d3597ba446f18"),
        ] {
            let name: ProviderName = name.parse().unwrap();
            assert_eq!(name.id().to_string(), id);
        }
        for text in ["mine", "a-1_b.2"] {
            let name: ProviderName = text.parse().unwrap();
            assert_eq!((name.as_str(), name.to_string().as_str()), (text, text));
        }
        for text in ["", "Mine", "a b", &"x".repeat(65)] {
            assert_eq!(text.parse::<ProviderName>(), Err(InvalidProvider::Name));
        }
        assert_eq!(
            (Provider::USUAL_PROMPT, Provider::MOST_PROMPT),
            (65_536, 1_048_576)
        );
    }

    #[test]
    fn a_place_is_https_to_a_name_or_a_socket_here() {
        for (text, shown) in [
            ("https://API.Example.com/v1/", "https://api.example.com/v1"),
            ("https://api.example.com", "https://api.example.com"),
            (
                "https://api.example.com:8443/a/b",
                "https://api.example.com:8443/a/b",
            ),
            (
                "https://xn--bcher-kva.example:443/",
                "https://xn--bcher-kva.example",
            ),
            ("unix:/run/model.sock", "unix:/run/model.sock"),
        ] {
            let place: Place = text.parse().unwrap();
            assert_eq!(place.to_string(), shown);
            assert_eq!(shown.parse(), Ok(place), "{shown} does not read back");
        }
        for text in [
            "",
            "api.example.com",
            "http://api.example.com/v1",
            "https://",
            "https://localhost/v1",
            "https://192.168.1.2/v1",
            "https://0x7f.1/v1",
            "https://[::1]/v1",
            "https://2130706433/v1",
            "https://user:pass@api.example.com/",
            "https://user@api.example.com/",
            "https://api.example.com./v1",
            "https://api..example.com/v1",
            "https://-a.example.com/v1",
            "https://api.example.com:0/v1",
            "https://api.example.com:99999/v1",
            "https://api.example.com/v1?key=x",
            "https://api.example.com/v1#x",
            "https://api.example.com/../v1",
            "https://api.example.com//v1",
            "https://api.example.com/v 1",
            "https://bücher.example/",
            "unix:model.sock",
            "unix:",
            "unix:/a\nb",
        ] {
            assert!(text.parse::<Place>().is_err(), "{text:?} is taken");
        }
        let long = format!("unix:/{}", "a".repeat(107));
        assert_eq!(long.parse::<Place>(), Err(InvalidProvider::Socket));
        let longest = format!("https://api.example.com/{}", "a".repeat(LONGEST - 24));
        assert_eq!((longest.len(), longest.parse::<Place>().is_ok()), (256, true));
        for more in ["a", "aaa"] {
            assert_eq!(
                format!("{longest}{more}").parse::<Place>(),
                Err(InvalidProvider::Place)
            );
        }
    }

    fn provider() -> Provider {
        Provider {
            name: "mine".parse().unwrap(),
            protocol: Protocol::OpenAi,
            place: "https://api.example.com/v1".parse().unwrap(),
            model: "small".to_owned(),
            secret: Some("key".to_owned()),
            pin: Some([0; 32]),
            most_prompt: Provider::USUAL_PROMPT,
            most_tokens: Provider::USUAL_TOKENS,
            price: Some(Price {
                input: 1,
                output: 2,
                currency: "EUR".to_owned(),
            }),
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        assert!(provider().checked().is_ok());
        type Spoil = fn(&mut Provider);
        let cases: [(InvalidProvider, Spoil); 7] = [
            (InvalidProvider::Model, |provider| provider.model.clear()),
            (InvalidProvider::Model, |provider| {
                provider.model = "a\u{1b}".to_owned()
            }),
            (InvalidProvider::Secret, |provider| {
                provider.secret = Some(String::new())
            }),
            (InvalidProvider::Limits, |provider| provider.most_prompt = 0),
            (InvalidProvider::Limits, |provider| {
                provider.most_tokens = Provider::MOST_TOKENS + 1;
            }),
            (InvalidProvider::Price(InvalidPrice::Currency), |provider| {
                provider.price.as_mut().unwrap().currency = "euro".to_owned();
            }),
            (InvalidProvider::LocalPin, |provider| {
                provider.place = "unix:/run/m".parse().unwrap();
            }),
        ];
        for (expected, spoil) in cases {
            let mut spoilt = provider();
            spoil(&mut spoilt);
            assert_eq!(spoilt.checked(), Err(expected));
        }
        assert_eq!("Mine".parse::<ProviderName>(), Err(InvalidProvider::Name));
        assert_eq!("".parse::<ProviderName>(), Err(InvalidProvider::Name));
        for protocol in Protocol::ALL {
            assert_eq!(protocol.name().parse(), Ok(protocol));
        }
    }

    #[test]
    fn a_pin_is_read_as_tools_print_it() {
        let digits = "00ff".repeat(16);
        let pin = Provider::pin_from(&digits).unwrap();
        assert_eq!(pin[..4], [0, 255, 0, 255]);
        let pairs: Vec<&str> = digits
            .as_bytes()
            .chunks(2)
            .map(|pair| str::from_utf8(pair).unwrap())
            .collect();
        assert_eq!(Provider::pin_from(&pairs.join(":").to_uppercase()), Ok(pin));
        let longer = format!("{digits}00");
        let signed = digits.replace("00", "+0");
        for wrong in [
            "",
            "0",
            &digits[1..],
            &longer,
            &digits.replace('f', "g"),
            &digits.replace("ff", "\u{fc}"),
            &signed,
        ] {
            assert_eq!(Provider::pin_from(wrong), Err(InvalidProvider::Pin), "{wrong}");
        }
    }
}
