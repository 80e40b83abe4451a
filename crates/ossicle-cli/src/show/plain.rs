//! Events as plain lines: final text and what matters, no colours, no progress.

use std::time::{Duration, Instant};

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
    /// Frames that were lost and not told yet, and when a loss was told last.
    lost_frames: u64,
    loss_told: Option<Instant>,
}

/// Losses in a row are told together, this often: a source that runs wild would bury everything else.
const LOSS_INTERVAL: Duration = Duration::from_secs(1);

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
                self.lost_frames += frames;
                if self.loss_told.is_some_and(|told| told.elapsed() < LOSS_INTERVAL) {
                    return None;
                }
                self.loss_told = Some(Instant::now());
                let frames = std::mem::take(&mut self.lost_frames);
                format!("{} lost ({}).", words::counted(frames, "frame was", "frames were"), reason.as_str())
            }
            Event::Warning(warning) => format!("Note: {warning}."),
            Event::Checklist(_) => "A new checklist has come.".into(),
            Event::PeriodontalChart(_) => "A new periodontal chart has come.".into(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ossicle::core::{Cause, DropReason, Failure, Status};

    #[test]
    fn an_interruption_is_told_once_and_so_is_its_end() {
        let mut teller = Teller::default();
        let failure = Failure { status: Status::Lost, cause: Cause::NoPong, request_id: None };
        let lost = |attempt| Event::Recovering { failure: failure.clone(), attempt, retry_in_ms: 10 };
        assert!(teller.sentence(&lost(1)).expect("a sentence").starts_with("Interrupted"));
        assert_eq!(teller.sentence(&lost(1)), None, "a connection that is refused counts from 1 again");
        assert_eq!(teller.sentence(&lost(2)), None);
        let back = Event::Recovered { outage_ms: 1_400, resend_frames: 0 };
        assert_eq!(
            teller.sentence(&back).as_deref(),
            Some("Back after 1.4 s: nothing has to be sent again, nothing is lost.")
        );
        assert!(teller.sentence(&lost(1)).is_some());
    }

    #[test]
    fn losses_in_a_row_are_told_together() {
        let mut teller = Teller::default();
        let lost = |reason| Event::Dropped { reason, first_frame: 0, frames: 1_000 };
        let told = teller.sentence(&lost(DropReason::RingFull));
        assert_eq!(told.as_deref(), Some("1,000 frames were lost (ring_full)."));
        assert_eq!(teller.sentence(&lost(DropReason::RingFull)), None);
        assert_eq!(
            teller.sentence(&lost(DropReason::Paused)),
            None,
            "what is pushed while paused is no loss"
        );
        teller.loss_told = teller.loss_told.and_then(|told| told.checked_sub(LOSS_INTERVAL));
        let told = teller.sentence(&lost(DropReason::RingFull));
        assert_eq!(told.as_deref(), Some("2,000 frames were lost (ring_full)."));
    }
}
