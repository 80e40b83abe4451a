//! What the header promises of each answer.

use std::collections::BTreeSet;
use std::ffi::CStr;

use ossicle_capi::*;

/// Fails unless the status is one of those that the header names.
#[track_caller]
pub(super) fn expect(what: &str, status: ossicle_status, allowed: &[ossicle_status]) {
    assert!(allowed.contains(&status), "{what} returned {status}, not one of {allowed:?}");
}

/// What a failed call says of itself.
pub(super) fn told(status: ossicle_status, error: &ossicle_error) {
    if status != OSSICLE_OK {
        assert_eq!(error.status, status);
        let zero = error.text.iter().position(|byte| *byte == 0).expect("the text ends with a zero");
        assert!(zero > 0, "a failure is told");
    }
}

/// What an event may say, and when.
pub(super) fn heard(over: &mut BTreeSet<u64>, event: &ossicle_event) {
    assert!((OSSICLE_EVENT_OPENED..=OSSICLE_EVENT_LOG).contains(&event.kind));
    for (text, bytes) in [(event.message, event.message_bytes), (event.json, event.json_bytes)] {
        // SAFETY: the header says that texts end with a zero and are never NULL, until the next poll.
        let text = unsafe { CStr::from_ptr(text) };
        assert_eq!(text.count_bytes(), bytes);
        assert!(text.to_str().is_ok(), "texts are UTF-8");
    }
    // SAFETY: what the kind says is there, the others are NULL; borrowed until the next poll.
    let (transcript, checklist, chart, report) = unsafe {
        (event.transcript.as_ref(), event.checklist.as_ref(), event.chart.as_ref(), event.report.as_ref())
    };
    assert_eq!(transcript.is_some(), event.kind == OSSICLE_EVENT_TRANSCRIPT);
    assert_eq!(checklist.is_some(), event.kind == OSSICLE_EVENT_CHECKLIST);
    assert_eq!(chart.is_some(), event.kind == OSSICLE_EVENT_CHART);
    let has_report = matches!(event.kind, OSSICLE_EVENT_PAUSED | OSSICLE_EVENT_CLOSED);
    assert_eq!(report.is_some(), has_report);
    if let Some(report) = report {
        adds_up(report);
    }
    if event.session_id != 0 && event.kind != OSSICLE_EVENT_CALL {
        assert!(!over.contains(&event.session_id), "an event of kind {} after the last one", event.kind);
        if event.kind == OSSICLE_EVENT_CLOSED {
            over.insert(event.session_id);
        }
    }
}

/// Every frame is accounted for.
fn adds_up(report: &ossicle_report) {
    let kept = report.delivered_frames + report.in_flight_frames + report.held_frames + report.dropped_frames;
    assert_eq!(kept, report.captured_frames);
    let dropped = report.dropped_ring_full_frames
        + report.dropped_held_limit_frames
        + report.dropped_unproven_frames
        + report.dropped_paused_frames
        + report.dropped_muted_frames
        + report.dropped_ended_frames;
    assert_eq!(dropped, report.dropped_frames);
}
