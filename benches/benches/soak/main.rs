//! Many hours of audio, accelerated, while connections are lost at random: memory stays flat, every frame is accounted for,
//! no descriptor is left behind, and the emulator verifies every message.
//!
//! ```text
//! cargo bench -p ossicle-benches --bench soak -- --sessions 200 --hours 10     ten hours of audio in each session
//!     --report-s S     seconds between two lines of progress (default 10)
//!     --chunk-ms MS    audio in one message (default 100)
//!     --rate-hz HZ     of the audio (default 16000); less means fewer bytes for an hour
//! ```
//! The service's limits of two hours of audio and five hours of resuming are raised on both sides.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a soak says how it goes")]

#[cfg(target_os = "linux")]
mod peer;
#[cfg(target_os = "linux")]
mod run;

#[cfg(target_os = "linux")]
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        Some(arguments.get(at + 1).unwrap_or_else(|| panic!("{name} needs a value")))
    };
    let number = |name: &str, default: f64| {
        value(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} needs a number")))
    };
    if let Some(sessions) = value(peer::ROLE) {
        return peer::run(sessions.parse().expect("a number of sessions"));
    }
    // `cargo test --benches` builds it and asks for nothing to be run.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let plan = run::Plan {
        sessions: number("--sessions", 200.0) as u32,
        audio_s: number("--hours", 0.05) * 3_600.0,
        report_s: number("--report-s", 10.0),
        chunk_ms: number("--chunk-ms", 100.0) as u32,
        rate_hz: number("--rate-hz", 16_000.0) as u32,
    };
    if let Err(failures) = run::run(&plan) {
        failures.iter().for_each(|failure| println!("FAILED: {failure}"));
        std::process::exit(1);
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the soak reads /proc: Linux only");
}
