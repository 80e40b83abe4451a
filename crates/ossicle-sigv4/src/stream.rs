//! The chain of signed messages of an event stream.
//!
//! ```text
//! string to sign = "AWS4-HMAC-SHA256-PAYLOAD" \n YYYYMMDDTHHMMSSZ \n YYYYMMDD/region/service/aws4_request \n
//!                  hex(signature before) \n hex(sha256(the `:date` header)) \n hex(sha256(the message))
//! ```
//!
//! The first three lines and the fifth are the same for all messages of a second, whatever stream they belong to.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::credentials::Credentials;
use crate::date::{SECONDS_PER_DAY, date_text, second_of, time_text};
use crate::hex;
use crate::scope::SigningScope;

/// The `:date` header as it is hashed: length, name, type 8, and then milliseconds since 1970.
const DATE_HEADER_START: &[u8; 7] = b"\x05:date\x08";

/// The last three lines of the string to sign: three digests as text, and two line ends.
const TAIL_LEN: usize = 3 * 64 + 2;

/// Where a stream's chain of signatures stands: the signature before the next one. 32 bytes, no heap memory.
///
/// It cannot be cloned: two messages that follow the same signature would break the chain.
pub struct Chain([u8; 32]);

impl Chain {
    /// The chain of a stream whose request has this signature (its raw digest).
    pub fn from_seed(signature: [u8; 32]) -> Self {
        Self(signature)
    }

    /// The signature that the next one will cover.
    pub fn last_signature(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chain(<redacted>)")
    }
}

/// Signs the messages of all streams that use the same keys and scope. Keeps the day's signing key and the second's part of
/// the string to sign; signing does not allocate. Wiped from memory when dropped.
pub struct StreamSigner {
    credentials: Credentials,
    scope: SigningScope,
    day: Option<Day>,
    second: Option<Second>,
}

/// What is the same for a day.
struct Day {
    day: i64,
    date: [u8; 8],
    /// The day's signing key, with both of its HMAC blocks already worked in.
    key: Hmac<Sha256>,
}

/// What is the same for a second.
struct Second {
    second: i64,
    /// The day's key and the first three lines of the string to sign, worked in.
    start: Hmac<Sha256>,
    /// The fifth line.
    date_header_hash: [u8; 64],
}

impl StreamSigner {
    /// A signer for streams whose requests were signed with these credentials in this scope.
    pub fn new(credentials: &Credentials, scope: &SigningScope) -> Self {
        Self { credentials: credentials.clone(), scope: scope.clone(), day: None, second: None }
    }

    /// The credentials that this signer signs with.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Signs a message, which becomes the last one of `chain`, and returns its signature.
    ///
    /// `date_unix_ms` is the signing time in milliseconds since 1970; its whole second is signed (times outside the years 1970
    /// to 9999 count as the nearest second inside). The message's `:date` header has to say that whole second, as
    /// `ossicle_eventstream::encode_signed_event` does. `message` is the encoded event, or nothing for the end of the stream.
    pub fn sign(&mut self, chain: &mut Chain, date_unix_ms: i64, message: &[u8]) -> [u8; 32] {
        self.sign_digest(chain, date_unix_ms, Sha256::digest(message).into())
    }

    /// As [`StreamSigner::sign`], for a message of which only the SHA-256 digest is at hand.
    pub fn sign_digest(
        &mut self,
        chain: &mut Chain,
        date_unix_ms: i64,
        message_sha256: [u8; 32],
    ) -> [u8; 32] {
        let second = self.second(second_of(date_unix_ms));
        let mut mac = second.start.clone();
        mac.update(&tail(&chain.0, &second.date_header_hash, &message_sha256));
        chain.0 = mac.finalize().into_bytes().into();
        chain.0
    }

    /// The kept second, made anew if it is another one; the same for the day that it is made from.
    fn second(&mut self, second: i64) -> &Second {
        self.second.take_if(|kept| kept.second != second);
        self.second.get_or_insert_with(|| {
            let day = second / SECONDS_PER_DAY;
            self.day.take_if(|kept| kept.day != day);
            let day = self.day.get_or_insert_with(|| Day::new(&self.credentials, &self.scope, day));
            Second::new(day, &self.scope, second)
        })
    }
}

impl fmt::Debug for StreamSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamSigner")
            .field("credentials", &self.credentials)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Day {
    /// Derives the signing key: an HMAC keyed by the secret over the date, and the result of each keys the next.
    fn new(credentials: &Credentials, scope: &SigningScope, day: i64) -> Self {
        let date = date_text(day);
        let secret = Zeroizing::new(["AWS4", credentials.secret_access_key()].concat());
        let mut key = mac_of(secret.as_bytes());
        for part in [&date[..], scope.region().as_bytes(), scope.service().as_bytes(), b"aws4_request"] {
            key.update(part);
            let derived: Zeroizing<[u8; 32]> = Zeroizing::new(key.finalize().into_bytes().into());
            key = mac_of(&derived[..]);
        }
        Self { day, date, key }
    }
}

impl Second {
    fn new(day: &Day, scope: &SigningScope, second: i64) -> Self {
        let mut start = day.key.clone();
        for part in [
            b"AWS4-HMAC-SHA256-PAYLOAD\n",
            &day.date[..],
            b"T",
            &time_text(second),
            b"Z\n",
            &day.date,
            b"/",
            scope.region().as_bytes(),
            b"/",
            scope.service().as_bytes(),
            b"/aws4_request\n",
        ] {
            start.update(part);
        }
        Self { second, start, date_header_hash: date_header_hash(second * 1000) }
    }
}

fn date_header_hash(date_unix_ms: i64) -> [u8; 64] {
    let hash =
        Sha256::new().chain_update(DATE_HEADER_START).chain_update(date_unix_ms.to_be_bytes()).finalize();
    hex::encode(&hash.into())
}

/// The last three lines of the string to sign.
fn tail(
    signature_before: &[u8; 32],
    date_header_hash: &[u8; 64],
    message_sha256: &[u8; 32],
) -> [u8; TAIL_LEN] {
    let mut tail = [b'\n'; TAIL_LEN];
    tail[..64].copy_from_slice(&hex::encode(signature_before));
    tail[65..129].copy_from_slice(date_header_hash);
    tail[130..].copy_from_slice(&hex::encode(message_sha256));
    tail
}

fn mac_of(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("hmac takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ossicle_eventstream::{Decoder, Value};
    use serde_json::Value as Json;

    /// The Python client keeps milliseconds in the `:date` header, which we never send; the chain is otherwise the same.
    #[test]
    fn the_python_clients_chain_differs_in_the_date_header_only() {
        let vectors: Json = serde_json::from_str(include_str!("../tests/vectors/stream-chain.json")).unwrap();
        let scope = SigningScope::new("us-east-1", "health-agent").unwrap();
        for part in ["without_token", "with_token"] {
            let recording = &vectors["python_sdk"][part];
            let secret = vectors["without_token"]["secret_access_key"].as_str().unwrap();
            let mut signer = StreamSigner::new(&Credentials::new("AKIDEXAMPLE", secret, None, None), &scope);
            let mut before = hex::decode(recording["request"]["signature"].as_str().unwrap()).unwrap();
            let frames = recording["frames"].as_array().unwrap();
            assert_eq!(frames.len(), 4);
            for frame in frames {
                let text = frame["frame_hex"].as_str().unwrap();
                let bytes: Vec<u8> = (0..text.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
                    .collect();
                let mut decoder = Decoder::new();
                let outer = decoder.decode(&mut bytes.as_slice()).unwrap().unwrap();
                let Some(Value::Timestamp(date_ms)) = outer.header(":date") else { panic!("no date") };
                assert_ne!(date_ms % 1000, 0, "the vector has no milliseconds");

                let message_sha256 = Sha256::digest(outer.payload()).into();
                let mut mac = signer.second(second_of(date_ms)).start.clone();
                mac.update(&tail(&before, &date_header_hash(date_ms), &message_sha256));
                before = mac.finalize().into_bytes().into();
                assert_eq!(outer.header(":chunk-signature"), Some(Value::Bytes(&before)));
            }
        }
    }
}
