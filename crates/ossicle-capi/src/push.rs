//! The audio thread's side of the border: what it touches, and nothing else.
//!
//! A push does not look the session up under a lock: the place of a handle holds its taps itself, and a guard lets
//! one thread at a time to each. So the cost is one atomic swap and one comparison more than pushing to the tap.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use ossicle_audio::{PushGuard, Pushed, SampleType, Tap};
use ossicle_core::Status;

use crate::border::Fault;
use crate::constants::ossicle_status;
use crate::session::{SESSIONS, ossicle_session, session_border};

/// Taps of one session.
pub(crate) const TAPS_MAX: usize = 2;
/// Channels of one tap, and so pointers of a planar push.
const CHANNELS_MAX: usize = ossicle_audio::limits::CHANNELS_MAX as usize;

/// The taps of whatever session has this place now.
#[derive(Default)]
pub(crate) struct Lanes {
    lanes: [Lane; TAPS_MAX],
    /// The session finishes or is over: nothing is taken any more.
    ended: AtomicBool,
}

/// One tap's place.
#[derive(Default)]
struct Lane {
    guard: PushGuard,
    /// Only whoever is inside the guard looks into it.
    seat: UnsafeCell<Option<Seat>>,
    pushed: AtomicU64,
    refused: AtomicU64,
}

struct Seat {
    /// The handle of the session that the tap belongs to.
    handle: usize,
    tap: Tap,
}

// SAFETY: `seat` is reached only in `Lane::enter`, inside of the guard, which lets one thread in at a time and orders
// what they do (Acquire and Release in `PushGuard`, under loom in its own crate). `Tap` is `Send`. Upheld by this
// file alone; `tests/threads.rs` would fail, under ThreadSanitizer too.
unsafe impl Sync for Lane {}

impl Lane {
    /// Runs `work` on the seat, or returns None when another thread is inside.
    fn enter<R>(&self, work: impl FnOnce(&mut Option<Seat>) -> R) -> Option<R> {
        let _permit = self.guard.try_enter()?;
        // SAFETY: the permit says that no other thread is in here, and `work` cannot come back to this lane: it gets
        // the seat and nothing else.
        Some(work(unsafe { &mut *self.seat.get() }))
    }

    /// As `enter`, after the one who is inside has left. Not for the audio thread.
    fn enter_waiting<R>(&self, work: impl FnOnce(&mut Option<Seat>) -> R) -> R {
        let mut work = Some(work);
        loop {
            // A push takes microseconds; only a preempted one takes longer.
            if let Some(result) = self.enter(|seat| work.take().map(|work| work(seat)))
                && let Some(result) = result
            {
                return result;
            }
            thread::yield_now();
        }
    }
}

impl Lanes {
    /// Seats the taps of a new session.
    pub(crate) fn seat(&self, handle: usize, taps: Vec<Tap>) {
        self.ended.store(false, Ordering::Release);
        for (lane, tap) in self.lanes.iter().zip(taps) {
            lane.pushed.store(0, Ordering::Relaxed);
            lane.refused.store(0, Ordering::Relaxed);
            // The place was free, so that nobody who is inside now can find a session there.
            drop(lane.enter_waiting(|seat| seat.replace(Seat { handle, tap })));
        }
    }

    /// Takes the taps of a session out, after pushes that are under way.
    pub(crate) fn clear(&self) {
        for lane in &self.lanes {
            drop(lane.enter_waiting(Option::take));
        }
    }

    /// Nothing is taken from now on.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Frames taken and refused by each tap.
    pub(crate) fn counts(&self) -> ([u64; TAPS_MAX], [u64; TAPS_MAX]) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let pushed = [read(&self.lanes[0].pushed), read(&self.lanes[1].pushed)];
        let refused = [read(&self.lanes[0].refused), read(&self.lanes[1].refused)];
        (pushed, refused)
    }

    fn push(
        &self,
        handle: usize,
        index: usize,
        work: impl FnOnce(&mut Tap) -> Result<Pushed, Fault>,
    ) -> Result<Pushed, Fault> {
        let lane = self.lanes.get(index).ok_or(NO_TAP)?;
        let pushed = lane.enter(|seat| {
            let seat = seat.as_mut().filter(|seat| seat.handle == handle).ok_or(NO_SESSION)?;
            if self.ended.load(Ordering::Acquire) || seat.tap.is_closed() {
                return Err(OVER);
            }
            work(&mut seat.tap)
        });
        let pushed = pushed.ok_or(BUSY)??;
        lane.pushed.fetch_add(pushed.accepted_frames as u64, Ordering::Relaxed);
        if pushed.dropped_frames > 0 {
            lane.refused.fetch_add(pushed.dropped_frames as u64, Ordering::Relaxed);
        }
        Ok(pushed)
    }
}

// Constants: a fault on the audio thread must not allocate its sentence.
const NO_TAP: Fault = fault(Status::BadArgument, "the session has no such tap");
const NO_SESSION: Fault = fault(Status::BadArgument, "session is NULL, was destroyed, or has no such tap");
const OVER: Fault = fault(Status::Closed, "the session finishes or is over");
const BUSY: Fault = fault(Status::BadState, "another thread is pushing to this tap");
const NO_FRAMES: Fault = fault(Status::BadArgument, "frames is NULL or too long");
const NO_CHANNELS: Fault = fault(Status::BadArgument, "channels is NULL, not aligned, or has a NULL in it");

const fn fault(status: Status, text: &'static str) -> Fault {
    Fault { status, text: std::borrow::Cow::Borrowed(text) }
}

/// [RT] Pushes to the session's first tap: the same as `ossicle_session_push_tap` with `tap` 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ossicle_session_push(
    session: *mut ossicle_session,
    frames: *const c_void,
    frame_count: u32,
    captured_ns: u64,
    accepted_out: *mut u32,
) -> ossicle_status {
    // SAFETY: the same contract.
    unsafe { ossicle_session_push_tap(session, 0, frames, frame_count, captured_ns, accepted_out) }
}

/// [RT] Copies `frame_count` frames, in the tap's format, into the ring of tap 0 or 1; converts nothing. Planar: the
/// channels lie one after another. `frames` needs no alignment, and may be NULL when `frame_count` is 0.
/// `captured_ns`: when the first frame was captured, on any monotonic clock that is the same in all pushes to a
/// session, or 0. With two taps give it for both or for neither: it aligns them.
/// `*accepted_out`, unless NULL, is ALWAYS written. OSSICLE_FULL: only that many were taken; the rest is counted as
/// dropped in its place, and later audio does not slide. OSSICLE_CLOSED: the session finishes or is over, nothing was
/// taken. OSSICLE_BAD_STATE: another thread is pushing to this tap, nothing was taken. OSSICLE_BAD_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ossicle_session_push_tap(
    session: *mut ossicle_session,
    tap: u32,
    frames: *const c_void,
    frame_count: u32,
    captured_ns: u64,
    accepted_out: *mut u32,
) -> ossicle_status {
    let work = |tap: &mut Tap| {
        if frame_count == 0 {
            return Ok(Pushed::default());
        }
        let bytes = (frame_count as usize).checked_mul(tap.format().frame_bytes());
        let bytes = bytes.filter(|bytes| isize::try_from(*bytes).is_ok()).ok_or(NO_FRAMES)?;
        if frames.is_null() {
            return Err(NO_FRAMES);
        }
        // SAFETY: the caller vouches for `frame_count` frames of the tap's format at `frames`, readable during the call
        // (header). Bytes have no alignment and every pattern is a value; the length was checked above.
        let frames = unsafe { slice::from_raw_parts(frames.cast::<u8>(), bytes) };
        Ok(tap.push_bytes(frames, captured(captured_ns)))
    };
    // SAFETY: `accepted_out` is NULL or the caller's to write.
    unsafe { finish_push(session, tap, accepted_out, work) }
}

/// [RT] As `ossicle_session_push_tap`, from one pointer for each of the tap's channels, whatever its layout: what
/// AVAudioEngine, JACK and VST hand out. Each points to `frame_count` samples, aligned as its type asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ossicle_session_push_channels(
    session: *mut ossicle_session,
    tap: u32,
    channels: *const *const c_void,
    frame_count: u32,
    captured_ns: u64,
    accepted_out: *mut u32,
) -> ossicle_status {
    let work = |tap: &mut Tap| {
        if frame_count == 0 {
            return Ok(Pushed::default());
        }
        let captured = captured(captured_ns);
        // SAFETY (all three): the caller vouches for a pointer a channel, each with `frame_count` samples of the tap's
        // type (header); `planes` checks what can be checked.
        match tap.format().sample() {
            SampleType::S16 => {
                // SAFETY: see above.
                let (planes, count) = unsafe { planes::<i16>(channels, tap, frame_count) }?;
                tap.push_planar_i16(&planes[..count], captured).map_err(|_| NO_CHANNELS)
            }
            SampleType::F32 => {
                // SAFETY: see above.
                let (planes, count) = unsafe { planes::<f32>(channels, tap, frame_count) }?;
                tap.push_planar_f32(&planes[..count], captured).map_err(|_| NO_CHANNELS)
            }
            _ => {
                // SAFETY: see above.
                let (planes, count) = unsafe { planes::<i32>(channels, tap, frame_count) }?;
                tap.push_planar_i32(&planes[..count], captured).map_err(|_| NO_CHANNELS)
            }
        }
    };
    // SAFETY: `accepted_out` is NULL or the caller's to write.
    unsafe { finish_push(session, tap, accepted_out, work) }
}

fn captured(captured_ns: u64) -> Option<u64> {
    (captured_ns != 0).then_some(captured_ns)
}

/// # Safety
/// `channels` is NULL or points to a pointer for each channel of the tap; each of those is NULL or has `frame_count`
/// readable samples.
unsafe fn planes<'a, T>(
    channels: *const *const c_void,
    tap: &Tap,
    frame_count: u32,
) -> Result<([&'a [T]; CHANNELS_MAX], usize), Fault> {
    let count = usize::from(tap.format().channels());
    let mut planes: [&[T]; CHANNELS_MAX] = [&[]; CHANNELS_MAX];
    let bytes = (frame_count as usize).checked_mul(size_of::<T>());
    if channels.is_null()
        || !channels.is_aligned()
        || bytes.is_none_or(|bytes| isize::try_from(bytes).is_err())
    {
        return Err(NO_CHANNELS);
    }
    for (index, plane) in planes.iter_mut().take(count).enumerate() {
        // SAFETY: there is a pointer for each of the tap's channels, as this function's caller vouches.
        let channel = unsafe { channels.add(index).read() }.cast::<T>();
        if channel.is_null() || !channel.is_aligned() {
            return Err(NO_CHANNELS);
        }
        // SAFETY: not NULL, aligned, `frame_count` samples as vouched for, and the length fits.
        *plane = unsafe { slice::from_raw_parts(channel, frame_count as usize) };
    }
    Ok((planes, count))
}

/// # Safety
/// `accepted_out` is NULL or the caller's to write.
unsafe fn finish_push(
    session: *mut ossicle_session,
    tap: u32,
    accepted_out: *mut u32,
    work: impl FnOnce(&mut Tap) -> Result<Pushed, Fault>,
) -> ossicle_status {
    if !accepted_out.is_null() && accepted_out.is_aligned() {
        // SAFETY: not NULL, aligned, and the caller's to write.
        unsafe { accepted_out.write(0) };
    }
    session_border(session, || {
        if !accepted_out.is_null() && !accepted_out.is_aligned() {
            return Err(NO_COUNT);
        }
        let handle = session.addr();
        let place = SESSIONS.place(handle).ok_or(NO_SESSION)?;
        let pushed = place.fixed.push(handle, tap as usize, work)?;
        if !accepted_out.is_null() {
            // SAFETY: not NULL, aligned, and the caller's to write.
            unsafe { accepted_out.write(u32::try_from(pushed.accepted_frames).unwrap_or(u32::MAX)) };
        }
        if pushed.dropped_frames > 0 { Err(FULL) } else { Ok(()) }
    })
}

const NO_COUNT: Fault = fault(Status::BadArgument, "accepted_out is not aligned");
const FULL: Fault = fault(Status::Full, "the ring took only a part");
