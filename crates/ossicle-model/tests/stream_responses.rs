//! Replays what the official Rust client received, and what it made of it.

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use aws_smithy_types::event_stream::{HeaderValue, Message};
use bytes::BytesMut;
use ossicle_model::stream::{
    ChecklistItemStatus, DownError, DownEvent, DownKind, ExceptionKind, PeriodontalSiteName,
    TranscriptSegment,
};
use serde_json::Value;

fn vectors() -> Vec<Value> {
    let vectors: Value = serde_json::from_str(include_str!("vectors/stream-responses.json")).unwrap();
    vectors["cases"].as_array().unwrap().clone()
}

fn messages(case: &Value) -> Vec<Message> {
    let hex = case["body_hex"].as_str().unwrap_or_default();
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let mut decoder = MessageFrameDecoder::new();
    let mut segmented = BytesMut::from(bytes.as_slice());
    let mut messages = Vec::new();
    // A frame that cannot be decoded ends the list, as it ends a stream.
    while let Ok(DecodedFrame::Complete(message)) = decoder.decode_frame(&mut segmented) {
        messages.push(message);
    }
    messages
}

fn parse(message: &Message) -> Result<DownEvent, DownError> {
    let header = |name: &str| {
        message.headers().iter().find(|header| header.name().as_str() == name).and_then(|header| match header
            .value()
        {
            HeaderValue::String(text) => Some(text.as_str()),
            _ => None,
        })
    };
    let kind = DownKind {
        message_type: header(":message-type"),
        event_type: header(":event-type"),
        exception_type: header(":exception-type"),
        error_code: header(":error-code"),
        error_message: header(":error-message"),
    };
    DownEvent::parse(kind, message.payload())
}

fn case(name: &str) -> Value {
    vectors().into_iter().find(|case| case["case"] == name).unwrap_or_else(|| panic!("no case {name}"))
}

fn only(name: &str) -> DownEvent {
    parse(&messages(&case(name))[0]).unwrap()
}

/// The official client's `Debug` of the same segment.
fn official_debug(segment: &TranscriptSegment) -> String {
    if *segment == TranscriptSegment::default() {
        return "TranscriptEvent(MedicalScribeTranscriptEvent { transcript_segment: None })".into();
    }
    format!(
        "TranscriptEvent(MedicalScribeTranscriptEvent {{ transcript_segment: Some(MedicalScribeTranscriptSegment {{ \
         segment_id: {:?}, audio_begin_offset: {:?}, audio_end_offset: {:?}, is_partial: {:?}, channel_id: {:?}, \
         content: {:?} }}) }})",
        segment.segment_id,
        segment.audio_begin_offset.map(|offset| offset.seconds()),
        segment.audio_end_offset.map(|offset| offset.seconds()),
        segment.is_partial,
        segment.channel_id,
        segment.content,
    )
}

#[test]
fn every_message_is_understood_as_the_official_client_does() {
    let mut compared = 0;
    for case in vectors() {
        let name = case["case"].as_str().unwrap();
        let sequence = case["recv_sequence"].as_array().cloned().unwrap_or_default();
        for (message, official) in messages(&case).iter().zip(&sequence) {
            let ours = parse(message);
            if let Some(event) = official["event"].as_str() {
                match ours.unwrap_or_else(|error| panic!("{name}: {error}")) {
                    DownEvent::Transcript(segment) => assert_eq!(official_debug(&segment), event, "{name}"),
                    DownEvent::Checklist(_) | DownEvent::PeriodontalChart(_) | DownEvent::Unknown => {
                        assert_eq!(event, "Unknown", "{name}");
                    }
                    other => panic!("{name}: {other:?} instead of {event}"),
                }
            } else {
                let service_error = official["service_error"].as_str();
                let ended = match &ours {
                    Ok(DownEvent::Exception { kind, message }) => {
                        let service_error = service_error.unwrap_or_else(|| panic!("{name}: {kind:?}"));
                        // A payload that is no JSON leaves the official client without the name that its header has.
                        let variant = match kind {
                            _ if name == "exception_non_json_payload" => "Unhandled",
                            ExceptionKind::Validation => "ValidationException",
                            ExceptionKind::InternalFailure => "InternalServerException",
                            _ => "Unhandled",
                        };
                        assert!(service_error.starts_with(variant), "{name}: {service_error}");
                        if let Some(message) = message {
                            let official = format!("message: Some({:?})", message.expose());
                            assert!(service_error.contains(&official), "{name}: {service_error}");
                        }
                        if let (ExceptionKind::Other(code), Some(official)) =
                            (kind, official["code"].as_str())
                        {
                            assert_eq!(code, official, "{name}");
                        }
                        true
                    }
                    Ok(event @ DownEvent::Error { .. }) => {
                        assert!(service_error.is_none(), "{name}");
                        event.ends_stream()
                    }
                    Ok(other) => panic!("{name}: {other:?} instead of {official}"),
                    Err(_) => {
                        assert!(service_error.is_none(), "{name}");
                        true
                    }
                };
                assert!(ended, "{name}");
                compared += 1;
                break;
            }
            compared += 1;
        }
    }
    assert!(compared >= 35, "only {compared} messages were compared");
}

#[test]
fn the_newer_events_are_read_whole() {
    let DownEvent::Checklist(checklist) = only("checklist_event") else { panic!("no checklist") };
    assert_eq!(checklist.snapshot_version, 7);
    assert_eq!(checklist.checklists[0].checklist_id, "HISTORY_AND_PHYSICAL");
    assert_eq!(checklist.checklists[0].items[1].status, ChecklistItemStatus::PartiallyDiscussed);

    let event = only("periodontal_chart_event");
    let DownEvent::PeriodontalChart(chart) = event else { panic!("no chart") };
    assert_eq!(chart.snapshot_version, (1 << 53) + 1, "a 64-bit version loses nothing");
    assert_eq!(chart.teeth[0].sites.as_ref().unwrap()[0].site, PeriodontalSiteName::Mb);
    assert_eq!(chart.teeth[0].sites.as_ref().unwrap()[0].recession, Some(-1));

    // What is written again is what was read, in the service's own names.
    let message = &messages(&case("periodontal_chart_event"))[0];
    let given: Value = serde_json::from_slice(message.payload()).unwrap();
    assert_eq!(serde_json::to_value(&chart).unwrap(), given);
}

#[test]
fn an_error_message_keeps_its_code_and_text() {
    let DownEvent::Error { code, message } = only("error_message_type") else { panic!("no error") };
    assert_eq!(code.as_deref(), Some("InternalError"));
    assert_eq!(message.unwrap().expose(), "An internal server error occurred");
}

fn event(event_type: &str, payload: &str) -> Result<DownEvent, DownError> {
    let kind = DownKind { message_type: Some("event"), event_type: Some(event_type), ..DownKind::default() };
    DownEvent::parse(kind, payload.as_bytes())
}

#[test]
fn unknown_values_survive_and_missing_members_are_named() {
    let text = r#"{"snapshotVersion":1,"checklists":[{"checklistId":"a","items":[{"itemKey":"k","status":"SKIPPED"}]}]}"#;
    let DownEvent::Checklist(checklist) = event("checklistEvent", text).unwrap() else {
        panic!("no checklist")
    };
    assert_eq!(checklist.checklists[0].items[0].status.as_str(), "SKIPPED");
    assert_eq!(serde_json::to_string(&checklist).unwrap(), text);

    let error = event("checklistEvent", r#"{"snapshotVersion":1,"checklists":[{"items":[]}]}"#).unwrap_err();
    let DownError::Payload { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.to_string(), "checklists[0].checklistId: is required");

    let error = event("checklistEvent", "").unwrap_err();
    assert!(error.to_string().contains("snapshotVersion: is required"), "{error}");
}

#[test]
fn wrong_types_are_errors_and_do_not_print_the_value() {
    for (payload, path) in [
        (
            r#"{"transcriptSegment":{"content":["secret words"]}}"#,
            "transcriptSegment.content: must be a string",
        ),
        (r#"{"transcriptSegment":["secret words"]}"#, "transcriptSegment: must be an object"),
        (r#"["secret words"]"#, "document: must be an object"),
        (r#"{"transcriptSegment":{"audioEndOffset":"secret words"}}"#, "audioEndOffset: must be a number"),
        (r#"{"transcriptSegment":{"content":"secret words""#, "document: is not JSON"),
    ] {
        let error = event("transcriptEvent", payload).unwrap_err();
        assert!(error.to_string().contains(path), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    // What is unknown is skipped, however deep.
    let skipped = event("transcriptEvent", &format!("{{\"x\":{deep}}}")).unwrap();
    assert_eq!(skipped, DownEvent::Transcript(TranscriptSegment::default()));
    assert!(event("transcriptEvent", &format!("{{\"transcriptSegment\":{deep}}}")).is_err());
}
