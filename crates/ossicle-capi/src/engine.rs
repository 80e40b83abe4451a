//! Engines.

use std::collections::HashMap;
use std::ffi::c_char;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant};

use ossicle_core::{Event, Status};
use ossicle_sigv4::Credentials;
use ossicle_tokio::net::{Alpn, NetConfig, ProxyConfig, TlsConfig};
use ossicle_tokio::{Delivery, Engine, EngineOptions, EventQueue, KeyProvider, StartError};

use crate::border::{Fault, border, border_value, border_with, ossicle_error};
use crate::call::Caller;
use crate::config::{engine_settings, ossicle_engine_config};
use crate::constants::*;
use crate::event::{ossicle_event, ossicle_report};
use crate::handle::{Kind, Table};
use crate::inbox::{Inbox, Note};
use crate::keys::PushedKeys;
use crate::read::EngineSettings;
use crate::results::Store;
use crate::session::Body as SessionBody;
use crate::sized::{self, check_pointer};
use crate::text;
use crate::told::{self, Whose};

/// The home of sessions. A handle.
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_engine {
    _name: u8,
}

pub(crate) static ENGINES: Table<(), Body> = Table::new(Kind::Engine);

/// A thread waits no longer than this in one poll, so that a clock that jumps does not matter.
const TIMEOUT_MS_MAX: u32 = 86_400_000;

/// What an engine's handle names.
pub(crate) struct Body {
    /// None once it is destroyed.
    driver: Mutex<Option<Engine>>,
    pub(crate) queue: EventQueue,
    pub(crate) inbox: Arc<Inbox>,
    keys: Option<Arc<PushedKeys>>,
    /// What the last poll gave out is borrowed from here.
    reader: Mutex<Store>,
    pub(crate) caller: Caller,
    /// By the numbers of their sessions. Held while a session is opened, so that none of its events comes before it.
    sessions: Mutex<HashMap<u64, Member>>,
    pub(crate) loopback: bool,
    log_level: u32,
    #[cfg(feature = "loopback")]
    emulator: Mutex<Option<crate::loopback::Emulator>>,
}

/// A session of the engine.
pub(crate) struct Member {
    pub(crate) whose: Whose,
    pub(crate) account: Account,
    body: Weak<SessionBody>,
}

/// What the events that poll has given out say of a session's account.
#[derive(Clone, Copy)]
pub(crate) struct Account {
    pub(crate) rate_hz: u32,
    pub(crate) channels: u32,
    pub(crate) connections: u32,
    /// The final one, after CLOSED.
    pub(crate) last: Option<ossicle_report>,
}

impl Member {
    pub(crate) fn new(whose: Whose, channels: u32, body: &Arc<SessionBody>) -> Self {
        let account = Account { rate_hz: whose.rate_hz, channels, connections: 0, last: None };
        Self { whose, account, body: Arc::downgrade(body) }
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Opened { .. } | Event::Recovered { .. } | Event::Resumed => self.account.connections += 1,
            Event::Paused(report) => self.account.connections = report.connections,
            Event::Closed(report) => self.account.last = Some(told::last_report(report, self.whose)),
            _ => {}
        }
    }
}

impl Body {
    fn start(settings: EngineSettings) -> Result<Self, Fault> {
        let inbox = Arc::new(Inbox::new(settings.wake, settings.wake_context));
        let mut core = settings.core;
        if core.seed == 0 {
            let mut seed = [0; 8];
            getrandom::fill(&mut seed)
                .map_err(|_| Fault::new(Status::Internal, "the system has no random numbers"))?;
            core.seed = u64::from_ne_bytes(seed);
        }
        #[cfg(feature = "loopback")]
        let emulator = match settings.loopback {
            true => Some(crate::loopback::Emulator::start(settings.loopback_script.as_deref())?),
            false => None,
        };
        #[cfg(feature = "loopback")]
        if let Some(emulator) = &emulator {
            core.endpoint = emulator.endpoint();
        }
        let tls = TlsConfig::new(Alpn::Http2, settings.ca_pem.as_deref().map(str::as_bytes))
            .map_err(|error| Fault::argument(format!("ca_pem: {error}")))?;
        let mut net = NetConfig::new(tls);
        net.proxy = proxy(settings.proxy.as_deref())?;
        let (keys, provider) = key_source(settings.aws_chain, &inbox, core.keys_margin_ms);
        #[cfg(feature = "loopback")]
        if let Some(keys) = keys.as_ref().filter(|_| settings.loopback) {
            keys.set(crate::loopback::keys());
        }
        let mut control = ossicle_control::Settings::new(core.region.clone());
        control.fips = settings.fips;
        let custom = settings.endpoint.as_ref().is_none_or(|endpoint| endpoint.custom);
        control.endpoint =
            custom.then(|| format!("{}://{}", core.endpoint.scheme(), core.endpoint.authority()));
        let caller = Caller::new(control, net.clone(), provider.clone(), inbox.clone());
        let mut options = EngineOptions::new(core, net);
        options.shards = settings.shards;
        options.keys = provider;
        let bell = inbox.clone();
        let queue = EventQueue::new(settings.events_max, Some(Arc::new(move || bell.ring())));
        let driver = Engine::start(options).map_err(start_fault)?;
        Ok(Self {
            driver: Mutex::new(Some(driver)),
            queue,
            inbox,
            keys,
            reader: Mutex::default(),
            caller,
            sessions: Mutex::default(),
            loopback: settings.loopback,
            log_level: settings.log_level,
            #[cfg(feature = "loopback")]
            emulator: Mutex::new(emulator),
        })
    }

    pub(crate) fn driver(&self) -> Result<Engine, Fault> {
        lock(&self.driver).clone().ok_or_else(Fault::closed)
    }

    pub(crate) fn sessions(&self) -> MutexGuard<'_, HashMap<u64, Member>> {
        lock(&self.sessions)
    }

    pub(crate) fn log(&self, level: u32, session: u64, text: impl FnOnce() -> String) {
        if level <= self.log_level {
            self.inbox.leave(Note::Log { level, session, text: text() });
        }
    }

    /// The next event, if one is there.
    fn next(&self, store: &mut Store) -> Option<ossicle_event> {
        store.clear();
        if let Some(mut note) = self.inbox.take() {
            // No event of a session follows its end.
            if let Note::Log { session, .. } = &mut note
                && !self.sessions().contains_key(session)
            {
                *session = 0;
            }
            return Some(told::note(store, &note));
        }
        let lost = self.inbox.take_lost();
        if lost > 0 {
            return Some(told::discarded(store, Whose::default(), lost));
        }
        loop {
            let delivery = self.queue.try_next()?;
            let Some(whose) = self.whose(&delivery) else {
                // Of a session that was destroyed: no event follows.
                continue;
            };
            match delivery {
                Delivery::Event(_, event) => {
                    let out = told::event(store, whose, &event);
                    if let Some((level, text)) = told::log_line(whose, &event) {
                        // CLOSED is a session's last event: the line about it is the engine's.
                        let is_last = matches!(event, Event::Closed(_));
                        self.log(level, if is_last { 0 } else { whose.id }, || text);
                    }
                    return Some(out);
                }
                Delivery::Discarded(_, count) => return Some(told::discarded(store, whose, count)),
                _ => {}
            }
        }
    }

    fn whose(&self, delivery: &Delivery) -> Option<Whose> {
        let mut sessions = self.sessions();
        let member = sessions.get_mut(&delivery.session().0)?;
        if let Delivery::Event(_, event) = delivery {
            member.note(event);
        }
        Some(member.whose)
    }

    fn poll(&self, timeout_ms: u32) -> Result<ossicle_event, Fault> {
        let mut store = match self.reader.try_lock() {
            Ok(store) => store,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(Fault::state("another thread polls this engine")),
        };
        let deadline = Instant::now() + Duration::from_millis(timeout_ms.min(TIMEOUT_MS_MAX).into());
        loop {
            if self.inbox.is_closed() {
                return Err(Fault::closed());
            }
            if let Some(event) = self.next(&mut store) {
                return Ok(event);
            }
            self.inbox.quiet();
            // What came between the look and the silence rang for nobody.
            if let Some(event) = self.next(&mut store) {
                return Ok(event);
            }
            if Instant::now() >= deadline {
                return Err(Fault::new(Status::Empty, "nothing came"));
            }
            self.inbox.sleep_until(deadline);
        }
    }

    /// Ends all sessions without END_OF_SESSION, and the threads.
    fn close(&self) {
        self.inbox.close();
        let members: Vec<Member> = self.sessions().drain().map(|(_, member)| member).collect();
        for member in members {
            if let Some(body) = member.body.upgrade() {
                body.abandon();
            }
        }
        self.caller.close();
        // The last of it: waits for its threads, two seconds at most.
        drop(lock(&self.driver).take());
        #[cfg(feature = "loopback")]
        drop(lock(&self.emulator).take());
    }
}

/// Where keys come from, and the part of it that the application pushes to, if it does.
fn key_source(
    aws_chain: bool,
    inbox: &Arc<Inbox>,
    margin_ms: u32,
) -> (Option<Arc<PushedKeys>>, Arc<dyn KeyProvider>) {
    #[cfg(feature = "aws-chain")]
    if aws_chain {
        return (None, Arc::new(crate::chain::AwsChain::default()));
    }
    // Without the feature, `read.rs` has refused the setting.
    debug_assert!(!aws_chain);
    let keys = Arc::new(PushedKeys::new(Arc::clone(inbox), margin_ms));
    (Some(Arc::clone(&keys)), keys)
}

fn proxy(address: Option<&str>) -> Result<Option<ProxyConfig>, Fault> {
    let found = match address {
        Some("") => Ok(None),
        Some(address) => ProxyConfig::new(address, "").map(Some),
        None => ProxyConfig::from_env(),
    };
    found.map_err(|error| Fault::argument(format!("proxy: {error}")))
}

fn start_fault(error: StartError) -> Fault {
    let status = if error == StartError::Thread { Status::Limit } else { Status::BadArgument };
    Fault::new(status, error.to_string())
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn get(engine: *const ossicle_engine) -> Result<Arc<Body>, Fault> {
    ENGINES.get(engine.addr(), "engine")
}

/// [ANY] Starts an engine: its threads run, and nothing is connected yet. `error` may be NULL.
/// Errors: OSSICLE_BAD_ARGUMENT for a setting, which the text names; OSSICLE_LIMIT when the system gives no thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ossicle_engine_create(
    config: *const ossicle_engine_config,
    engine_out: *mut *mut ossicle_engine,
    error: *mut ossicle_error,
) -> ossicle_status {
    let body = || {
        check_pointer(engine_out, "engine_out")?;
        // SAFETY: `config` is NULL or the caller's, as the header asks.
        let settings = unsafe { engine_settings(config) }?;
        let handle = ENGINES.insert(|(), _| Ok(Arc::new(Body::start(settings)?)))?;
        // SAFETY: not NULL, aligned, and the caller's to write.
        unsafe { engine_out.write(std::ptr::without_provenance_mut(handle)) };
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's to write.
    unsafe { border_with(error, body) }
}

/// [ANY] New keys serve the next stream and the next call. They are copied, and wiped when the last stream that began with
/// them has ended. `session_token` may be NULL. `expires_unix_ms`: milliseconds since 1970, or 0: they do not expire.
/// Errors: OSSICLE_BAD_ARGUMENT; OSSICLE_BAD_STATE when the engine's keys come from the AWS chain.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ossicle_engine_set_keys(
    engine: *mut ossicle_engine,
    access_key_id: *const c_char,
    secret_access_key: *const c_char,
    session_token: *const c_char,
    expires_unix_ms: i64,
) -> ossicle_status {
    border(|| {
        let body = get(engine)?;
        // SAFETY: the texts are NULL or end with a zero, as the header asks.
        let (id, secret, token) = unsafe {
            (
                text::required(access_key_id, "access_key_id")?,
                text::required(secret_access_key, "secret_access_key")?,
                text::optional(session_token, "session_token")?,
            )
        };
        if id.is_empty() || secret.is_empty() || expires_unix_ms < 0 {
            return Err(Fault::argument("keys are empty, or expires_unix_ms is negative"));
        }
        let token = token.filter(|token| !token.is_empty()).map(str::to_owned);
        let keys = Credentials::new(id, secret, token, Some(expires_unix_ms).filter(|at| *at != 0));
        let driver = body.driver()?;
        let pushed = body.keys.as_ref();
        pushed.ok_or_else(|| Fault::state("the engine's keys come from the AWS chain"))?.set(keys.clone());
        driver.set_keys(&keys);
        body.log(OSSICLE_LOG_INFO, 0, || "keys were set".to_owned());
        Ok(())
    })
}

/// [ANY] Tells that the network may have changed (another Wi-Fi, awake again): waits end, connections are probed.
/// Errors: OSSICLE_BAD_ARGUMENT.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_engine_network_changed(engine: *mut ossicle_engine) -> ossicle_status {
    border(|| {
        get(engine)?.driver()?.network_changed();
        Ok(())
    })
}

/// [ONE] The next event of the engine and its sessions, oldest first. Waits up to `timeout_ms` for it (0: not at all; at
/// most a day). Set `event_out->struct_size` before the first call. What the event points to is borrowed until the next
/// poll of this engine, or its destruction.
/// OSSICLE_EMPTY: nothing came. OSSICLE_CLOSED: the engine is being destroyed. OSSICLE_BAD_STATE: another thread polls.
/// OSSICLE_BAD_ARGUMENT. Only on OSSICLE_OK is something written.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ossicle_engine_poll(
    engine: *mut ossicle_engine,
    event_out: *mut ossicle_event,
    timeout_ms: u32,
) -> ossicle_status {
    border(|| {
        // SAFETY: `event_out` is NULL or as large as it says, as the header asks.
        unsafe { sized::check_out(event_out) }?;
        let event = get(engine)?.poll(timeout_ms)?;
        // SAFETY: it passed the check.
        unsafe { sized::write(event_out, &event) };
        Ok(())
    })
}

/// [ANY] A descriptor that is readable while events wait, for select, poll, epoll, kqueue or an event loop. It belongs to
/// the engine: do not read, write or close it. When it is readable, poll the engine until OSSICLE_EMPTY.
/// Errors: OSSICLE_BAD_ARGUMENT; OSSICLE_BAD_STATE where the system has no such descriptors (Windows); OSSICLE_LIMIT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ossicle_engine_wake_fd(
    engine: *mut ossicle_engine,
    fd_out: *mut i32,
) -> ossicle_status {
    border(|| {
        check_pointer(fd_out, "fd_out")?;
        let body = get(engine)?;
        #[cfg(unix)]
        {
            let fd = body
                .inbox
                .wake_fd()
                .map_err(|_| Fault::new(Status::Limit, "there are no more descriptors"))?;
            // SAFETY: not NULL, aligned, and the caller's to write.
            unsafe { fd_out.write(fd) };
            Ok(())
        }
        #[cfg(not(unix))]
        {
            drop(body);
            Err(Fault::state("this system has no descriptors: use wake"))
        }
    })
}

/// [ANY] Ends an engine: its sessions end at once, without END_OF_SESSION and without an event, a poll that waits
/// returns OSSICLE_CLOSED, `wake` is not called any more, and threads are joined within 2,000 ms. Destroy its sessions
/// first, or afterwards: their handles then answer OSSICLE_CLOSED. To end sessions well, finish or pause them and wait for
/// CLOSED or PAUSED before. Not from `wake`. NULL and dead handles are no-ops.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_engine_destroy(engine: *mut ossicle_engine) {
    border_value((), || {
        let handle = engine.addr();
        if let Some(body) = ENGINES.remove(handle) {
            body.close();
            // A poll that was inside has its result before what it borrows goes.
            drop(lock(&body.reader));
            ENGINES.release(handle);
        }
    });
}
