//! Levels, always on: one pass over the wire samples, a few operations for each.

use crate::limits::{LEVEL_WINDOW_MS, WIRE_CHANNELS_MAX};

const CHANNELS: usize = WIRE_CHANNELS_MAX as usize;

/// What one pass over some wire samples found for one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pass {
    pub(crate) min: i16,
    pub(crate) max: i16,
    /// Sum of the squares, exact: 2^34 samples at full scale would fit.
    pub(crate) squares: u64,
}

impl Pass {
    pub(crate) const NOTHING: Self = Self { min: i16::MAX, max: i16::MIN, squares: 0 };

    /// True when a sample is at full scale.
    pub(crate) fn clips(&self) -> bool {
        self.max == i16::MAX || self.min <= -i16::MAX
    }
}

/// Measures interleaved `samples` of one or two channels.
pub(crate) fn measure(samples: &[i16], channels: usize) -> [Pass; CHANNELS] {
    if channels == 1 {
        return [channel(samples.as_chunks::<1>().0, 0), Pass::NOTHING];
    }
    let frames = samples.as_chunks::<2>().0;
    [channel(frames, 0), channel(frames, 1)]
}

/// One quantity a loop.
fn channel<const N: usize>(frames: &[[i16; N]], index: usize) -> Pass {
    let samples = || frames.iter().map(|frame| frame[index]);
    Pass {
        min: samples().fold(i16::MAX, i16::min),
        max: samples().fold(i16::MIN, i16::max),
        squares: squares(frames, index),
    }
}

/// The exact sum of the squares. Two squares fit 32 bits without a sign (2^31 at most), and processors add a product to its
/// neighbour in one instruction; widening each sample to 64 bits first took more instructions than hashing it.
fn squares<const N: usize>(frames: &[[i16; N]], index: usize) -> u64 {
    let mut lanes = [0_u64; 4];
    let (blocks, rest) = frames.as_chunks::<8>();
    for block in blocks {
        for (lane, pair) in lanes.iter_mut().zip(block.as_chunks::<2>().0) {
            let [a, b] = pair.map(|frame| i32::from(frame[index]));
            *lane += u64::from((a * a).wrapping_add(b * b) as u32);
        }
    }
    let rest = rest.iter().map(|frame| u64::from(frame[index].unsigned_abs()).pow(2));
    lanes.into_iter().sum::<u64>() + rest.sum::<u64>()
}

/// The level of one wire channel over the last 100 ms that were measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChannelLevel {
    /// Largest magnitude in dB relative to full scale: 0 is full scale, negative infinity is digital silence.
    pub peak_dbfs: f32,
    /// Root mean square in dB relative to full scale: a full-scale sine is at -3.01.
    pub rms_dbfs: f32,
    /// Source samples at or above full scale that went into this channel, since the start.
    pub clipped_samples: u64,
}

/// The levels of all wire channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    channels: [ChannelLevel; CHANNELS],
    count: usize,
}

impl Levels {
    /// One entry for each wire channel.
    pub fn channels(&self) -> &[ChannelLevel] {
        &self.channels[..self.count]
    }
}

/// Gathers passes into windows.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    peak: [u16; CHANNELS],
    squares: [u64; CHANNELS],
    frames: u32,
    window_frames: u32,
    levels: Levels,
}

impl Meter {
    pub(crate) fn new(rate_hz: u32, channels: usize) -> Self {
        let silent =
            ChannelLevel { peak_dbfs: f32::NEG_INFINITY, rms_dbfs: f32::NEG_INFINITY, clipped_samples: 0 };
        Self {
            peak: [0; CHANNELS],
            squares: [0; CHANNELS],
            frames: 0,
            window_frames: rate_hz * LEVEL_WINDOW_MS / 1_000,
            levels: Levels { channels: [silent; CHANNELS], count: channels },
        }
    }

    pub(crate) fn add(&mut self, passes: &[Pass; CHANNELS], frames: usize) {
        for (channel, pass) in passes.iter().enumerate().take(self.levels.count) {
            self.peak[channel] = self.peak[channel].max(pass.min.unsigned_abs()).max(pass.max.unsigned_abs());
            self.squares[channel] += pass.squares;
        }
        self.frames += frames as u32;
        if self.frames >= self.window_frames {
            self.close_window();
        }
    }

    pub(crate) fn add_clipped(&mut self, channel: usize, samples: u64) {
        self.levels.channels[channel].clipped_samples += samples;
    }

    fn close_window(&mut self) {
        for channel in 0..self.levels.count {
            let level = &mut self.levels.channels[channel];
            level.peak_dbfs = 20.0 * (f32::from(self.peak[channel]) / 32_768.0).log10();
            level.rms_dbfs = (10.0
                * (self.squares[channel] as f64 / f64::from(self.frames) / (32_768.0 * 32_768.0)).log10())
                as f32;
        }
        self.peak = [0; CHANNELS];
        self.squares = [0; CHANNELS];
        self.frames = 0;
    }

    pub(crate) fn levels(&self) -> Levels {
        self.levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level_of(samples: &[i16], channels: usize) -> Levels {
        let mut meter = Meter::new(16_000, channels);
        meter.add(&measure(samples, channels), samples.len() / channels);
        meter.levels()
    }

    #[test]
    fn a_full_scale_sine_is_at_0_and_minus_3_db() {
        let sine: Vec<i16> = (0..1_600)
            .map(|i| (32_767.0 * (i as f64 * std::f64::consts::TAU / 16.0).sin()).round() as i16)
            .collect();
        let level = level_of(&sine, 1).channels()[0];
        assert!(level.peak_dbfs.abs() < 0.01, "{level:?}");
        assert!((level.rms_dbfs + 3.01).abs() < 0.01, "{level:?}");
    }

    #[test]
    fn channels_are_told_apart_also_in_the_rest_of_a_piece() {
        let samples: Vec<i16> =
            (0..1_601).flat_map(|i| [if i == 1_600 { -16_384 } else { 0 }, 8_192]).collect();
        let levels = level_of(&samples, 2);
        assert!((levels.channels()[0].peak_dbfs + 6.02).abs() < 0.01);
        assert!((levels.channels()[1].peak_dbfs + 12.04).abs() < 0.01);
        assert!((levels.channels()[1].rms_dbfs + 12.04).abs() < 0.01);
    }

    #[test]
    fn squares_are_exact_at_full_scale_and_in_the_rest() {
        for len in [0, 1, 7, 8, 9, 1_601] {
            for value in [i16::MIN, i16::MAX, -1, 12_345] {
                let exact = len as u64 * u64::from(value.unsigned_abs()).pow(2);
                assert_eq!(measure(&vec![value; len], 1)[0].squares, exact);
                let stereo: Vec<i16> = (0..len).flat_map(|_| [1, value]).collect();
                let passes = measure(&stereo, 2).map(|pass| pass.squares);
                assert_eq!(passes, [len as u64, exact]);
            }
        }
    }

    #[test]
    fn silence_is_minus_infinity() {
        let level = level_of(&[0; 1_600], 1).channels()[0];
        assert_eq!((level.peak_dbfs, level.rms_dbfs), (f32::NEG_INFINITY, f32::NEG_INFINITY));
    }
}
