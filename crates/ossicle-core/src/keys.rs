//! Keys: pinned by each stream, renewed in time, wiped when the last stream lets go of them.

use crate::io::{KeysFailure, Output};
use crate::limits::{KEYS_RETRY_BASE_MS, KEYS_RETRY_MAX_MS};
use crate::time::{Mono, UnixMillis};
use ossicle_sigv4::{Credentials, SigningScope, StreamSigner};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// One set of keys, shared by the streams that began with it.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) signer: RefCell<StreamSigner>,
    pub(crate) credentials: Credentials,
    /// From here on newer keys are asked for.
    refresh_at: Cell<Option<UnixMillis>>,
}

impl Keys {
    /// When the keys expire.
    pub(crate) fn expires(&self) -> Option<UnixMillis> {
        self.credentials.expires_unix_ms().map(UnixMillis)
    }

    pub(crate) fn is_expired(&self, wall: UnixMillis) -> bool {
        self.expires().is_some_and(|expires| wall >= expires)
    }

    /// Time until they expire, ms; `None` when they do not.
    pub(crate) fn left_ms(&self, wall: UnixMillis) -> Option<u64> {
        self.expires().map(|expires| u64::try_from(expires - wall).unwrap_or(0))
    }

    fn is_due(&self, wall: UnixMillis) -> bool {
        self.refresh_at.get().is_some_and(|at| wall >= at)
    }

    /// Newer keys are asked for a margin before they expire. Keys that live shorter than the margin would be asked
    /// for again at once: a third of their life then.
    fn plan_refresh(&self, margin_ms: i64, wall: UnixMillis) {
        let at = self.expires().map(|at| UnixMillis(at.0 - margin_ms.min((at - wall).max(0) / 3)));
        self.refresh_at.set(at);
    }
}

/// The engine's keys.
#[derive(Debug)]
pub(crate) struct Keyring {
    scope: SigningScope,
    margin_ms: i64,
    current: Option<Rc<Keys>>,
    /// A refusal said that they have expired, whatever their own date says.
    rejected: bool,
    /// They seemed to have expired when they came. No provider gives such keys, so the clock is in doubt: they are
    /// used, and the answer to the first request corrects the clock or refuses them.
    doubted: bool,
    asked: bool,
    ask_at: Mono,
    failures: u32,
    pub(crate) last_failure: Option<KeysFailure>,
}

impl Keyring {
    pub(crate) fn new(scope: SigningScope, margin_ms: u32) -> Self {
        Self {
            scope,
            margin_ms: margin_ms.into(),
            current: None,
            rejected: false,
            doubted: false,
            asked: false,
            ask_at: Mono::default(),
            failures: 0,
            last_failure: None,
        }
    }

    pub(crate) fn scope(&self) -> &SigningScope {
        &self.scope
    }

    /// The keys for a new stream, if there are good ones.
    pub(crate) fn usable(&self, wall: UnixMillis) -> Option<Rc<Keys>> {
        self.current.clone().filter(|keys| !self.rejected && (self.doubted || !keys.is_expired(wall)))
    }

    /// The keys that a stream should change to: newer ones, when its own are about to expire.
    pub(crate) fn successor(&self, of: &Rc<Keys>, wall: UnixMillis) -> bool {
        of.is_due(wall)
            && self.usable(wall).is_some_and(|current| {
                !Rc::ptr_eq(&current, of) && (current.expires().is_none() || current.expires() > of.expires())
            })
    }

    pub(crate) fn take(&mut self, credentials: Credentials, wall: UnixMillis) {
        let signer = RefCell::new(StreamSigner::new(&credentials, &self.scope));
        let keys = Keys { signer, credentials, refresh_at: Cell::new(None) };
        keys.plan_refresh(self.margin_ms, wall);
        self.doubted = keys.is_expired(wall);
        self.current = Some(Rc::new(keys));
        self.rejected = false;
        self.asked = false;
        self.failures = 0;
        self.last_failure = None;
    }

    pub(crate) fn failed(&mut self, failure: KeysFailure, now: Mono) {
        self.asked = false;
        let wait = (KEYS_RETRY_BASE_MS << self.failures.min(10)).min(KEYS_RETRY_MAX_MS);
        self.failures = self.failures.saturating_add(1);
        self.ask_at = now.plus_ms(wait);
        self.last_failure = Some(failure);
    }

    /// A refusal said that these keys have expired.
    pub(crate) fn reject(&mut self, keys: &Rc<Keys>) {
        if self.current.as_ref().is_some_and(|current| Rc::ptr_eq(current, keys)) {
            self.rejected = true;
        }
    }

    /// Asks for keys when they are missing or about to expire. One question at a time, with backoff.
    pub(crate) fn ask_if_due(&mut self, mono: Mono, wall: UnixMillis, out: &mut VecDeque<Output>) {
        if self.doubted
            && let Some(keys) = self.current.as_ref().filter(|keys| !keys.is_expired(wall))
        {
            // The clock was corrected, and they are as good as any.
            keys.plan_refresh(self.margin_ms, wall);
            self.doubted = false;
        }
        let due = self.rejected
            || self
                .current
                .as_ref()
                .is_none_or(|keys| !self.doubted && (keys.is_expired(wall) || keys.is_due(wall)));
        if due && !self.asked && mono >= self.ask_at {
            self.asked = true;
            // A provider that answers with the same keys must not be asked at every tick.
            self.ask_at = mono.plus_ms(KEYS_RETRY_BASE_MS);
            out.push_back(Output::NeedKeys);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(expires: Option<i64>) -> Credentials {
        Credentials::new("AKIDEXAMPLE", "secret", None, expires)
    }

    fn keyring() -> Keyring {
        Keyring::new(SigningScope::new("us-east-1", "health-agent").expect("a scope"), 300_000)
    }

    fn asks(keyring: &mut Keyring, mono_ms: u64, wall: i64) -> bool {
        let mut out = VecDeque::new();
        keyring.ask_if_due(Mono(mono_ms * 1_000_000), UnixMillis(wall), &mut out);
        !out.is_empty()
    }

    #[test]
    fn asks_once_until_answered_and_backs_off() {
        let mut keyring = keyring();
        assert!(asks(&mut keyring, 0, 0));
        assert!(!asks(&mut keyring, 1, 0));
        keyring.failed(KeysFailure::Unavailable, Mono(0));
        assert!(!asks(&mut keyring, 999, 0));
        assert!(asks(&mut keyring, 1_001, 0));
        keyring.take(credentials(None), UnixMillis(0));
        assert!(!asks(&mut keyring, 100_000, 1 << 40));
    }

    #[test]
    fn renews_before_expiry_and_hands_over_only_to_longer_living_keys() {
        let mut keyring = keyring();
        keyring.take(credentials(Some(3_600_000)), UnixMillis(0));
        let old = keyring.usable(UnixMillis(0)).expect("keys");
        assert!(!asks(&mut keyring, 10_000, 3_299_000));
        assert!(asks(&mut keyring, 10_000, 3_300_000));
        assert!(!keyring.successor(&old, UnixMillis(3_300_000)));
        keyring.take(credentials(Some(7_200_000)), UnixMillis(3_300_000));
        assert!(keyring.successor(&old, UnixMillis(3_300_000)));
        assert!(old.is_expired(UnixMillis(3_600_000)));
    }

    #[test]
    fn short_lived_keys_are_not_asked_for_at_once() {
        let mut keyring = keyring();
        keyring.take(credentials(Some(90_000)), UnixMillis(0));
        assert!(!asks(&mut keyring, 10_000, 59_000));
        assert!(asks(&mut keyring, 10_000, 60_000));
    }

    #[test]
    fn keys_that_seem_expired_when_they_come_put_the_clock_in_doubt() {
        let mut keyring = keyring();
        // This machine's clock is two hours fast.
        keyring.take(credentials(Some(3_600_000)), UnixMillis(7_200_000));
        let keys = keyring.usable(UnixMillis(7_200_000)).expect("the service shall judge them");
        assert!(!asks(&mut keyring, 10_000, 7_200_000));
        // An answer corrected it: they are renewed like any others.
        assert!(!asks(&mut keyring, 20_000, 10_000));
        assert!(asks(&mut keyring, 30_000, 3_300_000));
        keyring.reject(&keys);
        assert!(keyring.usable(UnixMillis(7_200_000)).is_none());
    }

    #[test]
    fn rejected_keys_are_not_used_again() {
        let mut keyring = keyring();
        keyring.take(credentials(None), UnixMillis(0));
        let keys = keyring.usable(UnixMillis(0)).expect("keys");
        keyring.reject(&keys);
        assert!(keyring.usable(UnixMillis(0)).is_none());
        assert!(asks(&mut keyring, 5_000, 0));
    }
}
