//! The REST operations: finds the operation of a request in the model, checks it, and answers from the state.
//!
//! The state is the one that streams work on: a session started over a stream is read here, and with
//! [`crate::Config::require_subscription`] a stream needs a subscription made here.

mod datasets;
mod domains;
mod feedback;
mod input;
mod jobs;
mod page;
mod sessions;
mod store;
mod tags;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::answer::{ResponseBody, ServiceError, json_answer, uuid};
use crate::auth::{Payload, verify_request};
use crate::config::{Config, State};
use crate::emulator::StartError;
use crate::faults::Fault;
use crate::limits;
use crate::model::{Operation, describe, model};
use crate::rules::digest;
use crate::server::Shared;
use crate::session::{Session, Sessions};
use crate::stream::{Answer, reset};

pub(crate) use store::Store;

/// The account that all resources belong to.
const ACCOUNT: &str = "123456789012";

/// The state behind the REST operations.
pub(crate) struct Control {
    store: Mutex<Store>,
}

/// What a handler works with.
pub(crate) struct Call<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) shared: &'a Shared,
    pub(crate) input: &'a Value,
    pub(crate) region: &'a str,
    pub(crate) now_ms: i64,
}

type Handler = fn(&mut Call<'_>) -> Result<Value, ServiceError>;

/// The handler of each operation.
const HANDLERS: [(&str, Handler); 22] = [
    ("ActivateSubscription", domains::activate_subscription),
    ("CreateDataset", datasets::create),
    ("CreateDomain", domains::create),
    ("CreateSubscription", domains::create_subscription),
    ("DeactivateSubscription", domains::deactivate_subscription),
    ("DeleteDataset", datasets::delete),
    ("DeleteDomain", domains::delete),
    ("GetDataset", datasets::get),
    ("GetDomain", domains::get),
    ("GetMedicalCodingJob", jobs::get_coding),
    ("GetMedicalScribeListeningSession", sessions::get),
    ("GetPatientInsightsJob", jobs::get_insights),
    ("GetSubscription", domains::get_subscription),
    ("ListDatasets", datasets::list),
    ("ListDomains", domains::list),
    ("ListSubscriptions", domains::list_subscriptions),
    ("ListTagsForResource", tags::list),
    ("StartMedicalCodingJob", jobs::start_coding),
    ("StartPatientInsightsJob", jobs::start_insights),
    ("SubmitFeedback", feedback::submit),
    ("TagResource", tags::tag),
    ("UntagResource", tags::untag),
];

impl Control {
    /// Opens the state, and puts back the sessions that it holds.
    pub(crate) fn open(config: &Config, sessions: &Sessions) -> Result<Self, StartError> {
        let store = match &config.state {
            State::Memory => Store::in_memory(),
            State::Path(path) => Store::on_disk(path)?,
        };
        sessions::restore(&store, sessions);
        Ok(Self { store: Mutex::new(store) })
    }

    /// Answers a request that is not a stream.
    pub(crate) async fn answer(&self, shared: &Shared, parts: &Parts, body: Incoming) -> Answer {
        let clock = &shared.config.clock;
        let Some((operation, labels)) = input::route(parts) else {
            let code = "UnknownOperationException".to_owned();
            let message = "no operation has this method and path".to_owned();
            return Ok(ServiceError { status: 404, code, message, retry_after_ms: None }.answer(clock));
        };
        let Ok(body) = Limited::new(body, limits::BODY_BYTES_MAX).collect().await else {
            return Ok(ServiceError::validation("the body is too long or was cut").answer(clock));
        };
        let body = body.to_bytes();
        match self.struck(shared, &operation.name).await {
            Ok(None) => {}
            Ok(Some(error)) => return Ok(error.answer(clock)),
            Err(reset) => return Err(reset),
        }
        let answered = self.call(shared, parts, operation, &labels, &body);
        Ok(answered.unwrap_or_else(|error| error.answer(clock)))
    }

    /// What is planned for the next call of an operation.
    async fn struck(&self, shared: &Shared, operation: &str) -> Result<Option<ServiceError>, h2::Error> {
        match shared.faults.take_operation(operation) {
            Some(Fault::Refuse { status, code, message, retry_after_ms }) => {
                Ok(Some(ServiceError { status, code, message, retry_after_ms }))
            }
            Some(Fault::DelayHead(delay)) => {
                tokio::time::sleep(delay).await;
                Ok(None)
            }
            Some(Fault::RefuseStream { reason } | Fault::Reset { reason, .. }) => {
                Err(reset(h2::Reason::from(reason)))
            }
            _ => Ok(None),
        }
    }

    fn call(
        &self,
        shared: &Shared,
        parts: &Parts,
        operation: &Operation,
        labels: &[(String, String)],
        body: &Bytes,
    ) -> Result<Response<ResponseBody>, ServiceError> {
        let now_ms = shared.config.clock.now_ms();
        let age_ms_max =
            i64::try_from(shared.config.limits.signature_age_max.as_millis()).unwrap_or(i64::MAX);
        let signed = verify_request(parts, Payload::Whole(body), &shared.keys, now_ms, age_ms_max)?;
        let input = input::read(operation, labels, parts.uri.query().unwrap_or(""), body)?;
        let violations = model().check(&operation.input.shape, &input);
        if !violations.is_empty() {
            return Err(ServiceError::validation(describe(&violations)));
        }
        let handler = HANDLERS.iter().find(|(name, _)| *name == operation.name);
        let (_, handler) = handler.ok_or_else(|| ServiceError::not_found("this operation is not served"))?;

        let mut store = self.store();
        if operation.http.method == "POST" && store.len() >= limits::RECORDS_MAX {
            let message = "this emulator keeps no more records";
            return Err(ServiceError::modelled("ThrottlingException", message));
        }
        let mut call = Call { store: &mut store, shared, input: &input, region: &signed.region, now_ms };
        let output = once(&mut call, operation, *handler);
        store.commit()?;
        let output = output?;
        let status = operation.http.response_code;
        let text = if status == 204 { Bytes::new() } else { compact(output).to_string().into() };
        Ok(json_answer(status, text, &shared.config.clock))
    }

    /// Whether a session may run on a subscription.
    pub(crate) fn check_subscription(
        &self,
        shared: &Shared,
        domain_id: &str,
        subscription_id: &str,
    ) -> Result<(), ServiceError> {
        let store = self.store();
        domains::check_active(&store, shared, domain_id, subscription_id)
    }

    /// Keeps a session's new status, and makes its artefacts when it is completed.
    pub(crate) fn session_changed(&self, shared: &std::sync::Arc<Shared>, session: &std::sync::Arc<Session>) {
        {
            let mut store = self.store();
            sessions::keep(&mut store, session);
            // A disk that fails is told to the next REST call; the stream itself goes on.
            let _ = store.commit();
        }
        sessions::schedule(shared, session);
    }

    /// Advances everything that is due by now; artefacts are written when their time has come.
    pub(crate) fn advance(&self, shared: &Shared) {
        let mut store = self.store();
        jobs::advance(&mut store, shared);
        datasets::advance(&mut store, shared);
        let _ = store.commit();
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call whose `clientToken` was seen before is answered as then, or refused if anything else differs.
fn once(call: &mut Call<'_>, operation: &Operation, handler: Handler) -> Result<Value, ServiceError> {
    let Some(token) = call.input["clientToken"].as_str() else { return handler(call) };
    let domain = call.input["domainId"].as_str().unwrap_or_default();
    let key = format!("{}/{domain}/{token}", operation.name);
    let mut rest = call.input.clone();
    if let Some(members) = rest.as_object_mut() {
        members.remove("clientToken");
    }
    let parameters = digest(&rest);
    if let Some(seen) = call.store.get("token", &key) {
        if seen["parameters"] == parameters.as_str() {
            return Ok(seen["output"].clone());
        }
        return Err(ServiceError::conflict("clientToken was used before with other parameters"));
    }
    let output = handler(call)?;
    call.store.put("token", &key, json!({ "parameters": parameters, "output": output }));
    Ok(output)
}

/// Leaves out members that are null, at every level.
fn compact(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, compact(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(compact).collect()),
        other => other,
    }
}

impl Call<'_> {
    /// A required text member of the input.
    fn text(&self, name: &str) -> &str {
        self.input[name].as_str().unwrap_or_default()
    }

    fn step_ms(&self) -> i64 {
        step_ms(self.shared)
    }
}

fn step_ms(shared: &Shared) -> i64 {
    i64::try_from(shared.config.job_step.as_millis()).unwrap_or(i64::MAX)
}

/// Runs [`Control::advance`] a little after `steps` steps from now.
fn advance_later(shared: &Shared, steps: u32) {
    let Some(shared) = shared.me.upgrade() else { return };
    let delay = shared.config.job_step.saturating_mul(steps) + Duration::from_millis(1);
    let stopped = shared.stopped.clone();
    let task_shared = std::sync::Arc::clone(&shared);
    shared.spawn(async move {
        let mut stopped = stopped;
        tokio::select! {
            () = tokio::time::sleep(delay) => task_shared.control.advance(&task_shared),
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    });
}

/// Epoch seconds with milliseconds, as the model's `Timestamp` goes over the wire.
fn epoch(ms: i64) -> Value {
    json!(ms as f64 / 1000.0)
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ`, as the model's `SyntheticTimestamp_date_time` goes over the wire.
fn iso(ms: i64) -> Value {
    use aws_smithy_types::date_time::{DateTime, Format};
    DateTime::from_millis(ms).fmt(Format::DateTime).map_or(Value::Null, Value::from)
}

/// A new id: `prefix` and `length` random characters of `a-z0-9`.
fn new_id(prefix: &str, length: usize) -> String {
    let mut id = prefix.to_owned();
    while id.len() < prefix.len() + length {
        id.extend(uuid().chars().filter(|c| *c != '-'));
    }
    id.truncate(prefix.len() + length);
    id
}

/// A bucket whose name begins so does not exist: what reads or writes there fails.
const MISSING_BUCKET: &str = "s3://missing-";

/// Writes an artefact of the emulator to the folder that stands for its bucket, if there is one.
fn write_artefact(shared: &Shared, uri: &str, content: &Value) -> Result<(), String> {
    if uri.starts_with(MISSING_BUCKET) {
        return Err("the bucket does not exist".into());
    }
    let Some(dir) = &shared.config.bucket_dir else { return Ok(()) };
    let mut path = dir.clone();
    for part in uri.trim_start_matches("s3://").split('/').filter(|part| !part.is_empty()) {
        // A key is free text; no part of it may leave the folder.
        if matches!(part, "." | "..") || part.contains(['\\', ':', '\0']) {
            return Err("the key has a part that cannot be a file name".into());
        }
        path.push(part);
    }
    let parent = path.parent().unwrap_or(dir);
    let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, content.to_string()));
    written.map_err(|error| format!("the artefact could not be written: {}", error.kind()))
}

/// Joins a key to an `s3://` prefix.
fn join_uri(prefix: &str, key: &str) -> String {
    format!("{}/{key}", prefix.trim_end_matches('/'))
}
