//! A backend with many visits at once, as a container runs it: metrics for Prometheus, readiness for the load balancer, and
//! a drain on SIGTERM, so that it can be deployed anew in the middle of its visits.
//!
//!     cargo run -p ossicle --example service
//!
//! | variable | | default |
//! |---|---|---|
//! | `OSSICLE_ENDPOINT`, `OSSICLE_CA_FILE` | the service, and whom to trust | an emulator in this process |
//! | `METRICS_ADDR` | where `/metrics` and `/ready` are | `127.0.0.1:9464` |
//! | `DRAIN` | `pause`: each visit can go on in the next process; `finish`: each is ended | `pause` |
//! | `DRAIN_SECONDS` | how long that may take; less than the platform's grace period | 20 |
//! | `VISITS` | how many | 20 |
#![allow(clippy::print_stdout, reason = "an example prints")]

mod http;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use ossicle::audio::{Format, Layout, SampleType, Tap};
use ossicle::core::{Ended, Endpoint, EngineConfig, Event, Report, SessionConfig};
use ossicle::model::endpoint::{Endpoint as Rules, Scheme};
use ossicle::model::ids::SessionUuid;
use ossicle::model::stream::Configuration;
use ossicle::net::{Alpn, NetConfig, TlsConfig};
use ossicle::sigv4::Credentials;
use ossicle::{AudioInput, Delivery, Engine, EngineOptions, EventQueue, Session, StaticKeys};
use ossicle_emulator::{DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, Emulator};
use tokio::net::TcpListener;
use tokio::time::Instant;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A visit is fed this often.
const FEED: Duration = Duration::from_millis(20);

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // The recorder comes before the engine: shards take their handles when they start.
    let prometheus = PrometheusBuilder::new().install_recorder()?;
    let draining = Arc::new(AtomicBool::new(false));
    let listener = TcpListener::bind(variable("METRICS_ADDR", "127.0.0.1:9464")).await?;
    println!("metrics: http://{}/metrics", listener.local_addr()?);
    tokio::spawn(http::serve(listener, prometheus, Arc::clone(&draining)));

    let (endpoint, ca_pem, _emulator) = service().await?;
    let tls = TlsConfig::new(Alpn::Http2, ca_pem.as_deref().map(str::as_bytes))?;
    let mut options = EngineOptions::new(EngineConfig::new(endpoint, "us-east-1"), NetConfig::new(tls));
    options.keys = Arc::new(StaticKeys::new(Credentials::new(
        variable("AWS_ACCESS_KEY_ID", DUMMY_ACCESS_KEY_ID),
        variable("AWS_SECRET_ACCESS_KEY", DUMMY_SECRET_ACCESS_KEY),
        std::env::var("AWS_SESSION_TOKEN").ok(),
        None,
    )));
    let engine = Engine::start(options)?;

    // One queue for the events of all visits.
    let queue = EventQueue::default();
    let mut visits = Vec::new();
    for _ in 0..variable("VISITS", "20").parse()? {
        visits.push(open(&engine, &queue)?);
    }
    let mut account = Account::default();
    carry(&mut visits, &queue, &mut account).await?;

    // From here on the load balancer sends nobody; who is here is seen off.
    draining.store(true, Ordering::Release);
    let deadline = Instant::now() + Duration::from_secs(variable("DRAIN_SECONDS", "20").parse()?);
    if variable("DRAIN", "pause") == "finish" {
        finish(&visits, &queue, &mut account, deadline).await?;
    }
    // Pauses all that is not finished, and ends the threads.
    let in_time = engine.shutdown(deadline.saturating_duration_since(Instant::now())).await;
    while let Some(delivery) = queue.try_next() {
        account.take(delivery);
    }
    println!("{account:?}, in time: {in_time}");
    if in_time && account.failed == 0 { Ok(()) } else { Err("not every visit was seen off".into()) }
}

/// The service that the environment names, or an emulator that lives as long as what is returned.
async fn service() -> Result<(Endpoint, Option<String>, Option<Emulator>), Error> {
    if let Ok(url) = std::env::var("OSSICLE_ENDPOINT") {
        let rules = Rules::resolve(Some("us-east-1"), false, Some(&url))?;
        let (host, port) = Rules::host_and_port(&rules.authority, rules.scheme);
        let endpoint = Endpoint { tls: rules.scheme == Scheme::Https, host: host.to_owned(), port };
        let ca_pem = std::env::var("OSSICLE_CA_FILE").ok().map(std::fs::read_to_string).transpose()?;
        return Ok((endpoint, ca_pem, None));
    }
    let emulator = Emulator::start(ossicle_emulator::Config::default()).await?;
    let endpoint = Endpoint { tls: true, host: "127.0.0.1".into(), port: emulator.addr().port() };
    Ok((endpoint, emulator.ca_pem().map(str::to_owned), Some(emulator)))
}

fn open(engine: &Engine, queue: &EventQueue) -> Result<(Session, Tap), Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| error.to_string())?;
    // A real service keeps the id with its visit: the next process resumes the session by it.
    let config = SessionConfig::new(
        SessionUuid::from_random_bytes(random),
        "hai-0123456789abcdef0123".parse()?,
        "sub-0123456789abcdefghijk".parse()?,
        Configuration::history_and_physical("s3://ossicle-demo/"),
    );
    let input = AudioInput::new(Format::new(SampleType::S16, Layout::Interleaved, 16_000, 1)?);
    Ok(engine.open_into(queue.clone(), config, &input)?)
}

/// Feeds all visits, 20 ms at a time as gateways would, until the process is asked to end.
async fn carry(
    visits: &mut [(Session, Tap)],
    queue: &EventQueue,
    account: &mut Account,
) -> Result<(), Error> {
    let mut ticks = tokio::time::interval(FEED);
    let end = asked_to_end();
    tokio::pin!(end);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                for (_, tap) in &mut *visits {
                    // The ledger counts what would not fit.
                    let _ = tap.push_i16(&[0; 320], None)?;
                }
            }
            delivery = queue.next() => account.take(delivery),
            asked = &mut end => return Ok(asked?),
        }
    }
}

#[cfg(unix)]
async fn asked_to_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    // SIGTERM from the platform, Ctrl-C from a terminal.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn asked_to_end() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Ends every visit, and waits for their last results.
async fn finish(
    visits: &[(Session, Tap)],
    queue: &EventQueue,
    account: &mut Account,
    deadline: Instant,
) -> Result<(), Error> {
    for (session, _) in visits {
        session.finish()?;
    }
    while account.over() < visits.len() {
        match tokio::time::timeout_at(deadline, queue.next()).await {
            Ok(delivery) => account.take(delivery),
            // What is left is paused, which loses nothing.
            Err(_) => break,
        }
    }
    Ok(())
}

/// What became of the visits.
#[derive(Debug, Default)]
struct Account {
    paused: usize,
    finished: usize,
    failed: usize,
    captured: u64,
    delivered: u64,
    lost: u64,
}

impl Account {
    fn over(&self) -> usize {
        self.finished + self.failed
    }

    fn take(&mut self, delivery: Delivery) {
        let Delivery::Event(key, event) = delivery else { return };
        match event {
            Event::Paused(report) => {
                self.paused += 1;
                self.add(&report);
            }
            Event::Closed(report) if report.ended == Ended::Finished => {
                self.finished += 1;
                self.add(&report);
            }
            // A visit that was paused before the threads ended has told its account.
            Event::Closed(report) if report.ended == Ended::Failed && self.paused == 0 => {
                self.failed += 1;
                self.add(&report);
                println!("visit {}: {:?}", key.0, report.failure);
            }
            Event::Recovering { failure, .. } => println!("visit {}: {failure}", key.0),
            _ => {}
        }
    }

    fn add(&mut self, report: &Report) {
        self.captured += report.ledger.captured;
        self.delivered += report.ledger.delivered;
        self.lost += report.ledger.lost();
    }
}
