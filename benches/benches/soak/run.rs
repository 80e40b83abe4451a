//! The client's side of a soak.

use super::peer::{self, Address, Verdict};
use ossicle_audio::{Format, FrontEndConfig, Layout, SampleType, Tap};
use ossicle_benches::capacity::roles::{DOMAIN, OUTPUT_URI, SUBSCRIPTION, session_id};
use ossicle_benches::capacity::{ours, usage};
use ossicle_core::{Ended, Endpoint, EngineConfig, Event, Overflow, Report, SessionConfig};
use ossicle_model::stream::Configuration;
use ossicle_sigv4::Credentials;
use ossicle_tokio::net::{Alpn, NetConfig, TlsConfig};
use ossicle_tokio::{AudioInput, Delivery, Engine, EngineOptions, EventQueue, Session, StaticKeys};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longer than any soak.
const FOR_EVER_MS: u64 = 10_000 * 3_600 * 1_000;
/// Audio that a session holds, so that all of them stay far under what the engine may hold.
const HELD_MS: u32 = 5_000;
const PING_INTERVAL_MS: u32 = 100;
const RING_MS: u32 = 1_000;
/// Growth of a session that is taken for none, bytes an hour of audio. A leak of one byte a message of 100 ms would be 36,000.
const SLOPE_MAX: f64 = 2_000.0;
/// The part of a run in which buffers still grow to their size.
const WARM_UP: f64 = 0.25;
/// Audio in a session from which on the growth is judged.
const JUDGED_FROM_S: f64 = 1_800.0;
/// How long all sessions may take to finish.
const FINISH_MAX: Duration = Duration::from_secs(120);

/// What is run.
pub(crate) struct Plan {
    pub(crate) sessions: u32,
    /// Seconds of audio in each session.
    pub(crate) audio_s: f64,
    pub(crate) report_s: f64,
    /// Audio in one message.
    pub(crate) chunk_ms: u32,
    pub(crate) rate_hz: u32,
}

impl Plan {
    /// Bytes that are pushed at a time: 100 ms.
    fn piece_bytes(&self) -> usize {
        self.rate_hz as usize / 10 * 2
    }

    fn input(&self) -> AudioInput {
        let format = Format::new(SampleType::S16, Layout::Interleaved, self.rate_hz, 1).expect("a format");
        let mut input = AudioInput::new(format);
        input.ring_ms = RING_MS;
        input.front_end =
            FrontEndConfig { check_rate: false, wire_rate_hz: self.rate_hz, ..FrontEndConfig::default() };
        input
    }
}

struct Peer {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    address: Address,
}

impl Peer {
    fn start(sessions: u32) -> Self {
        let program = std::env::current_exe().expect("this program's path");
        let mut child = Command::new(program)
            .args([peer::ROLE, &sessions.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("the peer's address");
        let address = serde_json::from_str(&line).expect("the peer's address");
        Self { child, out, address }
    }

    /// No faults from now on.
    fn be_quiet(&mut self) {
        let input = self.child.stdin.as_mut().expect("a pipe");
        writeln!(input, "peace").and_then(|()| input.flush()).expect("the peer listens");
    }

    fn end(mut self) -> Verdict {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("a verdict");
        self.child.wait().expect("its end");
        serde_json::from_str(&rest).expect("a verdict")
    }
}

fn engine(address: &Address, sessions: u32) -> Engine {
    let endpoint = Endpoint { tls: true, host: "localhost".into(), port: address.port };
    let mut core = EngineConfig::new(endpoint, "us-east-1");
    core.sessions_max = sessions;
    // Audio goes many times as fast as in real time, and as much as the sessions hold is all that can be under way between
    // two PINGs.
    core.ping_interval_ms = PING_INTERVAL_MS;
    let tls = TlsConfig::new(Alpn::Http2, Some(address.ca_pem.as_bytes())).expect("the peer's authority");
    let mut options = EngineOptions::new(core, NetConfig::new(tls));
    options.keys = Arc::new(StaticKeys::new(Credentials::new(ours::KEY_ID, ours::SECRET, None, None)));
    Engine::start(options).expect("an engine")
}

fn session_config(index: u32, chunk_ms: u32) -> SessionConfig {
    let (domain, subscription) =
        (DOMAIN.parse().expect("a domain"), SUBSCRIPTION.parse().expect("a subscription"));
    let configuration = Configuration::history_and_physical(OUTPUT_URI);
    let mut config = SessionConfig::new(session_id(index), domain, subscription, configuration);
    config.pace = f32::INFINITY;
    config.overflow = Overflow::Wait;
    // Silence put in would have to be told from audio at the other side.
    config.keep_alive_ms = 0;
    config.chunk_ms = chunk_ms;
    config.held_ms_max = HELD_MS;
    config.audio_total_ms_max = FOR_EVER_MS;
    config.resume_window_ms = FOR_EVER_MS;
    config.finish_deadline_ms = FINISH_MAX.as_millis() as u64;
    config
}

/// Memory and descriptors over the run.
#[derive(Default)]
struct Course {
    /// Hours of audio of one session, and resident bytes.
    points: Vec<(f64, f64)>,
}

impl Course {
    /// Bytes an hour, by least squares over what follows the warming up.
    fn slope(&self) -> f64 {
        let last = self.points.last().map_or(0.0, |point| point.0);
        let steady: Vec<_> = self.points.iter().filter(|point| point.0 >= last * WARM_UP).collect();
        let count = steady.len() as f64;
        let (x, y) = (
            steady.iter().map(|p| p.0).sum::<f64>() / count,
            steady.iter().map(|p| p.1).sum::<f64>() / count,
        );
        let over: f64 = steady.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
        over / steady.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>()
    }
}

pub(crate) fn run(plan: &Plan) -> Result<(), Vec<String>> {
    usage::many_descriptors();
    let mut peer = Peer::start(plan.sessions);
    let descriptors_before = usage::descriptors();
    let engine = engine(&peer.address, plan.sessions);
    let queue = EventQueue::new(plan.sessions as usize * 256, None);
    let input = plan.input();
    let (sessions, mut taps): (Vec<Session>, Vec<Tap>) = (0..plan.sessions)
        .map(|index| {
            engine.open_into(queue.clone(), session_config(index, plan.chunk_ms), &input).expect("a session")
        })
        .unzip();
    let course = feed(plan, &queue, &mut taps);
    peer.be_quiet();
    sessions.iter().for_each(|session| session.finish().expect("taken"));
    let reports = reports(&queue, plan.sessions);
    let pushed: u64 = taps.iter().map(Tap::accepted_frames).sum();
    drop((taps, sessions));
    let in_time = engine.shutdown_blocking(Duration::from_secs(10));
    drop(engine);
    let verdict = peer.end();
    let descriptors = usage::descriptors();
    // The peer's two pipes were open when it was counted first.
    let left = (descriptors + 2).saturating_sub(descriptors_before);
    judge(plan, &course, &reports, pushed, &verdict, left, in_time)
}

/// Pushes all audio as fast as it is taken, and writes down how memory goes.
fn feed(plan: &Plan, queue: &EventQueue, taps: &mut [Tap]) -> Course {
    let pieces_max = (plan.audio_s * 10.0) as u64;
    let mut pushed = vec![0_u64; taps.len()];
    let piece = plan.piece_bytes();
    let audio = ossicle_benches::capacity::messages::audio(piece);
    let mut course = Course::default();
    let begin = Instant::now();
    let (mut sample_at, mut report_at, mut lost) = (begin, begin, 0_u64);
    while pushed.iter().any(|pieces| *pieces < pieces_max) {
        for (tap, pieces) in taps.iter_mut().zip(&mut pushed) {
            while *pieces < pieces_max && tap.free_frames() * 2 >= piece {
                let taken = tap.push_bytes(&audio, None);
                assert_eq!(taken.dropped_frames, 0, "there was room");
                *pieces += 1;
            }
        }
        while let Some(delivery) = queue.try_next() {
            match delivery {
                Delivery::Event(_, Event::Recovering { .. }) => lost += 1,
                Delivery::Event(_, Event::Closed(report)) => {
                    panic!("a session closed early: {:?}", report.failure)
                }
                _ => {}
            }
        }
        let hours = pushed.iter().sum::<u64>() as f64 / 36_000.0 / taps.len() as f64;
        if sample_at.elapsed() >= Duration::from_millis(250) {
            sample_at = Instant::now();
            course.points.push((hours, usage::rss_bytes() as f64));
        }
        if report_at.elapsed().as_secs_f64() >= plan.report_s {
            report_at = Instant::now();
            println!(
                "{:>6.0} s: {hours:>7.3} h a session, {:>6.1} MB, {} descriptors, {lost} losses",
                begin.elapsed().as_secs_f64(),
                usage::rss_bytes() as f64 / 1e6,
                usage::descriptors(),
            );
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    course
}

fn reports(queue: &EventQueue, sessions: u32) -> Vec<Report> {
    let until = Instant::now() + FINISH_MAX * 2;
    let mut reports = Vec::new();
    while reports.len() < sessions as usize {
        let left = until.saturating_duration_since(Instant::now());
        match queue.poll(left) {
            Some(Delivery::Event(_, Event::Closed(report))) => reports.push(*report),
            Some(_) => {}
            None => break,
        }
    }
    reports
}

fn judge(
    plan: &Plan,
    course: &Course,
    reports: &[Report],
    pushed: u64,
    verdict: &Verdict,
    left: usize,
    in_time: bool,
) -> Result<(), Vec<String>> {
    let mut failures = Vec::new();
    let mut check = |holds: bool, what: String| {
        if !holds {
            failures.push(what);
        }
    };
    let sum = |value: fn(&Report) -> u64| reports.iter().map(value).sum::<u64>();
    let slope = course.slope();
    let (captured, delivered) = (sum(|r| r.ledger.captured), sum(|r| r.ledger.delivered));
    let (resent, dropped) = (sum(|r| r.ledger.resent), sum(|r| r.ledger.dropped()));
    println!(
        "{} sessions of {:.2} h; faults {:?} (drops, GOAWAYs, resets, early ends); {} streams, {} messages verified",
        plan.sessions,
        plan.audio_s / 3_600.0,
        verdict.faults,
        verdict.streams,
        verdict.messages
    );
    println!(
        "frames: pushed {pushed}, captured {captured}, delivered {delivered}, dropped {dropped}, resent {resent}; the emulator took {}",
        verdict.frames
    );
    let last = course.points.last().map_or(0.0, |point| point.1);
    println!(
        "memory: {:.1} MB at the end; slope {slope:.0} bytes an hour of audio in every session, {:.0} for each; descriptors left: {left}",
        last / 1e6,
        slope / f64::from(plan.sessions)
    );
    let finished = reports.iter().filter(|report| report.ended == Ended::Finished).count();
    let why = reports.iter().find_map(|report| report.failure.as_ref());
    check(
        finished == plan.sessions as usize,
        format!("{finished} of {} sessions finished: {why:?}", plan.sessions),
    );
    check(captured == pushed, format!("{pushed} frames were pushed and {captured} captured"));
    check(delivered == captured && dropped == 0, format!("{delivered} of {captured} frames were delivered"));
    let balanced = reports.iter().all(|report| report.ledger.is_balanced());
    check(balanced, "a ledger does not add up".into());
    check(verdict.frames >= captured, format!("the emulator took {} frames of {captured}", verdict.frames));
    check(
        verdict.frames <= captured + resent,
        format!("{} frames came, {captured} and {resent} repeats left", verdict.frames),
    );
    check(
        verdict.unverified == 0,
        format!("{} sessions not verified: {:?}", verdict.unverified, verdict.problems),
    );
    check(verdict.completed == u64::from(plan.sessions), format!("{} sessions completed", verdict.completed));
    // A short run is all warming up.
    let each = slope / f64::from(plan.sessions);
    check(
        plan.audio_s < JUDGED_FROM_S || each <= SLOPE_MAX,
        format!("a session grows by {each:.0} bytes an hour"),
    );
    check(left == 0, format!("{left} descriptors are left"));
    check(in_time, "the engine did not end in time".into());
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}
