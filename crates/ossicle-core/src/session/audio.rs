//! A session's ears: reads the ring, throws away what must not be kept, puts silence in, paces what goes out.

use super::{Goal, Link, Session};
use crate::config::Overflow;
use crate::event::{Event, Warning};
use crate::held::Held;
use crate::ledger::DropReason;
use crate::limits::PACE_BURST_CHUNKS;
use crate::shared::Shared;
use crate::stream::Closing;
use crate::time::Mono;
use ossicle_audio::{Finding, FrontEnd, GapReason, Piece, Scratch};

/// A ring is read at least this often while audio comes, whatever the chunk's length, so that a short ring does
/// not run full.
const READ_PER_SECOND: u64 = 10;

impl Session {
    pub(super) fn listen(&mut self, shared: &mut Shared, now: Mono) {
        if self.goal == Goal::Pause {
            self.discard_ring(DropReason::Paused, now);
            return;
        }
        if self.muted {
            self.discard_ring(DropReason::Muted, now);
        } else {
            self.read_ring(shared, now, false);
        }
        self.keep_alive(shared, now);
    }

    /// Reads the ring when a chunk's worth is in it, or when `all` is asked for; then the resampler is emptied too.
    pub(super) fn read_ring(&mut self, shared: &mut Shared, now: Mono, all: bool) {
        let enough = self.enough(self.chunk.saturating_sub(self.held.unfed()));
        let Some(front) = &mut self.front else { return };
        let ready = front.ready_frames();
        let full = self.settings.overflow == Overflow::Wait
            && self.held.undelivered() + ready > self.settings.held_frames_max;
        if !all && (ready < enough || full) {
            return;
        }
        let before = self.held.ledger.captured;
        read(front, &mut self.held, &mut shared.scratch, now, all);
        if self.held.ledger.captured > before {
            self.last_audio = now;
            self.silence_at = None;
        }
        self.tell_findings(shared);
        self.tell_ring_full(shared);
    }

    /// Frames in the ring that are worth reading it, when so many are missing for a chunk.
    pub(super) fn enough(&self, missing: u64) -> u64 {
        missing.min(u64::from(self.wire.rate_hz()) / READ_PER_SECOND).max(1)
    }

    /// Throws away what is in the ring, counting it.
    pub(super) fn discard_ring(&mut self, reason: DropReason, now: Mono) {
        if let Some(front) = &mut self.front {
            let frames = front.discard(now.0);
            self.held.ledger.capture_dropped(reason, frames);
        }
    }

    /// Puts paced silence in while nothing is pushed or the session is muted: only on a stream that has
    /// everything else, so that an outage does not fill with silence.
    fn keep_alive(&mut self, shared: &mut Shared, now: Mono) {
        if self.silence_at.is_none() {
            let quiet_ms = now.ms_since(self.last_audio);
            if self.settings.keep_alive_ms == 0
                || quiet_ms < self.settings.keep_alive_ms
                || self.front.is_none()
            {
                return;
            }
            self.silence_at = Some(now);
            if !self.warned.keep_alive {
                self.warned.keep_alive = true;
                shared.tell(self.key, Event::Warning(Warning::KeepAlive));
            }
        }
        let streaming = matches!(&self.link, Link::Up(stream) if stream.accepted && stream.closing.is_none());
        let caught_up = self.held.unfed() < self.chunk;
        let Some(at) = self.silence_at else { return };
        if now < at {
            return;
        }
        if streaming && caught_up {
            let samples = (self.chunk as usize) * usize::from(self.wire.channels());
            self.held.put_silence(shared.silence(samples));
        }
        let chunk_ns = self.chunk * 1_000_000_000 / u64::from(self.wire.rate_hz());
        // Never behind by more than one chunk: silence is not caught up on.
        let next = Mono(at.0 + chunk_ns);
        self.silence_at = Some(if next < now { now } else { next });
    }

    pub(crate) fn refill_allowance(&mut self, catch_up_rate: f32, now: Mono) {
        let per_s = f64::from(self.wire.rate_hz()) * f64::from(self.settings.pace) * f64::from(catch_up_rate);
        let elapsed_s = now.ns_since(self.paced_at) as f64 / 1e9;
        self.paced_at = now;
        let burst = (self.chunk * u64::from(PACE_BURST_CHUNKS)) as f64 + per_s * 0.02;
        self.allowance = (self.allowance + per_s * elapsed_s).min(burst);
    }

    // ---- what is due ----

    /// Frames that may go into the next message now: a full chunk, or at the end what remains.
    pub(crate) fn due_frames(&self) -> u64 {
        let unfed = self.held.unfed();
        let flush = matches!(&self.link, Link::Up(stream)
            if matches!(stream.closing, Some(Closing::Pause | Closing::End)));
        let frames = if unfed >= self.chunk {
            self.chunk
        } else if flush {
            unfed
        } else {
            0
        };
        if self.settings.pace.is_infinite() || self.allowance >= frames as f64 { frames } else { 0 }
    }

    /// Takes frames out of the pacing allowance.
    pub(crate) fn spend(&mut self, frames: u64) {
        self.allowance -= frames as f64;
    }

    /// Bytes of audio held.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.held.bytes()
    }

    /// Bytes that held audio takes, with the room that is kept for more.
    pub(crate) fn held_memory_bytes(&self) -> u64 {
        self.held.memory_bytes()
    }

    /// Gives up the oldest held audio for the engine's bound.
    pub(crate) fn give_back(&mut self, bytes: u64, shared: &mut Shared) {
        let frame_bytes = self.wire.frame_bytes() as u64;
        let keep = self.held.bytes().saturating_sub(bytes) / frame_bytes;
        for lost in self.held.limit(keep.max(self.chunk)) {
            self.tell_lost(lost, shared);
        }
    }

    // ---- what was heard ----

    fn tell_ring_full(&mut self, shared: &mut Shared) {
        for lost in self.held.take_gaps() {
            self.tell_lost(lost, shared);
        }
    }

    fn tell_findings(&mut self, shared: &mut Shared) {
        let Some(front) = &mut self.front else { return };
        for finding in front.findings() {
            if let Some(warning) = warning(finding) {
                shared.tell(self.key, Event::Warning(warning));
            }
        }
    }
}

fn read(front: &mut FrontEnd, held: &mut Held, scratch: &mut Scratch, now: Mono, all: bool) {
    let mut sink = |piece: Piece<'_>| match piece {
        Piece::Audio(pcm) | Piece::Fill(pcm) => held.capture(pcm),
        Piece::Gap { frames, reason: GapReason::RingFull } => held.gap(DropReason::RingFull, frames),
        // A piece that this version does not know carries no audio that it could send.
        _ => {}
    };
    front.drain(now.0, scratch, &mut sink);
    if all {
        front.flush(now.0, scratch, &mut sink);
    }
}

fn warning(finding: Finding) -> Option<Warning> {
    Some(match finding {
        Finding::Silent { channel } | Finding::Stuck { channel } => Warning::SilentMicrophone { channel },
        Finding::Clipping { channel } => Warning::Clipping { channel },
        Finding::RateMismatch { declared_hz, measured_hz, .. } => {
            Warning::RateMismatch { declared_hz, measured_hz }
        }
        Finding::WavHeader { .. } => Warning::WavHeader,
        _ => return None,
    })
}
