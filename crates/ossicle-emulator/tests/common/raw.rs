//! A bare HTTP/2 client, for what the SDK hides: recorded bytes, resets, windows.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{self, SignableBody, SignableRequest, SigningSettings};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use http::Request;
use serde_json::Value;
use tokio::net::TcpStream;

use ossicle_emulator::{DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY};

use super::PATIENCE;

/// The time at which the vectors were recorded.
pub const RECORDED_S: u64 = 1_768_472_430;

pub struct Recorded {
    pub request: Request<()>,
    pub session: String,
    pub token: Option<String>,
    pub frames: Vec<Vec<u8>>,
}

pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

/// Streams of the official Rust and Python clients, as they went over the wire.
pub fn recorded_streams() -> Vec<Recorded> {
    let file: Value =
        serde_json::from_str(include_str!("../vectors/stream-chain.json")).expect("a vector file");
    let parts = ["without_token", "with_token"];
    let rust = parts.iter().map(|part| file[part].clone());
    let python = parts.iter().map(|part| file["python_sdk"][part].clone());
    rust.chain(python).map(|part| read_recorded(&part)).collect()
}

fn read_recorded(part: &Value) -> Recorded {
    let request = &part["request"];
    let text = |name: &str| request[name].as_str().expect("a text");
    let uri = format!("{}://{}{}", text(":scheme"), text(":authority"), text(":path"));
    let mut builder = Request::builder().method(text(":method")).uri(uri);
    let mut session = String::new();
    for pair in request["headers"].as_array().expect("headers") {
        let (name, value) = (pair[0].as_str().expect("a name"), pair[1].as_str().expect("a value"));
        if name == "x-amzn-medscribe-session-id" {
            session = value.to_owned();
        }
        builder = builder.header(name, value);
    }
    let frames = part["frames"].as_array().expect("frames");
    Recorded {
        request: builder.body(()).expect("a request"),
        session,
        token: part["session_token"].as_str().map(str::to_owned),
        frames: frames.iter().map(|frame| unhex(frame["frame_hex"].as_str().expect("hex"))).collect(),
    }
}

/// Connects with prior knowledge.
pub async fn connect(addr: std::net::SocketAddr) -> SendRequest<Bytes> {
    let tcp = TcpStream::connect(addr).await.expect("a connection");
    let (client, connection) = h2::client::handshake(tcp).await.expect("HTTP/2");
    // How the connection ends shows in its streams.
    tokio::spawn(async move { drop(connection.await) });
    client.ready().await.expect("a connection that is ready")
}

/// What came back on one stream.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub code: Option<String>,
    pub body: Vec<u8>,
    /// The reason of a reset of the response.
    pub reset: Option<Reason>,
    /// The reason of a reset of the request, after the response had ended.
    pub request_reset: Option<Reason>,
}

impl Answered {
    pub fn has(&self, text: &str) -> bool {
        self.body.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

/// Sends a request and its body, waiting for credit, and reads the whole answer. `finish`: with END_STREAM.
pub async fn exchange(
    client: &SendRequest<Bytes>,
    request: Request<()>,
    frames: &[Vec<u8>],
    finish: bool,
) -> Answered {
    let mut client = client.clone().ready().await.expect("a connection that is ready");
    let (response, mut body) = client.send_request(request, false).expect("a stream");
    for frame in frames {
        // A stream that the server has ended takes no more; what it said is read below.
        if body.send_data(Bytes::copy_from_slice(frame), false).is_err() {
            break;
        }
    }
    if finish {
        let _ = body.send_data(Bytes::new(), true);
    }
    let reading = async {
        let mut answered =
            Answered { status: 0, code: None, body: Vec::new(), reset: None, request_reset: None };
        let mut response = match response.await {
            Ok(response) => response,
            Err(error) => {
                answered.reset = error.reason();
                return answered;
            }
        };
        answered.status = response.status().as_u16();
        let code = response.headers().get("x-amzn-errortype");
        answered.code = code.map(|code| code.to_str().expect("a code").to_owned());
        while let Some(piece) = response.body_mut().data().await {
            match piece {
                Ok(piece) => {
                    let _ = response.body_mut().flow_control().release_capacity(piece.len());
                    answered.body.extend(piece);
                }
                Err(error) => {
                    answered.reset = error.reason();
                    return answered;
                }
            }
        }
        if !finish {
            answered.request_reset = std::future::poll_fn(|cx| body.poll_reset(cx)).await.ok();
        }
        answered
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("an answer in time")
}

/// Signs a request with the dummy keys by the official signer.
pub fn sign(mut request: Request<()>, body: &[u8]) -> Request<()> {
    let identity = Credentials::new(DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, None, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-west-2")
        .name("health-agent")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .expect("signing parameters")
        .into();
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().expect("a text").to_owned()))
        .collect();
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        SignableBody::Bytes(body),
    )
    .expect("a signable request");
    let (instructions, _) = http_request::sign(signable, &params).expect("a signature").into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request
}

/// Calls a REST operation: status, code and answer.
pub async fn call(
    client: &SendRequest<Bytes>,
    method: &str,
    path: &str,
    body: Value,
) -> (u16, Option<String>, Value) {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let mut request = Request::builder().method(method).uri(format!("http://runtime.localhost{path}"));
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    let request = sign(request.body(()).expect("a request"), &body);
    let answered = exchange(client, request, &[body], true).await;
    (answered.status, answered.code, serde_json::from_slice(&answered.body).unwrap_or_default())
}
