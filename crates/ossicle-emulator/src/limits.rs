//! Every bound of the emulator, with its reason.

use std::time::Duration;

/// A signature older than this was not made when its message was sent.
pub(crate) const LATE_SIGNATURE_MS: u64 = 1_000;

/// Longest event-stream message that is taken, outer envelope included. The largest honest one is a
/// configuration with 20 KiB of context and 15 KiB of instructions, all of it escaped: under 300 KiB.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Shortest event-stream message: prelude, its checksum, and the message's checksum.
pub const MESSAGE_BYTES_MIN: usize = 16;
/// Most audio in one event, from the service's user guide.
pub const CHUNK_BYTES_MAX: usize = 32_000;
/// Encounter context, in bytes of UTF-8, from the service's user guide.
pub const CONTEXT_BYTES_MAX: usize = 20_480;
/// All instructions of a custom template together, from the service's user guide.
pub const INSTRUCTIONS_BYTES_MAX: usize = 15 * 1024;
/// Initial HTTP/2 window of a stream: about what the service is known to grant.
pub const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// Window of a whole connection: sixteen stalled streams may hold their full window before others starve.
pub const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
/// Streams on one connection, as many as common HTTP/2 servers allow.
pub const CONCURRENT_STREAMS_MAX: u32 = 128;
/// Longest time without audio before the stream is ended, as the sibling services do.
pub const IDLE: Duration = Duration::from_secs(15);
/// Oldest signature that is taken, from the service's user guide.
pub const SIGNATURE_AGE_MAX: Duration = Duration::from_secs(5 * 60);
/// Time after its creation in which a session can be resumed, as the sibling services have it.
pub const RESUME_WINDOW: Duration = Duration::from_secs(5 * 60 * 60);
/// Audio of one session, as the sibling services have it.
pub const AUDIO_MAX: Duration = Duration::from_secs(2 * 60 * 60);
/// Sessions remembered by one emulator; more are refused as throttled. About 1 KiB each.
pub const SESSIONS_MAX: usize = 100_000;
/// Streams that one session may open over its life: each leaves a line in its report.
pub const STREAMS_PER_SESSION_MAX: usize = 10_000;
/// Events that wait for a client to read them; then the session's audio is no longer read either.
pub const RESPONSE_QUEUE: usize = 64;
/// Longest wait for a client that does not read its events before its stream is reset.
pub const RESPONSE_STALL: Duration = Duration::from_secs(15);
/// A TLS handshake that takes longer is dropped: it would hold a task for ever.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// Pause after the system could not give a connection (too many open files): asking again at once would only spin.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(10);
/// Request heads over HTTP/1.1 must arrive in this time.
pub const HEAD_READ: Duration = Duration::from_secs(10);
/// After a reset or a cut, what the connection had already taken is still read; it is there at once, so
/// this only ends a wait for a peer that never closes.
pub const LEFTOVER_READ: Duration = Duration::from_secs(2);
/// How long `shutdown` lets running streams write down what they have before it cuts them.
pub const SHUTDOWN: Duration = Duration::from_secs(5);
/// Orders that wait for one running stream: a conflict and a few faults.
pub const ORDERS: usize = 8;
/// Faults that wait for streams; a test that plans more has lost count.
pub const FAULTS_MAX: usize = 10_000;
/// Longest FLAC header (all metadata blocks) that is taken before the first frame.
pub const FLAC_HEADER_BYTES_MAX: usize = 256 * 1024;
/// Longest FLAC frame: two channels of 65,535 16-bit samples stored as they are, and its header.
pub const FLAC_FRAME_BYTES_MAX: usize = 2 * 2 * 65_535 + 64;
/// Records of the REST side (domains, jobs, client tokens, ...); more are refused as throttled. About 1 KiB each.
pub const RECORDS_MAX: usize = 200_000;
/// Most bytes of a REST request's body.
pub const BODY_BYTES_MAX: usize = 2 << 20;
/// Recorded audio that may lie in memory before the file and its header are brought up to date.
pub const RECORD_FLUSH_FRAMES: u64 = 8_000;
/// Audio compared with the known source to find where a stream begins in it.
pub const ALIGN_MS: u64 = 100;
/// Silent frames before a stream's own audio that are not looked for in the known source: an encoder of FLAC may begin with
/// one.
pub const LEAD_FRAMES_MAX: usize = 1;
/// Problems written into one session's report; the rest only count.
pub const PROBLEMS_MAX: usize = 32;
