//! Runs the simulator over many seeds, or tells one seed's story.
//!
//! `cargo run -p ossicle-sim -- --seeds 1000 [--from 0]`, or `OSSICLE_SEED=42 cargo run -p ossicle-sim` to tell the
//! story of one seed on standard error.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a command's output")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

fn main() -> ExitCode {
    if let Some(seed) = std::env::var("OSSICLE_SEED").ok().and_then(|text| text.parse().ok()) {
        let outcome = ossicle_sim::run(seed, true);
        println!("{:.1} virtual s, {} steps: {:?}", outcome.virtual_s, outcome.steps, outcome.failure);
        return if outcome.failure.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let Some((from, count)) = arguments() else {
        println!("usage: ossicle-sim [--seeds N] [--from S]");
        return ExitCode::from(2);
    };
    let begin = Instant::now();
    let done = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let totals = ossicle_sim::run_many(from, count, threads, &|outcome| {
        if let Some(failure) = &outcome.failure {
            println!("OSSICLE_SEED={} {failure}", outcome.seed);
        }
        let n = done.fetch_add(1, Ordering::Relaxed) + 1;
        if n.is_multiple_of(100) {
            println!("{n} of {count} seeds after {:.0} s", begin.elapsed().as_secs_f64());
        }
    });
    for (kind, count) in totals.coverage.faults() {
        println!("{:24} {count}", format!("{kind:?}"));
    }
    for (asked, state, count) in totals.coverage.commands() {
        println!("{:24} {count}", format!("{asked:?} in {state:?}"));
    }
    println!(
        "{} seeds, {:.1} session-hours, {} faults ({} or more a seed), {} steps, {} failed, {:.1} s",
        totals.seeds,
        totals.session_hours,
        totals.faults,
        totals.fewest_faults,
        totals.steps,
        totals.failures.len(),
        begin.elapsed().as_secs_f64()
    );
    if totals.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `--seeds` and `--from`.
fn arguments() -> Option<(u64, u64)> {
    let (mut from, mut count) = (0, 500);
    let mut rest = std::env::args().skip(1);
    while let Some(name) = rest.next() {
        let value = rest.next()?.parse().ok()?;
        match name.as_str() {
            "--seeds" => count = value,
            "--from" => from = value,
            _ => return None,
        }
    }
    Some((from, count))
}
