//! The example `service` in a process of its own, against the emulator: it is scraped while it carries visits, asked to end
//! by SIGTERM, and leaves every visit paused, or finished, with nothing lost.
#![cfg(unix)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ossicle_emulator::{Config, Emulator, SessionReport, SessionStatus};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const VISITS: usize = 20;
/// Long enough for a busy machine; a test that comes near it has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two scrapes while something is awaited that only a scrape can show.
const SCRAPE: Duration = Duration::from_millis(100);

struct Service {
    child: Child,
    out: BufReader<ChildStdout>,
    addr: String,
}

impl Service {
    fn start(emulator: &Emulator, drain: &str) -> Self {
        // Cargo builds examples beside tests: target/debug/deps/service-hash and target/debug/examples/service.
        let test = std::env::current_exe().expect("this program's path");
        let folder = test.parent().and_then(|deps| deps.parent()).expect("a target folder");
        let ca = std::env::temp_dir().join(format!("ossicle-service-{}-{drain}.pem", std::process::id()));
        std::fs::write(&ca, emulator.ca_pem().expect("TLS")).expect("the CA's file");
        let mut child = Command::new(folder.join("examples/service"))
            .env("OSSICLE_ENDPOINT", format!("https://localhost:{}", emulator.addr().port()))
            .env("OSSICLE_CA_FILE", &ca)
            .env("METRICS_ADDR", "127.0.0.1:0")
            .env("VISITS", VISITS.to_string())
            .env("DRAIN", drain)
            .env_remove("AWS_ACCESS_KEY_ID")
            .env_remove("AWS_SECRET_ACCESS_KEY")
            .env_remove("AWS_SESSION_TOKEN")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example: `cargo test -p ossicle` builds it, `--test service` alone does not");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("its first line");
        let addr = line.trim().strip_prefix("metrics: http://").and_then(|url| url.strip_suffix("/metrics"));
        let addr = addr.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned();
        Self { child, out, addr }
    }

    async fn get(&self, path: &str) -> (String, String) {
        let mut tcp = TcpStream::connect(&self.addr).await.expect("the endpoint");
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.addr);
        tcp.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
    }

    /// The samples of a scrape, by their name with labels.
    async fn scrape(&self) -> HashMap<String, f64> {
        let (status, body) = self.get("/metrics").await;
        assert_eq!(status, "HTTP/1.1 200 OK");
        let samples = body.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        samples
            .map(|line| {
                let (name, value) = line.rsplit_once(' ').expect("a name and a value");
                (name.to_owned(), value.parse().expect("a number"))
            })
            .collect()
    }

    /// Scrapes until it holds.
    async fn until(&self, holds: impl Fn(&HashMap<String, f64>) -> bool) -> HashMap<String, f64> {
        let begin = Instant::now();
        loop {
            let samples = self.scrape().await;
            if holds(&samples) {
                return samples;
            }
            assert!(begin.elapsed() < PATIENCE, "not in time: {samples:#?}");
            tokio::time::sleep(SCRAPE).await;
        }
    }

    /// Asks it to end as a platform does; what it printed since, and whether it ended well.
    async fn terminate(mut self) -> (String, bool) {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).expect("it runs");
        let ended = tokio::task::spawn_blocking(move || {
            let mut rest = String::new();
            self.out.read_to_string(&mut rest).expect("what it printed");
            (rest, self.child.wait().expect("its end").success())
        });
        tokio::time::timeout(PATIENCE, ended).await.expect("in time").expect("it ended")
    }
}

fn of(samples: &HashMap<String, f64>, name: &str) -> f64 {
    samples.get(name).copied().unwrap_or_else(|| panic!("no {name} in {samples:#?}"))
}

const STREAMING: &str = r#"ossicle_sessions{shard="0",state="streaming"}"#;
const DELIVERED: &str = r#"ossicle_frames_total{state="delivered"}"#;

/// Runs it until audio of all visits is delivered, looks at what it shows, and drains it.
async fn run(drain: &str) -> (Vec<SessionReport>, String) {
    let emulator = Emulator::start(Config::default()).await.expect("an emulator");
    let service = Service::start(&emulator, drain);
    // Two seconds of each visit: more than one PONG's worth.
    let frames = (VISITS * 32_000) as f64;
    let samples = service
        .until(|samples| {
            samples.get(STREAMING) == Some(&(VISITS as f64))
                && samples.get(DELIVERED).is_some_and(|delivered| *delivered >= frames)
        })
        .await;
    assert_eq!(service.get("/ready").await.0, "HTTP/1.1 200 OK");
    check(&samples);
    let (printed, well) = service.terminate().await;
    assert!(well, "{printed}");
    // The emulator has seen the ends before the process could exit.
    let reports = emulator.sessions();
    emulator.shutdown().await;
    (reports, printed)
}

fn check(samples: &HashMap<String, f64>) {
    let streams = of(samples, r#"ossicle_streams{shard="0"}"#);
    assert_eq!(streams, VISITS as f64);
    // Sixteen on a connection by default.
    assert_eq!(of(samples, r#"ossicle_connections{shard="0"}"#), VISITS.div_ceil(16) as f64);
    let captured = of(samples, r#"ossicle_frames_total{state="captured"}"#);
    let delivered = of(samples, DELIVERED);
    let in_flight = of(samples, r#"ossicle_frames{shard="0",state="in_flight"}"#);
    let held = of(samples, r#"ossicle_frames{shard="0",state="held"}"#);
    assert!(captured >= delivered && in_flight + held > 0.0, "{samples:#?}");
    for reason in ["ring_full", "held_limit", "unproven", "paused", "muted", "ended"] {
        assert_eq!(of(samples, &format!(r#"ossicle_dropped_frames_total{{reason="{reason}"}}"#)), 0.0);
    }
    let rtt_s = of(samples, r#"ossicle_rtt_max_seconds{shard="0"}"#);
    assert!(rtt_s > 0.0 && rtt_s < 5.0, "{rtt_s}");
    assert!(of(samples, r#"ossicle_lag_max_seconds{shard="0"}"#) < 5.0);
    assert!(of(samples, r#"ossicle_signature_age_max_seconds{shard="0"}"#) < 5.0);
    assert_eq!(of(samples, "ossicle_reconnects_total"), 0.0);
    assert_eq!(of(samples, "ossicle_credit_stalls_total"), 0.0);
    // 100 ms of audio in each message, and a configuration; what is sent and not delivered comes on top.
    let messages = of(samples, "ossicle_messages_total");
    assert!(messages >= delivered / 1_600.0 + VISITS as f64, "{messages}");
    assert!(of(samples, "ossicle_wire_bytes_total") >= delivered * 2.0);
}

/// The account that it printed: everything was delivered.
fn account(printed: &str, ended: &str) {
    let last = printed.lines().last().unwrap_or_default();
    assert!(last.contains(&format!("{ended}: {VISITS}")), "{printed}");
    assert!(last.contains("failed: 0") && last.contains("lost: 0"), "{printed}");
    assert!(last.ends_with("in time: true"), "{printed}");
}

#[tokio::test]
async fn sigterm_leaves_every_visit_paused() {
    let (reports, printed) = run("pause").await;
    account(&printed, "paused");
    assert_eq!(reports.len(), VISITS);
    for report in reports {
        assert_eq!(report.status, SessionStatus::Paused, "{:?}", report.problems);
        assert!(report.verified, "{:?}", report.problems);
    }
}

#[tokio::test]
async fn sigterm_can_finish_every_visit() {
    let (reports, printed) = run("finish").await;
    account(&printed, "finished");
    assert_eq!(reports.len(), VISITS);
    for report in reports {
        assert_eq!(report.status, SessionStatus::Completed, "{:?}", report.problems);
        assert!(report.verified, "{:?}", report.problems);
    }
}
