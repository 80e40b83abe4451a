//! Waits between attempts: doubled, jittered, bounded in rate and not in patience.

use crate::limits::{BACKOFF_BASE_MS, BACKOFF_MAX_MS};
use crate::rng::Rng;

/// The retry budget of one session, or of one endpoint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait: full jitter, but never less than a quarter of the step, so that attempts stay bounded in
    /// rate even with a lucky draw.
    pub(crate) fn next_ms(&mut self, rng: &mut Rng) -> u64 {
        let step = (BACKOFF_BASE_MS << self.failures.min(16)).min(BACKOFF_MAX_MS);
        self.failures = self.failures.saturating_add(1);
        step / 4 + rng.up_to(step - step / 4)
    }

    /// Attempts since the last success, counting the one that comes.
    pub(crate) fn attempt(&self) -> u32 {
        self.failures
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_bound_and_reset() {
        let mut rng = Rng::new(7);
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..40).map(|_| backoff.next_ms(&mut rng)).collect();
        assert!(waits[0] <= BACKOFF_BASE_MS);
        assert!(waits.iter().all(|wait| *wait <= BACKOFF_MAX_MS));
        assert!(waits[20..].iter().all(|wait| *wait >= BACKOFF_MAX_MS / 4));
        backoff.reset();
        assert!(backoff.next_ms(&mut rng) <= BACKOFF_BASE_MS);
    }
}
