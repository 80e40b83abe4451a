//! Calls over real sockets, TLS and HTTP/2, against a server made of h2's own server half.

#![cfg(feature = "h2-transport")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use ossicle_control::rest::*;
use ossicle_control::{Client, Credentials, Error, H2Transport, Settings, TransportError, limits};
use ossicle_tokio::net::{Alpn, NetConfig, TlsConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

const DOMAIN: &str = r#"{"domainId":"d","arn":"a","name":"n","status":"ACTIVE","createdAt":1}"#;

/// What the server does with a request, by its number from 0 and the number of its connection from 0.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Answer,
    /// Answers before it has read the request's body, and never reads it.
    AnswerEarly,
    /// Closes the connection.
    Close,
    /// Sends a larger body than a client takes.
    Flood,
    /// Never answers.
    Ignore,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU32,
    requests: AtomicU32,
}

type Rule = fn(request: u32) -> Act;

async fn serve(io: impl AsyncRead + AsyncWrite + Unpin, counts: &Counts, rule: Rule) {
    counts.connections.fetch_add(1, Ordering::SeqCst);
    let mut connection = h2::server::Builder::new().max_concurrent_streams(2).handshake(io).await.unwrap();
    while let Some(accepted) = connection.accept().await {
        let Ok((request, respond)) = accepted else { return };
        let act = rule(counts.requests.fetch_add(1, Ordering::SeqCst));
        if act == Act::Close {
            return;
        }
        tokio::spawn(answer(request, respond, act));
    }
}

async fn answer(request: http::Request<h2::RecvStream>, mut respond: SendResponse<Bytes>, act: Act) {
    let (head, mut body) = request.into_parts();
    assert_eq!(head.version, http::Version::HTTP_2);
    assert!(head.headers.contains_key("authorization"));
    let mut length = 0;
    while act == Act::Answer
        && let Some(Ok(data)) = body.data().await
    {
        length += data.len();
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    if act == Act::Answer && length > 0 {
        assert_eq!(head.headers["content-length"], length.to_string());
    }
    if act == Act::Ignore {
        // Holding on to the stream keeps it open.
        return std::future::pending().await;
    }
    let Ok(mut stream) = respond.send_response(http::Response::new(()), false) else { return };
    let json = match head.method.as_str() {
        "GET" => DOMAIN,
        _ => r#"{"jobArn":"a","jobId":"j"}"#,
    };
    if act == Act::Flood {
        loop {
            stream.reserve_capacity(1 << 16);
            match std::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
                Some(Ok(capacity)) if stream.send_data(Bytes::from(vec![b' '; capacity]), false).is_ok() => {}
                _ => break,
            }
        }
        return;
    }
    stream.send_data(Bytes::from_static(json.as_bytes()), true).unwrap();
}

/// Listens in clear text; gives the endpoint.
async fn listen(rule: Rule) -> (String, Arc<Counts>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let counts = Arc::new(Counts::default());
    let shared = Arc::clone(&counts);
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let counts = Arc::clone(&shared);
            tokio::spawn(async move { serve(io, &counts, rule).await });
        }
    });
    (endpoint, counts)
}

fn net(extra_pem: Option<&str>) -> NetConfig {
    let own = rcgen::generate_simple_self_signed(["unused".to_owned()]).unwrap();
    let pem = extra_pem.map_or_else(|| own.cert.pem(), str::to_owned);
    NetConfig::new(TlsConfig::new(Alpn::Http2, Some(pem.as_bytes())).unwrap())
}

fn client(endpoint: &str, net: NetConfig) -> Client {
    let mut settings = Settings::new("us-east-1");
    settings.endpoint = Some(endpoint.to_owned());
    settings.attempt_timeout = Some(Duration::from_secs(10));
    Client::new(settings, Credentials::new("AKID", "secret", None, None), H2Transport::new(net)).unwrap()
}

fn get_domain() -> GetDomainInput {
    GetDomainInput::new("hai-abcdefghijklmnopq")
}

fn job(text: String) -> StartMedicalCodingJobInput {
    let output = MedicalCodingOutputDataConfig::new("s3://bkt/out");
    StartMedicalCodingJobInput::new("hai-abcdefghijklmnopq", text, output)
}

#[tokio::test]
async fn calls_share_a_connection_and_its_streams() {
    let (endpoint, counts) = listen(|_| Act::Answer).await;
    let client = client(&endpoint, net(None));
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.get_domain(get_domain()).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().domain_id, "d");
    }
    assert_eq!(counts.requests.load(Ordering::SeqCst), 40, "none was tried twice");
    assert_eq!(counts.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_larger_than_any_window_arrives() {
    let (endpoint, _) = listen(|_| Act::Answer).await;
    client(&endpoint, net(None)).start_medical_coding_job(job("x".repeat(3 << 20))).await.unwrap();
}

#[tokio::test]
async fn an_answer_may_come_before_the_body_is_read() {
    let (endpoint, counts) = listen(|_| Act::AnswerEarly).await;
    client(&endpoint, net(None)).start_medical_coding_job(job("x".repeat(3 << 20))).await.unwrap();
    assert_eq!(counts.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_lost_connection_is_replaced() {
    let (endpoint, counts) = listen(|request| if request == 1 { Act::Close } else { Act::Answer }).await;
    let client = client(&endpoint, net(None));
    client.get_domain(get_domain()).await.unwrap();
    client.get_domain(get_domain()).await.unwrap();
    assert_eq!(counts.connections.load(Ordering::SeqCst), 2);
    assert_eq!(counts.requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_connection_that_a_call_gave_up_on_is_not_used_again() {
    let (endpoint, counts) = listen(|request| if request == 0 { Act::Ignore } else { Act::Answer }).await;
    let mut settings = Settings::new("us-east-1");
    settings.endpoint = Some(endpoint);
    settings.attempt_timeout = Some(Duration::from_millis(200));
    let keys = Credentials::new("AKID", "secret", None, None);
    let client = Client::new(settings, keys, H2Transport::new(net(None))).unwrap();
    client.get_domain(get_domain()).await.unwrap();
    assert_eq!(counts.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_endless_answer_is_refused() {
    let (endpoint, _) = listen(|_| Act::Flood).await;
    let error = client(&endpoint, net(None)).get_domain(get_domain()).await.unwrap_err();
    let too_large = TransportError::TooLarge { limit: limits::ANSWER_BYTES_MAX };
    assert_eq!(error.to_string(), too_large.to_string());
}

#[tokio::test]
async fn tls_is_spoken_with_whom_is_trusted() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust the certificate ends the handshake.
                let Ok(io) = acceptor.accept(io).await else { return };
                serve(io, &Counts::default(), |_| Act::Answer).await;
            });
        }
    });
    client(&endpoint, net(Some(&pem))).get_domain(get_domain()).await.unwrap();

    let mut settings = Settings { attempts_max: 1, ..Settings::new("us-east-1") };
    settings.endpoint = Some(endpoint);
    let keys = Credentials::new("AKID", "secret", None, None);
    let stranger = Client::new(settings, keys, H2Transport::new(net(None))).unwrap();
    let error = stranger.get_domain(get_domain()).await.unwrap_err();
    assert!(matches!(error, Error::Transport(TransportError::Connect(_))), "{error:?}");
}

#[tokio::test]
async fn what_is_no_server_is_an_error() {
    // Nobody listens.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let once = |endpoint: &str| {
        let mut settings = Settings { attempts_max: 1, ..Settings::new("us-east-1") };
        settings.endpoint = Some(endpoint.to_owned());
        let keys = Credentials::new("AKID", "secret", None, None);
        let transport = H2Transport::with_connect_timeout(net(None), Duration::from_millis(300));
        Client::new(settings, keys, transport).unwrap()
    };
    let error = once(&endpoint).get_domain(get_domain()).await.unwrap_err();
    assert!(matches!(error, Error::Transport(TransportError::Connect(_))), "{error:?}");

    // Somebody speaks HTTP/1.1 only.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut io, _)) = listener.accept().await {
            _ = io.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    let error = once(&endpoint).get_domain(get_domain()).await.unwrap_err();
    assert!(matches!(error, Error::Transport(TransportError::Lost(_))), "{error:?}");

    // Clear text goes to loopback addresses only.
    let error = once("http://192.0.2.1:80").get_domain(get_domain()).await.unwrap_err();
    assert!(matches!(error, Error::Transport(TransportError::Connect(_))), "{error:?}");
}
