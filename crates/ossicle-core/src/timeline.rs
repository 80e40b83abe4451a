//! One timeline: from the service's offsets on a stream to seconds of captured audio.
//!
//! A stream carries pieces of the session: captured audio, put-in silence, an encoder's leading frame. The map
//! of a stream says which captured frame each stretch stands for, so that a transcript's place is true over
//! reconnects, pauses, silence and gaps.

use crate::config::OffsetRule;
use crate::held::Piece;
use crate::limits::TIMELINE_STRETCHES_MAX;
use std::collections::VecDeque;

/// Which end of a range is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    Begin,
    End,
}

/// A stretch of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    /// First frame on the stream.
    at: u64,
    frames: u64,
    captured: u64,
    silence: bool,
}

/// What a stream carried, frame by frame.
#[derive(Debug)]
pub(crate) struct StreamMap {
    stretches: VecDeque<Stretch>,
    /// Frames fed so far, with leading ones.
    frames: u64,
    /// Frames that earlier streams of the session carried.
    before: u64,
}

impl StreamMap {
    /// The map of a new stream; `lead` frames of silence come first and stand for nothing captured.
    pub(crate) fn new(before: u64, lead: u64, captured: u64) -> Self {
        let mut map = Self { stretches: VecDeque::new(), frames: 0, before };
        if lead > 0 {
            map.add(Piece { at: 0, frames: lead, captured, silence: true });
        }
        map
    }

    /// The next frames of the stream stand for this piece.
    pub(crate) fn add(&mut self, piece: Piece) {
        let at = self.frames;
        self.frames += piece.frames;
        if let Some(last) = self.stretches.back_mut() {
            let next = last.captured + if last.silence { 0 } else { last.frames };
            if last.silence == piece.silence && next == piece.captured {
                last.frames += piece.frames;
                return;
            }
        }
        if self.stretches.len() == TIMELINE_STRETCHES_MAX {
            self.stretches.pop_front();
        }
        let Piece { frames, captured, silence, .. } = piece;
        self.stretches.push_back(Stretch { at, frames, captured, silence });
    }

    /// Frames on this stream and the earlier ones.
    pub(crate) fn total(&self) -> u64 {
        self.before + self.frames
    }

    /// The captured position, in frames, of a place on the stream. Where two stretches meet, what begins there is in
    /// the later one and what ends there in the earlier one.
    fn captured(&self, at: f64, edge: Edge) -> f64 {
        // A frame's number that went through seconds and back may come out a hair too low.
        let frame = (at.max(0.0) + 1e-6) as u64;
        let index = self.stretches.partition_point(|stretch| match edge {
            Edge::Begin => stretch.at + stretch.frames <= frame,
            Edge::End => stretch.at + stretch.frames < frame,
        });
        match self.stretches.get(index).or(self.stretches.back()) {
            None => at.max(0.0),
            Some(stretch) if stretch.silence => stretch.captured as f64,
            Some(stretch) => {
                // Past the end (a transcript of what is still on the way) runs on at the same slope.
                stretch.captured as f64 + (at - stretch.at as f64).max(0.0)
            }
        }
    }

    /// The captured position, in frames, of a service offset in frames.
    pub(crate) fn place(&self, rule: OffsetRule, offset: f64, edge: Edge) -> f64 {
        let at = match rule {
            OffsetRule::Continue => offset - self.before as f64,
            OffsetRule::Restart | OffsetRule::Detect => offset,
        };
        self.captured(at, edge)
    }

    /// What a transcript's range tells about the rule, when only one can explain it. `slack` covers the
    /// service's rounding.
    pub(crate) fn evidence(&self, begin: f64, end: f64, slack: f64) -> Option<OffsetRule> {
        if self.before == 0 {
            return None;
        }
        let carried = self.frames as f64;
        if end > carried + slack {
            // Past all that this stream carried: counted from the session's beginning.
            Some(OffsetRule::Continue)
        } else if begin + slack < self.before as f64 {
            // Before all that this stream carried, if counted from the session's beginning.
            Some(OffsetRule::Restart)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audio(frames: u64, captured: u64) -> Piece {
        Piece { at: 0, frames, captured, silence: false }
    }

    #[test]
    fn silence_stands_still_and_gaps_jump() {
        let mut map = StreamMap::new(0, 1, 0);
        map.add(audio(100, 0));
        map.add(Piece { at: 0, frames: 50, captured: 100, silence: true });
        map.add(audio(100, 130));
        assert_eq!(map.place(OffsetRule::Restart, 0.0, Edge::Begin), 0.0);
        assert_eq!(map.place(OffsetRule::Restart, 11.0, Edge::Begin), 10.0);
        assert_eq!(map.place(OffsetRule::Restart, 120.0, Edge::Begin), 100.0);
        assert_eq!(map.place(OffsetRule::Restart, 161.0, Edge::Begin), 140.0);
        assert_eq!(map.place(OffsetRule::Restart, 261.0, Edge::Begin), 240.0);
    }

    #[test]
    fn what_ends_at_a_gap_ends_before_it() {
        let mut map = StreamMap::new(0, 0, 0);
        map.add(audio(100, 0));
        map.add(audio(100, 130));
        assert_eq!(map.place(OffsetRule::Restart, 100.0, Edge::End), 100.0);
        assert_eq!(map.place(OffsetRule::Restart, 100.0, Edge::Begin), 130.0);
        assert!(map.place(OffsetRule::Restart, 100.0 - 1e-9, Edge::Begin) >= 130.0);
    }

    #[test]
    fn a_second_stream_is_placed_by_either_rule() {
        let mut map = StreamMap::new(1_000, 0, 900);
        map.add(audio(500, 900));
        assert_eq!(map.place(OffsetRule::Restart, 10.0, Edge::Begin), 910.0);
        assert_eq!(map.place(OffsetRule::Continue, 1_010.0, Edge::Begin), 910.0);
        assert_eq!(map.evidence(1_010.0, 1_200.0, 5.0), Some(OffsetRule::Continue));
        assert_eq!(map.evidence(10.0, 200.0, 5.0), Some(OffsetRule::Restart));
    }

    #[test]
    fn without_a_stream_before_nothing_can_be_told() {
        let mut map = StreamMap::new(0, 0, 0);
        map.add(audio(10, 0));
        assert_eq!(map.evidence(0.0, 100.0, 1.0), None);
    }

    #[test]
    fn the_map_is_bounded() {
        let mut map = StreamMap::new(0, 0, 0);
        for n in 0..5_000 {
            map.add(audio(10, n * 20));
        }
        assert_eq!(map.stretches.len(), TIMELINE_STRETCHES_MAX);
        assert_eq!(map.place(OffsetRule::Restart, 49_995.0, Edge::Begin), 99_985.0);
    }
}
