//! The official SDK for Rust, pointed at an emulator.
#![allow(dead_code, unreachable_pub, reason = "each test file is a crate and uses its own part")]

pub mod raw;

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use aws_sdk_connecthealth as ch;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns};
use ch::config::{Credentials, Region};
use ch::error::DisplayErrorContext;
use ch::operation::start_medical_scribe_listening_session::StartMedicalScribeListeningSessionOutput;
use ch::primitives::Blob;
use ch::primitives::event_stream::EventStreamSender;
use ch::types::error::MedicalScribeInputStreamError;
use ch::types::*;
use ossicle_emulator::{Config, DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, Emulator};
use tokio::sync::mpsc;

pub const DOMAIN: &str = "hai-abcdefghijklmnopq";
pub const SUBSCRIPTION: &str = "sub-abcdefghijKLMNOPQRSTU";
/// Nothing here takes longer unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The SDK puts `streaming.` before every host; all names lead to loopback here.
#[derive(Debug, Clone)]
struct Loopback(IpAddr);
impl ResolveDns for Loopback {
    fn resolve_dns<'a>(&'a self, _name: &'a str) -> DnsFuture<'a> {
        DnsFuture::ready(Ok(vec![self.0]))
    }
}

pub fn client_with(emulator: &Emulator, credentials: Credentials) -> ch::Client {
    let store = tls::TrustStore::empty().with_pem_certificate(emulator.ca_pem().unwrap_or_default());
    let context = tls::TlsContext::builder().with_trust_store(store).build().expect("a TLS context");
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .tls_context(context)
        .build_with_resolver(Loopback(emulator.addr().ip()));
    let scheme = if emulator.ca_pem().is_some() { "https" } else { "http" };
    let config = ch::Config::builder()
        .behavior_version_latest()
        .region(Region::new("us-east-1"))
        .credentials_provider(credentials)
        .http_client(http)
        .endpoint_url(format!("{scheme}://localhost:{}", emulator.addr().port()))
        .build();
    ch::Client::from_conf(config)
}

pub fn client(emulator: &Emulator) -> ch::Client {
    client_with(emulator, Credentials::new(DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, None, None, "test"))
}

pub async fn start(config: Config) -> Emulator {
    Emulator::start(config).await.expect("an emulator")
}

/// One stream of the official SDK.
pub struct Streaming {
    pub events: mpsc::Sender<MedicalScribeInputStream>,
    pub output: StartMedicalScribeListeningSessionOutput,
}

#[derive(Clone)]
pub struct Params {
    pub session: String,
    pub rate_hz: i32,
    pub encoding: MedicalScribeMediaEncoding,
    pub domain: String,
    pub subscription: String,
}

impl Params {
    pub fn pcm(session: &str) -> Self {
        Self {
            session: session.into(),
            rate_hz: 16_000,
            encoding: MedicalScribeMediaEncoding::Pcm,
            domain: DOMAIN.into(),
            subscription: SUBSCRIPTION.into(),
        }
    }
}

/// Opens a stream; an error comes back as the SDK prints it.
pub async fn open(client: &ch::Client, params: &Params) -> Result<Streaming, String> {
    let (events, mut receiver) = mpsc::channel::<MedicalScribeInputStream>(64);
    let input = futures_util::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|event| event.map(Ok::<_, MedicalScribeInputStreamError>))
    });
    let sent = client
        .start_medical_scribe_listening_session()
        .session_id(&params.session)
        .domain_id(&params.domain)
        .subscription_id(&params.subscription)
        .language_code(MedicalScribeLanguageCode::EnUs)
        .media_sample_rate_hertz(params.rate_hz)
        .media_encoding(params.encoding.clone())
        .input_stream(EventStreamSender::from(input))
        .send();
    let output = tokio::time::timeout(PATIENCE, sent).await.expect("an answer in time");
    output.map(|output| Streaming { events, output }).map_err(|error| DisplayErrorContext(&error).to_string())
}

impl Streaming {
    /// Sends an event; a stream that is over takes no more.
    pub async fn send(&self, event: MedicalScribeInputStream) -> bool {
        self.events.send(event).await.is_ok()
    }

    /// Ends the input and reads the rest of the output: transcript segments, or the error as printed.
    pub async fn finish(self) -> (Vec<MedicalScribeTranscriptSegment>, usize, Result<(), String>) {
        let Self { events, output } = self;
        drop(events);
        read_all(output).await
    }
}

/// Reads transcripts (and how many events the SDK does not know) until the stream ends.
pub async fn read_all(
    mut output: StartMedicalScribeListeningSessionOutput,
) -> (Vec<MedicalScribeTranscriptSegment>, usize, Result<(), String>) {
    let (mut segments, mut unknown) = (Vec::new(), 0);
    loop {
        let event =
            tokio::time::timeout(PATIENCE, output.response_stream.recv()).await.expect("an event in time");
        match event {
            Ok(Some(MedicalScribeOutputStream::TranscriptEvent(event))) => {
                segments.extend(event.transcript_segment)
            }
            Ok(Some(_)) => unknown += 1,
            Ok(None) => return (segments, unknown, Ok(())),
            Err(error) => return (segments, unknown, Err(DisplayErrorContext(&error).to_string())),
        }
    }
}

pub fn configuration(channels: u32) -> MedicalScribeInputStream {
    let template = NoteTemplateSettings::ManagedTemplate(
        ManagedTemplate::builder()
            .template_type(ManagedNoteTemplate::HistoryAndPhysical)
            .build()
            .expect("a template"),
    );
    let notes = ClinicalNoteGenerationSettings::builder().note_template_settings(template).build();
    let actions = MedicalScribePostStreamActionSettings::builder()
        .output_s3_uri("s3://example-bucket/out/")
        .clinical_note_generation_settings(notes)
        .build()
        .expect("settings");
    let mut event = MedicalScribeConfigurationEvent::builder().post_stream_action_settings(actions);
    if channels == 2 {
        for (id, role) in
            [(0, MedicalScribeParticipantRole::Clinician), (1, MedicalScribeParticipantRole::Patient)]
        {
            let definition =
                MedicalScribeChannelDefinition::builder().channel_id(id).participant_role(role).build();
            event = event.channel_definitions(definition.expect("a definition"));
        }
    }
    MedicalScribeInputStream::ConfigurationEvent(event.build())
}

pub fn binary(bytes: &[u8]) -> MedicalScribeInputStream {
    let event = MedicalScribeBinaryAudioEvent::builder().audio_chunk(Blob::new(bytes)).build();
    MedicalScribeInputStream::BinaryAudioEvent(event.expect("audio"))
}

pub fn json_audio(bytes: &[u8]) -> MedicalScribeInputStream {
    let event = MedicalScribeAudioEvent::builder().audio_chunk(Blob::new(bytes)).build();
    MedicalScribeInputStream::AudioEvent(event.expect("audio"))
}

pub fn end_of_session() -> MedicalScribeInputStream {
    let kind = MedicalScribeSessionControlEventType::EndOfSession;
    MedicalScribeInputStream::SessionControlEvent(
        MedicalScribeSessionControlEvent::builder().r#type(kind).build(),
    )
}

/// Noise: no two stretches of it are alike.
pub fn noise(samples: usize) -> Vec<i16> {
    let mut seed = 7u32;
    (0..samples)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as i16 / 4
        })
        .collect()
}

pub fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// Samples of a recording.
pub fn recorded(dir: &Path, session: &str) -> (hound::WavSpec, Vec<i16>) {
    let mut wav = hound::WavReader::open(dir.join(format!("{session}.wav"))).expect("a recording");
    let samples = wav.samples::<i16>().map(|sample| sample.expect("a sample")).collect();
    (wav.spec(), samples)
}
