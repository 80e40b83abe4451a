//! One stream's messages, checked one by one: envelope, signature, order, configuration, audio.

use bytes::Bytes;

use crate::audio::{AudioError, AudioInput};
use crate::auth::{Chain, Refusal, Signed};
use crate::config::{EventOrder, Limits, Verify};
use crate::message::{Envelope, Event, Malformed, Peeked, Splitter, peek};
use crate::rules::Configuration;
use crate::session::{Head, Session};

/// A rule that the client broke, as the exception that ends the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Value of `:exception-type`.
    pub(crate) exception: &'static str,
    /// Code in the payload, for exceptions that the model does not have in a stream.
    pub(crate) code: Option<&'static str>,
    pub(crate) message: String,
}

impl Violation {
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self { exception: "validationException", code: None, message: message.into() }
    }
}

impl From<Refusal> for Violation {
    fn from(refusal: Refusal) -> Self {
        let code = "InvalidSignatureException";
        Self { exception: "invalidSignatureException", code: Some(code), message: refusal.to_string() }
    }
}

impl From<Malformed> for Violation {
    fn from(malformed: Malformed) -> Self {
        Self::validation(malformed.to_string())
    }
}

impl From<AudioError> for Violation {
    fn from(error: AudioError) -> Self {
        Self::validation(error.to_string())
    }
}

/// What one message was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Configured,
    /// Audio: whole frames lie in [`Intake::samples`].
    Audio,
    /// Audio that was only counted.
    Counted {
        frames: u64,
    },
    EndOfSession,
    /// The empty message: nothing may follow.
    Closed,
    /// The client's application failed.
    Aborted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Opened,
    Configured,
    Ended,
    Closed,
}

/// The receiving side of one stream.
pub(crate) struct Intake {
    splitter: Splitter,
    chain: Chain,
    verify: Verify,
    order: EventOrder,
    stage: Stage,
    head: Head,
    chunk_bytes_max: usize,
    audio: Option<AudioInput>,
    samples: Vec<i16>,
    /// Age of the last message's signature when it was read.
    pub(crate) age_ms: i64,
}

impl Intake {
    pub(crate) fn new(
        head: Head,
        signed: &Signed,
        limits: &Limits,
        verify: Verify,
        order: EventOrder,
    ) -> Self {
        let age_ms_max = i64::try_from(limits.signature_age_max.as_millis()).unwrap_or(i64::MAX);
        Self {
            splitter: Splitter::default(),
            chain: Chain::new(signed, age_ms_max),
            verify,
            order,
            stage: Stage::Opened,
            head,
            chunk_bytes_max: limits.chunk_bytes_max,
            audio: None,
            samples: Vec::new(),
            age_ms: 0,
        }
    }

    /// Takes bytes of the body.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.splitter.push(bytes);
    }

    /// The next whole message, unchecked.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, Violation> {
        Ok(self.splitter.next()?)
    }

    /// Frames of the last audio message, interleaved.
    pub(crate) fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// Channels of the audio, once known.
    pub(crate) fn channels(&self) -> Option<u32> {
        self.audio.as_ref().and_then(AudioInput::channels)
    }

    /// What is wrong with a body that has ended here.
    pub(crate) fn check_end(&self) -> Result<(), Violation> {
        if self.splitter.in_mid_message() {
            return Err(Violation::validation("the stream ended inside a message"));
        }
        if self.verify == Verify::Full && self.stage != Stage::Closed {
            return Err(Violation::validation("the stream ended without its closing empty message"));
        }
        Ok(())
    }

    /// Whether the audio stopped in the middle of a frame.
    pub(crate) fn in_mid_frame(&self) -> bool {
        self.audio.as_ref().is_some_and(AudioInput::in_mid_frame)
    }

    /// Checks one message.
    pub(crate) fn take(&mut self, raw: Bytes, now_ms: i64, session: &Session) -> Result<Step, Violation> {
        if self.verify == Verify::SinkOnly {
            return self.count(&raw);
        }
        let envelope = Envelope::read(raw)?;
        self.age_ms = self.chain.verify(envelope.date, &envelope.signature, &envelope.payload, now_ms)?;
        if self.stage == Stage::Closed {
            return Err(Violation::validation("a message came after the closing empty one"));
        }
        if envelope.payload.is_empty() {
            self.stage = Stage::Closed;
            return Ok(Step::Closed);
        }
        let event = Event::read(envelope.payload)?;
        if self.stage == Stage::Ended && !matches!(event, Event::Aborted) {
            return Err(Violation::validation("an event came after the end of the session"));
        }
        match event {
            Event::Configuration(payload) => self.configure(&payload, now_ms, session),
            Event::Audio(payload) => {
                let audio = AudioInput::unwrap_json(&payload)?;
                self.hear(&audio)
            }
            Event::BinaryAudio(payload) => self.hear(&payload),
            Event::SessionControl(payload) => self.control(&payload),
            Event::Aborted => Ok(Step::Aborted),
        }
    }

    fn configure(&mut self, payload: &[u8], now_ms: i64, session: &Session) -> Result<Step, Violation> {
        let configuration = Configuration::read(payload, now_ms).map_err(Violation::validation)?;
        let channels = configuration.channels();
        if self.order == EventOrder::Strict {
            if self.stage != Stage::Opened {
                return Err(Violation::validation("configurationEvent is sent once, first on each stream"));
            }
            session.configure(configuration).map_err(Violation::validation)?;
        } else {
            // In any order, the first one counts.
            let _ = session.configure(configuration);
        }
        self.stage = Stage::Configured;
        if self.audio.is_none() {
            self.audio = Some(self.audio_input(channels));
        }
        Ok(Step::Configured)
    }

    fn audio_input(&self, channels: Option<u32>) -> AudioInput {
        AudioInput::new(self.head.encoding, self.head.rate_hz, channels, self.chunk_bytes_max)
    }

    fn hear(&mut self, audio: &[u8]) -> Result<Step, Violation> {
        if self.audio.is_none() {
            if self.order == EventOrder::Strict {
                return Err(Violation::validation("audio came before configurationEvent"));
            }
            self.audio = Some(self.audio_input(None));
        }
        if let Some(input) = &mut self.audio {
            input.push(audio, &mut self.samples)?;
        }
        Ok(Step::Audio)
    }

    fn control(&mut self, payload: &[u8]) -> Result<Step, Violation> {
        let value: serde_json::Value = serde_json::from_slice(payload).unwrap_or_default();
        if value["type"] != "END_OF_SESSION" {
            return Err(Violation::validation("sessionControlEvent.type must be END_OF_SESSION"));
        }
        if self.order == EventOrder::Strict && self.stage == Stage::Opened {
            return Err(Violation::validation("sessionControlEvent came before configurationEvent"));
        }
        self.stage = Stage::Ended;
        Ok(Step::EndOfSession)
    }

    fn count(&mut self, raw: &[u8]) -> Result<Step, Violation> {
        match peek(raw).ok_or(Malformed::Envelope)? {
            // What is counted is taken as mono; the configuration is not read.
            Peeked::Audio(bytes) => Ok(Step::Counted { frames: bytes as u64 / 2 }),
            Peeked::EndOfSession => Ok(Step::EndOfSession),
            Peeked::Closing => Ok(Step::Closed),
            Peeked::Other => Ok(Step::Configured),
        }
    }
}
