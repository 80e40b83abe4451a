//! Messages read from bytes that are split anywhere.

use std::fmt;

use crate::header::{Header, HeaderError, RawHeader, Value};
use crate::limits::{
    DecodeLimits, HEADERS_COUNT_MAX, MESSAGE_CRC_LEN, MESSAGE_OVERHEAD_LEN, PRELUDE_LEN, SPLIT_RESERVE_LEN,
};

/// Why bytes are not a message. A stream that had one has lost its place for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The checksum of the lengths is wrong.
    #[error("the prelude's checksum is {declared:#010x} where its bytes give {computed:#010x}")]
    PreludeCrc {
        /// The checksum in the message.
        declared: u32,
        /// The checksum of its bytes.
        computed: u32,
    },
    /// The total length is less than that of an empty message.
    #[error("a message length of {declared} bytes is shorter than the 16 of an empty message")]
    MessageLength {
        /// The length in the message.
        declared: u32,
    },
    /// The headers are longer than the message has room for.
    #[error("a headers length of {declared} bytes does not fit in a message of {total} bytes")]
    HeadersLength {
        /// The length of the headers in the message.
        declared: u32,
        /// The message's whole length.
        total: u32,
    },
    /// The headers are over the decoder's limit.
    #[error("headers of {declared} bytes are longer than the {max} accepted")]
    HeadersTooLong {
        /// The length of the headers in the message.
        declared: u32,
        /// The decoder's limit in bytes.
        max: usize,
    },
    /// The payload is over the decoder's limit.
    #[error("a payload of {declared} bytes is longer than the {max} accepted")]
    PayloadTooLong {
        /// The payload's length as the message declares it.
        declared: u32,
        /// The decoder's limit in bytes.
        max: usize,
    },
    /// The checksum of the whole message is wrong.
    #[error("the message's checksum is {declared:#010x} where its bytes give {computed:#010x}")]
    MessageCrc {
        /// The checksum in the message.
        declared: u32,
        /// The checksum of its bytes.
        computed: u32,
    },
    /// A header cannot be read although all checksums hold.
    #[error("the header at byte {at} cannot be read: {error}")]
    Header {
        /// Where the header begins, in bytes from the start of the headers.
        at: usize,
        /// What is wrong with it.
        error: HeaderError,
    },
    /// The stream ended inside a message.
    #[error("the stream ended {held} bytes into a message")]
    Unfinished {
        /// Bytes of the unfinished message.
        held: usize,
    },
}

/// Reads messages from a stream of bytes.
///
/// * Checks the prelude's checksum and lengths as soon as twelve bytes are there, so a bad or oversized length is found before
///   anything waits for it.
/// * Verifies the whole message, its headers included, before it hands out any of it.
/// * Borrows a message from the input when it lies whole in it; copies only what is split.
/// * Holds at most one message; memory grows with the bytes that came, never with a declared length, and is given back when the
///   input runs out between messages.
/// * Stays failed after an error: there is no way to find the next message.
#[derive(Default)]
pub struct Decoder {
    limits: DecodeLimits,
    /// The start of a message whose end has not come yet; or, if `spent`, the message handed out last.
    held: Vec<u8>,
    /// The prelude of `held`, once it is there and was found good.
    prelude: Option<Prelude>,
    spent: bool,
    failed: Option<DecodeError>,
}

impl Decoder {
    /// A decoder with the limits of a client, [`DecodeLimits::CLIENT`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder with these limits.
    pub fn with_limits(limits: DecodeLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes bytes off the front of `input` and returns the first message that they complete. `None` means that all input was
    /// taken and no message is complete: call again with the next bytes. Call until it returns `None`.
    ///
    /// # Errors
    /// [`DecodeError`], and the same one at each later call. `input` is then left where it is.
    pub fn decode<'a, 'input: 'a>(
        &'a mut self,
        input: &mut &'input [u8],
    ) -> Result<Option<Message<'a>>, DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.find(input) {
            Ok(Some(Found::InInput(prelude))) => {
                let (message, rest) = input.split_at(prelude.total_len);
                *input = rest;
                Ok(Some(Message::new(message, prelude)))
            }
            Ok(Some(Found::Held(prelude))) => Ok(Some(Message::new(&self.held, prelude))),
            Ok(None) => Ok(None),
            Err(error) => {
                self.failed = Some(error);
                self.release();
                Err(error)
            }
        }
    }

    /// To be called when the stream has ended: fine if it ended between two messages.
    ///
    /// # Errors
    /// [`DecodeError::Unfinished`] if bytes of an unfinished message are left, or the error that ended decoding before.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match (self.failed, self.held_len()) {
            (Some(error), _) => Err(error),
            (None, 0) => Ok(()),
            (None, held) => Err(DecodeError::Unfinished { held }),
        }
    }

    /// Bytes of an unfinished message that the decoder holds.
    pub fn held_len(&self) -> usize {
        if self.spent { 0 } else { self.held.len() }
    }

    /// Bytes of heap memory that the decoder holds.
    pub fn memory_bytes(&self) -> usize {
        self.held.capacity()
    }

    /// Finds the next message and verifies it.
    fn find(&mut self, input: &mut &[u8]) -> Result<Option<Found>, DecodeError> {
        if self.spent {
            // The message that was handed out last ends with this call: its caller had to let go of it.
            self.held.clear();
            self.prelude = None;
            self.spent = false;
        }
        if !self.held.is_empty() {
            return self.complete_held(input);
        }
        if let Some(prelude) = input.first_chunk() {
            let prelude = Prelude::parse(prelude, &self.limits)?;
            if let Some(message) = input.get(..prelude.total_len) {
                prelude.verify(message)?;
                return Ok(Some(Found::InInput(prelude)));
            }
            self.prelude = Some(prelude);
        }
        if input.is_empty() {
            self.release();
        } else {
            self.hold(input, input.len());
        }
        Ok(None)
    }

    /// Adds input to a message whose start is held, until it is whole.
    fn complete_held(&mut self, input: &mut &[u8]) -> Result<Option<Found>, DecodeError> {
        let prelude = match self.prelude {
            Some(prelude) => prelude,
            None => {
                self.hold(input, PRELUDE_LEN - self.held.len());
                let Some(prelude) = self.held.first_chunk() else { return Ok(None) };
                let prelude = Prelude::parse(prelude, &self.limits)?;
                self.prelude = Some(prelude);
                prelude
            }
        };
        self.hold(input, prelude.total_len - self.held.len());
        if self.held.len() < prelude.total_len {
            return Ok(None);
        }
        prelude.verify(&self.held)?;
        self.spent = true;
        Ok(Some(Found::Held(prelude)))
    }

    /// Moves up to `wanted` bytes from the input into the buffer, which grows to at most one message.
    fn hold(&mut self, input: &mut &[u8], wanted: usize) {
        let (taken, rest) = input.split_at(wanted.min(input.len()));
        let needed = self.held.len() + taken.len();
        if needed > self.held.capacity() {
            let total_len = self.prelude.map_or(PRELUDE_LEN, |prelude| prelude.total_len);
            let grown =
                needed.max(2 * self.held.capacity()).max(SPLIT_RESERVE_LEN).min(total_len.max(needed));
            self.held.reserve_exact(grown - self.held.len());
        }
        self.held.extend_from_slice(taken);
        *input = rest;
    }

    /// Gives all memory back.
    fn release(&mut self) {
        self.held = Vec::new();
        self.prelude = None;
        self.spent = false;
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("limits", &self.limits)
            .field("held_len", &self.held_len())
            .field("failed", &self.failed)
            .finish()
    }
}

/// Where a message that was found lies.
enum Found {
    InInput(Prelude),
    Held(Prelude),
}

/// Lengths that a good checksum vouches for and that are within the limits.
#[derive(Clone, Copy)]
struct Prelude {
    total_len: usize,
    headers_len: usize,
    crc: u32,
}

impl Prelude {
    fn parse(bytes: &[u8; PRELUDE_LEN], limits: &DecodeLimits) -> Result<Self, DecodeError> {
        let [t0, t1, t2, t3, h0, h1, h2, h3, c0, c1, c2, c3] = *bytes;
        let total_len = u32::from_be_bytes([t0, t1, t2, t3]);
        let headers_len = u32::from_be_bytes([h0, h1, h2, h3]);
        let declared = u32::from_be_bytes([c0, c1, c2, c3]);

        let computed = crc32fast::hash(&bytes[..8]);
        if declared != computed {
            return Err(DecodeError::PreludeCrc { declared, computed });
        }
        let Some(content_len) = total_len.checked_sub(MESSAGE_OVERHEAD_LEN as u32) else {
            return Err(DecodeError::MessageLength { declared: total_len });
        };
        let Some(payload_len) = content_len.checked_sub(headers_len) else {
            return Err(DecodeError::HeadersLength { declared: headers_len, total: total_len });
        };
        if headers_len as usize > limits.headers_len_max {
            return Err(DecodeError::HeadersTooLong { declared: headers_len, max: limits.headers_len_max });
        }
        if payload_len as usize > limits.payload_len_max {
            return Err(DecodeError::PayloadTooLong { declared: payload_len, max: limits.payload_len_max });
        }
        Ok(Self { total_len: total_len as usize, headers_len: headers_len as usize, crc: declared })
    }

    /// Checks the message's checksum, then its headers: what fails only the latter was sent that way.
    fn verify(&self, message: &[u8]) -> Result<(), DecodeError> {
        let (body, end) = message.split_at(self.total_len - MESSAGE_CRC_LEN);
        let declared = end.first_chunk().map_or(0, |crc| u32::from_be_bytes(*crc));
        // Goes on from the prelude's checksum, which covers the first eight bytes.
        let mut crc = crc32fast::Hasher::new_with_initial(self.crc);
        crc.update(&body[8..]);
        let computed = crc.finalize();
        if declared != computed {
            return Err(DecodeError::MessageCrc { declared, computed });
        }
        verify_headers(&body[PRELUDE_LEN..PRELUDE_LEN + self.headers_len])
    }
}

fn verify_headers(block: &[u8]) -> Result<(), DecodeError> {
    let mut rest = block;
    let mut count = 0;
    while !rest.is_empty() {
        let at = block.len() - rest.len();
        let fail = |error| DecodeError::Header { at, error };
        if count == HEADERS_COUNT_MAX {
            return Err(fail(HeaderError::TooMany));
        }
        let (header, after) = RawHeader::split(rest).map_err(fail)?;
        header.parse().map_err(fail)?;
        if raw_headers(&block[..at]).any(|earlier| earlier.name == header.name) {
            return Err(fail(HeaderError::NameRepeated));
        }
        rest = after;
        count += 1;
    }
    Ok(())
}

/// The headers of a block that splits without error.
fn raw_headers(mut block: &[u8]) -> impl Iterator<Item = RawHeader<'_>> {
    std::iter::from_fn(move || {
        let (header, rest) = RawHeader::split(block).ok()?;
        block = rest;
        Some(header)
    })
}

/// A message whose checksums and headers were verified. `Debug` shows sizes only.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    headers: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Message<'a> {
    fn new(message: &'a [u8], prelude: Prelude) -> Self {
        let content = &message[PRELUDE_LEN..prelude.total_len - MESSAGE_CRC_LEN];
        let (headers, payload) = content.split_at(prelude.headers_len);
        Self { headers, payload }
    }

    /// All headers, in the order of the message. No name comes twice.
    pub fn headers(&self) -> Headers<'a> {
        Headers { rest: self.headers }
    }

    /// The value of the header with this name.
    pub fn header(&self, name: &str) -> Option<Value<'a>> {
        // Names are compared as bytes, so that only the header that is asked for is read.
        let header = raw_headers(self.headers).find(|header| header.name == name.as_bytes())?;
        header.parse().ok().map(|header| header.value)
    }

    /// The payload.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} bytes of headers, {} of payload)", self.headers.len(), self.payload.len())
    }
}

/// The headers of a [`Message`].
#[derive(Clone)]
pub struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        // No error is lost here: the decoder verified the whole block before it made the message.
        let (header, rest) = RawHeader::split(self.rest).ok()?;
        self.rest = rest;
        header.parse().ok()
    }
}

impl std::iter::FusedIterator for Headers<'_> {}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
