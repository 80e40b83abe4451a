//! What keeps a session when nobody speaks: paced silence, counted apart, and times that stay those of captured audio.

mod common;

use common::*;
use ossicle_audio::Tap;
use ossicle_core::{DropReason, Ended, Event, Ledger, Report, Status, Transcript, Warning};
use ossicle_emulator::{Config, Emulator, Limits};
use ossicle_tokio::Session;
use std::time::Duration;

/// The service's limit here, far below its real one.
const IDLE: Duration = Duration::from_secs(2);
const KEEP_ALIVE_MS: u32 = 400;
/// Longer than the limit, twice over.
const QUIET_S: f64 = 5.0;
const SPOKEN_S: f64 = 1.5;

/// A tone at the level of speech.
fn speech() -> Vec<i16> {
    (0..(f64::from(RATE_HZ) * SPOKEN_S) as usize).map(|i| ((i as f64 * 0.2).sin() * 8_000.0) as i16).collect()
}

fn muted_frames(ledger: &Ledger) -> u64 {
    ledger
        .dropped_by_reason()
        .filter(|(reason, _)| *reason == DropReason::Muted)
        .map(|(_, frames)| frames)
        .sum()
}

struct Told {
    transcripts: Vec<Transcript>,
    warnings: Vec<Warning>,
    report: Report,
}

/// A session with an emulator that has little patience.
async fn begun(keep_alive_ms: u32) -> (Emulator, Session, Tap) {
    let limits = Limits { idle: IDLE, ..Limits::default() };
    let emulator = emulator(Config { limits, ..Config::default() }).await;
    let engine = engine(options(&emulator));
    let mut config = session_config();
    config.keep_alive_ms = keep_alive_ms;
    let (session, tap) = engine.open(config, &input()).expect("a session");
    (emulator, session, tap)
}

/// Speaks, is quiet for a while in the way that `quiet` says, speaks again, and finishes.
async fn visit(quiet: impl AsyncFnOnce(&Session, &mut Tap)) -> Told {
    let (_emulator, session, mut tap) = begun(KEEP_ALIVE_MS).await;
    push(&mut tap, &speech(), 1.0).await;
    quiet(&session, &mut tap).await;
    push(&mut tap, &speech(), 1.0).await;
    session.finish().expect("taken");
    let (mut transcripts, mut warnings) = (Vec::new(), Vec::new());
    let report = event(&session, |event| match event {
        Event::Transcript(transcript) => {
            transcripts.push(transcript.clone());
            None
        }
        Event::Warning(warning) => {
            warnings.push(warning.clone());
            None
        }
        Event::Closed(report) => Some((**report).clone()),
        _ => None,
    })
    .await;
    assert_eq!(report.ended, Ended::Finished, "{:?}", report.failure);
    assert!(report.ledger.is_balanced(), "{:?}", report.ledger);
    Told { transcripts, warnings, report }
}

/// The last piece that is final: the second time that somebody spoke.
fn second(told: &Told) -> &Transcript {
    told.transcripts.iter().rfind(|transcript| !transcript.partial).expect("a final segment")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_put_in_while_nothing_is_pushed() {
    let told = visit(async |_, _| {
        tokio::time::sleep(Duration::from_secs_f64(QUIET_S)).await;
    })
    .await;
    let ledger = told.report.ledger;
    assert_eq!(told.report.connections, 1, "the stream lived through the quiet");
    assert_eq!((ledger.captured, ledger.delivered), (48_000, 48_000), "silence is counted apart");
    let silence_s = ledger.silence as f64 / f64::from(RATE_HZ);
    assert!((silence_s - (QUIET_S - f64::from(KEEP_ALIVE_MS) / 1_000.0)).abs() < 0.5, "{silence_s} s");
    assert!(told.warnings.contains(&Warning::KeepAlive));
    // On the service's clock the second stretch lies behind the silence; on ours it follows the first one.
    let second = second(&told);
    let service_begin_s = second.service_begin_s.expect("the service says when");
    assert!((second.begin_s - SPOKEN_S).abs() < 0.3, "{} s", second.begin_s);
    assert!((service_begin_s - SPOKEN_S - silence_s).abs() < 0.3, "{service_begin_s} s");
}

/// The proof that the test above can fail: without silence the service ends the stream at its limit, and says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_silence_the_service_ends_the_session() {
    let (_emulator, session, mut tap) = begun(0).await;
    push(&mut tap, &speech(), 1.0).await;
    let report = closed(&session).await;
    assert_eq!((report.ended, report.connections), (Ended::Failed, 1));
    let failure = report.failure.expect("its reason");
    assert_eq!(failure.status, Status::Rejected);
    let ledger = report.ledger;
    assert_eq!((ledger.captured, ledger.delivered, ledger.silence), (24_000, 24_000, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pushed_while_muted_is_replaced_by_silence_and_keeps_its_place() {
    let muted = (f64::from(RATE_HZ) * QUIET_S) as u64;
    let told = visit(async |session, tap| {
        session.mute(true).expect("taken");
        // Loud: it would be heard as a third stretch.
        let secret: Vec<i16> = (0..muted).map(|i| if i % 40 < 20 { 9_000 } else { -9_000 }).collect();
        push(tap, &secret, 1.0).await;
        // What was pushed is read as muted before the microphone counts again.
        loop {
            let stats = session.stats().await.expect("an open session");
            if muted_frames(&stats.ledger) >= muted - u64::from(RATE_HZ) / 10 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        session.mute(false).expect("taken");
    })
    .await;
    let ledger = told.report.ledger;
    assert_eq!(told.report.connections, 1);
    assert_eq!(ledger.captured, 48_000 + muted);
    let dropped = muted_frames(&ledger);
    assert_eq!(ledger.delivered + dropped, ledger.captured);
    assert!(dropped.abs_diff(muted) < u64::from(RATE_HZ) / 5, "{dropped} of {muted}");
    assert!(ledger.silence > 0);
    // The captured timeline counts what was muted.
    assert!((second(&told).begin_s - SPOKEN_S - QUIET_S).abs() < 0.4, "{} s", second(&told).begin_s);
}
