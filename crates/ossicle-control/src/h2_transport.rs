//! The transport over HTTP/2 and TLS, on the engine's own connector.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use ossicle_model::endpoint::{Endpoint, Scheme};
use ossicle_tokio::net::{self, NetConfig, Target};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use crate::limits::{ANSWER_BYTES_MAX, CONNECT_TIMEOUT_DEFAULT, CONNECTION_IDLE_MAX, CONNECTIONS_MAX};
use crate::transport::{BoxFuture, Transport, TransportError};

/// Streams that are opened before the peer has said how many it takes: no second one.
const STREAMS_BEFORE_SETTINGS: usize = 1;

/// Sends requests over HTTP/2: with TLS, or in clear text to loopback addresses. Keeps one connection to each host and
/// uses it for all calls at the same time. A connection that failed or was given up on is not used again.
///
/// Must be used inside a tokio runtime with I/O and time.
#[derive(Clone)]
pub struct H2Transport {
    shared: Arc<Shared>,
}

struct Shared {
    net: NetConfig,
    connect_timeout: Duration,
    /// By scheme and authority. Each slot is locked while its connection is made, so that it is made once.
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

#[derive(Default)]
struct Slot {
    connection: tokio::sync::Mutex<Option<Connection>>,
    last_used: Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Connection {
    requests: SendRequest<Bytes>,
    driver: AbortHandle,
    broken: Arc<AtomicBool>,
}

impl Connection {
    fn is_good(&self) -> bool {
        !self.driver.is_finished() && !self.broken.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for H2Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let connections = lock(&self.shared.slots).len();
        f.debug_struct("H2Transport").field("connections", &connections).finish_non_exhaustive()
    }
}

impl H2Transport {
    /// A transport with these settings of trust and proxy. A connection may take 3.1 s.
    pub fn new(net: NetConfig) -> Self {
        Self::with_connect_timeout(net, CONNECT_TIMEOUT_DEFAULT)
    }

    /// As [`H2Transport::new`], with another bound on the time that a connection takes, with DNS, TLS and the HTTP/2
    /// preface.
    pub fn with_connect_timeout(net: NetConfig, connect_timeout: Duration) -> Self {
        Self { shared: Arc::new(Shared { net, connect_timeout, slots: Mutex::default() }) }
    }

    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let slot = self.shared.slot(request.uri());
        let connection = self.shared.connection(&slot, request.uri()).await?;
        let mut used = Used { slot: &slot, broken: &connection.broken, well: false };
        let response = exchange_over(connection.requests, request).await;
        used.well = matches!(response, Ok(_) | Err(TransportError::TooLarge { .. }));
        response
    }
}

impl Transport for H2Transport {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

/// Takes a connection out of use unless the exchange over it went well. A future that is dropped half-way, by a
/// timeout, counts as one that did not.
struct Used<'a> {
    slot: &'a Slot,
    broken: &'a AtomicBool,
    well: bool,
}

impl Drop for Used<'_> {
    fn drop(&mut self) {
        if self.well {
            *lock(&self.slot.last_used) = Some(Instant::now());
        } else {
            // Other calls over it go on to their end; the connection closes with the last one.
            self.broken.store(true, Ordering::Relaxed);
        }
    }
}

impl Shared {
    fn slot(&self, uri: &http::Uri) -> Arc<Slot> {
        let authority = uri.authority().map_or("", http::uri::Authority::as_str);
        let key = format!("{}://{authority}", uri.scheme_str().unwrap_or_default());
        let mut slots = lock(&self.slots);
        if !slots.contains_key(&key) && slots.len() >= CONNECTIONS_MAX {
            let oldest =
                slots.iter().min_by_key(|(_, slot)| *lock(&slot.last_used)).map(|(key, _)| key.clone());
            oldest.map(|oldest| slots.remove(&oldest));
        }
        Arc::clone(slots.entry(key).or_default())
    }

    /// The slot's connection if it is alive and was used lately, or a new one.
    async fn connection(&self, slot: &Slot, uri: &http::Uri) -> Result<Connection, TransportError> {
        let mut connection = slot.connection.lock().await;
        let idle = lock(&slot.last_used).is_some_and(|last| last.elapsed() > CONNECTION_IDLE_MAX);
        if let Some(known) = connection.as_ref().filter(|known| !idle && known.is_good()) {
            return Ok(known.clone());
        }
        *connection = None;
        let connecting = timeout(self.connect_timeout, self.connect(uri));
        let made = connecting
            .await
            .map_err(|_| TransportError::Connect("the connection took too long".into()))??;
        *lock(&slot.last_used) = Some(Instant::now());
        Ok(connection.insert(made).clone())
    }

    async fn connect(&self, uri: &http::Uri) -> Result<Connection, TransportError> {
        let scheme = if uri.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
        let authority = uri.authority().map_or("", http::uri::Authority::as_str);
        let (host, port) = Endpoint::host_and_port(authority, scheme);
        let target = Target { tls: scheme == Scheme::Https, host: host.to_owned(), port };
        let stream =
            net::connect(&target, &self.net).await.map_err(|error| TransportError::Connect(error.into()))?;
        let (requests, driver) = h2::client::Builder::new()
            .initial_max_send_streams(STREAMS_BEFORE_SETTINGS)
            .enable_push(false)
            .handshake(stream)
            .await
            .map_err(|error| TransportError::Connect(error.into()))?;
        let driver = tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "a connection for calls ended");
            }
        });
        Ok(Connection { requests, driver: driver.abort_handle(), broken: Arc::default() })
    }
}

async fn exchange_over(
    requests: SendRequest<Bytes>,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, TransportError> {
    let mut requests = requests.ready().await.map_err(lost)?;
    let (head, body) = request.into_parts();
    let request = http::Request::from_parts(head, ());
    let (response, upload) = requests.send_request(request, body.is_empty()).map_err(lost)?;
    let download = async {
        let (head, body) = response.await.map_err(lost)?.into_parts();
        Ok(http::Response::from_parts(head, read_body(body).await?))
    };
    // The service may answer before it has read everything, and then stop reading. What became of the upload is told
    // by the answer alone.
    let upload = async {
        let mut upload = upload;
        if let Err(error) = write_body(&mut upload, body).await {
            tracing::debug!(%error, "a body was not taken whole");
        }
        std::future::pending().await
    };
    tokio::select! {
        biased;
        response = download => response,
        never = upload => never,
    }
}

async fn write_body(stream: &mut SendStream<Bytes>, mut body: Bytes) -> Result<(), h2::Error> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        match std::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(capacity) => {
                let chunk = body.split_to(capacity?.min(body.len()));
                stream.send_data(chunk, body.is_empty())?;
            }
            None => break,
        }
    }
    Ok(())
}

async fn read_body(mut stream: RecvStream) -> Result<Bytes, TransportError> {
    let mut body = BytesMut::new();
    while let Some(data) = stream.data().await {
        let data = data.map_err(lost)?;
        if body.len() + data.len() > ANSWER_BYTES_MAX {
            return Err(TransportError::TooLarge { limit: ANSWER_BYTES_MAX });
        }
        // Capacity is given back as it is used, so this fails only on a stream that has failed.
        stream.flow_control().release_capacity(data.len()).map_err(lost)?;
        body.extend_from_slice(&data);
    }
    Ok(body.freeze())
}

fn lost(error: h2::Error) -> TransportError {
    TransportError::Lost(error.into())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing that is done under these locks can be left half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
