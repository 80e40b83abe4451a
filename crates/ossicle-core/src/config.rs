//! Settings, with defaults that fit a visit.

use ossicle_audio::FrontEnd;
use ossicle_model::ids::{DomainId, LanguageCode, MediaEncoding, SessionUuid, SubscriptionId};
use ossicle_model::stream::Configuration;

/// Where the service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// TLS (`https`) or cleartext (`http`, loopback only).
    pub tls: bool,
    /// Host name or address, without brackets and without a port.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Endpoint {
    /// `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// Host, and the port where it is not the scheme's default, as `:authority` and the signature have it.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let default = if self.tls { 443 } else { 80 };
        if self.port == default { host } else { format!("{host}:{}", self.port) }
    }
}

/// Settings of an engine. Every field has a default but `endpoint` and `region`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Where the service is.
    pub endpoint: Endpoint,
    /// The region that requests are signed for.
    pub region: String,
    /// Sessions at once, 1 to 65,536. Default 1,024.
    pub sessions_max: u32,
    /// Rings are read this often, 1 to 100 ms. Default 10.
    pub tick_ms: u32,
    /// Streams on one connection, 1 to 1,000, never above the peer's own limit. Default 16.
    pub streams_per_connection: u32,
    /// How often a connection with audio in flight is pinged, 100 to 60,000 ms. Default 1,000.
    pub ping_interval_ms: u32,
    /// No answer to a PING for this long, from its leaving, means that the connection is lost. Default 10,000.
    pub pong_timeout_ms: u32,
    /// Answered PINGs but no credit for this long replaces the stream. Default 12,000, under the idle limit of
    /// the service (15 s).
    pub stall_ms_max: u32,
    /// Bytes signed and not yet taken by a connection's socket. Default 65,536.
    pub unwritten_bytes_max: u32,
    /// Held audio of all sessions. Default 256 MiB; past it the largest holder loses its oldest audio.
    pub held_bytes_max: u64,
    /// How fast held audio is sent after an outage, as a multiple of real time. Default 2.
    pub catch_up_rate: f32,
    /// New keys are asked for this long before the old ones expire. Default 300,000 ms.
    pub keys_margin_ms: u32,
    /// Seeds the jitter of backoff.
    pub seed: u64,
}

impl EngineConfig {
    /// The defaults for an endpoint and a region.
    #[must_use]
    pub fn new(endpoint: Endpoint, region: impl Into<String>) -> Self {
        Self {
            endpoint,
            region: region.into(),
            sessions_max: 1_024,
            tick_ms: 10,
            streams_per_connection: 16,
            ping_interval_ms: 1_000,
            pong_timeout_ms: 10_000,
            stall_ms_max: 12_000,
            unwritten_bytes_max: 65_536,
            held_bytes_max: 256 * 1024 * 1024,
            catch_up_rate: 2.0,
            keys_margin_ms: 300_000,
            seed: 0,
        }
    }
}

/// How transcript offsets behave when a session goes on in a new stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OffsetRule {
    /// Found out from the first transcripts whose place can only be explained one way; restart until then.
    #[default]
    Detect,
    /// Each stream's offsets begin at zero.
    Restart,
    /// Offsets go on from the audio that earlier streams carried.
    Continue,
}

/// What happens when held audio reaches its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// The oldest audio goes, and the ledger says so: right for a microphone.
    #[default]
    DropOldest,
    /// The ring is not read until there is room, so that `push` takes less: right for a file.
    Wait,
}

/// The event that carries audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AudioForm {
    /// `binaryAudioEvent`: raw bytes.
    #[default]
    Binary,
    /// `audioEvent`: base64 in JSON, the first API version's form.
    Json,
}

/// Settings of a session.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionConfig {
    /// The session's id, made by the caller; the same id resumes a paused session.
    pub session_id: SessionUuid,
    /// The domain.
    pub domain_id: DomainId,
    /// The subscription.
    pub subscription_id: SubscriptionId,
    /// The language. Default `en-US`.
    pub language: LanguageCode,
    /// How audio is encoded on the wire. Default PCM.
    pub encoding: MediaEncoding,
    /// Sent first on each stream.
    pub configuration: Configuration,
    /// Which event carries audio. Default binary.
    pub audio_form: AudioForm,
    /// Audio in one message, 20 to 1,000 ms. Default 100.
    pub chunk_ms: u32,
    /// Audio held while it cannot be sent or is not proven delivered. Default 60,000 ms.
    pub held_ms_max: u32,
    /// What happens past that. Default: the oldest goes.
    pub overflow: Overflow,
    /// Delivered audio that is resent after a loss, since a PONG proves only the first hop. Default 0 ms.
    pub resend_overlap_ms: u32,
    /// How fast the source runs, as a multiple of real time; infinite sends as credit allows. Default 1.
    pub pace: f32,
    /// Nothing pushed for this long: paced silence is put in. 0 turns it off. Default 5,000 ms.
    pub keep_alive_ms: u32,
    /// How long a session waits for its first answer. Default: as long as an outage may last.
    pub open_patience_ms: u64,
    /// How long after the first answer a session can be resumed. Default 5 h.
    pub resume_window_ms: u64,
    /// Audio that the service takes in one session. Default 2 h; a warning precedes it.
    pub audio_total_ms_max: u64,
    /// How long `finish` waits for what is held to be sent and for the last results. Default 30,000 ms.
    pub finish_deadline_ms: u64,
    /// How transcript offsets behave over streams. Default: detect.
    pub offsets: OffsetRule,
}

impl SessionConfig {
    /// The defaults for a session of a subscription.
    #[must_use]
    pub fn new(
        session_id: SessionUuid,
        domain_id: DomainId,
        subscription_id: SubscriptionId,
        configuration: Configuration,
    ) -> Self {
        Self {
            session_id,
            domain_id,
            subscription_id,
            language: LanguageCode::EnUs,
            encoding: MediaEncoding::Pcm,
            configuration,
            audio_form: AudioForm::Binary,
            chunk_ms: 100,
            held_ms_max: 60_000,
            overflow: Overflow::DropOldest,
            resend_overlap_ms: 0,
            pace: 1.0,
            keep_alive_ms: 5_000,
            open_patience_ms: 5 * 3_600 * 1_000,
            resume_window_ms: 5 * 3_600 * 1_000,
            audio_total_ms_max: 2 * 3_600 * 1_000,
            finish_deadline_ms: 30_000,
            offsets: OffsetRule::Detect,
        }
    }
}

/// A session's settings and its end of the audio.
#[derive(Debug)]
pub struct SessionSetup {
    /// The settings.
    pub config: SessionConfig,
    /// The reading end of the ring, with everything between it and 16-bit PCM at the wire rate.
    pub front_end: FrontEnd,
}
