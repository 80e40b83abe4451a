//! Home of the benches; see `benches/`.

#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
pub mod capacity;
