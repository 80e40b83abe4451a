//! Compares what was counted with what is kept.

use crate::pieces;
use crate::step::{self, Count};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::process::{Command, ExitCode};

/// How much a count may grow.
const GROWTH_MAX: f64 = 0.03;
/// The same where another compiler made the code: what an inliner decides differently, and nothing grosser.
const GROWTH_MAX_OTHER_COMPILER: f64 = 0.20;
/// What the planted regression adds to a piece. The gate has to see it.
const PLANTED: f64 = 0.04;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/instructions/counts.json");

/// What was counted, and where.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Counts {
    /// The compiler, as it names itself.
    rustc: String,
    /// Processor features and C library, which choose code in what we call.
    machine: Vec<String>,
    pieces: BTreeMap<String, Count>,
}

pub(crate) fn run(write: bool) -> ExitCode {
    let counts = count_all();
    if write {
        let text = serde_json::to_string_pretty(&counts).expect("JSON");
        std::fs::write(KEPT, text + "\n").expect("the counts are kept");
        return ExitCode::SUCCESS;
    }
    let kept = std::fs::read_to_string(KEPT).expect("the counts that are kept");
    let kept: Counts = serde_json::from_str(&kept).expect("the counts that are kept");
    let grown = compare(&kept, &counts);
    if !sees_planted(&counts) {
        println!("a planted regression of {} % was not seen: the gate does not work", PLANTED * 100.0);
        return ExitCode::FAILURE;
    }
    if grown.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("grown by too much: {}", grown.join(", "));
    ExitCode::FAILURE
}

fn count_all() -> Counts {
    let nothing = step::count(pieces::NOTHING);
    let count = |name: &str, times| step::count(name).each(nothing, times);
    let counted = pieces::PIECES.iter().map(|(name, times)| ((*name).to_owned(), count(name, *times)));
    Counts { rustc: rustc(), machine: machine(), pieces: counted.collect() }
}

/// Prints the table and names what has grown by too much.
fn compare(kept: &Counts, now: &Counts) -> Vec<String> {
    let bound = if kept.rustc == now.rustc { GROWTH_MAX } else { GROWTH_MAX_OTHER_COMPILER };
    let same_machine = kept.rustc == now.rustc && kept.machine == now.machine;
    let mut grown = Vec::new();
    println!("{:<36} {:>16} {:>14} {:>16}", "", "own code", "calls", "all");
    for (name, count) in &now.pieces {
        let Some(before) = kept.pieces.get(name) else {
            grown.push(format!("{name} (nothing is kept: run with --write)"));
            continue;
        };
        let all_bound = if same_machine { bound } else { f64::INFINITY };
        let judged = [
            ("own code", count.own, before.own, bound),
            ("calls", count.calls, before.calls, bound),
            ("all", count.all, before.all, all_bound),
        ];
        let mut line = format!("{name:<36}");
        for ((what, now, before, bound), width) in judged.into_iter().zip([16, 14, 16]) {
            let growth = growth(now, before);
            let text = format!("{now} {:+.1} %", growth * 100.0);
            line += &format!(" {text:>width$}");
            if growth > bound {
                grown.push(format!("{name}, {what}: {before} before, {now} now"));
            }
        }
        println!("{line}");
    }
    println!("a count may grow by {:.0} %", bound * 100.0);
    if kept.rustc != now.rustc {
        println!("the kept counts are those of {}, and this is {}", kept.rustc, now.rustc);
    }
    if !same_machine {
        println!("\"all\" is not judged: kept for {:?}, here {:?}", kept.machine, now.machine);
    }
    grown
}

fn growth(now: u64, before: u64) -> f64 {
    // One call more or less of a few is no regression in percent.
    if before == 0 { f64::from(u32::from(now > 0)) } else { now as f64 / before as f64 - 1.0 }
}

/// A gate that cannot fail is none: a piece with 4 % more work in it must be found.
fn sees_planted(counts: &Counts) -> bool {
    let (name, times) = pieces::planted();
    let before = counts.pieces[name];
    let spin = |steps| step::count(&pieces::with_planted(pieces::SPIN, steps)).own;
    let instructions_a_step = (spin(2_000) - spin(1_000)) as f64 / 1_000.0;
    let steps = (before.own * times) as f64 * PLANTED / instructions_a_step;
    let nothing = step::count(pieces::NOTHING);
    let count = step::count(&pieces::with_planted(name, steps.ceil() as u64)).each(nothing, times);
    let seen = growth(count.own, before.own);
    println!("planted {:.0} % in \"{name}\": seen as {:+.2} %", PLANTED * 100.0, seen * 100.0);
    seen > GROWTH_MAX
}

fn rustc() -> String {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    first_line(Command::new(program).arg("-V"))
}

/// Processor features that choose a path in what we call, and the C library.
fn machine() -> Vec<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = info.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has = |feature: &&str| flags.split_whitespace().any(|flag| flag == *feature);
    let features = ["sha_ni", "avx2", "avx512f", "avx512vl", "pclmulqdq", "vpclmulqdq", "erms", "fsrm"];
    let mut machine: Vec<String> = features.into_iter().filter(has).map(str::to_owned).collect();
    machine.push(first_line(Command::new("getconf").arg("GNU_LIBC_VERSION")));
    machine
}

fn first_line(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or("unknown").to_owned()
}
