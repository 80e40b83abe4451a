//! Raw 16-bit little-endian PCM from standard input.

use std::io::{ErrorKind, Read, Stdin};

use ossicle::audio::{Format, Layout, SampleType};

use super::Source;
use crate::fault::{Fault, Outcome};

/// How much is asked of a pipe at once, in milliseconds: what is in hand when the command is interrupted is short.
const READ_MS: u32 = 20;

/// Standard input.
pub(crate) struct RawSource {
    input: Stdin,
    format: Format,
    /// Bytes of a frame that is not whole yet.
    rest: Vec<u8>,
    frames_read: u64,
    block_bytes: usize,
}

impl RawSource {
    /// Standard input, in the format that the flags give.
    pub(crate) fn stdin(rate_hz: Option<u32>, channels: Option<u8>) -> Outcome<Self> {
        let (Some(rate_hz), Some(channels)) = (rate_hz, channels) else {
            return Err(Fault::usage(
                "raw PCM from standard input does not say what it is: give --rate HZ and --channels N",
            ));
        };
        let format = Format::new(SampleType::S16, Layout::Interleaved, rate_hz, channels)
            .map_err(|error| Fault::usage(format!("{error}: check --rate and --channels")))?;
        let block_bytes = ((rate_hz * READ_MS / 1_000).max(1) as usize) * format.frame_bytes();
        Ok(Self { input: std::io::stdin(), format, rest: Vec::new(), frames_read: 0, block_bytes })
    }
}

impl Source for RawSource {
    fn format(&self) -> Format {
        self.format
    }

    fn total_frames(&self) -> Option<u64> {
        None
    }

    fn is_pipe(&self) -> bool {
        true
    }

    fn read(&mut self, block: &mut Vec<u8>) -> Result<bool, String> {
        let frame_bytes = self.format.frame_bytes();
        block.clear();
        block.append(&mut self.rest);
        let mut chunk = vec![0; self.block_bytes];
        // A pipe gives what it has; only a part of a frame is not enough to go on with.
        while block.len() < frame_bytes {
            match self.input.lock().read(&mut chunk) {
                Ok(0) => return self.end(block.len()),
                Ok(read) => block.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("standard input cannot be read: {}", error.kind())),
            }
        }
        let whole = block.len() / frame_bytes * frame_bytes;
        self.rest = block.split_off(whole);
        if cfg!(target_endian = "big") {
            block.chunks_exact_mut(2).for_each(<[u8]>::reverse);
        }
        self.frames_read += (whole / frame_bytes) as u64;
        Ok(true)
    }
}

impl RawSource {
    fn end(&self, left_bytes: usize) -> Result<bool, String> {
        if self.frames_read == 0 {
            return Err("standard input is empty: pipe raw 16-bit little-endian PCM into the command".into());
        }
        if left_bytes > 0 {
            return Err(format!(
                "standard input ends in the middle of a frame, after {} whole ones: check --channels and that it is \
                 16-bit PCM",
                crate::show::words::count(self.frames_read)
            ));
        }
        Ok(false)
    }
}
