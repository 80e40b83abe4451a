//! The pieces that are counted: a push, an event signed and framed, a turn of the engine with a chunk of each session, one
//! with nothing to do, a PONG, a transcript.

use super::step::between_stops;
use bytes::BytesMut;
use ossicle_audio::{Format, FrontEnd, FrontEndConfig, Layout, SampleType, Tap, tap};
use ossicle_core::io::{Command, ConnId, Mark, SessionKey, StreamId};
use ossicle_core::{
    Endpoint, Engine, EngineConfig, Event, Input, Mono, Now, Output, SessionConfig, SessionSetup, UnixMillis,
};
use ossicle_eventstream::{
    EventHeaders, Header, Value, encode_message, encode_signed_event, message_len, signed_event_len,
};
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
const WARM_UP_CHUNKS: u64 = 4;

/// The stops alone.
pub(crate) const NOTHING: &str = "nothing";

/// Names, and by how much each count is divided.
pub(crate) const PIECES: &[(&str, u64)] = &[
    ("push of 20 ms", SESSIONS),
    ("audio event, 640 bytes", EVENTS),
    ("audio event, 3200 bytes", EVENTS),
    ("engine, a chunk of a session", SESSIONS),
    ("engine, an idle tick of a session", SESSIONS),
    ("engine, a PONG for a session", SESSIONS),
    ("engine, a transcript", SESSIONS),
];

/// The piece that a regression is planted in.
pub(crate) fn planted() -> (&'static str, u64) {
    PIECES[1]
}

/// Nothing but steps that can be planted.
pub(crate) const SPIN: &str = "spin";

/// Divides the name of a piece from the steps that are planted in it.
const PLANTED_MARK: &str = " +";

/// The name of a piece with that many steps more in it.
pub(crate) fn with_planted(name: &str, steps: u64) -> String {
    format!("{name}{PLANTED_MARK}{steps}")
}

/// Runs one piece between stops.
pub(crate) fn run(name: &str) {
    let (name, planted) = name.split_once(PLANTED_MARK).unwrap_or((name, "0"));
    let planted = planted.parse().expect("a number of steps");
    match name {
        NOTHING => between_stops(|| {}),
        SPIN => between_stops(|| spin(planted)),
        "push of 20 ms" => push(),
        "audio event, 640 bytes" => event(640, planted),
        "audio event, 3200 bytes" => event(CHUNK_BYTES, planted),
        "engine, a chunk of a session" => {
            let mut rig = Rig::new(60_000);
            rig.warm_up();
            rig.push();
            between_stops(|| rig.tick());
            assert_eq!(rig.writes, SESSIONS, "each session wrote one chunk");
        }
        "engine, an idle tick of a session" => {
            let mut rig = Rig::new(60_000);
            rig.warm_up();
            // The first one looks at every session's timers.
            rig.tick();
            between_stops(|| rig.tick());
            assert_eq!(rig.writes, 0);
        }
        "engine, a PONG for a session" => {
            // A PING is due in the tick after the warming up.
            let mut rig = Rig::new(WARM_UP_CHUNKS * 100 - TICK_MS / 2);
            rig.warm_up();
            assert_eq!(rig.pongs, 1, "the first PING goes out behind the streams' heads");
            between_stops(|| rig.tick());
            assert_eq!(rig.pongs, 2, "a PONG came");
        }
        "engine, a transcript" => {
            let mut rig = Rig::new(60_000);
            rig.warm_up();
            let transcript = transcript();
            rig.transcribe(&transcript(0));
            let next = transcript(1);
            between_stops(|| rig.transcribe(&next));
            assert_eq!(rig.transcripts, 2 * SESSIONS, "each session had two");
        }
        name => panic!("there is no piece {name:?}"),
    }
}

fn spin(steps: u64) {
    (0..steps).for_each(|step| {
        black_box(step);
    });
}

fn push() {
    let format = Format::new(SampleType::S16, Layout::Interleaved, 16_000, 1).expect("a format");
    let (mut tap, _reader) = tap(format, 500).expect("a tap");
    let audio = [7_i16; 320];
    let first = tap.push_i16(&audio, None).expect("one channel");
    assert_eq!(first.dropped_frames, 0);
    between_stops(|| {
        for _ in 0..SESSIONS {
            let pushed = tap.push_i16(black_box(&audio), None).expect("one channel");
            assert_eq!(pushed.dropped_frames, 0);
        }
    });
}

/// Makes messages with a transcript; the number goes into it.
fn transcript() -> impl Fn(u32) -> Vec<u8> {
    let headers = [
        Header { name: ":message-type", value: Value::String("event") },
        Header { name: ":event-type", value: Value::String("transcriptEvent") },
        Header { name: ":content-type", value: Value::String("application/json") },
    ];
    move |number| {
        let json = format!(
            r#"{{"transcriptSegment":{{"segmentId":"0f1e2d3c-4b5a-4789-8abc-def01234567{number}","audioBeginOffset":0.1,"audioEndOffset":0.4,"isPartial":true,"channelId":"0","content":"and how long have you had the pain in your shoulder"}}}}"#
        );
        let mut bytes = vec![0; message_len(&headers, json.len()).expect("it fits")];
        encode_message(&headers, json.as_bytes(), &mut bytes).expect("it fits");
        bytes
    }
}

fn event(len: usize, planted: u64) {
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
    between_stops(|| {
        times(EVENTS);
        spin(planted);
    });
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
    pongs: u64,
    transcripts: u64,
}

impl Rig {
    fn new(ping_interval_ms: u64) -> Self {
        let endpoint = Endpoint { tls: true, host: "localhost".into(), port: 8443 };
        let mut config = EngineConfig::new(endpoint, "us-east-1");
        config.streams_per_connection = 1_000;
        config.ping_interval_ms = ping_interval_ms as u32;
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
            pongs: 0,
            transcripts: 0,
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
        for _ in 0..WARM_UP_CHUNKS {
            self.push();
            for _ in 0..10 {
                self.tick();
            }
        }
        assert_eq!(self.writes, WARM_UP_CHUNKS * SESSIONS);
        self.writes = 0;
    }

    fn transcribe(&mut self, message: &[u8]) {
        for index in 0..self.streams.len() {
            let stream = self.streams[index];
            self.give(Input::Received { stream, bytes: message });
        }
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
                    self.pongs += 1;
                }
                Output::Event(_, Event::Transcript(_)) => self.transcripts += 1,
                Output::Sleep(_) => return,
                _ => {}
            }
        }
    }
}
