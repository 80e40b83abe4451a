//! The transcript book: joins partial and final segments, drops what a resend repeats, and keeps only the newest
//! checklist and chart.

use crate::event::Transcript;
use crate::limits::{BOOK_CHANNELS_MAX, BOOK_SEGMENTS_MAX};
use ossicle_model::stream::TranscriptSegment;
use std::collections::VecDeque;

/// What is remembered of a session's results. Bounded; holds ids and places, no text.
#[derive(Debug, Default)]
pub(crate) struct Book {
    segments: VecDeque<Known>,
    channels: Vec<Channel>,
    checklist_version: Option<i64>,
    chart_version: Option<i64>,
    /// The end of the newest final segment, in captured seconds.
    pub(crate) transcribed_s: f64,
}

#[derive(Debug)]
struct Known {
    stream: u32,
    service_id: Box<str>,
    /// The id that the application sees.
    id: Box<str>,
    channel: Option<Box<str>>,
    settled: bool,
}

#[derive(Debug)]
struct Channel {
    name: Option<Box<str>>,
    /// Up to here final text exists, in captured seconds, and the stream that it came from.
    final_end_s: f64,
    stream: u32,
}

/// A segment that ends this close to known final text repeats it: offsets are rounded to hundredths.
const REPEAT_SLACK_S: f64 = 0.05;

impl Book {
    /// Takes a segment of a stream (counted from 1 in a session) with its place in captured seconds. `None` when
    /// it repeats what is known.
    pub(crate) fn take(
        &mut self,
        stream: u32,
        segment: TranscriptSegment,
        mut begin_s: f64,
        end_s: f64,
    ) -> Option<Transcript> {
        let partial = segment.is_partial.unwrap_or(false);
        let channel = segment.channel_id.as_deref();
        if let Some(known) = self.channels.iter().find(|known| known.name.as_deref() == channel)
            && known.stream < stream
        {
            if end_s <= known.final_end_s + REPEAT_SLACK_S {
                return None;
            }
            begin_s = begin_s.max(known.final_end_s);
        }
        let service_id = segment.segment_id.as_deref().unwrap_or_default();
        let id = self.id_of(stream, service_id, channel, partial)?;
        if !partial {
            self.settle(channel, end_s, stream);
            self.transcribed_s = self.transcribed_s.max(end_s);
        }
        Some(Transcript {
            segment_id: id,
            begin_s,
            end_s: end_s.max(begin_s),
            service_begin_s: segment.audio_begin_offset.map(|offset| offset.seconds()),
            service_end_s: segment.audio_end_offset.map(|offset| offset.seconds()),
            channel: segment.channel_id,
            partial,
            text: segment.content.unwrap_or_default(),
        })
    }

    /// Whether this checklist is newer than all before.
    pub(crate) fn is_newer_checklist(&mut self, version: i64) -> bool {
        is_newer(&mut self.checklist_version, version)
    }

    /// Whether this chart is newer than all before.
    pub(crate) fn is_newer_chart(&mut self, version: i64) -> bool {
        is_newer(&mut self.chart_version, version)
    }

    /// The id for the application, or `None` for a partial text that comes after its final one.
    fn id_of(
        &mut self,
        stream: u32,
        service_id: &str,
        channel: Option<&str>,
        partial: bool,
    ) -> Option<String> {
        if let Some(known) =
            self.segments.iter_mut().find(|known| known.stream == stream && *known.service_id == *service_id)
        {
            if known.settled && partial {
                return None;
            }
            known.settled |= !partial;
            return Some(known.id.to_string());
        }
        // A partial text that a lost stream left hanging is continued by the first segment of its channel that
        // comes after: the application replaces it instead of showing both.
        let hanging = self
            .segments
            .iter()
            .position(|known| !known.settled && known.stream < stream && known.channel.as_deref() == channel);
        let id = match hanging.and_then(|at| self.segments.remove(at)) {
            Some(known) => known.id,
            None if self.segments.iter().any(|known| *known.id == *service_id) => {
                // The service counts its segments anew on each stream.
                format!("{service_id}.{stream}").into()
            }
            None => service_id.into(),
        };
        if self.segments.len() == BOOK_SEGMENTS_MAX {
            self.segments.pop_front();
        }
        self.segments.push_back(Known {
            stream,
            service_id: service_id.into(),
            id: id.clone(),
            channel: channel.map(Into::into),
            settled: !partial,
        });
        Some(id.into())
    }

    fn settle(&mut self, channel: Option<&str>, end_s: f64, stream: u32) {
        if let Some(known) = self.channels.iter_mut().find(|known| known.name.as_deref() == channel) {
            known.final_end_s = known.final_end_s.max(end_s);
            known.stream = stream;
        } else if self.channels.len() < BOOK_CHANNELS_MAX {
            self.channels.push(Channel { name: channel.map(Into::into), final_end_s: end_s, stream });
        }
    }
}

fn is_newer(known: &mut Option<i64>, version: i64) -> bool {
    let newer = known.is_none_or(|known| version > known);
    if newer {
        *known = Some(version);
    }
    newer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(id: &str, partial: bool) -> TranscriptSegment {
        TranscriptSegment {
            segment_id: Some(id.into()),
            is_partial: Some(partial),
            channel_id: Some("ch_0".into()),
            ..TranscriptSegment::default()
        }
    }

    #[test]
    fn partial_text_settles_under_one_id() {
        let mut book = Book::default();
        assert!(book.take(1, segment("a", true), 0.0, 1.0).is_some());
        let last = book.take(1, segment("a", false), 0.0, 2.0).expect("final");
        assert_eq!(last.segment_id, "a");
        assert_eq!(book.take(1, segment("a", true), 0.0, 2.0), None, "a late partial");
        assert_eq!(book.transcribed_s, 2.0);
    }

    #[test]
    fn a_resend_does_not_repeat_final_text() {
        let mut book = Book::default();
        book.take(1, segment("a", false), 0.0, 2.0);
        assert_eq!(book.take(2, segment("a", true), 1.0, 1.5), None);
        assert_eq!(book.take(2, segment("a", false), 1.0, 2.0), None);
        let next = book.take(2, segment("b", false), 1.9, 3.0).expect("new text");
        assert_eq!((next.begin_s, next.end_s), (2.0, 3.0));
    }

    #[test]
    fn a_hanging_partial_is_replaced_after_a_loss() {
        let mut book = Book::default();
        book.take(1, segment("a", true), 0.0, 1.0);
        let next = book.take(2, segment("x", true), 0.1, 1.2).expect("new text");
        assert_eq!(next.segment_id, "a");
        let last = book.take(2, segment("x", false), 0.1, 2.0).expect("final");
        assert_eq!(last.segment_id, "a");
    }

    #[test]
    fn ids_that_a_service_counts_anew_stay_apart() {
        let mut book = Book::default();
        book.take(1, segment("1", false), 0.0, 1.0);
        let next = book.take(2, segment("1", false), 1.0, 2.0).expect("new text");
        assert_eq!(next.segment_id, "1.2");
    }

    #[test]
    fn snapshots_only_go_forward() {
        let mut book = Book::default();
        assert!(book.is_newer_checklist(3));
        assert!(!book.is_newer_checklist(3));
        assert!(book.is_newer_chart(1));
        assert!(book.is_newer_checklist((1 << 53) + 1));
        assert!(!book.is_newer_checklist(1 << 53));
    }

    #[test]
    fn the_book_is_bounded() {
        let mut book = Book::default();
        for n in 0..1_000 {
            book.take(1, segment(&n.to_string(), false), f64::from(n), f64::from(n) + 1.0);
        }
        assert_eq!(book.segments.len(), BOOK_SEGMENTS_MAX);
    }
}
