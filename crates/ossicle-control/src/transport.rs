//! How a request gets to the service: a small trait, so that another transport can stand in.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Sends one request and gives its answer.
///
/// The request's URI is absolute; its authority is what was signed, so a transport sends it as it is (`:authority`, or
/// `host` over HTTP/1.1). Redirects are not followed. An answer of any status is a success of the transport.
pub trait Transport: Send + Sync {
    /// Sends a request. Dropping the future abandons it.
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>>;
}

impl<T: Transport + ?Sized> Transport for std::sync::Arc<T> {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        (**self).send(request)
    }
}

/// A request did not get an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// There is no connection to the service.
    #[error("no connection to the service")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The connection was lost before the answer was whole.
    #[error("the connection to the service was lost")]
    Lost(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer is larger than any of this service.
    #[error("the service's answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

impl TransportError {
    /// Whether another attempt can help.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Lost(_) => true,
            Self::TooLarge { .. } => false,
        }
    }
}
