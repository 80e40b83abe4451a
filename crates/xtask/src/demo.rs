//! `cargo xtask demo`: set-up, build, and `ossicle demo`.

use crate::setup;
use crate::tree::Tree;
use crate::{Failure, Outcome};

/// Runs `ossicle demo` with the arguments that are not ours.
pub(crate) fn run(tree: &Tree, arguments: &[String]) -> Outcome {
    let may_install = !arguments.iter().any(|argument| argument == "--no-install");
    let passed_on = arguments.iter().filter(|argument| *argument != "--no-install");

    setup::ensure(setup::BUILD, may_install)?;
    build_ossicle(tree)?;
    let demo = crate::process::Call::new(tree.ossicle()).arg("demo").args(passed_on);
    demo.become_it().map_err(Failure::Failed)
}

/// Builds the `ossicle` command in the release profile, with cargo's own progress on standard error.
pub(crate) fn build_ossicle(tree: &Tree) -> Result<(), String> {
    if !tree.ossicle().exists() {
        eprintln!("Building ossicle in the release profile; the first build takes some minutes.");
    }
    tree.cargo(["build", "--release", "--package", "ossicle-cli"]).run_aside()
}
