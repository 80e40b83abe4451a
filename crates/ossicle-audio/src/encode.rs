//! What the wire carries: PCM or FLAC, one encoder a stream.

use thiserror::Error;

#[cfg(feature = "flac")]
use crate::flac::Flac;
use crate::format::WireFormat;

/// An encoder that cannot be made or that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The block is too short or too long.
    #[error("the FLAC block is {block_frames} frames, give 16 to 4608")]
    Block {
        /// The length that was given.
        block_frames: u32,
    },
    /// libFLAC could not be set up: memory is short.
    #[error("the FLAC encoder could not be set up, free memory and try again")]
    SetUp,
    /// libFLAC failed while encoding: memory is short, or the encoder was used after its end.
    #[error("the FLAC encoder failed, begin a new stream")]
    Failed,
    /// This build has no FLAC: the crate's feature `flac` is off.
    #[error("FLAC is not built in, use PCM or build with the feature flac")]
    NotBuilt,
}

/// Encodes the audio of one stream. Each stream has its own and starts anew.
///
/// It is not `Send` with FLAC: build it on the thread that uses it.
pub struct StreamEncoder {
    form: Form,
    wire: WireFormat,
}

enum Form {
    Pcm,
    #[cfg(feature = "flac")]
    Flac(Box<Flac>),
}

impl StreamEncoder {
    /// Signed 16-bit little-endian samples, interleaved.
    pub fn pcm(wire: WireFormat) -> Self {
        Self { form: Form::Pcm, wire }
    }

    /// FLAC at libFLAC's level 5, in blocks of `block_frames` (16 to 4,608): the chunk's length, or the largest part of it that
    /// fits ([`StreamEncoder::flac_block_frames`]).
    ///
    /// libFLAC gives a block out once it has seen one sample more. So one frame of silence is put in at the start
    /// ([`StreamEncoder::lead_frames`]); from then on the call that completes a block gives its frame out, and one frame stays
    /// behind ([`StreamEncoder::pending_frames`]).
    ///
    /// # Errors
    /// [`EncodeError::Block`], [`EncodeError::SetUp`].
    #[cfg(feature = "flac")]
    pub fn flac(wire: WireFormat, block_frames: u32) -> Result<Self, EncodeError> {
        Ok(Self { form: Form::Flac(Box::new(Flac::new(wire, block_frames)?)), wire })
    }

    /// FLAC, which this build does not have.
    ///
    /// # Errors
    /// [`EncodeError::NotBuilt`], always.
    #[cfg(not(feature = "flac"))]
    pub fn flac(_: WireFormat, _: u32) -> Result<Self, EncodeError> {
        Err(EncodeError::NotBuilt)
    }

    /// The FLAC block for chunks of `chunk_frames`: the chunk itself, or the largest equal part of it that is within the
    /// streamable subset.
    pub fn flac_block_frames(chunk_frames: u32) -> u32 {
        use crate::limits::{FLAC_BLOCK_FRAMES_MAX, FLAC_BLOCK_FRAMES_MIN};
        (chunk_frames / chunk_frames.div_ceil(FLAC_BLOCK_FRAMES_MAX).max(1)).max(FLAC_BLOCK_FRAMES_MIN)
    }

    /// The format that goes in.
    pub fn wire(&self) -> WireFormat {
        self.wire
    }

    /// Most bytes that encoding `frames` more frames and finishing can give: what to ask credit for.
    pub fn bound_bytes(&self, frames: u32) -> usize {
        match &self.form {
            Form::Pcm => frames as usize * self.wire.frame_bytes(),
            #[cfg(feature = "flac")]
            Form::Flac(flac) => flac.bound_bytes(frames),
        }
    }

    /// Encodes interleaved `pcm` and appends what is ready to `out`, for FLAC whole frames, with the header first.
    ///
    /// Allocates nothing itself where `out` has room for [`StreamEncoder::bound_bytes`].
    ///
    /// # Errors
    /// [`EncodeError::Failed`]; with PCM there is none.
    pub fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match &mut self.form {
            Form::Pcm => {
                if cfg!(target_endian = "little") {
                    out.extend_from_slice(bytemuck::cast_slice(pcm));
                } else {
                    out.extend(pcm.iter().flat_map(|sample| sample.to_le_bytes()));
                }
                Ok(())
            }
            #[cfg(feature = "flac")]
            Form::Flac(flac) => flac.encode(pcm, out),
        }
    }

    /// Frames that went in and are not out yet, the lead not counted. Always 0 for PCM; 1 for FLAC after whole blocks.
    pub fn pending_frames(&self) -> u32 {
        match &self.form {
            Form::Pcm => 0,
            #[cfg(feature = "flac")]
            Form::Flac(flac) => flac.pending_frames(),
        }
    }

    /// Frames of silence that this encoder puts ahead of the audio: 0 for PCM, 1 for FLAC.
    pub fn lead_frames(&self) -> u32 {
        match &self.form {
            Form::Pcm => 0,
            #[cfg(feature = "flac")]
            Form::Flac(_) => crate::flac::LEAD_FRAMES,
        }
    }

    /// Gives out what is pending. After it the encoder takes nothing more.
    ///
    /// # Errors
    /// [`EncodeError::Failed`]; with PCM there is none.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match &mut self.form {
            Form::Pcm => {
                let _ = out;
                Ok(())
            }
            #[cfg(feature = "flac")]
            Form::Flac(flac) => flac.finish(out),
        }
    }
}

impl std::fmt::Debug for StreamEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamEncoder")
            .field("wire", &self.wire)
            .field("pending_frames", &self.pending_frames())
            .finish_non_exhaustive()
    }
}
