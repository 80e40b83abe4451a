//! The deterministic world for tests: clocks, microphones, links, faults and checkers.
//!
//! [`run`] builds, from one seed, a world around one [`ossicle_core::Engine`]: virtual time, microphones that push
//! into real taps, connections that break at any byte, an application that changes its mind, and a service that
//! verifies every signature with the official crates and listens to what it is sent. After every step of the engine
//! its promises are checked. A run is a function of its seed: what failed once fails again.
//!
//! Signing and verifying are real; nothing here is faked but time, the network and the people.

#![forbid(unsafe_code)]

mod app;
mod checks;
mod coverage;
mod decode;
mod faults;
mod hearing;
mod link;
mod listener;
mod plan;
mod ranges;
mod rng;
mod service;
mod source;
mod verify;
mod way;
mod world;

pub use coverage::{Asked, Coverage, Kind};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// What became of one seed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What a checker found, or nothing.
    pub failure: Option<String>,
    /// Virtual time that passed, in seconds.
    pub virtual_s: f64,
    /// Lifetimes of all sessions together, in seconds.
    pub session_s: f64,
    /// Inputs that the engine took.
    pub steps: u64,
    /// Planned faults that met something to break.
    pub faults: u64,
    /// What was reached, by kind.
    pub coverage: Coverage,
}

/// Runs one seed to its end, or to the first check that fails. With `trace` the run is told on standard error.
#[must_use]
pub fn run(seed: u64, trace: bool) -> Outcome {
    let mut world = world::World::new(seed, trace);
    let begin = world.now;
    // A panic of the engine is a failure of its seed, like any other.
    let result = catch_unwind(AssertUnwindSafe(|| world.run())).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
        Err(format!("panic: {text}"))
    });
    let at_s = (world.now - begin) as f64 / 1e9;
    Outcome {
        seed,
        failure: result.err().map(|what| format!("at {at_s:.3} s: {what}")),
        virtual_s: at_s,
        session_s: world.session_ns as f64 / 1e9,
        steps: world.steps,
        faults: world.faults,
        coverage: std::mem::take(&mut world.cover),
    }
}

/// The sum over many seeds.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Seeds that ran.
    pub seeds: u64,
    /// Virtual hours of all sessions.
    pub session_hours: f64,
    /// The shortest run, in virtual seconds.
    pub shortest_s: f64,
    /// Planned faults that met something to break.
    pub faults: u64,
    /// The fewest of them in one seed.
    pub fewest_faults: u64,
    /// Inputs that engines took.
    pub steps: u64,
    /// The faults that were reached.
    pub coverage: Coverage,
    /// Seeds that failed, and why.
    pub failures: Vec<(u64, String)>,
}

/// Runs the seeds `from..from + count` on `threads` threads. `done` is told of each.
pub fn run_many(from: u64, count: u64, threads: usize, done: &(dyn Fn(&Outcome) + Sync)) -> Totals {
    let next = AtomicU64::new(from);
    let work = || {
        let mut totals = Totals { shortest_s: f64::INFINITY, fewest_faults: u64::MAX, ..Totals::default() };
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + count {
                return totals;
            }
            let outcome = run(seed, false);
            done(&outcome);
            totals.take(outcome);
        }
    };
    let mut totals = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let mut totals = Totals { shortest_s: f64::INFINITY, fewest_faults: u64::MAX, ..Totals::default() };
        for worker in workers {
            if let Ok(more) = worker.join() {
                totals.add(more);
            }
        }
        totals
    });
    totals.failures.sort();
    totals
}

impl Totals {
    fn take(&mut self, outcome: Outcome) {
        self.seeds += 1;
        self.session_hours += outcome.session_s / 3_600.0;
        self.steps += outcome.steps;
        self.faults += outcome.faults;
        self.coverage.add(&outcome.coverage);
        match outcome.failure {
            Some(failure) => self.failures.push((outcome.seed, failure)),
            None => {
                self.shortest_s = self.shortest_s.min(outcome.virtual_s);
                self.fewest_faults = self.fewest_faults.min(outcome.faults);
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.session_hours += other.session_hours;
        self.shortest_s = self.shortest_s.min(other.shortest_s);
        self.fewest_faults = self.fewest_faults.min(other.fewest_faults);
        self.steps += other.steps;
        self.faults += other.faults;
        self.coverage.add(&other.coverage);
        self.failures.extend(other.failures);
    }
}
