//! The simulator over many seeds. `OSSICLE_SEEDS` says how many (default 500), `OSSICLE_SEED` runs only that one and
//! tells its story.

use ossicle_core::State;
use ossicle_sim::{Asked, Kind, run, run_many};

/// What one command cannot meet: a session does not resume before it was opened, and so on, is possible all the
/// same, since the application may ask for anything at any time.
const SEEDS: u64 = 500;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_promise_holds_after_every_step() {
    if let Some(seed) = number("OSSICLE_SEED") {
        let outcome = run(seed, true);
        assert_eq!(outcome.failure, None, "OSSICLE_SEED={seed}");
        return;
    }
    let seeds = number("OSSICLE_SEEDS").unwrap_or(SEEDS);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let totals = run_many(0, seeds, threads, &|outcome| {
        if let Some(failure) = &outcome.failure {
            eprintln!("OSSICLE_SEED={} {failure}", outcome.seed);
        }
    });
    eprintln!(
        "{} seeds, {:.1} session-hours, {} faults ({} or more a seed), {} steps",
        totals.seeds, totals.session_hours, totals.faults, totals.fewest_faults, totals.steps
    );
    assert_eq!(totals.failures, [], "each line OSSICLE_SEED=... above replays one failure");
    assert!(totals.shortest_s >= 120.0, "a seed ran for {} virtual s only", totals.shortest_s);
    assert!(totals.fewest_faults >= 3, "a seed met {} faults only", totals.fewest_faults);
    if seeds < SEEDS {
        return;
    }
    let missed: Vec<Kind> =
        totals.coverage.faults().filter(|(_, count)| *count == 0).map(|(kind, _)| kind).collect();
    assert_eq!(missed, [], "faults that no seed reached");
    let missed: Vec<(Asked, State)> = totals
        .coverage
        .commands()
        .filter(|(.., count)| *count == 0)
        .map(|(asked, state, _)| (asked, state))
        .collect();
    assert_eq!(missed, [], "commands that no seed gave in these states");
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [3, 4] {
        let (first, second) = (run(seed, false), run(seed, false));
        assert_eq!(
            (first.failure, first.steps, first.virtual_s, first.session_s),
            (second.failure, second.steps, second.virtual_s, second.session_s)
        );
    }
}
