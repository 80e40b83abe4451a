//! The REST operations of Amazon Connect Health: thin, typed, and complete.
//!
//! ```no_run
//! # async fn example(transport: impl ossicle_control::Transport + 'static) -> Result<(), Box<dyn std::error::Error>> {
//! use futures_util::TryStreamExt;
//! use ossicle_control::rest::CreateDomainInput;
//! use ossicle_control::{Client, Credentials, Settings};
//!
//! let credentials = Credentials::new("AKID", "secret", None, None);
//! let client = Client::new(Settings::new("us-east-1"), credentials, transport)?;
//! let domain = client.create_domain(CreateDomainInput::new("Clinic")).await?;
//! let mut domains = client.domains().list().items();
//! while let Some(domain) = domains.try_next().await? {
//!     println!("{} {}", domain.domain_id, domain.name);
//! }
//! # Ok(()) }
//! ```
//!
//! # What a call does
//! It checks the input by the service's limits before anything is sent; fills in an idempotency token, once for all
//! attempts; signs with the service's clock as far as it is known; tries again what can succeed later, with random
//! delays and a budget that all calls of a client share; and gives a typed answer, in which unknown values survive
//! and a missing member is an error that names it.
//!
//! # What it never does
//! It never prints health information or keys, follows no redirect, and needs no thread of its own. Timers are
//! tokio's.

#![forbid(unsafe_code)]

mod client;
mod credentials;
mod error;
#[cfg(feature = "h2-transport")]
mod h2_transport;
pub mod limits;
mod pages;
mod request;
mod retry;
mod skew;
mod surroundings;
mod transport;
pub mod wait;

pub use client::{Client, Settings};
pub use credentials::{CredentialError, CredentialSource};
pub use error::{Error, ErrorKind, ServiceError};
#[cfg(feature = "h2-transport")]
pub use h2_transport::H2Transport;
pub use ossicle_model::rest;
pub use ossicle_sigv4::Credentials;
pub use pages::{BoxStream, Datasets, Domains, List, Paged, Subscriptions};
pub use surroundings::Surroundings;
pub use transport::{BoxFuture, Transport, TransportError};
pub use wait::{Finished, Progress, WaitError, WaitSettings};
