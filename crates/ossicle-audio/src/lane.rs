//! One tap of two: its resampler, the loop that steers it, and what it has ready.

use std::collections::VecDeque;

use crate::channels::Mapping;
use crate::convert::f32_to_i16;
use crate::front::{FrontEndError, Outlet, Scratch, sized, to_wire};
use crate::limits::{ARRIVAL_JUMP_MS, CAPTURE_JUMP_MS};
use crate::pair::frames_ns;
use crate::resample::Resample;
use crate::single::Source;
use crate::steer::Steer;
use crate::tap::TapReader;

/// Frames ready to be given out: captured ones lie in the lane's samples, silence lies nowhere.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    filled: bool,
    frames: u64,
}

pub(crate) struct Lane {
    pub(crate) source: Source,
    /// Wire frame that this lane's next frame will be.
    pub(crate) out_end: u64,
    resample: Resample,
    steer: Steer,
    in_hz: u32,
    wire_hz: u32,
    samples: VecDeque<i16>,
    stretches: VecDeque<Stretch>,
    /// True from the first frame fed until the run's end.
    running: bool,
    /// Frames of the ring that come too late and are left out.
    late: u64,
    /// The last capture time: place on the tap's timeline, nanoseconds.
    capture: Option<(u64, u64)>,
    /// Place on the tap's timeline where the capture times jump.
    jump_at: Option<u64>,
    /// Where the tap's timeline ended at the last look, and when that last moved.
    arrived: u64,
    arrived_ns: u64,
    /// Frames thrown away since the last drain.
    discarded: u64,
}

impl Lane {
    pub(crate) fn new(
        reader: TapReader,
        mapping: Mapping,
        tap: u8,
        wire_hz: u32,
    ) -> Result<Self, FrontEndError> {
        let in_hz = reader.format().rate_hz();
        let resample = Resample::sinc(in_hz, wire_hz, 1)
            .map_err(|_| FrontEndError::Resampler { in_hz, out_hz: wire_hz })?;
        Ok(Self {
            source: Source::new(reader, mapping, tap),
            out_end: 0,
            resample,
            steer: Steer::new(),
            in_hz,
            wire_hz,
            samples: VecDeque::new(),
            stretches: VecDeque::new(),
            running: false,
            late: 0,
            capture: None,
            jump_at: None,
            arrived: 0,
            arrived_ns: 0,
            discarded: 0,
        })
    }

    pub(crate) fn delay_frames(&self) -> usize {
        self.resample.delay_frames()
    }

    /// About how far this lane would come if it was drained.
    pub(crate) fn reach(&self) -> u64 {
        let available = self.source.reader.available_frames();
        self.out_end
            + to_wire((available - available % self.resample.block_frames()) as u64, self.in_hz, self.wire_hz)
    }

    /// How long nothing has arrived.
    pub(crate) fn quiet_ns(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.arrived_ns)
    }

    /// Notes what has arrived, and measures how far the lane's frames are from where the clock says they belong.
    pub(crate) fn look(&mut self, now_ns: u64, zero_ns: Option<i128>, outlet: &mut Outlet) {
        let end = self.source.reader.position() + self.source.reader.available_frames() as u64;
        self.source.arrived(end - self.source.reader.position(), now_ns, outlet);
        let moved = end != self.arrived;
        if moved {
            (self.arrived, self.arrived_ns) = (end, now_ns);
        }
        let (mut oldest, mut newest) = (None, None);
        self.source.read_marks_with(outlet, &mut |position, ns| {
            oldest.get_or_insert((position, ns));
            newest = Some((position, ns));
        });
        let by_capture = newest.or(self.capture).is_some();
        self.capture = newest.or(self.capture);
        let Some(zero_ns) = zero_ns.filter(|_| self.running) else { return };
        if by_capture {
            for (position, ns) in [oldest, newest].into_iter().flatten() {
                self.measure(position, ns, zero_ns, CAPTURE_JUMP_MS);
            }
        } else if moved {
            self.measure(end, now_ns, zero_ns, ARRIVAL_JUMP_MS);
        }
    }

    /// Frame `position` was captured at `ns`: steers, or notes a jump that steering must not smear.
    fn measure(&mut self, position: u64, ns: u64, zero_ns: i128, jump_ms: u32) {
        if self.jump_at.is_some() {
            return;
        }
        let belongs = (i128::from(ns) - zero_ns) as f64 * f64::from(self.wire_hz) / 1e9;
        let error_s = (belongs - self.place_of(position)) / f64::from(self.wire_hz);
        if error_s.abs() * 1_000.0 > f64::from(jump_ms) {
            self.jump_at = Some(position.max(self.source.reader.position()));
        } else {
            self.resample.steer(self.steer.correct(error_s, ns));
        }
    }

    /// The wire frame that frame `position` of the tap's timeline becomes as things are.
    fn place_of(&self, position: u64) -> f64 {
        let ahead = position as f64 - self.source.reader.position() as f64;
        self.out_end as f64 + self.owed() + ahead * self.ratio()
    }

    /// Wire frames that the resampler holds back.
    fn owed(&self) -> f64 {
        if self.resample.is_clean() { 0.0 } else { self.resample.held_frames() }
    }

    fn ratio(&self) -> f64 {
        f64::from(self.wire_hz) / f64::from(self.in_hz) * self.steer.relative()
    }

    /// When the first frame in the ring was captured.
    pub(crate) fn first_frame_ns(&self, now_ns: u64) -> Option<i128> {
        let available = self.source.reader.available_frames() as u64;
        (available > 0).then(|| self.captured_ns(self.source.reader.position(), available, now_ns))
    }

    fn captured_ns(&self, position: u64, available: u64, now_ns: u64) -> i128 {
        // A capture time tells of frames within a second of it; else what is in the ring has arrived by now.
        if let Some((marked, ns)) =
            self.capture.filter(|(marked, _)| marked.abs_diff(position) < self.in_hz.into())
        {
            let ahead = frames_ns(position.abs_diff(marked), self.in_hz);
            return if position >= marked { i128::from(ns) + ahead } else { i128::from(ns) - ahead };
        }
        i128::from(now_ns) - frames_ns(available, self.in_hz)
    }

    /// Moves whole blocks from the ring through the resampler, and what is ahead of a gap or jump.
    pub(crate) fn take_in(&mut self, now_ns: u64, zero_ns: i128, outlet: &mut Outlet, scratch: &mut Scratch) {
        let mut available = self.source.reader.available_frames() as u64;
        loop {
            let position = self.source.reader.position();
            if self.source.reader.frames_to_gap() == Some(0) {
                self.pass_gap(outlet, scratch);
                let capture = &mut self.capture;
                self.source.read_marks_with(outlet, &mut |position, ns| *capture = Some((position, ns)));
                continue;
            }
            if self.jump_at.is_some_and(|at| at <= position) {
                self.jump_at = None;
                self.end_run_at(0, outlet, scratch);
            }
            if !self.running && available > 0 && self.late == 0 {
                self.anchor(position, available, now_ns, zero_ns);
            }
            let to_jump = self.jump_at.map(|at| at - position);
            let to_gap = self.source.reader.frames_to_gap();
            let cut = [to_jump, to_gap].into_iter().flatten().filter(|frames| *frames <= available).min();
            let run = cut.unwrap_or(available);
            let taken = if self.late > 0 {
                self.skip_late(run)
            } else {
                let block = self.resample.block_frames() as u64;
                let take = if run >= block { block } else { 0 };
                self.feed_ring(take as usize, outlet, scratch);
                if take == 0 && cut.is_some() {
                    // No more will join this part of a block.
                    self.end_run_at(run as usize, outlet, scratch);
                    run
                } else {
                    take
                }
            };
            if taken == 0 {
                return;
            }
            available -= taken;
        }
    }

    /// Begins a run where the clock says its first frame belongs: silence up to there, or late frames left out.
    fn anchor(&mut self, position: u64, available: u64, now_ns: u64, zero_ns: i128) {
        let ns = self.captured_ns(position, available, now_ns) - zero_ns;
        let place = (ns * i128::from(self.wire_hz) + 500_000_000).div_euclid(1_000_000_000);
        let end = i128::from(self.out_end);
        if place >= end {
            self.fill_to(place as u64);
        } else {
            self.late = to_wire((end - place) as u64, self.wire_hz, self.in_hz);
        }
        self.running = self.late == 0;
        self.steer.restart();
        self.resample.steer(self.steer.relative());
    }

    fn skip_late(&mut self, run: u64) -> u64 {
        let skip = run.min(self.late);
        self.source.reader.consume(skip as usize);
        self.source.counts.late_frames += skip;
        self.late -= skip;
        self.running = self.late == 0;
        skip
    }

    fn pass_gap(&mut self, outlet: &mut Outlet, scratch: &mut Scratch) {
        self.end_run_at(0, outlet, scratch);
        let frames = self.source.reader.take_gap().unwrap_or(0);
        self.fill_gap(frames);
    }

    /// Takes a loss that no frame follows.
    pub(crate) fn take_last_gap(&mut self, dropped_total: u64) {
        if self.source.reader.available_frames() == 0 {
            let frames = self.source.reader.take_last_gap(dropped_total);
            self.fill_gap(frames);
        }
    }

    fn fill_gap(&mut self, frames: u64) {
        self.source.counts.dropped_frames += frames;
        self.fill_to(self.out_end + to_wire(frames, self.in_hz, self.wire_hz));
    }

    fn feed_ring(&mut self, valid: usize, outlet: &mut Outlet, scratch: &mut Scratch) -> u64 {
        if valid == 0 {
            return 0;
        }
        let block = self.resample.block_frames();
        let mut plane = std::mem::take(&mut scratch.planes_in);
        let input = sized(&mut plane, block);
        self.source.take_planes(valid, block, outlet, scratch, input);
        let made = self.feed(input, valid, u64::MAX, scratch);
        scratch.planes_in = plane;
        made
    }

    fn feed(&mut self, input: &[f32], valid: usize, most: u64, scratch: &mut Scratch) -> u64 {
        let output = sized(&mut scratch.planes_out, self.resample.out_frames_max());
        let made = self.resample.feed(input, valid, output);
        let output = &output[made];
        let frames = output.len().min(most as usize);
        self.samples.extend(output[..frames].iter().map(|value| f32_to_i16(*value)));
        self.push_stretch(false, frames as u64);
        frames as u64
    }

    /// Ends the run with what is in the ring, less than a block.
    pub(crate) fn end_run(&mut self, outlet: &mut Outlet, scratch: &mut Scratch) {
        let rest = self.source.reader.available_frames() as u64;
        let run = self.source.reader.frames_to_gap().map_or(rest, |frames| frames.min(rest));
        let valid = if self.running { (run as usize).min(self.resample.block_frames()) } else { 0 };
        self.end_run_at(valid, outlet, scratch);
    }

    /// Ends the run with `valid` more frames of the ring, and gives out what the resampler holds.
    fn end_run_at(&mut self, valid: usize, outlet: &mut Outlet, scratch: &mut Scratch) {
        let mut owed = (self.owed() + valid as f64 * self.ratio()).round() as u64;
        if self.running && (valid > 0 || !self.resample.is_clean()) {
            owed -= owed.min(self.feed_ring(valid, outlet, scratch));
            let mut plane = std::mem::take(&mut scratch.planes_in);
            while owed > 0 {
                // None of it is read: what is fed is silence.
                let input = sized(&mut plane, self.resample.block_frames());
                owed -= self.feed(input, 0, owed, scratch);
            }
            scratch.planes_in = plane;
            self.resample.reset();
            self.resample.steer(self.steer.relative());
        }
        self.running = false;
    }

    /// Silence up to wire frame `end`.
    pub(crate) fn fill_to(&mut self, end: u64) {
        let frames = end.saturating_sub(self.out_end);
        self.source.counts.filled_frames += frames;
        self.push_stretch(true, frames);
    }

    fn push_stretch(&mut self, filled: bool, frames: u64) {
        if frames == 0 {
            return;
        }
        self.out_end += frames;
        match self.stretches.back_mut() {
            Some(last) if last.filled == filled => last.frames += frames,
            _ => self.stretches.push_back(Stretch { filled, frames }),
        }
    }

    /// Frames ready that are all captured or all silence.
    pub(crate) fn run_ahead(&self) -> u64 {
        self.stretches.front().map_or(0, |stretch| stretch.frames)
    }

    /// Writes `frames` frames into every second place of `pcm`, and returns whether they are silence that was put in.
    pub(crate) fn give(&mut self, frames: usize, pcm: &mut [i16]) -> bool {
        let Some(stretch) = self.stretches.front_mut() else { return false };
        let filled = stretch.filled;
        stretch.frames -= frames as u64;
        if stretch.frames == 0 {
            self.stretches.pop_front();
        }
        let places = pcm.iter_mut().step_by(2).take(frames);
        if filled {
            places.for_each(|place| *place = 0);
        } else {
            places.zip(self.samples.drain(..frames)).for_each(|(place, sample)| *place = sample);
        }
        filled
    }

    /// Throws all away, and returns the wire frames that the discards since the last drain stood for.
    pub(crate) fn discard(&mut self, now_ns: u64, outlet: &mut Outlet) -> u64 {
        let dropped_total = self.source.reader.dropped_frames();
        let before = self.source.reader.position();
        let available = self.source.reader.available_frames() as u64;
        self.source.arrived(available, now_ns, outlet);
        self.source.discard(available, outlet);
        self.source.counts.dropped_frames += self.source.reader.take_last_gap(dropped_total);
        self.discarded += self.source.reader.position() - before;
        self.samples.clear();
        self.stretches.clear();
        self.resample.reset();
        (self.running, self.late, self.capture, self.jump_at) = (false, 0, None, None);
        to_wire(self.discarded, self.in_hz, self.wire_hz)
    }

    pub(crate) fn end_discard(&mut self) {
        self.discarded = 0;
    }
}
