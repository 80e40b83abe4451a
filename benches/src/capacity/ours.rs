//! Our client, as an application uses it: an engine with one shard, a thread that pushes, one queue of events.

use super::messages::{STAMP_BYTES, audio};
use super::pace::{Progress, Schedule};
use super::roles::{DOMAIN, Job, OUTPUT_URI, SUBSCRIPTION, session_id};
use super::{Measured, Pace, RATE_HZ, Spec, quantiles, usage};
use ossicle_audio::{Format, FrontEndConfig, Layout, SampleType, Tap};
use ossicle_core::{Endpoint, EngineConfig, Event, Overflow, SessionConfig};
use ossicle_model::stream::Configuration;
use ossicle_sigv4::Credentials;
use ossicle_tokio::net::{Alpn, NetConfig, TlsConfig};
use ossicle_tokio::{
    AudioInput, Delivery, Engine, EngineOptions, EventQueue, OpenError, Session, StaticKeys,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A dummy.
pub const KEY_ID: &str = "AKIDEXAMPLE";
/// A dummy.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The source looks at what is due this often, as the callbacks of an audio device would come.
const SOURCE_TICK: Duration = Duration::from_millis(10);
/// As above, where chunks carry the time of their push.
const SOURCE_TICK_LATENCY: Duration = Duration::from_millis(1);
/// A session's ring: 500 ms of samples, and the block with the two indices, each on cache lines of its own.
pub const RING_BYTES: u64 = 16_000 + 512;
const RING_MS: u32 = 500;
/// The sink counts the latency of a stream's chunks from this one on.
const LATENCY_FROM_CHUNK: u32 = 20;
/// Longest wait for all sessions to open.
const OPENING_MAX: Duration = Duration::from_secs(60);

/// Sessions of ours with their taps.
#[derive(Debug)]
pub struct Sessions {
    /// The engine.
    pub engine: Engine,
    /// Its one queue.
    pub queue: EventQueue,
    /// The handles.
    pub sessions: Vec<Session>,
    /// Their taps.
    pub taps: Vec<Tap>,
}

/// The audio that a session is given.
#[must_use]
pub fn input(ring_ms: u32) -> AudioInput {
    let format = Format::new(SampleType::S16, Layout::Interleaved, RATE_HZ, 1).expect("a format");
    let mut input = AudioInput::new(format);
    input.ring_ms = ring_ms;
    input.front_end = FrontEndConfig { check_rate: false, ..FrontEndConfig::default() };
    input
}

/// Options for the sink.
#[must_use]
pub fn options(job: &Job) -> EngineOptions {
    let endpoint = Endpoint { tls: true, host: "localhost".into(), port: job.address.port };
    let mut core = EngineConfig::new(endpoint, "us-east-1");
    // One more than the run has, for a test that adds its own.
    core.sessions_max = job.spec.sessions + 1;
    core.streams_per_connection = job.spec.streams_per_connection;
    // A second of audio is in flight in each.
    core.held_bytes_max = core.held_bytes_max.max(u64::from(job.spec.sessions) * 128 * 1024);
    let tls =
        TlsConfig::new(Alpn::Http2, Some(job.address.ca_pem.as_bytes())).expect("the sink's certificate");
    let mut options = EngineOptions::new(core, NetConfig::new(tls));
    options.keys = Arc::new(StaticKeys::new(Credentials::new(KEY_ID, SECRET, None, None)));
    options.shards = job.spec.shards;
    options
}

/// Settings of a session of the run.
#[must_use]
pub fn session_config(index: u32, spec: &Spec) -> SessionConfig {
    let (domain, subscription) =
        (DOMAIN.parse().expect("a domain"), SUBSCRIPTION.parse().expect("a subscription"));
    let configuration = Configuration::history_and_physical(OUTPUT_URI);
    let mut config = SessionConfig::new(session_id(index), domain, subscription, configuration);
    config.chunk_ms = spec.chunk_ms;
    // Sessions wait for each other before audio begins.
    config.keep_alive_ms = 0;
    if spec.pace == Pace::Free {
        config.pace = f32::INFINITY;
        config.overflow = Overflow::Wait;
    }
    config
}

/// Opens all sessions and waits until each is open.
#[must_use]
pub fn open(job: &Job) -> Sessions {
    let spec = &job.spec;
    let engine = Engine::start(options(job)).expect("an engine");
    let queue = EventQueue::new(spec.sessions as usize * 64, None);
    let mut sessions = Sessions { engine, queue, sessions: Vec::new(), taps: Vec::new() };
    let input = input(RING_MS);
    for index in 0..spec.sessions {
        sessions.begin(session_config(index, spec), &input);
    }
    sessions.until_open(spec.sessions);
    sessions
}

impl Sessions {
    /// Opens one more; [`Sessions::until_open`] waits for it.
    pub fn begin(&mut self, config: SessionConfig, input: &AudioInput) {
        let (session, tap) = loop {
            match self.engine.open_into(self.queue.clone(), config.clone(), input) {
                Ok(opened) => break opened,
                Err(OpenError::Busy) => std::thread::sleep(Duration::from_millis(1)),
                Err(error) => panic!("a session was not opened: {error}"),
            }
        };
        self.sessions.push(session);
        self.taps.push(tap);
    }

    /// Waits for as many sessions to say that they are open.
    pub fn until_open(&self, sessions: u32) {
        let mut opened = 0;
        let until = Instant::now() + OPENING_MAX;
        while opened < sessions {
            let left = until.saturating_duration_since(Instant::now());
            match self.queue.poll(left) {
                Some(Delivery::Event(_, Event::Opened { .. })) => opened += 1,
                Some(Delivery::Event(_, Event::Closed(report))) => panic!("closed: {:?}", report.failure),
                Some(_) => {}
                None => panic!("{opened} of {sessions} sessions are open after {OPENING_MAX:?}"),
            }
        }
    }
}

/// Runs a client of ours.
pub async fn run(job: &Job) -> Measured {
    let spec = job.spec.clone();
    let rss_base = usage::rss_bytes();
    let begin = Instant::now();
    let Sessions { engine, queue, sessions, taps } = open(job);
    let opening_s = begin.elapsed().as_secs_f64();
    let progress = Arc::new(Progress::default());
    let source_us = Arc::new(AtomicU64::new(0));
    let source = Source {
        spec: spec.clone(),
        taps,
        queue,
        progress: Arc::clone(&progress),
        cpu_us: Arc::clone(&source_us),
        audio: audio(spec.chunk_bytes()),
    };
    let ticker = spec.latency.then(|| Ticker::start(&progress));
    let schedule_for = Arc::clone(&progress);
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        // The thread begins with the schedule of the run.
        let schedule = runtime.block_on(schedule_for.started());
        source.run(schedule);
    });
    let mut measured = progress.measure(&spec, || source_us.load(Ordering::Relaxed)).await;
    for session in &sessions {
        let stats = session.stats().await.expect("a session that lives");
        measured.dropped_frames += stats.ledger.dropped();
        measured.signature_age_ms_max = measured.signature_age_ms_max.max(stats.signature_age_ms_max);
    }
    let rings = u64::from(spec.sessions) * RING_BYTES;
    measured.audio_bytes = engine.stats().await.held_memory_bytes + rings;
    drop(engine);
    let ticker_us = ticker.and_then(|ticker| ticker.delays(&spec));
    Measured { rss_base, opening_s, ticker_us, ..measured }
}

/// A bare ticker, beside the engine: what no engine that works by a tick can be better than on this machine.
struct Ticker {
    schedule: std::sync::mpsc::Receiver<Schedule>,
    wakes: Arc<Mutex<Vec<Instant>>>,
}

impl Ticker {
    const TICK: Duration = Duration::from_millis(10);

    fn start(progress: &Arc<Progress>) -> Self {
        let (told, schedule) = std::sync::mpsc::channel();
        let wakes = Arc::new(Mutex::new(Vec::new()));
        let (into, progress) = (Arc::clone(&wakes), Arc::clone(progress));
        let runtime = tokio::runtime::Handle::current();
        std::thread::spawn(move || {
            let start = runtime.block_on(progress.started());
            // Who measures is there until the process ends.
            let _ = told.send(start);
            let mut wake = Instant::now();
            loop {
                wake += Self::TICK;
                std::thread::sleep(wake.saturating_duration_since(Instant::now()));
                into.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
            }
        });
        Self { schedule, wakes }
    }

    /// How long each chunk had to wait for the ticker, from when it was complete.
    fn delays(&self, spec: &Spec) -> Option<[u64; 4]> {
        let schedule = self.schedule.try_recv().ok()?;
        let wakes = std::mem::take(&mut *self.wakes.lock().unwrap_or_else(PoisonError::into_inner));
        let end = *wakes.last()?;
        let mut delays = Vec::new();
        for chunk in LATENCY_FROM_CHUNK.. {
            if schedule.complete(0, chunk) >= end {
                break;
            }
            for session in 0..spec.sessions {
                let complete = schedule.complete(session, chunk);
                let next = wakes.partition_point(|wake| *wake < complete);
                if let Some(wake) = wakes.get(next) {
                    delays.push(u32::try_from((*wake - complete).as_micros()).unwrap_or(u32::MAX));
                }
            }
        }
        quantiles(delays)
    }
}

/// The thread that stands for the application: pushes audio and takes events.
struct Source {
    spec: Spec,
    taps: Vec<Tap>,
    queue: EventQueue,
    progress: Arc<Progress>,
    cpu_us: Arc<AtomicU64>,
    audio: Vec<u8>,
}

impl Source {
    fn run(mut self, schedule: Schedule) {
        match self.spec.pace {
            Pace::RealTime => self.run_in_time(schedule),
            Pace::Free => self.run_free(),
        }
    }

    fn push(&mut self, session: usize) {
        if self.spec.latency {
            self.audio[..STAMP_BYTES].copy_from_slice(&usage::now_ns().to_le_bytes());
        }
        // What a full ring does not take is counted by the session.
        let _ = self.taps[session].push_bytes(&self.audio, None);
        self.progress.chunk();
    }

    fn run_in_time(&mut self, schedule: Schedule) {
        let tick = if self.spec.latency { SOURCE_TICK_LATENCY } else { SOURCE_TICK };
        let mut wake = Instant::now();
        let (mut session, mut chunk) = (0, 0);
        loop {
            let now = Instant::now();
            while schedule.complete(session, chunk) <= now {
                self.push(session as usize);
                session += 1;
                if session == self.spec.sessions {
                    session = 0;
                    chunk += 1;
                }
            }
            self.take_events();
            wake += tick;
            std::thread::sleep(wake.saturating_duration_since(Instant::now()));
        }
    }

    fn run_free(&mut self) {
        let frames = self.spec.chunk_bytes() / 2;
        loop {
            let mut pushed = false;
            for session in 0..self.taps.len() {
                while self.taps[session].free_frames() >= frames {
                    self.push(session);
                    pushed = true;
                }
            }
            self.take_events();
            if !pushed {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn take_events(&self) {
        while self.queue.try_next().is_some() {}
        self.cpu_us.store(usage::thread().cpu_us, Ordering::Relaxed);
    }
}
