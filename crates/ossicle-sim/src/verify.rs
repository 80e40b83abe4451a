//! Signatures, checked with the official signer's own functions over strings built from the bytes that came.

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_eventstream::frame::{read_message_from, write_headers_to};
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use ossicle_core::io::RequestHead;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

const SERVICE: &str = "health-agent";
pub(crate) const REGION: &str = "us-east-1";

/// One pair of keys, as the service knows it.
#[derive(Debug, Clone)]
pub(crate) struct KnownKeys {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    /// From here on requests with them are refused.
    pub(crate) expires_ms: i64,
}

/// A request that carries a right signature.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) keys: usize,
    pub(crate) date_ms: i64,
    signature: String,
}

fn header<'a>(head: &'a RequestHead, name: &str) -> Option<&'a str> {
    head.headers.iter().find(|header| header.name == name).map(|header| header.value.as_str())
}

/// Checks a request's signature. An error is a mistake of the engine, whatever the clock says.
pub(crate) fn request(head: &RequestHead, keys: &[KnownKeys]) -> Result<Signed, String> {
    let get = |name: &str| header(head, name).ok_or_else(|| format!("the request has no {name}"));
    let authorization = get("authorization")?;
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("another algorithm")?;
    let part = |name: &str| {
        let found = rest.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| format!("the authorization has no {name}"))
    };
    let mut credential = part("Credential")?.split('/');
    let mut next = || credential.next().unwrap_or_default();
    let (id, day, region, service, end) = (next(), next(), next(), next(), next());
    if (region, service, end) != (REGION, SERVICE, "aws4_request") {
        return Err("the credential's scope is wrong".into());
    }
    let known = keys.iter().position(|keys| keys.id == id).ok_or("the access key is not known")?;
    if get("x-amz-security-token")? != keys[known].token {
        return Err("the token is not that of the access key".into());
    }
    let date = get("x-amz-date")?;
    if !date.starts_with(day) {
        return Err("the scope's day is not that of the date".into());
    }
    let signed_headers = part("SignedHeaders")?;
    let mut canonical = format!("POST\n{}\n\n", head.path);
    for name in signed_headers.split(';') {
        let value = if name == "host" { head.authority.as_str() } else { get(name)? };
        let _ = writeln!(canonical, "{name}:{value}");
    }
    for needed in ["host", "x-amz-date", "x-amz-security-token", "x-amzn-medscribe-session-id"] {
        if !signed_headers.split(';').any(|name| name == needed) {
            return Err(format!("{needed} is not signed"));
        }
    }
    let _ = write!(canonical, "\n{signed_headers}\n{}", hex_sha256(b""));
    let scope = format!("{day}/{REGION}/{SERVICE}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex_sha256(canonical.as_bytes()));
    let date_ms = parse_stamp(date).ok_or("the date cannot be read")?;
    let key = signing_key(&keys[known].secret, date_ms);
    let signature = calculate_signature(key, to_sign.as_bytes());
    if signature != part("Signature")? {
        return Err("the request's signature is wrong".into());
    }
    Ok(Signed { keys: known, date_ms, signature })
}

/// A verified message.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) date_ms: i64,
    /// The message inside, or nothing for the empty one that ends the chain.
    pub(crate) inner: Option<Message>,
}

/// The chain of one stream's messages.
#[derive(Debug)]
pub(crate) struct Chain {
    prior: String,
    secret: String,
    day: Option<(String, Vec<u8>)>,
}

impl Chain {
    pub(crate) fn new(signed: &Signed, keys: &[KnownKeys]) -> Self {
        Self { prior: signed.signature.clone(), secret: keys[signed.keys].secret.clone(), day: None }
    }

    /// Reads and checks one whole message.
    pub(crate) fn read(&mut self, mut raw: Bytes) -> Result<Verified, String> {
        let outer = read_message_from(&mut raw).map_err(|error| format!("no message: {error}"))?;
        let [first, second] = outer.headers() else { return Err("the envelope has other headers".into()) };
        let (HeaderValue::ByteArray(signature), HeaderValue::Timestamp(date)) =
            (first.value(), second.value())
        else {
            return Err("the envelope has other headers".into());
        };
        if first.name().as_str() != ":chunk-signature" || second.name().as_str() != ":date" {
            return Err("the envelope has other headers".into());
        }
        let date_ms = date.to_millis().map_err(|_| "the date cannot be read")?;
        let mut date_header = Vec::new();
        write_headers_to(&[Header::new(":date", HeaderValue::Timestamp(*date))], &mut date_header)
            .map_err(|_| "the date cannot be written")?;
        let stamp = stamp(date_ms);
        let day = &stamp[..8];
        let to_sign = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{day}/{REGION}/{SERVICE}/aws4_request\n{}\n{}\n{}",
            self.prior,
            hex_sha256(&date_header),
            hex_sha256(outer.payload())
        );
        if self.day.as_ref().is_none_or(|(known, _)| known != day) {
            self.day = Some((day.to_owned(), signing_key(&self.secret, date_ms).as_ref().to_vec()));
        }
        let key = self.day.as_ref().map_or(&[][..], |(_, key)| key);
        let expected = calculate_signature(key, to_sign.as_bytes());
        if expected != hex(signature) {
            return Err("a message's signature is wrong".into());
        }
        self.prior = expected;
        if outer.payload().is_empty() {
            return Ok(Verified { date_ms, inner: None });
        }
        let mut inner = outer.payload().clone();
        let message = read_message_from(&mut inner).map_err(|error| format!("no inner message: {error}"))?;
        if !inner.is_empty() {
            return Err("the inner message does not fill its envelope".into());
        }
        Ok(Verified { date_ms, inner: Some(message) })
    }
}

fn signing_key(secret: &str, date_ms: i64) -> impl AsRef<[u8]> {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(date_ms as u64);
    generate_signing_key(secret, time, REGION, SERVICE)
}

/// `YYYYMMDDTHHMMSSZ`.
fn stamp(date_ms: i64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(date_ms.div_euclid(1_000))
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    format!("{year:04}{:02}{day:02}T{hour:02}{minute:02}{second:02}Z", u8::from(month))
}

fn parse_stamp(text: &str) -> Option<i64> {
    let number = |at: usize, len: usize| text.get(at..at + len)?.parse::<u32>().ok();
    let month = time::Month::try_from(number(4, 2)? as u8).ok()?;
    let date = time::Date::from_calendar_date(number(0, 4)? as i32, month, number(6, 2)? as u8).ok()?;
    let at = date.with_hms(number(9, 2)? as u8, number(11, 2)? as u8, number(13, 2)? as u8).ok()?;
    Some(at.assume_utc().unix_timestamp() * 1_000)
}

fn hex_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_read_back() {
        for ms in [0, 1_768_473_030_000, 1_798_761_599_000] {
            assert_eq!(parse_stamp(&stamp(ms)), Some(ms));
        }
        assert_eq!(stamp(1_768_473_030_999), "20260115T103030Z");
    }
}
