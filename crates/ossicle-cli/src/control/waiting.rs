//! Progress of a wait, on standard error.

use std::time::Duration;

use console::Term;
use ossicle::control::{Progress, WaitSettings};

use super::args::WaitArgs;
use crate::show::{complain, words};

/// Shows how a wait is going: one line that changes on a terminal, a line for each new status elsewhere.
pub(crate) struct Waiting {
    term: Term,
    last: Option<String>,
}

impl Waiting {
    /// Nothing shown yet.
    pub(crate) fn new() -> Self {
        Self { term: Term::stderr(), last: None }
    }

    /// Shows the newest status.
    pub(crate) fn show<T>(&mut self, progress: &Progress<'_, T>, status: impl FnOnce(&T) -> String) {
        let waited = words::clock(progress.waited.as_secs_f64());
        let status = progress.latest.map_or_else(|| "no answer; asking again".to_owned(), status);
        if self.term.is_term() {
            // A terminal that went away is no failure of the wait.
            let _ = self.term.clear_line().and_then(|()| self.term.write_str(&format!("{waited}  {status}")));
        } else if self.last.as_ref() != Some(&status) {
            complain(&format!("{waited}  {status}"));
        }
        self.last = Some(status);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.term.is_term() && self.last.is_some() {
            let _ = self.term.clear_line();
        }
    }
}

/// The settings of a wait by its flags.
pub(crate) fn settings(args: &WaitArgs) -> WaitSettings {
    WaitSettings { timeout: Duration::from_secs(args.timeout), ..WaitSettings::default() }
}
