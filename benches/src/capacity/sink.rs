//! The server of all clients: takes streams, gives windows, answers 200 and one transcript for each second of audio.
//! It verifies nothing; the emulator does that.

use super::messages::{Scan, transcript};
use super::roles::session_id;
use super::{Counts, SINK_CPU, Spec, quantiles, usage};
use bytes::Bytes;
use ossicle_model::stream::HEADER_SESSION_ID;
use serde::{Deserialize, Serialize};
use std::future::poll_fn;
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a peer may send unread: the sink is never what a client waits for.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// The same where one session is stalled: two seconds of audio, so that it stalls soon.
const STREAM_WINDOW_BYTES_STALLED: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 64 * 1024 * 1024;
/// Chunks of a stream whose latency is not counted: it is being opened.
const WARM_UP_MESSAGES: u64 = 21;
/// Latencies kept. A run of 1,000 sessions and half a minute fits.
const LATENCIES_MAX: usize = 4_000_000;

/// What a client needs to reach it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Address {
    /// On 127.0.0.1.
    pub port: u16,
    /// The authority to trust.
    pub ca_pem: String,
}

struct Shared {
    spec: Spec,
    transcript: Bytes,
    connections: AtomicU64,
    streams: AtomicU64,
    streams_now: AtomicU64,
    streams_max: AtomicU64,
    streams_on_connection_max: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
    latencies_us: Mutex<Vec<u32>>,
}

/// Serves until standard input ends; then the counts are the last line of standard output.
pub fn run(spec: Spec) {
    usage::many_descriptors();
    if spec.pinned {
        usage::pin(SINK_CPU);
    }
    let shared = Arc::new(Shared {
        spec,
        transcript: transcript(),
        connections: AtomicU64::new(0),
        streams: AtomicU64::new(0),
        streams_now: AtomicU64::new(0),
        streams_max: AtomicU64::new(0),
        streams_on_connection_max: AtomicU64::new(0),
        messages: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        latencies_us: Mutex::new(Vec::new()),
    });
    let (ca_pem, acceptor) = tls();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let serving = Arc::clone(&shared);
    runtime.block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        print(&Address { port, ca_pem });
        // The backlog is the system's: a thousand connections at once are taken in a few rounds.
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let mut rest = String::new();
            while std::io::stdin().lock().read_line(&mut rest).is_ok_and(|bytes| bytes > 0) {}
            drop(end);
        });
        tokio::select! {
            () = accept(listener, acceptor, serving) => {}
            _ = ended => {}
        }
    });
    print(&shared.counts());
}

fn print(value: &impl Serialize) {
    let line = serde_json::to_string(value).expect("JSON");
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("the parent reads");
}

fn tls() -> (String, TlsAcceptor) {
    let names = ["localhost", "streaming.localhost", "127.0.0.1"].map(String::from);
    let key = rcgen::generate_simple_self_signed(names.to_vec()).expect("a certificate");
    let der = rustls_pki_types::PrivatePkcs8KeyDer::from(key.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], der.into())
        .expect("its key");
    config.alpn_protocols = vec![b"h2".to_vec()];
    (key.cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    while let Ok((tcp, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(serve(tcp, acceptor.clone(), Arc::clone(&shared)));
    }
}

async fn serve(tcp: TcpStream, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    // A connection that is no use is its client's failure.
    let _ = tcp.set_nodelay(true);
    let Ok(tls) = acceptor.accept(tcp).await else { return };
    let stalls = shared.spec.stalled.is_some();
    let window = if stalls { STREAM_WINDOW_BYTES_STALLED } else { STREAM_WINDOW_BYTES };
    let mut builder = h2::server::Builder::new();
    builder
        .initial_window_size(window)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(shared.spec.streams_max);
    let Ok(mut connection) = builder.handshake::<_, Bytes>(tls).await else { return };
    let mut streams = 0;
    while let Some(Ok((request, respond))) = connection.accept().await {
        streams += 1;
        shared.streams_on_connection_max.fetch_max(streams, Ordering::Relaxed);
        tokio::spawn(stream(request, respond, Arc::clone(&shared)));
    }
}

async fn stream(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    shared: Arc<Shared>,
) {
    let session = request.headers().get(HEADER_SESSION_ID).cloned();
    let stalled = shared.spec.stalled.map(session_id);
    let is_stalled = stalled.is_some_and(|id| session.is_some_and(|session| session == id.as_str()));
    let mut body = request.into_body();
    shared.streams.fetch_add(1, Ordering::Relaxed);
    let now = shared.streams_now.fetch_add(1, Ordering::Relaxed) + 1;
    shared.streams_max.fetch_max(now, Ordering::Relaxed);
    let response = http::Response::builder()
        .header("content-type", "application/vnd.amazon.eventstream")
        .header("x-amzn-requestid", "0f1e2d3c-4b5a-4789-8abc-def012345678")
        .body(())
        .expect("a response");
    if let Ok(mut answer) = respond.send_response(response, false) {
        if is_stalled {
            // What comes is counted against the window and never given back, until the connection ends.
            poll_fn(|cx| answer.poll_reset(cx)).await.ok();
        }
        read(&mut body, &mut answer, &shared).await;
        // The client may be gone.
        let _ = answer.send_data(Bytes::new(), true);
    }
    shared.streams_now.fetch_sub(1, Ordering::Relaxed);
}

async fn read(body: &mut h2::RecvStream, answer: &mut h2::SendStream<Bytes>, shared: &Shared) {
    let each = u64::from((1_000 / shared.spec.chunk_ms).max(1));
    let mut scan = Scan::new(shared.spec.chunk_bytes());
    let mut messages = 0;
    while let Some(Ok(bytes)) = body.data().await {
        let _ = body.flow_control().release_capacity(bytes.len());
        shared.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let before = messages;
        scan.take(&bytes, |stamp| {
            messages += 1;
            if shared.spec.latency && messages > WARM_UP_MESSAGES {
                shared.late(stamp);
            }
        });
        shared.messages.fetch_add(messages - before, Ordering::Relaxed);
        // The first message is the configuration.
        if messages > 1 && (messages - 1) / each > before.saturating_sub(1) / each {
            let _ = answer.send_data(shared.transcript.clone(), false);
        }
    }
}

impl Shared {
    fn late(&self, stamp: Option<u64>) {
        // A chunk without a time carries 0.
        let Some(stamp) = stamp.filter(|stamp| *stamp > 0) else { return };
        let us = u32::try_from(usage::now_ns().saturating_sub(stamp) / 1_000).unwrap_or(u32::MAX);
        let mut latencies = self.latencies_us.lock().unwrap_or_else(PoisonError::into_inner);
        if latencies.len() < LATENCIES_MAX {
            latencies.push(us);
        }
    }

    fn counts(&self) -> Counts {
        let latencies =
            std::mem::take(&mut *self.latencies_us.lock().unwrap_or_else(PoisonError::into_inner));
        Counts {
            connections: self.connections.load(Ordering::Relaxed),
            streams: self.streams.load(Ordering::Relaxed),
            streams_max: self.streams_max.load(Ordering::Relaxed),
            streams_on_connection_max: self.streams_on_connection_max.load(Ordering::Relaxed),
            messages: self.messages.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            latency_us: quantiles(latencies),
        }
    }
}
