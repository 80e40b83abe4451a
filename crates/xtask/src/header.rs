//! `cargo xtask header`: writes `include/ossicle.h` anew. The tests hold the committed one against the sources.

use std::process::ExitCode;

use crate::tree::Tree;
use crate::{Failure, Outcome};

/// Runs the test that compares the header, asked to write it.
pub(crate) fn run(tree: &Tree, arguments: &[String]) -> Outcome {
    if let Some(other) = arguments.first() {
        return Err(Failure::Usage(format!("header takes no {other:?}")));
    }
    let call = tree.cargo(["test", "--package", "ossicle-capi", "--test", "header"]);
    call.env("OSSICLE_BLESS", "1").run_aside()?;
    Ok(ExitCode::SUCCESS)
}
