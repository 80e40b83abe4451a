//! Events on their way to the application. A slow application loses its own oldest events, counted, and nothing else.

use crate::limits::EVENTS_QUEUED_MAX;
use ossicle_core::Event;
use ossicle_core::io::SessionKey;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What a queue gives out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Delivery {
    /// Something happened to a session.
    Event(SessionKey, Event),
    /// So many events of the session had to be thrown away at this place, because nobody polled.
    Discarded(SessionKey, u64),
}

impl Delivery {
    /// Whose it is.
    #[must_use]
    pub fn session(&self) -> SessionKey {
        match self {
            Self::Event(session, _) | Self::Discarded(session, _) => *session,
        }
    }

    fn is_closed(&self) -> bool {
        matches!(self, Self::Event(_, Event::Closed(_)))
    }
}

/// A function that is called when a queue that was empty has something to say. It must not block.
pub type WakeUp = Arc<dyn Fn() + Send + Sync>;

/// A bounded queue of events, of one session or of many. Clones are the same queue.
///
/// When it is full, partial transcripts give way to newer ones of the same segment first; then the oldest events
/// are thrown away and [`Delivery::Discarded`] tells how many, in their place. `Closed` is never lost.
#[derive(Clone)]
pub struct EventQueue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    capacity: usize,
    changed: Condvar,
    notify: Notify,
    wake_up: Option<WakeUp>,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Delivery>,
    discarded: u64,
}

impl Default for EventQueue {
    fn default() -> Self {
        Self::new(EVENTS_QUEUED_MAX, None)
    }
}

impl std::fmt::Debug for EventQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EventQueue({} of {})", self.len(), self.0.capacity)
    }
}

impl EventQueue {
    /// A queue for `capacity` events (at least 8). `wake_up` is called from a shard's thread whenever the queue stops
    /// being empty.
    #[must_use]
    pub fn new(capacity: usize, wake_up: Option<WakeUp>) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            capacity: capacity.max(8),
            changed: Condvar::new(),
            notify: Notify::new(),
            wake_up,
        }))
    }

    /// The next event, if one is there.
    #[must_use]
    pub fn try_next(&self) -> Option<Delivery> {
        let mut state = self.state();
        let next = state.entries.pop_front();
        if state.entries.is_empty() && state.entries.capacity() > 64 {
            state.entries.shrink_to(16);
        }
        next
    }

    /// Waits for the next event. Cancelling it loses nothing.
    pub async fn next(&self) -> Delivery {
        loop {
            if let Some(next) = self.try_next() {
                // Another waiter's notice may have been merged into ours.
                if !self.is_empty() {
                    self.0.notify.notify_one();
                }
                return next;
            }
            self.0.notify.notified().await;
        }
    }

    /// Blocks for the next event, up to `timeout`.
    #[must_use]
    pub fn poll(&self, timeout: Duration) -> Option<Delivery> {
        let until = Instant::now().checked_add(timeout);
        let mut state = self.state();
        loop {
            if let Some(next) = state.entries.pop_front() {
                return Some(next);
            }
            let left = match until {
                None => Duration::from_secs(3_600),
                Some(until) => until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?,
            };
            state = match self.0.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Events that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().entries.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().entries.is_empty()
    }

    /// Events thrown away since the queue was made.
    #[must_use]
    pub fn discarded(&self) -> u64 {
        self.state().discarded
    }

    pub(crate) fn push(&self, session: SessionKey, event: Event) {
        let mut state = self.state();
        let was_empty = state.entries.is_empty();
        if state.entries.len() >= self.0.capacity {
            state.make_room(self.0.capacity);
        }
        state.entries.push_back(Delivery::Event(session, event));
        drop(state);
        self.0.changed.notify_one();
        self.0.notify.notify_one();
        if was_empty && let Some(wake_up) = &self.0.wake_up {
            // The application's own code: its panic is not a reason to end sessions.
            let call = std::panic::AssertUnwindSafe(|| wake_up());
            if std::panic::catch_unwind(call).is_err() {
                tracing::error!("the wake-up function of an event queue panicked");
            }
        }
    }

    /// Takes everything of a session out, for one that is forgotten.
    pub(crate) fn forget(&self, session: SessionKey) {
        self.state().entries.retain(|entry| entry.session() != session);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Brings the queue under `capacity`, if anything but `Closed` is left to give way.
    fn make_room(&mut self, capacity: usize) {
        self.drop_outdated_partials();
        while self.entries.len() >= capacity {
            let gives_way = |entry: &Delivery| matches!(entry, Delivery::Event(..)) && !entry.is_closed();
            let Some(at) = self.entries.iter().position(gives_way) else { return };
            self.discard(at);
        }
    }

    /// A partial transcript says nothing once a later one of its segment waits behind it.
    fn drop_outdated_partials(&mut self) {
        let mut later = std::collections::HashSet::new();
        let mut outdated = Vec::new();
        for (at, entry) in self.entries.iter().enumerate().rev() {
            if let Delivery::Event(session, Event::Transcript(transcript)) = entry {
                let is_newest = later.insert((*session, transcript.segment_id.as_str()));
                if transcript.partial && !is_newest {
                    outdated.push(at);
                }
            }
        }
        for at in outdated {
            self.entries.remove(at);
        }
    }

    /// Turns the entry into a count, in its place, or adds it to the count that its session already has.
    fn discard(&mut self, at: usize) {
        self.discarded += 1;
        let session = self.entries[at].session();
        let counted = self.entries.iter_mut().find_map(|entry| match entry {
            Delivery::Discarded(whose, count) if *whose == session => Some(count),
            _ => None,
        });
        match counted {
            Some(count) => {
                *count += 1;
                self.entries.remove(at);
            }
            None => self.entries[at] = Delivery::Discarded(session, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ossicle_core::{Transcript, Warning};
    use std::sync::atomic::{AtomicU32, Ordering};

    const A: SessionKey = SessionKey(1);
    const B: SessionKey = SessionKey(2);

    fn transcript(segment: u32, partial: bool, text: &str) -> Event {
        Event::Transcript(Transcript {
            segment_id: segment.to_string(),
            begin_s: 0.0,
            end_s: 1.0,
            service_begin_s: None,
            service_end_s: None,
            channel: None,
            partial,
            text: text.to_owned(),
        })
    }

    fn texts(queue: &EventQueue) -> Vec<String> {
        std::iter::from_fn(|| queue.try_next())
            .map(|delivery| match delivery {
                Delivery::Event(_, Event::Transcript(transcript)) => transcript.text,
                Delivery::Event(..) => "other".to_owned(),
                Delivery::Discarded(session, count) => format!("{}:-{count}", session.0),
            })
            .collect()
    }

    #[test]
    fn partials_coalesce_by_segment_before_anything_is_lost() {
        let queue = EventQueue::new(8, None);
        queue.push(B, transcript(1, true, "b1"));
        for n in 0..20 {
            queue.push(A, transcript(1, true, &format!("a{n}")));
        }
        queue.push(A, transcript(1, false, "final"));
        let told = texts(&queue);
        assert_eq!(told.first().map(String::as_str), Some("b1"), "another session's segment is not touched");
        assert_eq!(told.last().map(String::as_str), Some("final"));
        assert!(told.len() <= 8);
        assert_eq!(queue.discarded(), 0, "an outdated partial is no loss");
    }

    #[test]
    fn the_oldest_gives_way_and_is_counted_in_its_place() {
        let queue = EventQueue::new(8, None);
        queue.push(B, transcript(0, false, "b"));
        for n in 0..20 {
            queue.push(A, transcript(n, false, &format!("a{n}")));
        }
        let told = texts(&queue);
        assert_eq!(told, ["2:-1", "1:-14", "a14", "a15", "a16", "a17", "a18", "a19"]);
        assert_eq!(queue.discarded(), 15);
    }

    #[test]
    fn a_blocking_poll_ends_by_its_timeout_or_by_an_event() {
        let queue = EventQueue::default();
        assert!(queue.poll(Duration::ZERO).is_none());
        assert!(queue.poll(Duration::from_millis(5)).is_none());
        let pusher = queue.clone();
        let thread = std::thread::spawn(move || pusher.push(A, Event::Warning(Warning::KeepAlive)));
        assert!(queue.poll(Duration::MAX).is_some());
        thread.join().expect("the pusher");
    }

    #[tokio::test]
    async fn two_waiters_get_one_event_each() {
        let queue = EventQueue::default();
        let both = tokio::spawn({
            let queue = queue.clone();
            async move { tokio::join!(queue.next(), queue.next()) }
        });
        tokio::task::yield_now().await;
        queue.push(A, Event::Resumed);
        queue.push(B, Event::Resumed);
        let (first, second) = both.await.expect("both waiters");
        assert_ne!(first.session(), second.session());
    }

    #[test]
    fn the_wake_up_comes_once_until_the_queue_is_empty_and_may_panic() {
        let calls = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&calls);
        let wake_up: WakeUp = Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let queue = EventQueue::new(8, Some(wake_up));
        queue.push(A, Event::Resumed);
        queue.push(A, Event::Resumed);
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(texts(&queue).len(), 2);
        queue.push(A, Event::Resumed);
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        let bad = EventQueue::new(8, Some(Arc::new(|| panic!("the application's mistake"))));
        bad.push(A, Event::Resumed);
        assert_eq!(bad.len(), 1);
    }

    #[test]
    fn a_forgotten_session_leaves_nothing() {
        let queue = EventQueue::default();
        queue.push(A, Event::Resumed);
        queue.push(B, transcript(1, false, "b"));
        queue.forget(A);
        assert_eq!(texts(&queue), ["b"]);
    }
}
