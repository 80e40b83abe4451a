//! Lists page by page, and waiting for what takes time.

mod common;

use std::time::Duration;

use common::*;
use futures_util::TryStreamExt;
use ossicle_control::rest::*;
use ossicle_control::{Error, Finished, WaitError, WaitSettings};
use serde_json::{Value, json};

fn page(names: &[&str], next: Option<&str>) -> Turn {
    let domain = |name: &&str| json!({"domainId":"d","arn":"a","name":name,"status":"ACTIVE","createdAt":1});
    let domains: Vec<Value> = names.iter().map(domain).collect();
    answer(200, &[], &json!({"domains": domains, "nextToken": next}).to_string())
}

#[tokio::test(start_paused = true)]
async fn entries_come_from_all_pages() {
    let script = Script::new([page(&["a", "b"], Some("t1")), page(&[], Some("t&2")), page(&["c"], None)]);
    let items: Vec<DomainSummary> =
        client(&script).domains().list().page_size(2).items().try_collect().await.unwrap();
    assert_eq!(items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    let queries: Vec<String> =
        script.seen().iter().map(|seen| seen.uri().query().unwrap().to_owned()).collect();
    assert_eq!(queries, ["maxResults=2", "maxResults=2&nextToken=t1", "maxResults=2&nextToken=t%262"]);
}

#[tokio::test(start_paused = true)]
async fn pages_are_asked_for_as_they_are_consumed() {
    let script = Script::new([page(&["a"], Some("t1")), page(&["b"], None)]);
    let mut pages = client(&script).domains().list().pages();
    assert!(script.seen().is_empty());
    pages.try_next().await.unwrap().unwrap();
    assert_eq!(script.seen().len(), 1);
    pages.try_next().await.unwrap().unwrap();
    assert!(pages.try_next().await.unwrap().is_none());
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_list_ends_with_an_error_or_a_token_that_leads_to_itself() {
    let script = Script::new([
        page(&["a"], Some("t1")),
        answer(400, &[("x-amzn-errortype", "ValidationException")], ""),
    ]);
    let mut items = client(&script).domains().list().items();
    assert!(items.try_next().await.unwrap().is_some());
    assert!(matches!(items.try_next().await, Err(Error::Service(_))));
    assert!(items.try_next().await.unwrap().is_none());

    let script = Script::new([page(&["a"], Some("t"))]);
    let error = client(&script).domains().list().items().try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, Error::Answer { .. }), "{error}");
    assert_eq!(script.seen().len(), 2);
    let script = Script::new([page(&["a"], Some(""))]);
    assert_eq!(client(&script).domains().list().items().try_collect::<Vec<_>>().await.unwrap().len(), 1);
}

fn job(status: &str) -> Turn {
    let job = json!({"jobId":"j","jobArn":"a","jobStatus":status,"text":"t","outputDataConfig":{"s3OutputPath":"s3://b"}});
    answer(200, &[], &job.to_string())
}

fn coding_job() -> GetMedicalCodingJobInput {
    GetMedicalCodingJobInput::new("hai-abcdefghijklmnopq", "j")
}

#[tokio::test(start_paused = true)]
async fn a_job_is_waited_for_with_growing_delays() {
    let statuses =
        ["SUBMITTED", "IN_PROGRESS", "REVIEWING", "IN_PROGRESS", "IN_PROGRESS", "IN_PROGRESS", "SUCCEEDED"];
    let script = Script::new(statuses.map(job));
    let mut told = Vec::new();
    let progress = |progress: ossicle_control::Progress<'_, GetMedicalCodingJobOutput>| {
        told.push((progress.polls, progress.latest.unwrap().job_status.as_str().to_owned()));
    };
    let done = client(&script)
        .wait_for_medical_coding_job(coding_job(), &WaitSettings::default(), progress)
        .await
        .unwrap();
    assert!(matches!(done, Finished::Succeeded(job) if job.job_status == JobStatus::Succeeded));
    assert_eq!(told.iter().map(|(_, status)| status.as_str()).collect::<Vec<_>>(), statuses);
    assert_eq!(told.last().unwrap().0, 7);
    let seconds: Vec<u64> = script.times().iter().map(|time| time.as_secs_f64().round() as u64).collect();
    assert_eq!(seconds, [0, 1, 3, 7, 15, 30, 45]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_job_is_no_success_and_a_failure_in_passing_is_none() {
    let settings = WaitSettings::default();
    let script = Script::new([
        job("SUBMITTED"),
        answer(503, &[], ""),
        answer(503, &[], ""),
        answer(503, &[], ""),
        job("FAILED"),
    ]);
    let mut blanks = 0;
    let done = client(&script)
        .wait_for_medical_coding_job(coding_job(), &settings, |progress| {
            blanks += u32::from(progress.latest.is_none())
        })
        .await
        .unwrap();
    assert!(!done.is_success());
    assert_eq!(blanks, 1);

    let script = Script::new([answer(404, &[("x-amzn-errortype", "ResourceNotFoundException")], "")]);
    let error =
        client(&script).wait_for_medical_coding_job(coding_job(), &settings, |_| ()).await.unwrap_err();
    assert!(matches!(error, WaitError::Call(_)));
    assert_eq!(script.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_in_time() {
    let script = Script::new([job("SUBMITTED")]);
    let settings = WaitSettings { timeout: Duration::from_secs(60), ..WaitSettings::default() };
    let began = tokio::time::Instant::now();
    let error =
        client(&script).wait_for_medical_coding_job(coding_job(), &settings, |_| ()).await.unwrap_err();
    assert!(matches!(error, WaitError::TimedOut { polls: 8, last: None, .. }), "{error:?}");
    assert!(began.elapsed() <= settings.timeout);
}

fn dataset(status: &str) -> Turn {
    let dataset = json!({"arn":"a","datasetId":"d","name":"n","type":"MEDICAL_CODING","status":status,"createdAt":1,
        "updatedAt":1,"config":{"medicalCoding":{"s3InputPath":"s3://b","s3OutputPath":"s3://b"}}});
    answer(200, &[], &dataset.to_string())
}

#[tokio::test(start_paused = true)]
async fn datasets_are_waited_for() {
    let settings = WaitSettings::default();
    let input = || GetDatasetInput::new("hai-abcdefghijklmnopq", "d1");
    for (statuses, success) in [(["CREATING", "ACTIVE"], true), (["CREATING", "CREATE_FAILED"], false)] {
        let script = Script::new(statuses.map(dataset));
        let done = client(&script).wait_for_dataset(input(), &settings, |_| ()).await.unwrap();
        assert_eq!(done.is_success(), success);
    }
    let gone = answer(404, &[("x-amzn-errortype", "ResourceNotFoundException")], "");
    for (last, expected) in [(gone, true), (dataset("DELETED"), true), (dataset("DELETE_FAILED"), false)] {
        let script = Script::new([dataset("ACTIVE"), dataset("DELETING"), last]);
        let done = client(&script).wait_for_dataset_deletion(input(), &settings, |_| ()).await.unwrap();
        assert_eq!(done.is_success(), expected);
        assert_eq!(done.into_inner().is_none(), expected);
    }
}

fn session(status: &str, codes: bool, documents: &[(&str, &str, &str)]) -> Turn {
    let mut details = json!({"streamStatus": status, "postStreamActionSettings": {"outputS3Uri": "s3://b",
        "clinicalNoteGenerationSettings": {}, "medicalCodeGenerationSettings": {"enabled": codes}}});
    for (part, name, status) in documents {
        details["postStreamActionResult"][part][name] = json!({"status": status});
    }
    answer(200, &[], &json!({"medicalScribeListeningSessionDetails": details}).to_string())
}

#[tokio::test(start_paused = true)]
async fn a_sessions_documents_are_waited_for() {
    let notes = "clinicalNoteGenerationResult";
    let codes = ("medicalCodeGenerationResult", "medicalCodesResult");
    let note = |status| (notes, "noteResult", status);
    let transcript = |status| (notes, "transcriptResult", status);
    let input = || {
        let session = "0f1e2d3c-4b5a-4789-8abc-def012345678";
        GetMedicalScribeListeningSessionInput::new(
            session,
            "hai-abcdefghijklmnopq",
            "sub-abcdefghijKLMNOPQRSTU",
        )
    };
    let settings = WaitSettings::default();
    let script = Script::new([
        session("PAUSED", false, &[]),
        session("IN_PROGRESS", false, &[]),
        session("COMPLETED", false, &[]),
        session("COMPLETED", false, &[note("PENDING"), transcript("IN_PROGRESS")]),
        session("COMPLETED", false, &[note("SKIPPED"), transcript("COMPLETED")]),
    ]);
    let done = client(&script).wait_for_session_documents(input(), &settings, |_| ()).await.unwrap();
    assert!(done.is_success());
    assert_eq!(script.seen().len(), 5);

    let finished = session("COMPLETED", true, &[note("FAILED"), (codes.0, codes.1, "COMPLETED")]);
    let script = Script::new([session("COMPLETED", true, &[note("FAILED")]), finished]);
    let done = client(&script).wait_for_session_documents(input(), &settings, |_| ()).await.unwrap();
    assert!(!done.is_success(), "a document failed");
    assert_eq!(script.seen().len(), 2, "the codes were waited for");

    let script = Script::new([session("FAILED", false, &[])]);
    let done = client(&script).wait_for_session_documents(input(), &settings, |_| ()).await.unwrap();
    assert!(!done.is_success());
    let details = done.into_inner().medical_scribe_listening_session_details.unwrap();
    assert!(ossicle_control::wait::session_documents(&details).is_empty());
}
