//! Keys, wiped from memory when the last holder drops them.

use std::fmt;
use std::sync::Arc;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// An access key with its secret, and a token if they are temporary. Cloning shares them; they are wiped from memory when the
/// last clone is dropped. `Debug` shows the last four characters of the access key id and nothing else of the three texts.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    keys: Arc<Keys>,
    expires_unix_ms: Option<i64>,
}

#[derive(PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
struct Keys {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl Credentials {
    /// Credentials of these parts. `expires_unix_ms` is in milliseconds since 1970; `None` means that they do not expire.
    pub fn new(
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<String>,
        session_token: Option<String>,
        expires_unix_ms: Option<i64>,
    ) -> Self {
        let keys = Keys {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token,
        };
        Self { keys: Arc::new(keys), expires_unix_ms }
    }

    /// The access key id. Not a secret, but it names an account: log it no more than needed.
    pub fn access_key_id(&self) -> &str {
        &self.keys.access_key_id
    }

    /// The secret access key. Never log it.
    pub fn secret_access_key(&self) -> &str {
        &self.keys.secret_access_key
    }

    /// The session token of temporary credentials. Never log it.
    pub fn session_token(&self) -> Option<&str> {
        self.keys.session_token.as_deref()
    }

    /// When the credentials stop being accepted, in milliseconds since 1970.
    pub fn expires_unix_ms(&self) -> Option<i64> {
        self.expires_unix_ms
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.access_key_id();
        // Of a short id, four characters would be most of it.
        let end = if id.len() >= 16 { id.get(id.len() - 4..).unwrap_or("") } else { "" };
        f.debug_struct("Credentials")
            .field("access_key_id", &format_args!("..{end}"))
            .field("session_token", &self.session_token().map(|_| format_args!("<redacted>")))
            .field("expires_unix_ms", &self.expires_unix_ms)
            .finish_non_exhaustive()
    }
}
