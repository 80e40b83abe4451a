//! What is run by hand or by CI, as `cargo xtask COMMAND`: the demo, the tests, the heavier checks.
//!
//! What this program says about its own work goes to standard error, so that `cargo xtask demo --json` leaves
//! standard output to `ossicle`. Only what was asked for goes to standard output: this help, a list of steps,
//! the verdict of `test`.
#![forbid(unsafe_code)]

mod demo;
mod deps;
mod header;
mod install;
mod library;
mod licences;
mod parts;
mod process;
mod programs;
mod python;
mod release;
mod sbom;
mod setup;
mod sim;
mod size;
mod steps;
mod test;
mod tree;
mod verify;

use std::io::Write;
use std::process::ExitCode;

use tree::Tree;

const HELP: &str = "\
cargo xtask COMMAND

  demo [--no-install] [ARGUMENTS]   set up what is missing, build, and run `ossicle demo ARGUMENTS`
  test [--no-install] [--step NAME] [--list]
                                    set up what is missing and pass all tests; what CI runs
  verify [--no-install] [--step NAME] [--list] [--fuzz-seconds N]
                                    heavier checks by hand: fuzzing, valgrind, licences, packaging
  header                            write include/ossicle.h anew from the sources
  install --prefix FOLDER [--features LIST] [--no-default-features]
                                    build the C library as it is shipped, and install it with its headers,
                                    CMake package and pkg-config files
  size [--default-features] [--features LIST] [--no-default-features]
                                    the shared library's size against its budget, what is in it, and its start
  release [--out FOLDER] [--features LIST] [--no-default-features]
                                    an archive with libraries, headers, licences and a bill of materials
  deps                              check the arrows between crates and where unsafe code may be
  sim [--seeds N] [--seed S]        run the simulator over N seeds, or over one
  help                              this text

Missing tools are installed by the system's package manager; --no-install only names them.
Exit status: 0 passed, 1 failed, 2 a wrong command line; `demo` passes on that of `ossicle`.";

/// Why a command did not succeed.
enum Failure {
    /// The command line makes no sense: exit status 2.
    Usage(String),
    /// Something went wrong, in one sentence or several lines: exit status 1.
    Failed(String),
}

/// What commands return: on success, the exit status of a program whose status is passed on.
type Outcome = Result<ExitCode, Failure>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(Failure::Usage(sentence)) => {
            eprintln!("xtask: {sentence}\n\n{HELP}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(sentence)) => {
            eprintln!("xtask: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Outcome {
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", arguments),
    };
    match command {
        "demo" => demo::run(&Tree::find()?, rest),
        "test" => test::run(&Tree::find()?, rest),
        "verify" => verify::run(&Tree::find()?, rest),
        "deps" => deps::run(&Tree::find()?, rest),
        "header" => header::run(&Tree::find()?, rest),
        "install" => install::run(&Tree::find()?, rest),
        "release" => release::run(&Tree::find()?, rest),
        "size" => size::run(&Tree::find()?, rest),
        "sim" => sim::run(&Tree::find()?, rest),
        "help" | "--help" | "-h" => {
            answer(HELP);
            Ok(ExitCode::SUCCESS)
        }
        other => Err(Failure::Usage(format!("there is no command {other:?}"))),
    }
}

/// Prints what was asked for.
fn answer(line: &str) {
    // A reader that has gone away changes nothing about what was done.
    let _ = writeln!(std::io::stdout(), "{line}");
}

impl From<String> for Failure {
    fn from(sentence: String) -> Self {
        Failure::Failed(sentence)
    }
}
