//! A transport with scripted answers, a clock that stands still, and calls by name.

#![allow(dead_code, reason = "each test uses a part")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ossicle_control::rest::*;
use ossicle_control::*;
use ossicle_model::each_operation;
use serde_json::Value;

/// 2026-01-15T10:20:30Z, the clock of the vectors.
pub(crate) const NOW_UNIX_MS: i64 = 1_768_472_430_000;

/// What a scripted peer does with a request.
#[derive(Clone)]
pub(crate) enum Turn {
    Answer { status: u16, headers: Vec<(String, String)>, body: String },
    Lose,
    Refuse,
    Hang,
    Late(Duration),
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Turn {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Turn::Answer { status, headers, body: body.to_owned() }
}

/// A request and when it came.
type Seen = (tokio::time::Instant, http::Request<Bytes>);

/// Answers by a script; the last turn is repeated for ever.
#[derive(Clone)]
pub(crate) struct Script {
    turns: Arc<Mutex<VecDeque<Turn>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    pub(crate) fn new(turns: impl IntoIterator<Item = Turn>) -> Self {
        Self { turns: Arc::new(Mutex::new(turns.into_iter().collect())), seen: Arc::default() }
    }

    pub(crate) fn seen(&self) -> Vec<http::Request<Bytes>> {
        self.seen.lock().unwrap().iter().map(|(_, request)| request.clone()).collect()
    }

    /// When each request came, from the first one.
    pub(crate) fn times(&self) -> Vec<Duration> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(at, _)| at.duration_since(seen[0].0)).collect()
    }

    pub(crate) fn header(&self, index: usize, name: &str) -> String {
        self.seen()[index]
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default()
    }
}

impl Transport for Script {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(async move {
            self.seen.lock().unwrap().push((tokio::time::Instant::now(), request));
            let turn = {
                let mut turns = self.turns.lock().unwrap();
                if turns.len() > 1 { turns.pop_front().unwrap() } else { turns[0].clone() }
            };
            match turn {
                Turn::Answer { status, headers, body } => {
                    let mut response = http::Response::builder().status(status);
                    for (name, value) in headers {
                        response = response.header(name, value);
                    }
                    Ok(response.body(Bytes::from(body)).unwrap())
                }
                Turn::Lose => Err(TransportError::Lost("reset".into())),
                Turn::Refuse => Err(TransportError::TooLarge { limit: 1 }),
                Turn::Hang => std::future::pending().await,
                Turn::Late(after) => {
                    tokio::time::sleep(after).await;
                    Ok(http::Response::new(Bytes::from_static(b"{}")))
                }
            }
        })
    }
}

pub(crate) fn keys(token: Option<&str>) -> Credentials {
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    Credentials::new("AKIDEXAMPLE", secret, token.map(str::to_owned), None)
}

/// Random bytes that are always 0xff: the greatest jitter.
pub(crate) fn surroundings() -> Surroundings {
    Surroundings::new(|| NOW_UNIX_MS, |bytes| bytes.fill(0xff))
}

pub(crate) fn client_with(script: &Script, settings: Settings, token: Option<&str>) -> Client {
    Client::with_surroundings(settings, keys(token), script.clone(), surroundings()).unwrap()
}

pub(crate) fn client(script: &Script) -> Client {
    client_with(script, Settings::new("us-east-1"), None)
}

macro_rules! call_by_name {
    ($($(#[$meta:meta])* $method:ident: $name:ident = $prefix:literal $verb:ident $path:literal => $status:literal,
        $input:ident -> $output:tt, [$($error:ident)*];)*) => {
        /// Calls an operation by its name, with its input and output as JSON.
        pub(crate) async fn call_by_name(client: &Client, name: &str, input: Value) -> Result<Value, Error> {
            match name {
                $(stringify!($name) => {
                    let input: $input = serde_json::from_value(input).unwrap();
                    let output = client.$method(input).await?;
                    Ok(serde_json::to_value(&output).unwrap())
                })*
                other => panic!("no operation {other}"),
            }
        }
    };
}

each_operation!(call_by_name);

pub(crate) fn get_domain() -> GetDomainInput {
    GetDomainInput::new("hai-abcdefghijklmnopq")
}

pub(crate) const DOMAIN: &str = r#"{"domainId":"d","arn":"a","name":"n","status":"ACTIVE","createdAt":1}"#;
