//! Recordings: `SESSION.wav` with the audio as decoded, one file over all streams, and `SESSION.json`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::limits;
use crate::report::{Ended, SessionReport, SessionStatus};

/// The recording of one session.
pub(crate) struct Recorder {
    json: PathBuf,
    wav: PathBuf,
    open: Option<WavWriter<BufWriter<File>>>,
    unflushed_frames: u64,
}

impl Recorder {
    /// A recorder for a session in `dir`. The session's id has been checked to be a UUID.
    pub(crate) fn new(dir: &Path, session_id: &str) -> Self {
        let file = |extension: &str| dir.join(format!("{session_id}.{extension}"));
        Self { json: file("json"), wav: file("wav"), open: None, unflushed_frames: 0 }
    }

    /// What an earlier emulator on the same folder left of this session. A stream that was open when it died
    /// has as many frames as the recording's header vouches for.
    pub(crate) fn earlier(&self) -> Option<SessionReport> {
        let mut report: SessionReport = serde_json::from_slice(&fs::read(&self.json).ok()?).ok()?;
        let recorded = hound::WavReader::open(&self.wav).map_or(0, |wav| u64::from(wav.duration()));
        if let Some(last) = report.connections.last_mut()
            && last.ended == Ended::Open
        {
            last.ended = Ended::Lost;
            last.frames = recorded.saturating_sub(last.first_frame);
        }
        report.frames = recorded;
        if report.status == SessionStatus::InProgress {
            report.status = SessionStatus::Paused;
        }
        Some(report)
    }

    /// Appends whole frames.
    pub(crate) fn write(&mut self, rate_hz: u32, channels: u32, samples: &[i16]) -> io::Result<()> {
        if self.open.is_none() {
            self.open = Some(self.begin(rate_hz, channels)?);
        }
        let Some(wav) = &mut self.open else { return Ok(()) };
        for sample in samples {
            wav.write_sample(*sample).map_err(io_error)?;
        }
        self.unflushed_frames += samples.len() as u64 / u64::from(channels.max(1));
        if self.unflushed_frames >= limits::RECORD_FLUSH_FRAMES {
            self.flush()?;
        }
        Ok(())
    }

    fn begin(&self, rate_hz: u32, channels: u32) -> io::Result<WavWriter<BufWriter<File>>> {
        let channels = u16::try_from(channels).map_err(io::Error::other)?;
        let spec =
            WavSpec { channels, sample_rate: rate_hz, bits_per_sample: 16, sample_format: SampleFormat::Int };
        if !self.wav.exists() {
            return WavWriter::create(&self.wav, spec).map_err(io_error);
        }
        let wav = hound::WavReader::open(&self.wav).map_err(io_error)?;
        if wav.spec() != spec {
            return Err(io::Error::other("the recording that is there has another format"));
        }
        // A killed emulator may have left samples that the header does not count: they were never acknowledged in a
        // report, and appending after them would leave a hole that no header describes.
        let data_bytes = u64::from(wav.len()) * 2;
        drop(wav);
        let file = OpenOptions::new().write(true).open(&self.wav)?;
        file.set_len(WAV_HEADER_BYTES + data_bytes)?;
        drop(file);
        WavWriter::append(&self.wav).map_err(io_error)
    }

    /// Brings the file and its header up to date.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.unflushed_frames = 0;
        self.open.as_mut().map_or(Ok(()), |wav| wav.flush().map_err(io_error))
    }

    /// Writes the report, whole or not at all.
    pub(crate) fn report(&mut self, report: &SessionReport) -> io::Result<()> {
        self.flush()?;
        let text = serde_json::to_vec_pretty(report).map_err(io::Error::other)?;
        let partial = self.json.with_extension("json.partial");
        fs::write(&partial, text)?;
        fs::rename(&partial, &self.json)
    }

    /// Closes the file; it can be written again.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        self.unflushed_frames = 0;
        self.open.take().map_or(Ok(()), |wav| wav.finalize().map_err(io_error))
    }
}

/// RIFF, `fmt ` and `data` headers as the WAV writer lays them out for 16-bit PCM.
const WAV_HEADER_BYTES: u64 = 44;

fn io_error(error: hound::Error) -> io::Error {
    match error {
        hound::Error::IoError(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_holds_after_each_flush_and_a_torn_tail_is_cut() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut recorder = Recorder::new(dir.path(), "s");
        recorder.write(16_000, 2, &[1, 2, 3, 4]).expect("written");
        recorder.flush().expect("flushed");
        let read = || {
            let mut wav = hound::WavReader::open(dir.path().join("s.wav")).expect("a recording");
            wav.samples::<i16>().map(|sample| sample.expect("a sample")).collect::<Vec<_>>()
        };
        assert_eq!(read(), [1, 2, 3, 4]);
        assert_eq!(fs::metadata(dir.path().join("s.wav")).expect("a file").len(), WAV_HEADER_BYTES + 8);

        // As if killed: bytes past the header's count.
        std::mem::forget(recorder);
        let mut torn = fs::read(dir.path().join("s.wav")).expect("a file");
        torn.extend([9, 9, 9]);
        fs::write(dir.path().join("s.wav"), torn).expect("written");
        let mut next = Recorder::new(dir.path(), "s");
        next.write(16_000, 2, &[5, 6]).expect("written");
        next.close().expect("closed");
        assert_eq!(read(), [1, 2, 3, 4, 5, 6]);
        assert!(next.write(8_000, 2, &[5, 6]).is_err(), "another rate");
    }
}
