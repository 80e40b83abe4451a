//! REST shapes: what survives, what is refused, what is hidden.

use ossicle_model::rest::*;
use ossicle_model::shape::Shaped;
use ossicle_model::validate::{self, Strictness};
use serde_json::{Value, json};

const PLANTED: &str = "PLANTEDTEXT";

#[test]
fn unknown_values_survive_and_missing_members_are_named() {
    let body = json!({"domainId":"d","arn":"a","name":"n","status":"HIBERNATING","createdAt":1_768_472_430.123,"new":[1]});
    let domain = GetDomainOutput::read(body.to_string().as_bytes()).unwrap();
    assert_eq!(domain.status.as_str(), "HIBERNATING");
    assert_eq!(domain.created_at.unix_ms(), 1_768_472_430_123);
    for (body, message) in [
        ("{}", "domainId: is required"),
        ("", "domainId: is required"),
        (r#"{"domainId":"d","arn":"a","name":null,"status":"ACTIVE","createdAt":1}"#, "name: is required"),
        (
            r#"{"domainId":"d","arn":"a","name":"n","status":"ACTIVE","createdAt":"2026-01-15T10:20:30Z"}"#,
            "createdAt: must be a number of seconds since 1970",
        ),
        (
            r#"{"domainId":"d","arn":"a","name":"n","status":"ACTIVE","createdAt":1,"encryptionContext":{}}"#,
            "encryptionContext.encryptionType: is required",
        ),
        ("{", "document: is not JSON (line 1, column 1)"),
        ("[]", "document: must be an object"),
    ] {
        assert_eq!(GetDomainOutput::read(body.as_bytes()).unwrap_err().to_string(), message);
    }
}

#[test]
fn timestamps_are_read_in_both_forms() {
    for (number, ms) in [
        ("1.768472430123E9", 1_768_472_430_123),
        ("-1.5", -1_500),
        ("0", 0),
        ("1768472431", 1_768_472_431_000),
    ] {
        let body =
            format!(r#"{{"domainId":"d","arn":"a","name":"n","status":"ACTIVE","createdAt":{number}}}"#);
        assert_eq!(GetDomainOutput::read(body.as_bytes()).unwrap().created_at.unix_ms(), ms);
    }
    for (text, ms) in [
        ("2026-01-15T10:20:30Z", 1_768_472_430_000),
        ("2026-01-15T10:20:30.5Z", 1_768_472_430_500),
        ("2026-01-15T11:20:30.123456+01:00", 1_768_472_430_123),
    ] {
        let body = json!({"jobArn": "a", "jobId": "j", "creationTime": text}).to_string();
        let output = StartMedicalCodingJobOutput::read(body.as_bytes()).unwrap();
        assert_eq!(output.creation_time.unwrap().unix_ms(), ms);
    }
    let body = json!({"jobArn": "a", "jobId": "j", "creationTime": 1}).to_string();
    let error = StartMedicalCodingJobOutput::read(body.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "creationTime: must be a time such as 2026-01-15T10:20:30Z");
    let time = StartMedicalCodingJobOutput::read(
        br#"{"jobArn":"a","jobId":"j","creationTime":"2026-01-15T10:20:30.5Z"}"#,
    );
    assert_eq!(time.unwrap().creation_time.unwrap().to_string(), "2026-01-15T10:20:30.500Z");
}

#[test]
fn a_union_has_one_member() {
    let read = |config: Value| serde_json::from_value::<DatasetConfig>(config);
    let medical = json!({"s3InputPath": "s3://bkt/in", "s3OutputPath": "s3://bkt/out"});
    assert!(matches!(read(json!({"medicalCoding": medical})).unwrap(), DatasetConfig::MedicalCoding(_)));
    assert_eq!(read(json!({"future": {"a": 1}})).unwrap(), DatasetConfig::Unknown("future".into()));
    assert!(matches!(
        read(json!({"future": null, "medicalCoding": medical})).unwrap(),
        DatasetConfig::MedicalCoding(_)
    ));
    assert!(read(json!({})).is_err());
    assert!(read(json!({"future": {}, "medicalCoding": medical})).is_err());
}

fn refused<T: Shaped + serde::Serialize>(input: &T) -> String {
    let value = serde_json::to_value(input).unwrap();
    let error = validate::value(&value, T::SHAPE, Strictness::Request).unwrap_err();
    assert!(!format!("{error}{error:?}").contains(PLANTED));
    error.to_string()
}

#[test]
fn inputs_are_checked_with_path_and_rule() {
    let long = "x".repeat(65);
    assert_eq!(refused(&CreateDomainInput::new(long)), "name: must be 1 to 64 characters long, and is 65");
    assert_eq!(
        refused(&GetDomainInput::new("hai-abc")),
        "domainId: must be 20 to 25 characters long, and is 7"
    );
    assert_eq!(
        refused(&GetDomainInput::new("hai-ABCDEFGHIJKLMNOPQ")),
        "domainId: must match (hai-|dom-)[a-z0-9]+"
    );
    let input = ListDomainsInput { max_results: Some(101), ..Default::default() };
    assert_eq!(refused(&input), "maxResults: must be from 1 to 100");
    let input = ListDomainsInput { status: Some(PLANTED.into()), ..Default::default() };
    assert_eq!(refused(&input), "status: must be one of ACTIVE, DELETING, DELETED");
    assert_eq!(
        refused(&UntagResourceInput::new("arn", Vec::new())),
        "tagKeys: must be 1 to 50 entries long, and is 0"
    );
    let keys = vec!["a".to_owned(), String::new()];
    assert_eq!(
        refused(&UntagResourceInput::new("arn", keys)),
        "tagKeys[1]: must be 1 to 128 characters long, and is 0"
    );
    let output = MedicalCodingOutputDataConfig::new("s3://bkt/out");
    let mut input = StartMedicalCodingJobInput::new("hai-abcdefghijklmnopq", "  \n", output);
    assert!(refused(&input).starts_with("text: must match"));
    input.text = "Note".into();
    input.patient_context =
        Some(MedicalCodesPatientContext { date_of_birth: Some(PLANTED.into()), ..Default::default() });
    assert!(refused(&input).starts_with("patientContext.dateOfBirth: must match"));
}

#[test]
fn health_information_and_tokens_are_hidden() {
    let fhir = FhirServer { oauth_token: Some(PLANTED.into()), ..FhirServer::new("https://fhir.example/") };
    let patient = PatientInsightsPatientContext {
        date_of_birth: Some(PLANTED.into()),
        pronouns: Some(PLANTED.into()),
        ..PatientInsightsPatientContext::new(PLANTED)
    };
    let input = StartPatientInsightsJobInput::new(
        "hai-abcdefghijklmnopq",
        patient,
        InsightsContext::new("PRE_VISIT"),
        PatientInsightsEncounterContext::new(PLANTED),
        UserContext::new("CLINICIAN", PLANTED),
        InputDataConfig { fhir_server: Some(fhir), s3_sources: None },
        OutputDataConfig::new("s3://bkt/out"),
    );
    let mut coding =
        StartMedicalCodingJobInput::new("hai-a", PLANTED, MedicalCodingOutputDataConfig::new("s3://b"));
    coding.patient_context =
        Some(MedicalCodesPatientContext { insurance: Some(PLANTED.into()), ..Default::default() });
    coding.encounter_context =
        Some(MedicalCodesEncounterContext { encounter_reason: Some(PLANTED.into()), ..Default::default() });
    let mut feedback = SubmitFeedbackInput::new("hai-a", "id", "CLINICAL_DOC", "s3://b");
    feedback.comments = Some(PLANTED.into());
    let artefact = ArtifactDetails { failure_reason: Some(PLANTED.into()), ..Default::default() };
    let dataset = json!({"arn":"a","datasetId":"d","name":"n","type":"MEDICAL_CODING","status":"ACTIVE","createdAt":1,
        "updatedAt":1,"statusDetails":PLANTED});
    let dataset: DatasetSummary = serde_json::from_value(dataset).unwrap();
    let job = json!({"jobId":"j","jobArn":"a","jobStatus":"FAILED","text":PLANTED,"statusDetails":PLANTED,
        "outputDataConfig":{"s3OutputPath":"s3://b"}});
    let job: GetMedicalCodingJobOutput = serde_json::from_value(job).unwrap();
    let all: [&dyn std::fmt::Debug; 6] = [&input, &coding, &feedback, &artefact, &dataset, &job];
    for value in all {
        for printed in [format!("{value:?}"), format!("{value:#?}")] {
            assert!(!printed.contains(PLANTED), "{printed}");
            assert!(printed.contains("<redacted>"), "{printed}");
        }
    }
    assert!(format!("{input:?}").contains("s3://bkt/out"), "what is no secret is printed");
}

#[test]
fn labels_and_days_are_checked_beyond_their_shapes() {
    let today = ossicle_model::Date::new(2026, 1, 15).unwrap();
    let refused = |value: Value, operation| {
        validate::request(&value, operation, today).map_err(|error| error.to_string())
    };
    let tags = ListTagsForResourceInput::OPERATION;
    for label in ["", ".", ".."] {
        let error = refused(json!({"resourceArn": label}), tags).unwrap_err();
        assert!(error.starts_with("resourceArn: goes into the path"), "{error}");
    }
    assert_eq!(refused(json!({"resourceArn": "..."}), tags), Ok(()));
    let job = |born: &str, met: &str| {
        json!({"domainId": "hai-abcdefghijklmnopq", "text": "n", "outputDataConfig": {"s3OutputPath": "s3://bkt/out"},
            "patientContext": {"dateOfBirth": born}, "encounterContext": {"encounterDate": met}})
    };
    let coding = StartMedicalCodingJobInput::OPERATION;
    assert_eq!(refused(job("2026-01-15", "2026-01-16"), coding), Ok(()));
    let error = refused(job("2026-01-16", "2026-01-16"), coding).unwrap_err();
    assert_eq!(error, "patientContext.dateOfBirth: lies too far in the future");
    let error = refused(job("2026-01-15", "2026-01-17"), coding).unwrap_err();
    assert_eq!(error, "encounterContext.encounterDate: lies too far in the future");
}
