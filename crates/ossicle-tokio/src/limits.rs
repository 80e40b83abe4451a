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

/// Streams' answers that h2 still expects after we reset them, a connection: enough for a whole connection of
/// sessions that are aborted together.
pub const RESET_STREAMS_MAX: usize = 1_024;

/// What the peer may send us unread on one connection. Answers are read in the turn in which they come; this is what
/// one round trip of transcripts for a thousand streams needs.
pub const RECEIVE_WINDOW_BYTES: u32 = 1024 * 1024;

/// What the peer may send us unread on one stream: many times its longest event.
pub const STREAM_RECEIVE_WINDOW_BYTES: u32 = 64 * 1024;

/// The headers of a response, at most; the service's are under 2 KiB.
pub const RESPONSE_HEAD_BYTES_MAX: u32 = 32 * 1024;

/// Chunks are signed into blocks of this size, which the streams' writes share.
pub const CHUNK_BLOCK_BYTES: usize = 64 * 1024;

/// Commands taken in one round of a turn, so that a flood of them does not keep the sockets waiting.
pub const COMMANDS_PER_ROUND_MAX: usize = 256;

/// Rounds of one turn before sockets and timers are looked at again.
pub const ROUNDS_PER_TURN_MAX: usize = 16;

/// Commands that wait for a shard, at most, apart from one for each session that is let go: ten for each of the
/// sessions that an engine may have by default. Past it a command is refused.
pub const COMMANDS_QUEUED_MAX: usize = 10_240;

/// How long a key provider may take. A metadata service answers in milliseconds, a helper process in seconds.
pub const KEYS_DEADLINE: Duration = Duration::from_secs(30);

/// Threads for what blocks: look-ups of names. One that hangs must not hold up the next.
pub const BLOCKING_THREADS_MAX: usize = 4;

/// Events that wait for the application in one queue, by default: a visit's transcript for about ten minutes.
pub const EVENTS_QUEUED_MAX: usize = 1_024;

/// How long dropping an engine waits for its threads.
pub const JOIN_DEADLINE: Duration = Duration::from_secs(2);
