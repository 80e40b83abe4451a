//! What the caller pushes, and what the wire carries.

use thiserror::Error;

use crate::limits;

/// The type of one sample, in the byte order of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SampleType {
    /// Signed 16-bit integer.
    S16,
    /// Signed 24-bit integer in the low three bytes of 32 bits. The top byte is ignored.
    S24In32,
    /// Signed 32-bit integer.
    S32,
    /// 32-bit float, full scale at 1.0. NaN and infinities become silence and are counted.
    F32,
}

impl SampleType {
    /// Bytes that one sample takes: 2 or 4.
    pub const fn bytes(self) -> usize {
        match self {
            SampleType::S16 => 2,
            SampleType::S24In32 | SampleType::S32 | SampleType::F32 => 4,
        }
    }
}

/// How the channels of one push lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layout {
    /// Frame after frame.
    Interleaved,
    /// All samples of the first channel, then all of the second, and so on.
    Planar,
}

/// The format of a tap: what its pushes hold. Always valid once made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    sample: SampleType,
    layout: Layout,
    rate_hz: u32,
    channels: u8,
}

impl Format {
    /// Makes a format of `channels` (1 to 8) at `rate_hz` (8,000 to 192,000).
    ///
    /// # Errors
    /// [`FormatError::Rate`], [`FormatError::Channels`].
    pub fn new(sample: SampleType, layout: Layout, rate_hz: u32, channels: u8) -> Result<Self, FormatError> {
        if !(limits::RATE_HZ_MIN..=limits::RATE_HZ_MAX).contains(&rate_hz) {
            return Err(FormatError::Rate { rate_hz });
        }
        if !(1..=limits::CHANNELS_MAX).contains(&channels) {
            return Err(FormatError::Channels { channels });
        }
        Ok(Self { sample, layout, rate_hz, channels })
    }

    /// The type of each sample.
    pub const fn sample(&self) -> SampleType {
        self.sample
    }

    /// How the channels of a push lie in memory.
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Frames per second.
    pub const fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Channels, 1 to 8.
    pub const fn channels(&self) -> u8 {
        self.channels
    }

    /// Bytes that one frame takes, 2 to 32.
    pub const fn frame_bytes(&self) -> usize {
        self.sample.bytes() * self.channels as usize
    }
}

/// What the wire carries: signed 16-bit samples, interleaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WireFormat {
    rate_hz: u32,
    channels: u8,
}

impl WireFormat {
    /// Makes a wire format of one or two channels at 8,000 to 48,000 Hz.
    ///
    /// # Errors
    /// [`FormatError::WireRate`], [`FormatError::WireChannels`].
    pub fn new(rate_hz: u32, channels: u8) -> Result<Self, FormatError> {
        if !(limits::WIRE_RATE_HZ_MIN..=limits::WIRE_RATE_HZ_MAX).contains(&rate_hz) {
            return Err(FormatError::WireRate { rate_hz });
        }
        if !(1..=limits::WIRE_CHANNELS_MAX).contains(&channels) {
            return Err(FormatError::WireChannels { channels });
        }
        Ok(Self { rate_hz, channels })
    }

    /// Frames per second.
    pub const fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Channels, 1 or 2.
    pub const fn channels(&self) -> u8 {
        self.channels
    }

    /// Bytes that one frame takes as 16-bit PCM: 2 or 4.
    pub const fn frame_bytes(&self) -> usize {
        2 * self.channels as usize
    }
}

/// A format that cannot be used, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The sample rate is out of range.
    #[error("the sample rate is {rate_hz} Hz, give 8000 to 192000")]
    Rate {
        /// The rate that was given.
        rate_hz: u32,
    },
    /// The number of channels is out of range.
    #[error("the number of channels is {channels}, give 1 to 8")]
    Channels {
        /// The number that was given.
        channels: u8,
    },
    /// The wire rate is out of range.
    #[error("the wire rate is {rate_hz} Hz, give 8000 to 48000")]
    WireRate {
        /// The rate that was given.
        rate_hz: u32,
    },
    /// The number of wire channels is out of range.
    #[error("the number of wire channels is {channels}, give 1 or 2")]
    WireChannels {
        /// The number that was given.
        channels: u8,
    },
    /// The ring's length is out of range.
    #[error("the ring is {ring_ms} ms, give 50 to 60000")]
    Ring {
        /// The length that was given.
        ring_ms: u32,
    },
}

/// Frames in a chunk of `chunk_ms` milliseconds of `wire` audio.
///
/// `chunk_ms` is brought into 20 to 1,000. The chunk is never above 30,720 bytes of PCM, and where it is longer than one
/// FLAC block it is cut to a multiple of its number of blocks, so that a chunk always ends with a block.
pub fn chunk_frames(wire: WireFormat, chunk_ms: u32) -> u32 {
    let chunk_ms = chunk_ms.clamp(limits::CHUNK_MS_MIN, limits::CHUNK_MS_MAX);
    let asked = (u64::from(wire.rate_hz) * u64::from(chunk_ms) / 1_000) as u32;
    let frames = asked.min(limits::CHUNK_BYTES_MAX / wire.frame_bytes() as u32);
    frames - frames % frames.div_ceil(limits::FLAC_BLOCK_FRAMES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_outside_the_range_are_refused() {
        let make = |rate_hz, channels| Format::new(SampleType::S16, Layout::Interleaved, rate_hz, channels);
        assert_eq!(make(7_999, 1), Err(FormatError::Rate { rate_hz: 7_999 }));
        assert_eq!(make(192_001, 1), Err(FormatError::Rate { rate_hz: 192_001 }));
        assert_eq!(make(16_000, 0), Err(FormatError::Channels { channels: 0 }));
        assert_eq!(make(16_000, 9), Err(FormatError::Channels { channels: 9 }));
        assert!(make(8_000, 1).is_ok() && make(192_000, 8).is_ok());
        assert_eq!(WireFormat::new(48_001, 1), Err(FormatError::WireRate { rate_hz: 48_001 }));
        assert_eq!(WireFormat::new(16_000, 3), Err(FormatError::WireChannels { channels: 3 }));
    }

    #[test]
    fn chunks_stay_within_the_message_and_end_with_a_block() {
        for rate_hz in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000] {
            for channels in [1, 2] {
                let wire = WireFormat::new(rate_hz, channels).unwrap();
                for chunk_ms in 0..1_100 {
                    let frames = chunk_frames(wire, chunk_ms);
                    assert!(frames as usize * wire.frame_bytes() <= 30_720);
                    assert!(frames >= rate_hz * 19 / 1_000, "{rate_hz} {chunk_ms}: {frames}");
                    assert_eq!(frames % frames.div_ceil(4_608), 0);
                }
            }
        }
        assert_eq!(chunk_frames(WireFormat::new(16_000, 1).unwrap(), 100), 1_600);
        assert_eq!(chunk_frames(WireFormat::new(16_000, 2).unwrap(), 1_000), 7_680);
    }
}
