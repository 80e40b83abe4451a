//! Starting and stopping an emulator.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::cert::Identity;
use crate::clock::Clock;
use crate::config::{Config, Keys, Transport};
use crate::control::Control;
use crate::faults::Faults;
use crate::limits;
use crate::report::SessionReport;
use crate::server::{self, Shared};
use crate::session::Sessions;
use crate::transcript::Prepared;

/// Why an emulator did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {addr}: choose another address or port")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Cleartext on an address that others can reach.
    #[error("cleartext is only served on a loopback address, {0} is none: use TLS")]
    CleartextBeyondLoopback(SocketAddr),
    /// The certificate could not be made.
    #[error("the server certificate could not be made")]
    Certificate(#[from] rcgen::Error),
    /// TLS could not be set up.
    #[error("TLS could not be set up")]
    Tls(#[from] rustls::Error),
    /// The database of the state cannot be opened, for instance because another emulator has it open.
    #[error("the state's database cannot be opened: is another emulator using it?")]
    State(#[source] Box<redb::Error>),
    /// A folder could not be made or written.
    #[error("the folder {} cannot be used", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// A running emulator. Dropping it cuts all connections; [`Emulator::shutdown`] ends it in order.
pub struct Emulator {
    shared: Arc<Shared>,
    addr: SocketAddr,
    identity: Option<Identity>,
    stop: watch::Sender<bool>,
    running: Option<mpsc::Sender<()>>,
    ended: mpsc::Receiver<()>,
}

impl Emulator {
    /// Starts an emulator on the runtime that this is called on.
    ///
    /// # Errors
    /// [`StartError`], when it cannot listen, make its certificate or use its folders.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let cleartext = config.tls == Transport::Cleartext;
        if cleartext && !config.listen.ip().is_loopback() {
            return Err(StartError::CleartextBeyondLoopback(config.listen));
        }
        for path in [&config.record_dir, &config.bucket_dir].into_iter().flatten() {
            std::fs::create_dir_all(path)
                .map_err(|source| StartError::Folder { path: path.clone(), source })?;
        }
        let identity = match (cleartext, &config.identity) {
            (true, _) => None,
            (false, Some(identity)) => Some(identity.clone()),
            (false, None) => Some(Identity::generate(Some(config.listen.ip()))?),
        };
        let tls = match &identity {
            Some(identity) => Some(TlsAcceptor::from(Arc::new(identity.server_config()?))),
            None => None,
        };
        let listen = |source| StartError::Listen { addr: config.listen, source };
        let listener = server::bind(config.listen).await.map_err(listen)?;
        let addr = listener.local_addr().map_err(listen)?;

        let (running, ended) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(false);
        let mut keys: Vec<Arc<Keys>> = config.keys.iter().cloned().map(Arc::new).collect();
        if keys.is_empty() {
            keys.push(Arc::new(Keys::dummy()));
        }
        let sessions = Arc::new(Sessions::new(config.record_dir.clone(), config.limits.resume_window));
        let control = Control::open(&config, &sessions)?;
        let shared = Arc::new_cyclic(|me| Shared {
            me: me.clone(),
            stopped: stopped.clone(),
            keys,
            control,
            changed: Notify::new(),
            sessions,
            faults: Faults::new(),
            prepared: config.script.clone().map(|script| Arc::new(Prepared::new(script))),
            connections: AtomicU64::new(0),
            running: running.downgrade(),
            config,
        });
        shared.spawn(server::accept(Arc::clone(&shared), listener, tls, stopped));
        Ok(Self { shared, addr, identity, stop, running: Some(running), ended })
    }

    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The endpoint's URL, with the address as its host: `https://127.0.0.1:PORT`. The certificate names `localhost` too.
    pub fn url(&self) -> String {
        let scheme = if self.identity.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    /// The certificate of the authority to trust, in PEM; `None` in cleartext.
    pub fn ca_pem(&self) -> Option<&str> {
        self.identity.as_ref().map(Identity::ca_pem)
    }

    /// The certificate and its key, to start another emulator that clients trust already; `None` in cleartext.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Reports of all sessions, by creation. A running one is up to date to its last message.
    pub fn sessions(&self) -> Vec<SessionReport> {
        self.shared.sessions.reports()
    }

    /// The report of one session.
    pub fn session(&self, session_id: &str) -> Option<SessionReport> {
        self.shared.sessions.get(session_id).map(|session| session.report())
    }

    /// Waits until a session's report is as wanted, and gives it. Waits for ever if it never is.
    pub async fn until(&self, session_id: &str, wanted: impl Fn(&SessionReport) -> bool) -> SessionReport {
        loop {
            let changed = self.shared.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // Registered before the look, so that no change between the two is missed.
            changed.as_mut().enable();
            if let Some(report) = self.session(session_id).filter(|report| wanted(report)) {
                return report;
            }
            changed.await;
        }
    }

    /// Plans faults.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The clock, whose offset can be moved while it runs.
    pub fn clock(&self) -> &Clock {
        &self.shared.config.clock
    }

    /// Stops listening, tells every stream and connection to end, writes down what was received and waits for all
    /// of it, at most a few seconds.
    pub async fn shutdown(mut self) {
        // Nobody listens any more only if every task has ended already.
        let _ = self.stop.send(true);
        self.shared.sessions.shut_down();
        self.running = None;
        if timeout(limits::SHUTDOWN, self.ended.recv()).await.is_err() {
            self.shared.faults.cut_connections();
            let _ = timeout(limits::SHUTDOWN, self.ended.recv()).await;
        }
    }

    /// Cuts every connection at once, as if the process had been killed, and waits until the port is free.
    pub async fn kill(mut self) {
        let _ = self.stop.send(true);
        self.shared.faults.drop_connections();
        self.running = None;
        let _ = timeout(limits::SHUTDOWN, self.ended.recv()).await;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        self.shared.faults.cut_connections();
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Emulator({})", self.addr)
    }
}
