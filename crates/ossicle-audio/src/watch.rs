//! Listens for what is wrong with the audio although it arrives: silence, clipping, a wrong rate, a file's header.

use crate::limits;
use crate::meter::Pass;

const CHANNELS: usize = limits::WIRE_CHANNELS_MAX as usize;

/// Something about the audio that the application's user would want to hear of.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Finding {
    /// A wire channel has been digital silence for 10 s: the microphone is open, and muted or not connected.
    Silent {
        /// The wire channel.
        channel: u8,
    },
    /// A wire channel has held one value other than zero for 10 s: the device is stuck.
    Stuck {
        /// The wire channel.
        channel: u8,
    },
    /// A wire channel that was silent or stuck moves again.
    Moving {
        /// The wire channel.
        channel: u8,
    },
    /// A wire channel has clipped in each of the last three seconds: turn the gain down.
    Clipping {
        /// The wire channel.
        channel: u8,
    },
    /// Frames arrive at another rate than declared, by more than 1 %.
    RateMismatch {
        /// The tap, counted from 0.
        tap: u8,
        /// What the format says.
        declared_hz: u32,
        /// What was measured over at least 10 s.
        measured_hz: u32,
    },
    /// The raw samples begin with the header of a WAV file: they come from a file, and the header is heard as a click.
    WavHeader {
        /// The tap, counted from 0.
        tap: u8,
    },
}

/// Watches the wire channels.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    rate_hz: u32,
    channels: [ChannelWatch; CHANNELS],
    second_frames: u32,
    found: Vec<Finding>,
}

#[derive(Clone, Copy, Debug, Default)]
struct ChannelWatch {
    value: i16,
    still_frames: u64,
    still_told: bool,
    clipped: u64,
    clipped_seconds: u32,
}

impl Watch {
    pub(crate) fn new(rate_hz: u32) -> Self {
        Self { rate_hz, channels: Default::default(), second_frames: 0, found: Vec::new() }
    }

    pub(crate) fn take(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.found)
    }

    pub(crate) fn tell(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    /// Takes in `frames` wire frames of captured audio, as measured.
    pub(crate) fn add(&mut self, passes: &[Pass], frames: usize) {
        let still_limit = u64::from(self.rate_hz) * u64::from(limits::SILENT_AFTER_MS) / 1_000;
        for (index, pass) in passes.iter().enumerate() {
            let channel = &mut self.channels[index];
            if pass.min == pass.max && pass.min == channel.value {
                channel.still_frames += frames as u64;
                if channel.still_frames >= still_limit && !channel.still_told {
                    channel.still_told = true;
                    let channel = index as u8;
                    self.found.push(if pass.min == 0 {
                        Finding::Silent { channel }
                    } else {
                        Finding::Stuck { channel }
                    });
                }
                continue;
            }
            channel.still_frames = 0;
            channel.value = pass.max;
            if std::mem::take(&mut channel.still_told) {
                self.found.push(Finding::Moving { channel: index as u8 });
            }
        }
        self.second_frames += frames as u32;
        if self.second_frames >= self.rate_hz {
            self.close_second(passes.len());
        }
    }

    /// Takes in source samples at full scale. `frames_per_wire` source frames make a wire frame.
    pub(crate) fn add_clipped(&mut self, channel: usize, samples: u64) {
        self.channels[channel].clipped += samples;
    }

    fn close_second(&mut self, channels: usize) {
        for (index, channel) in self.channels[..channels].iter_mut().enumerate() {
            let clips = std::mem::take(&mut channel.clipped)
                > u64::from(self.second_frames / limits::CLIPPING_FRAMES_PER);
            channel.clipped_seconds = if clips { channel.clipped_seconds + 1 } else { 0 };
            if channel.clipped_seconds == limits::CLIPPING_SECONDS {
                self.found.push(Finding::Clipping { channel: index as u8 });
            }
        }
        self.second_frames = 0;
    }
}

/// Measures the rate of one tap over a run of pushes without a pause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateWatch {
    tap: u8,
    declared_hz: u32,
    from_captures: bool,
    told: bool,
    start: Option<(u64, u64)>,
    last: (u64, u64),
}

impl RateWatch {
    pub(crate) fn new(tap: u8, declared_hz: u32) -> Self {
        Self { tap, declared_hz, from_captures: false, told: false, start: None, last: (0, 0) }
    }

    /// The frame at `position` was captured at `ns`. The first capture time ends the use of arrival times.
    pub(crate) fn captured(&mut self, position: u64, ns: u64) -> Option<Finding> {
        if !std::mem::replace(&mut self.from_captures, true) {
            self.start = None;
        }
        self.note(position, ns)
    }

    /// `position` frames had arrived at `ns`.
    pub(crate) fn arrived(&mut self, position: u64, ns: u64) -> Option<Finding> {
        if self.from_captures { None } else { self.note(position, ns) }
    }

    fn note(&mut self, position: u64, ns: u64) -> Option<Finding> {
        let (last_position, last_ns) = self.last;
        if position == last_position && self.start.is_some() {
            return None;
        }
        self.last = (position, ns);
        let Some((start_position, start_ns)) = self.start else {
            self.start = Some((position, ns));
            return None;
        };
        let run_ns = ns.saturating_sub(start_ns);
        if ns < last_ns || ns - last_ns > limits::RATE_PAUSE_NS || position < start_position {
            self.start = Some((position, ns));
            return None;
        }
        if run_ns < limits::RATE_WINDOW_NS {
            return None;
        }
        self.start = Some((position, ns));
        let measured = (position - start_position) as f64 * 1e9 / run_ns as f64;
        let off = (measured / f64::from(self.declared_hz) - 1.0).abs() > limits::RATE_TOLERANCE;
        let tell = off && !self.told;
        self.told = off;
        tell.then(|| Finding::RateMismatch {
            tap: self.tap,
            declared_hz: self.declared_hz,
            measured_hz: measured.round() as u32,
        })
    }
}

/// True when raw bytes begin as a WAV file does.
pub(crate) fn is_wav_header(bytes: &[u8]) -> bool {
    bytes.len() >= 12 && matches!(&bytes[..4], b"RIFF" | b"RF64" | b"RIFX") && &bytes[8..12] == b"WAVE"
}
