//! The engine: routes what happens to the session that it concerns, and gives out what is to be done.

use crate::config::{EngineConfig, SessionSetup};
use crate::event::{Ended, Event, Report, Stats};
use crate::failure::{Cause, Failure, Status};
use crate::io::{Command, ConnId, Input, KeysFailure, LossCause, Mark, Output, SessionKey, Step, StreamId};
use crate::limits::{OPENS_PER_TURN_MAX, SESSIONS_MAX, TURN_MESSAGES_MAX};
use crate::pool::Pool;
use crate::session::{Life, Session};
use crate::shared::{Shared, slot_of};
use crate::time::{Mono, Now};
use bytes::BytesMut;
use ossicle_sigv4::SignError;
use std::collections::HashMap;

/// The engine of one shard: its sessions, their streams and connections.
///
/// Call [`Engine::handle`] with what happened, then [`Engine::poll`] until it answers [`Output::Sleep`].
#[derive(Debug)]
pub struct Engine {
    shared: Shared,
    pool: Pool,
    sessions: Vec<Option<Box<Session>>>,
    free: Vec<u32>,
    by_key: HashMap<SessionKey, u32>,
    last_tick: Mono,
    turn_messages: u32,
    drained: bool,
}

/// What a command does to its session.
type Act = fn(&mut Session, &mut Shared, &mut Pool, Mono) -> Life;

/// HTTP/2's ENHANCE_YOUR_CALM: to a client that only sends PINGs and audio, a complaint about the PINGs.
const ENHANCE_YOUR_CALM: u32 = 11;

impl Engine {
    /// An engine without sessions.
    ///
    /// # Errors
    /// When the region is no name that a signature could carry.
    pub fn new(config: EngineConfig) -> Result<Self, SignError> {
        let pool = Pool::new(&config);
        Ok(Self {
            shared: Shared::new(config)?,
            pool,
            sessions: Vec::new(),
            free: Vec::new(),
            by_key: HashMap::new(),
            last_tick: Mono::default(),
            turn_messages: 0,
            drained: true,
        })
    }

    /// Takes one input. Drain [`Engine::poll`] before the next.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        debug_assert!(self.drained, "poll was not drained to Sleep before the next input");
        self.drained = false;
        if self.shared.clock.observe(now) {
            // The machine slept or its clock was set: what stood may be dead, so find out at once. What was learned
            // about the clock is void, so that a refusal for skew teaches anew.
            self.network_changed(now);
            for session in self.sessions.iter_mut().flatten() {
                session.clock_jumped();
            }
        }
        match input {
            Input::Tick => self.tick(now),
            Input::Command(command) => self.command(command, now),
            Input::Keys(credentials) => {
                let wall = self.shared.clock.for_new_stream().at(now.mono);
                self.shared.keys.take(credentials, wall);
                self.stir_all();
            }
            Input::KeysFailed(failure) => self.keys_failed(failure, now),
            Input::Connected(conn) => self.pool.connected(conn, now.mono),
            Input::PeerSettings { conn, streams_max } => self.pool.settings(conn, streams_max),
            Input::GoAway { conn, reason } => self.go_away(conn, reason),
            Input::ConnectionLost { conn, step, cause } => self.connection_lost(conn, step, cause, None, now),
            Input::Head { stream, status, headers } => {
                if let Some(session) = live(&mut self.sessions, stream) {
                    session.head_came(status, headers, &mut self.shared, &mut self.pool, now);
                }
            }
            Input::Credit { stream, bytes } => self.credit(stream, bytes, now),
            Input::Written { conn, mark } => self.written(conn, mark, now),
            Input::Pong(conn) => self.pong(conn, now),
            Input::Received { stream, bytes } => {
                self.with(stream, |session, shared, pool| session.received(bytes, shared, pool, now.mono));
            }
            Input::StreamEnded { stream, end } => {
                self.with(stream, |session, shared, pool| session.stream_ended(end, shared, pool, now.mono));
            }
        }
        self.open_waiting(now);
    }

    /// The next thing to do. The last answer is always [`Output::Sleep`]. The bytes of [`Output::Write`] are
    /// appended to `out`.
    pub fn poll(&mut self, now: Now, out: &mut BytesMut) -> Output {
        loop {
            if let Some(output) = self.shared.out.pop_front() {
                return output;
            }
            if self.turn_messages >= TURN_MESSAGES_MAX && !self.shared.ready.is_empty() {
                // The driver flushes and comes back at once; the order of the queue keeps it fair.
                return self.sleep(Some(now.mono));
            }
            let Some(slot) = self.shared.ready.pop_front() else { break };
            if let Some(output) = self.write(slot, out, now) {
                return output;
            }
        }
        if self.by_key.is_empty() && self.pool.is_empty() {
            return self.sleep(None);
        }
        let next_tick = self.last_tick.plus_ms(self.shared.config.tick_ms.into());
        self.sleep(Some(next_tick.max(now.mono)))
    }

    fn sleep(&mut self, until: Option<Mono>) -> Output {
        self.turn_messages = 0;
        self.drained = true;
        Output::Sleep(until)
    }

    /// A snapshot of a live session; `None` when it is closed or unknown.
    #[must_use]
    pub fn stats(&mut self, session: SessionKey) -> Option<Stats> {
        let slot = *self.by_key.get(&session)?;
        let session = self.sessions[slot as usize].as_ref()?;
        Some(session.stats(&mut self.pool))
    }

    /// The account of a live session so far, as if it ended now as a pause.
    #[must_use]
    pub fn report(&self, session: SessionKey) -> Option<Report> {
        let slot = *self.by_key.get(&session)?;
        Some(self.sessions[slot as usize].as_ref()?.report(Ended::Paused, None))
    }

    /// Bytes that the held audio of all sessions takes, with the room that is kept for more: a little over a second of
    /// audio a session while nothing is wrong, up to `held_bytes_max` in an outage.
    #[must_use]
    pub fn held_memory_bytes(&self) -> u64 {
        self.sessions.iter().flatten().map(|session| session.held_memory_bytes()).sum()
    }

    /// Live sessions.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.by_key.len()
    }

    // ---- inputs ----

    fn tick(&mut self, now: Now) {
        self.last_tick = now.mono;
        for conn in self.pool.tick(now.mono, &mut self.shared.out) {
            self.shared.out.push_back(Output::Close(conn));
            self.connection_lost(conn, Step::Socket, LossCause::TimedOut, Some(Cause::NoPong), now);
        }
        let mut held_bytes = 0;
        for slot in 0..self.sessions.len() {
            let Some(session) = &mut self.sessions[slot] else { continue };
            if session.is_quiet(now.mono) {
                held_bytes += session.held_bytes();
                continue;
            }
            let life = session.tick(&mut self.shared, &mut self.pool, now.mono);
            held_bytes += session.held_bytes();
            self.settle(slot as u32, life);
        }
        self.bound_held(held_bytes);
        if !self.by_key.is_empty() {
            let wall = self.shared.clock.for_new_stream().at(now.mono);
            self.shared.keys.ask_if_due(now.mono, wall, &mut self.shared.out);
        }
    }

    /// Keeps all held audio under the engine's bound: the largest holder loses its oldest audio first.
    fn bound_held(&mut self, held_bytes: u64) {
        let mut over = held_bytes.saturating_sub(self.shared.config.held_bytes_max);
        // Each round takes at least one chunk from somebody, or ends.
        while over > 0 {
            let largest = self.sessions.iter_mut().flatten().max_by_key(|session| session.held_bytes());
            let Some(session) = largest else { return };
            let before = session.held_bytes();
            session.give_back(over.min(before / 2), &mut self.shared);
            let freed = before - session.held_bytes();
            if freed == 0 {
                return;
            }
            over = over.saturating_sub(freed);
        }
    }

    fn command(&mut self, command: Command, now: Now) {
        let (key, act): (SessionKey, Act) = match command {
            Command::Open { session, setup } => return self.open(session, *setup, now),
            Command::NetworkChanged => return self.network_changed(now),
            Command::Pause(key) => (key, |session, shared, _, now| {
                session.pause(shared, now);
                Life::Goes
            }),
            Command::Resume(key) => (key, |session, _, pool, now| {
                session.resume(pool, now);
                Life::Goes
            }),
            Command::Mute(key, true) => (key, |session, shared, _, now| {
                session.mute(true, shared, now);
                Life::Goes
            }),
            Command::Mute(key, false) => (key, |session, shared, _, now| {
                session.mute(false, shared, now);
                Life::Goes
            }),
            Command::Finish(key) => (key, |session, shared, pool, now| {
                session.finish(shared, pool, now);
                Life::Goes
            }),
            Command::Abort(key) => (key, |session, shared, pool, now| session.abort(shared, pool, now)),
            Command::Forget(key) => return self.forget(key, now),
        };
        let Some(slot) = self.by_key.get(&key).copied() else { return };
        let Some(session) = &mut self.sessions[slot as usize] else { return };
        session.stir();
        let life = act(session, &mut self.shared, &mut self.pool, now.mono);
        if life == Life::Goes {
            session.want(&mut self.shared, &mut self.pool, now.mono);
        }
        self.settle(slot, life);
    }

    fn open(&mut self, key: SessionKey, setup: SessionSetup, now: Now) {
        let refused = |status, cause| {
            let rate_hz = setup.front_end.wire().rate_hz();
            let channels = setup.front_end.wire().channels();
            let failure = Failure { status, cause, request_id: None };
            let session_id = setup.config.session_id.as_str().to_owned();
            Event::Closed(Box::new(Report::refused(session_id, failure, rate_hz, channels)))
        };
        let max = self.shared.config.sessions_max.min(SESSIONS_MAX) as usize;
        if self.by_key.len() >= max || self.by_key.contains_key(&key) {
            let event = refused(Status::Limit, Cause::SessionsMax);
            return self.shared.tell(key, event);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.sessions.push(None);
            (self.sessions.len() - 1) as u32
        });
        let refusal = refused(Status::BadArgument, Cause::Settings);
        match Session::new(key, slot, setup, &self.shared.config, now.mono) {
            Ok(session) => {
                self.sessions[slot as usize] = Some(Box::new(session));
                self.by_key.insert(key, slot);
                self.pool.waiting.push_back(slot);
                let wall = self.shared.clock.for_new_stream().at(now.mono);
                self.shared.keys.ask_if_due(now.mono, wall, &mut self.shared.out);
            }
            Err(_) => {
                self.free.push(slot);
                self.shared.tell(key, refusal);
            }
        }
    }

    fn forget(&mut self, key: SessionKey, now: Now) {
        let Some(slot) = self.by_key.get(&key).copied() else { return };
        if let Some(session) = &mut self.sessions[slot as usize] {
            session.drop_stream(&mut self.shared, &mut self.pool, now.mono);
            self.pool.waiting.retain(|waiting| *waiting != slot);
        }
        self.settle(slot, Life::Over);
    }

    fn network_changed(&mut self, now: Now) {
        self.pool.probe_all(now.mono);
        self.pool.retry_now(now.mono);
        for session in self.sessions.iter_mut().flatten() {
            session.retry_now(&mut self.pool);
        }
    }

    fn keys_failed(&mut self, failure: KeysFailure, now: Now) {
        self.shared.keys.failed(failure, now.mono);
        if failure != KeysFailure::NotConfigured {
            return;
        }
        // Nothing that waits could change this, but for sessions that were accepted with keys before.
        for slot in 0..self.sessions.len() {
            let Some(session) = self.sessions[slot].as_mut().filter(|session| session.opened_at.is_none())
            else {
                continue;
            };
            let life =
                session.fail(Status::NoKeys, Cause::NoKeys, &mut self.shared, &mut self.pool, now.mono);
            self.settle(slot as u32, life);
        }
    }

    fn go_away(&mut self, conn: ConnId, reason: u32) {
        if reason == ENHANCE_YOUR_CALM {
            self.pool.calm_down(conn);
        }
        // Sessions on it move at their next tick, each as soon as another connection has room; to make that room
        // they are counted as waiting.
        self.pool.leave(conn);
        self.stir_all();
    }

    /// Something happened that every session's next tick has to look at.
    fn stir_all(&mut self) {
        self.sessions.iter_mut().flatten().for_each(|session| session.stir());
    }

    fn connection_lost(&mut self, id: ConnId, step: Step, cause: LossCause, why: Option<Cause>, now: Now) {
        if cause == LossCause::Protocol(Some(ENHANCE_YOUR_CALM)) {
            self.pool.calm_down(id);
        }
        let Some((conn, wait_ms)) = self.pool.lost(id, now.mono, &mut self.shared.rng) else { return };
        for stream in conn.streams {
            self.with(stream, |session, shared, pool| {
                session.connection_lost(step, cause, why.clone(), shared, pool, now.mono)
            });
        }
        let Some(wait_ms) = wait_ms else { return };
        for slot in self.pool.waiting.clone() {
            let Some(session) = self.sessions[slot as usize].as_mut().filter(|session| session.is_waiting())
            else {
                continue;
            };
            let life =
                session.connect_failed(step, cause, wait_ms, &mut self.shared, &mut self.pool, now.mono);
            self.settle(slot, life);
        }
    }

    fn credit(&mut self, stream: StreamId, bytes: u32, now: Now) {
        let Some(session) = live(&mut self.sessions, stream) else { return };
        if let Some(stream) = session.stream(stream) {
            stream.credit_is(bytes);
        }
        session.want(&mut self.shared, &mut self.pool, now.mono);
    }

    fn written(&mut self, id: ConnId, mark: Mark, now: Now) {
        let Some(conn) = self.pool.get(id) else { return };
        match mark {
            Mark::Data { stream, bytes } => {
                let Some(session) = live(&mut self.sessions, stream) else { return };
                conn.left(bytes, now.mono);
                session.left(bytes, now.mono);
                if session.is_ending() {
                    session.want(&mut self.shared, &mut self.pool, now.mono);
                }
                let bound = self.shared.config.unwritten_bytes_max;
                while let Some(slot) = self.pool.get(id).and_then(|conn| conn.unblock(bound)) {
                    if let Some(session) = &mut self.sessions[slot as usize] {
                        session.want(&mut self.shared, &mut self.pool, now.mono);
                    }
                }
            }
            Mark::Ping => {
                conn.ping_left(now.mono);
                for id in conn.streams.clone() {
                    let Some(session) = live(&mut self.sessions, id) else { continue };
                    if let Some(stream) = session.stream(id) {
                        stream.ping_left();
                    }
                    if session.is_ending() {
                        session.want(&mut self.shared, &mut self.pool, now.mono);
                    }
                }
            }
        }
    }

    fn pong(&mut self, id: ConnId, now: Now) {
        let Some(conn) = self.pool.get(id) else { return };
        if !conn.pong(now.mono) {
            return;
        }
        for stream in conn.streams.clone() {
            let Some(session) = live(&mut self.sessions, stream) else { continue };
            session.pong();
            if session.is_ending() {
                session.want(&mut self.shared, &mut self.pool, now.mono);
            }
        }
    }

    // ---- opening and writing ----

    /// Gives waiting sessions a stream where there is room, and connects where there is none.
    fn open_waiting(&mut self, now: Now) {
        let wall = self.shared.clock.for_new_stream().at(now.mono);
        for _ in 0..OPENS_PER_TURN_MAX {
            if self.pool.waiting.is_empty() {
                break;
            }
            let Some(keys) = self.shared.keys.usable(wall) else { break };
            let Some(conn) = self.pool.place() else { break };
            let Some(slot) = self.pool.waiting.pop_front() else { break };
            // One that was paused meanwhile, or is gone, has left its place in the queue.
            let Some(session) = self.sessions[slot as usize].as_mut().filter(|session| session.is_waiting())
            else {
                continue;
            };
            let life = session.open(conn, keys, &mut self.shared, &mut self.pool, now);
            self.settle(slot, life);
        }
        self.pool.connect_for_waiting(now.mono, &mut self.shared.out);
    }

    fn write(&mut self, slot: u32, out: &mut BytesMut, now: Now) -> Option<Output> {
        let session = self.sessions[slot as usize].as_mut()?;
        session.queued = false;
        match session.write(out, &mut self.shared, &mut self.pool, now.mono) {
            Ok(Some((stream, bytes))) => {
                self.turn_messages += 1;
                Some(Output::Write { stream, bytes })
            }
            Ok(None) => None,
            Err(life) => {
                self.settle(slot, life);
                None
            }
        }
    }

    /// Runs something on a stream's session, if it is still that session's live stream.
    fn with(&mut self, stream: StreamId, act: impl FnOnce(&mut Session, &mut Shared, &mut Pool) -> Life) {
        let Some(session) = live(&mut self.sessions, stream) else { return };
        session.stir();
        let life = act(session, &mut self.shared, &mut self.pool);
        self.settle(slot_of(stream), life);
    }

    fn settle(&mut self, slot: u32, life: Life) {
        if life == Life::Over
            && let Some(session) = self.sessions[slot as usize].take()
        {
            self.by_key.remove(&session.key);
            self.free.push(slot);
        }
    }
}

/// The session whose live stream this is. What comes late for an older stream finds nobody.
fn live(sessions: &mut [Option<Box<Session>>], stream: StreamId) -> Option<&mut Session> {
    let session = sessions.get_mut(slot_of(stream) as usize)?.as_mut()?;
    session.stream(stream).is_some().then_some(session)
}
