//! A backend with many visits at once, that can be deployed anew in the middle of them.
//!
//! It carries some sessions against the emulator. When it is told to end (SIGTERM, Ctrl-C, or by itself after two
//! seconds), [`Engine::shutdown`] pauses every session: what was captured is delivered, nothing is ended, and the next
//! process resumes each by its id.
//!
//!     cargo run -p ossicle --example service
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::sync::Arc;
use std::time::Duration;

use ossicle::audio::{Format, Layout, SampleType};
use ossicle::core::{Endpoint, EngineConfig, Event, SessionConfig};
use ossicle::model::ids::SessionUuid;
use ossicle::model::stream::Configuration;
use ossicle::net::{Alpn, NetConfig, TlsConfig};
use ossicle::sigv4::Credentials;
use ossicle::{AudioInput, Delivery, Engine, EngineOptions, EventQueue, StaticKeys};
use ossicle_emulator::{DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, Emulator, SessionStatus};

type Error = Box<dyn std::error::Error + Send + Sync>;

const VISITS: usize = 20;
/// How long the sessions may take to pause: a platform kills a process some time after it has asked.
const DRAIN: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let emulator = Emulator::start(ossicle_emulator::Config::default()).await?;
    let endpoint = Endpoint { tls: true, host: "127.0.0.1".into(), port: emulator.addr().port() };
    let tls = TlsConfig::new(Alpn::Http2, emulator.ca_pem().map(str::as_bytes))?;
    let mut options = EngineOptions::new(EngineConfig::new(endpoint, "us-east-1"), NetConfig::new(tls));
    options.keys =
        Arc::new(StaticKeys::new(Credentials::new(DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, None, None)));
    let engine = Engine::start(options)?;

    // One queue for the events of all sessions.
    let queue = EventQueue::default();
    let input = AudioInput::new(Format::new(SampleType::S16, Layout::Interleaved, 16_000, 1)?);
    let mut visits = Vec::new();
    for _ in 0..VISITS {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| error.to_string())?;
        let config = SessionConfig::new(
            SessionUuid::from_random_bytes(random),
            "hai-0123456789abcdef0123".parse()?,
            "sub-0123456789abcdefghijk".parse()?,
            Configuration::history_and_physical("s3://ossicle-demo/"),
        );
        visits.push(engine.open_into(queue.clone(), config, &input)?);
    }

    // Every tap is fed here, 20 ms at a time, as twenty gateways would.
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let end = tokio::time::sleep(Duration::from_secs(2));
    tokio::pin!(end);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                for (_, tap) in &mut visits {
                    // The ledger counts what would not fit.
                    let _ = tap.push_i16(&[0; 320], None)?;
                }
            }
            delivery = queue.next() => {
                if let Delivery::Event(key, Event::Recovering { failure, .. }) = delivery {
                    println!("visit {}: {failure}", key.0);
                }
            }
            _ = tokio::signal::ctrl_c() => break,
            () = &mut end => break,
        }
    }

    let in_time = engine.shutdown(DRAIN).await;
    let reports = emulator.sessions();
    let paused =
        reports.iter().filter(|report| report.status == SessionStatus::Paused && report.verified).count();
    println!("{paused} of {VISITS} visits are paused and can be resumed; all in time: {in_time}");
    Ok(())
}
