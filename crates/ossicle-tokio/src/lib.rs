//! Runs the engine on tokio: shard threads, sockets, TLS, HTTP/2 and proxies. Decides nothing: the engine does.

#![forbid(unsafe_code)]

pub mod limits;
pub mod net;
mod platform;
mod wire;
