//! The one file that knows operating systems apart. Everything here has a portable stand-in.

use socket2::SockRef;
use tokio::net::TcpStream;

/// Keeps what the kernel takes but has not sent under `bytes`, so that signed audio does not age in its buffer.
///
/// Linux and Android bound exactly the unsent part. Elsewhere the send buffer as a whole is bounded, which also
/// counts what is sent and not yet acknowledged, so it is set to four times as much.
///
/// # Errors
/// The system's error if it refuses the option; the connection works without it.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn bound_unsent(stream: &TcpStream, bytes: u32) -> std::io::Result<()> {
    SockRef::from(stream).set_tcp_notsent_lowat(bytes)
}

/// See the Linux form.
///
/// # Errors
/// The system's error if it refuses the option; the connection works without it.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn bound_unsent(stream: &TcpStream, bytes: u32) -> std::io::Result<()> {
    SockRef::from(stream).set_send_buffer_size(bytes as usize * 4)
}

/// Sends several pieces at once, without a SIGPIPE when the peer is gone.
///
/// # Errors
/// The system's; `BrokenPipe` when the peer is gone, `WouldBlock` when there is no room.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn send_vectored(stream: &TcpStream, pieces: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
    SockRef::from(stream).send_vectored_with_flags(pieces, libc::MSG_NOSIGNAL)
}

/// See the Linux form. On Apple's systems tokio sets `SO_NOSIGPIPE` when it makes a socket; Windows has no such signal.
///
/// # Errors
/// As above.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn send_vectored(stream: &TcpStream, pieces: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
    SockRef::from(stream).send_vectored(pieces)
}

/// The platform's verifier of certificates, which also trusts `extra`.
///
/// # Errors
/// When no root could be loaded at all, or an extra one is not a certificate.
#[cfg(not(target_os = "android"))]
pub(crate) fn certificate_verifier(
    extra: Vec<rustls_pki_types::CertificateDer<'static>>,
    provider: std::sync::Arc<rustls::crypto::CryptoProvider>,
) -> Result<std::sync::Arc<dyn rustls::client::danger::ServerCertVerifier>, rustls::Error> {
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider)?;
    Ok(std::sync::Arc::new(verifier))
}

/// As above. Android's verifier takes no extra roots, so with some given only those are trusted.
///
/// # Errors
/// When no root could be loaded at all, or an extra one is not a certificate.
#[cfg(target_os = "android")]
pub(crate) fn certificate_verifier(
    extra: Vec<rustls_pki_types::CertificateDer<'static>>,
    provider: std::sync::Arc<rustls::crypto::CryptoProvider>,
) -> Result<std::sync::Arc<dyn rustls::client::danger::ServerCertVerifier>, rustls::Error> {
    if extra.is_empty() {
        return Ok(std::sync::Arc::new(rustls_platform_verifier::Verifier::new(provider)?));
    }
    let mut roots = rustls::RootCertStore::empty();
    for certificate in extra {
        roots.add(certificate)?;
    }
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(roots.into(), provider)
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    Ok(verifier)
}
