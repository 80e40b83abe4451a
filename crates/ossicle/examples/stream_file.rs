//! Sends an audio file in real time and prints what comes back.
//!
//!     cargo run -p ossicle --features files --example stream_file -- visit.wav https://HOST[:PORT] REGION DOMAIN SUBSCRIPTION
//!
//! Keys come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use ossicle::audio::{FileSource, Format, Layout, SampleType, Samples, Tap};
use ossicle::core::{Endpoint, EngineConfig, Event, SessionConfig};
use ossicle::model::endpoint::{Endpoint as Rules, Scheme};
use ossicle::model::ids::SessionUuid;
use ossicle::model::stream::Configuration;
use ossicle::net::{Alpn, NetConfig, TlsConfig};
use ossicle::sigv4::Credentials;
use ossicle::{AudioInput, Engine, EngineOptions, StaticKeys};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, url, region, domain, subscription] = arguments.as_slice() else {
        return Err("usage: stream_file FILE URL REGION DOMAIN SUBSCRIPTION".into());
    };
    let source = FileSource::open(path)?;
    let spec = source.spec();
    let sample = if spec.is_16_bit { SampleType::S16 } else { SampleType::F32 };
    let format = Format::new(sample, Layout::Interleaved, spec.rate_hz, spec.channels)?;

    let rules = Rules::resolve(Some(region), false, Some(url))?;
    let (host, port) = Rules::host_and_port(&rules.authority, rules.scheme);
    let endpoint = Endpoint { tls: rules.scheme == Scheme::Https, host: host.to_owned(), port };
    let tls = TlsConfig::new(Alpn::Http2, None)?;
    let mut options = EngineOptions::new(EngineConfig::new(endpoint, region.as_str()), NetConfig::new(tls));
    options.keys = Arc::new(StaticKeys::new(Credentials::new(
        std::env::var("AWS_ACCESS_KEY_ID")?,
        std::env::var("AWS_SECRET_ACCESS_KEY")?,
        std::env::var("AWS_SESSION_TOKEN").ok(),
        None,
    )));
    let engine = Engine::start(options)?;

    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| error.to_string())?;
    let config = SessionConfig::new(
        SessionUuid::from_random_bytes(random),
        domain.parse()?,
        subscription.parse()?,
        Configuration::history_and_physical("s3://ossicle-demo/"),
    );
    let (session, tap) = engine.open(config, &AudioInput::new(format))?;
    let playing = std::thread::spawn(move || play(source, tap));

    let mut finished = false;
    loop {
        // The file's end is looked for between events; a real application has a button for it.
        let event = tokio::time::timeout(Duration::from_millis(200), session.next_event()).await;
        if playing.is_finished() && !std::mem::replace(&mut finished, true) {
            session.finish()?;
        }
        match event {
            Ok(Some(Event::Transcript(piece))) if !piece.partial => {
                println!("{:6.1} s  {}", piece.begin_s, piece.text)
            }
            Ok(Some(Event::Recovering { failure, .. })) => println!("interrupted: {failure}"),
            Ok(Some(Event::Closed(report))) => {
                let ledger = &report.ledger;
                println!(
                    "{} of {} frames delivered, {} lost",
                    ledger.delivered,
                    ledger.captured,
                    ledger.lost()
                );
                break;
            }
            Ok(None) => break,
            Ok(Some(_)) | Err(_) => {}
        }
    }
    playing.join().map_err(|_| "the reader of the file panicked")?
}

/// Plays the part of an audio callback: pushes at the pace of the file.
fn play(mut source: FileSource, mut tap: Tap) -> Result<(), Error> {
    let (rate_hz, channels) = (source.spec().rate_hz, usize::from(source.spec().channels));
    let begun = Instant::now();
    let mut pushed = 0_u64;
    while let Some(samples) = source.next_samples()? {
        let frames = match samples {
            Samples::I16(samples) => samples.len() / channels,
            Samples::F32(samples) => samples.len() / channels,
        };
        let due = begun + Duration::from_secs_f64(pushed as f64 / f64::from(rate_hz));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let dropped = match samples {
            Samples::I16(samples) => tap.push_i16(samples, None)?,
            Samples::F32(samples) => tap.push_f32(samples, None)?,
        };
        pushed += (frames - dropped.dropped_frames) as u64;
    }
    Ok(())
}
