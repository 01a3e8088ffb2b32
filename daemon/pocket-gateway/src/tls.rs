//! The encrypted connection: whose certificates are trusted, and what is wrong with one.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pocket_core::CallFailure;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::host::HostName;

/// How long the greeting may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Why an authority of the owner's own can't be trusted.
#[derive(Debug, Error)]
pub enum CaError {
    /// The file has none.
    #[error("{path} holds no certificate in PEM form", path = .0.display())]
    Empty(PathBuf),
    /// The file can't be read.
    #[error("the certificates in {path} can't be read", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// One in it is none that can issue others.
    #[error("a certificate in {path} can't be that of an authority", path = path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

/// Who may issue certificates.
pub struct Trust {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    /// Mozilla's list, and the authorities in the PEM files `own`.
    ///
    /// # Errors
    /// [`CaError`] names the file that is of no use.
    pub fn new(own: &[PathBuf]) -> Result<Self, CaError> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        for path in own {
            for certificate in read(path)? {
                let path = path.clone();
                roots
                    .add(certificate)
                    .map_err(|source| CaError::Invalid { path, source })?;
            }
        }
        Ok(Self {
            roots: Arc::new(roots),
            provider: Arc::new(rustls::crypto::ring::default_provider()),
        })
    }

    /// The authorities in `pem` alone.
    ///
    /// # Errors
    /// [`CaError`] when it holds none.
    pub(crate) fn only(pem: &str) -> Result<Self, CaError> {
        let given = || PathBuf::from("what the owner gave");
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|source| CaError::File {
                path: given(),
                source,
            })?;
            roots.add(certificate).map_err(|source| CaError::Invalid {
                path: given(),
                source,
            })?;
        }
        if roots.is_empty() {
            return Err(CaError::Empty(given()));
        }
        Ok(Self {
            roots: Arc::new(roots),
            provider: Arc::new(rustls::crypto::ring::default_provider()),
        })
    }

    /// Greets `host` on `stream` for HTTP; with `pin`, only a server that has this very key.
    ///
    /// # Errors
    /// [`CallFailure`]: what is wrong with the certificate, or that no encryption came about.
    pub(crate) async fn greet<S>(
        &self,
        host: &HostName,
        pin: Option<[u8; 32]>,
        stream: S,
    ) -> Result<TlsStream<S>, CallFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.as_str().to_owned()).map_err(|_| CallFailure::HostInvalid)?;
        self.greet_as(name, Some(b"http/1.1"), pin, stream).await
    }

    /// Greets whoever has this name or address, for `protocol`.
    ///
    /// # Errors
    /// As [`Trust::greet`].
    pub(crate) async fn greet_as<S>(
        &self,
        name: ServerName<'static>,
        protocol: Option<&[u8]>,
        pin: Option<[u8; 32]>,
        stream: S,
    ) -> Result<TlsStream<S>, CallFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut config = self.config(pin).map_err(|_| CallFailure::TlsFailed)?;
        config.alpn_protocols = protocol.map(<[u8]>::to_vec).into_iter().collect();
        let greeting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        match timeout(HANDSHAKE, greeting).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(CallFailure::ConnectionSlow),
        }
    }

    fn config(&self, pin: Option<[u8; 32]>) -> Result<ClientConfig, Box<dyn std::error::Error>> {
        let provider = Arc::clone(&self.provider);
        let certificates =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(&provider))
                .build()?;
        let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)?
            // Named so by its makers for what it could leave out; this one leaves out nothing, and asks for more.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier { certificates, pin }))
            .with_no_client_auth();
        // Nothing ties one call to the next.
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, CaError> {
    let failed = |source| CaError::File {
        path: path.to_path_buf(),
        source,
    };
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(failed)?.collect();
    let all = all.map_err(failed)?;
    if all.is_empty() {
        return Err(CaError::Empty(path.to_path_buf()));
    }
    Ok(all)
}

/// The library's own checks, and then the pin.
#[derive(Debug)]
struct Verifier {
    certificates: Arc<WebPkiServerVerifier>,
    pin: Option<[u8; 32]>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.certificates.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        let Some(pin) = self.pin else {
            return Ok(verified);
        };
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        if <[u8; 32]>::from(Sha256::digest(&key)) == pin {
            Ok(verified)
        } else {
            // The one reason that the library never gives by itself.
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.certificates
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.certificates
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.certificates.supported_verify_schemes()
    }
}

fn failure(error: &io::Error) -> CallFailure {
    let cause = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(certificate)) => of_certificate(certificate),
        Some(rustls::Error::NoCertificatesPresented) => CallFailure::CertificateInvalid,
        Some(_) => CallFailure::TlsFailed,
        None => CallFailure::ConnectionLost,
    }
}

fn of_certificate(error: &CertificateError) -> CallFailure {
    use CertificateError as E;
    match error {
        E::ApplicationVerificationFailure => CallFailure::CertificatePin,
        E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. } => {
            CallFailure::CertificateExpired
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => CallFailure::CertificateName,
        E::UnknownIssuer => CallFailure::CertificateIssuer,
        _ => CallFailure::CertificateInvalid,
    }
}
