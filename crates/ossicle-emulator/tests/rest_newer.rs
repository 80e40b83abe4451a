//! The seven operations that are newer than the official Rust SDK, called with requests of the official signer.

mod common;

use std::time::Duration;

use common::raw::{call, connect};
use common::{DOMAIN, start};
use ossicle_emulator::{Config, Transport};
use serde_json::{Value, json};

const STEP_MS: i64 = 10_000;

fn code(answer: &(u16, Option<String>, Value)) -> (u16, &str) {
    (answer.0, answer.1.as_deref().unwrap_or(""))
}

#[tokio::test]
async fn datasets_live_and_die() {
    let bucket = tempfile::tempdir().expect("a folder");
    let emulator = start(Config {
        tls: Transport::Cleartext,
        bucket_dir: Some(bucket.path().into()),
        job_step: Duration::from_millis(STEP_MS as u64),
        ..Config::default()
    })
    .await;
    let client = connect(emulator.addr()).await;
    let (status, _, domain) = call(&client, "POST", "/domain", json!({"name": "d"})).await;
    assert_eq!(status, 201);
    let domain = domain["domainId"].as_str().expect("an id").to_owned();
    let path = format!("/domains/{domain}/datasets");
    let config =
        |input: &str| json!({"medicalCoding": {"s3InputPath": input, "s3OutputPath": "s3://output/x"}});

    let body = json!({"name": "first", "config": config("s3://input/a"), "clientToken": "t"});
    let (status, _, made) = call(&client, "POST", &path, body.clone()).await;
    assert_eq!(
        (status, made["status"].as_str(), made["type"].as_str()),
        (201, Some("CREATING"), Some("MEDICAL_CODING"))
    );
    assert!(made["createdAt"].is_number());
    assert_eq!(call(&client, "POST", &path, body).await.2, made, "the same token gives the same answer");
    let other = json!({"name": "other", "config": config("s3://input/a"), "clientToken": "t"});
    assert_eq!(code(&call(&client, "POST", &path, other).await), (409, "ConflictException"));
    let own = format!("{path}/{}", made["datasetId"].as_str().expect("an id"));
    assert_eq!(code(&call(&client, "DELETE", &own, Value::Null).await), (409, "ConflictException"));
    let failing = json!({"name": "second", "config": config("s3://missing-bucket/a")});
    let (_, _, failing) = call(&client, "POST", &path, failing).await;
    let failing = format!("{path}/{}", failing["datasetId"].as_str().expect("an id"));

    emulator.clock().set_offset_ms(STEP_MS + 1_000);
    let (status, _, got) = call(&client, "GET", &own, Value::Null).await;
    assert_eq!((status, got["status"].as_str(), got["name"].as_str()), (200, Some("ACTIVE"), Some("first")));
    assert_eq!(got["config"], config("s3://input/a"));
    assert_eq!(got["createdAt"], made["createdAt"]);
    let evaluation = got["artifacts"]["medicalCoding"]["evaluationS3Uri"].as_str().expect("an artefact");
    assert!(bucket.path().join(evaluation.trim_start_matches("s3://")).is_file());
    let (_, _, got) = call(&client, "GET", &failing, Value::Null).await;
    assert_eq!((got["status"].as_str(), got["statusDetails"].is_string()), (Some("CREATE_FAILED"), true));

    let (_, _, page) =
        call(&client, "GET", &format!("{path}?maxResults=1&type=MEDICAL_CODING"), Value::Null).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    let token = page["nextToken"].as_str().expect("a token");
    let next = format!("{path}?maxResults=1&type=MEDICAL_CODING&nextToken={token}");
    let (_, _, page) = call(&client, "GET", &next, Value::Null).await;
    assert_eq!((page["items"][0]["name"].as_str(), page["nextToken"].is_null()), (Some("second"), true));
    let foreign = format!("{path}?nextToken={token}");
    assert_eq!(code(&call(&client, "GET", &foreign, Value::Null).await), (400, "ValidationException"));

    let (status, _, deleted) = call(&client, "DELETE", &own, Value::Null).await;
    assert_eq!((status, deleted["status"].as_str()), (202, Some("DELETING")));
    assert_eq!(call(&client, "GET", &own, Value::Null).await.2["status"], "DELETING");
    emulator.clock().set_offset_ms(2 * STEP_MS + 2_000);
    assert_eq!(code(&call(&client, "GET", &own, Value::Null).await), (404, "ResourceNotFoundException"));
    let (_, _, page) = call(&client, "GET", &path, Value::Null).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    emulator.shutdown().await;
}

#[tokio::test]
async fn coding_jobs_and_feedback() {
    let emulator = start(Config {
        tls: Transport::Cleartext,
        job_step: Duration::from_millis(STEP_MS as u64),
        ..Config::default()
    })
    .await;
    let client = connect(emulator.addr()).await;
    let (_, _, domain) = call(&client, "POST", "/domain", json!({"name": "d"})).await;
    let domain = domain["domainId"].as_str().expect("an id").to_owned();
    let path = format!("/domain/{domain}/medical-coding-job");
    let body = json!({
        "text": "Dry cough – two weeks.",
        "patientContext": {"sex": "FEMALE", "dateOfBirth": "1970-01-02", "insurance": "none"},
        "encounterContext": {"encounterType": "IN_PERSON", "encounterDurationMinutes": 15, "afterHours": false},
        "outputDataConfig": {"s3OutputPath": "s3://output/x"},
    });
    let (status, _, started) = call(&client, "POST", &path, body.clone()).await;
    assert_eq!(status, 200);
    let created = started["creationTime"].as_str().expect("an ISO time");
    assert!(created.ends_with('Z') && created.as_bytes()[10] == b'T', "{created}");
    let own = format!("{path}/{}", started["jobId"].as_str().expect("an id"));
    assert_eq!(call(&client, "GET", &own, Value::Null).await.2["jobStatus"], "SUBMITTED");
    emulator.clock().set_offset_ms(2 * STEP_MS + 1_000);
    let (_, _, job) = call(&client, "GET", &own, Value::Null).await;
    assert_eq!(job["jobStatus"], "SUCCEEDED");
    for (name, value) in body.as_object().expect("members") {
        assert_eq!(&job[name], value, "{name}");
    }
    assert!(job["medicalCodingOutput"]["uri"].as_str().is_some_and(|uri| uri.starts_with("s3://output/x/")));

    for (member, wrong) in [
        ("text", json!("   ")),
        ("encounterContext", json!({"encounterDurationMinutes": 1_441})),
        ("encounterContext", json!({"encounterDate": "2999-01-01"})),
        ("outputDataConfig", json!({})),
        ("outputDataConfig", json!({"s3OutputPath": "http://out"})),
    ] {
        let mut body = body.clone();
        body[member] = wrong;
        let answer = call(&client, "POST", &path, body).await;
        assert_eq!(code(&answer), (400, "ValidationException"), "{member}");
        assert!(answer.2["message"].as_str().is_some_and(|text| text.contains(member)), "{}", answer.2);
    }
    let mut unknown = body.clone();
    unknown["datasetId"] = json!("none");
    assert_eq!(code(&call(&client, "POST", &path, unknown).await), (404, "ResourceNotFoundException"));

    let feedback = json!({
        "artifactSourceId": "0f1e2d3c-4b5a-4789-8abc-def012345678",
        "artifactType": "CLINICAL_DOC",
        "signedArtifactS3Uri": "s3://output/signed.json",
        "comments": "good",
        "clientToken": "t",
    });
    let path = format!("/domain/{domain}/feedback");
    let answer = call(&client, "POST", &path, feedback.clone()).await;
    assert_eq!((answer.0, &answer.2), (202, &json!({})));
    assert_eq!(call(&client, "POST", &path, feedback.clone()).await.0, 202);
    let elsewhere = format!("/domain/{DOMAIN}/feedback");
    assert_eq!(code(&call(&client, "POST", &elsewhere, feedback).await), (404, "ResourceNotFoundException"));
    assert_eq!(code(&call(&client, "POST", &path, Value::Null).await), (400, "ValidationException"));
    assert_eq!(code(&call(&client, "PUT", &path, Value::Null).await).0, 404);
    emulator.shutdown().await;
}
