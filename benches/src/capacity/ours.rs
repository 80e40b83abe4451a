//! Our client, as an application uses it: an engine with one shard, a thread that pushes, one queue of events.

use super::messages::{STAMP_BYTES, audio};
use super::pace::{Progress, Schedule};
use super::roles::{DOMAIN, Job, OUTPUT_URI, SUBSCRIPTION, session_id};
use super::{Measured, Pace, RATE_HZ, Spec, usage};
use ossicle_audio::{Format, FrontEndConfig, Layout, SampleType, Tap};
use ossicle_core::{Endpoint, EngineConfig, Event, Overflow, SessionConfig};
use ossicle_model::stream::Configuration;
use ossicle_sigv4::Credentials;
use ossicle_tokio::net::{Alpn, NetConfig, TlsConfig};
use ossicle_tokio::{
    AudioInput, Delivery, Engine, EngineOptions, EventQueue, OpenError, Session, StaticKeys,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A dummy.
pub const KEY_ID: &str = "AKIDEXAMPLE";
/// A dummy.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The source looks at what is due this often, as the callbacks of an audio device would come.
const SOURCE_TICK: Duration = Duration::from_millis(10);
/// As above, where chunks carry the time of their push.
const SOURCE_TICK_LATENCY: Duration = Duration::from_millis(1);
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
    core.sessions_max = job.spec.sessions.max(1);
    core.streams_per_connection = job.spec.streams_per_connection;
    // A second of audio is in flight in each.
    core.held_bytes_max = core.held_bytes_max.max(u64::from(job.spec.sessions) * 128 * 1024);
    let tls =
        TlsConfig::new(Alpn::Http2, Some(job.address.ca_pem.as_bytes())).expect("the sink's certificate");
    let mut options = EngineOptions::new(core, NetConfig::new(tls));
    options.keys = Arc::new(StaticKeys::new(Credentials::new(KEY_ID, SECRET, None, None)));
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
    let input = input(500);
    let (mut sessions, mut taps) = (Vec::new(), Vec::new());
    for index in 0..spec.sessions {
        let (session, tap) = loop {
            match engine.open_into(queue.clone(), session_config(index, spec), &input) {
                Ok(opened) => break opened,
                Err(OpenError::Busy) => std::thread::sleep(Duration::from_millis(1)),
                Err(error) => panic!("session {index} was not opened: {error}"),
            }
        };
        sessions.push(session);
        taps.push(tap);
    }
    let mut opened = 0;
    let until = Instant::now() + OPENING_MAX;
    while opened < spec.sessions {
        let left = until.saturating_duration_since(Instant::now());
        match queue.poll(left) {
            Some(Delivery::Event(_, Event::Opened { .. })) => opened += 1,
            Some(Delivery::Event(_, Event::Closed(report))) => panic!("closed: {:?}", report.failure),
            Some(_) => {}
            None => panic!("{opened} of {} sessions are open after {OPENING_MAX:?}", spec.sessions),
        }
    }
    Sessions { engine, queue, sessions, taps }
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
    drop(engine);
    Measured { rss_base, opening_s, ..measured }
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
