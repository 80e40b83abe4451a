//! Connections: HTTP/2's queue, the writer, the socket, the way there and back, and the windows.
//!
//! A frame goes from HTTP/2's queue (where control frames overtake data) into the writer, from there into the socket
//! as far as it has room, and arrives some time later, unless the connection breaks first. What has left the writer
//! is told to the engine as `Written`; what arrived is a matter between the link and the service.

use crate::coverage::Kind;
use crate::plan::ConnectFault;
use crate::world::{Check, Happening, MS, Told, World};
use bytes::Bytes;
use ossicle_core::io::{ConnId, LossCause, Mark, RequestHead, Step, StreamEnd, StreamId};
use ossicle_core::{Now, Output};
use std::collections::VecDeque;

/// The window before SETTINGS say otherwise.
const DEFAULT_WINDOW: i64 = 65_535;

/// What the writer takes before it waits for the socket.
const WRITER_BYTES_MAX: usize = 16 * 1024;

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
    fn len(&self) -> usize {
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
enum Phase {
    Connecting(Option<ConnectFault>),
    Open,
    /// The application's side is gone.
    Gone,
}

/// One connection, both ends.
#[derive(Debug)]
pub(crate) struct Conn {
    phase: Phase,
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
    control: VecDeque<Piece>,
    data: VecDeque<Piece>,
    writer: VecDeque<Piece>,
    writer_bytes: usize,
    socket_bytes: usize,
    way_up: VecDeque<(u64, Piece, bool)>,
    up_free_at: u64,
    way_down: VecDeque<(u64, Down)>,
    down_free_at: u64,
    /// Bytes until it breaks.
    pub(crate) cut_up: Option<u64>,
    pub(crate) cut_down: Option<u64>,
    /// Nothing passes any more, and nobody says so.
    pub(crate) silent: bool,
    /// The socket takes nothing.
    pub(crate) stalled: bool,
    pub(crate) starved: bool,
    window: i64,
    waiting: VecDeque<StreamId>,
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
    window: i64,
    wanted: u32,
    pub(crate) assigned: u32,
    /// What the engine was told.
    pub(crate) told: u32,
    /// Bytes that the engine wrote and the socket has not taken.
    pub(crate) unwritten: u64,
    finished: bool,
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
    fn assign(&mut self, id: ConnId) {
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

    // ---- the way up ----

    /// Moves what can move from HTTP/2 through the writer into the sockets.
    pub(crate) fn pump(&mut self) -> Check {
        let ids: Vec<ConnId> =
            self.conns.iter().filter(|(_, conn)| conn.is_open()).map(|(id, _)| *id).collect();
        for id in ids {
            self.pump_one(id);
        }
        Ok(())
    }

    fn pump_one(&mut self, id: ConnId) {
        let (delay, jitter) = (self.plan.delay_ms * MS, self.plan.jitter_ms * MS);
        let (capacity, ns_per_byte) = (self.plan.socket_bytes, 1_000_000_000 / self.plan.bytes_per_s);
        loop {
            let Some(conn) = self.conns.get_mut(&id) else { return };
            while conn.writer_bytes < WRITER_BYTES_MAX {
                let Some(piece) = conn.control.pop_front().or_else(|| conn.data.pop_front()) else { break };
                conn.writer_bytes += piece.len();
                conn.writer.push_back(piece);
            }
            if conn.stalled || conn.socket_bytes >= capacity {
                return;
            }
            let Some(mut piece) = conn.writer.pop_front() else { return };
            let room = capacity - conn.socket_bytes;
            if let Piece::Data(stream, bytes, at) = &mut piece
                && bytes.len() > room
            {
                let head = Piece::Data(*stream, bytes.split_to(room), *at);
                conn.writer.push_front(piece);
                piece = head;
            }
            let bytes = piece.len();
            conn.writer_bytes -= bytes;
            conn.socket_bytes += bytes;
            let mark = match &piece {
                Piece::Data(stream, ..) => Some(Mark::Data { stream: *stream, bytes: bytes as u64 }),
                Piece::Ping => Some(Mark::Ping),
                _ => None,
            };
            if let Some(mark) = mark {
                self.told.push_back(Told::Written(id, mark));
            }
            if let Piece::Data(stream, ..) = &piece
                && let Some(up) = self.ups.get_mut(stream)
            {
                up.unwritten -= bytes as u64;
            }
            let wait = delay + self.rng.range(0, jitter + 1);
            let Some(conn) = self.conns.get_mut(&id) else { return };
            let at = conn.up_free_at.max(self.now + wait) + bytes as u64 * ns_per_byte;
            conn.up_free_at = at;
            conn.way_up.push_back((at, piece, false));
            self.at(at, Happening::Up(id));
        }
    }

    /// Something may have arrived at the service.
    pub(crate) fn up_arrives(&mut self, id: ConnId) -> Check {
        loop {
            let blackhole = self.net.blackhole;
            let Some(conn) = self.conns.get_mut(&id) else { return Ok(()) };
            if conn.silent || blackhole || conn.way_up.front().is_none_or(|(at, ..)| *at > self.now) {
                return Ok(());
            }
            let Some((_, mut piece, _)) = conn.way_up.pop_front() else { return Ok(()) };
            let len = piece.len();
            conn.socket_bytes = conn.socket_bytes.saturating_sub(len);
            if !conn.served {
                if conn.is_open() {
                    self.kill(id, LossCause::Closed);
                }
                continue;
            }
            let mut cut = false;
            if let Some(left) = &mut conn.cut_up {
                if (len as u64) < *left {
                    *left -= len as u64;
                } else {
                    cut = true;
                    let left = *left as usize;
                    match &mut piece {
                        Piece::Data(_, bytes, _) => bytes.truncate(left),
                        _ => piece = Piece::Data(StreamId(0), Bytes::new(), 0),
                    }
                }
            }
            self.serve(id, piece)?;
            if cut {
                self.cover.reached(Kind::CutUpstream);
                self.kill(id, LossCause::Closed);
                return Ok(());
            }
            self.pump_if_open(id);
        }
    }

    fn pump_if_open(&mut self, id: ConnId) {
        // The writer runs on the engine's thread.
        if !self.machine.asleep
            && self.machine.frozen_until <= self.now
            && self.conns.get(&id).is_some_and(Conn::is_open)
        {
            self.pump_one(id);
        }
    }

    /// The connection breaks, and both ends notice.
    pub(crate) fn kill(&mut self, id: ConnId, cause: LossCause) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.served = false;
        conn.way_up.clear();
        conn.way_down.clear();
        conn.silent = false;
        let open = conn.is_open();
        self.service_lost(id);
        if open {
            self.send_down(id, Down::Closed(Step::Socket, cause));
        }
    }

    /// What was stuck goes on after a blackhole.
    pub(crate) fn thaw(&mut self) {
        let ids: Vec<ConnId> = self.conns.keys().copied().collect();
        for id in ids {
            let Some(conn) = self.conns.get_mut(&id) else { continue };
            let at = self.now + self.plan.delay_ms * MS;
            for (due, ..) in &mut conn.way_up {
                *due = (*due).max(at);
            }
            for (due, _) in &mut conn.way_down {
                *due = (*due).max(at);
            }
            conn.up_free_at = conn.up_free_at.max(at);
            conn.down_free_at = conn.down_free_at.max(at);
            let ups: Vec<u64> = conn.way_up.iter().map(|(at, ..)| *at).collect();
            let downs: Vec<u64> = conn.way_down.iter().map(|(at, _)| *at).collect();
            for at in ups {
                self.at(at, Happening::Up(id));
            }
            for at in downs {
                self.at(at, Happening::Down(id));
            }
        }
    }

    // ---- the way down ----

    pub(crate) fn send_down(&mut self, id: ConnId, down: Down) {
        let wait = self.plan.delay_ms * MS + self.rng.range(0, self.plan.jitter_ms * MS + 1);
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| conn.is_open()) else { return };
        if !conn.served && !matches!(down, Down::Closed(..)) {
            return;
        }
        let at = conn.down_free_at.max(self.now + wait);
        conn.down_free_at = at;
        conn.way_down.push_back((at, down));
        self.at(at, Happening::Down(id));
    }

    /// Sends bytes of a response, split anywhere.
    pub(crate) fn send_body(&mut self, conn: ConnId, stream: StreamId, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let most = bytes.len() as u64;
            let take = if self.rng.chance(60) { most } else { self.rng.range(1, most + 1) };
            let part = bytes.split_to(take as usize);
            self.send_down(conn, Down::Body(stream, part));
        }
    }

    /// Something may have arrived at the application.
    pub(crate) fn down_arrives(&mut self, id: ConnId) -> Check {
        let blackhole = self.net.blackhole;
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| conn.is_open()) else { return Ok(()) };
        if conn.silent || blackhole || conn.way_down.front().is_none_or(|(at, _)| *at > self.now) {
            return Ok(());
        }
        let Some((_, down)) = conn.way_down.pop_front() else { return Ok(()) };
        if let Some(left) = &mut conn.cut_down {
            let len = if let Down::Body(_, bytes) = &down { bytes.len() as u64 } else { 20 };
            if len < *left {
                *left -= len;
            } else {
                let left = *left as usize;
                conn.cut_down = None;
                if let Down::Body(stream, bytes) = down
                    && self.is_live(stream)
                {
                    self.told.push_back(Told::Received(stream, bytes.slice(..left)));
                }
                self.cover.reached(Kind::CutDownstream);
                self.kill(id, LossCause::Closed);
                return Ok(());
            }
        }
        self.down_is_here(id, down);
        Ok(())
    }

    pub(crate) fn is_live(&self, stream: StreamId) -> bool {
        self.ups.get(&stream).is_some_and(|up| !up.dead)
    }

    fn down_is_here(&mut self, id: ConnId, down: Down) {
        match down {
            Down::Settings(max, window) => self.settings_are_here(id, max, window),
            Down::GoAway(reason, processed) => {
                let Some(conn) = self.conns.get_mut(&id) else { return };
                conn.goaway_seen = true;
                let unseen: Vec<StreamId> =
                    conn.streams.iter().copied().filter(|stream| !processed.contains(stream)).collect();
                self.told.push_back(Told::GoAway(id, reason));
                for stream in unseen {
                    self.ended_here(stream, StreamEnd::Reset(7));
                }
            }
            Down::Pong => self.told.push_back(Told::Pong(id)),
            Down::Head(stream, status, headers) => {
                if self.is_live(stream) {
                    self.head_is_here(stream, status);
                    self.told.push_back(Told::Head(stream, status, crate::world::Pairs(headers)));
                }
            }
            Down::Body(stream, bytes) => {
                if self.is_live(stream) {
                    self.told.push_back(Told::Received(stream, bytes));
                }
            }
            Down::End(stream, end) => self.ended_here(stream, end),
            Down::Window(stream, bytes) => {
                match stream {
                    Some(stream) => {
                        let Some(up) = self.ups.get_mut(&stream) else { return };
                        up.window += i64::from(bytes);
                    }
                    None => {
                        let Some(conn) = self.conns.get_mut(&id) else { return };
                        conn.window += i64::from(bytes);
                    }
                }
                self.assign(id);
            }
            Down::Closed(step, cause) => {
                self.conn_is_gone(id);
                self.told.push_back(Told::Lost(id, step, cause));
            }
        }
    }

    fn settings_are_here(&mut self, id: ConnId, max: u32, window: u32) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if !std::mem::replace(&mut conn.settings_known, true) {
            let change = i64::from(window) - DEFAULT_WINDOW;
            for (stream, up) in self.ups.iter_mut().filter(|(_, up)| up.conn == id && !up.dead) {
                up.window += change;
                let fits = up.window.clamp(0, i64::from(up.assigned)) as u32;
                if fits < up.assigned {
                    conn.window += i64::from(up.assigned - fits);
                    up.assigned = fits;
                    self.told.push_back(Told::Credit(*stream));
                }
            }
        }
        self.assign(id);
        self.told.push_back(Told::PeerSettings(id, max));
    }

    /// The response ended; HTTP/2 forgets the stream.
    fn ended_here(&mut self, stream: StreamId, end: StreamEnd) {
        let Some(up) = self.ups.get_mut(&stream).filter(|up| !up.dead && !up.ended) else { return };
        up.ended = true;
        // A response that ends leaves our half of the stream open.
        if up.finished || end != StreamEnd::Clean {
            self.stream_is_dead(stream);
        }
        self.told.push_back(Told::Ended(stream, end));
    }
}
