//! What the tests over real sockets share: an emulator, an engine that trusts it, and a source whose every part can be
//! told from every other.
#![allow(unreachable_pub, dead_code, reason = "each test target uses its own part")]

pub mod proxy;

use ossicle_audio::{Format, FrontEndConfig, Layout, SampleType, Tap};
use ossicle_core::{Endpoint, EngineConfig, Event, Report, SessionConfig};
use ossicle_emulator::{Config, DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, Emulator, Identity, Transport};
use ossicle_model::ids::SessionUuid;
use ossicle_model::stream::Configuration;
use ossicle_sigv4::Credentials;
use ossicle_tokio::net::{Alpn, NetConfig, TlsConfig};
use ossicle_tokio::{AudioInput, Engine, EngineOptions, Session, StaticKeys};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Long enough for a busy machine; a test that comes near it has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const RATE_HZ: u32 = 16_000;

pub async fn emulator(config: Config) -> Emulator {
    Emulator::start(config).await.expect("an emulator")
}

pub async fn emulator_on(transport: Transport) -> Emulator {
    emulator(Config { tls: transport, ..Config::default() }).await
}

pub fn endpoint(emulator: &Emulator, port: u16) -> Endpoint {
    Endpoint { tls: emulator.ca_pem().is_some(), host: "localhost".into(), port }
}

pub fn credentials() -> Credentials {
    Credentials::new(DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, None, None)
}

pub fn net(ca_pem: Option<&str>) -> NetConfig {
    NetConfig::new(TlsConfig::new(Alpn::Http2, ca_pem.map(str::as_bytes)).expect("a TLS configuration"))
}

/// Options for an engine that trusts the emulator and reaches it at `port`.
pub fn options_at(emulator: &Emulator, port: u16) -> EngineOptions {
    options_for(endpoint(emulator, port), emulator.ca_pem())
}

pub fn options(emulator: &Emulator) -> EngineOptions {
    options_at(emulator, emulator.addr().port())
}

pub fn options_for(endpoint: Endpoint, ca_pem: Option<&str>) -> EngineOptions {
    let mut core = EngineConfig::new(endpoint, "us-east-1");
    core.seed = 7;
    let mut options = EngineOptions::new(core, net(ca_pem));
    options.keys = Arc::new(StaticKeys::new(credentials()));
    options
}

pub fn engine(options: EngineOptions) -> Engine {
    Engine::start(options).expect("an engine")
}

pub fn session_id() -> SessionUuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut bytes = [0x5a; 16];
    bytes[8..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    SessionUuid::from_random_bytes(bytes)
}

pub fn session_config() -> SessionConfig {
    SessionConfig::new(
        session_id(),
        "hai-abcdefghijklmnopq".parse().expect("a domain"),
        "sub-abcdefghijKLMNOPQRSTU".parse().expect("a subscription"),
        Configuration::history_and_physical("s3://bucket/out/"),
    )
}

pub fn format() -> Format {
    Format::new(SampleType::S16, Layout::Interleaved, RATE_HZ, 1).expect("a format")
}

pub fn input() -> AudioInput {
    let mut input = AudioInput::new(format());
    input.front_end = FrontEndConfig { check_rate: false, ..FrontEndConfig::default() };
    input
}

pub fn open(engine: &Engine) -> (Session, Tap) {
    engine.open(session_config(), &input()).expect("a session")
}

/// Noise: each stretch of 100 ms occurs once.
pub fn noise(frames: usize, seed: u64) -> Vec<i16> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..frames)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 48) as u16 as i16
        })
        .collect()
}

/// Pushes `samples` in real time times `pace`, 10 ms at a time; what the ring does not take is pushed again.
pub async fn push(tap: &mut Tap, samples: &[i16], pace: f64) {
    let begin = Instant::now();
    let mut at = 0;
    while at < samples.len() {
        let due = (begin.elapsed().as_secs_f64() * pace * f64::from(RATE_HZ)) as usize;
        let until = due.min(samples.len()).min(at + RATE_HZ as usize / 4);
        if until > at {
            let room = samples.len().min(until) - at;
            let pushed = tap.push_i16(&samples[at..at + room], None).expect("one channel");
            assert_eq!(pushed.accepted_frames, room, "the ring must take what is paced");
            at = until;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for an event that `pick` takes something of.
pub async fn event<T>(session: &Session, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
    let found = async {
        loop {
            let event = session.next_event().await.expect("the session is open");
            if let Some(found) = pick(&event) {
                return found;
            }
            assert!(!matches!(event, Event::Closed(_)), "closed early: {event:?}");
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("the event comes in time")
}

pub async fn opened(session: &Session) {
    event(session, |event| matches!(event, Event::Opened { .. }).then_some(())).await;
}

pub async fn closed(session: &Session) -> Report {
    event(session, |event| match event {
        Event::Closed(report) => Some((**report).clone()),
        _ => None,
    })
    .await
}

/// Where each stream's audio lies in the source, found by content.
pub fn ranges(
    source: &[i16],
    recording: &[i16],
    report: &ossicle_emulator::SessionReport,
) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    for connection in &report.connections {
        let first = usize::try_from(connection.first_frame).expect("a position");
        let frames = usize::try_from(connection.frames).expect("a length");
        let audio = &recording[first..first + frames];
        if audio.is_empty() {
            continue;
        }
        let head = &audio[..audio.len().min(64)];
        let at = source.windows(head.len()).position(|window| window == head).expect("audio of the source");
        assert!(source[at..].starts_with(audio), "one range of the source, bit for bit");
        ranges.push((at, at + frames));
    }
    ranges
}

/// Repeats taken out, the streams' ranges have no hole and cover `frames` of the source.
pub fn assert_covers(ranges: &[(usize, usize)], frames: usize) {
    let mut covered = 0;
    for (begin, end) in ranges {
        assert!(*begin <= covered, "a hole before {begin}: {ranges:?}");
        covered = covered.max(*end);
    }
    assert_eq!(covered, frames, "{ranges:?}");
}

pub fn recording(dir: &std::path::Path, session_id: &str) -> Vec<i16> {
    let path = dir.join(format!("{session_id}.wav"));
    let mut wav = hound::WavReader::open(path).expect("a recording");
    wav.samples::<i16>().map(|sample| sample.expect("a sample")).collect()
}

pub fn identity_of(emulator: &Emulator) -> Option<Identity> {
    emulator.identity().cloned()
}
