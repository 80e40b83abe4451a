//! The signed envelope: an event inside the message that carries its signature.
//!
//! A client's event is encoded whole and becomes the payload of an outer message with exactly two headers,
//! `:chunk-signature` (32 bytes) and `:date` (milliseconds). The order of the two is that of the official Rust client.

use std::fmt;

use crate::encode::{EncodeError, headers_len, write_headers, write_message_crc, write_prelude};
use crate::header::{Header, Value};
use crate::limits::{
    COMBINE_LEN_MIN, ENCODE_PAYLOAD_LEN_MAX, MESSAGE_CRC_LEN, MESSAGE_OVERHEAD_LEN, PRELUDE_LEN,
};

/// `:chunk-signature` with its length byte, type 6 and the length of its value.
const SIGNATURE_HEADER_START: &[u8; 20] = b"\x10:chunk-signature\x06\x00\x20";
/// `:date` with its length byte and type 8.
const DATE_HEADER_START: &[u8; 7] = b"\x05:date\x08";

const SIGNATURE_LEN: usize = 32;
const DATE_LEN: usize = 8;
const SIGNATURE_AT: usize = PRELUDE_LEN + SIGNATURE_HEADER_START.len();
const DATE_START_AT: usize = SIGNATURE_AT + SIGNATURE_LEN;
const DATE_AT: usize = DATE_START_AT + DATE_HEADER_START.len();
const OUTER_PAYLOAD_AT: usize = DATE_AT + DATE_LEN;
const OUTER_HEADERS_LEN: usize = OUTER_PAYLOAD_AT - PRELUDE_LEN;

/// Length in bytes of the message that ends a signed stream: an envelope with nothing in it.
pub const SIGNED_END_LEN: usize = OUTER_PAYLOAD_AT + MESSAGE_CRC_LEN;

/// The headers of one kind of event, encoded once and copied into each event of that kind.
#[derive(Clone, PartialEq, Eq)]
pub struct EventHeaders {
    block: Box<[u8]>,
}

impl EventHeaders {
    /// The three headers that every client event of the service carries, in the official client's order: `:message-type`
    /// (`event`), `:event-type`, `:content-type`.
    ///
    /// # Errors
    /// [`EncodeError::ValueLength`] if a text is empty or longer than 32,767 bytes.
    pub fn new(event_type: &str, content_type: &str) -> Result<Self, EncodeError> {
        Self::from_headers(&[
            Header { name: ":message-type", value: Value::String("event") },
            Header { name: ":event-type", value: Value::String(event_type) },
            Header { name: ":content-type", value: Value::String(content_type) },
        ])
    }

    /// Any headers, for events that are not of the usual form.
    ///
    /// # Errors
    /// The errors of [`message_len`](crate::message_len) that concern headers.
    pub fn from_headers(headers: &[Header<'_>]) -> Result<Self, EncodeError> {
        let mut block = vec![0; headers_len(headers)?].into_boxed_slice();
        write_headers(&mut block, headers);
        Ok(Self { block })
    }
}

impl fmt::Debug for EventHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventHeaders({} bytes)", self.block.len())
    }
}

/// The length in bytes of a signed event with a payload of `payload_len` bytes: the event and its envelope.
pub fn signed_event_len(headers: &EventHeaders, payload_len: usize) -> usize {
    SIGNED_END_LEN + MESSAGE_OVERHEAD_LEN + headers.block.len() + payload_len
}

/// Writes a signed event to the start of `out` and returns its length in bytes. Does not allocate.
///
/// `sign` is called once, with the bytes of the event as they lie in `out`, and returns the event's signature. `date_ms` is
/// the signing time in milliseconds since 1970; whole seconds are written, as the official Rust client does, because the
/// string that is signed has no finer unit. The signer must hash the same whole second.
///
/// # Errors
/// [`EncodeError::BufferTooSmall`] or [`EncodeError::PayloadTooLong`]; `sign` was not called then.
pub fn encode_signed_event(
    out: &mut [u8],
    headers: &EventHeaders,
    payload: &[u8],
    date_ms: i64,
    sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LEN],
) -> Result<usize, EncodeError> {
    encode_signed_event_with(out, headers, payload.len(), |slot| slot.copy_from_slice(payload), date_ms, sign)
}

/// As [`encode_signed_event`], with a payload of `payload_len` bytes that `write_payload` writes in place. It must write all of
/// the slice that it is given; what it leaves keeps the bytes that `out` had.
///
/// # Errors
/// [`EncodeError::BufferTooSmall`] or [`EncodeError::PayloadTooLong`]; neither closure was called then.
pub fn encode_signed_event_with(
    out: &mut [u8],
    headers: &EventHeaders,
    payload_len: usize,
    write_payload: impl FnOnce(&mut [u8]),
    date_ms: i64,
    sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LEN],
) -> Result<usize, EncodeError> {
    // The event is itself a payload, the envelope's: the limit holds for it, and so for what is inside.
    let inner_overhead_len = MESSAGE_OVERHEAD_LEN + headers.block.len();
    if payload_len > ENCODE_PAYLOAD_LEN_MAX - inner_overhead_len {
        return Err(EncodeError::PayloadTooLong { len: payload_len });
    }
    let total_len = signed_event_len(headers, payload_len);
    let available = out.len();
    let out = out.get_mut(..total_len).ok_or(EncodeError::BufferTooSmall { needed: total_len, available })?;

    let inner = &mut out[OUTER_PAYLOAD_AT..total_len - MESSAGE_CRC_LEN];
    let inner_payload_at = PRELUDE_LEN + headers.block.len();
    let inner_prelude_crc = write_prelude(inner, headers.block.len());
    inner[PRELUDE_LEN..inner_payload_at].copy_from_slice(&headers.block);
    write_payload(&mut inner[inner_payload_at..inner_payload_at + payload_len]);
    let inner_crc = write_message_crc(inner, inner_prelude_crc);
    let signature = sign(inner);
    let prelude_crc = write_envelope(out, date_ms, signature);
    if payload_len < COMBINE_LEN_MIN {
        write_message_crc(out, prelude_crc);
    } else {
        write_combined_crc(out, prelude_crc, inner_crc);
    }
    Ok(total_len)
}

/// Writes the message that ends a signed stream to the start of `out` and returns its length, [`SIGNED_END_LEN`]. `sign` is
/// called once, with no bytes: the end is an envelope around nothing, not around an empty message. Does not allocate.
///
/// # Errors
/// [`EncodeError::BufferTooSmall`]; `sign` was not called then.
pub fn encode_signed_end(
    out: &mut [u8],
    date_ms: i64,
    sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LEN],
) -> Result<usize, EncodeError> {
    let available = out.len();
    let out = out
        .get_mut(..SIGNED_END_LEN)
        .ok_or(EncodeError::BufferTooSmall { needed: SIGNED_END_LEN, available })?;
    let prelude_crc = write_envelope(out, date_ms, sign(&[]));
    write_message_crc(out, prelude_crc);
    Ok(SIGNED_END_LEN)
}

/// Fills in an outer message around the payload that already lies in it, all but its last checksum. Returns the checksum of its
/// prelude.
fn write_envelope(outer: &mut [u8], date_ms: i64, signature: [u8; SIGNATURE_LEN]) -> u32 {
    let whole_second_ms = date_ms - date_ms.rem_euclid(1000);
    let prelude_crc = write_prelude(outer, OUTER_HEADERS_LEN);
    outer[PRELUDE_LEN..SIGNATURE_AT].copy_from_slice(SIGNATURE_HEADER_START);
    outer[SIGNATURE_AT..DATE_START_AT].copy_from_slice(&signature);
    outer[DATE_START_AT..DATE_AT].copy_from_slice(DATE_HEADER_START);
    outer[DATE_AT..OUTER_PAYLOAD_AT].copy_from_slice(&whole_second_ms.to_be_bytes());
    prelude_crc
}

/// Writes the checksum that ends an outer message without a second pass over the inner one, whose checksum is known.
fn write_combined_crc(outer: &mut [u8], prelude_crc: u32, inner_crc: u32) {
    let (body, end) = outer.split_at_mut(outer.len() - MESSAGE_CRC_LEN);
    let inner_covered_len = body.len() - OUTER_PAYLOAD_AT - MESSAGE_CRC_LEN;
    let mut crc = crc32fast::Hasher::new_with_initial(prelude_crc);
    crc.update(&body[8..OUTER_PAYLOAD_AT]);
    crc.combine(&crc32fast::Hasher::new_with_initial_len(inner_crc, inner_covered_len as u64));
    crc.update(&inner_crc.to_be_bytes());
    end.copy_from_slice(&crc.finalize().to_be_bytes());
}
