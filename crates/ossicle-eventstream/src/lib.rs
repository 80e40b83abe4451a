//! The AWS event-stream encoding (`application/vnd.amazon.eventstream`): messages, headers and checksums.
//!
//! What this crate does:
//!
//! * [`encode_message`] writes one message into the caller's buffer. It never allocates.
//! * [`encode_signed_event`] writes an event together with the signed message around it, in place: the event is laid down
//!   where it will travel, hashed there, and the envelope is filled in around it. It never allocates or copies twice.
//! * [`Decoder`] reads messages from bytes that may be split anywhere. A message that lies whole in the input is borrowed
//!   from it; only a message that is split is copied. An idle decoder holds no heap memory.
//!
//! What it never does: panic on any input, hand out a header or payload whose checksum was not verified, wait for a length
//! that is over its limit, or print payloads and header values in `Debug` output.
//!
//! ```
//! use ossicle_eventstream::{Decoder, Header, Value, encode_message, message_len};
//!
//! let headers = [Header { name: ":event-type", value: Value::String("transcriptEvent") }];
//! let mut message = vec![0; message_len(&headers, 2)?];
//! encode_message(&headers, b"{}", &mut message)?;
//!
//! let mut decoder = Decoder::new();
//! let mut input = message.as_slice();
//! let decoded = decoder.decode(&mut input)?.expect("a whole message");
//! assert_eq!(decoded.header(":event-type"), Some(Value::String("transcriptEvent")));
//! assert_eq!(decoded.payload(), b"{}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod decode;
mod encode;
mod envelope;
mod header;
pub mod limits;

pub use decode::{DecodeError, Decoder, Headers, Message};
pub use encode::{EncodeError, encode_message, message_len};
pub use envelope::{
    EventHeaders, SIGNED_END_LEN, encode_signed_end, encode_signed_event, encode_signed_event_with,
    signed_event_len,
};
pub use header::{Header, HeaderError, Value};
pub use limits::DecodeLimits;
