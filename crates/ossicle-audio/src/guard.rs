//! A guard for callers whose language does not rule a second pusher out.

use crate::sync::{AtomicBool, Ordering};

/// Lets one thread at a time through, and turns the second away at once instead of making it wait.
///
/// In Rust `&mut Tap` already says that there is one pusher. Across the C border nothing does, so the border holds
/// this guard and answers "bad state" where there would be a data race.
///
/// # Real-time
/// Entering is one atomic compare-and-exchange, leaving is one atomic store.
#[derive(Debug)]
pub struct PushGuard {
    busy: AtomicBool,
}

impl Default for PushGuard {
    fn default() -> Self {
        Self::new()
    }
}

impl PushGuard {
    /// Makes a guard that nobody is inside of.
    pub fn new() -> Self {
        Self { busy: AtomicBool::new(false) }
    }

    /// Enters, or returns `None` when another thread is inside. Dropping the permit leaves.
    pub fn try_enter(&self) -> Option<PushPermit<'_>> {
        // Acquire pairs with the Release of the one who left: what it did inside is seen by the one who enters.
        // A permit is made only then: one that is made and dropped would let the next in.
        // Those turned away write nothing, so they cannot stand in the way of the one who leaves.
        let entered = self.busy.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok();
        entered.then(|| PushPermit { guard: self })
    }
}

/// Proof of being the one inside a [`PushGuard`].
#[derive(Debug)]
pub struct PushPermit<'a> {
    guard: &'a PushGuard,
}

impl Drop for PushPermit<'_> {
    fn drop(&mut self) {
        self.guard.busy.store(false, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_turned_away_until_the_first_leaves() {
        let guard = PushGuard::new();
        let permit = guard.try_enter().expect("nobody is inside");
        // Being turned away must not open the guard: it did, and loom found it.
        assert!(guard.try_enter().is_none());
        assert!(guard.try_enter().is_none());
        drop(permit);
        assert!(guard.try_enter().is_some());
    }
}

/// Run with `RUSTFLAGS="--cfg loom" cargo test -p ossicle-audio --no-default-features --lib --target-dir target/loom model`.
#[cfg(all(test, loom))]
mod model {
    use super::*;
    use crate::sync::AtomicUsize;
    use loom::sync::Arc;

    #[test]
    fn no_two_are_inside_and_the_next_sees_what_the_last_did() {
        loom::model(|| {
            let guard = Arc::new(PushGuard::new());
            // Read and written in two steps without an order of its own: two at once, or a stale read, would lose a count.
            let count = Arc::new(AtomicUsize::new(0));
            let visit = |guard: &PushGuard, count: &AtomicUsize| match guard.try_enter() {
                Some(_permit) => {
                    let seen = count.load(Ordering::Relaxed);
                    loom::thread::yield_now();
                    count.store(seen + 1, Ordering::Relaxed);
                    1
                }
                None => 0,
            };
            let other = {
                let (guard, count) = (guard.clone(), count.clone());
                loom::thread::spawn(move || visit(&guard, &count) + visit(&guard, &count))
            };
            let entered = visit(&guard, &count) + visit(&guard, &count);
            let entered = entered + other.join().unwrap();
            assert!(guard.try_enter().is_some());
            assert_eq!(count.load(Ordering::Relaxed), entered);
        });
    }
}
