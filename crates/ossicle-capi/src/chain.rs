//! The standard AWS chain as a source of keys: environment, profiles, single sign-on, processes, containers, instances.

use std::time::UNIX_EPOCH;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use ossicle_core::io::KeysFailure;
use ossicle_sigv4::Credentials;
use ossicle_tokio::{KeyProvider, KeysFuture};
use tokio::sync::OnceCell;

/// Reads its settings when it is first asked, which is on a thread of the engine.
#[derive(Default)]
pub(crate) struct AwsChain(OnceCell<DefaultCredentialsChain>);

impl KeyProvider for AwsChain {
    fn keys(&self) -> KeysFuture<'_> {
        Box::pin(async move {
            let chain = self.0.get_or_init(|| DefaultCredentialsChain::builder().build()).await;
            let keys = chain.provide_credentials().await.map_err(|error| match error {
                CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => {
                    KeysFailure::NotConfigured
                }
                _ => KeysFailure::Unavailable,
            })?;
            let expires = keys.expiry().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let expires = expires.and_then(|since| i64::try_from(since.as_millis()).ok());
            let token = keys.session_token().map(str::to_owned);
            Ok(Credentials::new(keys.access_key_id(), keys.secret_access_key(), token, expires))
        })
    }
}
