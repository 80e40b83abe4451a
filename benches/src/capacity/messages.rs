//! Messages made before the start, and a reader that finds where messages end.

use bytes::{Bytes, BytesMut};
use ossicle_eventstream::{
    EventHeaders, Header, Value, encode_message, encode_signed_event, message_len, signed_event_len,
};

const TRANSCRIPT: &[u8] = br#"{"transcriptSegment":{"segmentId":"0f1e2d3c-4b5a-4789-8abc-def012345678","audioBeginOffset":12.34,"audioEndOffset":15.67,"isPartial":true,"channelId":"0","content":"and how long have you had the pain in your shoulder"}}"#;

/// Any time will do: the sink verifies nothing.
const DATE_MS: i64 = 1_768_472_430_000;

/// Bytes of a message behind its audio: the checksums of the inner and the outer message.
const TRAILER_BYTES: usize = 8;

/// Bytes that a push's time takes at the start of a chunk.
pub const STAMP_BYTES: usize = 8;

/// Audio that is no silence.
#[must_use]
pub fn audio(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|index| (index * 7 + index / 251) as u8).collect()
}

fn signed(event_type: &str, content_type: &str, payload: &[u8]) -> Bytes {
    let headers = EventHeaders::new(event_type, content_type).expect("constant headers");
    let mut bytes = vec![0; signed_event_len(&headers, payload.len())];
    encode_signed_event(&mut bytes, &headers, payload, DATE_MS, |_| [0x5a; 32]).expect("a message that fits");
    bytes.into()
}

/// A signed message of audio, with a signature that is none.
#[must_use]
pub fn audio_message(audio: &[u8]) -> Bytes {
    signed("binaryAudioEvent", "application/octet-stream", audio)
}

/// A signed configuration, with a signature that is none.
#[must_use]
pub fn configuration_message(json: &[u8]) -> Bytes {
    signed("configurationEvent", "application/json", json)
}

/// A transcript as the service sends it.
#[must_use]
pub fn transcript() -> Bytes {
    let headers = [
        Header { name: ":message-type", value: Value::String("event") },
        Header { name: ":event-type", value: Value::String("transcriptEvent") },
        Header { name: ":content-type", value: Value::String("application/json") },
    ];
    let mut bytes = vec![0; message_len(&headers, TRANSCRIPT.len()).expect("a message that fits")];
    encode_message(&headers, TRANSCRIPT, &mut bytes).expect("a message that fits");
    bytes.into()
}

/// A copy of a message of audio that carries a time.
#[must_use]
pub fn stamped(message: &Bytes, audio_bytes: usize, ns: u64) -> Bytes {
    let mut bytes = BytesMut::from(&message[..]);
    let at = message.len() - TRAILER_BYTES - audio_bytes;
    bytes[at..at + STAMP_BYTES].copy_from_slice(&ns.to_le_bytes());
    bytes.freeze()
}

/// Follows the messages of one stream without looking into them, but for the time that a chunk carries.
#[derive(Debug)]
pub struct Scan {
    audio_bytes: u32,
    prefix: [u8; 4],
    len: u32,
    at: u32,
    stamp: [u8; STAMP_BYTES],
}

impl Scan {
    /// For chunks of this many bytes.
    #[must_use]
    pub fn new(audio_bytes: usize) -> Self {
        Self { audio_bytes: audio_bytes as u32, prefix: [0; 4], len: 0, at: 0, stamp: [0; STAMP_BYTES] }
    }

    /// Calls `whole` for each message that ends in these bytes, with the time it carries if it is a chunk.
    pub fn take(&mut self, mut bytes: &[u8], mut whole: impl FnMut(Option<u64>)) {
        while !bytes.is_empty() {
            if self.at < 4 {
                self.prefix[self.at as usize] = bytes[0];
                self.at += 1;
                bytes = &bytes[1..];
                self.len = u32::from_be_bytes(self.prefix);
                continue;
            }
            let taken = (self.len.saturating_sub(self.at)).min(bytes.len() as u32);
            self.take_stamp(&bytes[..taken as usize]);
            bytes = &bytes[taken as usize..];
            self.at += taken;
            if self.at >= self.len {
                whole(self.stamp_at().map(|_| u64::from_le_bytes(self.stamp)));
                self.at = 0;
            }
        }
    }

    /// Where the stamp begins, in a message that is long enough to be a chunk.
    fn stamp_at(&self) -> Option<u32> {
        self.len.checked_sub(TRAILER_BYTES as u32 + self.audio_bytes).filter(|at| *at >= 16)
    }

    fn take_stamp(&mut self, bytes: &[u8]) {
        let Some(begin) = self.stamp_at() else { return };
        for (slot, place) in self.stamp.iter_mut().zip(begin..) {
            if let Some(byte) = place.checked_sub(self.at).and_then(|index| bytes.get(index as usize)) {
                *slot = *byte;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_found_however_the_bytes_are_cut() {
        let audio = audio(640);
        let message = audio_message(&audio);
        let configuration = configuration_message(b"{}");
        let stream: Vec<u8> = [&configuration, &stamped(&message, 640, 77), &stamped(&message, 640, 1 << 40)]
            .iter()
            .flat_map(|m| m.to_vec())
            .collect();
        for cut in [1, 3, 100, 5_000] {
            let mut scan = Scan::new(640);
            let mut seen = Vec::new();
            stream.chunks(cut).for_each(|bytes| scan.take(bytes, |stamp| seen.push(stamp)));
            assert_eq!(seen, [None, Some(77), Some(1 << 40)], "cut into {cut}");
        }
    }
}
