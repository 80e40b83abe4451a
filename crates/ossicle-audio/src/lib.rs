//! Audio from a callback to the wire: ring, formats, channels, resampling, levels, chunks, PCM and FLAC.
//!
//! The contract first:
//!
//! * [`Tap::push_bytes`] and its typed forms copy into a ring and return. They never lock, allocate, free, call the
//!   system, log or wake anyone, and they take a time that is bounded by the number of frames.
//! * What does not fit is counted as dropped, and later audio does not slide: the loss comes out of
//!   [`FrontEnd::drain`] as a [`Piece::Gap`] in its place.
//! * Everything else ([`FrontEnd`], [`StreamEncoder`]) runs on one thread that owns it, and allocates nothing per
//!   chunk once it is running.
//! * 16-bit audio that already has the wire's rate and channels arrives bit for bit as it was pushed.
//!
//! ```
//! use ossicle_audio::*;
//!
//! let format = Format::new(SampleType::F32, Layout::Interleaved, 48_000, 2)?;
//! let (mut tap, reader) = tap(format, 500)?;
//! tap.push_f32(&[0.0; 960], None)?; // the audio callback: 10 ms of stereo
//!
//! let config = FrontEndConfig { wire_rate_hz: 16_000, channel_map: ChannelMap::MixToMono, ..Default::default() };
//! let mut front = FrontEnd::new(config, vec![reader])?;
//! let mut scratch = Scratch::new();
//! let mut pcm = Vec::new();
//! front.flush(0, &mut scratch, &mut |piece| {
//!     if let Piece::Audio(samples) = piece {
//!         pcm.extend_from_slice(samples);
//!     }
//! });
//! assert_eq!(pcm.len(), 160);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod channels;
mod convert;
mod encode;
#[cfg(feature = "files")]
mod files;
#[cfg(feature = "flac")]
mod flac;
mod format;
mod front;
mod guard;
mod lane;
pub mod limits;
mod marks;
mod meter;
mod pair;
#[cfg(test)]
mod quality;
mod resample;
mod single;
mod steer;
mod sync;
mod tap;
mod watch;

pub use channels::ChannelMap;
pub use encode::{EncodeError, StreamEncoder};
#[cfg(feature = "files")]
pub use files::{FileError, FileSource, FileSpec, Samples};
pub use format::{Format, FormatError, Layout, SampleType, WireFormat, chunk_frames};
pub use front::{FrontEnd, FrontEndConfig, FrontEndError, GapReason, Piece, Scratch, TapCounts};
pub use guard::{PushGuard, PushPermit};
pub use meter::{ChannelLevel, Levels};
pub use tap::{PushError, Pushed, Tap, TapReader, sweep_rings, tap};
pub use watch::Finding;
