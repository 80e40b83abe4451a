//! One way to a peer: DNS, TCP to both address families, a proxy, TLS. Each step has a deadline and fails by name.
//!
//! Nothing here decides whether to try again. [`connect`] is used by the engine's shards and by the REST client.

mod dns;
mod error;
mod proxy;
mod race;
mod stream;
mod tcp;
mod tls;

pub(crate) use dns::is_loopback;
pub use error::ConnectError;
pub(crate) use error::cause_of_io;
pub use proxy::{ProxyConfig, ProxyError};
pub use stream::{Protocol, Stream};
pub use tls::{Alpn, TlsConfig, TlsError};

use crate::limits;
use ossicle_core::io::{LossCause, Step};
use std::time::Duration;
use tokio::net::TcpStream;

/// Where to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether TLS is spoken. Without it only loopback addresses are connected to, and HTTP/2 is assumed.
    pub tls: bool,
    /// Host name or address, without brackets. It is also the name that the certificate must have.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl From<&ossicle_core::config::Endpoint> for Target {
    fn from(endpoint: &ossicle_core::config::Endpoint) -> Self {
        Self { tls: endpoint.tls, host: endpoint.host.clone(), port: endpoint.port }
    }
}

/// How to connect: whom to trust, and through which proxy.
#[derive(Debug, Clone)]
pub struct NetConfig {
    /// Trust and protocols, made once.
    pub tls: TlsConfig,
    /// The proxy for TLS connections; none by default. Loopback targets never use it.
    pub proxy: Option<ProxyConfig>,
    /// How long each step may take.
    pub deadlines: Deadlines,
}

impl NetConfig {
    /// No proxy and the default deadlines.
    #[must_use]
    pub fn new(tls: TlsConfig) -> Self {
        Self { tls, proxy: None, deadlines: Deadlines::default() }
    }
}

/// How long each step of a connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Resolving the name. Default 5 s.
    pub dns: Duration,
    /// A TCP connection, over all addresses. Default 8 s.
    pub tcp: Duration,
    /// The proxy's answer. Default 10 s.
    pub proxy: Duration,
    /// TLS. Default 8 s.
    pub tls: Duration,
    /// The peer's first SETTINGS; kept by the engine, not by [`connect`]. Default 8 s.
    pub h2: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            dns: limits::DNS_DEADLINE,
            tcp: limits::TCP_DEADLINE,
            proxy: limits::PROXY_DEADLINE,
            tls: limits::TLS_DEADLINE,
            h2: limits::H2_DEADLINE,
        }
    }
}

/// Connects to `target`: a stream that is ready for HTTP, and the protocol that was agreed on.
///
/// Must run inside a tokio runtime with I/O and time. Dropping the future gives everything up.
///
/// # Errors
/// The step that failed and its cause; see [`ConnectError`].
pub async fn connect(target: &Target, config: &NetConfig) -> Result<Stream, ConnectError> {
    let loopback = dns::is_loopback(&target.host);
    let proxy = config.proxy.as_ref().filter(|proxy| !loopback && proxy.serves(&target.host, target.port));
    let deadlines = &config.deadlines;
    if !target.tls {
        if !loopback {
            return Err(ConnectError::new(Step::Tls, LossCause::Refused));
        }
        let tcp = dial(&target.host, target.port, deadlines).await?;
        return Ok(Stream::cleartext(tcp));
    }
    let tcp = match proxy {
        None => dial(&target.host, target.port, deadlines).await?,
        Some(proxy) => {
            let tcp = dial(proxy.host(), proxy.port(), deadlines).await?;
            within(deadlines.proxy, Step::Proxy, proxy::tunnel(tcp, proxy, &target.host, target.port)).await?
        }
    };
    within(deadlines.tls, Step::Tls, tls::handshake(tcp, &target.host, &config.tls)).await
}

/// A TCP connection to a name, with its options set.
async fn dial(host: &str, port: u16, deadlines: &Deadlines) -> Result<TcpStream, ConnectError> {
    let addresses = within(deadlines.dns, Step::Dns, dns::resolve(host, port)).await?;
    let tcp = within(deadlines.tcp, Step::Tcp, race::first(addresses)).await?;
    let options = race::set_options(&tcp);
    if let Err(error) = options {
        // Every option only makes a working connection better.
        tracing::debug!(kind = ?error.kind(), "a TCP option was refused");
    }
    Ok(tcp)
}

async fn within<T>(
    deadline: Duration,
    step: Step,
    work: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    match tokio::time::timeout(deadline, work).await {
        Ok(result) => result,
        Err(_) => Err(ConnectError::new(step, LossCause::TimedOut)),
    }
}
