//! Audio as it arrives, turned into interleaved 16-bit samples.

use base64_simd::STANDARD;
use bytes::Bytes;
use serde::Deserialize;

use crate::flac::{FlacError, FlacStream};

/// Encodings that the service takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Pcm,
    Flac,
}

/// What is wrong with audio. The text holds none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AudioError {
    #[error("an audio event holds {found} bytes, at most {max} are allowed")]
    TooLong { found: usize, max: usize },
    #[error("16-bit PCM has an even number of bytes, an audio event has {0}")]
    Odd(usize),
    #[error("audioEvent must be `{{\"audioChunk\": BASE64}}`")]
    Json,
    #[error("the FLAC stream has {found} channels, the configuration says {asked}")]
    Channels { found: u32, asked: u32 },
    #[error(transparent)]
    Flac(#[from] FlacError),
}

/// The audio of one stream.
pub(crate) struct AudioInput {
    kind: Kind,
    channels_asked: Option<u32>,
    chunk_bytes_max: usize,
}

enum Kind {
    /// Samples of a frame that an event cut in two.
    Pcm {
        carried: Vec<i16>,
    },
    Flac(FlacStream),
}

impl AudioInput {
    /// `channels_asked`: what the configuration says; without it PCM is mono and FLAC says it itself.
    pub(crate) fn new(
        encoding: Encoding,
        rate_hz: u32,
        channels_asked: Option<u32>,
        chunk_bytes_max: usize,
    ) -> Self {
        let kind = match encoding {
            Encoding::Pcm => Kind::Pcm { carried: Vec::new() },
            Encoding::Flac => Kind::Flac(FlacStream::new(rate_hz)),
        };
        Self { kind, channels_asked, chunk_bytes_max }
    }

    /// Channels of the samples; for FLAC known when its header has come.
    pub(crate) fn channels(&self) -> Option<u32> {
        match &self.kind {
            Kind::Pcm { .. } => Some(self.channels_asked.unwrap_or(1)),
            Kind::Flac(flac) => flac.channels(),
        }
    }

    /// Whether the audio so far ends in the middle of a frame.
    pub(crate) fn in_mid_frame(&self) -> bool {
        match &self.kind {
            Kind::Pcm { carried } => !carried.is_empty(),
            Kind::Flac(flac) => flac.in_mid_frame(),
        }
    }

    /// The audio of an `audioEvent`.
    pub(crate) fn unwrap_json(payload: &Bytes) -> Result<Vec<u8>, AudioError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Shape<'a> {
            #[serde(borrow)]
            audio_chunk: std::borrow::Cow<'a, str>,
        }
        let shape: Shape<'_> = serde_json::from_slice(payload).map_err(|_| AudioError::Json)?;
        STANDARD.decode_to_vec(shape.audio_chunk.as_bytes()).map_err(|_| AudioError::Json)
    }

    /// Takes the audio of one event; `samples` then holds whole frames, interleaved.
    pub(crate) fn push(&mut self, audio: &[u8], samples: &mut Vec<i16>) -> Result<(), AudioError> {
        samples.clear();
        if audio.len() > self.chunk_bytes_max {
            return Err(AudioError::TooLong { found: audio.len(), max: self.chunk_bytes_max });
        }
        match &mut self.kind {
            Kind::Pcm { carried } => {
                if !audio.len().is_multiple_of(2) {
                    return Err(AudioError::Odd(audio.len()));
                }
                samples.append(carried);
                samples.extend(audio.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
                let channels = self.channels_asked.unwrap_or(1) as usize;
                let whole = samples.len() / channels * channels;
                *carried = samples.split_off(whole);
            }
            Kind::Flac(flac) => {
                flac.push(audio, samples)?;
                match (flac.channels(), self.channels_asked) {
                    (Some(found), Some(asked)) if found != asked => {
                        return Err(AudioError::Channels { found, asked });
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pcm_frames_come_out_whole() {
        let mut input = AudioInput::new(Encoding::Pcm, 16_000, Some(2), 32_000);
        let mut samples = Vec::new();
        input.push(&[1, 0, 2, 0, 3, 0], &mut samples).expect("good audio");
        assert_eq!(samples, [1, 2]);
        assert!(input.in_mid_frame());
        input.push(&[4, 0], &mut samples).expect("good audio");
        assert_eq!(samples, [3, 4]);
        assert!(!input.in_mid_frame());
        assert_eq!(input.push(&[0], &mut samples), Err(AudioError::Odd(1)));
        let long = AudioError::TooLong { found: 32_002, max: 32_000 };
        assert_eq!(input.push(&[0; 32_002], &mut samples), Err(long));
    }

    #[test]
    fn json_audio_is_unwrapped_or_refused() {
        let unwrap = |text: &'static str| AudioInput::unwrap_json(&Bytes::from_static(text.as_bytes()));
        assert_eq!(unwrap(r#"{"audioChunk":"AQID"}"#), Ok(vec![1, 2, 3]));
        assert_eq!(unwrap(r#"{"audioChunk":""}"#), Ok(vec![]));
        for wrong in [r#"{"audioChunk":"A"}"#, r#"{}"#, "x", r#"{"audioChunk":7}"#] {
            assert_eq!(unwrap(wrong), Err(AudioError::Json));
        }
    }
}
