//! What must hold after every step, and what must have held at the end.

use crate::app::{App, Intent, MUTED, PAUSED};
use crate::coverage::Kind;
use crate::listener::Listener;
use crate::source::LOCATE_FRAMES;
use crate::world::{Check, MS, Told, World};
use ossicle_core::io::{RequestHead, SessionKey, StreamId};
use ossicle_core::limits::PACE_BURST_CHUNKS;
use ossicle_core::{
    Cause, DropReason, Ended, Event, Ledger, Now, OffsetRule, Report, Status, Transcript, Warning,
};

/// After the faults have ended, a session that is to finish does so within this time, if its deadline allows.
const FINISH_HEALS_MS: u64 = 45_000;

/// Memory that a session keeps in any case.
const MEMORY_FLOOR_BYTES: u64 = 64 * 1024;

/// Transcript offsets travel as decimal numbers, and repeats are cut at the edge of what is known.
const PLACE_SLACK_S: f64 = 0.06;

impl World {
    /// After every step.
    pub(crate) fn check(&mut self, tick: bool) -> Check {
        // What the application asked for and the engine has not yet heard of changes what it may do.
        let tick = tick && !self.told.iter().any(|told| matches!(told, Told::Command(_)));
        let (mut held_bytes, mut memory_max) = (0, 0);
        for index in 0..self.apps.len() {
            if !self.apps[index].lives() {
                continue;
            }
            let key = self.apps[index].key;
            let Some(stats) = self.engine().stats(key) else { continue };
            let app = &mut self.apps[index];
            held_bytes += stats.ledger.held * 2 * u64::from(app.plan.channels);
            memory_max += app.memory_max();
            app.check_ledger(stats.ledger, tick).map_err(|what| format!("{key:?}: {what}: {stats:?}"))?;
        }
        let slack: u64 = self.apps.iter().map(|app| app.slack_bytes()).sum();
        if tick && held_bytes > self.plan.held_bytes_max + slack {
            return Err(format!("{held_bytes} bytes are held, more than the engine's bound"));
        }
        if tick {
            let memory = self.engine().held_memory_bytes();
            if memory > memory_max {
                return Err(format!("held audio takes {memory} bytes of memory, more than {memory_max}"));
            }
        }
        Ok(())
    }

    pub(crate) fn opened_stream(&mut self, stream: StreamId, head: &RequestHead) -> Check {
        let named = |name: &str| head.headers.iter().find(|h| h.name == name).map(|h| h.value.as_str());
        let session = named("x-amzn-medscribe-session-id").unwrap_or_default();
        let Some(index) = self.apps.iter().position(|app| app.session_id == session) else {
            return Err("a stream for no session".into());
        };
        let key = self.apps[index].key;
        if !self.apps[index].lives() {
            return Err(format!("a stream for {key:?}, which is over"));
        }
        let delivered = self.engine().stats(key).map_or(0, |stats| stats.ledger.delivered);
        let app = &mut self.apps[index];
        let mut mark = delivered;
        for (from, to) in app.named.iter() {
            if from <= mark {
                mark += to - from;
            }
        }
        app.marks.insert(stream, mark);
        Ok(())
    }

    /// A response's head reached the application.
    pub(crate) fn head_is_here(&mut self, stream: StreamId, status: u16) {
        if status == 200
            && let Some(served) = self.service.streams.get(&stream)
        {
            let app = &mut self.apps[served.app];
            if !std::mem::replace(&mut app.accepted, true) {
                app.accepted_at = self.now;
            }
        }
    }

    pub(crate) fn event(&mut self, key: SessionKey, event: Event, now: Now) -> Check {
        let index = self.apps.iter().position(|app| app.key == key).ok_or("an event for no session")?;
        if self.apps[index].closed.is_some() {
            return Err(format!("{key:?}: {event:?} after Closed"));
        }
        if self.apps[index].is_forgotten() {
            return Err(format!("{key:?}: {event:?} after Forget"));
        }
        let text = self.trace.then(|| format!("{event:?}"));
        let result = self.take_event(index, event, now);
        result.map_err(|what| format!("{key:?}: {what}: {text:?}"))
    }

    fn take_event(&mut self, index: usize, event: Event, _now: Now) -> Check {
        let app = &mut self.apps[index];
        match event {
            Event::Dropped { reason, first_frame, frames } => {
                match reason {
                    DropReason::HeldLimit => self.cover.reached(Kind::HeldLimit),
                    DropReason::Unproven => self.cover.reached(Kind::Unproven),
                    _ => {}
                }
                app.dropped(reason, first_frame, frames)
            }
            Event::Transcript(transcript) => {
                let continues = self.plan.offsets_continue;
                app.check_transcript(&transcript, continues)
            }
            Event::Paused(report) => {
                if app.intent != Intent::Paused {
                    return Err("it is paused, and nobody asked for it".into());
                }
                check_settled(&report.ledger)?;
                self.react(index);
                Ok(())
            }
            Event::Opened { .. } if !app.accepted => Err("it is opened, and no service accepted it".into()),
            Event::Recovering { ref failure, .. } => {
                if let Cause::Connection { .. } = failure.cause
                    && app.intent == Intent::NotYet
                {
                    return Err("it recovers before it began".into());
                }
                Ok(())
            }
            Event::Recovered { .. } => Ok(()),
            Event::Checklist(checklist) => app.check_snapshot(0, checklist.snapshot_version),
            Event::PeriodontalChart(chart) => app.check_snapshot(1, chart.snapshot_version),
            Event::Warning(warning) => {
                let (kind, which) = match warning {
                    Warning::ResumeWindowEnding { .. } => (Kind::WindowWarned, 0),
                    Warning::AudioTotalEnding { .. } => (Kind::TotalWarned, 1),
                    _ => return Ok(()),
                };
                self.cover.reached(kind);
                app.warned[which] += 1;
                app.check_warned()
            }
            Event::Closed(report) => {
                let calm = self.calm_since;
                let now = self.now;
                app.end_quiet();
                let was = app.intent;
                app.intent = Intent::Gone;
                app.stop_microphone();
                let result = app.check_closed(&report, was, calm, now);
                if report.failure.as_ref().is_some_and(|failure| failure.cause == Cause::FinishTimedOut) {
                    self.cover.reached(Kind::FinishTimedOut);
                }
                if report.failure.as_ref().is_some_and(|failure| failure.cause == Cause::ResumeWindow) {
                    self.cover.reached(Kind::WindowEnded);
                }
                if !app.accepted && report.failure.as_ref().is_some_and(|f| f.status != Status::Closed) {
                    self.cover.reached(Kind::OpenPatience);
                }
                app.closed = Some((now, report));
                result
            }
            _ => Ok(()),
        }
    }
}

impl App {
    /// Audio that a turn may add before the bounds are looked at: what a full ring gives at once, and a few chunks.
    fn slack_bytes(&self) -> u64 {
        let ms = u64::from(self.plan.ring_ms + 8 * self.plan.chunk_ms);
        ms * u64::from(self.plan.rate_hz) / 1_000 * 2 * u64::from(self.plan.channels)
    }

    /// What held audio may take: the session's bound, what a turn adds to it, and the quarter by which it grows.
    fn memory_max(&self) -> u64 {
        let frames = self.held_frames_max();
        (frames * 2 * u64::from(self.plan.channels) + self.slack_bytes()) * 5 / 4 + MEMORY_FLOOR_BYTES
    }

    /// The bound of what is held for this session, and the chunks that a turn may add.
    fn held_frames_max(&self) -> u64 {
        let held_ms = u64::from(self.plan.held_ms_max.max(self.plan.chunk_ms * 4));
        let chunks_ms = u64::from(self.plan.chunk_ms * 2);
        (held_ms + u64::from(self.plan.overlap_ms) + chunks_ms) * u64::from(self.plan.rate_hz) / 1_000
    }

    fn check_ledger(&mut self, ledger: Ledger, tick: bool) -> Check {
        if !ledger.is_balanced() {
            return Err("the ledger is not balanced".into());
        }
        if ledger.captured > self.offered {
            return Err(format!("more is captured than the {} frames that were offered", self.offered));
        }
        if ledger.captured < self.ledger.captured || ledger.delivered < self.ledger.delivered {
            return Err("the ledger goes back".into());
        }
        let quiet = matches!(self.intent, Intent::Paused | Intent::Muted);
        if tick && quiet && ledger.captured != self.offered {
            return Err(format!("{} frames were offered while it was quiet", self.offered));
        }
        for (at, (reason, frames)) in ledger.dropped_by_reason().enumerate() {
            if reason.is_loss() && frames != self.told_dropped[at] {
                return Err(format!("events name {} frames as {reason:?}", self.told_dropped[at]));
            }
        }
        let held_max = self.held_frames_max();
        if tick && ledger.held > held_max {
            return Err(format!("more is held than {held_max} frames"));
        }
        if ledger.delivered > self.ledger.delivered {
            self.check_delivered(&ledger)?;
        }
        self.ledger = ledger;
        Ok(())
    }

    /// What is called delivered must have been received: all of it, from the beginning.
    fn check_delivered(&self, ledger: &Ledger) -> Check {
        // The first position that was neither heard nor dropped.
        let mut frontier = 0;
        loop {
            let next = self.heard.gap_after(self.named.gap_after(frontier));
            if next == frontier {
                break;
            }
            frontier = next;
        }
        let proven = frontier - self.named.count_in(0, frontier);
        // A run of fewer frames after a gap is not yet found.
        if ledger.delivered > proven + self.pending {
            return Err(format!("{} frames are called delivered, {proven} have arrived", ledger.delivered));
        }
        Ok(())
    }

    fn dropped(&mut self, reason: DropReason, first: u64, frames: u64) -> Check {
        let (from, to) = (first, first + frames);
        if frames == 0 || to > self.offered {
            return Err(format!("{from}..{to} is dropped as {reason:?}, of {} offered", self.offered));
        }
        if self.named.count_in(from, to) > 0 || self.is_quiet(from, to) {
            return Err(format!("{from}..{to} is dropped as {reason:?}, and was dropped before"));
        }
        if reason == DropReason::RingFull && !self.ring_dropped.covers(from, to) {
            return Err(format!("{from}..{to} is dropped as RingFull, and fitted into the ring"));
        }
        if reason != DropReason::RingFull && self.ring_dropped.count_in(from, to) > 0 {
            return Err(format!("{from}..{to} is dropped as {reason:?}, and never came out of the ring"));
        }
        self.named.insert(from, to);
        if let Some(at) = DropReason::ALL.iter().position(|known| *known == reason) {
            self.told_dropped[at] += frames;
        }
        Ok(())
    }

    fn check_closed(&mut self, report: &Report, was: Intent, calm: Option<u64>, now: u64) -> Check {
        let ledger = &report.ledger;
        if !ledger.is_balanced() {
            return Err(format!("the ledger of the report is not balanced: {ledger:?}"));
        }
        check_settled(ledger)?;
        if ledger.captured != self.offered {
            return Err(format!("{} frames were offered: {ledger:?}", self.offered));
        }
        for (at, (reason, frames)) in ledger.dropped_by_reason().enumerate() {
            let known = match reason {
                DropReason::Paused => self.quiet[PAUSED].count_in(0, self.offered),
                DropReason::Muted => self.quiet[MUTED].count_in(0, self.offered),
                _ => self.told_dropped[at],
            };
            if frames != known {
                return Err(format!("{known} frames should be {reason:?}: {ledger:?}"));
            }
        }
        self.check_delivered(ledger)?;
        self.check_ending(report, was, calm, now)
    }

    fn check_ending(&self, report: &Report, was: Intent, calm: Option<u64>, now: u64) -> Check {
        let failure = report.failure.as_ref();
        match (report.ended, failure) {
            (Ended::Finished, None) if self.finish_at.is_some() && self.complete => Ok(()),
            (Ended::Finished, _) => Err("it is finished, and the service does not know of it".into()),
            (Ended::Failed, Some(failure)) => {
                let asked = self.aborted && failure.cause == Cause::Aborted;
                let refused = self.may_fail;
                let impatient =
                    !self.accepted && (now - self.opened_at) / MS + 50 >= self.plan.open_patience_ms;
                let hopeless = !self.accepted && self.may_fail_unopened;
                let late = failure.cause == Cause::FinishTimedOut && self.may_time_out(calm);
                let ran_out = self.accepted
                    && failure.cause == Cause::ResumeWindow
                    && (now - self.accepted_at) / MS >= self.plan.resume_window_ms;
                if asked || refused || impatient || hopeless || late || ran_out {
                    Ok(())
                } else {
                    Err(format!("it failed without need in {was:?}: {failure:?}"))
                }
            }
            _ => Err(format!("it ended as {:?} with {failure:?}", report.ended)),
        }
    }

    /// Whether the network was not well early enough for `finish`.
    fn may_time_out(&self, calm: Option<u64>) -> bool {
        let Some(finish_at) = self.finish_at else { return false };
        let deadline = finish_at + self.plan.finish_deadline_ms * MS;
        calm.is_none_or(|calm| calm + FINISH_HEALS_MS * MS > deadline)
            || self.plan.finish_deadline_ms < FINISH_HEALS_MS && calm.is_none_or(|calm| calm > finish_at)
    }

    /// The parameters are the same on each stream.
    pub(crate) fn check_request<'a>(&self, named: &dyn Fn(&str) -> Option<&'a str>) -> Check {
        let rate = self.plan.rate_hz.to_string();
        let encoding = if self.plan.flac { "flac" } else { "pcm" };
        let right = named("x-amzn-medscribe-sample-rate") == Some(&rate)
            && named("x-amzn-medscribe-media-encoding") == Some(encoding)
            && named("x-amzn-medscribe-language-code") == Some("en-US");
        if right { Ok(()) } else { Err("the parameters of the request are not the session's".into()) }
    }

    pub(crate) fn check_configuration(&self, payload: &[u8]) -> Check {
        if payload == self.configuration { Ok(()) } else { Err("another configuration".into()) }
    }

    /// Audio is written no faster than the catching up allows.
    pub(crate) fn check_pace(&mut self, stream: StreamId, wrote: u64, frames: u64, rate: f32) -> Check {
        let per_s = f64::from(self.plan.rate_hz) * f64::from(rate);
        let chunk = f64::from(self.plan.chunk_ms * self.plan.rate_hz) / 1_000.0;
        let most = chunk * f64::from(PACE_BURST_CHUNKS + 2) + per_s * 0.05;
        let (at, left) = self.pace.get(&stream).copied().unwrap_or((wrote, most));
        let left = (left + (wrote - at) as f64 / 1e9 * per_s).min(most) - frames as f64;
        self.pace.insert(stream, (wrote, left));
        if left < -chunk {
            return Err("audio is sent faster than the catching up allows".into());
        }
        Ok(())
    }

    /// A stream begins at the delivered mark, or within the overlap before it.
    pub(crate) fn check_first(&self, stream: StreamId, first: u64) -> Check {
        let Some(mark) = self.marks.get(&stream).copied() else { return Ok(()) };
        let overlap = u64::from(self.plan.overlap_ms) * u64::from(self.plan.rate_hz) / 1_000;
        let again = mark.saturating_sub(first) - self.named.count_in(first, mark.max(first));
        if again > overlap {
            return Err(format!("a stream begins at {first}, though everything up to {mark} was delivered"));
        }
        Ok(())
    }

    /// Nothing that was pushed while paused or muted is ever heard.
    pub(crate) fn check_quiet(&self, listener: &Listener) -> Check {
        // The very last frames may fit by chance before a jump: the next audio decides.
        for last in listener.heard.iter().rev().take(3) {
            let Some(position) = last.position else { continue };
            let end = position + last.frames.saturating_sub(LOCATE_FRAMES as u64);
            if end > position && self.is_quiet(position, end) {
                return Err(format!("{position}..{end} is sent, and was pushed while paused or muted"));
            }
        }
        Ok(())
    }

    /// Only newer snapshots are told.
    fn check_snapshot(&mut self, which: usize, version: i64) -> Check {
        let before = std::mem::replace(&mut self.told_snapshots[which], version);
        if version <= before || version > self.snapshots[which] {
            return Err(format!("snapshot {version} comes after {before}"));
        }
        Ok(())
    }

    /// Each window is warned of once, and only when less than the warning's time is left of it.
    fn check_warned(&self) -> Check {
        let hours = |ms: u64| ms > 3_600_000;
        let early = self.warned[0] > 0 && hours(self.plan.resume_window_ms)
            || self.warned[1] > 0 && hours(self.plan.audio_total_ms_max);
        if early || self.warned.iter().any(|times| *times > 1) {
            return Err(format!("windows are warned of {:?} times", self.warned));
        }
        Ok(())
    }

    fn check_transcript(&mut self, transcript: &Transcript, continues: bool) -> Check {
        let channel = transcript.channel.clone().unwrap_or_default();
        let end = self.final_end_s.entry(channel).or_insert(0.0);
        if transcript.end_s < transcript.begin_s {
            return Err("a transcript ends before it begins".into());
        }
        let exact = match (self.plan.offsets, continues) {
            (OffsetRule::Restart | OffsetRule::Detect, false) => true,
            (OffsetRule::Continue, true) => !self.unclean,
            _ => false,
        };
        if !exact {
            return Ok(());
        }
        if !transcript.partial {
            if transcript.begin_s + PLACE_SLACK_S < *end {
                return Err(format!(
                    "final text begins at {} s, which is before {end} s",
                    transcript.begin_s
                ));
            }
            *end = end.max(transcript.end_s);
        }
        let mut places = transcript.text.split(' ').map(str::parse::<u64>);
        let (Some(Ok(from)), Some(Ok(to))) = (places.next(), places.next()) else { return Ok(()) };
        let seconds = |frame: u64| frame as f64 / f64::from(self.plan.rate_hz);
        if transcript.begin_s + PLACE_SLACK_S < seconds(from)
            || (transcript.end_s - seconds(to)).abs() > PLACE_SLACK_S
        {
            return Err(format!(
                "a transcript of {}..{} s is placed at {}..{} s",
                seconds(from),
                seconds(to),
                transcript.begin_s,
                transcript.end_s
            ));
        }
        Ok(())
    }
}

/// Nothing is open any more.
fn check_settled(ledger: &Ledger) -> Check {
    if ledger.held + ledger.in_flight > 0 {
        return Err(format!("it is over and something is still held or in flight: {ledger:?}"));
    }
    Ok(())
}
