//! The engine's border, played by hand: what is asked for, in which order, and what credit allows.

use bytes::BytesMut;
use ossicle_audio::{ChannelMap, Format, FrontEnd, FrontEndConfig, Layout, SampleType, Tap, tap};
use ossicle_core::io::{ConnId, Mark, SessionKey, StreamEnd, StreamId};
use ossicle_core::io::{LossCause, Step};
use ossicle_core::{
    Cause, Command, DropReason, Ended, Endpoint, Engine, EngineConfig, Event, Input, Mono, Now, Output,
    Report, SessionConfig, SessionSetup, State, Status, Transcript, UnixMillis, Warning,
};
use ossicle_eventstream::{Header, Value, encode_message, message_len};
use ossicle_model::ids::MediaEncoding;
use ossicle_model::stream::Configuration;
use ossicle_sigv4::Credentials;

const SESSION: SessionKey = SessionKey(1);
const WALL: i64 = 1_768_472_430_000;

fn engine_config() -> EngineConfig {
    let endpoint = Endpoint { tls: true, host: "localhost".into(), port: 8443 };
    EngineConfig::new(endpoint, "us-east-1")
}

fn session_config() -> SessionConfig {
    SessionConfig::new(
        "0f1e2d3c-4b5a-4789-8abc-def012345678".parse().expect("a UUID"),
        "hai-abcdefghijklmnopq".parse().expect("a domain"),
        "sub-abcdefghijKLMNOPQRSTU".parse().expect("a subscription"),
        Configuration::history_and_physical("s3://bucket/out/"),
    )
}

fn microphone() -> (Tap, FrontEnd) {
    let format = Format::new(SampleType::S16, Layout::Interleaved, 16_000, 1).expect("a format");
    let (tap, reader) = tap(format, 1_000).expect("a tap");
    let config =
        FrontEndConfig { wire_rate_hz: 16_000, channel_map: ChannelMap::MixToMono, check_rate: false };
    (tap, FrontEnd::new(config, vec![reader]).expect("a front end"))
}

/// An event of the service, as it sends them.
fn message(kind: &str, name: &str, payload: &str) -> Vec<u8> {
    let type_name = if kind == "event" { ":event-type" } else { ":exception-type" };
    let headers = [
        Header { name: ":message-type", value: Value::String(kind) },
        Header { name: type_name, value: Value::String(name) },
    ];
    let mut bytes = vec![0; message_len(&headers, payload.len()).expect("a short message")];
    encode_message(&headers, payload.as_bytes(), &mut bytes).expect("room");
    bytes
}

/// An engine with one session, and everything that it asked for.
struct Play {
    engine: Engine,
    tap: Tap,
    now_ms: u64,
    /// How far the wall clock was set ahead.
    wall_ahead_ms: i64,
    /// The stream that was opened last, and its connection.
    stream: Option<(ConnId, StreamId)>,
    opened: usize,
    connects: Vec<ConnId>,
    pings: Vec<ConnId>,
    ping_out: Option<ConnId>,
    finished: bool,
    written: u64,
    /// The largest write so far.
    write_max: u32,
    events: Vec<Event>,
    /// What each `Want` is answered with; `None` gives all that is asked for.
    credit: Option<u32>,
    asked: Vec<u32>,
    /// The access key that signed the newest stream's head.
    signed_by: String,
    keys_wanted: usize,
}

impl Play {
    fn new() -> Self {
        Self::with(|_, _| {})
    }

    fn with(settle: impl FnOnce(&mut EngineConfig, &mut SessionConfig)) -> Self {
        let (mut engine, mut session) = (engine_config(), session_config());
        settle(&mut engine, &mut session);
        let (tap, front_end) = microphone();
        let mut play = Self {
            engine: Engine::new(engine).expect("an engine"),
            tap,
            now_ms: 0,
            wall_ahead_ms: 0,
            stream: None,
            opened: 0,
            connects: Vec::new(),
            pings: Vec::new(),
            ping_out: None,
            finished: false,
            written: 0,
            write_max: 0,
            events: Vec::new(),
            credit: None,
            asked: Vec::new(),
            signed_by: String::new(),
            keys_wanted: 0,
        };
        let setup = Box::new(SessionSetup { config: session, front_end });
        play.give(Input::Command(Command::Open { session: SESSION, setup }));
        play.give(Input::Keys(Credentials::new("AKIDEXAMPLE", "secret", None, None)));
        play
    }

    fn now(&self) -> Now {
        let wall_ms = WALL + self.now_ms as i64 + self.wall_ahead_ms;
        Now { mono: Mono(self.now_ms * 1_000_000), wall: UnixMillis(wall_ms) }
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
                Output::Open { conn, stream, head } => {
                    let signed = head.headers.iter().find(|header| header.name == "authorization");
                    let signed = signed.and_then(|header| header.value.split(['=', '/']).nth(1));
                    self.signed_by = signed.expect("a credential").to_owned();
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
                    assert_eq!(self.ping_out.replace(conn), None, "one PING at a time");
                    inputs.push(Input::Written { conn, mark: Mark::Ping });
                }
                Output::Finish(_) => self.finished = true,
                Output::Event(session, event) => {
                    assert_eq!(session, SESSION);
                    self.events.push(event);
                }
                Output::NeedKeys => self.keys_wanted += 1,
                Output::Reset(_) | Output::Close(_) => {}
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

    /// Answers the PING under way.
    fn pong(&mut self) {
        if let Some(conn) = self.ping_out.take() {
            self.give(Input::Pong(conn));
        }
    }

    /// Ends the response as a peer does that has taken all: its HTTP/2 answers the PING ahead of our END_STREAM first.
    fn end_clean(&mut self) {
        self.pong();
        self.end_at_once();
    }

    fn end_at_once(&mut self) {
        let stream = self.stream.expect("a stream").1;
        self.give(Input::StreamEnded { stream, end: StreamEnd::Clean });
    }

    fn command(&mut self, command: Command) {
        self.give(Input::Command(command));
    }

    fn receive(&mut self, bytes: &[u8]) {
        let stream = self.stream.expect("a stream").1;
        self.give(Input::Received { stream, bytes });
    }

    fn transcript(&mut self, id: &str, begin_s: f64, end_s: f64) {
        let payload = format!(
            r#"{{"transcriptSegment":{{"segmentId":"{id}","audioBeginOffset":{begin_s},"audioEndOffset":{end_s},
                "isPartial":false,"channelId":"ch_0","content":"words"}}}}"#
        );
        self.receive(&message("event", "transcriptEvent", &payload));
    }

    /// Streams `ms` of audio in real time, answering PINGs.
    fn stream_ms(&mut self, ms: usize) {
        for _ in 0..ms / 100 {
            self.push_ms(100);
            self.tick(10);
            self.pong();
        }
    }

    /// Time passes at once: nothing happens meanwhile.
    fn pass_ms(&mut self, ms: u64) {
        self.now_ms += ms;
        self.tick(1);
        self.pong();
    }

    fn lose(&mut self) {
        let conn = self.stream.expect("a stream").0;
        self.ping_out = None;
        self.give(Input::ConnectionLost { conn, step: Step::Socket, cause: LossCause::Closed });
    }

    fn warnings(&self) -> Vec<&Warning> {
        let warnings = self.events.iter().filter_map(|event| match event {
            Event::Warning(warning) => Some(warning),
            _ => None,
        });
        warnings.collect()
    }

    fn transcripts(&self) -> Vec<&Transcript> {
        let transcripts = self.events.iter().filter_map(|event| match event {
            Event::Transcript(transcript) => Some(transcript),
            _ => None,
        });
        transcripts.collect()
    }

    fn report(&self) -> &Report {
        let Some(Event::Closed(report)) = self.events.last() else { panic!("not closed: {:?}", self.events) };
        report
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
    play.pong();
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

#[test]
fn an_end_that_overtakes_the_pong_proves_nothing() {
    let mut play = Play::new();
    play.accept();
    play.push_ms(130);
    play.command(Command::Pause(SESSION));
    play.tick(2);
    assert!(play.finished, "END_STREAM goes right behind the PING");
    // The peer's HTTP/2 would have answered the PING before anything could answer our END_STREAM.
    play.end_at_once();
    assert!(matches!(play.events.last(), Some(Event::Recovering { .. })), "{:?}", play.events.last());
    assert_eq!(play.engine.stats(SESSION).expect("live").ledger.delivered, 0);
    play.pong();
    play.tick(60);
    play.accept();
    play.tick(2);
    play.end_clean();
    let Some(Event::Paused(report)) = play.events.last() else { panic!("{:?}", play.events.last()) };
    assert_eq!((report.ledger.delivered, report.ledger.resent), (130 * 16, 130 * 16));
}

#[test]
fn the_last_messages_wait_for_the_ping_under_way() {
    let mut play = Play::new();
    play.accept();
    play.push_ms(100);
    play.tick(10);
    assert!(play.ping_out.is_some());
    play.command(Command::Finish(SESSION));
    play.tick(2);
    assert!(!play.finished, "no second PING could go behind them");
    play.pong();
    assert!(play.finished);
    play.end_clean();
    assert_eq!(play.report().ended, Ended::Finished);
}

#[test]
fn keys_are_handed_over_before_they_expire_and_nothing_is_lost() {
    let mut play = Play::new();
    play.lose();
    play.give(Input::Keys(Credentials::new("AKIDFIRST", "secret", None, Some(WALL + 3_600_000))));
    play.tick(60);
    play.accept();
    assert_eq!((play.opened, play.signed_by.as_str()), (2, "AKIDFIRST"));
    play.stream_ms(500);
    play.pass_ms(3_297_000);
    let asked = play.keys_wanted;
    play.pass_ms(3_000);
    assert_eq!(play.keys_wanted, asked + 1, "five minutes before the end");
    play.give(Input::Keys(Credentials::new("AKIDSECOND", "secret", None, Some(WALL + 7_200_000))));
    play.stream_ms(200);
    assert!(play.finished, "as a pause");
    play.end_clean();
    assert_eq!((play.opened, play.signed_by.as_str()), (3, "AKIDSECOND"));
    play.accept();
    play.stream_ms(500);
    let losses = play.events.iter().filter(|event| matches!(event, Event::Recovering { .. })).count();
    assert_eq!(losses, 1, "the one at the start: {:?}", play.events);
    let ledger = play.engine.stats(SESSION).expect("live").ledger;
    assert_eq!((ledger.resent, ledger.dropped()), (0, 0));
}

#[test]
fn keys_too_short_lived_for_a_visit_are_said_at_the_start() {
    let mut play = Play::new();
    play.lose();
    play.give(Input::Keys(Credentials::new("AKIDSHORT", "secret", None, Some(WALL + 60_000))));
    play.tick(60);
    assert_eq!(play.signed_by, "AKIDSHORT");
    play.accept();
    assert!(matches!(play.warnings()[..], [Warning::KeysExpiring { left_ms: 50_000..60_000 }]));
}

#[test]
fn the_resume_window_is_warned_of_and_then_ends_what_cannot_come_back() {
    let mut play = Play::with(|_, session| session.resume_window_ms = 12 * 60_000);
    play.accept();
    play.stream_ms(200);
    play.pass_ms(60_000);
    assert_eq!(play.warnings().iter().filter(|w| matches!(w, Warning::ResumeWindowEnding { .. })).count(), 0);
    play.pass_ms(90_000);
    play.pass_ms(90_000);
    let told: Vec<_> =
        play.warnings().into_iter().filter(|w| matches!(w, Warning::ResumeWindowEnding { .. })).collect();
    assert!(matches!(told[..], [Warning::ResumeWindowEnding { left_ms: 560_000..600_000 }]), "{told:?}");
    play.pong();
    // A live stream may run over the window; one that is lost after it does not come back.
    play.pass_ms(11 * 60_000);
    play.pong();
    assert_eq!(play.engine.stats(SESSION).expect("live").state, State::Streaming);
    play.lose();
    play.tick(2);
    let failure = play.report().failure.clone().expect("a failure");
    assert_eq!((failure.status, failure.cause), (Status::TimedOut, Cause::ResumeWindow));
}

#[test]
fn the_audio_total_is_warned_of_once() {
    let mut play = Play::with(|_, session| session.audio_total_ms_max = 601_000);
    play.accept();
    play.stream_ms(900);
    assert!(play.warnings().is_empty());
    play.stream_ms(600);
    assert!(matches!(play.warnings()[..], [Warning::AudioTotalEnding { left_ms: 599_000..600_000 }]));
}

#[test]
fn a_peer_that_wants_no_pings_gets_none_and_its_clean_end_delivers() {
    let mut play = Play::with(|engine, _| engine.ping_interval_ms = 60_000);
    play.accept();
    play.stream_ms(100);
    let old = play.stream.expect("a stream").0;
    play.give(Input::GoAway { conn: old, reason: 11 });
    play.tick(2);
    play.end_clean();
    play.accept();
    let (pings, delivered) = (play.pings.len(), play.engine.stats(SESSION).expect("live").ledger.delivered);
    play.stream_ms(3_000);
    let ledger = play.engine.stats(SESSION).expect("live").ledger;
    assert_eq!((play.pings.len(), ledger.delivered), (pings, delivered));
    assert!(ledger.in_flight >= 2_900 * 16, "{ledger:?}");
    play.command(Command::Finish(SESSION));
    play.tick(2);
    play.end_at_once();
    assert_eq!((play.report().ended, play.report().ledger.delivered), (Ended::Finished, 3_100 * 16));
}

#[test]
fn the_largest_holder_gives_first() {
    let mut config = engine_config();
    config.held_bytes_max = 64_000;
    let mut engine = Engine::new(config).expect("an engine");
    let now = |ms: u64| Now { mono: Mono(ms * 1_000_000), wall: UnixMillis(WALL + ms as i64) };
    let mut dropped = Vec::new();
    let mut give = |engine: &mut Engine, ms: u64, input: Input<'_>| {
        engine.handle(now(ms), input);
        let mut out = BytesMut::new();
        loop {
            match engine.poll(now(ms), &mut out) {
                Output::Sleep(_) => break,
                Output::Event(key, Event::Dropped { reason, first_frame, frames }) => {
                    dropped.push((key, reason, first_frame, frames));
                }
                _ => {}
            }
        }
    };
    let mut taps: Vec<Tap> = Vec::new();
    for key in 1..=2 {
        let (tap, front_end) = microphone();
        taps.push(tap);
        let mut config = session_config();
        config.session_id = format!("0f1e2d3c-4b5a-4789-8abc-def01234567{key}").parse().expect("a UUID");
        let setup = Box::new(SessionSetup { config, front_end });
        give(&mut engine, 0, Input::Command(Command::Open { session: SessionKey(key), setup }));
    }
    // Nothing is sent: there are no keys. One second against two, and room for two.
    for (ms, tap) in [(100, 0), (200, 1), (300, 1)] {
        let pushed = taps[tap].push_i16(&[7; 16_000], None).expect("the tap's own format");
        assert_eq!(pushed.dropped_frames, 0);
        give(&mut engine, ms, Input::Tick);
    }
    assert_eq!(dropped, [(SessionKey(2), DropReason::HeldLimit, 0, 16_000)]);
}

#[test]
fn the_service_may_restart_its_offsets_on_a_new_stream_or_go_on() {
    // 5 s on the first stream, 3 s on the second: these offsets can be explained in one way only.
    for offsets in [(0.5, 1.5), (5.5, 6.5)] {
        let mut play = Play::new();
        play.accept();
        play.stream_ms(5_000);
        play.command(Command::Pause(SESSION));
        play.tick(2);
        play.end_clean();
        play.command(Command::Resume(SESSION));
        play.tick(1);
        play.accept();
        play.stream_ms(3_000);
        play.transcript("a", offsets.0, offsets.1);
        let [told] = play.transcripts()[..] else { panic!("{:?}", play.events) };
        assert!((told.begin_s - 5.5).abs() < 0.01 && (told.end_s - 6.5).abs() < 0.01, "{told:?}");
        assert_eq!((told.service_begin_s, told.service_end_s), (Some(offsets.0), Some(offsets.1)));
    }
}

#[test]
fn what_a_resend_repeats_and_what_is_not_newer_is_not_told_again() {
    let checklist = |version: u32| {
        let payload = format!(r#"{{"snapshotVersion":{version},"checklists":[]}}"#);
        message("event", "checklistEvent", &payload)
    };
    let mut play = Play::with(|_, session| session.resend_overlap_ms = 2_000);
    play.accept();
    play.stream_ms(4_000);
    play.transcript("a", 0.0, 2.0);
    play.transcript("b", 2.0, 3.8);
    play.receive(&checklist(7));
    let delivered_s = play.engine.stats(SESSION).expect("live").ledger.delivered as f64 / 16_000.0;
    play.lose();
    play.tick(60);
    play.accept();
    play.stream_ms(4_000);
    // The service counts anew from where the resend began.
    let from_s = delivered_s - 2.0;
    play.transcript("a", 0.0, 3.8 - from_s);
    play.receive(&checklist(7));
    play.transcript("b", 3.8 - from_s, 5.0 - from_s);
    play.receive(&checklist(8));
    let told: Vec<_> = play.transcripts().iter().map(|told| (told.begin_s, told.end_s)).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!((told[2].0 - 3.8).abs() < 0.06 && (told[2].1 - 5.0).abs() < 0.06, "{told:?}");
    let checklists = play.events.iter().filter(|event| matches!(event, Event::Checklist(_))).count();
    assert_eq!(checklists, 2);
}

#[test]
fn an_end_of_session_that_nobody_looked_at_does_not_make_a_conflict_a_success() {
    let mut play = Play::new();
    play.push_ms(100);
    play.command(Command::Finish(SESSION));
    play.tick(2);
    let stream = play.stream.expect("a stream").1;
    // REFUSED_STREAM: the peer has not processed the request.
    play.ping_out = None;
    play.give(Input::StreamEnded { stream, end: StreamEnd::Reset(7) });
    play.tick(60);
    let stream = play.stream.expect("a stream").1;
    play.give(Input::Head { stream, status: 409, headers: &[("x-amzn-errortype", "ConflictException")] });
    play.end_at_once();
    assert_eq!(play.report().ended, Ended::Failed);
    assert_eq!(play.report().failure.as_ref().map(|failure| failure.status), Some(Status::Conflict));
    assert_eq!(play.report().ledger.delivered, 0);
}

#[test]
fn an_encoder_that_needs_less_than_it_might_is_not_slowed_down_by_a_small_window() {
    let mut play = Play::with(|_, session| session.encoding = MediaEncoding::Flac);
    play.accept();
    // Less than a chunk may take at most, and more than it does take.
    play.credit = Some(2_500);
    for _ in 0..30 {
        let quiet: Vec<i16> = (0..1_600).map(|n| (n % 7) as i16).collect();
        let pushed = play.tap.push_i16(&quiet, None).expect("the tap's own format");
        assert_eq!(pushed.dropped_frames, 0);
        play.tick(10);
        play.pong();
    }
    // The first message found out what the window has, in a second; then each goes at once.
    let lag_ms = play.engine.stats(SESSION).expect("live").lag_ms;
    assert!(lag_ms <= 200, "{lag_ms} ms wait");
}

#[test]
fn a_message_is_not_begun_in_a_window_that_is_stalled() {
    let mut play = Play::new();
    play.accept();
    play.stream_ms(500);
    let before = play.written;
    // Something is left of the window, less than a message.
    play.credit = Some(2_000);
    play.push_ms(500);
    for _ in 0..70 {
        play.tick(10);
        play.pong();
    }
    assert_eq!(play.written, before, "it would grow old");
    play.credit = None;
    let stream = play.stream.expect("a stream").1;
    play.give(Input::Credit { stream, bytes: 3_393 });
    play.tick(60);
    assert_eq!(play.engine.stats(SESSION).expect("live").signature_age_ms_max, 0);
    assert!(play.engine.stats(SESSION).expect("live").lag_ms <= 100);
}

/// The clock is an hour behind, and the machine sleeps between the refusal's head and its end: found by the simulator.
#[test]
fn a_refusal_for_skew_that_a_sleep_overtakes_does_not_end_the_session() {
    const AN_HOUR_AHEAD: &str = "Thu, 15 Jan 2026 11:20:30 GMT";
    let mut play = Play::new();
    let refuse = |play: &mut Play| {
        let stream = play.stream.expect("a stream").1;
        let headers = [("x-amzn-errortype", "InvalidSignatureException"), ("date", AN_HOUR_AHEAD)];
        play.give(Input::Head { stream, status: 403, headers: &headers });
    };
    let soon = |play: &mut Play| {
        for _ in 0..60 {
            play.tick(10);
            play.pong();
        }
    };
    let mut opened = play.opened;
    refuse(&mut play);
    play.wall_ahead_ms = 55_000;
    play.tick(1);
    play.end_at_once();
    // What was learned is void: the next attempt is refused too, and teaches it again.
    soon(&mut play);
    assert!(play.opened > opened, "it comes back: {:?}", play.events);
    opened = play.opened;
    refuse(&mut play);
    play.end_at_once();
    soon(&mut play);
    assert!(play.opened > opened, "with the right time: {:?}", play.events);
    play.accept();
    play.tick(10);
    assert!(!play.events.iter().any(|event| matches!(event, Event::Closed(_))), "{:?}", play.events);
    assert_eq!(play.engine.stats(SESSION).expect("live").state, State::Streaming);
}
