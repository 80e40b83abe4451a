//! Events and reports as JSON: one shape for the command line (`--json`) and the C ABI.
//!
//! The text of a transcript is in here: these lines are results for the application, never log lines.

use crate::event::{Event, Report, Transcript, Warning};
use crate::failure::Failure;
use ossicle_model::stream::{Checklist, PeriodontalChart};
use serde_json::{Map, Value, json};

/// One event as a JSON object with a `type`. `Closed` and `Paused` hold their report under `report`.
#[must_use]
pub fn event(event: &Event) -> Value {
    match event {
        Event::Opened { request_id, rate_hz, channels } => {
            json!({"type": "opened", "request_id": request_id, "rate_hz": rate_hz, "channels": channels})
        }
        Event::Recovering { failure, attempt, retry_in_ms } => json!({
            "type": "recovering", "error": error(failure), "attempt": attempt, "retry_in_ms": retry_in_ms,
        }),
        Event::Recovered { outage_ms, resend_frames } => {
            json!({"type": "recovered", "outage_ms": outage_ms, "resend_frames": resend_frames})
        }
        Event::Transcript(piece) => transcript(piece),
        Event::Checklist(snapshot) => checklist(snapshot),
        Event::PeriodontalChart(snapshot) => chart(snapshot),
        Event::Dropped { reason, first_frame, frames } => json!({
            "type": "dropped", "reason": reason.as_str(), "first_frame": first_frame, "frames": frames,
            "loss": reason.is_loss(),
        }),
        Event::Warning(warning) => warning_line(warning),
        Event::Paused(at) => json!({"type": "paused", "report": report(at)}),
        Event::Resumed => json!({"type": "resumed"}),
        Event::Closed(at) => json!({"type": "closed", "report": report(at)}),
    }
}

/// A report as a JSON object, `type` being `report`.
#[must_use]
pub fn report(report: &Report) -> Value {
    let ledger = &report.ledger;
    let reasons: Map<String, Value> = ledger
        .dropped_by_reason()
        .filter(|(_, frames)| *frames > 0)
        .map(|(reason, frames)| (reason.as_str().to_owned(), frames.into()))
        .collect();
    json!({
        "type": "report",
        "session_id": report.session_id,
        "ended": report.ended.as_str(),
        "error": report.failure.as_ref().map(error),
        "rate_hz": report.rate_hz,
        "channels": report.channels,
        "frames": {
            "captured": ledger.captured,
            "delivered": ledger.delivered,
            "in_flight": ledger.in_flight,
            "held": ledger.held,
            "dropped": ledger.dropped(),
            "lost": ledger.lost(),
            "silence": ledger.silence,
            "resent": ledger.resent,
        },
        "dropped_by_reason": reasons,
        "messages": report.messages,
        "wire_bytes": report.wire_bytes,
        "connections": report.connections,
        "signature_age_ms_max": report.signature_age_ms_max,
        "transcribed_s": report.transcribed_s,
    })
}

/// A failure as a JSON object: the status' name without its prefix, and a sentence.
#[must_use]
pub fn error(failure: &Failure) -> Value {
    json!({
        "status": failure.status.name(),
        "message": failure.to_string(),
        "retryable": failure.status.retryable(),
        "request_id": failure.request_id,
    })
}

fn transcript(piece: &Transcript) -> Value {
    json!({
        "type": "transcript",
        "segment_id": piece.segment_id,
        "begin_s": piece.begin_s,
        "end_s": piece.end_s,
        "channel": piece.channel,
        "partial": piece.partial,
        "text": piece.text,
        "service_begin_s": piece.service_begin_s,
        "service_end_s": piece.service_end_s,
    })
}

fn checklist(snapshot: &Checklist) -> Value {
    tagged("checklist", serde_json::to_value(snapshot))
}

fn chart(snapshot: &PeriodontalChart) -> Value {
    tagged("periodontal_chart", serde_json::to_value(snapshot))
}

/// The service's own object, with our `type` in front of its members.
fn tagged(kind: &str, object: serde_json::Result<Value>) -> Value {
    let mut tagged = Map::new();
    tagged.insert("type".into(), kind.into());
    if let Ok(Value::Object(members)) = object {
        tagged.extend(members);
    }
    Value::Object(tagged)
}

fn warning_line(warning: &Warning) -> Value {
    let (kind, detail) = match warning {
        Warning::KeysExpiring { left_ms } => ("keys_expiring", json!({"left_ms": left_ms})),
        Warning::ResumeWindowEnding { left_ms } => ("resume_window_ending", json!({"left_ms": left_ms})),
        Warning::AudioTotalEnding { left_ms } => ("audio_total_ending", json!({"left_ms": left_ms})),
        Warning::ClockSkewed { skew_ms } => ("clock_skewed", json!({"skew_ms": skew_ms})),
        Warning::LowRate { rate_hz } => ("low_rate", json!({"rate_hz": rate_hz})),
        Warning::SilentMicrophone { channel } => ("silent_microphone", json!({"channel": channel})),
        Warning::Clipping { channel } => ("clipping", json!({"channel": channel})),
        Warning::RateMismatch { declared_hz, measured_hz } => {
            ("rate_mismatch", json!({"declared_hz": declared_hz, "measured_hz": measured_hz}))
        }
        Warning::WavHeader => ("wav_header", json!({})),
        Warning::KeepAlive => ("keep_alive", json!({})),
    };
    json!({"type": "warning", "kind": kind, "message": warning.to_string(), "detail": detail})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Ended;
    use crate::failure::{Cause, Status};

    #[test]
    fn a_report_has_the_members_that_other_tools_rely_on() {
        let failure = Failure {
            status: Status::Denied,
            cause: Cause::Http { status: 401, code: Some("AccessDeniedException".into()) },
            request_id: Some("abc".into()),
        };
        let line = report(&Report::refused("id".into(), failure, 16_000, 1));
        assert_eq!(line["type"], "report");
        assert_eq!(line["ended"], Ended::Failed.as_str());
        assert_eq!(line["error"]["status"], "DENIED");
        for member in ["captured", "delivered", "held", "dropped", "silence", "resent"] {
            assert_eq!(line["frames"][member], 0, "{member}");
        }
        for member in ["messages", "wire_bytes", "connections", "signature_age_ms_max", "rate_hz", "channels"]
        {
            assert!(line[member].is_u64(), "{member}");
        }
    }

    #[test]
    fn a_snapshot_keeps_the_services_own_names() {
        let snapshot: Checklist =
            serde_json::from_str(r#"{"snapshotVersion":9007199254740993,"checklists":[]}"#)
                .expect("a checklist");
        let line = event(&Event::Checklist(snapshot));
        assert_eq!(line["type"], "checklist");
        assert_eq!(line["snapshotVersion"], 9_007_199_254_740_993_i64);
    }
}
