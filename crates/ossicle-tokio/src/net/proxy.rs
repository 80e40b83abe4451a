//! A way through an HTTP proxy: CONNECT, with basic authentication, and the exceptions of NO_PROXY.

use super::error::ConnectError;
use crate::limits::PROXY_ANSWER_BYTES_MAX;
use base64_simd::STANDARD;
use ossicle_core::io::{LossCause, Step};
use std::net::IpAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

/// A proxy and the hosts that go around it.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyConfig {
    host: String,
    port: u16,
    authorization: Option<Zeroizing<String>>,
    direct: Vec<Direct>,
}

/// Why a proxy's address was not understood. None of them repeats the address: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// Another scheme than `http`.
    #[error(
        "the proxy's address must begin with http:// (the way to the proxy; what goes through it is still TLS)"
    )]
    Scheme,
    /// No host, or one with characters that no host has.
    #[error("the proxy's address has no valid host: write it as http://host:port")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the proxy's port is not a number from 1 to 65535")]
    Port,
    /// User or password are not percent-encoded text.
    #[error("the proxy's user or password is not valid percent-encoded text")]
    Credentials,
}

/// One entry of NO_PROXY.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Direct {
    /// Lower case, no dot in front; `*` for every host.
    name: String,
    port: Option<u16>,
}

impl std::fmt::Debug for ProxyConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxyConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("authorization", &self.authorization.as_ref().map(|_| format_args!("<redacted>")))
            .field("direct", &self.direct.len())
            .finish()
    }
}

impl ProxyConfig {
    /// Reads `http://[user:password@]host[:port]` (port 80 by default) and a list of hosts that are reached directly,
    /// as `NO_PROXY` has it: names with their subdomains, addresses, `*`, each with an optional port, between commas.
    ///
    /// # Errors
    /// [`ProxyError`] names the part that is wrong.
    pub fn new(address: &str, no_proxy: &str) -> Result<Self, ProxyError> {
        let rest = match address.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return Err(ProxyError::Scheme),
            None => address,
        };
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let (host, port) = split_port(place).ok_or(ProxyError::Port)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || !host.chars().all(plain) {
            return Err(ProxyError::Host);
        }
        let authorization = user.map(basic).transpose()?;
        Ok(Self {
            host: host.to_owned(),
            port: port.unwrap_or(80),
            authorization,
            direct: exceptions(no_proxy),
        })
    }

    /// The proxy that the environment names: `HTTPS_PROXY`, else `ALL_PROXY`, with `NO_PROXY`, each also in lower
    /// case (which wins, as curl has it). `None` if there is none.
    ///
    /// # Errors
    /// [`ProxyError`] if the variable is set to something else than a proxy's address.
    pub fn from_env() -> Result<Option<Self>, ProxyError> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(read: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, ProxyError> {
        let first =
            |names: &[&str]| names.iter().find_map(|name| read(name).filter(|value| !value.is_empty()));
        let Some(address) = first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]) else {
            return Ok(None);
        };
        let no_proxy = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
        Self::new(&address, &no_proxy).map(Some)
    }

    /// The proxy's host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The proxy's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether a host is reached through this proxy.
    #[must_use]
    pub fn serves(&self, host: &str, port: u16) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        !self.direct.iter().any(|direct| direct.covers(&host, port))
    }
}

impl Direct {
    fn covers(&self, host: &str, port: u16) -> bool {
        if self.port.is_some_and(|only| only != port) {
            return false;
        }
        if self.name == "*" || self.name == host {
            return true;
        }
        // An address has no subdomains.
        if host.parse::<IpAddr>().is_ok() {
            return false;
        }
        host.strip_suffix(self.name.as_str()).is_some_and(|front| front.ends_with('.'))
    }
}

fn exceptions(list: &str) -> Vec<Direct> {
    let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .filter_map(|entry| {
            let (name, port) = split_port(entry)?;
            let name = name.trim_start_matches("*.").trim_start_matches('.').trim_end_matches('.');
            Some(Direct { name: name.to_ascii_lowercase(), port })
        })
        .filter(|direct| !direct.name.is_empty())
        .collect()
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, or a bare IPv6 address. `None` if the port is no number.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(parse_port(port)?))),
            None if after.is_empty() => Some((host, None)),
            None => None,
        };
    }
    if text.parse::<IpAddr>().is_ok() {
        return Some((text, None));
    }
    match text.rsplit_once(':') {
        Some((host, port)) => Some((host, Some(parse_port(port)?))),
        None => Some((text, None)),
    }
}

fn parse_port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port != 0)
}

/// `user:password`, percent-encoded, as the value of Proxy-Authorization.
fn basic(user: &str) -> Result<Zeroizing<String>, ProxyError> {
    let decoded = Zeroizing::new(percent_decode(user).ok_or(ProxyError::Credentials)?);
    let mut with_colon = decoded.clone();
    if !with_colon.contains(&b':') {
        with_colon.push(b':');
    }
    let encoded = Zeroizing::new(STANDARD.encode_to_string(with_colon.as_slice()));
    Ok(Zeroizing::new(format!("Basic {}", encoded.as_str())))
}

fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
        out.push(u8::try_from(value).ok()?);
    }
    Some(out)
}

/// Asks the proxy for the way to `host`; the connection then belongs to the two ends.
pub(crate) async fn tunnel(
    mut tcp: TcpStream,
    proxy: &ProxyConfig,
    host: &str,
    port: u16,
) -> Result<TcpStream, ConnectError> {
    let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request = Zeroizing::new(format!("CONNECT {place} HTTP/1.1\r\nhost: {place}\r\n"));
    if let Some(authorization) = &proxy.authorization {
        request.push_str("proxy-authorization: ");
        request.push_str(authorization);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let failed = |error: std::io::Error| ConnectError::from_io(Step::Proxy, &error);
    tcp.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    loop {
        if tcp.read_buf(&mut answer).await.map_err(failed)? == 0 {
            return Err(ConnectError::new(Step::Proxy, LossCause::Closed));
        }
        if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
            verdict(&answer)?;
            // The client speaks first in TLS: bytes behind the head come from a proxy that breaks the rules.
            let more = answer.len() > end + 4;
            return if more {
                Err(ConnectError::new(Step::Proxy, LossCause::Protocol(None)))
            } else {
                Ok(tcp)
            };
        }
        if answer.len() > PROXY_ANSWER_BYTES_MAX {
            return Err(ConnectError::new(Step::Proxy, LossCause::Protocol(None)));
        }
    }
}

/// Reads the status of `HTTP/1.x NNN ...`.
fn verdict(answer: &[u8]) -> Result<(), ConnectError> {
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let status = std::str::from_utf8(line).ok().and_then(|line| {
        let rest = line.strip_prefix("HTTP/1.")?;
        rest.split(' ').nth(1)?.parse::<u16>().ok()
    });
    let cause = match status {
        Some(200..=299) => return Ok(()),
        Some(407) => LossCause::ProxyDenied,
        Some(504) => LossCause::TimedOut,
        Some(400..=499) => LossCause::Refused,
        Some(500..=599) => LossCause::Network,
        _ => LossCause::Protocol(None),
    };
    Err(ConnectError::new(Step::Proxy, cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_all_their_forms() {
        let read = |text: &str| ProxyConfig::new(text, "");
        let plain = read("http://proxy.example:3128/").expect("an address");
        assert_eq!((plain.host(), plain.port()), ("proxy.example", 3128));
        assert!(plain.authorization.is_none());
        let bare = read("proxy.example").expect("an address");
        assert_eq!((bare.host(), bare.port()), ("proxy.example", 80));
        let v6 = read("http://[2001:db8::1]:8080").expect("an address");
        assert_eq!((v6.host(), v6.port()), ("2001:db8::1", 8080));
        // RFC 7617's own example.
        let user = read("http://Aladdin:open%20sesame@proxy:1").expect("an address");
        let expected = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        assert_eq!(user.authorization.as_ref().map(|text| text.as_str()), Some(expected));
        assert!(!format!("{user:?}").contains("QWxh"));
        assert_eq!(read("https://proxy:1").expect_err("TLS to the proxy"), ProxyError::Scheme);
        assert_eq!(read("socks5://proxy:1").expect_err("SOCKS"), ProxyError::Scheme);
        assert_eq!(read("http://proxy:0").expect_err("port 0"), ProxyError::Port);
        assert_eq!(read("http://proxy:x").expect_err("no number"), ProxyError::Port);
        assert_eq!(read("http://").expect_err("no host"), ProxyError::Host);
        assert_eq!(read("http://a b:1").expect_err("a space"), ProxyError::Host);
        assert_eq!(read("http://a%zz@b:1").expect_err("no hex"), ProxyError::Credentials);
    }

    #[test]
    fn exceptions_cover_subdomains_addresses_and_ports() {
        let list = "example.com, .internal,10.0.0.7,[fd00::1]:8443, *.corp.net,other.org:8443";
        let proxy = ProxyConfig::new("http://proxy:1", list).expect("an address");
        for (host, port) in [
            ("example.com", 443),
            ("a.EXAMPLE.com.", 443),
            ("x.internal", 1),
            ("10.0.0.7", 1),
            ("fd00::1", 8443),
            ("a.b.corp.net", 443),
            ("other.org", 8443),
        ] {
            assert!(!proxy.serves(host, port), "{host}:{port} goes around the proxy");
        }
        for (host, port) in
            [("badexample.com", 443), ("110.0.0.7", 1), ("fd00::1", 443), ("other.org", 443), ("com", 1)]
        {
            assert!(proxy.serves(host, port), "{host}:{port} goes through the proxy");
        }
        let all = ProxyConfig::new("http://proxy:1", "*").expect("an address");
        assert!(!all.serves("anything.example", 443));
    }

    #[test]
    fn the_environment_names_a_proxy_and_its_exceptions() {
        let read = |pairs: &'static [(&'static str, &'static str)]| {
            ProxyConfig::from_variables(|name| {
                pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(read(&[]).expect("nothing"), None);
        let both = read(&[
            ("HTTPS_PROXY", "http://upper:1"),
            ("https_proxy", "http://lower:2"),
            ("NO_PROXY", "a.b"),
        ]);
        let both = both.expect("an address").expect("a proxy");
        assert_eq!((both.host(), both.port()), ("lower", 2));
        assert!(!both.serves("x.a.b", 443));
        let empty = read(&[("https_proxy", ""), ("ALL_PROXY", "http://all:3")])
            .expect("an address")
            .expect("a proxy");
        assert_eq!(empty.host(), "all");
        assert!(read(&[("HTTPS_PROXY", "ftp://x")]).is_err());
    }

    #[test]
    fn a_proxys_answer_is_judged_by_its_status() {
        let judge = |text: &str| verdict(text.as_bytes()).map_err(|error| error.cause);
        assert_eq!(judge("HTTP/1.1 200 OK\r\n\r\n"), Ok(()));
        assert_eq!(judge("HTTP/1.0 200\r\n\r\n"), Ok(()));
        assert_eq!(judge("HTTP/1.1 407 Authenticate\r\n"), Err(LossCause::ProxyDenied));
        assert_eq!(judge("HTTP/1.1 403 No\r\n"), Err(LossCause::Refused));
        assert_eq!(judge("HTTP/1.1 502 Bad\r\n"), Err(LossCause::Network));
        assert_eq!(judge("HTTP/1.1 504 Late\r\n"), Err(LossCause::TimedOut));
        assert_eq!(judge("SSH-2.0-x\r\n"), Err(LossCause::Protocol(None)));
    }
}
