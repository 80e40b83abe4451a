//! What one stream carried: audio found in the source by its content.

use crate::ranges::Ranges;
use crate::source::{LOCATE_FRAMES, Source};

/// A stretch of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    /// The first frame on the stream.
    pub(crate) at: u64,
    pub(crate) frames: u64,
    /// The position in the source, or none for silence that was put in.
    pub(crate) position: Option<u64>,
}

/// Listens to one stream.
#[derive(Debug)]
pub(crate) struct Listener {
    source: Source,
    /// Where the stream is expected to begin.
    begin: u64,
    /// Samples whose place is not known yet.
    pending: Vec<i16>,
    expected: Vec<i16>,
    next: Option<u64>,
    pub(crate) frames: u64,
    pub(crate) heard: Vec<Heard>,
}

impl Listener {
    pub(crate) fn new(source: Source, begin: u64) -> Self {
        Self {
            source,
            begin,
            pending: Vec::new(),
            expected: Vec::new(),
            next: None,
            frames: 0,
            heard: Vec::new(),
        }
    }

    /// Takes decoded audio. `named` are the positions that the ledger calls dropped: only over them may a stream
    /// jump.
    pub(crate) fn hear(&mut self, pcm: &[i16], named: &Ranges) -> Result<(), String> {
        self.pending.extend_from_slice(pcm);
        let channels = self.source.channels;
        loop {
            let frames = self.pending.len() / channels;
            if frames == 0 {
                return Ok(());
            }
            let silent =
                self.pending.chunks_exact(channels).take_while(|f| f.iter().all(|s| *s == 0)).count();
            if silent > 0 {
                self.note(silent as u64, None);
                self.pending.drain(..silent * channels);
                continue;
            }
            if let Some(next) = self.next {
                let same = self.matching(next, frames);
                // After silence the position may have jumped: a frame or two may fit by chance.
                let after_silence = self.heard.last().is_some_and(|last| last.position.is_none());
                if after_silence && same == frames && frames < LOCATE_FRAMES {
                    return Ok(());
                }
                if same > 0 && (!after_silence || same >= LOCATE_FRAMES) {
                    self.note(same as u64, Some(next));
                    self.next = Some(next + same as u64);
                    self.pending.drain(..same * channels);
                    continue;
                }
            }
            if frames < LOCATE_FRAMES {
                return Ok(());
            }
            let found = self.source.locate(&self.pending).or_else(|| self.after_a_gap(named, frames));
            let Some(found) = found else {
                let (at, next) = (self.frames, self.next);
                return Err(format!(
                    "audio after frame {at} of the stream, {next:?} of the source, is not the source's"
                ));
            };
            if let Some(next) = self.next {
                if found < next {
                    return Err(format!("a stream goes back from {next} to {found}"));
                }
                let back = self.shared(next, found);
                // What was delivered before the stream began may be left out, too.
                let covered = (0..=back).find(|back| {
                    let to = found - back;
                    named.covers((next - back).max(self.begin.min(to)), to)
                });
                let Some(back) = covered else {
                    let hole = named.gap_after(next);
                    return Err(format!("a stream jumps from {next} to {found}; nobody dropped {hole}"));
                };
                self.give_back(back);
                self.next = Some(found - back);
                continue;
            }
            self.next = Some(found);
        }
    }

    /// By chance the first frames after a gap may be those that would have come without it: how many of the last
    /// heard frames fit in both places.
    fn shared(&mut self, next: u64, found: u64) -> u64 {
        let most = (LOCATE_FRAMES as u64).min(next).min(found);
        let most = most.min(self.heard.last().map_or(0, |last| last.frames.saturating_sub(1)));
        let (mut here, mut there) = (Vec::new(), Vec::new());
        self.source.fill(next - most, most, &mut here);
        self.source.fill(found - most, most, &mut there);
        let channels = self.source.channels;
        let same = here.chunks_exact(channels).rev().zip(there.chunks_exact(channels).rev());
        same.take_while(|(a, b)| a == b).count() as u64
    }

    /// The last frames that were heard were not what they seemed.
    fn give_back(&mut self, frames: u64) {
        if frames == 0 {
            return;
        }
        let Some(last) = self.heard.last_mut() else { return };
        last.frames -= frames;
        self.frames -= frames;
        let Some(position) = last.position else { return };
        let mut again = Vec::new();
        self.source.fill(position + last.frames, frames, &mut again);
        again.extend_from_slice(&self.pending);
        self.pending = again;
    }

    /// The stream ended: what is left is too short to be found by content, so it is looked for where a gap ends.
    pub(crate) fn end(&mut self, named: &Ranges) -> Result<(), String> {
        let frames = self.pending.len() / self.source.channels;
        if frames == 0 {
            return Ok(());
        }
        match self.after_a_gap(named, frames) {
            Some(at) if self.matching(at, frames) == frames => {
                self.note(frames as u64, Some(at));
                self.pending.clear();
                Ok(())
            }
            _ => Err(format!("the last {frames} frames of a stream are not the source's")),
        }
    }

    /// Where a run that is too short to be found by its content fits best: where a gap ends.
    fn after_a_gap(&mut self, named: &Ranges, frames: usize) -> Option<u64> {
        let next = self.next.unwrap_or(0);
        let begin = if self.next.is_none() { self.begin } else { next };
        let mut best = None;
        for at in [begin].into_iter().chain(named.iter().map(|range| range.1)).chain([0]) {
            let same = if at >= next { self.matching(at, frames) } else { 0 };
            if same > best.map_or(0, |(most, _)| most) {
                best = Some((same, at));
            }
        }
        best.map(|(_, at)| at)
    }

    /// Frames that came and whose place is not known yet.
    pub(crate) fn pending_frames(&self) -> u64 {
        (self.pending.len() / self.source.channels) as u64
    }

    /// How many of the first `frames` pending frames are the source's from `from`.
    fn matching(&mut self, from: u64, frames: usize) -> usize {
        self.expected.clear();
        self.source.fill(from, frames as u64, &mut self.expected);
        if self.expected[..] == self.pending[..self.expected.len()] {
            return frames;
        }
        let same = self.expected.iter().zip(&self.pending).take_while(|(a, b)| a == b).count();
        same / self.source.channels
    }

    fn note(&mut self, frames: u64, position: Option<u64>) {
        let at = self.frames;
        self.frames += frames;
        if let Some(last) = self.heard.last_mut() {
            let joins = match (last.position, position) {
                (None, None) => true,
                (Some(before), Some(now)) => before + last.frames == now,
                _ => false,
            };
            if joins {
                last.frames += frames;
                return;
            }
        }
        self.heard.push(Heard { at, frames, position });
    }

    /// The first position of the source that was heard.
    pub(crate) fn first(&self) -> Option<u64> {
        self.heard.iter().find_map(|heard| heard.position)
    }

    /// Where a place on the stream is in the source, if it is captured audio.
    pub(crate) fn position(&self, at: u64) -> Option<u64> {
        let index = self.heard.partition_point(|heard| heard.at + heard.frames <= at);
        let heard = self.heard.get(index)?;
        Some(heard.position? + (at - heard.at))
    }
}
