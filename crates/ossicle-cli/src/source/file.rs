//! Audio files.

use std::io::{Cursor, ErrorKind};
use std::path::Path;

use ossicle::audio::{FileError, FileSource as Reader, Format, Layout, SampleType, Samples};

use super::Source;
use crate::fault::{Fault, Outcome, io_words};

/// An audio file in the middle of being read.
pub(crate) struct FileSource {
    name: String,
    reader: Reader,
    format: Format,
    total_frames: Option<u64>,
}

impl FileSource {
    /// Opens a file and reads what it holds.
    pub(crate) fn open(path: &Path) -> Outcome<Self> {
        let name = path.display().to_string();
        let unreadable = |error| Fault::input(format!("{name} cannot be read: {}", io_words(&error)));
        let about = std::fs::metadata(path).map_err(unreadable)?;
        if about.is_dir() {
            return Err(Fault::input(format!("{name} is a folder: give an audio file")));
        }
        if about.is_file() && about.len() == 0 {
            return Err(Fault::input(format!("{name} is empty: give a file with audio in it")));
        }
        let reader = Reader::open(path);
        Self::learn(name, reader)
    }

    /// Reads audio that is in memory.
    pub(crate) fn bundled(name: &str, bytes: &'static [u8]) -> Outcome<Self> {
        Self::learn(name.to_owned(), Reader::from_reader(Cursor::new(bytes)))
    }

    fn learn(name: String, reader: Result<Reader, FileError>) -> Outcome<Self> {
        let reader = reader.map_err(|error| Fault::input(not_opened(&name, &error)))?;
        let spec = reader.spec();
        let sample = if spec.is_16_bit { SampleType::S16 } else { SampleType::F32 };
        let format = Format::new(sample, Layout::Interleaved, spec.rate_hz, spec.channels)
            .map_err(|error| Fault::input(format!("{name} cannot be sent: {error}")))?;
        Ok(Self { name, reader, format, total_frames: spec.frames })
    }
}

fn not_opened(name: &str, error: &FileError) -> String {
    match error {
        FileError::Open { kind: ErrorKind::UnexpectedEof } | FileError::Unknown => format!(
            "{name} is no audio file that can be read: give WAV, FLAC, MP3, AAC in MP4 or Ogg Vorbis, or raw PCM with \
             `-`, --rate and --channels"
        ),
        FileError::Open { kind } => format!("{name} cannot be read: {}", io_words(&(*kind).into())),
        FileError::NoAudio => {
            format!("{name} has no audio that can be decoded: convert it, or give another file")
        }
        FileError::Fault { reason, .. } => {
            format!("{name} is broken right at its beginning: {reason}: check the file")
        }
        other => format!("{name} cannot be read: {other}"),
    }
}

impl Source for FileSource {
    fn format(&self) -> Format {
        self.format
    }

    fn total_frames(&self) -> Option<u64> {
        self.total_frames
    }

    fn read(&mut self, block: &mut Vec<u8>) -> Result<bool, String> {
        block.clear();
        match self.reader.next_samples() {
            Ok(Some(Samples::I16(samples))) => {
                block.extend(samples.iter().flat_map(|sample| sample.to_ne_bytes()));
                Ok(true)
            }
            Ok(Some(Samples::F32(samples))) => {
                block.extend(samples.iter().flat_map(|sample| sample.to_ne_bytes()));
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(FileError::Fault { at_s, reason }) => Err(format!(
                "{} is broken {at_s:.3} s after its beginning ({reason}): what is before was sent; check the file",
                self.name
            )),
            Err(other) => Err(format!("{} cannot be read on: {other}", self.name)),
        }
    }
}
