//! From a name to addresses, in the order in which they are tried.

use super::error::ConnectError;
use crate::limits::ADDRESSES_MAX;
use ossicle_core::io::{LossCause, Step};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Whether a host is this machine, by its name alone.
pub(crate) fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|mapped| mapped.is_loopback())
        }
        Err(_) => ends_with_label(host, "localhost"),
    }
}

/// The addresses of `host`, families taking turns, as RFC 8305 section 4 wants them.
pub(crate) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    // RFC 6761: these two never reach a resolver. Not every C library keeps to it.
    if ends_with_label(host, "localhost") {
        let both = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];
        return Ok(both.map(|address| SocketAddr::new(address, port)).to_vec());
    }
    if ends_with_label(host, "invalid") || host.is_empty() {
        return Err(no_such_name());
    }
    let name = host.to_owned();
    // getaddrinfo blocks, so it runs on the runtime's pool. A look-up that outlives its deadline ends there.
    let found = tokio::task::spawn_blocking(move || look_up(&name)).await;
    let addresses = found.unwrap_or(Err(LossCause::Network));
    let addresses = addresses.map_err(|cause| ConnectError::new(Step::Dns, cause))?;
    if addresses.is_empty() {
        return Err(no_such_name());
    }
    Ok(alternate(addresses).into_iter().map(|address| with_port(address, port)).collect())
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

fn no_such_name() -> ConnectError {
    ConnectError::new(Step::Dns, LossCause::NoSuchName)
}

fn look_up(name: &str) -> Result<Vec<SocketAddr>, LossCause> {
    use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType, getaddrinfo};
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    match getaddrinfo(Some(name), None, Some(hints)) {
        // The port is put in later: a numeric service would be one more text to make.
        Ok(found) => Ok(found.flatten().map(|entry| entry.sockaddr).collect()),
        Err(error) => Err(match error.kind() {
            LookupErrorKind::NoName | LookupErrorKind::NoData => LossCause::NoSuchName,
            _ => LossCause::Network,
        }),
    }
}

/// The resolver's order (RFC 6724) decides which family is first; then they take turns.
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered: Vec<SocketAddr> = Vec::new();
    while ordered.len() < ADDRESSES_MAX {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            break;
        }
        for address in pair.into_iter().flatten() {
            if !ordered.contains(&address) {
                ordered.push(address);
            }
        }
    }
    ordered.truncate(ADDRESSES_MAX);
    ordered
}

/// Whether the last label of a name is `label`, in any case and with or without the root's dot.
fn ends_with_label(host: &str, label: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn families_take_turns_and_the_first_stays_first() {
        let found =
            ["[::1]:1", "[::2]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"].map(address).to_vec();
        let expected = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"].map(address).to_vec();
        assert_eq!(alternate(found), expected);
        let many = (0..100u8).map(|last| address(&format!("10.0.0.{last}:1"))).collect();
        assert_eq!(alternate(many).len(), ADDRESSES_MAX);
    }

    #[test]
    fn loopback_is_told_by_the_name_alone() {
        for host in
            ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LocalHost.", "a.localhost", "::ffff:127.0.0.1"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "::2", "localhost.example.com", "notlocalhost", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[tokio::test]
    async fn special_names_need_no_resolver() {
        let both = resolve("streaming.localhost", 7).await.expect("two addresses");
        assert_eq!(both, ["[::1]:7", "127.0.0.1:7"].map(address));
        let none = resolve("health.invalid", 443).await.expect_err("no such name");
        assert_eq!(none, ConnectError::new(Step::Dns, LossCause::NoSuchName));
    }
}
