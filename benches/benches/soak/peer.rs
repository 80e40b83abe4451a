//! The emulator in a process of its own, with a hand that pulls cables.

use ossicle_benches::capacity::roles::session_id;
use ossicle_emulator::{Config, Emulator, Fault, SessionStatus};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::time::Duration;

/// The argument that makes this program the peer.
pub(crate) const ROLE: &str = "--peer";

/// Longer than any soak.
const FOR_EVER: Duration = Duration::from_secs(10_000 * 3_600);
/// Between two faults, at least and at most.
const FAULT_MS: (u64, u64) = (500, 3_500);

/// What a client needs to reach it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) port: u16,
    pub(crate) ca_pem: String,
}

/// What the emulator found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// Sessions that ended with END_OF_SESSION.
    pub(crate) completed: u64,
    /// Sessions in which anything was wrong, and what the first of them says.
    pub(crate) unverified: u64,
    pub(crate) problems: Vec<String>,
    /// Frames taken, repeats included.
    pub(crate) frames: u64,
    pub(crate) messages: u64,
    /// Request streams over all sessions.
    pub(crate) streams: u64,
    pub(crate) faults: [u64; 4],
}

/// Serves until standard input ends; the verdict is the last line.
pub(crate) fn run(sessions: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let verdict = runtime.block_on(async {
        let mut config = Config::default();
        config.limits.audio_max = FOR_EVER;
        config.limits.resume_window = FOR_EVER;
        config.limits.concurrent_streams_max = 1_000;
        let emulator = Emulator::start(config).await.expect("an emulator");
        let ca_pem = emulator.ca_pem().expect("TLS").to_owned();
        print(&Address { port: emulator.addr().port(), ca_pem });
        let (quiet, mut be_quiet) = tokio::sync::oneshot::channel::<()>();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            // The first line asks for peace, the end of input for the verdict.
            let mut line = String::new();
            let _ = std::io::stdin().lock().read_line(&mut line);
            drop(quiet);
            while std::io::stdin().lock().read_line(&mut line).is_ok_and(|bytes| bytes > 0) {}
            drop(end);
        });
        let mut faults = [0; 4];
        let mut chance = Chance(0x5a5a_1234_9876_0001);
        loop {
            let wait = Duration::from_millis(FAULT_MS.0 + chance.below(FAULT_MS.1 - FAULT_MS.0));
            tokio::select! {
                () = tokio::time::sleep(wait) => strike(&emulator, sessions, &mut chance, &mut faults),
                _ = &mut be_quiet => break,
            }
        }
        let _ = ended.await;
        judge(&emulator, faults)
    });
    print(&verdict);
}

fn strike(emulator: &Emulator, sessions: u32, chance: &mut Chance, faults: &mut [u64; 4]) {
    let kind = chance.below(8) as usize;
    match kind {
        0 => emulator.faults().drop_connections(),
        1 => emulator.faults().goaway_connections(),
        _ => {
            let index = chance.below(sessions.into()) as u32;
            let fault = if kind < 5 {
                Fault::Reset { after_messages: 0, reason: 2 }
            } else {
                Fault::EndEarly { after_messages: 0 }
            };
            // A session that has no stream just now is left alone.
            if !emulator.faults().now(session_id(index).as_str(), fault) {
                return;
            }
        }
    }
    faults[[0, 1, 2, 2, 2, 3, 3, 3][kind]] += 1;
}

fn judge(emulator: &Emulator, faults: [u64; 4]) -> Verdict {
    let mut verdict = Verdict { faults, ..Verdict::default() };
    for session in emulator.sessions() {
        verdict.completed += u64::from(session.status == SessionStatus::Completed);
        verdict.frames += session.frames;
        verdict.messages += session.messages;
        verdict.streams += session.connections.len() as u64;
        if !session.verified {
            verdict.unverified += 1;
            if verdict.problems.is_empty() {
                verdict.problems = session.problems;
            }
        }
    }
    verdict
}

fn print(value: &impl Serialize) {
    let line = serde_json::to_string(value).expect("JSON");
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("the parent reads");
}

/// Chance that is the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % most.max(1)
    }
}
