//! The floor: h2 over rustls that sends messages made before the start. It signs nothing, accounts for nothing and
//! survives nothing.

use super::messages::{audio, audio_message, configuration_message, stamped};
use super::pace::Progress;
use super::roles::{Job, configuration_json};
use super::{Measured, Pace, Spec, usage};
use bytes::Bytes;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

struct Shared {
    spec: Spec,
    progress: Progress,
    configuration: Bytes,
    message: Bytes,
}

/// Runs a client of the floor.
pub async fn run(job: &Job) -> Measured {
    let spec = job.spec.clone();
    let rss_base = usage::rss_bytes();
    let shared = Arc::new(Shared {
        progress: Progress::default(),
        configuration: configuration_message(&configuration_json()),
        message: audio_message(&audio(spec.chunk_bytes())),
        spec: spec.clone(),
    });
    let begin = Instant::now();
    let connector = connector(&job.address.ca_pem);
    let mut connection = None;
    for index in 0..spec.sessions {
        if index % spec.streams_per_connection == 0 {
            connection = Some(connect(&connector, job.address.port).await);
        }
        let requests = connection.clone().expect("the first makes one");
        tokio::spawn(session(index, requests, Arc::clone(&shared)));
    }
    shared.progress.until_open(spec.sessions).await;
    let opening_s = begin.elapsed().as_secs_f64();
    let measured = shared.progress.measure(&spec, || 0).await;
    Measured { rss_base, opening_s, ..measured }
}

fn connector(ca_pem: &str) -> TlsConnector {
    use rustls_pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    let ca = rustls_pki_types::CertificateDer::from_pem_slice(ca_pem.as_bytes()).expect("PEM");
    roots.add(ca).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

async fn connect(connector: &TlsConnector, port: u16) -> SendRequest<Bytes> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.expect("the sink");
    tcp.set_nodelay(true).expect("an option");
    let name = "localhost".try_into().expect("a name");
    let tls = connector.connect(name, tcp).await.expect("TLS");
    let (requests, connection) = h2::client::handshake(tls).await.expect("HTTP/2");
    tokio::spawn(async move {
        // It ends with the process.
        let _ = connection.await;
    });
    requests
}

async fn session(index: u32, requests: SendRequest<Bytes>, shared: Arc<Shared>) {
    let request = http::Request::builder()
        .method(http::Method::POST)
        .uri("https://localhost/medical-scribe-stream")
        .header("content-type", "application/vnd.amazon.eventstream")
        .body(())
        .expect("a request");
    let mut requests = requests.ready().await.expect("a connection");
    let (response, mut body) = requests.send_request(request, false).expect("a stream");
    body.send_data(shared.configuration.clone(), false).expect("the configuration");
    let answer = response.await.expect("an answer").into_body();
    shared.progress.opened();
    tokio::join!(write(index, body, &shared), read(answer));
}

async fn write(index: u32, mut body: SendStream<Bytes>, shared: &Shared) {
    let schedule = shared.progress.started().await;
    let len = shared.message.len();
    for chunk in 0.. {
        let mut message = shared.message.clone();
        if shared.spec.pace == Pace::RealTime {
            tokio::time::sleep_until(schedule.send(index, chunk).into()).await;
            if shared.spec.latency {
                let ns = schedule.shared_ns(schedule.complete(index, chunk));
                message = stamped(&message, shared.spec.chunk_bytes(), ns);
            }
        } else {
            tokio::task::yield_now().await;
        }
        body.reserve_capacity(len);
        while body.capacity() < len {
            if !matches!(poll_fn(|cx| body.poll_capacity(cx)).await, Some(Ok(_))) {
                return;
            }
        }
        if body.send_data(message, false).is_err() {
            return;
        }
        shared.progress.chunk();
    }
}

async fn read(mut answer: RecvStream) {
    while let Some(Ok(bytes)) = answer.data().await {
        let _ = answer.flow_control().release_capacity(bytes.len());
    }
}
