//! A fault proxy: TCP between client and emulator, with the network's bad days on demand.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the proxy does to all its connections from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Bytes pass.
    Fair,
    /// Bytes are taken and thrown away in both directions; new connections are accepted into silence.
    Blackhole,
    /// Nothing is read: the sender's socket fills up. New connections are accepted and also stall.
    Stall,
    /// At most this many bytes each 10 ms in each direction.
    Throttle(usize),
    /// Bytes pass in pieces of this size.
    Split(usize),
    /// New connections are reset at once.
    Refuse,
}

/// A running proxy.
pub struct Proxy {
    addr: SocketAddr,
    weather: watch::Sender<Weather>,
    target: Arc<Mutex<SocketAddr>>,
    resets: watch::Sender<u64>,
    accepted: watch::Receiver<u64>,
}

impl Proxy {
    /// Listens on a free loopback port and passes to `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let addr = listener.local_addr().expect("its address");
        let (weather, weather_seen) = watch::channel(Weather::Fair);
        let (resets, resets_seen) = watch::channel(0);
        let (count, accepted) = watch::channel(0);
        let target = Arc::new(Mutex::new(target));
        let target_of_task = Arc::clone(&target);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.send_modify(|count| *count += 1);
                let target = *target_of_task.lock().expect("the target");
                tokio::spawn(connection(client, target, weather_seen.clone(), resets_seen.clone()));
            }
        });
        Self { addr, weather, target, resets, accepted }
    }

    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Where new connections go.
    pub fn set_target(&self, target: SocketAddr) {
        *self.target.lock().expect("the target") = target;
    }

    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Cuts all connections with a reset on both sides.
    pub fn reset(&self) {
        self.resets.send_modify(|count| *count += 1);
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        *self.accepted.borrow()
    }
}

async fn connection(
    client: TcpStream,
    target: SocketAddr,
    mut weather: watch::Receiver<Weather>,
    mut resets: watch::Receiver<u64>,
) {
    resets.mark_unchanged();
    let _ = client.set_nodelay(true);
    if *weather.borrow() == Weather::Refuse {
        let _ = client.set_zero_linger();
        return;
    }
    // In bad weather the far side is not reached at all.
    while matches!(*weather.borrow_and_update(), Weather::Blackhole | Weather::Stall) {
        tokio::select! {
            changed = weather.changed() => if changed.is_err() { return },
            _ = resets.changed() => {
                let _ = client.set_zero_linger();
                return;
            }
        }
    }
    let Ok(server) = TcpStream::connect(target).await else {
        let _ = client.set_zero_linger();
        return;
    };
    let _ = server.set_nodelay(true);
    let _ = client.set_zero_linger();
    let _ = server.set_zero_linger();
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    tokio::select! {
        () = pass(client_read, server_write, weather.clone()) => {}
        () = pass(server_read, client_write, weather) => {}
        _ = resets.changed() => {}
    }
    // Both sockets close with a reset here: linger is zero.
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut weather: watch::Receiver<Weather>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let now = *weather.borrow_and_update();
        let most = match now {
            Weather::Stall => {
                if weather.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Weather::Throttle(bytes) | Weather::Split(bytes) => bytes,
            Weather::Fair | Weather::Blackhole | Weather::Refuse => buffer.len(),
        };
        let read = tokio::select! {
            read = from.read(&mut buffer[..most]) => read,
            changed = weather.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let Ok(bytes @ 1..) = read else { return };
        if *weather.borrow() == Weather::Blackhole {
            continue;
        }
        if to.write_all(&buffer[..bytes]).await.is_err() {
            return;
        }
        if let Weather::Throttle(_) = now {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
