//! Handles: names of things that live on this side of the border.
//!
//! What C holds as `ossicle_session *` is no address but a name: which kind of thing, which place in a table, and
//! which of the things that were there one after another. So a handle that was destroyed, cast to the wrong type or
//! made up is found out and answered with BAD_ARGUMENT, on the audio thread too. The places are never given back to
//! the allocator; only what they hold is. A place costs some hundred bytes and is used again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ossicle_core::Status;

use crate::border::Fault;

/// Bits of the place in a handle. On 64 bits: a million things alive at once, and 2^41 uses of each place before a
/// name comes again. On 32 bits: 16,384 at once and 2^15 uses.
const PLACE_BITS: u32 = if usize::BITS >= 64 { 20 } else { 14 };
/// Bits of the kind, which never are all zero: NULL is no handle.
const KIND_BITS: u32 = 3;
const PLACE_MASK: usize = (1 << PLACE_BITS) - 1;
const USES_MAX: usize = usize::MAX >> (PLACE_BITS + KIND_BITS);

/// Places in the first block; each further block is twice as large.
const FIRST_BLOCK: usize = 64;
const BLOCKS: usize = (PLACE_BITS - FIRST_BLOCK.ilog2()) as usize;

/// The kind of a thing, in its handle. Odd, so that a handle is never a valid address of anything aligned.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Engine = 0b011,
    Session = 0b101,
}

/// All things of one kind. `P` is what stays with a place and is reached without a lock; `T` is the thing.
pub(crate) struct Table<P, T> {
    kind: Kind,
    blocks: [OnceLock<Block<P, T>>; BLOCKS],
    free: Mutex<Free>,
}

/// Places that are made together and stay for the life of the process.
type Block<P, T> = Box<[Place<P, T>]>;

/// A place in the table.
pub(crate) struct Place<P, T> {
    /// What stays, reached by the audio thread without a lock.
    pub(crate) fixed: P,
    /// The handle of the thing that is here now, or 0.
    live: AtomicUsize,
    thing: Mutex<Option<Arc<T>>>,
}

struct Free {
    /// Places that were used before, with the number of their last use.
    used: Vec<(usize, usize)>,
    /// The first place that was never used.
    next: usize,
}

impl<P: Default, T> Table<P, T> {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            blocks: [const { OnceLock::new() }; BLOCKS],
            free: Mutex::new(Free { used: Vec::new(), next: 0 }),
        }
    }

    /// Takes a free place, fills it by `make`, and returns the handle. The place is not live before `make` is done.
    pub(crate) fn insert(
        &self,
        make: impl FnOnce(&P, usize) -> Result<Arc<T>, Fault>,
    ) -> Result<usize, Fault> {
        let (index, last_use) = {
            let mut free = lock(&self.free);
            match free.used.pop() {
                Some(place) => place,
                None if free.next < BLOCKS_PLACES => {
                    free.next += 1;
                    (free.next - 1, 0)
                }
                None => {
                    return Err(Fault::new(Status::Limit, "the process has too many handles: destroy some"));
                }
            }
        };
        let uses = if last_use >= USES_MAX { 1 } else { last_use + 1 };
        let handle = (uses << (PLACE_BITS + KIND_BITS)) | (index << KIND_BITS) | self.kind as usize;
        let place = self.place_or_new(index);
        match make(&place.fixed, handle) {
            Ok(thing) => {
                *lock(&place.thing) = Some(thing);
                place.live.store(handle, Ordering::Release);
                Ok(handle)
            }
            Err(fault) => {
                lock(&self.free).used.push((index, uses));
                Err(fault)
            }
        }
    }

    /// The place that a handle names, whatever is there now. Wait-free.
    pub(crate) fn place(&self, handle: usize) -> Option<&Place<P, T>> {
        if handle & ((1 << KIND_BITS) - 1) != self.kind as usize {
            return None;
        }
        let index = (handle >> KIND_BITS) & PLACE_MASK;
        let (block, at) = split(index)?;
        self.blocks[block].get()?.get(at)
    }

    /// The live thing that a handle names.
    pub(crate) fn get(&self, handle: usize, name: &str) -> Result<Arc<T>, Fault> {
        let dead = || Fault::argument(format!("{name} is NULL, was destroyed, or is no such handle"));
        let place = self.place(handle).ok_or_else(dead)?;
        let thing = lock(&place.thing);
        if place.live.load(Ordering::Acquire) == handle {
            thing.clone().ok_or_else(dead)
        } else {
            Err(dead())
        }
    }

    /// Takes the thing out, so that the handle names nothing any more. The caller gives the place back by
    /// [`Table::release`] once nothing of the thing is left in it.
    pub(crate) fn remove(&self, handle: usize) -> Option<Arc<T>> {
        let place = self.place(handle)?;
        let mut thing = lock(&place.thing);
        place.live.compare_exchange(handle, 0, Ordering::AcqRel, Ordering::Relaxed).ok()?;
        thing.take()
    }

    /// Lets the place of a removed thing be used again.
    pub(crate) fn release(&self, handle: usize) {
        let index = (handle >> KIND_BITS) & PLACE_MASK;
        lock(&self.free).used.push((index, handle >> (PLACE_BITS + KIND_BITS)));
    }

    fn place_or_new(&self, index: usize) -> &Place<P, T> {
        // `insert` gives out no index beyond the blocks.
        let (block, at) = split(index).unwrap_or_default();
        let new = || {
            let place = |_| Place { fixed: P::default(), live: AtomicUsize::new(0), thing: Mutex::new(None) };
            (0..FIRST_BLOCK << block).map(place).collect()
        };
        &self.blocks[block].get_or_init(new)[at]
    }
}

/// Places in all blocks.
const BLOCKS_PLACES: usize = FIRST_BLOCK * ((1 << BLOCKS) - 1);

/// Block `n` holds the places from `FIRST_BLOCK * (2^n - 1)`.
fn split(index: usize) -> Option<(usize, usize)> {
    let block = (index / FIRST_BLOCK + 1).ilog2() as usize;
    (block < BLOCKS).then(|| (block, index - FIRST_BLOCK * ((1 << block) - 1)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table<(), u32> {
        Table::new(Kind::Session)
    }

    #[test]
    fn each_index_has_one_place() {
        let mut expected = (0, 0);
        for index in 0..10_000 {
            assert_eq!(split(index), Some(expected), "{index}");
            expected.1 += 1;
            if expected.1 == FIRST_BLOCK << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        assert_eq!(split(BLOCKS_PLACES), None);
        assert!(split(BLOCKS_PLACES - 1).is_some());
    }

    #[test]
    fn a_handle_names_its_thing_until_it_is_removed_and_never_another() {
        let table = table();
        let first = table.insert(|(), _| Ok(Arc::new(1))).unwrap();
        assert_eq!(table.get(first, "x").map(|thing| *thing).ok(), Some(1));
        assert!(table.remove(first).is_some());
        assert!(table.remove(first).is_none());
        table.release(first);
        let second = table.insert(|(), _| Ok(Arc::new(2))).unwrap();
        assert_ne!(first, second);
        assert_eq!(
            first & (PLACE_MASK << KIND_BITS),
            second & (PLACE_MASK << KIND_BITS),
            "the place is used again"
        );
        assert!(table.get(first, "x").is_err());
        assert_eq!(table.get(second, "x").map(|thing| *thing).ok(), Some(2));
    }

    #[test]
    fn what_is_no_handle_names_nothing() {
        let table = table();
        let live = table.insert(|(), _| Ok(Arc::new(1))).unwrap();
        let other_kind = (live & !0b111) | Kind::Engine as usize;
        for wrong in [0, 1, usize::MAX, live + 8, live ^ (1 << (PLACE_BITS + KIND_BITS)), other_kind] {
            assert!(table.get(wrong, "x").is_err(), "{wrong:#x}");
        }
    }

    #[test]
    fn a_thing_that_cannot_be_made_leaves_its_place_free() {
        let table = table();
        assert!(table.insert(|(), _| Err(Fault::closed())).is_err());
        let handle = table.insert(|(), _| Ok(Arc::new(1))).unwrap();
        assert_eq!((handle >> KIND_BITS) & PLACE_MASK, 0);
    }
}
