//! The wall clock that signatures are checked against, with an offset that tests can move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// A wall clock. Clones share their offset, so that a test can move an emulator's clock while it runs.
#[derive(Clone, Debug)]
pub struct Clock {
    fixed: Option<SystemTime>,
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock, with no offset.
    pub fn system() -> Self {
        Self { fixed: None, offset_ms: Arc::new(AtomicI64::new(0)) }
    }

    /// A clock that always shows `time` (plus the offset), for recorded requests.
    pub fn fixed(time: SystemTime) -> Self {
        Self { fixed: Some(time), offset_ms: Arc::new(AtomicI64::new(0)) }
    }

    /// Sets how far this clock is ahead (positive) or behind (negative), in milliseconds.
    pub fn set_offset_ms(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    /// The time that this clock shows.
    pub fn now(&self) -> SystemTime {
        let base = self.fixed.unwrap_or_else(SystemTime::now);
        let offset_ms = self.offset_ms.load(Ordering::Relaxed);
        let offset = Duration::from_millis(offset_ms.unsigned_abs());
        let moved = if offset_ms < 0 { base.checked_sub(offset) } else { base.checked_add(offset) };
        moved.unwrap_or(base)
    }

    pub(crate) fn now_ms(&self) -> i64 {
        unix_ms(self.now())
    }

    pub(crate) fn http_date(&self) -> String {
        DateTime::from(self.now()).fmt(Format::HttpDate).unwrap_or_default()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

/// Milliseconds since the epoch, negative before it.
pub(crate) fn unix_ms(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

/// `YYYYMMDDTHHMMSSZ` of a time, cut to the second; `None` outside the years 1 to 9999.
pub(crate) fn stamp(time: DateTime) -> Option<String> {
    let text = DateTime::from_secs(time.secs()).fmt(Format::DateTime).ok()?;
    let stamp: String = text.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    (stamp.len() == 16).then_some(stamp)
}

/// The time of a `YYYYMMDDTHHMMSSZ` stamp, as milliseconds since the epoch.
pub(crate) fn stamp_ms(stamp: &str) -> Option<i64> {
    let bytes = stamp.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' || !stamp.is_ascii() {
        return None;
    }
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &stamp[0..4],
        &stamp[4..6],
        &stamp[6..8],
        &stamp[9..11],
        &stamp[11..13],
        &stamp[13..15]
    );
    let time = DateTime::from_str(&text, Format::DateTime).ok()?;
    time.secs().checked_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_go_both_ways_and_refuse_nonsense() {
        let time = DateTime::from_secs(1_768_472_430);
        assert_eq!(stamp(time).as_deref(), Some("20260115T102030Z"));
        assert_eq!(stamp(DateTime::from_millis(1_768_472_430_987)).as_deref(), Some("20260115T102030Z"));
        assert_eq!(stamp_ms("20260115T102030Z"), Some(1_768_472_430_000));
        assert_eq!(stamp_ms("20261315T102030Z"), None);
        assert_eq!(stamp_ms("2026-115T102030Z"), None);
        assert_eq!(stamp_ms(""), None);
    }

    #[test]
    fn the_offset_moves_every_clone() {
        let clock = Clock::fixed(UNIX_EPOCH + Duration::from_secs(1_000));
        let other = clock.clone();
        other.set_offset_ms(-600_000);
        assert_eq!(clock.now_ms(), 400_000);
    }
}
