//! What many sessions at once may not do to each other, against the sink in a process of its own: wait behind the peer's
//! limit of streams, open a connection each, delay the others while one has a stalled window or much to catch up on, or
//! move between shards.

#[cfg(target_os = "linux")]
fn main() {
    use ossicle_benches::capacity::roles;
    if roles::play() {
        return;
    }
    test::all_start_together();
    test::one_that_disturbs_delays_nobody();
    test::sessions_are_spread_over_shards();
}

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
mod test {
    use ossicle_benches::capacity::messages::{STAMP_BYTES, audio};
    use ossicle_benches::capacity::roles::{Job, Sink};
    use ossicle_benches::capacity::{Client, Counts, Spec, ours, usage};
    use ossicle_core::{Event, Overflow, SessionConfig};
    use ossicle_tokio::Delivery;
    use std::time::{Duration, Instant};

    /// Two ticks of the engine: how much later the others' chunks may leave.
    const LATER_US_MAX: u64 = 20_000;
    /// Opening a thousand sessions takes a fraction of it, even on a busy machine and without optimisation.
    const OPENING_S_MAX: f64 = 20.0;

    fn spec(sessions: u32) -> Spec {
        Spec { latency: true, pinned: false, ..Spec::real_time(Client::Ours, sessions, 0.0) }
    }

    /// A thousand sessions opened at once, where the peer allows a hundred streams on a connection.
    pub(super) fn all_start_together() {
        const SESSIONS: u32 = 1_000;
        const ALLOWED: u32 = 100;
        let spec = Spec { streams_max: ALLOWED, ..spec(SESSIONS) };
        let sink = Sink::start(&spec);
        let job = Job { spec, address: sink.address.clone() };
        let begin = Instant::now();
        // Returns when each has its answer: with all of them streaming, none waited for another's end.
        let sessions = ours::open(&job);
        let opening_s = begin.elapsed().as_secs_f64();
        drop(sessions);
        let counts = sink.end();
        eprintln!("{SESSIONS} sessions open after {opening_s:.2} s on {} connections", counts.connections);
        assert_eq!(counts.connections, u64::from(SESSIONS.div_ceil(ALLOWED)), "one handshake each");
        assert_eq!(counts.streams, u64::from(SESSIONS), "no stream was refused and opened again");
        assert_eq!(counts.streams_max, u64::from(SESSIONS), "all were open at once");
        assert!(opening_s < OPENING_S_MAX, "{opening_s} s");
    }

    /// Sessions that speak, beside one that disturbs them.
    const OTHERS: u32 = 200;
    /// Chunks of each.
    const CHUNKS: u32 = 60;
    /// Longest silence while sessions are finished.
    const FINISH_MAX: Duration = Duration::from_secs(30);

    /// Chunks of all sessions, one after another as microphones give them; the sink says how long each took to arrive.
    /// With `disturbing`, one session more is given as much audio as it takes, all the time.
    fn stream(spec: &Spec, disturbing: Option<SessionConfig>) -> Counts {
        let sink = Sink::start(spec);
        let job = Job { spec: spec.clone(), address: sink.address.clone() };
        let mut sessions = ours::open(&job);
        let mut flood = disturbing.map(|config| {
            sessions.begin(config, &ours::input(10_000));
            sessions.until_open(1);
            sessions.taps.pop().expect("it was begun")
        });
        let mut audio = audio(spec.chunk_bytes());
        // Not among the latencies that are judged.
        let of_flood = vec![0; spec.chunk_bytes()];
        let (begin, chunk) = (Instant::now(), Duration::from_millis(spec.chunk_ms.into()));
        for number in 0..CHUNKS {
            for session in 0..OTHERS {
                let due = begin + chunk * number + chunk * session / OTHERS;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                audio[..STAMP_BYTES].copy_from_slice(&usage::now_ns().to_le_bytes());
                let pushed = sessions.taps[session as usize].push_bytes(&audio, None);
                assert_eq!(pushed.dropped_frames, 0);
                while let Some(tap) = flood.as_mut().filter(|tap| tap.free_frames() >= of_flood.len() / 2) {
                    assert_eq!(tap.push_bytes(&of_flood, None).dropped_frames, 0);
                }
            }
            while sessions.queue.try_next().is_some() {}
        }
        if let Some(tap) = &flood {
            eprintln!("the one beside them was given {} s of audio", tap.accepted_frames() / 16_000);
        }
        for session in &sessions.sessions[..OTHERS as usize] {
            session.finish().expect("taken");
        }
        let mut finished = 0;
        while finished < OTHERS {
            let delivery = sessions.queue.poll(FINISH_MAX).expect("not in time");
            if let Delivery::Event(_, Event::Closed(report)) = delivery {
                assert_eq!(report.ledger.delivered, report.ledger.captured, "{report:?}");
                finished += 1;
            }
        }
        drop(sessions);
        sink.end()
    }

    fn compare(what: &str, alone: [u64; 4], beside: [u64; 4]) {
        eprintln!("p50/p90/p99/max us: {alone:?} alone, {beside:?} beside {what}");
        assert!(
            beside[2] <= alone[2] + LATER_US_MAX,
            "p99 of the others is {} us beside {what}, {} us without",
            beside[2],
            alone[2]
        );
    }

    fn disturbing(spec: &Spec) -> SessionConfig {
        let mut config = ours::session_config(OTHERS, spec);
        config.pace = f32::INFINITY;
        config.overflow = Overflow::Wait;
        config
    }

    /// One whose window is closed for good, and one that has a backlog that never ends.
    pub(super) fn one_that_disturbs_delays_nobody() {
        let spec = spec(OTHERS);
        let latency = |counts: Counts| counts.latency_us.expect("latencies");
        let alone = latency(stream(&spec, None));
        let stalled = Spec { stalled: Some(OTHERS), ..spec.clone() };
        compare("one that is stalled", alone, latency(stream(&stalled, Some(disturbing(&stalled)))));
        compare("one that catches up", alone, latency(stream(&spec, Some(disturbing(&spec)))));
    }

    /// Each shard carries the same number, on a connection of its own, and keeps it.
    pub(super) fn sessions_are_spread_over_shards() {
        const SHARDS: u32 = 4;
        let spec = Spec { shards: SHARDS, ..spec(OTHERS) };
        let counts = stream(&spec, None);
        eprintln!("{SHARDS} shards: {counts:?}");
        assert_eq!(counts.connections, u64::from(SHARDS), "one connection each, and no other one later");
        assert_eq!(counts.streams_on_connection_max, u64::from(OTHERS / SHARDS), "spread evenly");
        assert_eq!(counts.streams, u64::from(OTHERS), "no session was given a second stream");
        // A configuration, the chunks, the end of the session and the empty message that closes the stream.
        assert_eq!(counts.messages, u64::from(OTHERS * (1 + CHUNKS + 2)));
    }
}
