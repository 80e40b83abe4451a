//! The writer between h2 and TLS.
//!
//! h2 flushes after each larger frame and does not say what has left. So it writes into this buffer, gets its flushes
//! answered at once, and the shard flushes once at the end of a turn: few system calls, full TLS records. The frames'
//! heads are read as they pass, in both directions, which tells exactly which audio left ahead of a PING (TLS and TCP
//! keep the order), and what the peer's SETTINGS and GOAWAY say.

mod frames;
mod marks;
mod notes;
#[cfg(test)]
mod tests;

pub(crate) use marks::WireMark;
pub(crate) use notes::Note;

use crate::limits::{SPARE_BUFFER_BYTES_MAX, SPARE_BUFFERS_MAX, WRITER_BUFFER_BYTES, WRITER_BYTES_MAX};
use marks::Marks;
use notes::Notes;
use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Buffers that no writer uses now. One pool a shard.
#[derive(Clone, Default)]
pub(crate) struct Spares(Rc<RefCell<Vec<Vec<u8>>>>);

impl Spares {
    fn take(&self) -> Vec<u8> {
        self.0.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(WRITER_BUFFER_BYTES))
    }

    fn give(&self, mut buffer: Vec<u8>) {
        let mut spares = self.0.borrow_mut();
        if spares.len() < SPARE_BUFFERS_MAX && buffer.capacity() <= SPARE_BUFFER_BYTES_MAX {
            buffer.clear();
            spares.push(buffer);
        }
    }
}

/// One connection's writer: h2 holds one end, the shard the other.
pub(crate) struct Wire<S>(Rc<RefCell<Inner<S>>>);

impl<S> Clone for Wire<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

struct Inner<S> {
    /// Gone once the connection was abandoned.
    io: Option<S>,
    spares: Spares,
    /// What h2 wrote; the first `taken` bytes of it are with the socket or in the buffer of TLS.
    gathered: Vec<u8>,
    taken: usize,
    /// Bytes that TLS took and the socket may not have.
    unflushed: usize,
    marks: Marks,
    notes: Notes,
    /// h2, when it waits for room.
    waits_for_room: Option<Waker>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(io: S, spares: Spares) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            io: Some(io),
            spares,
            gathered: Vec::new(),
            taken: 0,
            unflushed: 0,
            marks: Marks::new(),
            notes: Notes::new(),
            waits_for_room: None,
        })))
    }

    /// Gives the socket what was gathered. Ready when it took all; pending wakes when it takes more.
    pub(crate) fn drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().drain(cx)
    }

    /// What left since the last call, one by one, in the order of the wire.
    pub(crate) fn next_mark(&self) -> Option<WireMark> {
        self.0.borrow_mut().marks.tell()
    }

    /// What the peer's frames said since the last call.
    pub(crate) fn take_notes(&self) -> Vec<Note> {
        self.0.borrow_mut().notes.take()
    }

    /// The streams whose ends came since the last call and, if a PONG came, ahead of it.
    pub(crate) fn take_ended(&self) -> Vec<u32> {
        self.0.borrow_mut().notes.take_ended()
    }

    /// Takes the socket out; h2 then finds its end closed.
    pub(crate) fn take_io(&self) -> Option<S> {
        let mut inner = self.0.borrow_mut();
        inner.gathered = Vec::new();
        inner.io.take()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Inner<S> {
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let Some(io) = &mut self.io else {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            };
            if self.unflushed > 0 {
                match Pin::new(io).poll_flush(cx) {
                    Poll::Ready(Ok(())) => self.marks.left(std::mem::take(&mut self.unflushed)),
                    other => return other,
                }
                continue;
            }
            if self.taken == self.gathered.len() {
                self.rest();
                return Poll::Ready(Ok(()));
            }
            match Pin::new(io).poll_write(cx, &self.gathered[self.taken..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(bytes)) => {
                    self.taken += bytes;
                    self.unflushed += bytes;
                    self.make_room();
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// An empty buffer goes to whoever needs one next.
    fn rest(&mut self) {
        self.taken = 0;
        if self.gathered.capacity() > 0 {
            self.spares.give(std::mem::take(&mut self.gathered));
        }
        if let Some(waker) = self.waits_for_room.take() {
            waker.wake();
        }
    }

    /// A long stall must not make the buffer grow by what has already left.
    fn make_room(&mut self) {
        if self.taken < self.gathered.len() && self.taken >= self.gathered.len() / 2 {
            self.gathered.copy_within(self.taken.., 0);
            self.gathered.truncate(self.gathered.len() - self.taken);
            self.taken = 0;
            if self.gathered.len() < WRITER_BYTES_MAX
                && let Some(waker) = self.waits_for_room.take()
            {
                waker.wake();
            }
        }
    }

    fn gather(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.io.is_none() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut room = WRITER_BYTES_MAX.saturating_sub(self.gathered.len() - self.taken);
        if room == 0 {
            self.waits_for_room = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.gathered.capacity() == 0 {
            self.gathered = self.spares.take();
        }
        let mut gathered = 0;
        for buf in bufs {
            let piece = &buf[..buf.len().min(room)];
            self.marks.gathered(piece);
            self.gathered.extend_from_slice(piece);
            gathered += piece.len();
            room -= piece.len();
        }
        Poll::Ready(Ok(gathered))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let inner = &mut *self.0.borrow_mut();
        let Some(io) = &mut inner.io else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        };
        let before = buf.filled().len();
        let result = Pin::new(io).poll_read(cx, buf);
        if let Poll::Ready(Ok(())) = result {
            inner.notes.came(&buf.filled()[before..]);
        }
        result
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().gather(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().gather(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Answered at once: the shard flushes at the end of its turn.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// As `poll_flush`; the socket closes when the shard drops it.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
