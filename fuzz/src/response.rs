//! The response path: a peer that answers anything, in any order, to a live session.
//!
//! The input is a list of steps. A step is what a driver would report (an answer's head, bytes of its body, credit,
//! PONGs, ends, losses, ticks) or what an application would ask. Bodies come raw, or framed with good checksums around
//! the fuzzer's bytes, so that the JSON behind the framing is reached.

use bytes::BytesMut;
use ossicle_audio::{ChannelMap, Format, FrontEnd, FrontEndConfig, Layout, SampleType, Tap, tap};
use ossicle_core::io::{ConnId, LossCause, Mark, SessionKey, Step, StreamEnd, StreamId};
use ossicle_core::{
    Command, Endpoint, Engine, EngineConfig, Event, Input, Mono, Now, Output, SessionConfig, SessionSetup,
    UnixMillis,
};
use ossicle_eventstream::{Header, Value, encode_message, message_len};
use ossicle_model::stream::Configuration;
use ossicle_sigv4::Credentials;

const SESSION: SessionKey = SessionKey(1);

/// More than any single input may put out: one session, one connection, a bounded turn.
const OUTPUTS_MAX: usize = 2_000;

const STATUSES: [u16; 12] = [200, 400, 401, 402, 403, 404, 409, 429, 500, 503, 302, 200];
const EVENTS: [&str; 6] = [
    "transcriptEvent",
    "checklistEvent",
    "periodontalChartEvent",
    "internalFailureException",
    "validationException",
    "conflictException",
];

/// Plays the steps and checks after each that every frame is accounted for and that credit is kept.
pub fn respond(data: &[u8]) {
    let mut world = World::new();
    let mut data = data;
    while let Some((&op, rest)) = data.split_first() {
        data = rest;
        if world.closed {
            return;
        }
        world.step(op, &mut data);
        world.check();
    }
}

struct World {
    engine: Engine,
    tap: Tap,
    now_ms: u64,
    /// The newest connection, and the one that carries the stream.
    conn: Option<ConnId>,
    stream_conn: Option<ConnId>,
    stream: Option<StreamId>,
    credit: u32,
    finish_asked: bool,
    closed: bool,
}

impl World {
    fn new() -> Self {
        let endpoint = Endpoint { tls: true, host: "localhost".into(), port: 8443 };
        let engine = Engine::new(EngineConfig::new(endpoint, "us-east-1")).expect("an engine");
        let format = Format::new(SampleType::S16, Layout::Interleaved, 16_000, 1).expect("a format");
        let (tap, reader) = tap(format, 1_000).expect("a tap");
        let config =
            FrontEndConfig { wire_rate_hz: 16_000, channel_map: ChannelMap::MixToMono, check_rate: false };
        let front_end = FrontEnd::new(config, vec![reader]).expect("a front end");
        let mut world = Self {
            engine,
            tap,
            now_ms: 0,
            conn: None,
            stream_conn: None,
            stream: None,
            credit: 0,
            finish_asked: false,
            closed: false,
        };
        let config = SessionConfig::new(
            "0f1e2d3c-4b5a-4789-8abc-def012345678".parse().expect("a UUID"),
            "hai-abcdefghijklmnopq".parse().expect("a domain"),
            "sub-abcdefghijKLMNOPQRSTU".parse().expect("a subscription"),
            Configuration::history_and_physical("s3://bucket/out/"),
        );
        let setup = Box::new(SessionSetup { config, front_end });
        world.give(Input::Command(Command::Open { session: SESSION, setup }));
        world.give(Input::Keys(Credentials::new("AKIDEXAMPLE", "secret", None, None)));
        world
    }

    fn now(&self) -> Now {
        Now { mono: Mono(self.now_ms * 1_000_000), wall: UnixMillis(1_768_472_430_000 + self.now_ms as i64) }
    }

    fn step(&mut self, op: u8, data: &mut &[u8]) {
        let arg = take(data, 1).first().copied().unwrap_or_default();
        match op % 16 {
            0 | 1 => {
                let pcm = vec![i16::from(arg); usize::from(arg) * 16];
                let _ = self.tap.push_i16(&pcm, None);
                self.tick(u64::from(arg));
            }
            2 => self.tick(u64::from(arg) * 20),
            3 | 4 => self.on_stream(|stream| Input::Head {
                stream,
                status: STATUSES[usize::from(arg) % STATUSES.len()],
                headers: &[("date", "Thu, 15 Jan 2026 10:20:30 GMT"), ("x-amzn-errortype", "")],
            }),
            5 | 6 => {
                let body = framed(arg, take(data, usize::from(arg)));
                self.receive(&body);
            }
            7 => {
                let body = take(data, usize::from(arg)).to_vec();
                self.receive(&body);
            }
            8 => {
                if let Some(stream) = self.stream {
                    self.credit = u32::from(arg) * 256;
                    self.give(Input::Credit { stream, bytes: self.credit });
                }
            }
            9 => {
                if let Some(conn) = self.conn {
                    self.give(Input::Pong(conn));
                }
            }
            10 => {
                let end = if arg < 128 { StreamEnd::Clean } else { StreamEnd::Reset(u32::from(arg) - 128) };
                self.on_stream(|stream| Input::StreamEnded { stream, end });
            }
            11 => {
                if let Some(conn) = self.conn.take() {
                    if self.stream_conn == Some(conn) {
                        self.stream = None;
                    }
                    let step = [Step::Tcp, Step::Tls, Step::H2, Step::Socket][usize::from(arg) % 4];
                    self.give(Input::ConnectionLost { conn, step, cause: LossCause::Closed });
                }
            }
            12 => {
                if let Some(conn) = self.conn {
                    self.give(Input::GoAway { conn, reason: u32::from(arg) % 12 });
                }
            }
            13 => self.give(Input::Command(Command::Mute(SESSION, arg % 2 == 0))),
            14 => {
                let command = if arg % 2 == 0 { Command::Pause(SESSION) } else { Command::Resume(SESSION) };
                self.give(Input::Command(command));
            }
            _ => match arg % 8 {
                0 => {
                    self.finish_asked = true;
                    self.give(Input::Command(Command::Finish(SESSION)));
                }
                1 => self.give(Input::Command(Command::Abort(SESSION))),
                _ => self.give(Input::Command(Command::NetworkChanged)),
            },
        }
    }

    fn tick(&mut self, ms: u64) {
        self.now_ms += ms.max(1);
        self.give(Input::Tick);
    }

    fn on_stream(&mut self, input: impl FnOnce(StreamId) -> Input<'static>) {
        if let Some(stream) = self.stream {
            let input = input(stream);
            if let Input::StreamEnded { .. } = input {
                self.stream = None;
            }
            self.give(input);
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        if let Some(stream) = self.stream {
            self.give(Input::Received { stream, bytes });
        }
    }

    fn give(&mut self, input: Input<'_>) {
        self.engine.handle(self.now(), input);
        let mut next = self.drain();
        while let Some(input) = next.pop() {
            self.engine.handle(self.now(), input);
            next.extend(self.drain());
        }
    }

    /// Performs what comes out. Connections are made at once; credit comes only by the input's steps.
    fn drain(&mut self) -> Vec<Input<'static>> {
        let mut inputs = Vec::new();
        let mut out = BytesMut::new();
        for _ in 0..OUTPUTS_MAX {
            match self.engine.poll(self.now(), &mut out) {
                Output::Connect(conn) => {
                    self.conn = Some(conn);
                    inputs.insert(0, Input::Connected(conn));
                    inputs.insert(0, Input::PeerSettings { conn, streams_max: 100 });
                }
                Output::Open { conn, stream, .. } => {
                    self.conn = Some(conn);
                    self.stream_conn = Some(conn);
                    self.stream = Some(stream);
                    self.credit = 0;
                }
                Output::Want { bytes: 0, .. } => self.credit = 0,
                Output::Write { stream, bytes } => {
                    assert_eq!(Some(stream), self.stream, "a write to a stream that is gone");
                    assert!(bytes <= self.credit, "written beyond credit");
                    self.credit -= bytes;
                    let written = out.split_to(bytes as usize);
                    let ends = written.windows(14).any(|window| window == b"END_OF_SESSION");
                    assert!(!ends || self.finish_asked, "the end of the session was sent unasked");
                    if let Some(conn) = self.stream_conn {
                        let mark = Mark::Data { stream, bytes: bytes.into() };
                        inputs.insert(0, Input::Written { conn, mark });
                    }
                }
                Output::Ping(conn) => inputs.insert(0, Input::Written { conn, mark: Mark::Ping }),
                Output::Reset(stream) if self.stream == Some(stream) => self.stream = None,
                Output::Close(conn) => {
                    self.conn = self.conn.filter(|known| *known != conn);
                    if self.stream_conn == Some(conn) {
                        self.stream = None;
                    }
                }
                Output::Event(_, event) => {
                    assert!(!self.closed, "something was told after the end");
                    if let Event::Closed(report) = event {
                        self.closed = true;
                        assert!(report.ledger.is_balanced(), "the report does not add up");
                    }
                }
                Output::Sleep(at) => {
                    assert!(at.is_none_or(|at| at >= self.now().mono), "a deadline in the past");
                    return inputs;
                }
                _ => {}
            }
        }
        panic!("one input put out more than {OUTPUTS_MAX} times");
    }

    fn check(&mut self) {
        match self.engine.stats(SESSION) {
            Some(stats) => {
                assert!(stats.ledger.is_balanced(), "the ledger does not add up: {:?}", stats.ledger)
            }
            None => assert!(self.closed, "a session vanished without a word"),
        }
    }
}

fn take<'a>(data: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, rest) = data.split_at(len.min(data.len()));
    *data = rest;
    taken
}

/// A message of the service around these bytes.
fn framed(kind: u8, payload: &[u8]) -> Vec<u8> {
    let name = EVENTS[usize::from(kind) % EVENTS.len()];
    let (message_type, header) =
        if name.ends_with("Event") { ("event", ":event-type") } else { ("exception", ":exception-type") };
    let headers = [
        Header { name: ":message-type", value: Value::String(message_type) },
        Header { name: header, value: Value::String(name) },
    ];
    let mut message = vec![0; message_len(&headers, payload.len()).expect("a small message")];
    encode_message(&headers, payload, &mut message).expect("room for the message");
    message
}
