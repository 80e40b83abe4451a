//! Signatures and whole messages, byte for byte those of the official clients.

use aws_sigv4::event_stream::{SigningParams, sign_empty_message, sign_message};
use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::event_stream::{HeaderValue, Message};
use ossicle_eventstream::{
    EventHeaders, Header, Value, encode_signed_end, encode_signed_event, signed_event_len,
};
use ossicle_sigv4::{Chain, Credentials, SigningScope, StreamSigner};
use proptest::prelude::*;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime};

fn vectors() -> Json {
    serde_json::from_str(include_str!("vectors/stream-chain.json")).unwrap()
}

fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_else(|| panic!("not a text: {json}"))
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn digest(hex: &Json) -> [u8; 32] {
    from_hex(text(hex)).try_into().unwrap()
}

fn signer(recording: &Json) -> StreamSigner {
    let credentials = Credentials::new(
        text(&recording["access_key_id"]),
        text(&recording["secret_access_key"]),
        recording["session_token"].as_str().map(str::to_owned),
        None,
    );
    let scope = SigningScope::new(text(&recording["region"]), text(&recording["service"])).unwrap();
    StreamSigner::new(&credentials, &scope)
}

/// The event's headers as the official decoder reads them, encoded by ours.
fn headers_of(inner: &Message) -> EventHeaders {
    let headers: Vec<_> = inner
        .headers()
        .iter()
        .map(|header| Header {
            name: header.name().as_str(),
            value: Value::String(header.value().as_string().unwrap().as_str()),
        })
        .collect();
    EventHeaders::from_headers(&headers).unwrap()
}

/// Signs and frames again what the official client sent, and compares with what it sent.
fn replay(signer: &mut StreamSigner, chain: &mut Chain, frame: &[u8], clock_ms: i64, signature: [u8; 32]) {
    let outer = read_message_from(&mut &frame[..]).unwrap();
    let mut out = vec![0; frame.len()];
    let len = if outer.payload().is_empty() {
        encode_signed_end(&mut out, clock_ms, |inner| signer.sign(chain, clock_ms, inner)).unwrap()
    } else {
        let inner = read_message_from(&mut outer.payload().clone()).unwrap();
        let headers = headers_of(&inner);
        assert_eq!(signed_event_len(&headers, inner.payload().len()), frame.len());
        encode_signed_event(&mut out, &headers, inner.payload(), clock_ms, |bytes| {
            signer.sign(chain, clock_ms, bytes)
        })
        .unwrap()
    };
    assert_eq!(&out[..len], frame);
    assert_eq!(chain.last_signature(), &signature);
}

#[test]
fn a_recorded_stream_is_signed_again_byte_for_byte() {
    let vectors = vectors();
    for part in ["without_token", "with_token"] {
        let recording = &vectors[part];
        let mut signer = signer(recording);
        let mut chain = Chain::from_seed(digest(&recording["request"]["signature"]));
        let frames = recording["frames"].as_array().unwrap();
        assert_eq!(frames.len(), 9);
        for frame in frames {
            // Sub-seconds are not signed, so any of this second will do.
            let clock_ms = recording["time_epoch_s"].as_i64().unwrap() * 1000 + 321;
            let bytes = from_hex(text(&frame["frame_hex"]));
            replay(&mut signer, &mut chain, &bytes, clock_ms, digest(&frame["chunk_signature"]));
        }
    }
}

#[test]
fn a_clock_that_passes_midnight_takes_the_scope_along() {
    let vectors = vectors();
    for part in ["moving_time", "moving_time_with_token"] {
        let recording = &vectors[part];
        let mut signer = signer(recording);
        let mut chain = Chain::from_seed(digest(&recording["seed_signature"]));
        let messages = recording["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 8);
        let mut days = std::collections::BTreeSet::new();
        for message in messages {
            let clock_s = message["clock_s"].as_i64().unwrap();
            let clock_ms = clock_s * 1000 + message["clock_ns"].as_i64().unwrap() / 1_000_000;
            days.insert(clock_s / 86_400);
            assert_eq!(chain.last_signature(), &digest(&message["prior_signature"]));
            let bytes = from_hex(text(&message["frame_hex"]));
            replay(&mut signer, &mut chain, &bytes, clock_ms, digest(&message["signature"]));
        }
        assert_eq!(days.len(), 2, "the vector does not pass midnight");
    }
}

#[test]
fn a_digest_signs_as_its_message_does() {
    let recording = &vectors()["moving_time"];
    let (mut by_bytes, mut by_digest) = (signer(recording), signer(recording));
    let (mut chain, mut digest_chain) = (Chain::from_seed([7; 32]), Chain::from_seed([7; 32]));
    for message in [&b""[..], b"one", &[3; 5000]] {
        let signature = by_bytes.sign(&mut chain, 1_768_472_430_000, message);
        let message_sha256 = Sha256::digest(message).into();
        assert_eq!(by_digest.sign_digest(&mut digest_chain, 1_768_472_430_999, message_sha256), signature);
    }
}

#[test]
fn streams_share_a_signer_without_touching_each_others_chains() {
    let recording = &vectors()["moving_time"];
    let mut shared = signer(recording);
    let mut chains = [Chain::from_seed([1; 32]), Chain::from_seed([2; 32])];
    let mut alone = [signer(recording), signer(recording)];
    let mut chains_alone = [Chain::from_seed([1; 32]), Chain::from_seed([2; 32])];
    // Back and forth over midnight, as when a stream's message was prepared before another's.
    for (turn, clock_s) in
        [1_768_521_599, 1_768_521_600, 1_768_521_599, 1_768_521_601].into_iter().enumerate()
    {
        for stream in 0..2 {
            let message = [turn as u8, stream as u8];
            let signature = shared.sign(&mut chains[stream], clock_s * 1000, &message);
            assert_eq!(signature, alone[stream].sign(&mut chains_alone[stream], clock_s * 1000, &message));
        }
    }
    assert_ne!(chains[0].last_signature(), chains[1].last_signature());
}

proptest! {
    #[test]
    fn any_chain_at_any_time_is_the_official_signers(
        seed in any::<[u8; 32]>(),
        secret in "[A-Za-z0-9/+]{1,100}",
        region in "[a-z]{2}-[a-z]{4,9}-[1-9]",
        // From 1970 to the end of 9999, in milliseconds.
        times_ms in prop::collection::vec(0..253_402_300_799_999_i64, 1..5),
        payload in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let credentials = Credentials::new("AKIDEXAMPLE", secret.clone(), None, None);
        let scope = SigningScope::new(&region, "health-agent").unwrap();
        let mut signer = StreamSigner::new(&credentials, &scope);
        let mut chain = Chain::from_seed(seed);
        let headers = EventHeaders::new("binaryAudioEvent", "application/octet-stream").unwrap();
        let identity = aws_credential_types::Credentials::new("AKIDEXAMPLE", secret, None, None, "test").into();
        let mut last: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
        let end = times_ms.len() - 1;

        for (index, time_ms) in times_ms.into_iter().enumerate() {
            let params: SigningParams<'_> = aws_sigv4::sign::v4::SigningParams::builder()
                .identity(&identity)
                .region(&region)
                .name("health-agent")
                .time(SystemTime::UNIX_EPOCH + Duration::from_millis(time_ms as u64))
                .settings(())
                .build()
                .unwrap();
            let (ours_len, mut ours) = (signed_event_len(&headers, payload.len()), vec![0; 1024]);
            let (theirs, signature) = if index == end {
                let len = encode_signed_end(&mut ours, time_ms, |inner| signer.sign(&mut chain, time_ms, inner)).unwrap();
                ours.truncate(len);
                sign_empty_message(&last, &params).unwrap().into_parts()
            } else {
                let sign = |inner: &[u8]| signer.sign(&mut chain, time_ms, inner);
                prop_assert_eq!(encode_signed_event(&mut ours, &headers, &payload, time_ms, sign), Ok(ours_len));
                ours.truncate(ours_len);
                let header = |name, value: &'static str| {
                    aws_smithy_types::event_stream::Header::new(name, HeaderValue::String(value.into()))
                };
                let message = Message::new(payload.clone())
                    .add_header(header(":message-type", "event"))
                    .add_header(header(":event-type", "binaryAudioEvent"))
                    .add_header(header(":content-type", "application/octet-stream"));
                sign_message(&message, &last, &params).unwrap().into_parts()
            };
            let mut bytes = Vec::new();
            write_message_to(&theirs, &mut bytes).unwrap();
            prop_assert_eq!(ours, bytes);
            last = signature;
        }
    }
}
