//! Instructions of the hot path, counted one by one, against counts that are kept in the tree.
//!
//! Time is no gate on a shared machine and virtual ones have no counters, so the processor is stepped through each piece
//! by ptrace: the same program takes the same path, and a count repeats to a few instructions.
//!
//! ```text
//! cargo bench -p ossicle-benches --bench instructions              compares; fails where a count has grown by more than 3 %
//! cargo bench -p ossicle-benches --bench instructions -- --write   keeps the counts of this build
//! ```
//! Counts hold for one compiler and one set of processor features. Under others nothing is judged, and the run says so.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

#[cfg(target_os = "linux")]
mod pieces;
#[cfg(target_os = "linux")]
mod step;

/// How much a count may grow.
#[cfg(target_os = "linux")]
const GROWTH_MAX: f64 = 0.03;

#[cfg(target_os = "linux")]
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == step::ROLE) {
        return pieces::run(arguments.get(at + 1).expect("the name of a piece"));
    }
    // `cargo test --benches` builds it and asks for nothing to be counted.
    if arguments.iter().any(|argument| argument == "--bench") {
        gate(arguments.iter().any(|argument| argument == "--write"));
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("instructions are counted on Linux only");
}

#[cfg(target_os = "linux")]
fn gate(write: bool) {
    use serde_json::{Map, Value, json};
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/counts.json");
    let here = json!({ "rustc": rustc(), "features": features() });
    let known: Value = std::fs::read_to_string(path)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let same = known["build"] == here;
    let overhead = step::count("nothing");
    let mut counts = Map::new();
    let mut grown = Vec::new();
    println!("{:<34} {:>12} {:>12} {:>8}", "instructions", "now", "kept", "change");
    for (name, times) in pieces::PIECES {
        let count = (step::count(name) - overhead) / times;
        let kept = known["counts"][*name].as_u64().filter(|_| same);
        let change = kept.map(|kept| count as f64 / kept as f64 - 1.0);
        let text = change.map_or("-".into(), |change| format!("{:+.2} %", change * 100.0));
        println!("{name:<34} {count:>12} {:>12} {text:>8}", kept.map_or("-".into(), |kept| kept.to_string()));
        if change.is_some_and(|change| change > GROWTH_MAX) {
            grown.push(*name);
        }
        counts.insert((*name).to_owned(), count.into());
    }
    if write {
        let text = serde_json::to_string_pretty(&json!({ "build": here, "counts": counts })).expect("JSON");
        std::fs::write(path, text + "\n").expect("the counts are kept");
        return;
    }
    if !same {
        println!("the counts that are kept are of another compiler or processor: nothing was judged");
    }
    if !grown.is_empty() {
        println!("more than {} % above what is kept: {}", GROWTH_MAX * 100.0, grown.join(", "));
        std::process::exit(1);
    }
}

/// The compiler, as it names itself.
#[cfg(target_os = "linux")]
fn rustc() -> String {
    let output = std::process::Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-V")
        .output();
    output
        .map_or_else(|_| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Processor features that choose a path in what we call.
#[cfg(target_os = "linux")]
fn features() -> Vec<&'static str> {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = info.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has = |feature: &&str| flags.split_whitespace().any(|flag| flag == *feature);
    ["sha_ni", "avx2", "avx512f", "avx512vl", "pclmulqdq", "vpclmulqdq", "erms", "fsrm"]
        .into_iter()
        .filter(has)
        .collect()
}
