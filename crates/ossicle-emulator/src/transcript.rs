//! What is told about audio: the words of a known one by its position, else stretches of speech by level.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use crate::config::Offsets;
use crate::limits;
use crate::message;
use crate::script::Script;
use crate::speech::{Speech, Stretch};

/// A script made ready: each segment as words with their times.
pub(crate) struct Prepared {
    script: Script,
    words: Vec<Vec<(f64, f64, String)>>,
}

impl Prepared {
    pub(crate) fn new(script: Script) -> Self {
        let words = script.segments.iter().map(|segment| segment.timed_words()).collect();
        Self { script, words }
    }
}

/// How far a session has come in the script, over all its streams.
#[derive(Default)]
pub(crate) struct Progress {
    segments: Vec<Heard>,
    snapshots: Vec<bool>,
    /// Content position after the last stream, in frames.
    content_end: u64,
}

#[derive(Clone, Default)]
struct Heard {
    /// Words heard, and how many of them belong to segments that are final already.
    words: usize,
    settled: usize,
    part: u32,
    done: bool,
}

/// Tells what one stream brings.
pub(crate) struct Transcriber {
    prepared: Option<Arc<Prepared>>,
    rate_hz: u32,
    channels: u32,
    stream: usize,
    /// Frames that are added to offsets: 0, or the session's audio before this stream.
    base: u64,
    position: u64,
    /// Nothing has been told on this stream yet.
    fresh: bool,
    mode: Mode,
}

enum Mode {
    /// Holds the stream's first audio until it can be placed.
    Placing(Vec<i16>),
    Words {
        content_begin: u64,
    },
    Levels(Speech),
}

impl Transcriber {
    /// `first_frame`: the session's audio before this stream. `stream`: its number in the session, from 1.
    pub(crate) fn new(
        prepared: Option<Arc<Prepared>>,
        (rate_hz, channels): (u32, u32),
        stream: usize,
        first_frame: u64,
        offsets: Offsets,
    ) -> Self {
        let mode = match &prepared {
            Some(prepared) if prepared.script.script_by_content => Mode::Placing(Vec::new()),
            Some(_) => Mode::Words { content_begin: first_frame },
            None => Mode::Levels(Speech::new(rate_hz, channels)),
        };
        let base = match offsets {
            Offsets::Restart => 0,
            Offsets::Continue => first_frame,
        };
        Self { prepared, rate_hz, channels, stream, base, position: 0, fresh: true, mode }
    }

    /// Takes whole frames; appends the events that are due.
    pub(crate) fn push(&mut self, samples: &[i16], progress: &mut Progress, events: &mut Vec<Bytes>) {
        self.position += samples.len() as u64 / u64::from(self.channels.max(1));
        if let Mode::Placing(held) = &mut self.mode {
            held.extend_from_slice(samples);
            let needed = u64::from(self.rate_hz) * limits::ALIGN_MS / 1000 * u64::from(self.channels);
            if (held.len() as u64) < needed {
                return;
            }
            let held = std::mem::take(held);
            self.place(&held, needed as usize, progress, events);
        } else if let Mode::Levels(speech) = &mut self.mode {
            let mut told = Vec::new();
            speech.push(samples, &mut told);
            self.tell_stretches(told, events);
        }
        self.tell_words(progress, false, events);
    }

    /// Finds the stream's place in the known source; audio that is not in it gets levels instead of words.
    fn place(&mut self, held: &[i16], needed: usize, progress: &mut Progress, events: &mut Vec<Bytes>) {
        let source = self.prepared.as_ref().and_then(|prepared| prepared.script.source.as_ref());
        let source =
            source.filter(|source| source.rate_hz == self.rate_hz && source.channels == self.channels);
        let first = &held[..needed];
        let find = |lead_frames: usize| {
            let (lead, rest) = first.split_at(lead_frames * self.channels as usize);
            let silent = lead.iter().all(|sample| *sample == 0);
            let begin = source.filter(|_| silent)?.find(rest, progress.content_end)?;
            Some((begin, lead_frames as u64))
        };
        match (0..=limits::LEAD_FRAMES_MAX).find_map(find) {
            Some((content_begin, lead_frames)) => {
                self.position -= lead_frames;
                self.mode = Mode::Words { content_begin };
            }
            None => {
                let mut speech = Speech::new(self.rate_hz, self.channels);
                let mut told = Vec::new();
                speech.push(held, &mut told);
                self.mode = Mode::Levels(speech);
                self.tell_stretches(told, events);
            }
        }
    }

    /// The stream has ended cleanly: what was heard becomes final.
    pub(crate) fn finish(&mut self, progress: &mut Progress, events: &mut Vec<Bytes>) {
        if let Mode::Levels(speech) = &mut self.mode {
            let mut told = Vec::new();
            speech.finish(&mut told);
            self.tell_stretches(told, events);
        }
        self.tell_words(progress, true, events);
    }

    fn tell_words(&mut self, progress: &mut Progress, settle: bool, events: &mut Vec<Bytes>) {
        let (Mode::Words { content_begin }, Some(prepared)) = (&self.mode, self.prepared.clone()) else {
            return;
        };
        let content_begin = *content_begin;
        let rate = f64::from(self.rate_hz);
        let begin_s = content_begin as f64 / rate;
        let now = content_begin + self.position;
        let now_s = now as f64 / rate;
        let first_time = progress.segments.len() != prepared.words.len();
        if first_time {
            progress.segments = vec![Heard::default(); prepared.words.len()];
            progress.snapshots = vec![false; prepared.script.snapshots.len()];
        }
        progress.content_end = now;
        if std::mem::take(&mut self.fresh) && prepared.script.repeat_heard {
            forget(progress, &prepared, begin_s);
        }
        let base_s = self.base as f64 / rate;
        let offset = |at_s: f64| ((at_s - begin_s + base_s).max(0.0) * 1000.0).round() / 1000.0;

        for (number, segment) in prepared.script.segments.iter().enumerate() {
            let (heard, words) = (&mut progress.segments[number], &prepared.words[number]);
            if heard.done || segment.begin_s > now_s {
                continue;
            }
            let reached = words.iter().take_while(|(_, end_s, _)| *end_s <= now_s).count().max(heard.words);
            let ended = segment.end_s <= now_s;
            let settles = ended || settle;
            let grown = reached > heard.words;
            heard.words = if ended { words.len() } else { reached };
            let part = &words[heard.settled..heard.words];
            let (Some(first), Some(last)) = (part.first(), part.last()) else {
                heard.done |= ended;
                continue;
            };
            if grown || settles {
                let text: Vec<&str> = part.iter().map(|(_, _, word)| word.as_str()).collect();
                let mut id = format!("seg-{}", number + 1);
                if heard.part > 0 {
                    id = format!("{id}-{}", heard.part + 1);
                }
                let end_s = if ended { segment.end_s } else { last.1 };
                let span = (offset(first.0), offset(end_s));
                events.push(transcript_event(&id, segment.channel, span, !settles, &text.join(" ")));
            }
            if settles {
                heard.settled = heard.words;
                heard.part += 1;
                heard.done = ended;
            }
        }
        for (number, snapshot) in prepared.script.snapshots.iter().enumerate() {
            if !progress.snapshots[number] && snapshot.at_s <= now_s {
                progress.snapshots[number] = true;
                events.push(message::event(snapshot.kind.event_type(), &snapshot.payload));
            }
        }
    }

    fn tell_stretches(&self, told: Vec<Stretch>, events: &mut Vec<Bytes>) {
        let seconds = |frame: u64| (frame + self.base) as f64 / f64::from(self.rate_hz);
        for stretch in told {
            let id = format!("level-{}-{}", self.stream, stretch.number);
            let span = (seconds(stretch.begin), seconds(stretch.end));
            let text = format!("speech, {:.1}-{:.1} s, {:.0} dBFS", span.0, span.1, stretch.dbfs);
            events.push(transcript_event(&id, stretch.channel, span, stretch.partial, &text));
        }
    }
}

/// A stream that begins at `begin_s` tells again what it hears again.
fn forget(progress: &mut Progress, prepared: &Prepared, begin_s: f64) {
    for (heard, segment) in progress.segments.iter_mut().zip(&prepared.script.segments) {
        if segment.end_s > begin_s {
            let part = heard.part.max(u32::from(heard.words > 0));
            *heard = Heard { part, ..Heard::default() };
        }
    }
}

fn transcript_event(
    id: &str,
    channel: u32,
    (begin_s, end_s): (f64, f64),
    partial: bool,
    text: &str,
) -> Bytes {
    let segment = json!({
        "segmentId": id,
        "audioBeginOffset": begin_s,
        "audioEndOffset": end_s,
        "isPartial": partial,
        "channelId": format!("ch_{channel}"),
        "content": text,
    });
    message::event("transcriptEvent", &json!({ "transcriptSegment": segment }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Source;
    use aws_smithy_eventstream::frame::read_message_from;
    use serde_json::Value;

    const RATE_HZ: u32 = 1_000;

    fn script(repeat_heard: bool) -> Script {
        let mut script = Script::from_json(
            r#"{"segments": [{"channel": 0, "begin_s": 0.5, "end_s": 1.5, "text": "a b"},
                             {"channel": 1, "begin_s": 2, "end_s": 3, "text": "c d"}],
                "snapshots": [{"at_s": 1, "kind": "checklistEvent", "payload": {"snapshotVersion": 1}}]}"#,
        )
        .expect("a script");
        script.repeat_heard = repeat_heard;
        script
    }

    fn source() -> Vec<i16> {
        (0..4_000).map(|at: i32| (at * 7 % 4_001) as i16).collect()
    }

    fn placed(repeat_heard: bool) -> Option<Arc<Prepared>> {
        let source = Source { rate_hz: RATE_HZ, channels: 1, samples: source().into() };
        Some(Arc::new(Prepared::new(script(repeat_heard).with_source(source))))
    }

    /// (id, begin, end, partial, text) of each transcript event; other events by their name.
    fn told(events: Vec<Bytes>) -> Vec<String> {
        let tell = |event: Bytes| {
            let message = read_message_from(event).expect("a message");
            let name = message.headers()[1].value().as_string().expect("a name").as_str().to_owned();
            let value: Value = serde_json::from_slice(message.payload()).expect("JSON");
            let segment = &value["transcriptSegment"];
            if segment.is_null() {
                return name;
            }
            let mark = if segment["isPartial"] == true { "~" } else { "" };
            let (begin, end) = (&segment["audioBeginOffset"], &segment["audioEndOffset"]);
            format!(
                "{} {begin}-{end} {mark}{}",
                segment["segmentId"].as_str().unwrap_or(""),
                segment["content"]
            )
        };
        events.into_iter().map(tell).collect()
    }

    fn stream(
        prepared: &Option<Arc<Prepared>>,
        progress: &mut Progress,
        (number, first_frame): (usize, u64),
        offsets: Offsets,
        (samples, finish): (&[i16], bool),
    ) -> Vec<String> {
        let mut transcriber = Transcriber::new(prepared.clone(), (RATE_HZ, 1), number, first_frame, offsets);
        let mut events = Vec::new();
        for chunk in samples.chunks(50) {
            transcriber.push(chunk, progress, &mut events);
        }
        if finish {
            transcriber.finish(progress, &mut events);
        }
        told(events)
    }

    #[test]
    fn a_lost_stream_and_a_resend_tell_every_word_once() {
        let (prepared, mut progress, source) = (placed(false), Progress::default(), source());
        let lost = stream(&prepared, &mut progress, (1, 0), Offsets::Restart, (&source[..1_200], false));
        assert_eq!(lost, [r#"seg-1 0.5-1.0 ~"a""#, "checklistEvent"]);
        // 200 frames are sent again; the segment that was cut goes on under its id.
        let resumed =
            stream(&prepared, &mut progress, (2, 1_200), Offsets::Restart, (&source[1_000..], false));
        assert_eq!(resumed, [r#"seg-1 0.0-0.5 "a b""#, r#"seg-2 1.0-1.5 ~"c""#, r#"seg-2 1.0-2.0 "c d""#]);
    }

    #[test]
    fn a_pause_settles_what_was_heard_and_offsets_can_go_on() {
        let (prepared, mut progress, source) = (placed(false), Progress::default(), source());
        let paused = stream(&prepared, &mut progress, (1, 0), Offsets::Continue, (&source[..1_200], true));
        assert_eq!(paused, [r#"seg-1 0.5-1.0 ~"a""#, "checklistEvent", r#"seg-1 0.5-1.0 "a""#]);
        let resumed =
            stream(&prepared, &mut progress, (2, 1_200), Offsets::Continue, (&source[1_200..], true));
        assert_eq!(resumed, [r#"seg-1-2 1.0-1.5 "b""#, r#"seg-2 2.0-2.5 ~"c""#, r#"seg-2 2.0-3.0 "c d""#]);
    }

    #[test]
    fn what_is_heard_again_can_be_told_again() {
        let (prepared, mut progress, source) = (placed(true), Progress::default(), source());
        let first = stream(&prepared, &mut progress, (1, 0), Offsets::Restart, (&source[..1_600], false));
        assert_eq!(first.last().map(String::as_str), Some(r#"seg-1 0.5-1.5 "a b""#));
        let again =
            stream(&prepared, &mut progress, (2, 1_600), Offsets::Restart, (&source[400..1_600], false));
        assert_eq!(again, [r#"seg-1-2 0.1-0.6 ~"a""#, r#"seg-1-2 0.1-1.1 "a b""#]);
    }

    #[test]
    fn an_encoder_s_leading_silence_is_no_content() {
        let (prepared, mut progress, mut source) = (placed(false), Progress::default(), source());
        source.insert(0, 0);
        let first = stream(&prepared, &mut progress, (1, 0), Offsets::Restart, (&source[..1_200], false));
        assert_eq!(first, [r#"seg-1 0.5-1.0 ~"a""#, "checklistEvent"]);
        source[1_000] = 0;
        let resumed =
            stream(&prepared, &mut progress, (2, 1_199), Offsets::Restart, (&source[1_000..], false));
        assert_eq!(resumed, [r#"seg-1 0.0-0.5 "a b""#, r#"seg-2 1.0-1.5 ~"c""#, r#"seg-2 1.0-2.0 "c d""#]);
    }

    #[test]
    fn other_audio_gets_levels_and_no_words() {
        let prepared = placed(false);
        let loud = vec![8_000i16; 1_500];
        let told = stream(&prepared, &mut Progress::default(), (1, 0), Offsets::Restart, (&loud, true));
        let expected = [
            r#"level-1-1 0.0-1.0 ~"speech, 0.0-1.0 s, -12 dBFS""#,
            r#"level-1-1 0.0-1.5 "speech, 0.0-1.5 s, -12 dBFS""#,
        ];
        assert_eq!(told, expected);
    }
}
