//! Live audio to Amazon Connect Health's listening sessions, and the transcript back.
//!
//! This crate re-exports what an application needs and holds no logic of its own.
//!
//! # What it promises
//! 1. **The audio thread never waits.** [`audio::Tap`]'s pushes take no lock, allocate nothing, free nothing, make no
//!    system call, write no log and wake nobody.
//! 2. **Every frame is accounted for.** Each captured frame is delivered, in flight, held, or dropped for a recorded
//!    reason: [`core::Ledger`] says which, live and at the end.
//! 3. **An outage is not an error.** The session comes back under its own id, sends again what was not delivered, keeps
//!    one timeline, and says so in [`core::Event`]s.
//! 4. **A message is signed when it can leave**, never when it is queued.
//! 5. **A session is never ended by accident.** `END_OF_SESSION` is sent because [`Session::finish`] was called: not on
//!    an error, a drop, or a destructor.
//! 6. **Health information is never printed**: audio, transcript, context and keys have no readable form in `Debug`,
//!    `Display`, errors or logs.
//!
//! *Delivered* means that the peer's HTTP/2 stack has answered a PING that was sent after the frame. It does not prove
//! that the service used it.
//!
//! # Threads
//! | thread | calls | may | may not |
//! |---|---|---|---|
//! | audio (yours) | the pushes of [`audio::Tap`] | copy into its ring | lock, allocate, wait |
//! | control (yours) | [`Engine`], [`Session`] | lock, allocate | be an audio callback |
//! | poller (yours) | [`Session::next_event`], [`EventQueue`] | wait | |
//! | shard (ours) | one runtime with one engine | the rest | |
//!
//! # An example
//! A session against the emulator of the service, which checks every signature. Against the service itself only the
//! endpoint, the keys and the ids differ.
//!
//! ```
//! use std::sync::Arc;
//!
//! use ossicle::audio::{Format, Layout, SampleType};
//! use ossicle::core::{Endpoint, EngineConfig, Event, SessionConfig};
//! use ossicle::model::ids::SessionUuid;
//! use ossicle::model::stream::Configuration;
//! use ossicle::net::{Alpn, NetConfig, TlsConfig};
//! use ossicle::sigv4::Credentials;
//! use ossicle::{AudioInput, Engine, EngineOptions, StaticKeys};
//! use ossicle_emulator::{DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, Emulator};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let emulator = Emulator::start(ossicle_emulator::Config::default()).await?;
//!
//! // Once a process: the engine, whom it trusts, and where its keys come from.
//! let endpoint = Endpoint { tls: true, host: "127.0.0.1".into(), port: emulator.addr().port() };
//! let tls = TlsConfig::new(Alpn::Http2, emulator.ca_pem().map(str::as_bytes))?;
//! let mut options = EngineOptions::new(EngineConfig::new(endpoint, "us-east-1"), NetConfig::new(tls));
//! let keys = Credentials::new(DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, None, None);
//! options.keys = Arc::new(StaticKeys::new(keys));
//! let engine = Engine::start(options)?;
//!
//! // Once a visit: a session, and a tap for the audio callback.
//! let session_id = SessionUuid::parse("5f0c5a5e-93a3-4c4f-8f0e-0a4e3f6d2b11")?;
//! let configuration = Configuration::history_and_physical("s3://clinic/notes");
//! let domain = "hai-0123456789abcdef0123".parse()?;
//! let subscription = "sub-0123456789abcdefghijk".parse()?;
//! let config = SessionConfig::new(session_id, domain, subscription, configuration);
//! let microphone = Format::new(SampleType::F32, Layout::Interleaved, 48_000, 1)?;
//! let (session, mut tap) = engine.open(config, &AudioInput::new(microphone))?;
//!
//! // In the audio callback: 100 ms of a microphone.
//! let pushed = tap.push_f32(&[0.0; 4_800], None)?;
//! assert_eq!(pushed.dropped_frames, 0);
//!
//! // The visit is over: the service makes the note.
//! session.finish()?;
//! while let Some(event) = session.next_event().await {
//!     match event {
//!         Event::Transcript(piece) => println!("{:.1} s: {}", piece.begin_s, piece.text),
//!         Event::Closed(report) => {
//!             assert!(report.failure.is_none());
//!             assert_eq!(report.ledger.captured, report.ledger.delivered);
//!             println!("{} frames at {} Hz delivered", report.ledger.delivered, report.rate_hz);
//!         }
//!         _ => {}
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! `examples/stream_file.rs` sends a file, `examples/service` carries many sessions, shows their metrics, and
//! leaves them resumable when its process is asked to end. [`running_many_machines`] is about more than one process.
#![forbid(unsafe_code)]

/// Taps, formats, channel maps: audio from a callback to the wire.
#[doc(inline)]
pub use ossicle_audio as audio;
/// The REST operations: domains, subscriptions, datasets, jobs, and what became of a session.
#[doc(inline)]
pub use ossicle_control as control;
/// The engine's settings, events, reports and failures.
#[doc(inline)]
pub use ossicle_core as core;
/// The service's shapes, ids and limits, and the checks of a configuration.
#[doc(inline)]
pub use ossicle_model as model;
/// Credentials.
#[doc(inline)]
pub use ossicle_sigv4 as sigv4;

#[doc = include_str!("../docs/running-many-machines.md")]
pub mod running_many_machines {}

pub use ossicle_tokio::net;
pub use ossicle_tokio::{
    AudioInput, CommandError, Delivery, Engine, EngineOptions, EngineStats, EventQueue, KeyProvider,
    KeysFuture, OpenError, Session, StartError, StaticKeys, WakeUp,
};
