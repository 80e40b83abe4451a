//! Held audio: 16-bit PCM from capture until its delivery is proven, and the marks on it.
//!
//! Positions count frames that enter here, captured audio and put-in silence alike, and never go back:
//!
//! ```text
//!   delivered ≤ sent ≤ fed ≤ end        base ≤ fed        (sent may fall back to a smaller value on a loss)
//! ```
//!
//! Samples are kept for `base..end`. `fed` is the encoder's place, `sent` what has left in a message (an encoder
//! may keep a frame back). Pieces say which positions are captured audio, and which frames of it.

use crate::ledger::{DropReason, Ledger};
use crate::planted::{Bug, has};
use std::collections::VecDeque;

/// A stretch of positions of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The first position.
    pub(crate) at: u64,
    /// How many.
    pub(crate) frames: u64,
    /// The captured frame at `at`; for silence, the captured frame that follows it.
    pub(crate) captured: u64,
    /// Put in, not captured.
    pub(crate) silence: bool,
}

impl Piece {
    fn end(&self) -> u64 {
        self.at + self.frames
    }
}

/// A range that was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) reason: DropReason,
    pub(crate) first_frame: u64,
    pub(crate) frames: u64,
}

fn frames_of(lost: &[Lost]) -> u64 {
    lost.iter().map(|lost| lost.frames).sum()
}

/// The store of one session.
#[derive(Debug)]
pub(crate) struct Held {
    channels: usize,
    samples: Samples,
    base: u64,
    end: u64,
    pieces: VecDeque<Piece>,
    delivered: u64,
    sent: u64,
    fed: u64,
    /// The highest position ever sent: what is sent below it is a repeat.
    sent_max: u64,
    overlap: u64,
    gaps: Vec<Lost>,
    pub(crate) ledger: Ledger,
}

impl Held {
    /// An empty store; `overlap` frames of delivered audio are kept for a resend.
    pub(crate) fn new(channels: u8, mut overlap: u64) -> Self {
        if has(Bug::ResentAfterMark) {
            overlap += 800;
        }
        Self {
            channels: usize::from(channels),
            samples: Samples::default(),
            base: 0,
            end: 0,
            pieces: VecDeque::new(),
            delivered: 0,
            sent: 0,
            fed: 0,
            sent_max: 0,
            overlap,
            gaps: Vec::new(),
            ledger: Ledger::default(),
        }
    }

    /// Takes captured audio, interleaved.
    pub(crate) fn capture(&mut self, pcm: &[i16]) {
        let frames = (pcm.len() / self.channels) as u64;
        let captured = self.ledger.captured;
        self.append(pcm, frames, captured, false);
        self.ledger.captured += frames;
        self.ledger.held += frames;
    }

    /// Captured frames that were lost before they came here: a gap that later audio does not close.
    pub(crate) fn gap(&mut self, reason: DropReason, frames: u64) {
        if has(Bug::DropForgotten) {
            return;
        }
        let first_frame = self.ledger.captured;
        self.ledger.capture_dropped(reason, frames);
        if frames > 0 {
            self.gaps.push(Lost { reason, first_frame, frames });
        }
    }

    /// The gaps since the last call. Allocates nothing while there are none.
    pub(crate) fn take_gaps(&mut self) -> Vec<Lost> {
        std::mem::take(&mut self.gaps)
    }

    /// Puts silence in.
    pub(crate) fn put_silence(&mut self, pcm: &[i16]) {
        let frames = (pcm.len() / self.channels) as u64;
        self.append(pcm, frames, self.ledger.captured, true);
        self.ledger.silence += frames;
    }

    fn append(&mut self, pcm: &[i16], frames: u64, captured: u64, silence: bool) {
        if frames == 0 {
            return;
        }
        self.samples.extend(pcm);
        match self.pieces.back_mut() {
            Some(last)
                if last.silence == silence
                    && last.captured + if silence { 0 } else { last.frames } == captured =>
            {
                last.frames += frames;
            }
            _ => self.pieces.push_back(Piece { at: self.end, frames, captured, silence }),
        }
        self.end += frames;
    }

    /// Frames that wait to be fed to an encoder.
    pub(crate) fn unfed(&self) -> u64 {
        self.end - self.fed
    }

    /// Frames that are not proven delivered, with those that an encoder keeps back.
    pub(crate) fn undelivered(&self) -> u64 {
        self.end - self.delivered
    }

    /// Bytes of samples kept.
    pub(crate) fn bytes(&self) -> u64 {
        (self.end - self.base) * self.channels as u64 * 2
    }

    /// Bytes that the samples take, with the room that is kept for more.
    pub(crate) fn memory_bytes(&self) -> u64 {
        (self.samples.queue.capacity() * size_of::<i16>()) as u64
    }

    /// The place from which the encoder is fed next.
    pub(crate) fn fed(&self) -> u64 {
        self.fed
    }

    /// How far messages have left.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// The captured frame at a position in `delivered..end`.
    pub(crate) fn piece_at(&self, at: u64) -> Option<Piece> {
        let index = self.pieces.partition_point(|piece| piece.end() <= at);
        self.pieces.get(index).filter(|piece| piece.at <= at).map(|piece| {
            let skip = at - piece.at;
            Piece {
                at,
                frames: piece.frames - skip,
                captured: piece.captured + if piece.silence { 0 } else { skip },
                silence: piece.silence,
            }
        })
    }

    /// The next `frames` unfed frames as one or two slices.
    pub(crate) fn peek(&mut self, frames: u64) -> (&[i16], &[i16]) {
        self.samples.keep_frames_whole(self.channels);
        let mut skip = (self.fed - self.base) as usize * self.channels;
        if has(Bug::ResendOffByOne) && self.fed < self.sent_max && frames < self.unfed() {
            skip += self.channels;
        }
        self.samples.range(skip, frames as usize * self.channels)
    }

    /// The encoder took `frames`, of which all but `pending` have left in a message.
    pub(crate) fn feed(&mut self, frames: u64, pending: u64) {
        self.fed += frames;
        self.mark_sent(self.fed - pending);
    }

    /// The encoder gave out what it had kept back.
    pub(crate) fn fed_is_sent(&mut self) {
        self.mark_sent(self.fed);
    }

    fn mark_sent(&mut self, to: u64) {
        if to <= self.sent {
            return;
        }
        let repeat = self.audio_between(self.sent, to.min(self.sent_max));
        let moved = self.audio_between(self.sent.max(self.delivered), to);
        self.ledger.resent += repeat;
        self.ledger.held -= moved;
        self.ledger.in_flight += moved;
        self.sent = to;
        self.sent_max = self.sent_max.max(to);
    }

    /// Everything sent before `to` has arrived. Returns whether that is news.
    pub(crate) fn deliver(&mut self, to: u64) -> bool {
        let to = to.min(self.sent);
        if to <= self.delivered {
            return false;
        }
        let proven = self.audio_between(self.delivered, to);
        self.ledger.in_flight -= proven;
        self.ledger.delivered += proven;
        self.delivered = to;
        self.trim();
        true
    }

    /// The stream is lost: what it carried and is not proven is to be sent again, as far as it is still here.
    pub(crate) fn lose_stream(&mut self) -> Vec<Lost> {
        let mut lost = Vec::new();
        if self.base > self.delivered {
            let until = self.base.min(self.sent);
            lost = self.lost_range(DropReason::Unproven, self.delivered, until);
            self.ledger.in_flight -= frames_of(&lost);
            self.delivered = self.base;
        }
        let back = self.audio_between(self.delivered, self.sent);
        self.ledger.in_flight -= back;
        self.ledger.held += back;
        let from = self.delivered.saturating_sub(self.overlap).max(self.base);
        self.sent = from;
        self.fed = from;
        self.trim();
        lost
    }

    /// Frames that will go out a second time.
    pub(crate) fn to_resend(&self) -> u64 {
        self.sent_max.saturating_sub(self.sent)
    }

    /// Keeps at most `frames_max` frames: the oldest go. What was sent is only let go of, what never was sent is
    /// lost.
    pub(crate) fn limit(&mut self, frames_max: u64) -> Vec<Lost> {
        let kept = self.end - self.base;
        let mut lost = Vec::new();
        if kept <= frames_max {
            return lost;
        }
        let to = self.end - frames_max;
        if to > self.sent {
            // What an encoder keeps back is no longer ours to send again.
            self.fed_is_sent();
        }
        if to > self.fed {
            // An overlap goes back behind the delivered mark: giving that up loses nothing.
            let from = self.fed.max(self.delivered);
            if to > from {
                lost = self.lost_range(DropReason::HeldLimit, from, to);
                self.ledger.held -= frames_of(&lost);
                self.forget_pieces(from, to);
            }
            self.skip_to(to);
        }
        self.cut_samples(to);
        self.trim();
        lost
    }

    /// A dropped range must not be counted again when a mark passes over it.
    fn forget_pieces(&mut self, from: u64, to: u64) {
        let first = self.pieces.partition_point(|piece| piece.end() <= from);
        let mut rest = self.pieces.split_off(first);
        if let Some(piece) = rest.front().filter(|piece| piece.at < from) {
            self.pieces.push_back(Piece { frames: from - piece.at, ..*piece });
        }
        while rest.front().is_some_and(|piece| piece.end() <= to) {
            rest.pop_front();
        }
        if let Some(piece) = rest.front_mut().filter(|piece| piece.at < to) {
            let skip = to - piece.at;
            piece.at = to;
            piece.frames -= skip;
            piece.captured += if piece.silence { 0 } else { skip };
        }
        self.pieces.append(&mut rest);
    }

    /// Positions up to `to` are given up: nothing before it can be sent or proven any more.
    fn skip_to(&mut self, to: u64) {
        self.fed = to;
        self.sent = to;
    }

    /// The service has taken everything: it says that the session is complete.
    pub(crate) fn complete(&mut self) {
        let open = self.ledger.held + self.ledger.in_flight;
        self.ledger.delivered += open;
        self.ledger.held = 0;
        self.ledger.in_flight = 0;
        self.delivered = self.end;
        self.skip_to(self.end);
        self.sent_max = self.end;
        self.trim();
    }

    /// Nothing more will be sent: all that is not delivered is dropped.
    pub(crate) fn give_up(&mut self) -> Vec<Lost> {
        let all = self.lost_range(DropReason::Ended, self.delivered, self.end);
        self.ledger.held = 0;
        self.ledger.in_flight = 0;
        self.delivered = self.end;
        self.skip_to(self.end);
        self.sent_max = self.end;
        self.trim();
        all
    }

    /// Counts a range as dropped. Positions may jump over captured frames that never came here (a full ring, a
    /// mute), so one range of positions may be several of captured frames.
    fn lost_range(&mut self, reason: DropReason, from: u64, to: u64) -> Vec<Lost> {
        let mut all: Vec<Lost> = Vec::new();
        let first = self.pieces.partition_point(|piece| piece.end() <= from);
        for piece in self.pieces.range(first..).take_while(|piece| piece.at < to) {
            if piece.silence {
                continue;
            }
            let begin = piece.at.max(from);
            let (first_frame, frames) = (piece.captured + (begin - piece.at), piece.end().min(to) - begin);
            match all.last_mut() {
                Some(last) if last.first_frame + last.frames == first_frame => last.frames += frames,
                _ => all.push(Lost { reason, first_frame, frames }),
            }
        }
        self.ledger.add_dropped(reason, frames_of(&all));
        all
    }

    /// Captured frames among the positions `from..to`.
    fn audio_between(&self, from: u64, to: u64) -> u64 {
        if to <= from {
            return 0;
        }
        let index = self.pieces.partition_point(|piece| piece.end() <= from);
        self.pieces
            .iter()
            .skip(index)
            .take_while(|piece| piece.at < to)
            .filter(|piece| !piece.silence)
            .map(|piece| piece.end().min(to) - piece.at.max(from))
            .sum()
    }

    fn trim(&mut self) {
        let free = self.delivered.saturating_sub(self.overlap).min(self.fed);
        self.cut_samples(free);
        // Pieces are needed as long as their frames can still change state or be sent again.
        let needed = self.delivered.min(self.base).min(self.sent);
        while self.pieces.front().is_some_and(|piece| piece.end() <= needed) {
            self.pieces.pop_front();
        }
    }

    fn cut_samples(&mut self, to: u64) {
        if to > self.base {
            self.samples.cut((to - self.base) as usize * self.channels);
            self.base = to;
        }
    }
}

/// A queue of samples that can be read in place and gives memory back after an outage.
#[derive(Debug, Default)]
struct Samples {
    queue: VecDeque<i16>,
}

/// Capacity that is kept in any case: a little over a second of 16 kHz mono, what a healthy stream has in flight.
const SAMPLES_KEPT: usize = 20 * 1024;

impl Samples {
    fn extend(&mut self, pcm: &[i16]) {
        let (len, capacity) = (self.queue.len(), self.queue.capacity());
        if len + pcm.len() > capacity {
            // A quarter at a time: doubling would keep two seconds of memory for one second in flight.
            // Even, so that the queue's memory ends after a whole frame of one or two channels.
            self.queue.reserve_exact(pcm.len().max((capacity / 4).next_multiple_of(2)));
        }
        self.queue.extend(pcm);
    }

    fn cut(&mut self, samples: usize) {
        self.queue.drain(..samples);
        let capacity = self.queue.capacity();
        if capacity > SAMPLES_KEPT && self.queue.len() < capacity / 8 {
            self.queue.shrink_to(SAMPLES_KEPT.max(self.queue.len() * 2));
        }
    }

    /// An encoder takes whole frames: the queue's memory must not end inside one. It does not by how it grows, but
    /// the allocation's true size is the standard library's choice.
    fn keep_frames_whole(&mut self, channels: usize) {
        if !self.queue.as_slices().0.len().is_multiple_of(channels) {
            self.queue.make_contiguous();
        }
    }

    fn range(&self, skip: usize, len: usize) -> (&[i16], &[i16]) {
        let (a, b) = self.queue.as_slices();
        if skip >= a.len() {
            (&b[skip - a.len()..][..len], &[])
        } else {
            let first = (a.len() - skip).min(len);
            (&a[skip..][..first], &b[..len - first])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ramp(from: u64, frames: usize) -> Vec<i16> {
        (0..frames).map(|n| (from as usize + n) as i16).collect()
    }

    #[test]
    fn a_loss_goes_back_to_the_delivered_mark() {
        let mut held = Held::new(1, 0);
        held.capture(&ramp(0, 1_000));
        held.feed(600, 0);
        assert!(held.deliver(200));
        assert_eq!((held.ledger.delivered, held.ledger.in_flight, held.ledger.held), (200, 400, 400));
        assert_eq!(held.lose_stream(), []);
        assert_eq!((held.ledger.delivered, held.ledger.in_flight, held.ledger.held), (200, 0, 800));
        assert_eq!(held.peek(3).0, &[200, 201, 202]);
        held.feed(800, 0);
        assert_eq!(held.ledger.resent, 400);
        assert!(held.ledger.is_balanced());
    }

    #[test]
    fn overlap_resends_delivered_audio_and_counts_it_once() {
        let mut held = Held::new(1, 50);
        held.capture(&ramp(0, 300));
        held.feed(300, 0);
        held.deliver(200);
        held.lose_stream();
        assert_eq!(held.fed(), 150);
        held.feed(150, 0);
        assert_eq!((held.ledger.delivered, held.ledger.in_flight, held.ledger.resent), (200, 100, 150));
        assert!(held.deliver(300));
        assert_eq!(held.ledger.delivered, 300);
        assert!(held.ledger.is_balanced());
    }

    #[test]
    fn what_was_sent_is_let_go_and_only_lost_with_its_stream() {
        let mut held = Held::new(1, 0);
        held.capture(&ramp(0, 500));
        held.feed(400, 0);
        assert_eq!(held.limit(200), []);
        assert_eq!((held.ledger.in_flight, held.ledger.held), (400, 100));
        assert_eq!(held.lose_stream(), [Lost { reason: DropReason::Unproven, first_frame: 0, frames: 300 }]);
        assert_eq!((held.ledger.in_flight, held.ledger.held), (0, 200));
        assert!(held.ledger.is_balanced());
    }

    #[test]
    fn a_let_go_range_still_becomes_delivered() {
        let mut held = Held::new(1, 0);
        held.capture(&ramp(0, 500));
        held.feed(400, 0);
        held.limit(200);
        assert!(held.deliver(400));
        assert_eq!(held.ledger.delivered, 400);
        assert!(held.ledger.is_balanced());
    }

    #[test]
    fn what_an_encoder_keeps_back_is_let_go_too() {
        let mut held = Held::new(1, 0);
        held.capture(&ramp(0, 500));
        held.feed(500, 100);
        assert_eq!((held.ledger.in_flight, held.ledger.held), (400, 100));
        // The bound falls into what the encoder keeps back.
        assert_eq!(held.limit(50), []);
        assert_eq!((held.ledger.in_flight, held.ledger.held), (500, 0));
        assert_eq!(held.lose_stream(), [Lost { reason: DropReason::Unproven, first_frame: 0, frames: 450 }]);
        assert_eq!((held.ledger.in_flight, held.ledger.held), (0, 50));
        assert!(held.ledger.is_balanced());
    }

    #[test]
    fn silence_is_counted_apart_and_gaps_keep_positions_true() {
        let mut held = Held::new(2, 0);
        held.capture(&[1; 20]);
        held.put_silence(&[0; 40]);
        held.ledger.capture_dropped(DropReason::Muted, 7);
        held.capture(&[2; 20]);
        held.feed(40, 0);
        held.deliver(40);
        assert_eq!((held.ledger.captured, held.ledger.delivered, held.ledger.silence), (27, 20, 20));
        assert!(held.ledger.is_balanced());
    }

    #[test]
    fn what_is_peeked_at_are_whole_frames() {
        let mut held = Held::new(2, 0);
        for n in 0..2_000u64 {
            held.capture(&ramp(n, 162 + 2 * (n as usize % 7)));
            while held.unfed() >= 80 {
                let (first, second) = held.peek(80);
                assert!(first.len() % 2 == 0 && first.len() + second.len() == 160);
                held.feed(80, 0);
            }
            if n % 5 == 0 {
                held.deliver(held.sent());
            }
        }
    }

    #[test]
    fn an_overlap_is_given_up_without_a_loss() {
        let mut held = Held::new(1, 300);
        held.capture(&ramp(0, 500));
        held.feed(400, 0);
        held.deliver(400);
        held.lose_stream();
        held.capture(&ramp(500, 100));
        // The bound falls between the resend's beginning and the delivered mark.
        assert_eq!(held.limit(300), []);
        assert_eq!((held.fed(), held.peek(1).0), (300, &[300][..]));
        held.feed(300, 0);
        held.deliver(600);
        assert_eq!((held.ledger.delivered, held.ledger.held), (600, 0));
        assert!(held.ledger.is_balanced());
    }

    #[test]
    fn what_is_lost_around_a_gap_is_told_in_two_ranges() {
        let mut held = Held::new(1, 0);
        held.capture(&ramp(0, 10));
        held.ledger.capture_dropped(DropReason::Muted, 5);
        held.put_silence(&[0; 3]);
        held.capture(&ramp(15, 10));
        let lost = |first_frame, frames| Lost { reason: DropReason::Ended, first_frame, frames };
        assert_eq!(held.give_up(), [lost(0, 10), lost(15, 10)]);
        assert!(held.ledger.is_balanced());
    }

    #[test]
    fn pieces_tell_the_captured_frame_after_a_gap() {
        let mut held = Held::new(1, 0);
        held.capture(&ramp(0, 10));
        held.ledger.capture_dropped(DropReason::RingFull, 5);
        held.capture(&ramp(15, 10));
        assert_eq!(held.piece_at(12), Some(Piece { at: 12, frames: 8, captured: 17, silence: false }));
        assert_eq!(held.piece_at(20), None);
    }

    proptest! {
        #[test]
        fn the_account_is_balanced_whatever_happens(steps in proptest::collection::vec((0u8..8, 0u64..300), 1..200)) {
            let mut held = Held::new(1, 40);
            let mut next = 0u64;
            for (step, n) in steps {
                match step {
                    0 | 1 => { held.capture(&ramp(next, n as usize)); next += n; }
                    2 => held.put_silence(&vec![0; n as usize]),
                    3 => { let n = n.min(held.unfed()); held.feed(n, u64::from(n > 0)); }
                    4 => { held.deliver(held.sent().saturating_sub(n)); }
                    5 => { held.lose_stream(); }
                    6 => { held.limit(n * 3); }
                    _ => { held.ledger.capture_dropped(DropReason::RingFull, n); next += n; }
                }
                prop_assert!(held.ledger.is_balanced(), "{:?}", held);
                prop_assert!(held.delivered <= held.sent.max(held.base) || held.overlap > 0);
                if let Some(piece) = held.piece_at(held.fed) && !piece.silence {
                    prop_assert_eq!(held.peek(1).0[0], piece.captured as i16);
                }
            }
            held.give_up();
            prop_assert!(held.ledger.is_balanced());
            prop_assert_eq!(held.ledger.held + held.ledger.in_flight, 0);
        }
    }
}
