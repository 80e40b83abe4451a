//! A shard: one thread, one runtime, one engine.
//!
//! It waits for a socket, a command or the tick, makes each into an input, and performs what the engine puts out. A
//! turn takes everything in, then gives each connection that has something to say to the socket, once. No decision
//! about sessions is made here.

mod conn;
mod link;
mod outputs;
mod ready;
mod slots;
mod stream;
mod thread;

#[cfg(feature = "metrics")]
pub(crate) use thread::state_index;
pub(crate) use thread::{Running, STATES, ShardLink, ShardSetup, ShardStats, ToShard, start};

use crate::keys::KeyProvider;
use crate::limits::{CHUNK_BLOCK_BYTES, COMMANDS_PER_ROUND_MAX, ROUNDS_PER_TURN_MAX};
use crate::net::{NetConfig, Target};
use crate::queue::EventQueue;
use crate::wire::Spares;
use bytes::BytesMut;
use conn::{Conn, Loss};
use ossicle_core::io::{Command, ConnId, Input, SessionKey, StreamEnd, StreamId};
use ossicle_core::{Engine, EngineConfig, Mono, Now, Report, UnixMillis};
use ready::ReadyList;
use slots::Slots;
use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Sleep;

/// Both clocks.
#[derive(Debug, Clone, Copy)]
struct Clocks {
    start: Instant,
}

impl Clocks {
    fn now(self) -> Now {
        let mono = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Now { mono: Mono(mono), wall: UnixMillis(i64::try_from(wall).unwrap_or(i64::MAX)) }
    }

    fn instant(self, mono: Mono) -> tokio::time::Instant {
        (self.start + std::time::Duration::from_nanos(mono.0)).into()
    }
}

/// A session as the driver knows it.
struct Live {
    queue: EventQueue,
    /// For the report of a session whose engine is gone.
    session_id: String,
    rate_hz: u32,
    channels: u8,
    /// Paused or about to be closed: a drain need not wait for it.
    settled: bool,
}

/// What became known while outputs were performed, and is told to the engine after them.
enum Later {
    Lost(ConnId, Loss),
    Ended(StreamId, StreamEnd),
}

/// The state of a shard's thread.
struct Shard {
    engine: Engine,
    clocks: Clocks,
    now: Now,
    config: EngineConfig,
    target: Target,
    net: NetConfig,
    keys: Arc<dyn KeyProvider>,
    link: Arc<ShardLink>,
    inbox: UnboundedReceiver<ToShard>,
    ready: ReadyList,
    conns: Slots<Conn>,
    conn_slots: HashMap<ConnId, u32>,
    streams: Slots<stream::Stream>,
    stream_slots: HashMap<StreamId, u32>,
    sessions: HashMap<SessionKey, Live>,
    /// The shape of a report, should the engine die.
    last_words: Option<Report>,
    out: BytesMut,
    spares: Spares,
    /// Streams whose credit may have changed in this turn.
    unsettled: Vec<u32>,
    /// Connections to flush at the end of this turn.
    touched: Vec<u32>,
    /// Scratch for the lists of a round.
    round: Vec<u32>,
    later: VecDeque<Later>,
    wake_at: Option<Mono>,
    timer: Pin<Box<Sleep>>,
    /// Told when every session is paused or closed.
    drained: Vec<Box<dyn FnOnce() + Send>>,
    pushed_keys: bool,
    stopping: bool,
    #[cfg(feature = "metrics")]
    sampler: crate::metrics::Sampler,
}

/// What the wait for the next turn ended with.
enum Turn {
    Wait,
    Again,
    Stop,
}

impl Shard {
    /// Turns, until something has to be waited for.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.turn(cx) {
                Turn::Stop => return Poll::Ready(()),
                Turn::Again => {
                    // Sockets and timers get their turn.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Turn::Wait => {}
            }
            if self.timer_is_due(cx) {
                continue;
            }
            if self.ready.park(cx.waker()) {
                return Poll::Pending;
            }
        }
    }

    /// Everything that can be done now.
    fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        for _ in 0..ROUNDS_PER_TURN_MAX {
            self.now = self.clocks.now();
            self.read_conns();
            self.read_streams();
            let more = self.take_messages(cx);
            if self.stopping {
                self.stop();
                return Turn::Stop;
            }
            self.tick_if_due();
            self.settle();
            self.write_conns();
            self.settle();
            if !more && self.ready.is_empty() && self.touched.is_empty() && !self.is_due() {
                return Turn::Wait;
            }
        }
        Turn::Again
    }

    fn is_due(&self) -> bool {
        self.wake_at.is_some_and(|at| at <= self.now.mono)
    }

    fn timer_is_due(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.wake_at else { return false };
        let at = self.clocks.instant(at);
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        self.timer.as_mut().poll(cx).is_ready()
    }

    fn tick_if_due(&mut self) {
        if !self.is_due() {
            return;
        }
        // The engine may only have stopped to let a turn's worth of writes go.
        self.drain();
        if !self.is_due() {
            return;
        }
        self.check_settings_deadlines();
        self.feed(Input::Tick);
        #[cfg(feature = "metrics")]
        self.sample();
    }

    /// Takes what the handles sent. True when more may be waiting.
    fn take_messages(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..COMMANDS_PER_ROUND_MAX {
            match self.inbox.poll_recv(cx) {
                Poll::Ready(Some(message)) => self.message(message),
                Poll::Ready(None) => {
                    self.stopping = true;
                    return false;
                }
                Poll::Pending => return false,
            }
            if self.stopping {
                return false;
            }
        }
        true
    }

    fn message(&mut self, message: ToShard) {
        match message {
            ToShard::Open { key, setup, queue } => {
                self.link.took_command();
                let live = Live {
                    queue,
                    session_id: setup.config.session_id.as_str().to_owned(),
                    rate_hz: setup.front_end.wire().rate_hz(),
                    channels: setup.front_end.wire().channels(),
                    settled: false,
                };
                self.sessions.insert(key, live);
                self.feed(Input::Command(Command::Open { session: key, setup }));
                if self.last_words.is_none() {
                    self.last_words = self.engine.report(key);
                }
            }
            ToShard::Command(command) => {
                self.link.took_command();
                self.feed(Input::Command(command));
            }
            ToShard::Abort(key) => self.feed(Input::Command(Command::Abort(key))),
            ToShard::Forget(key) => {
                self.feed(Input::Command(Command::Forget(key)));
                if let Some(live) = self.sessions.remove(&key) {
                    live.queue.forget(key);
                    self.link.session_ended();
                }
                self.tell_if_drained();
            }
            ToShard::Stats(key, tell) => tell(self.engine.stats(key)),
            ToShard::AllStats(tell) => {
                let stats = self.stats();
                tell(stats);
            }
            ToShard::Connected(id, result) => self.connected(id, result),
            ToShard::Keys(credentials) => self.feed(Input::Keys(credentials)),
            ToShard::KeysFailed(failure) => self.keys_failed(failure),
            ToShard::PushedKeys(credentials) => {
                self.pushed_keys = true;
                self.feed(Input::Keys(credentials));
            }
            ToShard::Drain(done) => {
                self.drained.push(done);
                let keys: Vec<_> = self.sessions.keys().copied().collect();
                for key in keys {
                    self.feed(Input::Command(Command::Pause(key)));
                }
                self.tell_if_drained();
            }
            ToShard::Stop => self.stopping = true,
            #[cfg(test)]
            ToShard::Panic => panic!("a planted bug"),
        }
    }

    /// The only way into the engine: one input, and everything that comes out of it.
    fn feed(&mut self, input: Input<'_>) {
        self.engine.handle(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.engine.poll(self.now, &mut self.out) {
                ossicle_core::Output::Sleep(at) => {
                    self.wake_at = at;
                    return;
                }
                output => self.perform(output),
            }
        }
    }

    /// Tells the engine what became known meanwhile, and what may be written, until nothing is new.
    fn settle(&mut self) {
        loop {
            if let Some(later) = self.later.pop_front() {
                match later {
                    Later::Lost(id, Loss { step, cause }) => {
                        self.feed(Input::ConnectionLost { conn: id, step, cause });
                    }
                    Later::Ended(stream, end) => self.feed(Input::StreamEnded { stream, end }),
                }
                continue;
            }
            let Some(slot) = self.unsettled.pop() else { return };
            self.tell_credit(slot);
        }
    }

    fn tell_credit(&mut self, slot: u32) {
        let Some(stream) = self.streams.get(slot) else { return };
        #[cfg(feature = "metrics")]
        if stream.begins_to_starve() {
            self.sampler.credit_stalled();
        }
        if let Some(bytes) = stream.credit() {
            let stream = stream.id;
            self.feed(Input::Credit { stream, bytes });
        }
    }

    fn tell_if_drained(&mut self) {
        if !self.drained.is_empty() && self.sessions.values().all(|live| live.settled) {
            self.drained.drain(..).for_each(|done| done());
        }
    }

    /// Ends every session where it is, and lets the peers know.
    fn stop(&mut self) {
        self.inbox.close();
        // What was sent before is answered.
        while let Ok(message) = self.inbox.try_recv() {
            self.message(message);
        }
        let keys: Vec<_> = self.sessions.keys().copied().collect();
        for key in keys {
            self.feed(Input::Command(Command::Abort(key)));
        }
        self.settle();
        self.write_conns();
        self.drained.drain(..).for_each(|done| done());
    }

    fn new_buffer() -> BytesMut {
        BytesMut::with_capacity(CHUNK_BLOCK_BYTES)
    }

    #[cfg(feature = "metrics")]
    fn sample(&mut self) {
        if !self.sampler.is_due(self.now.mono) {
            return;
        }
        let mut sample = crate::metrics::Sample::default();
        sample.counts.connections = self.conns.len();
        sample.counts.streams = self.streams.len();
        for key in self.sessions.keys() {
            if let Some(stats) = self.engine.stats(*key) {
                self.sampler.session(*key, &stats, &mut sample);
            }
        }
        self.sampler.publish(&sample);
    }
}
