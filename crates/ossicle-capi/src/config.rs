//! Settings, as C has them.

use std::ffi::{c_char, c_void};
use std::ptr;

use crate::border::{Fault, border_value, border_with, ossicle_error};
use crate::constants::*;
use crate::read::{EngineSettings, SessionSettings};
use crate::sized::{self, Sized};

/// Settings of an engine. Fill it with `ossicle_engine_config_init` first; each field then has its default.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_engine_config {
    /// Set by `_init`. Bytes that the library does not know must be zero.
    pub struct_size: u32,
    /// Sessions at once, 1 to 65,536. Default 1,024.
    pub sessions_max: u32,
    /// Threads of the engine, 1 to 64. Default 1. A session stays on its thread.
    pub shards: u32,
    /// Rings are read this often, 1 to 100 ms. Default 10. Adds as much latency at most.
    pub tick_ms: u32,
    /// Streams on one connection, 1 to 1,000. Default 16. Never above the peer's own limit.
    pub streams_per_connection: u32,
    /// How often a connection with audio in flight is pinged, 100 to 60,000 ms. Default 1,000.
    pub ping_interval_ms: u32,
    /// A PING that is not answered for this long means that the connection is lost, 1,000 to 60,000 ms. Default 10,000.
    pub pong_timeout_ms: u32,
    /// Bytes signed and not yet taken by a connection's socket, 4,096 to 16,777,216. Default 65,536.
    pub unwritten_bytes_max: u32,
    /// New keys are asked for this long before the old ones expire, 1,000 to 3,600,000 ms. Default 300,000.
    pub keys_margin_ms: u32,
    /// `OSSICLE_KEYS_*`. Default: pushed.
    pub keys_source: u32,
    /// Events kept for a slow poller, 8 to 1,048,576. Default 4,096. Partial transcripts give way first.
    pub events_max: u32,
    /// `OSSICLE_LOG_*`. Default: off.
    pub log_level: u32,
    /// 1: FIPS endpoints, for streams too. Default 0.
    pub fips: u32,
    /// 1: an engine with the service's emulator in its own process, for tests without a network. Region, endpoint
    /// and keys are then not needed. Needs `OSSICLE_FEATURE_LOOPBACK`. Default 0.
    pub loopback: u32,
    /// How fast held audio is sent after an outage, in percent of real time, 100 to 100,000. Default 200.
    pub catch_up_percent: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Held audio of all sessions, 1 MiB to 1 TiB. Default 256 MiB. Past it the largest holder loses its oldest.
    pub held_bytes_max: u64,
    /// Seeds the jitter of waits. Default 0: drawn at random.
    pub seed: u64,
    /// The region, such as "us-east-1". Required unless `loopback` is 1.
    pub region: *const c_char,
    /// "https://HOST[:PORT]", used as given, or NULL for the region's. On loopback "http://" is taken too.
    pub endpoint: *const c_char,
    /// Certificates to trust beside the system's, in PEM, or NULL.
    pub ca_pem: *const c_char,
    /// "http://[USER:PASSWORD@]HOST:PORT" of a proxy, "" for none, or NULL: as the environment says.
    pub proxy: *const c_char,
    /// What the emulator of a loopback engine answers, as JSON, or NULL: it then reports speech by its level.
    pub loopback_script: *const c_char,
    /// Called when events come and none was waiting, or NULL. It must only signal.
    pub wake: ossicle_wake,
    /// Handed to `wake`.
    pub wake_context: *mut c_void,
}

// SAFETY: repr(C), `u32`s in even number, `u64`s, then pointers; a function pointer is NULL or the caller's promise.
unsafe impl Sized for ossicle_engine_config {
    const FIRST_BYTES: usize = 80 + 7 * size_of::<*const c_char>();
    const NAME: &'static str = "ossicle_engine_config";

    fn defaults() -> Self {
        let core = ossicle_core::EngineConfig::new(
            ossicle_core::Endpoint { tls: true, host: String::new(), port: 443 },
            "",
        );
        Self {
            struct_size: size_of::<Self>() as u32,
            sessions_max: core.sessions_max,
            shards: 1,
            tick_ms: core.tick_ms,
            streams_per_connection: core.streams_per_connection,
            ping_interval_ms: core.ping_interval_ms,
            pong_timeout_ms: core.pong_timeout_ms,
            unwritten_bytes_max: core.unwritten_bytes_max,
            keys_margin_ms: core.keys_margin_ms,
            keys_source: OSSICLE_KEYS_PUSHED,
            events_max: 4_096,
            log_level: OSSICLE_LOG_OFF,
            fips: 0,
            loopback: 0,
            catch_up_percent: 200,
            reserved: 0,
            held_bytes_max: core.held_bytes_max,
            seed: 0,
            region: ptr::null(),
            endpoint: ptr::null(),
            ca_pem: ptr::null(),
            proxy: ptr::null(),
            loopback_script: ptr::null(),
            wake: None,
            wake_context: ptr::null_mut(),
        }
    }
}

/// What one tap pushes.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_format {
    /// `OSSICLE_SAMPLE_*`, in the byte order of the host.
    pub sample: u32,
    /// `OSSICLE_LAYOUT_*`.
    pub layout: u32,
    /// Frames per second, 8,000 to 192,000.
    pub rate_hz: u32,
    /// Channels, 1 to 8.
    pub channels: u32,
}

/// Settings of a session. Fill it with `ossicle_session_config_init` first; each field then has its default.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_session_config {
    /// Set by `_init`. Bytes that the library does not know must be zero.
    pub struct_size: u32,
    /// Microphones, each with a tap of its own: 1, or 2 as clinician and patient. Default 1.
    pub tap_count: u32,
    /// What each tap pushes; two taps push the same. Default: S16, interleaved, 16,000 Hz, 1 channel.
    pub taps: [ossicle_format; 2],
    /// Audio that the ring takes while nobody reads it, 50 to 60,000 ms. Default 500.
    pub ring_ms: u32,
    /// `OSSICLE_CHANNELS_*`. Default: automatic.
    pub channel_map: u32,
    /// For `OSSICLE_CHANNELS_PICK`: a channel of the tap, from 0.
    pub pick_first: u32,
    /// For `OSSICLE_CHANNELS_PICK`: another, or `OSSICLE_PICK_NONE`, the default.
    pub pick_second: u32,
    /// 1: tell when audio comes at another rate than declared. Default 1; 0 for what is pushed faster than real time.
    pub check_rate: u32,
    /// Frames per second on the wire, 8,000 to 48,000. Default 0: the lower of 16,000 and the tap's own rate.
    pub wire_rate_hz: u32,
    /// `OSSICLE_ENCODING_*`. Default: PCM.
    pub encoding: u32,
    /// `OSSICLE_AUDIO_*`. Default: binary.
    pub audio_form: u32,
    /// Audio in one message, 20 to 1,000 ms. Default 100.
    pub chunk_ms: u32,
    /// Audio held while it cannot be sent or is not proven delivered, 1,000 to 3,600,000 ms. Default 60,000.
    pub held_ms_max: u32,
    /// `OSSICLE_OVERFLOW_*`. Default: the oldest goes.
    pub overflow: u32,
    /// Delivered audio that is sent again after a loss, 0 to 10,000 ms. Default 0.
    pub resend_overlap_ms: u32,
    /// How fast audio is sent, in percent of real time, 1 to 100,000. Default 100. 0: as fast as the peer takes it.
    pub pace_percent: u32,
    /// Nothing pushed for this long: silence is put in. 0 turns it off, else 100 to 14,000 ms. Default 5,000.
    pub keep_alive_ms: u32,
    /// How long finish waits for held audio and last results, 100 to 600,000 ms. Default 30,000.
    pub finish_deadline_ms: u32,
    /// `OSSICLE_OFFSETS_*`. Default: detect.
    pub offset_rule: u32,
    /// How long the session waits for its first answer, 100 ms to 5 h. Default 5 h.
    pub open_patience_ms: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Returned in every event of the session.
    pub user_data: u64,
    /// The session's id, a UUID of 36 characters; the same id resumes a paused session. NULL: one is made.
    pub session_uuid: *const c_char,
    /// The domain, "hai-..." or "dom-...". Required unless the engine is a loopback.
    pub domain_id: *const c_char,
    /// The subscription, "sub-...". Required unless the engine is a loopback.
    pub subscription_id: *const c_char,
    /// "en-US" or "multi". NULL: en-US.
    pub language: *const c_char,
    /// The whole configurationEvent as JSON, or NULL: made of the next two fields.
    pub configuration: *const c_char,
    /// The folder in S3 for the results, "s3://...". Required with no `configuration`, unless the engine is a loopback.
    pub output_s3_uri: *const c_char,
    /// A managed note template, such as "PHYSICAL_SOAP". NULL: HISTORY_AND_PHYSICAL.
    pub note_template: *const c_char,
    /// Must be NULL.
    pub reserved_pointer: *const c_void,
}

// SAFETY: repr(C), `u32`s in even number, one `u64`, then pointers.
unsafe impl Sized for ossicle_session_config {
    const FIRST_BYTES: usize = 120 + 8 * size_of::<*const c_char>();
    const NAME: &'static str = "ossicle_session_config";

    fn defaults() -> Self {
        let tap = ossicle_format {
            sample: OSSICLE_SAMPLE_S16,
            layout: OSSICLE_LAYOUT_INTERLEAVED,
            rate_hz: 16_000,
            channels: 1,
        };
        Self {
            struct_size: size_of::<Self>() as u32,
            tap_count: 1,
            taps: [tap; 2],
            ring_ms: 500,
            channel_map: OSSICLE_CHANNELS_AUTO,
            pick_first: 0,
            pick_second: OSSICLE_PICK_NONE,
            check_rate: 1,
            wire_rate_hz: 0,
            encoding: OSSICLE_ENCODING_PCM,
            audio_form: OSSICLE_AUDIO_BINARY,
            chunk_ms: 100,
            held_ms_max: 60_000,
            overflow: OSSICLE_OVERFLOW_DROP_OLDEST,
            resend_overlap_ms: 0,
            pace_percent: 100,
            keep_alive_ms: 5_000,
            finish_deadline_ms: 30_000,
            offset_rule: OSSICLE_OFFSETS_DETECT,
            open_patience_ms: 5 * 3_600 * 1_000,
            reserved: 0,
            user_data: 0,
            session_uuid: ptr::null(),
            domain_id: ptr::null(),
            subscription_id: ptr::null(),
            language: ptr::null(),
            configuration: ptr::null(),
            output_s3_uri: ptr::null(),
            note_template: ptr::null(),
            reserved_pointer: ptr::null(),
        }
    }
}

/// [ANY] Puts the defaults into as much of `config` as `struct_size` says that there is. Pass
/// `sizeof *config`. Does nothing when `config` is NULL or the size is none that a release had.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ossicle_engine_config_init(config: *mut ossicle_engine_config, struct_size: u32) {
    // SAFETY: `config` has as many writable bytes as the caller says (header, OWNERSHIP).
    border_value((), || unsafe { sized::init(config, struct_size) });
}

/// [ANY] Puts the defaults into as much of `config` as `struct_size` says that there is. Pass
/// `sizeof *config`. Does nothing when `config` is NULL or the size is none that a release had.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ossicle_session_config_init(config: *mut ossicle_session_config, struct_size: u32) {
    // SAFETY: as above.
    border_value((), || unsafe { sized::init(config, struct_size) });
}

/// [ANY] Checks the settings of an engine without making one. `error` may be NULL.
/// Returns OSSICLE_OK or OSSICLE_BAD_ARGUMENT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ossicle_engine_config_check(
    config: *const ossicle_engine_config,
    error: *mut ossicle_error,
) -> ossicle_status {
    // SAFETY: `config` and `error` are the caller's, as the header asks.
    unsafe { border_with(error, || engine_settings(config).map(|_| ())) }
}

/// [ANY] Checks the settings of a session without making one: ranges, ids, and the configuration by all rules of the
/// service. `loopback` is 1 for a session of a loopback engine, which needs no ids. `error` may be NULL; its text
/// names the field and never its value. Returns OSSICLE_OK or OSSICLE_BAD_ARGUMENT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ossicle_session_config_check(
    config: *const ossicle_session_config,
    loopback: u32,
    error: *mut ossicle_error,
) -> ossicle_status {
    // SAFETY: as above.
    unsafe { border_with(error, || session_settings(config, loopback != 0).map(|_| ())) }
}

/// [ANY] An upper bound for the memory that an engine with these settings takes at its busiest, in bytes, without
/// that of its sessions (`ossicle_session_memory_bytes`) but with all audio that they hold. 0: the settings are bad.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ossicle_engine_memory_bytes(config: *const ossicle_engine_config) -> usize {
    border_value(0, || {
        // SAFETY: `config` is the caller's, as the header asks.
        unsafe { engine_settings(config) }.map_or(0, |settings| settings.memory_bytes())
    })
}

/// [ANY] An upper bound for the memory that a session with these settings takes, in bytes, without the audio that it
/// holds in an outage. 0: the formats or lengths are bad.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ossicle_session_memory_bytes(config: *const ossicle_session_config) -> usize {
    border_value(0, || {
        // SAFETY: as above.
        unsafe { session_settings(config, true) }.map_or(0, |settings| settings.memory_bytes())
    })
}

/// Reads and checks the settings of an engine.
///
/// # Safety
/// `config` is NULL or as the header asks.
pub(crate) unsafe fn engine_settings(config: *const ossicle_engine_config) -> Result<EngineSettings, Fault> {
    // SAFETY: as this function's.
    let config = unsafe { sized::read(config) }?;
    // SAFETY: texts in it are NULL or end with a zero, as the header asks.
    unsafe { EngineSettings::read(&config) }
}

/// Reads and checks the settings of a session.
///
/// # Safety
/// `config` is NULL or as the header asks.
pub(crate) unsafe fn session_settings(
    config: *const ossicle_session_config,
    loopback: bool,
) -> Result<SessionSettings, Fault> {
    // SAFETY: as this function's.
    let config = unsafe { sized::read(config) }?;
    // SAFETY: texts in it are NULL or end with a zero, as the header asks.
    unsafe { SessionSettings::read(&config, loopback) }
}
