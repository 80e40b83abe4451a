//! The pieces that are counted: an event signed and framed, a turn of the engine, a tick with nothing to do.

use super::step::between_stops;
use bytes::BytesMut;
use ossicle_audio::{Format, FrontEnd, FrontEndConfig, Layout, SampleType, Tap, tap};
use ossicle_core::io::{Command, ConnId, Mark, SessionKey, StreamId};
use ossicle_core::{
    Endpoint, Engine, EngineConfig, Input, Mono, Now, Output, SessionConfig, SessionSetup, UnixMillis,
};
use ossicle_eventstream::{EventHeaders, encode_signed_event, signed_event_len};
use ossicle_model::ids::SessionUuid;
use ossicle_model::stream::Configuration;
use ossicle_sigv4::{Chain, Credentials, SigningScope, StreamSigner};
use std::collections::VecDeque;
use std::hint::black_box;

const WALL_MS: i64 = 1_768_472_430_000;
const EVENTS: u64 = 10;
const SESSIONS: u64 = 20;
const TICK_MS: u64 = 10;
const CHUNK_BYTES: usize = 3_200;

/// Names, and by how much each count is divided.
pub(crate) const PIECES: &[(&str, u64)] = &[
    ("audio event, 640 bytes", EVENTS),
    ("audio event, 3200 bytes", EVENTS),
    ("engine, a chunk of a session", SESSIONS),
    ("engine, an idle tick of a session", SESSIONS),
];

/// Runs one piece between stops.
pub(crate) fn run(name: &str) {
    match name {
        "nothing" => between_stops(|| {}),
        "audio event, 640 bytes" => event(640),
        "audio event, 3200 bytes" => event(CHUNK_BYTES),
        "engine, a chunk of a session" => {
            let mut rig = Rig::new();
            rig.warm_up();
            rig.push();
            between_stops(|| rig.tick());
            assert_eq!(rig.writes, SESSIONS, "each session wrote one chunk");
        }
        "engine, an idle tick of a session" => {
            let mut rig = Rig::new();
            rig.warm_up();
            between_stops(|| rig.tick());
            assert_eq!(rig.writes, 0);
        }
        name => panic!("there is no piece {name:?}"),
    }
}

fn event(len: usize) {
    let headers =
        EventHeaders::new("binaryAudioEvent", "application/octet-stream").expect("constant headers");
    let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None, None);
    let scope = SigningScope::new("us-east-1", "health-agent").expect("a scope");
    let mut signer = StreamSigner::new(&credentials, &scope);
    let mut chain = Chain::from_seed([0; 32]);
    let audio: Vec<u8> = (0..len).map(|index| (7 * index + 3) as u8).collect();
    let mut out = vec![0; signed_event_len(&headers, len)];
    let mut times = |times: u64| {
        for index in 0..times {
            // Within one second: what a new second costs is a piece of its own and comes once in ten events.
            let now_ms = WALL_MS + index as i64 * 10;
            let sign = |event: &[u8]| signer.sign(&mut chain, now_ms, event);
            encode_signed_event(&mut out, &headers, black_box(&audio), now_ms, sign).expect("it fits");
        }
    };
    times(EVENTS);
    between_stops(|| times(EVENTS));
}

/// An engine with open sessions, and a peer that gives all the credit that is asked for.
struct Rig {
    engine: Engine,
    taps: Vec<Tap>,
    out: BytesMut,
    inputs: VecDeque<Input<'static>>,
    streams: Vec<StreamId>,
    conn: Option<ConnId>,
    now_ms: u64,
    audio: Vec<u8>,
    writes: u64,
}

impl Rig {
    fn new() -> Self {
        let endpoint = Endpoint { tls: true, host: "localhost".into(), port: 8443 };
        let mut config = EngineConfig::new(endpoint, "us-east-1");
        config.streams_per_connection = 1_000;
        // No PING falls into what is counted.
        config.ping_interval_ms = 60_000;
        let mut rig = Self {
            engine: Engine::new(config).expect("an engine"),
            taps: Vec::new(),
            out: BytesMut::with_capacity(1 << 20),
            inputs: VecDeque::with_capacity(1_024),
            streams: Vec::new(),
            conn: None,
            now_ms: 0,
            audio: (0..CHUNK_BYTES).map(|index| (7 * index + 3) as u8).collect(),
            writes: 0,
        };
        rig.give(Input::Keys(Credentials::new("AKIDEXAMPLE", "secret", None, None)));
        for index in 0..SESSIONS {
            let setup = Box::new(rig.setup(index));
            rig.give(Input::Command(Command::Open { session: SessionKey(index), setup }));
        }
        for stream in rig.streams.clone() {
            rig.give(Input::Head { stream, status: 200, headers: &[("x-amzn-request-id", "r-1")] });
        }
        assert_eq!(rig.streams.len() as u64, SESSIONS);
        rig
    }

    fn setup(&mut self, index: u64) -> SessionSetup {
        let format = Format::new(SampleType::S16, Layout::Interleaved, 16_000, 1).expect("a format");
        let (tap, reader) = tap(format, 500).expect("a tap");
        self.taps.push(tap);
        let config = FrontEndConfig { check_rate: false, ..FrontEndConfig::default() };
        let front_end = FrontEnd::new(config, vec![reader]).expect("a front end");
        let mut id = [0x5a; 16];
        id[8..].copy_from_slice(&index.to_be_bytes());
        let mut config = SessionConfig::new(
            SessionUuid::from_random_bytes(id),
            "hai-abcdefghijklmnopq".parse().expect("a domain"),
            "sub-abcdefghijKLMNOPQRSTU".parse().expect("a subscription"),
            Configuration::history_and_physical("s3://bucket/out/"),
        );
        config.keep_alive_ms = 0;
        SessionSetup { config, front_end }
    }

    fn push(&mut self) {
        for tap in &mut self.taps {
            assert_eq!(tap.push_bytes(&self.audio, None).dropped_frames, 0);
        }
    }

    /// Some chunks, so that every buffer has its size; then their PONG.
    fn warm_up(&mut self) {
        for _ in 0..4 {
            self.push();
            for _ in 0..10 {
                self.tick();
            }
        }
        assert_eq!(self.writes, 4 * SESSIONS);
        self.writes = 0;
    }

    fn tick(&mut self) {
        self.now_ms += TICK_MS;
        self.give(Input::Tick);
    }

    fn give(&mut self, input: Input<'_>) {
        let wall = UnixMillis(WALL_MS + self.now_ms as i64);
        let now = Now { mono: Mono(self.now_ms * 1_000_000), wall };
        self.engine.handle(now, input);
        self.drain(now);
        while let Some(input) = self.inputs.pop_front() {
            self.engine.handle(now, input);
            self.drain(now);
        }
    }

    fn drain(&mut self, now: Now) {
        loop {
            match self.engine.poll(now, &mut self.out) {
                Output::Connect(conn) => {
                    self.conn = Some(conn);
                    self.inputs.push_back(Input::Connected(conn));
                    self.inputs.push_back(Input::PeerSettings { conn, streams_max: 1_000 });
                }
                Output::Open { stream, .. } => self.streams.push(stream),
                Output::Want { stream, bytes } => self.inputs.push_back(Input::Credit { stream, bytes }),
                Output::Write { stream, bytes } => {
                    self.out.clear();
                    self.writes += u64::from(bytes > CHUNK_BYTES as u32);
                    let (conn, bytes) = (self.conn.expect("a connection"), bytes.into());
                    self.inputs.push_back(Input::Written { conn, mark: Mark::Data { stream, bytes } });
                }
                Output::Ping(conn) => {
                    self.inputs.push_back(Input::Written { conn, mark: Mark::Ping });
                    self.inputs.push_back(Input::Pong(conn));
                }
                Output::Sleep(_) => return,
                _ => {}
            }
        }
    }
}
