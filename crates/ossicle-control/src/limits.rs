//! Limits and defaults of the client, each with its reason.

use std::time::Duration;

/// Attempts of a call in all, the first one included: what the AWS SDKs' standard mode does.
pub const ATTEMPTS_DEFAULT: u32 = 3;

/// The most attempts that can be set: beyond, the delays alone take minutes.
pub const ATTEMPTS_MAX: u32 = 20;

/// How long a connection may take, with DNS and TLS: that of the official client.
pub const CONNECT_TIMEOUT_DEFAULT: Duration = Duration::from_millis(3_100);

/// How long one attempt may take. The service answers its REST calls at once; without a bound a silent peer would
/// hold a caller for ever.
pub const ATTEMPT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// How long a call may take with all its attempts and the delays between them.
pub const OPERATION_TIMEOUT_DEFAULT: Duration = Duration::from_secs(120);

/// The delay before the first retry is random up to this; it doubles with each further one.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(1);

/// No delay before a retry is longer, also when the service asks for more.
pub const BACKOFF_MAX: Duration = Duration::from_secs(20);

/// Tokens of the bucket that all calls of a client share: a service in trouble is not made worse by retries.
pub const RETRY_TOKENS_MAX: u32 = 500;

/// Tokens for a retry after a transient failure, such as a lost connection.
pub const RETRY_COST_TRANSIENT: u32 = 10;

/// Tokens for a retry after an answer that says that trying again can help.
pub const RETRY_COST_ANSWERED: u32 = 5;

/// Tokens that come back with a call that succeeds at its first attempt.
pub const RETRY_TOKENS_EARNED: u32 = 1;

/// A clock that differs from the service's by more than this is the likely cause of a refused signature: signatures
/// are accepted for five minutes.
pub const CLOCK_SKEW_TOLERATED_MS: i64 = 4 * 60 * 1_000;

/// An answer that took longer than this says nothing about the clock.
pub const CLOCK_ROUND_TRIP_MAX: Duration = Duration::from_secs(15 * 60);

/// The largest body of an answer that is read. The largest that the service can send, a page of a hundred datasets
/// with their longest texts, is under 1 MiB.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;

/// The first delay between two polls of a waiter.
pub const POLL_FIRST: Duration = Duration::from_secs(1);

/// The longest delay between two polls of a waiter: a person watches it.
pub const POLL_MAX: Duration = Duration::from_secs(15);

/// How long a waiter waits in all. Notes of a long visit and jobs take minutes.
pub const WAIT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30 * 60);

/// A connection without calls for longer is not used again: the service closes those on its own.
pub const CONNECTION_IDLE_MAX: Duration = Duration::from_secs(90);

/// Hosts that a client keeps a connection to: the service's three prefixes, doubled.
pub const CONNECTIONS_MAX: usize = 6;
