//! `cargo xtask verify`: heavier checks, run by hand before a release.

mod checked;
mod packaging;

use std::process::ExitCode;

use serde_json::Value;

use crate::process::{Call, on_path};
use crate::setup::Tool::{Cc, Clang, Cmake, Cxx, Flac, Make, PkgConfig, Python, Valgrind};
use crate::steps::{self, FUZZ_SECONDS, Options, Step};
use crate::tree::Tree;
use crate::{Outcome, demo, programs, setup, size};

const STEPS: &[Step] = &[
    Step { name: "fuzz", title: "each fuzz target for a while", needs: &[Cc], file: FUZZ, run: fuzz },
    Step {
        name: "valgrind",
        title: "a whole session under memcheck",
        needs: &[Cc, Cxx, Make, Cmake, Valgrind],
        file: CLI,
        run: valgrind,
    },
    Step {
        name: "c-valgrind",
        title: "programs in C under memcheck",
        needs: &[Cc, Cxx, Make, Cmake, Flac, Valgrind],
        file: programs::EXAMPLES_C,
        run: checked::valgrind,
    },
    Step {
        name: "c-tsan",
        title: "programs in C under ThreadSanitizer",
        needs: &[Cc, Cxx, Make, Cmake, Flac, Clang],
        file: programs::EXAMPLES_C,
        run: checked::tsan,
    },
    Step {
        name: "size",
        title: "the C library against its budget",
        needs: setup::BUILD,
        file: "",
        run: size::step,
    },
    Step {
        name: "release",
        title: "an archive: made, read back, built against",
        needs: &[Cc, Cxx, Make, Cmake, Flac, PkgConfig, Python],
        file: "",
        run: packaging::step,
    },
    Step { name: "fips", title: "TLS by the validated module", needs: setup::BUILD, file: "", run: fips },
    Step {
        name: "soak",
        title: "many hours of audio, accelerated",
        needs: setup::BUILD,
        file: SOAK,
        run: soak,
    },
    Step {
        name: "capacity",
        title: "many sessions, beside the official client",
        needs: setup::BUILD,
        file: CAPACITY,
        run: capacity,
    },
    Step { name: "deny", title: "licences and sources of all crates", needs: &[Cc], file: DENY, run: deny },
    Step {
        name: "advisories",
        title: "known faults of all crates",
        needs: &[Cc],
        file: DENY,
        run: advisories,
    },
];

const SOAK: &str = "benches/benches/soak/main.rs";
const CAPACITY: &str = "benches/benches/capacity/main.rs";
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

/// What is known against the crates. Without the database nothing was checked, and it says so.
fn advisories(tree: &Tree, options: &Options) -> Result<(), String> {
    cargo_program("cargo-deny")?;
    if let Err(error) = tree.cargo(["deny", "fetch", "db"]).run() {
        options.skip(format!(
            "the database of advisories could not be had, so no crate was held against it ({error})"
        ));
        return Ok(());
    }
    tree.cargo(["deny", "check", "--disable-fetch", "--hide-inclusion-graph", "advisories"]).run()
}

/// The tests of our TLS with the validated module, which only builds where Go is.
fn fips(tree: &Tree, options: &Options) -> Result<(), String> {
    if on_path("go").is_none() {
        options.skip("the validated module of AWS-LC is built with Go, which is not here: nothing was tried");
        return Ok(());
    }
    // A folder of its own: all that stands on TLS is another build.
    tree.cargo(["test", "--package", "ossicle-tokio", "--features", "fips", "--target-dir"])
        .arg(tree.target.join("fips"))
        .args(["--lib", "--test", "session"])
        .run()
}

fn soak(tree: &Tree, _: &Options) -> Result<(), String> {
    tree.cargo(["bench", "--package", "ossicle-benches", "--bench", "soak"]).run()
}

fn capacity(tree: &Tree, _: &Options) -> Result<(), String> {
    tree.cargo(["bench", "--package", "ossicle-benches", "--bench", "capacity"]).run()
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
