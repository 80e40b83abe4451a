//! Every bound of this crate, with its reason.

/// Lowest sample rate a tap accepts, in Hz: telephone audio, and the lowest rate of the service.
pub const RATE_HZ_MIN: u32 = 8_000;
/// Highest sample rate a tap accepts, in Hz: the fastest rate that sound cards commonly offer.
pub const RATE_HZ_MAX: u32 = 192_000;
/// Most channels a tap accepts: a 7.1 device.
pub const CHANNELS_MAX: u8 = 8;

/// Lowest wire rate in Hz (service user guide: 8,000 to 48,000).
pub const WIRE_RATE_HZ_MIN: u32 = 8_000;
/// Highest wire rate in Hz (service user guide: 8,000 to 48,000).
pub const WIRE_RATE_HZ_MAX: u32 = 48_000;
/// Most channels on the wire (service user guide: one, or two as clinician and patient).
pub const WIRE_CHANNELS_MAX: u8 = 2;

/// Shortest ring in milliseconds: five ticks of 10 ms, and more than two blocks of the slowest resampler.
pub const RING_MS_MIN: u32 = 50;
/// Longest ring in milliseconds: bounds memory; a longer stall is an outage of the caller's machine.
pub const RING_MS_MAX: u32 = 60_000;

/// Slots in the queue of gaps and capture times: a gap needs a full ring, so they are rare, and the queue coalesces.
pub const MARK_SLOTS: usize = if cfg!(loom) { 2 } else { 16 };
/// Slots that capture times may fill: the rest is kept for gaps, which must not wait.
pub const CAPTURE_MARKS_MAX: usize = if cfg!(loom) { 1 } else { 8 };

/// Samples interleaved on the stack at a time when planar audio is pushed: 1 KiB at most.
pub const PLANAR_BLOCK_SAMPLES: usize = 256;

/// Frames handed to the sink at a time when nothing has to be resampled: half of a common L1 cache as 16-bit stereo.
pub const PASS_FRAMES_MAX: usize = 4_096;

/// Length of a resampling block in milliseconds: one tick, so that a block is ready on each tick.
pub const BLOCK_MS: u32 = 10;
/// Where the FFT form's delay would pass this many milliseconds, the sinc form is taken.
pub const FFT_DELAY_MS_MAX: f64 = 12.0;
/// Float samples are limited to this before filtering (18 dB over full scale), so that no finite input overflows.
pub const FLOAT_HEADROOM: f32 = 8.0;

/// Largest chunk on the wire in bytes of 16-bit PCM: keeps a message within the service's 32 KiB frame.
pub const CHUNK_BYTES_MAX: u32 = 30_720;
/// Shortest chunk in milliseconds.
pub const CHUNK_MS_MIN: u32 = 20;
/// Longest chunk in milliseconds.
pub const CHUNK_MS_MAX: u32 = 1_000;

/// Largest FLAC block in frames: the limit of the streamable subset up to 48 kHz.
pub const FLAC_BLOCK_FRAMES_MAX: u32 = 4_608;
/// Smallest FLAC block in frames that the format allows for any block but the last.
pub const FLAC_BLOCK_FRAMES_MIN: u32 = 16;

/// Length of the window that levels are measured over, in milliseconds.
pub const LEVEL_WINDOW_MS: u32 = 100;
/// A microphone counts as silent after this long without a change, in milliseconds: longer than a pause in speech on
/// a gated microphone.
pub const SILENT_AFTER_MS: u32 = 10_000;
/// Clipping is steady when this many seconds in a row clip.
pub const CLIPPING_SECONDS: u32 = 3;
/// A second clips when more than one frame in this many is at full scale.
pub const CLIPPING_FRAMES_PER: u32 = 1_000;
/// How long a run of pushes has to be before its rate is judged, in nanoseconds: the jitter of arrival (some 20 ms) must
/// be small beside the threshold of 1 %.
pub const RATE_WINDOW_NS: u64 = 10_000_000_000;
/// A pause in the pushes longer than this starts the measuring of the rate anew, in nanoseconds.
pub const RATE_PAUSE_NS: u64 = 250_000_000;
/// Difference between the declared and the measured rate that is reported.
pub const RATE_TOLERANCE: f64 = 0.01;

/// Two taps: a tap that is this far behind the other is filled with silence, in milliseconds of wire time. Above the
/// jitter of callbacks, below what a listener takes for a lost connection.
pub const STALL_MS: u32 = 200;
/// Two taps: how far the ratio may be moved from its nominal value. Clocks are within 300 ppm; the rest pulls an error in.
pub const DRIFT_MAX: f64 = 0.002;
/// Two taps: a capture time this far from where the frames were put is a jump, in milliseconds: audio is missing or late, and is
/// put in its place rather than pulled in slowly.
pub const CAPTURE_JUMP_MS: u32 = 30;
/// As [`CAPTURE_JUMP_MS`] where there are no capture times: above the jitter of arrival.
pub const ARRIVAL_JUMP_MS: u32 = 100;
