//! One session as its application sees it: the microphone, the commands, and what it was told.

use crate::coverage::{Asked, Kind};
use crate::plan::{Act, SessionPlan};
use crate::ranges::Ranges;
use crate::rng::Rng;
use crate::source::Source;
use crate::world::{Happening, MS, Told, World};
use ossicle_audio::{ChannelMap, Format, FrontEnd, FrontEndConfig, Layout, SampleType, Tap, tap};
use ossicle_core::io::{SessionKey, StreamId};
use ossicle_core::{AudioForm, Command, Ledger, Report, SessionConfig, SessionSetup};
use ossicle_model::ids::{DomainId, MediaEncoding, SessionUuid, SubscriptionId};
use ossicle_model::stream::{
    ClinicalNoteGenerationSettings, Configuration, ManagedNoteTemplate, ManagedTemplate,
    NoteTemplateSettings, PostStreamActionSettings,
};
use std::collections::BTreeMap;

/// What the application wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    NotYet,
    Run,
    Muted,
    Paused,
    Finishing,
    Gone,
}

/// The application's side of one session.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) key: SessionKey,
    pub(crate) plan: SessionPlan,
    pub(crate) session_id: String,
    pub(crate) configuration: Vec<u8>,
    pub(crate) source: Source,
    tap: Option<Tap>,
    /// Frames offered to the tap.
    pub(crate) offered: u64,
    pushed_at: u64,
    owed: f64,
    silent_until: u64,
    burst_until: u64,
    rng: Rng,
    pub(crate) intent: Intent,
    quiet_from: u64,
    pub(crate) opened_at: u64,
    pub(crate) finish_at: Option<u64>,
    pub(crate) aborted: bool,
    forgotten: bool,
    pub(crate) closed: Option<(u64, Box<Report>)>,
    pub(crate) accepted: bool,
    pub(crate) accepted_at: u64,
    /// A final refusal of the service reached it.
    pub(crate) may_fail: bool,
    /// A connection failed in a way that is final before the first answer.
    pub(crate) may_fail_unopened: bool,

    // What the service keeps of the session.
    pub(crate) complete: bool,
    pub(crate) taken: bool,
    pub(crate) late: bool,
    pub(crate) brought: u64,
    /// The newest version of checklist and chart that it made.
    pub(crate) snapshots: [i64; 2],
    /// The keys of its newest stream.
    pub(crate) keys: Option<usize>,
    pub(crate) unclean: bool,
    pub(crate) heard: Ranges,
    pub(crate) merged: BTreeMap<StreamId, usize>,

    // What the checkers keep.
    /// Positions that somebody named as dropped: in events, or by the application's own commands.
    pub(crate) named: Ranges,
    pub(crate) quiet: [Ranges; 2],
    pub(crate) ring_dropped: Ranges,
    pub(crate) told_dropped: [u64; 6],
    pub(crate) ledger: Ledger,
    pub(crate) marks: BTreeMap<StreamId, u64>,
    pub(crate) pace: BTreeMap<StreamId, (u64, f64)>,
    /// Frames that its live stream brought and whose place is not known yet.
    pub(crate) pending: u64,
    pub(crate) final_end_s: BTreeMap<String, f64>,
    pub(crate) told_snapshots: [i64; 2],
    /// Warnings of the resume window and of the audio total.
    pub(crate) warned: [u32; 2],
}

/// The index in [`App::quiet`].
pub(crate) const PAUSED: usize = 0;
pub(crate) const MUTED: usize = 1;

fn configuration(key: u64) -> Configuration {
    Configuration {
        post_stream_action_settings: PostStreamActionSettings {
            output_s3_uri: format!("s3://ossicle-sim/{key}/"),
            clinical_note_generation_settings: ClinicalNoteGenerationSettings {
                note_template_settings: NoteTemplateSettings::ManagedTemplate(ManagedTemplate {
                    template_type: ManagedNoteTemplate::HistoryAndPhysical,
                }),
            },
            medical_code_generation_settings: None,
        },
        channel_definitions: None,
        encounter_context: None,
    }
}

impl App {
    pub(crate) fn new(index: usize, plan: SessionPlan, rng: &mut Rng) -> Self {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&rng.next().to_be_bytes());
        id[8..].copy_from_slice(&rng.next().to_be_bytes());
        Self {
            key: SessionKey(index as u64 + 1),
            session_id: SessionUuid::from_random_bytes(id).as_str().to_owned(),
            configuration: configuration(index as u64).to_json(),
            source: Source::new(rng.next(), plan.channels.into()),
            plan,
            tap: None,
            offered: 0,
            pushed_at: 0,
            owed: 0.0,
            silent_until: 0,
            burst_until: 0,
            rng: rng.fork(),
            intent: Intent::NotYet,
            quiet_from: 0,
            opened_at: 0,
            finish_at: None,
            aborted: false,
            forgotten: false,
            closed: None,
            accepted: false,
            accepted_at: 0,
            may_fail: false,
            may_fail_unopened: false,
            complete: false,
            taken: false,
            late: false,
            brought: 0,
            snapshots: [0; 2],
            told_snapshots: [-1; 2],
            warned: [0; 2],
            keys: None,
            unclean: false,
            heard: Ranges::default(),
            merged: BTreeMap::new(),
            named: Ranges::default(),
            quiet: [Ranges::default(), Ranges::default()],
            ring_dropped: Ranges::default(),
            told_dropped: [0; 6],
            ledger: Ledger::default(),
            marks: BTreeMap::new(),
            pace: BTreeMap::new(),
            pending: 0,
            final_end_s: BTreeMap::new(),
        }
    }

    fn setup(&mut self) -> SessionSetup {
        let plan = &self.plan;
        let sample = if plan.wide { SampleType::S32 } else { SampleType::S16 };
        let format = Format::new(sample, Layout::Interleaved, plan.rate_hz, plan.channels);
        let (tap, reader) = tap(format.expect("a format"), plan.ring_ms).expect("a ring");
        let channel_map = if plan.channels == 2 { ChannelMap::Stereo } else { ChannelMap::MixToMono };
        let config = FrontEndConfig { wire_rate_hz: plan.rate_hz, channel_map, check_rate: true };
        let front_end = FrontEnd::new(config, vec![reader]).expect("a front end");
        self.tap = Some(tap);
        let mut config = SessionConfig::new(
            SessionUuid::parse(&self.session_id).expect("a UUID"),
            DomainId::parse("hai-0123456789abcdefghij").expect("an id"),
            SubscriptionId::parse("sub-0123456789abcdefghijk").expect("an id"),
            configuration(self.key.0 - 1),
        );
        config.encoding = if plan.flac { MediaEncoding::Flac } else { MediaEncoding::Pcm };
        config.audio_form = if plan.json { AudioForm::Json } else { AudioForm::Binary };
        config.chunk_ms = plan.chunk_ms;
        config.held_ms_max = plan.held_ms_max;
        config.resend_overlap_ms = plan.overlap_ms;
        config.offsets = plan.offsets;
        config.finish_deadline_ms = plan.finish_deadline_ms;
        config.open_patience_ms = plan.open_patience_ms;
        config.resume_window_ms = plan.resume_window_ms;
        config.audio_total_ms_max = plan.audio_total_ms_max;
        SessionSetup { config, front_end }
    }

    /// The session is open and not closed.
    pub(crate) fn lives(&self) -> bool {
        self.intent != Intent::NotYet && self.closed.is_none() && !self.forgotten
    }

    pub(crate) fn is_forgotten(&self) -> bool {
        self.forgotten
    }

    pub(crate) fn is_finishing(&self) -> bool {
        self.intent == Intent::Finishing && self.lives()
    }

    pub(crate) fn asked_to_finish(&self) -> bool {
        self.finish_at.is_some()
    }

    pub(crate) fn lived_ns(&self, now: u64) -> u64 {
        if self.intent == Intent::NotYet {
            return 0;
        }
        self.closed.as_ref().map_or(now, |(at, _)| *at) - self.opened_at
    }

    /// What was pushed since it went quiet belongs to nobody.
    pub(crate) fn end_quiet(&mut self) {
        let which = match self.intent {
            Intent::Paused => PAUSED,
            Intent::Muted => MUTED,
            _ => return,
        };
        let (from, to) = (self.quiet_from, self.offered);
        self.quiet[which].insert(from, to);
        self.named.insert(from, to);
    }

    /// Whether a position was pushed while nobody should hear it.
    pub(crate) fn is_quiet(&self, from: u64, to: u64) -> bool {
        let open = matches!(self.intent, Intent::Paused | Intent::Muted) && to > self.quiet_from;
        open || self.quiet.iter().any(|quiet| quiet.count_in(from, to) > 0)
    }

    pub(crate) fn stop_microphone(&mut self) {
        self.tap = None;
    }
}

impl World {
    pub(crate) fn open(&mut self, index: usize) {
        let now = self.now;
        self.note(|| format!("  {:?}", self.apps[index].plan));
        let app = &mut self.apps[index];
        app.intent = Intent::Run;
        app.opened_at = now;
        app.pushed_at = now;
        let (key, setup) = (app.key, Box::new(app.setup()));
        let acts: Vec<u64> = app.plan.acts.iter().map(|(at, _)| *at).collect();
        for (at, ms) in acts.into_iter().enumerate() {
            self.later(ms, Happening::Act(index, at));
        }
        self.told.push_back(Told::Command(Command::Open { session: key, setup }));
        self.later(1, Happening::Push(index));
    }

    // ---- the microphone ----

    pub(crate) fn push(&mut self, index: usize) {
        let (now, asleep) = (self.now, self.machine.asleep);
        let until = self.machine.asleep_until;
        let app = &mut self.apps[index];
        if app.tap.is_none() {
            return;
        }
        if asleep {
            app.pushed_at = until;
            self.at(until + MS, Happening::Push(index));
            return;
        }
        let mut wait = app.plan.period_ms * MS;
        if app.plan.jitter_ms > 0 {
            wait += app.rng.range(0, app.plan.jitter_ms * MS);
        }
        let elapsed_s = (now - app.pushed_at) as f64 / 1e9;
        app.pushed_at = now;
        if app.silent_until <= now {
            app.owed += elapsed_s * app.plan.rate_hz as f64 * (1.0 + app.plan.drift_ppm as f64 / 1e6);
        }
        if app.burst_until <= now {
            let frames = app.owed as u64;
            app.owed -= frames as f64;
            app.offer(frames, &mut self.cover);
        }
        self.at(now + wait, Happening::Push(index));
    }

    pub(crate) fn hush(&mut self, ms: u64, burst: bool) -> bool {
        let live: Vec<usize> = (0..self.apps.len()).filter(|app| self.apps[*app].tap.is_some()).collect();
        if live.is_empty() {
            return false;
        }
        let app = self.rng.pick(&live);
        let until = self.now + ms * MS;
        if burst {
            self.cover.reached(Kind::MicrophoneBurst);
            self.apps[app].burst_until = until;
        } else {
            self.cover.reached(Kind::MicrophoneStall);
            self.apps[app].silent_until = until;
        }
        true
    }

    // ---- commands ----

    pub(crate) fn act(&mut self, index: usize, act: Act) {
        let key = self.apps[index].key;
        if !self.apps[index].lives() {
            return;
        }
        let state = self.engine().stats(key).map(|stats| stats.state);
        let now = self.now;
        let app = &mut self.apps[index];
        let asked = match act {
            Act::Pause => Asked::Pause,
            Act::Resume => Asked::Resume,
            Act::Mute(_) => Asked::Mute,
            Act::Finish => Asked::Finish,
            Act::Abort => Asked::Abort,
            Act::Forget => Asked::Forget,
        };
        if let Some(state) = state {
            self.cover.commanded(asked, state);
        }
        let command = match act {
            Act::Pause => {
                if matches!(app.intent, Intent::Run | Intent::Muted) {
                    app.end_quiet();
                    app.intent = Intent::Paused;
                    app.quiet_from = app.offered;
                }
                Command::Pause(key)
            }
            Act::Resume => {
                if app.intent == Intent::Paused {
                    app.end_quiet();
                    app.intent = Intent::Run;
                }
                Command::Resume(key)
            }
            Act::Mute(on) => {
                match (app.intent, on) {
                    (Intent::Run, true) => {
                        app.intent = Intent::Muted;
                        app.quiet_from = app.offered;
                    }
                    (Intent::Muted, false) => {
                        app.end_quiet();
                        app.intent = Intent::Run;
                    }
                    _ => {}
                }
                Command::Mute(key, on)
            }
            Act::Finish => {
                app.end_quiet();
                app.intent = Intent::Finishing;
                app.finish_at.get_or_insert(now);
                app.stop_microphone();
                Command::Finish(key)
            }
            Act::Abort => {
                app.aborted = true;
                Command::Abort(key)
            }
            Act::Forget => {
                app.forgotten = true;
                app.intent = Intent::Gone;
                app.stop_microphone();
                Command::Forget(key)
            }
        };
        self.note(|| format!("  act {act:?} on {key:?} in {state:?}"));
        if matches!(act, Act::Pause | Act::Finish) && self.calm_since.is_none() && self.rng.chance(10) {
            let at = now + self.rng.range(0, 3 * self.plan.delay_ms * MS + 1);
            self.at(at, Happening::CloseOf(index));
        }
        self.told.push_back(Told::Command(command));
    }

    /// The application reacts to an event once somebody polls for it.
    pub(crate) fn react(&mut self, index: usize) {
        if self.machine.unpolled_until > self.now {
            self.cover.reached(Kind::AbsentPoller);
        }
        let ms = self.rng.range(10, 20_000);
        self.later(ms, Happening::React(index));
    }
}

impl App {
    fn offer(&mut self, frames: u64, cover: &mut crate::coverage::Coverage) {
        let Some(tap) = &mut self.tap else { return };
        let from = self.offered;
        let mut samples = Vec::with_capacity(frames as usize * self.source.channels);
        self.source.fill(from, frames, &mut samples);
        let pushed = if self.plan.wide {
            let wide: Vec<i32> = samples.iter().map(|sample| i32::from(*sample) << 16).collect();
            tap.push_i32(&wide, None)
        } else {
            tap.push_i16(&samples, None)
        };
        let Ok(pushed) = pushed else { return };
        self.offered += frames;
        if pushed.dropped_frames > 0 {
            let kept = from + pushed.accepted_frames as u64;
            self.ring_dropped.insert(kept, self.offered);
            cover.reached(Kind::RingFull);
        }
    }
}
