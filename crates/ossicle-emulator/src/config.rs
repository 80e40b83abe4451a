//! What an emulator is started with.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::cert::Identity;
use crate::clock::Clock;
use crate::limits;
use crate::script::Script;

/// The access key id that is accepted when no other is configured.
pub const DUMMY_ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
/// The secret that belongs to [`DUMMY_ACCESS_KEY_ID`]; it opens nothing.
pub const DUMMY_SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// How an emulator is started. `Config::default()` listens on a free loopback port over TLS, keeps its state
/// in memory and accepts the dummy keys.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// TLS with a certificate of our own making, or cleartext (loopback only).
    pub tls: Transport,
    /// Certificate of an earlier emulator, so that clients keep their trust over a restart; `None` makes one.
    pub identity: Option<Identity>,
    /// Keys that are accepted. Empty means the dummy pair.
    pub keys: Vec<Keys>,
    /// Folder for recordings (`SESSION.wav`, `SESSION.json`); `None` records nothing.
    pub record_dir: Option<PathBuf>,
    /// Where domains, subscriptions, jobs and sessions are kept.
    pub state: State,
    /// Folder that stands for every bucket: `s3://BUCKET/KEY` is written to `DIR/BUCKET/KEY`. `None`: nothing is written.
    pub bucket_dir: Option<PathBuf>,
    /// Words for a known audio; without it, or for other audio, stretches of speech are reported by level.
    pub script: Option<Script>,
    /// Sizes and times that the service enforces.
    pub limits: Limits,
    /// Whether transcript offsets begin again at 0 on a resume, or go on.
    pub offsets: Offsets,
    /// Whether the order of events inside a stream is enforced.
    pub event_order: EventOrder,
    /// Whether everything is verified, or audio is only counted.
    pub verify: Verify,
    /// The wall clock that ages are measured against and that `Date` shows.
    pub clock: Clock,
    /// Whether a session needs an ACTIVE subscription made through the REST operations. Off by default, so that
    /// any well-formed domain and subscription id streams.
    pub require_subscription: bool,
    /// How long a job or dataset stays in each of its states, and a note's artefacts in theirs.
    pub job_step: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: Transport::Tls,
            identity: None,
            keys: Vec::new(),
            record_dir: None,
            state: State::Memory,
            bucket_dir: None,
            script: None,
            limits: Limits::default(),
            offsets: Offsets::Restart,
            event_order: EventOrder::Strict,
            verify: Verify::Full,
            clock: Clock::system(),
            require_subscription: false,
            job_step: Duration::from_millis(500),
        }
    }
}

/// How clients reach the emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS, with ALPN for `h2` and `http/1.1`.
    Tls,
    /// No TLS: HTTP/2 with prior knowledge, or HTTP/1.1. Refused for an address that is not loopback.
    Cleartext,
}

/// Where state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// In memory: gone when the emulator ends.
    Memory,
    /// In a database in this folder, made when missing; it survives a killed process.
    Path(PathBuf),
}

/// Transcript offsets after a resume. The service's behaviour is not known, so both can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offsets {
    /// Offsets count from the beginning of each stream.
    Restart,
    /// Offsets count all audio of the session, over all its streams.
    Continue,
}

/// Whether the order of events is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOrder {
    /// One configuration, first; audio; the end of the session last.
    Strict,
    /// Any order, any number of configurations; without one, PCM is taken as one channel.
    Lenient,
}

/// How much of what arrives is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Signatures, checksums, ages, order, sizes and formats.
    Full,
    /// The request's signature and the lengths of messages; audio is counted and thrown away. For measuring how
    /// many sessions a client can carry: nothing is recorded, transcribed or verified, and reports say so.
    SinkOnly,
}

/// Sizes and times that the service enforces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Initial HTTP/2 window of each stream, in bytes.
    pub stream_window_bytes: u32,
    /// HTTP/2 window of each connection, in bytes.
    pub connection_window_bytes: u32,
    /// SETTINGS_MAX_CONCURRENT_STREAMS.
    pub concurrent_streams_max: u32,
    /// Longest time without audio before a stream is ended (the session is then paused).
    pub idle: Duration,
    /// Oldest, and furthest in the future, that a signature may be when it is read.
    pub signature_age_max: Duration,
    /// Time after a session's creation in which it can be resumed.
    pub resume_window: Duration,
    /// Audio of one session.
    pub audio_max: Duration,
    /// Most audio in one event, in bytes.
    pub chunk_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stream_window_bytes: limits::STREAM_WINDOW_BYTES,
            connection_window_bytes: limits::CONNECTION_WINDOW_BYTES,
            concurrent_streams_max: limits::CONCURRENT_STREAMS_MAX,
            idle: limits::IDLE,
            signature_age_max: limits::SIGNATURE_AGE_MAX,
            resume_window: limits::RESUME_WINDOW,
            audio_max: limits::AUDIO_MAX,
            chunk_bytes_max: limits::CHUNK_BYTES_MAX,
        }
    }
}

/// A set of keys that the emulator accepts. Prints none of them.
#[derive(Clone)]
pub struct Keys {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Option<Zeroizing<String>>,
}

impl Keys {
    /// Keys with no session token.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: Zeroizing::new(secret_access_key.into()),
            session_token: None,
        }
    }

    /// The same keys with a session token, which requests must then carry.
    #[must_use]
    pub fn with_session_token(mut self, token: impl Into<String>) -> Self {
        self.session_token = Some(Zeroizing::new(token.into()));
        self
    }

    /// The dummy pair: [`DUMMY_ACCESS_KEY_ID`] and [`DUMMY_SECRET_ACCESS_KEY`].
    pub fn dummy() -> Self {
        Self::new(DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY)
    }

    pub(crate) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret_access_key
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.session_token.as_ref().map(|token| token.as_str())
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(<redacted>)")
    }
}
