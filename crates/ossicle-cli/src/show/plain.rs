//! Events as plain lines: final text and what matters, no colours, no progress.

use ossicle::core::{Event, Transcript};

use super::{Progress, Show, Voices, print, words};

/// Plain lines on standard output.
pub(crate) struct Plain {
    voices: Voices,
    teller: Teller,
}

impl Plain {
    /// For a session with these voices.
    pub(crate) fn new(voices: Voices) -> Self {
        Self { voices, teller: Teller::default() }
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
                if let Some(sentence) = self.teller.sentence(other) {
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

/// Puts events into sentences for people.
#[derive(Default)]
pub(super) struct Teller {
    /// It was said that the stream is interrupted; each attempt that fails does not say it again.
    interrupted: bool,
}

impl Teller {
    /// An event in a sentence, if it needs one.
    pub(super) fn sentence(&mut self, event: &Event) -> Option<String> {
        Some(match event {
            Event::Opened { .. } => {
                self.interrupted = false;
                return None;
            }
            Event::Recovering { .. } if std::mem::replace(&mut self.interrupted, true) => return None,
            Event::Recovering { failure, .. } => {
                format!("Interrupted: {failure}. Audio is kept, and the session tries to come back.")
            }
            Event::Recovered { outage_ms, resend_frames } => {
                self.interrupted = false;
                let again = match resend_frames {
                    0 => "nothing has to be sent again".to_owned(),
                    frames => format!("{} sent again", words::counted(*frames, "frame is", "frames are")),
                };
                format!("Back after {}: {again}, nothing is lost.", words::duration_ms(*outage_ms))
            }
            Event::Dropped { reason, frames, .. } if reason.is_loss() => {
                format!("{} lost ({}).", words::counted(*frames, "frame was", "frames were"), reason.as_str())
            }
            Event::Warning(warning) => format!("Note: {warning}."),
            Event::Checklist(_) => "A new checklist has come.".into(),
            Event::PeriodontalChart(_) => "A new periodontal chart has come.".into(),
            _ => return None,
        })
    }
}
