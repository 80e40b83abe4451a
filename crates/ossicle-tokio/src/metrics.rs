//! Counters and gauges through the `metrics` facade, sampled about once a second by each shard.
//!
//! Names follow the rules of Prometheus: a prefix, base units, the unit last, `_total` behind a counter. Install a recorder
//! before [`crate::Engine::start`]: a shard takes its handles when it starts.
//!
//! | name | kind | labels | unit |
//! |---|---|---|---|
//! | `ossicle_sessions` | gauge | `shard`, `state`: `opening`, `streaming`, `recovering`, `draining`, `paused` | sessions |
//! | `ossicle_connections`, `ossicle_streams` | gauge | `shard` | |
//! | `ossicle_frames_total` | counter | `state`: `captured`, `delivered`, `silence`, `resent` | frames |
//! | `ossicle_dropped_frames_total` | counter | `reason`: `ring_full`, `held_limit`, `unproven`, `paused`, `muted`, `ended` | frames |
//! | `ossicle_frames` | gauge | `shard`, `state`: `in_flight`, `held` | frames |
//! | `ossicle_reconnects_total`, `ossicle_messages_total`, `ossicle_wire_bytes_total` | counter | | reconnects, messages, bytes |
//! | `ossicle_credit_stalls_total` | counter | | times that a chunk of an answered stream had to wait for the peer's window |
//! | `ossicle_lag_max_seconds`, `ossicle_rtt_max_seconds` | gauge | `shard` | seconds, of the worst live session |
//! | `ossicle_signature_age_max_seconds` | gauge | `shard` | seconds, the oldest signature that any live session has sent |

use metrics::{Counter, Gauge, Unit, counter, describe_counter, describe_gauge, gauge};
use ossicle_core::io::SessionKey;
use ossicle_core::{DropReason, Ledger, Mono, Report, Stats};
use std::collections::HashMap;

/// Between two samples.
const INTERVAL_MS: u64 = 1_000;

/// Closed sessions are not counted: they are gone.
const STATE_NAMES: [&str; crate::shard::STATES - 1] =
    ["opening", "streaming", "recovering", "draining", "paused"];

const FRAMES: &str = "ossicle_frames_total";
const DROPPED: &str = "ossicle_dropped_frames_total";

/// What is counted upwards of a session: captured, delivered, silence, resent; reconnects, messages, bytes; then drops by reason.
const REASONS: usize = DropReason::ALL.len();
const RECONNECTS: usize = 4;
const TOTALS: usize = 7;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Totals {
    counts: [u64; TOTALS],
    dropped: [u64; REASONS],
}

impl Totals {
    fn of(ledger: &Ledger, reconnects: u64, messages: u64, wire_bytes: u64) -> Self {
        let mut dropped = [0; REASONS];
        for (place, (_, frames)) in dropped.iter_mut().zip(ledger.dropped_by_reason()) {
            *place = frames;
        }
        let Ledger { captured, delivered, silence, resent, .. } = *ledger;
        Self { counts: [captured, delivered, silence, resent, reconnects, messages, wire_bytes], dropped }
    }
}

/// What each name means, for whoever reads the endpoint.
fn describe() {
    describe_gauge!("ossicle_sessions", "Live sessions by state.");
    describe_gauge!("ossicle_connections", "Connections, made or on the way.");
    describe_gauge!("ossicle_streams", "Request streams.");
    describe_counter!(FRAMES, "Frames captured, proven delivered, put in as silence, sent again.");
    describe_counter!(DROPPED, "Captured frames that were dropped; paused and muted are no losses.");
    describe_gauge!("ossicle_frames", "Frames that are held, and sent without proof of delivery.");
    describe_counter!("ossicle_reconnects_total", "Streams that replaced a lost one.");
    describe_counter!("ossicle_messages_total", "Signed messages.");
    describe_counter!("ossicle_wire_bytes_total", Unit::Bytes, "Bytes of request bodies.");
    describe_counter!("ossicle_credit_stalls_total", "Times that a chunk waited for the peer's window.");
    describe_gauge!("ossicle_lag_max_seconds", Unit::Seconds, "Captured and not sent, worst live session.");
    describe_gauge!("ossicle_rtt_max_seconds", Unit::Seconds, "PING to PONG, worst live session.");
    describe_gauge!(
        "ossicle_signature_age_max_seconds",
        Unit::Seconds,
        "From signing to leaving for the socket, the oldest that a live session has sent."
    );
}

/// The sampler of a shard.
pub(crate) struct Sampler {
    due: Mono,
    known: HashMap<SessionKey, Totals>,
    totals: [Counter; TOTALS],
    dropped: [Counter; REASONS],
    stalls: Counter,
    states: [Gauge; STATE_NAMES.len()],
    connections: Gauge,
    streams: Gauge,
    in_flight: Gauge,
    held: Gauge,
    lag: Gauge,
    rtt: Gauge,
    age: Gauge,
}

/// What a sample of a shard adds up.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    pub(crate) counts: crate::shard::ShardStats,
    in_flight: u64,
    held: u64,
    lag_ms: u64,
    rtt_ms: f64,
    age_ms: u64,
}

impl Sampler {
    pub(crate) fn new(shard: usize) -> Self {
        describe();
        let shard = shard.to_string();
        let of_shard = |name: &'static str| gauge!(name, "shard" => shard.clone());
        Self {
            due: Mono(0),
            known: HashMap::new(),
            totals: [
                counter!(FRAMES, "state" => "captured"),
                counter!(FRAMES, "state" => "delivered"),
                counter!(FRAMES, "state" => "silence"),
                counter!(FRAMES, "state" => "resent"),
                counter!("ossicle_reconnects_total"),
                counter!("ossicle_messages_total"),
                counter!("ossicle_wire_bytes_total"),
            ],
            dropped: DropReason::ALL.map(|reason| counter!(DROPPED, "reason" => reason.as_str())),
            stalls: counter!("ossicle_credit_stalls_total"),
            states: STATE_NAMES
                .map(|state| gauge!("ossicle_sessions", "shard" => shard.clone(), "state" => state)),
            connections: of_shard("ossicle_connections"),
            streams: of_shard("ossicle_streams"),
            in_flight: gauge!("ossicle_frames", "shard" => shard.clone(), "state" => "in_flight"),
            held: gauge!("ossicle_frames", "shard" => shard.clone(), "state" => "held"),
            lag: of_shard("ossicle_lag_max_seconds"),
            rtt: of_shard("ossicle_rtt_max_seconds"),
            age: of_shard("ossicle_signature_age_max_seconds"),
        }
    }

    /// Whether a sample is due; the next one is due an interval later.
    pub(crate) fn is_due(&mut self, now: Mono) -> bool {
        let due = now >= self.due;
        if due {
            self.due = now.plus_ms(INTERVAL_MS);
        }
        due
    }

    pub(crate) fn credit_stalled(&self) {
        self.stalls.increment(1);
    }

    pub(crate) fn session(&mut self, key: SessionKey, stats: &Stats, sample: &mut Sample) {
        sample.counts.sessions[crate::shard::state_index(stats.state)] += 1;
        sample.in_flight += stats.ledger.in_flight;
        sample.held += stats.ledger.held;
        sample.lag_ms = sample.lag_ms.max(stats.lag_ms);
        sample.rtt_ms = sample.rtt_ms.max(stats.rtt_ms.unwrap_or(0.0));
        sample.age_ms = sample.age_ms.max(stats.signature_age_ms_max);
        let totals = Totals::of(&stats.ledger, stats.reconnects.into(), stats.messages, stats.wire_bytes);
        self.count(key, totals);
    }

    /// The session is over: what it counted since the last sample.
    pub(crate) fn closed(&mut self, key: SessionKey, report: &Report) {
        // A report has no count of reconnects; the streams after the first are it, if there were any.
        let reconnects = u64::from(report.connections.saturating_sub(1));
        let known = self.known.get(&key).map_or(0, |known| known.counts[RECONNECTS]);
        let totals = Totals::of(&report.ledger, reconnects.max(known), report.messages, report.wire_bytes);
        self.count(key, totals);
        self.known.remove(&key);
    }

    fn count(&mut self, key: SessionKey, totals: Totals) {
        let known = self.known.entry(key).or_default();
        let add = |counters: &[Counter], new: &[u64], old: &[u64]| {
            for ((counter, new), old) in counters.iter().zip(new).zip(old) {
                counter.increment(new.saturating_sub(*old));
            }
        };
        add(&self.totals, &totals.counts, &known.counts);
        add(&self.dropped, &totals.dropped, &known.dropped);
        *known = totals;
    }

    pub(crate) fn publish(&self, sample: &Sample) {
        for (gauge, sessions) in self.states.iter().zip(sample.counts.sessions) {
            gauge.set(sessions as f64);
        }
        self.connections.set(sample.counts.connections as f64);
        self.streams.set(sample.counts.streams as f64);
        self.in_flight.set(sample.in_flight as f64);
        self.held.set(sample.held as f64);
        self.lag.set(sample.lag_ms as f64 / 1e3);
        self.rtt.set(sample.rtt_ms / 1e3);
        self.age.set(sample.age_ms as f64 / 1e3);
    }
}
