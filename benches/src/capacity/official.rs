//! The official SDK for Rust, as an application uses it.

use super::messages::audio;
use super::pace::Progress;
use super::roles::{Job, session_id};
use super::{Measured, Pace, Spec, usage};
use aws_sdk_connecthealth as ch;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns};
use ch::primitives::Blob;
use ch::primitives::event_stream::EventStreamSender;
use ch::types::error::MedicalScribeInputStreamError;
use ch::types::*;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

/// The SDK puts `streaming.` before every host; all names lead to loopback here.
#[derive(Debug, Clone)]
struct Loopback;

impl ResolveDns for Loopback {
    fn resolve_dns<'a>(&'a self, _name: &'a str) -> DnsFuture<'a> {
        DnsFuture::ready(Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]))
    }
}

struct Shared {
    spec: Spec,
    progress: Progress,
    client: ch::Client,
    audio: Vec<u8>,
}

/// Runs a client of the SDK.
pub async fn run(job: &Job) -> Measured {
    let spec = job.spec.clone();
    let rss_base = usage::rss_bytes();
    let shared = Arc::new(Shared {
        progress: Progress::default(),
        client: client(job),
        audio: audio(spec.chunk_bytes()),
        spec: spec.clone(),
    });
    let begin = Instant::now();
    for index in 0..spec.sessions {
        tokio::spawn(session(index, Arc::clone(&shared)));
        if index == 0 && !spec.together {
            // The others find its connection in the pool.
            shared.progress.until_open(1).await;
        }
    }
    shared.progress.until_open(spec.sessions).await;
    let opening_s = begin.elapsed().as_secs_f64();
    let measured = shared.progress.measure(&spec, || 0).await;
    Measured { rss_base, opening_s, ..measured }
}

fn client(job: &Job) -> ch::Client {
    let store = tls::TrustStore::empty().with_pem_certificate(job.address.ca_pem.as_str());
    let context = tls::TlsContext::builder().with_trust_store(store).build().expect("a TLS context");
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .tls_context(context)
        .build_with_resolver(Loopback);
    let keys = ch::config::Credentials::new(super::ours::KEY_ID, super::ours::SECRET, None, None, "bench");
    let config = ch::Config::builder()
        .behavior_version_latest()
        .region(ch::config::Region::new("us-east-1"))
        .credentials_provider(keys)
        .http_client(http)
        .endpoint_url(format!("https://localhost:{}", job.address.port))
        .build();
    ch::Client::from_conf(config)
}

fn configuration() -> MedicalScribeInputStream {
    let template = ManagedTemplate::builder().template_type(ManagedNoteTemplate::HistoryAndPhysical).build();
    let note = ClinicalNoteGenerationSettings::builder()
        .note_template_settings(NoteTemplateSettings::ManagedTemplate(template.expect("a template")))
        .build();
    let settings = MedicalScribePostStreamActionSettings::builder()
        .output_s3_uri(super::roles::OUTPUT_URI)
        .clinical_note_generation_settings(note)
        .build()
        .expect("settings");
    let event = MedicalScribeConfigurationEvent::builder().post_stream_action_settings(settings).build();
    MedicalScribeInputStream::ConfigurationEvent(event)
}

/// What a session sends: its configuration, then a chunk whenever one is due.
fn input(
    index: u32,
    shared: Arc<Shared>,
) -> impl futures_util::Stream<Item = Result<MedicalScribeInputStream, MedicalScribeInputStreamError>> {
    futures_util::stream::unfold(None, move |sent: Option<u32>| {
        let shared = Arc::clone(&shared);
        async move {
            let Some(chunk) = sent else { return Some((Ok(configuration()), Some(0))) };
            let schedule = shared.progress.started().await;
            let mut audio = shared.audio.clone();
            if shared.spec.pace == Pace::RealTime {
                tokio::time::sleep_until(schedule.send(index, chunk).into()).await;
                let ns = schedule.shared_ns(schedule.complete(index, chunk));
                audio[..8].copy_from_slice(&ns.to_le_bytes());
            } else {
                tokio::task::yield_now().await;
            }
            let event = MedicalScribeBinaryAudioEvent::builder().audio_chunk(Blob::new(audio)).build();
            shared.progress.chunk();
            Some((Ok(MedicalScribeInputStream::BinaryAudioEvent(event.expect("audio"))), Some(chunk + 1)))
        }
    })
}

async fn session(index: u32, shared: Arc<Shared>) {
    let output = shared
        .client
        .start_medical_scribe_listening_session()
        .session_id(session_id(index).as_str())
        .domain_id(super::roles::DOMAIN)
        .subscription_id(super::roles::SUBSCRIPTION)
        .language_code(MedicalScribeLanguageCode::EnUs)
        .media_sample_rate_hertz(super::RATE_HZ as i32)
        .media_encoding(MedicalScribeMediaEncoding::Pcm)
        .input_stream(EventStreamSender::from(input(index, Arc::clone(&shared))))
        .send()
        .await;
    let mut output = output.expect("the sink takes every session");
    shared.progress.opened();
    while let Ok(Some(_)) = output.response_stream.recv().await {}
}
