//! Leave for a link to the owner's own broker, and the few things that are said over it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::permit::RecordedPermit;
use crate::{OperationKind, Profile, Timestamp};

/// What a link may be: to one broker, until its end.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LinkTerms {
    /// The broker's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the link is encrypted.
    pub encrypted: bool,
    /// The authority that the broker's certificate has to come from, in PEM form.
    pub ca: Option<String>,
    /// Who logs in.
    pub user: Option<String>,
    /// The name of this device at the broker: 16 hexadecimal digits.
    pub device: String,
    /// Where Home Assistant looks for devices.
    pub prefix: String,
    /// When the leave ends.
    pub expires: Timestamp,
    /// Never the same again: a gateway takes each once.
    pub nonce: [u8; 16],
}

/// Leave for one link: made of a recorded permit, and used up by opening it.
///
/// It can't be copied:
///
/// ```compile_fail
/// fn twice(leave: pocket_core::LinkLeave) -> (pocket_core::LinkLeave, pocket_core::LinkLeave) {
///     (leave.clone(), leave)
/// }
/// ```
///
/// nor made by hand:
///
/// ```compile_fail
/// fn forge(terms: pocket_core::LinkTerms) -> pocket_core::LinkLeave {
///     pocket_core::LinkLeave { terms }
/// }
/// ```
///
/// Once, it can be used:
///
/// ```
/// fn once(leave: pocket_core::LinkLeave) -> pocket_core::LinkTerms {
///     leave.into_terms()
/// }
/// ```
#[must_use]
pub struct LinkLeave {
    terms: LinkTerms,
}

impl LinkLeave {
    /// Leave for a link on `terms`, for which `permit` is used up; `None` when the permit is for anything
    /// but a link.
    pub fn new(permit: RecordedPermit, terms: LinkTerms) -> Option<Self> {
        let RecordedPermit { kind } = permit;
        matches!(kind, OperationKind::BrokerLink).then_some(Self { terms })
    }

    /// Uses it up.
    pub fn into_terms(self) -> LinkTerms {
        self.terms
    }
}

/// All that the broker is told of the device: nothing of what it keeps.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DeviceState {
    /// Whether nothing is known to be damaged.
    pub healthy: bool,
    /// How much of its room is taken, in percent.
    pub storage: u8,
    /// The profile in force.
    pub profile: Profile,
    /// How many questions wait for the owner.
    pub waiting: u32,
}

/// Why a message from the broker was not kept. It is not offered again.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refused {
    /// There is nothing in it.
    #[error("the message was empty")]
    Empty,
    /// It is kept at the broker for everyone who comes, so it would come again and again.
    #[error("the message was retained: publish captures without the retain flag")]
    Retained,
    /// It is no text.
    #[error("the message was not text in UTF-8, or held control characters")]
    NotText,
    /// It is too long.
    #[error("the message was longer than 8 KiB")]
    TooLong,
}

/// Why there is no link, or no longer. A closed list: who speaks to brokers is trusted with no words.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkFault {
    /// The broker's name leads out of the owner's network.
    #[error(
        "the broker's address is not in your own network, but on the public internet or no host's at all"
    )]
    AddressPublic,
    /// The owner's authority is none.
    #[error("the certificate authority that you gave can't be used")]
    AuthorityInvalid,
    /// The certificate is not valid any more, or not yet.
    #[error("the broker's certificate is not valid at this time")]
    CertificateExpired,
    /// The certificate is damaged, or for something else.
    #[error("the broker's certificate is not valid")]
    CertificateInvalid,
    /// The certificate was issued by no one who is trusted.
    #[error("nobody that is trusted issued the broker's certificate")]
    CertificateIssuer,
    /// The certificate is another host's.
    #[error("the broker's certificate is for another host")]
    CertificateName,
    /// The leave is not valid any more.
    #[error("the time of the profile is over")]
    Expired,
    /// The leave was not made by the daemon, or was shown before.
    #[error("the link was not opened by this daemon")]
    Forged,
    /// There is no gateway that answers, or it broke down.
    #[error("there is no gateway to reach the broker with")]
    GatewayAbsent,
    /// What answers speaks something else.
    #[error("what answers there is no MQTT broker, or it breaks the protocol")]
    Garbled,
    /// Nobody knows the name of the host.
    #[error("the broker's name is not known in your network")]
    HostUnknown,
    /// The broker knows no such user, or the password is wrong.
    #[error("the broker does not take the user name or the password")]
    LoginRefused,
    /// The connection ended.
    #[error("the connection to the broker was lost")]
    Lost,
    /// The broker lets the device not in, or not to its topics.
    #[error("the broker does not let this device in, or not to its topics")]
    NotAllowed,
    /// The secret that holds the password is gone.
    #[error("the secret that holds the broker's password does not exist")]
    SecretMissing,
    /// The broker says nothing any more.
    #[error("the broker does not answer in time")]
    Silent,
    /// No encrypted connection came about.
    #[error("the broker offers no encrypted connection of TLS 1.2 or later at this port")]
    TlsFailed,
    /// Nobody answers at the host's addresses.
    #[error("the broker can't be reached")]
    Unreachable,
}

impl LinkFault {
    /// What the owner can do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::AddressPublic => "give the broker's private address, such as 192.168.1.5",
            Self::AuthorityInvalid => "set the broker again with the certificate of its authority",
            Self::CertificateExpired => "check the device's clock, then renew the broker's certificate",
            Self::CertificateInvalid | Self::CertificateIssuer => {
                "set the broker again with the authority that its certificate comes from"
            }
            Self::CertificateName => "name the broker as its certificate does",
            Self::Expired => "open the profile again",
            Self::Forged | Self::GatewayAbsent => {
                "see that pocket-gateway is installed, of the same version as pocketd, and running"
            }
            Self::Garbled => "check the port: 8883 is usual with TLS, 1883 without",
            Self::HostUnknown => "check the name, or give the broker's address",
            Self::LoginRefused => "check the user, and set the secret with the password again",
            Self::Lost | Self::Silent => "nothing, if it passes: the device connects again by itself",
            Self::NotAllowed => "allow this user the topics of the device in the broker's access list",
            Self::SecretMissing => "set the secret, or set the broker again with another one",
            Self::TlsFailed => "check the port, and that the broker listens with TLS there",
            Self::Unreachable => "check that the broker runs, and its address and port",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_fits_the_fault() {
        for (fault, remedy) in [
            (LinkFault::AddressPublic, "private address"),
            (LinkFault::CertificateName, "as its certificate does"),
            (LinkFault::LoginRefused, "set the secret with the password again"),
            (LinkFault::Silent, "connects again by itself"),
        ] {
            assert!(fault.remedy().contains(remedy), "{fault}: {}", fault.remedy());
        }
    }
}
