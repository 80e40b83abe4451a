//! One request stream: its answer, and the credit for its body.

use super::conn::Loss;
use super::ready::Flag;
use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};
use ossicle_core::io::{Headers, StreamEnd, StreamId};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A stream of the shard.
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    /// The slot of its connection.
    pub(crate) conn: u32,
    pub(crate) h2_id: u32,
    body: SendStream<Bytes>,
    answer: Answer,
    /// What the engine wants to write, and what it was told that it may.
    wanted: u32,
    told: u32,
    /// Whether the credit has to be looked at in this turn.
    pub(crate) unsettled: bool,
    #[cfg(feature = "metrics")]
    starved: bool,
    flag: Arc<Flag>,
    waker: Waker,
}

enum Answer {
    Awaited(ResponseFuture),
    Body(RecvStream),
    Over,
}

/// What one step of reading found.
pub(crate) enum Step {
    Head(http::Response<()>),
    Data(Bytes),
    Ended(StreamEnd),
    /// The stream cannot go on because its connection cannot.
    ConnLost(Loss),
    /// Nothing now.
    Rest,
}

/// REFUSED_STREAM (RFC 9113 section 7).
const REFUSED_STREAM: u32 = 7;

impl Stream {
    pub(crate) fn new(
        id: StreamId,
        conn: u32,
        (response, body): (ResponseFuture, SendStream<Bytes>),
        (flag, waker): (Arc<Flag>, Waker),
    ) -> Self {
        let h2_id = body.stream_id().as_u32();
        Self {
            id,
            conn,
            h2_id,
            body,
            answer: Answer::Awaited(response),
            wanted: 0,
            told: 0,
            unsettled: false,
            #[cfg(feature = "metrics")]
            starved: false,
            flag,
            waker,
        }
    }

    /// Lowers the flag; to be called before [`Self::step`].
    pub(crate) fn lower(&self) {
        self.flag.lower();
    }

    /// Raises the flag, so that a new stream registers its wakers.
    pub(crate) fn raise(&self) {
        self.waker.wake_by_ref();
    }

    /// Reads one thing of the answer.
    pub(crate) fn step(&mut self) -> Step {
        let mut cx = Context::from_waker(&self.waker);
        match &mut self.answer {
            Answer::Awaited(response) => match Pin::new(response).poll(&mut cx) {
                Poll::Pending => Step::Rest,
                Poll::Ready(Ok(response)) => {
                    let (head, body) = response.into_parts();
                    self.answer = Answer::Body(body);
                    Step::Head(http::Response::from_parts(head, ()))
                }
                Poll::Ready(Err(error)) => self.failed(&error),
            },
            Answer::Body(body) => match body.poll_data(&mut cx) {
                Poll::Pending => Step::Rest,
                Poll::Ready(Some(Ok(bytes))) => {
                    // The engine decodes at once, so the window is given back at once. It cannot fail for bytes that
                    // were just received.
                    let _ = body.flow_control().release_capacity(bytes.len());
                    Step::Data(bytes)
                }
                Poll::Ready(Some(Err(error))) => self.failed(&error),
                // Trailers, if any, say nothing.
                Poll::Ready(None) => {
                    self.answer = Answer::Over;
                    Step::Ended(StreamEnd::Clean)
                }
            },
            Answer::Over => Step::Rest,
        }
    }

    fn failed(&mut self, error: &h2::Error) -> Step {
        self.answer = Answer::Over;
        let code = error.reason().map_or(0, u32::from);
        if error.is_reset() {
            return Step::Ended(StreamEnd::Reset(code));
        }
        if error.is_go_away() && error.is_remote() {
            // h2 says this only of streams that the peer's GOAWAY left out.
            return Step::Ended(StreamEnd::Reset(REFUSED_STREAM));
        }
        Step::ConnLost(Loss::from_h2(error))
    }

    /// Reserves windows for `bytes`, in place of the last wish.
    pub(crate) fn want(&mut self, bytes: u32) {
        self.wanted = bytes;
        self.body.reserve_capacity(bytes as usize);
    }

    /// The credit, if it is not what the engine knows.
    pub(crate) fn credit(&mut self) -> Option<u32> {
        self.unsettled = false;
        let mut credit = self.capacity();
        if credit < self.wanted {
            // To be woken when it grows. A value that is ready was counted already.
            let mut cx = Context::from_waker(&self.waker);
            while let Poll::Ready(Some(Ok(_))) = self.body.poll_capacity(&mut cx) {
                credit = self.capacity();
                if credit >= self.wanted {
                    break;
                }
            }
        }
        if credit == self.told {
            return None;
        }
        self.told = credit;
        Some(credit)
    }

    fn capacity(&self) -> u32 {
        u32::try_from(self.body.capacity()).unwrap_or(u32::MAX)
    }

    /// Whether a wish could not be met at once, told once for each wish.
    #[cfg(feature = "metrics")]
    pub(crate) fn begins_to_starve(&mut self) -> bool {
        // Before the answer h2 may not have opened the stream yet: that is no window that ran out.
        let answered = matches!(self.answer, Answer::Body(_));
        let starves = answered && self.wanted > 0 && self.capacity() < self.wanted;
        !std::mem::replace(&mut self.starved, starves) && starves
    }

    /// Whether the engine waits for credit.
    pub(crate) fn wants(&self) -> bool {
        self.wanted > 0
    }

    /// Gives h2 a part of the body.
    pub(crate) fn write(&mut self, bytes: Bytes) {
        let written = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.wanted = self.wanted.saturating_sub(written);
        self.told = self.told.saturating_sub(written);
        // A stream that was reset meanwhile says so when its answer is read.
        let _ = self.body.send_data(bytes, false);
    }

    /// Ends the body.
    pub(crate) fn finish(&mut self) {
        self.wanted = 0;
        let _ = self.body.send_data(Bytes::new(), true);
    }

    /// RST_STREAM(CANCEL).
    pub(crate) fn reset(mut self) {
        self.body.send_reset(h2::Reason::CANCEL);
    }
}

/// A response's headers.
pub(crate) struct HeadersOf<'a>(pub(crate) &'a http::HeaderMap);

impl Headers for HeadersOf<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }
}
