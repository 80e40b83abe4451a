//! The control plane against an emulator: resources by verb, tables and JSON, waits, questions.

mod common;

use common::{Emulate, Ran, conversation, ossicle};
use serde_json::Value;

struct Service {
    emulate: Emulate,
}

impl Service {
    fn start() -> Self {
        Self { emulate: Emulate::start(&[]) }
    }

    fn run(&self, words: &[&str]) -> Ran {
        let ca = self.emulate.ca.as_deref().expect("an authority");
        let mut arguments = words.to_vec();
        arguments.extend(["--endpoint", &self.emulate.url, "--region", "us-east-1", "--ca", ca]);
        Ran::of(ossicle(&arguments).output().expect("the command runs"))
    }

    /// Runs a command that succeeds; its JSON lines.
    #[track_caller]
    fn json(&self, words: &[&str]) -> Vec<Value> {
        let ran = self.run(&[words, &["--json"]].concat());
        assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.stderr);
        assert_eq!(ran.lines.len(), ran.stdout.lines().count(), "{}", ran.stdout);
        ran.lines
    }

    #[track_caller]
    fn one(&self, words: &[&str]) -> Value {
        let mut lines = self.json(words);
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("{member} in {value}"))
}

#[test]
fn domains_subscriptions_and_tags_live_their_lives() {
    let service = Service::start();
    let domain = service.one(&["domain", "create", "Clinic", "--tag", "ward=3"]);
    let (id, arn) = (text(&domain, "domainId"), text(&domain, "arn"));
    assert_eq!(service.one(&["domain", "get", id])["name"], "Clinic");
    assert_eq!(service.json(&["domain", "list"]).len(), 1);

    assert_eq!(service.json(&["tags", "add", arn, "team=ears"]).len(), 1);
    service.json(&["tags", "remove", arn, "ward", "--yes"]);
    let tags = service.one(&["tags", "list", arn]);
    assert_eq!((text(&tags, "key"), text(&tags, "value")), ("team", "ears"));

    let subscription = service.one(&["subscription", "create", "--domain", id]);
    let sub = text(&subscription, "subscriptionId");
    let status = |verb: &[&str]| {
        let line = service.one(&[&["subscription"], verb, &["--domain", id]].concat());
        text(&line, "status").to_owned()
    };
    assert_eq!(status(&["get", sub]), "ACTIVE");
    assert_eq!(status(&["deactivate", sub, "--yes"]), "INACTIVE");
    assert_eq!(status(&["activate", sub]), "ACTIVE");
    assert_eq!(service.json(&["subscription", "list", "--domain", id]).len(), 1);

    let table = service.run(&["domain", "list"]);
    assert!(table.stdout.starts_with("ID"), "{}", table.stdout);
    assert!(table.stdout.contains("Clinic") && table.stdout.contains(id) && table.stdout.contains("20"));

    let unasked = service.run(&["domain", "delete", id]);
    assert_eq!(unasked.code, Some(2));
    assert!(unasked.sentence().contains("--yes"), "{}", unasked.stderr);
    assert_eq!(service.json(&["domain", "list"]).len(), 1, "nothing was done");
    service.one(&["domain", "delete", id, "--yes"]);
}

#[test]
fn datasets_and_jobs_are_waited_for() {
    let service = Service::start();
    let domain = service.one(&["domain", "create", "Clinic"]);
    let id = text(&domain, "domainId");
    let made = ["dataset", "create", "codes", "--input", "s3://bucket/in", "--output", "s3://bucket/out"];
    let dataset = service.one(&[&made[..], &["--domain", id, "--wait"]].concat());
    assert_eq!(dataset["status"], "ACTIVE");
    let dataset_id = text(&dataset, "datasetId");
    assert_eq!(service.json(&["dataset", "list", "--domain", id]).len(), 1);

    let dir = tempfile::tempdir().expect("a folder");
    let job = dir.path().join("job.json");
    let job_path = job.to_str().expect("a path");
    std::fs::write(
        &job,
        r#"{"text": "Canary: cough for two weeks.", "outputDataConfig": {"s3OutputPath": "s3://bucket/codes"}}"#,
    )
    .expect("a file");
    let waited = service.run(&["coding", "start", "--file", job_path, "--domain", id, "--wait"]);
    assert_eq!(waited.code, Some(0), "{}", waited.stderr);
    assert!(waited.stdout.contains("SUCCEEDED"), "{}", waited.stdout);
    assert!(!waited.stdout.contains("Canary"), "health information is for those who ask for JSON");
    assert!(waited.stderr.contains("0:0"), "progress: {}", waited.stderr);

    let gone = service.one(&["dataset", "delete", dataset_id, "--domain", id, "--yes", "--wait"]);
    assert_eq!(gone["status"], "DELETED");
    let missing = service.run(&["dataset", "get", dataset_id, "--domain", id]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.sentence().contains("ResourceNotFoundException"), "{}", missing.stderr);
}

#[test]
fn jobs_are_shown_and_feedback_is_taken() {
    let service = Service::start();
    let domain = service.one(&["domain", "create", "Clinic"]);
    let within = ["--domain", text(&domain, "domainId")];
    let dir = tempfile::tempdir().expect("a folder");
    let job = |resource: &str, document: &str| {
        let file = dir.path().join(resource);
        std::fs::write(&file, document).expect("a file");
        let path = file.to_str().expect("a path");
        let started = service.one(&[&[resource, "start", "--file", path, "--wait"], &within[..]].concat());
        let id = text(&started, "jobId").to_owned();
        let shown = service.one(&[&[resource, "get", &id], &within[..]].concat());
        assert_eq!((text(&shown, "jobId"), &shown), (id.as_str(), &started), "after the wait nothing moves");
        id
    };
    job(
        "insights",
        r#"{"patientContext": {"patientId": "p-1"}, "insightsContext": {"insightsType": "PRE_VISIT"},
            "encounterContext": {"encounterReason": "A cough"}, "userContext": {"role": "CLINICIAN", "userId": "u-1"},
            "inputDataConfig": {"fhirServer": {"fhirEndpoint": "https://fhir.example/r4"}},
            "outputDataConfig": {"s3OutputPath": "s3://bucket/insights"}}"#,
    );
    let coded = job(
        "coding",
        r#"{"text": "A cough for two weeks.", "outputDataConfig": {"s3OutputPath": "s3://bucket/codes"}}"#,
    );
    let said = ["feedback", "submit", "--source", &coded, "--type", "MEDICAL_CODES"];
    let signed = ["--signed", "s3://bucket/signed.json"];
    let ran = service.run(&[&said[..], &signed, &within].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let wrong = service
        .run(&[&["feedback", "submit", "--source", &coded, "--type", "POEM"], &signed[..], &within].concat());
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    assert!(wrong.sentence().contains("artifactType"), "{}", wrong.stderr);
}

#[test]
fn a_session_is_followed_to_its_documents() {
    let service = Service::start();
    let file = conversation();
    let streamed = service.emulate.stream(&[file.to_str().expect("a path"), "--pace", "max"]).output();
    let streamed = Ran::of(streamed.expect("the command runs"));
    let session = text(streamed.report(), "session_id").to_owned();
    let at = ["--domain", common::DOMAIN, "--subscription", common::SUBSCRIPTION];
    let shown = service.one(&[&["session", "show", &session], &at[..], &["--wait"]].concat());
    assert_eq!(shown["streamStatus"], "COMPLETED");
    let note = &shown["postStreamActionResult"]["clinicalNoteGenerationResult"]["noteResult"];
    assert_eq!(note["status"], "COMPLETED", "{shown}");
}

#[test]
fn wrong_inputs_are_told_before_anything_is_sent() {
    let nobody = ["--endpoint", "http://127.0.0.1:9", "--region", "us-east-1"];
    let run = |words: &[&str]| Ran::of(ossicle(&[words, &nobody[..]].concat()).output().expect("it runs"));
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("job.json");
    let path = file.to_str().expect("a path");
    std::fs::write(&file, r#"{"domainId": "hai-0123456789abcdef0123", "slip": 1}"#).expect("a file");
    let table: [(&[&str], &str); 5] = [
        (&["domain", "get", "x"], "domainId"),
        (&["insights", "start", "--file", path], "slip"),
        (&["insights", "start", "--file", "/nonexistent.json"], "no such file"),
        (&["tags", "add", "arn", "nothing"], "KEY=VALUE"),
        (&["feedback", "submit", "--domain", "hai-0123456789abcdef0123"], "artifact"),
    ];
    for (words, says) in table {
        let ran = run(words);
        assert_eq!(ran.code, Some(2), "{words:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{words:?}: {}", ran.stderr);
    }
    let unreachable = run(&["domain", "list"]);
    assert_eq!(unreachable.code, Some(1));
    assert!(unreachable.sentence().contains("connection refused"), "{}", unreachable.stderr);
}
