//! `ossicle demo`, as the README's first command runs it.

mod common;

use common::{CONVERSATION_FRAMES, run};
use serde_json::Value;

fn script_texts() -> Vec<String> {
    let script: Value =
        serde_json::from_str(include_str!("../assets/conversation.json")).expect("the script");
    let segments = script["segments"].as_array().expect("segments");
    segments.iter().map(|segment| segment["text"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn every_frame_is_delivered_and_every_message_verified() {
    let ran = run(&["demo", "--json", "--pace", "10"]);
    let report = ran.report();
    assert_eq!(ran.code, Some(0), "{report} {}", ran.stderr);
    assert_eq!((&report["ended"], &report["error"]), (&"finished".into(), &Value::Null));
    let frames = &report["frames"];
    assert_eq!(frames["captured"], CONVERSATION_FRAMES);
    assert_eq!(frames["delivered"], CONVERSATION_FRAMES);
    for none in ["held", "in_flight", "dropped", "silence", "resent"] {
        assert_eq!(frames[none], 0, "{none}");
    }
    let emulator = &report["emulator"];
    assert_eq!(emulator["messages"], report["messages"]);
    assert_eq!(emulator["verified"], report["messages"]);
    // A configuration, 668 chunks of a tenth of a second, the end of the session, the empty message.
    assert!(report["messages"].as_u64().expect("messages") > 600);

    let finals: Vec<&Value> = ran.of_type("transcript").filter(|line| line["partial"] == false).collect();
    let texts: Vec<&str> = finals.iter().map(|line| line["text"].as_str().expect("a text")).collect();
    assert_eq!(texts, script_texts());
    assert!(finals.iter().any(|line| line["channel"] == "ch_0"));
    assert!(finals.iter().any(|line| line["channel"] == "ch_1"));
    assert!(ran.of_type("transcript").any(|line| line["partial"] == true));
    assert_eq!(ran.lines[0]["type"], "opened");
    assert_eq!(ran.lines[0]["session_id"], report["session_id"]);
}

#[test]
fn an_outage_in_mid_sentence_loses_nothing() {
    let ran = run(&["demo", "--json", "--pace", "10", "--outage"]);
    let report = ran.report();
    assert_eq!(ran.code, Some(0), "{report} {}", ran.stderr);
    assert_eq!(ran.of_type("recovered").count(), 1);
    assert!(ran.of_type("recovering").count() >= 1);
    assert_eq!(report["connections"], 2);
    assert_eq!(report["frames"]["captured"], CONVERSATION_FRAMES);
    assert_eq!(report["frames"]["delivered"], CONVERSATION_FRAMES);
    assert_eq!(report["emulator"]["problems"], serde_json::json!([]));
    let finals = ran.of_type("transcript").filter(|line| line["partial"] == false);
    let texts: Vec<&str> = finals.map(|line| line["text"].as_str().expect("a text")).collect();
    assert_eq!(texts, script_texts());
}

#[test]
fn plain_output_has_no_escapes_and_the_verdict() {
    let ran = run(&["demo", "--pace", "100"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!ran.stdout.contains('\u{1b}'), "no escapes when nobody watches");
    assert!(ran.stdout.contains("signatures and checksums verified"));
    assert!(ran.stdout.contains("Clinician: Good morning. What brings you in today?"));
}
