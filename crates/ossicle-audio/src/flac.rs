//! FLAC over libFLAC.
//!
//! libFLAC's encoder writes into a writer that it borrows for its whole life. The writer and the encoder live in one
//! self-referencing cell, so that both end with the stream; the bytes go through a cell that both sides see.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use flac_bound::{FlacEncoder, WriteWrapper};
use ouroboros::self_referencing;

use crate::encode::EncodeError;
use crate::format::WireFormat;
use crate::limits::{FLAC_BLOCK_FRAMES_MAX, FLAC_BLOCK_FRAMES_MIN};

/// libFLAC holds a block until it has seen one sample more, and that is not to be switched off. One frame of silence ahead
/// makes the block complete one frame early, so its frame leaves in the call that completes the block.
pub(crate) const LEAD_FRAMES: u32 = 1;
/// Close to the best ratio for speech at half of the best level's cost.
const LEVEL: u32 = 5;
/// Samples widened on the stack at a time.
const WIDE_SAMPLES: usize = 512;
/// A frame's header with its checksum, at most: 4 bytes, the number in up to 7, block size and rate in up to 4, checksum 1.
const FRAME_HEADER_BYTES: usize = 16;
/// A frame's padding and checksum.
const FRAME_FOOTER_BYTES: usize = 3;
/// A channel's header inside a frame.
const SUBFRAME_HEADER_BYTES: usize = 2;

pub(crate) struct Flac {
    cell: Cell,
    bytes: Rc<RefCell<Vec<u8>>>,
    /// Written by libFLAC when it was set up; leaves with the first audio.
    header: Vec<u8>,
    channels: usize,
    block_frames: u32,
    /// Frames in the encoder, the lead counted.
    inside_frames: u32,
    lead_inside: bool,
}

#[self_referencing]
struct Cell {
    writer: SharedBytes,
    #[borrows(mut writer)]
    #[not_covariant]
    wrapper: WriteWrapper<'this>,
    #[borrows(mut wrapper)]
    #[not_covariant]
    encoder: Option<FlacEncoder<'this>>,
}

struct SharedBytes(Rc<RefCell<Vec<u8>>>);

impl Write for SharedBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Flac {
    pub(crate) fn new(wire: WireFormat, block_frames: u32) -> Result<Self, EncodeError> {
        if !(FLAC_BLOCK_FRAMES_MIN..=FLAC_BLOCK_FRAMES_MAX).contains(&block_frames) {
            return Err(EncodeError::Block { block_frames });
        }
        let bytes = Rc::new(RefCell::new(Vec::new()));
        let cell = Cell::try_new(
            SharedBytes(bytes.clone()),
            |writer| Ok(WriteWrapper(writer)),
            |wrapper| {
                let config = FlacEncoder::new().ok_or(EncodeError::SetUp)?;
                let config = config
                    .streamable_subset(true)
                    .channels(wire.channels().into())
                    .bits_per_sample(16)
                    .sample_rate(wire.rate_hz())
                    .compression_level(LEVEL)
                    .blocksize(block_frames);
                config.init_write(wrapper).map(Some).map_err(|_| EncodeError::SetUp)
            },
        )?;
        let header = std::mem::take(&mut *bytes.borrow_mut());
        let mut flac = Self {
            cell,
            bytes,
            header,
            channels: wire.channels().into(),
            block_frames,
            inside_frames: 0,
            lead_inside: true,
        };
        flac.process(&[0; 2][..flac.channels])?;
        Ok(flac)
    }

    pub(crate) fn bound_bytes(&self, frames: u32) -> usize {
        let inside = (self.inside_frames + frames) as usize;
        // Never above verbatim: the encoder takes that where nothing is smaller.
        let blocks = inside / self.block_frames as usize + 1;
        let frame = FRAME_HEADER_BYTES + FRAME_FOOTER_BYTES + SUBFRAME_HEADER_BYTES * self.channels;
        self.header.len() + blocks * frame + inside * 2 * self.channels
    }

    pub(crate) fn pending_frames(&self) -> u32 {
        self.inside_frames - if self.lead_inside { LEAD_FRAMES } else { 0 }
    }

    pub(crate) fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.with_out(out, |flac| flac.process(pcm))
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.with_out(out, |flac| {
            let ended = flac.cell.with_encoder_mut(|encoder| Some(encoder.take()?.finish().is_ok()));
            if ended != Some(true) {
                return Err(EncodeError::Failed);
            }
            flac.inside_frames = 0;
            flac.lead_inside = false;
            Ok(())
        })
    }

    /// Lets libFLAC write straight into `out`, the header first.
    fn with_out<T>(&mut self, out: &mut Vec<u8>, work: impl FnOnce(&mut Self) -> T) -> T {
        out.extend_from_slice(&self.header);
        self.header = Vec::new();
        std::mem::swap(out, &mut *self.bytes.borrow_mut());
        let result = work(self);
        std::mem::swap(out, &mut *self.bytes.borrow_mut());
        result
    }

    fn process(&mut self, pcm: &[i16]) -> Result<(), EncodeError> {
        let mut wide = [0_i32; WIDE_SAMPLES];
        for piece in pcm.chunks(WIDE_SAMPLES / self.channels * self.channels) {
            for (wide, sample) in wide.iter_mut().zip(piece) {
                *wide = i32::from(*sample);
            }
            let frames = (piece.len() / self.channels) as u32;
            let wide = &wide[..piece.len()];
            self.cell
                .with_encoder_mut(|encoder| encoder.as_mut()?.process_interleaved(wide, frames).ok())
                .ok_or(EncodeError::Failed)?;
            self.inside_frames += frames;
            // One frame stays inside when a block leaves.
            while self.inside_frames > self.block_frames {
                self.inside_frames -= self.block_frames;
                self.lead_inside = false;
            }
        }
        Ok(())
    }
}
