//! The account at the end.

use console::{Style, measure_text_width};
use ossicle::core::{Ended, Report};
use serde_json::{Value, json};

use super::words;
use crate::fault::Fault;

/// The account of a session for people, one line each; `verdict` is what the peer said of it, if it says anything.
pub(crate) fn report_lines(report: &Report, verdict: Option<&Verdict>) -> Vec<String> {
    let ledger = &report.ledger;
    let good = Style::new().for_stdout().green();
    let bad = Style::new().for_stdout().red().bold();
    let mut lines = Vec::new();
    let mut line = |name: &str, text: String| lines.push(row(name, &text));

    let captured = words::counted(ledger.captured, "frame", "frames");
    line("captured", format!("{captured} ({})", length_and_form(report)));
    line("delivered", words::counted(ledger.delivered, "frame", "frames"));
    let dropped = match ledger.lost() {
        0 => good.apply_to("nothing").to_string(),
        lost => bad.apply_to(words::counted(lost, "frame", "frames")).to_string(),
    };
    line("dropped", dropped);
    let unsent = ledger.held + ledger.in_flight;
    if unsent > 0 {
        line("unsent", bad.apply_to(words::counted(unsent, "frame", "frames")).to_string());
    }
    if ledger.silence > 0 {
        line("silence", format!("{} put in", words::counted(ledger.silence, "frame", "frames")));
    }
    if ledger.resent > 0 {
        line("sent again", words::counted(ledger.resent, "frame", "frames"));
    }
    line("connections", words::count(report.connections.into()));
    line(
        "messages",
        format!(
            "{}, {}, none older than {} when it left",
            words::count(report.messages),
            words::bytes(report.wire_bytes),
            words::duration_ms(report.signature_age_ms_max.max(1))
        ),
    );
    if let Some(verdict) = verdict {
        let style = if verdict.is_good() { &good } else { &bad };
        line("emulator", style.apply_to(verdict.sentence()).to_string());
        for problem in &verdict.problems {
            line("", problem.clone());
        }
    }
    let ended = match report.ended {
        Ended::Finished => "finished".to_owned(),
        Ended::Paused => "paused; it can be resumed or finished".to_owned(),
        Ended::Failed => bad.apply_to("failed").to_string(),
    };
    line("session", format!("{} {ended}", report.session_id));
    lines
}

fn row(name: &str, text: &str) -> String {
    let name = Style::new().for_stdout().dim().apply_to(name).to_string();
    let pad = 13_usize.saturating_sub(measure_text_width(&name));
    format!("  {name}{:pad$}{text}", "")
}

fn length_and_form(report: &Report) -> String {
    let channels = match report.channels {
        1 => "one channel",
        _ => "two channels",
    };
    let length = words::clock(words::seconds(report.ledger.captured, report.rate_hz).round());
    format!("{length} of {channels} at {} Hz", words::count(report.rate_hz.into()))
}

/// What the emulator says of a session.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// Messages that it received.
    pub(crate) messages: u64,
    /// Those whose signature, checksums and age were right.
    pub(crate) verified: u64,
    /// What was wrong.
    pub(crate) problems: Vec<String>,
}

impl Verdict {
    /// Whether everything was verified, and there was something.
    pub(crate) fn is_good(&self) -> bool {
        self.messages > 0 && self.verified == self.messages && self.problems.is_empty()
    }

    /// In words.
    pub(crate) fn sentence(&self) -> String {
        format!(
            "{} of {} signatures and checksums verified",
            words::count(self.verified),
            words::count(self.messages)
        )
    }

    /// For a program.
    pub(crate) fn json(&self) -> Value {
        json!({"messages": self.messages, "verified": self.verified, "problems": self.problems})
    }
}

/// The report of a session that failed before there was an engine for it. The same shape as all others.
pub(crate) fn failed_before(fault: &Fault, session_id: Option<&str>) -> Value {
    let (status, sentence) = match fault {
        Fault::Failed { status, sentence } => (status.name(), sentence.as_str()),
        Fault::Usage(sentence) => (ossicle::core::Status::BadArgument.name(), sentence.as_str()),
        Fault::Said => (ossicle::core::Status::Internal.name(), ""),
    };
    json!({
        "type": "report",
        "session_id": session_id,
        "ended": Ended::Failed.as_str(),
        "error": {"status": status, "message": sentence, "retryable": false, "request_id": null},
        "rate_hz": 0,
        "channels": 0,
        "frames": {
            "captured": 0, "delivered": 0, "in_flight": 0, "held": 0, "dropped": 0, "lost": 0, "silence": 0,
            "resent": 0,
        },
        "dropped_by_reason": {},
        "messages": 0,
        "wire_bytes": 0,
        "connections": 0,
        "signature_age_ms_max": 0,
        "transcribed_s": 0.0,
    })
}
