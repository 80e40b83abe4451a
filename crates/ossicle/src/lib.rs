//! Ossicle: live audio to Amazon Connect Health's listening sessions, and the transcript back.
#![forbid(unsafe_code)]

pub use ossicle_audio as audio;
pub use ossicle_control as control;
pub use ossicle_core as core;
pub use ossicle_model as model;
pub use ossicle_sigv4 as sigv4;

pub use ossicle_tokio::net;
pub use ossicle_tokio::{
    AudioInput, CommandError, Delivery, Engine, EngineOptions, EngineStats, EventQueue, KeyProvider,
    KeysFuture, OpenError, Session, StartError, StaticKeys, WakeUp,
};
