//! Sessions.

use std::ffi::c_char;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ossicle_audio::{FrontEndConfig, Tap};
use ossicle_core::{Stats, Status};
use ossicle_tokio::{AudioInput, CommandError, OpenError, Session};

use crate::border::{Fault, border, border_value, border_with, ossicle_error, text_of};
use crate::config::{ossicle_session_config, session_settings};
use crate::constants::*;
use crate::engine::{self, Account, Body as EngineBody, Member, lock, ossicle_engine};
use crate::event::{ossicle_report, ossicle_session_stats};
use crate::handle::{Kind, Table};
use crate::push::Lanes;
use crate::read::SessionSettings;
use crate::sized::{self, check_pointer};
use crate::told::{self, Whose};

/// One audio stream with its transcript. A handle.
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_session {
    _name: u8,
}

pub(crate) static SESSIONS: Table<Lanes, Body> = Table::new(Kind::Session);

/// How long a question to the engine's thread may take. It answers within a turn, which is milliseconds.
const ANSWER_WAIT: Duration = Duration::from_secs(2);

/// What a session's handle names.
pub(crate) struct Body {
    /// None once the engine is destroyed.
    session: Mutex<Option<Session>>,
    engine: Arc<EngineBody>,
    number: u64,
    uuid: String,
    finishing: AtomicBool,
}

impl Body {
    /// Ends the session at once; no event follows.
    pub(crate) fn abandon(&self) {
        let Some(session) = lock(&self.session).take() else { return };
        if self.finishing.load(Ordering::Acquire) {
            // Its end was asked for and goes on unattended.
            drop(session);
        } else {
            session.forget();
        }
    }

    fn with<R>(&self, work: impl FnOnce(&Session) -> Result<R, Fault>) -> Result<R, Fault> {
        work(lock(&self.session).as_ref().ok_or_else(Fault::closed)?)
    }

    /// A snapshot; none comes of a session that is over, and none in time of an engine that does not answer.
    fn stats(&self) -> Result<Stats, Fault> {
        let asked = Instant::now();
        self.with(|session| {
            session.stats_blocking(ANSWER_WAIT).ok_or_else(|| {
                let late = asked.elapsed() >= ANSWER_WAIT;
                if late {
                    Fault::new(Status::TimedOut, "the engine did not answer in time")
                } else {
                    Fault::closed()
                }
            })
        })
    }

    fn command(&self, command: impl FnOnce(&Session) -> Result<(), CommandError>) -> Result<(), Fault> {
        self.with(|session| command(session).map_err(command_fault))
    }
}

fn command_fault(error: CommandError) -> Fault {
    let status = if error == CommandError::Busy { Status::Limit } else { Status::Closed };
    Fault::new(status, error.to_string())
}

fn open_fault(error: OpenError) -> Fault {
    let status = match error {
        OpenError::SessionsMax { .. } | OpenError::Busy => Status::Limit,
        OpenError::Stopped => Status::Closed,
        _ => Status::BadArgument,
    };
    Fault::new(status, error.to_string())
}

fn get(session: *const ossicle_session) -> Result<Arc<Body>, Fault> {
    SESSIONS.get(session.addr(), "session")
}

fn open(engine: &EngineBody, settings: SessionSettings) -> Result<(Session, Vec<Tap>), Fault> {
    let format = settings.formats[0];
    if settings.formats.iter().any(|other| *other != format) {
        return Err(Fault::argument("taps: both need the same format"));
    }
    let mut input = AudioInput::new(format);
    input.ring_ms = settings.ring_ms;
    input.front_end = FrontEndConfig {
        wire_rate_hz: settings.wire_rate_hz,
        channel_map: settings.channel_map,
        check_rate: settings.check_rate,
    };
    let (driver, queue) = (engine.driver()?, engine.queue.clone());
    match settings.formats.len() {
        1 => driver.open_into(queue, settings.core, &input).map(|(session, tap)| (session, vec![tap])),
        _ => driver
            .open_two_taps(queue, settings.core, &input)
            .map(|(session, first, second)| (session, vec![first, second])),
    }
    .map_err(open_fault)
}

/// [ANY] Begins a session and returns at once; OPENED or CLOSED follows as an event. Audio may be pushed from here on:
/// it is held until the session is open. `error` may be NULL.
/// Errors: OSSICLE_BAD_ARGUMENT for a setting, which the text names; OSSICLE_LIMIT beyond `sessions_max`; OSSICLE_CLOSED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ossicle_session_create(
    engine: *mut ossicle_engine,
    config: *const ossicle_session_config,
    session_out: *mut *mut ossicle_session,
    error: *mut ossicle_error,
) -> ossicle_status {
    let body = || {
        check_pointer(session_out, "session_out")?;
        let engine = engine::get(engine)?;
        // SAFETY: `config` is NULL or the caller's, as the header asks.
        let settings = unsafe { session_settings(config, engine.loopback) }?;
        let whose =
            Whose { id: 0, user_data: settings.user_data, rate_hz: settings.wire_rate_hz, broken: false };
        let uuid = settings.core.session_id.as_str().to_owned();
        let settings_channels = settings.wire_channels();
        let handle = SESSIONS.insert(|lanes, handle| {
            // Held until the session is known, so that its first event waits.
            let mut members = engine.sessions();
            let (session, taps) = open(&engine, settings)?;
            let number = session.key().0;
            let body = Arc::new(Body {
                session: Mutex::new(Some(session)),
                engine: engine.clone(),
                number,
                uuid,
                finishing: AtomicBool::new(false),
            });
            let whose = Whose { id: number, ..whose };
            members.insert(number, Member::new(whose, settings_channels, &body));
            lanes.seat(handle, taps);
            Ok(body)
        })?;
        // SAFETY: not NULL, aligned, and the caller's to write.
        unsafe { session_out.write(std::ptr::without_provenance_mut(handle)) };
        Ok(())
    };
    // SAFETY: `error` is NULL or the caller's to write.
    unsafe { border_with(error, body) }
}

/// [ANY] The session's number in events, never used twice in an engine; 0 when the handle is not live.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_session_number(session: *const ossicle_session) -> u64 {
    border_value(0, || get(session).map_or(0, |body| body.number))
}

/// [ANY] Writes the session's id to `uuid_out`, which has room for 37 bytes: 36 characters and a zero. Keep it to resume
/// a paused session later.
/// Errors: OSSICLE_BAD_ARGUMENT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ossicle_session_uuid(
    session: *const ossicle_session,
    uuid_out: *mut c_char,
) -> ossicle_status {
    border(|| {
        check_pointer(uuid_out, "uuid_out")?;
        let body = get(session)?;
        // SAFETY: not NULL, and the caller's to write; 37 bytes as the header asks, and bytes have no alignment.
        unsafe { uuid_out.cast::<[c_char; 37]>().write(text_of(&body.uuid)) };
        Ok(())
    })
}

/// [ANY] Sends what was captured, then ends the stream as a pause; PAUSED follows. What is pushed from now on is dropped
/// as paused: never kept, sent or written. A command that does not fit the session's state changes nothing.
/// Errors: OSSICLE_BAD_ARGUMENT; OSSICLE_CLOSED; OSSICLE_LIMIT when too many commands wait.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_session_pause(session: *mut ossicle_session) -> ossicle_status {
    session_border(session, || get(session)?.command(Session::pause))
}

/// [ANY] Goes on after a pause; RESUMED follows. Errors: as `ossicle_session_pause`.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_session_resume(session: *mut ossicle_session) -> ossicle_status {
    session_border(session, || get(session)?.command(Session::resume))
}

/// [ANY] 1: sends silence in place of what is pushed, which is dropped as muted. 0: stops doing so.
/// Errors: as `ossicle_session_pause`.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_session_mute(session: *mut ossicle_session, muted: u32) -> ossicle_status {
    session_border(session, || {
        if muted > 1 {
            return Err(Fault::argument("muted is 0 or 1"));
        }
        get(session)?.command(|session| session.mute(muted == 1))
    })
}

/// [ANY] Sends what was captured, then END_OF_SESSION, and waits for the last results; CLOSED follows. From here on
/// push takes nothing. Errors: as `ossicle_session_pause`.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_session_finish(session: *mut ossicle_session) -> ossicle_status {
    session_border(session, || {
        let body = get(session)?;
        body.command(Session::finish)?;
        body.finishing.store(true, Ordering::Release);
        end_pushes(session);
        Ok(())
    })
}

/// [ANY] Ends the session at once, without END_OF_SESSION: it can be resumed by its id. CLOSED follows. From here on push
/// takes nothing. Errors: as `ossicle_session_pause`.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_session_abort(session: *mut ossicle_session) -> ossicle_status {
    session_border(session, || {
        get(session)?.command(Session::abort)?;
        end_pushes(session);
        Ok(())
    })
}

fn end_pushes(session: *const ossicle_session) {
    if let Some(place) = SESSIONS.place(session.addr()) {
        place.fixed.end();
    }
}

/// [ANY] A snapshot of a live session. Waits for the engine's next turn, usually milliseconds, 2,000 at most. Set
/// `stats_out->struct_size` before.
/// Errors: OSSICLE_BAD_ARGUMENT; OSSICLE_CLOSED when the session is over: its report came with CLOSED; OSSICLE_TIMED_OUT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ossicle_session_get_stats(
    session: *const ossicle_session,
    stats_out: *mut ossicle_session_stats,
) -> ossicle_status {
    session_border(session, || {
        // SAFETY: `stats_out` is NULL or as large as it says, as the header asks.
        unsafe { sized::check_out(stats_out) }?;
        let body = get(session)?;
        let stats = body.stats()?;
        let counts = SESSIONS.place(session.addr()).map(|place| place.fixed.counts()).unwrap_or_default();
        // SAFETY: it passed the check.
        unsafe { sized::write(stats_out, &told::stats(&stats, counts)) };
        Ok(())
    })
}

/// [ANY] The account of a session: of the moment while it lives, with `ended` OSSICLE_ENDED_NOT_YET, and the final one once
/// poll has given out its CLOSED. Waits as `ossicle_session_get_stats` does. Set `report_out->struct_size` before.
/// `connections` counts the streams that poll has told of.
/// Errors: OSSICLE_BAD_ARGUMENT; OSSICLE_CLOSED when the session is over and its CLOSED was not polled yet; OSSICLE_TIMED_OUT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ossicle_session_get_report(
    session: *const ossicle_session,
    report_out: *mut ossicle_report,
) -> ossicle_status {
    session_border(session, || {
        // SAFETY: `report_out` is NULL or as large as it says, as the header asks.
        unsafe { sized::check_out(report_out) }?;
        let body = get(session)?;
        // Apart from the question below, which must not hold up the poller.
        let account = body.engine.sessions().get(&body.number).map(|member| member.account);
        let report = match account.ok_or_else(Fault::closed)? {
            Account { last: Some(last), .. } => last,
            so_far => told::report_so_far(&body.stats()?, &body.uuid, so_far),
        };
        // SAFETY: it passed the check.
        unsafe { sized::write(report_out, &report) };
        Ok(())
    })
}

/// [ANY] Ends a session that is still there as `ossicle_session_abort` does; no event of it follows, and a push that is
/// inside is waited for. After `ossicle_session_finish` its end goes on unattended. NULL and dead handles are no-ops.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_session_destroy(session: *mut ossicle_session) {
    border_value((), || {
        let handle = session.addr();
        let Some(body) = SESSIONS.remove(handle) else { return };
        // Before the session goes, so that no event of it is given out any more.
        body.engine.sessions().remove(&body.number);
        if let Some(place) = SESSIONS.place(handle) {
            place.fixed.end();
            place.fixed.clear();
        }
        body.abandon();
        SESSIONS.release(handle);
    });
}

/// As `border`, for a call about a session: after a panic, which may have left it in disorder, the session ends with
/// INTERNAL, and all others go on.
pub(crate) fn session_border(
    session: *const ossicle_session,
    body: impl FnOnce() -> Result<(), Fault>,
) -> ossicle_status {
    let status = border(body);
    if status == OSSICLE_INTERNAL {
        border(|| {
            let body = get(session)?;
            if let Some(member) = body.engine.sessions().get_mut(&body.number) {
                member.whose.broken = true;
            }
            end_pushes(session);
            body.command(Session::abort)
        });
    }
    status
}

/// Panics as a bug would, for the tests of this crate: in a call of the application's (`place` 0), or on the thread of the
/// engine (1), which ends all of its sessions there.
#[cfg(feature = "test-hooks")]
#[unsafe(no_mangle)]
#[doc(hidden)]
pub extern "C" fn ossicle_test_panic(session: *mut ossicle_session, place: u32) -> ossicle_status {
    session_border(session, || match place {
        0 => panic!("planted by a test"),
        _ => get(session)?.with(bomb::throw),
    })
}

/// A panic on the engine's thread: it wakes whoever waits for its answer, and the waker panics.
#[cfg(feature = "test-hooks")]
mod bomb {
    use std::pin::pin;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Condvar, Mutex};
    use std::task::{Context, Wake, Waker};

    use ossicle_tokio::Session;

    use super::{ANSWER_WAIT, Fault, lock};

    #[derive(Default)]
    struct Bomb {
        gone_off: Mutex<bool>,
        told: Condvar,
        disarmed: AtomicBool,
    }

    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            if !self.disarmed.load(Ordering::Acquire) {
                *lock(&self.gone_off) = true;
                self.told.notify_all();
                panic!("planted by a test");
            }
        }
    }

    /// Answers that may come before anyone waits for them: the engine's thread is that quick now and then.
    const TRIES_MAX: u32 = 100;

    pub(super) fn throw(session: &Session) -> Result<(), Fault> {
        for _ in 0..TRIES_MAX {
            let bomb = Arc::new(Bomb::default());
            let waker = Waker::from(Arc::clone(&bomb));
            let mut answer = pin!(session.stats());
            if answer.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                continue;
            }
            let gone_off = lock(&bomb.gone_off);
            let waited = bomb.told.wait_timeout_while(gone_off, ANSWER_WAIT, |gone_off| !*gone_off);
            bomb.disarmed.store(true, Ordering::Release);
            return match waited {
                Ok((gone_off, _)) if *gone_off => Ok(()),
                _ => Err(Fault::state("the engine's thread did not answer")),
            };
        }
        Err(Fault::state("the answer came before anyone could wait for it"))
    }
}
