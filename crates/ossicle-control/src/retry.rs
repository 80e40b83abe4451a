//! Which failures are worth another attempt, when, and how many of them the client can afford.

use std::sync::Mutex;
use std::time::Duration;

use http::HeaderMap;
use ossicle_model::rest::errors;

use crate::error::{Error, ServiceError};
use crate::limits::{
    BACKOFF_FIRST, BACKOFF_MAX, CLOCK_SKEW_TOLERATED_MS, RETRY_COST_ANSWERED, RETRY_COST_TRANSIENT,
    RETRY_TOKENS_EARNED, RETRY_TOKENS_MAX,
};

/// Codes that say that there were too many calls.
const THROTTLING_CODES: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "RequestThrottled",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
];

/// Codes of failures that pass.
const TRANSIENT_CODES: &[&str] = &["RequestTimeout", "RequestTimeoutException"];

/// Statuses of failures that pass, when nothing better is known.
const TRANSIENT_STATUSES: &[u16] = &[500, 502, 503, 504];

/// The status of too many calls; some intermediaries answer with it and no code.
const THROTTLING_STATUS: u16 = 429;

/// Codes that a wrong clock causes.
const SKEW_CODES: &[&str] = &[
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "RequestTimeTooSkewed",
    "AccessDeniedException",
];

/// Why another attempt can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryClass {
    /// Too many calls.
    Throttling,
    /// A failure that passes.
    Transient,
    /// The service says that it failed.
    Server,
    /// The clock was wrong, and is known better now.
    ClockSkew,
}

impl RetryClass {
    const fn cost(self) -> u32 {
        match self {
            Self::Transient => RETRY_COST_TRANSIENT,
            Self::Throttling | Self::Server | Self::ClockSkew => RETRY_COST_ANSWERED,
        }
    }
}

/// Says whether another attempt can help. A later rule overrides an earlier one.
pub(crate) fn classify(error: &Error, skew_ms: Option<i64>) -> Option<RetryClass> {
    match error {
        Error::Service(error) => classify_answer(error, skew_ms),
        Error::Transport(error) if error.is_retryable() => Some(RetryClass::Transient),
        Error::TimedOut(_) => Some(RetryClass::Transient),
        _ => None,
    }
}

fn classify_answer(error: &ServiceError, skew_ms: Option<i64>) -> Option<RetryClass> {
    let code = error.code.as_deref().unwrap_or_default();
    let skewed = skew_ms.is_some_and(|skew_ms| skew_ms.abs() > CLOCK_SKEW_TOLERATED_MS);
    if SKEW_CODES.contains(&code) && skewed {
        Some(RetryClass::ClockSkew)
    } else if code == errors::Internal.name {
        Some(RetryClass::Server)
    } else if TRANSIENT_CODES.contains(&code) {
        Some(RetryClass::Transient)
    } else if THROTTLING_CODES.contains(&code) || error.status == THROTTLING_STATUS {
        Some(RetryClass::Throttling)
    } else if TRANSIENT_STATUSES.contains(&error.status) {
        Some(RetryClass::Transient)
    } else {
        None
    }
}

/// How long to wait before a retry (1 for the first): random, up to a bound that doubles; or what the service asks
/// for, up to the same limit. `unit` is random from 0 up to 1.
pub(crate) fn delay(retry: u32, asked: Option<Duration>, unit: f64) -> Duration {
    match asked {
        Some(asked) => asked.min(BACKOFF_MAX),
        None => {
            let doublings = retry.saturating_sub(1).min(16);
            (BACKOFF_FIRST * 2u32.pow(doublings)).min(BACKOFF_MAX).mul_f64(unit)
        }
    }
}

/// How long the service asks to wait: `x-amz-retry-after`, in milliseconds.
pub(crate) fn asked_delay(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("x-amz-retry-after")?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_millis)
}

/// The tokens that retries cost, shared by all calls of a client.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    tokens: Mutex<u32>,
}

/// The tokens that a retry took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken(u32);

impl TokenBucket {
    pub(crate) fn new() -> Self {
        Self { tokens: Mutex::new(RETRY_TOKENS_MAX) }
    }

    /// Takes what a retry costs, or nothing when there is not enough.
    pub(crate) fn take(&self, class: RetryClass) -> Option<Taken> {
        let cost = class.cost();
        self.with(|tokens| {
            *tokens = tokens.checked_sub(cost)?;
            Some(Taken(cost))
        })
    }

    /// Notes a success: what the last retry took comes back, or a little when there was none.
    pub(crate) fn succeeded(&self, last: Option<Taken>) {
        let earned = last.map_or(RETRY_TOKENS_EARNED, |taken| taken.0);
        self.with(|tokens| *tokens = (*tokens + earned).min(RETRY_TOKENS_MAX));
    }

    pub(crate) fn left(&self) -> u32 {
        self.with(|tokens| *tokens)
    }

    fn with<T>(&self, act: impl FnOnce(&mut u32) -> T) -> T {
        // A count is whole whatever a panicking thread did.
        act(&mut self.tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
