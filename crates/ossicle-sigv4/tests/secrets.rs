//! No secret is seen by a subscriber that takes everything, nor in any debug output or error text.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use ossicle_sigv4::{
    Chain, Credentials, Payload, RequestToSign, SigningScope, StreamSigner, presign_query, sign_request,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const SECRET: &str = "canary+SECRET/key/EXAMPLE/0123456789abcd";
const TOKEN: &str = "canary+TOKEN/example/0123456789==";
const BODY: &str = "canary-body: the patient says";
const CLOCK_MS: i64 = 1_768_472_430_000;

/// Takes every event and span of every level, with all of their fields.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<String>>);

impl Everything {
    fn seen(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        attributes.record(&mut Fields(&mut self.0.lock().unwrap()));
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Fields(&mut self.0.lock().unwrap()));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Fields(&mut self.0.lock().unwrap()));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The forms in which bytes could be printed.
fn forms(bytes: &[u8]) -> Vec<String> {
    let decimals = format!("{bytes:?}");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![hex.to_uppercase(), hex, decimals.trim_matches(['[', ']']).to_owned()];
    if let Ok(text) = std::str::from_utf8(bytes) {
        forms.push(text.to_owned());
        forms.push(format!("{text:?}"));
    }
    forms
}

fn assert_absent(output: &str, secrets: &[&[u8]]) {
    for secret in secrets {
        for form in forms(secret) {
            assert!(!output.contains(&form), "{form} is in: {output}");
        }
    }
}

fn request() -> RequestToSign<'static> {
    RequestToSign {
        method: "POST",
        scheme: "https",
        authority: "localhost",
        path: "/domain/canary-path",
        query: None,
        headers: &[("x-note", "canary-header")],
        payload: Payload::Bytes(BODY.as_bytes()),
    }
}

/// The day's signing key and the keys on the way to it, from the official function for the last of them.
fn signing_key() -> Vec<u8> {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(CLOCK_MS as u64);
    aws_sigv4::sign::v4::generate_signing_key(SECRET, time, "us-east-1", "health-agent").as_ref().to_vec()
}

#[test]
fn nothing_secret_is_logged_or_printed() {
    let everything = Everything::default();
    tracing::subscriber::set_global_default(everything.clone()).unwrap();
    let scoped = tracing::subscriber::set_default(everything.clone());

    // Without care there is something to see: the official library logs under this subscriber.
    let identity = aws_credential_types::Credentials::new("AKIDEXAMPLE", SECRET, None, None, "test").into();
    let params = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("health-agent")
        .time(std::time::UNIX_EPOCH)
        .settings(aws_sigv4::http_request::SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let body = aws_sigv4::http_request::SignableBody::Bytes(&[]);
    let headers = [("x-note", "canary-header")].into_iter();
    let direct =
        aws_sigv4::http_request::SignableRequest::new("GET", "https://localhost/", headers, body).unwrap();
    aws_sigv4::http_request::sign(direct, &params).unwrap();
    assert!(everything.seen().contains("canary-header"), "the subscriber sees nothing");
    everything.0.lock().unwrap().clear();

    let credentials = Credentials::new("AKIDEXAMPLEKEY012345", SECRET, Some(TOKEN.to_owned()), Some(5));
    let scope = SigningScope::new("us-east-1", "health-agent").unwrap();
    let signed = sign_request(&credentials, &scope, &request(), CLOCK_MS).unwrap();
    let presigned = presign_query(&credentials, &scope, &request(), 30, CLOCK_MS).unwrap();
    let mut signer = StreamSigner::new(&credentials, &scope);
    let mut chain = Chain::from_seed(signed.signature);
    let message_signature = signer.sign(&mut chain, CLOCK_MS, BODY.as_bytes());
    let printed = format!(
        "{credentials:?} {scope:?} {:?} {signed:?} {presigned:?} {signer:?} {chain:?} {:?} {:#?}",
        request(),
        Payload::Sha256(message_signature),
        (&credentials, &signed, &signer),
    );
    drop(scoped);
    assert_eq!(everything.seen(), "", "something was logged");

    let key = signing_key();
    let secrets: &[&[u8]] = &[
        SECRET.as_bytes(),
        TOKEN.as_bytes(),
        BODY.as_bytes(),
        b"canary-path",
        b"canary-header",
        &key,
        &signed.signature,
        &presigned.signature,
        &message_signature,
    ];
    assert_absent(&printed, secrets);
    assert!(printed.contains("..2345") && !printed.contains("KEY012345"), "{printed}");

    let stray = Credentials::new("AKIDEXAMPLE", SECRET, Some(format!("{TOKEN}\n")), None);
    let error = sign_request(&stray, &scope, &request(), CLOCK_MS).unwrap_err();
    assert_absent(&format!("{error} {error:?}"), secrets);
}
