//! The tap: the one thing an audio callback touches.

use std::sync::{Arc, Mutex, PoisonError};

use bytemuck::Pod;
use ringbuf::HeapRb;
use ringbuf::traits::{Consumer, Observer, Producer, Split};
use ringbuf::wrap::Wrap;
use ringbuf::{HeapCons, HeapProd};
use thiserror::Error;

use crate::format::{Format, FormatError, Layout, SampleType};
use crate::limits;
use crate::marks::{Mark, MarkQueue};
use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// Makes a tap and its reader, joined by a ring of `ring_ms` milliseconds (50 to 60,000) in the caller's format.
///
/// The ring's memory is allocated and touched here, so that the first push does not fault pages in. It ends on the
/// reader's side: see [`Tap`].
///
/// # Errors
/// [`FormatError::Ring`].
pub fn tap(format: Format, ring_ms: u32) -> Result<(Tap, TapReader), FormatError> {
    if !(limits::RING_MS_MIN..=limits::RING_MS_MAX).contains(&ring_ms) {
        return Err(FormatError::Ring { ring_ms });
    }
    sweep_rings();
    let frames = (u64::from(format.rate_hz()) * u64::from(ring_ms)).div_ceil(1_000) as usize;
    // Filled with something other than zeros: zeroed memory would come from the kernel on the first push.
    let mut ring = HeapRb::from(vec![0x55_u8; frames * format.frame_bytes()]);
    ring.clear();
    let (producer, consumer) = ring.split();
    let shared = Arc::new(Shared {
        marks: MarkQueue::new(),
        dropped_total: AtomicU64::new(0),
        tap_gone: AtomicBool::new(false),
        reader_gone: AtomicBool::new(false),
    });
    let tap = Tap {
        producer,
        shared: shared.clone(),
        format,
        accepted_total: 0,
        dropped_total: 0,
        marked_total: 0,
    };
    let reader = TapReader {
        consumer: Some(consumer),
        shared,
        format,
        taken: 0,
        dropped_seen: 0,
        next_gap: None,
        capacity_frames: frames,
    };
    Ok((tap, reader))
}

/// What both ends see beside the ring.
struct Shared {
    marks: MarkQueue,
    /// Frames dropped in all, published after each loss: tells a reader of a loss that no later frame follows.
    dropped_total: AtomicU64,
    tap_gone: AtomicBool,
    reader_gone: AtomicBool,
}

/// What became of one push.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "frames may have been dropped"]
pub struct Pushed {
    /// Frames that went into the ring: the first ones of the push.
    pub accepted_frames: usize,
    /// Frames that did not fit. They are counted, and later audio keeps its place.
    pub dropped_frames: usize,
}

/// A push that does not match the tap's format. Nothing was taken and nothing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PushError {
    /// The samples are not of the tap's type.
    #[error("the samples are not of the tap's type, push what the format says")]
    WrongSample,
    /// The number of channels is not the tap's.
    #[error("the number of channels is not the tap's, push what the format says")]
    WrongChannels,
    /// The channels of a planar push differ in length.
    #[error("the channels differ in length, push the same number of frames for each")]
    UnequalChannels,
}

/// The producer's end: belongs to the audio thread, one pusher at a time (`&mut`).
///
/// # Real-time
/// All pushes are wait-free: at most two copies, a few atomic loads and stores; no lock, allocation, free, system call,
/// log or wake-up. Dropping the tap frees nothing either: the ring is freed by the reader's side, when the reader is
/// dropped after the tap, or at the next [`sweep_rings`], [`tap`] or drop of any reader otherwise.
pub struct Tap {
    /// Ahead of the ring, so that whoever finds the ring unheld finds this unheld too.
    shared: Arc<Shared>,
    producer: HeapProd<u8>,
    format: Format,
    accepted_total: u64,
    dropped_total: u64,
    /// The `dropped_total` of the last mark that is in the queue.
    marked_total: u64,
}

impl Tap {
    /// The format that pushes have to have.
    pub fn format(&self) -> Format {
        self.format
    }

    /// True when the reader is gone: each push is then dropped whole.
    pub fn is_closed(&self) -> bool {
        self.shared.reader_gone.load(Ordering::Acquire)
    }

    /// Frames that the next push takes at least: for a pusher that can wait, such as one that reads a file. Only a push
    /// makes it less.
    ///
    /// # Real-time
    /// Wait-free, see [`Tap`].
    pub fn free_frames(&self) -> usize {
        self.producer.vacant_len() / self.format.frame_bytes()
    }

    /// Frames that were taken since the tap was made.
    pub fn accepted_frames(&self) -> u64 {
        self.accepted_total
    }

    /// Frames that did not fit since the tap was made.
    pub fn dropped_frames(&self) -> u64 {
        self.dropped_total
    }

    /// Pushes raw samples in the tap's format, for a planar format channel after channel.
    ///
    /// `captured_ns` is when the first frame was captured, on the clock that the front end is driven by. Bytes at the end
    /// that are no whole frame are not looked at.
    ///
    /// # Real-time
    /// Wait-free, see [`Tap`].
    pub fn push_bytes(&mut self, frames: &[u8], captured_ns: Option<u64>) -> Pushed {
        let count = frames.len() / self.format.frame_bytes();
        if self.format.layout() == Layout::Interleaved || self.format.channels() == 1 {
            return self.push_interleaved(frames, count, captured_ns);
        }
        // Bytes have no alignment to go wrong, so planar samples are moved as small byte arrays.
        match self.format.sample().bytes() {
            2 => self.push_planes::<[u8; 2]>(
                bytemuck::cast_slice(&frames[..frames.len() / 2 * 2]),
                count,
                captured_ns,
            ),
            _ => self.push_planes::<[u8; 4]>(
                bytemuck::cast_slice(&frames[..frames.len() / 4 * 4]),
                count,
                captured_ns,
            ),
        }
    }

    /// Pushes 16-bit samples ([`SampleType::S16`]), laid out as the format says.
    ///
    /// # Errors
    /// [`PushError::WrongSample`].
    ///
    /// # Real-time
    /// Wait-free, see [`Tap`].
    pub fn push_i16(&mut self, samples: &[i16], captured_ns: Option<u64>) -> Result<Pushed, PushError> {
        self.check(&[SampleType::S16])?;
        Ok(self.push_bytes(bytemuck::cast_slice(samples), captured_ns))
    }

    /// Pushes 32-bit integers ([`SampleType::S32`] or [`SampleType::S24In32`]), laid out as the format says.
    ///
    /// # Errors
    /// [`PushError::WrongSample`].
    ///
    /// # Real-time
    /// Wait-free, see [`Tap`].
    pub fn push_i32(&mut self, samples: &[i32], captured_ns: Option<u64>) -> Result<Pushed, PushError> {
        self.check(&[SampleType::S32, SampleType::S24In32])?;
        Ok(self.push_bytes(bytemuck::cast_slice(samples), captured_ns))
    }

    /// Pushes floats ([`SampleType::F32`]), laid out as the format says.
    ///
    /// # Errors
    /// [`PushError::WrongSample`].
    ///
    /// # Real-time
    /// Wait-free, see [`Tap`].
    pub fn push_f32(&mut self, samples: &[f32], captured_ns: Option<u64>) -> Result<Pushed, PushError> {
        self.check(&[SampleType::F32])?;
        Ok(self.push_bytes(bytemuck::cast_slice(samples), captured_ns))
    }

    /// Pushes 16-bit samples, one slice a channel, whatever the layout of the format.
    ///
    /// # Errors
    /// Each kind of [`PushError`].
    ///
    /// # Real-time
    /// Wait-free, see [`Tap`].
    pub fn push_planar_i16(
        &mut self,
        channels: &[&[i16]],
        captured_ns: Option<u64>,
    ) -> Result<Pushed, PushError> {
        self.check(&[SampleType::S16])?;
        self.push_channels(channels, captured_ns)
    }

    /// Pushes 32-bit integers, one slice a channel, whatever the layout of the format.
    ///
    /// # Errors
    /// Each kind of [`PushError`].
    ///
    /// # Real-time
    /// Wait-free, see [`Tap`].
    pub fn push_planar_i32(
        &mut self,
        channels: &[&[i32]],
        captured_ns: Option<u64>,
    ) -> Result<Pushed, PushError> {
        self.check(&[SampleType::S32, SampleType::S24In32])?;
        self.push_channels(channels, captured_ns)
    }

    /// Pushes floats, one slice a channel, whatever the layout of the format.
    ///
    /// # Errors
    /// Each kind of [`PushError`].
    ///
    /// # Real-time
    /// Wait-free, see [`Tap`].
    pub fn push_planar_f32(
        &mut self,
        channels: &[&[f32]],
        captured_ns: Option<u64>,
    ) -> Result<Pushed, PushError> {
        self.check(&[SampleType::F32])?;
        self.push_channels(channels, captured_ns)
    }

    fn check(&self, allowed: &[SampleType]) -> Result<(), PushError> {
        if allowed.contains(&self.format.sample()) { Ok(()) } else { Err(PushError::WrongSample) }
    }

    fn push_channels<T: Pod>(
        &mut self,
        channels: &[&[T]],
        captured_ns: Option<u64>,
    ) -> Result<Pushed, PushError> {
        if channels.len() != usize::from(self.format.channels()) {
            return Err(PushError::WrongChannels);
        }
        let count = channels[0].len();
        if channels.iter().any(|channel| channel.len() != count) {
            return Err(PushError::UnequalChannels);
        }
        let accepted = self.admit(count, captured_ns);
        self.interleave(accepted, |channel, frame| channels[channel][frame]);
        Ok(self.account(accepted, count))
    }

    fn push_interleaved(&mut self, bytes: &[u8], count: usize, captured_ns: Option<u64>) -> Pushed {
        let accepted = self.admit(count, captured_ns);
        self.producer.push_slice(&bytes[..accepted * self.format.frame_bytes()]);
        self.account(accepted, count)
    }

    fn push_planes<T: Pod>(&mut self, planes: &[T], count: usize, captured_ns: Option<u64>) -> Pushed {
        let accepted = self.admit(count, captured_ns);
        self.interleave(accepted, |channel, frame| planes[channel * count + frame]);
        self.account(accepted, count)
    }

    /// How many of `count` frames may go in. Puts the mark ahead of them in first, so that no reader sees the frames
    /// without it. Where a gap cannot be marked, nothing is taken and the gap grows: later audio never slides.
    fn admit(&mut self, count: usize, captured_ns: Option<u64>) -> usize {
        if self.is_closed() {
            return 0;
        }
        let accepted = count.min(self.producer.vacant_len() / self.format.frame_bytes());
        if accepted == 0 {
            return 0;
        }
        let mark = Mark { at: self.accepted_total, dropped_total: self.dropped_total, captured_ns };
        if self.marked_total != self.dropped_total {
            if !self.shared.marks.try_push(mark) {
                return 0;
            }
            self.marked_total = self.dropped_total;
        } else if captured_ns.is_some() && self.shared.marks.len() < limits::CAPTURE_MARKS_MAX {
            // A capture time that finds its share of the queue full is left out: the next one says the same.
            let _ = self.shared.marks.try_push(mark);
        }
        accepted
    }

    fn account(&mut self, accepted: usize, count: usize) -> Pushed {
        self.accepted_total += accepted as u64;
        let dropped = count - accepted;
        if dropped > 0 {
            self.dropped_total += dropped as u64;
            self.shared.dropped_total.store(self.dropped_total, Ordering::Release);
        }
        Pushed { accepted_frames: accepted, dropped_frames: dropped }
    }

    /// Interleaves on the stack, a block at a time: the ring holds frames in one layout only.
    fn interleave<T: Pod>(&mut self, frames: usize, sample: impl Fn(usize, usize) -> T) {
        let channels = usize::from(self.format.channels());
        let mut block = [T::zeroed(); limits::PLANAR_BLOCK_SAMPLES];
        let block_frames = limits::PLANAR_BLOCK_SAMPLES / channels;
        let mut done = 0;
        while done < frames {
            let now = block_frames.min(frames - done);
            for channel in 0..channels {
                for frame in 0..now {
                    block[frame * channels + channel] = sample(channel, done + frame);
                }
            }
            self.producer.push_slice(bytemuck::cast_slice(&block[..now * channels]));
            done += now;
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.shared.tap_gone.store(true, Ordering::Release);
    }
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tap")
            .field("format", &self.format)
            .field("accepted", &self.accepted_total)
            .finish_non_exhaustive()
    }
}

/// The reader's end: handed to a [`FrontEnd`](crate::FrontEnd).
pub struct TapReader {
    /// There until the drop.
    consumer: Option<HeapCons<u8>>,
    shared: Arc<Shared>,
    format: Format,
    /// Frames taken out of the ring.
    taken: u64,
    /// Dropped frames that were reported as gaps.
    dropped_seen: u64,
    /// The next gap: the index of the accepted frame behind it, and the dropped total there.
    next_gap: Option<(u64, u64)>,
    capacity_frames: usize,
}

impl TapReader {
    /// The format of the frames in the ring.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Frames in the ring: one Acquire load.
    pub fn available_frames(&self) -> usize {
        self.ring().occupied_len() / self.format.frame_bytes()
    }

    /// Frames that fit in the ring.
    pub fn capacity_frames(&self) -> usize {
        self.capacity_frames
    }

    /// True when the tap is gone: what is in the ring is the last of it.
    pub fn is_closed(&self) -> bool {
        self.shared.tap_gone.load(Ordering::Acquire)
    }

    /// Frames that the tap has dropped since it was made.
    pub fn dropped_frames(&self) -> u64 {
        self.shared.dropped_total.load(Ordering::Acquire)
    }

    /// Frames accepted up to here plus frames dropped up to here: the place on the tap's own timeline.
    pub(crate) fn position(&self) -> u64 {
        self.taken + self.dropped_seen
    }

    fn ring(&self) -> &HeapCons<u8> {
        self.consumer.as_ref().expect("there until the drop")
    }

    /// Reads marks up to the next gap, and hands capture times on as (place on the timeline, nanoseconds).
    pub(crate) fn read_marks(&mut self, captured: &mut dyn FnMut(u64, u64)) {
        while self.next_gap.is_none() {
            let Some(mark) = self.shared.marks.pop() else { return };
            if let Some(ns) = mark.captured_ns {
                captured(mark.at + mark.dropped_total, ns);
            }
            if mark.dropped_total > self.dropped_seen {
                self.next_gap = Some((mark.at, mark.dropped_total));
            }
        }
    }

    /// Frames up to the next known gap, if there is one.
    pub(crate) fn frames_to_gap(&self) -> Option<u64> {
        self.next_gap.map(|(at, _)| at.saturating_sub(self.taken))
    }

    /// Takes the gap that begins here, and returns its frames.
    pub(crate) fn take_gap(&mut self) -> Option<u64> {
        let (at, total) = self.next_gap?;
        if at > self.taken {
            return None;
        }
        self.next_gap = None;
        let frames = total - self.dropped_seen;
        self.dropped_seen = total;
        Some(frames)
    }

    /// Takes a loss that no frame follows yet. `dropped_total` was read before the ring's fill was, and the ring has been
    /// emptied since.
    pub(crate) fn take_last_gap(&mut self, dropped_total: u64) -> u64 {
        let frames = dropped_total.saturating_sub(self.dropped_seen);
        self.dropped_seen += frames;
        frames
    }

    /// The first `frames` frames in the ring as up to two pieces, each of whole frames.
    pub(crate) fn peek(&self, frames: usize) -> (&[u8], &[u8]) {
        let bytes = frames * self.format.frame_bytes();
        let (first, second) = self.ring().as_slices();
        let cut = bytes.min(first.len());
        (&first[..cut], &second[..(bytes - cut).min(second.len())])
    }

    /// Takes `frames` frames out of the ring.
    pub(crate) fn consume(&mut self, frames: usize) {
        let bytes = frames * self.format.frame_bytes();
        let ring = self.consumer.as_mut().expect("there until the drop");
        let skipped = ring.skip(bytes);
        debug_assert_eq!(skipped, bytes);
        self.taken += frames as u64;
    }
}

impl Drop for TapReader {
    fn drop(&mut self) {
        self.shared.reader_gone.store(true, Ordering::Release);
        let Some(consumer) = self.consumer.take() else { return };
        let ring = consumer.into_rb_ref();
        // The tap may still hold the ring. Then a second owner stays behind, so that the tap's drop is never the last.
        let orphan = Orphan { ring, _shared: self.shared.clone() };
        let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
        orphans.retain(Orphan::is_held);
        if orphan.is_held() {
            orphans.push(orphan);
        }
    }
}

impl std::fmt::Debug for TapReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TapReader")
            .field("format", &self.format)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

/// A ring whose reader is gone while its tap is not.
struct Orphan {
    ring: Arc<HeapRb<u8>>,
    _shared: Arc<Shared>,
}

impl Orphan {
    fn is_held(&self) -> bool {
        Arc::strong_count(&self.ring) > 1
    }
}

/// At most one for each living tap.
static ORPHANS: Mutex<Vec<Orphan>> = Mutex::new(Vec::new());

/// Frees the rings whose reader and tap are both gone, and returns how many wait for their tap.
///
/// A tap must not free memory on the audio thread, so the ring of a tap that outlives its reader is kept until this runs:
/// here, in [`tap`], and in the drop of a reader. Takes a lock: not for the audio thread.
pub fn sweep_rings() -> usize {
    let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
    orphans.retain(Orphan::is_held);
    orphans.len()
}
