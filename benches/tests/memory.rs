//! What a session costs in memory: five thousand of them against the sink at 1,000 streams a connection, some at the default
//! and at one stream each, and the bound that an engine names before it is started.
//!
//! Resident memory is what an operator pays for, so that is what is judged. Rings and held audio are taken out by what
//! they are known to take.

#[cfg(target_os = "linux")]
fn main() {
    use ossicle_benches::capacity::roles;
    if !roles::play() && !test::play() {
        test::five_thousand_sessions_fit();
        test::few_streams_a_connection_stay_within_the_bound();
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod test {
    use ossicle_benches::capacity::roles::{Job, Sink};
    use ossicle_benches::capacity::{Client, Spec, messages, ours, usage};
    use ossicle_core::{Ended, Event};
    use ossicle_tokio::Delivery;
    use serde::{Deserialize, Serialize};
    use std::io::Write;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    const SESSIONS: u32 = 5_000;
    /// Beside the ring and held audio. PCM has no encoder.
    const SESSION_BYTES_MAX: u64 = 6_000;
    /// Each session gets 100 ms of audio this often: far under real time, so that a busy machine is no matter.
    const ROUND: Duration = Duration::from_millis(700);
    const ROUNDS: u32 = 6;
    /// Held audio is looked at this often.
    const LOOK: Duration = Duration::from_millis(20);
    /// Longest silence while sessions are finished.
    const FINISH_MAX: Duration = Duration::from_secs(30);

    /// The argument that makes this program one that measures itself: each case has a process of its own, since an
    /// allocator keeps what was needed once.
    const ROLE: &str = "--measure";

    /// What a process found.
    #[derive(Debug, Clone, Copy, Serialize, Deserialize)]
    struct Found {
        resident: u64,
        /// The most that held audio took of it.
        held: u64,
        /// The engine's own bound.
        bound: u64,
    }

    /// Measures, if this process was started for it.
    pub(super) fn play() -> bool {
        let arguments: Vec<String> = std::env::args().collect();
        let Some(at) = arguments.iter().position(|argument| argument == ROLE) else { return false };
        usage::many_descriptors();
        let spec: Spec = serde_json::from_str(&arguments[at + 1]).expect("a spec");
        let found = serde_json::to_string(&resident(&spec)).expect("JSON");
        std::io::stdout().write_all(found.as_bytes()).expect("the parent reads");
        true
    }

    fn measure(spec: &Spec) -> Found {
        let json = serde_json::to_string(spec).expect("JSON");
        let program = std::env::current_exe().expect("this program's path");
        let output = Command::new(program).args([ROLE, &json]).stderr(Stdio::inherit()).output();
        let output = output.expect("a process");
        assert!(output.status.success(), "{}", output.status);
        serde_json::from_slice(&output.stdout).expect("what it found")
    }

    /// Bytes of a session beside ring and held audio, against a process with one session: code, TLS and the runtime are an
    /// engine's, not a session's.
    fn bytes_each(spec: &Spec) -> u64 {
        let one = measure(&Spec { sessions: 1, ..spec.clone() });
        let all = measure(spec);
        let grown = all.resident.saturating_sub(one.resident);
        let sessions = u64::from(spec.sessions);
        let each = grown.saturating_sub(all.held) / sessions - ours::RING_BYTES;
        eprintln!(
            "{sessions} sessions, {} streams a connection: {:.1} MB more than one; held audio {} bytes a session; beside it and the ring {each}; resident {:.1} MB, bound {:.1} MB",
            spec.streams_per_connection,
            grown as f64 / 1e6,
            all.held / sessions,
            all.resident as f64 / 1e6,
            all.bound as f64 / 1e6
        );
        assert!(all.resident <= all.bound, "{all:?}: more is resident than was stated");
        each
    }

    pub(super) fn five_thousand_sessions_fit() {
        let each = bytes_each(&Spec::real_time(Client::Ours, SESSIONS, 0.0));
        assert!(each <= SESSION_BYTES_MAX, "{each} bytes a session beside ring and held audio");
    }

    /// The default, and one stream on each connection: TLS and HTTP/2 are most of what a session then costs.
    pub(super) fn few_streams_a_connection_stay_within_the_bound() {
        for (sessions, streams_per_connection) in [(1_000, 16), (500, 1)] {
            let spec = Spec { streams_per_connection, ..Spec::real_time(Client::Ours, sessions, 0.0) };
            bytes_each(&spec);
        }
    }

    /// Resident memory with sessions that have been streaming.
    fn resident(spec: &Spec) -> Found {
        let sink = Sink::start(spec);
        let job = Job { spec: spec.clone(), address: sink.address.clone() };
        let bound = ours::options(&job).memory_bytes(&ours::input(500));
        let mut sessions = ours::open(&job);
        let audio = messages::audio(spec.chunk_bytes());
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (mut looked, mut held_bytes_max) = (Instant::now(), 0);
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            for tap in &mut sessions.taps {
                assert_eq!(tap.push_bytes(&audio, None).dropped_frames, 0);
            }
            // As an application does: events are read as they come, and do not pile up.
            while begin.elapsed() < ROUND {
                let _ = sessions.queue.poll(LOOK.min(ROUND.saturating_sub(begin.elapsed())));
                if looked.elapsed() >= LOOK {
                    looked = Instant::now();
                    let stats = runtime.block_on(sessions.engine.stats());
                    held_bytes_max = held_bytes_max.max(stats.held_memory_bytes);
                }
            }
        }
        let stats = runtime.block_on(sessions.engine.stats());
        assert_eq!(stats.streaming, spec.sessions as usize, "{stats:?}");
        assert_eq!(stats.connections, spec.sessions.div_ceil(spec.streams_per_connection) as usize);
        let resident = usage::rss_bytes();
        for session in &sessions.sessions {
            session.finish().expect("taken");
        }
        let mut finished = 0;
        while finished < spec.sessions {
            match sessions.queue.poll(FINISH_MAX) {
                Some(Delivery::Event(_, Event::Closed(report))) => {
                    assert_eq!(report.ended, Ended::Finished, "{report:?}");
                    assert_eq!(report.ledger.delivered, report.ledger.captured, "{report:?}");
                    finished += 1;
                }
                Some(_) => {}
                None => panic!("{finished} of {} sessions are finished", spec.sessions),
            }
        }
        let counts = sink.end();
        // A configuration, the chunks, the end of the session and the empty message that closes the stream.
        assert_eq!(counts.messages, u64::from(spec.sessions * (1 + ROUNDS + 2)), "messages");
        Found { resident, held: held_bytes_max, bound }
    }
}
