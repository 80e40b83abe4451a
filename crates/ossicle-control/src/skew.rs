//! How far the service's clock is from ours, learned from its answers.

use std::sync::Mutex;
use std::time::Duration;

use http::HeaderMap;

use crate::limits::CLOCK_ROUND_TRIP_MAX;

/// The difference between the service's clock and ours, shared by all calls of a client.
#[derive(Debug, Default)]
pub(crate) struct ClockSkew {
    ms: Mutex<Option<i64>>,
}

impl ClockSkew {
    /// What to add to our clock, in milliseconds; nothing while it is not known.
    pub(crate) fn ms(&self) -> Option<i64> {
        *self.ms.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Learns from an answer to a request that was sent at `sent_unix_ms` by our clock and took `elapsed`. Its `Date`
    /// is taken for the time in the middle. One that a cache gave (`Age`) or that took too long says nothing.
    pub(crate) fn learn(&self, headers: &HeaderMap, sent_unix_ms: i64, elapsed: Duration) {
        if headers.contains_key(http::header::AGE) || elapsed > CLOCK_ROUND_TRIP_MAX {
            return;
        }
        let date = headers.get(http::header::DATE).and_then(|value| value.to_str().ok());
        let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else { return };
        let since = date.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        // Bounded above by the round trip's limit, and HTTP dates end with the year 9999.
        let (date_unix_ms, half_ms) = (since.as_millis() as i64, (elapsed / 2).as_millis() as i64);
        let skew_ms = date_unix_ms - (sent_unix_ms + half_ms);
        *self.ms.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(skew_ms);
    }
}
