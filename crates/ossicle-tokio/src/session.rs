//! One session as an application holds it.

use crate::engine::Engine;
use crate::queue::{Delivery, EventQueue};
use crate::shard::{ShardLink, ToShard};
use ossicle_core::io::{Command, SessionKey};
use ossicle_core::{Event, Stats};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Why a command was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The session's shard has ended.
    #[error("the engine of this session has ended")]
    Gone,
    /// Commands come faster than they can be taken.
    #[error("too many commands are waiting: send fewer")]
    Busy,
}

/// A session. Commands return at once; what becomes of them is told by events. A command that does not fit the
/// session's state changes nothing.
///
/// Dropping it without [`Session::finish`] ends the stream at once, without END_OF_SESSION, and drops what is held;
/// the service keeps the session as paused. After `finish`, dropping it lets the end go on unattended.
pub struct Session {
    key: SessionKey,
    link: Arc<ShardLink>,
    queue: EventQueue,
    /// A drop is no reason to abort: the end was asked for, or has come.
    released: AtomicBool,
    closed: AtomicBool,
    /// Keeps the shards running.
    engine: Engine,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.key.0)
    }
}

impl Session {
    pub(crate) fn new(key: SessionKey, link: Arc<ShardLink>, queue: EventQueue, engine: Engine) -> Self {
        let (released, closed) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { key, link, queue, released, closed, engine }
    }

    /// The name of the session in its engine's events. Never used again.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        self.key
    }

    /// The engine that carries it.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Sends what was captured, then ends the stream as a pause. What is pushed from now on is dropped as paused.
    ///
    /// # Errors
    /// [`CommandError`].
    pub fn pause(&self) -> Result<(), CommandError> {
        self.command(Command::Pause(self.key))
    }

    /// Goes on after a pause.
    ///
    /// # Errors
    /// [`CommandError`].
    pub fn resume(&self) -> Result<(), CommandError> {
        self.command(Command::Resume(self.key))
    }

    /// Sends paced silence in place of what is pushed, or stops doing so.
    ///
    /// # Errors
    /// [`CommandError`].
    pub fn mute(&self, muted: bool) -> Result<(), CommandError> {
        self.command(Command::Mute(self.key, muted))
    }

    /// Sends what was captured, then END_OF_SESSION, and waits for the last results: the service then makes the note.
    ///
    /// # Errors
    /// [`CommandError`].
    pub fn finish(&self) -> Result<(), CommandError> {
        self.command(Command::Finish(self.key))?;
        self.released.store(true, Ordering::Release);
        Ok(())
    }

    /// Ends the stream at once, without END_OF_SESSION. What is held is dropped; `Closed` is told.
    ///
    /// # Errors
    /// [`CommandError`].
    pub fn abort(&self) -> Result<(), CommandError> {
        self.command(Command::Abort(self.key))?;
        self.released.store(true, Ordering::Release);
        Ok(())
    }

    /// Ends the stream as [`Session::abort`] does; no event of the session is given out any more.
    pub fn forget(self) {
        self.released.store(true, Ordering::Release);
        self.queue.forget(self.key);
        self.link.send(ToShard::Forget(self.key));
    }

    fn command(&self, command: Command) -> Result<(), CommandError> {
        if self.link.command(ToShard::Command(command)) {
            return Ok(());
        }
        Err(if self.link.is_dead() { CommandError::Gone } else { CommandError::Busy })
    }

    /// The queue that its events go to.
    #[must_use]
    pub fn queue(&self) -> &EventQueue {
        &self.queue
    }

    /// The next event; `None` once `Closed` was given out. For sessions with a queue of their own. Cancelling it loses
    /// nothing. [`EventQueue::discarded`] counts what was thrown away because nobody polled.
    pub async fn next_event(&self) -> Option<Event> {
        while !self.closed.load(Ordering::Acquire) {
            if let Delivery::Event(key, event) = self.queue.next().await
                && key == self.key
            {
                if matches!(event, Event::Closed(_)) {
                    self.closed.store(true, Ordering::Release);
                    self.released.store(true, Ordering::Release);
                }
                return Some(event);
            }
        }
        None
    }

    /// A snapshot; `None` when the session is closed. Waits for the shard's next turn.
    pub async fn stats(&self) -> Option<Stats> {
        let (tell, told) = tokio::sync::oneshot::channel();
        self.ask(Box::new(move |stats| {
            // Who asked may have gone.
            let _ = tell.send(stats);
        }));
        told.await.ok().flatten()
    }

    /// As [`Session::stats`]; blocks up to `timeout`, then gives `None`.
    #[must_use]
    pub fn stats_blocking(&self, timeout: Duration) -> Option<Stats> {
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        self.ask(Box::new(move |stats| {
            // Who asked may have given up.
            let _ = tell.send(stats);
        }));
        told.recv_timeout(timeout).ok().flatten()
    }

    fn ask(&self, tell: Box<dyn FnOnce(Option<Stats>) + Send>) {
        self.link.send(ToShard::Stats(self.key, tell));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.released.load(Ordering::Acquire) {
            self.link.send(ToShard::Abort(self.key));
        }
    }
}
