//! The client: one call for each operation.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use ossicle_model::Date;
use ossicle_model::each_operation;
use ossicle_model::endpoint::{Endpoint, SIGNING_NAME};
use ossicle_model::ids::SessionUuid;
use ossicle_model::rest::*;
use ossicle_model::validate;
use ossicle_sigv4::{Payload, RequestToSign, SigningScope, sign_request};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::credentials::CredentialSource;
use crate::error::{self, Error};
use crate::limits::{ATTEMPT_TIMEOUT_DEFAULT, ATTEMPTS_DEFAULT, ATTEMPTS_MAX, OPERATION_TIMEOUT_DEFAULT};
use crate::request::{self, Prepared};
use crate::retry::{self, TokenBucket};
use crate::skew::ClockSkew;
use crate::surroundings::Surroundings;
use crate::transport::{Transport, TransportError};

const JSON: &str = "application/json";
const CLIENT_NAME: &str = concat!("ossicle/", env!("CARGO_PKG_VERSION"));

/// The settings of a client.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The region, such as `us-east-1`; also signed for when there is a custom endpoint.
    pub region: String,
    /// A custom endpoint such as `https://localhost:8443`, used as given.
    pub endpoint: Option<String>,
    /// Whether to use the FIPS endpoints.
    pub fips: bool,
    /// Attempts of a call in all, 1 to 20. Default 3.
    pub attempts_max: u32,
    /// How long one attempt may take, with the connection if there is none yet. Default 30 s.
    pub attempt_timeout: Option<Duration>,
    /// How long a call may take with all its attempts. Default 120 s.
    pub operation_timeout: Option<Duration>,
}

impl Settings {
    /// The default settings for a region.
    pub fn new(region: impl Into<String>) -> Self {
        Self {
            region: region.into(),
            endpoint: None,
            fips: false,
            attempts_max: ATTEMPTS_DEFAULT,
            attempt_timeout: Some(ATTEMPT_TIMEOUT_DEFAULT),
            operation_timeout: Some(OPERATION_TIMEOUT_DEFAULT),
        }
    }
}

/// A client of the service's REST operations. Cheap to clone; clones share connections, the budget for retries and
/// what is known about the service's clock.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Settings,
    endpoint: Endpoint,
    scope: SigningScope,
    credentials: Box<dyn CredentialSource>,
    transport: Box<dyn Transport>,
    surroundings: Surroundings,
    bucket: TokenBucket,
    skew: ClockSkew,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.shared.endpoint.url())
            .field("retry_tokens", &self.shared.bucket.left())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client over a transport of the caller's choice.
    ///
    /// # Errors
    /// [`Error::Endpoint`] or [`Error::Sign`] when the settings lead to no endpoint.
    pub fn new(
        settings: Settings,
        credentials: impl CredentialSource + 'static,
        transport: impl Transport + 'static,
    ) -> Result<Self, Error> {
        Self::with_surroundings(settings, credentials, transport, Surroundings::default())
    }

    /// As [`Client::new`], with a clock and randomness of the caller's.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_surroundings(
        settings: Settings,
        credentials: impl CredentialSource + 'static,
        transport: impl Transport + 'static,
        surroundings: Surroundings,
    ) -> Result<Self, Error> {
        let region = Some(settings.region.as_str()).filter(|region| !region.is_empty());
        let endpoint = Endpoint::resolve(region, settings.fips, settings.endpoint.as_deref())?;
        let scope = SigningScope::new(&settings.region, SIGNING_NAME)?;
        let shared = Shared {
            settings,
            endpoint,
            scope,
            credentials: Box::new(credentials),
            transport: Box::new(transport),
            surroundings,
            bucket: TokenBucket::new(),
            skew: ClockSkew::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The endpoint that the client calls.
    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    /// The client's clock and randomness.
    pub(crate) fn surroundings(&self) -> &Surroundings {
        &self.shared.surroundings
    }

    /// Calls an operation by its input.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Input`] when the input breaks a rule, before anything is sent.
    pub async fn call<I: Request>(&self, input: I) -> Result<I::Output, Error> {
        let operation = I::OPERATION;
        let prepared = self.prepare(operation, &input)?;
        drop(input);
        let call = Call { shared: &self.shared, operation, prepared, invocation_id: self.random_uuid() };
        let (status, request_id, body) = match self.shared.settings.operation_timeout {
            Some(limit) => timeout(limit, call.run()).await.map_err(|_| Error::TimedOut(limit))??,
            None => call.run().await?,
        };
        I::Output::read(&body).map_err(|source| Error::Answer { source, status, request_id })
    }

    fn prepare<I: Request>(&self, operation: &'static Operation, input: &I) -> Result<Prepared, Error> {
        let Ok(Value::Object(mut input)) = serde_json::to_value(input) else {
            let rule = ossicle_model::Rule::WrongType { expected: "an object" };
            return Err(Error::Input(ossicle_model::Invalid::new("", rule)));
        };
        request::fill_token(operation, &mut input, || self.random_uuid());
        let document = Value::Object(input);
        let today = Date::from_unix_ms(self.shared.now_unix_ms());
        validate::request(&document, operation, today).map_err(Error::Input)?;
        let Value::Object(input) = document else { unreachable!("it was made an object above") };
        Ok(request::prepare(operation, &self.shared.endpoint.base_path, input))
    }

    fn random_uuid(&self) -> String {
        SessionUuid::from_random_bytes(self.shared.surroundings.bytes()).into()
    }
}

impl Shared {
    /// The service's time by what is known.
    fn now_unix_ms(&self) -> i64 {
        self.surroundings.wall_unix_ms() + self.skew.ms().unwrap_or(0)
    }
}

/// One call with all its attempts.
struct Call<'a> {
    shared: &'a Shared,
    operation: &'static Operation,
    prepared: Prepared,
    invocation_id: String,
}

/// A success: status, the service's id of the request, body.
type Answered = (u16, Option<String>, bytes::Bytes);

impl Call<'_> {
    async fn run(&self) -> Result<Answered, Error> {
        let attempts_max = self.shared.settings.attempts_max.clamp(1, ATTEMPTS_MAX);
        let mut taken = None;
        for attempt in 1.. {
            let (error, asked) = match self.attempt(attempt, attempts_max).await {
                Ok(answered) => {
                    self.shared.bucket.succeeded(taken);
                    return Ok(answered);
                }
                Err(failed) => failed,
            };
            let class = retry::classify(&error, self.shared.skew.ms());
            let error = mark(error, class.is_some());
            taken = class.filter(|_| attempt < attempts_max).and_then(|class| self.shared.bucket.take(class));
            if taken.is_none() {
                return Err(error);
            }
            let delay = retry::delay(attempt, asked, self.shared.surroundings.unit());
            tracing::debug!(operation = self.operation.name, attempt, ?class, ?delay, "trying again");
            sleep(delay).await;
        }
        unreachable!("an attempt is the last one, or there is another")
    }

    /// One attempt; a failure comes with the delay that the service asks for.
    async fn attempt(&self, attempt: u32, attempts_max: u32) -> Result<Answered, (Error, Option<Duration>)> {
        let plain = |error: Error| (error, None);
        let credentials = self.shared.credentials.credentials().await.map_err(|error| plain(error.into()))?;
        let request = self.sign(&credentials, attempt, attempts_max).map_err(plain)?;
        let (sent_unix_ms, sent) = (self.shared.surroundings.wall_unix_ms(), Instant::now());
        let response = self.send(request).await.map_err(plain)?;
        let (head, body) = response.into_parts();
        self.shared.skew.learn(&head.headers, sent_unix_ms, sent.elapsed());
        let status = head.status.as_u16();
        if head.status.is_success() {
            return Ok((status, error::request_id(&head.headers), body));
        }
        let error = error::read(self.operation.name, status, &head.headers, &body);
        Err((error.into(), retry::asked_delay(&head.headers)))
    }

    async fn send(
        &self,
        request: http::Request<bytes::Bytes>,
    ) -> Result<http::Response<bytes::Bytes>, Error> {
        let sending = self.shared.transport.send(request);
        let sent: Result<_, TransportError> = match self.shared.settings.attempt_timeout {
            Some(limit) => timeout(limit, sending).await.map_err(|_| Error::TimedOut(limit))?,
            None => sending.await,
        };
        Ok(sent?)
    }

    fn sign(
        &self,
        credentials: &ossicle_sigv4::Credentials,
        attempt: u32,
        attempts_max: u32,
    ) -> Result<http::Request<bytes::Bytes>, Error> {
        let Self { shared, operation, prepared, .. } = self;
        let scheme = shared.endpoint.scheme.as_str();
        let authority = shared.endpoint.authority_for(operation.host_prefix);
        let length = prepared.body.as_ref().map(|body| body.len().to_string());
        let content = length
            .as_deref()
            .map(|length| [(CONTENT_TYPE.as_str(), JSON), (CONTENT_LENGTH.as_str(), length)]);
        let now_unix_ms = shared.now_unix_ms();
        let to_sign = RequestToSign {
            method: operation.method,
            scheme,
            authority: &authority,
            path: &prepared.path,
            query: prepared.query.as_deref(),
            headers: content.as_ref().map_or(&[], |content| content.as_slice()),
            payload: Payload::Bytes(prepared.body.as_deref().unwrap_or_default()),
        };
        let signed = sign_request(credentials, &shared.scope, &to_sign, now_unix_ms)?;
        let query = prepared.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let mut request = http::Request::builder()
            .method(operation.method)
            .uri(format!("{scheme}://{authority}{}{query}", prepared.path))
            .header(USER_AGENT, CLIENT_NAME);
        for (name, value) in content.iter().flatten() {
            request = request.header(*name, *value);
        }
        for header in signed.headers {
            let mut value = HeaderValue::try_from(header.value).map_err(http::Error::from)?;
            value.set_sensitive(header.sensitive || header.name == AUTHORIZATION.as_str());
            request = request.header(header.name, value);
        }
        let mut attempts = format!("attempt={attempt}; max={attempts_max}");
        if let Some(limit) = shared.settings.attempt_timeout.filter(|_| attempt > 1) {
            attempts = format!("ttl={}; {attempts}", compact(now_unix_ms, limit));
        }
        request =
            request.header("amz-sdk-request", attempts).header("amz-sdk-invocation-id", &self.invocation_id);
        let request = request.body(prepared.body.clone().unwrap_or_default())?;
        debug_assert!(!request.headers().contains_key(HOST), "the authority stands in the URI");
        Ok(request)
    }
}

/// Notes in the service's own error whether another attempt can help.
fn mark(error: Error, retryable: bool) -> Error {
    match error {
        Error::Service(mut error) => {
            error.retryable = retryable;
            Error::Service(error)
        }
        other => other,
    }
}

/// When an attempt ends at the latest, as `YYYYMMDDTHHMMSSZ`.
fn compact(now_unix_ms: i64, limit: Duration) -> String {
    let limit_ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
    let end = ossicle_model::Timestamp::from_unix_ms(
        now_unix_ms.saturating_add(limit_ms).div_euclid(1_000) * 1_000,
    );
    end.to_string().replace(['-', ':'], "")
}

macro_rules! client_methods {
    ($($(#[$meta:meta])* $method:ident: $name:ident = $prefix:literal $verb:ident $path:literal => $status:literal,
        $input:ident -> $output:tt, [$($error:ident)*];)*) => {
        /// One method for each operation.
        impl Client {
            $(
                $(#[$meta])*
                ///
                /// # Errors
                /// [`Error`]; [`Error::Input`] when the input breaks a rule, before anything is sent.
                pub async fn $method(&self, input: $input) -> Result<$output, Error> {
                    self.call(input).await
                }
            )*
        }
    };
}

each_operation!(client_methods);
