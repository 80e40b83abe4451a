//! Two resamplers of rubato behind one shape: blocks in, delay taken out, an exact number of frames.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{
    Async, Fft, FixedAsync, FixedSync, Indexing, Resampler, SincInterpolationParameters,
    SincInterpolationType, WindowFunction,
};

use crate::limits::{BLOCK_MS, DRIFT_MAX, FFT_DELAY_MS_MAX};

/// Longest filter of the sinc form in input frames.
const SINC_FRAMES_MAX: u32 = 256;
/// Longest filter of the sinc form in milliseconds: the delay is half of it.
const SINC_MS_MAX: u32 = 12;
/// Points of the sinc form's filter between two input frames: with cubic interpolation more gain nothing that was measured.
const SINC_OVERSAMPLING: usize = 32;
/// Cutoff of the sinc form where it raises the rate: measured, 0.003 dB at 7/8 of the band, images below -120 dB.
const SINC_CUTOFF_UP: f32 = 0.96;
/// An FFT filter is as long as its block; one shorter than this many frames is not steep enough, so sinc is taken.
const FFT_FRAMES_MIN: u32 = 120;

/// One stream of blocks through a resampler.
pub(crate) struct Resample {
    form: Form,
    channels: usize,
    block_frames: usize,
    out_frames_max: usize,
    delay_frames: usize,
    skip_frames: usize,
    clean: bool,
    /// Output frames that stand for what was fed, and those that came out, since the reset.
    due: f64,
    made: f64,
    relative: (f64, f64),
    ratio: f64,
}

enum Form {
    Fft(Box<Fft<f32>>),
    Sinc(Box<Async<f32>>),
}

impl Resample {
    /// The form that fits the two rates: FFT, or sinc where the FFT's delay would be too long or its filter too short.
    pub(crate) fn new(
        in_hz: u32,
        out_hz: u32,
        channels: usize,
    ) -> Result<Self, rubato::ResamplerConstructionError> {
        let smallest = in_hz / gcd(in_hz, out_hz);
        let block = (in_hz * BLOCK_MS / 1_000).div_ceil(smallest) * smallest;
        if f64::from(block) * 500.0 / f64::from(in_hz) > FFT_DELAY_MS_MAX || block < FFT_FRAMES_MIN {
            return Self::sinc(in_hz, out_hz, channels);
        }
        let (block, rates) = (block as usize, (in_hz as usize, out_hz as usize));
        let window = WindowFunction::BlackmanHarris;
        let fft = Fft::new_custom(rates.0, rates.1, block, 1, channels, window, FixedSync::Both)?;
        Ok(Self::of(channels, fft.output_delay(), Form::Fft(Box::new(fft))))
    }

    /// The sinc form, whose ratio can be moved.
    pub(crate) fn sinc(
        in_hz: u32,
        out_hz: u32,
        channels: usize,
    ) -> Result<Self, rubato::ResamplerConstructionError> {
        let len = (in_hz * SINC_MS_MAX / 1_000 / 8 * 8).min(SINC_FRAMES_MAX) as usize;
        let parameters = if out_hz > in_hz {
            SincInterpolationParameters::new(len, WindowFunction::Blackman2).f_cutoff(SINC_CUTOFF_UP)
        } else {
            SincInterpolationParameters::new(len, WindowFunction::BlackmanHarris)
        };
        let parameters =
            parameters.oversampling_factor(SINC_OVERSAMPLING).interpolation(SincInterpolationType::Cubic);
        let ratio = f64::from(out_hz) / f64::from(in_hz);
        let block = (in_hz * BLOCK_MS / 1_000) as usize;
        let sinc =
            Async::new_sinc(ratio, 1.0 + 2.0 * DRIFT_MAX, &parameters, block, channels, FixedAsync::Input)?;
        // The centre of the filter meets input frame 0 that many output frames after the first (the tests measure it).
        let delay = (len as f64 / 2.0 * ratio - 1.0).round() as usize;
        Ok(Self::of(channels, delay, Form::Sinc(Box::new(sinc))))
    }

    fn of(channels: usize, delay_frames: usize, form: Form) -> Self {
        let any: &dyn Resampler<f32> = match &form {
            Form::Fft(fft) => fft.as_ref(),
            Form::Sinc(sinc) => sinc.as_ref(),
        };
        let (block_frames, out_frames_max) = (any.input_frames_max(), any.output_frames_max());
        let ratio = any.resample_ratio();
        Self {
            channels,
            block_frames,
            out_frames_max,
            delay_frames,
            skip_frames: delay_frames,
            clean: true,
            due: 0.0,
            made: 0.0,
            relative: (1.0, 1.0),
            ratio,
            form,
        }
    }

    fn any(&mut self) -> &mut dyn Resampler<f32> {
        match &mut self.form {
            Form::Fft(fft) => fft.as_mut(),
            Form::Sinc(sinc) => sinc.as_mut(),
        }
    }

    /// Frames of one block at the input.
    pub(crate) fn block_frames(&self) -> usize {
        self.block_frames
    }

    /// Most frames that come out for one block.
    pub(crate) fn out_frames_max(&self) -> usize {
        self.out_frames_max
    }

    /// Output frames by which the filter lags behind its input.
    pub(crate) fn delay_frames(&self) -> usize {
        self.delay_frames
    }

    /// True when nothing was fed since the start or the last reset.
    pub(crate) fn is_clean(&self) -> bool {
        self.clean
    }

    /// Feeds the first `valid` frames of a block, and silence for the rest of it. `input` holds one plane of
    /// `block_frames` for each channel, `output` one of `out_frames_max`. Returns which frames of each output plane count:
    /// those before the filter's delay was over are left out.
    pub(crate) fn feed(&mut self, input: &[f32], valid: usize, output: &mut [f32]) -> std::ops::Range<usize> {
        self.clean = false;
        let (channels, block, out_max) = (self.channels, self.block_frames, self.out_frames_max);
        let input = SequentialSlice::new(input, channels, block).expect("the scratch holds a block");
        let mut output =
            SequentialSlice::new_mut(output, channels, out_max).expect("the scratch holds a block");
        let part = Indexing::new().partial_len(valid);
        let indexing = (valid < block).then_some(&part);
        let (_, made) = self
            .any()
            .process_into_buffer(&input, &mut output, indexing)
            .expect("the scratch was sized by the resampler");
        // Over a block the step, not the ratio, moves evenly from the old value to the new one.
        let step = (1.0 / self.relative.0 + 1.0 / self.relative.1) / 2.0;
        self.due += block as f64 * self.ratio / step;
        self.relative.0 = self.relative.1;
        self.made += made as f64;
        let skip = self.skip_frames.min(made);
        self.skip_frames -= skip;
        skip..made
    }

    /// Moves the ratio to `relative` times the nominal one, smoothly over the next block. Only the sinc form moves.
    pub(crate) fn steer(&mut self, relative: f64) {
        if let Form::Sinc(sinc) = &mut self.form {
            use rubato::Adjustable;
            let within = relative.clamp(1.0 - DRIFT_MAX, 1.0 + DRIFT_MAX);
            sinc.set_resample_ratio_relative(within, true).expect("within the range it was built for");
            self.relative.1 = within;
        }
    }

    /// Output frames that stand for what was fed and are not out.
    pub(crate) fn held_frames(&self) -> f64 {
        self.due - self.made + (self.delay_frames - self.skip_frames) as f64
    }

    /// Forgets what was fed.
    pub(crate) fn reset(&mut self) {
        self.any().reset();
        self.skip_frames = self.delay_frames;
        self.clean = true;
        (self.due, self.made, self.relative) = (0.0, 0.0, (1.0, 1.0));
    }
}

pub(crate) fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
