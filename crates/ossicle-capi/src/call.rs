//! The control plane: one asynchronous call by the operation's name, JSON in and out.

use std::ffi::c_char;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use ossicle_control::rest::*;
use ossicle_control::{
    BoxFuture, Client, CredentialError, CredentialSource, Error, ErrorKind, H2Transport, Settings,
};
use ossicle_core::Status;
use ossicle_model::shape::Shaped;
use ossicle_model::validate::{self, Strictness};
use ossicle_sigv4::Credentials;
use ossicle_tokio::KeyProvider;
use ossicle_tokio::net::NetConfig;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::border::{Fault, border_with, ossicle_error};
use crate::constants::ossicle_status;
use crate::engine::{self, ossicle_engine};
use crate::inbox::{Inbox, Note};
use crate::sized::check_pointer;
use crate::text;

/// Calls of one engine under way at once. Each holds its request and answer.
const CALLS_MAX: usize = 64;

/// Calls operations on a thread of its own, which the first call starts.
pub(crate) struct Caller {
    client: Arc<dyn Fn() -> Result<Client, Error> + Send + Sync>,
    inbox: Arc<Inbox>,
    next: AtomicU64,
    running: Arc<AtomicUsize>,
    thread: std::sync::Mutex<Option<Runner>>,
}

struct Runner {
    jobs: mpsc::UnboundedSender<Job>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Job {
    id: u64,
    user_data: u64,
    operation: String,
    input: Value,
}

impl Caller {
    pub(crate) fn new(
        settings: Settings,
        net: NetConfig,
        keys: Arc<dyn KeyProvider>,
        inbox: Arc<Inbox>,
    ) -> Self {
        let client =
            move || Client::new(settings.clone(), Provided(Arc::clone(&keys)), H2Transport::new(net.clone()));
        Self {
            client: Arc::new(client),
            inbox,
            next: AtomicU64::new(1),
            running: Arc::default(),
            thread: std::sync::Mutex::new(None),
        }
    }

    fn call(&self, operation: &str, input: Value, user_data: u64) -> Result<u64, Fault> {
        check(operation, &input)?;
        if self.running.fetch_add(1, Ordering::AcqRel) >= CALLS_MAX {
            self.running.fetch_sub(1, Ordering::AcqRel);
            return Err(Fault::new(Status::Limit, "64 calls are under way: wait for one to be answered"));
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let job = Job { id, user_data, operation: operation.to_owned(), input };
        let sent = self.start().and_then(|jobs| jobs.send(job).map_err(|_| Fault::closed()));
        if sent.is_err() {
            self.running.fetch_sub(1, Ordering::AcqRel);
        }
        sent.map(|()| id)
    }

    fn start(&self) -> Result<mpsc::UnboundedSender<Job>, Fault> {
        let mut thread = engine::lock(&self.thread);
        if let Some(runner) = &*thread {
            return Ok(runner.jobs.clone());
        }
        let client = (self.client)().map_err(|error| Fault::argument(error.to_string()))?;
        let (jobs, waiting) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let (inbox, running) = (Arc::clone(&self.inbox), Arc::clone(&self.running));
        let limit = |_| Fault::new(Status::Limit, "the system gives no more threads");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(limit)?;
        let spawned = std::thread::Builder::new().name("ossicle-control".to_owned()).spawn(move || {
            runtime.block_on(run(client, waiting, stopped, inbox, running));
            // A look-up of a name that hangs must not hang the application.
            runtime.shutdown_background();
        });
        *thread =
            Some(Runner { jobs: jobs.clone(), stop: Some(stop), thread: Some(spawned.map_err(limit)?) });
        Ok(jobs)
    }

    /// Gives all calls up and ends the thread.
    pub(crate) fn close(&self) {
        let Some(mut runner) = engine::lock(&self.thread).take() else { return };
        drop(runner.stop.take());
        if let Some(thread) = runner.thread.take() {
            // A panic in it was a bug of ours and has ended its calls; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

async fn run(
    client: Client,
    mut waiting: mpsc::UnboundedReceiver<Job>,
    mut stopped: oneshot::Receiver<()>,
    inbox: Arc<Inbox>,
    running: Arc<AtomicUsize>,
) {
    let calls = tokio::task::LocalSet::new();
    let work = calls.run_until(async {
        while let Some(job) = waiting.recv().await {
            let (client, inbox, running) = (client.clone(), Arc::clone(&inbox), Arc::clone(&running));
            tokio::task::spawn_local(async move {
                let note = answer(&client, job).await;
                running.fetch_sub(1, Ordering::AcqRel);
                inbox.leave(note);
            });
        }
    });
    tokio::select! {
        () = work => {}
        _ = &mut stopped => {}
    }
}

async fn answer(client: &Client, job: Job) -> Note {
    let Job { id, user_data, operation, input } = job;
    match perform(client, &operation, input).await {
        Ok(output) => {
            let json = if output.is_null() { "{}".to_owned() } else { output.to_string() };
            Note::Call { id, user_data, status: Status::Ok, message: String::new(), json }
        }
        Err(error) => {
            let status = status(&error);
            let service = error.service();
            let json = json!({
                "status": status.name(),
                "message": error.to_string(),
                "retryable": error.is_retryable(),
                "code": service.and_then(|error| error.code.as_deref()),
                "http_status": service.map(|error| error.status),
                "request_id": service.and_then(|error| error.request_id.as_deref()),
            });
            Note::Call { id, user_data, status, message: error.to_string(), json: json.to_string() }
        }
    }
}

fn status(error: &Error) -> Status {
    match error {
        Error::Input(_) | Error::Endpoint(_) | Error::Sign(_) | Error::Request(_) => Status::BadArgument,
        Error::Credentials(_) => Status::NoKeys,
        Error::Service(error) => match error.kind {
            ErrorKind::AccessDenied => Status::Denied,
            ErrorKind::Conflict => Status::Conflict,
            ErrorKind::Internal => Status::ServiceFailed,
            ErrorKind::NotFound => Status::NotFound,
            ErrorKind::QuotaExceeded => Status::Quota,
            ErrorKind::Throttling => Status::Throttled,
            ErrorKind::Validation => Status::Rejected,
            _ if error.status >= 500 => Status::ServiceFailed,
            _ => Status::Rejected,
        },
        Error::Answer { .. } => Status::Corrupt,
        Error::TimedOut(_) => Status::TimedOut,
        Error::Transport(ossicle_control::TransportError::Connect(_)) => Status::Unreachable,
        _ => Status::Lost,
    }
}

/// The engine's source of keys, as the client asks for it.
struct Provided(Arc<dyn KeyProvider>);

impl CredentialSource for Provided {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async move {
            self.0.keys().await.map_err(|_| CredentialError("no keys were set in time".into()))
        })
    }
}

macro_rules! by_name {
    ($($(#[$meta:meta])* $method:ident: $name:ident = $prefix:literal $verb:ident $path:literal => $status:literal,
        $input:ident -> $output:tt, [$($error:ident)*];)*) => {
        /// Checks the name and the input before a call is begun.
        fn check(operation: &str, input: &Value) -> Result<(), Fault> {
            let shape = match operation {
                $(stringify!($name) => <$input as Shaped>::SHAPE,)*
                _ => return Err(Fault::argument("operation is none of the service's, such as CreateDomain")),
            };
            validate::value(input, shape, Strictness::Written).map_err(|error| Fault::argument(error.to_string()))
        }

        async fn perform(client: &Client, operation: &str, input: Value) -> Result<Value, Error> {
            match operation {
                $(stringify!($name) => {
                    let input: $input = serde_json::from_value(input).map_err(unreadable)?;
                    let output = client.$method(input).await?;
                    serde_json::to_value(output).map_err(unreadable)
                })*
                _ => Err(unreadable(serde::de::Error::custom("no such operation"))),
            }
        }
    };
}

ossicle_model::each_operation!(by_name);

/// An input that passed its check, or an output, cannot become JSON: neither happens by the shapes' own rules.
fn unreadable(error: serde_json::Error) -> Error {
    let rule = ossicle_model::Rule::NotJson { line: error.line(), column: error.column() };
    Error::Input(ossicle_model::Invalid::new("", rule))
}

/// [ANY] Calls an operation of the control plane by the service's name for it, such as "CreateSubscription". `input` is its
/// input as JSON of `input_bytes` bytes, with the service's own member names. Returns at once; an OSSICLE_EVENT_CALL
/// follows, with the number that is written to `call_out` (which may be NULL) and with `user_data`. Its `json` is the
/// output, or on failure an object with `status`, `message`, `code`, `http_status` and `request_id`. Calls are tried
/// again as far as that is safe, and end within 120 s. When the engine is destroyed first, no event follows.
/// Errors: OSSICLE_BAD_ARGUMENT for a name or an input that breaks a rule, which the text names; OSSICLE_LIMIT when 64
/// calls are under way; OSSICLE_CLOSED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ossicle_engine_call(
    engine: *mut ossicle_engine,
    operation: *const c_char,
    input: *const c_char,
    input_bytes: usize,
    user_data: u64,
    call_out: *mut u64,
    error: *mut ossicle_error,
) -> ossicle_status {
    let body = || {
        if !call_out.is_null() {
            check_pointer(call_out, "call_out")?;
        }
        // SAFETY: the texts are NULL or as the header asks.
        let (operation, input) =
            unsafe { (text::required(operation, "operation")?, text::counted(input, input_bytes, "input")?) };
        let input = if input.is_empty() { "{}" } else { input };
        let input: Value = serde_json::from_str(input)
            .map_err(|error| Fault::argument(format!("input is no JSON at line {}", error.line())))?;
        let engine = engine::get(engine)?;
        engine.driver()?;
        let id = engine.caller.call(operation, input, user_data)?;
        if !call_out.is_null() {
            // SAFETY: not NULL, aligned, and the caller's to write.
            unsafe { call_out.write(id) };
        }
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's to write.
    unsafe { border_with(error, body) }
}
