//! Limits of the service, each with its reason.

/// The most bytes of audio that one event may hold; the service refuses more.
pub const AUDIO_EVENT_BYTES_MAX: usize = 32_000;

/// The most bytes of audio in one event that the service's guide recommends: room is left for the envelope.
pub const AUDIO_EVENT_BYTES_RECOMMENDED: usize = 30_720;

/// The longest stretch of audio in one event that the service's guide recommends.
pub const AUDIO_EVENT_MS_RECOMMENDED: u32 = 1_000;

/// How long after its signing the service still takes a message; a later one ends the stream.
pub const SIGNATURE_AGE_MS_MAX: u64 = 5 * 60 * 1_000;

/// The least sample rate that the service takes.
pub const SAMPLE_RATE_HZ_MIN: u32 = 8_000;

/// The greatest sample rate that the service takes.
pub const SAMPLE_RATE_HZ_MAX: u32 = 48_000;

/// The most channels of one session.
pub const CHANNELS_MAX: u16 = 2;

/// The most bytes of UTF-8 in an encounter's unstructured context: the guide counts bytes, not characters.
pub const ENCOUNTER_CONTEXT_BYTES_MAX: usize = 20_480;

/// The most bytes of all instructions of a custom template together (15 KB in the guide).
pub const TEMPLATE_INSTRUCTION_BYTES_MAX: usize = 15 * 1_024;

/// The greatest count of entries in a tag map; the service's model bounds the list of keys only.
pub const TAG_KEYS_MAX: usize = 50;

/// How far in the future an encounter's date may lie, in days.
pub const ENCOUNTER_DATE_DAYS_AHEAD_MAX: i64 = 1;

/// How deep a JSON document of this service nests at the most, with room to spare; deeper ones are refused.
pub const JSON_DEPTH_MAX: usize = 32;
