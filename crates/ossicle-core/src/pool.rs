//! Connections: how many, which one carries a new stream, when each is pinged and when it is given up.

use crate::backoff::Backoff;
use crate::io::{ConnId, Output, StreamId};
use crate::limits::{
    CONNECTS_AT_ONCE_MAX, IDLE_CONNECTION_MS, PING_INTERVAL_MAX_MS, PONG_OVERDUE_MS, PROBE_MS_MAX,
};
use crate::rng::Rng;
use crate::time::Mono;
use std::collections::VecDeque;

/// One connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) id: ConnId,
    phase: Phase,
    /// The peer's limit of streams; unknown until its SETTINGS came.
    peer_streams_max: Option<u32>,
    /// Lowered where the peer refused a stream that its SETTINGS allowed.
    streams_cap: u32,
    pub(crate) streams: Vec<StreamId>,
    /// Bytes signed and not yet taken by the socket.
    unwritten: u64,
    /// When the socket last took some, or was first given some.
    moved_at: Mono,
    /// Sessions whose next message waits for the socket, with its length, in order.
    blocked: VecDeque<(u32, u32)>,
    /// Bytes of the messages that were let go on since and are not written yet.
    promised: u64,
    ping: Ping,
    /// Something left that no PING has followed yet.
    unpinged: bool,
    last_ping: Option<Mono>,
    /// A probe is under way since then: its PONG decides soon whether the connection lives.
    probed_at: Option<Mono>,
    /// The peer has complained about PINGs on it: several ways of saying so are one complaint.
    complained: bool,
    pub(crate) rtt_ns: Option<u64>,
    idle_since: Mono,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Ready,
    /// Its streams move elsewhere; no new ones.
    Leaving,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ping {
    None,
    /// Asked for; not seen by the writer yet.
    Asked(Mono),
    /// On the wire.
    Left(Mono),
}

impl Conn {
    fn room(&self, default_max: u32) -> u32 {
        if self.phase != Phase::Ready {
            return 0;
        }
        // Before the peer's SETTINGS came its limit is unknown: one stream is always allowed.
        let max = match self.peer_streams_max {
            None => 1,
            Some(peer) => peer.min(default_max),
        };
        max.min(self.streams_cap).saturating_sub(self.streams.len() as u32)
    }

    /// Whether a PONG is overdue, so that nothing more should be signed.
    pub(crate) fn is_silent(&self, now: Mono) -> bool {
        match self.ping {
            Ping::None => false,
            Ping::Asked(at) | Ping::Left(at) => now.ms_since(at) >= PONG_OVERDUE_MS,
        }
    }

    /// Whether a session's next message of `need` bytes has to wait until the socket has taken more. One message is
    /// always let through, so that a chunk larger than the bound cannot wait for ever.
    pub(crate) fn blocks(&mut self, slot: u32, need: u32, bound: u32) -> bool {
        let blocks = self.unwritten > 0 && self.unwritten + u64::from(need) > u64::from(bound);
        if blocks && !self.blocked.iter().any(|(waiting, _)| *waiting == slot) {
            self.blocked.push_back((slot, need));
        }
        blocks
    }

    /// The next session that waits for the socket, if its message fits now. Only as many go on as have room: with a
    /// thousand streams on a connection, asking all of them each time cost more than signing.
    pub(crate) fn unblock(&mut self, bound: u32) -> Option<u32> {
        let (slot, need) = *self.blocked.front()?;
        let taken = self.unwritten + self.promised;
        if taken > 0 && taken + u64::from(need) > u64::from(bound) {
            return None;
        }
        self.blocked.pop_front();
        self.promised += u64::from(need);
        Some(slot)
    }

    /// A message was signed and given to the writer.
    pub(crate) fn wrote(&mut self, bytes: u64, now: Mono) {
        if self.unwritten == 0 {
            self.moved_at = now;
        }
        self.unwritten += bytes;
        self.promised = self.promised.saturating_sub(bytes);
    }

    /// Whether a PING is under way.
    pub(crate) fn is_pinging(&self) -> bool {
        self.ping != Ping::None
    }

    /// The next PING that is due goes out whether or not something has left since the last.
    pub(crate) fn ping_is_worth_it(&mut self) {
        self.unpinged = true;
    }

    /// A PING goes out as soon as it can, and its PONG is awaited for a short time only.
    fn probe(&mut self, now: Mono) {
        self.unpinged = true;
        self.last_ping = None;
        self.probed_at = Some(now);
    }

    fn ask_ping(&mut self, now: Mono, out: &mut VecDeque<Output>) {
        self.ping = Ping::Asked(now);
        self.last_ping = Some(now);
        out.push_back(Output::Ping(self.id));
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.phase == Phase::Leaving
    }

    /// Something left for the socket.
    pub(crate) fn left(&mut self, bytes: u64, now: Mono) {
        self.unwritten = self.unwritten.saturating_sub(bytes);
        self.moved_at = now;
        if self.unwritten == 0 {
            // One that was let go on and had nothing to say after all must not hold the others up.
            self.promised = 0;
        }
        self.unpinged = true;
    }

    /// The PING left: everything that left before is in front of it.
    pub(crate) fn ping_left(&mut self, now: Mono) {
        if let Ping::Asked(_) = self.ping {
            self.ping = Ping::Left(now);
            self.unpinged = false;
        }
    }

    /// The PONG came. False when none was under way.
    pub(crate) fn pong(&mut self, now: Mono) -> bool {
        let Ping::Left(at) = self.ping else { return false };
        self.ping = Ping::None;
        self.probed_at = None;
        self.rtt_ns = Some(now.ns_since(at));
        true
    }
}

/// The connections of an engine.
#[derive(Debug)]
pub(crate) struct Pool {
    conns: Vec<Option<Conn>>,
    serial: u64,
    /// Sessions that need a stream, in order.
    pub(crate) waiting: VecDeque<u32>,
    streams_per_connection: u32,
    /// The peer's limit as last seen, to plan connections before their SETTINGS come.
    known_streams_max: u32,
    connect_at: Mono,
    backoff: Backoff,
    ping_interval_ms: Option<u64>,
    pong_timeout_ms: u64,
    stall_ms_max: u64,
}

/// The slot of a connection is in the low bits of its name.
const SLOT_BITS: u32 = 16;

impl Pool {
    pub(crate) fn new(config: &crate::config::EngineConfig) -> Self {
        Self {
            conns: Vec::new(),
            serial: 0,
            waiting: VecDeque::new(),
            streams_per_connection: config.streams_per_connection.max(1),
            known_streams_max: u32::MAX,
            connect_at: Mono::default(),
            backoff: Backoff::default(),
            ping_interval_ms: Some(config.ping_interval_ms.into()),
            pong_timeout_ms: config.pong_timeout_ms.into(),
            stall_ms_max: config.stall_ms_max.into(),
        }
    }

    pub(crate) fn get(&mut self, id: ConnId) -> Option<&mut Conn> {
        let slot = (id.0 & ((1 << SLOT_BITS) - 1)) as usize;
        self.conns.get_mut(slot)?.as_mut().filter(|conn| conn.id == id)
    }

    /// A connection with room for one more stream: the fullest first, so that idle ones can be closed.
    pub(crate) fn place(&mut self) -> Option<ConnId> {
        let max = self.streams_per_connection;
        let fits = self.conns.iter().flatten().filter(|conn| conn.room(max) > 0);
        fits.max_by_key(|conn| conn.streams.len()).map(|conn| conn.id)
    }

    /// Opens as many connections as the waiting sessions need, within the bound of handshakes at once.
    pub(crate) fn connect_for_waiting(&mut self, now: Mono, out: &mut VecDeque<Output>) {
        // Streams of a leaving connection will need a place too: it is made before theirs is broken.
        let moving: usize =
            self.conns.iter().flatten().filter(|conn| conn.is_leaving()).map(|conn| conn.streams.len()).sum();
        let needed = (self.waiting.len() + moving) as u64;
        if needed == 0 || now < self.connect_at {
            return;
        }
        let each = self.streams_per_connection.min(self.known_streams_max).max(1);
        let mut connecting = 0usize;
        let mut room = 0u64;
        for conn in self.conns.iter().flatten() {
            match conn.phase {
                Phase::Connecting => {
                    connecting += 1;
                    room += u64::from(each);
                }
                // SETTINGS are on the way: the connection will take as many as its siblings.
                Phase::Ready if conn.peer_streams_max.is_none() => {
                    room += u64::from(each.min(conn.streams_cap))
                }
                Phase::Ready => room += u64::from(conn.room(self.streams_per_connection)),
                Phase::Leaving => {}
            }
        }
        while room < needed && connecting < CONNECTS_AT_ONCE_MAX {
            let Some(id) = self.add(now) else { return };
            out.push_back(Output::Connect(id));
            connecting += 1;
            room += u64::from(each);
        }
    }

    fn add(&mut self, now: Mono) -> Option<ConnId> {
        let slot = self.conns.iter().position(Option::is_none).unwrap_or(self.conns.len());
        if slot >= 1 << SLOT_BITS {
            return None;
        }
        if slot == self.conns.len() {
            self.conns.push(None);
        }
        self.serial += 1;
        let id = ConnId((self.serial << SLOT_BITS) | slot as u64);
        self.conns[slot] = Some(Conn {
            id,
            phase: Phase::Connecting,
            peer_streams_max: None,
            streams_cap: u32::MAX,
            streams: Vec::new(),
            unwritten: 0,
            moved_at: now,
            blocked: VecDeque::new(),
            promised: 0,
            ping: Ping::None,
            unpinged: false,
            last_ping: None,
            probed_at: None,
            complained: false,
            rtt_ns: None,
            idle_since: now,
        });
        Some(id)
    }

    pub(crate) fn connected(&mut self, id: ConnId, now: Mono) {
        if let Some(conn) = self.get(id) {
            conn.phase = Phase::Ready;
            conn.idle_since = now;
        }
    }

    pub(crate) fn settings(&mut self, id: ConnId, streams_max: u32) {
        self.known_streams_max = streams_max;
        // HTTP/2 stands: the endpoint is well.
        self.backoff.reset();
        if let Some(conn) = self.get(id) {
            conn.peer_streams_max = Some(streams_max);
        }
    }

    /// The connection is gone. Returns it and, if it never stood, the wait before the next attempt.
    pub(crate) fn lost(&mut self, id: ConnId, now: Mono, rng: &mut Rng) -> Option<(Conn, Option<u64>)> {
        self.get(id)?;
        let slot = (id.0 & ((1 << SLOT_BITS) - 1)) as usize;
        let conn = self.conns[slot].take()?;
        let never_stood = conn.phase == Phase::Connecting || conn.peer_streams_max.is_none();
        let wait = never_stood.then(|| {
            let wait = self.backoff.next_ms(rng);
            self.connect_at = self.connect_at.max(now.plus_ms(wait));
            wait
        });
        Some((conn, wait))
    }

    /// Attempts to connect since the last success.
    pub(crate) fn attempt(&self) -> u32 {
        self.backoff.attempt()
    }

    /// Backoff ends.
    pub(crate) fn retry_now(&mut self, now: Mono) {
        self.connect_at = now;
        self.backoff.reset();
    }

    /// The peer takes no new streams on this connection.
    pub(crate) fn leave(&mut self, id: ConnId) {
        if let Some(conn) = self.get(id) {
            conn.phase = Phase::Leaving;
        }
    }

    /// The peer complained about PINGs on a connection: half as many from now on, on all of them, down to none.
    pub(crate) fn calm_down(&mut self, id: ConnId) {
        let Some(conn) = self.get(id) else { return };
        if !std::mem::replace(&mut conn.complained, true) {
            self.ping_interval_ms =
                self.ping_interval_ms.map(|ms| ms * 2).filter(|ms| *ms <= PING_INTERVAL_MAX_MS);
        }
    }

    /// Whether PINGs are sent at all.
    pub(crate) fn pings(&self) -> bool {
        self.ping_interval_ms.is_some()
    }

    /// A PING that a stream's end waits for: at once, or as soon as the one under way is answered.
    pub(crate) fn ping_now(&mut self, id: ConnId, now: Mono, out: &mut VecDeque<Output>) {
        if let Some(conn) = self.get(id).filter(|conn| !conn.is_pinging()) {
            conn.ask_ping(now, out);
        }
    }

    /// A stream came to nothing on a connection: a probe says whether the connection is well. Where no PINGs are sent, it
    /// keeps what it carries and gets no more.
    pub(crate) fn doubt(&mut self, id: ConnId, now: Mono) {
        let pings = self.pings();
        let Some(conn) = self.get(id) else { return };
        if pings {
            conn.probe(now);
        } else {
            conn.streams_cap = 0;
        }
    }

    /// A second stream was refused although SETTINGS allowed it: this connection, and those to come, take no
    /// more than it carries now.
    pub(crate) fn refused_stream(&mut self, id: ConnId) {
        // A connection that is leaving refuses new streams whatever its limit is.
        let Some(conn) = self.get(id).filter(|conn| !conn.is_leaving()) else { return };
        let carried = conn.streams.len() as u32;
        if carried > 0 {
            conn.streams_cap = carried;
            self.streams_per_connection = self.streams_per_connection.min(carried);
        }
    }

    pub(crate) fn add_stream(&mut self, id: ConnId, stream: StreamId) {
        if let Some(conn) = self.get(id) {
            conn.streams.push(stream);
            // Its head is worth a PING: without credit nothing else may ever leave, and a connection that went silent
            // would be given one stream after another.
            conn.unpinged = true;
        }
    }

    pub(crate) fn remove_stream(&mut self, id: ConnId, stream: StreamId, unwritten: u64, now: Mono) {
        if let Some(conn) = self.get(id) {
            conn.streams.retain(|known| *known != stream);
            conn.unwritten = conn.unwritten.saturating_sub(unwritten);
            conn.idle_since = now;
        }
    }

    /// Sends a PING on a connection as a probe, whether or not anything is in flight.
    pub(crate) fn probe_all(&mut self, now: Mono) {
        for conn in self.conns.iter_mut().flatten().filter(|conn| conn.phase != Phase::Connecting) {
            conn.probe(now);
        }
    }

    /// Pings what has audio in flight, closes what is idle, and returns the connections that went silent.
    pub(crate) fn tick(&mut self, now: Mono, out: &mut VecDeque<Output>) -> Vec<ConnId> {
        let mut silent = Vec::new();
        for place in &mut self.conns {
            let Some(conn) = place else { continue };
            // A socket that takes nothing shows without a PING, too.
            if conn.unwritten > 0 && now.ms_since(conn.moved_at) >= self.stall_ms_max {
                silent.push(conn.id);
                continue;
            }
            match conn.ping {
                Ping::Asked(_) | Ping::Left(_)
                    if conn.probed_at.is_some_and(|at| now.ms_since(at) >= PROBE_MS_MAX) =>
                {
                    silent.push(conn.id);
                }
                Ping::Left(at) if now.ms_since(at) >= self.pong_timeout_ms => silent.push(conn.id),
                // The socket has not even taken the PING: nothing has moved for that long.
                Ping::Asked(at) if now.ms_since(at) >= self.stall_ms_max => silent.push(conn.id),
                Ping::Asked(_) | Ping::Left(_) => {}
                Ping::None => {
                    let due = self.ping_interval_ms.is_some_and(|interval| {
                        conn.last_ping.is_none_or(|last| now.ms_since(last) >= interval)
                    });
                    // A probe is one PING for a rare event, which no peer's complaint is about.
                    let due = due || conn.probed_at.is_some();
                    if conn.unpinged && due && conn.phase != Phase::Connecting {
                        conn.ask_ping(now, out);
                    }
                }
            }
            let idle = conn.streams.is_empty() && now.ms_since(conn.idle_since) >= IDLE_CONNECTION_MS;
            let left_behind = conn.streams.is_empty() && conn.phase == Phase::Leaving;
            if conn.phase != Phase::Connecting && (idle || left_behind) && !silent.contains(&conn.id) {
                out.push_back(Output::Close(conn.id));
                *place = None;
            }
        }
        silent
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.conns.iter().all(Option::is_none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Endpoint, EngineConfig};

    fn pool(ping_interval_ms: u32) -> Pool {
        let endpoint = Endpoint { tls: true, host: "localhost".into(), port: 443 };
        let mut config = EngineConfig::new(endpoint, "us-east-1");
        config.ping_interval_ms = ping_interval_ms;
        Pool::new(&config)
    }

    fn up(pool: &mut Pool) -> ConnId {
        let id = pool.add(Mono(0)).expect("room");
        pool.connected(id, Mono(0));
        pool.settings(id, 100);
        id
    }

    fn pings(pool: &mut Pool, at_ms: u64) -> usize {
        let mut out = VecDeque::new();
        let _ = pool.tick(Mono(at_ms * 1_000_000), &mut out);
        out.iter().filter(|output| matches!(output, Output::Ping(_))).count()
    }

    #[test]
    fn a_complaint_counts_once_for_its_connection_and_slows_down_all() {
        let mut pool = pool(1_000);
        let (first, second) = (up(&mut pool), up(&mut pool));
        pool.calm_down(first);
        pool.calm_down(first);
        assert_eq!(pool.ping_interval_ms, Some(2_000));
        pool.calm_down(second);
        assert_eq!(pool.ping_interval_ms, Some(4_000));
    }

    #[test]
    fn pings_slow_down_to_never_but_a_probe_is_sent() {
        let mut pool = pool(60_000);
        let conn = up(&mut pool);
        pool.calm_down(conn);
        assert!(!pool.pings());
        pool.add_stream(conn, StreamId(1));
        assert_eq!(pings(&mut pool, 600_000), 0);
        pool.probe_all(Mono(600_000_000_000));
        assert_eq!(pings(&mut pool, 600_010), 1);
    }

    #[test]
    fn a_socket_that_takes_nothing_is_given_up_without_a_ping() {
        let mut pool = pool(60_000);
        let conn = up(&mut pool);
        pool.calm_down(conn);
        let at = |ms: u64| Mono(ms * 1_000_000);
        let silent = |pool: &mut Pool, ms| pool.tick(at(ms), &mut VecDeque::new());
        pool.add_stream(conn, StreamId(1));
        pool.get(conn).expect("it").wrote(5_000, at(100_000));
        pool.get(conn).expect("it").left(4_000, at(105_000));
        assert_eq!(silent(&mut pool, 116_000), []);
        assert_eq!(silent(&mut pool, 117_000), [conn]);
    }

    #[test]
    fn a_connection_on_which_a_stream_came_to_nothing_is_probed_or_gets_no_more() {
        let mut pool = pool(60_000);
        let conn = up(&mut pool);
        pool.doubt(conn, Mono(0));
        assert_eq!((pool.place(), pings(&mut pool, 10)), (Some(conn), 1));
        pool.calm_down(conn);
        pool.doubt(conn, Mono(0));
        assert_eq!(pool.place(), None, "no PONG will tell whether it is well");
    }
}
