//! From the engine's events to C's.

use ossicle_core::json;
use ossicle_core::{DropReason, Ended, Event, Ledger, Report, Stats, Status, Transcript, Warning};
use serde_json::json;

use crate::border::text_of;
use crate::constants::*;
use crate::engine::Account;
use crate::event::{ossicle_event, ossicle_report, ossicle_session_stats, ossicle_transcript};
use crate::inbox::Note;
use crate::results::Store;
use crate::sized::Sized;

/// What is known about the session of an event.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Whose {
    pub(crate) id: u64,
    pub(crate) user_data: u64,
    pub(crate) rate_hz: u32,
    /// A panic was caught while the application called for this session.
    pub(crate) broken: bool,
}

/// An event of a session.
pub(crate) fn event(store: &mut Store, whose: Whose, event: &Event) -> ossicle_event {
    let mut out =
        ossicle_event { session_id: whose.id, user_data: whose.user_data, ..ossicle_event::defaults() };
    let mut message = String::new();
    match event {
        Event::Opened { .. } => out.kind = OSSICLE_EVENT_OPENED,
        Event::Recovering { failure, attempt, retry_in_ms } => {
            out.kind = OSSICLE_EVENT_RECOVERING;
            (out.status, out.code, out.duration_ms) = (failure.status as i32, *attempt, *retry_in_ms);
            message = failure.to_string();
        }
        Event::Recovered { outage_ms, resend_frames } => {
            out.kind = OSSICLE_EVENT_RECOVERED;
            (out.duration_ms, out.frames) = (*outage_ms, *resend_frames);
        }
        Event::Transcript(piece) => {
            out.kind = OSSICLE_EVENT_TRANSCRIPT;
            (out.begin_ns, out.end_ns) = (ns(piece.begin_s), ns(piece.end_s));
            out.transcript = transcript(store, piece);
        }
        Event::Checklist(snapshot) => {
            out.kind = OSSICLE_EVENT_CHECKLIST;
            out.checklist = store.checklist(snapshot);
        }
        Event::PeriodontalChart(snapshot) => {
            out.kind = OSSICLE_EVENT_CHART;
            out.chart = store.chart(snapshot);
        }
        Event::Dropped { reason, first_frame, frames } => {
            out.kind = OSSICLE_EVENT_DROPPED;
            (out.code, out.frames) = (drop_code(*reason), *frames);
            out.begin_ns = frames_ns(*first_frame, whose.rate_hz);
            out.end_ns = frames_ns(first_frame.saturating_add(*frames), whose.rate_hz);
        }
        Event::Warning(warning) => {
            out.kind = OSSICLE_EVENT_WARNING;
            (out.code, out.duration_ms) = warning_code(warning);
            message = warning.to_string();
        }
        Event::Paused(account) => {
            out.kind = OSSICLE_EVENT_PAUSED;
            out.report = store.keep(report(account));
        }
        Event::Resumed => out.kind = OSSICLE_EVENT_RESUMED,
        Event::Closed(account) => {
            out.kind = OSSICLE_EVENT_CLOSED;
            let account_out = last_report(account, whose);
            message = account.failure.as_ref().map(ToString::to_string).unwrap_or_default();
            if whose.broken {
                message = "a bug of Ossicle ended the session; please report it".to_owned();
            }
            out.status = account_out.status;
            out.report = store.keep(account_out);
        }
        // Kinds that a later core adds reach C as soon as they have a number here; their JSON would be told already.
        _ => out.kind = 0,
    }
    (out.message, out.message_bytes) = store.counted(&message);
    (out.json, out.json_bytes) = store.counted(&json::event(event).to_string());
    out
}

/// Events of a session that gave way.
pub(crate) fn discarded(store: &mut Store, whose: Whose, count: u64) -> ossicle_event {
    let json = json!({"type": "discarded", "events": count}).to_string();
    let (json, json_bytes) = store.counted(&json);
    ossicle_event {
        kind: OSSICLE_EVENT_DISCARDED,
        session_id: whose.id,
        user_data: whose.user_data,
        frames: count,
        json,
        json_bytes,
        ..ossicle_event::defaults()
    }
}

/// What the inbox tells.
pub(crate) fn note(store: &mut Store, note: &Note) -> ossicle_event {
    let mut out = ossicle_event::defaults();
    let json = match note {
        Note::KeysExpiring(left_ms) => {
            out.kind = OSSICLE_EVENT_KEYS_EXPIRING;
            out.duration_ms = *left_ms;
            (out.message, out.message_bytes) = store.counted("new keys are wanted");
            json!({"type": "keys_expiring", "left_ms": left_ms}).to_string()
        }
        Note::Call { id, user_data, status, message, json } => {
            out.kind = OSSICLE_EVENT_CALL;
            (out.session_id, out.user_data, out.status) = (*id, *user_data, *status as i32);
            (out.message, out.message_bytes) = store.counted(message);
            json.clone()
        }
        Note::Log { level, session, text } => {
            out.kind = OSSICLE_EVENT_LOG;
            (out.code, out.session_id) = (*level, *session);
            (out.message, out.message_bytes) = store.counted(text);
            json!({"type": "log", "level": level, "session": session, "message": text}).to_string()
        }
    };
    (out.json, out.json_bytes) = store.counted(&json);
    out
}

/// The log line for an event, with its level. Counts and statuses only.
pub(crate) fn log_line(whose: Whose, event: &Event) -> Option<(u32, String)> {
    let id = whose.id;
    Some(match event {
        Event::Opened { rate_hz, channels, .. } => {
            (OSSICLE_LOG_INFO, format!("session {id} is open at {rate_hz} Hz, {channels} channels"))
        }
        Event::Recovering { failure, attempt, retry_in_ms } => (
            OSSICLE_LOG_WARN,
            format!(
                "session {id} lost its stream ({}), attempt {attempt} in {retry_in_ms} ms",
                failure.status.name()
            ),
        ),
        Event::Recovered { outage_ms, resend_frames } => (
            OSSICLE_LOG_INFO,
            format!("session {id} is back after {outage_ms} ms, {resend_frames} frames again"),
        ),
        Event::Dropped { reason, frames, .. } => {
            let level = if reason.is_loss() { OSSICLE_LOG_WARN } else { OSSICLE_LOG_INFO };
            (level, format!("session {id} dropped {frames} frames ({})", reason.as_str()))
        }
        Event::Warning(warning) => (OSSICLE_LOG_WARN, format!("session {id}: {warning}")),
        Event::Paused(_) => (OSSICLE_LOG_INFO, format!("session {id} is paused")),
        Event::Resumed => (OSSICLE_LOG_INFO, format!("session {id} goes on")),
        Event::Closed(report) => match &report.failure {
            Some(failure) => {
                (OSSICLE_LOG_WARN, format!("session {id} failed with {}", failure.status.name()))
            }
            None => (OSSICLE_LOG_INFO, format!("session {id} {}", report.ended.as_str())),
        },
        _ => return None,
    })
}

fn transcript(store: &mut Store, piece: &Transcript) -> *const ossicle_transcript {
    let (text, text_bytes) = store.counted(&piece.text);
    let segment_id = store.text(&piece.segment_id);
    let channel = store.text(piece.channel.as_deref().unwrap_or_default());
    store.keep(ossicle_transcript {
        struct_size: size_of::<ossicle_transcript>() as u32,
        partial: piece.partial.into(),
        begin_ns: ns(piece.begin_s),
        end_ns: ns(piece.end_s),
        service_begin_s: piece.service_begin_s.unwrap_or(-1.0),
        service_end_s: piece.service_end_s.unwrap_or(-1.0),
        segment_id,
        channel,
        text,
        text_bytes,
    })
}

/// The final report of a session.
pub(crate) fn last_report(from: &Report, whose: Whose) -> ossicle_report {
    let mut out = report(from);
    if whose.broken {
        out.status = OSSICLE_INTERNAL;
    }
    out
}

/// The account of a session that lives.
pub(crate) fn report_so_far(from: &Stats, uuid: &str, so_far: Account) -> ossicle_report {
    ossicle_report {
        rate_hz: so_far.rate_hz,
        channels: so_far.channels,
        connections: so_far.connections,
        messages: from.messages,
        wire_bytes: from.wire_bytes,
        signature_age_ms_max: from.signature_age_ms_max,
        transcribed_ns: ns(from.transcribed_s),
        session_uuid: text_of(uuid),
        ..ledger(&from.ledger)
    }
}

/// A report as C has it.
fn report(from: &Report) -> ossicle_report {
    ossicle_report {
        ended: match from.ended {
            Ended::Finished => OSSICLE_ENDED_FINISHED,
            Ended::Paused => OSSICLE_ENDED_PAUSED,
            Ended::Failed => OSSICLE_ENDED_FAILED,
        },
        status: from.failure.as_ref().map_or(Status::Ok, |failure| failure.status) as i32,
        rate_hz: from.rate_hz,
        channels: from.channels.into(),
        connections: from.connections,
        messages: from.messages,
        wire_bytes: from.wire_bytes,
        signature_age_ms_max: from.signature_age_ms_max,
        transcribed_ns: ns(from.transcribed_s),
        session_uuid: text_of(&from.session_id),
        ..ledger(&from.ledger)
    }
}

/// The frames of a report.
fn ledger(from: &Ledger) -> ossicle_report {
    let dropped = |reason| {
        from.dropped_by_reason().filter(|(of, _)| *of == reason).map(|(_, frames)| frames).sum::<u64>()
    };
    ossicle_report {
        captured_frames: from.captured,
        delivered_frames: from.delivered,
        in_flight_frames: from.in_flight,
        held_frames: from.held,
        dropped_frames: from.dropped(),
        dropped_ring_full_frames: dropped(DropReason::RingFull),
        dropped_held_limit_frames: dropped(DropReason::HeldLimit),
        dropped_unproven_frames: dropped(DropReason::Unproven),
        dropped_paused_frames: dropped(DropReason::Paused),
        dropped_muted_frames: dropped(DropReason::Muted),
        dropped_ended_frames: dropped(DropReason::Ended),
        silence_frames: from.silence,
        resent_frames: from.resent,
        ..ossicle_report::defaults()
    }
}

/// A snapshot as C has it.
pub(crate) fn stats(from: &Stats, (pushed, refused): ([u64; 2], [u64; 2])) -> ossicle_session_stats {
    use ossicle_core::State;
    let ledger = &from.ledger;
    let finite = |db: f32| if db.is_finite() { db.max(-120.0) } else { -120.0 };
    ossicle_session_stats {
        state: match from.state {
            State::Opening => OSSICLE_STATE_OPENING,
            State::Streaming => OSSICLE_STATE_STREAMING,
            State::Recovering => OSSICLE_STATE_RECOVERING,
            State::Draining => OSSICLE_STATE_DRAINING,
            State::Paused => OSSICLE_STATE_PAUSED,
            _ => OSSICLE_STATE_CLOSED,
        },
        pushed_frames: pushed,
        refused_frames: refused,
        captured_frames: ledger.captured,
        delivered_frames: ledger.delivered,
        in_flight_frames: ledger.in_flight,
        held_frames: ledger.held,
        dropped_frames: ledger.dropped(),
        silence_frames: ledger.silence,
        resent_frames: ledger.resent,
        messages: from.messages,
        wire_bytes: from.wire_bytes,
        signature_age_ms_max: from.signature_age_ms_max,
        lag_ms: from.lag_ms,
        rtt_ns: from.rtt_ms.map_or(0, |ms| ns(ms / 1_000.0)),
        peak_dbfs: from.peak_dbfs.map(finite),
        reconnects: from.reconnects,
        ..ossicle_session_stats::defaults()
    }
}

fn drop_code(reason: DropReason) -> u32 {
    match reason {
        DropReason::RingFull => OSSICLE_DROP_RING_FULL,
        DropReason::HeldLimit => OSSICLE_DROP_HELD_LIMIT,
        DropReason::Unproven => OSSICLE_DROP_UNPROVEN,
        DropReason::Paused => OSSICLE_DROP_PAUSED,
        DropReason::Muted => OSSICLE_DROP_MUTED,
        _ => OSSICLE_DROP_ENDED,
    }
}

/// The warning's number, and the time that it speaks of.
fn warning_code(warning: &Warning) -> (u32, u64) {
    match warning {
        Warning::KeysExpiring { left_ms } => (OSSICLE_WARNING_KEYS_EXPIRING, *left_ms),
        Warning::ResumeWindowEnding { left_ms } => (OSSICLE_WARNING_RESUME_WINDOW_ENDING, *left_ms),
        Warning::AudioTotalEnding { left_ms } => (OSSICLE_WARNING_AUDIO_TOTAL_ENDING, *left_ms),
        Warning::ClockSkewed { skew_ms } => (OSSICLE_WARNING_CLOCK_SKEWED, skew_ms.unsigned_abs()),
        Warning::LowRate { .. } => (OSSICLE_WARNING_LOW_RATE, 0),
        Warning::SilentMicrophone { .. } => (OSSICLE_WARNING_SILENT_MICROPHONE, 0),
        Warning::Clipping { .. } => (OSSICLE_WARNING_CLIPPING, 0),
        Warning::RateMismatch { .. } => (OSSICLE_WARNING_RATE_MISMATCH, 0),
        Warning::WavHeader => (OSSICLE_WARNING_WAV_HEADER, 0),
        Warning::KeepAlive => (OSSICLE_WARNING_KEEP_ALIVE, 0),
        _ => (OSSICLE_WARNING_OTHER, 0),
    }
}

/// Nanoseconds of seconds; a cast saturates, and what is no number is 0.
fn ns(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

fn frames_ns(frames: u64, rate_hz: u32) -> u64 {
    let ns = u128::from(frames) * 1_000_000_000 / u128::from(rate_hz.max(1));
    u64::try_from(ns).unwrap_or(u64::MAX)
}
