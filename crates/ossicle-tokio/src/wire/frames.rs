//! Follows the frames of an HTTP/2 connection as bytes pass, cut anywhere (RFC 9113 section 4.1).

/// The client's connection preface (RFC 9113 section 3.4).
pub(crate) const PREFACE_BYTES: usize = 24;
const HEAD_BYTES: usize = 9;

pub(crate) const TYPE_DATA: u8 = 0x0;
pub(crate) const TYPE_HEADERS: u8 = 0x1;
pub(crate) const TYPE_RST_STREAM: u8 = 0x3;
pub(crate) const TYPE_SETTINGS: u8 = 0x4;
pub(crate) const TYPE_PING: u8 = 0x6;
pub(crate) const TYPE_GOAWAY: u8 = 0x7;
pub(crate) const FLAG_ACK: u8 = 0x1;
pub(crate) const FLAG_END_STREAM: u8 = 0x1;
pub(crate) const FLAG_PADDED: u8 = 0x8;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHead {
    pub(crate) length: u32,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

/// One step through the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Passed<'a> {
    /// Payload of a frame that begins `offset` bytes into it.
    Payload { head: FrameHead, offset: u32, bytes: &'a [u8] },
    /// The last byte of a frame has passed.
    End(FrameHead),
}

/// Where in the stream of frames the next byte lies.
#[derive(Debug)]
pub(crate) struct Walker {
    /// Bytes of the preface that are still to come.
    skip: usize,
    partial: [u8; HEAD_BYTES],
    partial_bytes: usize,
    current: Option<(FrameHead, u32)>,
}

impl Walker {
    /// For the client's direction, which begins with the preface.
    pub(crate) fn outgoing() -> Self {
        Self { skip: PREFACE_BYTES, ..Self::incoming() }
    }

    /// For the server's direction, which begins with a frame.
    pub(crate) fn incoming() -> Self {
        Self { skip: 0, partial: [0; HEAD_BYTES], partial_bytes: 0, current: None }
    }

    /// Takes bytes off the front of `bytes` up to the next thing to tell; `None` when all are taken.
    pub(crate) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Passed<'a>> {
        if self.skip > 0 {
            let skipped = take(bytes, self.skip);
            self.skip -= skipped.len();
        }
        loop {
            if let Some((head, offset)) = self.current {
                if offset == head.length {
                    self.current = None;
                    return Some(Passed::End(head));
                }
                let payload = take(bytes, (head.length - offset) as usize);
                if payload.is_empty() {
                    return None;
                }
                // A payload is at most 2^24-1 bytes long.
                let passed = u32::try_from(payload.len()).unwrap_or(u32::MAX);
                self.current = Some((head, offset.saturating_add(passed)));
                return Some(Passed::Payload { head, offset, bytes: payload });
            }
            let more = take(bytes, HEAD_BYTES - self.partial_bytes);
            if more.is_empty() {
                return None;
            }
            self.partial[self.partial_bytes..self.partial_bytes + more.len()].copy_from_slice(more);
            self.partial_bytes += more.len();
            if self.partial_bytes == HEAD_BYTES {
                self.partial_bytes = 0;
                self.current = Some((parse(&self.partial), 0));
            }
        }
    }
}

fn take<'a>(bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (front, rest) = bytes.split_at(most.min(bytes.len()));
    *bytes = rest;
    front
}

fn parse(bytes: &[u8; HEAD_BYTES]) -> FrameHead {
    FrameHead {
        length: u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]),
        kind: bytes[3],
        flags: bytes[4],
        stream: u32::from_be_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]) & 0x7fff_ffff,
    }
}
