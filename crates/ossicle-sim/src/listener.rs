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
    /// Samples whose place is not known yet.
    pending: Vec<i16>,
    expected: Vec<i16>,
    next: Option<u64>,
    pub(crate) frames: u64,
    pub(crate) heard: Vec<Heard>,
}

impl Listener {
    pub(crate) fn new(source: Source) -> Self {
        Self { source, pending: Vec::new(), expected: Vec::new(), next: None, frames: 0, heard: Vec::new() }
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
                if same > 0 {
                    self.note(same as u64, Some(next));
                    self.next = Some(next + same as u64);
                    self.pending.drain(..same * channels);
                    continue;
                }
            }
            if frames < LOCATE_FRAMES {
                return Ok(());
            }
            let Some(found) = self.source.locate(&self.pending) else {
                return Err(format!("audio after frame {} of the stream is not the source's", self.frames));
            };
            if let Some(next) = self.next {
                if found < next {
                    return Err(format!("a stream goes back from {next} to {found}"));
                }
                if !named.covers(next, found) {
                    let hole = named.gap_after(next);
                    return Err(format!("a stream jumps from {next} to {found}; nobody dropped {hole}"));
                }
            }
            self.next = Some(found);
        }
    }

    /// The stream ended: what is left is too short to be found by content, so it is looked for where a gap ends.
    pub(crate) fn end(&mut self, named: &Ranges) -> Result<(), String> {
        let frames = self.pending.len() / self.source.channels;
        if frames == 0 {
            return Ok(());
        }
        let places: Vec<u64> =
            named.iter().map(|range| range.1).filter(|at| self.next.is_none_or(|next| *at >= next)).collect();
        for at in places.into_iter().chain([0]) {
            if self.matching(at, frames) == frames {
                self.note(frames as u64, Some(at));
                self.pending.clear();
                return Ok(());
            }
        }
        Err(format!("the last {frames} frames of a stream are not the source's"))
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
