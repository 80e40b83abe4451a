//! Events, as C has them.

use std::ffi::c_char;
use std::ptr;

use crate::constants::*;
use crate::results::{ossicle_chart, ossicle_checklist};
use crate::sized::Sized;

/// One thing that happened. Set `struct_size` before the first poll. Every pointer in it is borrowed until the next
/// poll on the same engine, or its destruction; texts are UTF-8, end with a zero, and are never NULL but where it says so.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_event {
    /// Set by the caller to `sizeof(ossicle_event)`.
    pub struct_size: u32,
    /// `OSSICLE_EVENT_*`. Skip kinds that you do not know.
    pub kind: u32,
    /// The number of the session (`ossicle_session_number`) or the call; 0: the engine. Never used twice.
    pub session_id: u64,
    /// The session's `user_data`, or the call's; else 0.
    pub user_data: u64,
    /// RECOVERING, CLOSED and CALL: what happened. Otherwise OSSICLE_OK.
    pub status: ossicle_status,
    /// What the kind says; otherwise 0.
    pub code: u32,
    /// TRANSCRIPT and DROPPED: where it begins in the session's captured audio, in nanoseconds.
    pub begin_ns: u64,
    /// TRANSCRIPT and DROPPED: where it ends.
    pub end_ns: u64,
    /// What the kind says, in frames at the wire rate; otherwise 0.
    pub frames: u64,
    /// What the kind says, in milliseconds; otherwise 0.
    pub duration_ms: u64,
    /// A sentence for a person, or "". No health information and no keys.
    pub message: *const c_char,
    /// Bytes of `message`, without its zero.
    pub message_bytes: usize,
    /// The whole event as a JSON object with a `type`. CALL: the answer.
    pub json: *const c_char,
    /// Bytes of `json`, without its zero.
    pub json_bytes: usize,
    /// TRANSCRIPT: the piece. Otherwise NULL.
    pub transcript: *const ossicle_transcript,
    /// CHECKLIST: all checklists. Otherwise NULL.
    pub checklist: *const ossicle_checklist,
    /// CHART: the whole chart. Otherwise NULL.
    pub chart: *const ossicle_chart,
    /// PAUSED and CLOSED: the account. Otherwise NULL.
    pub report: *const ossicle_report,
}

// SAFETY: repr(C), `u32`s in even number between `u64`s, then eight pointer-sized fields.
unsafe impl Sized for ossicle_event {
    const FIRST_BYTES: usize = 64 + 8 * size_of::<*const c_char>();
    const NAME: &'static str = "ossicle_event";

    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            kind: 0,
            session_id: 0,
            user_data: 0,
            status: OSSICLE_OK,
            code: 0,
            begin_ns: 0,
            end_ns: 0,
            frames: 0,
            duration_ms: 0,
            message: c"".as_ptr(),
            message_bytes: 0,
            json: c"{}".as_ptr(),
            json_bytes: 2,
            transcript: ptr::null(),
            checklist: ptr::null(),
            chart: ptr::null(),
            report: ptr::null(),
        }
    }
}

/// A piece of transcript on the session's own timeline. The text is health information.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_transcript {
    /// Size of this struct in the library that made it.
    pub struct_size: u32,
    /// 1: the text may still change; a later piece of the same `segment_id` replaces it.
    pub partial: u32,
    /// Where it begins in the session's captured audio, in nanoseconds.
    pub begin_ns: u64,
    /// Where it ends.
    pub end_ns: u64,
    /// The service's own offset of the beginning on its stream, in seconds; negative when it gave none.
    pub service_begin_s: f64,
    /// The service's own offset of the end, in seconds; negative when it gave none.
    pub service_end_s: f64,
    /// The service's name for the segment.
    pub segment_id: *const c_char,
    /// The channel, such as "ch_0", or "".
    pub channel: *const c_char,
    /// What was said.
    pub text: *const c_char,
    /// Bytes of `text`, without its zero.
    pub text_bytes: usize,
}

/// The account of a session. Frames count at the wire rate, and
/// captured_frames = delivered_frames + in_flight_frames + held_frames + dropped_frames.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_report {
    /// In an event: size of this struct in the library. For `ossicle_session_get_report`: set by the caller.
    pub struct_size: u32,
    /// `OSSICLE_ENDED_*`.
    pub ended: u32,
    /// Why it failed; otherwise OSSICLE_OK.
    pub status: ossicle_status,
    /// Frames per second on the wire.
    pub rate_hz: u32,
    /// Channels on the wire.
    pub channels: u32,
    /// Streams that the service accepted, each on one connection at a time.
    pub connections: u32,
    /// Offered by push, whatever became of it.
    pub captured_frames: u64,
    /// Proven to have arrived at the peer's HTTP/2.
    pub delivered_frames: u64,
    /// Sent and not proven yet.
    pub in_flight_frames: u64,
    /// Kept here.
    pub held_frames: u64,
    /// Dropped, for any of the reasons below.
    pub dropped_frames: u64,
    /// Dropped because the ring was full.
    pub dropped_ring_full_frames: u64,
    /// Dropped because held audio reached its bound.
    pub dropped_held_limit_frames: u64,
    /// Dropped because delivery of what was sent and let go of was never proven.
    pub dropped_unproven_frames: u64,
    /// Pushed while paused: not a loss.
    pub dropped_paused_frames: u64,
    /// Pushed while muted: not a loss.
    pub dropped_muted_frames: u64,
    /// Held when the session ended.
    pub dropped_ended_frames: u64,
    /// Silence put in; not part of the captured.
    pub silence_frames: u64,
    /// Sent more than once; not part of the captured.
    pub resent_frames: u64,
    /// Messages written, over all streams.
    pub messages: u64,
    /// Bytes of them.
    pub wire_bytes: u64,
    /// The oldest signature when its bytes left for the socket, in milliseconds.
    pub signature_age_ms_max: u64,
    /// The end of the newest final transcript in captured audio, in nanoseconds.
    pub transcribed_ns: u64,
    /// The session's id, 36 characters and a zero.
    pub session_uuid: [c_char; 40],
}

// SAFETY: repr(C), six `u32`s, then `u64`s, then 40 bytes.
unsafe impl Sized for ossicle_report {
    const FIRST_BYTES: usize = 24 + 17 * 8 + 40;
    const NAME: &'static str = "ossicle_report";

    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            ended: OSSICLE_ENDED_NOT_YET,
            status: OSSICLE_OK,
            rate_hz: 0,
            channels: 0,
            connections: 0,
            captured_frames: 0,
            delivered_frames: 0,
            in_flight_frames: 0,
            held_frames: 0,
            dropped_frames: 0,
            dropped_ring_full_frames: 0,
            dropped_held_limit_frames: 0,
            dropped_unproven_frames: 0,
            dropped_paused_frames: 0,
            dropped_muted_frames: 0,
            dropped_ended_frames: 0,
            silence_frames: 0,
            resent_frames: 0,
            messages: 0,
            wire_bytes: 0,
            signature_age_ms_max: 0,
            transcribed_ns: 0,
            session_uuid: [0; 40],
        }
    }
}

/// A snapshot of a session. Set `struct_size` before the call.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_session_stats {
    /// Set by the caller to `sizeof(ossicle_session_stats)`.
    pub struct_size: u32,
    /// `OSSICLE_STATE_*`.
    pub state: u32,
    /// Frames that push took, at each tap's own rate.
    pub pushed_frames: [u64; 2],
    /// Frames that push was offered and did not take, at each tap's own rate.
    pub refused_frames: [u64; 2],
    /// Of the ledger, at the wire rate: as in `ossicle_report`.
    pub captured_frames: u64,
    /// As in `ossicle_report`.
    pub delivered_frames: u64,
    /// As in `ossicle_report`.
    pub in_flight_frames: u64,
    /// As in `ossicle_report`.
    pub held_frames: u64,
    /// As in `ossicle_report`.
    pub dropped_frames: u64,
    /// As in `ossicle_report`.
    pub silence_frames: u64,
    /// As in `ossicle_report`.
    pub resent_frames: u64,
    /// Messages written.
    pub messages: u64,
    /// Bytes of them.
    pub wire_bytes: u64,
    /// The oldest signature so far when its bytes left for the socket, in milliseconds.
    pub signature_age_ms_max: u64,
    /// Captured audio that is not sent yet, in milliseconds.
    pub lag_ms: u64,
    /// The last round trip to the peer in nanoseconds; 0: none was measured yet.
    pub rtt_ns: u64,
    /// Peak level of each wire channel since the last snapshot, in dBFS, -120 for silence.
    pub peak_dbfs: [f32; 2],
    /// Losses that were recovered from.
    pub reconnects: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: repr(C), two `u32`s, `u64`s, then four 32-bit fields.
unsafe impl Sized for ossicle_session_stats {
    const FIRST_BYTES: usize = 8 + 16 * 8 + 16;
    const NAME: &'static str = "ossicle_session_stats";

    fn defaults() -> Self {
        Self {
            struct_size: size_of::<Self>() as u32,
            state: OSSICLE_STATE_OPENING,
            pushed_frames: [0; 2],
            refused_frames: [0; 2],
            captured_frames: 0,
            delivered_frames: 0,
            in_flight_frames: 0,
            held_frames: 0,
            dropped_frames: 0,
            silence_frames: 0,
            resent_frames: 0,
            messages: 0,
            wire_bytes: 0,
            signature_age_ms_max: 0,
            lag_ms: 0,
            rtt_ns: 0,
            peak_dbfs: [-120.0; 2],
            reconnects: 0,
            reserved: 0,
        }
    }
}
