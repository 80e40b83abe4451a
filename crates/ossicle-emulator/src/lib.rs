//! Amazon Connect Health's listening sessions, locally: a real HTTP/2 server that verifies everything it is sent.
//!
//! **What it checks**, with the official crates `aws-sigv4` and `aws-smithy-eventstream` and never with Ossicle's
//! own codecs: each request's signature over the headers that it names, the chain of message signatures, checksums,
//! the age of every signature when it is read, the order and limits of events, the audio's format. It takes the
//! dialects of the official Rust and Python clients, and answers errors as the service does.
//!
//! **What it never does**: it recognises no speech. Words come from a [`Script`] for an audio that it was given
//! beforehand; for any other audio it reports stretches of speech by their level, such as
//! `speech, 1.2-3.4 s, -21 dBFS`.
//!
//! **Sessions.** A stream opens or resumes the session that its request names. A newer stream of a session ends the
//! older one with the exception `conflictException` (code `ConflictException`) and begins when the older has written
//! down its last. A session that is completed or failed is refused with 409 `ConflictException`. A broken rule in a
//! stream ends it with `validationException`, a wrong or old signature with `invalidSignatureException` (code
//! `InvalidSignatureException`), and fails the session; a lost stream or connection, an idle one and a planned fault pause it.
//! Once the end of the session was asked for it is completed, even if the stream is lost right after.
//!
//! **Recordings.** With [`Config::record_dir`] each session leaves `SESSION.wav`, the audio as decoded over all
//! its streams, whose header is right after each flush, and `SESSION.json`, a [`SessionReport`], written when a stream
//! begins and ends. `connections` has one entry a stream, with `first_frame` and `frames` in the recording. An
//! emulator that is started on the folder of an earlier one goes on with its sessions.
//! What HTTP/2 had taken before a reset, a cut or a newer stream is still read and recorded, as a PONG may have vouched for it.
//!
//! **Memory.** A PCM session costs a few KiB and its HTTP/2 windows, at most [`Limits::stream_window_bytes`] a stream; a FLAC
//! session up to 0.8 MiB more. Nothing that holds audio, text, context or keys can be printed.
//!
//! ```
//! # async fn run() -> Result<(), ossicle_emulator::StartError> {
//! use ossicle_emulator::{Config, Emulator};
//!
//! let emulator = Emulator::start(Config::default()).await?;
//! println!("listening on {}, trust {}", emulator.url(), emulator.ca_pem().unwrap_or("nothing"));
//! // ... clients stream ...
//! for session in emulator.sessions() {
//!     println!("{}: {} of {} verified", session.session_id, session.messages_verified, session.messages);
//! }
//! emulator.shutdown().await;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod answer;
mod audio;
mod auth;
mod cert;
mod clock;
mod config;
mod control;
mod emulator;
mod faults;
mod flac;
mod intake;
pub mod limits;
mod message;
mod model;
mod open;
mod record;
mod report;
mod rules;
mod script;
mod server;
mod session;
mod speech;
mod stream;
mod transcript;

pub use cert::Identity;
pub use clock::Clock;
pub use config::{
    Config, DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, EventOrder, Keys, Limits, Offsets, State,
    Transport, Verify,
};
pub use emulator::{Emulator, StartError};
pub use faults::{Fault, Faults};
pub use report::{ConnectionReport, Ended, SessionReport, SessionStatus};
pub use script::{Script, Segment, Snapshot, SnapshotKind, Source, Word};
