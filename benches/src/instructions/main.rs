//! Instructions of the hot path, counted one by one, against counts that are kept in the tree.
//!
//! Time is no gate on a shared machine and virtual ones have no counters, so the processor is stepped through each piece
//! by ptrace: the same program takes the same path, and a count repeats to a few instructions.
//!
//! ```text
//! cargo xtask test --step instructions      compares; fails where a count has grown by more than 3 %
//! cargo run --release -p ossicle-benches --no-default-features --bin instructions               the same
//! cargo run --release -p ossicle-benches --no-default-features --bin instructions -- --write    keeps the counts of this build
//! ```
//! `-- --where "PIECE"` names the functions that a piece spends its instructions in.
//!
//! Digests, checksums and copies choose their code by the processor. So two counts are judged everywhere: the instructions
//! of our own code and how often it calls those. All instructions together are judged where the processor's features and
//! the C library are those of the kept counts. Another compiler makes other code: under one, the bound is wider.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "it prints its table")]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod code;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod gate;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod pieces;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod step;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == step::ROLE) {
        pieces::run(arguments.get(at + 1).expect("the name of a piece"));
        return std::process::ExitCode::SUCCESS;
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--where") {
        for (function, count) in step::functions(arguments.get(at + 1).expect("the name of a piece")) {
            println!("{count:>9} {function}");
        }
        return std::process::ExitCode::SUCCESS;
    }
    gate::run(arguments.iter().any(|argument| argument == "--write"))
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {
    println!("instructions are counted on Linux and x86-64 only");
}
