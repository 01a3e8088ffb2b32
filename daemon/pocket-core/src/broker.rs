//! The owner's own MQTT broker: where it is, and what it may be told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{LinkFault, Refused, Timestamp};

/// Longest user name, name of a secret or discovery prefix, in bytes.
const LONGEST: usize = 256;
/// Longest certificate of an authority, in bytes of PEM.
const LONGEST_CA: usize = 16 * 1024;

/// Where the owner's broker is, and how one logs in there. The password is a secret, known here by name.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Broker {
    /// Its name or address in the owner's own network.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How what is said there is protected on its way.
    pub transport: Transport,
    /// Who logs in; none for a broker that lets everyone in.
    pub user: Option<String>,
    /// The name of the secret that holds the password.
    pub secret: Option<String>,
    /// Where Home Assistant looks for devices.
    pub prefix: String,
}

/// How what is said to the broker is protected on its way.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Not at all, and no password goes that way.
    Plain,
    /// Not at all, and the owner has said that the password may be read on the way.
    PlainWithPassword,
    /// By TLS.
    Tls {
        /// The authority that the owner's certificates come from, in PEM form; the public ones if unsaid.
        ca: Option<String>,
    },
}

impl Transport {
    /// Whether it is encrypted.
    pub const fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls { .. })
    }
}

/// Why what is said of a broker makes no sense.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InvalidBroker {
    /// No certificate.
    #[error("the authority's certificate is a text in PEM form of at most 16 KiB")]
    Authority,
    /// No host.
    #[error("the broker is at a host's name or an IP address, without a scheme or a port")]
    Host,
    /// Not in the owner's network.
    #[error(
        "this address is on the public internet: the broker has to be in your own network, at a private or link-local address"
    )]
    HostPublic,
    /// No port.
    #[error("the port is a number from 1 to 65535")]
    Port,
    /// No prefix.
    #[error("the discovery prefix is 1 to 256 letters, digits, '-', '_' or '/'")]
    Prefix,
    /// The password could be read.
    #[error(
        "without TLS everyone in your network can read the password: use TLS, or say that it may be readable"
    )]
    ReadablePassword,
    /// No name of a secret.
    #[error("the secret's name is 1 to 256 characters")]
    Secret,
    /// No user name, or a password without one.
    #[error("the user name is 1 to 256 characters, and there must be one where there is a password")]
    User,
}

impl Broker {
    /// Where Home Assistant looks for devices unless it was told otherwise.
    pub const USUAL_PREFIX: &str = "homeassistant";

    /// The port that brokers usually have.
    pub const fn usual_port(encrypted: bool) -> u16 {
        if encrypted { 8883 } else { 1883 }
    }

    /// The same, if it makes sense.
    ///
    /// # Errors
    /// [`InvalidBroker`] names what does not.
    pub fn checked(mut self) -> Result<Self, InvalidBroker> {
        self.host.make_ascii_lowercase();
        check_host(&self.host)?;
        if self.port == 0 {
            return Err(InvalidBroker::Port);
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
        if !(1..=LONGEST).contains(&self.prefix.len()) || !self.prefix.chars().all(plain) {
            return Err(InvalidBroker::Prefix);
        }
        let short = |text: &str| (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control);
        if self.user.as_deref().is_some_and(|user| !short(user)) {
            return Err(InvalidBroker::User);
        }
        if self.secret.as_deref().is_some_and(|name| !short(name)) {
            return Err(InvalidBroker::Secret);
        }
        if self.secret.is_some() && self.user.is_none() {
            return Err(InvalidBroker::User);
        }
        match &self.transport {
            Transport::Plain if self.secret.is_some() => Err(InvalidBroker::ReadablePassword),
            Transport::Tls { ca: Some(ca) } if !is_certificate(ca) => Err(InvalidBroker::Authority),
            Transport::Plain | Transport::PlainWithPassword | Transport::Tls { .. } => Ok(self),
        }
    }
}

fn is_certificate(pem: &str) -> bool {
    pem.len() <= LONGEST_CA && pem.contains("-----BEGIN CERTIFICATE-----") && pem.is_ascii()
}

/// Names of a home network have one part as often as several; addresses must be of that network.
fn check_host(host: &str) -> Result<(), InvalidBroker> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return is_own_network(address)
            .then_some(())
            .ok_or(InvalidBroker::HostPublic);
    }
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A last part of digits alone could be read as an address, in any of its forms.
    let last = host.rsplit('.').next().unwrap_or_default();
    let sound = host.len() <= 253
        && host.split('.').all(is_label)
        && last.starts_with(|c: char| c.is_ascii_lowercase());
    sound.then_some(()).ok_or(InvalidBroker::Host)
}

/// Whether `address` can only be in the owner's own network, or on this very machine: private (RFC 1918,
/// RFC 4193), link-local or loopback. Those that a carrier's customers share (RFC 6598) are strangers',
/// and what embeds an address of IPv4 could be anyone's.
pub const fn is_own_network(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_own_v4(address),
        IpAddr::V6(address) => is_own_v6(address),
    }
}

const fn is_own_v4(address: Ipv4Addr) -> bool {
    address.is_private() || address.is_loopback() || address.is_link_local()
}

const fn is_own_v6(address: Ipv6Addr) -> bool {
    address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
}

/// How the link to the broker is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// The broker answers, since then.
    Connected(Timestamp),
    /// It is being connected to, or will be soon.
    Connecting,
    /// The profile keeps it shut.
    Shut,
}

/// The broker and the link to it, for the owner.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BrokerStatus {
    /// Where it is.
    pub broker: Broker,
    /// The name of this device there.
    pub device: String,
    /// How the link is.
    pub link: LinkState,
    /// What went wrong last, and when.
    pub fault: Option<(LinkFault, Timestamp)>,
    /// Which message was last not kept, why, and when.
    pub refused: Option<(Refused, Timestamp)>,
    /// Whether messages wait at the broker because too many came, or there is no room for them.
    pub holding: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker() -> Broker {
        Broker {
            host: "homeassistant.local".to_owned(),
            port: 8883,
            transport: Transport::Tls { ca: None },
            user: Some("pocketai".to_owned()),
            secret: Some("mqtt".to_owned()),
            prefix: Broker::USUAL_PREFIX.to_owned(),
        }
    }

    #[test]
    fn a_broker_is_in_the_owners_own_network() {
        for host in [
            "homeassistant.local",
            "broker",
            "My-Broker.lan",
            "a_b.home.arpa",
            "localhost",
            "192.168.1.5",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "169.254.3.4",
            "127.0.0.1",
            "::1",
            "fe80::1",
            "fd12:3456::1",
        ] {
            let set = Broker {
                host: host.to_owned(),
                ..broker()
            };
            assert!(set.checked().is_ok(), "{host}");
        }
        for (host, expected) in [
            ("8.8.8.8", InvalidBroker::HostPublic),
            ("172.32.0.1", InvalidBroker::HostPublic),
            ("100.64.0.1", InvalidBroker::HostPublic),
            ("224.0.0.1", InvalidBroker::HostPublic),
            ("0.0.0.0", InvalidBroker::HostPublic),
            ("255.255.255.255", InvalidBroker::HostPublic),
            ("2606:4700::1111", InvalidBroker::HostPublic),
            ("::", InvalidBroker::HostPublic),
            ("ff02::1", InvalidBroker::HostPublic),
            ("::ffff:192.168.1.5", InvalidBroker::HostPublic),
            ("64:ff9b::192.168.1.5", InvalidBroker::HostPublic),
            ("", InvalidBroker::Host),
            ("mqtt://broker", InvalidBroker::Host),
            ("broker:1883", InvalidBroker::Host),
            ("user@broker", InvalidBroker::Host),
            ("[::1]", InvalidBroker::Host),
            ("fe80::1%eth0", InvalidBroker::Host),
            ("0x7f.1", InvalidBroker::Host),
            ("2130706433", InvalidBroker::Host),
            ("-a.local", InvalidBroker::Host),
            ("a..local", InvalidBroker::Host),
            ("a b", InvalidBroker::Host),
            ("br\u{fc}cke", InvalidBroker::Host),
        ] {
            let set = Broker {
                host: host.to_owned(),
                ..broker()
            };
            assert_eq!(set.checked(), Err(expected), "{host}");
        }
    }

    #[test]
    fn a_password_is_readable_only_where_the_owner_said_so() {
        let plain = |transport| Broker {
            transport,
            ..broker()
        };
        assert_eq!(
            plain(Transport::Plain).checked(),
            Err(InvalidBroker::ReadablePassword)
        );
        assert!(plain(Transport::PlainWithPassword).checked().is_ok());
        let open = Broker {
            secret: None,
            ..plain(Transport::Plain)
        };
        assert!(open.checked().is_ok());
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        type Spoil = fn(&mut Broker);
        let cases: [(InvalidBroker, Spoil); 8] = [
            (InvalidBroker::Port, |broker| broker.port = 0),
            (InvalidBroker::User, |broker| broker.user = None),
            (InvalidBroker::User, |broker| broker.user = Some(String::new())),
            (InvalidBroker::Secret, |broker| {
                broker.secret = Some("a\n".to_owned());
            }),
            (InvalidBroker::Prefix, |broker| broker.prefix.clear()),
            (InvalidBroker::Prefix, |broker| {
                broker.prefix = "home/#".to_owned()
            }),
            (InvalidBroker::Authority, |broker| {
                broker.transport = Transport::Tls {
                    ca: Some("no certificate".to_owned()),
                };
            }),
            (InvalidBroker::Authority, |broker| {
                let long = format!("-----BEGIN CERTIFICATE-----{}", "a".repeat(LONGEST_CA));
                broker.transport = Transport::Tls { ca: Some(long) };
            }),
        ];
        for (expected, spoil) in cases {
            let mut spoilt = broker();
            spoil(&mut spoilt);
            assert_eq!(spoilt.checked(), Err(expected));
        }
    }

    #[test]
    fn a_certificate_is_a_text_of_at_most_16_kib() {
        let with = |pem: String| Broker {
            transport: Transport::Tls { ca: Some(pem) },
            ..broker()
        };
        let head = "-----BEGIN CERTIFICATE-----\n";
        let longest = format!("{head}{}", "a".repeat(16_384 - head.len()));
        assert!(with(longest.clone()).checked().is_ok());
        for wrong in [format!("{longest}a"), format!("{head}\u{e4}"), String::new()] {
            assert_eq!(with(wrong).checked(), Err(InvalidBroker::Authority));
        }
    }

    #[test]
    fn only_tls_is_encrypted_and_has_a_port_of_its_own() {
        for (transport, encrypted, port) in [
            (Transport::Plain, false, 1883),
            (Transport::PlainWithPassword, false, 1883),
            (Transport::Tls { ca: None }, true, 8883),
        ] {
            assert_eq!(transport.is_encrypted(), encrypted);
            assert_eq!(Broker::usual_port(encrypted), port);
        }
    }
}
