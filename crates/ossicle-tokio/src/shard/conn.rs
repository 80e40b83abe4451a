//! One connection: h2 above the writer, and what it says to the engine.

use super::ready::Flag;
use crate::limits::{
    RECEIVE_WINDOW_BYTES, RESET_STREAMS_MAX, RESPONSE_HEAD_BYTES_MAX, STREAM_RECEIVE_WINDOW_BYTES,
};
use crate::net::Stream;
use crate::net::cause_of_io;
use crate::wire::{Note, Spares, Wire};
use bytes::Bytes;
use h2::client::SendRequest;
use ossicle_core::Mono;
use ossicle_core::io::{ConnId, LossCause, Step, StreamId};
use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::task::AbortHandle;

/// A connection of the shard.
pub(crate) enum Conn {
    /// On the way.
    Connecting { id: ConnId, task: AbortHandle },
    /// HTTP/2 stands.
    Up(Box<Link>),
}

impl Conn {
    pub(crate) fn id(&self) -> ConnId {
        match self {
            Self::Connecting { id, .. } => *id,
            Self::Up(link) => link.id,
        }
    }
}

/// Why a connection is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) step: Step,
    pub(crate) cause: LossCause,
}

impl Loss {
    pub(crate) const fn new(step: Step, cause: LossCause) -> Self {
        Self { step, cause }
    }

    /// The socket failed.
    pub(crate) fn from_io(error: &std::io::Error) -> Self {
        Self::new(Step::Socket, cause_of_io(error))
    }

    /// h2 gave the connection up.
    pub(crate) fn from_h2(error: &h2::Error) -> Self {
        if let Some(error) = error.get_io() {
            return Self::from_io(error);
        }
        match error.reason() {
            // A planned end.
            Some(h2::Reason::NO_ERROR) | None if error.is_remote() => {
                Self::new(Step::Socket, LossCause::Closed)
            }
            reason => Self::new(Step::H2, LossCause::Protocol(reason.map(u32::from))),
        }
    }
}

/// An HTTP/2 connection.
pub(crate) struct Link {
    pub(crate) id: ConnId,
    h2: h2::client::Connection<Wire<Stream>, Bytes>,
    requests: SendRequest<Bytes>,
    pub(crate) wire: Wire<Stream>,
    pings: Option<h2::PingPong>,
    /// The engine wants a PING; it goes behind what this turn writes.
    pub(crate) ping_wanted: bool,
    ping_out: bool,
    /// The engine's names for the streams.
    pub(crate) streams: HashMap<u32, StreamId>,
    /// The peer's first SETTINGS are awaited until then.
    pub(crate) settings_due: Option<Mono>,
    /// Whether this turn has to flush it.
    pub(crate) touched: bool,
    flag: Arc<Flag>,
    waker: Waker,
}

/// What a poll of the connection found.
pub(crate) struct Found {
    pub(crate) notes: Vec<Note>,
    pub(crate) pong: bool,
    /// Streams whose ends came ahead of the PONG, by their HTTP/2 numbers.
    pub(crate) ended_first: Vec<u32>,
    pub(crate) loss: Option<Loss>,
}

impl Link {
    /// Speaks HTTP/2 on a fresh stream. The preface goes into the writer, so nothing waits.
    pub(crate) fn new(
        id: ConnId,
        stream: Stream,
        spares: Spares,
        settings_due: Mono,
        (flag, waker): (Arc<Flag>, Waker),
    ) -> Result<Self, Loss> {
        let wire = Wire::new(stream, spares);
        let mut builder = h2::client::Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_RECEIVE_WINDOW_BYTES)
            .initial_connection_window_size(RECEIVE_WINDOW_BYTES)
            .max_header_list_size(RESPONSE_HEAD_BYTES_MAX)
            .max_concurrent_reset_streams(RESET_STREAMS_MAX);
        let handshake = pin!(builder.handshake(wire.clone()));
        let (requests, mut h2) = match handshake.poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(ends)) => ends,
            Poll::Ready(Err(error)) => return Err(Loss::from_h2(&error)),
            Poll::Pending => return Err(Loss::new(Step::H2, LossCause::TimedOut)),
        };
        let pings = h2.ping_pong();
        Ok(Self {
            id,
            h2,
            requests,
            wire,
            pings,
            ping_wanted: false,
            ping_out: false,
            streams: HashMap::new(),
            settings_due: Some(settings_due),
            touched: false,
            flag,
            waker,
        })
    }

    /// Lets h2 read what came and write what is due into the writer.
    pub(crate) fn poll(&mut self) -> Found {
        self.flag.lower();
        let mut cx = Context::from_waker(&self.waker);
        let loss = match Pin::new(&mut self.h2).poll(&mut cx) {
            Poll::Pending => None,
            Poll::Ready(Ok(())) => Some(Loss::new(Step::Socket, LossCause::Closed)),
            Poll::Ready(Err(error)) => Some(Loss::from_h2(&error)),
        };
        let ended_first = self.wire.take_ended();
        let mut found = Found { notes: self.wire.take_notes(), pong: false, ended_first, loss };
        if self.ping_out
            && let Some(pings) = &mut self.pings
            && let Poll::Ready(Ok(_)) = pings.poll_pong(&mut cx)
        {
            self.ping_out = false;
            found.pong = true;
        }
        found
    }

    /// Hands the PING that the engine wants to h2. To be called when h2 has written this turn's audio.
    pub(crate) fn send_ping(&mut self) {
        self.ping_wanted = false;
        if let Some(pings) = &mut self.pings
            && pings.send_ping(h2::Ping::opaque()).is_ok()
        {
            self.ping_out = true;
        }
    }

    /// Gives the writer's bytes to the socket.
    pub(crate) fn flush(&mut self) -> Result<(), Loss> {
        match self.wire.drain(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(Err(error)) => Err(Loss::from_io(&error)),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// Sends a request's head.
    pub(crate) fn open(
        &mut self,
        id: StreamId,
        request: http::Request<()>,
    ) -> Result<(h2::client::ResponseFuture, h2::SendStream<Bytes>), h2::Error> {
        // A clone holds no stream that waits to be opened, so that it is always ready.
        let (response, body) = self.requests.clone().send_request(request, false)?;
        self.streams.insert(body.stream_id().as_u32(), id);
        Ok((response, body))
    }

    /// Drops the socket at once; what the kernel has not sent is thrown away.
    pub(crate) fn abandon(self) {
        if let Some(stream) = self.wire.take_io() {
            stream.abandon();
        }
    }
}
