//! The signature of a request, in its headers or in its query.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningInstructions, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use http::{HeaderName, HeaderValue, Uri};
use sha2::{Digest, Sha256};
use tracing::Dispatch;

use crate::credentials::Credentials;
use crate::hex;
use crate::limits::{PRESIGNED_EXPIRES_S_MAX, SIGNED_SECOND_MAX};
use crate::scope::SigningScope;

/// What stands for the body of a stream whose messages are signed one by one.
const STREAMING_EVENTS: &str = "STREAMING-AWS4-HMAC-SHA256-EVENTS";
const CONTENT_SHA256: &str = "x-amz-content-sha256";

/// A request as it will be sent.
#[derive(Clone, Copy)]
pub struct RequestToSign<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// `https`, `wss`, `http` or `ws`: decides which port is the default, which is not signed.
    pub scheme: &'a str,
    /// Host and, if it is not the scheme's default, port.
    pub authority: &'a str,
    /// The path as sent: percent-encoded once. It is normalised and encoded a second time to be signed, and sent as it is.
    pub path: &'a str,
    /// The query as sent, without its question mark.
    pub query: Option<&'a str>,
    /// The headers to sign besides `host` and those that signing adds. `authorization`, `user-agent`, `x-amzn-trace-id` and
    /// `transfer-encoding` are left out if given.
    pub headers: &'a [(&'a str, &'a str)],
    /// What the signature says about the body.
    pub payload: Payload<'a>,
}

// Paths hold the ids of domains and sessions, and headers may hold anything.
impl fmt::Debug for RequestToSign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestToSign")
            .field("method", &self.method)
            .field("authority", &self.authority)
            .field("headers", &self.headers.len())
            .field("payload", &self.payload)
            .finish_non_exhaustive()
    }
}

/// What a request's signature says about its body.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Payload<'a> {
    /// A stream of messages that are signed one by one; the request is signed as if it had no body, as the official Rust client
    /// does. Adds no header.
    EventStream,
    /// As `EventStream`, in the form of the official Python client: the header `x-amz-content-sha256` is added, signed, and says
    /// that the messages are signed.
    EventStreamDeclared,
    /// A body that is at hand.
    Bytes(&'a [u8]),
    /// A body with this SHA-256 digest.
    Sha256([u8; 32]),
}

impl Payload<'_> {
    fn hash(&self) -> String {
        let digest: [u8; 32] = match self {
            Payload::EventStream => Sha256::digest([]).into(),
            Payload::EventStreamDeclared => return STREAMING_EVENTS.to_owned(),
            Payload::Bytes(bytes) => Sha256::digest(bytes).into(),
            Payload::Sha256(digest) => *digest,
        };
        hex::encode(&digest).map(char::from).iter().collect()
    }
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Payload::EventStream => f.write_str("EventStream"),
            Payload::EventStreamDeclared => f.write_str("EventStreamDeclared"),
            Payload::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Payload::Sha256(_) => f.write_str("Sha256(<redacted>)"),
        }
    }
}

/// What signing adds to a request.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedRequest {
    /// The headers to add, in this order: `x-amz-date`, `authorization`, and as needed `x-amz-content-sha256` and
    /// `x-amz-security-token`.
    pub headers: Vec<SignedHeader>,
    /// The signature's raw digest, which seeds the [`Chain`](crate::Chain) of the request's messages.
    pub signature: [u8; 32],
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest").field("headers", &self.headers).finish_non_exhaustive()
    }
}

/// A header that signing adds.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedHeader {
    /// The name, in lower case.
    pub name: &'static str,
    /// The value.
    pub value: String,
    /// Whether the value must be kept out of logs and out of header compression tables.
    pub sensitive: bool,
}

impl fmt::Debug for SignedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.sensitive { "<redacted>" } else { &self.value };
        write!(f, "{}: {value}", self.name)
    }
}

/// A query that carries the signature of its request.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PresignedQuery {
    /// The whole query, without its question mark: the request's own parameters, then those of the signature. It is as good as
    /// the credentials until it expires: never log it.
    pub query: String,
    /// The signature's raw digest, which seeds the [`Chain`](crate::Chain) of the request's messages.
    pub signature: [u8; 32],
}

impl fmt::Debug for PresignedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PresignedQuery({} bytes)", self.query.len())
    }
}

/// Why something cannot be signed. Holds none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The region or service has characters that no such name has.
    #[error("a region or service to sign for is not 1 to 63 lower-case letters, digits and hyphens")]
    Scope,
    /// Scheme, authority, path and query do not make a URI, or the scheme is none of the four.
    #[error("the request's address is not a uri, check its host and that its path is percent-encoded")]
    Address,
    /// A header has a name or value that cannot be sent.
    #[error("the request's header {index} has characters that cannot be sent")]
    Header {
        /// Which header, from 0.
        index: usize,
    },
    /// The access key id or session token has characters that a header cannot hold, such as a line end.
    #[error(
        "the access key id or session token has characters that cannot be sent, check for a stray line end"
    )]
    Credentials,
    /// The time is not between the years 1970 and 9999.
    #[error("the time to sign at is not between the years 1970 and 9999, check the clock")]
    Time,
    /// The time until a presigned query expires is out of range.
    #[error("a presigned query that expires after {expires_s} s was asked for where 1 to 60 s are allowed")]
    Expires {
        /// What was asked for, in seconds.
        expires_s: u32,
    },
    /// The signing library refused a request that passed all of the checks above.
    #[error("the signing library refused the request")]
    Refused,
}

/// Signs a request in its headers. `wall_unix_ms` is the time in milliseconds since 1970, corrected by what is known of the
/// service's clock.
///
/// # Errors
/// [`SignError`], for what cannot be sent.
pub fn sign_request(
    credentials: &Credentials,
    scope: &SigningScope,
    request: &RequestToSign<'_>,
    wall_unix_ms: i64,
) -> Result<SignedRequest, SignError> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::Headers;
    let (instructions, signature) = run(credentials, scope, request, wall_unix_ms, settings)?;

    let (added, _) = instructions.into_parts();
    let mut headers: Vec<_> = added
        .iter()
        .map(|header| SignedHeader {
            name: header.name(),
            value: header.value().to_owned(),
            // The library marks only the token; a signature is worth hiding too while it is fresh.
            sensitive: header.sensitive() || header.name() == "authorization",
        })
        .collect();
    if let Payload::EventStreamDeclared = request.payload {
        let declared =
            SignedHeader { name: CONTENT_SHA256, value: STREAMING_EVENTS.to_owned(), sensitive: false };
        headers.insert(headers.len().min(2), declared);
    }
    Ok(SignedRequest { headers, signature })
}

/// Signs a request in its query, as a WebSocket's opening needs it: good for `expires_s` seconds (1 to 60) from `wall_unix_ms`,
/// which is in milliseconds since 1970.
///
/// # Errors
/// [`SignError`], for what cannot be sent.
pub fn presign_query(
    credentials: &Credentials,
    scope: &SigningScope,
    request: &RequestToSign<'_>,
    expires_s: u32,
    wall_unix_ms: i64,
) -> Result<PresignedQuery, SignError> {
    if !(1..=PRESIGNED_EXPIRES_S_MAX).contains(&expires_s) {
        return Err(SignError::Expires { expires_s });
    }
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(expires_s.into()));
    let (instructions, signature) = run(credentials, scope, request, wall_unix_ms, settings)?;

    let (_, added) = instructions.into_parts();
    let mut query = request.query.unwrap_or_default().to_owned();
    for (name, value) in added {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        percent_encode(&mut query, &value);
    }
    Ok(PresignedQuery { query, signature })
}

/// Signs with the official library, in silence: it logs the canonical request, the string to sign and its parameters at the
/// trace level.
fn run(
    credentials: &Credentials,
    scope: &SigningScope,
    request: &RequestToSign<'_>,
    wall_unix_ms: i64,
    settings: SigningSettings,
) -> Result<(SigningInstructions, [u8; 32]), SignError> {
    check(credentials, request)?;
    let wall_ms = u64::try_from(wall_unix_ms).map_err(|_| SignError::Time)?;
    if wall_unix_ms / 1000 > SIGNED_SECOND_MAX {
        return Err(SignError::Time);
    }
    let identity = Identity::from(aws_credential_types::Credentials::new(
        credentials.access_key_id(),
        credentials.secret_access_key(),
        credentials.session_token().map(str::to_owned),
        None,
        "ossicle",
    ));
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region())
        .name(scope.service())
        .time(SystemTime::UNIX_EPOCH + Duration::from_millis(wall_ms))
        .settings(settings)
        .build()
        .map_err(|_| SignError::Refused)?
        .into();
    let declared = match request.payload {
        Payload::EventStreamDeclared => Some((CONTENT_SHA256, STREAMING_EVENTS)),
        _ => None,
    };
    let headers = request.headers.iter().copied().chain(declared);
    let body = SignableBody::Precomputed(request.payload.hash());

    let address = address(request)?;

    let signed = tracing::dispatcher::with_default(&Dispatch::none(), || {
        let request = SignableRequest::new(request.method, address, headers, body)?;
        sign(request, &params)
    });
    let (instructions, signature) = signed.map_err(|_| SignError::Refused)?.into_parts();
    let signature = hex::decode(&signature).ok_or(SignError::Refused)?;
    Ok((instructions, signature))
}

/// Finds what cannot be sent before the library does, whose errors do not say which part they mean and whose panics on some of
/// these would be ours.
fn check(credentials: &Credentials, request: &RequestToSign<'_>) -> Result<(), SignError> {
    let uri: Uri = address(request)?.parse().map_err(|_| SignError::Address)?;
    // Each part must be read back as it was given: a path with a question mark would be signed as something else.
    let authority = uri.authority().map(|authority| authority.as_str());
    let is_whole =
        authority == Some(request.authority) && uri.path() == request.path && uri.query() == request.query;
    if !is_whole || uri.host().is_none_or(str::is_empty) {
        return Err(SignError::Address);
    }
    for (index, (name, value)) in request.headers.iter().enumerate() {
        let name_is_good = HeaderName::from_bytes(name.as_bytes()).is_ok();
        if !name_is_good || HeaderValue::from_str(value).is_err() {
            return Err(SignError::Header { index });
        }
    }
    let texts = [Some(credentials.access_key_id()), credentials.session_token()];
    if texts.into_iter().flatten().any(|text| HeaderValue::from_str(text).is_err()) {
        return Err(SignError::Credentials);
    }
    Ok(())
}

fn address(request: &RequestToSign<'_>) -> Result<String, SignError> {
    let scheme = signed_scheme(request.scheme)?;
    let mark = if request.query.is_some() { "?" } else { "" };
    Ok([scheme, "://", request.authority, request.path, mark, request.query.unwrap_or_default()].concat())
}

/// The scheme to sign with: the library knows the default ports of HTTP's two only.
fn signed_scheme(scheme: &str) -> Result<&'static str, SignError> {
    match scheme {
        "https" | "wss" => Ok("https"),
        "http" | "ws" => Ok("http"),
        _ => Err(SignError::Address),
    }
}

/// Appends `value` with all but the unreserved characters of RFC 3986 percent-encoded.
fn percent_encode(query: &mut String, value: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            query.push('%');
            query.push(char::from(DIGITS[usize::from(byte >> 4)]));
            query.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}
