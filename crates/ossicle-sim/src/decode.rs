//! The service's ear: PCM, and FLAC through a decoder that is not the encoder's sibling.

use symphonia::core::codecs::audio::well_known::CODEC_ID_FLAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder as _, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::FlacDecoder;

/// `fLaC` and the header of STREAMINFO.
const FLAC_START: usize = 8;
const STREAMINFO_BYTES: usize = 34;

/// Turns one stream's audio into samples.
pub(crate) enum AudioDecoder {
    Pcm,
    FlacHeader,
    Flac(Box<FlacDecoder>),
}

impl AudioDecoder {
    pub(crate) fn new(flac: bool) -> Self {
        if flac { Self::FlacHeader } else { Self::Pcm }
    }

    /// The samples of one message. With FLAC a message is one whole frame, the first with the stream's header.
    pub(crate) fn decode(&mut self, mut bytes: &[u8]) -> Result<Vec<i16>, String> {
        if let Self::FlacHeader = self {
            let (decoder, rest) = begin(bytes)?;
            bytes = rest;
            *self = Self::Flac(Box::new(decoder));
        }
        match self {
            Self::Flac(decoder) => {
                if bytes.is_empty() {
                    return Ok(Vec::new());
                }
                let packet = PacketRef::new(0, Timestamp::from(0u32), Duration::from(0u32), bytes);
                let audio = decoder.decode_ref(&packet).map_err(|error| format!("no FLAC frame: {error}"))?;
                let mut samples = Vec::new();
                audio.copy_to_vec_interleaved(&mut samples);
                Ok(samples)
            }
            _ => {
                let (pairs, rest) = bytes.as_chunks::<2>();
                if !rest.is_empty() {
                    return Err("half a sample".into());
                }
                Ok(pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect())
            }
        }
    }
}

fn begin(bytes: &[u8]) -> Result<(FlacDecoder, &[u8]), String> {
    let broken = || "the FLAC stream has no header".to_owned();
    if bytes.get(..4) != Some(b"fLaC") || bytes.get(4).is_none_or(|kind| kind & 0x7f != 0) {
        return Err(broken());
    }
    let info = bytes.get(FLAC_START..FLAC_START + STREAMINFO_BYTES).ok_or_else(broken)?;
    let mut at = 4;
    loop {
        let block = bytes.get(at..at + 4).ok_or_else(broken)?;
        at += 4 + (usize::from(block[1]) << 16 | usize::from(block[2]) << 8 | usize::from(block[3]));
        if block[0] & 0x80 != 0 {
            break;
        }
    }
    let mut params = AudioCodecParameters::new();
    params.for_codec(CODEC_ID_FLAC).with_extra_data(info.to_vec().into_boxed_slice());
    let decoder = FlacDecoder::try_new(&params, &AudioDecoderOptions::default())
        .map_err(|error| format!("no FLAC decoder: {error}"))?;
    Ok((decoder, bytes.get(at..).ok_or_else(broken)?))
}

impl std::fmt::Debug for AudioDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AudioDecoder")
    }
}
