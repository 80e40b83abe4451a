//! What the command takes. Other tools rely on these flags.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ossicle::model::ids::{DomainId, LanguageCode, MediaEncoding, SessionUuid, SubscriptionId};

use crate::control::args::{
    DatasetCommand, DomainCommand, FeedbackCommand, JobCommand, ShowArgs, SubscriptionCommand, TagsCommand,
};

/// Live audio to Amazon Connect Health's listening sessions, and the transcript back.
#[derive(Parser, Debug)]
#[command(name = "ossicle", version, max_term_width = 100)]
#[command(propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Streams a bundled conversation to a local emulator of the service: no account, no network
    Demo(DemoArgs),
    /// Streams a file, standard input or a microphone
    Stream(Box<StreamArgs>),
    /// Runs the emulator of the service, which verifies everything it is sent
    Emulate(EmulateArgs),
    /// Listening sessions
    #[command(subcommand)]
    Session(SessionCommand),
    /// Domains
    #[command(subcommand)]
    Domain(DomainCommand),
    /// Subscriptions of a domain
    #[command(subcommand)]
    Subscription(SubscriptionCommand),
    /// Tags of resources
    #[command(subcommand)]
    Tags(TagsCommand),
    /// Datasets for medical coding
    #[command(subcommand)]
    Dataset(DatasetCommand),
    /// Patient insights jobs
    #[command(subcommand)]
    Insights(JobCommand),
    /// Medical coding jobs
    #[command(subcommand)]
    Coding(JobCommand),
    /// Feedback on what the service made
    #[command(subcommand)]
    Feedback(FeedbackCommand),
}

#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Times faster than real time, 0.1 to 1,000
    #[arg(long, value_name = "F", default_value = "1", value_parser = pace_factor)]
    pub(crate) pace: f32,
    /// Cuts the connection in mid-sentence, to show that nothing is lost
    #[arg(long)]
    pub(crate) outage: bool,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct StreamArgs {
    /// The audio: WAV, FLAC, MP3, AAC in MP4 or Ogg Vorbis; `-` is raw 16-bit little-endian PCM from standard input
    #[arg(value_name = "FILE|-", required_unless_present_any = ["mic", "list_devices"], conflicts_with = "mic")]
    pub(crate) input: Option<PathBuf>,
    /// Records from the microphone
    #[arg(long)]
    pub(crate) mic: bool,
    /// The microphone's name, as --list-devices shows it (default: the system's default)
    #[arg(long, value_name = "NAME", requires = "mic")]
    pub(crate) device: Option<String>,
    /// Lists the microphones and ends
    #[arg(long)]
    pub(crate) list_devices: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) ids: IdArgs,
    #[command(flatten)]
    pub(crate) configuration: ConfigurationArgs,
    /// The session's id, to resume a paused one (default: a new random one, which is printed)
    #[arg(long, value_name = "UUID")]
    pub(crate) session: Option<SessionUuid>,
    /// How audio is encoded on the wire
    #[arg(long, value_enum, default_value_t = Encoding::Pcm)]
    pub(crate) encoding: Encoding,
    /// Rate of raw PCM, or of the microphone
    #[arg(long, value_name = "HZ")]
    pub(crate) rate: Option<u32>,
    /// Channels of raw PCM, or of the microphone, 1 to 8
    #[arg(long, value_name = "N")]
    pub(crate) channels: Option<u8>,
    /// Rate on the wire, 8,000 to 48,000 (default: the source's own)
    #[arg(long, value_name = "HZ")]
    pub(crate) wire_rate: Option<u32>,
    /// Which of the source's channels are sent: mix (to one), stereo (the first two), or one or two numbers from 0, as 0,2
    #[arg(long, value_name = "MAP", value_parser = channel_map)]
    pub(crate) map: Option<MapArg>,
    /// How fast the audio is sent: a factor of real time, or max (default: 1)
    #[arg(long, value_name = "F|max", value_parser = pace)]
    pub(crate) pace: Option<Pace>,
    /// How long the service's first answer is awaited, in seconds, 1 to 3,600
    #[arg(long, value_name = "S", default_value = "30", value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub(crate) patience: u32,
    /// Ends the audio as a pause, so that the session can be resumed
    #[arg(long)]
    pub(crate) no_end: bool,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where the service is.
#[derive(Args, Debug)]
pub(crate) struct TargetArgs {
    /// The endpoint, https://HOST[:PORT], or http:// on loopback (default: the region's)
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The region (default: AWS_REGION)
    #[arg(long, value_name = "R")]
    pub(crate) region: Option<String>,
    /// A file of certificate authorities to trust in addition, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

/// Whose session it is.
#[derive(Args, Debug)]
pub(crate) struct IdArgs {
    /// The domain's id
    #[arg(long, value_name = "D", required_unless_present = "list_devices")]
    pub(crate) domain: Option<DomainId>,
    /// The subscription's id
    #[arg(long, value_name = "S", required_unless_present = "list_devices")]
    pub(crate) subscription: Option<SubscriptionId>,
}

/// What is made of the session.
#[derive(Args, Debug)]
pub(crate) struct ConfigurationArgs {
    /// The whole configurationEvent as JSON
    #[arg(long, value_name = "FILE.json", conflicts_with_all = ["template", "output_uri"])]
    pub(crate) config: Option<PathBuf>,
    /// The template of the clinical note (default: HISTORY_AND_PHYSICAL)
    #[arg(long, value_name = "NAME")]
    pub(crate) template: Option<String>,
    /// Where the results lie, s3://BUCKET[/PREFIX] (default on loopback: s3://ossicle-demo/)
    #[arg(long, value_name = "S3URI")]
    pub(crate) output_uri: Option<String>,
    /// The language of the visit: en-US or multi
    #[arg(long, value_name = "CODE", default_value = "en-US")]
    pub(crate) language: LanguageCode,
}

#[derive(Args, Debug)]
pub(crate) struct EmulateArgs {
    /// The address, such as 127.0.0.1:8443; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// No TLS (loopback only)
    #[arg(long)]
    pub(crate) cleartext: bool,
    /// Writes each session's audio and report into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// Keeps domains, subscriptions and jobs in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum SessionCommand {
    /// Ends a session that was left paused, with no audio
    Finish(Box<FinishArgs>),
    /// Shows a session, and with --wait follows the documents that are made of it
    Show(Box<ShowArgs>),
}

#[derive(Args, Debug)]
pub(crate) struct FinishArgs {
    /// The session's id
    #[arg(value_name = "UUID")]
    pub(crate) session: SessionUuid,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// The domain's id
    #[arg(long, value_name = "D")]
    pub(crate) domain: DomainId,
    /// The subscription's id
    #[arg(long, value_name = "S")]
    pub(crate) subscription: SubscriptionId,
    #[command(flatten)]
    pub(crate) configuration: ConfigurationArgs,
    /// How the session's audio was encoded on the wire
    #[arg(long, value_enum, default_value_t = Encoding::Pcm)]
    pub(crate) encoding: Encoding,
    /// The session's rate on the wire
    #[arg(long, value_name = "HZ", default_value = "16000")]
    pub(crate) wire_rate: u32,
    /// The session's channels on the wire, 1 or 2; what --config says goes before
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) channels: u8,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// How audio is encoded on the wire.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// 16-bit PCM
    Pcm,
    /// FLAC: about half the bytes, the same samples
    Flac,
}

impl From<Encoding> for MediaEncoding {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Pcm => Self::Pcm,
            Encoding::Flac => Self::Flac,
        }
    }
}

/// How fast audio is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// A factor of real time.
    Factor(f32),
    /// As fast as the service takes it.
    Max,
}

/// Which of the source's channels are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MapArg {
    /// All, mixed to one.
    Mix,
    /// The first two, as clinician and patient.
    Stereo,
    /// These, counted from 0.
    Pick(Vec<u8>),
}

/// Slower than a tenth nobody waits for; faster than a thousandfold is what `max` is for.
const PACE_RANGE: std::ops::RangeInclusive<f32> = 0.1..=1_000.0;

fn pace_factor(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(factor) if PACE_RANGE.contains(&factor) => Ok(factor),
        _ => Err("give a factor from 0.1 to 1000, such as 1 or 10".into()),
    }
}

fn pace(text: &str) -> Result<Pace, String> {
    if text == "max" {
        return Ok(Pace::Max);
    }
    match pace_factor(text) {
        Ok(factor) => Ok(Pace::Factor(factor)),
        Err(_) => Err("give a factor from 0.1 to 1000, such as 1 or 10, or max".into()),
    }
}

fn channel_map(text: &str) -> Result<MapArg, String> {
    match text {
        "mix" => return Ok(MapArg::Mix),
        "stereo" => return Ok(MapArg::Stereo),
        _ => {}
    }
    let picked: Result<Vec<u8>, _> = text.split(',').map(str::parse).collect();
    match picked {
        Ok(picked) if picked.len() <= 2 => Ok(MapArg::Pick(picked)),
        _ => Err("give mix, stereo, or one or two channel numbers from 0, such as 0,2".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_declaration_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn paces_and_maps_are_parsed_or_named() {
        assert_eq!(pace("max"), Ok(Pace::Max));
        assert_eq!(pace("2.5"), Ok(Pace::Factor(2.5)));
        for wrong in ["0", "-1", "NaN", "inf", "fast", ""] {
            assert!(pace(wrong).is_err(), "{wrong}");
        }
        assert_eq!(channel_map("0,2"), Ok(MapArg::Pick(vec![0, 2])));
        for wrong in ["", "0,1,2", "left", "-1"] {
            assert!(channel_map(wrong).is_err(), "{wrong}");
        }
    }
}
