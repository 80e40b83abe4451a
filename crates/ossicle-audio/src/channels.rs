//! Which of a tap's channels go where on the wire.

use crate::limits::WIRE_CHANNELS_MAX;

/// How a tap's channels become the wire's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelMap {
    /// All channels of the tap, in equal parts, become one.
    #[default]
    MixToMono,
    /// The named channels of the tap, counted from 0, become the wire's, in this order. One or two of them.
    Pick(Vec<u8>),
    /// Two wire channels, as clinician and patient. One tap gives its first two channels; of two taps each is mixed to
    /// one channel, the first tap's first.
    Stereo,
}

impl ChannelMap {
    /// The channels on the wire.
    pub(crate) fn wire_channels(&self) -> u8 {
        match self {
            ChannelMap::MixToMono => 1,
            ChannelMap::Pick(channels) => channels.len().min(u8::MAX.into()) as u8,
            ChannelMap::Stereo => WIRE_CHANNELS_MAX,
        }
    }
}

/// A channel map that fits its tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mapping {
    /// All `from` channels are mixed to one.
    Mix { from: usize },
    /// `picked[..to]` of `from` channels.
    Pick { from: usize, picked: [u8; WIRE_CHANNELS_MAX as usize], to: usize },
}

impl Mapping {
    /// Fits `map` to a tap of `from` channels, or returns `None` when it names a channel that is not there.
    pub(crate) fn new(map: &ChannelMap, from: u8) -> Option<Self> {
        let pick = |channels: &[u8]| {
            let mut picked = [0; WIRE_CHANNELS_MAX as usize];
            picked.get_mut(..channels.len())?.copy_from_slice(channels);
            let fits = !channels.is_empty() && channels.iter().all(|channel| *channel < from);
            fits.then_some(Mapping::Pick { from: from.into(), picked, to: channels.len() })
        };
        match map {
            ChannelMap::MixToMono if from == 1 => pick(&[0]),
            ChannelMap::MixToMono => Some(Mapping::Mix { from: from.into() }),
            ChannelMap::Pick(channels) => pick(channels),
            ChannelMap::Stereo => pick(&[0, 1]),
        }
    }

    /// Channels that come out.
    pub(crate) fn to(&self) -> usize {
        match self {
            Mapping::Mix { .. } => 1,
            Mapping::Pick { to, .. } => *to,
        }
    }

    /// True when the frames come out as they go in.
    pub(crate) fn is_identity(&self) -> bool {
        matches!(self, Mapping::Pick { from, picked, to } if from == to && picked.iter().take(*to).enumerate().all(|(i, c)| i == usize::from(*c)))
    }

    /// True when source channel `from` is part of wire channel `to`.
    pub(crate) fn feeds(&self, from: usize, to: usize) -> bool {
        match self {
            Mapping::Mix { .. } => true,
            Mapping::Pick { picked, .. } => usize::from(picked[to]) == from,
        }
    }

    /// Writes one wire channel of interleaved `input` into `out`.
    pub(crate) fn plane(&self, to: usize, input: &[f32], out: &mut [f32]) {
        match *self {
            Mapping::Mix { from: 2 } => {
                for (out, frame) in out.iter_mut().zip(input.as_chunks::<2>().0) {
                    *out = (frame[0] + frame[1]) * 0.5;
                }
            }
            Mapping::Mix { from } => {
                let part = 1.0 / from as f32;
                for (out, frame) in out.iter_mut().zip(input.chunks_exact(from)) {
                    *out = frame.iter().sum::<f32>() * part;
                }
            }
            Mapping::Pick { from: 1, .. } => out.copy_from_slice(&input[..out.len()]),
            Mapping::Pick { from, picked, .. } => {
                let channel = usize::from(picked[to]);
                for (out, frame) in out.iter_mut().zip(input.chunks_exact(from)) {
                    *out = frame[channel];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_that_do_not_fit_are_refused() {
        assert_eq!(Mapping::new(&ChannelMap::Pick(vec![2]), 2), None);
        assert_eq!(Mapping::new(&ChannelMap::Pick(vec![]), 2), None);
        assert_eq!(Mapping::new(&ChannelMap::Pick(vec![0, 1, 0]), 2), None);
        assert_eq!(Mapping::new(&ChannelMap::Stereo, 1), None);
    }

    #[test]
    fn channels_are_mixed_and_picked() {
        let frames = [1.0, 2.0, 3.0, 10.0, 20.0, 30.0];
        let plane = |map: &ChannelMap, to| {
            let mut out = [0.0; 2];
            Mapping::new(map, 3).unwrap().plane(to, &frames, &mut out);
            out
        };
        assert_eq!(plane(&ChannelMap::MixToMono, 0), [2.0, 20.0]);
        assert_eq!(plane(&ChannelMap::Pick(vec![2, 0]), 0), [3.0, 30.0]);
        assert_eq!(plane(&ChannelMap::Pick(vec![2, 0]), 1), [1.0, 10.0]);
        assert!(Mapping::new(&ChannelMap::Stereo, 2).unwrap().is_identity());
        assert!(Mapping::new(&ChannelMap::MixToMono, 1).unwrap().is_identity());
        assert!(!Mapping::new(&ChannelMap::Pick(vec![1, 0]), 2).unwrap().is_identity());
        assert!(!Mapping::new(&ChannelMap::Stereo, 3).unwrap().is_identity());
    }
}
