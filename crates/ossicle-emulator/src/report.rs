//! What the emulator says about a session. Holds no audio, text or context.

use serde::{Deserialize, Serialize};

use crate::limits;

/// Status of a session, as the service names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SessionStatus {
    /// A stream is open.
    InProgress,
    /// No stream is open; the session can be resumed.
    Paused,
    /// The end of the session was asked for; it cannot be resumed.
    Completed,
    /// A client broke the rules (a signature, a checksum, the order of events, the audio); it cannot be resumed.
    Failed,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It has not: it is open (or the emulator was killed).
    Open,
    /// The client asked for the end of the session and closed the stream.
    Finished,
    /// The client closed the stream and may come back.
    Paused,
    /// The stream or its connection was lost.
    Lost,
    /// A newer stream of the same session ended it.
    Superseded,
    /// The client broke a rule; `why` says which.
    Refused,
    /// No audio came for the idle limit.
    Idle,
    /// A planned fault ended it.
    Fault,
    /// The emulator was shut down.
    Shutdown,
}

/// One session over all its streams. Written as `SESSION.json` beside `SESSION.wav`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionReport {
    /// The session's id, a UUID that the client made.
    pub session_id: String,
    /// The domain that it runs in.
    pub domain_id: String,
    /// The subscription that it runs on.
    pub subscription_id: String,
    /// Language code, `en-US` or `multi`.
    pub language_code: String,
    /// `pcm` or `flac`.
    pub encoding: String,
    /// Frames per second.
    pub rate_hz: u32,
    /// Channels; `None` until the first configuration (PCM) or header (FLAC) has come.
    pub channels: Option<u32>,
    /// Status now.
    pub status: SessionStatus,
    /// Creation, in milliseconds since the epoch.
    pub created_unix_ms: i64,
    /// End of the last stream, in milliseconds since the epoch.
    pub ended_unix_ms: Option<i64>,
    /// Signed messages received, the closing one included.
    pub messages: u64,
    /// Those of them whose signature, checksums and age were right.
    pub messages_verified: u64,
    /// Bytes of request bodies received.
    pub wire_bytes: u64,
    /// Frames of audio received, repeats included.
    pub frames: u64,
    /// Whether everything received was verified. False as well when the emulator only counted.
    pub verified: bool,
    /// Why not, at most a few; each names a stream and a rule.
    pub problems: Vec<String>,
    /// Oldest signature at the moment it was read, in milliseconds.
    pub signature_age_ms_max: u64,
    /// Its streams, in order.
    pub connections: Vec<ConnectionReport>,
}

/// One stream of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectionReport {
    /// Frame of the session's recording at which this stream's audio begins.
    pub first_frame: u64,
    /// Frames that it brought.
    pub frames: u64,
    /// Signed messages received.
    pub messages: u64,
    /// Those of them that were verified.
    pub messages_verified: u64,
    /// Messages with audio.
    pub audio_messages: u64,
    /// Bytes of the request body received.
    pub wire_bytes: u64,
    /// Pieces in which the body came; over HTTP/2 each is a DATA frame.
    pub data_frames: u64,
    /// Whether everything received was verified.
    pub verified: bool,
    /// Why not, or why it ended as it did.
    pub why: Option<String>,
    /// Oldest signature at the moment it was read, in milliseconds.
    pub signature_age_ms_max: u64,
    /// Messages that were read more than a second after they were signed.
    #[serde(default)]
    pub late_messages: u64,
    /// `HTTP/2.0` or `HTTP/1.1`.
    pub http: String,
    /// Number of the network connection since the emulator began; streams that share one have the same.
    pub connection: u64,
    /// The `x-amzn-request-id` that was answered.
    pub request_id: String,
    /// Opening, in milliseconds since the epoch.
    pub opened_unix_ms: i64,
    /// Whether the end of the session was asked for on it.
    pub end_of_session: bool,
    /// Whether the empty signed message closed it.
    pub closed: bool,
    /// How it ended.
    pub ended: Ended,
}

impl ConnectionReport {
    /// Takes over what changes while a stream runs.
    pub(crate) fn bring_up_to_date(&mut self, newer: &Self) {
        self.frames = newer.frames;
        self.messages = newer.messages;
        self.messages_verified = newer.messages_verified;
        self.audio_messages = newer.audio_messages;
        self.wire_bytes = newer.wire_bytes;
        self.data_frames = newer.data_frames;
        self.verified = newer.verified;
        self.signature_age_ms_max = newer.signature_age_ms_max;
        self.late_messages = newer.late_messages;
        self.end_of_session = newer.end_of_session;
        self.closed = newer.closed;
        self.ended = newer.ended;
        if self.why != newer.why {
            self.why.clone_from(&newer.why);
        }
    }
}

impl SessionReport {
    pub(crate) fn problem(&mut self, problem: String) {
        self.verified = false;
        if self.problems.len() < limits::PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}
