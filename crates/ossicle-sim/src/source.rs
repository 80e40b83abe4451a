//! What the microphones hear: noise in which each place tells its own position, so that a piece of audio, wherever
//! it turns up, says which frames it is.
//!
//! Four frames carry 28 bits: a permutation of the number of their block. No sample is zero, so that silence that
//! was put in is told apart.

use crate::rng::mix;

/// Frames needed to find a position: a whole block in any alignment.
pub(crate) const LOCATE_FRAMES: usize = 8;

const HALF_BITS: u32 = 14;
const HALF: u32 = (1 << HALF_BITS) - 1;
const ROUNDS: u64 = 4;

/// The sound at one session's microphones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    key: u64,
    pub(crate) channels: usize,
}

impl Source {
    pub(crate) fn new(key: u64, channels: usize) -> Self {
        Self { key: mix(key), channels }
    }

    fn round(&self, channel: usize, round: u64, half: u32) -> u32 {
        mix(self.key ^ (channel as u64) << 60 ^ round << 32 ^ u64::from(half)) as u32 & HALF
    }

    /// A permutation of 28 bits.
    fn scramble(&self, channel: usize, block: u32) -> u32 {
        let (mut left, mut right) = (block >> HALF_BITS & HALF, block & HALF);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.round(channel, round, right));
        }
        left << HALF_BITS | right
    }

    fn unscramble(&self, channel: usize, word: u32) -> u32 {
        let (mut left, mut right) = (word >> HALF_BITS & HALF, word & HALF);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.round(channel, round, left), left);
        }
        left << HALF_BITS | right
    }

    /// Appends `frames` frames from the position `from`, interleaved.
    pub(crate) fn fill(&self, from: u64, frames: u64, out: &mut Vec<i16>) {
        let mut words = [0u32; 2];
        let mut block = u64::MAX;
        for frame in from..from + frames {
            if frame / 4 != block {
                block = frame / 4;
                for (channel, word) in words.iter_mut().enumerate().take(self.channels) {
                    *word = self.scramble(channel, block as u32);
                }
            }
            for word in &words[..self.channels] {
                out.push(((*word >> (7 * (frame % 4)) & 0x7f) as i16) * 2 - 127);
            }
        }
    }

    /// The position of this audio, of which at least [`LOCATE_FRAMES`] frames are looked at.
    pub(crate) fn locate(&self, samples: &[i16]) -> Option<u64> {
        let window = samples.get(..LOCATE_FRAMES * self.channels)?;
        let mut expected = Vec::with_capacity(window.len());
        for shift in 0..4 {
            let mut word = 0;
            for at in 0..4 {
                let value = (i32::from(window[(shift + at) * self.channels]) + 127) / 2;
                word |= (value as u32 & 0x7f) << (7 * at);
            }
            let block = u64::from(self.unscramble(0, word));
            let Some(from) = (block * 4).checked_sub(shift as u64) else { continue };
            expected.clear();
            self.fill(from, LOCATE_FRAMES as u64, &mut expected);
            if expected == window {
                return Some(from);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_tells_its_position() {
        for channels in [1, 2] {
            let source = Source::new(7, channels);
            for from in (0..5_000).chain([123_456_789]) {
                let mut samples = Vec::new();
                source.fill(from, 8, &mut samples);
                assert!(samples.iter().all(|sample| *sample != 0));
                assert_eq!(source.locate(&samples), Some(from));
                assert_eq!(Source::new(8, channels).locate(&samples), None);
            }
        }
    }
}
