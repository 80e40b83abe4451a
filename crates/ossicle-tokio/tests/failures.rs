//! What goes wrong before and beside a stream: each failure by its own name, over real sockets.

mod common;

use common::*;
use ossicle_core::io::{LossCause, Step};
use ossicle_core::{Cause, Ended, Endpoint, Event, Report, Status};
use ossicle_emulator::{Config, Fault, Limits, SessionStatus, Transport};
use ossicle_tokio::net::{Alpn, NetConfig, Protocol, ProxyConfig, Target, TlsConfig, connect};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;

fn loopback(tls: bool, port: u16) -> Endpoint {
    Endpoint { tls, host: "localhost".into(), port }
}

async fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    listener.local_addr().expect("its address").port()
}

/// How a session ends that has no patience.
async fn fate(endpoint: Endpoint, ca_pem: Option<&str>) -> Report {
    let engine = engine(options_for(endpoint, ca_pem));
    let mut config = session_config();
    config.open_patience_ms = 3_000;
    let (session, _tap) = engine.open(config, &input()).expect("a session");
    closed(&session).await
}

fn connection(step: Step, cause: LossCause) -> Option<Cause> {
    Some(Cause::Connection { step, cause })
}

fn cause(report: &Report) -> Option<Cause> {
    report.failure.clone().map(|failure| failure.cause)
}

#[tokio::test]
async fn a_name_that_does_not_exist_ends_a_first_open_at_once() {
    let begin = Instant::now();
    let report = fate(Endpoint { tls: true, host: "health.invalid".into(), port: 443 }, None).await;
    assert_eq!(cause(&report), connection(Step::Dns, LossCause::NoSuchName));
    assert!(begin.elapsed() < Duration::from_secs(2), "without a retry");
}

#[tokio::test]
async fn a_closed_port_is_tried_again_until_patience_ends() {
    let begin = Instant::now();
    let report = fate(loopback(true, closed_port().await), None).await;
    assert_eq!(cause(&report), connection(Step::Tcp, LossCause::Refused));
    assert_eq!(report.failure.map(|failure| failure.status), Some(Status::Unreachable));
    assert!(begin.elapsed() >= Duration::from_secs(3));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_ends_a_first_open_at_once() {
    let emulator = emulator_on(Transport::Tls).await;
    let report = fate(loopback(true, emulator.addr().port()), None).await;
    assert_eq!(cause(&report), connection(Step::Tls, LossCause::CertificateRejected));
    assert_eq!(report.failure.map(|failure| failure.status), Some(Status::Untrusted));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_trusted() {
    let (port, ca) = tls_server("elsewhere.example", &[b"h2"]).await;
    let report = fate(loopback(true, port), Some(&ca)).await;
    assert_eq!(cause(&report), connection(Step::Tls, LossCause::CertificateRejected));
}

/// A TLS server that shakes hands and then says nothing.
async fn tls_server(name: &str, alpn: &[&[u8]]) -> (u16, String) {
    tls_front(name, alpn, None).await
}

/// A TLS server that passes what it is told to a port of this machine, if there is one.
async fn tls_front(name: &str, alpn: &[&[u8]], behind: Option<u16>) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let mut config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate with its key");
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut tls) = acceptor.accept(tcp).await else { return };
                match behind {
                    None => {
                        let mut sink = Vec::new();
                        let _ = tls.read_to_end(&mut sink).await;
                    }
                    Some(port) => {
                        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
                        let mut server = server.expect("the emulator");
                        let _ = tokio::io::copy_bidirectional(&mut tls, &mut server).await;
                    }
                }
            });
        }
    });
    (port, made.cert.pem())
}

#[tokio::test]
async fn a_server_without_http2_ends_a_first_open_at_once() {
    for alpn in [&[b"http/1.1".as_slice()][..], &[]] {
        let (port, ca) = tls_server("localhost", alpn).await;
        let report = fate(loopback(true, port), Some(&ca)).await;
        assert_eq!(cause(&report), connection(Step::Alpn, LossCause::NoHttp2), "{alpn:?}");
        assert_eq!(report.failure.map(|failure| failure.status), Some(Status::NoHttp2));
    }
}

#[tokio::test]
async fn protocols_are_agreed_on_as_offered() {
    let (port, ca) = tls_server("localhost", &[b"http/1.1"]).await;
    let any = NetConfig::new(TlsConfig::new(Alpn::Any, Some(ca.as_bytes())).expect("trust"));
    let target = Target { tls: true, host: "localhost".into(), port };
    let stream = connect(&target, &any).await.expect("a connection");
    assert_eq!((stream.protocol(), stream.is_tls()), (Protocol::Http1, true));
    let emulator = emulator_on(Transport::Tls).await;
    let any = TlsConfig::new(Alpn::Any, emulator.ca_pem().map(str::as_bytes)).expect("trust");
    let target = Target { port: emulator.addr().port(), ..target };
    let stream = connect(&target, &NetConfig::new(any)).await.expect("a connection");
    assert_eq!(stream.protocol(), Protocol::Http2);
}

#[tokio::test]
async fn a_port_that_speaks_no_tls_is_told_apart() {
    let emulator = emulator_on(Transport::Cleartext).await;
    let report = fate(loopback(true, emulator.addr().port()), None).await;
    let Some(Cause::Connection { step: Step::Tls, cause }) = cause(&report) else {
        panic!("{:?}", report.failure);
    };
    assert!(matches!(cause, LossCause::Protocol(None) | LossCause::Closed), "{cause:?}");
}

#[tokio::test]
async fn a_server_that_only_listens_runs_into_the_deadline_of_its_step() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let emulator = emulator_on(Transport::Tls).await;
    for (tls, step) in [(true, Step::Tls), (false, Step::H2)] {
        let mut options = options_for(loopback(tls, port), emulator.ca_pem());
        options.net.deadlines.tls = Duration::from_millis(300);
        options.net.deadlines.h2 = Duration::from_millis(300);
        let engine = engine(options);
        let (session, _tap) = open(&engine);
        let failure = event(&session, |event| match event {
            Event::Recovering { failure, .. } => Some(failure.clone()),
            _ => None,
        })
        .await;
        assert_eq!(Some(failure.cause), connection(step, LossCause::TimedOut));
    }
}

#[tokio::test]
async fn a_server_that_is_no_http2_server_breaks_the_protocol() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    let report = fate(loopback(false, port), None).await;
    let Some(Cause::Connection { step: Step::H2 | Step::Socket, .. }) = cause(&report) else {
        panic!("{:?}", report.failure);
    };
}

#[tokio::test]
async fn cleartext_stays_on_this_machine() {
    let target = Target { tls: false, host: "192.0.2.1".into(), port: 80 };
    let error = connect(&target, &net(None)).await.expect_err("not allowed");
    assert_eq!(error.cause, LossCause::Refused);
}

// ---- refusals ----

#[tokio::test]
async fn refusals_of_the_service_end_a_session_after_one_attempt() {
    for (status, code, expected) in [
        (401, "AccessDeniedException", Status::Denied),
        (402, "ServiceQuotaExceededException", Status::Quota),
        (404, "ResourceNotFoundException", Status::NotFound),
        (400, "ValidationException", Status::Rejected),
    ] {
        let emulator = emulator_on(Transport::Tls).await;
        let fault = Fault::Refuse { status, code: code.into(), message: "no".into(), retry_after_ms: None };
        emulator.faults().always(fault);
        let engine = engine(options(&emulator));
        let (session, _tap) = open(&engine);
        let report = closed(&session).await;
        let failure = report.failure.expect("a failure");
        assert_eq!(failure.status, expected, "{status}: {failure}");
        assert_eq!(failure.cause, Cause::Http { status, code: Some(code.into()) });
        assert_eq!(emulator.faults().connections(), 1, "one connection");
    }
}

#[tokio::test]
async fn wrong_keys_are_denied() {
    let emulator = emulator_on(Transport::Tls).await;
    let mut options = options(&emulator);
    let wrong = ossicle_sigv4::Credentials::new(ossicle_emulator::DUMMY_ACCESS_KEY_ID, "wrong", None, None);
    options.keys = Arc::new(ossicle_tokio::StaticKeys::new(wrong));
    let engine = engine(options);
    let (session, _tap) = open(&engine);
    let report = closed(&session).await;
    assert_eq!(report.failure.map(|failure| failure.status), Some(Status::Denied));
}

// ---- pool ----

#[tokio::test]
async fn sessions_share_connections_within_the_peers_limit() {
    let limits = Limits { concurrent_streams_max: 3, ..Limits::default() };
    let emulator = emulator(Config { limits, ..Config::default() }).await;
    let engine = engine(options(&emulator));
    let sessions: Vec<_> = (0..10).map(|_| open(&engine)).collect();
    for (session, _tap) in &sessions {
        opened(session).await;
    }
    let stats = engine.stats().await;
    assert_eq!((stats.streams, stats.streaming), (10, 10));
    // The first handshakes are made before the limit is known: at most one more than ceil(10 / 3).
    assert!((4..=5).contains(&stats.connections), "{stats:?}");
    assert_eq!(emulator.faults().connections(), stats.connections);
    for (session, _tap) in &sessions {
        session.finish().expect("taken");
    }
    for (session, _tap) in &sessions {
        assert_eq!(closed(session).await.ended, Ended::Finished);
    }
}

#[tokio::test]
async fn streams_per_connection_is_kept() {
    let emulator = emulator_on(Transport::Cleartext).await;
    let mut options = options(&emulator);
    options.core.streams_per_connection = 1;
    let engine = engine(options);
    let sessions: Vec<_> = (0..5).map(|_| open(&engine)).collect();
    for (session, _tap) in &sessions {
        opened(session).await;
    }
    assert_eq!(engine.stats().await.connections, 5);
}

#[tokio::test]
async fn an_endpoint_that_refuses_a_second_stream_gets_one_connection_each() {
    let emulator = emulator_on(Transport::Tls).await;
    let engine = engine(options(&emulator));
    let (first, _tap) = open(&engine);
    opened(&first).await;
    emulator.faults().next(Fault::RefuseStream { reason: 7 });
    let (second, _tap) = open(&engine);
    opened(&second).await;
    assert_eq!(engine.stats().await.connections, 2);
    let (third, _tap) = open(&engine);
    opened(&third).await;
    assert_eq!(engine.stats().await.connections, 3, "the pool has learned it");
}

// ---- life and death ----

#[tokio::test]
async fn a_dropped_session_leaves_the_service_with_a_paused_one() {
    let emulator = emulator_on(Transport::Tls).await;
    let engine = engine(options(&emulator));
    let config = session_config();
    let id = config.session_id.as_str().to_owned();
    let (session, mut tap) = engine.open(config, &input()).expect("a session");
    push(&mut tap, &noise(RATE_HZ as usize / 2, 3), 1.0).await;
    opened(&session).await;
    drop(session);
    let seen = emulator.until(&id, |seen| seen.status != SessionStatus::InProgress).await;
    assert_eq!(seen.status, SessionStatus::Paused, "no END_OF_SESSION: {seen:?}");
    assert_eq!(engine.stats().await.sessions(), 0);
}

#[tokio::test]
async fn a_finished_session_may_be_dropped() {
    let emulator = emulator_on(Transport::Tls).await;
    let engine = engine(options(&emulator));
    let config = session_config();
    let id = config.session_id.as_str().to_owned();
    let (session, mut tap) = engine.open(config, &input()).expect("a session");
    push(&mut tap, &noise(RATE_HZ as usize / 2, 4), 1.0).await;
    opened(&session).await;
    session.finish().expect("taken");
    drop(session);
    let seen = emulator.until(&id, |seen| seen.status != SessionStatus::InProgress).await;
    assert_eq!(seen.status, SessionStatus::Completed);
}

#[tokio::test]
async fn a_shutdown_pauses_every_session() {
    let emulator = emulator_on(Transport::Tls).await;
    let engine = engine(options(&emulator));
    let sessions: Vec<_> = (0..3)
        .map(|_| {
            let config = session_config();
            let id = config.session_id.as_str().to_owned();
            (id, engine.open(config, &input()).expect("a session"))
        })
        .collect();
    for (_, (session, _tap)) in &sessions {
        opened(session).await;
    }
    assert!(engine.shutdown(PATIENCE).await, "all are paused in time");
    for (id, (session, _tap)) in &sessions {
        let paused = event(session, |event| match event {
            Event::Paused(report) => Some(report.ended),
            _ => None,
        })
        .await;
        assert_eq!(paused, Ended::Paused);
        let seen = emulator.until(id, |seen| seen.status != SessionStatus::InProgress).await;
        assert_eq!(seen.status, SessionStatus::Paused);
    }
}

// ---- proxy ----

/// A tiny proxy that wants `user:secret word` and knows one name.
async fn connect_proxy(target: u16) -> (u16, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let (asked, questions) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let asked = asked.clone();
            tokio::spawn(async move { serve_connect(client, target, asked).await });
        }
    });
    (port, questions)
}

async fn serve_connect(
    mut client: TcpStream,
    target: u16,
    asked: tokio::sync::mpsc::UnboundedSender<String>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let line = head.lines().next()?.to_owned();
    asked.send(line.clone()).ok()?;
    // "user:secret word" in base64, by hand.
    let answer = if !head.contains("proxy-authorization: Basic dXNlcjpzZWNyZXQgd29yZA==\r\n") {
        "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    } else if line.starts_with("CONNECT streaming.example.test:443 ") {
        "HTTP/1.1 200 Connection established\r\nx-from: here\r\n\r\n"
    } else {
        "HTTP/1.1 403 Forbidden\r\n\r\n"
    };
    client.write_all(answer.as_bytes()).await.ok()?;
    if answer.contains(" 200 ") {
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await.ok()?;
        tokio::io::copy_bidirectional(&mut client, &mut server).await.ok()?;
    }
    Some(())
}

#[tokio::test]
async fn a_proxy_carries_tls_and_its_refusals_have_names() {
    let (port, ca) = tls_server("streaming.example.test", &[b"h2"]).await;
    let (proxy, mut questions) = connect_proxy(port).await;
    let mut net = net(Some(&ca));
    let target = |host: &str| Target { tls: true, host: host.into(), port: 443 };
    let through = |net: &mut NetConfig, user: &str| {
        let proxy = ProxyConfig::new(&format!("http://{user}127.0.0.1:{proxy}"), "").expect("a proxy");
        net.proxy = Some(proxy);
    };
    through(&mut net, "user:secret%20word@");
    let stream = connect(&target("streaming.example.test"), &net).await.expect("through the proxy");
    assert_eq!((stream.protocol(), stream.is_tls()), (Protocol::Http2, true));
    assert_eq!(questions.recv().await.as_deref(), Some("CONNECT streaming.example.test:443 HTTP/1.1"));
    let denied = connect(&target("other.example.test"), &net).await.expect_err("403");
    assert_eq!((denied.step, denied.cause), (Step::Proxy, LossCause::Refused));
    for user in ["", "user:wrong@"] {
        through(&mut net, user);
        let denied = connect(&target("streaming.example.test"), &net).await.expect_err("407");
        assert_eq!((denied.step, denied.cause), (Step::Proxy, LossCause::ProxyDenied));
        assert!(denied.to_string().contains("proxy"), "{denied}");
    }
    // The proxy itself cannot be reached: that is TCP, towards it.
    net.proxy =
        Some(ProxyConfig::new(&format!("http://127.0.0.1:{}", closed_port().await), "").expect("a proxy"));
    let refused = connect(&target("streaming.example.test"), &net).await.expect_err("no proxy there");
    assert_eq!((refused.step, refused.cause), (Step::Tcp, LossCause::Refused));
}

#[tokio::test]
async fn a_session_runs_through_a_proxy() {
    // localhost never uses a proxy, so the emulator is given another name by a TLS end in front of it.
    let emulator = emulator_on(Transport::Cleartext).await;
    let (port, ca) = tls_front("streaming.example.test", &[b"h2"], Some(emulator.addr().port())).await;
    let (proxy, mut questions) = connect_proxy(port).await;
    let endpoint = Endpoint { tls: true, host: "streaming.example.test".into(), port: 443 };
    let mut options = options_for(endpoint, Some(&ca));
    let address = format!("http://user:secret%20word@127.0.0.1:{proxy}");
    options.net.proxy = Some(ProxyConfig::new(&address, "").expect("a proxy"));
    let engine = engine(options);
    let (session, mut tap) = open(&engine);
    push(&mut tap, &noise(RATE_HZ as usize / 2, 5), 1.0).await;
    opened(&session).await;
    session.finish().expect("taken");
    let report = closed(&session).await;
    assert_eq!(report.ended, Ended::Finished, "{:?}", report.failure);
    assert_eq!(report.ledger.delivered, u64::from(RATE_HZ / 2));
    assert!(
        questions.recv().await.is_some_and(|line| line.starts_with("CONNECT streaming.example.test:443"))
    );
}
