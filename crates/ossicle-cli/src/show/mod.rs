//! What a command shows while a session runs: lines for a program, plain lines, or a live display.

mod json;
mod live;
mod plain;
mod report;
mod voices;
pub(crate) mod words;

use std::io::Write;

use ossicle::core::{Event, State};

pub(crate) use json::Json;
pub(crate) use live::Live;
pub(crate) use plain::Plain;
pub(crate) use report::{Verdict, failed_before, report_lines};
pub(crate) use voices::Voices;

/// Where a session stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// What the session does.
    pub(crate) state: State,
    /// Audio captured, in seconds.
    pub(crate) captured_s: f64,
    /// Audio delivered, in seconds.
    pub(crate) delivered_s: f64,
    /// All audio of the source, where that is known.
    pub(crate) total_s: Option<f64>,
    /// Channels on the wire.
    pub(crate) channels: u8,
    /// Peak level of each since the last look, dBFS.
    pub(crate) peak_dbfs: [f32; 2],
    /// The last round trip.
    pub(crate) rtt_ms: Option<f64>,
}

/// Shows a session.
pub(crate) trait Show {
    /// Something happened.
    fn event(&mut self, event: &Event);
    /// Where it stands, several times a second.
    fn progress(&mut self, progress: &Progress);
    /// A sentence beside the events.
    fn note(&mut self, sentence: &str);
    /// Nothing live is shown any more.
    fn close(&mut self);
}

/// How often a live display is drawn.
pub(crate) const PROGRESS_INTERVAL_MS: u64 = 100;

/// Writes lines to standard output. A reader that went away is no failure of the session.
pub(crate) fn print(lines: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{lines}").and_then(|()| out.flush());
}

/// Writes a line to standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Shows a session the way that fits: as JSON, live on a terminal, or as plain lines.
pub(crate) fn fitting(json: bool, voices: Voices, session_id: &str) -> Box<dyn Show + Send> {
    if json {
        Box::new(Json::new(session_id))
    } else if console::user_attended() && std::env::var_os("TERM").is_none_or(|term| term != "dumb") {
        Box::new(Live::new(voices))
    } else {
        Box::new(Plain::new(voices))
    }
}
