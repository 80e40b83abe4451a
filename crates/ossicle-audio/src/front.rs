//! The front end: what a session's one owner reads of its taps, at the wire's rate and channels.

use thiserror::Error;

use crate::channels::ChannelMap;
use crate::format::{FormatError, WireFormat};
use crate::limits;
use crate::meter::{Levels, Meter, Pass, measure};
use crate::pair::Pair;
use crate::single::Single;
use crate::tap::TapReader;
use crate::watch::{Finding, Watch};

/// What a front end makes of its taps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontEndConfig {
    /// Frames per second on the wire, 8,000 to 48,000.
    pub wire_rate_hz: u32,
    /// Which channels go where.
    pub channel_map: ChannelMap,
    /// Whether the declared rate is held against the measured one ([`Finding::RateMismatch`]). Turn it off where audio is not
    /// pushed in real time, as from a file.
    pub check_rate: bool,
}

impl Default for FrontEndConfig {
    /// 16 kHz mono.
    fn default() -> Self {
        Self { wire_rate_hz: 16_000, channel_map: ChannelMap::MixToMono, check_rate: true }
    }
}

/// A front end that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrontEndError {
    /// The wire format cannot be used.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// There are neither one nor two taps.
    #[error("there are {taps} taps, give one, or two as clinician and patient")]
    Taps {
        /// How many were given.
        taps: usize,
    },
    /// The map names a channel that the tap does not have, or gives no channel, or more than two.
    #[error("the channel map does not fit a tap of {channels} channels, name one or two that it has")]
    ChannelMap {
        /// The tap's channels.
        channels: u8,
    },
    /// Two taps need the stereo map.
    #[error("two taps make two wire channels, use the stereo map")]
    TwoTaps,
    /// The resampler cannot be made for these rates.
    #[error("no resampler from {in_hz} to {out_hz} Hz, use another wire rate")]
    Resampler {
        /// The tap's rate.
        in_hz: u32,
        /// The wire's rate.
        out_hz: u32,
    },
}

/// Why frames are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapReason {
    /// The ring was full when they were pushed.
    RingFull,
}

/// A piece of the wire's timeline, in order and without a hole between pieces.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Piece<'a> {
    /// Captured audio, interleaved.
    Audio(&'a [i16]),
    /// Captured audio that was lost.
    Gap {
        /// Wire frames that the loss stands for.
        frames: u64,
        /// Why it was lost.
        reason: GapReason,
    },
    /// As audio, but in at least one channel these frames hold silence put in for a tap that stalled or lost frames. The other
    /// channel may hold captured audio.
    Fill(&'a [i16]),
}

impl std::fmt::Debug for Piece<'_> {
    /// Sizes only: audio is health information.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Piece::Audio(samples) => write!(f, "Audio({} samples)", samples.len()),
            Piece::Gap { frames, reason } => write!(f, "Gap({frames} frames, {reason:?})"),
            Piece::Fill(samples) => write!(f, "Fill({} samples)", samples.len()),
        }
    }
}

/// Working memory that front ends share: one for each thread that drives them. Grows to what its front ends need and stays.
#[derive(Default)]
pub struct Scratch {
    pub(crate) decoded: Vec<f32>,
    pub(crate) planes_in: Vec<f32>,
    pub(crate) planes_out: Vec<f32>,
    pub(crate) pcm: Vec<i16>,
}

impl Scratch {
    /// Makes an empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scratch").field("decoded", &self.decoded.len()).finish_non_exhaustive()
    }
}

/// The first `len` items of `buffer`, which grows when it has to.
pub(crate) fn sized<T: Clone + Default>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
    &mut buffer[..len]
}

/// What one tap has given so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapCounts {
    /// Frames read from the ring, at the tap's rate.
    pub captured_frames: u64,
    /// Frames that did not fit the ring, at the tap's rate, as far as their place was reached.
    pub dropped_frames: u64,
    /// Frames thrown away by [`FrontEnd::discard`], at the tap's rate.
    pub discarded_frames: u64,
    /// Frames that came after their place had been filled with silence, and were left out. Two taps only.
    pub late_frames: u64,
    /// Wire frames of silence put in for this tap. Two taps only.
    pub filled_frames: u64,
    /// Samples that were NaN or infinite, and became silence.
    pub nonfinite_samples: u64,
}

/// What all front ends have at their end: the wire, levels, findings.
pub(crate) struct Outlet {
    pub(crate) wire: WireFormat,
    pub(crate) meter: Meter,
    pub(crate) watch: Watch,
    pub(crate) check_rate: bool,
}

impl Outlet {
    /// Measures samples that are about to leave, and returns what it found for each channel.
    pub(crate) fn listen(&mut self, pcm: &[i16]) -> [Pass; limits::WIRE_CHANNELS_MAX as usize] {
        let channels = usize::from(self.wire.channels());
        let passes = measure(pcm, channels);
        let frames = pcm.len() / channels;
        if frames > 0 {
            self.meter.add(&passes, frames);
            self.watch.add(&passes[..channels], frames);
        }
        passes
    }

    pub(crate) fn clipped(&mut self, channel: usize, samples: u64) {
        self.meter.add_clipped(channel, samples);
        self.watch.add_clipped(channel, samples);
    }

    pub(crate) fn tell(&mut self, finding: Option<Finding>) {
        if let Some(finding) = finding.filter(|_| self.check_rate) {
            self.watch.tell(finding);
        }
    }
}

/// Where pieces go.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(Piece<'_>);

enum Taps {
    One(Box<Single>),
    Two(Box<Pair>),
}

/// Reads one or two taps and gives out the wire's timeline: converted, mapped, resampled, measured.
///
/// It belongs to one thread at a time and is driven by that thread's ticks. What it costs beside the ring: below 1 kB when the
/// rate is the wire's, some tens of kB for a resampler (stated and asserted in the tests).
pub struct FrontEnd {
    taps: Taps,
    outlet: Outlet,
}

impl FrontEnd {
    /// Makes a front end of one tap, or of two whose channels are aligned by their capture times.
    ///
    /// # Errors
    /// Each kind of [`FrontEndError`].
    pub fn new(config: FrontEndConfig, readers: Vec<TapReader>) -> Result<Self, FrontEndError> {
        let wire = WireFormat::new(config.wire_rate_hz, config.channel_map.wire_channels())?;
        let outlet = Outlet {
            wire,
            meter: Meter::new(wire.rate_hz(), wire.channels().into()),
            watch: Watch::new(wire.rate_hz()),
            check_rate: config.check_rate,
        };
        let mut readers = readers.into_iter();
        let taps = match (readers.next(), readers.next(), readers.len()) {
            (Some(reader), None, _) => Taps::One(Box::new(Single::new(reader, wire, &config.channel_map)?)),
            (Some(first), Some(second), 0) if config.channel_map == ChannelMap::Stereo => {
                Taps::Two(Box::new(Pair::new([first, second], wire)?))
            }
            (Some(_), Some(_), 0) => return Err(FrontEndError::TwoTaps),
            (first, _, more) => {
                return Err(FrontEndError::Taps { taps: if first.is_some() { 2 + more } else { 0 } });
            }
        };
        Ok(Self { taps, outlet })
    }

    /// What comes out.
    pub fn wire(&self) -> WireFormat {
        self.outlet.wire
    }

    /// About how many wire frames a drain would give: one or two atomic loads.
    pub fn ready_frames(&self) -> u64 {
        match &self.taps {
            Taps::One(single) => single.ready_frames(),
            Taps::Two(pair) => pair.ready_frames(),
        }
    }

    /// True when each tap is gone: after a flush nothing more will come.
    pub fn is_closed(&self) -> bool {
        match &self.taps {
            Taps::One(single) => single.is_closed(),
            Taps::Two(pair) => pair.is_closed(),
        }
    }

    /// Gives what is ready to `sink`, in timeline order.
    ///
    /// `now_ns` is the clock that capture times are on. Where the rate is changed, a part of a block stays in the ring and
    /// the filter's delay stays in the filter, until more comes or [`FrontEnd::flush`] asks for it.
    pub fn drain(&mut self, now_ns: u64, scratch: &mut Scratch, sink: &mut dyn FnMut(Piece<'_>)) {
        match &mut self.taps {
            Taps::One(single) => single.drain(now_ns, &mut self.outlet, scratch, sink),
            Taps::Two(pair) => pair.drain(now_ns, &mut self.outlet, scratch, sink),
        }
    }

    /// Gives all that was pushed to `sink`, with what the resampler holds, for a pause or the end.
    ///
    /// After it, the frames given out are exactly those pushed times the ratio of the rates, rounded to nearest, and the
    /// filter's delay is taken out. Audio pushed later begins anew, in its place.
    pub fn flush(&mut self, now_ns: u64, scratch: &mut Scratch, sink: &mut dyn FnMut(Piece<'_>)) {
        match &mut self.taps {
            Taps::One(single) => single.flush(now_ns, &mut self.outlet, scratch, sink),
            Taps::Two(pair) => pair.flush(now_ns, &mut self.outlet, scratch, sink),
        }
    }

    /// Throws away what is in the ring and in the resampler, and returns the wire frames that it stood for. It is neither
    /// copied nor converted. For a session that is paused or muted: flush once, then discard on each tick.
    pub fn discard(&mut self, now_ns: u64) -> u64 {
        match &mut self.taps {
            Taps::One(single) => single.discard(now_ns, &mut self.outlet),
            Taps::Two(pair) => pair.discard(now_ns, &mut self.outlet),
        }
    }

    /// Levels of the wire channels.
    pub fn levels(&self) -> Levels {
        self.outlet.meter.levels()
    }

    /// What was found since the last call. Allocates nothing when that is nothing.
    pub fn findings(&mut self) -> Vec<Finding> {
        self.outlet.watch.take()
    }

    /// What each tap has given so far: one entry, or two.
    pub fn counts(&self) -> Vec<TapCounts> {
        match &self.taps {
            Taps::One(single) => vec![single.counts()],
            Taps::Two(pair) => pair.counts().to_vec(),
        }
    }

    /// Milliseconds by which the wire lags behind a push, beside the block of 10 ms: the filter's delay.
    pub fn delay_ms(&self) -> f64 {
        let frames = match &self.taps {
            Taps::One(single) => single.delay_frames(),
            Taps::Two(pair) => pair.delay_frames(),
        };
        frames as f64 * 1_000.0 / f64::from(self.outlet.wire.rate_hz())
    }
}

impl std::fmt::Debug for FrontEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrontEnd").field("wire", &self.outlet.wire).finish_non_exhaustive()
    }
}

/// Where input frame `position` lies on the wire: rounded to nearest.
pub(crate) fn to_wire(position: u64, in_hz: u32, wire_hz: u32) -> u64 {
    let (in_hz, wire_hz) = (u128::from(in_hz), u128::from(wire_hz));
    ((u128::from(position) * wire_hz * 2 + in_hz) / (in_hz * 2)) as u64
}

/// Frames of `ring_ms` that a tap needs at least to hold two blocks.
const _: () = assert!(limits::RING_MS_MIN >= 2 * limits::FFT_DELAY_MS_MAX as u32 * 2);
