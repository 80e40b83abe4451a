//! The official clients' recorded requests and chains, and every way to spoil them.

use super::*;
use serde_json::Value;

const CHAIN: &str = include_str!("../tests/vectors/stream-chain.json");
const RUST: &str = include_str!("../tests/vectors/rest-requests-rust.json");
const BOTOCORE: &str = include_str!("../tests/vectors/rest-requests-botocore.json");
const NOW_MS: i64 = 1_768_472_430_000;
const AGE_MS: i64 = 300_000;

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("a vector file")
}

fn keys(part: &Value) -> Vec<Arc<Keys>> {
    let keys = Keys::dummy();
    vec![Arc::new(match part["session_token"].as_str() {
        Some(token) => keys.with_session_token(token),
        None => keys,
    })]
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

fn stream_parts(request: &Value) -> Parts {
    let text = |name: &str| request[name].as_str().expect("a text");
    let uri = format!("{}://{}{}", text(":scheme"), text(":authority"), text(":path"));
    let mut builder = http::Request::builder().method(text(":method")).uri(uri);
    for pair in request["headers"].as_array().expect("headers") {
        builder = builder.header(pair[0].as_str().expect("a name"), pair[1].as_str().expect("a value"));
    }
    builder.body(()).expect("a request").into_parts().0
}

/// A recorded stream: its parts, its keys and its frames.
type Recorded = (Parts, Vec<Arc<Keys>>, Vec<Vec<u8>>);

fn streams() -> Vec<Recorded> {
    let file = json(CHAIN);
    let recorded = ["without_token", "with_token"];
    let rust = recorded.iter().map(|part| file[part].clone());
    let python = recorded.iter().map(|part| file["python_sdk"][part].clone());
    rust.chain(python)
        .map(|part| {
            let frames = part["frames"].as_array().expect("frames");
            let frames = frames.iter().map(|f| unhex(f["frame_hex"].as_str().expect("hex"))).collect();
            (stream_parts(&part["request"]), keys(&part), frames)
        })
        .collect()
}

fn believe_all(signed: &Signed, frames: &[Vec<u8>]) -> Result<(), Refusal> {
    let mut chain = Chain::new(signed, AGE_MS);
    for frame in frames {
        let envelope = crate::message::Envelope::read(frame.clone().into())
            .map_err(|problem| Refusal::Signature(problem.to_string()))?;
        chain.verify(envelope.date, &envelope.signature, &envelope.payload, NOW_MS)?;
    }
    Ok(())
}

#[test]
fn the_official_rust_and_python_streams_are_believed() {
    let streams = streams();
    assert_eq!(streams.len(), 4);
    for (parts, keys, frames) in streams {
        let signed = verify_request(&parts, Payload::Events, &keys, NOW_MS, AGE_MS).expect("a good request");
        assert_eq!(signed.age_ms, 0);
        believe_all(&signed, &frames).expect("a good chain");
    }
}

#[test]
fn midnight_changes_the_key_and_the_chain_goes_on() {
    let file = json(CHAIN);
    for part in ["moving_time", "moving_time_with_token"] {
        let part = &file[part];
        let signed = Signed {
            region: part["region"].as_str().expect("a region").into(),
            signature_hex: part["seed_signature"].as_str().expect("a seed").into(),
            keys: Arc::clone(&keys(part)[0]),
            age_ms: 0,
        };
        let mut chain = Chain::new(&signed, AGE_MS);
        for message in part["messages"].as_array().expect("messages") {
            let frame = unhex(message["frame_hex"].as_str().expect("hex"));
            let now_ms = message["clock_s"].as_i64().expect("seconds") * 1000 + 4_000;
            let envelope = crate::message::Envelope::read(frame.into()).expect("a good envelope");
            let age_ms = chain
                .verify(envelope.date, &envelope.signature, &envelope.payload, now_ms)
                .expect("a good signature");
            assert_eq!(age_ms, 4_000);
        }
    }
}

#[test]
fn one_flipped_byte_anywhere_in_a_recorded_stream_is_refused() {
    for (parts, keys, frames) in streams() {
        let signed = verify_request(&parts, Payload::Events, &keys, NOW_MS, AGE_MS).expect("a good request");
        for message in 0..frames.len() {
            for at in 0..frames[message].len() {
                let mut spoilt = frames[..=message].to_vec();
                spoilt[message][at] ^= 1 << (at % 8);
                assert!(believe_all(&signed, &spoilt).is_err(), "message {message}, byte {at}");
            }
        }
    }
}

#[test]
fn a_dropped_repeated_or_swapped_message_breaks_the_chain() {
    let (parts, keys, frames) = streams().remove(0);
    let signed = verify_request(&parts, Payload::Events, &keys, NOW_MS, AGE_MS).expect("a good request");
    let mut dropped = frames.clone();
    dropped.remove(1);
    let mut repeated = frames.clone();
    repeated.insert(1, frames[1].clone());
    let mut swapped = frames.clone();
    swapped.swap(1, 2);
    for spoilt in [dropped, repeated, swapped] {
        assert!(believe_all(&signed, &spoilt).is_err());
    }
}

#[test]
fn a_spoilt_request_is_refused() {
    for (parts, keys, _) in streams() {
        let refused = |change: &dyn Fn(&mut Parts)| {
            let mut parts = parts.clone();
            change(&mut parts);
            verify_request(&parts, Payload::Events, &keys, NOW_MS, AGE_MS).err()
        };
        assert_eq!(refused(&|_| {}), None);
        let authorization = parts.headers["authorization"].to_str().expect("a text").to_owned();
        let signed_headers = authorization.split(&['=', ';', ','][..]);
        let signed_headers: Vec<&str> = signed_headers.collect();
        for (name, value) in &parts.headers {
            if name != "authorization" && !signed_headers.contains(&name.as_str()) {
                continue;
            }
            let mut spoilt = value.as_bytes().to_vec();
            let last = spoilt.len() - 1;
            spoilt[last] = if spoilt[last] == b'1' { b'2' } else { b'1' };
            let spoilt = http::HeaderValue::from_bytes(&spoilt).expect("a header value");
            let answer = refused(&|parts| {
                parts.headers.insert(name.clone(), spoilt.clone());
            });
            assert!(answer.is_some(), "{name}");
        }
        assert!(refused(&|parts| parts.method = http::Method::PUT).is_some());
        assert!(
            refused(&|parts| parts.uri = "https://localhost/elsewhere".parse().expect("a URI")).is_some()
        );
        let unsigned = refused(&|parts| {
            parts.headers.remove("authorization");
        });
        assert!(matches!(unsigned, Some(Refusal::Denied(_))));
    }
}

#[test]
fn a_request_too_old_or_from_the_future_is_refused() {
    let (parts, keys, _) = streams().remove(0);
    let at =
        |now_ms| verify_request(&parts, Payload::Events, &keys, now_ms, AGE_MS).map(|signed| signed.age_ms);
    assert_eq!(at(NOW_MS + AGE_MS), Ok(AGE_MS));
    assert!(matches!(at(NOW_MS + AGE_MS + 1), Err(Refusal::Signature(text)) if text.contains("expired")));
    assert_eq!(at(NOW_MS - AGE_MS), Ok(-AGE_MS));
    assert!(matches!(at(NOW_MS - AGE_MS - 1), Err(Refusal::Signature(text)) if text.contains("not yet")));
}

#[test]
fn every_recorded_rest_request_is_believed() {
    let mut seen = 0;
    for (file, scheme) in [(json(RUST), "https"), (json(BOTOCORE), "https")] {
        for part in ["without_token", "with_token"] {
            for request in file[part].as_array().expect("requests") {
                let target = request["target"].as_str().expect("a target");
                let mut builder =
                    http::Request::builder().method(request["method"].as_str().expect("a method"));
                let mut host = request["host"].as_str().map(str::to_owned);
                for pair in request["headers"].as_array().expect("headers") {
                    let (name, value) =
                        (pair[0].as_str().expect("a name"), pair[1].as_str().expect("a value"));
                    if name.eq_ignore_ascii_case("host") {
                        host = Some(value.to_owned());
                    }
                    builder = builder.header(name, value);
                }
                let uri = format!("{scheme}://{}{target}", host.expect("a host"));
                let (parts, ()) = builder.uri(uri).body(()).expect("a request").into_parts();
                let body = request["body_utf8"].as_str().unwrap_or("").as_bytes();
                let token = parts.headers.get("x-amz-security-token").map(|v| v.to_str().expect("a token"));
                let own = match token {
                    Some(token) => Keys::dummy().with_session_token(token),
                    None => Keys::dummy(),
                };
                let keys = [Arc::new(own)];
                let believed = verify_request(&parts, Payload::Whole(body), &keys, NOW_MS, AGE_MS);
                assert!(believed.is_ok(), "{} {target}: {:?}", request["op"], believed.err());
                let spoilt = [body, b" "].concat();
                assert!(verify_request(&parts, Payload::Whole(&spoilt), &keys, NOW_MS, AGE_MS).is_err());
                seen += 1;
            }
        }
    }
    assert!(seen > 60, "{seen}");
}

#[test]
fn paths_and_queries_are_made_canonical() {
    assert_eq!(canonical_path("/medical-scribe-stream/"), "/medical-scribe-stream/");
    assert_eq!(canonical_path("/domain/.."), "/");
    assert_eq!(canonical_path("/tags/arn%3Aaws"), "/tags/arn%253Aaws");
    assert_eq!(canonical_path("//a/./b"), "/a/b");
    assert_eq!(canonical_query(""), "");
    assert_eq!(canonical_query("b=2&a=x%20y&a=%C3%A9+"), "a=%C3%A9%20&a=x%20y&b=2");
}
