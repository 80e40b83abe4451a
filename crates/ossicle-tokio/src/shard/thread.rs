//! A shard's thread, and the way to it.

use super::ready::ReadyList;
use super::slots::Slots;
use super::{Clocks, Shard};
use crate::keys::KeyProvider;
use crate::limits::{BLOCKING_THREADS_MAX, COMMANDS_QUEUED_MAX};
use crate::net::{ConnectError, NetConfig, Stream, Target};
use crate::queue::EventQueue;
use ossicle_core::io::{Command, ConnId, KeysFailure, SessionKey};
use ossicle_core::{Engine, EngineConfig, Mono, SessionSetup, State, Stats};
use ossicle_sigv4::Credentials;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Instant;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Takes the answer to a question.
pub(crate) type Tell<T> = Box<dyn FnOnce(T) + Send>;

/// What a shard is sent.
pub(crate) enum ToShard {
    Open {
        key: SessionKey,
        setup: Box<SessionSetup>,
        queue: EventQueue,
    },
    Command(Command),
    /// As a command, but never refused: one for each session at most.
    Abort(SessionKey),
    Forget(SessionKey),
    Stats(SessionKey, Tell<Option<Stats>>),
    AllStats(Tell<ShardStats>),
    Connected(ConnId, Result<Stream, ConnectError>),
    Keys(Credentials),
    KeysFailed(KeysFailure),
    PushedKeys(Credentials),
    /// Pauses all sessions; tells when each is paused or closed.
    Drain(Tell0),
    Stop,
    #[cfg(test)]
    Panic,
}

/// Takes the news that something is done.
pub(crate) type Tell0 = Box<dyn FnOnce() + Send>;

/// A count of what a shard has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ShardStats {
    pub(crate) connections: usize,
    pub(crate) streams: usize,
    /// Sessions, by [`state_index`].
    pub(crate) sessions: [usize; STATES],
    pub(crate) held_memory_bytes: u64,
}

pub(crate) const STATES: usize = 6;

/// Where a state is counted.
pub(crate) fn state_index(state: State) -> usize {
    match state {
        State::Opening => 0,
        State::Streaming => 1,
        State::Recovering => 2,
        State::Draining => 3,
        State::Paused => 4,
        // Closed, and what a later engine may add.
        _ => 5,
    }
}

/// The way to a shard, from any thread.
pub(crate) struct ShardLink {
    to: UnboundedSender<ToShard>,
    /// Commands under way.
    queued: AtomicUsize,
    sessions: AtomicUsize,
    dead: AtomicBool,
}

impl ShardLink {
    /// Sends what must arrive.
    pub(crate) fn send(&self, message: ToShard) -> bool {
        self.to.send(message).is_ok()
    }

    /// Sends a command, if not too many are waiting. False when it cannot be taken.
    pub(crate) fn command(&self, message: ToShard) -> bool {
        if self.queued.fetch_add(1, Ordering::Relaxed) >= COMMANDS_QUEUED_MAX || !self.send(message) {
            self.took_command();
            return false;
        }
        true
    }

    pub(crate) fn took_command(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }

    /// Sessions that live here.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Takes a place, if the shard lives and has fewer than `most`.
    pub(crate) fn take_place(&self, most: usize) -> bool {
        let taken = self.sessions.fetch_update(Ordering::AcqRel, Ordering::Acquire, |sessions| {
            (sessions < most).then_some(sessions + 1)
        });
        taken.is_ok() && !self.is_dead()
    }

    pub(crate) fn session_ended(&self) {
        self.sessions.fetch_sub(1, Ordering::AcqRel);
    }

    pub(crate) fn die(&self) {
        self.dead.store(true, Ordering::Release);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire) || self.to.is_closed()
    }
}

/// What a shard begins with.
pub(crate) struct ShardSetup {
    pub(crate) config: EngineConfig,
    pub(crate) net: NetConfig,
    pub(crate) keys: Arc<dyn KeyProvider>,
    pub(crate) index: usize,
}

/// A running shard.
pub(crate) struct Running {
    pub(crate) link: Arc<ShardLink>,
    pub(crate) thread: std::thread::JoinHandle<()>,
    /// Told, by being dropped on the other side, when the thread is about to end.
    pub(crate) ended: std::sync::mpsc::Receiver<()>,
}

/// Starts a shard.
///
/// # Errors
/// The system's, if it gives no thread or no event queue.
pub(crate) fn start(setup: ShardSetup) -> std::io::Result<Running> {
    let (to, inbox) = unbounded_channel();
    let link = Arc::new(ShardLink {
        to,
        queued: AtomicUsize::new(0),
        sessions: AtomicUsize::new(0),
        dead: AtomicBool::new(false),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("ossicle-resolve")
        .build()?;
    let (ending, ended) = std::sync::mpsc::channel::<()>();
    let link_of_thread = Arc::clone(&link);
    let thread = std::thread::Builder::new().name(format!("ossicle-{}", setup.index)).spawn(move || {
        let _ending = ending;
        // The engine must be made here: its parts are shared without locks.
        let Ok(engine) = Engine::new(setup.config.clone()) else {
            return link_of_thread.die();
        };
        let shard = runtime.block_on(async { make(setup, engine, link_of_thread, inbox) });
        run(&runtime, shard);
        // A look-up that hangs must not hold up the end.
        runtime.shutdown_background();
    })?;
    Ok(Running { link, thread, ended })
}

fn make(
    setup: ShardSetup,
    engine: Engine,
    link: Arc<ShardLink>,
    inbox: tokio::sync::mpsc::UnboundedReceiver<ToShard>,
) -> Shard {
    let clocks = Clocks { start: Instant::now() };
    Shard {
        engine,
        clocks,
        now: clocks.now(),
        target: Target::from(&setup.config.endpoint),
        config: setup.config,
        net: setup.net,
        keys: setup.keys,
        link,
        inbox,
        ready: ReadyList::default(),
        conns: Slots::new(),
        conn_slots: HashMap::new(),
        streams: Slots::new(),
        stream_slots: HashMap::new(),
        sessions: HashMap::new(),
        last_words: None,
        out: Shard::new_buffer(),
        spares: crate::wire::Spares::default(),
        unsettled: Vec::new(),
        touched: Vec::new(),
        round: Vec::new(),
        later: VecDeque::new(),
        wake_at: None,
        timer: Box::pin(tokio::time::sleep_until(clocks.instant(Mono(0)))),
        drained: Vec::new(),
        pushed_keys: false,
        stopping: false,
        #[cfg(feature = "metrics")]
        sampler: crate::metrics::Sampler::new(setup.index),
    }
}

fn run(runtime: &tokio::runtime::Runtime, mut shard: Shard) {
    let turns = std::future::poll_fn(|cx| {
        // Nothing of the shard is used after a panic but to tell its sessions.
        match catch_unwind(AssertUnwindSafe(|| shard.poll(cx))) {
            Ok(poll) => poll,
            Err(_) => {
                shard.died();
                Poll::Ready(())
            }
        }
    });
    // The shard bounds its own turns. Tokio's budget would make sockets look blocked in the middle of one.
    runtime.block_on(tokio::task::coop::unconstrained(turns));
    drop(catch_unwind(AssertUnwindSafe(move || drop(shard))));
}

impl Shard {
    pub(super) fn stats(&mut self) -> ShardStats {
        let mut stats = ShardStats {
            connections: self.conns.len(),
            streams: self.streams.len(),
            sessions: [0; STATES],
            held_memory_bytes: self.engine.held_memory_bytes(),
        };
        for key in self.sessions.keys() {
            if let Some(session) = self.engine.stats(*key) {
                stats.sessions[state_index(session.state)] += 1;
            }
        }
        stats
    }
}
