//! `cargo xtask verify`: heavier checks, run by hand before a release.

use std::process::ExitCode;

use serde_json::Value;

use crate::process::{Call, on_path};
use crate::setup::Tool::{Cc, Cmake, Cxx, Make, Valgrind};
use crate::steps::{self, FUZZ_SECONDS, Options, Step};
use crate::tree::Tree;
use crate::{Outcome, demo};

const STEPS: &[Step] = &[
    Step { name: "fuzz", title: "each fuzz target for a while", needs: &[Cc], file: FUZZ, run: fuzz },
    Step {
        name: "valgrind",
        title: "a whole session under memcheck",
        needs: &[Cc, Cxx, Make, Cmake, Valgrind],
        file: CLI,
        run: valgrind,
    },
    Step { name: "deny", title: "licences and sources of all crates", needs: &[Cc], file: DENY, run: deny },
];

const FUZZ: &str = "fuzz/Cargo.toml";
const CLI: &str = "crates/ossicle-cli/src/main.rs";
const DENY: &str = "deny.toml";

/// Runs the steps; the verdict goes to standard error.
pub(crate) fn run(tree: &Tree, arguments: &[String]) -> Outcome {
    let options = Options::parse(arguments, &[FUZZ_SECONDS])?;
    let Some(summary) = steps::run(STEPS, tree, &options)? else {
        return Ok(ExitCode::SUCCESS);
    };
    eprintln!("{}\n{}", summary.table(), summary.verdict("verify"));
    Ok(if summary.failed().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn fuzz(tree: &Tree, options: &Options) -> Result<(), String> {
    cargo_program("cargo-fuzz")?;
    let targets = fuzz_targets(tree)?;
    if targets.is_empty() {
        return Err(format!("{FUZZ} has no fuzz target"));
    }
    for target in targets {
        eprintln!("fuzzing {target} for {} s", options.fuzz_seconds);
        // libFuzzer writes what it finds to the first folder. The tree's corpus is only read: what goes into it is
        // chosen, small and named.
        let found = tree.target.join("fuzz-corpus").join(&target);
        std::fs::create_dir_all(&found)
            .map_err(|error| format!("{} cannot be made: {error}", found.display()))?;
        let corpus = tree.root.join("fuzz/corpus").join(&target);
        // The stable compiler, with its sanitizers switched on.
        tree.cargo(["fuzz", "run", &target])
            .arg(found)
            .args(corpus.is_dir().then_some(corpus))
            .args(["--", &format!("-max_total_time={}", options.fuzz_seconds)])
            .env("RUSTC_BOOTSTRAP", "1")
            .run()?;
    }
    Ok(())
}

fn fuzz_targets(tree: &Tree) -> Result<Vec<String>, String> {
    let answer =
        tree.cargo(["metadata", "--no-deps", "--format-version", "1", "--manifest-path", FUZZ]).output()?;
    let metadata: Value =
        serde_json::from_str(&answer).map_err(|error| format!("cargo metadata gave no JSON: {error}"))?;
    let targets = metadata["packages"].as_array().into_iter().flatten();
    let targets = targets.flat_map(|package| package["targets"].as_array().into_iter().flatten());
    let programs = targets.filter(|target| target["kind"][0] == "bin");
    Ok(programs.filter_map(|target| target["name"].as_str().map(str::to_owned)).collect())
}

/// The demo at ten times its pace, as a program would run it. Valgrind knows no SHA or AVX-512 instruction: slow.
fn valgrind(tree: &Tree, _: &Options) -> Result<(), String> {
    demo::build_ossicle(tree)?;
    Call::new("valgrind")
        .args(["--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"])
        .arg(tree.ossicle())
        .args(["demo", "--pace", "10", "--json"])
        .run()
}

fn deny(tree: &Tree, _: &Options) -> Result<(), String> {
    cargo_program("cargo-deny")?;
    tree.cargo(["deny", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]).run()
}

/// Makes sure that a cargo subcommand is there, built from its own lock file.
fn cargo_program(name: &str) -> Result<(), String> {
    if on_path(name).is_some() {
        return Ok(());
    }
    let call = Call::cargo(["install", "--locked", name]);
    eprintln!("{name} is not here. Installing it from crates.io, some minutes: {}", call.line());
    call.run()
}
