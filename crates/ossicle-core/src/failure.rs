//! Failures: whose fault, what to do, and whether to try again. The one table of status names.

use crate::io::{LossCause, Step};

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal, $blame:ident, $retry:literal;)*) => {
        /// A status, as the C ABI numbers it. Values are frozen; new ones are added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(i32)]
        pub enum Status { $($(#[$doc])* $name = $code,)* }

        impl Status {
            /// All statuses, in order.
            pub const ALL: &'static [Status] = &[$(Status::$name,)*];

            /// The name without the C prefix, such as `DENIED`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Status::$name => $text,)* }
            }

            /// Who has to act.
            #[must_use]
            pub const fn blame(self) -> Blame {
                match self { $(Status::$name => Blame::$blame,)* }
            }

            /// Whether a new session may succeed without a change by the caller.
            #[must_use]
            pub const fn retryable(self) -> bool {
                match self { $(Status::$name => $retry,)* }
            }
        }
    };
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Nobody's: expected flow.
    Nobody,
    /// The calling application.
    Caller,
    /// The identity that requests are signed with, or the clock.
    Identity,
    /// The service.
    Service,
    /// The network between.
    Network,
    /// Ossicle itself.
    Engine,
}

statuses! {
    /// Success.
    Ok = 0, "OK", Nobody, false;
    /// The ring took less than was offered.
    Full = 100, "FULL", Nobody, true;
    /// Nothing came within the time.
    Empty = 101, "EMPTY", Nobody, true;
    /// The session is closed.
    Closed = 102, "CLOSED", Nobody, false;
    /// An argument is out of its range.
    BadArgument = 200, "BAD_ARGUMENT", Caller, false;
    /// The call does not fit the state.
    BadState = 201, "BAD_STATE", Caller, false;
    /// A limit of the engine is reached.
    Limit = 202, "LIMIT", Caller, true;
    /// The service does not accept the identity.
    Denied = 300, "DENIED", Identity, false;
    /// The keys have expired and no new ones came.
    Expired = 301, "EXPIRED", Identity, true;
    /// The clock is wrong and could not be corrected.
    Skewed = 302, "SKEWED", Identity, false;
    /// No keys are configured.
    NoKeys = 303, "NO_KEYS", Identity, false;
    /// The service refuses the request as wrong.
    Rejected = 400, "REJECTED", Service, false;
    /// The service asks for less.
    Throttled = 401, "THROTTLED", Service, true;
    /// A quota is used up.
    Quota = 402, "QUOTA", Service, false;
    /// The domain, subscription or session does not exist.
    NotFound = 403, "NOT_FOUND", Service, false;
    /// Somebody else took the session, or it is already complete.
    Conflict = 404, "CONFLICT", Service, false;
    /// The service failed.
    ServiceFailed = 405, "SERVICE_FAILED", Service, true;
    /// The endpoint could not be reached.
    Unreachable = 500, "UNREACHABLE", Network, true;
    /// The connection was lost.
    Lost = 501, "LOST", Network, true;
    /// The peer sent what no correct peer sends.
    Corrupt = 502, "CORRUPT", Network, true;
    /// The certificate is not trusted.
    Untrusted = 503, "UNTRUSTED", Network, false;
    /// The peer speaks no HTTP/2.
    NoHttp2 = 504, "NO_HTTP2", Network, false;
    /// Time ran out.
    TimedOut = 505, "TIMED_OUT", Network, true;
    /// A bug of ours.
    Internal = 900, "INTERNAL", Engine, true;
}

/// What went wrong, in a form that needs no parsing and holds neither keys nor health information.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The status.
    pub status: Status,
    /// What happened, exactly.
    pub cause: Cause,
    /// The service's request id, if one is known.
    pub request_id: Option<String>,
}

/// The exact cause of a [`Failure`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// An HTTP answer before the stream.
    Http {
        /// The status.
        status: u16,
        /// The error's code, if the answer names one.
        code: Option<String>,
    },
    /// An exception in the stream.
    Exception {
        /// The exception's type as the service names it.
        code: String,
    },
    /// The response ended although nobody asked for it.
    EndedEarly,
    /// The stream was reset.
    Reset {
        /// The HTTP/2 error code.
        code: u32,
    },
    /// The connection could not be made or was lost.
    Connection {
        /// The step.
        step: Step,
        /// Its fault.
        cause: LossCause,
    },
    /// The peer planned the connection's end.
    GoAway,
    /// The peer's bytes are no event stream: a wrong checksum, a length out of bounds, a cut message.
    Garbage,
    /// PINGs were not answered.
    NoPong,
    /// PINGs were answered, but no credit came.
    NoCredit,
    /// Keys expired.
    KeysExpired,
    /// No keys are configured.
    NoKeys,
    /// The first answer did not come in time.
    OpenTimedOut,
    /// `finish` ran out of time.
    FinishTimedOut,
    /// The resume window ran out.
    ResumeWindow,
    /// A setting is out of its range: rate, chunk length, pace or catch-up rate.
    Settings,
    /// The engine has as many sessions as it may have.
    SessionsMax,
    /// The encoder failed or is not built in.
    Encoder,
    /// The application changed keys, network or pause; not an error.
    Handover,
    /// A panic was caught in the shard.
    Panic,
    /// The application aborted the session.
    Aborted,
}

impl std::error::Error for Failure {}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.cause {
            Cause::Http { status, code } => {
                write!(f, "the service answered {status}")?;
                if let Some(code) = code {
                    write!(f, " ({code})")?;
                }
                write!(f, ": {}", advice(self.status))?;
            }
            Cause::Exception { code } => {
                write!(f, "the service ended the stream with {code}: {}", advice(self.status))?;
            }
            Cause::Connection { step, cause } => f.write_str(connection_text(*step, *cause))?,
            other => f.write_str(plain_text(other))?,
        }
        if let Some(id) = &self.request_id {
            write!(f, " [request {id}]")?;
        }
        Ok(())
    }
}

fn advice(status: Status) -> &'static str {
    match status {
        Status::Denied => "check the access key, its secret and its permission for this domain",
        Status::Expired => "the keys have expired; get new ones",
        Status::Skewed => "this machine's clock is wrong; set it by a time server",
        Status::NotFound => "check the domain, the subscription and the region",
        Status::Quota => "a quota of the account is used up; ask for a higher one or end other sessions",
        Status::Throttled => "too many requests; try again later",
        Status::Conflict => "another client took this session, or it is already complete",
        Status::ServiceFailed => "the service failed; try again later",
        Status::Rejected => "the request or its configuration is not valid; check ids, rate and template",
        _ => "see the status",
    }
}

fn connection_text(step: Step, cause: LossCause) -> &'static str {
    match (step, cause) {
        (_, LossCause::NoSuchName) => "the endpoint's name does not exist: check the endpoint and the region",
        (_, LossCause::CertificateRejected) => {
            "the endpoint's certificate is not trusted: give the right authority with --ca, or check for a proxy \
             that opens TLS"
        }
        (_, LossCause::NoHttp2) => "the endpoint speaks no HTTP/2: check the port, or a proxy in between",
        (_, LossCause::ProxyDenied) => "the proxy asks for credentials: put them into the proxy's address",
        (Step::Dns, _) => "the endpoint's name could not be resolved: check the network and its DNS",
        (Step::Tcp, LossCause::Refused) => {
            "nobody listens at the endpoint (connection refused): check host and port"
        }
        (Step::Tcp, _) => "the endpoint could not be reached: check the network, firewall and proxy",
        (Step::Proxy, _) => "the proxy did not open the way to the endpoint",
        (Step::Tls | Step::Alpn, LossCause::Closed) => "the connection was closed while TLS was being agreed",
        (Step::Tls | Step::Alpn, LossCause::TimedOut) => {
            "the endpoint did not answer in TLS: check that it is a TLS port"
        }
        (Step::Tls | Step::Alpn, _) => {
            "TLS could not be agreed with the endpoint: check that it is a TLS port"
        }
        (Step::H2, LossCause::TimedOut) => "the endpoint did not answer in HTTP/2: check that it speaks it",
        (Step::H2, _) => "the endpoint broke the rules of HTTP/2: check that it speaks HTTP/2 at this port",
        (Step::Socket, LossCause::Asked) => "the connection was closed by us",
        (Step::Socket, _) => "the connection was lost",
    }
}

fn plain_text(cause: &Cause) -> &'static str {
    match cause {
        Cause::EndedEarly => "the service ended its response before the session was finished",
        Cause::Reset { .. } => "the service reset the stream",
        Cause::GoAway => "the service closes this connection as planned",
        Cause::Garbage => {
            "the peer sent bytes that are no event stream (checksum, length or framing is wrong)"
        }
        Cause::NoPong => "the connection went silent: PINGs were not answered",
        Cause::NoCredit => "the service stopped taking audio",
        Cause::KeysExpired => "the keys have expired and no new ones came: renew the credentials",
        Cause::NoKeys => {
            "no credentials are configured: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
        }
        Cause::OpenTimedOut => {
            "the service did not accept the session in time: check the network and try again"
        }
        Cause::FinishTimedOut => {
            "the end of the session could not be delivered in time, so no note will be made; finish it later with \
             the same session id"
        }
        Cause::ResumeWindow => "the session can no longer be resumed: its window has run out",
        Cause::Settings => {
            "a setting is out of its range: the wire rate is 8,000 to 48,000 Hz, a chunk 20 to 1,000 ms, the pace \
             above 0 and the catch-up rate at least 1"
        }
        Cause::SessionsMax => "the engine has as many sessions as it may have: raise sessions_max",
        Cause::Encoder => "the audio encoder failed or is not built in: use PCM",
        Cause::Aborted => "the session was aborted; it can be resumed with the same session id",
        Cause::Handover => "the stream is replaced as planned",
        Cause::Panic => "an internal error ended the session; please report it",
        Cause::Http { .. } | Cause::Exception { .. } | Cause::Connection { .. } => "see the status",
    }
}
