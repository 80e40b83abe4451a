//! What can go wrong with a call, and whether trying again can help.

use std::time::Duration;

use http::HeaderMap;
use ossicle_model::endpoint::EndpointError;
use ossicle_model::rest::errors;
use ossicle_model::{Invalid, Phi, error_code};
use ossicle_sigv4::SignError;
use serde_json::Value;

use crate::credentials::CredentialError;
use crate::transport::TransportError;

/// A call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input breaks a rule; nothing was sent.
    #[error("the input is not valid, {0}")]
    Input(#[source] Invalid),
    /// The settings lead to no endpoint.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// There are no keys.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The request cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The request cannot be put into HTTP.
    #[error("the request cannot be written as http, check the endpoint")]
    Request(#[from] http::Error),
    /// The service refuses or fails.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The service reports a success that cannot be read.
    #[error("the service's answer cannot be read, {source}")]
    Answer {
        /// The member and what is wrong with it.
        source: Invalid,
        /// The HTTP status.
        status: u16,
        /// The service's id of the request.
        request_id: Option<String>,
    },
    /// There was no answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// There was no answer in time.
    #[error("the service did not answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
}

impl Error {
    /// Whether the same call may succeed later, without any change.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Service(error) => error.retryable,
            Self::Transport(error) => error.is_retryable(),
            Self::TimedOut(_) => true,
            _ => false,
        }
    }

    /// The service's own error, if it gave one.
    pub fn service(&self) -> Option<&ServiceError> {
        match self {
            Self::Service(error) => Some(error),
            _ => None,
        }
    }

    /// The kind of the service's own error, if it gave one.
    pub fn kind(&self) -> Option<ErrorKind> {
        self.service().map(|error| error.kind)
    }
}

/// The service refuses or fails. Its message may quote what it was sent, so only [`ServiceError::message`] gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceError {
    /// The operation.
    pub operation: &'static str,
    /// Which error.
    pub kind: ErrorKind,
    /// The error's code, bare of namespace and address, if there is one.
    pub code: Option<String>,
    message: Option<Phi>,
    /// The HTTP status.
    pub status: u16,
    /// The service's id of the request.
    pub request_id: Option<String>,
    /// Whether the same call may succeed later.
    pub retryable: bool,
}

impl ServiceError {
    /// The service's words. They may quote what it was sent: the caller answers for where they go.
    pub fn message(&self) -> Option<&str> {
        self.message.as_ref().map(Phi::expose)
    }
}

impl std::fmt::Display for ServiceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.code.as_deref().unwrap_or("no code");
        write!(f, "the service answered {} with {code} (status {}", self.operation, self.status)?;
        if let Some(request_id) = &self.request_id {
            write!(f, ", request {request_id}")?;
        }
        f.write_str(")")?;
        f.write_str(self.kind.advice())
    }
}

impl std::error::Error for ServiceError {}

/// Codes that AWS answers, before it knows the operation, to keys that are wrong, unknown, over or absent.
const REFUSED_KEYS_CODES: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Which error of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller may not do this, or its keys are not good.
    AccessDenied,
    /// What is asked for does not fit the state of things.
    Conflict,
    /// The service failed.
    Internal,
    /// There is no such thing.
    NotFound,
    /// A quota of the account is used up.
    QuotaExceeded,
    /// There were too many calls.
    Throttling,
    /// The input breaks a rule.
    Validation,
    /// Any other.
    Other,
}

impl ErrorKind {
    fn of_code(code: &str) -> Self {
        if REFUSED_KEYS_CODES.contains(&code) {
            return Self::AccessDenied;
        }
        let known = [
            (&errors::AccessDenied, Self::AccessDenied),
            (&errors::Conflict, Self::Conflict),
            (&errors::Internal, Self::Internal),
            (&errors::NotFound, Self::NotFound),
            (&errors::QuotaExceeded, Self::QuotaExceeded),
            (&errors::Throttling, Self::Throttling),
            (&errors::Validation, Self::Validation),
        ];
        known.into_iter().find(|(error, _)| error.name == code).map_or(Self::Other, |(_, kind)| kind)
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::AccessDenied => "; check the credentials and their permissions",
            Self::QuotaExceeded => "; a quota of the account is used up",
            Self::Throttling => "; call less often",
            Self::NotFound => "; check the ids and the region",
            Self::Conflict => "; look at the resource's present state",
            Self::Validation => "; the input breaks a rule of the service",
            Self::Internal | Self::Other => "",
        }
    }
}

/// Reads an error's answer. A body that is no JSON does not lose the code of the header.
pub(crate) fn read(operation: &'static str, status: u16, headers: &HeaderMap, body: &[u8]) -> ServiceError {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let code = [header, text("code"), text("__type")].into_iter().flatten().map(error_code);
    let code = code.map(str::trim).find(|code| !code.is_empty());
    // An answer may have several; the official client keeps the last in this order.
    let message = ["message", "Message", "errorMessage"].into_iter().find_map(text);
    ServiceError {
        operation,
        kind: code.map_or(ErrorKind::Other, ErrorKind::of_code),
        code: code.map(str::to_owned),
        message: message.map(Phi::new),
        status,
        request_id: request_id(headers),
        retryable: false,
    }
}

/// The service's id of a request.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    let names = ["x-amzn-requestid", "x-amz-request-id"];
    let found = names.into_iter().find_map(|name| headers.get(name));
    found.and_then(|value| value.to_str().ok()).map(str::to_owned)
}
