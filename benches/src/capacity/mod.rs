//! What many sessions cost: our client, the official SDK and a bare HTTP/2 client against one sink server.
//!
//! Each client and the sink run in a process of their own, so that the system accounts for each alone. The bench
//! `capacity` plans the runs; its processes are the same program with a role as its argument (see [`roles`]).

pub mod floor;
pub mod messages;
pub mod official;
pub mod ours;
pub mod pace;
pub mod plot;
pub mod report;
pub mod roles;
pub mod sink;
pub mod usage;

use serde::{Deserialize, Serialize};

/// Rate of the audio. Mono, 16 bits.
pub const RATE_HZ: u32 = 16_000;
/// The processor that clients are pinned to.
pub const CLIENT_CPU: usize = 0;
/// The processor that the sink is pinned to.
pub const SINK_CPU: usize = 1;

/// Whose client is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Client {
    /// `ossicle-tokio`.
    Ours,
    /// `aws-sdk-connecthealth`.
    Official,
    /// h2 over rustls that sends messages made before the start: what no client can go below by much.
    Floor,
}

impl Client {
    /// As tables call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ossicle",
            Self::Official => "official SDK",
            Self::Floor => "bare floor",
        }
    }
}

/// How fast audio is given to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// As a microphone does. The sessions' chunks are spread evenly over a chunk's time.
    RealTime,
    /// As fast as the client takes it.
    Free,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Whose client.
    pub client: Client,
    /// Sessions at once.
    pub sessions: u32,
    /// Seconds of a real-time run after all sessions are open; seconds of audio a session of a free one.
    pub seconds: f64,
    /// How fast.
    pub pace: Pace,
    /// Audio in one message, ms.
    pub chunk_ms: u32,
    /// Sends of the SDK and the floor are rounded up to this grid; 0 lets each session have a timer of its own.
    pub grid_ms: u32,
    /// Streams on one connection of our client and the floor. The SDK puts all on one.
    pub streams_per_connection: u32,
    /// What the sink's SETTINGS allow.
    pub streams_max: u32,
    /// All sessions start at once; otherwise one is up before the others start.
    pub together: bool,
    /// Shards of our client.
    pub shards: u32,
    /// Client and sink have a processor each. Otherwise the system places them, as more than one shard needs.
    pub pinned: bool,
    /// Chunks carry the time of their push, and the sink says how long they took.
    pub latency: bool,
    /// The session of this number is never read from: its window runs out.
    pub stalled: Option<u32>,
}

impl Spec {
    /// Real time, chunks of 100 ms, 1,000 streams a connection.
    #[must_use]
    pub fn real_time(client: Client, sessions: u32, seconds: f64) -> Self {
        Self {
            client,
            sessions,
            seconds,
            pace: Pace::RealTime,
            chunk_ms: 100,
            grid_ms: if client == Client::Floor { 10 } else { 0 },
            streams_per_connection: 1_000,
            streams_max: 10_000,
            together: false,
            shards: 1,
            pinned: true,
            latency: false,
            stalled: None,
        }
    }

    /// Bytes of one chunk's audio.
    #[must_use]
    pub fn chunk_bytes(&self) -> usize {
        (RATE_HZ * self.chunk_ms / 1_000 * 2) as usize
    }
}

/// Half, 90 %, 99 % of the values, and the greatest; `None` of none.
#[must_use]
pub fn quantiles(mut values: Vec<u32>) -> Option<[u64; 4]> {
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    Some([0.5, 0.9, 0.99, 1.0].map(|part| u64::from(values[(last as f64 * part) as usize])))
}

/// What a client's process found about itself.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Measured {
    /// Processor time of the process in the window, microseconds.
    pub cpu_us: u64,
    /// The part of it outside of the kernel.
    pub user_us: u64,
    /// The part of it that the thread took which stands for the application's audio sources; only ours has one.
    pub source_us: u64,
    /// Seconds of audio in the window, over all sessions.
    pub session_seconds: f64,
    /// Length of the window.
    pub wall_s: f64,
    /// Voluntary context switches in the window: waits for something.
    pub waits: u64,
    /// System calls a second, counted after the window so that counting costs nothing in it; `None` where `perf` is not
    /// there or may not count them.
    pub system_calls_per_s: Option<f64>,
    /// Resident memory before the first session.
    pub rss_base: u64,
    /// Resident memory at the end of the window.
    pub rss_steady: u64,
    /// The part of it that is audio: rings, and held audio with the room that it keeps; only ours knows.
    pub audio_bytes: u64,
    /// From the first open to the last answer.
    pub opening_s: f64,
    /// Frames that the client says it dropped; only ours counts.
    pub dropped_frames: u64,
    /// The longest time between a signature and its leaving for the socket; only ours counts.
    pub signature_age_ms_max: u64,
    /// What a bare ticker of 10 ms in the same process would have given: from a chunk's push to the ticker's next wake-up,
    /// microseconds: half, 90 %, 99 % of the chunks, and the longest. Only of ours, in runs of latency.
    pub ticker_us: Option<[u64; 4]>,
}

/// What the sink saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Connections accepted.
    pub connections: u64,
    /// Streams opened.
    pub streams: u64,
    /// Most streams at once.
    pub streams_max: u64,
    /// Most streams that one connection was given, over its life.
    pub streams_on_connection_max: u64,
    /// Whole messages, configurations included.
    pub messages: u64,
    /// Bytes of bodies.
    pub bytes: u64,
    /// From push to the message's last byte, microseconds: half, 90 %, 99 % of the chunks, and the longest.
    pub latency_us: Option<[u64; 4]>,
}

/// One run's result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// What was run.
    pub spec: Spec,
    /// The client's side.
    pub measured: Measured,
    /// The sink's side.
    pub counts: Counts,
}

impl Outcome {
    /// Microseconds of processor time for each second of audio.
    #[must_use]
    pub fn us_per_second(&self) -> f64 {
        self.measured.cpu_us as f64 / self.measured.session_seconds.max(1e-9)
    }

    /// As [`Outcome::us_per_second`], without the thread that stands for the application.
    #[must_use]
    pub fn engine_us_per_second(&self) -> f64 {
        (self.measured.cpu_us - self.measured.source_us) as f64 / self.measured.session_seconds.max(1e-9)
    }

    /// Bytes of resident memory for each session.
    #[must_use]
    pub fn rss_per_session(&self) -> f64 {
        let grown = self.measured.rss_steady.saturating_sub(self.measured.rss_base);
        grown as f64 / f64::from(self.spec.sessions)
    }

    /// As [`Outcome::rss_per_session`], without rings and held audio.
    #[must_use]
    pub fn rss_beside_audio(&self) -> f64 {
        self.rss_per_session() - self.measured.audio_bytes as f64 / f64::from(self.spec.sessions)
    }
}
