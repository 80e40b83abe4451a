//! Every bound of the driver, with its reason.

use std::time::Duration;

/// Addresses of one name that are tried. A round-robin name has a handful; past sixteen the deadline decides anyway.
pub const ADDRESSES_MAX: usize = 16;

/// The wait before the next address is tried beside the ones under way (RFC 8305 section 5 recommends 250 ms).
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Default deadline for resolving a name: two rounds of a resolver that asks a second server after 5 s would be
/// longer, but then the backoff asks again.
pub const DNS_DEADLINE: Duration = Duration::from_secs(5);

/// Default deadline for a TCP connection, over all addresses: two lost SYNs and their repeats (1 s, 3 s) fit.
pub const TCP_DEADLINE: Duration = Duration::from_secs(8);

/// Default deadline for a proxy's answer: it resolves and connects on its own behind it.
pub const PROXY_DEADLINE: Duration = Duration::from_secs(10);

/// Default deadline for TLS: two round trips and a slow device's cryptography.
pub const TLS_DEADLINE: Duration = Duration::from_secs(8);

/// Default deadline for the peer's first SETTINGS: a peer that takes the preface in silence is no HTTP/2 server.
pub const H2_DEADLINE: Duration = Duration::from_secs(8);

/// The answer of a proxy to CONNECT, at most. Real ones are a few hundred bytes.
pub const PROXY_ANSWER_BYTES_MAX: usize = 8 * 1024;

/// TCP keep-alive starts after this much silence. The engine's PINGs find a dead connection much sooner; this is
/// for one that rests in the pool.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(45);

/// Pause between two probes of TCP keep-alive.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Bytes that the kernel takes and has not yet sent. What lies there was signed already and cannot be taken back,
/// so it is kept to what the next turn could not refill in time: about 50 chunks of 100 ms.
pub const UNSENT_BYTES_MAX: u32 = 128 * 1024;

/// What one connection's writer gathers in a turn before it lets h2 wait. The engine keeps signed and unwritten audio
/// under 64 KiB a connection; the rest is room for the heads of the streams that open together.
pub const WRITER_BYTES_MAX: usize = 256 * 1024;

/// A writer's buffer starts with this much: one turn of a few sessions.
pub const WRITER_BUFFER_BYTES: usize = 16 * 1024;

/// Empty buffers that a shard keeps for the next turn. A writer holds one only while it has something to say, and
/// connections are flushed one after another, so that a few serve thousands.
pub const SPARE_BUFFERS_MAX: usize = 4;

/// A buffer that grew past this is not kept: it was one burst.
pub const SPARE_BUFFER_BYTES_MAX: usize = 128 * 1024;
