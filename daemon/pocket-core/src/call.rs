//! Why a call came to nothing. A closed list: who makes calls is trusted with no words.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a call to a provider, or to a model on this device, gave no whole answer.
///
/// It lies on the disk by its number: a new one goes to the end, and into `stored.txt`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Error, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallFailure {
    /// The name of the host stands for an address inside a private or special network.
    #[error("the host's name leads to an address that is not on the public internet")]
    AddressNotPublic,
    /// The answer is compressed although that was not asked for.
    #[error("the answer is encoded in a way that was not asked for")]
    AnswerEncoded,
    /// The answer is no HTTP.
    #[error("what came back is not an HTTP answer")]
    AnswerGarbled,
    /// The head of the answer is too large.
    #[error("the head of the answer is too large")]
    AnswerHeadTooLarge,
    /// The answer has more bytes than were granted.
    #[error("the answer is larger than was allowed")]
    AnswerTooLarge,
    /// The connection ended in the middle of the answer.
    #[error("the answer was cut off")]
    AnswerTruncated,
    /// The bytes are not those that the grant names.
    #[error("the bytes are not the ones that were approved")]
    BodyChanged,
    /// The certificate is not valid any more, or not yet.
    #[error("the server's certificate is not valid at this time")]
    CertificateExpired,
    /// The certificate is damaged, or for something else.
    #[error("the server's certificate is not valid")]
    CertificateInvalid,
    /// The certificate was issued by no one who is trusted.
    #[error("nobody that is trusted issued the server's certificate")]
    CertificateIssuer,
    /// The certificate is another host's.
    #[error("the server's certificate is for another host")]
    CertificateName,
    /// The server has another key than the one that the owner pinned.
    #[error("the server has another key than the one that is pinned")]
    CertificatePin,
    /// The connection broke before an answer began.
    #[error("the connection was closed without an answer")]
    ConnectionLost,
    /// No connection within its time.
    #[error("the server took too long to connect")]
    ConnectionSlow,
    /// The grant is not valid any more.
    #[error("the approval is no longer valid")]
    Expired,
    /// The grant was not made by the daemon, or was changed on the way.
    #[error("the grant was not made by this daemon, or was changed")]
    Forged,
    /// There is no gateway that answers.
    #[error("there is no gateway to send it with")]
    GatewayAbsent,
    /// The gateway ended in the middle of the call.
    #[error("the gateway ended during the call")]
    GatewayBroke,
    /// The gateway is of another version than the daemon.
    #[error("the gateway is of another version than the daemon")]
    GatewayVersion,
    /// The destination is no name of a host on the public internet.
    #[error("the destination is not a valid public host name")]
    HostInvalid,
    /// Nobody knows the name of the host.
    #[error("the host's name is not known, or no name server answers")]
    HostUnknown,
    /// No model listens at the socket on this device.
    #[error("no model listens at its socket on this device")]
    LocalAbsent,
    /// The place of the model on this device is no Unix socket.
    #[error("the place of the model on this device is not a Unix socket")]
    LocalInvalid,
    /// The whole call took longer than it may.
    #[error("the call took longer than allowed")]
    OutOfTime,
    /// The grant was used before.
    #[error("the approval was used before")]
    Replayed,
    /// The place did not take what was to be kept there.
    #[error("the place did not take it, or does not have all of it")]
    NotKept,
    /// A path, header or length that no call may have.
    #[error("the request has a path, a header or a length that no call may have")]
    RequestInvalid,
    /// No encrypted connection came about: not this protocol, or only old versions of it.
    #[error("the server offers no encrypted connection of TLS 1.2 or later")]
    TlsFailed,
    /// Nobody answers at the host's addresses.
    #[error("the server can't be reached")]
    Unreachable,
    /// Nothing may leave any more.
    #[error("the profile was changed, or the device locked or stopped, during the call")]
    Withdrawn,
}

impl CallFailure {
    /// What the owner can do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::AddressNotPublic | Self::HostInvalid | Self::HostUnknown | Self::Unreachable => {
                "check the provider's address, and the network that the device is in"
            }
            Self::CertificateExpired => {
                "check the device's clock; if it is right, the provider must renew it"
            }
            Self::CertificateInvalid | Self::CertificateIssuer | Self::CertificateName | Self::TlsFailed => {
                "do not send anything there from this network: someone may be in between"
            }
            Self::CertificatePin => {
                "ask the provider whether its key was changed, and only then pin the new one"
            }
            Self::AnswerEncoded
            | Self::AnswerGarbled
            | Self::AnswerHeadTooLarge
            | Self::AnswerTooLarge
            | Self::AnswerTruncated
            | Self::ConnectionLost
            | Self::ConnectionSlow
            | Self::OutOfTime => "ask again, or another provider; a new approval is needed for that",
            Self::NotKept => "check the address, the user, the secret and the room that is left there",
            Self::BodyChanged | Self::Expired | Self::Forged | Self::Replayed | Self::RequestInvalid => {
                "ask again, and approve what you then see"
            }
            Self::GatewayAbsent | Self::GatewayBroke | Self::GatewayVersion => {
                "see that pocket-gateway is installed, of the same version as pocketd, and running"
            }
            Self::LocalAbsent | Self::LocalInvalid => {
                "start the model's server, and see that it listens at the Unix socket in the settings"
            }
            Self::Withdrawn => "open the profile again, and ask again",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_fits_the_fault() {
        for (fault, remedy) in [
            (CallFailure::CertificateName, "do not send anything there"),
            (CallFailure::HostUnknown, "check the provider's address"),
            (CallFailure::Replayed, "approve what you then see"),
            (CallFailure::Withdrawn, "open the profile again"),
        ] {
            assert!(fault.remedy().contains(remedy), "{fault}: {}", fault.remedy());
        }
    }
}
