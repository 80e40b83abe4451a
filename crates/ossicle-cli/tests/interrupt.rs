//! Ctrl-C: a pause, a report, the command that finishes it, and nothing lost.
#![cfg(unix)]

mod common;

use std::time::{Duration, Instant};

use common::{DOMAIN, Emulate, SUBSCRIPTION, Watched, conversation, ossicle, recording, run};
use serde_json::Value;

#[test]
fn an_interrupt_pauses_delivers_all_that_was_captured_and_says_how_to_finish() {
    let dir = tempfile::tempdir().expect("a folder");
    let emulate = Emulate::start(&["--record", dir.path().to_str().expect("a path")]);
    let file = conversation();
    let mut watched = Watched::start(emulate.stream(&[file.to_str().expect("a path")]));
    watched.until(&["transcript"]);
    watched.interrupt();
    let ran = watched.end();
    let report = ran.report();
    assert_eq!(ran.code, Some(0), "{report} {}", ran.stderr);
    assert_eq!(report["ended"], "paused");
    let captured = report["frames"]["captured"].as_u64().expect("a count");
    assert!(captured > 8_000 && captured < 400_000, "in real time: {captured}");
    assert_eq!(report["frames"]["delivered"], captured);
    assert_eq!(report["frames"]["dropped"], 0);
    let (session, _, samples) = recording(dir.path());
    assert_eq!(samples.len() as u64, captured * 2, "the emulator has all of it");
    assert_eq!(session["status"], "PAUSED");

    let id = report["session_id"].as_str().expect("an id");
    let command =
        ran.stderr.lines().find_map(|line| line.trim().strip_prefix("ossicle ")).expect("the command");
    assert!(command.starts_with(&format!("session finish {id}")), "{command}");
    let mut words: Vec<&str> = command.split(' ').collect();
    words.push("--json");
    let finished = run(&words);
    assert_eq!(
        (finished.code, &finished.report()["ended"]),
        (Some(0), &"finished".into()),
        "{}",
        finished.stderr
    );
    let (session, ..) = recording(dir.path());
    assert_eq!(session["status"], "COMPLETED");
}

#[test]
fn a_second_interrupt_leaves_at_once() {
    // Nobody listens there, so the pause cannot be delivered.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("its address").port()
    };
    let endpoint = format!("http://127.0.0.1:{port}");
    let file = conversation();
    let mut arguments = vec!["stream", "--json", "--endpoint", &endpoint, "--region", "us-east-1"];
    arguments.extend(["--domain", DOMAIN, "--subscription", SUBSCRIPTION, file.to_str().expect("a path")]);
    let mut watched = Watched::start(ossicle(&arguments));
    // The backoffs between these are longer than the file takes to be opened: audio is held by then. A session that has
    // none ends at the first interrupt.
    while watched.until(&["recovering"])["attempt"].as_u64() < Some(4) {}
    watched.interrupt();
    std::thread::sleep(Duration::from_millis(400));
    assert!(watched.child.try_wait().expect("its state").is_none(), "it waits for the service");
    let begun = Instant::now();
    watched.interrupt();
    let ran = watched.end();
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let report = ran.report();
    assert_eq!(report["ended"], "failed");
    assert_eq!(report["frames"]["captured"], report["frames"]["dropped"], "the loss is told");
    ran.sentence();
}

#[test]
fn an_interrupted_emulator_ends_with_its_certificate_taken_away() {
    let mut watched = Watched::start(ossicle(&["emulate", "--listen", "127.0.0.1:0", "--json"]));
    let listening = watched.until(&["listening"]);
    let ca = listening["ca"].as_str().expect("a file").to_owned();
    assert!(std::fs::read_to_string(&ca).expect("the file").contains("BEGIN CERTIFICATE"));
    assert_eq!(listening["dummy_keys"], Value::Null, "the keys came from the environment");
    watched.interrupt();
    let ran = watched.end();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!std::path::Path::new(&ca).exists());
}
