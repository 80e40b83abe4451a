//! Events as plain lines: final text and what matters, no colours, no progress.

use ossicle::core::{Event, Transcript};

use super::{Progress, Show, Voices, print, words};

/// Plain lines on standard output.
pub(crate) struct Plain {
    voices: Voices,
}

impl Plain {
    /// For a session with these voices.
    pub(crate) fn new(voices: Voices) -> Self {
        Self { voices }
    }

    fn transcript(&self, piece: &Transcript) {
        let name = self.voices.name(Voices::number(piece.channel.as_deref()));
        print(&format!("{:>6}  {name}: {}", words::clock(piece.begin_s), words::harmless(&piece.text)));
    }
}

impl Show for Plain {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Transcript(piece) if !piece.partial => self.transcript(piece),
            other => {
                if let Some(sentence) = sentence(other) {
                    print(&sentence);
                }
            }
        }
    }

    fn progress(&mut self, _: &Progress) {}

    fn note(&mut self, sentence: &str) {
        print(sentence);
    }

    fn close(&mut self) {}
}

/// An event in a sentence for people, if it needs one.
pub(super) fn sentence(event: &Event) -> Option<String> {
    Some(match event {
        Event::Recovering { failure, attempt: 1, .. } => {
            format!("Interrupted: {failure}. Audio is kept, the session will be back.")
        }
        Event::Recovered { outage_ms, resend_frames } => format!(
            "Back after {}; {} sent again, nothing is lost.",
            words::duration_ms(*outage_ms),
            words::counted(*resend_frames, "frame is", "frames are"),
        ),
        Event::Dropped { reason, frames, .. } if reason.is_loss() => {
            format!("{} lost ({}).", words::counted(*frames, "frame was", "frames were"), reason.as_str())
        }
        Event::Warning(warning) => format!("Note: {warning}."),
        Event::Checklist(_) => "A new checklist has come.".into(),
        Event::PeriodontalChart(_) => "A new periodontal chart has come.".into(),
        _ => return None,
    })
}
