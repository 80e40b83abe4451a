//! What passes between the engine and its connections in a turn.

use super::conn::{Conn, Found, Link, Loss};
use super::ready::What;
use super::stream::{HeadersOf, Step as StreamStep};
use super::{Later, Shard};
use crate::net::{ConnectError, Stream};
use crate::wire::{Note, WireMark};
use ossicle_core::io::{ConnId, Input, LossCause, Mark, Step, StreamId};

impl Shard {
    /// A way to the peer was made, or not.
    pub(super) fn connected(&mut self, id: ConnId, result: Result<Stream, ConnectError>) {
        // One that the engine gave up meanwhile closes by being dropped.
        let Some(slot) = self.conn_slots.get(&id).copied() else { return };
        let due = self.now.mono.plus_ms(u64::try_from(self.net.deadlines.h2.as_millis()).unwrap_or(u64::MAX));
        let link = result.map_err(|error| Loss::new(error.step, error.cause)).and_then(|stream| {
            Link::new(id, stream, self.spares.clone(), due, self.ready.flag(What::Conn(slot)))
        });
        match link {
            Ok(link) => {
                if let Some(place) = self.conns.get(slot) {
                    *place = Conn::Up(Box::new(link));
                }
                self.feed(Input::Connected(id));
                // The first poll, which asks for what will come.
                self.poll_conn(slot);
            }
            Err(loss) => {
                self.remove_conn(slot);
                self.later.push_back(Later::Lost(id, loss));
            }
        }
    }

    pub(super) fn link(&mut self, slot: u32) -> Option<&mut Link> {
        match self.conns.get(slot)? {
            Conn::Up(link) => Some(link),
            Conn::Connecting { .. } => None,
        }
    }

    pub(super) fn link_of(&mut self, id: ConnId) -> Option<(u32, &mut Link)> {
        let slot = *self.conn_slots.get(&id)?;
        Some((slot, self.link(slot)?))
    }

    /// The connection is flushed at the end of the turn.
    pub(super) fn touch(&mut self, slot: u32) {
        if let Some(link) = self.link(slot)
            && !link.touched
        {
            link.touched = true;
            self.touched.push(slot);
        }
    }

    /// Lets h2 take in what came, where something came.
    pub(super) fn read_conns(&mut self) {
        let mut round = std::mem::take(&mut self.round);
        self.ready.take_conns(&mut round);
        for slot in round.drain(..) {
            self.poll_conn(slot);
        }
        self.round = round;
    }

    fn poll_conn(&mut self, slot: u32) {
        let Some(link) = self.link(slot) else { return };
        let id = link.id;
        let found = link.poll();
        self.touch(slot);
        self.tell_found(slot, id, found);
    }

    fn tell_found(&mut self, slot: u32, id: ConnId, found: Found) {
        for note in found.notes {
            match note {
                Note::Settings { streams_max } => {
                    if let Some(link) = self.link(slot) {
                        link.settings_due = None;
                    }
                    self.feed(Input::PeerSettings { conn: id, streams_max });
                }
                Note::GoAway { last_stream, reason } => {
                    tracing::debug!(reason, last_stream, "the peer sent GOAWAY");
                    self.feed(Input::GoAway { conn: id, reason });
                }
            }
        }
        if found.pong {
            self.read_ended(slot, &found.ended_first);
            self.feed(Input::Pong(id));
        }
        if let Some(loss) = found.loss {
            self.lose(slot, loss);
        }
    }

    /// A stream that ended ahead of a PONG is told of ahead of it: the PONG proves nothing for it.
    fn read_ended(&mut self, slot: u32, ended: &[u32]) {
        for stream in ended {
            let name = self.link(slot).and_then(|link| link.streams.get(stream).copied());
            if let Some(slot) = name.and_then(|name| self.stream_slots.get(&name).copied()) {
                self.read_stream(slot, false);
            }
        }
    }

    /// Reads the answers that moved.
    pub(super) fn read_streams(&mut self) {
        let mut round = std::mem::take(&mut self.round);
        self.ready.take_streams(&mut round);
        for slot in round.drain(..) {
            if let Some(stream) = self.streams.get(slot) {
                stream.lower();
                self.read_stream(slot, false);
            }
            self.unsettle(slot);
        }
        self.round = round;
    }

    /// Credit may have changed.
    pub(super) fn unsettle(&mut self, slot: u32) {
        if let Some(stream) = self.streams.get(slot)
            && stream.wants()
            && !stream.unsettled
        {
            stream.unsettled = true;
            self.unsettled.push(slot);
        }
    }

    /// Reads all that is there of a stream's answer. `lost` when its connection is gone already.
    fn read_stream(&mut self, slot: u32, lost: bool) {
        // The engine may drop the stream over what it reads.
        while let Some(stream) = self.streams.get(slot) {
            let (id, conn) = (stream.id, stream.conn);
            match stream.step() {
                StreamStep::Rest => return,
                StreamStep::Head(response) => self.feed(Input::Head {
                    stream: id,
                    status: response.status().as_u16(),
                    headers: &HeadersOf(response.headers()),
                }),
                StreamStep::Data(bytes) => self.feed(Input::Received { stream: id, bytes: &bytes }),
                StreamStep::Ended(end) => {
                    self.remove_stream(id);
                    return self.feed(Input::StreamEnded { stream: id, end });
                }
                StreamStep::ConnLost(_) if lost => return,
                StreamStep::ConnLost(loss) => return self.lose(conn, loss),
            }
        }
    }

    /// Writes what this turn brought: h2 into the writers, the writers to their sockets, once each.
    pub(super) fn write_conns(&mut self) {
        self.read_conns();
        let mut touched = std::mem::take(&mut self.touched);
        self.now = self.clocks.now();
        for slot in touched.drain(..) {
            self.write_conn(slot);
        }
        // What came up meanwhile belongs to the next round.
        if self.touched.is_empty() {
            self.touched = touched;
        }
    }

    fn write_conn(&mut self, slot: u32) {
        let Some(link) = self.link(slot) else { return };
        link.touched = false;
        let id = link.id;
        if link.ping_wanted {
            // h2 has written this turn's audio; the PING goes behind it.
            link.send_ping();
            let found = link.poll();
            self.tell_found(slot, id, found);
        }
        let Some(link) = self.link(slot) else { return };
        let flushed = link.flush();
        while let Some(link) = self.link(slot).filter(|link| link.id == id) {
            let Some(mark) = link.wire.next_mark() else { break };
            let mark = match mark {
                WireMark::Ping => Mark::Ping,
                WireMark::Data { stream, bytes } => match link.streams.get(&stream) {
                    // A stream that is gone needs no account.
                    None => continue,
                    Some(stream) => Mark::Data { stream: *stream, bytes },
                },
            };
            self.feed(Input::Written { conn: id, mark });
        }
        if let Err(loss) = flushed {
            self.lose(slot, loss);
        }
    }

    /// The connection is gone: what its streams had still received is told first.
    pub(super) fn lose(&mut self, slot: u32, loss: Loss) {
        let Some(link) = self.link(slot) else { return };
        let id = link.id;
        let streams: Vec<StreamId> = link.streams.values().copied().collect();
        for stream in streams {
            if let Some(slot) = self.stream_slots.get(&stream).copied() {
                self.read_stream(slot, true);
            }
        }
        if self.conn_slots.contains_key(&id) {
            self.remove_conn(slot);
            self.later.push_back(Later::Lost(id, loss));
        }
    }

    /// Takes a connection and its streams away.
    pub(super) fn remove_conn(&mut self, slot: u32) {
        let Some(conn) = self.conns.take(slot) else { return };
        self.conn_slots.remove(&conn.id());
        match conn {
            Conn::Connecting { task, .. } => task.abort(),
            Conn::Up(link) => {
                for stream in link.streams.values() {
                    if let Some(slot) = self.stream_slots.remove(stream) {
                        self.streams.take(slot);
                    }
                }
                link.abandon();
            }
        }
    }

    /// Takes a stream away. Dropping it resets it, if it has not ended on both sides.
    pub(super) fn remove_stream(&mut self, id: StreamId) -> Option<super::stream::Stream> {
        let slot = self.stream_slots.remove(&id)?;
        let stream = self.streams.take(slot)?;
        if let Some(link) = self.link(stream.conn) {
            link.streams.remove(&stream.h2_id);
        }
        Some(stream)
    }

    /// A peer that has not sent its SETTINGS by the deadline speaks no HTTP/2.
    pub(super) fn check_settings_deadlines(&mut self) {
        let late: Vec<u32> = self.conns.used().collect();
        for slot in late {
            let now = self.now.mono;
            if self.link(slot).is_some_and(|link| link.settings_due.is_some_and(|due| due <= now)) {
                self.lose(slot, Loss::new(Step::H2, LossCause::TimedOut));
            }
        }
    }
}
