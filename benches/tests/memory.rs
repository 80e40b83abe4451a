//! What a session costs in memory: five thousand of them against the sink, and the bound that an engine names before it
//! is started.
//!
//! Resident memory is what an operator pays for, so that is what is judged. Rings and held audio are taken out by what
//! they are known to take.

#[cfg(target_os = "linux")]
fn main() {
    use ossicle_benches::capacity::roles;
    if !roles::play() {
        test::five_thousand_sessions_fit();
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
    use std::time::{Duration, Instant};

    const SESSIONS: u32 = 5_000;
    /// Beside the ring and held audio. PCM has no encoder.
    const SESSION_BYTES_MAX: u64 = 6_000;
    /// 500 ms of samples, and the block with the two indices, each on cache lines of its own.
    const RING_BYTES: u64 = 16_000 + 512;
    /// Each session gets 100 ms of audio this often: far under real time, so that a busy machine is no matter.
    const ROUND: Duration = Duration::from_millis(700);
    const ROUNDS: u32 = 6;
    /// Held audio is looked at this often.
    const LOOK: Duration = Duration::from_millis(20);
    /// Longest silence while sessions are finished.
    const FINISH_MAX: Duration = Duration::from_secs(30);

    pub(super) fn five_thousand_sessions_fit() {
        usage::many_descriptors();
        let spec = Spec::real_time(Client::Ours, SESSIONS, 0.0);
        // One session first: code, TLS and the runtime are an engine's, not a session's.
        let (first, ..) = resident(&Spec { sessions: 1, ..spec.clone() });
        let (all, held, bound) = resident(&spec);
        let grown = all.saturating_sub(first);
        let each = grown.saturating_sub(held) / u64::from(SESSIONS) - RING_BYTES;
        eprintln!(
            "{SESSIONS} sessions: {:.1} MB more than one; held audio {} bytes a session; beside it and the ring {each}; bound {:.1} MB",
            grown as f64 / 1e6,
            held / u64::from(SESSIONS),
            bound as f64 / 1e6
        );
        assert!(each <= SESSION_BYTES_MAX, "{each} bytes a session beside ring and held audio");
        assert!(all <= bound, "{all} bytes are resident, and at most {bound} were stated");
    }

    /// Resident memory with sessions that have been streaming, the most that held audio took of it (the allocator does not
    /// give back what was needed for a moment), and the engine's own bound.
    fn resident(spec: &Spec) -> (u64, u64, u64) {
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
        (resident, held_bytes_max, bound)
    }
}
