//! The way between the two ends: from HTTP/2's queue through the writer and the socket to the service, and back.

use crate::coverage::Kind;
use crate::link::{Conn, DEFAULT_WINDOW, Down, Piece};
use crate::world::{Check, Happening, MS, Told, World};
use bytes::Bytes;
use ossicle_core::io::{ConnId, LossCause, Mark, Step, StreamEnd, StreamId};

/// What the writer takes before it waits for the socket.
const WRITER_BYTES_MAX: usize = 16 * 1024;

impl World {
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
