//! The signing clock: wall time, corrected by what the service's `Date` headers teach.
//!
//! Once taught, it runs on the monotonic clock, so that a wall clock that jumps does not break a chain. After a
//! jump (a clock that was set, or a machine that slept) the next request trusts the wall clock again: a refusal
//! for skew teaches the right time once more.

use crate::limits::SKEW_NOISE_MS;
use crate::time::{Mono, Now, UnixMillis};
use std::time::UNIX_EPOCH;

/// What turns monotonic time into signing time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SigningClock {
    /// Unix time minus monotonic time, ms.
    offset_ms: i64,
}

impl SigningClock {
    /// The time to sign with.
    pub(crate) fn at(self, mono: Mono) -> UnixMillis {
        UnixMillis(mono_ms(mono) + self.offset_ms)
    }
}

/// What the engine knows about time.
#[derive(Debug)]
pub(crate) struct Clock {
    wall_offset_ms: Option<i64>,
    taught_offset_ms: Option<i64>,
}

/// A wall clock that moved this much against the monotonic clock was set, or the machine slept.
const JUMP_MS: i64 = 2_000;

impl Clock {
    pub(crate) fn new() -> Self {
        Self { wall_offset_ms: None, taught_offset_ms: None }
    }

    /// Compares the two clocks; returns true when the wall clock jumped.
    pub(crate) fn observe(&mut self, now: Now) -> bool {
        let offset = now.wall.0 - mono_ms(now.mono);
        let jumped = self.wall_offset_ms.is_some_and(|known| (known - offset).abs() > JUMP_MS);
        if jumped {
            self.taught_offset_ms = None;
        }
        self.wall_offset_ms = Some(offset);
        jumped
    }

    /// The clock for a new stream.
    pub(crate) fn for_new_stream(&self) -> SigningClock {
        SigningClock { offset_ms: self.taught_offset_ms.or(self.wall_offset_ms).unwrap_or(0) }
    }

    /// Learns from a `Date` header that answers a request sent at `sent`. Returns the skew in ms, or `None` when
    /// the text is no date or the answer took too long to teach anything.
    pub(crate) fn learn(&mut self, date: &str, sent: Mono, now: Now) -> Option<i64> {
        let elapsed_ms = i64::try_from(now.mono.ms_since(sent)).ok()?;
        if elapsed_ms > ROUND_TRIP_MS_MAX {
            return None;
        }
        let date = httpdate::parse_http_date(date).ok()?.duration_since(UNIX_EPOCH).ok()?;
        // The header is cut to whole seconds; its middle is the best guess. It was written between our request
        // and now.
        let service_ms = i64::try_from(date.as_millis()).ok()? + 500 + elapsed_ms / 2;
        let skew_ms = service_ms - now.wall.0;
        if skew_ms.abs() <= SKEW_NOISE_MS + elapsed_ms {
            self.taught_offset_ms = None;
            return Some(0);
        }
        self.taught_offset_ms = Some(service_ms - mono_ms(now.mono));
        Some(skew_ms)
    }

    /// Whether the wall clock is far enough off that a signature by it would be refused.
    pub(crate) fn skew_ms(&self) -> i64 {
        match (self.taught_offset_ms, self.wall_offset_ms) {
            (Some(taught), Some(wall)) => taught - wall,
            _ => 0,
        }
    }
}

/// An answer that took longer says nothing about the clock (the official clients draw the line here too).
const ROUND_TRIP_MS_MAX: i64 = 15 * 60 * 1_000;

fn mono_ms(mono: Mono) -> i64 {
    i64::try_from(mono.0 / 1_000_000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(mono_ms: u64, wall: i64) -> Now {
        Now { mono: Mono(mono_ms * 1_000_000), wall: UnixMillis(wall) }
    }

    // 2026-01-15T10:30:30Z
    const DATE: &str = "Thu, 15 Jan 2026 10:30:30 GMT";
    const DATE_MS: i64 = 1_768_473_030_000;

    #[test]
    fn a_clock_ten_minutes_slow_is_corrected() {
        let mut clock = Clock::new();
        let start = now(1_000, DATE_MS - 600_000);
        clock.observe(start);
        let skew = clock.learn(DATE, Mono(900_000_000), start).expect("a date");
        assert!((599_000..=601_500).contains(&skew), "{skew}");
        let signed = clock.for_new_stream().at(Mono(61_000_000_000));
        assert!((signed.0 - (DATE_MS + 60_000)).abs() <= 1_500);
    }

    #[test]
    fn a_right_clock_is_left_alone() {
        let mut clock = Clock::new();
        let start = now(1_000, DATE_MS + 400);
        clock.observe(start);
        assert_eq!(clock.learn(DATE, Mono(900_000_000), start), Some(0));
        assert_eq!(clock.for_new_stream().at(start.mono), start.wall);
    }

    #[test]
    fn a_jump_forgets_the_correction_and_a_running_stream_keeps_its_clock() {
        let mut clock = Clock::new();
        clock.observe(now(0, 0));
        let stream = clock.for_new_stream();
        assert!(!clock.observe(now(10, 11)));
        assert!(clock.observe(now(20, 3_600_000)));
        assert_eq!(stream.at(Mono(30_000_000)), UnixMillis(30));
        assert_eq!(clock.for_new_stream().at(Mono(20_000_000)), UnixMillis(3_600_000));
    }

    #[test]
    fn nonsense_teaches_nothing() {
        let mut clock = Clock::new();
        assert_eq!(clock.learn("yesterday", Mono(0), now(1, 1)), None);
    }
}
