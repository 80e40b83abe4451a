//! An emulator, and clients of it: ours, which is watched, and the official SDK.

#![allow(dead_code, reason = "each test uses a part")]

use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_connecthealth as sdk;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns};
use bytes::Bytes;
use ossicle_control::rest::OPERATIONS;
use ossicle_control::*;
use ossicle_emulator::{Config, DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, Emulator};
use ossicle_tokio::net::{Alpn, NetConfig, TlsConfig};
use sdk::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use sdk::primitives::Blob;
use sdk::primitives::event_stream::EventStreamSender;
use sdk::types::error::MedicalScribeInputStreamError;
use sdk::types::*;

/// How long a job or a document stays in each state; the emulator's clock is moved, so nobody waits for it.
pub(crate) const STEP_MS: i64 = 10_000;
pub(crate) const SESSION: &str = "0f1e2d3c-4b5a-4789-8abc-def012345678";
/// Nothing here takes longer unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An emulator whose time is moved by hand.
pub(crate) struct World {
    pub(crate) emulator: Emulator,
    ahead_ms: Arc<AtomicI64>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let config = Config {
            job_step: Duration::from_millis(STEP_MS as u64),
            require_subscription: true,
            ..Config::default()
        };
        Self { emulator: Emulator::start(config).await.unwrap(), ahead_ms: Arc::default() }
    }

    /// Something that makes one step of the emulator's time pass whenever it is called.
    pub(crate) fn step(&self) -> impl Fn() + Send + 'static {
        let (clock, ahead_ms) = (self.emulator.clock().clone(), Arc::clone(&self.ahead_ms));
        move || clock.set_offset_ms(ahead_ms.fetch_add(STEP_MS, Ordering::SeqCst) + STEP_MS)
    }

    pub(crate) fn ours(&self) -> Client {
        self.watched().0
    }

    /// Our client, and what it is answered.
    pub(crate) fn watched(&self) -> (Client, Seen) {
        self.watched_with(keys(), |_| {}, Surroundings::default())
    }

    pub(crate) fn watched_with(
        &self,
        keys: Credentials,
        set: impl FnOnce(&mut Settings),
        surroundings: Surroundings,
    ) -> (Client, Seen) {
        let tls = TlsConfig::new(Alpn::Http2, self.emulator.ca_pem().map(str::as_bytes)).unwrap();
        let seen = Seen::default();
        let transport = Watched { inner: H2Transport::new(NetConfig::new(tls)), seen: seen.clone() };
        let mut settings = Settings::new("us-east-1");
        settings.endpoint = Some(self.emulator.url());
        set(&mut settings);
        (Client::with_surroundings(settings, keys, transport, surroundings).unwrap(), seen)
    }

    /// The official SDK.
    pub(crate) fn official(&self) -> sdk::Client {
        self.official_with(DUMMY_SECRET_ACCESS_KEY)
    }

    pub(crate) fn official_with(&self, secret: &str) -> sdk::Client {
        let store = tls::TrustStore::empty().with_pem_certificate(self.emulator.ca_pem().unwrap());
        let context = tls::TlsContext::builder().with_trust_store(store).build().unwrap();
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
            .tls_context(context)
            .build_with_resolver(Loopback(self.emulator.addr().ip()));
        // Its first delays would make up most of a test's time.
        let retries =
            sdk::config::retry::RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let config = sdk::Config::builder()
            .behavior_version_latest()
            .region(sdk::config::Region::new("us-east-1"))
            .credentials_provider(sdk::config::Credentials::new(
                DUMMY_ACCESS_KEY_ID,
                secret,
                None,
                None,
                "test",
            ))
            .retry_config(retries)
            .http_client(http)
            .endpoint_url(format!("https://localhost:{}", self.emulator.addr().port()))
            .build();
        sdk::Client::from_conf(config)
    }

    /// Runs a whole visit of two channels with the official SDK, whose end is asked for.
    pub(crate) async fn visit(&self, domain: &str, subscription: &str, session: &str) {
        let (events, mut receiver) = tokio::sync::mpsc::channel::<MedicalScribeInputStream>(4);
        let input = futures_util::stream::poll_fn(move |cx| {
            receiver.poll_recv(cx).map(|event| event.map(Ok::<_, MedicalScribeInputStreamError>))
        });
        let sent = self
            .official()
            .start_medical_scribe_listening_session()
            .session_id(session)
            .domain_id(domain)
            .subscription_id(subscription)
            .language_code(MedicalScribeLanguageCode::EnUs)
            .media_sample_rate_hertz(16_000)
            .media_encoding(MedicalScribeMediaEncoding::Pcm)
            .input_stream(EventStreamSender::from(input))
            .send();
        let opened = tokio::time::timeout(PATIENCE, sent).await.unwrap();
        let mut output = opened.unwrap_or_else(|error| panic!("{}", DisplayErrorContext(&error)));
        for event in [configuration(), audio(), end_of_session()] {
            events.send(event).await.unwrap();
        }
        drop(events);
        while tokio::time::timeout(PATIENCE, output.response_stream.recv()).await.unwrap().unwrap().is_some()
        {
        }
    }
}

/// The SDK puts `streaming.` before a host; all names lead to loopback here.
#[derive(Debug, Clone)]
struct Loopback(IpAddr);

impl ResolveDns for Loopback {
    fn resolve_dns<'a>(&'a self, _name: &'a str) -> DnsFuture<'a> {
        DnsFuture::ready(Ok(vec![self.0]))
    }
}

fn configuration() -> MedicalScribeInputStream {
    let template = ManagedTemplate::builder().template_type(ManagedNoteTemplate::HistoryAndPhysical);
    let template = NoteTemplateSettings::ManagedTemplate(template.build().unwrap());
    let notes = ClinicalNoteGenerationSettings::builder().note_template_settings(template).build();
    let actions = MedicalScribePostStreamActionSettings::builder()
        .output_s3_uri("s3://example-bucket/out/")
        .clinical_note_generation_settings(notes)
        .build()
        .unwrap();
    let mut event = MedicalScribeConfigurationEvent::builder().post_stream_action_settings(actions);
    for (id, role) in [MedicalScribeParticipantRole::Clinician, MedicalScribeParticipantRole::Patient]
        .into_iter()
        .enumerate()
    {
        let channel = MedicalScribeChannelDefinition::builder().channel_id(id as i32).participant_role(role);
        event = event.channel_definitions(channel.build().unwrap());
    }
    MedicalScribeInputStream::ConfigurationEvent(event.build())
}

fn audio() -> MedicalScribeInputStream {
    let event = MedicalScribeBinaryAudioEvent::builder().audio_chunk(Blob::new([0; 6_400]));
    MedicalScribeInputStream::BinaryAudioEvent(event.build().unwrap())
}

fn end_of_session() -> MedicalScribeInputStream {
    let event = MedicalScribeSessionControlEvent::builder()
        .r#type(MedicalScribeSessionControlEventType::EndOfSession)
        .build();
    MedicalScribeInputStream::SessionControlEvent(event)
}

pub(crate) fn keys() -> Credentials {
    Credentials::new(DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, None, None)
}

/// Does not wait between two polls: each moves the emulator's time.
pub(crate) fn at_once() -> WaitSettings {
    WaitSettings { poll_first: Duration::ZERO, poll_max: Duration::from_millis(1), timeout: PATIENCE }
}

/// One exchange with the service.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) operation: &'static str,
    pub(crate) request: http::Request<Bytes>,
    pub(crate) status: u16,
    pub(crate) version: http::Version,
    pub(crate) request_id: Option<String>,
}

/// Everything that a client was answered, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<Exchange>>>);

impl Seen {
    pub(crate) fn all(&self) -> Vec<Exchange> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> Exchange {
        self.0.lock().unwrap().last().unwrap().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// A transport that keeps what passes.
struct Watched {
    inner: H2Transport,
    seen: Seen,
}

impl Transport for Watched {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(async move {
            let response = self.inner.send(request.clone()).await?;
            let request_id = response.headers().get("x-amzn-requestid");
            self.seen.0.lock().unwrap().push(Exchange {
                operation: operation_of(&request),
                status: response.status().as_u16(),
                version: response.version(),
                request_id: request_id.map(|id| id.to_str().unwrap().to_owned()),
                request,
            });
            Ok(response)
        })
    }
}

/// The operation whose method and path a request has.
fn operation_of(request: &http::Request<Bytes>) -> &'static str {
    let path: Vec<&str> = request.uri().path().split('/').collect();
    let found = OPERATIONS.iter().find(|operation| {
        let template: Vec<&str> = operation.path.split('/').collect();
        let fits = |(expected, found): (&&str, &&str)| expected == found || expected.starts_with('{');
        operation.method == request.method().as_str()
            && template.len() == path.len()
            && template.iter().zip(&path).all(fits)
    });
    found.unwrap_or_else(|| panic!("{} {} is no operation", request.method(), request.uri().path())).name
}

/// Code and status of an error of the SDK.
pub(crate) fn official_error<T, E: ProvideErrorMetadata>(result: Result<T, SdkError<E>>) -> (String, u16) {
    let Err(error) = result else { panic!("it should have been refused") };
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (error.code().unwrap_or_default().to_owned(), status)
}
