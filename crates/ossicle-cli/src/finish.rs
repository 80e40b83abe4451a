//! `ossicle session finish`: ends a session that was left paused, with no audio.

use std::path::Path;

use ossicle::AudioInput;
use ossicle::audio::{ChannelMap, Format, FrontEndConfig, Layout, SampleType};
use ossicle::core::SessionConfig;
use ossicle::model::ids::{DomainId, LanguageCode, MediaSampleRate, SessionUuid, SubscriptionId};

use crate::args::{ConfigurationArgs, Encoding, FinishArgs, TargetArgs};
use crate::carry::{Carrier, Conclusion, Ending, OPEN_PATIENCE_MS, engine};
use crate::configuration;
use crate::emulate::shell_word;
use crate::fault::{Fault, Outcome};
use crate::keys::Keys;
use crate::show::{Voices, failed_before, fitting, print, words};
use crate::signals::Interrupts;
use crate::target::Target;

/// The smallest ring: nothing goes through it.
const RING_MS: u32 = 50;

/// Runs the command.
pub(crate) async fn run(args: &FinishArgs) -> Outcome {
    let outcome = finish(args).await;
    if let (true, Err(fault @ Fault::Failed { .. })) = (args.json, &outcome) {
        print(&failed_before(fault, Some(args.session.as_str())).to_string());
    }
    outcome
}

async fn finish(args: &FinishArgs) -> Outcome {
    let target = Target::from_args(&args.target)?;
    let configuration = configuration::from_args(&args.configuration, args.channels, target.is_loopback)?;
    let channels = configuration::channels_of(&configuration);
    if MediaSampleRate::new(args.wire_rate).is_err() {
        return Err(Fault::usage(format!(
            "the wire rate of {} Hz is outside of 8,000 to 48,000 Hz: give the one that the session began with",
            words::count(args.wire_rate.into())
        )));
    }
    let keys = Keys::find().await?;
    let format = Format::new(SampleType::S16, Layout::Interleaved, args.wire_rate, channels)
        .map_err(|error| Fault::usage(error.to_string()))?;
    let mut input = AudioInput::new(format);
    input.ring_ms = RING_MS;
    input.front_end = FrontEndConfig {
        wire_rate_hz: args.wire_rate,
        channel_map: if channels == 2 { ChannelMap::Stereo } else { ChannelMap::MixToMono },
        check_rate: false,
    };
    let mut show = fitting(args.json, Voices::of(&configuration), args.session.as_str());
    let mut session =
        SessionConfig::new(args.session, args.domain.clone(), args.subscription.clone(), configuration);
    session.language = args.configuration.language;
    session.encoding = args.encoding.into();
    session.open_patience_ms = OPEN_PATIENCE_MS;

    // Until here an interrupt simply ends the command: there is nothing to lose yet.
    let mut interrupts = Interrupts::listen();
    let engine = engine(&target, keys)?;
    let (session, _tap) = engine.open(session, &input).map_err(|error| Fault::usage(error.to_string()))?;
    let carrier = Carrier {
        session,
        feed: None,
        ending: Ending::Finish,
        total_s: None,
        wire: (args.wire_rate, channels),
        show: show.as_mut(),
        interrupts: &mut interrupts,
    };
    let carried = carrier.carry(|_| None).await?;
    Conclusion { carried: &carried, json: args.json, url: &target.url(), verdict: None, finish_command: None }
        .say()
}

/// The command that finishes a session, in words for a shell.
pub(crate) struct Command<'a> {
    /// Where the service is.
    pub(crate) args: &'a TargetArgs,
    /// What is made of the session.
    pub(crate) configuration: &'a ConfigurationArgs,
    /// The domain.
    pub(crate) domain: &'a DomainId,
    /// The subscription.
    pub(crate) subscription: &'a SubscriptionId,
    /// How audio was encoded.
    pub(crate) encoding: Encoding,
    /// The rate on the wire.
    pub(crate) wire_rate_hz: u32,
    /// The channels on the wire.
    pub(crate) channels: u8,
}

impl Command<'_> {
    /// The command.
    pub(crate) fn words(&self, session: &SessionUuid) -> String {
        let mut words = format!("ossicle session finish {session}");
        let mut flag = |name: &str, value: &str| words.push_str(&format!(" --{name} {}", shell_word(value)));
        let path = |path: &Path| path.display().to_string();
        if let Some(config) = &self.configuration.config {
            flag("config", &path(config));
        }
        if let Some(template) = &self.configuration.template {
            flag("template", template);
        }
        if let Some(uri) = &self.configuration.output_uri {
            flag("output-uri", uri);
        }
        if self.configuration.language != LanguageCode::EnUs {
            flag("language", self.configuration.language.as_str());
        }
        if let Some(endpoint) = &self.args.endpoint {
            flag("endpoint", endpoint);
        }
        if let Some(region) = &self.args.region {
            flag("region", region);
        }
        if let Some(ca) = &self.args.ca {
            flag("ca", &path(ca));
        }
        flag("domain", self.domain.as_str());
        flag("subscription", self.subscription.as_str());
        if self.encoding == Encoding::Flac {
            flag("encoding", "flac");
        }
        flag("wire-rate", &self.wire_rate_hz.to_string());
        if self.configuration.config.is_none() {
            flag("channels", &self.channels.to_string());
        }
        words
    }
}
