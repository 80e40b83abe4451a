//! What the sessions of an engine share: settings, keys, the clock, chance, scratch memory, and the outputs.

use crate::clock::Clock;
use crate::config::EngineConfig;
use crate::event::Event;
use crate::io::{Output, SessionKey, StreamId};
use crate::keys::Keyring;
use crate::rng::Rng;
use crate::stream::UpHeaders;
use crate::time::Mono;
use ossicle_audio::Scratch;
use ossicle_sigv4::{SignError, SigningScope};
use std::collections::VecDeque;

/// The name under which requests are signed (the service's model).
const SIGNING_NAME: &str = "health-agent";

/// The slot of a session is in the low bits of its streams' names.
const SLOT_BITS: u32 = 16;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) authority: String,
    pub(crate) keys: Keyring,
    pub(crate) clock: Clock,
    pub(crate) rng: Rng,
    pub(crate) headers: UpHeaders,
    pub(crate) scratch: Scratch,
    /// An encoded chunk, between encoder and message.
    pub(crate) encoded: Vec<u8>,
    /// What `poll` gives out, in order.
    pub(crate) out: VecDeque<Output>,
    /// Sessions with a message that can be written.
    pub(crate) ready: VecDeque<u32>,
    silence: Vec<i16>,
    stream_serial: u64,
}

impl Shared {
    pub(crate) fn new(config: EngineConfig) -> Result<Self, SignError> {
        let scope = SigningScope::new(&config.region, SIGNING_NAME)?;
        Ok(Self {
            authority: config.endpoint.authority(),
            keys: Keyring::new(scope, config.keys_margin_ms),
            clock: Clock::new(),
            rng: Rng::new(config.seed),
            headers: UpHeaders::new(),
            scratch: Scratch::new(),
            encoded: Vec::new(),
            out: VecDeque::new(),
            ready: VecDeque::new(),
            silence: Vec::new(),
            stream_serial: 0,
            config,
        })
    }

    pub(crate) fn tell(&mut self, session: SessionKey, event: Event) {
        self.out.push_back(Output::Event(session, event));
    }

    /// The time that a new stream would sign with.
    pub(crate) fn signing_ms(&self, now: Mono) -> i64 {
        self.clock.for_new_stream().at(now).0
    }

    /// Digital silence.
    pub(crate) fn silence(&mut self, samples: usize) -> &[i16] {
        if self.silence.len() < samples {
            self.silence.resize(samples, 0);
        }
        &self.silence[..samples]
    }

    pub(crate) fn new_stream(&mut self, slot: u32) -> StreamId {
        self.stream_serial += 1;
        StreamId((self.stream_serial << SLOT_BITS) | u64::from(slot))
    }
}

/// The session's slot in a stream's name.
pub(crate) fn slot_of(stream: StreamId) -> u32 {
    (stream.0 & ((1 << SLOT_BITS) - 1)) as u32
}
