//! Audio files, over symphonia: WAV, FLAC, MP3, AAC in MP4, Ogg Vorbis.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;
use thiserror::Error as ThisError;

/// A declared length from here on, in bytes of 16-bit audio, stands for "not known": writers to a pipe put the largest number in.
const UNKNOWN_BYTES_MIN: u64 = 0x7fff_0000;

/// A file that cannot be read, or not to its end.
#[derive(Clone, Debug, PartialEq, ThisError)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be opened.
    #[error("the file cannot be opened: {kind}")]
    Open {
        /// What the system says.
        kind: std::io::ErrorKind,
    },
    /// The file is of no known kind.
    #[error("the file is not WAV, FLAC, MP3, MP4 with AAC or Ogg Vorbis, convert it or give raw PCM")]
    Unknown,
    /// The file has no audio that can be decoded.
    #[error("the file has no audio that can be decoded, convert it or give raw PCM")]
    NoAudio,
    /// The file is broken. All audio ahead of the fault was given out.
    #[error("the file is broken {at_s:.3} s after its start: {reason}")]
    Fault {
        /// Seconds of audio ahead of the fault.
        at_s: f64,
        /// What is wrong.
        reason: String,
    },
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSpec {
    /// Frames per second.
    pub rate_hz: u32,
    /// Channels.
    pub channels: u8,
    /// Frames, where the file says so.
    pub frames: Option<u64>,
    /// True when the samples are integers of at most 16 bits, and so come out exactly as [`Samples::I16`].
    pub is_16_bit: bool,
}

/// Interleaved samples: whole frames.
#[derive(Clone, Copy, PartialEq)]
pub enum Samples<'a> {
    /// From a source of at most 16 bits: exact.
    I16(&'a [i16]),
    /// From any other source, full scale at 1.
    F32(&'a [f32]),
}

impl std::fmt::Debug for Samples<'_> {
    /// The number only: audio is health information.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Samples::I16(samples) => write!(f, "I16({} samples)", samples.len()),
            Samples::F32(samples) => write!(f, "F32({} samples)", samples.len()),
        }
    }
}

/// An audio file, read piece by piece.
pub struct FileSource {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    spec: FileSpec,
    decoded: Decoded,
    /// A piece that was decoded to learn the format, and is not given out yet.
    waiting: bool,
    frames: u64,
    ended: Option<Option<FileError>>,
}

#[derive(Default)]
struct Decoded {
    ints: Vec<i16>,
    floats: Vec<f32>,
}

impl FileSource {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// [`FileError::Open`], [`FileError::Unknown`], [`FileError::NoAudio`], and [`FileError::Fault`] where nothing can be decoded.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|extension| extension.to_str()) {
            hint.with_extension(extension);
        }
        let file = File::open(path).map_err(|error| FileError::Open { kind: error.kind() })?;
        Self::probe(Box::new(file), &hint)
    }

    /// Reads from `reader`, which need not be able to seek.
    ///
    /// # Errors
    /// As [`FileSource::open`].
    pub fn from_reader(reader: impl Read + Send + Sync + 'static) -> Result<Self, FileError> {
        Self::probe(Box::new(ReadOnlySource::new(reader)), &Hint::new())
    }

    fn probe(source: Box<dyn MediaSource>, hint: &Hint) -> Result<Self, FileError> {
        let stream = MediaSourceStream::new(source, Default::default());
        let format = symphonia::default::get_probe()
            .probe(hint, stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(|error| match error {
                Error::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                    FileError::Open { kind: error.kind() }
                }
                _ => FileError::Unknown,
            })?;
        let track = format.default_track(TrackType::Audio).ok_or(FileError::NoAudio)?;
        let codec =
            track.codec_params.as_ref().and_then(|params| params.audio()).ok_or(FileError::NoAudio)?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(codec, &AudioDecoderOptions::default())
            .map_err(|_| FileError::NoAudio)?;
        let (track_id, frames) = (track.id, declared_frames(track));
        let narrow = codec.bits_per_sample.is_some_and(|bits| bits <= 16);
        let spec = FileSpec { rate_hz: 0, channels: 0, frames, is_16_bit: narrow };
        let mut source = Self {
            format,
            decoder,
            track_id,
            spec,
            decoded: Decoded::default(),
            waiting: false,
            frames: 0,
            ended: None,
        };
        // The first piece tells the format for sure: containers leave it out, or are wrong about it.
        source.decode()?;
        source.waiting = true;
        if source.spec.rate_hz == 0 { Err(FileError::NoAudio) } else { Ok(source) }
    }

    /// What the file holds.
    pub fn spec(&self) -> FileSpec {
        self.spec
    }

    /// The next piece, or `None` at the end.
    ///
    /// # Errors
    /// [`FileError::Fault`] once all ahead of the fault has been given out, and again on each later call.
    pub fn next_samples(&mut self) -> Result<Option<Samples<'_>>, FileError> {
        if !std::mem::take(&mut self.waiting) && !self.decode()? {
            return Ok(None);
        }
        let frames = self.decoded.ints.len().max(self.decoded.floats.len()) / usize::from(self.spec.channels);
        self.frames += frames as u64;
        Ok((frames > 0).then_some(if self.spec.is_16_bit {
            Samples::I16(&self.decoded.ints)
        } else {
            Samples::F32(&self.decoded.floats)
        }))
    }

    /// Decodes the next piece that holds audio. False at the end.
    fn decode(&mut self) -> Result<bool, FileError> {
        self.decoded.ints.clear();
        self.decoded.floats.clear();
        if let Some(ended) = &self.ended {
            return ended.clone().map_or(Ok(false), Err);
        }
        let end = loop {
            match self.decode_packet() {
                Ok(Some(0)) => {}
                Ok(Some(_)) => return Ok(true),
                Ok(None) => {
                    break self
                        .spec
                        .frames
                        .filter(|frames| self.frames < *frames)
                        .map(|_| "it ends early".to_owned());
                }
                Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    break Some("it ends early".to_owned());
                }
                Err(error) => break Some(error.to_string()),
            }
        };
        let at_s = self.frames as f64 / f64::from(self.spec.rate_hz.max(1));
        self.ended = Some(end.map(|reason| FileError::Fault { at_s, reason }));
        self.decode()
    }

    /// Decodes one packet into the piece, and returns its frames. `None` at the end.
    fn decode_packet(&mut self) -> Result<Option<usize>, Error> {
        let Some(packet) = self.format.next_packet()? else { return Ok(None) };
        if packet.track_id != self.track_id {
            return Ok(Some(0));
        }
        let buffer = self.decoder.decode(&packet)?;
        let frames = buffer.frames();
        if frames == 0 {
            return Ok(Some(0));
        }
        let (rate_hz, channels) = (buffer.spec().rate(), buffer.num_planes() as u8);
        if self.spec.rate_hz == 0 {
            (self.spec.rate_hz, self.spec.channels) = (rate_hz, channels);
            let float = matches!(buffer, GenericAudioBufferRef::F32(_) | GenericAudioBufferRef::F64(_));
            self.spec.is_16_bit &= !float;
        } else if (rate_hz, channels) != (self.spec.rate_hz, self.spec.channels) {
            return Err(Error::Unsupported("the rate or the channels change on the way"));
        }
        if self.spec.is_16_bit {
            buffer.copy_to_vec_interleaved(&mut self.decoded.ints);
        } else {
            buffer.copy_to_vec_interleaved(&mut self.decoded.floats);
        }
        Ok(Some(frames))
    }
}

impl std::fmt::Debug for FileSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSource")
            .field("spec", &self.spec)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}

/// The track's length, where it is known and exact.
fn declared_frames(track: &Track) -> Option<u64> {
    let audio = track.codec_params.as_ref()?.audio()?;
    // Lossy codecs count in packets, so only what is told in bits is exact.
    audio.bits_per_sample?;
    let channels = audio.channels.as_ref().map_or(1, |channels| channels.count() as u64);
    track.num_frames.filter(|frames| *frames > 0 && frames.saturating_mul(2 * channels) < UNKNOWN_BYTES_MIN)
}
