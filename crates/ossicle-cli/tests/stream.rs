//! `ossicle stream` and `ossicle emulate`, apart from each other.

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::{CONVERSATION_FRAMES, Emulate, Ran, conversation, decoded, recording, run};

fn run_it(mut command: Command) -> Ran {
    Ran::of(command.output().expect("the command runs"))
}

/// Streams the conversation and compares what was recorded with the file, frame by frame.
fn recorded_equals_the_source(more: &[&str], flags: &[&str]) {
    let dir = tempfile::tempdir().expect("a folder");
    let record = dir.path().to_str().expect("a path");
    let emulate = Emulate::start(&[&["--record", record], more].concat());
    let file = conversation();
    let file = file.to_str().expect("a path");
    let ran = run_it(emulate.stream(&[&[file, "--pace", "max"], flags].concat()));
    let report = ran.report();
    assert_eq!(ran.code, Some(0), "{report} {}", ran.stderr);
    assert_eq!(report["frames"]["delivered"], CONVERSATION_FRAMES);

    let (session, spec, samples) = recording(dir.path());
    assert_eq!((spec.sample_rate, spec.channels, spec.bits_per_sample), (16_000, 2, 16));
    assert_eq!(session["status"], "COMPLETED");
    assert_eq!(session["verified"], true, "{session}");
    assert_eq!(session["messages"], report["messages"]);
    assert_eq!(session["session_id"], report["session_id"]);
    let source = decoded(&conversation());
    assert_eq!(source.len() as u64, CONVERSATION_FRAMES * 2);
    // FLAC may lead with one frame of silence, which the ledger counts apart.
    let lead = report["frames"]["silence"].as_u64().expect("silence") as usize * 2;
    assert!(samples[..lead].iter().all(|sample| *sample == 0));
    assert!(samples[lead..] == source[..], "every sample is the source's");
}

#[test]
fn over_tls_the_recording_equals_the_source() {
    recorded_equals_the_source(&[], &[]);
}

#[test]
fn over_clear_text_the_recording_equals_the_source() {
    recorded_equals_the_source(&["--cleartext"], &[]);
}

#[test]
fn as_flac_the_recording_equals_the_source() {
    recorded_equals_the_source(&[], &["--encoding", "flac"]);
}

#[test]
fn raw_pcm_from_standard_input_arrives_as_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let emulate = Emulate::start(&["--cleartext", "--record", dir.path().to_str().expect("a path")]);
    let source: Vec<i16> = (0..24_000_i32).map(|n| ((n * 7_919) % 30_000 - 15_000) as i16).collect();
    let mut child = emulate
        .stream(&["-", "--rate", "8000", "--channels", "1", "--pace", "max"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let bytes: Vec<u8> = source.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    // Split in the middle of a frame.
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(&bytes[..7_001]).expect("written");
    pipe.flush().expect("flushed");
    pipe.write_all(&bytes[7_001..]).expect("written");
    drop(pipe);
    let ran = Ran::of(child.wait_with_output().expect("its end"));
    let report = ran.report();
    assert_eq!(ran.code, Some(0), "{report} {}", ran.stderr);
    assert_eq!((&report["rate_hz"], &report["channels"]), (&8_000.into(), &1.into()));
    assert_eq!(report["frames"]["captured"], 24_000);
    let (_, spec, samples) = recording(dir.path());
    assert_eq!((spec.sample_rate, spec.channels), (8_000, 1));
    assert!(samples == source, "every sample is the source's");
}

#[test]
fn a_wav_header_in_raw_pcm_is_named() {
    let emulate = Emulate::start(&["--cleartext"]);
    let mut wav = std::io::Cursor::new(Vec::new());
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::new(&mut wav, spec).expect("a writer");
    (0..16_000).for_each(|n: i16| writer.write_sample(n).expect("a sample"));
    writer.finalize().expect("a file");
    let mut child = emulate
        .stream(&["-", "--rate", "16000", "--channels", "1", "--pace", "max"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    child.stdin.take().expect("a pipe").write_all(wav.get_ref()).expect("written");
    let ran = Ran::of(child.wait_with_output().expect("its end"));
    assert!(ran.of_type("warning").any(|line| line["kind"] == "wav_header"), "{}", ran.stdout);
}

#[test]
fn a_session_that_was_left_paused_can_be_resumed_and_finished() {
    let dir = tempfile::tempdir().expect("a folder");
    let emulate = Emulate::start(&["--cleartext", "--record", dir.path().to_str().expect("a path")]);
    let file = conversation();
    let file = file.to_str().expect("a path");
    let ran = run_it(emulate.stream(&[file, "--pace", "max", "--no-end"]));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report = ran.report();
    assert_eq!(report["ended"], "paused");
    assert_eq!(report["frames"]["delivered"], CONVERSATION_FRAMES);
    let id = report["session_id"].as_str().expect("an id").to_owned();

    let ran = run_it(emulate.stream(&[file, "--pace", "max", "--no-end", "--session", &id]));
    assert_eq!((ran.code, &ran.report()["ended"]), (Some(0), &"paused".into()), "{}", ran.stderr);
    let (session, ..) = recording(dir.path());
    assert_eq!(
        (&session["status"], session["connections"].as_array().map(Vec::len)),
        (&"PAUSED".into(), Some(2))
    );

    // The command as it was printed, but for the program's name and its JSON.
    let command =
        ran.stderr.lines().find_map(|line| line.trim().strip_prefix("ossicle ")).expect("the command");
    let mut words: Vec<&str> = command.split(' ').collect();
    words.push("--json");
    let ran = run(&words);
    assert_eq!((ran.code, &ran.report()["ended"]), (Some(0), &"finished".into()), "{}", ran.stderr);
    assert_eq!(ran.report()["frames"]["captured"], 0);
    let (session, ..) = recording(dir.path());
    assert_eq!((&session["status"], &session["verified"]), (&"COMPLETED".into(), &true.into()));
}

#[test]
fn a_whole_configuration_is_sent_as_it_is() {
    let emulate = Emulate::start(&["--cleartext"]);
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("visit.json");
    let json = r#"{"postStreamActionSettings":{"outputS3Uri":"s3://bucket/notes","clinicalNoteGenerationSettings":
        {"noteTemplateSettings":{"managedTemplate":{"templateType":"GIRPP"}}}},
        "encounterContext":{"unstructuredContext":"A follow-up visit."}}"#;
    std::fs::write(&config, json).expect("a file");
    let file = conversation();
    let more =
        [file.to_str().expect("a path"), "--pace", "max", "--config", config.to_str().expect("a path")];
    let ran = run_it(emulate.stream(&more));
    let report = ran.report();
    assert_eq!(ran.code, Some(0), "{report} {}", ran.stderr);
    assert_eq!(report["channels"], 1, "without channelDefinitions the two channels are mixed");
    assert!(ran.stderr.contains("mixed to one"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("follow-up"), "the context is not shown");
}
