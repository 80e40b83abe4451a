//! Answers over HTTP: the service's errors, and bodies whose life can be watched.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use hyper::body::{Body, Frame, SizeHint};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use crate::auth::Refusal;
use crate::clock::Clock;
use crate::model::model;

/// What hyper is told when a stream is to be reset: it takes the reason from here.
pub(crate) type ResetError = h2::Error;

/// An error as the service answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) retry_after_ms: Option<u64>,
}

impl ServiceError {
    /// One of the model's exceptions, with its status.
    pub(crate) fn modelled(code: &str, message: impl Into<String>) -> Self {
        Self {
            status: model().error_status(code).unwrap_or(500),
            code: code.to_owned(),
            message: message.into(),
            retry_after_ms: None,
        }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::modelled("ValidationException", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::modelled("ResourceNotFoundException", message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::modelled("ConflictException", message)
    }

    pub(crate) fn answer(&self, clock: &Clock) -> Response<ResponseBody> {
        let body = json!({ "message": self.message }).to_string();
        let mut response = json_answer(self.status, body.into(), clock);
        let headers = response.headers_mut();
        if let Ok(code) = HeaderValue::from_str(&self.code) {
            headers.insert("x-amzn-errortype", code);
        }
        if let Some(ms) = self.retry_after_ms {
            headers.insert("x-amz-retry-after", HeaderValue::from(ms));
        }
        response
    }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied(message) => Self::modelled("AccessDeniedException", message),
            // Not in the model; services answer it before they know the operation.
            Refusal::Signature(message) => {
                Self { status: 403, code: "InvalidSignatureException".into(), message, retry_after_ms: None }
            }
        }
    }
}

/// A JSON answer with a true `Date` and a request id.
pub(crate) fn json_answer(status: u16, body: Bytes, clock: &Clock) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("x-amzn-requestid", header_value(&uuid()));
    headers.insert("date", header_value(&clock.http_date()));
    response
}

/// A header value of text that is known to fit one; empty otherwise.
pub(crate) fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// A random UUID, version 4.
pub(crate) fn uuid() -> String {
    let mut bytes = [0u8; 16];
    // Without randomness from the system ids would repeat; zeros are then no worse than a panic in a test server.
    let _ = getrandom::fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = crate::auth::hex(&bytes);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

/// The body of an answer: whole, or as it comes from a stream's task.
pub(crate) enum ResponseBody {
    Whole(Option<Bytes>),
    Streamed {
        pieces: mpsc::Receiver<Result<Bytes, ResetError>>,
        /// Dropped with the body: tells the stream's task that nothing more will be sent.
        _gone: oneshot::Sender<()>,
    },
}

impl ResponseBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = ResetError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Streamed { pieces, .. } => {
                pieces.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Streamed { .. } => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_carry_their_status_and_code() {
        let response = ServiceError::conflict("taken").answer(&Clock::system());
        assert_eq!(response.status(), 409);
        assert_eq!(response.headers()["x-amzn-errortype"], "ConflictException");
        assert!(response.headers().contains_key("date"));
    }

    #[test]
    fn uuids_are_of_version_4_and_differ() {
        let (a, b) = (uuid(), uuid());
        assert!(a.len() == 36 && a != b && a.as_bytes()[14] == b'4', "{a} {b}");
    }
}
