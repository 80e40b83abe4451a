//! One stream of a session, from its answer to its end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use crate::answer::{ResetError, ResponseBody, ServiceError, header_value};
use crate::config::Verify;
use crate::faults::{Fault, Link, Order};
use crate::intake::{Intake, Step, Violation};
use crate::limits;
use crate::message;
use crate::report::{ConnectionReport, Ended, SessionReport, SessionStatus};
use crate::server::Shared;
use crate::session::{Head, Opened, Session, Work};
use crate::transcript::Transcriber;

/// What the task of a stream hands to the HTTP server: an answer, or an error that resets the stream.
pub(crate) type Answer = Result<Response<ResponseBody>, ResetError>;

/// An error that makes the HTTP server reset the stream with a reason.
pub(crate) fn reset(reason: h2::Reason) -> ResetError {
    h2::Error::from(reason)
}

/// What a session's earlier streams brought.
#[derive(Clone, Copy, Default)]
struct Prior {
    messages: u64,
    messages_verified: u64,
    wire_bytes: u64,
}

/// One stream while it runs.
pub(crate) struct Stream {
    shared: Arc<Shared>,
    link: Arc<Link>,
    session: Arc<Session>,
    number: usize,
    /// Its place in the session's report.
    index: usize,
    prior: Prior,
    orders: mpsc::Receiver<Order>,
    own_orders: mpsc::Sender<Order>,
    head: Head,
    body: Incoming,
    intake: Intake,
    report: ConnectionReport,
    transcriber: Option<Transcriber>,
    fault: Option<Fault>,
    answer: Option<oneshot::Sender<Answer>>,
    pieces: Option<mpsc::Sender<Result<Bytes, ResetError>>>,
    /// Comes when the HTTP server has let go of the response.
    gone: Option<oneshot::Receiver<()>>,
    first_frame: u64,
    idle_until: Instant,
    end_of_session: bool,
    /// A violation was found; nothing more is taken.
    failed: bool,
    stored: bool,
}

/// Why a stream ends.
enum End {
    /// The client closed it.
    Clean,
    Violation(Violation),
    Lost,
    Superseded,
    Shutdown,
    Idle,
    /// A fault; the error, if any, resets the stream.
    Fault(Option<ResetError>),
}

impl Stream {
    /// A stream that was admitted; `answer` takes its head, or an error.
    pub(crate) fn new(
        shared: Arc<Shared>,
        link: Arc<Link>,
        (opened, head, intake, report): (Opened, Head, Intake, ConnectionReport),
        body: Incoming,
        fault: Option<Fault>,
        answer: oneshot::Sender<Answer>,
    ) -> Self {
        Self {
            idle_until: Instant::now() + shared.config.limits.idle,
            shared,
            link,
            session: opened.session,
            number: opened.number,
            index: 0,
            prior: Prior::default(),
            orders: opened.orders,
            own_orders: opened.sender,
            head,
            body,
            intake,
            report,
            transcriber: None,
            fault,
            answer: Some(answer),
            pieces: None,
            gone: None,
            first_frame: 0,
            end_of_session: false,
            failed: false,
            stored: false,
        }
    }

    /// Runs the stream to its end.
    pub(crate) async fn run(mut self) {
        let session = Arc::clone(&self.session);
        // The older stream of the session, if any, writes down its last before this one begins.
        let mut work = session.work.lock().await;
        self.begin(&mut work);
        let end = self.stream(&mut work).await;
        self.finish(end, &mut work).await;
        self.shared.faults.remove_stream(&self.head.session_id, &self.own_orders);
    }

    fn begin(&mut self, work: &mut Work) {
        let (first_frame, prior) = self.session.update(|report| {
            let SessionReport { messages, messages_verified, wire_bytes, .. } = *report;
            (report.frames, Prior { messages, messages_verified, wire_bytes })
        });
        self.first_frame = first_frame;
        self.prior = prior;
        self.report.first_frame = self.first_frame;
        let entry = self.report.clone();
        self.index = self.session.update(|report| {
            if let Some(why) = entry.why.clone().filter(|_| report.problems.is_empty()) {
                report.problem(why);
            }
            report.connections.push(entry);
            report.connections.len() - 1
        });
        self.shared.changed.notify_waiters();
        self.write_report(work);
        self.shared.control.session_changed(&self.shared, &self.session);
        self.idle_until = Instant::now() + self.shared.config.limits.idle;
    }

    /// Answers 200 at once: a client may wait for it before it produces audio.
    fn answer_head(&mut self) {
        let Some(answer) = self.answer.take() else { return };
        let (pieces, receiver) = mpsc::channel(limits::RESPONSE_QUEUE);
        let (gone_sender, gone) = oneshot::channel();
        let mut response = Response::new(ResponseBody::Streamed { pieces: receiver, _gone: gone_sender });
        let headers = response.headers_mut();
        let head = &self.head;
        headers.insert("content-type", HeaderValue::from_static("application/vnd.amazon.eventstream"));
        headers.insert("x-amzn-medscribe-session-id", header_value(&head.session_id));
        headers.insert("x-amzn-medscribe-domain-id", header_value(&head.domain_id));
        headers.insert("x-amzn-medscribe-subscription-id", header_value(&head.subscription_id));
        headers.insert("x-amzn-medscribe-language-code", header_value(&head.language_code));
        headers.insert("x-amzn-medscribe-sample-rate", HeaderValue::from(head.rate_hz));
        headers.insert("x-amzn-medscribe-media-encoding", header_value(head.encoding_name()));
        headers.insert("x-amzn-request-id", header_value(&self.report.request_id));
        headers.insert("date", header_value(&self.shared.config.clock.http_date()));
        self.pieces = Some(pieces);
        self.gone = Some(gone);
        // A request whose client has gone already ends when its body is read.
        let _ = answer.send(Ok(response));
    }

    async fn stream(&mut self, work: &mut Work) -> End {
        match self.fault {
            Some(Fault::DelayHead(delay)) => {
                if let Some(end) = self.wait(delay).await {
                    return end;
                }
                self.fault = None;
                self.answer_head();
            }
            Some(Fault::LateRefuse { .. }) => {}
            _ => self.answer_head(),
        }
        loop {
            if let Some(end) = self.strike_if_due().await {
                return end;
            }
            match self.take_next(work).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(end) => return end,
            }
            tokio::select! {
                biased;
                order = self.orders.recv() => match order {
                    Some(Order::Superseded) => return End::Superseded,
                    Some(Order::Shutdown) | None => return End::Shutdown,
                    Some(Order::Fault(fault)) => {
                        if let Some(end) = self.strike(fault).await {
                            return end;
                        }
                    }
                },
                frame = self.body.frame() => match frame {
                    Some(Ok(frame)) => self.received(frame.into_data().unwrap_or_default()),
                    Some(Err(_)) => return End::Lost,
                    None => return self.closed(),
                },
                () = tokio::time::sleep_until(self.idle_until) => return End::Idle,
            }
        }
    }

    fn received(&mut self, bytes: Bytes) {
        self.report.wire_bytes += bytes.len() as u64;
        self.report.data_frames += 1;
        if !self.failed {
            self.intake.push(&bytes);
        }
    }

    fn closed(&mut self) -> End {
        match self.intake.check_end() {
            Ok(()) => End::Clean,
            Err(violation) => End::Violation(violation),
        }
    }

    /// Takes the next whole message, if there is one.
    async fn take_next(&mut self, work: &mut Work) -> Result<bool, End> {
        let raw = match self.intake.next() {
            Ok(Some(raw)) => raw,
            Ok(None) => return Ok(false),
            Err(violation) => {
                self.report.messages += 1;
                return Err(End::Violation(violation));
            }
        };
        let mut events = Vec::new();
        self.take(raw, work, &mut events)?;
        for event in events {
            self.send(Ok(event)).await?;
        }
        Ok(true)
    }

    /// Checks one message and does what it says.
    fn take(&mut self, raw: Bytes, work: &mut Work, events: &mut Vec<Bytes>) -> Result<(), End> {
        self.report.messages += 1;
        let now_ms = self.shared.config.clock.now_ms();
        let step = self.intake.take(raw, now_ms, &self.session).map_err(End::Violation)?;
        if self.shared.config.verify == Verify::Full {
            self.report.messages_verified += 1;
            let age_ms = u64::try_from(self.intake.age_ms).unwrap_or(0);
            self.report.signature_age_ms_max = self.report.signature_age_ms_max.max(age_ms);
            self.report.late_messages += u64::from(age_ms > limits::LATE_SIGNATURE_MS);
        }
        match step {
            Step::Configured => {}
            Step::Audio => {
                self.report.audio_messages += 1;
                self.heard(work, events)?;
            }
            Step::Counted { frames } => {
                self.report.audio_messages += 1;
                self.count_frames(frames)?;
            }
            Step::EndOfSession => {
                self.end_of_session = true;
                self.report.end_of_session = true;
            }
            Step::Closed => self.report.closed = true,
            // The messages that still come are taken: the client goes on, and closes the stream itself.
            Step::Aborted => self.report.why = Some("the client's application reported a failure".into()),
        }
        self.publish();
        Ok(())
    }

    fn heard(&mut self, work: &mut Work, events: &mut Vec<Bytes>) -> Result<(), End> {
        let Some(channels) = self.intake.channels() else { return Ok(()) };
        let rate_hz = self.head.rate_hz;
        let frames = (self.intake.samples().len() / channels.max(1) as usize) as u64;
        self.count_frames(frames)?;
        self.session.update(|report| report.channels = Some(channels));
        if let Some(recorder) = &mut work.recorder
            && let Err(error) = recorder.write(rate_hz, channels, self.intake.samples())
        {
            let problem = format!("stream {}: recording failed: {error}", self.number);
            self.session.update(|report| report.problem(problem));
        }
        let (first_frame, offsets) = (self.first_frame, self.shared.config.offsets);
        let prepared = &self.shared.prepared;
        let number = self.number;
        let transcriber = self.transcriber.get_or_insert_with(|| {
            Transcriber::new(prepared.clone(), (rate_hz, channels), number, first_frame, offsets)
        });
        transcriber.push(self.intake.samples(), &mut work.progress, events);
        Ok(())
    }

    fn count_frames(&mut self, frames: u64) -> Result<(), End> {
        self.idle_until = Instant::now() + self.shared.config.limits.idle;
        self.report.frames += frames;
        let total_s = (self.first_frame + self.report.frames) as f64 / f64::from(self.head.rate_hz);
        if total_s > self.shared.config.limits.audio_max.as_secs_f64() {
            let max_s = self.shared.config.limits.audio_max.as_secs();
            let message = format!("a session holds at most {max_s} s of audio");
            return Err(End::Violation(Violation::validation(message)));
        }
        Ok(())
    }

    /// Brings the session's report up to date.
    fn publish(&self) {
        let (index, prior, own) = (self.index, self.prior, &self.report);
        self.session.update(|report| {
            if let Some(entry) = report.connections.get_mut(index) {
                entry.bring_up_to_date(own);
            }
            report.frames = own.first_frame + own.frames;
            report.messages = prior.messages + own.messages;
            report.messages_verified = prior.messages_verified + own.messages_verified;
            report.wire_bytes = prior.wire_bytes + own.wire_bytes;
            report.signature_age_ms_max = report.signature_age_ms_max.max(own.signature_age_ms_max);
        });
        self.shared.changed.notify_waiters();
    }

    /// Sends one piece of the response. A client that has gone is noticed when its body is read.
    async fn send(&mut self, piece: Result<Bytes, ResetError>) -> Result<(), End> {
        let Some(pieces) = &self.pieces else { return Ok(()) };
        match pieces.send_timeout(piece, limits::RESPONSE_STALL).await {
            Ok(()) | Err(mpsc::error::SendTimeoutError::Closed(_)) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                self.report.why = Some("the client does not read its events".into());
                Err(End::Fault(Some(reset(h2::Reason::CANCEL))))
            }
        }
    }

    /// Waits without reading, unless an order ends the stream.
    async fn wait(&mut self, duration: Duration) -> Option<End> {
        let until = Instant::now() + duration;
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::Superseded) => return Some(End::Superseded),
                    Some(Order::Shutdown) | None => return Some(End::Shutdown),
                    // One wait at a time; the newer fault waits for this one's end.
                    Some(Order::Fault(fault)) => self.fault = Some(fault),
                },
                () = tokio::time::sleep_until(until) => break,
            }
        }
        self.idle_until = Instant::now() + self.shared.config.limits.idle;
        None
    }

    async fn strike_if_due(&mut self) -> Option<End> {
        let due = self.fault.as_ref()?.after()? <= self.report.messages;
        if !due {
            return None;
        }
        let fault = self.fault.take()?;
        self.strike(fault).await
    }

    async fn strike(&mut self, fault: Fault) -> Option<End> {
        let json = |message: &str| json!({ "message": message });
        let event = || message::event("transcriptEvent", &json!({}));
        match fault {
            Fault::Exception { kind, message, .. } => {
                let piece = message::exception(&kind, &json(&message));
                return Some(self.send(Ok(piece)).await.err().unwrap_or(End::Fault(None)));
            }
            Fault::EndEarly { .. } => return Some(End::Fault(None)),
            Fault::Reset { reason, .. } | Fault::RefuseStream { reason } => {
                return Some(End::Fault(Some(reset(h2::Reason::from(reason)))));
            }
            Fault::LateRefuse { status, code, .. } | Fault::Refuse { status, code, .. } => {
                let error = ServiceError { status, code, message: "planned".into(), retry_after_ms: None };
                if let Some(answer) = self.answer.take() {
                    let _ = answer.send(Ok(error.answer(&self.shared.config.clock)));
                }
                return Some(End::Fault(None));
            }
            Fault::GoAway { .. } => self.link.go_away(),
            // What was taken before the cut is read until the body ends.
            Fault::DropConnection { .. } => self.link.cut(true),
            Fault::Freeze { duration, .. } => self.link.freeze(duration),
            Fault::Stall { duration, .. } | Fault::DelayHead(duration) => return self.wait(duration).await,
            Fault::WrongChecksum { .. } => {
                let mut spoilt = event().to_vec();
                if let Some(last) = spoilt.last_mut() {
                    *last ^= 1;
                }
                return self.send(Ok(spoilt.into())).await.err();
            }
            Fault::Garbage { .. } => {
                return self
                    .send(Ok(Bytes::from_static(b"this is no event-stream message at all")))
                    .await
                    .err();
            }
            Fault::HugeLength { .. } => {
                let mut prelude = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0].to_vec();
                let checksum = crc32fast::hash(&prelude);
                prelude.extend(checksum.to_be_bytes());
                return self.send(Ok(prelude.into())).await.err();
            }
            Fault::CutMessage { .. } => {
                let whole = event();
                let sent = self.send(Ok(whole.slice(..whole.len() / 2))).await;
                return Some(sent.err().unwrap_or(End::Fault(None)));
            }
        }
        None
    }

    /// Ends the stream: notes how, says the last word, and reads what was already taken.
    async fn finish(&mut self, end: End, work: &mut Work) {
        let (ended, why, status) = self.judge(&end);
        self.report.ended = ended;
        if let Some(why) = why {
            self.report.why = Some(why);
        }
        let mut last = Vec::new();
        let mut error = None;
        match end {
            End::Clean => {
                if let Some(transcriber) = &mut self.transcriber {
                    transcriber.finish(&mut work.progress, &mut last);
                }
            }
            End::Violation(violation) => {
                self.fail(&violation);
                last.push(exception(&violation));
            }
            End::Superseded => {
                self.leftover(work, Duration::ZERO).await;
                let message = "a newer stream of this session has begun, this one is ended";
                let payload = json!({ "__type": "ConflictException", "message": message });
                last.push(message::exception("conflictException", &payload));
            }
            End::Idle => {
                let message = format!("no audio came for {} s", self.shared.config.limits.idle.as_secs());
                last.push(exception(&Violation::validation(message)));
            }
            End::Shutdown => {
                self.leftover(work, Duration::ZERO).await;
                error = Some(reset(h2::Reason::CANCEL));
            }
            End::Fault(with) => error = with,
            End::Lost => {}
        }
        // Whoever sees the end of the response finds the session's report complete.
        self.store(status, work);
        for event in last {
            // The status is settled; a client that does not read its last events loses them.
            let _ = self.send(Ok(event)).await;
        }
        let was_reset = error.is_some();
        if let Some(error) = error {
            match self.answer.take() {
                Some(answer) => drop(answer.send(Err(error))),
                None => drop(self.send(Err(error)).await),
            }
        }
        self.pieces = None;
        self.answer = None;
        if let Some(gone) = self.gone.take() {
            let _ = timeout(limits::LEFTOVER_READ, gone).await;
        }
        if self.report.ended == Ended::Fault {
            let patience = if was_reset { limits::LEFTOVER_READ } else { Duration::ZERO };
            self.leftover(work, patience).await;
            self.store(status, work);
        }
    }

    /// How the stream ended, why, and what becomes of the session.
    fn judge(&mut self, end: &End) -> (Ended, Option<String>, SessionStatus) {
        let open = if self.end_of_session { SessionStatus::Completed } else { SessionStatus::Paused };
        let say = |text: &str| Some(text.to_owned());
        match end {
            End::Clean if self.end_of_session => (Ended::Finished, None, SessionStatus::Completed),
            End::Clean => (Ended::Paused, None, SessionStatus::Paused),
            End::Violation(violation) => {
                (Ended::Refused, Some(violation.message.clone()), SessionStatus::Failed)
            }
            End::Lost => (Ended::Lost, say("the stream or its connection was lost"), open),
            End::Superseded => (Ended::Superseded, say("a newer stream of the session began"), open),
            End::Shutdown => (Ended::Shutdown, say("the emulator was shut down"), open),
            End::Idle => (Ended::Idle, say("no audio came for the idle limit"), open),
            End::Fault(_) => (Ended::Fault, self.report.why.clone().or_else(|| say("a planned fault")), open),
        }
    }

    fn fail(&mut self, violation: &Violation) {
        self.failed = true;
        self.report.verified = false;
        let problem = format!("stream {}: {}", self.number, violation.message);
        self.session.update(|report| report.problem(problem));
    }

    /// Takes what the connection has taken already, for at most `patience` after the last piece.
    async fn leftover(&mut self, work: &mut Work, patience: Duration) {
        while let Ok(Some(Ok(frame))) = timeout(patience, self.body.frame()).await {
            self.received(frame.into_data().unwrap_or_default());
            while !self.failed {
                let Ok(Some(raw)) = self.intake.next() else { break };
                if let Err(End::Violation(violation)) = self.take(raw, work, &mut Vec::new()) {
                    self.fail(&violation);
                }
            }
        }
    }

    /// Brings report, recording and status up to date.
    fn store(&mut self, status: SessionStatus, work: &mut Work) {
        if self.intake.in_mid_frame() && matches!(self.report.ended, Ended::Finished | Ended::Paused) {
            self.report.verified = false;
            let problem = format!("stream {}: its audio stopped in the middle of a frame", self.number);
            self.session.update(|report| report.problem(problem));
        }
        let status = if self.end_of_session && status == SessionStatus::Paused {
            SessionStatus::Completed
        } else {
            status
        };
        // The recording is whole before anybody can see that the stream has ended.
        if let Some(recorder) = &mut work.recorder
            && let Err(error) = recorder.close()
        {
            let problem = format!("stream {}: recording failed: {error}", self.number);
            self.session.update(|report| report.problem(problem));
        }
        self.publish();
        if !self.stored || self.end_of_session {
            self.session.end(self.number, status, self.shared.config.clock.now_ms());
            self.stored = true;
            self.shared.changed.notify_waiters();
        }
        self.write_report(work);
        self.shared.control.session_changed(&self.shared, &self.session);
    }

    fn write_report(&self, work: &mut Work) {
        let Some(recorder) = &mut work.recorder else { return };
        if let Err(error) = recorder.report(&self.session.report()) {
            let problem = format!("stream {}: its report could not be written: {error}", self.number);
            self.session.update(|report| report.problem(problem));
        }
    }
}

fn exception(violation: &Violation) -> Bytes {
    let mut payload = json!({ "message": violation.message });
    if let Some(code) = violation.code {
        payload["__type"] = Value::from(code);
    }
    message::exception(violation.exception, &payload)
}
