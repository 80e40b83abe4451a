//! Counters and gauges through the `metrics` facade, sampled about once a second by each shard.
//!
//! | name | kind | labels | unit |
//! |---|---|---|---|
//! | `ossicle_sessions` | gauge | `shard`, `state` | sessions |
//! | `ossicle_connections`, `ossicle_streams` | gauge | `shard` | |
//! | `ossicle_frames_total` | counter | `state`: `captured`, `delivered`, `dropped`, `silence`, `resent` | frames |
//! | `ossicle_frames` | gauge | `shard`, `state`: `in_flight`, `held` | frames |
//! | `ossicle_reconnects_total`, `ossicle_messages_total`, `ossicle_wire_bytes_total` | counter | | |
//! | `ossicle_credit_stalls_total` | counter | | times that a chunk had to wait for the peer's window |
//! | `ossicle_lag_seconds_max`, `ossicle_rtt_seconds_max`, `ossicle_signature_age_seconds_max` | gauge | `shard` | seconds, of the worst live session |

use metrics::{Counter, Gauge, counter, gauge};
use ossicle_core::io::SessionKey;
use ossicle_core::{Mono, Report, Stats};
use std::collections::HashMap;

/// Between two samples.
const INTERVAL_MS: u64 = 1_000;

const STATE_NAMES: [&str; crate::shard::STATES] =
    ["opening", "streaming", "recovering", "draining", "paused", "closed"];

/// What is counted upwards of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Totals([u64; 8]);

const TOTALS: [(&str, Option<&str>); 8] = [
    ("ossicle_frames_total", Some("captured")),
    ("ossicle_frames_total", Some("delivered")),
    ("ossicle_frames_total", Some("dropped")),
    ("ossicle_frames_total", Some("silence")),
    ("ossicle_frames_total", Some("resent")),
    ("ossicle_reconnects_total", None),
    ("ossicle_messages_total", None),
    ("ossicle_wire_bytes_total", None),
];

impl Totals {
    fn of(ledger: &ossicle_core::Ledger, reconnects: u64, messages: u64, wire_bytes: u64) -> Self {
        Self([
            ledger.captured,
            ledger.delivered,
            ledger.dropped(),
            ledger.silence,
            ledger.resent,
            reconnects,
            messages,
            wire_bytes,
        ])
    }
}

/// The sampler of a shard.
pub(crate) struct Sampler {
    due: Mono,
    known: HashMap<SessionKey, Totals>,
    totals: [Counter; 8],
    stalls: Counter,
    states: [Gauge; crate::shard::STATES],
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
        let shard = shard.to_string();
        let of_shard = |name: &'static str| gauge!(name, "shard" => shard.clone());
        Self {
            due: Mono(0),
            known: HashMap::new(),
            totals: TOTALS.map(|(name, state)| match state {
                Some(state) => counter!(name, "state" => state),
                None => counter!(name),
            }),
            stalls: counter!("ossicle_credit_stalls_total"),
            states: STATE_NAMES
                .map(|state| gauge!("ossicle_sessions", "shard" => shard.clone(), "state" => state)),
            connections: of_shard("ossicle_connections"),
            streams: of_shard("ossicle_streams"),
            in_flight: gauge!("ossicle_frames", "shard" => shard.clone(), "state" => "in_flight"),
            held: gauge!("ossicle_frames", "shard" => shard.clone(), "state" => "held"),
            lag: of_shard("ossicle_lag_seconds_max"),
            rtt: of_shard("ossicle_rtt_seconds_max"),
            age: of_shard("ossicle_signature_age_seconds_max"),
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
        let known = self.known.get(&key).map_or(0, |known| known.0[5]);
        let totals = Totals::of(&report.ledger, reconnects.max(known), report.messages, report.wire_bytes);
        self.count(key, totals);
        self.known.remove(&key);
    }

    fn count(&mut self, key: SessionKey, totals: Totals) {
        let known = self.known.entry(key).or_default();
        for ((counter, new), old) in self.totals.iter().zip(totals.0).zip(known.0) {
            counter.increment(new.saturating_sub(old));
        }
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
