//! The proof that the checkers find bugs: each one that is planted into the engine is found within a few seeds.

use ossicle_core::planted::{Bug, plant};
use ossicle_sim::run;

/// Within how many seeds each must be found.
const SEEDS_MAX: u64 = 100;

#[test]
fn each_planted_bug_is_found() {
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        plant(Some(bug));
        let found = (0..SEEDS_MAX).find_map(|seed| Some((seed, run(seed, false).failure?)));
        plant(None);
        match found {
            Some((seed, what)) => eprintln!("{bug:?} is found by seed {seed}, {what:.160}"),
            None => missed.push(bug),
        }
    }
    assert_eq!(missed, [], "bugs that {SEEDS_MAX} seeds do not find");
}
