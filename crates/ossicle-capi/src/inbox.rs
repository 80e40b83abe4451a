//! What waits for the poller beside the sessions' own queue, and how a sleeping poller is woken.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ossicle_core::Status;

use crate::constants::ossicle_wake;
use crate::sized::Context;

/// Answers and log lines that wait for the poller. Past it log lines give way, then the oldest.
const NOTES_MAX: usize = 1_024;

/// Something to tell that no session's queue tells.
#[derive(Debug)]
pub(crate) enum Note {
    /// Keys are wanted; milliseconds left.
    KeysExpiring(u64),
    /// A call of the control plane has its answer.
    Call { id: u64, user_data: u64, status: Status, message: String, json: String },
    /// A log line of a session (0: the engine).
    Log { level: u32, session: u64, text: String },
}

/// Notes, and the bell that wakes the poller.
pub(crate) struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
    lost: AtomicU64,
    /// Held while the application is being called, so that nothing calls it once the engine is closed.
    gate: Mutex<Gate>,
}

#[derive(Default)]
struct State {
    notes: VecDeque<Note>,
    rung: bool,
    closed: bool,
}

struct Gate {
    wake: ossicle_wake,
    context: Context,
    closed: bool,
    #[cfg(unix)]
    wire: Option<Wire>,
}

/// Two ends: one is readable while the bell has rung.
#[cfg(unix)]
struct Wire {
    ours: std::os::unix::net::UnixStream,
    theirs: std::os::unix::net::UnixStream,
}

impl Inbox {
    pub(crate) fn new(wake: ossicle_wake, context: Context) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            lost: AtomicU64::new(0),
            gate: Mutex::new(Gate {
                wake,
                context,
                closed: false,
                #[cfg(unix)]
                wire: None,
            }),
        }
    }

    /// Leaves a note for the poller.
    pub(crate) fn leave(&self, note: Note) {
        let mut state = lock(&self.state);
        let was_empty = state.notes.is_empty();
        if state.notes.len() >= NOTES_MAX {
            let at = state.notes.iter().position(|note| matches!(note, Note::Log { .. })).unwrap_or(0);
            state.notes.remove(at);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        state.notes.push_back(note);
        drop(state);
        if was_empty {
            self.ring();
        }
    }

    pub(crate) fn take(&self) -> Option<Note> {
        lock(&self.state).notes.pop_front()
    }

    /// Notes that gave way since the last question.
    pub(crate) fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// Wakes the poller and signals the application.
    pub(crate) fn ring(&self) {
        lock(&self.state).rung = true;
        self.changed.notify_all();
        let gate = lock(&self.gate);
        if gate.closed {
            return;
        }
        #[cfg(unix)]
        if let Some(wire) = &gate.wire {
            use std::io::Write;
            // Full means that it is readable already.
            let _ = (&wire.ours).write(&[1]);
        }
        if let Some(wake) = gate.wake {
            // SAFETY: the application gave the function and its context for exactly this (header, `ossicle_wake`), and
            // the gate is not closed, so that the engine still stands.
            unsafe { wake(gate.context.0) };
        }
    }

    /// The bell is silent until it rings again. Called when nothing waits; look once more afterwards.
    pub(crate) fn quiet(&self) {
        lock(&self.state).rung = false;
        #[cfg(unix)]
        if let Some(wire) = &lock(&self.gate).wire {
            use std::io::Read;
            let mut drain = [0; 64];
            while matches!((&wire.theirs).read(&mut drain), Ok(count) if count == drain.len()) {}
        }
    }

    /// Sleeps until the bell rings, the engine is closed, or the time has come. False when it is closed.
    pub(crate) fn sleep_until(&self, deadline: Instant) -> bool {
        let mut state = lock(&self.state);
        while !state.rung && !state.closed {
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                return true;
            };
            state = match self.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        !state.closed
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    /// Ends all waiting, and all calls of the application.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.changed.notify_all();
        lock(&self.gate).closed = true;
    }

    /// A descriptor that is readable while something waits.
    #[cfg(unix)]
    pub(crate) fn wake_fd(&self) -> std::io::Result<i32> {
        use std::os::fd::AsRawFd;
        let mut gate = lock(&self.gate);
        if gate.wire.is_none() {
            let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
            ours.set_nonblocking(true)?;
            theirs.set_nonblocking(true)?;
            gate.wire = Some(Wire { ours, theirs });
            drop(gate);
            // What came before there was a descriptor is told by it too.
            self.ring();
            gate = lock(&self.gate);
        }
        gate.wire
            .as_ref()
            .map(|wire| wire.theirs.as_raw_fd())
            .ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
