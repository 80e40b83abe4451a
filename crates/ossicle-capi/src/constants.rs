//! The numbers of the header. Values are frozen; new ones are added.

use std::ffi::c_void;

/// The ABI of this header. Compare it with `ossicle_abi()`: a library of a later ABI 1 release takes this
/// header's structs too.
pub const OSSICLE_ABI: u32 = 1;

/// What became of a call or a session. The ranges say who has to act: 1xx nobody, 2xx the caller, 3xx the
/// identity or the clock, 4xx the service, 5xx the network, 9xx Ossicle.
#[allow(non_camel_case_types, reason = "the name in C")]
pub type ossicle_status = i32;

/// Success.
pub const OSSICLE_OK: i32 = 0;
/// The ring took less than was offered. The rest counts as dropped.
pub const OSSICLE_FULL: i32 = 100;
/// Nothing came within the time.
pub const OSSICLE_EMPTY: i32 = 101;
/// The session or the engine is closed or closing.
pub const OSSICLE_CLOSED: i32 = 102;
/// An argument is out of its range, NULL, or a handle that is not live.
pub const OSSICLE_BAD_ARGUMENT: i32 = 200;
/// The call does not fit the state, or another thread is inside of it.
pub const OSSICLE_BAD_STATE: i32 = 201;
/// A limit of the engine or the process is reached.
pub const OSSICLE_LIMIT: i32 = 202;
/// The service does not accept the identity.
pub const OSSICLE_DENIED: i32 = 300;
/// The keys have expired and no new ones came.
pub const OSSICLE_EXPIRED: i32 = 301;
/// The clock is wrong and could not be corrected.
pub const OSSICLE_SKEWED: i32 = 302;
/// No keys were pushed, and no source of keys is configured.
pub const OSSICLE_NO_KEYS: i32 = 303;
/// The service refuses the request as wrong.
pub const OSSICLE_REJECTED: i32 = 400;
/// The service asks for less.
pub const OSSICLE_THROTTLED: i32 = 401;
/// A quota of the account is used up.
pub const OSSICLE_QUOTA: i32 = 402;
/// The domain, the subscription or the session does not exist.
pub const OSSICLE_NOT_FOUND: i32 = 403;
/// Somebody else took the session, or it is already complete.
pub const OSSICLE_CONFLICT: i32 = 404;
/// The service failed.
pub const OSSICLE_SERVICE_FAILED: i32 = 405;
/// The endpoint could not be reached.
pub const OSSICLE_UNREACHABLE: i32 = 500;
/// The connection was lost.
pub const OSSICLE_LOST: i32 = 501;
/// The peer sent what no correct peer sends.
pub const OSSICLE_CORRUPT: i32 = 502;
/// The certificate is not trusted.
pub const OSSICLE_UNTRUSTED: i32 = 503;
/// The peer speaks no HTTP/2.
pub const OSSICLE_NO_HTTP2: i32 = 504;
/// Time ran out.
pub const OSSICLE_TIMED_OUT: i32 = 505;
/// A bug of Ossicle, caught before it reached the application. Destroy the engine and report it.
pub const OSSICLE_INTERNAL: i32 = 900;

/// `ossicle_features()`: FLAC on the wire is built in.
pub const OSSICLE_FEATURE_FLAC: u32 = 1;
/// `ossicle_features()`: the loopback engine is built in. Test builds have it.
pub const OSSICLE_FEATURE_LOOPBACK: u32 = 2;
/// `ossicle_features()`: the standard AWS chain is built in as a source of keys.
pub const OSSICLE_FEATURE_AWS_CHAIN: u32 = 4;

/// `ossicle_format.sample`: signed 16-bit integers.
pub const OSSICLE_SAMPLE_S16: u32 = 1;
/// `ossicle_format.sample`: 32-bit floats, full scale at 1.0.
pub const OSSICLE_SAMPLE_F32: u32 = 2;
/// `ossicle_format.sample`: signed 32-bit integers.
pub const OSSICLE_SAMPLE_S32: u32 = 3;
/// `ossicle_format.sample`: signed 24-bit integers in the low three bytes of 32 bits.
pub const OSSICLE_SAMPLE_S24_IN_32: u32 = 4;

/// `ossicle_format.layout`: frame after frame.
pub const OSSICLE_LAYOUT_INTERLEAVED: u32 = 0;
/// `ossicle_format.layout`: all samples of a push's first channel, then all of its second, and so on.
pub const OSSICLE_LAYOUT_PLANAR: u32 = 1;

/// `channel_map`: one tap is mixed to one channel; two taps give two.
pub const OSSICLE_CHANNELS_AUTO: u32 = 0;
/// `channel_map`: all channels of the tap are mixed to one.
pub const OSSICLE_CHANNELS_MIX: u32 = 1;
/// `channel_map`: two channels on the wire, clinician and patient: of one tap its first two, of two taps one each.
pub const OSSICLE_CHANNELS_STEREO: u32 = 2;
/// `channel_map`: the tap's channels `pick_first` and, unless it is `OSSICLE_PICK_NONE`, `pick_second`.
pub const OSSICLE_CHANNELS_PICK: u32 = 3;
/// `pick_second`: there is only one channel.
pub const OSSICLE_PICK_NONE: u32 = 0xFFFF_FFFF;

/// `encoding`: signed 16-bit samples.
pub const OSSICLE_ENCODING_PCM: u32 = 0;
/// `encoding`: FLAC: about half the bytes, for a little CPU time.
pub const OSSICLE_ENCODING_FLAC: u32 = 1;

/// `audio_form`: audio goes as raw bytes.
pub const OSSICLE_AUDIO_BINARY: u32 = 0;
/// `audio_form`: audio goes as base64 in JSON, the form of the service's first API version.
pub const OSSICLE_AUDIO_JSON: u32 = 1;

/// `overflow`: when held audio reaches its bound the oldest goes, and the ledger says so. For microphones.
pub const OSSICLE_OVERFLOW_DROP_OLDEST: u32 = 0;
/// `overflow`: the ring is not read until there is room, so that push takes less. For files.
pub const OSSICLE_OVERFLOW_WAIT: u32 = 1;

/// `offset_rule`: found out from the first transcripts after a resume.
pub const OSSICLE_OFFSETS_DETECT: u32 = 0;
/// `offset_rule`: each stream's offsets begin at zero.
pub const OSSICLE_OFFSETS_RESTART: u32 = 1;
/// `offset_rule`: offsets go on over streams.
pub const OSSICLE_OFFSETS_CONTINUE: u32 = 2;

/// `keys_source`: the application pushes keys with `ossicle_engine_set_keys`.
pub const OSSICLE_KEYS_PUSHED: u32 = 0;
/// `keys_source`: the standard AWS chain. Needs `OSSICLE_FEATURE_AWS_CHAIN`.
pub const OSSICLE_KEYS_AWS_CHAIN: u32 = 1;

/// `log_level`: no log lines.
pub const OSSICLE_LOG_OFF: u32 = 0;
/// `log_level` and `ossicle_event.code`: what somebody should look at.
pub const OSSICLE_LOG_WARN: u32 = 1;
/// `log_level` and `ossicle_event.code`: also what happens as planned.
pub const OSSICLE_LOG_INFO: u32 = 2;

/// The service accepted the session for the first time.
pub const OSSICLE_EVENT_OPENED: u32 = 1;
/// `transcript` holds a piece of transcript.
pub const OSSICLE_EVENT_TRANSCRIPT: u32 = 2;
/// `checklist` holds the newest checklist.
pub const OSSICLE_EVENT_CHECKLIST: u32 = 3;
/// `chart` holds the newest periodontal chart.
pub const OSSICLE_EVENT_CHART: u32 = 4;
/// The stream was lost and comes back; audio is held. `status` says why, `code` is the attempt that comes next,
/// `duration_ms` the wait before it.
pub const OSSICLE_EVENT_RECOVERING: u32 = 5;
/// The stream is back. `duration_ms` is the outage, `frames` what is sent again.
pub const OSSICLE_EVENT_RECOVERED: u32 = 6;
/// Audio was dropped: `code` is an `OSSICLE_DROP_*`, `frames` how much, `begin_ns` where.
pub const OSSICLE_EVENT_DROPPED: u32 = 7;
/// Something to act on before it hurts: `code` is an `OSSICLE_WARNING_*`, `message` a sentence for the user.
pub const OSSICLE_EVENT_WARNING: u32 = 8;
/// The stream ended as a pause; all that was captured before is delivered. `report` has the account so far.
pub const OSSICLE_EVENT_PAUSED: u32 = 9;
/// A paused session streams again.
pub const OSSICLE_EVENT_RESUMED: u32 = 10;
/// The session is over; its last event. `status` says why, `report` has the final account.
pub const OSSICLE_EVENT_CLOSED: u32 = 11;
/// Of the engine: push keys with `ossicle_engine_set_keys`. `duration_ms` is the time left, 0 when there are none.
pub const OSSICLE_EVENT_KEYS_EXPIRING: u32 = 12;
/// Of the engine: the poller was too slow and `frames` events were discarded here. Never CLOSED.
pub const OSSICLE_EVENT_DISCARDED: u32 = 13;
/// The answer to `ossicle_engine_call`: `session_id` is the call's id, `status` the outcome, `json` the answer.
pub const OSSICLE_EVENT_CALL: u32 = 14;
/// A log line in `message`: `code` is an `OSSICLE_LOG_*`. Holds no health information and no keys.
pub const OSSICLE_EVENT_LOG: u32 = 15;

/// The ring was full: the engine could not keep up with push.
pub const OSSICLE_DROP_RING_FULL: u32 = 1;
/// Held audio passed its bound before it could be sent.
pub const OSSICLE_DROP_HELD_LIMIT: u32 = 2;
/// Sent, let go of because of the bound, and lost before delivery was proven.
pub const OSSICLE_DROP_UNPROVEN: u32 = 3;
/// Pushed while the session was paused: not a loss.
pub const OSSICLE_DROP_PAUSED: u32 = 4;
/// Pushed while the session was muted: not a loss.
pub const OSSICLE_DROP_MUTED: u32 = 5;
/// Held when the session ended without being able to send it.
pub const OSSICLE_DROP_ENDED: u32 = 6;

/// A warning that this header does not name; `message` does.
pub const OSSICLE_WARNING_OTHER: u32 = 0;
/// The keys expire in `duration_ms`, before a visit is likely over.
pub const OSSICLE_WARNING_KEYS_EXPIRING: u32 = 1;
/// The session can be resumed for `duration_ms` only.
pub const OSSICLE_WARNING_RESUME_WINDOW_ENDING: u32 = 2;
/// The service takes `duration_ms` more audio in this session.
pub const OSSICLE_WARNING_AUDIO_TOTAL_ENDING: u32 = 3;
/// This machine's clock is wrong; it is corrected in signatures.
pub const OSSICLE_WARNING_CLOCK_SKEWED: u32 = 4;
/// The wire rate is lower than the service recommends.
pub const OSSICLE_WARNING_LOW_RATE: u32 = 5;
/// The microphone is open and gives nothing.
pub const OSSICLE_WARNING_SILENT_MICROPHONE: u32 = 6;
/// A channel clips steadily.
pub const OSSICLE_WARNING_CLIPPING: u32 = 7;
/// Audio comes faster or slower than its declared rate says.
pub const OSSICLE_WARNING_RATE_MISMATCH: u32 = 8;
/// What is pushed as raw samples begins with a WAV header.
pub const OSSICLE_WARNING_WAV_HEADER: u32 = 9;
/// Silence is put in because nothing is pushed.
pub const OSSICLE_WARNING_KEEP_ALIVE: u32 = 10;

/// `ossicle_report.ended`: the session lives; the account is of the moment.
pub const OSSICLE_ENDED_NOT_YET: u32 = 0;
/// `ossicle_report.ended`: the end was asked for, sent, and answered.
pub const OSSICLE_ENDED_FINISHED: u32 = 1;
/// `ossicle_report.ended`: ended as a pause; the same session id resumes it.
pub const OSSICLE_ENDED_PAUSED: u32 = 2;
/// `ossicle_report.ended`: neither; `status` says why.
pub const OSSICLE_ENDED_FAILED: u32 = 3;

/// `ossicle_session_stats.state`: waiting for the first answer.
pub const OSSICLE_STATE_OPENING: u32 = 1;
/// `ossicle_session_stats.state`: sending.
pub const OSSICLE_STATE_STREAMING: u32 = 2;
/// `ossicle_session_stats.state`: the stream is lost; another comes.
pub const OSSICLE_STATE_RECOVERING: u32 = 3;
/// `ossicle_session_stats.state`: sending what is left before a pause or the end.
pub const OSSICLE_STATE_DRAINING: u32 = 4;
/// `ossicle_session_stats.state`: ended as a pause.
pub const OSSICLE_STATE_PAUSED: u32 = 5;
/// `ossicle_session_stats.state`: over.
pub const OSSICLE_STATE_CLOSED: u32 = 6;

/// `ossicle_checklist_item.status`: not yet discussed.
pub const OSSICLE_CHECKLIST_NOT_DISCUSSED: u32 = 0;
/// `ossicle_checklist_item.status`: discussed in part.
pub const OSSICLE_CHECKLIST_PARTIALLY_DISCUSSED: u32 = 1;
/// `ossicle_checklist_item.status`: discussed.
pub const OSSICLE_CHECKLIST_DISCUSSED: u32 = 2;
/// `ossicle_checklist_item.status`: a status that this library does not know; the JSON has its name.
pub const OSSICLE_CHECKLIST_OTHER: u32 = 3;

/// A number of a chart that was not given.
pub const OSSICLE_NOT_CHARTED: i32 = -128;

/// Called on a thread of the engine when an event came and none was waiting. It must only signal: set an event,
/// post a message, write a byte. It must not call Ossicle, block or throw.
#[allow(non_camel_case_types, reason = "the name in C")]
pub type ossicle_wake = Option<unsafe extern "C" fn(context: *mut c_void)>;
