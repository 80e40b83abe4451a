//! The engine as an application holds it: shards, and the sessions that are spread over them.

use crate::keys::{KeyProvider, StaticKeys};
use crate::limits::JOIN_DEADLINE;
use crate::net::NetConfig;
use crate::queue::EventQueue;
use crate::session::Session;
use crate::shard::{self, Running, STATES, ShardLink, ShardSetup, ShardStats, ToShard};
use ossicle_audio::{Format, FormatError, FrontEnd, FrontEndConfig, FrontEndError, Tap, tap};
use ossicle_core::io::{Command, SessionKey};
use ossicle_core::{EngineConfig, SessionConfig, SessionSetup};
use ossicle_sigv4::Credentials;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What an engine is started with.
#[derive(Clone)]
#[non_exhaustive]
pub struct EngineOptions {
    /// The engine's settings. `sessions_max` and `held_bytes_max` are for all shards together.
    pub core: EngineConfig,
    /// Threads that carry sessions, 1 to 64. Default 1: one carries thousands of PCM sessions.
    pub shards: u32,
    /// Trust, proxy and deadlines.
    pub net: NetConfig,
    /// Where keys come from. Default: nowhere, until [`Engine::set_keys`].
    pub keys: Arc<dyn KeyProvider>,
}

impl EngineOptions {
    /// One shard, and no keys yet.
    #[must_use]
    pub fn new(core: EngineConfig, net: NetConfig) -> Self {
        Self { core, shards: 1, net, keys: Arc::new(StaticKeys::none()) }
    }
}

impl std::fmt::Debug for EngineOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineOptions")
            .field("core", &self.core)
            .field("shards", &self.shards)
            .field("net", &self.net)
            .finish_non_exhaustive()
    }
}

/// Why an engine did not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A number is outside of its range.
    #[error("{name} must be {least} to {most}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its least value.
        least: u32,
        /// Its greatest value.
        most: u32,
    },
    /// The region is no name that a signature could carry.
    #[error("the region is not valid: use a name such as us-east-1")]
    Region,
    /// The endpoint has no host, or its port is 0.
    #[error("the endpoint has no host or no port: write it as https://host:port")]
    Endpoint,
    /// Cleartext to another machine.
    #[error("an endpoint without TLS is allowed on this machine only: use https")]
    Cleartext,
    /// The system gave no thread or no event queue.
    #[error("the system gives no more threads or descriptors: raise its limits or start fewer shards")]
    Thread,
}

/// Why a session was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The format or the ring cannot be used.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// What the wire should carry does not fit the taps.
    #[error(transparent)]
    FrontEnd(#[from] FrontEndError),
    /// The engine has as many sessions as it may have.
    #[error("the engine has {max} sessions, as many as it may have: raise sessions_max")]
    SessionsMax {
        /// That many.
        max: u32,
    },
    /// Commands come faster than they can be taken.
    #[error("too many commands are waiting: open sessions at a slower pace")]
    Busy,
    /// The engine is shut down.
    #[error("the engine is shut down: start another one")]
    Stopped,
}

/// Where a session's audio comes from, and what the wire carries of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioInput {
    /// The format that is pushed.
    pub format: Format,
    /// Audio that the ring between `push` and the shard can take, 50 to 60,000 ms. Default 500: many times the tick.
    pub ring_ms: u32,
    /// What the wire carries.
    pub front_end: FrontEndConfig,
}

impl AudioInput {
    /// 16 kHz mono on the wire, whatever is pushed.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { format, ring_ms: 500, front_end: FrontEndConfig::default() }
    }
}

/// Counts over all shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineStats {
    /// Connections, made or on the way.
    pub connections: usize,
    /// Request streams.
    pub streams: usize,
    /// Sessions that wait for their first answer.
    pub opening: usize,
    /// Sessions that send.
    pub streaming: usize,
    /// Sessions that come back after a loss.
    pub recovering: usize,
    /// Sessions that send what is left before a pause or the end.
    pub draining: usize,
    /// Sessions that rest.
    pub paused: usize,
    /// Bytes that held audio takes, with the room that is kept for more.
    pub held_memory_bytes: u64,
}

impl EngineStats {
    /// All live sessions.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.opening + self.streaming + self.recovering + self.draining + self.paused
    }

    fn add(&mut self, shard: ShardStats) {
        self.connections += shard.connections;
        self.streams += shard.streams;
        self.held_memory_bytes += shard.held_memory_bytes;
        let [opening, streaming, recovering, draining, paused, _] = shard.sessions;
        self.opening += opening;
        self.streaming += streaming;
        self.recovering += recovering;
        self.draining += draining;
        self.paused += paused;
    }
}

const _: () = assert!(STATES == 6, "EngineStats counts every state");

/// An engine. Clones are the same one; its threads end with the last of them and of its sessions.
///
/// Every method may be called from any thread, but none from an audio callback. All return at once, unless they
/// say otherwise.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    links: Vec<Arc<ShardLink>>,
    running: Mutex<Vec<Running>>,
    sessions_max: u32,
    next_key: AtomicU64,
    stopped: AtomicBool,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({} shards)", self.shared.links.len())
    }
}

impl Engine {
    /// Starts the shards' threads. Connects nowhere yet.
    ///
    /// # Errors
    /// [`StartError`] says what is wrong with the options.
    pub fn start(options: EngineOptions) -> Result<Self, StartError> {
        check(&options)?;
        let shards = options.shards as usize;
        let mut running = Vec::with_capacity(shards);
        for index in 0..shards {
            let mut config = options.core.clone();
            config.held_bytes_max /= shards as u64;
            // Shards must not step in time with each other when all of them come back at once.
            config.seed = config.seed.wrapping_add(index as u64 + 1);
            let (net, keys) = (options.net.clone(), Arc::clone(&options.keys));
            running
                .push(shard::start(ShardSetup { config, net, keys, index }).map_err(|_| StartError::Thread)?);
        }
        Ok(Self {
            shared: Arc::new(Shared {
                links: running.iter().map(|shard: &Running| Arc::clone(&shard.link)).collect(),
                running: Mutex::new(running),
                sessions_max: options.core.sessions_max,
                next_key: AtomicU64::new(1),
                stopped: AtomicBool::new(false),
            }),
        })
    }

    /// Opens a session with one tap and a queue of its own. What becomes of it is told by events.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was begun then.
    pub fn open(&self, config: SessionConfig, input: &AudioInput) -> Result<(Session, Tap), OpenError> {
        self.open_into(EventQueue::default(), config, input)
    }

    /// As [`Engine::open`], with a queue that other sessions may share.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_into(
        &self,
        queue: EventQueue,
        config: SessionConfig,
        input: &AudioInput,
    ) -> Result<(Session, Tap), OpenError> {
        let (tap, reader) = tap(input.format, input.ring_ms)?;
        let front_end = FrontEnd::new(input.front_end.clone(), vec![reader])?;
        let session = self.begin(queue, SessionSetup { config, front_end })?;
        Ok((session, tap))
    }

    /// Opens a session with two taps: the clinician's microphone first, the patient's second. Each has the input's
    /// format; the front end's map must be the stereo one.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub fn open_two_taps(
        &self,
        queue: EventQueue,
        config: SessionConfig,
        input: &AudioInput,
    ) -> Result<(Session, Tap, Tap), OpenError> {
        let (first, first_reader) = tap(input.format, input.ring_ms)?;
        let (second, second_reader) = tap(input.format, input.ring_ms)?;
        let front_end = FrontEnd::new(input.front_end.clone(), vec![first_reader, second_reader])?;
        let session = self.begin(queue, SessionSetup { config, front_end })?;
        Ok((session, first, second))
    }

    fn begin(&self, queue: EventQueue, setup: SessionSetup) -> Result<Session, OpenError> {
        let shared = &self.shared;
        if shared.stopped.load(Ordering::Acquire) {
            return Err(OpenError::Stopped);
        }
        let max = shared.sessions_max;
        let total: usize = shared.links.iter().map(|link| link.sessions()).sum();
        if total >= max as usize {
            return Err(OpenError::SessionsMax { max });
        }
        // The one with the fewest sessions; a session stays where it begins.
        let fewest = shared.links.iter().filter(|link| !link.is_dead()).min_by_key(|link| link.sessions());
        let link = fewest.ok_or(OpenError::Stopped)?;
        if !link.take_place(max as usize) {
            return Err(OpenError::SessionsMax { max });
        }
        let key = SessionKey(shared.next_key.fetch_add(1, Ordering::Relaxed));
        let open = ToShard::Open { key, setup: Box::new(setup), queue: queue.clone() };
        if !link.command(open) {
            link.session_ended();
            return Err(if link.is_dead() { OpenError::Stopped } else { OpenError::Busy });
        }
        Ok(Session::new(key, Arc::clone(link), queue, self.clone()))
    }

    /// Keys to use from now on, beside what the provider gives: each stream keeps the keys that it began with.
    pub fn set_keys(&self, credentials: &Credentials) {
        for link in &self.shared.links {
            link.send(ToShard::PushedKeys(credentials.clone()));
        }
    }

    /// A hint that the network may have changed: waits end, and every connection is probed.
    pub fn network_changed(&self) {
        for link in &self.shared.links {
            link.command(ToShard::Command(Command::NetworkChanged));
        }
    }

    /// What the engine has now. Waits for each shard's next turn.
    pub async fn stats(&self) -> EngineStats {
        let mut stats = EngineStats::default();
        for link in &self.shared.links {
            let (tell, told) = tokio::sync::oneshot::channel();
            link.send(ToShard::AllStats(Box::new(move |shard| {
                // Who asked may have gone.
                let _ = tell.send(shard);
            })));
            if let Ok(shard) = told.await {
                stats.add(shard);
            }
        }
        stats
    }

    /// Pauses every session, waits up to `deadline` until each is paused or closed, then ends the threads. No
    /// END_OF_SESSION is sent: a paused session can be resumed elsewhere by its id. True when all were done in time.
    ///
    /// Must run inside a tokio runtime with time.
    pub async fn shutdown(&self, deadline: Duration) -> bool {
        let engine = self.clone();
        let done = tokio::task::spawn_blocking(move || engine.shutdown_blocking(deadline)).await;
        done.unwrap_or(false)
    }

    /// As [`Engine::shutdown`]; blocks.
    #[must_use]
    pub fn shutdown_blocking(&self, deadline: Duration) -> bool {
        self.shared.stopped.store(true, Ordering::Release);
        let until = Instant::now() + deadline;
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let mut waiting = 0usize;
        for link in &self.shared.links {
            let tell = tell.clone();
            let done = Box::new(move || {
                // Who waits may have given up.
                let _ = tell.send(());
            });
            waiting += usize::from(link.send(ToShard::Drain(done)));
        }
        drop(tell);
        let mut in_time = true;
        for _ in 0..waiting {
            let left = until.saturating_duration_since(Instant::now());
            in_time &= told.recv_timeout(left).is_ok();
        }
        self.shared.stop(JOIN_DEADLINE);
        in_time
    }
}

impl Shared {
    /// Ends the threads and waits for them, but not for longer than `deadline`.
    fn stop(&self, deadline: Duration) {
        self.stopped.store(true, Ordering::Release);
        let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        for shard in &running {
            shard.link.send(ToShard::Stop);
        }
        let until = Instant::now() + deadline;
        for shard in running {
            // A session's last handle may be dropped on its own shard, which cannot wait for itself.
            if shard.thread.thread().id() == std::thread::current().id() {
                continue;
            }
            let left = until.saturating_duration_since(Instant::now());
            // The thread drops its end when it is done, which is the only way this ends early.
            if shard.ended.recv_timeout(left) == Err(std::sync::mpsc::RecvTimeoutError::Disconnected) {
                let _ = shard.thread.join();
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop(JOIN_DEADLINE);
    }
}

fn check(options: &EngineOptions) -> Result<(), StartError> {
    let core = &options.core;
    let ranges = [
        ("shards", options.shards, 1, 64),
        ("sessions_max", core.sessions_max, 1, ossicle_core::limits::SESSIONS_MAX),
        ("tick_ms", core.tick_ms, 1, 100),
        ("streams_per_connection", core.streams_per_connection, 1, 1_000),
        ("ping_interval_ms", core.ping_interval_ms, 100, 60_000),
    ];
    for (name, value, least, most) in ranges {
        if !(least..=most).contains(&value) {
            return Err(StartError::Setting { name, least, most });
        }
    }
    if core.endpoint.host.is_empty() || core.endpoint.port == 0 {
        return Err(StartError::Endpoint);
    }
    if !core.endpoint.tls && !crate::net::is_loopback(&core.endpoint.host) {
        return Err(StartError::Cleartext);
    }
    // Thrown away: an engine lives on its shard's thread. This finds out whether the region can be signed for.
    ossicle_core::Engine::new(core.clone()).map_err(|_| StartError::Region)?;
    Ok(())
}

#[cfg(test)]
mod tests;
