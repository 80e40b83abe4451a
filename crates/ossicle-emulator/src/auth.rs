//! Signature Version 4 of requests, and the chain of message signatures, checked with the official signer's
//! functions over strings that are built here from the bytes received.
//!
//! `aws_sigv4`'s own event-stream signer cuts sub-seconds from the date before it hashes it and so cannot check
//! the official Python client; only its key derivation and its HMAC are used.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::SystemTime;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_eventstream::frame::write_headers_to;
use aws_smithy_types::DateTime;
use aws_smithy_types::event_stream::{Header, HeaderValue};
use http::request::Parts;
use sha2::{Digest, Sha256};

use crate::clock::{stamp, stamp_ms};
use crate::config::Keys;

/// The signing name of the service.
const SERVICE: &str = "health-agent";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The payload hash that the Python client signs for a stream of events.
const STREAMING_PAYLOAD: &str = "STREAMING-AWS4-HMAC-SHA256-EVENTS";

/// Why a request or message is not believed. The text names the rule, never a key, signature or payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Denied(&'static str),
    #[error("{0}")]
    Signature(String),
}

/// What a request's body counts as in its signature.
pub(crate) enum Payload<'a> {
    /// Messages that are signed one by one: the hash of nothing, or the literal of the Python client.
    Events,
    /// A whole body.
    Whole(&'a [u8]),
}

/// A request that was believed: what its messages are checked with.
pub(crate) struct Signed {
    pub(crate) region: String,
    pub(crate) signature_hex: String,
    pub(crate) keys: Arc<Keys>,
    pub(crate) age_ms: i64,
}

/// The parts of an `authorization` header.
struct Authorization<'a> {
    access_key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

fn parse_authorization(value: &str) -> Option<Authorization<'_>> {
    let rest = value.strip_prefix(ALGORITHM)?.trim_start();
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in rest.split(',') {
        match part.trim().split_once('=')? {
            ("Credential", value) => credential = Some(value),
            ("SignedHeaders", value) => signed_headers = Some(value),
            ("Signature", value) => signature = Some(value),
            _ => return None,
        }
    }
    let mut scope = credential?.rsplitn(5, '/');
    let terminator = scope.next()?;
    let service = scope.next()?;
    let region = scope.next()?;
    let date = scope.next()?;
    let access_key_id = scope.next()?;
    let signed_headers: Vec<&str> = signed_headers?.split(';').collect();
    (terminator == "aws4_request").then_some(Authorization {
        access_key_id,
        date,
        region,
        service,
        signed_headers,
        signature: signature?,
    })
}

/// Checks a request's signature, its keys and its age.
pub(crate) fn verify_request(
    parts: &Parts,
    payload: Payload<'_>,
    keys: &[Arc<Keys>],
    now_ms: i64,
    age_ms_max: i64,
) -> Result<Signed, Refusal> {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let value = header("authorization").ok_or(Refusal::Denied("the request is not signed"))?;
    let auth =
        parse_authorization(value).ok_or(Refusal::Denied("the authorization header cannot be read"))?;
    let found = keys
        .iter()
        .find(|keys| keys.access_key_id() == auth.access_key_id)
        .ok_or(Refusal::Denied("the access key id is not known"))?;
    if header("x-amz-security-token") != found.token() {
        return Err(Refusal::Denied("the session token does not belong to the access key"));
    }
    let scope_wrong = |what: &str| Refusal::Signature(format!("the credential's {what} is wrong"));
    if auth.service != SERVICE {
        return Err(scope_wrong("service"));
    }
    let date = header("x-amz-date").ok_or_else(|| Refusal::Signature("x-amz-date is missing".into()))?;
    let signed_ms = stamp_ms(date).ok_or_else(|| Refusal::Signature("x-amz-date cannot be read".into()))?;
    if date.get(..8) != Some(auth.date) {
        return Err(scope_wrong("date"));
    }
    check_signed_headers(&auth.signed_headers, found.token().is_some())?;

    let payload_hash = payload_hash(header("x-amz-content-sha256"), &payload)?;
    let canonical = canonical_request(parts, &auth.signed_headers, &payload_hash)
        .ok_or_else(|| Refusal::Signature("a signed header is missing or cannot be read".into()))?;
    let scope = format!("{}/{}/{SERVICE}/aws4_request", auth.date, auth.region);
    let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex_sha256(canonical.as_bytes()));
    let time = SystemTime::UNIX_EPOCH
        .checked_add(std::time::Duration::from_millis(u64::try_from(signed_ms).unwrap_or(0)))
        .ok_or_else(|| Refusal::Signature("x-amz-date cannot be read".into()))?;
    let key = generate_signing_key(found.secret(), time, auth.region, SERVICE);
    if !same(calculate_signature(key, to_sign.as_bytes()).as_bytes(), auth.signature.as_bytes()) {
        return Err(Refusal::Signature("the request's signature does not match".into()));
    }
    let age_ms = now_ms.saturating_sub(signed_ms);
    check_age(age_ms, age_ms_max, "request")?;
    Ok(Signed {
        region: auth.region.to_owned(),
        signature_hex: auth.signature.to_owned(),
        keys: Arc::clone(found),
        age_ms,
    })
}

fn check_signed_headers(names: &[&str], token: bool) -> Result<(), Refusal> {
    let ordered = names.windows(2).all(|pair| pair[0] < pair[1]);
    let needed = ["host", "x-amz-date"].iter().all(|name| names.contains(name));
    if !ordered || !needed || (token && !names.contains(&"x-amz-security-token")) {
        return Err(Refusal::Signature(
            "the signed headers are out of order or leave out host, x-amz-date or the session token".into(),
        ));
    }
    Ok(())
}

fn check_age(age_ms: i64, age_ms_max: i64, what: &str) -> Result<(), Refusal> {
    if age_ms > age_ms_max {
        return Err(Refusal::Signature(format!(
            "signature expired: the {what} was signed {} s before it was read, at most {} s are allowed",
            age_ms / 1000,
            age_ms_max / 1000
        )));
    }
    if -age_ms > age_ms_max {
        return Err(Refusal::Signature(format!(
            "signature not yet current: the {what} was signed {} s in the future",
            -age_ms / 1000
        )));
    }
    Ok(())
}

fn payload_hash(declared: Option<&str>, payload: &Payload<'_>) -> Result<String, Refusal> {
    let own = hex_sha256(match payload {
        Payload::Events => b"",
        Payload::Whole(body) => body,
    });
    match (declared, payload) {
        (None, _) => Ok(own),
        (Some(STREAMING_PAYLOAD), Payload::Events) => Ok(STREAMING_PAYLOAD.to_owned()),
        (Some(hash), _) if hash == own => Ok(own),
        (Some(_), _) => Err(Refusal::Signature("x-amz-content-sha256 does not match the body".into())),
    }
}

fn canonical_request(parts: &Parts, signed_headers: &[&str], payload_hash: &str) -> Option<String> {
    let mut text = String::with_capacity(512);
    let _ = write!(
        text,
        "{}\n{}\n{}\n",
        parts.method,
        canonical_path(parts.uri.path()),
        canonical_query(parts.uri.query().unwrap_or(""))
    );
    for name in signed_headers {
        text.push_str(name);
        text.push(':');
        if *name == "host" && !parts.headers.contains_key("host") {
            // HTTP/2 carries the host as :authority.
            text.push_str(parts.uri.authority()?.as_str());
        } else {
            let mut first = true;
            for value in parts.headers.get_all(*name) {
                if !first {
                    text.push(',');
                }
                first = false;
                push_folded(&mut text, std::str::from_utf8(value.as_bytes()).ok()?);
            }
            if first {
                return None;
            }
        }
        text.push('\n');
    }
    let _ = write!(text, "\n{}\n{payload_hash}", signed_headers.join(";"));
    Some(text)
}

/// Outer spaces go, runs of spaces become one.
fn push_folded(text: &mut String, value: &str) {
    let mut space = false;
    for c in value.trim_matches(' ').chars() {
        if c == ' ' {
            space = true;
            continue;
        }
        if std::mem::take(&mut space) {
            text.push(' ');
        }
        text.push(c);
    }
}

/// Dot segments and empty segments go (a final slash stays), then the path as sent is percent-encoded once more.
fn canonical_path(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let mut text = String::with_capacity(path.len() + 8);
    for segment in &kept {
        text.push('/');
        push_encoded(&mut text, segment.as_bytes());
    }
    let last = path.rsplit('/').next().unwrap_or("");
    if kept.is_empty() || matches!(last, "" | "." | "..") {
        text.push('/');
    }
    text
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let encode = |text: &str| {
                let mut out = String::with_capacity(text.len());
                push_encoded(&mut out, &percent_decode(text, true));
                out
            };
            (encode(name), encode(value))
        })
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn push_encoded(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(*byte))
            }
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
}

/// Percent-decodes; a `%` that no two hex digits follow stays as it is.
pub(crate) fn percent_decode(text: &str, plus_is_space: bool) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
        match (bytes[at], hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', ..) if plus_is_space => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    out
}

/// The signatures of a stream's messages: each signs the one before it.
pub(crate) struct Chain {
    prior_hex: String,
    region: String,
    keys: Arc<Keys>,
    /// Signing key of the day (its stamp) that the last message was signed on.
    day: Option<(String, Vec<u8>)>,
    age_ms_max: i64,
}

impl Chain {
    pub(crate) fn new(signed: &Signed, age_ms_max: i64) -> Self {
        Self {
            prior_hex: signed.signature_hex.clone(),
            region: signed.region.clone(),
            keys: Arc::clone(&signed.keys),
            day: None,
            age_ms_max,
        }
    }

    /// Checks one message's signature over `payload`; returns its age in milliseconds when it was read.
    pub(crate) fn verify(
        &mut self,
        date: DateTime,
        signature: &[u8],
        payload: &[u8],
        now_ms: i64,
    ) -> Result<i64, Refusal> {
        let unreadable = || Refusal::Signature("a message's date cannot be read".into());
        let stamp = stamp(date).ok_or_else(unreadable)?;
        let mut date_header = Vec::with_capacity(15);
        write_headers_to(&[Header::new(":date", HeaderValue::Timestamp(date))], &mut date_header)
            .map_err(|_| unreadable())?;
        let to_sign = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{}/{}/{SERVICE}/aws4_request\n{}\n{}\n{}",
            &stamp[..8],
            self.region,
            self.prior_hex,
            hex_sha256(&date_header),
            hex_sha256(payload)
        );
        if self.day.as_ref().is_none_or(|(day, _)| *day != stamp[..8]) {
            let time = SystemTime::try_from(date).map_err(|_| unreadable())?;
            let key = generate_signing_key(self.keys.secret(), time, &self.region, SERVICE);
            self.day = Some((stamp[..8].to_owned(), key.as_ref().to_vec()));
        }
        let key = self.day.as_ref().map_or(&[][..], |(_, key)| key.as_slice());
        let expected = calculate_signature(key, to_sign.as_bytes());
        if !same(expected.as_bytes(), hex(signature).as_bytes()) {
            return Err(Refusal::Signature("a message's signature does not match".into()));
        }
        self.prior_hex = expected;
        let age_ms = now_ms.saturating_sub(date.to_millis().map_err(|_| unreadable())?);
        check_age(age_ms, self.age_ms_max, "message")?;
        Ok(age_ms)
    }
}

fn hex_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Compares without telling by its time where two texts differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
