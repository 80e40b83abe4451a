//! The service: verifies all that it is sent with its own ears, keeps what it heard, and answers.

use crate::coverage::Kind;
use crate::decode::AudioDecoder;
use crate::hearing::SIGNATURE_AGE_MS_MAX;
use crate::link::{Down, Piece};
use crate::listener::Listener;
use crate::plan::Refusal;
use crate::verify::{Chain, KnownKeys, Signed};
use crate::world::{Check, Happening, MS, World};
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::BytesMut;
use ossicle_core::io::{ConnId, RequestHead, StreamEnd, StreamId};
use std::collections::{BTreeMap, VecDeque};

/// A stream without audio is ended after this long (sibling services).
const IDLE_MS_MAX: u64 = 15_000;

/// The service's own state.
#[derive(Debug, Default)]
pub(crate) struct Service {
    pub(crate) keys: Vec<KnownKeys>,
    pub(crate) streams: BTreeMap<StreamId, Served>,
    /// Refusals for the requests to come.
    pub(crate) refusals: VecDeque<Refusal>,
}

/// Where a stream is in its life at the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No answer yet.
    Asked,
    Accepted,
    /// Refused, ended or lost.
    Over,
}

/// One stream at the service.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) conn: ConnId,
    pub(crate) app: usize,
    pub(crate) phase: Phase,
    pub(crate) signed: Signed,
    pub(crate) chain: Chain,
    pub(crate) buffer: BytesMut,
    /// Ends of the writes that `buffer` holds, and when the engine made them.
    pub(crate) writes: VecDeque<(u64, u64)>,
    pub(crate) taken: u64,
    pub(crate) decoder: AudioDecoder,
    pub(crate) listener: Listener,
    /// Signing time minus monotonic time, ms: the range that all messages so far allow, since a date is cut to
    /// whole seconds. One range, or two when the answer taught the clock.
    pub(crate) clocks: Vec<(i64, i64)>,
    pub(crate) configured: bool,
    pub(crate) end_of_session: bool,
    pub(crate) chain_ended: bool,
    pub(crate) input_ended: bool,
    pub(crate) last_audio: u64,
    /// Frames of the session that earlier streams brought, as this service counts them.
    pub(crate) before: u64,
    pub(crate) segment: u64,
    pub(crate) segment_from: u64,
    pub(crate) day_of_begin: i64,
}

impl World {
    /// Something arrived at the service's end of a connection.
    pub(crate) fn serve(&mut self, id: ConnId, piece: Piece) -> Check {
        match piece {
            Piece::Head(stream, head) => self.request(id, stream, &head)?,
            Piece::Data(stream, bytes, at) => {
                let len = bytes.len() as u32;
                self.take(stream, bytes, at)?;
                self.give_window(id, stream, len);
            }
            Piece::End(stream) => self.input_ends(stream)?,
            Piece::Reset(stream) => self.over(stream),
            Piece::Ping => self.send_down(id, Down::Pong),
            Piece::Close => {
                if let Some(conn) = self.conns.get_mut(&id) {
                    conn.served = false;
                }
                self.service_lost(id);
            }
        }
        Ok(())
    }

    fn give_window(&mut self, id: ConnId, stream: StreamId, bytes: u32) {
        if bytes == 0 {
            return;
        }
        let mut of_stream = 0;
        if let Some(up) = self.ups.get_mut(&stream) {
            up.owed += bytes;
            if !up.starved {
                of_stream = std::mem::take(&mut up.owed);
            }
        }
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.owed += bytes;
        let of_conn = if conn.starved { 0 } else { std::mem::take(&mut conn.owed) };
        if of_stream > 0 {
            self.send_down(id, Down::Window(Some(stream), of_stream));
        }
        if of_conn > 0 {
            self.send_down(id, Down::Window(None, of_conn));
        }
    }

    fn request(&mut self, id: ConnId, stream: StreamId, head: &RequestHead) -> Check {
        if let Some(conn) = self.conns.get_mut(&id) {
            if conn.goaway_sent {
                return Ok(());
            }
            conn.processed.push(stream);
        }
        let signed = crate::verify::request(head, &self.service.keys)
            .map_err(|what| format!("the service refuses {stream:?}: {what}"))?;
        let named = |name: &str| head.headers.iter().find(|h| h.name == name).map(|h| h.value.as_str());
        let session = named("x-amzn-medscribe-session-id").unwrap_or_default();
        let app = self.apps.iter().position(|app| app.session_id == session);
        let app = app.ok_or("a request for no session that was opened")?;
        self.apps[app].check_request(&named)?;
        if self.service.refusals.front() == Some(&Refusal::RefusedStream) {
            self.service.refusals.pop_front();
            self.cover.reached(Kind::RefusedStream);
            self.send_down(id, Down::End(stream, StreamEnd::Reset(7)));
            return Ok(());
        }
        let chain = Chain::new(&signed, &self.service.keys);
        let source = self.apps[app].source;
        let begin = self.apps[app].marks.get(&stream).copied().unwrap_or(0);
        let served = Served {
            conn: id,
            app,
            phase: Phase::Asked,
            day_of_begin: signed.date_ms.div_euclid(86_400_000),
            signed,
            chain,
            buffer: BytesMut::new(),
            writes: VecDeque::new(),
            taken: 0,
            decoder: AudioDecoder::new(self.apps[app].plan.flac),
            listener: Listener::new(source, begin),
            clocks: Vec::new(),
            configured: false,
            end_of_session: false,
            chain_ended: false,
            input_ended: false,
            last_audio: self.now,
            before: 0,
            segment: 0,
            segment_from: 0,
        };
        self.service.streams.insert(stream, served);
        let ms = self.rng.range(0, self.plan.head_ms + 1);
        self.later(ms, Happening::Answer(stream));
        Ok(())
    }

    /// Decides on a request.
    pub(crate) fn answer(&mut self, stream: StreamId) -> Check {
        let Some(served) = self.service.streams.get(&stream) else { return Ok(()) };
        if served.phase != Phase::Asked {
            return Ok(());
        }
        let app = served.app;
        let off_ms = self.true_ms() - served.signed.date_ms;
        let keys = served.signed.keys;
        let expires_ms = self.service.keys[keys].expires_ms;
        if off_ms.abs() > SIGNATURE_AGE_MS_MAX {
            self.cover.reached(Kind::SkewRefused);
            let codes = ["RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch"];
            let code = self.rng.pick(&codes);
            self.refuse(stream, 403, code, None);
            return Ok(());
        }
        if expires_ms <= self.true_ms() {
            self.cover.reached(Kind::KeysExpired);
            let status = self.rng.pick(&[400, 403]);
            self.refuse(stream, status, "ExpiredTokenException", None);
            return Ok(());
        }
        if let Some(refusal) = self.service.refusals.front().copied() {
            if refusal == Refusal::Late500 && !self.apps[app].late {
                self.apps[app].late = true;
                let ms = self.rng.range(500, 6_000);
                self.later(ms, Happening::Answer(stream));
                return Ok(());
            }
            self.apps[app].late = false;
            self.service.refusals.pop_front();
            self.refuse_as(stream, app, refusal);
            return Ok(());
        }
        if self.apps[app].complete {
            self.cover.reached(Kind::AlreadyComplete);
            self.refuse(stream, 409, "ConflictException", None);
            return Ok(());
        }
        if self.apps[app].taken {
            self.refuse(stream, 409, "ConflictException", None);
            return Ok(());
        }
        if let Some(older) = self.live_stream(app) {
            if self.plan.ghosts_refuse {
                self.cover.reached(Kind::GhostConflict);
                self.refuse(stream, 409, "ConflictException", None);
                return Ok(());
            }
            self.exception(older, "conflictException");
            self.over(older);
        }
        self.accept(stream)
    }

    fn refuse_as(&mut self, stream: StreamId, app: usize, refusal: Refusal) {
        match refusal {
            Refusal::Throttle => {
                self.cover.reached(Kind::Throttled);
                let ms = self.rng.range(1, 4_000);
                self.refuse(stream, 429, "ThrottlingException", Some(ms));
            }
            Refusal::Early500 => {
                self.cover.reached(Kind::ServiceErrorEarly);
                self.refuse(stream, 500, "InternalServerException", None);
            }
            Refusal::Late500 => {
                self.cover.reached(Kind::ServiceErrorLate);
                self.refuse(stream, 500, "InternalServerException", None);
            }
            Refusal::NoHead => {
                // It stays as it is until the application gives up.
                self.cover.reached(Kind::NoHead);
            }
            Refusal::RefusedStream => {
                self.cover.reached(Kind::RefusedStream);
                let conn = self.conn_of(stream);
                self.send_down(conn, Down::End(stream, StreamEnd::Reset(7)));
                self.over(stream);
            }
            // After END_OF_SESSION it could not be told from "it is complete".
            Refusal::Final(_) if self.apps[app].asked_to_finish() => {
                self.refuse(stream, 503, "ServiceUnavailableException", None);
            }
            Refusal::Final(status) => {
                self.cover.reached(Kind::FinalRefusal);
                self.apps[app].may_fail = true;
                let code = match status {
                    401 => "AccessDeniedException",
                    402 => "ServiceQuotaExceededException",
                    404 => "ResourceNotFoundException",
                    _ => "ValidationException",
                };
                self.refuse(stream, status, code, None);
            }
        }
    }

    pub(crate) fn conn_of(&self, stream: StreamId) -> ConnId {
        self.service.streams.get(&stream).map_or(ConnId(0), |served| served.conn)
    }

    /// The stream of a session that the service takes for alive.
    pub(crate) fn live_stream(&self, app: usize) -> Option<StreamId> {
        let alive = |served: &Served| served.app == app && served.phase == Phase::Accepted;
        self.service.streams.iter().find(|(_, served)| alive(served)).map(|(id, _)| *id)
    }

    fn headers(&mut self, mut more: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(self.true_ms() as u64);
        more.push(("date", httpdate::fmt_http_date(at)));
        more
    }

    fn refuse(&mut self, stream: StreamId, status: u16, code: &str, wait_ms: Option<u64>) {
        let conn = self.conn_of(stream);
        let in_header = self.rng.chance(50);
        let mut headers = Vec::new();
        if in_header {
            headers.push(("x-amzn-errortype", format!("{code}:http://internal.example/")));
        }
        if let Some(ms) = wait_ms {
            headers.push(("x-amz-retry-after", ms.to_string()));
        }
        let headers = self.headers(headers);
        self.send_down(conn, Down::Head(stream, status, headers));
        let body = if in_header {
            r#"{"message":"no"}"#.to_owned()
        } else {
            format!(r#"{{"__type":"com.amazonaws.health#{code}","message":"no"}}"#)
        };
        self.send_body(conn, stream, body.into());
        if self.rng.chance(80) {
            self.send_down(conn, Down::End(stream, StreamEnd::Clean));
        }
        self.over(stream);
    }

    fn accept(&mut self, stream: StreamId) -> Check {
        let request = ("x-amzn-request-id", format!("req-{}", stream.0));
        let headers = self.headers(vec![request]);
        let now = self.now;
        let Some(served) = self.service.streams.get_mut(&stream) else { return Ok(()) };
        served.phase = Phase::Accepted;
        served.last_audio = now;
        let (conn, app) = (served.conn, served.app);
        served.before = self.apps[app].brought;
        let keys = served.signed.keys;
        let before = self.apps[app].keys.replace(keys);
        // Newer keys, though the older ones still hold: they were handed over in time.
        if before
            .is_some_and(|before| before != keys && self.service.keys[before].expires_ms > self.true_ms())
        {
            self.cover.reached(Kind::KeysHandedOver);
        }
        self.send_down(conn, Down::Head(stream, 200, headers));
        self.heard(stream);
        self.decided(stream)
    }

    /// What became known with the answer, or came after it.
    pub(crate) fn decided(&mut self, stream: StreamId) -> Check {
        let Some(served) = self.service.streams.get(&stream) else { return Ok(()) };
        if served.phase != Phase::Accepted {
            return Ok(());
        }
        if served.end_of_session {
            self.apps[served.app].complete = true;
        }
        if served.input_ended {
            let ms = self.rng.range(1, 400);
            self.later(ms, Happening::EndResponse(stream));
        }
        Ok(())
    }

    /// The stream is of no more use: reset, lost or refused.
    pub(crate) fn over(&mut self, stream: StreamId) {
        let Some(served) = self.service.streams.get_mut(&stream) else { return };
        if served.phase == Phase::Accepted {
            let app = &mut self.apps[served.app];
            app.pending = 0;
            // What is too short to be found is looked for in the likely places.
            if served.listener.end(&app.named).is_ok() {
                self.heard(stream);
            }
            let Some(served) = self.service.streams.get_mut(&stream) else { return };
            let app = &mut self.apps[served.app];
            app.brought = app.brought.max(served.before + served.listener.frames);
            app.unclean |= !served.chain_ended;
        }
        let Some(served) = self.service.streams.get_mut(&stream) else { return };
        served.phase = Phase::Over;
        served.buffer.clear();
    }

    /// The service's end of a connection is gone.
    pub(crate) fn service_lost(&mut self, id: ConnId) {
        let lost = self.service.streams.iter().filter(|(_, served)| served.conn == id);
        let lost: Vec<StreamId> = lost.map(|(stream, _)| *stream).collect();
        for stream in lost {
            self.over(stream);
        }
    }

    // ---- what comes down ----

    /// What the service does by itself: transcripts, and ending what is idle.
    pub(crate) fn service_tick(&mut self) -> Check {
        let streams = self.service.streams.iter().filter(|(_, served)| served.phase == Phase::Accepted);
        let streams: Vec<StreamId> = streams.map(|(id, _)| *id).collect();
        for stream in streams {
            self.transcribe(stream, false);
            let Some(served) = self.service.streams.get(&stream) else { continue };
            let idle_ms = (self.now - served.last_audio) / MS;
            if idle_ms > IDLE_MS_MAX && !served.input_ended && !served.end_of_session {
                let conn = served.conn;
                self.note(|| format!("  idle limit of {stream:?}"));
                self.send_down(conn, Down::End(stream, StreamEnd::Reset(2)));
                self.over(stream);
            }
        }
        Ok(())
    }

    pub(crate) fn transcribe(&mut self, stream: StreamId, last: bool) {
        let end_of_partial = self.rng.chance(40);
        let go_on = self.plan.offsets_continue;
        let Some(served) = self.service.streams.get_mut(&stream) else { return };
        let app = &self.apps[served.app];
        let rate = u64::from(app.plan.rate_hz);
        let (from, to) = (served.segment_from, served.listener.frames);
        let frames = to - from;
        let done = last || frames >= 3 * rate;
        if frames == 0 || !(done || (end_of_partial && frames > rate / 2)) {
            return;
        }
        let text = match (served.listener.position(from), served.listener.position(to - 1)) {
            (Some(begin), Some(end)) => format!("{begin} {}", end + 1),
            _ => "-".to_owned(),
        };
        let before = if go_on { served.before } else { 0 };
        let seconds = |frame: u64| (before + frame) as f64 / rate as f64;
        let mut bodies = Vec::new();
        for channel in 0..app.plan.channels {
            let segment = serde_json::json!({ "transcriptSegment": {
                "segmentId": format!("{}-{channel}", served.segment),
                "audioBeginOffset": seconds(from),
                "audioEndOffset": seconds(to),
                "isPartial": !done,
                "channelId": format!("ch_{channel}"),
                "content": text,
            }});
            bodies.push(event(":event-type", "event", "transcriptEvent", &segment));
        }
        if done {
            served.segment += 1;
            served.segment_from = to;
        }
        let (conn, app) = (served.conn, served.app);
        for body in bodies {
            self.send_body(conn, stream, body.into());
        }
        if done {
            self.snapshot(conn, stream, app);
        }
    }

    /// A checklist or a chart now and then, and now and then an older one again.
    fn snapshot(&mut self, conn: ConnId, stream: StreamId, app: usize) {
        let which = self.rng.range(0, 4) as usize;
        let (kind, name) = match which {
            0 => ("checklistEvent", "checklists"),
            1 => ("periodontalChartEvent", "teeth"),
            _ => return,
        };
        let newest = &mut self.apps[app].snapshots[which];
        let version = if *newest > 0 && self.rng.chance(30) {
            self.cover.reached(Kind::SnapshotRepeated);
            *newest - self.rng.range(0, 2) as i64
        } else {
            // Some may be left out.
            *newest += 1 + self.rng.range(0, 2) as i64;
            *newest
        };
        let body =
            event(":event-type", "event", kind, &serde_json::json!({ "snapshotVersion": version, name: [] }));
        self.send_body(conn, stream, body.into());
    }

    /// An exception, after which the response ends.
    pub(crate) fn exception(&mut self, stream: StreamId, name: &str) {
        let conn = self.conn_of(stream);
        let body = event(":exception-type", "exception", name, &serde_json::json!({ "message": "no" }));
        self.send_body(conn, stream, body.into());
        self.send_down(conn, Down::End(stream, StreamEnd::Clean));
    }
}

/// One message for the client: unsigned, as the service sends them.
pub(crate) fn event(name: &'static str, kind: &str, value: &str, payload: &serde_json::Value) -> Vec<u8> {
    let message = Message::new(payload.to_string().into_bytes())
        .add_header(Header::new(":message-type", HeaderValue::String(kind.to_owned().into())))
        .add_header(Header::new(name, HeaderValue::String(value.to_owned().into())))
        .add_header(Header::new(":content-type", HeaderValue::String("application/json".into())));
    let mut bytes = Vec::new();
    // Writing into a vector fails only for headers over 32 KiB.
    let _ = aws_smithy_eventstream::frame::write_message_to(&message, &mut bytes);
    bytes
}
