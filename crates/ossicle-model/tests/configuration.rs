//! The configuration of a session: its bytes on the wire and what is refused before sending.

use ossicle_model::ids::{
    DomainId, LanguageCode, MediaEncoding, MediaSampleRate, SessionUuid, SubscriptionId,
};
use ossicle_model::stream::*;
use ossicle_model::{Date, Rule, limits};
use serde_json::{Value, json};

fn today() -> Date {
    Date::new(2026, 1, 15).unwrap()
}

fn captured() -> Value {
    serde_json::from_str(include_str!("vectors/up-events.json")).unwrap()
}

#[test]
fn configurations_equal_the_official_clients_bytes() {
    let mut compared = 0;
    for message in captured()["messages"].as_array().unwrap() {
        let kind = UpKind::from_event_type(message["headers"][":event-type"].as_str().unwrap()).unwrap();
        assert_eq!(message["headers"][":content-type"], kind.content_type());
        assert_eq!(message["headers"][":message-type"], MESSAGE_TYPE_EVENT);
        let Some(payload) = message["payload_utf8"].as_str() else { continue };
        match kind {
            UpKind::Configuration => {
                let configuration = Configuration::from_json(payload.as_bytes()).unwrap();
                configuration.validate(today()).unwrap();
                assert_eq!(String::from_utf8(configuration.to_json()).unwrap(), payload);
                compared += 1;
            }
            UpKind::SessionControl => assert_eq!(payload.as_bytes(), END_OF_SESSION_JSON),
            UpKind::Audio => {
                assert!(payload.as_bytes().starts_with(AUDIO_EVENT_JSON_HEAD));
                assert!(payload.as_bytes().ends_with(AUDIO_EVENT_JSON_TAIL));
            }
            UpKind::BinaryAudio => {}
        }
    }
    assert_eq!(compared, 2);
}

#[test]
fn the_request_equals_the_official_clients() {
    let captured = captured();
    let text = |name: &str| {
        let headers = captured["request_headers"].as_array().unwrap();
        headers.iter().find(|header| header[0] == name).unwrap()[1].as_str().unwrap().to_owned()
    };
    let request = StreamRequest {
        session_id: text(HEADER_SESSION_ID).parse().unwrap(),
        domain_id: text(HEADER_DOMAIN_ID).parse().unwrap(),
        subscription_id: text(HEADER_SUBSCRIPTION_ID).parse().unwrap(),
        language_code: text(HEADER_LANGUAGE_CODE).parse().unwrap(),
        sample_rate: text(HEADER_SAMPLE_RATE).parse().unwrap(),
        media_encoding: text(HEADER_MEDIA_ENCODING).parse().unwrap(),
    };
    let ours: Vec<Value> = request.headers().iter().map(|(name, value)| json!([name, value])).collect();
    assert_eq!(ours, captured["request_headers"].as_array().unwrap()[..6]);
    assert_eq!(captured["path"], STREAM_PATH);
    assert_eq!(text("content-type"), STREAM_CONTENT_TYPE);
}

fn document() -> Value {
    json!({
        "postStreamActionSettings": {
            "outputS3Uri": "s3://bkt/out/",
            "clinicalNoteGenerationSettings": {
                "noteTemplateSettings": {"managedTemplate": {"templateType": "HISTORY_AND_PHYSICAL"}}
            },
            "medicalCodeGenerationSettings": {"enabled": true}
        },
        "channelDefinitions": [
            {"channelId": 0, "participantRole": "CLINICIAN"},
            {"channelId": 1, "participantRole": "PATIENT"}
        ],
        "encounterContext": {
            "unstructuredContext": "Naïve patient, 日本語 notes, 5² kg",
            "medicalCodingContext": {
                "sex": "FEMALE", "status": "NEW", "dateOfBirth": "1980-02-29", "encounterType": "TELEHEALTH",
                "encounterReason": "Cough, fever", "afterHours": false, "encounterDate": "2026-01-16"
            }
        }
    })
}

/// The error of a document with one change, from reading or from checking.
fn refusal(pointer: &str, value: Value) -> String {
    let mut document = document();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(object) => _ = object.insert(name.to_owned(), value),
        Value::Array(entries) => entries[name.parse::<usize>().unwrap()] = value,
        _ => panic!("no parent"),
    }
    let read = Configuration::from_json(document.to_string().as_bytes());
    let error = read.and_then(|configuration| configuration.validate(today())).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
    error.to_string()
}

#[test]
fn what_the_service_would_refuse_is_refused_before_sending() {
    let configuration = Configuration::from_json(document().to_string().as_bytes()).unwrap();
    configuration.validate(today()).unwrap();

    let settings = "/postStreamActionSettings";
    let template = "/postStreamActionSettings/clinicalNoteGenerationSettings/noteTemplateSettings";
    let coding = "/encounterContext/medicalCodingContext";
    let section = json!({"sectionHeader": "A", "sectionInstruction": "b"});
    let long = json!({"sectionHeader": "A", "sectionInstruction": "b".repeat(1024)});
    for (pointer, value, expected) in [
        ("/bogus", json!(1), "bogus: is not a member"),
        (&format!("{settings}/outputS3Uri"), json!("https://SECRET"), "outputS3Uri: must match s3://"),
        (&format!("{settings}/outputS3Uri"), Value::Null, "outputS3Uri: is required"),
        (&format!("{settings}/extra"), json!("SECRET"), "postStreamActionSettings.extra: is not a member"),
        (template, json!({}), "noteTemplateSettings: must have exactly one member"),
        (
            &format!("{template}/managedTemplate"),
            json!({"templateType": "SECRET"}),
            "templateType: must be one of HISTORY",
        ),
        (
            template,
            json!({"customTemplate": {"templateType": "PHYSICAL_SOAP", "templateInstructions": [section]}}),
            "customTemplate.templateType: must be one of",
        ),
        (
            template,
            json!({"customTemplate": {"templateType": "DAP", "templateInstructions": []}}),
            "templateInstructions: must be 1 to 20 entries long, and is 0",
        ),
        (
            template,
            json!({"customTemplate": {"templateType": "DAP", "templateInstructions": vec![&section; 21]}}),
            "templateInstructions: must be 1 to 20 entries long, and is 21",
        ),
        (
            template,
            json!({"customTemplate": {"templateType": "DAP", "templateInstructions": vec![&long; 15]}}),
            "templateInstructions: must be 0 to 15360 bytes long, and is 15375",
        ),
        (
            template,
            json!({"customTemplate": {"templateType": "DAP",
            "templateInstructions": [{"sectionHeader": "SECRET header", "sectionInstruction": "b"}]}}),
            "templateInstructions[0].sectionHeader: must match",
        ),
        (
            "/channelDefinitions",
            json!([{"channelId": 0, "participantRole": "PATIENT"}]),
            "must be 2 entries long, and is 1",
        ),
        ("/channelDefinitions/1/channelId", json!(2), "channelDefinitions[1].channelId: must be from 0 to 1"),
        ("/channelDefinitions/1/channelId", json!(0), "must name channel 0 and channel 1"),
        (
            "/channelDefinitions/0/participantRole",
            json!("SECRET"),
            "participantRole: must be one of PATIENT, CLINICIAN",
        ),
        ("/encounterContext/unstructuredContext", json!("a – SECRET"), "unstructuredContext: "),
        ("/encounterContext/unstructuredContext", json!("é".repeat(10_241)), "bytes long, and is 20482"),
        (
            &format!("{settings}/medicalCodeGenerationSettings/enabled"),
            json!(false),
            "medicalCodingContext: is allowed only",
        ),
        (&format!("{coding}/dateOfBirth"), json!("2026-01-16"), "dateOfBirth: lies too far in the future"),
        (&format!("{coding}/dateOfBirth"), json!("1981-02-29"), "dateOfBirth: must be a day of the calendar"),
        (
            &format!("{coding}/encounterDate"),
            json!("2026-01-17"),
            "encounterDate: lies too far in the future",
        ),
        (&format!("{coding}/encounterReason"), json!("SECRET/1"), "encounterReason: must match"),
        (&format!("{coding}/sex"), json!("SECRET"), "medicalCodingContext.sex: must be one of MALE"),
    ] {
        let refused = refusal(pointer, value);
        assert!(refused.contains(expected), "{pointer}: {refused}");
    }
}

#[test]
fn a_refused_character_is_named_by_position_before_and_after_parsing() {
    let mut configuration = Configuration::history_and_physical("s3://ossicle-demo/");
    configuration.validate(today()).unwrap();
    configuration.encounter_context = Some(EncounterContext {
        unstructured_context: Some("BP 120–80".into()),
        medical_coding_context: None,
    });
    let error = configuration.validate(today()).unwrap_err();
    assert_eq!(error.rule, Rule::Character { position: 6, code_point: 0x2013 });
    assert_eq!(
        error.to_string(),
        "encounterContext.unstructuredContext: holds U+2013 at character 6, which the service refuses; replace it"
    );
}

#[test]
fn ids_and_parameters_are_parsed_once() {
    assert!(DomainId::parse("hai-abcdefghijklmnopq").is_ok());
    assert!(DomainId::parse("dom-abcdefghijklmnop").is_ok());
    for bad in [
        "",
        "hai-abc",
        "hai-abcdefghijklmnopQ",
        "xai-abcdefghijklmnopq",
        "hai-abcdefghijklmnopq\n",
        "hai-abcdefghijklmnopqrstuv",
    ] {
        assert!(DomainId::parse(bad).is_err(), "{bad:?}");
    }
    assert!(SubscriptionId::parse("sub-abcdefghijKLMNOPQRSTU").is_ok());
    assert!(SubscriptionId::parse("sub-abcdefghijKLMNOPQRST").is_err());
    assert!(SessionUuid::parse("0f1e2d3c-4b5a-4789-8abc-def012345678").is_ok());
    for bad in ["0f1e2d3c-4b5a-4789-8abc-def01234567g", "0f1e2d3c4b5a47898abcdef012345678", ""] {
        assert!(SessionUuid::parse(bad).is_err(), "{bad:?}");
    }
    let made = SessionUuid::from_random_bytes([0xff; 16]);
    assert_eq!(made.as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    assert_eq!(SessionUuid::parse(made.as_str()).unwrap(), made);

    assert_eq!("multi".parse::<LanguageCode>().unwrap(), LanguageCode::Multi);
    assert!("en-us".parse::<LanguageCode>().is_err());
    assert_eq!("flac".parse::<MediaEncoding>().unwrap().as_str(), "flac");
    for (rate, good) in [
        ("7999", false),
        ("8000", true),
        ("48000", true),
        ("48001", false),
        ("+8000", false),
        ("", false),
        ("99999999999", false),
    ] {
        assert_eq!(rate.parse::<MediaSampleRate>().is_ok(), good, "{rate}");
    }
    assert_eq!(limits::AUDIO_EVENT_BYTES_MAX, 32_000);
}

#[test]
fn a_document_that_is_not_json_says_where() {
    let error = Configuration::from_json(b"{\n \"SECRET\" 1}").unwrap_err();
    assert_eq!(error.to_string(), "document: is not JSON (line 2, column 11)");
    assert!(Configuration::from_json(&[0xff, 0xfe]).is_err());
}
