//! Carries one session from its opening to its report: events to the display, audio's end to the session, Ctrl-C to a
//! pause.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "aws-chain")]
use ossicle::core::io::KeysFailure;
use ossicle::core::{Ended, EngineConfig, Event, Report, Status, json};
use ossicle::net::{Alpn, NetConfig, ProxyConfig, TlsConfig};
use ossicle::{Engine, EngineOptions, Session, StaticKeys};
#[cfg(feature = "aws-chain")]
use ossicle::{KeyProvider, KeysFuture};
use tokio::time::{Instant, MissedTickBehavior};

use crate::fault::{Fault, Outcome, sentence};
use crate::feed::Feed;
use crate::keys::Keys;
use crate::pump::PumpEnd;
use crate::show::{PROGRESS_INTERVAL_MS, Progress, Show, Verdict, complain, print, report_lines, words};
use crate::signals::Interrupts;
use crate::target::Target;

/// How long the first answer is awaited: a person watches.
pub(crate) const OPEN_PATIENCE_MS: u64 = 30_000;

/// How long a feed that was told to stop may take to hand over what it holds. One that waits for a pipe holds nothing.
const HAND_OVER: Duration = Duration::from_millis(150);

/// How long an aborted session's report is awaited: the engine makes it in its next turn.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How to connect to a target: whom to trust, and the environment's proxy.
pub(crate) fn net(target: &Target) -> Outcome<NetConfig> {
    let tls = TlsConfig::new(Alpn::Http2, target.ca_pem.as_deref())
        .map_err(|error| Fault::usage(format!("{error} (--ca)")))?;
    let mut net = NetConfig::new(tls);
    net.proxy = ProxyConfig::from_env().map_err(|error| Fault::usage(format!("{error} (HTTPS_PROXY)")))?;
    Ok(net)
}

/// An engine for a target.
pub(crate) fn engine(target: &Target, keys: Keys) -> Outcome<Engine> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed)
        .map_err(|_| Fault::failed(Status::Internal, "the system gives no random numbers"))?;
    let mut config = EngineConfig::new(target.endpoint.clone(), target.region.clone());
    config.seed = u64::from_ne_bytes(seed);
    config.sessions_max = 1;
    let mut options = EngineOptions::new(config, net(target)?);
    options.keys = match keys {
        Keys::Fixed(credentials) => Arc::new(StaticKeys::new(credentials)),
        #[cfg(feature = "aws-chain")]
        renewed @ Keys::Chain(_) => Arc::new(Renewed(renewed)),
    };
    Engine::start(options).map_err(|error| Fault::usage(format!("{error}: check --endpoint and --region")))
}

/// Keys that are asked for again when they are about to expire.
#[cfg(feature = "aws-chain")]
struct Renewed(Keys);

#[cfg(feature = "aws-chain")]
impl KeyProvider for Renewed {
    fn keys(&self) -> KeysFuture<'_> {
        Box::pin(async move { self.0.current().await.map_err(|_| KeysFailure::Unavailable) })
    }
}

/// How a session shall end when its audio does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// END_OF_SESSION: the service makes the note.
    Finish,
    /// As a pause.
    Pause,
}

/// A session that was carried to its end.
pub(crate) struct Carried {
    /// The engine's account.
    pub(crate) report: Report,
    /// What was wrong with the source.
    pub(crate) broken: Option<String>,
}

/// What a session is carried with.
pub(crate) struct Carrier<'a> {
    /// The session.
    pub(crate) session: Session,
    /// Its source of audio; none ends it at once.
    pub(crate) feed: Option<Feed>,
    /// How it ends when the audio does.
    pub(crate) ending: Ending,
    /// All audio of the source, in seconds.
    pub(crate) total_s: Option<f64>,
    /// The wire's rate and channels.
    pub(crate) wire: (u32, u8),
    /// Where it is shown.
    pub(crate) show: &'a mut dyn Show,
    /// Ctrl-C.
    pub(crate) interrupts: &'a mut Interrupts,
}

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Audio comes.
    Streaming,
    /// The source was told to stop and hands over what it holds.
    Stopping,
    /// The session was told to end.
    Ending,
}

impl Carrier<'_> {
    /// Carries the session. `at_progress` is called with each new state, several times a second, and may have
    /// something to say.
    pub(crate) async fn carry(
        mut self,
        mut at_progress: impl FnMut(&Progress) -> Option<String>,
    ) -> Outcome<Carried> {
        let mut phase = Phase::Streaming;
        let mut broken = None;
        let mut hand_over = Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_millis(PROGRESS_INTERVAL_MS));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if self.feed.is_none() {
            phase = Phase::Ending;
            self.end(self.ending)?;
        }
        loop {
            tokio::select! {
                event = self.session.next_event() => {
                    let Some(event) = event else {
                        return Err(Fault::failed(Status::Internal, "the session ended without a report"));
                    };
                    self.show.event(&event);
                    match event {
                        Event::Closed(report) => return Ok(self.over(*report, broken)),
                        Event::Paused(report) if phase == Phase::Ending => return Ok(self.over(*report, broken)),
                        _ => {}
                    }
                }
                end = ended(&mut self.feed), if phase != Phase::Ending => {
                    let ending = match end {
                        PumpEnd::Whole if phase == Phase::Streaming => self.ending,
                        PumpEnd::Whole | PumpEnd::Stopped => Ending::Pause,
                        // END_OF_SESSION is the user's to ask for; a broken file has not.
                        PumpEnd::Broken(sentence) => {
                            broken = Some(sentence);
                            Ending::Pause
                        }
                    };
                    phase = Phase::Ending;
                    self.end(ending)?;
                }
                () = tokio::time::sleep_until(hand_over), if phase == Phase::Stopping => {
                    phase = Phase::Ending;
                    self.end(Ending::Pause)?;
                }
                () = self.interrupts.next() => match (phase, &mut self.feed) {
                    (Phase::Streaming, Some(feed)) => {
                        self.show.note("Ending as a pause, as soon as what was captured is delivered. Ctrl-C again leaves at once.");
                        feed.stop();
                        hand_over = Instant::now() + HAND_OVER;
                        phase = Phase::Stopping;
                    }
                    _ => return self.leave(broken).await,
                },
                _ = ticks.tick() => {
                    if let Some(progress) = self.progress().await {
                        self.show.progress(&progress);
                        if let Some(note) = at_progress(&progress) {
                            self.show.note(&note);
                        }
                    }
                }
            }
        }
    }

    fn end(&self, ending: Ending) -> Outcome {
        let told = match ending {
            Ending::Finish => self.session.finish(),
            Ending::Pause => self.session.pause(),
        };
        // A session that is gone has a report on its way; anything else is told too seldom to find a full queue.
        told.or_else(|error| match error {
            ossicle::CommandError::Gone => Ok(()),
            other => Err(Fault::failed(Status::Limit, other.to_string())),
        })
    }

    fn over(&mut self, report: Report, broken: Option<String>) -> Carried {
        if let Some(feed) = &mut self.feed {
            feed.stop();
        }
        self.show.close();
        Carried { report, broken }
    }

    /// Leaves at once: what is held is dropped, and the report says so.
    async fn leave(mut self, broken: Option<String>) -> Outcome<Carried> {
        // A session that is gone already has told its end.
        let _ = self.session.abort();
        let last_words = async {
            while let Some(event) = self.session.next_event().await {
                if let Event::Closed(report) = event {
                    return Some(*report);
                }
            }
            None
        };
        match tokio::time::timeout(LAST_WORDS, last_words).await {
            Ok(Some(report)) => Ok(self.over(report, broken)),
            _ => Err(Fault::failed(Status::Closed, "left at once, with audio that was not delivered")),
        }
    }

    async fn progress(&self) -> Option<Progress> {
        let stats = self.session.stats().await?;
        let (rate_hz, channels) = self.wire;
        Some(Progress {
            state: stats.state,
            captured_s: words::seconds(stats.ledger.captured, rate_hz),
            delivered_s: words::seconds(stats.ledger.delivered, rate_hz),
            total_s: self.total_s,
            channels,
            peak_dbfs: stats.peak_dbfs,
            rtt_ms: stats.rtt_ms,
        })
    }
}

async fn ended(feed: &mut Option<Feed>) -> PumpEnd {
    match feed {
        Some(feed) => feed.ended().await,
        None => std::future::pending().await,
    }
}

/// Shows the account at the end and says whether the session ended as it was asked to.
pub(crate) struct Conclusion<'a> {
    /// The session.
    pub(crate) carried: &'a Carried,
    /// One JSON line instead of text.
    pub(crate) json: bool,
    /// The endpoint, for sentences.
    pub(crate) url: &'a str,
    /// What the emulator says, if it is ours.
    pub(crate) verdict: Option<&'a Verdict>,
    /// The command that finishes the session if it is paused.
    pub(crate) finish_command: Option<String>,
}

impl Conclusion<'_> {
    /// Says everything; the report is the last line.
    pub(crate) fn say(&self) -> Outcome {
        let Carried { report, broken } = self.carried;
        let failure = report.failure.as_ref().map(|failure| sentence(failure, self.url));
        let complaint = broken.clone().or_else(|| failure.clone());
        if !self.json {
            let lines = report_lines(report, self.verdict);
            print(&format!("\n{}\n", lines.join("\n")));
        }
        if let Some(complaint) = &complaint {
            complain(&format!("ossicle: {complaint}"));
        }
        if report.ended == Ended::Paused
            && let Some(command) = &self.finish_command
        {
            let advice =
                format!("The session is paused. This finishes it, and the note is made:\n  {command}");
            if self.json { complain(&advice) } else { print(&advice) }
        }
        if self.json {
            print(&self.line(complaint.as_deref()).to_string());
        }
        let ledger = &report.ledger;
        let undelivered = ledger.lost() + ledger.held + ledger.in_flight;
        let verified = self.verdict.is_none_or(Verdict::is_good);
        if complaint.is_some() || report.ended == Ended::Failed || undelivered > 0 || !verified {
            return Err(Fault::Said);
        }
        Ok(())
    }

    fn line(&self, complaint: Option<&str>) -> serde_json::Value {
        let Carried { report, broken } = self.carried;
        let mut line = json::report(report);
        if broken.is_some() {
            line["error"] = serde_json::json!({
                "status": Status::BadArgument.name(), "message": complaint, "retryable": false, "request_id": null,
            });
        } else if let Some(complaint) = complaint {
            line["error"]["message"] = complaint.into();
        }
        if let Some(verdict) = self.verdict {
            line["emulator"] = verdict.json();
        }
        line
    }
}
