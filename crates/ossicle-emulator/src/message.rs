//! Event-stream messages through the official codec, with a bound on their length put before it.

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::DateTime;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::{Bytes, BytesMut};
use serde_json::Value;

use crate::limits;

/// What is wrong with bytes that should be a message. The text never holds any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("a message announces {0} bytes, outside {min} to {max}", min = limits::MESSAGE_BYTES_MIN, max = limits::MESSAGE_BYTES_MAX)]
    Length(u32),
    #[error("a message's checksum, length or headers are wrong")]
    Codec,
    #[error("a signed message must have exactly the headers :chunk-signature and :date")]
    Envelope,
    #[error("an event's headers are missing or unknown")]
    Event,
}

/// Cuts a byte stream into whole messages. Holds at most one incomplete message.
#[derive(Default)]
pub(crate) struct Splitter {
    buffer: BytesMut,
}

impl Splitter {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, as it came. The length is bounded before anything waits for it.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Malformed> {
        let Some(length) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length);
        let bytes = usize::try_from(length).map_err(|_| Malformed::Length(length))?;
        if !(limits::MESSAGE_BYTES_MIN..=limits::MESSAGE_BYTES_MAX).contains(&bytes) {
            return Err(Malformed::Length(length));
        }
        Ok((self.buffer.len() >= bytes).then(|| self.buffer.split_to(bytes).freeze()))
    }

    /// Whether bytes of an incomplete message are held.
    pub(crate) fn in_mid_message(&self) -> bool {
        !self.buffer.is_empty()
    }
}

/// A signed message: a date, a signature, and another message (or nothing, at the end) as payload.
pub(crate) struct Envelope {
    pub(crate) date: DateTime,
    pub(crate) signature: Bytes,
    pub(crate) payload: Bytes,
}

impl Envelope {
    pub(crate) fn read(raw: Bytes) -> Result<Self, Malformed> {
        let message = decode(raw)?;
        let [a, b] = message.headers() else { return Err(Malformed::Envelope) };
        // The Rust client writes the signature first, the Python client the date.
        let (signature, date) = if a.name().as_str() == ":date" { (b, a) } else { (a, b) };
        let named = signature.name().as_str() == ":chunk-signature" && date.name().as_str() == ":date";
        match (signature.value(), date.value()) {
            (HeaderValue::ByteArray(signature), HeaderValue::Timestamp(date))
                if named && signature.len() == 32 =>
            {
                Ok(Self { date: *date, signature: signature.clone(), payload: message.payload().clone() })
            }
            _ => Err(Malformed::Envelope),
        }
    }
}

/// An event of a client.
pub(crate) enum Event {
    Configuration(Bytes),
    /// Audio as base64 inside JSON.
    Audio(Bytes),
    /// Audio as it is.
    BinaryAudio(Bytes),
    SessionControl(Bytes),
    /// The client's application gave up: the Rust client sends an exception with no name.
    Aborted,
}

impl Event {
    pub(crate) fn read(raw: Bytes) -> Result<Self, Malformed> {
        let message = decode(raw)?;
        let header = |name: &str| {
            let found = message.headers().iter().find(|header| header.name().as_str() == name)?;
            found.value().as_string().ok().map(|text| text.as_str())
        };
        let (json, octets) = (Some("application/json"), Some("application/octet-stream"));
        let content = header(":content-type");
        let payload = message.payload().clone();
        match (header(":message-type"), header(":event-type")) {
            (Some("exception"), _) => Ok(Self::Aborted),
            (Some("event"), Some("configurationEvent")) if content == json => {
                Ok(Self::Configuration(payload))
            }
            (Some("event"), Some("audioEvent")) if content == json => Ok(Self::Audio(payload)),
            (Some("event"), Some("binaryAudioEvent")) if content == octets => Ok(Self::BinaryAudio(payload)),
            (Some("event"), Some("sessionControlEvent")) if content == json => {
                Ok(Self::SessionControl(payload))
            }
            _ => Err(Malformed::Event),
        }
    }
}

fn decode(raw: Bytes) -> Result<Message, Malformed> {
    let length = raw.len();
    let mut rest = raw;
    let message = read_message_from(&mut rest).map_err(|_| Malformed::Codec)?;
    // The codec reads one message and leaves the rest; an inner message must fill its envelope.
    if !rest.is_empty() || length < limits::MESSAGE_BYTES_MIN {
        return Err(Malformed::Codec);
    }
    Ok(message)
}

/// An event for the client: unsigned, as the service sends them.
pub(crate) fn event(name: &'static str, payload: &Value) -> Bytes {
    encode("event", ":event-type", name, payload)
}

/// An exception for the client, after which the stream is over.
pub(crate) fn exception(name: &str, payload: &Value) -> Bytes {
    encode("exception", ":exception-type", name, payload)
}

fn encode(message_type: &'static str, name_header: &'static str, name: &str, payload: &Value) -> Bytes {
    let message = Message::new(payload.to_string().into_bytes())
        .add_header(Header::new(":message-type", HeaderValue::String(message_type.into())))
        .add_header(Header::new(name_header, HeaderValue::String(name.to_owned().into())))
        .add_header(Header::new(":content-type", HeaderValue::String("application/json".into())));
    let mut bytes = Vec::new();
    // Writing into a vector fails only for headers over 32 KiB; these are a few bytes.
    let written = write_message_to(&message, &mut bytes);
    debug_assert!(written.is_ok(), "three short headers always fit");
    bytes.into()
}

/// The audio bytes and kind of a signed message, found by its lengths alone: for counting, nothing is verified.
pub(crate) fn peek(raw: &[u8]) -> Option<Peeked> {
    let word = |at: usize| -> Option<usize> {
        let bytes: [u8; 4] = raw.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(bytes)).ok()
    };
    let inner_at = word(4)?.checked_add(12)?;
    let inner_bytes = raw.len().checked_sub(inner_at.checked_add(4)?)?;
    if inner_bytes == 0 {
        return Some(Peeked::Closing);
    }
    let headers_bytes = word(inner_at.checked_add(4)?)?;
    let payload_at = (inner_at + 12).checked_add(headers_bytes)?;
    let headers = raw.get(inner_at + 12..payload_at)?;
    let payload = raw.get(payload_at..raw.len().checked_sub(8)?)?;
    let named = |name: &[u8]| headers.windows(name.len()).any(|window| window == name);
    Some(if named(b"binaryAudioEvent") {
        Peeked::Audio(payload.len())
    } else if named(b"audioEvent") {
        // `{"audioChunk":""}` is 17 bytes; base64 has four for three, and `=` where it was padded.
        let padding = payload.iter().rev().take(4).filter(|byte| **byte == b'=').count();
        Peeked::Audio((payload.len().saturating_sub(17) / 4 * 3).saturating_sub(padding))
    } else if named(b"sessionControlEvent") {
        Peeked::EndOfSession
    } else {
        Peeked::Other
    })
}

/// What [`peek`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Peeked {
    Audio(usize),
    EndOfSession,
    Closing,
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_out_of_bounds_is_refused_from_its_four_bytes() {
        for length in [0u32, 15, limits::MESSAGE_BYTES_MAX as u32 + 1, u32::MAX] {
            let mut splitter = Splitter::default();
            splitter.push(&length.to_be_bytes());
            assert_eq!(splitter.next(), Err(Malformed::Length(length)));
        }
    }

    #[test]
    fn messages_come_out_whole_however_they_were_split() {
        let one = event("transcriptEvent", &serde_json::json!({"a": 1}));
        let two = event("checklistEvent", &serde_json::json!({}));
        let all = [one.as_ref(), two.as_ref()].concat();
        let mut splitter = Splitter::default();
        let mut out = Vec::new();
        for byte in &all {
            splitter.push(std::slice::from_ref(byte));
            while let Some(message) = splitter.next().expect("good messages") {
                out.push(message);
            }
        }
        assert_eq!(out, [one, two]);
        assert!(!splitter.in_mid_message());
    }

    #[test]
    fn official_frames_read_as_the_official_decoder_says() {
        let file: Value = serde_json::from_str(include_str!("../tests/vectors/eventstream-frames.json"))
            .expect("a vector file");
        for frame in file["frames"].as_array().expect("frames") {
            let text = frame["frame_hex"].as_str().expect("hex");
            if text.is_empty() {
                continue;
            }
            let bytes: Vec<u8> = (0..text.len() / 2)
                .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex"))
                .collect();
            let official = frame["read_message_from"].get("ok").is_some();
            if decode(bytes.into()).is_ok() {
                assert!(official, "{} is taken, though the official decoder refuses it", frame["name"]);
            }
        }
    }

    #[test]
    fn peeking_finds_audio_and_the_end() {
        let file: Value =
            serde_json::from_str(include_str!("../tests/vectors/stream-chain.json")).expect("a vector file");
        let frames = file["without_token"]["frames"].as_array().expect("frames");
        let peeked: Vec<Peeked> = frames
            .iter()
            .map(|frame| {
                let text = frame["frame_hex"].as_str().expect("hex");
                let bytes: Vec<u8> = (0..text.len() / 2)
                    .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex"))
                    .collect();
                peek(&bytes).expect("a good message")
            })
            .collect();
        let audio = |bytes| Peeked::Audio(bytes);
        let expected = [
            Peeked::Other,
            audio(32),
            audio(320),
            audio(0),
            audio(0),
            audio(3200),
            Peeked::Other,
            Peeked::EndOfSession,
            Peeked::Closing,
        ];
        assert_eq!(peeked, expected);
    }
}
