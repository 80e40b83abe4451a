//! Asks before something is destroyed.

use std::io::{IsTerminal, Write};

use crate::fault::{Fault, Outcome};

/// Goes on when `yes` was given or a person agrees. Without a person it does not.
pub(crate) fn confirm(yes: bool, question: &str) -> Outcome {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Fault::usage(format!("{question} Nobody is here to ask: add --yes")));
    }
    let mut errors = std::io::stderr();
    // A terminal that went away gives no answer either.
    let _ = write!(errors, "{question} [y/N] ").and_then(|()| errors.flush());
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Fault::usage("nothing was done"))
}
