//! Opening a stream: its request's signature and parameters, and whether it may run.

use std::sync::Arc;

use http::request::Parts;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::answer::{ServiceError, uuid};
use crate::audio::Encoding;
use crate::auth::{Payload, Signed, verify_request};
use crate::config::Verify;
use crate::faults::{Fault, Link};
use crate::intake::Intake;
use crate::model::{describe, model};
use crate::report::{ConnectionReport, Ended};
use crate::server::Shared;
use crate::session::{Head, Opened};
use crate::stream::{Answer, Stream, reset};

/// Checks a stream's request, and answers it by a task that runs the stream.
pub(crate) async fn open(shared: &Arc<Shared>, link: &Arc<Link>, parts: &Parts, body: Incoming) -> Answer {
    let (opened, head, signed, fault) = match admit(shared, parts) {
        Ok(Admitted::Stream(admitted)) => *admitted,
        Ok(Admitted::Struck(answer)) => return answer,
        Err(error) => return Ok(error.answer(&shared.config.clock)),
    };
    let (head_sender, head_receiver) = oneshot::channel();
    let limits = &shared.config.limits;
    let intake = Intake::new(head.clone(), &signed, limits, shared.config.verify, shared.config.event_order);
    shared.faults.add_stream(&head.session_id, opened.sender.clone());
    let report = new_report(shared, link, parts, signed.age_ms);
    let parts = (opened, head, intake, report);
    let stream = Stream::new(Arc::clone(shared), Arc::clone(link), parts, body, fault, head_sender);
    shared.spawn(stream.run());
    head_receiver.await.unwrap_or_else(|_| Err(reset(h2::Reason::INTERNAL_ERROR)))
}

enum Admitted {
    Stream(Box<(Opened, Head, Signed, Option<Fault>)>),
    /// A planned fault answered in the service's place.
    Struck(Answer),
}

fn admit(shared: &Shared, parts: &Parts) -> Result<Admitted, ServiceError> {
    let now_ms = shared.config.clock.now_ms();
    let age_ms_max = i64::try_from(shared.config.limits.signature_age_max.as_millis()).unwrap_or(i64::MAX);
    let signed = verify_request(parts, Payload::Events, &shared.keys, now_ms, age_ms_max)?;
    let content_type = parts.headers.get("content-type").and_then(|value| value.to_str().ok());
    if content_type != Some("application/vnd.amazon.eventstream") {
        return Err(ServiceError::validation("content-type must be application/vnd.amazon.eventstream"));
    }
    let head = read_head(parts)?;
    let fault = match shared.faults.take(&head.session_id) {
        Some(Fault::Refuse { status, code, message, retry_after_ms }) => {
            return Err(ServiceError { status, code, message, retry_after_ms });
        }
        Some(Fault::RefuseStream { reason }) => {
            return Ok(Admitted::Struck(Err(reset(h2::Reason::from(reason)))));
        }
        other => other,
    };
    if shared.config.require_subscription {
        shared.control.check_subscription(shared, &head.domain_id, &head.subscription_id)?;
    }
    let opened = shared.sessions.open(&head, now_ms)?;
    Ok(Admitted::Stream(Box::new((opened, head, signed, fault))))
}

/// The six parameters, checked by the model's limits.
fn read_head(parts: &Parts) -> Result<Head, ServiceError> {
    let input = &model().operations["StartMedicalScribeListeningSession"].input.shape;
    let mut value = json!({});
    for (name, member) in model().shape(input).map(|shape| &shape.members).into_iter().flatten() {
        let Some(header) = member.location_name.as_ref().and_then(|header| parts.headers.get(header)) else {
            continue;
        };
        let text = header.to_str().unwrap_or("").trim();
        let number = model().shape(&member.shape).is_some_and(|shape| shape.kind == "integer");
        value[name] = match text.parse::<i64>() {
            Ok(parsed) if number => Value::from(parsed),
            _ => Value::from(text),
        };
    }
    let violations = model().check(input, &value);
    if !violations.is_empty() {
        return Err(ServiceError::validation(describe(&violations)));
    }
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    Ok(Head {
        session_id: text("sessionId"),
        domain_id: text("domainId"),
        subscription_id: text("subscriptionId"),
        language_code: text("languageCode"),
        rate_hz: value["mediaSampleRateHertz"]
            .as_u64()
            .and_then(|rate| u32::try_from(rate).ok())
            .unwrap_or(0),
        encoding: if value["mediaEncoding"] == "flac" { Encoding::Flac } else { Encoding::Pcm },
    })
}

fn new_report(shared: &Shared, link: &Link, parts: &Parts, age_ms: i64) -> ConnectionReport {
    ConnectionReport {
        first_frame: 0,
        frames: 0,
        messages: 0,
        messages_verified: 0,
        audio_messages: 0,
        wire_bytes: 0,
        data_frames: 0,
        verified: shared.config.verify == Verify::Full,
        why: (shared.config.verify == Verify::SinkOnly)
            .then(|| "only counted, nothing was verified".to_owned()),
        signature_age_ms_max: u64::try_from(age_ms).unwrap_or(0),
        late_messages: 0,
        http: format!("{:?}", parts.version),
        connection: link.number,
        request_id: uuid(),
        opened_unix_ms: shared.config.clock.now_ms(),
        end_of_session: false,
        closed: false,
        ended: Ended::Open,
    }
}
