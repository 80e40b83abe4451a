//! One call of an operation: input checked, errors in a sentence.

use std::path::Path;

use ossicle::control::rest::Request;
use ossicle::control::{
    BoxFuture, Client, CredentialError, CredentialSource, Error, ErrorKind, H2Transport, Paged, Settings,
    TransportError, WaitError,
};
use ossicle::core::io::{LossCause, Step};
use ossicle::core::{Cause, Failure, Status};
use ossicle::model::validate::{Strictness, value};
use ossicle::net::ConnectError;
use ossicle::sigv4::Credentials;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::args::CallArgs;
use crate::carry::net;
use crate::fault::{Fault, Outcome, io_words};
use crate::keys::Keys;
use crate::show::{print, words};
use crate::target::Target;

/// An input file is at most this long: longer than any input that the service takes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Calls operations for a command.
pub(crate) struct Caller {
    pub(crate) client: Client,
    /// One JSON object a line.
    pub(crate) json: bool,
    url: String,
    /// The service's own words can quote the input, so they are shown only where that is no health information.
    shows_messages: bool,
}

impl Caller {
    /// A caller for the endpoint and with the keys of the flags and the environment.
    pub(crate) async fn new(args: &CallArgs, shows_messages: bool) -> Outcome<Self> {
        let target = Target::from_args(&args.target)?;
        let transport = H2Transport::new(net(&target)?);
        let mut settings = Settings::new(target.region.clone());
        settings.endpoint.clone_from(&args.target.endpoint);
        let keys = Source(Keys::find().await?);
        let client = Client::new(settings, keys, transport)
            .map_err(|error| Fault::usage(format!("{error}: check --endpoint and --region")))?;
        let url = client.endpoint().url();
        Ok(Self { client, json: args.json, url, shows_messages })
    }

    /// Calls the operation of this input, given as JSON; members that are null are left out.
    pub(crate) async fn call<I: Request + DeserializeOwned>(&self, input: Value) -> Outcome<I::Output> {
        self.client.call(typed::<I>(input)?).await.map_err(|error| self.fault(error))
    }

    /// All entries of a list, page by page.
    pub(crate) async fn all<I>(&self, input: Value) -> Outcome<Vec<Value>>
    where
        I: Paged + DeserializeOwned,
        I::Output: Send,
        I::Item: serde::Serialize,
    {
        use futures_util::TryStreamExt;

        let mut items = self.client.list(typed::<I>(input)?).items();
        let mut all = Vec::new();
        while let Some(item) = items.try_next().await.map_err(|error| self.fault(error))? {
            all.push(document(&item)?);
        }
        Ok(all)
    }

    /// A call that failed, in a sentence.
    pub(crate) fn fault(&self, error: Error) -> Fault {
        let url = &self.url;
        match error {
            Error::Input(invalid) => {
                Fault::usage(format!("the input is not valid: {} {}", invalid.path, invalid.why()))
            }
            Error::Endpoint(error) => Fault::usage(format!("{error}: check --endpoint and --region")),
            Error::Credentials(_) => Fault::failed(
                Status::NoKeys,
                "the source of the credentials did not answer or refused: sign in again, or check the network",
            ),
            Error::Service(error) => {
                let said = error.message().filter(|_| self.shows_messages);
                let said = said.map(|said| format!(": {}", words::harmless(said))).unwrap_or_default();
                Fault::failed(status_of(error.kind), format!("{error}{said} ({url})"))
            }
            Error::Transport(TransportError::Connect(source)) => {
                let failure = connect_failure(source.downcast_ref::<ConnectError>());
                Fault::failed(failure.status, format!("{failure} ({url})"))
            }
            Error::Transport(error) => Fault::failed(Status::Lost, format!("{error}: try again ({url})")),
            Error::TimedOut(_) => Fault::failed(Status::TimedOut, format!("{error}: try again ({url})")),
            other => Fault::failed(Status::Corrupt, format!("{other} ({url})")),
        }
    }

    /// A wait that failed, in a sentence.
    pub(crate) fn wait_fault(&self, error: WaitError) -> Fault {
        match error {
            WaitError::Call(error) => self.fault(error),
            other => Fault::failed(
                Status::TimedOut,
                format!("{other}: wait longer with --timeout, or ask again later"),
            ),
        }
    }

    /// Shows an answer: as JSON, or by its text.
    pub(crate) fn show(&self, answer: &Value, text: impl FnOnce(&Value) -> String) {
        print(&if self.json { answer.to_string() } else { text(answer) });
    }
}

struct Source(Keys);

impl CredentialSource for Source {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async move { self.0.current().await.map_err(|error| CredentialError(error.into())) })
    }
}

/// An answer as JSON.
pub(crate) fn document(answer: &impl serde::Serialize) -> Outcome<Value> {
    serde_json::to_value(answer).map_err(|_| {
        Fault::failed(Status::Internal, "the answer cannot be written as JSON; please report it")
    })
}

/// Reads an input file.
pub(crate) fn read_file(path: &Path) -> Outcome<Value> {
    let unreadable =
        |error| Fault::usage(format!("--file {} cannot be read: {}", path.display(), io_words(&error)));
    if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        let path = path.display();
        return Err(Fault::usage(format!(
            "--file {path} is longer than any input can be: check that it is the right file"
        )));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let document: Value = serde_json::from_slice(&bytes).map_err(|error| {
        Fault::usage(format!(
            "--file {} is not JSON (line {}, column {}): correct it",
            path.display(),
            error.line(),
            error.column()
        ))
    })?;
    match document {
        Value::Object(_) => Ok(document),
        _ => Err(Fault::usage(format!(
            "--file {} is not a JSON object: give the operation's input",
            path.display()
        ))),
    }
}

/// The members of `more` that are not null, over those of a file.
pub(crate) fn joined(file: Option<&Path>, more: Value) -> Outcome<Value> {
    let mut whole = file.map_or_else(|| Ok(json!({})), read_file)?;
    if let (Some(whole), Value::Object(more)) = (whole.as_object_mut(), more) {
        whole.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Ok(whole)
}

fn typed<I: Request + DeserializeOwned>(mut input: Value) -> Outcome<I> {
    if let Some(members) = input.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    // What a person wrote: a member that the operation does not have is a slip.
    value(&input, I::SHAPE, Strictness::Written).map_err(|invalid| {
        Fault::usage(format!("the input is not valid: {} {}", invalid.path, invalid.why()))
    })?;
    // Serde's own words would quote the input.
    serde_json::from_value(input).map_err(|_| Fault::usage("the input does not have the operation's shape"))
}

fn status_of(kind: ErrorKind) -> Status {
    match kind {
        ErrorKind::AccessDenied => Status::Denied,
        ErrorKind::Conflict => Status::Conflict,
        ErrorKind::NotFound => Status::NotFound,
        ErrorKind::QuotaExceeded => Status::Quota,
        ErrorKind::Throttling => Status::Throttled,
        ErrorKind::Validation => Status::Rejected,
        _ => Status::ServiceFailed,
    }
}

fn connect_failure(error: Option<&ConnectError>) -> Failure {
    let (step, cause) = error.map_or((Step::H2, LossCause::Network), |error| (error.step, error.cause));
    let status = match cause {
        LossCause::CertificateRejected => Status::Untrusted,
        LossCause::NoHttp2 => Status::NoHttp2,
        LossCause::TimedOut => Status::TimedOut,
        _ => Status::Unreachable,
    };
    Failure { status, cause: Cause::Connection { step, cause }, request_id: None }
}
