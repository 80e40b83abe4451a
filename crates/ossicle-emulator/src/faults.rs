//! Faults that tests plan: for the next stream, for one session, for every stream, or at once.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::limits;

/// Something that goes wrong on one stream (or on the connection that carries it).
///
/// `after_messages` counts signed messages of the stream, the configuration included; 0 is before the first.
/// What the emulator's HTTP/2 has taken before a fault is still read, checked and recorded, because a PONG may have
/// vouched for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Refuse the request with this status and code.
    Refuse {
        /// HTTP status.
        status: u16,
        /// Value of `x-amzn-errortype`.
        code: String,
        /// Text of the error.
        message: String,
        /// `x-amz-retry-after`, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// Reset the stream before any answer, with this HTTP/2 error code (7 is REFUSED_STREAM).
    RefuseStream {
        /// HTTP/2 error code.
        reason: u32,
    },
    /// Answer the head only after this time; the body is not read before.
    DelayHead(Duration),
    /// Take messages without an answer, then answer with an error: a failure that comes late.
    LateRefuse {
        /// Messages taken first.
        after_messages: u64,
        /// HTTP status.
        status: u16,
        /// Value of `x-amzn-errortype`.
        code: String,
    },
    /// Send an exception in the stream and end it cleanly.
    Exception {
        /// Messages taken first.
        after_messages: u64,
        /// Value of `:exception-type`, such as `internalFailureException`.
        kind: String,
        /// Text of the exception.
        message: String,
    },
    /// End the response cleanly although the client has not finished.
    EndEarly {
        /// Messages taken first.
        after_messages: u64,
    },
    /// Reset the stream with this HTTP/2 error code.
    Reset {
        /// Messages taken first.
        after_messages: u64,
        /// HTTP/2 error code.
        reason: u32,
    },
    /// Send GOAWAY on the connection; its streams go on, new ones need another connection.
    GoAway {
        /// Messages taken first.
        after_messages: u64,
    },
    /// Cut the TCP connection with a reset.
    DropConnection {
        /// Messages taken first.
        after_messages: u64,
    },
    /// Stop reading the stream's body for this time: its HTTP/2 window closes while pings are answered.
    Stall {
        /// Messages taken first.
        after_messages: u64,
        /// How long.
        duration: Duration,
    },
    /// The connection neither reads nor writes for this time, as if the network had swallowed it: no pings either.
    Freeze {
        /// Messages taken first.
        after_messages: u64,
        /// How long.
        duration: Duration,
    },
    /// Send an event with a wrong checksum.
    WrongChecksum {
        /// Messages taken first.
        after_messages: u64,
    },
    /// Send bytes that are no message at all.
    Garbage {
        /// Messages taken first.
        after_messages: u64,
    },
    /// Send the beginning of a message that announces 4 GiB.
    HugeLength {
        /// Messages taken first.
        after_messages: u64,
    },
    /// Send half an event, then end cleanly.
    CutMessage {
        /// Messages taken first.
        after_messages: u64,
    },
}

impl Fault {
    /// Messages to take before it strikes; `None` for faults of the opening.
    pub(crate) fn after(&self) -> Option<u64> {
        match self {
            Self::Refuse { .. } | Self::RefuseStream { .. } | Self::DelayHead(_) => None,
            Self::LateRefuse { after_messages, .. }
            | Self::Exception { after_messages, .. }
            | Self::EndEarly { after_messages }
            | Self::Reset { after_messages, .. }
            | Self::GoAway { after_messages }
            | Self::DropConnection { after_messages }
            | Self::Stall { after_messages, .. }
            | Self::Freeze { after_messages, .. }
            | Self::WrongChecksum { after_messages }
            | Self::Garbage { after_messages }
            | Self::HugeLength { after_messages }
            | Self::CutMessage { after_messages } => Some(*after_messages),
        }
    }
}

/// Plans faults on a running emulator. Clones share the plan.
#[derive(Clone)]
pub struct Faults {
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    next: VecDeque<Fault>,
    sessions: HashMap<String, VecDeque<Fault>>,
    always: Option<Fault>,
    planned: usize,
    connections: HashMap<u64, Weak<Link>>,
    streams: HashMap<String, mpsc::Sender<Order>>,
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self { plan: Arc::default() }
    }

    /// Strikes the next stream that is opened and has no fault of its own. Several queue up, one a stream.
    pub fn next(&self, fault: Fault) {
        let mut plan = self.plan();
        if plan.planned < limits::FAULTS_MAX {
            plan.planned += 1;
            plan.next.push_back(fault);
        }
    }

    /// Strikes the next stream of one session. Several queue up, one a stream.
    pub fn for_session(&self, session_id: &str, fault: Fault) {
        let mut plan = self.plan();
        if plan.planned < limits::FAULTS_MAX {
            plan.planned += 1;
            plan.sessions.entry(session_id.to_owned()).or_default().push_back(fault);
        }
    }

    /// Strikes the next call of a REST operation by its name, such as `GetDomain`. [`Fault::Refuse`],
    /// [`Fault::DelayHead`], [`Fault::RefuseStream`] and [`Fault::Reset`] mean something there. Several queue up, one a call.
    pub fn for_operation(&self, operation: &str, fault: Fault) {
        // Sessions are UUIDs: the names cannot meet.
        self.for_session(operation, fault);
    }

    /// Strikes every stream for which nothing else is planned, until [`Faults::clear`].
    pub fn always(&self, fault: Fault) {
        self.plan().always = Some(fault);
    }

    /// Forgets everything planned.
    pub fn clear(&self) {
        let mut plan = self.plan();
        plan.next.clear();
        plan.sessions.clear();
        plan.always = None;
        plan.planned = 0;
    }

    /// Faults that are planned and have not struck.
    pub fn planned(&self) -> usize {
        self.plan().planned
    }

    /// Strikes the running stream of a session at once (`after_messages` does not count). False when no stream of
    /// it is open or too many orders wait for it.
    pub fn now(&self, session_id: &str, fault: Fault) -> bool {
        let plan = self.plan();
        // Two places stay free for what the emulator itself has to say.
        let open = plan.streams.get(session_id).filter(|orders| orders.capacity() > 2);
        open.is_some_and(|orders| orders.try_send(Order::Fault(fault)).is_ok())
    }

    /// Sends GOAWAY on every connection.
    pub fn goaway_connections(&self) {
        self.each_link(|link| link.go_away());
    }

    /// Cuts every connection with a TCP reset.
    pub fn drop_connections(&self) {
        self.each_link(|link| link.cut(true));
    }

    pub(crate) fn cut_connections(&self) {
        self.each_link(|link| link.cut(false));
    }

    /// Freezes every connection for a time, as if the network had swallowed them.
    pub fn freeze_connections(&self, duration: Duration) {
        self.each_link(|link| link.freeze(duration));
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.plan().connections.values().filter(|link| link.strong_count() > 0).count()
    }

    pub(crate) fn take(&self, session_id: &str) -> Option<Fault> {
        let mut plan = self.plan();
        let own = plan.sessions.get_mut(session_id).and_then(VecDeque::pop_front);
        if plan.sessions.get(session_id).is_some_and(VecDeque::is_empty) {
            plan.sessions.remove(session_id);
        }
        let found = own.or_else(|| plan.next.pop_front());
        if found.is_some() {
            plan.planned = plan.planned.saturating_sub(1);
        }
        found.or_else(|| plan.always.clone())
    }

    /// What is planned for a REST operation; faults for any stream do not strike it.
    pub(crate) fn take_operation(&self, operation: &str) -> Option<Fault> {
        let mut plan = self.plan();
        let found = plan.sessions.get_mut(operation).and_then(VecDeque::pop_front)?;
        plan.planned = plan.planned.saturating_sub(1);
        Some(found)
    }

    pub(crate) fn add_link(&self, link: &Arc<Link>) {
        self.plan().connections.insert(link.number, Arc::downgrade(link));
    }

    pub(crate) fn remove_link(&self, number: u64) {
        self.plan().connections.remove(&number);
    }

    pub(crate) fn add_stream(&self, session_id: &str, orders: mpsc::Sender<Order>) {
        self.plan().streams.insert(session_id.to_owned(), orders);
    }

    /// Forgets a stream, unless a newer one of the session has taken its place.
    pub(crate) fn remove_stream(&self, session_id: &str, orders: &mpsc::Sender<Order>) {
        let mut plan = self.plan();
        if plan.streams.get(session_id).is_some_and(|own| own.same_channel(orders)) {
            plan.streams.remove(session_id);
        }
    }

    fn each_link(&self, act: impl Fn(&Link)) {
        let links: Vec<Arc<Link>> = self.plan().connections.values().filter_map(Weak::upgrade).collect();
        links.iter().for_each(|link| act(link));
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faults({} planned)", self.planned())
    }
}

/// What a running stream is told.
#[derive(Debug)]
pub(crate) enum Order {
    /// A newer stream of the session has come.
    Superseded,
    /// The emulator ends.
    Shutdown,
    Fault(Fault),
}

/// The handle on one network connection.
pub(crate) struct Link {
    pub(crate) number: u64,
    state: Mutex<LinkState>,
    changed: Notify,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct LinkState {
    pub(crate) go_away: bool,
    pub(crate) cut: bool,
    pub(crate) reset: bool,
    pub(crate) frozen_until: Option<Instant>,
}

impl Link {
    pub(crate) fn new(number: u64) -> Arc<Self> {
        Arc::new(Self { number, state: Mutex::default(), changed: Notify::new() })
    }

    pub(crate) fn go_away(&self) {
        self.change(|state| state.go_away = true);
    }

    /// Cuts the connection; with a TCP reset if asked.
    pub(crate) fn cut(&self, reset: bool) {
        self.change(|state| {
            state.cut = true;
            state.reset |= reset;
        });
    }

    pub(crate) fn freeze(&self, duration: Duration) {
        self.change(|state| state.frozen_until = Some(Instant::now() + duration));
    }

    pub(crate) fn state(&self) -> LinkState {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next change. Only the connection's own task waits.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn change(&self, change: impl FnOnce(&mut LinkState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_takes_its_own_fault_before_the_next_and_the_lasting_one() {
        let faults = Faults::new();
        let end = |after_messages| Fault::EndEarly { after_messages };
        faults.next(end(1));
        faults.for_session("a", end(2));
        faults.always(end(3));
        assert_eq!(faults.planned(), 2);
        assert_eq!(faults.take("a"), Some(end(2)));
        assert_eq!(faults.take("b"), Some(end(1)));
        assert_eq!(faults.take("a"), Some(end(3)));
        faults.clear();
        assert_eq!((faults.take("a"), faults.planned()), (None, 0));
    }
}
