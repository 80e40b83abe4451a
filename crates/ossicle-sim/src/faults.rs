//! What goes wrong, when its time comes.

use crate::coverage::Kind;
use crate::link::Down;
use crate::plan::{ConnectFault, Fault, Refusal};
use crate::service::{Phase, event};
use crate::verify::KnownKeys;
use crate::world::{Happening, MS, Told, World};
use ossicle_core::Command;
use ossicle_core::io::{ConnId, KeysFailure, LossCause, Step, StreamEnd, StreamId};
use ossicle_sigv4::Credentials;

/// The state of the network as a whole.
#[derive(Debug, Default)]
pub(crate) struct Net {
    pub(crate) blackhole: bool,
    connect: Option<ConnectFault>,
    keys_unavailable: bool,
    holes: u32,
    /// Connections on which the service complained about PINGs, once each.
    complaints: u32,
}

impl Net {
    /// How a connection that is begun now will fail.
    pub(crate) fn connecting(&self) -> Option<ConnectFault> {
        self.connect
    }
}

/// A fault that ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Over {
    Blackhole,
    Connect,
    Stall(ConnId),
    StarveConnection(ConnId),
    StarveStream(StreamId),
    Keys,
}

/// How long a fault waits that finds nothing to break.
const WAIT_MS: u64 = 700;

/// Faults ahead of one that is final: with it every seed meets three at least.
const FAULTS_BEFORE_FINAL: u64 = 2;

/// Longest interval of PINGs (`ossicle_core::limits`); one that would be longer stops them.
const PING_INTERVAL_MS_MAX: u64 = ossicle_core::limits::PING_INTERVAL_MAX_MS;

impl World {
    /// A fault's time has come. One that finds nothing to break waits for it.
    pub(crate) fn planned_fault(&mut self, index: usize) {
        if self.calm_since.is_some() {
            return;
        }
        let fault = self.plan.faults[index].1;
        // Some end a session for good, and may leave nothing to break for those that would come after.
        let too_early = fault.is_final() && self.faults < FAULTS_BEFORE_FINAL;
        if !too_early && self.fault(fault) {
            self.faults += 1;
        } else {
            self.later(WAIT_MS, Happening::Fault(index));
        }
    }

    /// Whether there was something to break.
    fn fault(&mut self, fault: Fault) -> bool {
        self.note(|| format!("! {fault:?}"));
        match fault {
            Fault::ResetStream => self.on_stream(Kind::StreamReset, |world, conn, stream| {
                let code = world.rng.pick(&[2, 8, 11, 13]);
                world.send_down(conn, Down::End(stream, StreamEnd::Reset(code)));
            }),
            Fault::CleanClose => self.on_stream(Kind::CleanClose, |world, conn, stream| {
                world.send_down(conn, Down::End(stream, StreamEnd::Clean));
            }),
            Fault::InternalException => self.on_stream(Kind::InternalException, |world, _, stream| {
                world.exception(stream, "internalFailureException");
            }),
            Fault::ValidationException => self.on_stream(Kind::ValidationException, |world, _, stream| {
                world.exception(stream, "validationException");
                world.may_fail(stream);
            }),
            Fault::Garbage => self.on_stream(Kind::Garbage, |world, conn, stream| {
                let bytes: Vec<u8> = (0..200).map(|_| world.rng.next() as u8).collect();
                world.send_body(conn, stream, bytes.into());
            }),
            Fault::WrongChecksum => self.on_stream(Kind::WrongChecksum, |world, conn, stream| {
                let mut bytes =
                    event(":event-type", "event", "transcriptEvent", &serde_json::json!({ "a": 1 }));
                let at = world.rng.range(12, bytes.len() as u64) as usize;
                bytes[at] ^= 1 << world.rng.range(0, 8);
                world.send_body(conn, stream, bytes.into());
            }),
            Fault::HugeLength => self.on_stream(Kind::HugeLength, |world, conn, stream| {
                let mut bytes = vec![0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
                // The checksum of the prelude is right: only the length is not.
                bytes.extend_from_slice(&crc32(&bytes).to_be_bytes());
                world.send_body(conn, stream, bytes.into());
            }),
            Fault::Stranger => self.on_stream(Kind::StrangerConflict, |world, _, stream| {
                world.exception(stream, "conflictException");
                world.may_fail(stream);
                if let Some(app) = world.service.streams.get(&stream).map(|served| served.app) {
                    world.apps[app].taken = true;
                }
            }),
            Fault::GoAwayPlanned => self.on_connection(Kind::GoAwayPlanned, |world, conn| {
                let processed = world.conns.get_mut(&conn).map(|conn| {
                    conn.goaway_sent = true;
                    conn.processed.clone()
                });
                world.send_down(conn, Down::GoAway(0, processed.unwrap_or_default()));
                let ms = world.rng.range(300, 12_000);
                world.later(ms, Happening::Kill(conn));
            }),
            Fault::GoAwayCalm => self.on_connection(Kind::EnhanceYourCalm, |world, conn| {
                world.complain();
                let processed = world.conns.get_mut(&conn).map(|conn| {
                    conn.goaway_sent = true;
                    conn.processed.clone()
                });
                world.send_down(conn, Down::GoAway(11, processed.unwrap_or_default()));
                world.send_down(conn, Down::Closed(Step::H2, LossCause::Protocol(Some(11))));
                if let Some(conn) = world.conns.get_mut(&conn) {
                    conn.served = false;
                }
                world.service_lost(conn);
            }),
            Fault::ResetConnection => {
                self.on_connection(Kind::ConnectionReset, |world, conn| world.kill(conn, LossCause::Closed))
            }
            Fault::CutUp(bytes) => self.with_connection(|world, conn| {
                if let Some(conn) = world.conns.get_mut(&conn) {
                    conn.cut_up = Some(bytes);
                }
            }),
            Fault::CutDown(bytes) => self.with_connection(|world, conn| {
                if let Some(conn) = world.conns.get_mut(&conn) {
                    conn.cut_down = Some(bytes);
                }
            }),
            Fault::HalfOpen => self.on_connection(Kind::HalfOpen, |world, conn| world.go_silent(conn)),
            Fault::Ghost => self.with_connection(|world, conn| {
                // Only the application's side hears of it; the service waits for audio until its idle limit.
                world.go_silent(conn);
                world.conn_is_gone(conn);
                world.told.push_back(Told::Lost(conn, Step::Socket, LossCause::Closed));
            }),
            Fault::Refuse(refusal) => self.refuse_next(refusal),
            Fault::StarveStream(ms) => self.on_stream(Kind::StreamStarved, |world, _, stream| {
                if let Some(up) = world.ups.get_mut(&stream) {
                    up.starved = true;
                }
                world.later(ms, Happening::Over(Over::StarveStream(stream)));
            }),
            Fault::StarveConnection(ms) => self.on_connection(Kind::ConnectionStarved, |world, id| {
                if let Some(conn) = world.conns.get_mut(&id) {
                    conn.starved = true;
                }
                world.later(ms, Happening::Over(Over::StarveConnection(id)));
            }),
            Fault::StallSocket(ms) => self.on_connection(Kind::SocketStalled, |world, id| {
                if let Some(conn) = world.conns.get_mut(&id) {
                    conn.stalled = true;
                }
                world.later(ms, Happening::Over(Over::Stall(id)));
            }),
            Fault::Blackhole(ms) => {
                self.cover.reached(Kind::Blackhole);
                self.net.blackhole = true;
                self.net.holes += 1;
                self.later(ms, Happening::Over(Over::Blackhole));
                true
            }
            Fault::Connect(how, ms) => {
                self.net.connect = Some(how);
                self.with_connection(|world, conn| world.kill(conn, LossCause::Closed));
                self.later(ms, Happening::Over(Over::Connect));
                true
            }
            Fault::MicBurst(ms) => self.hush(ms, true),
            Fault::MicStall(ms) => self.hush(ms, false),
            Fault::RevokeKeys => self.expire_keys(),
            Fault::KeysUnavailable(ms) => {
                let expired = self.expire_keys();
                if expired {
                    self.net.keys_unavailable = true;
                    self.later(ms, Happening::Over(Over::Keys));
                }
                expired
            }
            other => {
                self.fault_of_machine(other);
                true
            }
        }
    }

    /// The service complained about PINGs: the engine sends half as many, and none past the longest interval.
    fn complain(&mut self) {
        self.net.complaints += 1;
        let interval_ms = u64::from(self.plan.ping_interval_ms) << self.net.complaints;
        if interval_ms > PING_INTERVAL_MS_MAX {
            self.cover.reached(Kind::PingsStopped);
        }
    }

    /// The service ends a response by itself, while the application's own end of it is on its way.
    pub(crate) fn close_of(&mut self, app: usize) {
        let Some(stream) = self.live_stream(app).filter(|stream| self.is_live(*stream)) else { return };
        self.note(|| format!("! in passing: the end of {stream:?}"));
        self.cover.reached(Kind::CloseInPassing);
        let conn = self.conn_of(stream);
        self.send_down(conn, Down::End(stream, StreamEnd::Clean));
        self.over(stream);
    }

    fn fault_of_machine(&mut self, fault: Fault) {
        match fault {
            Fault::WallJump(ms) => {
                self.cover.reached(Kind::WallJump);
                self.machine.skew_ms += ms;
            }
            Fault::Sleep { ms, dead, clock_stops } => {
                self.cover.reached(Kind::MachineSleep);
                self.machine.asleep = true;
                self.machine.asleep_until = self.now + ms * MS;
                if clock_stops {
                    self.machine.asleep_ns = ms * MS;
                }
                if dead {
                    self.all_go_silent();
                }
                self.at(self.machine.asleep_until, Happening::WokenUp);
            }
            Fault::NetworkChanged { dead } => {
                self.cover.reached(Kind::NetworkChanged);
                if dead {
                    self.all_go_silent();
                }
                self.told.push_back(Told::Command(Command::NetworkChanged));
            }
            Fault::LateTicks(ms) => {
                self.cover.reached(Kind::LateTicks);
                self.machine.frozen_until = self.now + ms * MS;
            }
            Fault::AbsentPoller(ms) => self.machine.unpolled_until = self.now + ms * MS,
            _ => {}
        }
    }

    /// The service takes no new request with the keys of now, and a stream ends, so that one comes.
    fn expire_keys(&mut self) -> bool {
        if self.nobody_streams() {
            return false;
        }
        let now = self.true_ms();
        for keys in &mut self.service.keys {
            keys.expires_ms = keys.expires_ms.min(now);
        }
        self.on_stream(Kind::StreamReset, |world, conn, stream| {
            world.send_down(conn, Down::End(stream, StreamEnd::Reset(2)));
        })
    }

    fn refuse_next(&mut self, refusal: Refusal) -> bool {
        if self.nobody_streams() {
            return false;
        }
        let times = match refusal {
            Refusal::Final(_) | Refusal::NoHead => 1,
            _ => self.rng.range(1, 4),
        };
        for _ in 0..times {
            self.service.refusals.push_back(refusal);
        }
        self.on_stream(Kind::StreamReset, |world, conn, stream| {
            world.send_down(conn, Down::End(stream, StreamEnd::Reset(2)));
        })
    }

    fn nobody_streams(&self) -> bool {
        !self.service.streams.iter().any(|(id, served)| served.phase == Phase::Accepted && self.is_live(*id))
    }

    fn may_fail(&mut self, stream: StreamId) {
        if let Some(served) = self.service.streams.get(&stream) {
            self.apps[served.app].may_fail = true;
        }
    }

    /// Does something to a live stream of the service, which ends with it.
    fn on_stream(&mut self, kind: Kind, act: impl FnOnce(&mut Self, ConnId, StreamId)) -> bool {
        let live = self.service.streams.iter().filter(|(id, served)| {
            // After END_OF_SESSION a refusal could not be told from "it is complete".
            let ends = matches!(kind, Kind::ValidationException | Kind::StrangerConflict);
            served.phase == Phase::Accepted
                && self.is_live(**id)
                && !(ends && self.apps[served.app].asked_to_finish())
        });
        let live: Vec<(ConnId, StreamId)> = live.map(|(id, served)| (served.conn, *id)).collect();
        if live.is_empty() {
            return false;
        }
        let (conn, stream) = self.rng.pick(&live);
        self.cover.reached(kind);
        act(self, conn, stream);
        if kind != Kind::StreamStarved
            && !matches!(kind, Kind::Garbage | Kind::WrongChecksum | Kind::HugeLength)
        {
            self.over(stream);
        }
        true
    }

    fn with_connection(&mut self, act: impl FnOnce(&mut Self, ConnId)) -> bool {
        let open = self.conns.iter().filter(|(_, conn)| conn.is_open() && conn.served && !conn.silent);
        let open: Vec<ConnId> = open.map(|(id, _)| *id).collect();
        if open.is_empty() {
            return false;
        }
        let conn = self.rng.pick(&open);
        act(self, conn);
        true
    }

    fn on_connection(&mut self, kind: Kind, act: impl FnOnce(&mut Self, ConnId)) -> bool {
        self.with_connection(|world, conn| {
            world.cover.reached(kind);
            act(world, conn);
        })
    }

    fn go_silent(&mut self, id: ConnId) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.silent = true;
        }
    }

    fn all_go_silent(&mut self) {
        self.conns.values_mut().for_each(|conn| conn.silent = true);
    }

    pub(crate) fn woken_up(&mut self) {
        self.machine.asleep = false;
        self.machine.lag_ns += std::mem::take(&mut self.machine.asleep_ns);
    }

    pub(crate) fn fault_over(&mut self, over: Over) {
        self.note(|| format!("! over: {over:?}"));
        match over {
            Over::Blackhole => {
                self.net.holes = self.net.holes.saturating_sub(1);
                if self.net.holes == 0 && self.net.blackhole {
                    self.net.blackhole = false;
                    self.thaw();
                }
            }
            Over::Connect => self.net.connect = None,
            Over::Stall(id) => {
                if let Some(conn) = self.conns.get_mut(&id) {
                    conn.stalled = false;
                }
            }
            Over::StarveConnection(id) => {
                let Some(conn) = self.conns.get_mut(&id) else { return };
                conn.starved = false;
                let owed = std::mem::take(&mut conn.owed);
                if owed > 0 {
                    self.send_down(id, Down::Window(None, owed));
                }
            }
            Over::StarveStream(stream) => {
                let Some(up) = self.ups.get_mut(&stream) else { return };
                up.starved = false;
                let (conn, owed) = (up.conn, std::mem::take(&mut up.owed));
                if owed > 0 {
                    self.send_down(conn, Down::Window(Some(stream), owed));
                }
            }
            Over::Keys => self.net.keys_unavailable = false,
        }
    }

    /// All faults end.
    pub(crate) fn calm(&mut self) {
        self.note(|| "! calm".into());
        self.calm_since = Some(self.now);
        self.net.connect = None;
        self.net.keys_unavailable = false;
        if std::mem::take(&mut self.net.blackhole) {
            self.net.holes = 0;
            self.thaw();
        }
        self.service.refusals.clear();
        let conns: Vec<ConnId> = self.conns.keys().copied().collect();
        for conn in conns {
            self.fault_over(Over::Stall(conn));
            self.fault_over(Over::StarveConnection(conn));
            if let Some(conn) = self.conns.get_mut(&conn) {
                (conn.cut_up, conn.cut_down) = (None, None);
            }
        }
        let streams: Vec<StreamId> = self.ups.keys().copied().collect();
        for stream in streams {
            self.fault_over(Over::StarveStream(stream));
        }
    }

    pub(crate) fn keys_answer(&mut self) {
        if self.net.keys_unavailable {
            self.cover.reached(Kind::KeysUnavailable);
            self.told.push_back(Told::KeysFailed(KeysFailure::Unavailable));
            return;
        }
        let serial = self.service.keys.len();
        let known = KnownKeys {
            id: format!("AKIDSIM{serial:013}"),
            secret: format!("secret-{:016x}", self.rng.next()),
            token: format!("token-{:016x}", self.rng.next()),
            expires_ms: self.true_ms() + self.plan.keys_ms,
        };
        let (id, secret, token) = (known.id.clone(), known.secret.clone(), known.token.clone());
        let credentials = Credentials::new(id, secret, Some(token), Some(known.expires_ms));
        self.service.keys.push(known);
        self.told.push_back(Told::Keys(credentials));
    }
}

/// The IEEE checksum, bit by bit: used for one message a seed.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
        }
    }
    !sum
}
