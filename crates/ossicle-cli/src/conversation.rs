//! The bundled conversation and its script.

use std::sync::Arc;

use ossicle::core::Status;
use ossicle_emulator::{Script, Source as KnownAudio};

use crate::fault::{Fault, Outcome};
use crate::source::{FileSource, Source};

/// The audio, FLAC.
const AUDIO: &[u8] = include_bytes!("../assets/conversation.flac");
/// What is said in it, and when.
const TRANSCRIPT: &str = include_str!("../assets/conversation.json");
/// Its name in messages.
const NAME: &str = "the bundled conversation";

/// The conversation as a source of audio.
pub(crate) fn source() -> Outcome<FileSource> {
    FileSource::bundled(NAME, AUDIO)
}

/// The words for an emulator, which finds them by the audio that it receives.
pub(crate) fn script() -> Outcome<Script> {
    let damaged = |why: String| Fault::failed(Status::Internal, format!("{NAME} is damaged: {why}"));
    let mut script = Script::from_json(TRANSCRIPT).map_err(|error| damaged(error.to_string()))?;
    let mut source = source()?;
    let format = source.format();
    let (mut samples, mut block) = (Vec::new(), Vec::new());
    while source.read(&mut block).map_err(damaged)? {
        samples.extend(block.chunks_exact(2).map(|sample| i16::from_ne_bytes([sample[0], sample[1]])));
    }
    script.script_by_content = true;
    script.source = Some(KnownAudio {
        rate_hz: format.rate_hz(),
        channels: format.channels().into(),
        samples: Arc::from(samples),
    });
    Ok(script)
}

/// A moment in the middle of a sentence, in seconds: where an outage is seen best.
pub(crate) fn mid_sentence_s(script: &Script) -> f64 {
    /// Enough of the conversation has been heard by then to see what goes on.
    const NOT_BEFORE_S: f64 = 8.0;
    let later = script.segments.iter().find(|segment| segment.begin_s >= NOT_BEFORE_S);
    later.map_or(NOT_BEFORE_S, |segment| f64::midpoint(segment.begin_s, segment.end_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_belongs_to_the_audio() {
        let script = script().expect("a script");
        let source = script.source.as_ref().expect("its audio");
        assert_eq!((source.rate_hz, source.channels), (16_000, 2));
        let length_s = source.samples.len() as f64 / 2.0 / 16_000.0;
        let last = script.segments.last().expect("segments");
        assert!(last.end_s < length_s && last.end_s > length_s - 5.0);
        let cut_s = mid_sentence_s(&script);
        assert!(script.segments.iter().any(|segment| segment.begin_s < cut_s && cut_s < segment.end_s));
    }
}
