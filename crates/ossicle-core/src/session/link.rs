//! How a session opens, feeds, ends and loses its stream.

use super::ending::end_waits;
use crate::event::{Ended, Event, Warning};
use crate::failure::{Cause, Failure, Status};
use crate::io::{ConnId, Headers, LossCause, Output, RequestHead, RequestHeader, Step, StreamId};
use crate::keys::Keys;
use crate::limits::{EXPIRED_RETRIES_MAX, GHOST_MS_MAX, SKEW_RETRIES_MAX, TURN_SESSION_MESSAGES_MAX};
use crate::planted::{Bug, has};
use crate::pool::Pool;
use crate::refusal::{Refusal, Verdict};
use crate::session::{Goal, Life, Link, Session};
use crate::shared::Shared;
use crate::stream::{Closing, NextUp, Opening, Stream, Writing};
use crate::time::{Mono, Now};
use crate::timeline::StreamMap;
use bytes::BytesMut;
use ossicle_audio::StreamEncoder;
use ossicle_model::ids::MediaEncoding;
use ossicle_model::stream::{HEADER_REQUEST_ID, STREAM_CONTENT_TYPE, STREAM_PATH};
use ossicle_sigv4::{Chain, Payload, RequestToSign, sign_request};
use std::rc::Rc;

/// HTTP/2's REFUSED_STREAM: the peer did not look at the request.
pub(super) const REFUSED_STREAM: u32 = 7;

/// Two clocks that differ by more than this sign differently enough for a refusal to be worth a second try.
const SKEW_WORTH_A_RETRY_MS: i64 = 60_000;

/// From here on a skew, not the identity, explains a refusal (the official clients draw the same line).
const SKEW_EXPLAINS_MS: i64 = 4 * 60_000;

const USER_AGENT: &str = concat!("ossicle/", env!("CARGO_PKG_VERSION"));

impl Session {
    /// Opens a stream on a connection that has room.
    pub(crate) fn open(
        &mut self,
        conn: ConnId,
        keys: Rc<Keys>,
        shared: &mut Shared,
        pool: &mut Pool,
        now: Now,
    ) -> Life {
        let Ok(encoder) = self.encoder() else {
            return self.fail(Status::BadArgument, Cause::Encoder, shared, pool, now.mono);
        };
        let id = shared.new_stream(self.slot);
        let clock = shared.clock.for_new_stream();
        let Some((head, chain)) = self.head(&keys, clock.at(now.mono).0, shared) else {
            return self.fail(Status::BadArgument, Cause::NoKeys, shared, pool, now.mono);
        };
        self.streams += 1;
        self.held.ledger.silence += u64::from(encoder.lead_frames());
        let captured = self.held.piece_at(self.held.fed()).map_or(self.held.ledger.captured, |p| p.captured);
        let map = StreamMap::new(self.carried, encoder.lead_frames().into(), captured);
        let ordinal = self.streams;
        let raw = self.settings.request.media_encoding == MediaEncoding::Pcm;
        let opening = Opening { id, conn, ordinal, keys, clock, chain, encoder, raw, map, now: now.mono };
        let mut stream = Box::new(Stream::new(opening));
        stream.closing = match self.goal {
            Goal::Run => None,
            Goal::Pause => Some(Closing::Pause),
            Goal::Finish { .. } => Some(Closing::End),
        };
        self.link = Link::Up(stream);
        pool.add_stream(conn, id);
        shared.out.push_back(Output::Open { conn, stream: id, head: Box::new(head) });
        self.want(shared, pool, now.mono);
        Life::Goes
    }

    fn encoder(&self) -> Result<StreamEncoder, ossicle_audio::EncodeError> {
        match self.settings.request.media_encoding {
            MediaEncoding::Pcm => Ok(StreamEncoder::pcm(self.wire)),
            MediaEncoding::Flac => {
                let chunk = u32::try_from(self.chunk).unwrap_or(u32::MAX);
                StreamEncoder::flac(self.wire, StreamEncoder::flac_block_frames(chunk))
            }
        }
    }

    /// The signed head, and the chain that its signature seeds.
    fn head(&self, keys: &Keys, wall_ms: i64, shared: &Shared) -> Option<(RequestHead, Chain)> {
        let parameters = self.settings.request.headers();
        let mut to_sign: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (*name, &**value)).collect();
        to_sign.push(("content-type", STREAM_CONTENT_TYPE));
        let scheme = shared.config.endpoint.scheme();
        let request = RequestToSign {
            method: "POST",
            scheme,
            authority: &shared.authority,
            path: STREAM_PATH,
            query: None,
            headers: &to_sign,
            payload: Payload::EventStream,
        };
        let signed = sign_request(&keys.credentials, shared.keys.scope(), &request, wall_ms).ok()?;
        let mut headers: Vec<RequestHeader> = parameters
            .iter()
            .map(|(name, value)| RequestHeader { name, value: value.to_string(), sensitive: false })
            .collect();
        let plain = |name, value: &str| RequestHeader { name, value: value.to_owned(), sensitive: false };
        headers.push(plain("content-type", STREAM_CONTENT_TYPE));
        headers.push(plain("user-agent", USER_AGENT));
        headers.extend(signed.headers.into_iter().map(|header| RequestHeader {
            name: header.name,
            value: header.value,
            sensitive: header.sensitive,
        }));
        let head = RequestHead { scheme, authority: shared.authority.clone(), path: STREAM_PATH, headers };
        Some((head, Chain::from_seed(signed.signature)))
    }

    /// Looks whether a message is due, and asks for credit or queues the session to write it.
    pub(crate) fn want(&mut self, shared: &mut Shared, pool: &mut Pool, now: Mono) {
        let frames = self.due_frames();
        let Link::Up(stream) = &mut self.link else { return };
        if stream.refusal.is_some() || self.turn_messages >= TURN_SESSION_MESSAGES_MAX {
            return;
        }
        if stream.rest_bytes() > 0 {
            // A message that was begun comes before all others, in parts as small as need be.
            if stream.credit > 0 {
                return self.queue(shared);
            }
            return Self::ask(stream, stream.rest_bytes(), shared, now);
        }
        if stream.next == NextUp::Audio {
            match stream.closing {
                Some(Closing::Handover) => stream.end_after_audio(),
                Some(Closing::Pause | Closing::End) if self.held.unfed() == 0 => stream.end_after_audio(),
                _ if frames == 0 => return,
                _ => {}
            }
        }
        if stream.next == NextUp::Nothing {
            return;
        }
        let need =
            stream.need_bytes(frames, self.settings.form, &self.settings.configuration, &shared.headers);
        let Some(conn) = pool.get(stream.conn) else { return };
        if need > 0 {
            if conn.is_silent(now) {
                return;
            }
            if conn.blocks(self.slot, need, shared.config.unwritten_bytes_max) {
                return;
            }
        }
        if need <= stream.credit || stream.window_is_small(need, now) || has(Bug::CreditIgnored) {
            self.queue(shared);
        } else {
            Self::ask(stream, need, shared, now);
        }
    }

    fn queue(&mut self, shared: &mut Shared) {
        if !self.queued {
            self.queued = true;
            shared.ready.push_back(self.slot);
        }
    }

    fn ask(stream: &mut Stream, bytes: u32, shared: &mut Shared, now: Mono) {
        if stream.wanted < bytes {
            stream.wanted = bytes;
            stream.starved_since.get_or_insert(now);
            shared.out.push_back(Output::Want { stream: stream.id, bytes });
        }
    }

    /// Writes the message that is due. `Ok(None)` when there was none after all.
    pub(crate) fn write(
        &mut self,
        out: &mut BytesMut,
        shared: &mut Shared,
        pool: &mut Pool,
        now: Mono,
    ) -> Result<Option<(StreamId, u32)>, Life> {
        // Before anything is spent: what time gives later is counted from here on.
        self.refill_allowance(shared.config.catch_up_rate, now);
        let frames = self.due_frames();
        let form = self.settings.form;
        let Link::Up(stream) = &mut self.link else { return Ok(None) };
        if stream.rest_bytes() > 0 {
            let (id, conn, bytes) = (stream.id, stream.conn, stream.write_rest(out));
            self.count(conn, bytes, 0, pool, now);
            self.want(shared, pool, now);
            return Ok((bytes > 0).then_some((id, bytes)));
        }
        if end_waits(stream, shared, pool, now) {
            return Ok(None);
        }
        let need = stream.need_bytes(frames, form, &self.settings.configuration, &shared.headers);
        if need > stream.credit && !stream.window_is_small(need, now) && !has(Bug::CreditIgnored) {
            self.want(shared, pool, now);
            return Ok(None);
        }
        stream.window_found(need);
        // Others may have written to the connection since this message was found due.
        let bound = shared.config.unwritten_bytes_max;
        if need > 0 && pool.get(stream.conn).is_some_and(|conn| conn.blocks(self.slot, need, bound)) {
            return Ok(None);
        }
        let mut writing = Writing { headers: &shared.headers, scratch: &mut shared.encoded, out, now };
        let held = &mut self.held;
        let feeds = stream.next == NextUp::Audio;
        let written = match stream.next {
            NextUp::Configuration => {
                Ok(stream.write_configuration(&self.settings.configuration, held, &mut writing))
            }
            NextUp::Audio if frames > 0 => stream.write_audio(frames, form, held, &mut writing),
            NextUp::Audio | NextUp::Nothing => return Ok(None),
            NextUp::Tail => stream.write_tail(form, held, &mut writing),
            NextUp::EndOfSession => Ok(stream.write_end_of_session(held, &mut writing)),
            NextUp::Empty => Ok(stream.write_empty(held, &mut writing)),
            NextUp::Finish => {
                stream.next = NextUp::Nothing;
                stream.finished_at = Some(now);
                shared.out.push_back(Output::Finish(stream.id));
                return Ok(None);
            }
        };
        let Ok(signed) = written else {
            return Err(self.fail(Status::Internal, Cause::Encoder, shared, pool, now));
        };
        let bytes = stream.pay(signed, writing.out);
        let (id, conn, leftover) = (stream.id, stream.conn, stream.credit);
        if feeds {
            self.spend(frames);
        }
        self.count(conn, bytes, u64::from(signed > 0), pool, now);
        self.want(shared, pool, now);
        self.rest(now);
        if leftover > 0 && !self.queued {
            // A reservation that nothing uses would be missing from the other streams' window.
            self.give_credit_back(shared);
        }
        Ok((bytes > 0).then_some((id, bytes)))
    }

    fn count(&mut self, conn: ConnId, bytes: u32, messages: u64, pool: &mut Pool, now: Mono) {
        self.turn_messages += u32::from(bytes > 0);
        self.counters.messages += messages;
        self.counters.wire_bytes += u64::from(bytes);
        if let Some(conn) = pool.get(conn) {
            conn.wrote(bytes.into(), now);
        }
    }

    fn give_credit_back(&mut self, shared: &mut Shared) {
        if let Link::Up(stream) = &mut self.link
            && stream.wanted == 0
            && stream.credit > 0
        {
            stream.credit = 0;
            shared.out.push_back(Output::Want { stream: stream.id, bytes: 0 });
        }
    }

    /// The stream's name, if it is this session's live one.
    pub(crate) fn stream(&mut self, id: StreamId) -> Option<&mut Stream> {
        match &mut self.link {
            Link::Up(stream) if stream.id == id => Some(stream),
            _ => None,
        }
    }

    /// The machine slept or its clock was set.
    pub(crate) fn clock_jumped(&mut self) {
        self.skew_retries = 0;
        if let Link::Up(stream) = &mut self.link
            && let Some(refusal) = &mut stream.refusal
        {
            refusal.clock_jumped();
        }
    }

    /// The response's head.
    pub(crate) fn head_came(
        &mut self,
        status: u16,
        headers: &dyn Headers,
        shared: &mut Shared,
        pool: &mut Pool,
        now: Now,
    ) {
        let Link::Up(stream) = &mut self.link else { return };
        if let Some(skew_ms) =
            headers.get("date").and_then(|date| shared.clock.learn(date, stream.opened, now))
            && skew_ms.abs() > SKEW_WORTH_A_RETRY_MS
            && self.skew_retries == 0
        {
            shared.tell(self.key, Event::Warning(Warning::ClockSkewed { skew_ms }));
        }
        if status == 200 {
            stream.accepted = true;
            // What left before the answer is proven only by a PONG after it.
            if let Some(conn) = pool.get(stream.conn) {
                conn.ping_is_worth_it();
            }
            stream.clock = shared.clock.for_new_stream();
            let id = headers.get(HEADER_REQUEST_ID).filter(|id| id.len() <= 128).map(str::to_owned);
            let left_ms = stream.keys.left_ms(stream.clock.at(now.mono));
            let first = self.opened_at.is_none();
            self.skew_retries = 0;
            self.accepted(id, shared, now.mono);
            if let Some(left_ms) = left_ms.filter(|left| first && *left < shared.config.keys_margin_ms.into())
            {
                shared.tell(self.key, Event::Warning(Warning::KeysExpiring { left_ms }));
            }
        } else {
            stream.refusal = Some(Box::new(Refusal::new(status, headers, now.mono)));
        }
    }

    /// The refusing answer is complete, or enough of it.
    pub(crate) fn refused(&mut self, shared: &mut Shared, pool: &mut Pool, now: Mono) -> Life {
        let opened = self.opened_at.is_some();
        let Link::Up(stream) = &mut self.link else { return Life::Goes };
        let Some(refusal) = stream.refusal.take() else { return Life::Goes };
        let (failure, verdict) = refusal.judge(opened);
        self.lose(failure, verdict, true, shared, pool, now)
    }

    /// Gives the stream up from our side, as an outage.
    pub(crate) fn replace_stream(
        &mut self,
        cause: Cause,
        status: Status,
        shared: &mut Shared,
        pool: &mut Pool,
        now: Mono,
    ) -> Life {
        if let Link::Up(stream) = &self.link {
            pool.doubt(stream.conn, now);
        }
        let failure = Failure { status, cause, request_id: None };
        self.lose(failure, Verdict::Outage { after_ms: None }, true, shared, pool, now)
    }

    /// The connection under the stream is gone.
    pub(crate) fn connection_lost(
        &mut self,
        step: Step,
        cause: LossCause,
        why: Option<Cause>,
        shared: &mut Shared,
        pool: &mut Pool,
        now: Mono,
    ) -> Life {
        let (failure, _) = judge_connection(step, cause, self.opened_at.is_some());
        let failure = Failure { cause: why.unwrap_or(failure.cause), ..failure };
        self.lose(failure, Verdict::Outage { after_ms: None }, false, shared, pool, now)
    }

    /// A connection for this waiting session could not be made; the pool tries again after `retry_in_ms`.
    pub(crate) fn connect_failed(
        &mut self,
        step: Step,
        cause: LossCause,
        retry_in_ms: u64,
        shared: &mut Shared,
        pool: &mut Pool,
        now: Mono,
    ) -> Life {
        let (failure, verdict) = judge_connection(step, cause, self.opened_at.is_some());
        if verdict == Verdict::Final {
            return self.close(Ended::Failed, Some(failure), shared, pool, now);
        }
        self.last_failure = Some(failure.clone());
        self.lost_at.get_or_insert(now);
        let attempt = pool.attempt();
        shared.tell(self.key, Event::Recovering { failure, attempt, retry_in_ms });
        Life::Goes
    }

    /// The stream is lost. What it carried and is not proven goes back to held, and the verdict decides.
    pub(crate) fn lose(
        &mut self,
        failure: Failure,
        verdict: Verdict,
        reset: bool,
        shared: &mut Shared,
        pool: &mut Pool,
        now: Mono,
    ) -> Life {
        let Link::Up(stream) = &self.link else { return Life::Goes };
        let (keys, clock) = (Rc::clone(&stream.keys), stream.clock);
        // As it was when the request was made: its answer may have been long on the way.
        let haunted = self.is_haunted(stream.opened);
        let refused = match failure.cause {
            Cause::Http { .. } => true,
            // The peer did not look at the request.
            Cause::Reset { code: REFUSED_STREAM } => !stream.accepted,
            _ => false,
        };
        let end_left = stream.end_has_left();
        if reset {
            self.drop_stream(shared, pool, now);
        } else {
            self.forget_stream(pool, now);
        }
        for lost in self.held.lose_stream() {
            self.tell_lost(lost, shared);
        }
        self.resend_frames = self.held.to_resend();
        if !refused && !matches!(failure.cause, Cause::Exception { .. }) {
            // The service did not end it: for a while it may still hold this stream for a live one, even where its
            // first answer or our END_STREAM never arrived. It may even take it for the newer one, where the request
            // was slow to arrive.
            self.ghost_since = Some(now);
        }
        let complete = match failure.status {
            Status::Rejected => true,
            Status::Conflict => !haunted,
            _ => false,
        };
        if self.end_left && refused && complete {
            // Parameters and configuration were accepted before, and END_OF_SESSION had left: the service
            // completed the session on the stream that was lost afterwards.
            self.held.complete();
            return self.close(Ended::Finished, None, shared, pool, now);
        }
        // On a stream that is refused, END_OF_SESSION went for nothing.
        self.end_left |= end_left && !refused;
        // By the clock as the answer corrected it: with the one that signed, keys may only seem to have expired.
        let expired =
            keys.is_expired(shared.clock.for_new_stream().at(now)) && failure.status == Status::Denied;
        let verdict = if expired { Verdict::Keys } else { verdict };
        self.judge(failure, verdict, haunted, &keys, clock.at(now).0, shared, pool, now)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the facts of one refusal; a struct would only rename them"
    )]
    fn judge(
        &mut self,
        mut failure: Failure,
        verdict: Verdict,
        haunted: bool,
        keys: &Rc<Keys>,
        signed_ms: i64,
        shared: &mut Shared,
        pool: &mut Pool,
        now: Mono,
    ) -> Life {
        match verdict {
            Verdict::Final => return self.close(Ended::Failed, Some(failure), shared, pool, now),
            Verdict::Outage { after_ms } => self.come_back(failure, after_ms, shared, pool, now),
            Verdict::Keys => {
                failure.status = Status::Expired;
                if self.expired_retries >= EXPIRED_RETRIES_MAX {
                    return self.close(Ended::Failed, Some(failure), shared, pool, now);
                }
                self.expired_retries += 1;
                shared.keys.reject(keys);
                self.come_back(failure, None, shared, pool, now);
            }
            Verdict::Skew => {
                let corrected_ms = shared.signing_ms(now) - signed_ms;
                if corrected_ms.abs() > SKEW_WORTH_A_RETRY_MS && self.skew_retries < SKEW_RETRIES_MAX {
                    self.skew_retries += 1;
                    self.come_back(failure, Some(0), shared, pool, now);
                } else {
                    if shared.clock.skew_ms().abs() > SKEW_EXPLAINS_MS {
                        failure.status = Status::Skewed;
                    }
                    return self.close(Ended::Failed, Some(failure), shared, pool, now);
                }
            }
            Verdict::Conflict => {
                if !haunted {
                    return self.close(Ended::Failed, Some(failure), shared, pool, now);
                }
                self.come_back(failure, None, shared, pool, now);
            }
        }
        Life::Goes
    }

    /// Whether a conflict at this time may be one with an own stream that is not yet gone.
    fn is_haunted(&self, at: Mono) -> bool {
        self.ghost_since.is_some_and(|since| at.ms_since(since) < GHOST_MS_MAX)
    }

    /// Waits for the next attempt, and says so.
    fn come_back(
        &mut self,
        failure: Failure,
        after_ms: Option<u64>,
        shared: &mut Shared,
        pool: &mut Pool,
        now: Mono,
    ) {
        if self.goal == Goal::Pause && self.held.undelivered() == 0 {
            // All is delivered; only the clean end is missing, and a lost stream is a pause to the service.
            return self.paused(shared);
        }
        let retry_in_ms = match after_ms {
            Some(0) => 0,
            Some(asked) => asked.max(self.backoff.next_ms(&mut shared.rng)),
            None => self.backoff.next_ms(&mut shared.rng),
        };
        self.lost_at.get_or_insert(now);
        self.last_failure = Some(failure.clone());
        let attempt = self.backoff.attempt().max(1);
        shared.tell(self.key, Event::Recovering { failure, attempt, retry_in_ms });
        if retry_in_ms == 0 {
            self.wait_for_stream(pool);
        } else {
            self.link = Link::Backoff(now.plus_ms(retry_in_ms));
        }
    }

    /// Resets the stream, if there is one.
    pub(crate) fn drop_stream(&mut self, shared: &mut Shared, pool: &mut Pool, now: Mono) {
        if let Link::Up(stream) = &self.link {
            shared.out.push_back(Output::Reset(stream.id));
        }
        self.forget_stream(pool, now);
    }

    /// The stream is no more; its counters are kept.
    fn forget_stream(&mut self, pool: &mut Pool, now: Mono) {
        if let Link::Up(stream) = std::mem::replace(&mut self.link, Link::Idle) {
            pool.remove_stream(stream.conn, stream.id, stream.unwritten_bytes(), now);
            // What a refused request carried is no part of the session.
            if stream.accepted {
                self.carried = stream.map.total();
            }
        }
    }
}

/// What a failed connection means to a session.
fn judge_connection(step: Step, cause: LossCause, opened: bool) -> (Failure, Verdict) {
    let status = match (step, cause) {
        (_, LossCause::CertificateRejected) => Status::Untrusted,
        (_, LossCause::NoHttp2) => Status::NoHttp2,
        (Step::H2, LossCause::Protocol(_)) if !opened => Status::NoHttp2,
        (Step::H2, LossCause::Protocol(_)) => Status::Corrupt,
        (Step::Socket, _) => Status::Lost,
        _ => Status::Unreachable,
    };
    let hopeless = matches!(status, Status::Untrusted | Status::NoHttp2) || cause == LossCause::NoSuchName;
    let verdict = if hopeless && !opened { Verdict::Final } else { Verdict::Outage { after_ms: None } };
    (Failure { status, cause: Cause::Connection { step, cause }, request_id: None }, verdict)
}
