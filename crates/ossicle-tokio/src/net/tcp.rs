//! A socket whose writes never raise a signal.

use crate::platform;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A TCP connection, safe in a program that we do not own.
///
/// A write to a connection that the peer has reset raises SIGPIPE, which ends a program that has not asked to ignore
/// it: those in Rust have, those in C and C++ have not. The standard library asks the system not to, for a write of
/// one piece; for one of several pieces, as TLS makes them, it cannot, and this type does.
#[derive(Debug)]
pub(crate) struct Tcp(pub(crate) TcpStream);

impl AsyncRead for Tcp {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let tcp = &self.0;
        loop {
            ready!(tcp.poll_write_ready(cx))?;
            match tcp.try_io(Interest::WRITABLE, || platform::send_vectored(tcp, bufs)) {
                // The readiness was an old one; the next poll registers anew.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    //! That no signal is raised shows where a program can be ended by one: in the C tests of `ossicle-capi`.

    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn pieces_arrive_in_order() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (mut ours, (mut theirs, _)) = (Tcp(ours.expect("a connection")), theirs.expect("a connection"));
        // More than a socket takes at once, so that it is also waited for.
        let (a, b) = (vec![1_u8; 3_000_000], vec![2_u8; 3_000_000]);
        let sending = async {
            let mut sent = 0;
            while sent < a.len() + b.len() {
                let first = IoSlice::new(&a[sent.min(a.len())..]);
                let second = IoSlice::new(&b[sent.saturating_sub(a.len())..]);
                sent += ours.write_vectored(&[first, second]).await.expect("room");
            }
            ours.shutdown().await.expect("the end");
        };
        let mut got = Vec::new();
        let (_, read) = tokio::join!(sending, theirs.read_to_end(&mut got));
        read.expect("all of it");
        assert!(got == [a, b].concat());
    }

    #[tokio::test]
    async fn a_write_after_a_reset_is_an_error() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (mut ours, (theirs, _)) = (Tcp(ours.expect("a connection")), theirs.expect("a connection"));
        theirs.set_zero_linger().expect("a reset");
        drop(theirs);
        // The reset is here once a read has told it.
        let told = ours.read(&mut [0; 1]).await.expect_err("a reset");
        assert_eq!(told.kind(), io::ErrorKind::ConnectionReset);
        let error = ours.write_vectored(&[IoSlice::new(b"two "), IoSlice::new(b"pieces")]).await;
        assert_eq!(error.expect_err("nobody reads").kind(), io::ErrorKind::BrokenPipe);
    }
}
