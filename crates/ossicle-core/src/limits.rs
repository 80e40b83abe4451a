//! Every bound of the engine, with its reason.

/// Sessions of one engine: the slab's index fits the upper half of a stream's name with room to spare.
pub const SESSIONS_MAX: u32 = 65_536;

/// Messages written in one turn before the driver gets its turn: a burst of catch-up in one session must not
/// keep the others' sockets waiting. 256 messages sign in under a millisecond.
pub const TURN_MESSAGES_MAX: u32 = 256;

/// Messages of one session in one turn, so that a long backlog shares the turn with its neighbours.
pub const TURN_SESSION_MESSAGES_MAX: u32 = 8;

/// A session that only waits for audio has its timers looked at this often: they are seconds long, and most ticks of most
/// sessions find nothing to do.
pub const QUIET_MS_MAX: u64 = 100;

/// The body of a refusing answer that is kept to find its code; the service's are a few hundred bytes.
pub const REFUSAL_BODY_BYTES_MAX: usize = 16 * 1024;

/// How long the rest of a refusing answer's body is awaited; the status alone decides after that.
pub const REFUSAL_BODY_MS_MAX: u64 = 2_000;

/// How long an ended stream's response is awaited before it is reset: a pause and a handover must not hang on a
/// peer that never ends its side.
pub const STREAM_END_MS_MAX: u64 = 10_000;

/// Handshakes of one engine under way at once: a restart of the service must not be met by a thousand at a time.
pub const CONNECTS_AT_ONCE_MAX: usize = 8;

/// Streams opened in one turn, so that a thousand sessions that start together are paced over several turns.
pub const OPENS_PER_TURN_MAX: u32 = 64;

/// A connection without streams is kept this long for the next one.
pub const IDLE_CONNECTION_MS: u64 = 30_000;

/// First wait after a loss. The wait is drawn from zero to this, doubled with each failure.
pub const BACKOFF_BASE_MS: u64 = 250;

/// Longest wait between two attempts: with a patient in the room nobody waits longer for a network that is back.
pub const BACKOFF_MAX_MS: u64 = 5_000;

/// Longest wait that a service may ask for with Retry-After; longer ones are a refusal in other words.
pub const RETRY_AFTER_MAX_MS: u64 = 60_000;

/// First wait before keys are asked for again after the provider failed; doubled up to the longest wait.
pub const KEYS_RETRY_BASE_MS: u64 = 1_000;

/// Longest wait between two questions to the provider.
pub const KEYS_RETRY_MAX_MS: u64 = 30_000;

/// PINGs are spaced at most this far apart after complaints; past it they stop for that endpoint.
pub const PING_INTERVAL_MAX_MS: u64 = 60_000;

/// A segment of the transcript book is remembered for joining and for dropping repeats; older final ones leave.
pub const BOOK_SEGMENTS_MAX: usize = 64;

/// Channels whose final text is remembered: the service has two, with room for more.
pub const BOOK_CHANNELS_MAX: usize = 8;

/// Stretches of the map from wire positions to captured positions that are kept for late transcripts.
pub const TIMELINE_STRETCHES_MAX: usize = 1_024;

/// A learned clock correction smaller than this is noise of the `Date` header's one-second steps.
pub const SKEW_NOISE_MS: i64 = 1_500;

/// A stream that was lost without its end may seem alive to the service for this long: its idle limit (15 s in the
/// sibling services) and some room. Until then a conflict is put down to it, after that to somebody else.
pub const GHOST_MS_MAX: u64 = 20_000;

/// Refusals for skew that are corrected and retried in a row: the second one means the correction is wrong.
pub const SKEW_RETRIES_MAX: u32 = 1;

/// Refusals for expired keys that are met with new keys in a row, at most one a minute or so by backoff; after
/// these the refusal is believed.
pub const EXPIRED_RETRIES_MAX: u32 = 4;

/// An accepted session whose new stream gets no head for this long has the stream replaced.
pub const HEAD_MS_MAX: u64 = 15_000;

/// The first stream of a session may wait longer for its head, since a new session may take the service longer. Its
/// patience bounds all attempts together.
pub const FIRST_HEAD_MS_MAX: u64 = 30_000;

/// After a hint that the network changed, or after a sleep, a connection that does not answer its PING for this
/// long is given up: waiting the full timeout would lose seconds for nothing.
pub const PROBE_MS_MAX: u64 = 3_000;

/// Credit that stays smaller than the next message for this long is taken for all that the peer's window has: the
/// message is then signed and written in parts.
pub const PARTIAL_AFTER_MS: u64 = 1_000;

/// The same where the window has held such a message before: then it is stalled, and a message that was begun would grow
/// old in it. Only a peer that made its window smaller is met by this, and `stall_ms_max` comes soon after.
pub const PARTIAL_AFTER_STALL_MS: u64 = 8_000;

/// No PONG for this long: nothing more is signed until one comes. The peer may not be reading, and a signature
/// must not grow old in its socket.
pub const PONG_OVERDUE_MS: u64 = 3_000;

/// The warning before the resume window or the audio total runs out.
pub const WINDOW_WARNING_MS: u64 = 10 * 60 * 1_000;

/// Pacing lets this many chunks go at once, so that a tick that comes late does not slow a live source.
pub const PACE_BURST_CHUNKS: u32 = 4;
