//! `ossicle stream`: a file, standard input or a microphone to a session.

use std::path::Path;

use ossicle::AudioInput;
use ossicle::audio::{ChannelMap, Format, FrontEndConfig, Tap};
use ossicle::core::{Overflow, SessionConfig, Status};
use ossicle::model::ids::{DomainId, MediaSampleRate, SessionUuid, SubscriptionId};
use ossicle::model::stream::Configuration;

use crate::args::{MapArg, Pace, StreamArgs};
use crate::carry::{Carrier, Conclusion, Ending, engine};
use crate::configuration;
use crate::fault::{Fault, Outcome};
use crate::feed::Feed;
use crate::finish;
use crate::keys::Keys;
use crate::pump::Pump;
use crate::show::{Voices, complain, failed_before, fitting, print, words};
use crate::signals::Interrupts;
#[cfg(feature = "mic")]
use crate::source::mic::Microphone;
use crate::source::{FileSource, RawSource, Source};
use crate::target::Target;

/// The highest rate on the wire, which faster sources are brought down to.
const WIRE_RATE_HZ_MAX: u32 = 48_000;

/// The ring at real time: many times the engine's tick.
const RING_MS: u32 = 500;
/// The longest ring: at a hundredfold pace a tick takes a second out of it.
const RING_MS_MAX: u32 = 10_000;

/// Runs the command.
pub(crate) async fn run(args: &StreamArgs) -> Outcome {
    if args.list_devices {
        return list_devices();
    }
    let session_id = match args.session {
        Some(id) => id,
        None => random_session()?,
    };
    let outcome = stream(args, session_id).await;
    if let (true, Err(fault @ Fault::Failed { .. })) = (args.json, &outcome) {
        print(&failed_before(fault, Some(session_id.as_str())).to_string());
    }
    outcome
}

async fn stream(args: &StreamArgs, session_id: SessionUuid) -> Outcome {
    let target = Target::from_args(&args.target)?;
    let (domain, subscription) = ids(args)?;
    check_rates(args)?;
    let from = From::args(args)?;
    let whole = args.configuration.config.is_some();
    let given =
        whole.then(|| configuration::from_args(&args.configuration, 1, target.is_loopback)).transpose()?;
    let shape = Shape::of(args, from.format(), given.as_ref())?;
    let configuration = match given {
        Some(configuration) => configuration,
        None => configuration::from_args(&args.configuration, shape.channels, target.is_loopback)?,
    };
    let keys = Keys::find().await?;

    let finish = finish::Command {
        args: &args.target,
        configuration: &args.configuration,
        domain: &domain,
        subscription: &subscription,
        encoding: args.encoding,
        wire_rate_hz: shape.rate_hz,
        channels: shape.channels,
    };
    let finish_command = finish.words(&session_id);
    let mut show = fitting(args.json, Voices::of(&configuration), session_id.as_str());
    show.note(&format!("Session {session_id} to {}", target.url()));
    for notice in &shape.notices {
        complain(notice);
    }

    let mut session = SessionConfig::new(session_id, domain, subscription, configuration);
    session.language = args.configuration.language;
    session.encoding = args.encoding.into();
    session.open_patience_ms = u64::from(args.patience) * 1_000;
    // A microphone cannot wait for room; what can wait loses nothing.
    session.overflow = if from.is_live() { Overflow::DropOldest } else { Overflow::Wait };
    session.pace = match args.pace.unwrap_or(Pace::Factor(1.0)) {
        Pace::Factor(factor) => factor,
        Pace::Max => f32::INFINITY,
    };
    let input = shape.input(&from, session.pace);
    let total_s = from.total_s();
    let pace = session.pace;

    // Until here an interrupt simply ends the command: there is nothing to lose yet.
    let mut interrupts = Interrupts::listen();
    let engine = engine(&target, keys)?;
    let (session, tap) = engine.open(session, &input).map_err(|error| Fault::usage(error.to_string()))?;
    let feed = from.start(tap, pace)?;
    let carrier = Carrier {
        session,
        feed: Some(feed),
        ending: if args.no_end { Ending::Pause } else { Ending::Finish },
        total_s,
        wire: (shape.rate_hz, shape.channels),
        show: show.as_mut(),
        interrupts: &mut interrupts,
    };
    let carried = carrier.carry(|_| None).await?;
    Conclusion {
        carried: &carried,
        json: args.json,
        url: &target.url(),
        verdict: None,
        finish_command: Some(finish_command),
    }
    .say()
}

/// A ring that holds some ticks' worth at this pace.
pub(crate) fn ring_ms(pace: f32) -> u32 {
    // A float past the range of an integer saturates, infinity too.
    ((RING_MS as f32 * pace) as u32).clamp(RING_MS, RING_MS_MAX)
}

/// A new session's id.
pub(crate) fn random_session() -> Outcome<SessionUuid> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|_| Fault::failed(Status::Internal, "the system gives no random numbers"))?;
    Ok(SessionUuid::from_random_bytes(random))
}

fn ids(args: &StreamArgs) -> Outcome<(DomainId, SubscriptionId)> {
    match (&args.ids.domain, &args.ids.subscription) {
        (Some(domain), Some(subscription)) => Ok((domain.clone(), subscription.clone())),
        _ => {
            Err(Fault::usage("the domain and the subscription are needed: give --domain and --subscription"))
        }
    }
}

fn check_rates(args: &StreamArgs) -> Outcome {
    if let Some(rate_hz) = args.wire_rate
        && MediaSampleRate::new(rate_hz).is_err()
    {
        return Err(Fault::usage(format!(
            "the wire rate of {} Hz is outside of 8,000 to 48,000 Hz: give --wire-rate in this range, such as 16000",
            words::count(rate_hz.into())
        )));
    }
    match args.rate {
        // A number that is out of the range for raw audio is more often a mistake than a studio's rate.
        Some(rate_hz) if MediaSampleRate::new(rate_hz).is_err() && args.wire_rate.is_none() => {
            Err(Fault::usage(format!(
                "the rate of {} Hz is outside of 8,000 to 48,000 Hz: correct --rate, or give --wire-rate to have it \
                 resampled",
                words::count(rate_hz.into())
            )))
        }
        _ => Ok(()),
    }
}

/// Where the audio comes from.
enum From {
    Source(Box<dyn Source>),
    #[cfg(feature = "mic")]
    Microphone(Microphone),
}

impl From {
    fn args(args: &StreamArgs) -> Outcome<Self> {
        match args.input.as_deref() {
            Some(path) if path == Path::new("-") => {
                Ok(Self::Source(Box::new(RawSource::stdin(args.rate, args.channels)?)))
            }
            Some(path) if args.rate.is_some() || args.channels.is_some() => Err(Fault::usage(format!(
                "--rate and --channels are for raw PCM from standard input, and {} says for itself what it is: leave \
                 them out, or use `-`",
                path.display()
            ))),
            Some(path) => Ok(Self::Source(Box::new(FileSource::open(path)?))),
            None => microphone(args),
        }
    }

    fn format(&self) -> Format {
        match self {
            Self::Source(source) => source.format(),
            #[cfg(feature = "mic")]
            Self::Microphone(microphone) => microphone.format(),
        }
    }

    /// Whether it is captured as time goes by, and cannot wait.
    fn is_live(&self) -> bool {
        match self {
            Self::Source(_) => false,
            #[cfg(feature = "mic")]
            Self::Microphone(_) => true,
        }
    }

    fn total_s(&self) -> Option<f64> {
        match self {
            Self::Source(source) => {
                source.total_frames().map(|frames| words::seconds(frames, source.format().rate_hz()))
            }
            #[cfg(feature = "mic")]
            Self::Microphone(_) => None,
        }
    }

    fn start(self, tap: Tap, pace: f32) -> Outcome<Feed> {
        match self {
            Self::Source(source) => {
                let pump = Pump::start(tap, source, pace.is_finite().then_some(pace)).map_err(|_| {
                    Fault::failed(Status::Limit, "the system gives no more threads: raise its limits")
                })?;
                Ok(Feed::Pump(pump))
            }
            #[cfg(feature = "mic")]
            Self::Microphone(microphone) => Ok(Feed::Microphone(microphone.record(tap)?)),
        }
    }
}

/// What the wire carries of a source.
struct Shape {
    rate_hz: u32,
    channels: u8,
    map: ChannelMap,
    /// What somebody might not expect.
    notices: Vec<String>,
}

impl Shape {
    fn of(args: &StreamArgs, format: Format, given: Option<&Configuration>) -> Outcome<Self> {
        let mut notices = Vec::new();
        let wanted = given.map(configuration::channels_of);
        let map = match (&args.map, format.channels(), wanted) {
            (Some(MapArg::Mix), ..) => ChannelMap::MixToMono,
            (Some(MapArg::Stereo), ..) => ChannelMap::Stereo,
            (Some(MapArg::Pick(picked)), ..) => ChannelMap::Pick(picked.clone()),
            (None, 1, _) => ChannelMap::MixToMono,
            (None, 2, Some(1)) => {
                notices.push(
                    "Note: the two channels are mixed to one, as the configuration has no channelDefinitions.".into(),
                );
                ChannelMap::MixToMono
            }
            (None, 2, _) => ChannelMap::Stereo,
            (None, channels, _) => {
                return Err(Fault::usage(format!(
                    "the audio has {channels} channels, and the service takes one or two: say which with --map, such as \
                     --map mix or --map 0,1"
                )));
            }
        };
        let channels = match &map {
            ChannelMap::MixToMono => 1,
            ChannelMap::Pick(picked) => u8::try_from(picked.len()).unwrap_or(u8::MAX),
            _ => 2,
        };
        let highest = match &map {
            ChannelMap::Pick(picked) => picked.iter().copied().max().unwrap_or(0),
            _ => channels - 1,
        };
        if highest >= format.channels() {
            return Err(Fault::usage(format!(
                "--map names channel {highest}, and the audio has {}: count from 0",
                words::counted(format.channels().into(), "channel", "channels")
            )));
        }
        if let Some(wanted) = wanted
            && wanted != channels
        {
            return Err(Fault::usage(format!(
                "the configuration is for {}, and {} would be sent: correct channelDefinitions in --config, or give --map",
                words::counted(wanted.into(), "channel", "channels"),
                channels
            )));
        }
        let rate_hz = args.wire_rate.unwrap_or(format.rate_hz().min(WIRE_RATE_HZ_MAX));
        if args.wire_rate.is_none() && rate_hz != format.rate_hz() {
            let (from, to) = (words::count(format.rate_hz().into()), words::count(rate_hz.into()));
            notices
                .push(format!("Note: {from} Hz is resampled to {to} Hz, the most that the service takes."));
        }
        Ok(Self { rate_hz, channels, map, notices })
    }

    fn input(&self, from: &From, pace: f32) -> AudioInput {
        let mut input = AudioInput::new(from.format());
        input.ring_ms = ring_ms(pace);
        input.front_end = FrontEndConfig {
            wire_rate_hz: self.rate_hz,
            channel_map: self.map.clone(),
            // Only what is captured in real time has a rate to measure.
            check_rate: from.is_live(),
        };
        input
    }
}

#[cfg(feature = "mic")]
fn microphone(args: &StreamArgs) -> Outcome<From> {
    Ok(From::Microphone(Microphone::choose(args.device.as_deref(), args.rate, args.channels)?))
}

#[cfg(feature = "mic")]
fn list_devices() -> Outcome {
    crate::source::mic::list()
}

#[cfg(not(feature = "mic"))]
fn microphone(_: &StreamArgs) -> Outcome<From> {
    Err(Fault::usage(
        "this build cannot record: build it with --features mic (on Debian that needs libasound2-dev), or pipe raw PCM \
         into `ossicle stream -`",
    ))
}

#[cfg(not(feature = "mic"))]
fn list_devices() -> Outcome {
    Err(Fault::usage(
        "this build knows no microphones: build it with --features mic (on Debian that needs libasound2-dev)",
    ))
}
