//! The race of RFC 8305: each address gets a head start over the next, the first connection wins.

use super::error::{ConnectError, cause_of_io};
use crate::limits::{ATTEMPT_DELAY, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, UNSENT_BYTES_MAX};
use crate::platform;
use ossicle_core::io::{LossCause, Step};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Connects to the first of `addresses` that answers. The others are given up.
pub(crate) async fn first(addresses: Vec<SocketAddr>) -> Result<TcpStream, ConnectError> {
    let mut waiting = addresses.into_iter();
    // Dropping the set ends the attempts that lost.
    let mut running: JoinSet<io::Result<TcpStream>> = JoinSet::new();
    let mut worst: Option<LossCause> = None;
    loop {
        let more = match waiting.next() {
            Some(address) => {
                running.spawn(TcpStream::connect(address));
                waiting.len() > 0
            }
            None => false,
        };
        // A failure starts the next address at once, a silence after the head start.
        let joined = if more {
            tokio::select! {
                joined = running.join_next() => joined,
                () = tokio::time::sleep(ATTEMPT_DELAY) => continue,
            }
        } else {
            running.join_next().await
        };
        match joined {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => worst = Some(more_telling(worst, cause_of_io(&error))),
            Some(Err(_)) => worst = Some(more_telling(worst, LossCause::Network)),
            None if waiting.len() == 0 => {
                return Err(ConnectError::new(Step::Tcp, worst.unwrap_or(LossCause::Network)));
            }
            None => {}
        }
    }
}

/// A host without IPv6 says "no route" for one family; the other family's refusal is what the user must hear.
fn more_telling(known: Option<LossCause>, new: LossCause) -> LossCause {
    match (known, new) {
        (Some(LossCause::Refused), _) | (_, LossCause::Refused) => LossCause::Refused,
        (Some(LossCause::TimedOut), _) | (_, LossCause::TimedOut) => LossCause::TimedOut,
        (Some(known), _) => known,
        (None, new) => new,
    }
}

/// No delay for small messages, keep-alive for resting connections, little unsent data in the kernel.
pub(crate) fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
    platform::bound_unsent(stream, UNSENT_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::{Duration, Instant};
    use tokio::net::TcpListener;

    fn local(port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
    }

    async fn closed_port() -> SocketAddr {
        let listener = TcpListener::bind(local(0)).await.expect("a port");
        listener.local_addr().expect("its address")
    }

    #[tokio::test]
    async fn a_refused_address_gives_way_at_once() {
        let listener = TcpListener::bind(local(0)).await.expect("a port");
        let open = listener.local_addr().expect("its address");
        let refused = closed_port().await;
        let begin = Instant::now();
        let stream = first(vec![refused, refused, refused, open]).await.expect("the fourth answers");
        assert_eq!(stream.peer_addr().expect("a peer"), open);
        assert!(begin.elapsed() < ATTEMPT_DELAY, "failures must not wait for the head start");
    }

    #[tokio::test]
    async fn a_silent_address_gives_way_after_the_head_start() {
        // A listener whose backlog is full answers no SYN on Linux: the next connection stays silent.
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        socket.bind(&local(0).into()).expect("a port");
        socket.listen(0).expect("a listener that takes one");
        let silent = socket.local_addr().expect("its address").as_socket().expect("an IP address");
        let mut fillers = Vec::new();
        for _ in 0..4 {
            let one = tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(silent)).await;
            fillers.push(one);
        }
        if fillers.iter().all(|filler| filler.is_ok()) {
            // This system takes more than it was told to; the race itself is covered by the other tests.
            return;
        }
        let listener = TcpListener::bind(local(0)).await.expect("a port");
        let open = listener.local_addr().expect("its address");
        let begin = Instant::now();
        let stream = first(vec![silent, open]).await.expect("the second answers");
        assert_eq!(stream.peer_addr().expect("a peer"), open);
        let took = begin.elapsed();
        assert!(took >= ATTEMPT_DELAY && took < Duration::from_secs(1), "took {took:?}");
    }

    #[tokio::test]
    async fn a_refusal_is_told_even_when_the_other_family_has_no_route() {
        let refused = closed_port().await;
        let unroutable: SocketAddr = "[100::1]:9".parse().expect("the discard prefix");
        let error = tokio::time::timeout(Duration::from_secs(20), first(vec![unroutable, refused])).await;
        // Where the discard prefix swallows packets, the deadline above this function decides.
        if let Ok(error) = error {
            assert_eq!(error.expect_err("nobody listens"), ConnectError::new(Step::Tcp, LossCause::Refused));
        }
    }

    #[test]
    fn the_most_telling_cause_wins_in_any_order() {
        use LossCause::{Network, Refused, TimedOut};
        assert_eq!(more_telling(Some(Network), Refused), Refused);
        assert_eq!(more_telling(Some(Refused), Network), Refused);
        assert_eq!(more_telling(Some(Network), TimedOut), TimedOut);
        assert_eq!(more_telling(None, Network), Network);
    }
}
