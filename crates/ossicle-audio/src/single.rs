//! One tap to the wire.

use crate::channels::{ChannelMap, Mapping};
use crate::convert::{FULL_SCALE, decode_f32, f32_to_i16, int_to_i16};
use crate::format::{SampleType, WireFormat};
use crate::front::{FrontEndError, GapReason, Outlet, Piece, Scratch, Sink, TapCounts, sized, to_wire};
use crate::limits::PASS_FRAMES_MAX;
use crate::meter::Pass;
use crate::resample::Resample;
use crate::tap::TapReader;
use crate::watch::{Finding, RateWatch, is_wav_header};

/// A tap, its place on its own timeline, and its place on the wire.
///
/// Whenever the resampler is clean, `wire_position` is where the reader's position lies on the wire. In between, the resampler
/// owes the difference.
pub(crate) struct Single {
    source: Source,
    resample: Option<Resample>,
    in_hz: u32,
    wire_hz: u32,
    wire_position: u64,
}

impl Single {
    pub(crate) fn new(reader: TapReader, wire: WireFormat, map: &ChannelMap) -> Result<Self, FrontEndError> {
        let format = reader.format();
        let mapping = Mapping::new(map, format.channels())
            .ok_or(FrontEndError::ChannelMap { channels: format.channels() })?;
        let (in_hz, wire_hz) = (format.rate_hz(), wire.rate_hz());
        let resample = if in_hz == wire_hz {
            None
        } else {
            let made = Resample::new(in_hz, wire_hz, mapping.to());
            Some(made.map_err(|_| FrontEndError::Resampler { in_hz, out_hz: wire_hz })?)
        };
        Ok(Self { source: Source::new(reader, mapping, 0), resample, in_hz, wire_hz, wire_position: 0 })
    }

    pub(crate) fn ready_frames(&self) -> u64 {
        let available = self.source.reader.available_frames();
        // Asked in every tick of every session; the rest divides.
        let Some(resample) = &self.resample else { return available as u64 };
        let block = resample.block_frames();
        to_wire((available - available % block) as u64, self.in_hz, self.wire_hz)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.source.reader.is_closed()
    }

    pub(crate) fn counts(&self) -> TapCounts {
        self.source.counts
    }

    pub(crate) fn delay_frames(&self) -> usize {
        self.resample.as_ref().map_or(0, Resample::delay_frames)
    }

    pub(crate) fn drain(&mut self, now_ns: u64, outlet: &mut Outlet, scratch: &mut Scratch, sink: Sink<'_>) {
        // The fill is read once: what arrives meanwhile is the next drain's, so a drain is bounded by the ring.
        let mut available = self.source.reader.available_frames() as u64;
        self.source.arrived(available, now_ns, outlet);
        loop {
            self.source.read_marks(outlet);
            if self.source.reader.frames_to_gap() == Some(0) {
                self.end_run(outlet, scratch, sink);
                self.pass_gap(sink);
                continue;
            }
            let to_gap = self.source.reader.frames_to_gap().filter(|frames| *frames <= available);
            let run = to_gap.unwrap_or(available);
            let taken = match &self.resample {
                None => self.pass(run, outlet, scratch, sink),
                Some(resample) => {
                    let block = resample.block_frames() as u64;
                    // A part of a block goes in only ahead of a gap, where no more will join it.
                    let part_too = to_gap.is_some();
                    let take = if run >= block {
                        block
                    } else if part_too {
                        run
                    } else {
                        0
                    };
                    self.resample_block(take as usize, outlet, scratch, sink);
                    take
                }
            };
            if taken == 0 {
                return;
            }
            available -= taken;
        }
    }

    pub(crate) fn flush(&mut self, now_ns: u64, outlet: &mut Outlet, scratch: &mut Scratch, sink: Sink<'_>) {
        // Read ahead of the ring's fill: see `take_last_gap`.
        let dropped_total = self.source.reader.dropped_frames();
        self.drain(now_ns, outlet, scratch, sink);
        if self.resample.is_some() {
            self.source.read_marks(outlet);
            let rest = self.source.reader.available_frames() as u64;
            let run = self.source.reader.frames_to_gap().map_or(rest, |frames| frames.min(rest));
            self.resample_block((run as usize).min(self.block_frames()), outlet, scratch, sink);
            self.end_run(outlet, scratch, sink);
        }
        if self.source.reader.available_frames() == 0 {
            self.source.counts.dropped_frames += self.source.reader.take_last_gap(dropped_total);
            self.emit_gap(sink);
        }
    }

    pub(crate) fn discard(&mut self, now_ns: u64, outlet: &mut Outlet) -> u64 {
        let dropped_total = self.source.reader.dropped_frames();
        let available = self.source.reader.available_frames() as u64;
        self.source.arrived(available, now_ns, outlet);
        self.source.discard(available, outlet);
        self.source.counts.dropped_frames += self.source.reader.take_last_gap(dropped_total);
        if let Some(resample) = self.resample.as_mut().filter(|resample| !resample.is_clean()) {
            resample.reset();
        }
        let target = self.target();
        target - std::mem::replace(&mut self.wire_position, target)
    }

    fn block_frames(&self) -> usize {
        self.resample.as_ref().map_or(1, Resample::block_frames)
    }

    /// Where the wire has to be once all that was read is out.
    fn target(&self) -> u64 {
        to_wire(self.source.reader.position(), self.in_hz, self.wire_hz)
    }

    fn pass_gap(&mut self, sink: Sink<'_>) {
        self.source.counts.dropped_frames += self.source.reader.take_gap().unwrap_or(0);
        self.emit_gap(sink);
    }

    fn emit_gap(&mut self, sink: Sink<'_>) {
        let target = self.target();
        let frames = target - std::mem::replace(&mut self.wire_position, target);
        if frames > 0 {
            sink(Piece::Gap { frames, reason: GapReason::RingFull });
        }
    }

    /// The rate stays: converts and maps up to `run` frames, and returns how many.
    fn pass(&mut self, run: u64, outlet: &mut Outlet, scratch: &mut Scratch, sink: Sink<'_>) -> u64 {
        let frames = run.min(PASS_FRAMES_MAX as u64) as usize;
        if frames == 0 {
            return 0;
        }
        let channels = self.source.mapping.to();
        let mut pcm = std::mem::take(&mut scratch.pcm);
        let out = sized(&mut pcm, frames * channels);
        let unchanged = self.source.take_i16(frames, outlet, scratch, out);
        let passes = outlet.listen(out);
        if unchanged && passes.iter().any(Pass::clips) {
            self.source.count_clipped_i16(out, outlet);
        }
        sink(Piece::Audio(out));
        scratch.pcm = pcm;
        self.wire_position += frames as u64;
        frames as u64
    }

    /// Feeds one block of which the first `valid` frames are the ring's, and gives out what comes.
    fn resample_block(&mut self, valid: usize, outlet: &mut Outlet, scratch: &mut Scratch, sink: Sink<'_>) {
        if valid == 0 {
            return;
        }
        let Some(resample) = self.resample.as_mut() else { return };
        let block = resample.block_frames();
        let mut planes = std::mem::take(&mut scratch.planes_in);
        let planes_in = sized(&mut planes, block * self.source.mapping.to());
        self.source.take_planes(valid, block, outlet, scratch, planes_in);
        self.feed(Some(planes_in), valid, outlet, scratch, sink);
        scratch.planes_in = planes;
    }

    /// Feeds silence until all that was read is out, and begins anew.
    fn end_run(&mut self, outlet: &mut Outlet, scratch: &mut Scratch, sink: Sink<'_>) {
        if self.resample.as_ref().is_none_or(Resample::is_clean) {
            return;
        }
        while self.wire_position < self.target() {
            self.feed(None, 0, outlet, scratch, sink);
        }
        if let Some(resample) = &mut self.resample {
            resample.reset();
        }
    }

    fn feed(
        &mut self,
        input: Option<&[f32]>,
        valid: usize,
        outlet: &mut Outlet,
        scratch: &mut Scratch,
        sink: Sink<'_>,
    ) {
        let target = self.target();
        let Some(resample) = self.resample.as_mut() else { return };
        let channels = self.source.mapping.to();
        let (block, out_max) = (resample.block_frames(), resample.out_frames_max());
        let Scratch { planes_in, planes_out, pcm, .. } = scratch;
        let input = input.unwrap_or_else(|| sized(planes_in, block * channels));
        let output = sized(planes_out, out_max * channels);
        let made = resample.feed(input, valid, output);
        let owed = (target - self.wire_position).min(made.len() as u64) as usize;
        let pcm = sized(pcm, owed * channels);
        if channels == 1 {
            for (out, value) in pcm.iter_mut().zip(&output[made.start..]) {
                *out = f32_to_i16(*value);
            }
        } else {
            let (left, right) = output.split_at(out_max);
            let pairs = left[made.start..].iter().zip(&right[made.start..]);
            for (frame, (left, right)) in pcm.as_chunks_mut::<2>().0.iter_mut().zip(pairs) {
                *frame = [f32_to_i16(*left), f32_to_i16(*right)];
            }
        }
        if owed > 0 {
            outlet.listen(pcm);
            self.wire_position += owed as u64;
            sink(Piece::Audio(pcm));
        }
    }
}

/// A tap's reader with its channel map and what was seen of it.
pub(crate) struct Source {
    pub(crate) reader: TapReader,
    pub(crate) mapping: Mapping,
    pub(crate) counts: TapCounts,
    pub(crate) rate: RateWatch,
    /// The wire channel that the first mapped channel is.
    first_wire_channel: usize,
    tap: u8,
}

impl Source {
    pub(crate) fn new(reader: TapReader, mapping: Mapping, tap: u8) -> Self {
        let rate = RateWatch::new(tap, reader.format().rate_hz());
        Self { reader, mapping, counts: TapCounts::default(), rate, first_wire_channel: tap.into(), tap }
    }

    pub(crate) fn arrived(&mut self, available: u64, now_ns: u64, outlet: &mut Outlet) {
        outlet.tell(self.rate.arrived(self.reader.position() + available, now_ns));
    }

    pub(crate) fn read_marks(&mut self, outlet: &mut Outlet) {
        self.read_marks_with(outlet, &mut |_, _| {});
    }

    /// Reads marks up to the next gap, and hands capture times on as (place on the timeline, nanoseconds).
    pub(crate) fn read_marks_with(&mut self, outlet: &mut Outlet, captured: &mut dyn FnMut(u64, u64)) {
        let rate = &mut self.rate;
        self.reader.read_marks(&mut |position, ns| {
            outlet.tell(rate.captured(position, ns));
            captured(position, ns);
        });
    }

    /// Takes `frames` frames out without looking at them, and the gaps between them.
    pub(crate) fn discard(&mut self, frames: u64, outlet: &mut Outlet) {
        let mut left = frames;
        loop {
            self.read_marks(outlet);
            if let Some(gap) = self.reader.take_gap() {
                self.counts.dropped_frames += gap;
                continue;
            }
            let run = self.reader.frames_to_gap().map_or(left, |frames| frames.min(left));
            if run == 0 {
                return;
            }
            self.reader.consume(run as usize);
            self.counts.discarded_frames += run;
            left -= run;
        }
    }

    /// Takes `frames` frames out as 16-bit, mapped. True when they were picked as they are: then what clips shows in `out`.
    fn take_i16(
        &mut self,
        frames: usize,
        outlet: &mut Outlet,
        scratch: &mut Scratch,
        out: &mut [i16],
    ) -> bool {
        let sample = self.reader.format().sample();
        match self.mapping {
            Mapping::Pick { from, picked, to } if sample != SampleType::F32 => {
                self.look_for_header(outlet);
                let (first, second) = self.reader.peek(frames);
                let cut = first.len() / self.reader.format().frame_bytes() * to;
                let (head, tail) = out.split_at_mut(cut);
                if sample == SampleType::S16 && self.mapping.is_identity() {
                    bytemuck::cast_slice_mut(head).copy_from_slice(first);
                    bytemuck::cast_slice_mut(tail).copy_from_slice(second);
                } else {
                    pick_i16(sample, first, from, &picked[..to], head);
                    pick_i16(sample, second, from, &picked[..to], tail);
                }
                self.reader.consume(frames);
                self.counts.captured_frames += frames as u64;
                true
            }
            _ => {
                let mut planes = std::mem::take(&mut scratch.planes_in);
                let to = self.mapping.to();
                let planes_in = sized(&mut planes, frames * to);
                self.take_planes(frames, frames, outlet, scratch, planes_in);
                for (channel, plane) in planes_in.chunks_exact(frames).enumerate() {
                    for (out, value) in out[channel..].iter_mut().step_by(to).zip(plane) {
                        *out = f32_to_i16(*value);
                    }
                }
                scratch.planes_in = planes;
                false
            }
        }
    }

    /// Takes `frames` frames out as float planes of `stride` frames, mapped.
    pub(crate) fn take_planes(
        &mut self,
        frames: usize,
        stride: usize,
        outlet: &mut Outlet,
        scratch: &mut Scratch,
        planes: &mut [f32],
    ) {
        self.look_for_header(outlet);
        let format = self.reader.format();
        let channels = usize::from(format.channels());
        let decoded = sized(&mut scratch.decoded, frames * channels);
        let (first, second) = self.reader.peek(frames);
        let cut = first.len() / format.sample().bytes();
        let (head, tail) = decoded.split_at_mut(cut);
        let seen = [decode_f32(format.sample(), first, head), decode_f32(format.sample(), second, tail)];
        self.reader.consume(frames);
        self.counts.captured_frames += frames as u64;
        self.counts.nonfinite_samples += seen[0].nonfinite + seen[1].nonfinite;
        if seen[0].peak.max(seen[1].peak) >= FULL_SCALE {
            self.count_clipped_f32(decoded, channels, outlet);
        }
        for (to, plane) in planes.chunks_exact_mut(stride).enumerate() {
            self.mapping.plane(to, decoded, &mut plane[..frames]);
        }
    }

    fn count_clipped_f32(&self, decoded: &[f32], channels: usize, outlet: &mut Outlet) {
        for from in 0..channels {
            let clipped =
                decoded[from..].iter().step_by(channels).filter(|v| v.abs() >= FULL_SCALE).count() as u64;
            for to in (0..self.mapping.to()).filter(|to| self.mapping.feeds(from, *to)) {
                outlet.clipped(self.first_wire_channel + to, clipped);
            }
        }
    }

    fn count_clipped_i16(&self, out: &[i16], outlet: &mut Outlet) {
        let to = self.mapping.to();
        for channel in 0..to {
            let samples = out[channel..].iter().step_by(to);
            let clipped = samples.filter(|sample| sample.unsigned_abs() >= i16::MAX as u16).count();
            outlet.clipped(self.first_wire_channel + channel, clipped as u64);
        }
    }

    /// Tells of a WAV header at the very start.
    fn look_for_header(&mut self, outlet: &mut Outlet) {
        if self.reader.position() == 0 {
            let frames = self.reader.available_frames().min(12);
            if is_wav_header(self.reader.peek(frames).0) {
                outlet.watch.tell(Finding::WavHeader { tap: self.tap });
            }
        }
    }
}

/// Picks channels of integer samples straight into 16 bits.
fn pick_i16(sample: SampleType, bytes: &[u8], from: usize, picked: &[u8], out: &mut [i16]) {
    let width = sample.bytes();
    for (frame, out) in bytes.chunks_exact(width * from).zip(out.chunks_exact_mut(picked.len())) {
        for (channel, out) in picked.iter().zip(out) {
            let at = usize::from(*channel) * width;
            *out = match frame[at..at + width] {
                [a, b] => i16::from_ne_bytes([a, b]),
                [a, b, c, d] => int_to_i16(sample, i32::from_ne_bytes([a, b, c, d])),
                _ => 0,
            };
        }
    }
}
