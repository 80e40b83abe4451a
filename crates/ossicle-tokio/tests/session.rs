//! Whole sessions over real sockets against the emulator, which verifies every byte with the official crates.

mod common;

use common::*;
use ossicle_core::{Ended, State};
use ossicle_emulator::{Config, SessionStatus, Transport};

async fn streams_and_finishes(transport: Transport) {
    let dir = tempfile::tempdir().expect("a folder");
    let record_dir = Some(dir.path().to_owned());
    let emulator = emulator(Config { tls: transport, record_dir, ..Config::default() }).await;
    let engine = engine(options(&emulator));
    let config = session_config();
    let id = config.session_id.as_str().to_owned();
    let (session, mut tap) = engine.open(config, &input()).expect("a session");
    let source = noise(RATE_HZ as usize * 3, 1);
    push(&mut tap, &source, 1.0).await;
    opened(&session).await;
    let stats = session.stats().await.expect("a live session");
    assert_eq!(stats.state, State::Streaming);
    assert!(stats.rtt_ms.is_some(), "a PING was answered within three seconds");
    let counts = engine.stats().await;
    assert_eq!((counts.connections, counts.streams, counts.streaming, counts.sessions()), (1, 1, 1, 1));
    session.finish().expect("taken");
    let report = closed(&session).await;
    assert_eq!(report.ended, Ended::Finished, "{:?}", report.failure);
    assert_eq!(report.ledger.captured, source.len() as u64);
    assert_eq!(report.ledger.delivered, source.len() as u64);
    assert_eq!(report.connections, 1);
    let seen = emulator.until(&id, |seen| seen.status == SessionStatus::Completed).await;
    assert!(seen.verified, "{:?}", seen.problems);
    assert_eq!(seen.messages, seen.messages_verified);
    assert_eq!(seen.messages, report.messages);
    assert_eq!(recording(dir.path(), &id), source, "bit for bit");
    assert_eq!(session.next_event().await.map(|event| format!("{event:?}")), None, "nothing after Closed");
    assert!(session.stats().await.is_none());
    assert!(engine.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_session_over_tls_arrives_bit_for_bit() {
    streams_and_finishes(Transport::Tls).await;
}

#[tokio::test]
async fn a_session_in_cleartext_arrives_bit_for_bit() {
    streams_and_finishes(Transport::Cleartext).await;
}
