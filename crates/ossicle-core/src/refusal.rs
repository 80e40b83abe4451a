//! What an answer means: is it final, does it pass, or is it about keys or the clock.

use crate::failure::{Cause, Failure, Status};
use crate::io::Headers;
use crate::limits::{REFUSAL_BODY_BYTES_MAX, RETRY_AFTER_MAX_MS};
use crate::time::Mono;
use ossicle_model::stream::ExceptionKind;

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The session ends with it.
    Final,
    /// An outage: come back, not before this wait if one is given.
    Outage { after_ms: Option<u64> },
    /// The keys have expired: get new ones.
    Keys,
    /// The clock is off: correct it and try once more.
    Skew,
    /// A conflict with a stream of the same session.
    Conflict,
}

/// An answer other than 200 whose body is being collected to find its code.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) since: Mono,
    status: u16,
    code: Option<String>,
    retry_after_ms: Option<u64>,
    request_id: Option<String>,
    body: Vec<u8>,
    clock_jumped: bool,
}

impl Refusal {
    pub(crate) fn new(status: u16, headers: &dyn Headers, now: Mono) -> Self {
        Self {
            since: now,
            status,
            code: headers.get("x-amzn-errortype").map(short_code),
            retry_after_ms: retry_after_ms(headers),
            request_id: ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"]
                .iter()
                .find_map(|name| headers.get(name))
                .filter(|id| is_plain(id))
                .map(str::to_owned),
            body: Vec::new(),
            clock_jumped: false,
        }
    }

    /// The clock jumped before the answer was whole: what it taught is void, so it says nothing about the identity.
    pub(crate) fn clock_jumped(&mut self) {
        self.clock_jumped = true;
    }

    /// Takes a part of the body; false when there is enough of it.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> bool {
        let room = REFUSAL_BODY_BYTES_MAX - self.body.len();
        self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.body.len() < REFUSAL_BODY_BYTES_MAX
    }

    /// The failure and what to do about it. `opened` tells whether the session was accepted before: a redirect
    /// or an odd status from a captive portal is an outage then.
    pub(crate) fn judge(mut self, opened: bool) -> (Failure, Verdict) {
        if self.code.is_none() {
            let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
            self.code = ["code", "__type"].iter().find_map(|key| body.get(key)?.as_str()).map(short_code);
        }
        let code = self.code.as_deref().unwrap_or_default();
        let (status, verdict) = by_code(code).unwrap_or_else(|| by_status(self.status, opened));
        let verdict = match verdict {
            Verdict::Outage { .. } => Verdict::Outage { after_ms: self.retry_after_ms },
            Verdict::Skew if self.clock_jumped => Verdict::Outage { after_ms: None },
            other => other,
        };
        let cause = Cause::Http { status: self.status, code: self.code };
        (Failure { status, cause, request_id: self.request_id }, verdict)
    }
}

/// The failure that an exception in the stream stands for.
pub(crate) fn judge_exception(kind: &ExceptionKind) -> (Failure, Verdict) {
    let (code, (status, verdict)) = match kind {
        ExceptionKind::InternalFailure => (
            "internalFailureException".to_owned(),
            (Status::ServiceFailed, Verdict::Outage { after_ms: None }),
        ),
        ExceptionKind::Validation => ("validationException".to_owned(), (Status::Rejected, Verdict::Final)),
        ExceptionKind::Other(code) => {
            let code = short_code(code);
            let known = by_code(&code).unwrap_or_else(|| {
                if code.contains("Internal") || code.contains("Unavailable") || code.contains("internal") {
                    (Status::ServiceFailed, Verdict::Outage { after_ms: None })
                } else {
                    (Status::Rejected, Verdict::Final)
                }
            });
            (code, known)
        }
        // A kind that this version does not know, from a newer model: the name is not at hand.
        _ => ("exception".to_owned(), (Status::Rejected, Verdict::Final)),
    };
    (Failure { status, cause: Cause::Exception { code }, request_id: None }, verdict)
}

fn by_code(code: &str) -> Option<(Status, Verdict)> {
    let outage = Verdict::Outage { after_ms: None };
    // Union members in a stream begin in lower case, shapes and HTTP codes in upper case.
    let mut name = code.to_owned();
    name.get_mut(..1)?.make_ascii_uppercase();
    Some(match name.as_str() {
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired" => {
            (Status::Expired, Verdict::Keys)
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" | "AuthFailure" => {
            (Status::Denied, Verdict::Skew)
        }
        "AccessDeniedException" | "AccessDenied" => (Status::Denied, Verdict::Skew),
        "UnrecognizedClientException" | "InvalidClientTokenId" | "IncompleteSignature" => {
            (Status::Denied, Verdict::Final)
        }
        "ConflictException" => (Status::Conflict, Verdict::Conflict),
        "ServiceQuotaExceededException" => (Status::Quota, Verdict::Final),
        "ResourceNotFoundException" => (Status::NotFound, Verdict::Final),
        "ValidationException" | "BadRequestException" => (Status::Rejected, Verdict::Final),
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" | "SlowDown" => {
            (Status::Throttled, outage)
        }
        "InternalServerException"
        | "InternalFailureException"
        | "InternalFailure"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => (Status::ServiceFailed, outage),
        _ => return None,
    })
}

fn by_status(status: u16, opened: bool) -> (Status, Verdict) {
    let outage = Verdict::Outage { after_ms: None };
    match status {
        401 | 403 => (Status::Denied, Verdict::Skew),
        402 => (Status::Quota, Verdict::Final),
        404 => (Status::NotFound, Verdict::Final),
        408 => (Status::TimedOut, outage),
        409 => (Status::Conflict, Verdict::Conflict),
        429 => (Status::Throttled, outage),
        500.. => (Status::ServiceFailed, outage),
        200..=399 if opened => (Status::Corrupt, outage),
        _ => (Status::Rejected, Verdict::Final),
    }
}

/// `aws.x#Foo:http://...` names `Foo`. Anything that is no plain name is not kept: it would be printed.
fn short_code(code: &str) -> String {
    let code = code.split(':').next().unwrap_or_default();
    let code = code.split('#').nth(1).unwrap_or(code).trim();
    if is_plain(code) { code.to_owned() } else { String::new() }
}

fn is_plain(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.=+/".contains(&byte))
}

fn retry_after_ms(headers: &dyn Headers) -> Option<u64> {
    let ms = headers.get("x-amz-retry-after").and_then(|text| text.trim().parse::<u64>().ok());
    let s = headers.get("retry-after").and_then(|text| text.trim().parse::<u64>().ok());
    Some(ms.or(s.map(|s| s.saturating_mul(1_000)))?.min(RETRY_AFTER_MAX_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, headers: &[(&str, &str)], body: &[u8], opened: bool) -> (Status, Verdict) {
        let mut refusal = Refusal::new(status, &Pairs(headers), Mono(0));
        refusal.take(body);
        let (failure, verdict) = refusal.judge(opened);
        (failure.status, verdict)
    }

    struct Pairs<'a>(&'a [(&'a str, &'a str)]);
    impl Headers for Pairs<'_> {
        fn get(&self, name: &str) -> Option<&str> {
            self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
        }
    }

    #[test]
    fn the_models_statuses_are_told_apart() {
        let outage = Verdict::Outage { after_ms: None };
        assert_eq!(judged(400, &[], b"", false), (Status::Rejected, Verdict::Final));
        assert_eq!(judged(401, &[], b"", false), (Status::Denied, Verdict::Skew));
        assert_eq!(judged(402, &[], b"", false), (Status::Quota, Verdict::Final));
        assert_eq!(judged(404, &[], b"", false), (Status::NotFound, Verdict::Final));
        assert_eq!(judged(429, &[], b"", false), (Status::Throttled, outage));
        assert_eq!(judged(500, &[], b"", true), (Status::ServiceFailed, outage));
        assert_eq!(judged(302, &[], b"", true), (Status::Corrupt, outage));
        assert_eq!(judged(302, &[], b"", false), (Status::Rejected, Verdict::Final));
    }

    #[test]
    fn a_code_beats_the_status_wherever_it_stands() {
        let header = [("x-amzn-errortype", "ExpiredTokenException:http://internal/")];
        assert_eq!(judged(400, &header, b"not json", false), (Status::Expired, Verdict::Keys));
        let body = br#"{"__type":"com.amazonaws#ThrottlingException","message":"x"}"#;
        assert_eq!(judged(400, &[], body, false).0, Status::Throttled);
        assert_eq!(judged(400, &[], br#"{"code":"ConflictException"}"#, false).1, Verdict::Conflict);
    }

    #[test]
    fn the_wait_that_the_service_asks_for_is_kept_and_bounded() {
        let verdict = |headers: &[(&str, &str)]| judged(429, headers, b"", false).1;
        assert_eq!(verdict(&[("retry-after", "3")]), Verdict::Outage { after_ms: Some(3_000) });
        assert_eq!(verdict(&[("x-amz-retry-after", "150")]), Verdict::Outage { after_ms: Some(150) });
        assert_eq!(
            verdict(&[("retry-after", "999999")]),
            Verdict::Outage { after_ms: Some(RETRY_AFTER_MAX_MS) }
        );
    }

    #[test]
    fn text_that_is_no_name_is_not_kept() {
        let mut refusal = Refusal::new(400, &Pairs(&[("x-amzn-errortype", "patient Jane Doe")]), Mono(0));
        refusal.take(b"");
        assert!(!format!("{:?}", refusal.judge(false).0).contains("Jane"));
    }

    #[test]
    fn exceptions_in_the_stream() {
        assert_eq!(judge_exception(&ExceptionKind::Validation).1, Verdict::Final);
        assert_eq!(judge_exception(&ExceptionKind::InternalFailure).1, Verdict::Outage { after_ms: None });
        assert_eq!(judge_exception(&ExceptionKind::Other("conflictException".into())).1, Verdict::Conflict);
        assert_eq!(judge_exception(&ExceptionKind::Other("expiredTokenException".into())).1, Verdict::Keys);
    }
}
