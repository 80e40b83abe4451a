//! The world around one engine: time, the queue of what will happen, and the engine's step.

use crate::app::App;
use crate::coverage::Coverage;
use crate::link::{Conn, Up};
use crate::plan::{CALM_MS, HEAL_MS_MAX, Plan, RUN_MS_MIN};
use crate::rng::Rng;
use crate::service::Service;
use bytes::{Bytes, BytesMut};
use ossicle_core::io::{ConnId, Headers, KeysFailure, LossCause, Mark, Step, StreamEnd, StreamId};
use ossicle_core::{Command, Endpoint, Engine, EngineConfig, Input, Mono, Now, Output, State, UnixMillis};
use ossicle_sigv4::Credentials;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// A check that failed says what is wrong.
pub(crate) type Check = Result<(), String>;

/// Outputs of one input, at most: the sessions' messages of a turn and a few more.
const OUTPUTS_MAX: u32 = 600;

/// Inputs at one instant, at most: more is a loop that time does not end.
const INPUTS_AT_ONCE_MAX: u32 = 5_000;

pub(crate) const MS: u64 = 1_000_000;

/// What will happen.
#[derive(Debug)]
pub(crate) enum Happening {
    Wake(u64),
    Push(usize),
    Connect(ConnId),
    Up(ConnId),
    Down(ConnId),
    Answer(StreamId),
    EndResponse(StreamId),
    Kill(ConnId),
    KeysAnswer,
    Act(usize, usize),
    React(usize),
    Open(usize),
    Fault(usize),
    /// The service ends an application's stream by itself.
    CloseOf(usize),
    Over(crate::faults::Over),
    ServiceTick,
    WokenUp,
    Calm,
}

/// What is told to the engine, in the order of the driver's queue.
pub(crate) enum Told {
    Tick,
    Command(Command),
    Keys(Credentials),
    KeysFailed(KeysFailure),
    Connected(ConnId),
    PeerSettings(ConnId, u32),
    GoAway(ConnId, u32),
    Lost(ConnId, Step, LossCause),
    Head(StreamId, u16, Pairs),
    Credit(StreamId),
    Written(ConnId, Mark),
    Pong(ConnId),
    Received(StreamId, Bytes),
    Ended(StreamId, StreamEnd),
}

/// Response headers.
pub(crate) struct Pairs(pub(crate) Vec<(&'static str, String)>);

impl Headers for Pairs {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

struct Entry {
    at: u64,
    serial: u64,
    what: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.serial == other.serial
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

/// The application's machine: its clocks and what stops it.
#[derive(Debug)]
pub(crate) struct Machine {
    /// True time minus monotonic time.
    pub(crate) lag_ns: u64,
    /// Wall clock minus true time.
    pub(crate) skew_ms: i64,
    pub(crate) asleep: bool,
    pub(crate) asleep_until: u64,
    /// By how much the monotonic clock stands still in this sleep.
    pub(crate) asleep_ns: u64,
    pub(crate) frozen_until: u64,
    pub(crate) unpolled_until: u64,
}

/// Everything.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) rng: Rng,
    pub(crate) now: u64,
    queue: BinaryHeap<Reverse<Entry>>,
    serial: u64,
    pub(crate) machine: Machine,
    engine: Engine,
    out: BytesMut,
    pub(crate) told: VecDeque<Told>,
    pub(crate) conns: BTreeMap<ConnId, Conn>,
    pub(crate) ups: BTreeMap<StreamId, Up>,
    pub(crate) apps: Vec<App>,
    pub(crate) service: Service,
    pub(crate) net: crate::faults::Net,
    pub(crate) cover: Coverage,
    wake_at: Option<u64>,
    wake_serial: u64,
    sleep_until: Option<Mono>,
    at_once: u32,
    pub(crate) calm_since: Option<u64>,
    pub(crate) session_ns: u64,
    pub(crate) steps: u64,
    /// Planned faults that met something to break.
    pub(crate) faults: u64,
    pub(crate) trace: bool,
}

impl World {
    pub(crate) fn new(seed: u64, trace: bool) -> Self {
        let plan = Plan::new(seed);
        let endpoint = Endpoint { tls: true, host: "health.example".into(), port: 443 };
        let mut config = EngineConfig::new(endpoint, crate::verify::REGION);
        config.tick_ms = plan.tick_ms;
        config.streams_per_connection = plan.streams_per_connection;
        config.ping_interval_ms = plan.ping_interval_ms;
        config.catch_up_rate = plan.catch_up_rate;
        config.unwritten_bytes_max = plan.unwritten_bytes_max;
        config.held_bytes_max = plan.held_bytes_max;
        config.seed = seed;
        let engine = Engine::new(config).expect("a constant region");
        let machine = Machine {
            lag_ns: 0,
            skew_ms: plan.skew_ms,
            asleep: false,
            asleep_until: 0,
            asleep_ns: 0,
            frozen_until: 0,
            unpolled_until: 0,
        };
        let mut world = Self {
            rng: Rng::new(seed.wrapping_mul(3) + 1),
            // The monotonic clock does not begin at zero.
            now: 3_000 * MS,
            queue: BinaryHeap::new(),
            serial: 0,
            machine,
            engine,
            out: BytesMut::new(),
            told: VecDeque::new(),
            conns: BTreeMap::new(),
            ups: BTreeMap::new(),
            apps: Vec::new(),
            service: Service::default(),
            net: crate::faults::Net::default(),
            cover: Coverage::default(),
            wake_at: None,
            wake_serial: 0,
            sleep_until: None,
            at_once: 0,
            calm_since: None,
            session_ns: 0,
            steps: 0,
            faults: 0,
            trace,
            plan,
        };
        world.prepare();
        world
    }

    fn prepare(&mut self) {
        for (index, session) in self.plan.sessions.clone().into_iter().enumerate() {
            self.later(session.open_ms, Happening::Open(index));
            self.apps.push(App::new(index, session, &mut self.rng));
        }
        let mut calm_ms = CALM_MS;
        for (index, (at, fault)) in self.plan.faults.clone().into_iter().enumerate() {
            self.later(at, Happening::Fault(index));
            if let crate::plan::Fault::Sleep { ms, .. } = fault {
                calm_ms = calm_ms.max(at + ms + 5_000);
            }
        }
        self.later(calm_ms, Happening::Calm);
        self.later(250, Happening::ServiceTick);
    }

    /// Runs to the end. The error is what a checker found.
    pub(crate) fn run(&mut self) -> Check {
        let begin = self.now;
        loop {
            while let Some(told) = self.told.pop_front() {
                self.step(told)?;
            }
            let Some(Reverse(entry)) = self.queue.pop() else {
                return Err("nothing will happen any more".into());
            };
            if entry.at > self.now {
                self.now = entry.at;
                self.at_once = 0;
            }
            self.happen(entry.what)?;
            if self.is_over(begin)? && self.told.is_empty() {
                self.session_ns += self.apps.iter().map(|app| app.lived_ns(self.now)).sum::<u64>();
                return Ok(());
            }
        }
    }

    /// Whether all is done; checks that it is done in time.
    fn is_over(&mut self, begin: u64) -> Result<bool, String> {
        let Some(calm) = self.calm_since else { return Ok(false) };
        let ran_ms = (self.now - begin) / MS;
        let calm_ms = (self.now - calm) / MS;
        if !self.now.is_multiple_of(100 * MS) && calm_ms < HEAL_MS_MAX {
            return Ok(false);
        }
        let mut unsettled = None;
        let mut heal_ms = HEAL_MS_MAX;
        for app in self.apps.iter().filter(|app| app.lives()) {
            let state = self.engine.stats(app.key).map(|stats| stats.state);
            if !matches!(state, Some(State::Streaming | State::Paused) | None) {
                unsettled = Some(app.key);
                if state == Some(State::Draining) {
                    // A pause waits for what is held to go out.
                    heal_ms += (f64::from(app.plan.held_ms_max) / f64::from(self.plan.catch_up_rate)) as u64;
                }
                break;
            }
        }
        if let Some(key) = unsettled {
            if calm_ms > heal_ms && self.apps.iter().all(|app| !app.is_finishing()) {
                let stats = self.engine.stats(key);
                return Err(format!(
                    "{key:?} has not come back {calm_ms} ms after the faults ended: {stats:?}"
                ));
            }
            if calm_ms > 2 * HEAL_MS_MAX + heal_ms {
                return Err(format!("{key:?} neither finishes nor fails"));
            }
            return Ok(false);
        }
        if ran_ms < RUN_MS_MIN - 15_000 {
            return Ok(false);
        }
        let mut live = 0;
        for index in 0..self.apps.len() {
            if self.apps[index].lives() {
                live += 1;
                if !self.apps[index].is_finishing() {
                    self.act(index, crate::plan::Act::Finish);
                }
            }
        }
        Ok(live == 0 && ran_ms >= RUN_MS_MIN)
    }

    pub(crate) fn later(&mut self, ms: u64, what: Happening) {
        self.at(self.now + ms * MS, what);
    }

    pub(crate) fn at(&mut self, at: u64, what: Happening) {
        self.serial += 1;
        self.queue.push(Reverse(Entry { at: at.max(self.now), serial: self.serial, what }));
    }

    // ---- time ----

    /// What the machine's clocks say.
    pub(crate) fn client_now(&self) -> Now {
        Now {
            mono: Mono(self.now - self.machine.lag_ns),
            wall: UnixMillis(self.true_ms() + self.machine.skew_ms),
        }
    }

    /// True time, which the service has.
    pub(crate) fn true_ms(&self) -> i64 {
        self.plan.wall_ms + (self.now / MS) as i64
    }

    /// Until when the engine's thread does not run.
    fn stopped_until(&self) -> Option<u64> {
        if self.machine.asleep {
            return Some(self.machine.asleep_until);
        }
        (self.machine.frozen_until > self.now).then_some(self.machine.frozen_until)
    }

    fn happen(&mut self, what: Happening) -> Check {
        let of_engine = matches!(
            what,
            Happening::Wake(_)
                | Happening::Connect(_)
                | Happening::Down(_)
                | Happening::KeysAnswer
                | Happening::Act(..)
                | Happening::React(_)
                | Happening::Open(_)
                | Happening::Calm
        );
        if of_engine && let Some(until) = self.stopped_until() {
            self.at(until, what);
            return Ok(());
        }
        match what {
            Happening::Wake(serial) => {
                if serial == self.wake_serial {
                    self.wake_at = None;
                    if self.sleep_until.is_some_and(|until| until > self.client_now().mono) {
                        // The monotonic clock stood still meanwhile.
                        self.sleep(self.sleep_until);
                    } else {
                        self.told.push_back(Told::Tick);
                    }
                }
            }
            Happening::Push(app) => self.push(app),
            Happening::Connect(conn) => self.connect_answer(conn),
            Happening::Up(conn) => self.up_arrives(conn)?,
            Happening::Down(conn) => self.down_arrives(conn)?,
            Happening::Answer(stream) => self.answer(stream)?,
            Happening::EndResponse(stream) => self.end_response(stream),
            Happening::Kill(conn) => self.kill(conn, LossCause::Closed),
            Happening::KeysAnswer => self.keys_answer(),
            Happening::Act(app, at) => {
                let act = self.apps[app].plan.acts[at].1;
                self.act(app, act);
            }
            Happening::React(app) => {
                if self.machine.unpolled_until > self.now {
                    self.at(self.machine.unpolled_until, Happening::React(app));
                } else {
                    self.act(app, crate::plan::Act::Resume);
                }
            }
            Happening::Open(app) => self.open(app),
            Happening::Fault(index) => self.planned_fault(index),
            Happening::CloseOf(app) => self.close_of(app),
            Happening::Over(what) => self.fault_over(what),
            Happening::ServiceTick => {
                self.service_tick()?;
                self.later(250, Happening::ServiceTick);
            }
            Happening::WokenUp => self.woken_up(),
            Happening::Calm => self.calm(),
        }
        Ok(())
    }

    // ---- the engine ----

    fn step(&mut self, told: Told) -> Check {
        if let Some(until) = self.stopped_until() {
            // The thread that would tell it does not run: time passes for everybody else first.
            self.told.push_front(told);
            return self.pass_until(until);
        }
        self.steps += 1;
        self.at_once += 1;
        if self.at_once > INPUTS_AT_ONCE_MAX {
            return Err("the engine does not come to rest".into());
        }
        let now = self.client_now();
        let tick = matches!(told, Told::Tick);
        if !self.tell(told, now) {
            return Ok(());
        }
        for _ in 0..OUTPUTS_MAX {
            match self.engine.poll(now, &mut self.out) {
                Output::Sleep(until) => {
                    if until.is_some_and(|until| until < now.mono) {
                        return Err("Sleep is in the past".into());
                    }
                    self.sleep(until);
                    self.pump()?;
                    return self.check(tick);
                }
                output => self.perform(output, now)?,
            }
        }
        Err(format!("more than {OUTPUTS_MAX} outputs of one input"))
    }

    /// Lets everything else happen until the engine's thread runs again.
    fn pass_until(&mut self, until: u64) -> Check {
        while let Some(Reverse(entry)) = self.queue.pop() {
            if entry.at > until {
                self.queue.push(Reverse(entry));
                break;
            }
            self.now = self.now.max(entry.at);
            let woken = matches!(entry.what, Happening::WokenUp);
            self.happen(entry.what)?;
            if woken {
                break;
            }
        }
        self.now = self.now.max(until);
        self.at_once = 0;
        Ok(())
    }

    fn sleep(&mut self, until: Option<Mono>) {
        self.sleep_until = until;
        let at = until.map(|until| (until.0 + self.machine.lag_ns).max(self.now));
        if at != self.wake_at {
            self.wake_at = at;
            self.wake_serial += 1;
            if let Some(at) = at {
                self.at(at, Happening::Wake(self.wake_serial));
            }
        }
    }

    fn tell(&mut self, told: Told, now: Now) -> bool {
        if self.trace && !matches!(told, Told::Tick) {
            self.say(&told);
        }
        let input = match &told {
            Told::Tick => Input::Tick,
            Told::PeerSettings(conn, max) => Input::PeerSettings { conn: *conn, streams_max: *max },
            Told::Connected(conn) => Input::Connected(*conn),
            Told::GoAway(conn, reason) => Input::GoAway { conn: *conn, reason: *reason },
            Told::Lost(conn, step, cause) => {
                if let Some(conn) = self.conns.get_mut(conn) {
                    conn.over = true;
                    for stream in &conn.streams {
                        if let Some(up) = self.ups.get_mut(stream) {
                            up.over = true;
                        }
                    }
                }
                Input::ConnectionLost { conn: *conn, step: *step, cause: *cause }
            }
            Told::Head(stream, status, headers) => Input::Head { stream: *stream, status: *status, headers },
            Told::Credit(stream) => {
                let Some(up) = self.ups.get_mut(stream).filter(|up| !up.dead) else { return false };
                up.told = up.assigned;
                Input::Credit { stream: *stream, bytes: up.assigned }
            }
            Told::Written(conn, mark) => {
                if !self.conns.get(conn).is_some_and(|conn| conn.is_open()) {
                    return false;
                }
                Input::Written { conn: *conn, mark: *mark }
            }
            Told::Pong(conn) => {
                if let Some(conn) = self.conns.get_mut(conn) {
                    conn.pinging = false;
                }
                Input::Pong(*conn)
            }
            Told::Received(stream, bytes) => Input::Received { stream: *stream, bytes },
            Told::Ended(stream, end) => {
                if let Some(up) = self.ups.get_mut(stream) {
                    up.over = true;
                }
                Input::StreamEnded { stream: *stream, end: *end }
            }
            Told::KeysFailed(failure) => Input::KeysFailed(*failure),
            Told::Command(_) | Told::Keys(_) => {
                let input = match told {
                    Told::Command(command) => Input::Command(command),
                    Told::Keys(keys) => Input::Keys(keys),
                    _ => return false,
                };
                self.engine.handle(now, input);
                return true;
            }
        };
        self.engine.handle(now, input);
        true
    }

    /// Takes what the engine wrote.
    pub(crate) fn written(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    pub(crate) fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    // ---- telling a person ----

    pub(crate) fn note(&self, text: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{:10.3} {}", self.now as f64 / 1e9 - 3.0, text());
        }
    }

    fn say(&self, told: &Told) {
        self.note(|| match told {
            Told::Command(command) => format!("> {command:?}").chars().take(60).collect(),
            Told::Keys(_) => "> keys".into(),
            Told::KeysFailed(failure) => format!("> keys failed {failure:?}"),
            Told::Connected(conn) => format!("> connected {conn:?}"),
            Told::PeerSettings(conn, max) => format!("> settings {conn:?} {max}"),
            Told::GoAway(conn, reason) => format!("> goaway {conn:?} {reason}"),
            Told::Lost(conn, step, cause) => format!("> lost {conn:?} {step:?} {cause:?}"),
            Told::Head(stream, status, headers) => format!("> head {stream:?} {status} {:?}", headers.0),
            Told::Received(stream, bytes) => format!("> {} bytes {stream:?}", bytes.len()),
            Told::Ended(stream, end) => format!("> ended {stream:?} {end:?}"),
            Told::Credit(stream) => {
                format!("> credit {stream:?} {:?}", self.ups.get(stream).map(|up| up.assigned))
            }
            Told::Written(conn, mark) => format!("> written {conn:?} {mark:?}"),
            Told::Pong(conn) => format!("> pong {conn:?}"),
            Told::Tick => "> tick".into(),
        });
    }
}
