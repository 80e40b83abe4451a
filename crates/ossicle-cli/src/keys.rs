//! Credentials: from the environment, or from the standard AWS chain.

use ossicle::core::Status;
use ossicle::sigv4::Credentials;

use crate::fault::{Fault, Outcome};
use crate::target::variable;

/// Where keys come from.
#[derive(Debug, Clone)]
pub(crate) enum Keys {
    /// Given once: they do not change while the command runs.
    Fixed(Credentials),
    /// Asked of the chain, again when they expire.
    #[cfg(feature = "aws-chain")]
    Chain(chain::Chain),
}

impl Keys {
    /// Keys of the environment, or else of the chain, which may ask a file, a process or the network.
    pub(crate) async fn find() -> Outcome<Self> {
        match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) => {
                Ok(Self::Fixed(Credentials::new(id, secret, variable("AWS_SESSION_TOKEN"), None)))
            }
            (Some(_), None) => Err(half("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
            (None, Some(_)) => Err(half("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")),
            (None, None) => Self::of_chain().await,
        }
    }

    /// The keys of now.
    #[cfg(feature = "aws-chain")]
    pub(crate) async fn current(&self) -> Result<Credentials, ChainFailure> {
        match self {
            Self::Fixed(credentials) => Ok(credentials.clone()),
            Self::Chain(chain) => chain.current().await,
        }
    }

    /// The keys of now.
    #[cfg(not(feature = "aws-chain"))]
    #[expect(clippy::unused_async, reason = "the same signature as with the chain")]
    pub(crate) async fn current(&self) -> Result<Credentials, ChainFailure> {
        let Self::Fixed(credentials) = self;
        Ok(credentials.clone())
    }

    #[cfg(feature = "aws-chain")]
    async fn of_chain() -> Outcome<Self> {
        let chain = chain::Chain::load().await;
        // Asked once before anything is opened, so that missing keys are said at once and in full.
        chain.current().await.map_err(|failure| Fault::failed(Status::NoKeys, failure.sentence()))?;
        Ok(Self::Chain(chain))
    }

    #[cfg(not(feature = "aws-chain"))]
    #[expect(clippy::unused_async, reason = "the same signature as with the chain")]
    async fn of_chain() -> Outcome<Self> {
        Err(Fault::failed(
            Status::NoKeys,
            "no credentials are set: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (this build reads no profiles)",
        ))
    }
}

fn half(set: &str, missing: &str) -> Fault {
    Fault::failed(Status::NoKeys, format!("{set} is set and {missing} is not: set both, or none of them"))
}

/// Why there are no keys.
#[cfg(feature = "aws-chain")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChainFailure {
    /// Nothing is configured.
    NotConfigured,
    /// A profile or another setting is wrong.
    Invalid,
    /// The source of the keys did not answer.
    Unavailable,
}

#[cfg(feature = "aws-chain")]
impl ChainFailure {
    /// In words. The chain's own could name files and hosts, and never what to do.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::NotConfigured => {
                "no credentials are configured: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile with \
                 AWS_PROFILE"
            }
            Self::Invalid => {
                "the AWS profile cannot be used: check AWS_PROFILE and the files ~/.aws/config and ~/.aws/credentials"
            }
            Self::Unavailable => {
                "no credentials could be had: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in again (aws sso \
                 login) if they come from a profile"
            }
        }
    }
}

#[cfg(feature = "aws-chain")]
impl std::fmt::Display for ChainFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.sentence())
    }
}

#[cfg(feature = "aws-chain")]
impl std::error::Error for ChainFailure {}

/// Fixed keys are always there.
#[cfg(not(feature = "aws-chain"))]
type ChainFailure = std::convert::Infallible;

#[cfg(feature = "aws-chain")]
mod chain {
    use std::sync::Arc;
    use std::time::UNIX_EPOCH;

    use aws_config::default_provider::credentials::DefaultCredentialsChain;
    use aws_credential_types::provider::ProvideCredentials;
    use aws_credential_types::provider::error::CredentialsError;
    use ossicle::sigv4::Credentials;

    use super::ChainFailure;

    /// The standard chain: environment, profiles, single sign-on, processes, web identity, containers, instances.
    #[derive(Debug, Clone)]
    pub(crate) struct Chain {
        provider: Arc<DefaultCredentialsChain>,
    }

    impl Chain {
        /// Prepares the chain; asks nobody yet.
        pub(crate) async fn load() -> Self {
            Self { provider: Arc::new(DefaultCredentialsChain::builder().build().await) }
        }

        /// The keys of now.
        pub(crate) async fn current(&self) -> Result<Credentials, ChainFailure> {
            let keys = self.provider.provide_credentials().await.map_err(|error| match error {
                CredentialsError::CredentialsNotLoaded(_) => ChainFailure::NotConfigured,
                CredentialsError::InvalidConfiguration(_) => ChainFailure::Invalid,
                _ => ChainFailure::Unavailable,
            })?;
            let expires = keys.expiry().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let expires_unix_ms = expires.and_then(|at| i64::try_from(at.as_millis()).ok());
            Ok(Credentials::new(
                keys.access_key_id(),
                keys.secret_access_key(),
                keys.session_token().map(str::to_owned),
                expires_unix_ms,
            ))
        }
    }
}
