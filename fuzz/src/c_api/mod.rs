//! The C API under any sequence of calls: right ones, wrong ones, and two threads at once.
//!
//! The input is a list of steps. Each step is one call (or a race of two) with arguments that the input chooses, among
//! them handles that are dead, of the wrong kind or made up, and structs of any size that the memory behind them has.
//! After each call its status has to be one that the header names for it; what it wrote has to be whole and to add up; and
//! after a session's last event none may follow.
//!
//! Engines either hold the service's emulator, or their endpoint is a port on this machine where nobody listens.

// This is a caller in C, written in Rust: what it hands over are pointers. The rule that unsafe code is in one crate has
// this file as its exception (`cargo xtask deps`).
#![allow(unsafe_code, reason = "it calls the C functions as C would")]

mod answers;
mod arguments;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};

use answers::{expect, heard, told};
use arguments::{Bytes, INPUTS, OPERATIONS, Sized};
use ossicle_capi::*;

/// Engines and sessions that one input may make: each engine is a thread or two.
const ENGINES_MAX: usize = 3;
const SESSIONS_MAX: usize = 6;
/// Steps of one input.
const STEPS_MAX: usize = 400;
/// Memory of a session that is made. Larger ones are asked for and not made.
const SESSION_BYTES_MAX: usize = 16 << 20;
/// Events of one poll to the end. More than an input can cause.
const EVENTS_MAX: usize = 10_000;
/// Frames of a push, at most, and channels: enough to fill a small ring.
const FRAMES_MAX: usize = 2_000;
const CHANNELS_MAX: usize = 8;
/// Plays the input, then destroys all that it left.
pub fn drive(data: &[u8]) {
    let mut world = World { input: Bytes(data), ..World::default() };
    for _ in 0..STEPS_MAX {
        if world.input.0.is_empty() {
            break;
        }
        world.step();
    }
    world.end();
}

#[derive(Default)]
struct World<'a> {
    input: Bytes<'a>,
    engines: Vec<Engine>,
    sessions: Vec<Session>,
}

struct Engine {
    handle: usize,
    live: bool,
    loopback: bool,
    /// Sessions whose CLOSED was polled, or that were destroyed: nothing more may come of them.
    over: BTreeSet<u64>,
}

struct Session {
    handle: usize,
    number: u64,
    engine: usize,
    live: bool,
    /// Frames that push took, by tap.
    taken: BTreeMap<u32, u64>,
}

fn engine_pointer(handle: usize) -> *mut ossicle_engine {
    std::ptr::without_provenance_mut(handle)
}

fn session_pointer(handle: usize) -> *mut ossicle_session {
    std::ptr::without_provenance_mut(handle)
}

impl World<'_> {
    fn step(&mut self) {
        match self.input.byte() % 24 {
            0 => self.create_engine(),
            1 => self.create_session(),
            2..=6 => self.push(),
            7 => self.push_channels(),
            8..=10 => self.poll(),
            11 => self.command(),
            12 => self.finish(),
            13 => self.stats(),
            14 => self.keys(),
            15 => self.call(),
            16 => self.checks(),
            17 => self.sanitise(),
            18 => self.names(),
            19 => self.network(),
            20 => self.race(),
            21 => self.destroy_session(),
            22 if self.input.chance(64) => self.destroy_engine(),
            _ => self.poll(),
        }
    }

    /// A handle: mostly one that was made, else one that is dead, of the other kind, or made up. With what is known of it.
    fn engine(&mut self) -> (usize, Option<usize>) {
        match self.input.byte() {
            0 => (0, None),
            1 => (self.sessions.first().map_or(3, |session| session.handle), None),
            2 => (usize::from(self.input.byte()) << (self.input.byte() % 56), None),
            pick if self.engines.is_empty() => (usize::from(pick) * 8, None),
            pick => {
                let at = usize::from(pick) % self.engines.len();
                (self.engines[at].handle, Some(at).filter(|at| self.engines[*at].live))
            }
        }
    }

    fn session(&mut self) -> (usize, Option<usize>) {
        match self.input.byte() {
            0 => (0, None),
            1 => (self.engines.first().map_or(5, |engine| engine.handle), None),
            2 => (usize::from(self.input.byte()) << (self.input.byte() % 56), None),
            pick if self.sessions.is_empty() => (usize::from(pick) * 8, None),
            pick => {
                let at = usize::from(pick) % self.sessions.len();
                (self.sessions[at].handle, Some(at).filter(|at| self.sessions[*at].live))
            }
        }
    }

    fn engine_config(&mut self) -> (Sized<ossicle_engine_config>, bool) {
        // SAFETY: all fields are numbers, pointers and an optional function: zero is a value of each.
        let mut config: Sized<ossicle_engine_config> = Sized::of(unsafe { std::mem::zeroed() });
        // SAFETY: `config` has as many bytes.
        unsafe { ossicle_engine_config_init(&mut config.value, size_of::<ossicle_engine_config>() as u32) };
        let loopback = self.input.chance(128);
        let value = &mut config.value;
        value.loopback = u32::from(loopback);
        value.tick_ms = 1;
        value.seed = 1;
        if !loopback {
            value.region = c"us-east-1".as_ptr();
            value.endpoint = c"http://127.0.0.1:9".as_ptr();
            value.proxy = c"".as_ptr();
        }
        for _ in 0..self.input.byte() % 4 {
            let number = self.input.number();
            match self.input.byte() % 18 {
                0 => value.sessions_max = number,
                1 => value.shards = number.min(2),
                2 => value.tick_ms = number,
                3 => value.streams_per_connection = number,
                4 => value.ping_interval_ms = number,
                5 => value.pong_timeout_ms = number,
                6 => value.unwritten_bytes_max = number,
                7 => value.keys_margin_ms = number,
                8 => value.keys_source = number,
                9 => value.events_max = number.min(4_096),
                10 => value.log_level = number,
                11 => value.fips = number,
                12 => value.catch_up_percent = number,
                13 => value.reserved = number,
                14 => value.held_bytes_max = u64::from(number) << 8,
                15 => value.region = self.input.text(),
                16 => value.ca_pem = self.input.text(),
                _ => value.loopback_script = self.input.text(),
            }
        }
        config.resize(&mut self.input);
        (config, loopback)
    }

    fn create_engine(&mut self) {
        let (config, loopback) = self.engine_config();
        let (mut handle, mut error) = (null_mut(), new_error());
        // SAFETY: `config` has as many bytes as it says, and the rest is ours.
        let (checked, bytes) = unsafe {
            (
                ossicle_engine_config_check(&config.value, &mut error),
                ossicle_engine_memory_bytes(&config.value),
            )
        };
        expect("config_check", checked, &[OSSICLE_OK, OSSICLE_BAD_ARGUMENT]);
        assert_eq!(bytes == 0, checked != OSSICLE_OK, "a memory bound is given for good settings alone");
        told(checked, &error);
        if self.engines.iter().filter(|engine| engine.live).count() == ENGINES_MAX {
            return;
        }
        // SAFETY: as above.
        let status = unsafe { ossicle_engine_create(&config.value, &mut handle, &mut error) };
        assert_eq!(status, checked, "create and check agree");
        if status == OSSICLE_OK {
            assert!(!handle.is_null());
            let over = BTreeSet::new();
            self.engines.push(Engine { handle: handle.addr(), live: true, loopback, over });
        }
    }

    fn session_config(&mut self) -> Sized<ossicle_session_config> {
        // SAFETY: all fields are numbers and pointers: zero is a value of each.
        let mut config: Sized<ossicle_session_config> = Sized::of(unsafe { std::mem::zeroed() });
        // SAFETY: `config` has as many bytes.
        unsafe { ossicle_session_config_init(&mut config.value, size_of::<ossicle_session_config>() as u32) };
        let value = &mut config.value;
        value.domain_id = c"hai-abcdefghijklmnopq".as_ptr();
        value.subscription_id = c"sub-abcdefghijKLMNOPQRSTU".as_ptr();
        value.output_s3_uri = c"s3://bucket/folder/".as_ptr();
        value.finish_deadline_ms = 100;
        for _ in 0..self.input.byte() % 5 {
            let number = self.input.number();
            let tap = usize::from(self.input.byte() & 1);
            match self.input.byte() % 28 {
                0 => value.tap_count = number,
                1 => value.taps[tap].sample = number,
                2 => value.taps[tap].layout = number,
                3 => value.taps[tap].rate_hz = number,
                4 => value.taps[tap].channels = number,
                5 => value.ring_ms = number,
                6 => value.channel_map = number,
                7 => value.pick_first = number,
                8 => value.pick_second = number,
                9 => value.check_rate = number,
                10 => value.wire_rate_hz = number,
                11 => value.encoding = number,
                12 => value.audio_form = number,
                13 => value.chunk_ms = number,
                14 => value.held_ms_max = number,
                15 => value.overflow = number,
                16 => value.resend_overlap_ms = number,
                17 => value.pace_percent = number,
                18 => value.keep_alive_ms = number,
                19 => value.finish_deadline_ms = number.min(100),
                20 => value.offset_rule = number,
                21 => value.open_patience_ms = number,
                22 => value.session_uuid = self.input.text(),
                23 => value.domain_id = self.input.text(),
                24 => value.language = self.input.text(),
                25 => value.configuration = self.input.text(),
                26 => value.note_template = self.input.text(),
                _ => value.tap_count = 2,
            }
        }
        config.resize(&mut self.input);
        config
    }

    fn create_session(&mut self) {
        let (engine, at) = self.engine();
        let config = self.session_config();
        let loopback = at.is_some_and(|at| self.engines[at].loopback);
        let (mut handle, mut error) = (null_mut(), new_error());
        // SAFETY: `config` has as many bytes as it says, and the rest is ours.
        let (checked, bytes) = unsafe {
            let checked = ossicle_session_config_check(&config.value, u32::from(loopback), &mut error);
            (checked, ossicle_session_memory_bytes(&config.value))
        };
        expect("config_check", checked, &[OSSICLE_OK, OSSICLE_BAD_ARGUMENT]);
        assert!(checked != OSSICLE_OK || bytes > 0, "a session that may be made has a bound");
        told(checked, &error);
        if bytes > SESSION_BYTES_MAX
            || self.sessions.iter().filter(|session| session.live).count() == SESSIONS_MAX
        {
            return;
        }
        // SAFETY: as above; the engine's handle may be anything.
        let status =
            unsafe { ossicle_session_create(engine_pointer(engine), &config.value, &mut handle, &mut error) };
        let Some(at) = at else { return expect("session_create", status, &[OSSICLE_BAD_ARGUMENT]) };
        told(status, &error);
        if checked != OSSICLE_OK {
            return assert_eq!(status, checked, "create and check agree");
        }
        expect("session_create", status, &[OSSICLE_OK, OSSICLE_LIMIT, OSSICLE_BAD_ARGUMENT]);
        if status == OSSICLE_OK {
            let number = ossicle_session_number(handle);
            assert!(
                number != 0
                    && !self.sessions.iter().any(|other| (other.engine, other.number) == (at, number))
            );
            self.sessions.push(Session {
                handle: handle.addr(),
                number,
                engine: at,
                live: true,
                taken: BTreeMap::new(),
            });
        }
    }

    fn push(&mut self) {
        let (handle, at) = self.session();
        let tap = u32::from(self.input.byte().is_multiple_of(4)) * self.input.number().min(3);
        let frames = usize::from(self.input.byte()) * 8 % FRAMES_MAX;
        let captured_ns = u64::from(self.input.byte()) << (self.input.byte() % 60);
        // The largest frame that a tap can have: whatever its format, the memory is there.
        let samples = vec![self.input.byte(); frames * CHANNELS_MAX * 4 + 1];
        // Off by one: push asks for no alignment.
        let offset = usize::from(self.input.chance(128));
        let mut accepted = u32::MAX;
        // SAFETY: `samples` has room for that many frames of any format.
        let status = unsafe {
            let frames_at = samples.as_ptr().add(offset.min(samples.len() - 1)).cast::<c_void>();
            ossicle_session_push_tap(
                session_pointer(handle),
                tap,
                frames_at,
                frames as u32,
                captured_ns,
                &mut accepted,
            )
        };
        self.pushed(at, tap, frames as u32, accepted, status);
    }

    fn push_channels(&mut self) {
        let (handle, at) = self.session();
        let tap = u32::from(self.input.chance(32));
        let frames = usize::from(self.input.byte());
        let samples = vec![0_u32; frames + 1];
        let mut channels = [samples.as_ptr().cast::<c_void>(); CHANNELS_MAX];
        let missing = self.input.chance(16);
        if missing {
            channels[0] = null();
        }
        let mut accepted = u32::MAX;
        // SAFETY: each pointer has room for that many of the largest samples, aligned, or is NULL.
        let status = unsafe {
            ossicle_session_push_channels(
                session_pointer(handle),
                tap,
                channels.as_ptr(),
                frames as u32,
                0,
                &mut accepted,
            )
        };
        self.pushed(at, tap, frames as u32, accepted, status);
    }

    fn pushed(&mut self, at: Option<usize>, tap: u32, offered: u32, accepted: u32, status: ossicle_status) {
        assert!(accepted <= offered, "push wrote how much it took");
        let Some(session) = at.map(|at| &mut self.sessions[at]) else {
            return expect("push to no session", status, &[OSSICLE_BAD_ARGUMENT]);
        };
        expect("push", status, &[OSSICLE_OK, OSSICLE_FULL, OSSICLE_CLOSED, OSSICLE_BAD_ARGUMENT]);
        assert!(accepted == offered || status != OSSICLE_OK, "OK means all");
        assert!(status != OSSICLE_FULL || accepted < offered, "FULL means not all");
        assert!(
            !matches!(status, OSSICLE_CLOSED | OSSICLE_BAD_ARGUMENT) || accepted == 0,
            "an error takes nothing"
        );
        *session.taken.entry(tap).or_default() += u64::from(accepted);
    }

    fn poll(&mut self) {
        let (handle, at) = self.engine();
        let timeout_ms = u32::from(self.input.byte() % 4);
        self.poll_at(handle, at, timeout_ms);
    }

    fn poll_at(&mut self, handle: usize, at: Option<usize>, timeout_ms: u32) -> ossicle_status {
        // SAFETY: all fields are numbers and pointers: zero is a value of each.
        let mut event: Sized<ossicle_event> = Sized::of(unsafe { std::mem::zeroed() });
        event.resize(&mut self.input);
        // SAFETY: `event` has as many bytes as it says.
        let status = unsafe { ossicle_engine_poll(engine_pointer(handle), &mut event.value, timeout_ms) };
        let Some(at) = at else {
            expect("poll of no engine", status, &[OSSICLE_BAD_ARGUMENT]);
            return status;
        };
        expect("poll", status, &[OSSICLE_OK, OSSICLE_EMPTY, OSSICLE_BAD_ARGUMENT]);
        if status == OSSICLE_OK {
            heard(&mut self.engines[at].over, &event.value);
        }
        status
    }

    fn command(&mut self) {
        let (handle, at) = self.session();
        let session = session_pointer(handle);
        let muted = self.input.number();
        let status = match self.input.byte() % 5 {
            0 => ossicle_session_pause(session),
            1 => ossicle_session_resume(session),
            2 => ossicle_session_abort(session),
            _ => {
                let status = ossicle_session_mute(session, muted);
                assert!(muted <= 1 || status == OSSICLE_BAD_ARGUMENT);
                return self.commanded(at.filter(|_| muted <= 1), status);
            }
        };
        self.commanded(at, status);
    }

    fn finish(&mut self) {
        let (handle, at) = self.session();
        let status = ossicle_session_finish(session_pointer(handle));
        self.commanded(at, status);
    }

    fn commanded(&self, at: Option<usize>, status: ossicle_status) {
        match at {
            None => expect("a command to no session", status, &[OSSICLE_BAD_ARGUMENT]),
            Some(_) => expect("a command", status, &[OSSICLE_OK, OSSICLE_CLOSED, OSSICLE_LIMIT]),
        }
    }

    fn stats(&mut self) {
        let (handle, at) = self.session();
        // SAFETY: all fields are numbers: zero is a value of each.
        let mut stats: Sized<ossicle_session_stats> = Sized::of(unsafe { std::mem::zeroed() });
        stats.resize(&mut self.input);
        // SAFETY: `stats` has as many bytes as it says.
        let status = unsafe { ossicle_session_get_stats(session_pointer(handle), &mut stats.value) };
        let Some(at) = at else { return expect("stats of no session", status, &[OSSICLE_BAD_ARGUMENT]) };
        let allowed = [OSSICLE_OK, OSSICLE_CLOSED, OSSICLE_TIMED_OUT, OSSICLE_BAD_ARGUMENT];
        expect("get_stats", status, &allowed);
        let stats = &stats.value;
        if status == OSSICLE_OK && stats.struct_size as usize >= size_of::<ossicle_session_stats>() {
            let kept =
                stats.delivered_frames + stats.in_flight_frames + stats.held_frames + stats.dropped_frames;
            assert_eq!(kept, stats.captured_frames);
            for (tap, taken) in &self.sessions[at].taken {
                assert_eq!(
                    stats.pushed_frames.get(*tap as usize),
                    Some(taken).filter(|_| (*tap as usize) < 2)
                );
            }
        }
    }

    fn keys(&mut self) {
        let (handle, at) = self.engine();
        let expires = i64::from(self.input.number()) * i64::from(self.input.byte()) - 1;
        let (id, secret, token) = (self.input.text(), self.input.text(), self.input.text());
        // SAFETY: the texts are NULL or end with a zero.
        let status = unsafe { ossicle_engine_set_keys(engine_pointer(handle), id, secret, token, expires) };
        match at {
            None => expect("keys for no engine", status, &[OSSICLE_BAD_ARGUMENT]),
            Some(_) => expect("set_keys", status, &[OSSICLE_OK, OSSICLE_BAD_ARGUMENT, OSSICLE_BAD_STATE]),
        }
    }

    fn call(&mut self) {
        let (handle, at) = self.engine();
        let operation = self.input.pick(&OPERATIONS).as_ptr();
        let own = self.input.chance(64);
        let count = usize::from(self.input.byte());
        let input = if own { self.input.take(count) } else { self.input.pick(&INPUTS).to_bytes() };
        let (mut number, mut error) = (0, new_error());
        // SAFETY: `input` has that many bytes.
        let status = unsafe {
            let input_at = input.as_ptr().cast::<c_char>();
            ossicle_engine_call(
                engine_pointer(handle),
                operation,
                input_at,
                input.len(),
                7,
                &mut number,
                &mut error,
            )
        };
        match at {
            None => expect("a call on no engine", status, &[OSSICLE_BAD_ARGUMENT]),
            Some(_) => expect("call", status, &[OSSICLE_OK, OSSICLE_BAD_ARGUMENT, OSSICLE_LIMIT]),
        }
        assert_eq!(number != 0, status == OSSICLE_OK);
        told(status, &error);
    }

    /// Checks of settings by themselves; NULL for all that may be NULL.
    fn checks(&mut self) {
        let (config, _) = self.engine_config();
        let session = self.session_config();
        let loopback = u32::from(self.input.chance(128));
        // SAFETY: both have as many bytes as they say.
        let statuses = unsafe {
            [
                ossicle_engine_config_check(&config.value, null_mut()),
                ossicle_session_config_check(&session.value, loopback, null_mut()),
                ossicle_engine_config_check(null(), null_mut()),
                ossicle_session_config_check(null(), loopback, null_mut()),
            ]
        };
        for status in statuses {
            expect("a check", status, &[OSSICLE_OK, OSSICLE_BAD_ARGUMENT]);
        }
        assert_eq!(statuses[2..], [OSSICLE_BAD_ARGUMENT; 2]);
    }

    fn sanitise(&mut self) {
        let count = usize::from(self.input.byte());
        let text = self.input.take(count);
        let mut out = vec![0x55_u8; usize::from(self.input.byte())];
        let (mut needed, mut changes) = (usize::MAX, 0);
        // SAFETY: both have that many bytes.
        let status = unsafe {
            let (text_at, out_at) = (text.as_ptr().cast::<c_char>(), out.as_mut_ptr().cast::<c_char>());
            ossicle_context_sanitise(text_at, text.len(), out_at, out.len(), &mut needed, &mut changes)
        };
        expect("sanitise", status, &[OSSICLE_OK, OSSICLE_LIMIT, OSSICLE_BAD_ARGUMENT]);
        match status {
            OSSICLE_OK => {
                assert!(std::str::from_utf8(&out[..needed - 1]).is_ok() && out[needed - 1] == 0);
                assert!(out[needed..].iter().all(|byte| *byte == 0x55), "nothing is written past the result");
            }
            OSSICLE_LIMIT => assert!(needed > out.len() && out.iter().all(|byte| *byte == 0x55)),
            _ => assert!(std::str::from_utf8(text).is_err() && needed == 0),
        }
    }

    fn names(&mut self) {
        let (handle, at) = self.session();
        let mut uuid: [c_char; 40] = [0x55; 40];
        // SAFETY: 37 bytes and more.
        let status = unsafe { ossicle_session_uuid(session_pointer(handle), uuid.as_mut_ptr()) };
        expect("uuid", status, &[if at.is_some() { OSSICLE_OK } else { OSSICLE_BAD_ARGUMENT }]);
        assert_eq!(uuid[37..], [0x55; 3], "37 bytes and no more");
        let number = ossicle_session_number(session_pointer(handle));
        assert_eq!(number, at.map_or(0, |at| self.sessions[at].number));
        let status = ossicle_status::from(self.input.byte()) * 4;
        // SAFETY: static storage, as the header says.
        let name = unsafe { CStr::from_ptr(ossicle_status_name(status)) };
        assert!(name.to_bytes().starts_with(b"OSSICLE_"));
        assert!(matches!(ossicle_status_retryable(status), 0 | 1));
    }

    fn network(&mut self) {
        let (handle, at) = self.engine();
        let status = ossicle_engine_network_changed(engine_pointer(handle));
        let mut fd = -1;
        // SAFETY: `fd` is ours.
        let wake = unsafe { ossicle_engine_wake_fd(engine_pointer(handle), &mut fd) };
        let expected = if at.is_some() { OSSICLE_OK } else { OSSICLE_BAD_ARGUMENT };
        expect("network_changed", status, &[expected]);
        assert!(wake == expected || wake == OSSICLE_BAD_STATE && cfg!(not(unix)));
        assert_eq!(fd >= 0, wake == OSSICLE_OK);
    }

    /// Two threads at once: one pushes, the other pushes, polls, finishes or destroys.
    fn race(&mut self) {
        let (handle, at) = self.session();
        let Some(at) = at else { return };
        let engine = self.engines[self.sessions[at].engine].handle;
        let what = self.input.byte() % 4;
        let samples = vec![0_u8; 160 * CHANNELS_MAX * 4];
        let push = || {
            let mut taken = 0_u64;
            for _ in 0..8 {
                let mut accepted = 0;
                // SAFETY: room for 160 frames of any format.
                let status = unsafe {
                    ossicle_session_push(
                        session_pointer(handle),
                        samples.as_ptr().cast(),
                        160,
                        0,
                        &mut accepted,
                    )
                };
                let ends = [OSSICLE_CLOSED, OSSICLE_BAD_ARGUMENT, OSSICLE_BAD_STATE];
                assert!(
                    matches!(status, OSSICLE_OK | OSSICLE_FULL) || ends.contains(&status) && accepted == 0
                );
                taken += u64::from(accepted);
            }
            taken
        };
        let taken = std::thread::scope(|scope| {
            let other = scope.spawn(push);
            let mut taken = 0;
            match what {
                0 => taken += push(),
                1 => ossicle_session_destroy(session_pointer(handle)),
                2 => {
                    let status = ossicle_session_finish(session_pointer(handle));
                    expect("finish", status, &[OSSICLE_OK, OSSICLE_CLOSED, OSSICLE_LIMIT]);
                }
                _ => {
                    let status = ossicle_engine_network_changed(engine_pointer(engine));
                    expect("network_changed", status, &[OSSICLE_OK, OSSICLE_BAD_ARGUMENT]);
                }
            }
            taken + other.join().expect("the other thread's checks passed")
        });
        if what == 1 {
            self.gone(at);
        }
        *self.sessions[at].taken.entry(0).or_default() += taken;
    }

    fn destroy_session(&mut self) {
        let (handle, at) = self.session();
        ossicle_session_destroy(session_pointer(handle));
        if let Some(at) = at {
            self.gone(at);
        }
    }

    /// Marks a session as destroyed: its handle is dead, and no event of it follows.
    fn gone(&mut self, at: usize) {
        let session = &mut self.sessions[at];
        session.live = false;
        assert_eq!(ossicle_session_number(session_pointer(session.handle)), 0);
        self.engines[session.engine].over.insert(session.number);
    }

    fn destroy_engine(&mut self) {
        let (handle, at) = self.engine();
        ossicle_engine_destroy(engine_pointer(handle));
        if let Some(at) = at {
            self.engines[at].live = false;
        }
    }

    fn end(&mut self) {
        for at in 0..self.engines.len() {
            for _ in 0..EVENTS_MAX {
                let (handle, live) = (self.engines[at].handle, self.engines[at].live);
                if self.poll_at(handle, Some(at).filter(|_| live), 0) != OSSICLE_OK {
                    break;
                }
            }
        }
        for at in 0..self.sessions.len() {
            ossicle_session_destroy(session_pointer(self.sessions[at].handle));
        }
        for engine in &self.engines {
            ossicle_engine_destroy(engine_pointer(engine.handle));
            assert_eq!(ossicle_engine_network_changed(engine_pointer(engine.handle)), OSSICLE_BAD_ARGUMENT);
        }
    }
}

fn new_error() -> ossicle_error {
    ossicle_error { status: 0, text: [0x55; 252] }
}
