//! A network that fails, between a real engine and the emulator: what was pushed arrives all the same, bit for bit.
//!
//! The source is noise, so that each stream's audio is found in it by content as one range. Repeats taken out, the
//! ranges have no hole and end where the source ends.

mod common;

use common::proxy::{Proxy, Weather};
use common::*;
use ossicle_core::{Ended, Report};
use ossicle_emulator::{Config, Emulator, Fault, Limits, SessionReport, SessionStatus, Transport};
use ossicle_tokio::{Engine, Session};
use std::path::Path;
use std::time::{Duration, Instant};

/// An emulator that records, a proxy before it, and an engine that knows only the proxy.
struct World {
    dir: tempfile::TempDir,
    emulator: Option<Emulator>,
    proxy: Proxy,
    engine: Engine,
}

impl World {
    async fn new(transport: Transport) -> Self {
        Self::with(transport, Limits::default()).await
    }

    async fn with(transport: Transport, limits: Limits) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let record_dir = Some(dir.path().to_owned());
        let emulator = emulator(Config { tls: transport, record_dir, limits, ..Config::default() }).await;
        let proxy = Proxy::start(emulator.addr()).await;
        let engine = engine(options_at(&emulator, proxy.port()));
        Self { dir, emulator: Some(emulator), proxy, engine }
    }

    /// Its first stream is not read for a while. The window holds a fraction of a second of audio, so that it really closes.
    async fn stalling(duration: Duration) -> Self {
        let limits =
            Limits { stream_window_bytes: 16 * 1024, idle: Duration::from_secs(120), ..Limits::default() };
        let world = Self::with(Transport::Tls, limits).await;
        world.emulator().faults().next(Fault::Stall { after_messages: 20, duration });
        world
    }

    fn emulator(&self) -> &Emulator {
        self.emulator.as_ref().expect("an emulator")
    }
}

/// Streams `seconds` of noise while `trouble` goes on, finishes, and proves that nothing is missing.
async fn survives(
    world: &mut World,
    seconds: usize,
    trouble: impl AsyncFnOnce(&Proxy, &Session),
) -> (Report, SessionReport) {
    let config = session_config();
    let id = config.session_id.as_str().to_owned();
    let mut audio = input();
    audio.ring_ms = 2_000;
    let (session, mut tap) = world.engine.open(config, &audio).expect("a session");
    let source = noise(RATE_HZ as usize * seconds, 11);
    let pushing = push(&mut tap, &source, 1.0);
    tokio::join!(pushing, trouble(&world.proxy, &session));
    finish(world, &session, &id, &source).await
}

async fn finish(world: &World, session: &Session, id: &str, source: &[i16]) -> (Report, SessionReport) {
    session.finish().expect("taken");
    let report = closed(session).await;
    assert_eq!(report.ended, Ended::Finished, "{:?}", report.failure);
    assert_eq!(report.ledger.captured, source.len() as u64);
    assert_eq!(report.ledger.dropped(), 0, "nothing was dropped: {:?}", report.ledger);
    let seen = world.emulator().until(id, |seen| seen.status == SessionStatus::Completed).await;
    assert!(seen.verified, "{:?}", seen.problems);
    assert_complete(world.dir.path(), id, source, &seen);
    (report, seen)
}

fn assert_complete(dir: &Path, id: &str, source: &[i16], seen: &SessionReport) {
    let ranges = ranges(source, &recording(dir, id), seen);
    assert_covers(&ranges, source.len());
}

/// One line with what a test measured.
fn tell(what: &str, report: &Report, seen: &SessionReport, more: &str) {
    let ledger = &report.ledger;
    eprintln!(
        "{what}: {} streams, {} of {} frames lost, {} sent again, oldest signature {} ms when it left and {} ms when it \
         was read{more}",
        seen.connections.len(),
        ledger.lost(),
        ledger.captured,
        ledger.resent,
        report.signature_age_ms_max,
        seen.signature_age_ms_max
    );
}

/// How long after a network healed.
#[derive(Debug, Clone, Copy)]
struct Healed {
    /// A frame was delivered that was not before.
    first: Duration,
    /// All was delivered that was captured before the healing.
    caught_up: Duration,
}

impl Healed {
    fn text(self) -> String {
        format!("; first new audio delivered after {:?}, caught up after {:?}", self.first, self.caught_up)
    }
}

/// Measures from now, when the network has just healed. There is no event for a delivery, so the ledger is looked at.
async fn healed(session: &Session) -> Healed {
    let begin = Instant::now();
    let ledger = async || session.stats().await.expect("a live session").ledger;
    let before = ledger().await;
    let mut first = None;
    loop {
        after(0.01).await;
        let now = ledger().await;
        if now.delivered > before.delivered {
            first.get_or_insert(begin.elapsed());
        }
        if let Some(first) = first
            && now.delivered >= before.captured
        {
            return Healed { first, caught_up: begin.elapsed() };
        }
        assert!(begin.elapsed() < PATIENCE, "{before:?} {now:?}");
    }
}

fn after(seconds: f64) -> tokio::time::Sleep {
    tokio::time::sleep(Duration::from_secs_f64(seconds))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_every_three_seconds_loses_nothing() {
    let mut world = World::new(Transport::Tls).await;
    let mut first = Vec::new();
    let (report, seen) = survives(&mut world, 60, async |proxy, session| {
        for _ in 0..19 {
            after(2.0).await;
            proxy.reset();
            // The network is well at once.
            let (healed, ()) = tokio::join!(healed(session), after(1.0));
            first.push(healed.first);
        }
    })
    .await;
    assert!(seen.connections.len() >= 15, "each reset cost a stream: {}", seen.connections.len());
    first.sort();
    let more =
        format!("; first new audio delivered after {:?}, at worst {:?}", first[first.len() / 2], first[18]);
    tell("reset every 3 s", &report, &seen, &more);
    assert!(seen.signature_age_ms_max < 5_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blackhole_of_twenty_seconds_loses_nothing() {
    let mut world = World::new(Transport::Tls).await;
    let mut more = String::new();
    let (report, seen) = survives(&mut world, 45, async |proxy, session| {
        after(4.0).await;
        proxy.set(Weather::Blackhole);
        after(20.0).await;
        proxy.set(Weather::Fair);
        more = healed(session).await.text();
    })
    .await;
    assert!(report.connections >= 2);
    tell("blackhole of 20 s", &report, &seen, &more);
    assert!(seen.signature_age_ms_max < 5_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_window_signs_nothing_that_waits() {
    // Shorter than the patience with a stream, so that what waited is sent on the same one.
    let mut world = World::stalling(Duration::from_secs(8)).await;
    let (report, seen) = survives(&mut world, 20, async |_, _| {}).await;
    let more = format!("; {} messages late", seen.connections[0].late_messages);
    tell("window stalled for 8 s", &report, &seen, &more);
    assert!(report.signature_age_ms_max < 5_000, "{report:?}");
    // What fits the window, and what hyper reads ahead, was sent before it closed and aged at the receiver. The rest,
    // some 75 messages, waited unsigned.
    assert_eq!(seen.connections.len(), 1, "{seen:?}");
    assert!((1..=12).contains(&seen.connections[0].late_messages), "{:?}", seen.connections[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_stalled_for_thirty_seconds_is_left_for_a_new_stream() {
    let mut world = World::stalling(Duration::from_secs(30)).await;
    let (report, seen) = survives(&mut world, 45, async |_, _| {}).await;
    tell("window stalled for 30 s", &report, &seen, "");
    assert!(seen.connections.len() >= 2, "{seen:?}");
    assert!(report.signature_age_ms_max < 5_000, "{report:?}");
    for later in &seen.connections[1..] {
        assert!(later.signature_age_ms_max < 5_000, "{later:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_network_delivers_no_old_signature() {
    let mut world = World::new(Transport::Tls).await;
    let mut more = String::new();
    let (report, seen) = survives(&mut world, 50, async |proxy, session| {
        after(4.0).await;
        proxy.set(Weather::Stall);
        after(30.0).await;
        proxy.set(Weather::Fair);
        more = healed(session).await.text();
    })
    .await;
    tell("network stalled for 30 s", &report, &seen, &more);
    assert!(seen.signature_age_ms_max < 5_000, "{}", seen.signature_age_ms_max);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_cut_anywhere_are_the_same_bytes() {
    for size in [1, 7, 100] {
        let mut world = World::new(Transport::Cleartext).await;
        let (report, seen) = survives(&mut world, 3, async |proxy, _| proxy.set(Weather::Split(size))).await;
        tell(&format!("pieces of {size}"), &report, &seen, "");
        assert_eq!(seen.connections.len(), 1, "pieces of {size}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_network_holds_audio_unsigned_and_catches_up() {
    let mut world = World::new(Transport::Tls).await;
    // 32,000 bytes a second are needed; half of that passes for a while.
    let (report, seen) = survives(&mut world, 20, async |proxy, _| {
        proxy.set(Weather::Throttle(160));
        after(8.0).await;
        proxy.set(Weather::Fair);
    })
    .await;
    tell("half of the needed rate for 8 s", &report, &seen, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emulator_that_restarts_finds_the_session_again() {
    let mut world = World::new(Transport::Tls).await;
    let config = session_config();
    let id = config.session_id.as_str().to_owned();
    let (session, mut tap) = world.engine.open(config, &input()).expect("a session");
    let source = noise(RATE_HZ as usize * 20, 12);
    let mut first = world.emulator.take();
    let restart = async {
        after(5.0).await;
        let old = first.take().expect("the first one");
        let identity = old.identity().cloned();
        old.kill().await;
        after(2.0).await;
        let record_dir = Some(world.dir.path().to_owned());
        let config = Config { identity, record_dir, ..Config::default() };
        let new = emulator(config).await;
        world.proxy.set_target(new.addr());
        (new, healed(&session).await)
    };
    let ((), (new, healed)) = tokio::join!(push(&mut tap, &source, 1.0), restart);
    world.emulator = Some(new);
    let (report, seen) = finish(&world, &session, &id, &source).await;
    tell("emulator away for 2 s", &report, &seen, &healed.text());
    assert!(report.connections >= 2);
}

/// A network that refuses everything for 6 s, and then heals.
async fn heals(hint: bool) -> Healed {
    let mut world = World::new(Transport::Tls).await;
    let engine = world.engine.clone();
    let mut measured = None;
    let (report, seen) = survives(&mut world, 20, async |proxy, session| {
        after(3.0).await;
        proxy.set(Weather::Refuse);
        proxy.reset();
        after(6.0).await;
        proxy.set(Weather::Fair);
        if hint {
            engine.network_changed();
        }
        measured = Some(healed(session).await);
    })
    .await;
    let healed = measured.expect("measured");
    let what = if hint { "refused for 6 s, healed with a hint" } else { "refused for 6 s" };
    tell(what, &report, &seen, &healed.text());
    healed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_audio_arrives_soon_after_the_network_heals() {
    // The longest backoff, a connection, a stream, a second for the PING.
    let healed = heals(false).await;
    assert!(healed.first < Duration::from_millis(6_500), "{healed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hint_that_the_network_changed_ends_the_wait() {
    let healed = heals(true).await;
    assert!(healed.first < Duration::from_millis(1_500), "{healed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_met_with_at_most_two_attempts() {
    for (status, code) in [(401, "AccessDeniedException"), (402, "ServiceQuotaExceededException")] {
        let world = World::new(Transport::Tls).await;
        let refuse =
            || Fault::Refuse { status, code: code.into(), message: "no".into(), retry_after_ms: None };
        // A stream that stands, is cut, and is then refused: not even that is tried again and again.
        let (session, _tap) = world.engine.open(session_config(), &input()).expect("a session");
        opened(&session).await;
        world.emulator().faults().always(refuse());
        world.proxy.reset();
        let report = closed(&session).await;
        assert_eq!(report.ended, Ended::Failed);
        assert!(world.proxy.connections() <= 3, "{} connections", world.proxy.connections());
    }
}
