//! What the application is told.

use crate::failure::Failure;
use crate::ledger::{DropReason, Ledger};
use ossicle_model::stream::{Checklist, PeriodontalChart};

/// One thing that happened to a session.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The service accepted the session for the first time.
    Opened {
        /// The service's request id.
        request_id: Option<String>,
        /// The wire rate.
        rate_hz: u32,
        /// Channels on the wire.
        channels: u8,
    },
    /// The stream was lost and will come back. Audio is held meanwhile.
    Recovering {
        /// Why it was lost.
        failure: Failure,
        /// The attempt that comes next, from 1 after each success.
        attempt: u32,
        /// The wait before it.
        retry_in_ms: u64,
    },
    /// A stream of this session is accepted again.
    Recovered {
        /// From the loss to this moment.
        outage_ms: u64,
        /// Frames that will be sent again.
        resend_frames: u64,
    },
    /// A piece of transcript.
    Transcript(Transcript),
    /// The newest checklist.
    Checklist(Checklist),
    /// The newest periodontal chart.
    PeriodontalChart(PeriodontalChart),
    /// Audio was lost.
    Dropped {
        /// Why.
        reason: DropReason,
        /// Where the lost range begins, in captured frames at the wire rate.
        first_frame: u64,
        /// How long it is.
        frames: u64,
    },
    /// Something to act on before it hurts.
    Warning(Warning),
    /// The stream was ended as a pause; all that was captured before is delivered. Holds the account so far.
    Paused(Box<Report>),
    /// A paused session streams again.
    Resumed,
    /// The session is over. The last event.
    Closed(Box<Report>),
}

/// A piece of transcript, on the session's own timeline.
#[derive(Clone, PartialEq)]
pub struct Transcript {
    /// The service's name for the segment.
    pub segment_id: String,
    /// Where it begins, in seconds of captured audio.
    pub begin_s: f64,
    /// Where it ends.
    pub end_s: f64,
    /// The service's own offset of the beginning, on its stream.
    pub service_begin_s: Option<f64>,
    /// The service's own offset of the end.
    pub service_end_s: Option<f64>,
    /// The channel, such as `ch_0`.
    pub channel: Option<String>,
    /// Whether the text may still change.
    pub partial: bool,
    /// The text: health information.
    pub text: String,
}

impl std::fmt::Debug for Transcript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Transcript({:.2}-{:.2} s, partial {}, {} bytes redacted)",
            self.begin_s,
            self.end_s,
            self.partial,
            self.text.len()
        )
    }
}

/// Something to act on before it hurts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The keys expire before a visit is likely over; a provider that renews them is needed.
    KeysExpiring {
        /// Time left.
        left_ms: u64,
    },
    /// The resume window ends soon.
    ResumeWindowEnding {
        /// Time left.
        left_ms: u64,
    },
    /// The service's limit of audio in one session comes near.
    AudioTotalEnding {
        /// Audio left.
        left_ms: u64,
    },
    /// The clock of this machine is wrong; it is corrected in signatures.
    ClockSkewed {
        /// Service's time minus ours.
        skew_ms: i64,
    },
    /// The rate is allowed, but lower than the service recommends (16,000 Hz).
    LowRate {
        /// The wire rate.
        rate_hz: u32,
    },
    /// The microphone is open and gives nothing: digital zero, or a level that never moves.
    SilentMicrophone {
        /// The channel on the wire.
        channel: u8,
    },
    /// The channel clips steadily.
    Clipping {
        /// The channel on the wire.
        channel: u8,
    },
    /// Audio comes faster or slower than its declared rate says.
    RateMismatch {
        /// Declared.
        declared_hz: u32,
        /// Measured.
        measured_hz: u32,
    },
    /// What is pushed as raw PCM begins with a WAV header.
    WavHeader,
    /// Silence is put in because nothing is pushed.
    KeepAlive,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::KeysExpiring { left_ms } => write!(
                f,
                "the keys expire in {} s, which may be before the visit is over: use a provider that renews them",
                left_ms / 1_000
            ),
            Self::ResumeWindowEnding { left_ms } => {
                write!(
                    f,
                    "the session can be resumed for {} more minutes only: finish it soon",
                    left_ms / 60_000
                )
            }
            Self::AudioTotalEnding { left_ms } => write!(
                f,
                "the service takes {} more minutes of audio in this session: finish it and start another",
                left_ms / 60_000
            ),
            Self::ClockSkewed { skew_ms } => write!(
                f,
                "this machine's clock is {} s off; signatures are corrected, but please set it",
                (*skew_ms as f64 / 1_000.0).round()
            ),
            Self::LowRate { rate_hz } => {
                write!(f, "{rate_hz} Hz is allowed, but the service recommends 16,000 Hz or more")
            }
            Self::SilentMicrophone { channel } => {
                write!(
                    f,
                    "channel {channel} gives nothing but silence: check the microphone and its mute switch"
                )
            }
            Self::Clipping { channel } => write!(f, "channel {channel} clips: turn its input down"),
            Self::RateMismatch { declared_hz, measured_hz } => write!(
                f,
                "audio is declared as {declared_hz} Hz and comes at about {measured_hz} Hz: declare its true rate"
            ),
            Self::WavHeader => f.write_str(
                "the raw audio begins with a WAV header: read it as a file, or cut its header off",
            ),
            Self::KeepAlive => f.write_str("no audio comes; silence keeps the session open"),
        }
    }
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// END_OF_SESSION was sent and the response ended cleanly.
    Finished,
    /// Ended as a pause; it can be resumed.
    Paused,
    /// Neither.
    Failed,
}

impl Ended {
    /// The word of the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Paused => "paused",
            Self::Failed => "failed",
        }
    }
}

/// The account of a session: at the end, or of the moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The session's id.
    pub session_id: String,
    /// How it ended.
    pub ended: Ended,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The wire rate, in which frames are counted.
    pub rate_hz: u32,
    /// Channels on the wire.
    pub channels: u8,
    /// The account of frames.
    pub ledger: Ledger,
    /// Event-stream messages written, over all streams.
    pub messages: u64,
    /// Bytes of them.
    pub wire_bytes: u64,
    /// Streams that the service accepted. Each had one connection at a time.
    pub connections: u32,
    /// The oldest signature at the moment its bytes left for the socket.
    pub signature_age_ms_max: u64,
    /// The end of the newest final transcript in captured seconds: evidence beside the ledger, no proof.
    pub transcribed_s: f64,
}

impl Report {
    /// The report of a session that never lived.
    pub(crate) fn refused(session_id: String, failure: Failure, rate_hz: u32, channels: u8) -> Self {
        Self {
            session_id,
            ended: Ended::Failed,
            failure: Some(failure),
            rate_hz,
            channels,
            ledger: Ledger::default(),
            messages: 0,
            wire_bytes: 0,
            connections: 0,
            signature_age_ms_max: 0,
            transcribed_s: 0.0,
        }
    }
}

/// A snapshot of a live session.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// What the session does now.
    pub state: State,
    /// The account so far; `ended` means nothing yet.
    pub ledger: Ledger,
    /// The end of the newest final transcript in captured seconds: evidence beside the ledger, no proof.
    pub transcribed_s: f64,
    /// Captured audio that is not sent yet.
    pub lag_ms: u64,
    /// The last round trip of a PING on this session's connection.
    pub rtt_ms: Option<f64>,
    /// Losses that were recovered from.
    pub reconnects: u32,
    /// Peak level of each wire channel since the last snapshot, dBFS; two at most.
    pub peak_dbfs: [f32; 2],
    /// Messages written.
    pub messages: u64,
    /// Bytes of them.
    pub wire_bytes: u64,
    /// The oldest signature so far.
    pub signature_age_ms_max: u64,
}

/// What a session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Waiting for the first answer.
    Opening,
    /// Sending.
    Streaming,
    /// The stream is lost; another comes.
    Recovering,
    /// Sending what is left before a pause or the end.
    Draining,
    /// Ended as a pause.
    Paused,
    /// Over.
    Closed,
}
