//! Home of the benches; see `benches/`.

#![forbid(unsafe_code)]

#[cfg(all(target_os = "linux", feature = "clients"))]
pub mod capacity;
