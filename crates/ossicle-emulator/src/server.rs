//! The listening socket, its connections, and where requests go.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use http::{Method, Request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::config::{Config, Keys};
use crate::control::Control;
use crate::faults::{Faults, Link};
use crate::limits;
use crate::open;
use crate::session::Sessions;
use crate::stream::Answer;
use crate::transcript::Prepared;

/// What all connections and streams share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) keys: Vec<Arc<Keys>>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) control: Control,
    pub(crate) faults: Faults,
    pub(crate) prepared: Option<Arc<Prepared>>,
    pub(crate) connections: AtomicU64,
    /// Each running task holds a clone: when the last is gone, so are the tasks.
    pub(crate) running: mpsc::WeakSender<()>,
    /// True once the emulator ends: tasks that only wait give up.
    pub(crate) stopped: watch::Receiver<bool>,
    /// Told whenever a session's report has changed.
    pub(crate) changed: Notify,
    pub(crate) me: std::sync::Weak<Shared>,
}

impl Shared {
    /// Runs a task that [`crate::Emulator::shutdown`] waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let running = self.running.upgrade();
        tokio::spawn(async move {
            let _running = running;
            task.await;
        });
    }
}

/// Takes connections until told to stop.
pub(crate) async fn accept(
    shared: Arc<Shared>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        // Too many open files, or a connection that died in the queue: the next one may work.
        let Ok((tcp, _)) = accepted else {
            tokio::time::sleep(limits::ACCEPT_RETRY).await;
            continue;
        };
        let link = Link::new(shared.connections.fetch_add(1, Ordering::Relaxed) + 1);
        shared.faults.add_link(&link);
        let connection = serve(Arc::clone(&shared), link, tcp, tls.clone(), stop.clone());
        shared.spawn(connection);
    }
}

async fn serve(
    shared: Arc<Shared>,
    link: Arc<Link>,
    tcp: TcpStream,
    tls: Option<TlsAcceptor>,
    stop: watch::Receiver<bool>,
) {
    // Without it small events wait for acknowledgements; a socket that refuses it still works.
    let _ = tcp.set_nodelay(true);
    let socket = Socket { tcp, link: Arc::clone(&link), thaw: None };
    match tls {
        None => serve_http(&shared, &link, socket, stop).await,
        Some(tls) => {
            // A handshake that fails or stalls is the client's own to report.
            if let Ok(Ok(secured)) = timeout(limits::HANDSHAKE, tls.accept(socket)).await {
                serve_http(&shared, &link, secured, stop).await;
            }
        }
    }
    shared.faults.remove_link(link.number);
}

async fn serve_http<I>(shared: &Arc<Shared>, link: &Arc<Link>, io: I, mut stop: watch::Receiver<bool>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let configured = &shared.config.limits;
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits::HEAD_READ).auto_date_header(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .initial_stream_window_size(configured.stream_window_bytes)
        .initial_connection_window_size(configured.connection_window_bytes)
        .max_concurrent_streams(configured.concurrent_streams_max);
    let service = service_fn(|request| {
        let (shared, link) = (Arc::clone(shared), Arc::clone(link));
        async move { route(&shared, &link, request).await }
    });
    let connection = builder.serve_connection(TokioIo::new(io), service);
    let mut connection = std::pin::pin!(connection);
    let mut told = false;
    loop {
        tokio::select! {
            // How a connection ends shows in its streams.
            _ = connection.as_mut() => return,
            () = link.changed() => {
                let state = link.state();
                if state.cut {
                    return;
                }
                if state.go_away && !std::mem::replace(&mut told, true) {
                    connection.as_mut().graceful_shutdown();
                }
            }
            _ = stop.wait_for(|stop| *stop), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn route(shared: &Arc<Shared>, link: &Arc<Link>, request: Request<Incoming>) -> Answer {
    let (parts, body) = request.into_parts();
    let streaming = matches!(parts.uri.path(), "/medical-scribe-stream" | "/medical-scribe-stream/");
    if streaming && parts.method == Method::POST && parts.uri.query().is_none_or(str::is_empty) {
        return open::open(shared, link, &parts, body).await;
    }
    shared.control.answer(shared, &parts, body).await
}

/// A TCP socket whose connection a fault can freeze or reset.
struct Socket {
    tcp: TcpStream,
    link: Arc<Link>,
    thaw: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    /// Pending while the connection is frozen.
    fn poll_thawed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(until) = self.link.state().frozen_until {
            if tokio::time::Instant::now() >= until {
                break;
            }
            let thaw = self.thaw.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
            if thaw.deadline() != until {
                thaw.as_mut().reset(until);
            }
            ready!(thaw.as_mut().poll(cx));
        }
        Poll::Ready(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.link.state().reset {
            // Makes the close a reset; if the system refuses, it is an ordinary close.
            let _ = self.tcp.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_thawed(cx));
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_thawed(cx));
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    // No `poll_write_vectored`: writev raises SIGPIPE when the client has gone, which would end a program in C that runs
    // the emulator in its own process. A write of one piece does not.

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// Binds the listening socket.
pub(crate) async fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(addr).await
}
