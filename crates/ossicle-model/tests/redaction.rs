//! Types that hold health information do not print it, and no error holds a value.

use std::fmt::Debug;

use ossicle_model::context::sanitise;
use ossicle_model::stream::*;
use ossicle_model::{Date, Phi};

/// Planted where a type keeps health information; letters only, so that it passes patterns.
const PLANTED: &str = "PLANTEDTEXT";

fn assert_hidden(value: &impl Debug) {
    for printed in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!printed.contains(PLANTED), "{printed}");
        assert!(printed.contains("redacted"), "{printed}");
    }
}

fn down(event_type: &str, payload: String) -> DownEvent {
    let kind = DownKind { message_type: Some("event"), event_type: Some(event_type), ..DownKind::default() };
    DownEvent::parse(kind, payload.as_bytes()).unwrap()
}

#[test]
fn events_down_hide_what_was_said() {
    assert_hidden(&down("transcriptEvent", format!(r#"{{"transcriptSegment":{{"content":"{PLANTED}"}}}}"#)));
    let item = format!(r#"{{"itemKey":"{PLANTED}","status":"{PLANTED}"}}"#);
    let checklists = format!(r#"[{{"checklistId":"a","items":[{item}]}}]"#);
    assert_hidden(&down("checklistEvent", format!(r#"{{"snapshotVersion":1,"checklists":{checklists}}}"#)));
    let site = format!(r#"{{"site":"{PLANTED}","probingDepth":9}}"#);
    let review = format!(r#"{{"reason":"{PLANTED}","sites":["{PLANTED}"]}}"#);
    let tooth = format!(r#"{{"toothNumber":1,"missing":false,"sites":[{site}]}}"#);
    let chart = format!(r#"{{"snapshotVersion":1,"teeth":[{tooth}],"reviewItems":[{review}]}}"#);
    assert_hidden(&down("periodontalChartEvent", chart));

    let exception = DownKind {
        message_type: Some("exception"),
        exception_type: Some("validationException"),
        ..DownKind::default()
    };
    let payload = format!(r#"{{"message":"{PLANTED}"}}"#);
    assert_hidden(&DownEvent::parse(exception, payload.as_bytes()).unwrap());
    let error = DownKind { message_type: Some("error"), error_message: Some(PLANTED), ..DownKind::default() };
    assert_hidden(&DownEvent::parse(error, &[]).unwrap());
    assert_hidden(&Phi::new(PLANTED));
}

#[test]
fn configurations_hide_the_encounter_and_the_instructions() {
    let mut configuration = Configuration::history_and_physical("s3://bkt/");
    let coding = MedicalCodingContext {
        sex: Some(Sex::from(PLANTED)),
        status: Some(PatientStatus::from(PLANTED)),
        date_of_birth: Some(PLANTED.into()),
        encounter_type: Some(EncounterType::from(PLANTED)),
        encounter_reason: Some(PLANTED.into()),
        after_hours: Some(true),
        encounter_date: Some(PLANTED.into()),
    };
    assert_hidden(&coding);
    assert_hidden(&Sex::Female);
    assert_hidden(&PatientStatus::from(PLANTED));
    let context =
        EncounterContext { unstructured_context: Some(PLANTED.into()), medical_coding_context: Some(coding) };
    assert_hidden(&context);
    configuration.encounter_context = Some(context);
    let section =
        TemplateSectionInstruction { section_header: PLANTED.into(), section_instruction: PLANTED.into() };
    assert_hidden(&section);
    configuration.post_stream_action_settings.clinical_note_generation_settings.note_template_settings =
        NoteTemplateSettings::CustomTemplate(CustomTemplate {
            template_type: CustomTemplateBase::Dap,
            template_instructions: vec![section],
        });
    assert_hidden(&configuration);

    let error = configuration.validate(Date::new(2026, 1, 1).unwrap()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(PLANTED), "{error:?}");
}

#[test]
fn a_sanitised_text_is_hidden() {
    assert_hidden(&sanitise(PLANTED));
}
