//! From the broker's name to a connection: within the owner's own network, and nowhere else.

use pocket_core::{CallFailure, LinkFault, LinkTerms};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::route::resolve_own;
use crate::tls::Trust;

/// A connection to a broker, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// Connects to the broker of `terms`, encrypted if they say so.
///
/// # Errors
/// [`LinkFault`]: why there is no connection.
pub(super) async fn reach(terms: &LinkTerms, trust: &Trust) -> Result<Box<dyn Stream>, LinkFault> {
    let route = resolve_own(&terms.host, terms.port).await?;
    let (stream, _) = route.connect().await.map_err(|failure| match failure {
        CallFailure::ConnectionSlow => LinkFault::Silent,
        _ => LinkFault::Unreachable,
    })?;
    // Small packets, and someone waits for each.
    stream.set_nodelay(true).unwrap_or_default();
    if !terms.encrypted {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from(terms.host.clone()).map_err(|_| LinkFault::HostUnknown)?;
    let stream = trust.greet_as(name, None, None, stream).await.map_err(fault)?;
    Ok(Box::new(stream))
}

const fn fault(failure: CallFailure) -> LinkFault {
    match failure {
        CallFailure::CertificateExpired => LinkFault::CertificateExpired,
        CallFailure::CertificateIssuer => LinkFault::CertificateIssuer,
        CallFailure::CertificateName => LinkFault::CertificateName,
        CallFailure::CertificateInvalid | CallFailure::CertificatePin => LinkFault::CertificateInvalid,
        CallFailure::ConnectionSlow => LinkFault::Silent,
        // A broker without TLS hangs up on a greeting that it can't read.
        _ => LinkFault::TlsFailed,
    }
}
