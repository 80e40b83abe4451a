//! A session's life: its audio, its goal, its stream, and what it tells the application.
//!
//! This file holds the state, what the application asks, and what time does. `session/audio.rs` reads the ring,
//! `session/link.rs` opens, feeds and loses streams, `session/ending.rs` ends them, `session/results.rs` takes what
//! comes down.

mod audio;
mod ending;
mod link;
mod results;

use crate::backoff::Backoff;
use crate::book::Book;
use crate::config::{AudioForm, EngineConfig, OffsetRule, Overflow, SessionConfig, SessionSetup};
use crate::event::{Ended, Event, Report, State, Stats, Warning};
use crate::failure::{Cause, Failure, Status};
use crate::held::{Held, Lost};
use crate::io::SessionKey;
use crate::ledger::DropReason;
use crate::limits::{
    FIRST_HEAD_MS_MAX, HEAD_MS_MAX, PACE_BURST_CHUNKS, QUIET_MS_MAX, STREAM_END_MS_MAX, WINDOW_WARNING_MS,
};
use crate::planted::{Bug, has};
use crate::pool::Pool;
use crate::shared::Shared;
use crate::stream::{Closing, NextUp, Stream};
use crate::time::Mono;
use ossicle_audio::{FrontEnd, WireFormat, chunk_frames};
use ossicle_model::ids::MediaSampleRate;
use ossicle_model::stream::StreamRequest;

/// What the application wants of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    Run,
    Pause,
    Finish { deadline: Mono },
}

/// The way to the service.
#[derive(Debug)]
pub(crate) enum Link {
    /// None is wanted: paused.
    Idle,
    /// None before this time.
    Backoff(Mono),
    /// In the pool's queue.
    Waiting,
    Up(Box<Stream>),
}

/// What of the settings is needed while the session lives.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) request: StreamRequest,
    pub(crate) configuration: Box<[u8]>,
    pub(crate) form: AudioForm,
    held_frames_max: u64,
    overflow: Overflow,
    pace: f32,
    keep_alive_ms: u64,
    open_patience_ms: u64,
    resume_window_ms: u64,
    audio_total_ms_max: u64,
    finish_deadline_ms: u64,
}

/// A live session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) key: SessionKey,
    pub(crate) slot: u32,
    pub(crate) settings: Settings,
    pub(crate) wire: WireFormat,
    /// Frames in a full chunk.
    pub(crate) chunk: u64,
    front: Option<FrontEnd>,
    pub(crate) held: Held,
    pub(crate) book: Book,
    pub(crate) rule: OffsetRule,
    pub(crate) goal: Goal,
    pub(crate) link: Link,
    muted: bool,
    created: Mono,
    pub(crate) opened_at: Option<Mono>,
    pub(crate) lost_at: Option<Mono>,
    /// Frames that the last loss put back from in flight.
    pub(crate) resend_frames: u64,
    resuming: bool,
    pub(crate) backoff: Backoff,
    pub(crate) last_failure: Option<Failure>,
    pub(crate) skew_retries: u32,
    pub(crate) expired_retries: u32,
    /// An own stream that was not ended cleanly may seem alive to the service: since when it is lost.
    pub(crate) ghost_since: Option<Mono>,
    /// END_OF_SESSION left on a stream that was lost afterwards.
    pub(crate) end_left: bool,
    last_audio: Mono,
    silence_at: Option<Mono>,
    allowance: f64,
    paced_at: Mono,
    warned: Warned,
    pub(crate) streams: u32,
    /// Frames that all streams so far carried.
    pub(crate) carried: u64,
    pub(crate) counters: Counters,
    pub(crate) queued: bool,
    pub(crate) turn_messages: u32,
    quiet: Quiet,
}

/// While nothing but audio can move a session, a tick is one look at its ring.
#[derive(Debug, Default)]
struct Quiet {
    /// The whole tick is due again; the default is long past.
    until: Mono,
    /// As it is when the ring has this much.
    frames: u64,
}

/// What the report counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) messages: u64,
    pub(crate) wire_bytes: u64,
    pub(crate) connections: u32,
    pub(crate) reconnects: u32,
    pub(crate) signature_age_ms_max: u64,
}

#[derive(Debug, Default)]
struct Warned {
    resume_window: bool,
    audio_total: bool,
    keep_alive: bool,
}

/// What became of a session in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Goes,
    /// It is closed and can be forgotten.
    Over,
}

impl Session {
    /// A session that waits for its first stream. Fails on settings that no service takes.
    pub(crate) fn new(
        key: SessionKey,
        slot: u32,
        setup: SessionSetup,
        config: &EngineConfig,
        now: Mono,
    ) -> Result<Self, Status> {
        let SessionSetup { config: session, front_end } = setup;
        let wire = front_end.wire();
        let sample_rate = MediaSampleRate::new(wire.rate_hz()).map_err(|_| Status::BadArgument)?;
        if !(20..=1_000).contains(&session.chunk_ms)
            || session.pace.is_nan()
            || session.pace <= 0.0
            || config.catch_up_rate.is_nan()
            || config.catch_up_rate < 1.0
        {
            return Err(Status::BadArgument);
        }
        let frames = |ms: u32| u64::from(ms) * u64::from(wire.rate_hz()) / 1_000;
        let chunk = u64::from(chunk_frames(wire, session.chunk_ms));
        let overlap = frames(session.resend_overlap_ms);
        Ok(Self {
            key,
            slot,
            wire,
            chunk,
            front: Some(front_end),
            held: Held::new(wire.channels(), overlap),
            book: Book::default(),
            rule: session.offsets,
            goal: Goal::Run,
            link: Link::Waiting,
            muted: false,
            created: now,
            opened_at: None,
            lost_at: None,
            resend_frames: 0,
            resuming: false,
            backoff: Backoff::default(),
            last_failure: None,
            skew_retries: 0,
            expired_retries: 0,
            ghost_since: None,
            end_left: false,
            last_audio: now,
            silence_at: None,
            allowance: (chunk * u64::from(PACE_BURST_CHUNKS)) as f64,
            paced_at: now,
            warned: Warned::default(),
            streams: 0,
            carried: 0,
            counters: Counters::default(),
            queued: false,
            turn_messages: 0,
            quiet: Quiet::default(),
            // A store smaller than a few chunks could never send: its floor keeps the promise of order.
            settings: settings(session, sample_rate, (chunk * 4).max(overlap + chunk * 2), frames),
        })
    }

    // ---- what the application asks ----

    pub(crate) fn pause(&mut self, shared: &mut Shared, now: Mono) {
        if self.goal != Goal::Run {
            return;
        }
        if self.muted && !has(Bug::MuteLeaks) {
            // What is in the ring was pushed while nobody may hear it, even if a tick has not yet seen it.
            self.discard_ring(DropReason::Muted, now);
        } else {
            self.read_ring(shared, now, true);
        }
        self.goal = Goal::Pause;
        self.muted = false;
        match &mut self.link {
            Link::Up(stream) => stream.closing = Some(Closing::Pause),
            // In an outage what was captured before the pause is still to be sent: the session comes back
            // for it. One that never had anything to say is paused at once.
            Link::Backoff(_) | Link::Waiting if self.held.undelivered() > 0 => {}
            _ => self.paused(shared),
        }
    }

    pub(crate) fn resume(&mut self, pool: &mut Pool, now: Mono) {
        if self.goal != Goal::Pause {
            return;
        }
        self.discard_ring(DropReason::Paused, now);
        self.goal = Goal::Run;
        self.last_audio = now;
        self.resuming = true;
        match &mut self.link {
            // The stream is being ended: the next one follows when it is.
            Link::Up(stream) if stream.closing == Some(Closing::Pause) => {
                stream.closing = Some(Closing::Handover)
            }
            Link::Idle => self.wait_for_stream(pool),
            _ => {}
        }
    }

    pub(crate) fn mute(&mut self, on: bool, shared: &mut Shared, now: Mono) {
        if self.goal != Goal::Run || self.muted == on {
            return;
        }
        if on {
            self.read_ring(shared, now, true);
            self.silence_at = Some(now);
        } else {
            self.discard_ring(DropReason::Muted, now);
            self.silence_at = None;
            self.last_audio = now;
        }
        self.muted = on;
    }

    pub(crate) fn finish(&mut self, shared: &mut Shared, pool: &mut Pool, now: Mono) {
        if let Goal::Finish { .. } = self.goal {
            return;
        }
        if self.goal == Goal::Pause {
            self.discard_ring(DropReason::Paused, now);
        } else if self.muted {
            self.discard_ring(DropReason::Muted, now);
        } else {
            self.read_ring(shared, now, true);
        }
        // Nothing is captured from here on; the tap sees that its reader is gone.
        self.front = None;
        self.goal = Goal::Finish {
            deadline: now.plus_ms(self.settings.finish_deadline_ms + self.backlog_ms(shared)),
        };
        match &mut self.link {
            Link::Up(stream) if stream.finished_at.is_none() => match stream.next {
                // The chain's end may be on its way already; then END_OF_SESSION goes on a stream of its own.
                NextUp::Empty | NextUp::Finish | NextUp::Nothing => {}
                _ => stream.closing = Some(Closing::End),
            },
            Link::Idle => self.wait_for_stream(pool),
            _ => {}
        }
    }

    /// The network may have changed: no more waiting.
    pub(crate) fn retry_now(&mut self, pool: &mut Pool) {
        if let Link::Backoff(_) = self.link {
            self.backoff.reset();
            self.wait_for_stream(pool);
        }
    }

    /// The time that held audio takes to go out at the pace of catching up.
    fn backlog_ms(&self, shared: &Shared) -> u64 {
        let per_s =
            f64::from(self.wire.rate_hz()) * f64::from(self.settings.pace * shared.config.catch_up_rate);
        (self.held.undelivered() as f64 / per_s * 1_000.0) as u64
    }

    /// Whether the session is in the pool's queue.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.link, Link::Waiting)
    }

    /// Ends at once. Nothing is sent that the service could take for an end of the session.
    pub(crate) fn abort(&mut self, shared: &mut Shared, pool: &mut Pool, now: Mono) -> Life {
        let failure = Failure { status: Status::Closed, cause: Cause::Aborted, request_id: None };
        self.close(Ended::Failed, Some(failure), shared, pool, now)
    }

    // ---- what time does ----

    /// The tick: reads the ring, puts silence in, fires timers.
    pub(crate) fn tick(&mut self, shared: &mut Shared, pool: &mut Pool, now: Mono) -> Life {
        self.turn_messages = 0;
        self.listen(shared, now);
        if self.settings.overflow == Overflow::DropOldest {
            for lost in self.held.limit(self.settings.held_frames_max) {
                self.tell_lost(lost, shared);
            }
        }
        self.refill_allowance(shared.config.catch_up_rate, now);
        if self.timers(shared, pool, now) == Life::Over {
            return Life::Over;
        }
        self.want(shared, pool, now);
        self.rest(now);
        Life::Goes
    }

    /// Whether a tick has nothing to do. Most of them: a chunk is due in one tick of ten.
    pub(crate) fn is_quiet(&self, now: Mono) -> bool {
        now < self.quiet.until
            && self.front.as_ref().is_some_and(|front| front.ready_frames() < self.quiet.frames)
    }

    /// Something happened that a tick may have to act on.
    pub(crate) fn stir(&mut self) {
        self.quiet.until = Mono::default();
    }

    /// Finds out whether only audio can give the next tick something to do.
    pub(crate) fn rest(&mut self, now: Mono) {
        self.stir();
        let steady = matches!(&self.link, Link::Up(stream) if stream.is_steady());
        if !steady || self.goal != Goal::Run || self.muted || self.silence_at.is_some() {
            return;
        }
        let Some(missing) = self.chunk.checked_sub(self.held.unfed()).filter(|missing| *missing > 0) else {
            return;
        };
        self.quiet.frames = self.enough(missing);
        self.quiet.until = now.plus_ms(QUIET_MS_MAX);
        if self.settings.keep_alive_ms > 0 {
            self.quiet.until = self.quiet.until.min(self.last_audio.plus_ms(self.settings.keep_alive_ms));
        }
    }

    fn timers(&mut self, shared: &mut Shared, pool: &mut Pool, now: Mono) -> Life {
        if let Goal::Finish { deadline } = self.goal
            && now >= deadline
        {
            return self.fail(Status::TimedOut, Cause::FinishTimedOut, shared, pool, now);
        }
        match &self.link {
            Link::Backoff(until) if now >= *until => self.wait_for_stream(pool),
            Link::Up(_) => return self.stream_timers(shared, pool, now),
            _ => {}
        }
        self.windows(shared, pool, now)
    }

    fn stream_timers(&mut self, shared: &mut Shared, pool: &mut Pool, now: Mono) -> Life {
        let Link::Up(stream) = &self.link else { return Life::Goes };
        if let Some(at) = stream.finished_at
            && stream.closing != Some(Closing::End)
            && now.ms_since(at) >= STREAM_END_MS_MAX
        {
            return self.replace_stream(Cause::EndedEarly, Status::Lost, shared, pool, now);
        }
        if stream
            .refusal
            .as_ref()
            .is_some_and(|refusal| now.ms_since(refusal.since) >= crate::limits::REFUSAL_BODY_MS_MAX)
        {
            return self.refused(shared, pool, now);
        }
        if let Some(since) = stream.starved_since
            && now.ms_since(since) >= u64::from(shared.config.stall_ms_max)
        {
            return self.replace_stream(Cause::NoCredit, Status::Lost, shared, pool, now);
        }
        let head_ms_max = if self.opened_at.is_some() { HEAD_MS_MAX } else { FIRST_HEAD_MS_MAX };
        if !stream.accepted && now.ms_since(stream.opened) >= head_ms_max {
            return self.replace_stream(Cause::OpenTimedOut, Status::TimedOut, shared, pool, now);
        }
        let wall = stream.clock.at(now);
        if stream.closing.is_none() && stream.accepted {
            let conn_leaves = pool.get(stream.conn).is_none_or(|conn| conn.is_leaving());
            if shared.keys.successor(&stream.keys, wall) || (conn_leaves && pool.place().is_some()) {
                self.hand_over();
            }
        }
        self.windows(shared, pool, now)
    }

    /// Ends the stream as a pause; the next one follows at once. What is not sent waits for it.
    fn hand_over(&mut self) {
        if let Link::Up(stream) = &mut self.link {
            stream.closing = Some(Closing::Handover);
        }
    }

    /// Patience before the first answer, and the service's windows after it.
    fn windows(&mut self, shared: &mut Shared, pool: &mut Pool, now: Mono) -> Life {
        let Some(opened_at) = self.opened_at else {
            if now.ms_since(self.created) >= self.settings.open_patience_ms {
                let failure = self.last_failure.take().unwrap_or(Failure {
                    status: Status::TimedOut,
                    cause: Cause::OpenTimedOut,
                    request_id: None,
                });
                return self.close(Ended::Failed, Some(failure), shared, pool, now);
            }
            return Life::Goes;
        };
        let window_left = self.settings.resume_window_ms.saturating_sub(now.ms_since(opened_at));
        let streaming = matches!(self.link, Link::Up(_));
        if window_left == 0 && !streaming {
            return self.fail(Status::TimedOut, Cause::ResumeWindow, shared, pool, now);
        }
        if window_left < WINDOW_WARNING_MS && !self.warned.resume_window {
            self.warned.resume_window = true;
            shared.tell(self.key, Event::Warning(Warning::ResumeWindowEnding { left_ms: window_left }));
        }
        let total_ms = self.total_carried() * 1_000 / u64::from(self.wire.rate_hz());
        let audio_left = self.settings.audio_total_ms_max.saturating_sub(total_ms);
        if audio_left < WINDOW_WARNING_MS && !self.warned.audio_total {
            self.warned.audio_total = true;
            shared.tell(self.key, Event::Warning(Warning::AudioTotalEnding { left_ms: audio_left }));
        }
        Life::Goes
    }

    fn total_carried(&self) -> u64 {
        match &self.link {
            Link::Up(stream) => stream.map.total(),
            _ => self.carried,
        }
    }

    // ---- the end ----

    pub(crate) fn fail(
        &mut self,
        status: Status,
        cause: Cause,
        shared: &mut Shared,
        pool: &mut Pool,
        now: Mono,
    ) -> Life {
        let failure = Failure { status, cause, request_id: None };
        self.close(Ended::Failed, Some(failure), shared, pool, now)
    }

    /// Closes the session; the last event.
    pub(crate) fn close(
        &mut self,
        ended: Ended,
        failure: Option<Failure>,
        shared: &mut Shared,
        pool: &mut Pool,
        now: Mono,
    ) -> Life {
        // What was captured and is still in the ring belongs into the account.
        match self.goal {
            Goal::Pause => self.discard_ring(DropReason::Paused, now),
            _ if self.muted => self.discard_ring(DropReason::Muted, now),
            _ => self.read_ring(shared, now, true),
        }
        self.drop_stream(shared, pool, now);
        for lost in self.held.give_up() {
            self.tell_lost(lost, shared);
        }
        self.front = None;
        pool.waiting.retain(|slot| *slot != self.slot);
        let report = self.report(ended, failure);
        shared.tell(self.key, Event::Closed(Box::new(report)));
        Life::Over
    }

    /// The goal of a pause is reached.
    pub(crate) fn paused(&mut self, shared: &mut Shared) {
        self.link = Link::Idle;
        let report = self.report(Ended::Paused, None);
        shared.tell(self.key, Event::Paused(Box::new(report)));
    }

    pub(crate) fn wait_for_stream(&mut self, pool: &mut Pool) {
        self.link = Link::Waiting;
        if !pool.waiting.contains(&self.slot) {
            pool.waiting.push_back(self.slot);
        }
    }

    /// The first 200 of a session, or another one.
    pub(crate) fn accepted(&mut self, request_id: Option<String>, shared: &mut Shared, now: Mono) {
        self.counters.connections += 1;
        if self.opened_at.is_none() {
            self.opened_at = Some(now);
            self.last_audio = now;
            let (rate_hz, channels) = (self.wire.rate_hz(), self.wire.channels());
            shared.tell(self.key, Event::Opened { request_id, rate_hz, channels });
            if rate_hz < RECOMMENDED_RATE_HZ {
                shared.tell(self.key, Event::Warning(Warning::LowRate { rate_hz }));
            }
            self.lost_at = None;
        } else if let Some(lost_at) = self.lost_at.take() {
            self.counters.reconnects += 1;
            let outage_ms = now.ms_since(lost_at);
            shared.tell(self.key, Event::Recovered { outage_ms, resend_frames: self.resend_frames });
        }
        if std::mem::take(&mut self.resuming) {
            shared.tell(self.key, Event::Resumed);
        }
    }

    pub(crate) fn report(&self, ended: Ended, failure: Option<Failure>) -> Report {
        Report {
            session_id: self.settings.request.session_id.as_str().to_owned(),
            ended,
            failure,
            rate_hz: self.wire.rate_hz(),
            channels: self.wire.channels(),
            ledger: self.held.ledger,
            messages: self.counters.messages,
            wire_bytes: self.counters.wire_bytes,
            connections: self.counters.connections,
            signature_age_ms_max: self.counters.signature_age_ms_max,
            transcribed_s: self.book.transcribed_s,
        }
    }

    pub(crate) fn stats(&self, pool: &mut Pool) -> Stats {
        let rtt_ns = match &self.link {
            Link::Up(stream) => pool.get(stream.conn).and_then(|conn| conn.rtt_ns),
            _ => None,
        };
        let mut peak_dbfs = [f32::NEG_INFINITY; 2];
        if let Some(front) = &self.front {
            for (peak, level) in peak_dbfs.iter_mut().zip(front.levels().channels()) {
                *peak = level.peak_dbfs;
            }
        }
        Stats {
            state: self.state(),
            ledger: self.held.ledger,
            transcribed_s: self.book.transcribed_s,
            lag_ms: self.held.unfed() * 1_000 / u64::from(self.wire.rate_hz()),
            rtt_ms: rtt_ns.map(|ns| ns as f64 / 1e6),
            reconnects: self.counters.reconnects,
            peak_dbfs,
            messages: self.counters.messages,
            wire_bytes: self.counters.wire_bytes,
            signature_age_ms_max: self.counters.signature_age_ms_max,
        }
    }

    fn state(&self) -> State {
        match (&self.goal, &self.link) {
            (Goal::Pause, Link::Idle) => State::Paused,
            (Goal::Pause | Goal::Finish { .. }, _) => State::Draining,
            _ if self.opened_at.is_none() => State::Opening,
            (_, Link::Up(stream)) if stream.accepted => State::Streaming,
            _ => State::Recovering,
        }
    }

    // ---- telling ----

    pub(crate) fn tell_lost(&self, lost: Lost, shared: &mut Shared) {
        let Lost { reason, first_frame, frames } = lost;
        shared.tell(self.key, Event::Dropped { reason, first_frame, frames });
    }
}

/// The service's user guide recommends at least this rate.
const RECOMMENDED_RATE_HZ: u32 = 16_000;

fn settings(
    session: SessionConfig,
    sample_rate: MediaSampleRate,
    floor_frames: u64,
    frames: impl Fn(u32) -> u64,
) -> Settings {
    Settings {
        configuration: session.configuration.to_json().into(),
        form: session.audio_form,
        held_frames_max: frames(session.held_ms_max).max(floor_frames),
        overflow: session.overflow,
        pace: session.pace,
        keep_alive_ms: session.keep_alive_ms.into(),
        open_patience_ms: session.open_patience_ms,
        resume_window_ms: session.resume_window_ms,
        audio_total_ms_max: session.audio_total_ms_max,
        finish_deadline_ms: session.finish_deadline_ms,
        request: StreamRequest {
            session_id: session.session_id,
            domain_id: session.domain_id,
            subscription_id: session.subscription_id,
            language_code: session.language,
            sample_rate,
            media_encoding: session.encoding,
        },
    }
}
