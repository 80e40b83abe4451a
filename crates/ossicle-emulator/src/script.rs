//! The words of a known audio, and when each was said.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

/// The timed transcript of an audio that the emulator knows. Prints none of its words.
///
/// As JSON: `{"segments": [{"channel": 0, "begin_s": 0.6, "end_s": 2.7, "text": "...", "words": [{"text": "...",
/// "begin_s": 0.6, "end_s": 0.8}, ...]}, ...], "snapshots": [{"at_s": 3.0, "kind": "checklistEvent",
/// "payload": {...}}]}`. `words` and `snapshots` can be left out: words are then spread evenly.
#[derive(Clone, Deserialize)]
pub struct Script {
    /// What was said, in order of begin.
    pub segments: Vec<Segment>,
    /// Checklists and periodontal charts to send on the way.
    #[serde(default)]
    pub snapshots: Vec<Snapshot>,
    /// Emit a segment again when a resumed stream brings its audio again, as a service that transcribes
    /// what it hears would. Off: each segment becomes final once in a session.
    #[serde(default)]
    pub repeat_heard: bool,
    /// Find where each stream begins by its first 100 ms in [`Script::source`], so that audio that is sent again
    /// after an outage keeps its place. Off: the position is all audio that the session has received. With it on, audio that
    /// does not begin in the source is not known, and gets stretches of speech instead of words.
    #[serde(skip)]
    pub script_by_content: bool,
    /// The audio that the script belongs to; needed for [`Script::script_by_content`].
    #[serde(skip)]
    pub source: Option<Source>,
}

/// A stretch of one speaker.
#[derive(Clone, Deserialize)]
pub struct Segment {
    /// Channel of the speaker, 0 or 1; reported as `ch_0`, `ch_1`.
    pub channel: u32,
    /// Begin in the audio, in seconds.
    pub begin_s: f64,
    /// End in the audio, in seconds.
    pub end_s: f64,
    /// Everything that was said.
    pub text: String,
    /// The words with their times; may be empty.
    #[serde(default)]
    pub words: Vec<Word>,
}

/// One word of a segment.
#[derive(Clone, Deserialize)]
pub struct Word {
    /// The word with its punctuation.
    pub text: String,
    /// Begin in the audio, in seconds.
    pub begin_s: f64,
    /// End in the audio, in seconds.
    pub end_s: f64,
}

/// A whole snapshot that is sent when the audio reaches `at_s`.
#[derive(Clone, Deserialize)]
pub struct Snapshot {
    /// Position in the audio, in seconds.
    pub at_s: f64,
    /// Which event carries it.
    pub kind: SnapshotKind,
    /// The event's payload as the service sends it, `snapshotVersion` included.
    pub payload: Value,
}

/// Events that carry a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum SnapshotKind {
    /// `checklistEvent`.
    #[serde(rename = "checklistEvent")]
    Checklist,
    /// `periodontalChartEvent`.
    #[serde(rename = "periodontalChartEvent")]
    PeriodontalChart,
}

impl SnapshotKind {
    pub(crate) fn event_type(self) -> &'static str {
        match self {
            Self::Checklist => "checklistEvent",
            Self::PeriodontalChart => "periodontalChartEvent",
        }
    }
}

/// Known audio: interleaved 16-bit samples.
#[derive(Clone)]
pub struct Source {
    /// Frames per second.
    pub rate_hz: u32,
    /// Samples per frame.
    pub channels: u32,
    /// All samples, interleaved.
    pub samples: Arc<[i16]>,
}

impl Script {
    /// Reads a script from JSON.
    ///
    /// # Errors
    /// The JSON error, when the text is not such a script.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The same script tied to its audio, so that streams are placed by their content.
    #[must_use]
    pub fn with_source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self.script_by_content = true;
        self
    }
}

impl Segment {
    /// The words with their begin and end: from `words`, or spread evenly over the segment.
    pub(crate) fn timed_words(&self) -> Vec<(f64, f64, String)> {
        if !self.words.is_empty() {
            return self.words.iter().map(|word| (word.begin_s, word.end_s, word.text.clone())).collect();
        }
        let words: Vec<&str> = self.text.split_whitespace().collect();
        let step_s = (self.end_s - self.begin_s) / words.len().max(1) as f64;
        let begins = (0..).map(|n| self.begin_s + step_s * f64::from(n));
        words
            .iter()
            .zip(begins)
            .map(|(word, begin_s)| (begin_s, begin_s + step_s, (*word).to_owned()))
            .collect()
    }
}

impl Source {
    /// Where `first` (interleaved, of the same format) lies in this audio, in frames: of all places the last that
    /// is not after `expected`, or else the first after it, since silence looks the same everywhere.
    pub(crate) fn find(&self, first: &[i16], expected: u64) -> Option<u64> {
        let channels = self.channels.max(1) as usize;
        let (mut before, mut after) = (None, None);
        for (frame, window) in self.samples.windows(first.len()).step_by(channels).enumerate() {
            if window != first {
                continue;
            }
            let frame = frame as u64;
            if frame <= expected {
                before = Some(frame);
            } else {
                after = Some(frame);
                break;
            }
        }
        before.or(after)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({} segments, {} snapshots)", self.segments.len(), self.snapshots.len())
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment(channel {}, {} words)", self.channel, self.words.len())
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Word(<redacted>)")
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({:?}, <redacted>)", self.kind)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({} Hz, {} channels, {} samples)", self.rate_hz, self.channels, self.samples.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_by_content_and_silence_by_expectation() {
        let samples: Vec<i16> = (0..400).map(|n| if n < 200 { 0 } else { n }).collect();
        let source = Source { rate_hz: 8_000, channels: 2, samples: samples.into() };
        assert_eq!(source.find(&[300, 301, 302, 303], 0), Some(150));
        assert_eq!(source.find(&[301, 302], 0), None, "not on a frame's border");
        assert_eq!(source.find(&[0, 0, 0, 0], 40), Some(40));
        assert_eq!(source.find(&[0, 0], 1_000), Some(99));
        assert_eq!(source.find(&[7, 7], 0), None);
    }

    #[test]
    fn words_without_times_are_spread_and_nothing_prints() {
        let script = Script::from_json(
            r#"{"segments": [{"channel": 1, "begin_s": 1, "end_s": 3, "text": "canary  bird"}],
                "snapshots": [{"at_s": 2, "kind": "checklistEvent", "payload": {"snapshotVersion": 1}}]}"#,
        )
        .expect("a script");
        let words = script.segments[0].timed_words();
        assert_eq!(words, [(1.0, 2.0, "canary".to_owned()), (2.0, 3.0, "bird".to_owned())]);
        assert!(!format!("{script:?} {:?} {:?}", script.segments[0], script.snapshots[0]).contains("canary"));
    }
}
