//! Request signatures, equal to those of the official clients.

use ossicle_sigv4::{
    Credentials, Payload, RequestToSign, SignError, SignedRequest, SigningScope, presign_query, sign_request,
};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

const CLOCK_MS: i64 = 1_768_472_430_000;
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "FwoGZXIvYXdzEXAMPLETOKEN//////////wEaDEXAMPLE+session/token==";

fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_else(|| panic!("not a text: {json}"))
}

fn pairs(headers: &Json) -> Vec<(&str, &str)> {
    headers.as_array().unwrap().iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

fn value<'a>(headers: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    headers.iter().find(|header| header.0.eq_ignore_ascii_case(name)).map(|header| header.1)
}

fn credentials(with_token: bool) -> Credentials {
    Credentials::new("AKIDEXAMPLE", SECRET, with_token.then(|| TOKEN.to_owned()), None)
}

fn scope() -> SigningScope {
    SigningScope::new("us-east-1", "health-agent").unwrap()
}

/// The headers of a recorded request that were signed, without those that signing adds.
fn signed_by_caller<'a>(headers: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let authorization = value(headers, "authorization").unwrap();
    let names = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
    let names: Vec<&str> = names.split(';').collect();
    let added = ["host", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];
    headers
        .iter()
        .copied()
        .filter(|(name, _)| names.contains(&name.to_lowercase().as_str()))
        .filter(|(name, _)| !added.contains(&name.to_lowercase().as_str()))
        .collect()
}

/// Compares what signing adds with what the official client sent.
fn assert_same(ours: &SignedRequest, theirs: &[(&str, &str)], signature: &str, what: &str) {
    let hex: String = ours.signature.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, signature, "{what}");
    for header in &ours.headers {
        assert_eq!(Some(header.value.as_str()), value(theirs, header.name), "{what}: {}", header.name);
    }
    let sensitive: Vec<_> =
        ours.headers.iter().filter(|header| header.sensitive).map(|header| header.name).collect();
    if value(theirs, "x-amz-security-token").is_some() {
        assert_eq!(sensitive, ["authorization", "x-amz-security-token"], "{what}");
    } else {
        assert_eq!(sensitive, ["authorization"], "{what}");
        assert!(ours.headers.iter().all(|header| header.name != "x-amz-security-token"), "{what}");
    }
    assert_eq!(ours.headers[0].name, "x-amz-date", "{what}");
}

fn replay_rest(vectors: &str, wanted_count: usize) {
    let vectors: Json = serde_json::from_str(vectors).unwrap();
    let mut count = 0;
    for part in ["without_token", "with_token"] {
        for item in vectors[part].as_array().unwrap() {
            let headers = pairs(&item["headers"]);
            let host = item["host"].as_str().or_else(|| value(&headers, "host")).unwrap();
            let target = text(&item["target"]);
            let (path, query) = match target.split_once('?') {
                Some((path, query)) => (path, Some(query)),
                None => (target, None),
            };
            let body = text(&item["body_utf8"]).as_bytes();
            let caller_headers = signed_by_caller(&headers);
            let mut request = RequestToSign {
                method: text(&item["method"]),
                scheme: "https",
                authority: host,
                path,
                query,
                headers: &caller_headers,
                payload: Payload::Bytes(body),
            };
            let credentials = credentials(part == "with_token");
            let what = format!("{part} {} {target}", text(&item["op"]));
            let signed = sign_request(&credentials, &scope(), &request, CLOCK_MS).unwrap();
            assert_same(&signed, &headers, text(&item["signature"]), &what);
            request.payload = Payload::Sha256(Sha256::digest(body).into());
            assert_eq!(sign_request(&credentials, &scope(), &request, CLOCK_MS + 999), Ok(signed));
            count += 1;
        }
    }
    assert_eq!(count, wanted_count);
}

#[test]
fn rest_requests_of_the_rust_client() {
    replay_rest(include_str!("vectors/rest-requests-rust.json"), 2 * 19);
}

#[test]
fn rest_requests_of_botocore() {
    replay_rest(include_str!("vectors/rest-requests-botocore.json"), 2 * 22);
}

#[test]
fn stream_requests_of_both_dialects() {
    let vectors: Json = serde_json::from_str(include_str!("vectors/stream-chain.json")).unwrap();
    let dialects = [(&vectors, Payload::EventStream), (&vectors["python_sdk"], Payload::EventStreamDeclared)];
    for (recordings, payload) in dialects {
        for part in ["without_token", "with_token"] {
            let recorded = &recordings[part]["request"];
            let headers = pairs(&recorded["headers"]);
            let caller_headers = signed_by_caller(&headers);
            let path = text(&recorded[":path"]);
            let request = RequestToSign {
                method: text(&recorded[":method"]),
                scheme: text(&recorded[":scheme"]),
                authority: text(&recorded[":authority"]),
                path: path.split('?').next().unwrap(),
                query: path.split_once('?').map(|(_, query)| query),
                headers: &caller_headers,
                payload,
            };
            let signed =
                sign_request(&credentials(part == "with_token"), &scope(), &request, CLOCK_MS).unwrap();
            assert_same(&signed, &headers, text(&recorded["signature"]), &format!("{part} {payload:?}"));
            let declares = signed.headers.iter().any(|header| header.name == "x-amz-content-sha256");
            assert_eq!(declares, matches!(payload, Payload::EventStreamDeclared));
        }
    }
}

/// Recomputes a presigned query's signature from what a server sees, with the official primitives.
fn verify_presigned(query: &str, method: &str, path: &str, host: &str) -> String {
    let mut parameters: Vec<&str> =
        query.split('&').filter(|parameter| !parameter.starts_with("X-Amz-Signature=")).collect();
    parameters.sort_unstable();
    let empty_hash: String = Sha256::digest([]).iter().map(|byte| format!("{byte:02x}")).collect();
    let canonical = format!("{method}\n{path}\n{}\nhost:{host}\n\nhost\n{empty_hash}", parameters.join("&"));
    let hash: String = Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect();
    let string_to_sign =
        format!("AWS4-HMAC-SHA256\n20260115T102030Z\n20260115/us-east-1/health-agent/aws4_request\n{hash}");
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(CLOCK_MS as u64);
    let key = aws_sigv4::sign::v4::generate_signing_key(SECRET, time, "us-east-1", "health-agent");
    aws_sigv4::sign::v4::calculate_signature(key, string_to_sign.as_bytes())
}

#[test]
fn a_presigned_query_verifies() {
    for (scheme, with_token) in [("wss", false), ("https", true)] {
        let request = RequestToSign {
            method: "GET",
            scheme,
            authority: "streaming.health-agent.us-east-1.api.aws",
            path: "/medical-scribe-stream-websocket",
            query: Some("language-code=en-US&sample-rate=16000"),
            headers: &[],
            payload: Payload::EventStream,
        };
        let signed = presign_query(&credentials(with_token), &scope(), &request, 60, CLOCK_MS).unwrap();
        let hex: String = signed.signature.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(signed.query.starts_with("language-code=en-US&sample-rate=16000&X-Amz-"));
        assert!(signed.query.contains(&format!("X-Amz-Signature={hex}")));
        assert!(signed.query.contains("X-Amz-Expires=60&"));
        let token = "X-Amz-Security-Token=FwoGZXIvYXdzEXAMPLETOKEN%2F%2F%2F%2F%2F%2F%2F%2F%2F%2FwEaDEXAMPLE%2Bsession%2Ftoken%3D%3D";
        assert_eq!(signed.query.contains(token), with_token);
        assert_eq!(hex, verify_presigned(&signed.query, "GET", request.path, request.authority));
    }
}

#[test]
fn what_cannot_be_sent_is_refused_before_it_is_signed() {
    let good = RequestToSign {
        method: "GET",
        scheme: "https",
        authority: "localhost:8443",
        path: "/domain",
        query: None,
        headers: &[],
        payload: Payload::Bytes(&[]),
    };
    let sign = |request: RequestToSign<'_>| {
        sign_request(&credentials(false), &scope(), &request, CLOCK_MS).map(|_| ())
    };
    assert_eq!(sign(good), Ok(()));
    for authority in ["", "local host", "a/b", "a?b", "user@", "\u{e9}", "a#b"] {
        assert_eq!(sign(RequestToSign { authority, ..good }), Err(SignError::Address), "{authority:?}");
    }
    for path in ["", "domain", "/a b", "/a?b", "/a#b", "/\r\n"] {
        assert_eq!(sign(RequestToSign { path, ..good }), Err(SignError::Address), "{path:?}");
    }
    for query in ["a b", "a#b", "\n"] {
        assert_eq!(sign(RequestToSign { query: Some(query), ..good }), Err(SignError::Address), "{query:?}");
    }
    for scheme in ["", "h s", "://"] {
        assert_eq!(sign(RequestToSign { scheme, ..good }), Err(SignError::Address), "{scheme:?}");
    }
    for header in [("a b", "c"), ("", "c"), ("a", "c\r\nd"), ("a", "\0"), ("\u{e9}", "c")] {
        let headers = [("x-good", "yes"), header];
        let refused = sign(RequestToSign { headers: &headers, ..good });
        assert_eq!(refused, Err(SignError::Header { index: 1 }), "{header:?}");
    }
    for (id, token) in [("AKID\n", None), ("AKID", Some("token\n".to_owned()))] {
        let credentials = Credentials::new(id, SECRET, token, None);
        assert_eq!(sign_request(&credentials, &scope(), &good, CLOCK_MS), Err(SignError::Credentials));
    }
    for clock_ms in [-1, i64::MIN, i64::MAX, 253_402_300_800_000] {
        assert_eq!(sign_request(&credentials(false), &scope(), &good, clock_ms), Err(SignError::Time));
    }
    assert!(sign_request(&credentials(false), &scope(), &good, 253_402_300_799_999).is_ok());
    for expires_s in [0, 61, u32::MAX] {
        let refused = presign_query(&credentials(false), &scope(), &good, expires_s, CLOCK_MS);
        assert_eq!(refused, Err(SignError::Expires { expires_s }));
    }
    for (region, service) in [("", "s"), ("us east", "s"), ("us-east-1", ""), ("us/east", "s"), ("R", "s")] {
        assert_eq!(SigningScope::new(region, service), Err(SignError::Scope));
    }
    assert_eq!(SigningScope::new(&"r".repeat(64), "s"), Err(SignError::Scope));
}
