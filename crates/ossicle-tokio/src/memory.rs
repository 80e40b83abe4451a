//! How much memory an engine can take, to be asked before it is started.

use crate::engine::{AudioInput, EngineOptions};
use ossicle_audio::ChannelMap;

/// Code, roots of trust, the allocator's own: a process's, whatever it runs. Measured at 9 MB, rounded up.
const PROCESS_BYTES: u64 = 16 * 1024 * 1024;
/// A shard: its thread's stack, its runtime and scratch buffers, the block that chunks are signed into.
const SHARD_BYTES: u64 = 4 * 1024 * 1024;
/// A connection: TLS (64 KiB either way), HTTP/2's buffers, the writer's buffer at its fullest.
const CONNECTION_BYTES: u64 = 512 * 1024;
/// A session beside ring, resampler, held audio and encoder. A test opens thousands and holds them to it.
const SESSION_BYTES: u64 = 6_000;
/// Room for held audio that a session keeps in any case.
const HELD_ROOM_BYTES: u64 = 40 * 1024;
/// A resampler, for one tap or two; the audio crate's tests hold it to this.
const RESAMPLER_BYTES: u64 = 120_000;

impl EngineOptions {
    /// An upper bound for the resident memory of a process that runs an engine with these options, in bytes, with as
    /// many sessions of `input` as the engine may have: sessions, rings and front ends, connections, and as much held
    /// audio as `held_bytes_max` allows with the room that buffers keep. FLAC encoders (0.4 MB a session) and events that
    /// nobody polls come on top of it.
    #[must_use]
    pub fn memory_bytes(&self, input: &AudioInput) -> u64 {
        let core = &self.core;
        let sessions = u64::from(core.sessions_max);
        let taps = if input.front_end.channel_map == ChannelMap::Stereo { 2 } else { 1 };
        let format = input.format;
        let ring_frames = (u64::from(format.rate_hz()) * u64::from(input.ring_ms)).div_ceil(1_000);
        let rings = taps * ring_frames * format.frame_bytes() as u64;
        let resamples = format.rate_hz() != input.front_end.wire_rate_hz || taps == 2;
        let session = SESSION_BYTES + rings + HELD_ROOM_BYTES + if resamples { RESAMPLER_BYTES } else { 0 };
        // A shard that has one stream too many for its connections makes one more.
        let connections =
            sessions.div_ceil(core.streams_per_connection.max(1).into()) + u64::from(self.shards);
        let parts = [
            PROCESS_BYTES,
            u64::from(self.shards) * SHARD_BYTES,
            connections * (CONNECTION_BYTES + u64::from(core.unwritten_bytes_max)),
            sessions.saturating_mul(session),
            // Buffers grow by a quarter at a time.
            core.held_bytes_max.saturating_add(core.held_bytes_max / 4),
        ];
        parts.into_iter().fold(0, u64::saturating_add)
    }
}
