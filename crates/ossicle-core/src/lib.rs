//! The sans-I/O session engine.
//!
//! [`Engine::handle`] takes one [`Input`], [`Engine::poll`] gives out [`Output`]s until [`Output::Sleep`]. Time,
//! randomness, credit, bytes and keys are arguments; the one other input is the reading end of each session's
//! ring, which a tick reads. So a run is a function of its inputs and a seed: the same engine runs under tokio,
//! in the simulator and in a fuzzer.
//!
//! It never asks a clock, opens a socket, starts a thread or sends END_OF_SESSION unasked.
//!
//! Where to look: `session.rs` has a session's life, `session/link.rs` how it opens, feeds and loses a stream,
//! `session/results.rs` what comes down; `held.rs` and `ledger.rs` account for each frame; `pool.rs` places
//! streams on connections; `timeline.rs` and `book.rs` put transcripts on one timeline.

#![forbid(unsafe_code)]

pub mod config;
pub mod event;
pub mod failure;
pub mod io;
pub mod json;
pub mod limits;
pub mod time;

mod backoff;
mod book;
mod clock;
mod engine;
mod held;
mod keys;
mod ledger;
#[cfg(feature = "planted-bugs")]
#[doc(hidden)]
pub mod planted;
#[cfg(not(feature = "planted-bugs"))]
mod planted;
mod pool;
mod refusal;
mod rng;
mod session;
mod shared;
mod stream;
mod timeline;

pub use config::{AudioForm, Endpoint, EngineConfig, OffsetRule, Overflow, SessionConfig, SessionSetup};
pub use engine::Engine;
pub use event::{Ended, Event, Report, State, Stats, Transcript, Warning};
pub use failure::{Blame, Cause, Failure, Status};
pub use io::{Command, Input, Output};
pub use ledger::{DropReason, Ledger};
pub use time::{Mono, Now, UnixMillis};
