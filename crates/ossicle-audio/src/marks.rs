//! The second queue beside the ring: where frames are missing, and when frames were captured.
//!
//! One producer (the tap), one consumer (its reader). All of it is atomics, so it needs no unsafe code and loom can run
//! it. A mark is put in *before* the frames it stands ahead of are published, so whoever sees the frames sees the mark.
//! Marks carry running totals, not differences: two gaps in a row are one mark with the later total, which is how the
//! queue coalesces when it is full.

use crate::limits::MARK_SLOTS;
use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// Stands for "no capture time" in a slot.
const NO_TIME: u64 = u64::MAX;

/// What is known about the frame at `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Index of the frame among the accepted ones.
    pub(crate) at: u64,
    /// Frames dropped before it, in all.
    pub(crate) dropped_total: u64,
    /// When it was captured, on the caller's monotonic clock.
    pub(crate) captured_ns: Option<u64>,
}

#[derive(Default)]
struct Slot {
    at: AtomicU64,
    dropped_total: AtomicU64,
    captured_ns: AtomicU64,
}

/// The queue. `head` counts what was taken, `tail` what was put in; both only grow.
pub(crate) struct MarkQueue {
    slots: [Slot; MARK_SLOTS],
    head: AtomicUsize,
    tail: AtomicUsize,
}

impl MarkQueue {
    pub(crate) fn new() -> Self {
        Self { slots: Default::default(), head: AtomicUsize::new(0), tail: AtomicUsize::new(0) }
    }

    /// Marks in the queue, as the producer sees it: never too low.
    pub(crate) fn len(&self) -> usize {
        self.tail.load(Ordering::Relaxed).wrapping_sub(self.head.load(Ordering::Acquire))
    }

    /// Puts a mark in, or returns false when the queue is full. Only the producer calls it.
    pub(crate) fn try_push(&self, mark: Mark) -> bool {
        if self.len() >= MARK_SLOTS {
            return false;
        }
        let tail = self.tail.load(Ordering::Relaxed);
        let slot = &self.slots[tail % MARK_SLOTS];
        slot.at.store(mark.at, Ordering::Relaxed);
        slot.dropped_total.store(mark.dropped_total, Ordering::Relaxed);
        slot.captured_ns.store(mark.captured_ns.unwrap_or(NO_TIME), Ordering::Relaxed);
        self.tail.store(tail.wrapping_add(1), Ordering::Release);
        true
    }

    /// Takes the oldest mark. Only the consumer calls it.
    pub(crate) fn pop(&self) -> Option<Mark> {
        let head = self.head.load(Ordering::Relaxed);
        if head == self.tail.load(Ordering::Acquire) {
            return None;
        }
        let slot = &self.slots[head % MARK_SLOTS];
        let captured_ns = slot.captured_ns.load(Ordering::Relaxed);
        let mark = Mark {
            at: slot.at.load(Ordering::Relaxed),
            dropped_total: slot.dropped_total.load(Ordering::Relaxed),
            captured_ns: (captured_ns != NO_TIME).then_some(captured_ns),
        };
        self.head.store(head.wrapping_add(1), Ordering::Release);
        Some(mark)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_refuses_and_keeps_order() {
        let queue = MarkQueue::new();
        for at in 0..MARK_SLOTS as u64 {
            assert!(queue.try_push(Mark { at, dropped_total: at, captured_ns: Some(at) }));
        }
        assert!(!queue.try_push(Mark { at: 99, dropped_total: 99, captured_ns: None }));
        for at in 0..MARK_SLOTS as u64 {
            assert_eq!(queue.pop(), Some(Mark { at, dropped_total: at, captured_ns: Some(at) }));
        }
        assert_eq!(queue.pop(), None);
        assert!(queue.try_push(Mark { at: 99, dropped_total: 99, captured_ns: None }));
        assert_eq!(queue.pop(), Some(Mark { at: 99, dropped_total: 99, captured_ns: None }));
    }
}

/// Run with `RUSTFLAGS="--cfg loom" cargo test -p ossicle-audio --no-default-features --lib --target-dir target/loom model`.
#[cfg(all(test, loom))]
mod model {
    use super::*;
    use loom::sync::Arc;

    /// The tap's protocol in small: each step loses a frame and then offers one. A frame whose mark does not fit is lost too.
    /// `published` stands for the ring's write index.
    #[test]
    fn whoever_sees_a_frame_has_its_mark() {
        loom::model(|| {
            let queue = Arc::new(MarkQueue::new());
            let published = Arc::new(AtomicU64::new(0));
            let producer = {
                let (queue, published) = (queue.clone(), published.clone());
                loom::thread::spawn(move || {
                    let (mut accepted, mut dropped_total) = (0, 0);
                    for _ in 0..3 {
                        dropped_total += 1;
                        let captured_ns = Some(dropped_total * 10);
                        if queue.try_push(Mark { at: accepted, dropped_total, captured_ns }) {
                            accepted += 1;
                            published.store(accepted, Ordering::Release);
                        } else {
                            dropped_total += 1;
                        }
                    }
                    (accepted, dropped_total)
                })
            };
            let (mut marks, mut last_total) = (0, 0);
            let mut read = |fill: u64| {
                while let Some(mark) = queue.pop() {
                    // In order, whole, and with a total that never falls.
                    assert_eq!(mark.at, marks);
                    assert_eq!(mark.captured_ns, Some(mark.dropped_total * 10));
                    assert!(mark.dropped_total > last_total);
                    last_total = mark.dropped_total;
                    marks += 1;
                }
                assert!(marks >= fill, "frame {fill} was seen without its mark");
            };
            for _ in 0..2 {
                read(published.load(Ordering::Acquire));
            }
            let (accepted, dropped_total) = producer.join().unwrap();
            read(accepted);
            assert_eq!(marks, accepted);
            assert!(last_total <= dropped_total && accepted >= 2);
        });
    }
}
