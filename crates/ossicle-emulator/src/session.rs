//! The sessions of an emulator, and who may open a stream of which.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::answer::ServiceError;
use crate::audio::Encoding;
use crate::faults::Order;
use crate::limits;
use crate::record::Recorder;
use crate::report::{SessionReport, SessionStatus};
use crate::rules::Configuration;
use crate::transcript::Progress;

/// The six parameters of a stream's request, checked.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) session_id: String,
    pub(crate) domain_id: String,
    pub(crate) subscription_id: String,
    pub(crate) language_code: String,
    pub(crate) rate_hz: u32,
    pub(crate) encoding: Encoding,
}

impl Head {
    pub(crate) fn encoding_name(&self) -> &'static str {
        match self.encoding {
            Encoding::Pcm => "pcm",
            Encoding::Flac => "flac",
        }
    }
}

/// One session.
pub(crate) struct Session {
    book: Mutex<Book>,
    /// Held by the stream that runs; a newer one waits here until the older has written down its last.
    pub(crate) work: tokio::sync::Mutex<Work>,
}

/// What others may read while a stream runs.
struct Book {
    report: SessionReport,
    configuration: Option<Configuration>,
    running: Option<Running>,
    streams: usize,
    artefacts: Artefacts,
}

/// What became of a completed session's artefacts.
#[derive(Default)]
struct Artefacts {
    begun: bool,
    failure: Option<String>,
}

struct Running {
    number: usize,
    orders: mpsc::Sender<Order>,
}

/// What only the running stream touches.
pub(crate) struct Work {
    pub(crate) recorder: Option<Recorder>,
    pub(crate) progress: Progress,
}

/// A stream that may run.
pub(crate) struct Opened {
    pub(crate) session: Arc<Session>,
    pub(crate) number: usize,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) sender: mpsc::Sender<Order>,
}

/// All sessions by id.
pub(crate) struct Sessions {
    all: Mutex<HashMap<String, Arc<Session>>>,
    record_dir: Option<PathBuf>,
    resume_window: Duration,
}

impl Sessions {
    pub(crate) fn new(record_dir: Option<PathBuf>, resume_window: Duration) -> Self {
        Self { all: Mutex::default(), record_dir, resume_window }
    }

    /// Opens a stream: a new session, or the next stream of one that is not over. An older stream that
    /// still runs is ended with a conflict.
    pub(crate) fn open(&self, head: &Head, now_ms: i64) -> Result<Opened, ServiceError> {
        let session = self.find_or_make(head, now_ms)?;
        let (sender, orders) = mpsc::channel(limits::ORDERS);
        let number = session.begin(head, sender.clone(), now_ms, self.resume_window)?;
        Ok(Opened { session, number, orders, sender })
    }

    fn find_or_make(&self, head: &Head, now_ms: i64) -> Result<Arc<Session>, ServiceError> {
        let mut all = self.all();
        if let Some(found) = all.get(&head.session_id) {
            return Ok(Arc::clone(found));
        }
        if all.len() >= limits::SESSIONS_MAX {
            return Err(ServiceError::modelled(
                "ThrottlingException",
                "this emulator remembers no more sessions",
            ));
        }
        let recorder = self.record_dir.as_ref().map(|dir| Recorder::new(dir, &head.session_id));
        let earlier = recorder.as_ref().and_then(Recorder::earlier);
        let report = earlier.unwrap_or_else(|| new_report(head, now_ms));
        let session = Arc::new(Session::new(report, None, recorder));
        all.insert(head.session_id.clone(), Arc::clone(&session));
        Ok(session)
    }

    /// Puts back a session that an earlier emulator kept.
    pub(crate) fn restore(&self, report: SessionReport, configuration: Option<Configuration>) {
        let recorder = self.record_dir.as_ref().map(|dir| Recorder::new(dir, &report.session_id));
        let id = report.session_id.clone();
        self.all().insert(id, Arc::new(Session::new(report, configuration, recorder)));
    }

    pub(crate) fn get(&self, session_id: &str) -> Option<Arc<Session>> {
        self.all().get(session_id).cloned()
    }

    /// Reports of all sessions, by creation and id.
    pub(crate) fn reports(&self) -> Vec<SessionReport> {
        let all: Vec<Arc<Session>> = self.all().values().cloned().collect();
        let mut reports: Vec<SessionReport> = all.iter().map(|session| session.report()).collect();
        reports.sort_by(|a, b| (a.created_unix_ms, &a.session_id).cmp(&(b.created_unix_ms, &b.session_id)));
        reports
    }

    /// Tells every running stream to end.
    pub(crate) fn shut_down(&self) {
        for session in self.all().values() {
            if let Some(running) = &session.book().running {
                // A stream with a full mailbox ends with its connection.
                let _ = running.orders.try_send(Order::Shutdown);
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn new(report: SessionReport, configuration: Option<Configuration>, recorder: Option<Recorder>) -> Self {
        let streams = report.connections.len();
        Self {
            book: Mutex::new(Book {
                report,
                configuration,
                running: None,
                streams,
                artefacts: Artefacts::default(),
            }),
            work: tokio::sync::Mutex::new(Work { recorder, progress: Progress::default() }),
        }
    }

    fn begin(
        &self,
        head: &Head,
        orders: mpsc::Sender<Order>,
        now_ms: i64,
        resume_window: Duration,
    ) -> Result<usize, ServiceError> {
        let mut book = self.book();
        let report = &mut book.report;
        let same = report.domain_id == head.domain_id
            && report.subscription_id == head.subscription_id
            && report.language_code == head.language_code
            && report.rate_hz == head.rate_hz
            && report.encoding == head.encoding_name();
        match report.status {
            // Not in the model for this operation, but what the siblings answer.
            SessionStatus::Completed => {
                return Err(ServiceError::conflict("the session is already completed and cannot be resumed"));
            }
            SessionStatus::Failed => {
                return Err(ServiceError::conflict("the session has failed and cannot be resumed"));
            }
            SessionStatus::InProgress | SessionStatus::Paused => {}
        }
        if !same {
            return Err(ServiceError::validation(
                "a session is resumed with the parameters that it was created with; these differ",
            ));
        }
        let window_ms = i64::try_from(resume_window.as_millis()).unwrap_or(i64::MAX);
        if now_ms.saturating_sub(report.created_unix_ms) > window_ms {
            return Err(ServiceError::validation(
                "the session was created too long ago and cannot be resumed any more",
            ));
        }
        if book.streams >= limits::STREAMS_PER_SESSION_MAX {
            let message = "the session has had too many streams";
            return Err(ServiceError::modelled("ServiceQuotaExceededException", message));
        }
        if let Some(older) = book.running.take() {
            // A full mailbox means that the older one is already being ended.
            let _ = older.orders.try_send(Order::Superseded);
        }
        book.streams += 1;
        let number = book.streams;
        book.running = Some(Running { number, orders });
        book.report.status = SessionStatus::InProgress;
        book.report.ended_unix_ms = None;
        Ok(number)
    }

    /// Notes the end of a stream; the status changes only if no newer one has taken over.
    pub(crate) fn end(&self, number: usize, status: SessionStatus, now_ms: i64) {
        let mut book = self.book();
        let current = book.running.as_ref().is_some_and(|running| running.number == number);
        // The end of a session counts whichever stream brought it.
        if current || status == SessionStatus::Completed {
            book.report.status = status;
            book.report.ended_unix_ms = Some(now_ms);
        }
        if current {
            book.running = None;
        }
    }

    /// Changes the report.
    pub(crate) fn update<T>(&self, change: impl FnOnce(&mut SessionReport) -> T) -> T {
        change(&mut self.book().report)
    }

    pub(crate) fn report(&self) -> SessionReport {
        self.book().report.clone()
    }

    pub(crate) fn status(&self) -> SessionStatus {
        self.book().report.status
    }

    /// True for the first caller: who then writes the artefacts.
    pub(crate) fn begin_artefacts(&self) -> bool {
        !std::mem::replace(&mut self.book().artefacts.begun, true)
    }

    pub(crate) fn fail_artefacts(&self, reason: String) {
        self.book().artefacts.failure = Some(reason);
    }

    pub(crate) fn artefact_failure(&self) -> Option<String> {
        self.book().artefacts.failure.clone()
    }

    pub(crate) fn configuration(&self) -> Option<Configuration> {
        self.book().configuration.clone()
    }

    /// Takes a stream's configuration. On a resume it must be what the session began with.
    pub(crate) fn configure(&self, configuration: Configuration) -> Result<(), &'static str> {
        let mut book = self.book();
        match &book.configuration {
            Some(first) if first.digest != configuration.digest => {
                Err("configurationEvent differs from the one that the session began with")
            }
            Some(_) => Ok(()),
            None => {
                book.configuration = Some(configuration);
                Ok(())
            }
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_report(head: &Head, now_ms: i64) -> SessionReport {
    SessionReport {
        session_id: head.session_id.clone(),
        domain_id: head.domain_id.clone(),
        subscription_id: head.subscription_id.clone(),
        language_code: head.language_code.clone(),
        encoding: head.encoding_name().to_owned(),
        rate_hz: head.rate_hz,
        channels: None,
        status: SessionStatus::InProgress,
        created_unix_ms: now_ms,
        ended_unix_ms: None,
        messages: 0,
        messages_verified: 0,
        wire_bytes: 0,
        frames: 0,
        verified: true,
        problems: Vec::new(),
        signature_age_ms_max: 0,
        connections: Vec::new(),
    }
}
