//! Two taps to two wire channels, on one timeline.
//!
//! The two callbacks run on two clocks. Both are measured against a third, the monotonic clock that capture times and
//! ticks are given in, and each tap's resampler is steered so that its frames stay where that clock says they belong.
//! Wire frame 0 is at `zero_ns`; the timeline goes on as long as either tap delivers, and stands still while neither does.

use crate::channels::{ChannelMap, Mapping};
use crate::format::WireFormat;
use crate::front::{FrontEndError, Outlet, Piece, Scratch, Sink, TapCounts, sized, to_wire};
use crate::lane::Lane;
use crate::limits::{PASS_FRAMES_MAX, STALL_MS};
use crate::tap::TapReader;

/// Two lanes, as far as their frames are not given out.
pub(crate) struct Pair {
    lanes: [Lane; 2],
    wire_hz: u32,
    /// When wire frame 0 was, on the clock of the ticks. `None` while the timeline stands still.
    zero_ns: Option<i128>,
    /// Wire frames given out.
    emitted: u64,
    /// Wire frames that the discards since the last drain stood for.
    discarded: u64,
}

impl Pair {
    pub(crate) fn new(readers: [TapReader; 2], wire: WireFormat) -> Result<Self, FrontEndError> {
        let [first, second] = readers;
        let lane = |reader: TapReader, tap| {
            let channels = reader.format().channels();
            let mapping = Mapping::new(&ChannelMap::MixToMono, channels)
                .ok_or(FrontEndError::ChannelMap { channels })?;
            Lane::new(reader, mapping, tap, wire.rate_hz())
        };
        Ok(Self {
            lanes: [lane(first, 0)?, lane(second, 1)?],
            wire_hz: wire.rate_hz(),
            zero_ns: None,
            emitted: 0,
            discarded: 0,
        })
    }

    pub(crate) fn ready_frames(&self) -> u64 {
        let [first, second] = [self.lanes[0].reach(), self.lanes[1].reach()];
        let behind = first.max(second).saturating_sub(self.stall_frames());
        first.min(second).max(behind).saturating_sub(self.emitted)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lanes.iter().all(|lane| lane.source.reader.is_closed())
    }

    pub(crate) fn counts(&self) -> [TapCounts; 2] {
        [self.lanes[0].source.counts, self.lanes[1].source.counts]
    }

    pub(crate) fn delay_frames(&self) -> usize {
        self.lanes.iter().map(Lane::delay_frames).max().unwrap_or(0)
    }

    pub(crate) fn drain(&mut self, now_ns: u64, outlet: &mut Outlet, scratch: &mut Scratch, sink: Sink<'_>) {
        self.end_discard();
        self.take_in(now_ns, outlet, scratch);
        let stall_ns = u64::from(STALL_MS) * 1_000_000;
        if self.zero_ns.is_some() && self.lanes.iter().all(|lane| lane.quiet_ns(now_ns) > stall_ns) {
            // Neither delivers: the timeline stands still until one does.
            self.stand_still(outlet, scratch);
        }
        self.fill_behind(outlet, scratch);
        self.emit(outlet, scratch, sink);
    }

    pub(crate) fn flush(&mut self, now_ns: u64, outlet: &mut Outlet, scratch: &mut Scratch, sink: Sink<'_>) {
        self.end_discard();
        let dropped = [0, 1].map(|tap: usize| self.lanes[tap].source.reader.dropped_frames());
        self.take_in(now_ns, outlet, scratch);
        for (lane, dropped_total) in self.lanes.iter_mut().zip(dropped) {
            lane.end_run(outlet, scratch);
            lane.take_last_gap(dropped_total);
        }
        self.stand_still(outlet, scratch);
        self.emit(outlet, scratch, sink);
    }

    pub(crate) fn discard(&mut self, now_ns: u64, outlet: &mut Outlet) -> u64 {
        let pending = self.lanes.iter().map(|lane| lane.out_end).max().unwrap_or(0) - self.emitted;
        self.zero_ns = None;
        let stood_for = self.lanes.iter_mut().map(|lane| lane.discard(now_ns, outlet)).max().unwrap_or(0);
        // The lanes count from the start of the pause; what was told before is taken off.
        let frames = pending + stood_for.saturating_sub(self.discarded);
        self.discarded = self.discarded.max(stood_for);
        self.emitted += frames;
        for lane in &mut self.lanes {
            lane.out_end = self.emitted;
        }
        frames
    }

    fn end_discard(&mut self) {
        self.discarded = 0;
        for lane in &mut self.lanes {
            lane.end_discard();
        }
    }

    /// Moves what is in the rings through the resamplers.
    fn take_in(&mut self, now_ns: u64, outlet: &mut Outlet, scratch: &mut Scratch) {
        for lane in &mut self.lanes {
            lane.look(now_ns, self.zero_ns, outlet);
        }
        if self.zero_ns.is_none() {
            let at = self.emitted;
            let first_ns = self.lanes.iter().filter_map(|lane| lane.first_frame_ns(now_ns)).min();
            self.zero_ns = first_ns.map(|ns| ns - frames_ns(at, self.wire_hz));
        }
        let Some(zero_ns) = self.zero_ns else { return };
        for lane in &mut self.lanes {
            lane.take_in(now_ns, zero_ns, outlet, scratch);
        }
    }

    /// A lane that is far behind the other has stalled: its run ends, and silence follows at that distance, so that audio which
    /// comes back a little late still finds its place free.
    fn fill_behind(&mut self, outlet: &mut Outlet, scratch: &mut Scratch) {
        for tap in 0..2 {
            let ahead = self.lanes[1 - tap].out_end.saturating_sub(self.stall_frames());
            if self.lanes[tap].out_end < ahead {
                self.lanes[tap].end_run(outlet, scratch);
                self.lanes[tap].fill_to(ahead);
            }
        }
    }

    /// Ends both runs at the same place.
    fn stand_still(&mut self, outlet: &mut Outlet, scratch: &mut Scratch) {
        for lane in &mut self.lanes {
            lane.end_run(outlet, scratch);
        }
        let end = self.lanes[0].out_end.max(self.lanes[1].out_end);
        for lane in &mut self.lanes {
            lane.fill_to(end);
        }
        self.zero_ns = None;
    }

    fn emit(&mut self, outlet: &mut Outlet, scratch: &mut Scratch, sink: Sink<'_>) {
        let [first, second] = &mut self.lanes;
        loop {
            let ready = first.out_end.min(second.out_end) - self.emitted;
            let frames =
                first.run_ahead().min(second.run_ahead()).min(ready).min(PASS_FRAMES_MAX as u64) as usize;
            if frames == 0 {
                return;
            }
            let pcm = sized(&mut scratch.pcm, frames * 2);
            let filled = first.give(frames, &mut pcm[..]) | second.give(frames, &mut pcm[1..]);
            self.emitted += frames as u64;
            outlet.listen(pcm);
            sink(if filled { Piece::Fill(pcm) } else { Piece::Audio(pcm) });
        }
    }

    fn stall_frames(&self) -> u64 {
        to_wire(STALL_MS.into(), 1_000, self.wire_hz)
    }
}

/// How long `frames` take at `rate_hz`.
pub(crate) fn frames_ns(frames: u64, rate_hz: u32) -> i128 {
    i128::from(frames) * 1_000_000_000 / i128::from(rate_hz)
}
