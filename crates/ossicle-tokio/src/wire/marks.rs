//! What of the outgoing bytes is audio and what is a PING, so that each is told when it has left.

use super::frames::{FLAG_ACK, FLAG_PADDED, FrameHead, Passed, TYPE_DATA, TYPE_PING, Walker};
use std::collections::VecDeque;

/// What left, by the number of the HTTP/2 stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireMark {
    /// Bytes of a stream's body: without frame heads and padding.
    Data { stream: u32, bytes: u64 },
    /// Our PING, all of it.
    Ping,
}

/// Follows what is gathered and what has left.
#[derive(Debug)]
pub(crate) struct Marks {
    walker: Walker,
    /// Length of the padding of the DATA frame that is passing.
    padding: u32,
    gathered: u64,
    left: u64,
    waiting: VecDeque<Waiting>,
    told: VecDeque<WireMark>,
}

/// A stretch of the outgoing bytes that is to be told.
#[derive(Debug)]
struct Waiting {
    /// The position behind its last byte.
    end: u64,
    /// Which stream's body it is, or the PING.
    stream: Option<u32>,
    /// Bytes that have not left; 0 for the PING.
    bytes: u64,
}

impl Marks {
    pub(crate) fn new() -> Self {
        Self {
            walker: Walker::outgoing(),
            padding: 0,
            gathered: 0,
            left: 0,
            waiting: VecDeque::new(),
            told: VecDeque::new(),
        }
    }

    /// Bytes were gathered behind all earlier ones.
    pub(crate) fn gathered(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(passed) = self.walker.next(&mut rest) {
            let here = self.gathered + (bytes.len() - rest.len()) as u64;
            match passed {
                Passed::Payload { head, offset, bytes } if head.kind == TYPE_DATA => {
                    self.body(head, offset, bytes, here);
                }
                Passed::End(head) if head.kind == TYPE_PING && head.flags & FLAG_ACK == 0 => {
                    self.waiting.push_back(Waiting { end: here, stream: None, bytes: 0 });
                }
                Passed::Payload { .. } | Passed::End(_) => {}
            }
        }
        self.gathered += bytes.len() as u64;
    }

    /// A piece of a DATA frame's payload whose last byte lies just ahead of `here`.
    fn body(&mut self, head: FrameHead, offset: u32, bytes: &[u8], here: u64) {
        let padded = head.flags & FLAG_PADDED != 0;
        if padded && offset == 0 {
            self.padding = bytes.first().copied().map_or(0, u32::from);
        }
        let (from, to) =
            if padded { (1, head.length.saturating_sub(self.padding)) } else { (0, head.length) };
        // The body is what lies between the length of the padding and the padding.
        let begin = offset.max(from);
        let end = (offset + bytes.len() as u32).min(to);
        if begin >= end {
            return;
        }
        let after = u64::from(offset + bytes.len() as u32 - end);
        let (end, bytes) = (here - after, u64::from(end - begin));
        if let Some(last) = self.waiting.back_mut()
            && last.stream == Some(head.stream)
            && last.end + bytes == end
        {
            last.end = end;
            last.bytes += bytes;
            return;
        }
        self.waiting.push_back(Waiting { end, stream: Some(head.stream), bytes });
    }

    /// `bytes` more have left.
    pub(crate) fn left(&mut self, bytes: usize) {
        self.left += bytes as u64;
        while let Some(first) = self.waiting.front_mut() {
            let missing = first.end.saturating_sub(self.left);
            match first.stream {
                None if missing == 0 => self.told.push_back(WireMark::Ping),
                None => return,
                Some(stream) => {
                    let gone = first.bytes.saturating_sub(missing);
                    if gone > 0 {
                        self.told.push_back(WireMark::Data { stream, bytes: gone });
                        first.bytes -= gone;
                    }
                    if missing > 0 {
                        return;
                    }
                }
            }
            self.waiting.pop_front();
        }
        if self.waiting.capacity() > 64 {
            self.waiting.shrink_to(16);
        }
    }

    /// The next thing that left, in the order of the wire.
    pub(crate) fn tell(&mut self) -> Option<WireMark> {
        let told = self.told.pop_front();
        if self.told.is_empty() && self.told.capacity() > 64 {
            self.told.shrink_to(16);
        }
        told
    }
}
