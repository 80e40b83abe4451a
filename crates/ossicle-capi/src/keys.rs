//! Keys that the application pushes, and asking for them in time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ossicle_core::io::KeysFailure;
use ossicle_sigv4::Credentials;
use ossicle_tokio::{KeyProvider, KeysFuture};
use tokio::sync::Notify;

use crate::inbox::{Inbox, Note};

/// How long the engine waits for the answer to `KEYS_EXPIRING` before it takes it that none comes now. It asks again.
/// Below the driver's own deadline for a provider (30 s).
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// The application is not asked again for the same keys before this.
const ASK_AGAIN_MS: i64 = 30_000;

/// Keys from the application.
pub(crate) struct PushedKeys {
    inbox: Arc<Inbox>,
    margin_ms: i64,
    state: Mutex<State>,
    came: Notify,
}

#[derive(Default)]
struct State {
    keys: Option<Credentials>,
    asked_unix_ms: Option<i64>,
}

impl PushedKeys {
    pub(crate) fn new(inbox: Arc<Inbox>, margin_ms: u32) -> Self {
        Self { inbox, margin_ms: margin_ms.into(), state: Mutex::default(), came: Notify::new() }
    }

    pub(crate) fn set(&self, keys: Credentials) {
        *self.state() = State { keys: Some(keys), asked_unix_ms: None };
        self.came.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys, if they are good for longer than the margin. Asks the application otherwise.
    fn fresh(&self) -> Option<Credentials> {
        let now = now_unix_ms();
        let mut state = self.state();
        let left = match &state.keys {
            Some(keys) => keys.expires_unix_ms().map(|expires| (expires - now).max(0)),
            None => Some(0),
        };
        let Some(left) = left.filter(|left| *left <= self.margin_ms) else {
            return state.keys.clone();
        };
        if state.asked_unix_ms.is_none_or(|asked| now - asked >= ASK_AGAIN_MS) {
            state.asked_unix_ms = Some(now);
            drop(state);
            self.inbox.leave(Note::KeysExpiring(left.unsigned_abs()));
        }
        None
    }

    /// What there is, as long as it has not expired.
    fn usable(&self) -> Option<Credentials> {
        let now = now_unix_ms();
        self.state().keys.clone().filter(|keys| keys.expires_unix_ms().is_none_or(|expires| expires > now))
    }
}

impl KeyProvider for PushedKeys {
    fn keys(&self) -> KeysFuture<'_> {
        Box::pin(async move {
            let came = self.came.notified();
            tokio::pin!(came);
            // Listens before it looks, so that keys which come in between are not missed.
            came.as_mut().enable();
            if let Some(keys) = self.fresh() {
                return Ok(keys);
            }
            // Whether they came or not, what there is now is the answer.
            let _ = tokio::time::timeout(ANSWER_WAIT, came).await;
            self.usable().ok_or(KeysFailure::NotConfigured)
        })
    }
}

fn now_unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sized::Context;

    fn pushed() -> (Arc<Inbox>, PushedKeys) {
        let inbox = Arc::new(Inbox::new(None, Context(std::ptr::null_mut())));
        (inbox.clone(), PushedKeys::new(inbox, 300_000))
    }

    fn keys(lives_ms: Option<i64>) -> Credentials {
        Credentials::new("AKIDEXAMPLE", "secret", None, lives_ms.map(|ms| now_unix_ms() + ms))
    }

    #[tokio::test(start_paused = true)]
    async fn the_application_is_asked_when_there_are_none_and_may_answer_late() {
        let (inbox, pushed) = pushed();
        assert_eq!(pushed.keys().await.err(), Some(KeysFailure::NotConfigured));
        assert!(matches!(inbox.take(), Some(Note::KeysExpiring(0))));
        let (asked, ()) = tokio::join!(pushed.keys(), async { pushed.set(keys(None)) });
        assert!(asked.is_ok());
        assert!(inbox.take().is_none(), "it is not asked again within seconds");
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_expire_soon_are_used_while_new_ones_are_asked_for() {
        let (inbox, pushed) = pushed();
        pushed.set(keys(Some(200_000)));
        assert!(pushed.keys().await.is_ok());
        assert!(matches!(inbox.take(), Some(Note::KeysExpiring(left)) if left > 190_000));
        pushed.set(keys(Some(-1)));
        assert_eq!(pushed.keys().await.err(), Some(KeysFailure::NotConfigured));
        assert!(matches!(inbox.take(), Some(Note::KeysExpiring(0))));
    }
}
