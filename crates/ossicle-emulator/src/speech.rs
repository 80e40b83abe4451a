//! Stretches of speech, found by level alone. Nothing is recognised.

/// Level over which a window counts as speech: quiet talk lies well above it, room noise below.
const SPEECH_DBFS: f64 = -45.0;
/// Length of a window.
const WINDOW_MS: u64 = 20;
/// Silence that ends a stretch; pauses between words are shorter.
const HANGOVER_MS: u64 = 400;
/// Shortest stretch that is told; a click is shorter.
const STRETCH_MS_MIN: u64 = 100;
/// A stretch under way is told again after each of these.
const PARTIAL_MS: u64 = 1_000;

/// One stretch of one channel. Positions are frames of the stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stretch {
    pub(crate) number: u32,
    pub(crate) channel: u32,
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) dbfs: f64,
    pub(crate) partial: bool,
}

/// Listens to one channel.
struct Channel {
    window_sum: f64,
    window_frames: u64,
    open: Option<Open>,
}

struct Open {
    number: u32,
    begin: u64,
    /// End of the last window that was loud.
    end: u64,
    /// Sum of squares over the stretch, up to `end`, and past it.
    sum: f64,
    trailing: f64,
    told: u64,
}

/// Finds stretches of speech in interleaved audio.
pub(crate) struct Speech {
    rate_hz: u64,
    channels: Vec<Channel>,
    position: u64,
    stretches: u32,
}

impl Speech {
    pub(crate) fn new(rate_hz: u32, channels: u32) -> Self {
        let channels =
            (0..channels).map(|_| Channel { window_sum: 0.0, window_frames: 0, open: None }).collect();
        Self { rate_hz: u64::from(rate_hz), channels, position: 0, stretches: 0 }
    }

    /// Takes whole frames; appends what can be told now.
    pub(crate) fn push(&mut self, samples: &[i16], told: &mut Vec<Stretch>) {
        let window = (self.rate_hz * WINDOW_MS / 1000).max(1);
        for frame in samples.chunks_exact(self.channels.len()) {
            self.position += 1;
            for (number, sample) in frame.iter().enumerate() {
                let channel = &mut self.channels[number];
                channel.window_sum += f64::from(*sample) * f64::from(*sample);
                channel.window_frames += 1;
                if channel.window_frames == window {
                    self.end_window(number, window, told);
                }
            }
        }
    }

    fn end_window(&mut self, number: usize, window: u64, told: &mut Vec<Stretch>) {
        let position = self.position;
        let frames = |ms: u64| self.rate_hz * ms / 1000;
        let (hangover, partial) = (frames(HANGOVER_MS), frames(PARTIAL_MS));
        let channel = &mut self.channels[number];
        let sum = std::mem::take(&mut channel.window_sum);
        channel.window_frames = 0;
        if dbfs(sum, window) >= SPEECH_DBFS {
            let begin = position - window;
            let open = channel.open.get_or_insert_with(|| {
                self.stretches += 1;
                Open { number: self.stretches, begin, end: begin, sum: 0.0, trailing: 0.0, told: begin }
            });
            open.sum += std::mem::take(&mut open.trailing) + sum;
            open.end = position;
            if open.end - open.told >= partial {
                open.told = open.end;
                told.push(open.stretch(number, true));
            }
        } else if let Some(open) = &mut channel.open {
            open.trailing += sum;
            if position - open.end >= hangover {
                self.close(number, told);
            }
        }
    }

    fn close(&mut self, number: usize, told: &mut Vec<Stretch>) {
        let shortest = self.rate_hz * STRETCH_MS_MIN / 1000;
        if let Some(open) = self.channels[number].open.take()
            && open.end - open.begin >= shortest
        {
            told.push(open.stretch(number, false));
        }
    }

    /// Ends every stretch that is still open.
    pub(crate) fn finish(&mut self, told: &mut Vec<Stretch>) {
        for number in 0..self.channels.len() {
            self.close(number, told);
        }
    }
}

impl Open {
    fn stretch(&self, channel: usize, partial: bool) -> Stretch {
        Stretch {
            number: self.number,
            channel: channel as u32,
            begin: self.begin,
            end: self.end,
            dbfs: dbfs(self.sum, self.end - self.begin),
            partial,
        }
    }
}

/// Level against full scale of a sum of squares over `frames`.
fn dbfs(sum: f64, frames: u64) -> f64 {
    let mean = sum / frames.max(1) as f64;
    10.0 * (mean / (32_768.0 * 32_768.0)).max(1e-12).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_between_silence_is_one_stretch_with_its_level() {
        let rate_hz = 16_000;
        let mut samples = vec![0i16; 16_000];
        // A sine of amplitude A has a level of 20 log10(A / 32768) - 3.01 dB.
        samples.extend((0..32_000).map(|at| ((at as f64 * 0.3).sin() * 3_276.8) as i16));
        samples.extend(vec![0i16; 16_000]);
        let mut speech = Speech::new(rate_hz, 1);
        let mut told = Vec::new();
        for chunk in samples.chunks(777) {
            speech.push(chunk, &mut told);
        }
        speech.finish(&mut told);
        let finals: Vec<&Stretch> = told.iter().filter(|stretch| !stretch.partial).collect();
        assert_eq!(finals.len(), 1);
        assert_eq!((finals[0].begin, finals[0].end), (16_000, 48_000));
        assert!((finals[0].dbfs + 23.0).abs() < 0.1, "{}", finals[0].dbfs);
        assert_eq!(told.iter().filter(|stretch| stretch.partial).count(), 2);
    }

    #[test]
    fn silence_and_clicks_tell_nothing() {
        let mut speech = Speech::new(8_000, 2);
        let mut told = Vec::new();
        let mut samples = vec![3i16; 80_000];
        samples[4_000] = 30_000;
        speech.push(&samples, &mut told);
        speech.finish(&mut told);
        assert_eq!(told, []);
    }
}
