//! What comes down a session's stream: proofs of delivery, transcripts, snapshots, exceptions.

use crate::config::OffsetRule;
use crate::event::Event;
use crate::failure::{Cause, Failure, Status};
use crate::planted::{Bug, has};
use crate::pool::Pool;
use crate::refusal::{Verdict, judge_exception};
use crate::session::{Life, Link, Session};
use crate::shared::Shared;
use crate::time::Mono;
use crate::timeline::Edge;
use ossicle_eventstream::{Message, Value};
use ossicle_model::stream::{DownEvent, DownKind, TranscriptSegment};

/// Offsets are rounded by the service, and audio is on the way while it answers.
const OFFSET_SLACK_S: f64 = 0.3;

impl Session {
    /// Bytes of the response's body, split anywhere.
    pub(crate) fn received(
        &mut self,
        mut bytes: &[u8],
        shared: &mut Shared,
        pool: &mut Pool,
        now: Mono,
    ) -> Life {
        loop {
            let Link::Up(stream) = &mut self.link else { return Life::Goes };
            if let Some(refusal) = &mut stream.refusal {
                return if refusal.take(bytes) { Life::Goes } else { self.refused(shared, pool, now) };
            }
            let event = match stream.decoder.decode(&mut bytes) {
                Ok(None) => return Life::Goes,
                Ok(Some(message)) => DownEvent::parse(kind(&message), message.payload()).ok(),
                Err(_) => None,
            };
            // A message that cannot be read ends the stream, whatever is wrong with it: nothing after it can be
            // trusted.
            let Some(event) = event else {
                let failure = Failure { status: Status::Corrupt, cause: Cause::Garbage, request_id: None };
                return self.lose(failure, Verdict::Outage { after_ms: None }, true, shared, pool, now);
            };
            if self.take(event, shared, pool, now) == Life::Over {
                return Life::Over;
            }
        }
    }

    fn take(&mut self, event: DownEvent, shared: &mut Shared, pool: &mut Pool, now: Mono) -> Life {
        match event {
            DownEvent::Transcript(segment) => self.transcript(segment, shared),
            DownEvent::Checklist(checklist) if self.book.is_newer_checklist(checklist.snapshot_version) => {
                shared.tell(self.key, Event::Checklist(checklist));
            }
            DownEvent::PeriodontalChart(chart) if self.book.is_newer_chart(chart.snapshot_version) => {
                shared.tell(self.key, Event::PeriodontalChart(chart));
            }
            DownEvent::Exception { kind, .. } => {
                let (failure, verdict) = judge_exception(&kind);
                return self.lose(failure, verdict, true, shared, pool, now);
            }
            DownEvent::Error { .. } => {
                let cause = Cause::Exception { code: "error".into() };
                return self.replace_stream(cause, Status::ServiceFailed, shared, pool, now);
            }
            // A snapshot that is not newer, or a newer service's event: not ours to judge.
            _ => {}
        }
        Life::Goes
    }

    /// Places a segment on the session's timeline.
    fn transcript(&mut self, segment: TranscriptSegment, shared: &mut Shared) {
        let Link::Up(stream) = &self.link else { return };
        let rate = f64::from(self.wire.rate_hz());
        let seconds = |offset: Option<ossicle_model::stream::AudioOffset>| {
            offset.map(|offset| offset.seconds()).filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
        };
        let begin = seconds(segment.audio_begin_offset);
        let end = seconds(segment.audio_end_offset);
        if let (OffsetRule::Detect, Some(begin), Some(end)) = (self.rule, begin, end)
            && let Some(rule) = stream.map.evidence(begin * rate, end * rate, OFFSET_SLACK_S * rate)
        {
            self.rule = rule;
        }
        let place = |offset: f64, edge| stream.map.place(self.rule, offset * rate, edge) / rate;
        let begin_s = begin.or(end).map_or(self.book.transcribed_s, |offset| place(offset, Edge::Begin));
        let end_s = end.or(begin).map_or(begin_s, |offset| place(offset, Edge::End));
        let ordinal = stream.ordinal;
        // The service works on what it was sent: success, where PINGs are not sent.
        self.backoff.reset();
        if let Some(transcript) = self.book.take(ordinal, segment, begin_s, end_s) {
            shared.tell(self.key, Event::Transcript(transcript));
        }
    }

    /// The PONG came for the connection of this session's stream.
    pub(crate) fn pong(&mut self) {
        let Link::Up(stream) = &mut self.link else { return };
        stream.pong();
        // What a refused request took is not delivered; before the head nobody knows.
        if (!stream.accepted || stream.refusal.is_some()) && !has(Bug::PongBeforeAnswer) {
            return;
        }
        if self.held.deliver(stream.pinged_to()) {
            self.backoff.reset();
            self.expired_retries = 0;
        }
    }

    /// Bytes of this session's stream left for the socket.
    pub(crate) fn left(&mut self, bytes: u64, now: Mono) {
        let Link::Up(stream) = &mut self.link else { return };
        let age_ms = stream.left(bytes, now);
        self.counters.signature_age_ms_max = self.counters.signature_age_ms_max.max(age_ms);
    }
}

fn kind<'a>(message: &Message<'a>) -> DownKind<'a> {
    let mut kind = DownKind::default();
    for header in message.headers() {
        let Value::String(value) = header.value else { continue };
        let slot = match header.name {
            ":message-type" => &mut kind.message_type,
            ":event-type" => &mut kind.event_type,
            ":exception-type" => &mut kind.exception_type,
            ":error-code" => &mut kind.error_code,
            ":error-message" => &mut kind.error_message,
            _ => continue,
        };
        *slot = Some(value);
    }
    kind
}
