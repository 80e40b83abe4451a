//! What can go wrong: one plain sentence, the right exit status, no stack trace.

mod common;

use common::{DOMAIN, Emulate, Ran, SUBSCRIPTION, conversation, ossicle, run};
use ossicle_emulator::{Config, Emulator, Fault, Transport};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;

fn file() -> String {
    conversation().to_str().expect("a path").to_owned()
}

/// The flags of a session at an endpoint.
fn flags<'a>(endpoint: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut flags = vec!["stream", "--json", "--endpoint", endpoint, "--region", "us-east-1"];
    flags.extend(["--domain", DOMAIN, "--subscription", SUBSCRIPTION]);
    flags.extend(more);
    flags
}

/// A wrong call: exit status 2 and nothing on standard output.
#[track_caller]
fn wrong_call(arguments: &[&str], says: &str) {
    let ran = run(arguments);
    assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains(says), "{arguments:?}: {}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

/// A failure: exit status 1, one sentence, and a report with the status.
#[track_caller]
fn fails(ran: &Ran, status: &str, says: &str) {
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.sentence().contains(says), "{}", ran.stderr);
    let report = ran.report();
    assert_eq!(report["error"]["status"], status, "{report}");
    assert!(report["error"]["message"].as_str().is_some_and(|message| message.contains(says)), "{report}");
}

#[test]
fn wrong_calls_are_told_before_anything_is_sent() {
    let file = file();
    let local = "http://127.0.0.1:9";
    wrong_call(&[], "Usage");
    wrong_call(&["stream"], "required");
    wrong_call(&["stream", &file, "--endpoint", local], "--domain");
    wrong_call(&flags(local, &[&file, "--pace", "0"]), "factor");
    wrong_call(&flags(local, &[&file, "--wire-rate", "4000"]), "8,000 to 48,000");
    wrong_call(&flags(local, &[&file, "--wire-rate", "96000"]), "8,000 to 48,000");
    wrong_call(&flags(local, &["-", "--rate", "96000", "--channels", "1"]), "8,000 to 48,000");
    wrong_call(&flags(local, &["-", "--rate", "16000"]), "--channels");
    wrong_call(&flags(local, &["-", "--rate", "16000", "--channels", "3"]), "--map");
    wrong_call(&flags(local, &[&file, "--map", "0,5"]), "channel 5");
    wrong_call(&flags(local, &[&file, "--rate", "16000"]), "raw PCM");
    wrong_call(&flags(local, &[&file, "--template", "HAIKU"]), "HISTORY_AND_PHYSICAL");
    wrong_call(&flags(local, &[&file, "--output-uri", "nowhere"]), "s3://BUCKET");
    wrong_call(&flags(local, &[&file, "--ca", "/nonexistent.pem"]), "no such file");
    wrong_call(&flags(local, &[&file, "--session", "not-a-uuid"]), "session");
    wrong_call(&flags("http://example.com", &[&file]), "loopback only");
    wrong_call(&flags("gopher://127.0.0.1", &[&file]), "https://HOST");
    wrong_call(&flags("https://example.com", &[&file]), "--output-uri");
    wrong_call(&["demo", "--pace", "fast"], "factor");
    wrong_call(&["emulate", "--listen", "nowhere"], "--listen");
    wrong_call(&["emulate", "--listen", "192.0.2.1:0", "--cleartext"], "loopback");
    let no_region = ["stream", &file, "--domain", DOMAIN, "--subscription", SUBSCRIPTION];
    wrong_call(&no_region, "--region");
}

#[test]
fn a_wrong_configuration_is_told_with_the_member_and_the_rule_and_never_the_value() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("visit.json");
    let path = config.to_str().expect("a path").to_owned();
    let file = file();
    let tell = |json: &str, says: &str| {
        std::fs::write(&config, json).expect("a file");
        wrong_call(&flags("http://127.0.0.1:9", &[&file, "--config", &path]), says);
    };
    tell("{", "not JSON");
    tell("{}", "postStreamActionSettings");
    let context = r#"{"postStreamActionSettings":{"outputS3Uri":"s3://bucket/notes","clinicalNoteGenerationSettings":
        {"noteTemplateSettings":{"managedTemplate":{"templateType":"GIRPP"}}}},
        "encounterContext":{"unstructuredContext":"secret-canary 3 €"}}"#;
    tell(context, "U+20AC");
    let ran = run(&flags("http://127.0.0.1:9", &[&file, "--config", &path]));
    assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
}

#[test]
fn files_that_cannot_be_streamed_are_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let make = |name: &str, bytes: &[u8]| -> String {
        let path: PathBuf = dir.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path.to_str().expect("a path").to_owned()
    };
    let tell = |path: &str, says: &str| {
        let ran = run(&flags("http://127.0.0.1:9", &[path]));
        fails(&ran, "BAD_ARGUMENT", says);
        assert_eq!(ran.report()["frames"]["captured"], 0);
    };
    tell("/nonexistent.wav", "no such file");
    tell(dir.path().to_str().expect("a path"), "folder");
    tell(&make("empty.wav", b""), "empty");
    tell(&make("noise.wav", &[0x5a; 4_096]), "no audio file");
    tell(&make("text.txt", b"This is no audio."), "no audio file");
}

#[test]
fn a_broken_file_streams_up_to_the_fault_and_says_where_it_was() {
    let emulate = Emulate::start(&["--cleartext"]);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("cut.flac");
    let whole = std::fs::read(conversation()).expect("the conversation");
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("a file");
    let path = path.to_str().expect("a path");
    let ran = Ran::of(emulate.stream(&[path, "--pace", "max"]).output().expect("the command runs"));
    fails(&ran, "BAD_ARGUMENT", "s after its beginning");
    let report = ran.report();
    assert_eq!(report["ended"], "paused", "END_OF_SESSION is the user's to ask for");
    let frames = &report["frames"];
    assert!(frames["captured"].as_u64().expect("a count") > 400_000, "{frames}");
    assert_eq!(frames["captured"], frames["delivered"]);
    assert!(ran.stderr.contains("ossicle session finish"), "{}", ran.stderr);
}

#[test]
fn an_empty_pipe_is_named() {
    let emulate = Emulate::start(&["--cleartext"]);
    let mut command = emulate.stream(&["-", "--rate", "16000", "--channels", "1"]);
    let ran = Ran::of(command.output().expect("the command runs"));
    fails(&ran, "BAD_ARGUMENT", "standard input is empty");
}

#[test]
fn wrong_and_missing_credentials_are_told_apart() {
    let emulate = Emulate::start(&["--cleartext"]);
    let file = file();
    let stream = |key: Option<&str>, secret: Option<&str>| {
        let mut command = emulate.stream(&[&file]);
        for (name, value) in [("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", secret)] {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Ran::of(command.output().expect("the command runs"))
    };
    fails(&stream(None, None), "NO_KEYS", "no credentials are configured");
    fails(&stream(Some("AKID"), None), "NO_KEYS", "AWS_SECRET_ACCESS_KEY is not");
    let denied = stream(Some("AKIDEXAMPLE"), Some("wrong-canary"));
    fails(&denied, "DENIED", "check the access key");
    assert!(!denied.stderr.contains("canary") && !denied.stdout.contains("canary"));
}

#[test]
fn an_endpoint_that_cannot_be_reached_is_named() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
    let closed = format!("http://127.0.0.1:{port}");
    let file = file();
    let ran = run(&flags(&closed, &[&file, "--patience", "2"]));
    fails(&ran, "UNREACHABLE", "connection refused");
    assert!(ran.sentence().contains(&closed), "{}", ran.stderr);
    let ran = run(&flags(
        "https://no-such-host.invalid",
        &[&file, "--patience", "2", "--output-uri", "s3://bucket/x"],
    ));
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.report()["error"]["status"], "UNREACHABLE", "{}", ran.report());
}

#[test]
fn a_certificate_that_is_not_trusted_is_named() {
    let emulate = Emulate::start(&[]);
    let file = file();
    let ran = run(&flags(&emulate.url, &[&file, "--patience", "5"]));
    fails(&ran, "UNTRUSTED", "--ca");
    // Another authority is none either.
    let other = Emulate::start(&[]);
    let ca = other.ca.clone().expect("an authority");
    let ran = run(&flags(&emulate.url, &[&file, "--patience", "5", "--ca", &ca]));
    fails(&ran, "UNTRUSTED", "--ca");
}

/// A server that answers every connection with these bytes, and reads what comes.
fn server_that_says(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            std::thread::spawn(move || {
                let _ = connection.write_all(bytes);
                let _ = connection.read_to_end(&mut Vec::new());
            });
        }
    });
    url
}

#[test]
fn a_server_that_speaks_no_http2_is_named() {
    let file = file();
    let url = server_that_says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let ran = run(&flags(&url, &[&file, "--patience", "2"]));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.sentence().contains("HTTP/2"), "{}", ran.stderr);
    // TLS towards a port that speaks none.
    let url = url.replace("http://", "https://");
    let ran = run(&flags(&url, &[&file, "--patience", "2"]));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.sentence().contains("TLS"), "{}", ran.stderr);
}

/// Streams to an emulator on which this fault strikes every stream.
async fn against(fault: Fault) -> Ran {
    let emulator = Emulator::start(Config { tls: Transport::Cleartext, ..Config::default() })
        .await
        .expect("an emulator");
    emulator.faults().always(fault);
    let url = emulator.url();
    let ran = tokio::task::spawn_blocking(move || run(&flags(&url, &[&file(), "--patience", "2"])));
    ran.await.expect("the command runs")
}

fn refuse(status: u16, code: &str) -> Fault {
    Fault::Refuse { status, code: code.into(), message: "no".into(), retry_after_ms: None }
}

#[tokio::test(flavor = "current_thread")]
async fn refusals_are_told_apart() {
    let table = [
        (401, "AccessDeniedException", "DENIED", "permission"),
        (402, "ServiceQuotaExceededException", "QUOTA", "quota"),
        (404, "ResourceNotFoundException", "NOT_FOUND", "check the domain"),
        (400, "ValidationException", "REJECTED", "not valid"),
        (429, "ThrottlingException", "THROTTLED", "too many requests"),
        (500, "InternalServerException", "SERVICE_FAILED", "try again later"),
    ];
    for (status, code, name, says) in table {
        fails(&against(refuse(status, code)).await, name, says);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_exception_in_the_stream_is_told() {
    let exception =
        Fault::Exception { after_messages: 3, kind: "validationException".into(), message: "canary".into() };
    let ran = against(exception).await;
    fails(&ran, "REJECTED", "alidationException");
    assert!(
        !ran.stderr.contains("canary") && !ran.stdout.contains("canary"),
        "the service's text may hold anything"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "current_thread")]
async fn bytes_that_are_no_event_stream_end_it_at_once() {
    let faults = [
        Fault::WrongChecksum { after_messages: 2 },
        Fault::Garbage { after_messages: 2 },
        Fault::HugeLength { after_messages: 2 },
        Fault::CutMessage { after_messages: 2 },
    ];
    for fault in faults {
        let name = format!("{fault:?}");
        let emulator = Emulator::start(Config { tls: Transport::Cleartext, ..Config::default() })
            .await
            .expect("an emulator");
        emulator.faults().always(fault);
        let url = emulator.url();
        let ran = tokio::task::spawn_blocking(move || {
            let mut watched = common::Watched::start(ossicle(&flags(&url, &[&file()])));
            let told = watched.until(&["recovering", "report"]);
            assert_eq!(told["error"]["status"], "CORRUPT", "{told}");
            // The session would come back for ever, as the fault does: leave it.
            watched.interrupt();
            watched.until(&["paused", "recovering", "report"]);
            watched.interrupt();
            watched.end()
        });
        let ran = ran.await.expect("the command runs");
        if ran.code == Some(0) {
            // All of it was proven to be delivered before the fault: then a pause is a good end.
            let report = ran.report();
            assert_eq!(
                (&report["ended"], &report["frames"]["dropped"]),
                (&"paused".into(), &0.into()),
                "{name}"
            );
            assert_eq!(report["frames"]["delivered"], report["frames"]["captured"], "{name}");
            continue;
        }
        assert_eq!(ran.code, Some(1), "{name}: {}", ran.stderr);
        ran.sentence();
    }
}
