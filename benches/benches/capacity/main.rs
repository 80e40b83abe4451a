//! Many sessions: our client, the official SDK and a bare client against one sink, each in a process of its own.
//!
//! ```text
//! cargo bench -p ossicle-benches --bench capacity              the short form, under two minutes
//! cargo bench -p ossicle-benches --bench capacity -- --full    all cases with repeats, about half an hour
//!     --case TEXT      only cases whose name has TEXT in it
//!     --repeats N      repeats of each case
//!     --seconds S      length of a real-time run
//!     --out FOLDER     writes results.json and capacity.svg there (default: the target folder's `capacity`)
//! ```
//! The clients of a repeat run one after another, in an order that moves from repeat to repeat, so that a busy machine
//! slows all alike: the ratios are of runs of one repeat. Figures are processor time of the client's process alone.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a bench prints its table")]

use ossicle_benches::capacity::report::{Case, Results, machine, today};
use ossicle_benches::capacity::{Client, Pace, Spec, plot, roles};
use std::path::PathBuf;

const CLIENTS: [Client; 3] = [Client::Ours, Client::Official, Client::Floor];

struct Options {
    full: bool,
    case: Option<String>,
    repeats: Option<usize>,
    seconds: Option<f64>,
    out: PathBuf,
}

fn options() -> Options {
    let default = std::env::current_exe().ok().and_then(|program| {
        // target/release/deps/capacity-hash
        Some(program.parent()?.parent()?.parent()?.join("capacity"))
    });
    let mut options = Options {
        full: false,
        case: None,
        repeats: None,
        seconds: None,
        out: default.unwrap_or_else(|| PathBuf::from("capacity")),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "--full" => options.full = true,
            "--case" => options.case = Some(value()),
            "--repeats" => options.repeats = Some(value().parse().expect("a number")),
            "--seconds" => options.seconds = Some(value().parse().expect("seconds")),
            "--out" => options.out = value().into(),
            // Cargo's own.
            "--bench" => {}
            other => panic!("there is no option {other:?}"),
        }
    }
    options
}

struct Plan {
    name: String,
    repeats: usize,
    specs: Vec<Spec>,
}

fn real_time(sessions: u32, seconds: f64, repeats: usize, clients: &[Client]) -> Plan {
    let specs = clients.iter().map(|client| Spec::real_time(*client, sessions, seconds)).collect();
    Plan { name: format!("{sessions} sessions, real time"), repeats, specs }
}

fn changed(mut plan: Plan, name: &str, change: impl Fn(&mut Spec)) -> Plan {
    plan.name += name;
    plan.specs.iter_mut().for_each(change);
    plan
}

fn short() -> Vec<Plan> {
    [50, 200, 1_000].map(|sessions| real_time(sessions, 8.0, 1, &CLIENTS)).into()
}

fn full() -> Vec<Plan> {
    let mut plans: Vec<Plan> =
        [1, 10, 50, 200, 500, 1_000, 2_000].map(|sessions| real_time(sessions, 16.0, 3, &CLIENTS)).into();
    plans.push(real_time(5_000, 16.0, 1, &[Client::Ours, Client::Floor]));
    for sessions in [200, 1_000] {
        let grid = real_time(sessions, 16.0, 3, &[Client::Ours, Client::Official]);
        plans.push(changed(grid, ", the SDK's sends on the grid too", |spec| spec.grid_ms = 10));
        let free = Plan { name: format!("{sessions} sessions"), ..real_time(sessions, 60.0, 3, &CLIENTS) };
        plans.push(changed(free, ", as fast as it goes", |spec| spec.pace = Pace::Free));
    }
    for (sessions, streams) in [(1_000, 16), (200, 16), (200, 1)] {
        let plan = real_time(sessions, 16.0, 1, &[Client::Ours, Client::Floor]);
        plans.push(changed(plan, &format!(", {streams} streams a connection"), |spec| {
            spec.streams_per_connection = streams;
        }));
    }
    let latency = real_time(1_000, 16.0, 3, &CLIENTS);
    plans.push(changed(latency, ", latency", |spec| spec.latency = true));
    let together = real_time(1_000, 8.0, 1, &[Client::Ours, Client::Official]);
    plans.push(changed(together, ", started together", |spec| spec.together = true));
    for shards in [1, 2] {
        let free = Plan { name: "1,000 sessions".into(), ..real_time(1_000, 60.0, 3, &[Client::Ours]) };
        plans.push(changed(free, &format!(", as fast as it goes, {shards} shards, not pinned"), |spec| {
            spec.pace = Pace::Free;
            spec.shards = shards;
            spec.pinned = false;
        }));
    }
    let limited = real_time(1_000, 8.0, 1, &[Client::Ours]);
    plans.push(changed(limited, ", started together, 100 streams allowed", |spec| {
        spec.together = true;
        spec.streams_max = 100;
    }));
    plans
}

fn run(plan: &Plan, repeats: usize) -> Case {
    let mut case = Case { name: plan.name.clone(), repeats: Vec::new() };
    for repeat in 0..repeats {
        let mut outcomes = Vec::new();
        for index in 0..plan.specs.len() {
            let spec = &plan.specs[(index + repeat) % plan.specs.len()];
            match roles::run(spec) {
                Ok(outcome) => outcomes.push(outcome),
                Err(why) => eprintln!("{}: {why}", plan.name),
            }
        }
        case.repeats.push(outcomes);
    }
    case
}

fn main() {
    if roles::play() {
        return;
    }
    // `cargo test --benches` builds it and asks for nothing to be measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let options = options();
    let mut plans = if options.full { full() } else { short() };
    if let Some(text) = &options.case {
        plans.retain(|plan| plan.name.contains(text.as_str()));
    }
    let mut results = Results { date: today(), machine: machine(), cases: Vec::new() };
    println!("{}, {}", results.machine, results.date);
    println!(
        "us/s: processor time of the client's process for each session and second of audio, microseconds"
    );
    for plan in &mut plans {
        if let Some(seconds) = options.seconds {
            plan.specs.iter_mut().for_each(|spec| spec.seconds = seconds);
        }
        let case = run(plan, options.repeats.unwrap_or(plan.repeats));
        print!("{}", case.table());
        results.cases.push(case);
    }
    std::fs::create_dir_all(&options.out).expect("the folder for results");
    let json = serde_json::to_string(&results).expect("JSON");
    std::fs::write(options.out.join("results.json"), json).expect("results.json");
    if let Some(svg) = plot::svg(&results) {
        std::fs::write(options.out.join("capacity.svg"), svg).expect("capacity.svg");
    }
    println!("\nresults.json and capacity.svg are in {}", options.out.display());
}
