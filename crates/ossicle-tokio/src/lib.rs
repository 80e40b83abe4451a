//! Runs the engine on tokio: shard threads, sockets, TLS, HTTP/2 and proxies. Decides nothing: the engine does.
//!
//! * [`Engine`] starts shards, opens [`Session`]s and gives out their [`EventQueue`]s.
//! * [`net::connect`] makes one connection, with a deadline on each step and errors that name the step.
//!
//! # Threads
//! A shard is one thread with a tokio runtime of its own and one `ossicle_core::Engine`. It ticks (10 ms by default) and
//! drains all its sessions' rings in one turn, so that `push` wakes nobody. Handles may be used from any thread, but not
//! from an audio callback: that one only touches its `Tap`.
//!
//! # Errors
//! Nothing that happens to the network is an error of a call: it is an event of a session. A panic in a shard ends that
//! shard's sessions with `INTERNAL`; the others run on.
#![forbid(unsafe_code)]

mod engine;
mod keys;
pub mod limits;
mod memory;
#[cfg(feature = "metrics")]
mod metrics;
pub mod net;
mod platform;
mod queue;
mod session;
mod shard;
mod wire;

pub use engine::{AudioInput, Engine, EngineOptions, EngineStats, OpenError, StartError};
pub use keys::{KeyProvider, KeysFuture, StaticKeys};
pub use queue::{Delivery, EventQueue, WakeUp};
pub use session::{CommandError, Session};
