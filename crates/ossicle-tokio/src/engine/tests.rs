//! What needs no network: options, limits, and a shard that dies.

use super::*;
use crate::CommandError;
use crate::net::{Alpn, TlsConfig};
use ossicle_audio::{Layout, SampleType};
use ossicle_core::{Ended, Endpoint, Event, State, Status};
use ossicle_model::stream::Configuration;

/// Nothing answers here: port 9 of the discard prefix.
fn options() -> EngineOptions {
    let endpoint = Endpoint { tls: true, host: "100::1".into(), port: 9 };
    let core = EngineConfig::new(endpoint, "us-east-1");
    EngineOptions::new(core, NetConfig::new(TlsConfig::new(Alpn::Http2, None).expect("a TLS configuration")))
}

fn with_keys(mut options: EngineOptions) -> EngineOptions {
    options.keys = Arc::new(StaticKeys::new(Credentials::new("AKIDEXAMPLE", "secret", None, None)));
    options
}

fn config(n: u8) -> SessionConfig {
    SessionConfig::new(
        ossicle_model::ids::SessionUuid::from_random_bytes([n; 16]),
        "hai-abcdefghijklmnopq".parse().expect("a domain"),
        "sub-abcdefghijKLMNOPQRSTU".parse().expect("a subscription"),
        Configuration::history_and_physical("s3://bucket/out/"),
    )
}

fn input() -> AudioInput {
    AudioInput::new(Format::new(SampleType::S16, Layout::Interleaved, 16_000, 1).expect("a format"))
}

async fn closed(session: &Session) -> ossicle_core::Report {
    let found = async {
        loop {
            match session.next_event().await.expect("open until Closed") {
                Event::Closed(report) => return *report,
                _ => continue,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), found).await.expect("closed in time")
}

#[test]
fn wrong_options_are_named() {
    let start = |change: fn(&mut EngineOptions)| {
        let mut options = options();
        change(&mut options);
        Engine::start(options).expect_err("wrong options")
    };
    assert!(matches!(start(|o| o.shards = 0), StartError::Setting { name: "shards", least: 1, most: 64 }));
    assert!(matches!(start(|o| o.shards = 65), StartError::Setting { name: "shards", .. }));
    assert!(matches!(start(|o| o.core.tick_ms = 0), StartError::Setting { name: "tick_ms", .. }));
    assert!(matches!(
        start(|o| o.core.sessions_max = 70_000),
        StartError::Setting { name: "sessions_max", .. }
    ));
    assert_eq!(start(|o| o.core.region = "us/east".into()), StartError::Region);
    assert_eq!(start(|o| o.core.endpoint.port = 0), StartError::Endpoint);
    assert_eq!(start(|o| o.core.endpoint.tls = false), StartError::Cleartext);
}

#[tokio::test]
async fn a_panic_ends_the_sessions_of_its_shard_and_no_others() {
    let mut options = with_keys(options());
    options.shards = 2;
    let engine = Engine::start(options).expect("an engine");
    let (first, _tap) = engine.open(config(1), &input()).expect("a session");
    let (second, _tap) = engine.open(config(2), &input()).expect("a session");
    assert!(first.stats().await.is_some() && second.stats().await.is_some());
    let link = &engine.shared.links[0];
    assert_eq!(link.sessions(), 1, "sessions are spread");
    assert!(link.send(ToShard::Panic));
    // Behind the panic in the queue: answered all the same.
    let behind = engine.open(config(3), &input());
    let report = closed(&first).await;
    assert_eq!(report.ended, Ended::Failed);
    assert_eq!(report.failure.map(|failure| failure.status), Some(Status::Internal));
    assert_eq!(report.session_id, config(1).session_id.as_str());
    if let Ok((behind, _tap)) = behind {
        let alive = behind.stats().await.is_some();
        assert!(alive || closed(&behind).await.failure.map(|f| f.status) == Some(Status::Internal));
    }
    assert_eq!(second.stats().await.map(|stats| stats.state), Some(State::Opening), "the other runs on");
    assert_eq!(first.pause(), Err(CommandError::Gone));
    let (third, _tap) = engine.open(config(4), &input()).expect("the living shard takes it");
    assert!(third.stats().await.is_some());
    drop((second, third));
    assert!(engine.shutdown(Duration::from_secs(10)).await);
    assert_eq!(engine.open(config(5), &input()).expect_err("shut down"), OpenError::Stopped);
}

#[tokio::test]
async fn the_engine_takes_as_many_sessions_as_it_may_have() {
    let mut options = with_keys(options());
    options.core.sessions_max = 2;
    options.shards = 2;
    let engine = Engine::start(options).expect("an engine");
    let (first, _tap) = engine.open(config(1), &input()).expect("a session");
    let (_second, _tap) = engine.open(config(2), &input()).expect("a session");
    assert_eq!(engine.open(config(3), &input()).expect_err("full"), OpenError::SessionsMax { max: 2 });
    first.abort().expect("taken");
    closed(&first).await;
    engine.open(config(4), &input()).expect("a place is free once Closed was told");
}

#[tokio::test]
async fn without_keys_a_session_says_so() {
    let engine = Engine::start(options()).expect("an engine");
    let (session, _tap) = engine.open(config(1), &input()).expect("a session");
    let report = closed(&session).await;
    assert_eq!(report.failure.map(|failure| failure.status), Some(Status::NoKeys));
}

#[tokio::test]
async fn a_provider_that_panics_is_one_that_failed() {
    struct Bad;
    impl KeyProvider for Bad {
        fn keys(&self) -> crate::KeysFuture<'_> {
            panic!("the application's mistake")
        }
    }
    let mut options = options();
    options.keys = Arc::new(Bad);
    let engine = Engine::start(options).expect("an engine");
    let (session, _tap) = engine.open(config(1), &input()).expect("a session");
    assert_eq!(session.stats().await.map(|stats| stats.state), Some(State::Opening));
    // The shard lives, and keys that are pushed serve.
    engine.set_keys(&Credentials::new("AKIDEXAMPLE", "secret", None, None));
    assert_eq!(engine.stats().await.opening, 1);
    assert_eq!(session.stats_blocking(Duration::from_secs(5)).map(|stats| stats.state), Some(State::Opening));
}

#[tokio::test]
async fn a_forgotten_session_tells_nothing_more() {
    let engine = Engine::start(with_keys(options())).expect("an engine");
    let queue = EventQueue::default();
    let (session, _tap) = engine.open_into(queue.clone(), config(1), &input()).expect("a session");
    session.forget();
    let (other, _tap) = engine.open_into(queue.clone(), config(2), &input()).expect("a session");
    let key = other.key();
    other.abort().expect("taken");
    loop {
        let delivery = tokio::time::timeout(Duration::from_secs(20), queue.next()).await.expect("in time");
        assert_eq!(delivery.session(), key);
        if matches!(delivery, crate::Delivery::Event(_, Event::Closed(_))) {
            break;
        }
    }
    assert_eq!(engine.stats().await.sessions(), 0);
}
