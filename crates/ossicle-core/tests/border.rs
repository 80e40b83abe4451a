//! The engine's border, played by hand: what is asked for, in which order, and what credit allows.

use bytes::BytesMut;
use ossicle_audio::{ChannelMap, Format, FrontEnd, FrontEndConfig, Layout, SampleType, Tap, tap};
use ossicle_core::io::{ConnId, Mark, SessionKey, StreamEnd, StreamId};
use ossicle_core::{
    Command, Ended, Endpoint, Engine, EngineConfig, Event, Input, Mono, Now, Output, SessionConfig,
    SessionSetup, State, UnixMillis,
};
use ossicle_model::stream::Configuration;
use ossicle_sigv4::Credentials;

const SESSION: SessionKey = SessionKey(1);
const WALL: i64 = 1_768_472_430_000;

/// An engine with one session, and everything that it asked for.
struct Play {
    engine: Engine,
    tap: Tap,
    now_ms: u64,
    /// The stream that was opened last, and its connection.
    stream: Option<(ConnId, StreamId)>,
    opened: usize,
    connects: Vec<ConnId>,
    pings: Vec<ConnId>,
    finished: bool,
    written: u64,
    /// The largest write so far.
    write_max: u32,
    events: Vec<Event>,
    /// What each `Want` is answered with; `None` gives all that is asked for.
    credit: Option<u32>,
    asked: Vec<u32>,
}

impl Play {
    fn new() -> Self {
        let endpoint = Endpoint { tls: true, host: "localhost".into(), port: 8443 };
        let engine = Engine::new(EngineConfig::new(endpoint, "us-east-1")).expect("an engine");
        let format = Format::new(SampleType::S16, Layout::Interleaved, 16_000, 1).expect("a format");
        let (tap, reader) = tap(format, 1_000).expect("a tap");
        let config =
            FrontEndConfig { wire_rate_hz: 16_000, channel_map: ChannelMap::MixToMono, check_rate: false };
        let front_end = FrontEnd::new(config, vec![reader]).expect("a front end");
        let mut play = Self {
            engine,
            tap,
            now_ms: 0,
            stream: None,
            opened: 0,
            connects: Vec::new(),
            pings: Vec::new(),
            finished: false,
            written: 0,
            write_max: 0,
            events: Vec::new(),
            credit: None,
            asked: Vec::new(),
        };
        let config = SessionConfig::new(
            "0f1e2d3c-4b5a-4789-8abc-def012345678".parse().expect("a UUID"),
            "hai-abcdefghijklmnopq".parse().expect("a domain"),
            "sub-abcdefghijKLMNOPQRSTU".parse().expect("a subscription"),
            Configuration::history_and_physical("s3://bucket/out/"),
        );
        let setup = Box::new(SessionSetup { config, front_end });
        play.give(Input::Command(Command::Open { session: SESSION, setup }));
        play.give(Input::Keys(Credentials::new("AKIDEXAMPLE", "secret", None, None)));
        play
    }

    fn now(&self) -> Now {
        Now { mono: Mono(self.now_ms * 1_000_000), wall: UnixMillis(WALL + self.now_ms as i64) }
    }

    /// One input, and everything that follows from it, as a peer with room answers.
    fn give(&mut self, input: Input<'_>) {
        self.engine.handle(self.now(), input);
        let mut inputs = Vec::new();
        self.drain(&mut inputs);
        while !inputs.is_empty() {
            for next in std::mem::take(&mut inputs) {
                self.engine.handle(self.now(), next);
                self.drain(&mut inputs);
            }
        }
    }

    fn drain(&mut self, inputs: &mut Vec<Input<'static>>) {
        let mut out = BytesMut::new();
        loop {
            match self.engine.poll(self.now(), &mut out) {
                Output::Connect(conn) => {
                    self.connects.push(conn);
                    inputs.push(Input::Connected(conn));
                    inputs.push(Input::PeerSettings { conn, streams_max: 100 });
                }
                Output::Open { conn, stream, .. } => {
                    self.opened += 1;
                    self.finished = false;
                    self.stream = Some((conn, stream));
                }
                Output::Want { stream, bytes } => {
                    self.asked.push(bytes);
                    let bytes = self.credit.map_or(bytes, |credit| credit.min(bytes));
                    inputs.push(Input::Credit { stream, bytes });
                }
                Output::Write { stream, bytes } => {
                    assert_eq!(out.len(), bytes as usize, "the buffer holds what was written");
                    out.clear();
                    self.written += u64::from(bytes);
                    self.write_max = self.write_max.max(bytes);
                    let conn = self.stream.expect("a stream").0;
                    inputs.push(Input::Written { conn, mark: Mark::Data { stream, bytes: bytes.into() } });
                }
                Output::Ping(conn) => {
                    self.pings.push(conn);
                    inputs.push(Input::Written { conn, mark: Mark::Ping });
                }
                Output::Finish(_) => self.finished = true,
                Output::Event(session, event) => {
                    assert_eq!(session, SESSION);
                    self.events.push(event);
                }
                Output::Reset(_) | Output::Close(_) | Output::NeedKeys => {}
                Output::Sleep(_) => return,
            }
        }
    }

    fn accept(&mut self) {
        let stream = self.stream.expect("a stream").1;
        self.give(Input::Head { stream, status: 200, headers: &[("x-amzn-request-id", "r-1")] });
    }

    fn push_ms(&mut self, ms: usize) {
        let frames: Vec<i16> = (0..ms * 16).map(|n| n as i16).collect();
        let pushed = self.tap.push_i16(&frames, None).expect("the tap's own format");
        assert_eq!(pushed.accepted_frames, frames.len());
    }

    fn tick(&mut self, times: usize) {
        for _ in 0..times {
            self.now_ms += 10;
            self.give(Input::Tick);
        }
    }

    fn pong(&mut self) {
        let conn = self.stream.expect("a stream").0;
        self.give(Input::Pong(conn));
    }

    fn end_clean(&mut self) {
        let stream = self.stream.expect("a stream").1;
        self.give(Input::StreamEnded { stream, end: StreamEnd::Clean });
    }
}

#[test]
fn a_visit_from_the_first_frame_to_its_report() {
    let mut play = Play::new();
    play.accept();
    for _ in 0..20 {
        play.push_ms(100);
        play.tick(10);
    }
    assert!(!play.pings.is_empty(), "audio in flight is pinged for");
    // The first PONG proves what left ahead of its PING; the next PING follows the rest.
    play.pong();
    play.tick(1);
    play.pong();
    let stats = play.engine.stats(SESSION).expect("live");
    assert_eq!(stats.state, State::Streaming);
    assert!(stats.ledger.delivered > 0 && stats.ledger.is_balanced());
    play.push_ms(42);
    play.give(Input::Command(Command::Finish(SESSION)));
    play.tick(2);
    assert!(play.finished, "END_STREAM follows the end of the session");
    play.end_clean();
    let Some(Event::Closed(report)) = play.events.last() else { panic!("closed comes last") };
    assert_eq!(report.ended, Ended::Finished);
    assert_eq!((report.ledger.captured, report.ledger.delivered), (2_042 * 16, 2_042 * 16));
    // Configuration, 20 chunks, the rest, END_OF_SESSION, the empty message.
    assert_eq!(report.messages, 24);
    assert_eq!(report.wire_bytes, play.written);
}

#[test]
fn a_pong_before_the_answer_proves_nothing() {
    let mut play = Play::new();
    for _ in 0..20 {
        play.push_ms(100);
        play.tick(10);
    }
    play.pong();
    assert_eq!(play.engine.stats(SESSION).expect("live").ledger.delivered, 0);
}

#[test]
fn nothing_is_signed_without_credit_and_a_window_smaller_than_a_message_still_moves() {
    let mut play = Play::new();
    play.accept();
    play.credit = Some(0);
    play.push_ms(500);
    let before = play.written;
    play.tick(20);
    assert_eq!(play.written, before, "no credit, no signature");
    // The peer's window is 1,000 bytes: less than one chunk. After a while the message goes in parts.
    play.credit = Some(1_000);
    let stream = play.stream.expect("a stream").1;
    play.give(Input::Credit { stream, bytes: 1_000 });
    play.tick(110);
    for _ in 0..60 {
        play.give(Input::Credit { stream, bytes: 1_000 });
        play.tick(1);
    }
    assert_eq!(play.written - before, 5 * 3_393, "all chunks went out in parts");
    play.pong();
    assert!(play.engine.stats(SESSION).expect("live").ledger.is_balanced());
}

#[test]
fn a_planned_goaway_is_a_pause_on_the_old_connection_and_a_stream_on_the_new_one() {
    let mut play = Play::new();
    play.accept();
    play.push_ms(100);
    play.tick(10);
    let old = play.stream.expect("a stream").0;
    play.give(Input::GoAway { conn: old, reason: 0 });
    assert_eq!(play.connects.len(), 2, "the new connection is made before the old stream is ended");
    play.tick(2);
    assert!(play.finished, "the old stream ends as a pause");
    assert_eq!(play.opened, 1, "the new one waits for the old one's end");
    play.push_ms(100);
    play.tick(10);
    play.end_clean();
    assert_eq!(play.opened, 2);
    assert_ne!(play.stream.expect("a stream").0, old);
    play.accept();
    let losses = play.events.iter().filter(|event| matches!(event, Event::Recovering { .. })).count();
    assert_eq!(losses, 0, "a planned change is no loss");
    play.tick(2);
    let ledger = play.engine.stats(SESSION).expect("live").ledger;
    assert_eq!((ledger.delivered, ledger.resent), (1_600, 0));
}

#[test]
fn a_pause_delivers_what_was_captured_before_it_and_keeps_nothing_after_it() {
    let mut play = Play::new();
    play.accept();
    play.push_ms(130);
    play.give(Input::Command(Command::Pause(SESSION)));
    play.push_ms(200);
    play.tick(3);
    assert!(play.finished);
    play.end_clean();
    assert!(matches!(play.events.last(), Some(Event::Paused(_))));
    play.push_ms(300);
    play.give(Input::Command(Command::Resume(SESSION)));
    play.tick(1);
    play.accept();
    assert!(matches!(play.events.last(), Some(Event::Resumed)));
    play.push_ms(100);
    play.give(Input::Command(Command::Finish(SESSION)));
    play.tick(3);
    play.end_clean();
    let Some(Event::Closed(report)) = play.events.last() else { panic!("closed comes last") };
    assert_eq!(report.ledger.captured, 730 * 16);
    assert_eq!(report.ledger.delivered, 230 * 16);
    assert_eq!((report.ledger.dropped(), report.ledger.lost()), (500 * 16, 0));
}

#[test]
fn an_aborted_session_never_says_that_it_ended() {
    let mut play = Play::new();
    play.accept();
    play.push_ms(130);
    play.tick(2);
    play.give(Input::Command(Command::Abort(SESSION)));
    assert!(!play.finished);
    let Some(Event::Closed(report)) = play.events.last() else { panic!("closed comes last") };
    assert_eq!(report.ended, Ended::Failed);
    assert!(report.ledger.is_balanced());
    assert!(play.engine.stats(SESSION).is_none());
}

#[test]
fn forgetting_a_session_tells_nothing_more() {
    let mut play = Play::new();
    play.accept();
    let told = play.events.len();
    play.give(Input::Command(Command::Forget(SESSION)));
    play.tick(5);
    assert_eq!(play.events.len(), told);
    assert_eq!(play.engine.sessions(), 0);
}
