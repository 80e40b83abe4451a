//! Performs what the engine puts out.

use super::conn::{Conn, Loss};
use super::ready::What;
use super::stream::Stream;
use super::{Later, Shard, ToShard};
use crate::limits::KEYS_DEADLINE;
use crate::net;
use ossicle_core::io::{
    Command, ConnId, Input, KeysFailure, LossCause, Output, RequestHead, SessionKey, Step, StreamEnd,
    StreamId,
};
use ossicle_core::{Cause, Ended, Engine, Event, Failure, Report, Status};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// REFUSED_STREAM and INTERNAL_ERROR (RFC 9113 section 7).
const REFUSED_STREAM: u32 = 7;
const INTERNAL_ERROR: u32 = 2;

impl Shard {
    pub(super) fn perform(&mut self, output: Output) {
        match output {
            Output::Connect(id) => self.connect(id),
            Output::Open { conn, stream, head } => {
                if let Err(code) = self.open(conn, stream, &head) {
                    self.later.push_back(Later::Ended(stream, StreamEnd::Reset(code)));
                }
            }
            Output::Want { stream, bytes } => {
                if let Some((slot, stream)) = self.stream(stream) {
                    stream.want(bytes);
                    self.unsettle(slot);
                }
            }
            Output::Write { stream, bytes } => {
                let bytes = self.out.split_to(bytes as usize).freeze();
                if let Some((_, stream)) = self.stream(stream) {
                    stream.write(bytes);
                }
            }
            Output::Ping(conn) => {
                if let Some((slot, link)) = self.link_of(conn) {
                    link.ping_wanted = true;
                    self.touch(slot);
                }
            }
            Output::Finish(stream) => {
                if let Some((_, stream)) = self.stream(stream) {
                    stream.finish();
                }
            }
            Output::Reset(stream) => {
                if let Some(stream) = self.remove_stream(stream) {
                    stream.reset();
                }
            }
            Output::Close(conn) => {
                if let Some(slot) = self.conn_slots.get(&conn).copied() {
                    self.remove_conn(slot);
                    self.later.push_back(Later::Lost(conn, Loss::new(Step::Socket, LossCause::Asked)));
                }
            }
            Output::Event(session, event) => self.tell(session, event),
            Output::NeedKeys => self.ask_for_keys(),
            // The caller's loop ends with it.
            Output::Sleep(at) => self.wake_at = at,
        }
    }

    fn stream(&mut self, id: StreamId) -> Option<(u32, &mut Stream)> {
        let slot = *self.stream_slots.get(&id)?;
        Some((slot, self.streams.get(slot)?))
    }

    fn connect(&mut self, id: ConnId) {
        let (target, config, link) = (self.target.clone(), self.net.clone(), Arc::clone(&self.link));
        let task = tokio::spawn(async move {
            let result = net::connect(&target, &config).await;
            link.send(ToShard::Connected(id, result));
        });
        let slot = self.conns.put(Conn::Connecting { id, task: task.abort_handle() });
        self.conn_slots.insert(id, slot);
    }

    /// Opens a stream. An error is the code with which it counts as reset.
    fn open(&mut self, conn: ConnId, id: StreamId, head: &RequestHead) -> Result<(), u32> {
        let request = request(head).ok_or(INTERNAL_ERROR)?;
        let (conn_slot, link) = self.link_of(conn).ok_or(REFUSED_STREAM)?;
        // Only a connection that is going away takes no request.
        let ends = link.open(id, request).map_err(|_| REFUSED_STREAM)?;
        self.touch(conn_slot);
        let flag = self.ready.flag(What::Stream(self.streams.next()));
        let stream = Stream::new(id, conn_slot, ends, flag);
        stream.raise();
        let slot = self.streams.put(stream);
        self.stream_slots.insert(id, slot);
        Ok(())
    }

    fn ask_for_keys(&mut self) {
        let (provider, link) = (Arc::clone(&self.keys), Arc::clone(&self.link));
        // In a task of its own, so that a provider that panics is one that failed.
        let question = tokio::spawn(async move { provider.keys().await });
        tokio::spawn(async move {
            let answer = match tokio::time::timeout(KEYS_DEADLINE, question).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) | Err(_) => Err(KeysFailure::Unavailable),
            };
            link.send(match answer {
                Ok(credentials) => ToShard::Keys(credentials),
                Err(failure) => ToShard::KeysFailed(failure),
            });
        });
    }

    pub(super) fn keys_failed(&mut self, failure: KeysFailure) {
        // Keys that were pushed serve until they expire; the application may push others.
        let pushed = self.pushed_keys && failure == KeysFailure::NotConfigured;
        self.feed(Input::KeysFailed(if pushed { KeysFailure::Unavailable } else { failure }));
    }

    fn tell(&mut self, session: SessionKey, event: Event) {
        let Some(live) = self.sessions.get_mut(&session) else { return };
        let settled = match event {
            Event::Paused(_) | Event::Closed(_) => true,
            Event::Resumed => false,
            _ => live.settled,
        };
        live.settled = settled;
        #[cfg(feature = "metrics")]
        if let Event::Closed(report) = &event {
            self.sampler.closed(session, report);
        }
        if matches!(event, Event::Closed(_)) {
            let live = self.sessions.remove(&session);
            // The count goes down first: who reads `Closed` may open the next session at once.
            self.link.session_ended();
            if let Some(live) = live {
                live.queue.push(session, event);
            }
        } else {
            live.queue.push(session, event);
        }
        if settled {
            self.tell_if_drained();
        }
    }

    /// The engine panicked: every session ends with INTERNAL, with the account as far as it can still be read.
    pub(super) fn died(&mut self) {
        self.link.die();
        let shape = self.last_words.take();
        for (key, live) in std::mem::take(&mut self.sessions) {
            let known = catch_unwind(AssertUnwindSafe(|| self.engine.report(key))).ok().flatten();
            let report = known.or_else(|| {
                let mut report: Report = shape.clone()?;
                report.session_id.clone_from(&live.session_id);
                report.rate_hz = live.rate_hz;
                report.channels = live.channels;
                report.ledger = ossicle_core::Ledger::default();
                report.messages = 0;
                report.wire_bytes = 0;
                Some(report)
            });
            let Some(mut report) = report else { continue };
            report.ended = Ended::Failed;
            report.failure = Some(panicked());
            self.link.session_ended();
            live.queue.push(key, Event::Closed(Box::new(report)));
        }
        self.drained.drain(..).for_each(|done| done());
        self.inbox.close();
        while let Ok(message) = self.inbox.try_recv() {
            self.refuse(message);
        }
    }

    /// Answers what was sent to a shard that is dead.
    fn refuse(&mut self, message: ToShard) {
        match message {
            ToShard::Drain(done) => done(),
            ToShard::Open { key, setup, queue } => {
                self.link.session_ended();
                // An engine with no room refuses the session, which makes the report.
                let mut config = self.config.clone();
                config.sessions_max = 0;
                let Ok(mut engine) = Engine::new(config) else { return };
                engine.handle(self.now, Input::Command(Command::Open { session: key, setup }));
                while let Output::Event(key, event) = engine.poll(self.now, &mut self.out) {
                    if let Event::Closed(mut report) = event {
                        report.failure = Some(panicked());
                        queue.push(key, Event::Closed(report));
                    }
                }
            }
            // Who asks for stats finds the answer's channel closed.
            _ => {}
        }
    }
}

fn panicked() -> Failure {
    Failure { status: Status::Internal, cause: Cause::Panic, request_id: None }
}

/// The head as h2 takes it; `None` if it holds what no head may, which would be a bug.
fn request(head: &RequestHead) -> Option<http::Request<()>> {
    let uri = http::Uri::builder()
        .scheme(head.scheme)
        .authority(head.authority.as_str())
        .path_and_query(head.path)
        .build()
        .ok()?;
    let mut request =
        http::Request::builder().method(http::Method::POST).version(http::Version::HTTP_2).uri(uri);
    let headers = request.headers_mut()?;
    for header in &head.headers {
        let mut value = http::HeaderValue::from_str(&header.value).ok()?;
        value.set_sensitive(header.sensitive);
        headers.append(http::HeaderName::from_static(header.name), value);
    }
    request.body(()).ok()
}
