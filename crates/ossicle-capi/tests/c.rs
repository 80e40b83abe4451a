//! Programs in C and C++ on the loopback engine: the bundled conversation through a callback, two taps and C++, and
//! everything that can be misused; each also under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ossicle_audio::{FileSource, Samples};
use support::{program, root, run};

const ASAN: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"];

/// The bundled conversation as raw samples, as a sound card would give it.
fn conversation(folder: &Path) -> PathBuf {
    let file = folder.join("conversation.s16");
    let path = root().join("crates/ossicle-cli/assets/conversation.flac");
    let mut source = FileSource::open(&path).expect("the bundled conversation opens");
    let mut bytes = Vec::new();
    while let Some(samples) = source.next_samples().expect("it can be read") {
        let Samples::I16(samples) = samples else { panic!("it has 16 bits") };
        bytes.extend(samples.iter().flat_map(|sample| sample.to_ne_bytes()));
    }
    fs::write(&file, bytes).expect("the folder is ours");
    file
}

fn script() -> PathBuf {
    root().join("crates/ossicle-cli/assets/conversation.json")
}

/// Plays the conversation through a program and holds what it printed against the script.
fn plays(program: &Path, audio: &Path, speed: u32) {
    let printed = run(Command::new(program)
        .arg(audio)
        .arg("--script")
        .arg(script())
        .args(["--speed", &speed.to_string()]));
    let spoken: serde_json::Value = serde_json::from_str(&fs::read_to_string(script()).unwrap()).unwrap();
    let segments = spoken["segments"].as_array().expect("the script has segments");
    assert!(segments.len() > 10);
    for segment in segments {
        let text = segment["text"].as_str().unwrap();
        assert!(printed.contains(text), "{text:?} is missing in\n{printed}");
    }
    assert!(printed.contains("1067600 frames captured, 1067600 delivered, 0 dropped"), "{printed}");
}

#[test]
fn a_callback_in_c_streams_the_conversation() {
    let folder = tempfile::tempdir().unwrap();
    let audio = conversation(folder.path());
    plays(&program("gcc", "c11", "c/examples/callback.c", &[], folder.path()), &audio, 10);
    plays(&program("gcc", "c11", "c/examples/callback.c", &ASAN, folder.path()), &audio, 10);
}

#[test]
fn two_taps_in_c_stream_the_conversation() {
    let folder = tempfile::tempdir().unwrap();
    let audio = conversation(folder.path());
    plays(&program("clang", "c99", "c/examples/two_taps.c", &[], folder.path()), &audio, 10);
    plays(&program("gcc", "c99", "c/examples/two_taps.c", &ASAN, folder.path()), &audio, 10);
}

#[test]
fn a_file_in_cpp_streams_the_conversation() {
    let folder = tempfile::tempdir().unwrap();
    let audio = conversation(folder.path());
    plays(&program("g++", "c++17", "cpp/examples/callback.cpp", &[], folder.path()), &audio, 10);
    plays(
        &program("clang++", "c++20", "cpp/examples/callback.cpp", &["-fno-exceptions"], folder.path()),
        &audio,
        10,
    );
    plays(&program("g++", "c++20", "cpp/examples/callback.cpp", &ASAN, folder.path()), &audio, 10);
}

#[test]
fn misuse_gets_its_documented_status() {
    let folder = tempfile::tempdir().unwrap();
    let plain = program("gcc", "c11", "c/tests/misuse.c", &[], folder.path());
    let printed = run(Command::new(plain).env("OSSICLE_CYCLES", "10000").env("RUST_BACKTRACE", "0"));
    assert!(printed.ends_with("\n0 failures\n"), "{printed}");
    let checked = program("gcc", "c11", "c/tests/misuse.c", &ASAN, folder.path());
    let printed = run(Command::new(checked).env("RUST_BACKTRACE", "0"));
    assert!(printed.ends_with("\n0 failures\n"), "{printed}");
}

#[test]
fn the_types_of_the_cpp_wrapper_behave() {
    let folder = tempfile::tempdir().unwrap();
    for (compiler, standard) in [("g++", "c++17"), ("clang++", "c++20")] {
        let test = program(compiler, standard, "cpp/tests/wrapper.cpp", &[], folder.path());
        assert!(run(&mut Command::new(test)).ends_with("ok\n"));
    }
    let checked = program("g++", "c++20", "cpp/tests/wrapper.cpp", &ASAN, folder.path());
    assert!(run(&mut Command::new(checked)).ends_with("ok\n"));
}
