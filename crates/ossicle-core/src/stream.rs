//! One request stream: what it has sent, what has left, and the signed chain of its messages.

use crate::clock::SigningClock;
use crate::config::AudioForm;
use crate::held::Held;
use crate::io::{ConnId, StreamId};
use crate::keys::Keys;
use crate::limits::{PARTIAL_AFTER_MS, PARTIAL_AFTER_STALL_MS};
use crate::planted::{Bug, has};
use crate::refusal::Refusal;
use crate::time::Mono;
use crate::timeline::StreamMap;
use base64_simd::{Out, STANDARD};
use bytes::BytesMut;
use ossicle_audio::StreamEncoder;
use ossicle_eventstream::{
    Decoder, EventHeaders, SIGNED_END_LEN, encode_signed_end, encode_signed_event_with, signed_event_len,
};
use ossicle_model::stream::{AUDIO_EVENT_JSON_HEAD, AUDIO_EVENT_JSON_TAIL, END_OF_SESSION_JSON, UpKind};
use ossicle_sigv4::Chain;
use std::collections::VecDeque;
use std::rc::Rc;

/// The header blocks of the events up, encoded once.
#[derive(Debug)]
pub(crate) struct UpHeaders {
    configuration: EventHeaders,
    audio: EventHeaders,
    binary_audio: EventHeaders,
    control: EventHeaders,
}

impl UpHeaders {
    pub(crate) fn new() -> Self {
        let of = |kind: UpKind| {
            // Names and values are constants well under every limit; the vectors' test covers each.
            EventHeaders::new(kind.event_type(), kind.content_type()).expect("constant headers fit")
        };
        Self {
            configuration: of(UpKind::Configuration),
            audio: of(UpKind::Audio),
            binary_audio: of(UpKind::BinaryAudio),
            control: of(UpKind::SessionControl),
        }
    }
}

const DAY_MS: i64 = 86_400_000;

/// Why a stream is being ended by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// The application paused.
    Pause,
    /// Another stream takes over.
    Handover,
    /// END_OF_SESSION.
    End,
}

/// What is written next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextUp {
    Configuration,
    Audio,
    /// What the encoder kept back.
    Tail,
    EndOfSession,
    /// The empty signed message.
    Empty,
    /// END_STREAM.
    Finish,
    Nothing,
}

/// The PING behind a stream's last message. A response that ends before its PONG was not ended by our END_STREAM, and
/// so proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastPing {
    /// Not yet with the socket.
    Due,
    Left,
    Answered,
}

/// A message that was written, until the socket took it.
#[derive(Debug, Clone, Copy)]
struct Unwritten {
    bytes_end: u64,
    held_to: u64,
    signed: Mono,
}

/// A live stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) conn: ConnId,
    /// Streams of the session are counted from 1.
    pub(crate) ordinal: u32,
    pub(crate) keys: Rc<Keys>,
    pub(crate) clock: SigningClock,
    pub(crate) opened: Mono,
    /// The 200 came.
    pub(crate) accepted: bool,
    pub(crate) refusal: Option<Box<Refusal>>,
    pub(crate) closing: Option<Closing>,
    pub(crate) next: NextUp,
    /// END_STREAM was asked for.
    pub(crate) finished_at: Option<Mono>,
    pub(crate) credit: u32,
    /// The most credit so far.
    credit_max: u32,
    pub(crate) wanted: u32,
    /// Since when a message is due and credit is missing.
    pub(crate) starved_since: Option<Mono>,
    pub(crate) decoder: Decoder,
    pub(crate) map: StreamMap,
    /// The place in the body where END_OF_SESSION ends.
    end_at: Option<u64>,
    chain: Chain,
    encoder: StreamEncoder,
    /// The encoder gives out what goes in: PCM.
    raw: bool,
    unwritten: VecDeque<Unwritten>,
    /// The rest of a signed message that is larger than the peer's whole window.
    rest: BytesMut,
    /// The credit that stood still below what a message needs at most: all that the peer's window has. Later messages go
    /// at that, and do not wait to find it out again.
    window_bytes: Option<u32>,
    bytes_signed: u64,
    bytes_out: u64,
    bytes_left: u64,
    /// How far held audio has left the writer, and how far before the PING under way.
    left_to: u64,
    pinged_to: u64,
    last_ping: LastPing,
}

/// What a stream is opened with.
pub(crate) struct Opening {
    pub(crate) id: StreamId,
    pub(crate) conn: ConnId,
    pub(crate) ordinal: u32,
    pub(crate) keys: Rc<Keys>,
    pub(crate) clock: SigningClock,
    pub(crate) chain: Chain,
    pub(crate) encoder: StreamEncoder,
    /// The encoder gives out what goes in: PCM.
    pub(crate) raw: bool,
    pub(crate) map: StreamMap,
    pub(crate) now: Mono,
}

/// The engine's scratch memory and constants for writing.
pub(crate) struct Writing<'a> {
    pub(crate) headers: &'a UpHeaders,
    pub(crate) scratch: &'a mut Vec<u8>,
    pub(crate) out: &'a mut BytesMut,
    pub(crate) now: Mono,
}

/// The encoder failed.
#[derive(Debug)]
pub(crate) struct EncoderFailed;

impl Stream {
    pub(crate) fn new(opening: Opening) -> Self {
        Self {
            id: opening.id,
            conn: opening.conn,
            ordinal: opening.ordinal,
            keys: opening.keys,
            clock: opening.clock,
            opened: opening.now,
            accepted: false,
            refusal: None,
            closing: None,
            next: NextUp::Configuration,
            finished_at: None,
            credit: 0,
            credit_max: 0,
            wanted: 0,
            starved_since: None,
            decoder: Decoder::new(),
            map: opening.map,
            end_at: None,
            chain: opening.chain,
            encoder: opening.encoder,
            raw: opening.raw,
            unwritten: VecDeque::new(),
            rest: BytesMut::new(),
            window_bytes: None,
            last_ping: LastPing::Due,
            bytes_signed: 0,
            bytes_out: 0,
            bytes_left: 0,
            left_to: 0,
            pinged_to: 0,
        }
    }

    /// Bytes that the next message takes at most; `frames` is the audio that is due.
    pub(crate) fn need_bytes(
        &self,
        frames: u64,
        form: AudioForm,
        configuration: &[u8],
        headers: &UpHeaders,
    ) -> u32 {
        let bytes = match self.next {
            NextUp::Configuration => signed_event_len(&headers.configuration, configuration.len()),
            NextUp::Audio | NextUp::Tail => {
                let raw = self.encoder.bound_bytes(u32::try_from(frames).unwrap_or(u32::MAX));
                match form {
                    AudioForm::Binary => signed_event_len(&headers.binary_audio, raw),
                    AudioForm::Json => signed_event_len(&headers.audio, json_len(raw)),
                }
            }
            NextUp::EndOfSession => signed_event_len(&headers.control, END_OF_SESSION_JSON.len()),
            NextUp::Empty => SIGNED_END_LEN,
            NextUp::Finish | NextUp::Nothing => 0,
        };
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// Writes the configuration.
    pub(crate) fn write_configuration(&mut self, json: &[u8], held: &Held, writing: &mut Writing<'_>) -> u32 {
        let headers = &writing.headers.configuration;
        let bytes =
            self.write(headers, json.len(), |slot| slot.copy_from_slice(json), writing.out, writing.now);
        self.wrote(bytes, held.sent(), writing.now);
        self.next = NextUp::Audio;
        bytes
    }

    /// Feeds `frames` of held audio to the encoder and writes what comes out. Returns the message's length, 0
    /// when the encoder keeps everything back.
    pub(crate) fn write_audio(
        &mut self,
        frames: u64,
        form: AudioForm,
        held: &mut Held,
        writing: &mut Writing<'_>,
    ) -> Result<u32, EncoderFailed> {
        if self.raw && form == AudioForm::Binary {
            let (first, second) = held.peek(frames);
            let len = (first.len() + second.len()) * size_of::<i16>();
            let fill = |slot: &mut [u8]| fill_le(slot, first, second);
            let bytes = self.write(&writing.headers.binary_audio, len, fill, writing.out, writing.now);
            self.feed(frames, held);
            self.wrote(bytes, held.sent(), writing.now);
            return Ok(bytes);
        }
        writing.scratch.clear();
        let (first, second) = held.peek(frames);
        for part in [first, second] {
            if !part.is_empty() {
                self.encoder.encode(part, writing.scratch).map_err(|_| EncoderFailed)?;
            }
        }
        self.feed(frames, held);
        Ok(self.write_scratch(form, held, writing))
    }

    /// Held audio has gone into the encoder.
    fn feed(&mut self, frames: u64, held: &mut Held) {
        let (mut at, mut left) = (held.fed(), frames);
        while left > 0 {
            let Some(piece) = held.piece_at(at) else { break };
            let taken = piece.frames.min(left);
            self.map.add(crate::held::Piece { frames: taken, ..piece });
            at += taken;
            left -= taken;
        }
        held.feed(frames, u64::from(self.encoder.pending_frames()));
    }

    /// Writes what the encoder kept back. Returns 0 when that is nothing.
    pub(crate) fn write_tail(
        &mut self,
        form: AudioForm,
        held: &mut Held,
        writing: &mut Writing<'_>,
    ) -> Result<u32, EncoderFailed> {
        writing.scratch.clear();
        self.encoder.finish(writing.scratch).map_err(|_| EncoderFailed)?;
        held.fed_is_sent();
        self.next = if self.ends_session() { NextUp::EndOfSession } else { NextUp::Empty };
        Ok(self.write_scratch(form, held, writing))
    }

    fn write_scratch(&mut self, form: AudioForm, held: &Held, writing: &mut Writing<'_>) -> u32 {
        let audio: &[u8] = writing.scratch;
        if audio.is_empty() {
            return 0;
        }
        let bytes = match form {
            AudioForm::Binary => {
                let headers = &writing.headers.binary_audio;
                let fill = |slot: &mut [u8]| slot.copy_from_slice(audio);
                self.write(headers, audio.len(), fill, writing.out, writing.now)
            }
            AudioForm::Json => {
                let (head, tail) = (AUDIO_EVENT_JSON_HEAD, AUDIO_EVENT_JSON_TAIL);
                let len = json_len(audio.len());
                let fill = |slot: &mut [u8]| {
                    let (start, rest) = slot.split_at_mut(head.len());
                    let (text, end) = rest.split_at_mut(len - head.len() - tail.len());
                    start.copy_from_slice(head);
                    let _ = STANDARD.encode(audio, Out::from_slice(text));
                    end.copy_from_slice(tail);
                };
                self.write(&writing.headers.audio, len, fill, writing.out, writing.now)
            }
        };
        self.wrote(bytes, held.sent(), writing.now);
        bytes
    }

    /// Writes END_OF_SESSION.
    pub(crate) fn write_end_of_session(&mut self, held: &Held, writing: &mut Writing<'_>) -> u32 {
        let json = END_OF_SESSION_JSON;
        let fill = |slot: &mut [u8]| slot.copy_from_slice(json);
        let bytes = self.write(&writing.headers.control, json.len(), fill, writing.out, writing.now);
        self.wrote(bytes, held.sent(), writing.now);
        self.end_at = Some(self.bytes_signed);
        self.next = NextUp::Empty;
        bytes
    }

    /// Writes the empty message that ends the chain.
    pub(crate) fn write_empty(&mut self, held: &Held, writing: &mut Writing<'_>) -> u32 {
        let date_ms = self.clock.at(writing.now).0;
        let start = writing.out.len();
        writing.out.resize(start + SIGNED_END_LEN, 0);
        let (signer, chain) = (&self.keys.signer, &mut self.chain);
        let written = encode_signed_end(&mut writing.out[start..], date_ms, |message| {
            signer.borrow_mut().sign(chain, date_ms, message)
        });
        let bytes = settle(written, start, writing.out);
        self.wrote(bytes, held.sent(), writing.now);
        self.next = NextUp::Finish;
        bytes
    }

    /// One message into `out`, signed now.
    fn write(
        &mut self,
        headers: &EventHeaders,
        payload_len: usize,
        fill: impl FnOnce(&mut [u8]),
        out: &mut BytesMut,
        now: Mono,
    ) -> u32 {
        let date_ms = self.clock.at(now).0;
        let key_ms = match self.clock.at(self.opened).0 {
            opened if has(Bug::WrongDayKey) && opened / DAY_MS != date_ms / DAY_MS => opened,
            _ => date_ms,
        };
        let start = out.len();
        out.resize(start + signed_event_len(headers, payload_len), 0);
        let (signer, chain) = (&self.keys.signer, &mut self.chain);
        let written =
            encode_signed_event_with(&mut out[start..], headers, payload_len, fill, date_ms, |message| {
                signer.borrow_mut().sign(chain, key_ms, message)
            });
        settle(written, start, out)
    }

    fn wrote(&mut self, bytes: u32, held_to: u64, now: Mono) {
        self.bytes_signed += u64::from(bytes);
        if has(Bug::MarkTooEarly) {
            self.left_to = held_to;
        }
        self.unwritten.push_back(Unwritten { bytes_end: self.bytes_signed, held_to, signed: now });
    }

    /// What of a message of `bytes` at the end of `out` may go now; the rest is kept for more credit.
    pub(crate) fn pay(&mut self, bytes: u32, out: &mut BytesMut) -> u32 {
        if has(Bug::CreditIgnored) {
            self.credit = self.credit.max(bytes);
        }
        let paid = bytes.min(self.credit);
        if paid < bytes {
            let kept = out.len() - (bytes - paid) as usize;
            self.rest.extend_from_slice(&out[kept..]);
            out.truncate(kept);
        }
        self.gave(paid)
    }

    /// As much of the rest of a message as there is credit for.
    pub(crate) fn write_rest(&mut self, out: &mut BytesMut) -> u32 {
        let paid = self.credit.min(self.rest_bytes());
        out.extend_from_slice(&self.rest.split_to(paid as usize));
        self.gave(paid)
    }

    fn gave(&mut self, bytes: u32) -> u32 {
        self.bytes_out += u64::from(bytes);
        self.credit -= bytes;
        self.wanted = 0;
        self.starved_since = None;
        bytes
    }

    /// Bytes of a signed message that wait for credit.
    pub(crate) fn rest_bytes(&self) -> u32 {
        u32::try_from(self.rest.len()).unwrap_or(u32::MAX)
    }

    /// Whether a message that may need more than the credit can go all the same: credit has stayed at what it is, or is
    /// what the window was found to have.
    pub(crate) fn window_is_small(&self, need: u32, now: Mono) -> bool {
        let patience_ms = if self.credit_max >= need { PARTIAL_AFTER_STALL_MS } else { PARTIAL_AFTER_MS };
        let waited = self.starved_since.is_some_and(|since| now.ms_since(since) >= patience_ms);
        self.credit > 0 && (waited || self.window_bytes.is_some_and(|bytes| self.credit >= bytes))
    }

    /// A message that may need this much goes at the credit of now.
    pub(crate) fn window_found(&mut self, need: u32) {
        if need > self.credit {
            self.window_bytes = Some(self.credit);
        } else if self.window_bytes.is_some_and(|bytes| bytes < need) {
            // It has more than it seemed.
            self.window_bytes = None;
        }
    }

    /// What may be written now.
    pub(crate) fn credit_is(&mut self, bytes: u32) {
        self.credit = bytes;
        self.credit_max = self.credit_max.max(bytes);
    }

    /// Whether nothing but audio has to be sent, and nothing that a timer watches is under way.
    pub(crate) fn is_steady(&self) -> bool {
        self.accepted
            && self.next == NextUp::Audio
            && self.closing.is_none()
            && self.refusal.is_none()
            && self.starved_since.is_none()
            && self.rest.is_empty()
    }

    /// Bytes of this stream's body left for the socket. Returns the age of the oldest signature among them, ms.
    pub(crate) fn left(&mut self, bytes: u64, now: Mono) -> u64 {
        self.bytes_left += bytes;
        let mut age_ms = 0;
        while let Some(message) =
            self.unwritten.front().filter(|message| message.bytes_end <= self.bytes_left)
        {
            age_ms = age_ms.max(now.ms_since(message.signed));
            self.left_to = message.held_to;
            self.unwritten.pop_front();
        }
        age_ms
    }

    /// Whether END_OF_SESSION is with the socket.
    pub(crate) fn end_has_left(&self) -> bool {
        self.end_at.is_some_and(|at| self.bytes_left >= at)
    }

    /// A PING left behind what left so far.
    pub(crate) fn ping_left(&mut self) {
        self.pinged_to = self.left_to;
        if self.last_ping == LastPing::Due && self.all_left() {
            self.last_ping = LastPing::Left;
        }
    }

    /// The PONG to the PING that left last.
    pub(crate) fn pong(&mut self) {
        if self.last_ping == LastPing::Left {
            self.last_ping = LastPing::Answered;
        }
    }

    /// Whether every message, up to the empty one, is with the socket.
    pub(crate) fn all_left(&self) -> bool {
        matches!(self.next, NextUp::Finish | NextUp::Nothing) && self.unwritten.is_empty()
    }

    /// Whether the PING behind the last message has left, so that END_STREAM may follow.
    pub(crate) fn last_ping_left(&self) -> bool {
        self.last_ping != LastPing::Due
    }

    /// Whether the peer has taken every message.
    pub(crate) fn all_arrived(&self) -> bool {
        self.last_ping == LastPing::Answered
    }

    /// What the PONG proves.
    pub(crate) fn pinged_to(&self) -> u64 {
        self.pinged_to
    }

    /// Bytes that were signed and are not with the socket.
    pub(crate) fn unwritten_bytes(&self) -> u64 {
        self.bytes_out - self.bytes_left.min(self.bytes_out)
    }

    fn ends_session(&self) -> bool {
        self.closing == Some(Closing::End)
            || has(Bug::PauseEndsSession) && self.closing == Some(Closing::Pause)
    }

    /// No more audio is fed: what the encoder holds goes out, then the stream ends.
    pub(crate) fn end_after_audio(&mut self) {
        if self.next == NextUp::Audio {
            self.next = NextUp::Tail;
        }
    }
}

/// PCM as the wire has it: the samples go straight into the message.
fn fill_le(slot: &mut [u8], first: &[i16], second: &[i16]) {
    let (begin, end) = slot.split_at_mut(size_of_val(first));
    for (part, samples) in [(begin, first), (end, second)] {
        for (bytes, sample) in part.as_chunks_mut::<2>().0.iter_mut().zip(samples) {
            *bytes = sample.to_le_bytes();
        }
    }
}

/// The length of an `audioEvent`'s payload for this many bytes of audio.
fn json_len(audio_len: usize) -> usize {
    AUDIO_EVENT_JSON_HEAD.len() + STANDARD.encoded_length(audio_len) + AUDIO_EVENT_JSON_TAIL.len()
}

/// The length that was written. Buffers are sized by the same functions that the encoder uses, so that it cannot
/// fail; if it did, nothing is left behind and the caller sees an empty message.
fn settle<E>(written: Result<usize, E>, start: usize, out: &mut BytesMut) -> u32 {
    let len = written.unwrap_or(0);
    debug_assert!(len > 0, "the encoder refused a buffer of the size that it asked for");
    out.truncate(start + len);
    len as u32
}
