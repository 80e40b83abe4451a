//! Where the keys come from.

use ossicle_sigv4::Credentials;

use crate::transport::BoxFuture;

/// Gives the keys to sign with. Asked before every attempt, so that keys which expire can be replaced.
pub trait CredentialSource: Send + Sync {
    /// The keys that are good now.
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>>;
}

/// There are no keys.
#[derive(Debug, thiserror::Error)]
#[error("no credentials for the service")]
pub struct CredentialError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl CredentialSource for Credentials {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}
