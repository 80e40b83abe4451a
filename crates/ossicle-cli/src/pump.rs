//! The thread that plays the audio callback: reads a source and pushes it in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ossicle::audio::Tap;
use tokio::sync::oneshot;

use crate::source::Source;

/// Audio of one push: what a sound card's callback brings.
const PUSH_MS: u32 = 20;

/// The longest sleep, so that a stop is seen soon.
const SLEEP_MAX: Duration = Duration::from_millis(10);

/// How a pump ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PumpEnd {
    /// All audio of the source was pushed.
    Whole,
    /// It was told to stop.
    Stopped,
    /// The source is broken; all that came before was pushed.
    Broken(String),
}

/// A running pump.
pub(crate) struct Pump {
    stop: Arc<AtomicBool>,
    end: oneshot::Receiver<PumpEnd>,
}

impl Pump {
    /// Starts to push. `pace` is a factor of real time; `None` pushes as fast as there is room.
    pub(crate) fn start(tap: Tap, source: Box<dyn Source>, pace: Option<f32>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, end) = oneshot::channel();
        let work = Work { tap, source, pace, stop: Arc::clone(&stop), begun: None, pushed_frames: 0 };
        std::thread::Builder::new().name("audio".into()).spawn(move || {
            // Nobody listens any more when the command is about to leave.
            let _ = told.send(work.run());
        })?;
        Ok(Self { stop, end })
    }

    /// Asks it to stop. What it has taken out of a pipe is still pushed, if there is room.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for its end. Cancelling this loses nothing.
    pub(crate) async fn ended(&mut self) -> PumpEnd {
        // What a pump pushed before it panicked is in the ring.
        let panicked =
            |_| PumpEnd::Broken("reading the audio failed by an internal error; please report it".into());
        (&mut self.end).await.unwrap_or_else(panicked)
    }
}

struct Work {
    tap: Tap,
    source: Box<dyn Source>,
    pace: Option<f32>,
    stop: Arc<AtomicBool>,
    begun: Option<Instant>,
    pushed_frames: u64,
}

impl Work {
    fn run(mut self) -> PumpEnd {
        let format = self.source.format();
        let frame_bytes = format.frame_bytes();
        let piece_bytes = (format.rate_hz() * PUSH_MS / 1_000).max(1) as usize * frame_bytes;
        let mut block = Vec::new();
        loop {
            if self.stopped() {
                return PumpEnd::Stopped;
            }
            match self.source.read(&mut block) {
                Ok(true) => {}
                Ok(false) => return PumpEnd::Whole,
                Err(sentence) => return PumpEnd::Broken(sentence),
            }
            if self.stopped() {
                // It came after the command was told to end.
                return PumpEnd::Stopped;
            }
            for piece in block.chunks(piece_bytes) {
                let frames = piece.len() / frame_bytes;
                let goes_on = self.wait_until_due() && self.wait_for_room(frames);
                // What was taken out of a pipe is nowhere else any more.
                if goes_on || self.source.is_pipe() && self.tap.free_frames() >= frames {
                    // There is room for all of it, so nothing is dropped.
                    let _ = self.tap.push_bytes(piece, None);
                    self.pushed_frames += frames as u64;
                }
                if !goes_on {
                    return PumpEnd::Stopped;
                }
            }
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.tap.is_closed()
    }

    /// Waits until the next frame would have been captured at the pace; false when the pump is stopped.
    fn wait_until_due(&mut self) -> bool {
        let Some(pace) = self.pace else { return !self.stopped() };
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let due_s = self.pushed_frames as f64 / f64::from(self.source.format().rate_hz()) / f64::from(pace);
        let due = begun + Duration::from_secs_f64(due_s);
        loop {
            if self.stopped() {
                return false;
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(SLEEP_MAX));
        }
    }

    /// Waits until the ring takes this many frames; false when the pump is stopped.
    fn wait_for_room(&self, frames: usize) -> bool {
        while self.tap.free_frames() < frames {
            if self.stopped() {
                return false;
            }
            // The ring has no way to wake anyone, by design: it is looked at again soon.
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }
}
