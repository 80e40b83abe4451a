//! FLAC that arrives in pieces, decoded with symphonia's decoder.
//!
//! Symphonia's own reader pulls from a seekable source, which a live stream is not. So the stream is cut into
//! frames here, where the running checksum of a frame comes out as zero, and each frame goes to the decoder whole.

use symphonia::core::codecs::audio::well_known::CODEC_ID_FLAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder as _, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::FlacDecoder;

use crate::limits;

/// What is wrong with a FLAC stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FlacError {
    #[error("the audio does not begin with a FLAC stream header (`fLaC` and STREAMINFO)")]
    NoHeader,
    #[error("the FLAC header is longer than {max} bytes", max = limits::FLAC_HEADER_BYTES_MAX)]
    HeaderTooLong,
    #[error("the FLAC stream has {channels} channels of {bits} bits; 1 or 2 channels of 16 bits are taken")]
    Format { channels: u32, bits: u32 },
    #[error("the FLAC stream's rate is {found} Hz, the request says {asked} Hz")]
    Rate { found: u32, asked: u32 },
    #[error("a FLAC frame is damaged or longer than {max} bytes", max = limits::FLAC_FRAME_BYTES_MAX)]
    Frame,
}

/// Shortest possible frame: header, one constant subframe, checksum.
const FRAME_BYTES_MIN: usize = 10;
const STREAMINFO_BYTES: usize = 34;

/// A FLAC stream in the middle of arriving.
pub(crate) struct FlacStream {
    rate_hz: u32,
    buffer: Vec<u8>,
    stage: Stage,
}

enum Stage {
    Header,
    Frames(Box<Frames>),
}

struct Frames {
    decoder: FlacDecoder,
    channels: u32,
    /// Bytes of the buffer that the checksum has gone over.
    summed: usize,
    checksum: u16,
}

impl FlacStream {
    pub(crate) fn new(rate_hz: u32) -> Self {
        Self { rate_hz, buffer: Vec::new(), stage: Stage::Header }
    }

    /// Channels, once the header has come.
    pub(crate) fn channels(&self) -> Option<u32> {
        match &self.stage {
            Stage::Header => None,
            Stage::Frames(frames) => Some(frames.channels),
        }
    }

    /// Whether part of a header or frame is held.
    pub(crate) fn in_mid_frame(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Takes bytes; appends the samples of every frame that is now whole, interleaved.
    pub(crate) fn push(&mut self, bytes: &[u8], samples: &mut Vec<i16>) -> Result<(), FlacError> {
        self.buffer.extend_from_slice(bytes);
        if let Stage::Header = self.stage {
            let Some((streaminfo, end)) = read_header(&self.buffer)? else { return Ok(()) };
            let frames = Frames::new(&streaminfo, self.rate_hz)?;
            self.buffer.drain(..end);
            self.stage = Stage::Frames(Box::new(frames));
        }
        match &mut self.stage {
            Stage::Header => Ok(()),
            Stage::Frames(frames) => frames.cut(&mut self.buffer, samples),
        }
    }
}

/// STREAMINFO and where the first frame begins; `None` when more bytes are needed.
fn read_header(bytes: &[u8]) -> Result<Option<([u8; STREAMINFO_BYTES], usize)>, FlacError> {
    let magic = b"fLaC";
    if !bytes.iter().zip(magic).all(|(a, b)| a == b) {
        return Err(FlacError::NoHeader);
    }
    let mut at = magic.len();
    let mut streaminfo = None;
    loop {
        let Some(block) = bytes.get(at..at + 4) else { return Ok(None) };
        let length = usize::from(block[1]) << 16 | usize::from(block[2]) << 8 | usize::from(block[3]);
        let (last, kind) = (block[0] & 0x80 != 0, block[0] & 0x7f);
        let first = streaminfo.is_none();
        if first && (kind != 0 || length != STREAMINFO_BYTES) {
            return Err(FlacError::NoHeader);
        }
        if at + 4 + length > limits::FLAC_HEADER_BYTES_MAX {
            return Err(FlacError::HeaderTooLong);
        }
        let Some(body) = bytes.get(at + 4..at + 4 + length) else { return Ok(None) };
        if first {
            streaminfo = body.try_into().ok();
        }
        at += 4 + length;
        if last {
            return Ok(streaminfo.map(|info| (info, at)));
        }
    }
}

impl Frames {
    fn new(streaminfo: &[u8; STREAMINFO_BYTES], asked: u32) -> Result<Self, FlacError> {
        // STREAMINFO after the block and frame sizes: 20 bits of rate, 3 of channels - 1, 5 of bits - 1.
        let word = u32::from_be_bytes([streaminfo[10], streaminfo[11], streaminfo[12], streaminfo[13]]);
        let (found, channels, bits) = (word >> 12, (word >> 9 & 7) + 1, (word >> 4 & 31) + 1);
        if bits != 16 || channels > 2 {
            return Err(FlacError::Format { channels, bits });
        }
        if found != asked {
            return Err(FlacError::Rate { found, asked });
        }
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_FLAC).with_extra_data(streaminfo.to_vec().into_boxed_slice());
        let decoder = FlacDecoder::try_new(&params, &AudioDecoderOptions::default())
            .map_err(|_| FlacError::NoHeader)?;
        Ok(Self { decoder, channels, summed: 0, checksum: 0 })
    }

    /// A frame ends where the checksum over it and its own checksum is zero, and another begins or nothing follows.
    fn cut(&mut self, buffer: &mut Vec<u8>, samples: &mut Vec<i16>) -> Result<(), FlacError> {
        let mut begin = 0;
        while self.summed < buffer.len() {
            self.checksum = crc16(self.checksum, buffer[self.summed]);
            self.summed += 1;
            let long_enough = self.summed - begin >= FRAME_BYTES_MIN;
            if self.checksum == 0 && long_enough && begins_frame(&buffer[self.summed..]) {
                // A zero can be chance: a piece that does not decode is no frame yet.
                if self.decode(&buffer[begin..self.summed], samples) {
                    begin = self.summed;
                }
            }
        }
        buffer.drain(..begin);
        self.summed -= begin;
        let garbage = !buffer.is_empty() && !begins_frame(buffer);
        if garbage || buffer.len() > limits::FLAC_FRAME_BYTES_MAX {
            return Err(FlacError::Frame);
        }
        Ok(())
    }

    fn decode(&mut self, frame: &[u8], samples: &mut Vec<i16>) -> bool {
        let packet = PacketRef::new(0, Timestamp::from(0u32), Duration::from(0u32), frame);
        let Ok(audio) = self.decoder.decode_ref(&packet) else { return false };
        let mut decoded: Vec<i16> = Vec::new();
        audio.copy_to_vec_interleaved(&mut decoded);
        samples.append(&mut decoded);
        true
    }
}

/// Whether bytes (perhaps cut short, perhaps none) can be the beginning of a frame.
fn begins_frame(bytes: &[u8]) -> bool {
    bytes.first().is_none_or(|byte| *byte == 0xff)
        && bytes.get(1).is_none_or(|byte| byte & 0xfe == 0xf8)
        && bytes.get(2).is_none_or(|byte| byte >> 4 != 0 && byte & 0x0f != 0x0f)
        && bytes.get(3).is_none_or(|byte| byte >> 4 <= 10 && byte & 1 == 0)
}

/// FLAC's frame checksum: polynomial 0x8005, most significant bit first, from zero.
fn crc16(sum: u16, byte: u8) -> u16 {
    (sum << 8) ^ CRC16[usize::from((sum >> 8) as u8 ^ byte)]
}

const CRC16: [u16; 256] = {
    let mut table = [0u16; 256];
    let mut at = 0;
    while at < 256 {
        let mut sum = (at as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 0x8000 != 0 { sum << 1 ^ 0x8005 } else { sum << 1 };
            bit += 1;
        }
        table[at] = sum;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use flac_bound::{FlacEncoder, WriteWrapper};

    fn noise(frames: usize) -> Vec<i32> {
        let mut seed = 1u32;
        (0..frames)
            .map(|at| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let loud = if at / 4_000 % 2 == 0 { 8_000.0 } else { 20.0 };
                ((at as f64 / 9.0).sin() * loud) as i32 + (seed >> 24) as i32
            })
            .collect()
    }

    /// FLAC by libFLAC, which we did not write.
    fn encode(samples: &[i32], channels: u32, rate_hz: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut out = WriteWrapper(&mut bytes);
        let mut encoder = FlacEncoder::new()
            .expect("an encoder")
            .channels(channels)
            .bits_per_sample(16)
            .sample_rate(rate_hz)
            .compression_level(5)
            .init_write(&mut out)
            .expect("an encoder");
        let frames = (samples.len() / channels as usize) as u32;
        encoder.process_interleaved(samples, frames).expect("encoded");
        encoder.finish().expect("finished");
        bytes
    }

    #[test]
    fn every_split_gives_the_same_samples() {
        for channels in [1, 2] {
            let source = noise(20_000);
            let expected: Vec<i16> = source.iter().map(|s| *s as i16).collect();
            let bytes = encode(&source, channels, 16_000);
            for piece in [1, 7, 320, 4_096, bytes.len()] {
                let mut stream = FlacStream::new(16_000);
                let mut samples = Vec::new();
                for bytes in bytes.chunks(piece) {
                    stream.push(bytes, &mut samples).expect("good FLAC");
                }
                assert_eq!(stream.channels(), Some(channels));
                assert!(!stream.in_mid_frame(), "piece {piece}");
                assert!(samples == expected, "piece {piece}: {} of {}", samples.len(), expected.len());
            }
        }
    }

    #[test]
    fn damage_and_other_formats_are_refused() {
        let bytes = encode(&noise(9_000), 1, 16_000);
        let push = |bytes: &[u8], rate_hz| FlacStream::new(rate_hz).push(bytes, &mut Vec::new());
        assert_eq!(push(&[0, 1, 2, 3], 16_000), Err(FlacError::NoHeader));
        assert_eq!(push(&bytes, 8_000), Err(FlacError::Rate { found: 16_000, asked: 8_000 }));
        let mut spoilt = bytes.clone();
        let first_frame = read_header(&bytes).expect("good").expect("whole").1;
        spoilt[first_frame] = 0;
        assert_eq!(push(&spoilt, 16_000), Err(FlacError::Frame));
        let mut spoilt = bytes.clone();
        let at = bytes.len() - 100;
        spoilt[at] ^= 1;
        let mut stream = FlacStream::new(16_000);
        let mut samples = Vec::new();
        let answer = stream.push(&spoilt, &mut samples);
        // The damaged last frame never comes out; it stays unfinished.
        assert!(answer.is_err() || (stream.in_mid_frame() && samples.len() < 9_000));
    }
}
