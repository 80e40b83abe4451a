//! Connections and streams: what the engine asks of them, and the windows.
//!
//! A frame goes from HTTP/2's queue (where control frames overtake data) into the writer, from there into the socket
//! as far as it has room, and arrives some time later, unless the connection breaks first. What has left the writer
//! is told to the engine as `Written`; what arrived is a matter between the way (`way.rs`) and the service.

use crate::coverage::Kind;
use crate::plan::ConnectFault;
use crate::world::{Check, Happening, MS, Told, World};
use bytes::Bytes;
use ossicle_core::io::{ConnId, LossCause, RequestHead, Step, StreamEnd, StreamId};
use ossicle_core::{Now, Output};
use std::collections::VecDeque;

/// The window before SETTINGS say otherwise.
pub(crate) const DEFAULT_WINDOW: i64 = 65_535;

/// One thing on the way up.
#[derive(Debug)]
pub(crate) enum Piece {
    Head(StreamId, Box<RequestHead>),
    /// Body, and the monotonic nanosecond at which the engine wrote it.
    Data(StreamId, Bytes, u64),
    End(StreamId),
    Reset(StreamId),
    Ping,
    Close,
}

impl Piece {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Head(..) => 420,
            Self::Data(_, bytes, _) => bytes.len(),
            Self::End(_) => 9,
            Self::Reset(_) => 13,
            Self::Ping => 17,
            Self::Close => 0,
        }
    }
}

/// One thing on the way down.
#[derive(Debug)]
pub(crate) enum Down {
    Settings(u32, u32),
    GoAway(u32, Vec<StreamId>),
    Pong,
    Head(StreamId, u16, Vec<(&'static str, String)>),
    Body(StreamId, Bytes),
    End(StreamId, StreamEnd),
    Window(Option<StreamId>, u32),
    Closed(Step, LossCause),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting(Option<ConnectFault>),
    Open,
    /// The application's side is gone.
    Gone,
}

/// One connection, both ends.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) phase: Phase,
    /// The engine knows that it is gone.
    pub(crate) over: bool,
    /// The service's end stands.
    pub(crate) served: bool,
    pub(crate) settings_known: bool,
    pub(crate) goaway_seen: bool,
    pub(crate) goaway_sent: bool,
    pub(crate) pinging: bool,
    pub(crate) streams: Vec<StreamId>,
    /// Streams whose heads the service has seen.
    pub(crate) processed: Vec<StreamId>,
    pub(crate) control: VecDeque<Piece>,
    pub(crate) data: VecDeque<Piece>,
    pub(crate) writer: VecDeque<Piece>,
    pub(crate) writer_bytes: usize,
    pub(crate) socket_bytes: usize,
    pub(crate) way_up: VecDeque<(u64, Piece, bool)>,
    pub(crate) up_free_at: u64,
    pub(crate) way_down: VecDeque<(u64, Down)>,
    pub(crate) down_free_at: u64,
    /// Bytes until it breaks.
    pub(crate) cut_up: Option<u64>,
    pub(crate) cut_down: Option<u64>,
    /// Nothing passes any more, and nobody says so.
    pub(crate) silent: bool,
    /// The socket takes nothing.
    pub(crate) stalled: bool,
    pub(crate) starved: bool,
    pub(crate) window: i64,
    pub(crate) waiting: VecDeque<StreamId>,
    /// Window that the service owes.
    pub(crate) owed: u32,
}

impl Conn {
    fn new(fault: Option<ConnectFault>) -> Self {
        Self {
            phase: Phase::Connecting(fault),
            over: false,
            served: false,
            settings_known: false,
            goaway_seen: false,
            goaway_sent: false,
            pinging: false,
            streams: Vec::new(),
            processed: Vec::new(),
            control: VecDeque::new(),
            data: VecDeque::new(),
            writer: VecDeque::new(),
            writer_bytes: 0,
            socket_bytes: 0,
            way_up: VecDeque::new(),
            up_free_at: 0,
            way_down: VecDeque::new(),
            down_free_at: 0,
            cut_up: None,
            cut_down: None,
            silent: false,
            stalled: false,
            starved: false,
            window: DEFAULT_WINDOW,
            waiting: VecDeque::new(),
            owed: 0,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }
}

/// One stream, as the application's HTTP/2 has it.
#[derive(Debug)]
pub(crate) struct Up {
    pub(crate) conn: ConnId,
    pub(crate) window: i64,
    pub(crate) wanted: u32,
    pub(crate) assigned: u32,
    /// What the engine was told.
    pub(crate) told: u32,
    /// Bytes that the engine wrote and the socket has not taken.
    pub(crate) unwritten: u64,
    pub(crate) finished: bool,
    /// HTTP/2 has no use for it any more.
    pub(crate) dead: bool,
    /// The engine knows that it is over.
    pub(crate) over: bool,
    /// The response ended by itself: a reset afterwards is a formality.
    pub(crate) ended: bool,
    pub(crate) starved: bool,
    pub(crate) owed: u32,
}

impl World {
    // ---- what the engine asks for ----

    pub(crate) fn perform(&mut self, output: Output, now: Now) -> Check {
        if self.trace {
            self.note(|| format!("< {output:?}").chars().take(200).collect());
        }
        match output {
            Output::Connect(conn) => self.connect(conn),
            Output::Open { conn, stream, head } => return self.open_stream(conn, stream, head),
            Output::Want { stream, bytes } => self.want(stream, bytes),
            Output::Write { stream, bytes } => return self.write(stream, bytes, now),
            Output::Ping(id) => {
                let conn = self.open_conn(id)?;
                if std::mem::replace(&mut conn.pinging, true) {
                    return Err(format!("a second PING on {id:?}"));
                }
                conn.control.push_back(Piece::Ping);
            }
            Output::Finish(id) => {
                let up = self.ups.get_mut(&id).filter(|up| !up.over && !up.finished);
                let up = up.ok_or_else(|| format!("Finish of {id:?}, which is over"))?;
                up.finished = true;
                let (conn, dead) = (up.conn, up.dead);
                let conn = self.open_conn(conn)?;
                if !dead {
                    conn.data.push_back(Piece::End(id));
                }
            }
            Output::Reset(id) => {
                let up = self.ups.get_mut(&id).filter(|up| !up.over || up.ended);
                let up = up.ok_or_else(|| format!("Reset of {id:?}, which is over"))?;
                let (conn, dead) = (up.conn, up.dead);
                (up.over, up.ended) = (true, false);
                if dead {
                    return Ok(());
                }
                self.stream_is_dead(id);
                let conn = self.open_conn(conn)?;
                conn.data.retain(|piece| !matches!(piece, Piece::Data(of, ..) | Piece::End(of) if *of == id));
                conn.control.push_back(Piece::Reset(id));
            }
            Output::Close(id) => return self.close(id),
            Output::Event(session, event) => return self.event(session, event, now),
            Output::NeedKeys => {
                let ms = self.rng.range(1, 300);
                self.later(ms, Happening::KeysAnswer);
            }
            Output::Sleep(_) => {}
        }
        Ok(())
    }

    fn open_conn(&mut self, id: ConnId) -> Result<&mut Conn, String> {
        self.conns
            .get_mut(&id)
            .filter(|conn| !conn.over && !matches!(conn.phase, Phase::Connecting(_)))
            .ok_or_else(|| format!("{id:?} is used and not open"))
    }

    fn connect(&mut self, id: ConnId) {
        let fault = self.net.connecting();
        let round_trip = 2 * self.plan.delay_ms + 1;
        let ms = match fault {
            None => 3 * round_trip,
            Some(ConnectFault::SlowDns) => 4_000 + self.rng.range(0, 4_000),
            Some(ConnectFault::NoDns) => 5_000,
            Some(_) => round_trip,
        };
        self.conns.insert(id, Conn::new(fault));
        self.later(ms, Happening::Connect(id));
    }

    pub(crate) fn connect_answer(&mut self, id: ConnId) {
        let blocked = self.net.blackhole;
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let Phase::Connecting(fault) = conn.phase else { return };
        let fails = match fault {
            _ if blocked => {
                // SYNs are lost: the connector's own deadline speaks.
                conn.phase = Phase::Gone;
                let (step, cause) = (Step::Tcp, LossCause::TimedOut);
                self.told.push_back(Told::Lost(id, step, cause));
                return;
            }
            None => None,
            Some(ConnectFault::SlowDns) => {
                self.cover.reached(Kind::SlowDns);
                None
            }
            Some(ConnectFault::Refused) => Some((Kind::RefusedHandshake, Step::Tcp, LossCause::Refused)),
            Some(ConnectFault::NoDns) => Some((Kind::DnsFailed, Step::Dns, LossCause::TimedOut)),
            Some(ConnectFault::NoSuchName) => Some((Kind::DnsFailed, Step::Dns, LossCause::NoSuchName)),
            Some(ConnectFault::Tls) => Some((Kind::TlsFailed, Step::Tls, LossCause::Closed)),
            Some(ConnectFault::Certificate) => {
                Some((Kind::CaptivePortal, Step::Tls, LossCause::CertificateRejected))
            }
            Some(ConnectFault::NoHttp2) => Some((Kind::CaptivePortal, Step::Alpn, LossCause::NoHttp2)),
        };
        if let Some((kind, step, cause)) = fails {
            conn.phase = Phase::Gone;
            self.cover.reached(kind);
            if matches!(cause, LossCause::NoSuchName | LossCause::CertificateRejected | LossCause::NoHttp2) {
                self.apps.iter_mut().for_each(|app| app.may_fail_unopened = true);
            }
            self.told.push_back(Told::Lost(id, step, cause));
            return;
        }
        conn.phase = Phase::Open;
        conn.served = true;
        let settings = Down::Settings(self.plan.peer_streams_max, self.plan.stream_window);
        let more = self.plan.connection_window.saturating_sub(DEFAULT_WINDOW as u32);
        self.told.push_back(Told::Connected(id));
        self.send_down(id, settings);
        if more > 0 {
            self.send_down(id, Down::Window(None, more));
        }
    }

    fn open_stream(&mut self, id: ConnId, stream: StreamId, head: Box<RequestHead>) -> Check {
        let peer_max = self.plan.peer_streams_max;
        let live = self.ups.values().filter(|up| up.conn == id && !up.dead).count() as u32;
        let window = i64::from(self.plan.stream_window);
        let conn = self.open_conn(id)?;
        if conn.goaway_seen {
            return Err(format!("a stream is opened on {id:?} after its GOAWAY"));
        }
        let max = if conn.settings_known { peer_max } else { 1 };
        if live >= max {
            return Err(format!("{} streams on {id:?}, of which the peer takes {max}", live + 1));
        }
        let window = if conn.settings_known { window } else { DEFAULT_WINDOW };
        conn.streams.push(stream);
        let gone = !conn.is_open();
        self.opened_stream(stream, &head)?;
        if !gone {
            self.open_conn(id)?.control.push_back(Piece::Head(stream, head));
        }
        let up = Up {
            conn: id,
            window,
            wanted: 0,
            assigned: 0,
            told: 0,
            unwritten: 0,
            finished: false,
            dead: gone,
            over: false,
            ended: false,
            starved: false,
            owed: 0,
        };
        if self.ups.insert(stream, up).is_some() {
            return Err(format!("{stream:?} is used twice"));
        }
        Ok(())
    }

    fn want(&mut self, id: StreamId, bytes: u32) {
        let Some(up) = self.ups.get_mut(&id).filter(|up| !up.dead) else { return };
        let Some(conn) = self.conns.get_mut(&up.conn) else { return };
        up.wanted = bytes;
        if up.assigned > bytes {
            conn.window += i64::from(up.assigned - bytes);
            up.assigned = bytes;
        }
        up.told = up.told.min(bytes);
        if !conn.waiting.contains(&id) {
            conn.waiting.push_back(id);
        }
        let conn = up.conn;
        self.assign(conn);
    }

    /// Gives window to the streams that wait for it, in their order.
    pub(crate) fn assign(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        for _ in 0..conn.waiting.len() {
            let Some(stream) = conn.waiting.pop_front() else { break };
            let Some(up) = self.ups.get_mut(&stream).filter(|up| !up.dead) else { continue };
            let missing = i64::from(up.wanted.saturating_sub(up.assigned));
            let room = (up.window - i64::from(up.assigned)).min(conn.window).max(0);
            let given = missing.min(room);
            if given > 0 {
                up.assigned += given as u32;
                conn.window -= given;
                self.told.push_back(Told::Credit(stream));
            }
            if given < missing {
                conn.waiting.push_back(stream);
            }
        }
    }

    fn write(&mut self, id: StreamId, bytes: u32, now: Now) -> Check {
        let body = self.written();
        if body.len() != bytes as usize || bytes == 0 {
            return Err(format!("Write says {bytes} and puts {} bytes", body.len()));
        }
        let up = self.ups.get_mut(&id).ok_or_else(|| format!("Write to unknown {id:?}"))?;
        if up.over || up.finished {
            return Err(format!("Write to {id:?}, which is over"));
        }
        if up.dead {
            return Ok(());
        }
        if bytes > up.told || bytes > up.assigned {
            return Err(format!("Write of {bytes} bytes with credit for {}", up.told.min(up.assigned)));
        }
        up.told -= bytes;
        up.assigned -= bytes;
        up.wanted = up.wanted.saturating_sub(bytes);
        up.window -= i64::from(bytes);
        up.unwritten += u64::from(bytes);
        let conn = up.conn;
        let whole = body.len() >= 4 && {
            let said = u32::from_be_bytes([body[0], body[1], body[2], body[3]]);
            said as usize == body.len()
        };
        if !whole {
            self.cover.reached(Kind::PartialMessage);
        }
        let unwritten: u64 =
            self.ups.values().filter(|up| up.conn == conn && !up.dead).map(|up| up.unwritten).sum();
        // One message is always let through, whole or in parts.
        let before = unwritten - u64::from(bytes);
        if whole && before > 0 && unwritten > u64::from(self.plan.unwritten_bytes_max) {
            return Err(format!("{unwritten} bytes are signed and not with the socket of {conn:?}"));
        }
        self.open_conn(conn)?.data.push_back(Piece::Data(id, body, now.mono.0));
        Ok(())
    }

    pub(crate) fn stream_is_dead(&mut self, id: StreamId) {
        let Some(up) = self.ups.get_mut(&id).filter(|up| !up.dead) else { return };
        up.dead = true;
        let (conn, back) = (up.conn, std::mem::take(&mut up.assigned));
        // What is written and never sent goes back to the connection's window too.
        let mut unsent = 0;
        if let Some(conn) = self.conns.get_mut(&conn) {
            for piece in &conn.data {
                if let Piece::Data(of, bytes, _) = piece
                    && *of == id
                {
                    unsent += bytes.len() as i64;
                }
            }
            conn.window += i64::from(back) + unsent;
            conn.data.retain(|piece| !matches!(piece, Piece::Data(of, ..) if *of == id));
        }
        self.assign(conn);
    }

    fn close(&mut self, id: ConnId) -> Check {
        let Some(conn) = self.conns.get_mut(&id) else { return Err(format!("Close of unknown {id:?}")) };
        if std::mem::replace(&mut conn.over, true) {
            return Err(format!("Close of {id:?}, which is gone"));
        }
        let was_open = conn.is_open();
        for stream in &conn.streams {
            if let Some(up) = self.ups.get_mut(stream) {
                up.over = true;
            }
        }
        self.conn_is_gone(id);
        if was_open && let Some(conn) = self.conns.get_mut(&id) {
            let at = conn.up_free_at.max(self.now + self.plan.delay_ms * MS);
            conn.way_up.push_back((at, Piece::Close, true));
            self.at(at, Happening::Up(id));
        }
        self.told.push_back(Told::Lost(id, Step::Socket, LossCause::Asked));
        Ok(())
    }

    /// The application's end is gone; what is in the socket may still arrive.
    pub(crate) fn conn_is_gone(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.phase = Phase::Gone;
        conn.control.clear();
        conn.data.clear();
        conn.writer.clear();
        conn.way_down.clear();
        for stream in conn.streams.clone() {
            self.stream_is_dead(stream);
        }
    }
}
