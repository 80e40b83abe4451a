//! What is ready to be polled. A wake-up sets a flag and puts a number into a list: no task for each stream, no
//! search over all of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// What a flag stands for: a slot of the shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Conn(u32),
    Stream(u32),
}

/// What woke since it was last looked at.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    conns: Vec<u32>,
    streams: Vec<u32>,
    /// The shard, while it sleeps.
    parked: Option<Waker>,
}

/// The list of a shard. Wakers may be called from any thread, so it is locked; in practice only the shard's own
/// thread calls them.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReadyList(Arc<Mutex<Ready>>);

impl ReadyList {
    fn with<T>(&self, act: impl FnOnce(&mut Ready) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts the connections that woke behind `into`.
    pub(crate) fn take_conns(&self, into: &mut Vec<u32>) {
        self.with(|ready| into.append(&mut ready.conns));
    }

    /// Puts the streams that woke behind `into`.
    pub(crate) fn take_streams(&self, into: &mut Vec<u32>) {
        self.with(|ready| into.append(&mut ready.streams));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.with(|ready| ready.conns.is_empty() && ready.streams.is_empty())
    }

    /// Lets the next wake-up call `waker`. False when something is ready already.
    pub(crate) fn park(&self, waker: &Waker) -> bool {
        self.with(|ready| {
            let rest = ready.conns.is_empty() && ready.streams.is_empty();
            ready.parked = rest.then(|| waker.clone());
            rest
        })
    }

    /// A flag for a slot, and the waker that sets it.
    pub(crate) fn flag(&self, what: What) -> (Arc<Flag>, Waker) {
        let flag = Arc::new(Flag { what, raised: AtomicBool::new(false), list: self.clone() });
        (Arc::clone(&flag), Waker::from(flag))
    }
}

/// One flag. Raised at most once until it is lowered.
#[derive(Debug)]
pub(crate) struct Flag {
    what: What,
    raised: AtomicBool,
    list: ReadyList,
}

impl Flag {
    /// Lowers the flag; to be called before what it stands for is polled.
    pub(crate) fn lower(&self) {
        self.raised.store(false, Ordering::Release);
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.raised.swap(true, Ordering::AcqRel) {
            return;
        }
        let parked = self.list.with(|ready| {
            match self.what {
                What::Conn(slot) => ready.conns.push(slot),
                What::Stream(slot) => ready.streams.push(slot),
            }
            ready.parked.take()
        });
        if let Some(shard) = parked {
            shard.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_listed_once_until_it_is_lowered() {
        let list = ReadyList::default();
        let (flag, waker) = list.flag(What::Stream(7));
        waker.wake_by_ref();
        waker.wake_by_ref();
        let mut woke = Vec::new();
        list.take_streams(&mut woke);
        assert_eq!(woke, [7]);
        waker.wake_by_ref();
        assert!(list.is_empty(), "still raised: whoever took it has not polled yet");
        flag.lower();
        waker.wake_by_ref();
        assert!(!list.is_empty());
        assert!(!list.park(Waker::noop()), "nobody parks on a full list");
    }
}
