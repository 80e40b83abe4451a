//! Where keys come from.

use ossicle_core::io::KeysFailure;
use ossicle_sigv4::Credentials;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

/// The answer of a provider, later.
pub type KeysFuture<'a> = Pin<Box<dyn Future<Output = Result<Credentials, KeysFailure>> + Send + 'a>>;

/// Gives out keys when the engine asks: at the start, before they expire, and after a refusal. It may ask again with
/// backoff. An answer that takes longer than [`KEYS_DEADLINE`](crate::limits::KEYS_DEADLINE) counts as unavailable.
///
/// Called on a shard's runtime (tokio, one thread): it must not block.
pub trait KeyProvider: Send + Sync + 'static {
    /// The keys to use from now on.
    fn keys(&self) -> KeysFuture<'_>;
}

/// Keys that are set by the application: at the start, or later by [`Engine::set_keys`](crate::Engine::set_keys).
#[derive(Default)]
pub struct StaticKeys(Mutex<Option<Credentials>>);

impl StaticKeys {
    /// Always these.
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        Self(Mutex::new(Some(credentials)))
    }

    /// None yet: sessions wait until [`Engine::set_keys`](crate::Engine::set_keys), or fail with `NO_KEYS` if they
    /// have not been accepted before.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}

impl std::fmt::Debug for StaticKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StaticKeys(<redacted>)")
    }
}

impl KeyProvider for StaticKeys {
    fn keys(&self) -> KeysFuture<'_> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move { keys.ok_or(KeysFailure::NotConfigured) })
    }
}
