//! TLS by rustls and aws-lc-rs, with the platform's verdict on certificates.

use super::error::ConnectError;
use super::stream::{Protocol, Stream};
use super::tcp::Tcp;
use crate::platform;
use ossicle_core::io::{LossCause, Step};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Which protocols are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// HTTP/2 and nothing else; a peer without it is refused.
    Http2,
    /// HTTP/2 or HTTP/1.1.
    Any,
}

/// Whom to trust and what to speak. Made once an engine: reading the platform's roots takes milliseconds.
#[derive(Clone)]
pub struct TlsConfig {
    client: Arc<rustls::ClientConfig>,
    alpn: Alpn,
}

impl std::fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TlsConfig({:?})", self.alpn)
    }
}

/// Why a [`TlsConfig`] could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The extra authorities are no PEM text, or hold no certificate.
    #[error("the extra authorities hold no certificate: give a PEM file with BEGIN CERTIFICATE")]
    NoCertificate,
    /// A certificate among them is damaged or of an unknown kind.
    #[error("a certificate among the extra authorities is damaged: export it again as PEM")]
    BadCertificate,
    /// The platform has no authorities and none were given.
    #[error(
        "this system has no certificate authorities: install them (ca-certificates) or give one with --ca"
    )]
    NoRoots,
    /// The build asks for the validated module, and what was built does not work by its rules.
    #[cfg(feature = "fips")]
    #[error(
        "this build asks for FIPS and its TLS is not in that mode: build it again with the feature `fips`"
    )]
    NotFips,
}

impl TlsConfig {
    /// Trusts the platform's authorities and those in `extra_pem` (any number of certificates; other PEM blocks are
    /// passed over).
    ///
    /// # Errors
    /// [`TlsError`] says which part is missing or damaged.
    pub fn new(alpn: Alpn, extra_pem: Option<&[u8]>) -> Result<Self, TlsError> {
        let extra = match extra_pem {
            None => Vec::new(),
            Some(pem) => certificates(pem)?,
        };
        let given = !extra.is_empty();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = platform::certificate_verifier(extra, Arc::clone(&provider))
            .map_err(|_| if given { TlsError::BadCertificate } else { TlsError::NoRoots })?;
        let mut client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| TlsError::NoRoots)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        client.alpn_protocols = match alpn {
            Alpn::Http2 => vec![b"h2".to_vec()],
            Alpn::Any => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        #[cfg(feature = "fips")]
        if !client.fips() {
            return Err(TlsError::NotFips);
        }
        Ok(Self { client: Arc::new(client), alpn })
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|_| TlsError::BadCertificate)?;
    if found.is_empty() { Err(TlsError::NoCertificate) } else { Ok(found) }
}

/// TLS over a fresh TCP connection.
pub(crate) async fn handshake(
    tcp: TcpStream,
    host: &str,
    config: &TlsConfig,
) -> Result<Stream, ConnectError> {
    let Ok(name) = ServerName::try_from(host.to_owned()) else {
        // A text that is no name at all cannot be in a certificate.
        return Err(ConnectError::new(Step::Dns, LossCause::NoSuchName));
    };
    let connector = TlsConnector::from(Arc::clone(&config.client));
    let tls = connector.connect(name, Tcp(tcp)).await.map_err(|error| ConnectError::from_tls(&error))?;
    let agreed = tls.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    match (agreed.as_deref(), config.alpn) {
        (Some(b"h2"), _) => Ok(Stream::tls(tls, Protocol::Http2)),
        (Some(b"http/1.1") | None, Alpn::Any) => Ok(Stream::tls(tls, Protocol::Http1)),
        _ => Err(ConnectError::new(Step::Alpn, LossCause::NoHttp2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_authorities_are_checked_when_they_are_given() {
        let empty = TlsConfig::new(Alpn::Http2, Some(b"no pem here"));
        assert_eq!(empty.expect_err("no certificate"), TlsError::NoCertificate);
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let damaged = TlsConfig::new(Alpn::Http2, Some(damaged));
        assert_eq!(damaged.expect_err("no real certificate"), TlsError::BadCertificate);
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let made = TlsConfig::new(Alpn::Any, Some(made.cert.pem().as_bytes())).expect("one authority");
        assert_eq!(made.client.fips(), cfg!(feature = "fips"));
    }
}
