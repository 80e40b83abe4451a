//! `cargo xtask sim`: the simulator over many seeds, or over the one that failed.

use std::process::ExitCode;

use crate::tree::Tree;
use crate::{Failure, Outcome};

/// The test that runs seeds. It reads `OSSICLE_SEEDS` (how many) and `OSSICLE_SEED` (this one only).
const SEEDS: &str = "crates/ossicle-sim/tests/seeds.rs";

/// Runs the seeds in the release profile, showing what the simulator says.
pub(crate) fn run(tree: &Tree, arguments: &[String]) -> Outcome {
    let environment = environment(arguments)?;
    if !tree.has(SEEDS) {
        return Err(Failure::Failed(format!("this tree has no simulator to run: {SEEDS} is not there")));
    }
    let mut call = tree.cargo(["test", "--release", "--package", "ossicle-sim", "--test", "seeds"]);
    for (name, value) in environment {
        call = call.env(name, value);
    }
    call.args(["--", "--nocapture"]).run()?;
    Ok(ExitCode::SUCCESS)
}

fn environment(arguments: &[String]) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut environment = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let name = match argument.as_str() {
            "--seeds" => "OSSICLE_SEEDS",
            "--seed" => "OSSICLE_SEED",
            other => return Err(Failure::Usage(format!("there is no option {other:?} here"))),
        };
        let value = rest.next().ok_or_else(|| Failure::Usage(format!("{argument} needs a number")))?;
        let number: u64 =
            value.parse().map_err(|_| Failure::Usage(format!("{argument} {value:?} is not a number")))?;
        environment.push((name, number.to_string()));
    }
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::environment;
    use crate::Failure;

    fn read(arguments: &[&str]) -> Result<Vec<(&'static str, String)>, Failure> {
        environment(&arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn seeds_reach_the_simulator_by_the_environment() {
        assert_eq!(read(&["--seeds", "500"]).ok().unwrap(), [("OSSICLE_SEEDS", "500".to_owned())]);
        assert_eq!(read(&["--seed", "7"]).ok().unwrap(), [("OSSICLE_SEED", "7".to_owned())]);
    }

    #[test]
    fn what_is_no_number_is_a_usage_error() {
        for wrong in [&["--seeds"][..], &["--seeds", "many"], &["--sed", "1"]] {
            assert!(matches!(read(wrong), Err(Failure::Usage(_))), "{wrong:?}");
        }
    }
}
