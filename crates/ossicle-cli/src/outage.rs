//! A way to the emulator that can be cut, as if somebody had pulled the cable.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long an accept that failed is not tried again: the system is out of descriptors, which passes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A relay of TCP bytes on a loopback port. TLS passes through it untouched.
pub(crate) struct Relay {
    addr: SocketAddr,
    cut: watch::Sender<bool>,
}

impl Relay {
    /// Starts to relay to `to`, on the runtime that this is called on.
    pub(crate) async fn start(to: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let (cut, is_cut) = watch::channel(false);
        tokio::spawn(accept(listener, to, is_cut));
        Ok(Self { addr, cut })
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Cuts all connections and lets no new one through, or lets them through again.
    pub(crate) fn cut(&self, is_cut: bool) {
        self.cut.send_replace(is_cut);
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, is_cut: watch::Receiver<bool>) {
    let mut gone = is_cut.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // The relay was dropped.
            _ = gone.wait_for(|_| false) => return,
        };
        match accepted {
            Ok((near, _)) if !*is_cut.borrow() => {
                tokio::spawn(relay(near, to, is_cut.clone()));
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn relay(mut near: TcpStream, to: SocketAddr, mut is_cut: watch::Receiver<bool>) {
    let Ok(mut far) = TcpStream::connect(to).await else { return };
    // Small messages are not held back for larger ones.
    let _ = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
    tokio::select! {
        // However it ends: both sides are closed.
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = is_cut.wait_for(|cut| *cut) => {}
    }
}
