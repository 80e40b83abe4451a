//! Settings that were checked.

use std::time::{SystemTime, UNIX_EPOCH};

use ossicle_audio::{ChannelMap, Format, Layout, SampleType, WireFormat, limits as audio_limits};
use ossicle_core::{AudioForm, EngineConfig, OffsetRule, Overflow, SessionConfig};
use ossicle_model::endpoint::{Endpoint, Scheme};
use ossicle_model::ids::{DomainId, LanguageCode, MediaEncoding, SessionUuid, SubscriptionId};
use ossicle_model::stream::{Configuration, ManagedNoteTemplate, STREAM_HOST_PREFIX};
use ossicle_model::times::Date;

use crate::border::Fault;
use crate::config::{ossicle_engine_config, ossicle_format, ossicle_session_config};
use crate::constants::*;
use crate::sized::Context;
use crate::text;

/// What stands in for ids where the emulator takes any: it has no domains of its own.
const LOOPBACK_DOMAIN: &str = "hai-ossicleloopback00";
const LOOPBACK_SUBSCRIPTION: &str = "sub-ossicleloopback000000";
const LOOPBACK_OUTPUT: &str = "s3://ossicle-demo/";
const LOOPBACK_REGION: &str = "us-east-1";

/// An engine's own memory beside held audio: the code's tables, a thread's stack and TLS' state, measured and rounded up.
const ENGINE_BYTES: usize = 2 * 1024 * 1024;
/// A shard: its stack, its runtime and its scratch buffers.
const SHARD_BYTES: usize = 3 * 1024 * 1024;
/// What one waiting event takes at most in the usual case: a final piece of transcript with its text.
const EVENT_BYTES: usize = 2 * 1024;
/// A connection: TLS' and HTTP/2's buffers and the writer's.
const CONNECTION_BYTES: usize = 384 * 1024;
/// A session beside its ring: state, request, transcript book, resampler.
const SESSION_BYTES: usize = 192 * 1024;
/// libFLAC's encoder.
const FLAC_BYTES: usize = 1024 * 1024;

/// Settings of an engine, checked.
pub(crate) struct EngineSettings {
    pub(crate) core: EngineConfig,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) shards: u32,
    pub(crate) events_max: usize,
    pub(crate) log_level: u32,
    pub(crate) fips: bool,
    pub(crate) loopback: bool,
    pub(crate) aws_chain: bool,
    pub(crate) ca_pem: Option<String>,
    pub(crate) proxy: Option<String>,
    #[cfg_attr(not(feature = "loopback"), expect(dead_code, reason = "read so that it is checked"))]
    pub(crate) loopback_script: Option<String>,
    pub(crate) wake: ossicle_wake,
    pub(crate) wake_context: Context,
}

impl EngineSettings {
    /// # Safety
    /// Texts in `config` are NULL or end with a zero.
    pub(crate) unsafe fn read(config: &ossicle_engine_config) -> Result<Self, Fault> {
        check_engine(config)?;
        // SAFETY: as this function's, for each of these texts.
        let (region, endpoint, ca_pem, proxy, script) = unsafe {
            (
                text::optional(config.region, "region")?,
                text::optional(config.endpoint, "endpoint")?,
                text::optional(config.ca_pem, "ca_pem")?,
                text::optional(config.proxy, "proxy")?,
                text::optional(config.loopback_script, "loopback_script")?,
            )
        };
        let loopback = config.loopback == 1;
        if loopback && (endpoint.is_some() || config.fips == 1) {
            return Err(Fault::argument(
                "a loopback engine has no endpoint of its own: leave endpoint and fips",
            ));
        }
        let region = region.or(loopback.then_some(LOOPBACK_REGION));
        // Resolved for its checks even where the emulator's address replaces it.
        let resolved = Endpoint::resolve(region, config.fips == 1, endpoint)
            .map_err(|error| Fault::argument(error.to_string()))?;
        let mut core = EngineConfig::new(core_endpoint(&resolved)?, region.unwrap_or_default());
        core.sessions_max = config.sessions_max;
        core.tick_ms = config.tick_ms;
        core.streams_per_connection = config.streams_per_connection;
        core.ping_interval_ms = config.ping_interval_ms;
        core.pong_timeout_ms = config.pong_timeout_ms;
        core.unwritten_bytes_max = config.unwritten_bytes_max;
        core.held_bytes_max = config.held_bytes_max;
        core.catch_up_rate = config.catch_up_percent as f32 / 100.0;
        core.keys_margin_ms = config.keys_margin_ms;
        core.seed = config.seed;
        Ok(Self {
            core,
            endpoint: (!loopback).then_some(resolved),
            shards: config.shards,
            events_max: config.events_max as usize,
            log_level: config.log_level,
            fips: config.fips == 1,
            loopback,
            aws_chain: config.keys_source == OSSICLE_KEYS_AWS_CHAIN,
            ca_pem: ca_pem.map(str::to_owned),
            proxy: proxy.map(str::to_owned),
            loopback_script: script.map(str::to_owned),
            wake: config.wake,
            wake_context: Context(config.wake_context),
        })
    }

    /// What the engine takes at its busiest.
    pub(crate) fn memory_bytes(&self) -> usize {
        let core = &self.core;
        let connections = core.sessions_max.div_ceil(core.streams_per_connection) as usize;
        let parts = [
            ENGINE_BYTES,
            (self.shards as usize).saturating_mul(SHARD_BYTES),
            self.events_max.saturating_mul(EVENT_BYTES),
            connections.saturating_mul(CONNECTION_BYTES + core.unwritten_bytes_max as usize),
            usize::try_from(core.held_bytes_max).unwrap_or(usize::MAX),
        ];
        parts.into_iter().fold(0, usize::saturating_add)
    }
}

fn check_engine(config: &ossicle_engine_config) -> Result<(), Fault> {
    range("sessions_max", config.sessions_max, 1, ossicle_core::limits::SESSIONS_MAX)?;
    range("shards", config.shards, 1, 64)?;
    range("tick_ms", config.tick_ms, 1, 100)?;
    range("streams_per_connection", config.streams_per_connection, 1, 1_000)?;
    range("ping_interval_ms", config.ping_interval_ms, 100, 60_000)?;
    range("pong_timeout_ms", config.pong_timeout_ms, 1_000, 60_000)?;
    range("unwritten_bytes_max", config.unwritten_bytes_max, 4_096, 16 * 1024 * 1024)?;
    range("keys_margin_ms", config.keys_margin_ms, 1_000, 3_600_000)?;
    range("keys_source", config.keys_source, OSSICLE_KEYS_PUSHED, OSSICLE_KEYS_AWS_CHAIN)?;
    range("events_max", config.events_max, 8, 1_048_576)?;
    range("log_level", config.log_level, OSSICLE_LOG_OFF, OSSICLE_LOG_INFO)?;
    range("fips", config.fips, 0, 1)?;
    range("loopback", config.loopback, 0, 1)?;
    range("catch_up_percent", config.catch_up_percent, 100, 100_000)?;
    range("reserved", config.reserved, 0, 0)?;
    if !(1 << 20..=1 << 40).contains(&config.held_bytes_max) {
        return Err(Fault::argument(format!(
            "held_bytes_max is {}, give 1048576 to 1099511627776",
            config.held_bytes_max
        )));
    }
    if config.loopback == 1 && !cfg!(feature = "loopback") {
        return Err(Fault::argument("this library was built without the loopback engine"));
    }
    if config.keys_source == OSSICLE_KEYS_AWS_CHAIN && !cfg!(feature = "aws-chain") {
        return Err(Fault::argument("this library was built without the AWS chain: push keys"));
    }
    Ok(())
}

/// The endpoint as the engine has it. Clear text is for this machine only.
pub(crate) fn core_endpoint(endpoint: &Endpoint) -> Result<ossicle_core::Endpoint, Fault> {
    let authority = endpoint.authority_for(STREAM_HOST_PREFIX);
    let (host, port) = Endpoint::host_and_port(&authority, endpoint.scheme);
    let tls = endpoint.scheme == Scheme::Https;
    let is_here =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if !tls && !is_here {
        return Err(Fault::argument("the endpoint is in clear text, which only a loopback address may be"));
    }
    if !endpoint.base_path.is_empty() {
        return Err(Fault::argument("the endpoint has a path, which a stream cannot have"));
    }
    Ok(ossicle_core::Endpoint { tls, host: host.to_owned(), port })
}

/// Settings of a session, checked.
pub(crate) struct SessionSettings {
    pub(crate) core: SessionConfig,
    pub(crate) formats: Vec<Format>,
    pub(crate) ring_ms: u32,
    pub(crate) channel_map: ChannelMap,
    pub(crate) check_rate: bool,
    pub(crate) wire_rate_hz: u32,
    pub(crate) user_data: u64,
}

impl SessionSettings {
    /// Channels on the wire.
    pub(crate) fn wire_channels(&self) -> u32 {
        match &self.channel_map {
            ChannelMap::Stereo => 2,
            ChannelMap::Pick(picks) => picks.len() as u32,
            _ => 1,
        }
    }

    /// # Safety
    /// Texts in `config` are NULL or end with a zero.
    pub(crate) unsafe fn read(config: &ossicle_session_config, loopback: bool) -> Result<Self, Fault> {
        check_session(config)?;
        let formats: Vec<Format> = config.taps[..config.tap_count as usize]
            .iter()
            .enumerate()
            .map(|(index, tap)| format_of(tap, index))
            .collect::<Result<_, _>>()?;
        let channel_map = channel_map(config, &formats)?;
        let wire_rate_hz = match config.wire_rate_hz {
            0 => formats.iter().map(Format::rate_hz).min().unwrap_or(16_000).min(16_000),
            rate_hz => rate_hz,
        };
        // The channels follow from the map; one stands for either in this check.
        WireFormat::new(wire_rate_hz, 1)
            .map_err(|error| Fault::argument(format!("wire_rate_hz: {error}")))?;
        // SAFETY: as this function's.
        let core = unsafe { core_settings(config, loopback) }?;
        Ok(Self {
            core,
            formats,
            ring_ms: config.ring_ms,
            channel_map,
            check_rate: config.check_rate == 1,
            wire_rate_hz,
            user_data: config.user_data,
        })
    }

    /// What the session takes beside held audio.
    pub(crate) fn memory_bytes(&self) -> usize {
        let ring = |format: &Format| {
            let frames = (u64::from(format.rate_hz()) * u64::from(self.ring_ms)).div_ceil(1_000);
            usize::try_from(frames).unwrap_or(usize::MAX).saturating_mul(format.frame_bytes())
        };
        let rings = self.formats.iter().map(ring).fold(0, usize::saturating_add);
        let flac = if self.core.encoding == MediaEncoding::Flac { FLAC_BYTES } else { 0 };
        rings.saturating_add(SESSION_BYTES + flac)
    }
}

fn check_session(config: &ossicle_session_config) -> Result<(), Fault> {
    range("tap_count", config.tap_count, 1, 2)?;
    range("ring_ms", config.ring_ms, audio_limits::RING_MS_MIN, audio_limits::RING_MS_MAX)?;
    range("channel_map", config.channel_map, OSSICLE_CHANNELS_AUTO, OSSICLE_CHANNELS_PICK)?;
    range("check_rate", config.check_rate, 0, 1)?;
    range("encoding", config.encoding, OSSICLE_ENCODING_PCM, OSSICLE_ENCODING_FLAC)?;
    range("audio_form", config.audio_form, OSSICLE_AUDIO_BINARY, OSSICLE_AUDIO_JSON)?;
    range("chunk_ms", config.chunk_ms, audio_limits::CHUNK_MS_MIN, audio_limits::CHUNK_MS_MAX)?;
    range("held_ms_max", config.held_ms_max, 1_000, 3_600_000)?;
    range("overflow", config.overflow, OSSICLE_OVERFLOW_DROP_OLDEST, OSSICLE_OVERFLOW_WAIT)?;
    range("resend_overlap_ms", config.resend_overlap_ms, 0, 10_000)?;
    range("pace_percent", config.pace_percent, 0, 100_000)?;
    if config.keep_alive_ms != 0 {
        range("keep_alive_ms", config.keep_alive_ms, 100, 14_000)?;
    }
    range("finish_deadline_ms", config.finish_deadline_ms, 100, 600_000)?;
    range("offset_rule", config.offset_rule, OSSICLE_OFFSETS_DETECT, OSSICLE_OFFSETS_CONTINUE)?;
    range("open_patience_ms", config.open_patience_ms, 100, 5 * 3_600 * 1_000)?;
    range("reserved", config.reserved, 0, 0)?;
    if !config.reserved_pointer.is_null() {
        return Err(Fault::argument("reserved_pointer is not NULL"));
    }
    if config.encoding == OSSICLE_ENCODING_FLAC && !cfg!(feature = "flac") {
        return Err(Fault::argument("this library was built without FLAC: use PCM"));
    }
    Ok(())
}

fn format_of(tap: &ossicle_format, index: usize) -> Result<Format, Fault> {
    let sample = match tap.sample {
        OSSICLE_SAMPLE_S16 => SampleType::S16,
        OSSICLE_SAMPLE_F32 => SampleType::F32,
        OSSICLE_SAMPLE_S32 => SampleType::S32,
        OSSICLE_SAMPLE_S24_IN_32 => SampleType::S24In32,
        other => return Err(Fault::argument(format!("taps[{index}].sample is {other}, give 1 to 4"))),
    };
    let layout = match tap.layout {
        OSSICLE_LAYOUT_INTERLEAVED => Layout::Interleaved,
        OSSICLE_LAYOUT_PLANAR => Layout::Planar,
        other => return Err(Fault::argument(format!("taps[{index}].layout is {other}, give 0 or 1"))),
    };
    let channels = u8::try_from(tap.channels).unwrap_or(u8::MAX);
    Format::new(sample, layout, tap.rate_hz, channels)
        .map_err(|error| Fault::argument(format!("taps[{index}]: {error}")))
}

fn channel_map(config: &ossicle_session_config, formats: &[Format]) -> Result<ChannelMap, Fault> {
    let two_taps = formats.len() == 2;
    let channels = u32::from(formats[0].channels());
    match config.channel_map {
        OSSICLE_CHANNELS_AUTO if two_taps => Ok(ChannelMap::Stereo),
        OSSICLE_CHANNELS_STEREO if two_taps || channels >= 2 => Ok(ChannelMap::Stereo),
        OSSICLE_CHANNELS_STEREO => Err(Fault::argument("channel_map: stereo needs two channels or two taps")),
        _ if two_taps => {
            Err(Fault::argument("channel_map: two taps make two channels, use automatic or stereo"))
        }
        OSSICLE_CHANNELS_PICK => {
            let second = Some(config.pick_second).filter(|pick| *pick != OSSICLE_PICK_NONE);
            let picks: Vec<u32> = [Some(config.pick_first), second].into_iter().flatten().collect();
            if picks.iter().any(|pick| *pick >= channels) {
                return Err(Fault::argument(format!(
                    "channel_map: the tap has {channels} channels, pick of those"
                )));
            }
            Ok(ChannelMap::Pick(picks.into_iter().map(|pick| pick as u8).collect()))
        }
        _ => Ok(ChannelMap::MixToMono),
    }
}

/// # Safety
/// Texts in `config` are NULL or end with a zero.
unsafe fn core_settings(config: &ossicle_session_config, loopback: bool) -> Result<SessionConfig, Fault> {
    let invalid = |error: ossicle_model::Invalid| Fault::argument(error.to_string());
    // SAFETY: as this function's, for each of these texts.
    let (uuid, domain, subscription, language) = unsafe {
        (
            text::optional(config.session_uuid, "session_uuid")?,
            text::optional(config.domain_id, "domain_id")?,
            text::optional(config.subscription_id, "subscription_id")?,
            text::optional(config.language, "language")?,
        )
    };
    // SAFETY: as this function's.
    let configuration = unsafe { configuration(config, loopback) }?;
    configuration.validate(today()).map_err(|error| Fault::argument(format!("configuration: {error}")))?;
    let uuid = match uuid {
        Some(text) => SessionUuid::parse(text).map_err(invalid)?,
        None => SessionUuid::from_random_bytes(random_bytes()?),
    };
    let named = |given: Option<&'static str>, name: &str| {
        given.filter(|_| loopback).ok_or_else(|| Fault::argument(format!("{name} is NULL")))
    };
    let domain = match domain {
        Some(text) => text,
        None => named(Some(LOOPBACK_DOMAIN), "domain_id")?,
    };
    let subscription = match subscription {
        Some(text) => text,
        None => named(Some(LOOPBACK_SUBSCRIPTION), "subscription_id")?,
    };
    let mut core = SessionConfig::new(
        uuid,
        DomainId::parse(domain).map_err(invalid)?,
        SubscriptionId::parse(subscription).map_err(invalid)?,
        configuration,
    );
    core.language = language.map_or(Ok(LanguageCode::EnUs), str::parse).map_err(invalid)?;
    core.encoding = match config.encoding {
        OSSICLE_ENCODING_FLAC => MediaEncoding::Flac,
        _ => MediaEncoding::Pcm,
    };
    core.audio_form = match config.audio_form {
        OSSICLE_AUDIO_JSON => AudioForm::Json,
        _ => AudioForm::Binary,
    };
    core.overflow = match config.overflow {
        OSSICLE_OVERFLOW_WAIT => Overflow::Wait,
        _ => Overflow::DropOldest,
    };
    core.offsets = match config.offset_rule {
        OSSICLE_OFFSETS_RESTART => OffsetRule::Restart,
        OSSICLE_OFFSETS_CONTINUE => OffsetRule::Continue,
        _ => OffsetRule::Detect,
    };
    core.chunk_ms = config.chunk_ms;
    core.held_ms_max = config.held_ms_max;
    core.resend_overlap_ms = config.resend_overlap_ms;
    core.pace = match config.pace_percent {
        0 => f32::INFINITY,
        percent => percent as f32 / 100.0,
    };
    core.keep_alive_ms = config.keep_alive_ms;
    core.finish_deadline_ms = config.finish_deadline_ms.into();
    core.open_patience_ms = config.open_patience_ms.into();
    Ok(core)
}

/// # Safety
/// Texts in `config` are NULL or end with a zero.
unsafe fn configuration(config: &ossicle_session_config, loopback: bool) -> Result<Configuration, Fault> {
    // SAFETY: as this function's, for each of these texts.
    let (json, output, template) = unsafe {
        (
            text::optional(config.configuration, "configuration")?,
            text::optional(config.output_s3_uri, "output_s3_uri")?,
            text::optional(config.note_template, "note_template")?,
        )
    };
    if let Some(json) = json {
        if output.is_some() || template.is_some() {
            return Err(Fault::argument("give configuration, or output_s3_uri and note_template, not both"));
        }
        return Configuration::from_json(json.as_bytes())
            .map_err(|error| Fault::argument(format!("configuration: {error}")));
    }
    let output = match output {
        Some(output) => output,
        None if loopback => LOOPBACK_OUTPUT,
        None => return Err(Fault::argument("output_s3_uri is NULL: give it, or a whole configuration")),
    };
    let template = match template {
        None => ManagedNoteTemplate::HistoryAndPhysical,
        Some(name) => template_named(name)?,
    };
    Ok(Configuration::managed(template, output))
}

fn template_named(name: &str) -> Result<ManagedNoteTemplate, Fault> {
    match ManagedNoteTemplate::from(name) {
        ManagedNoteTemplate::Unknown(_) => {
            Err(Fault::argument("note_template is no managed template of the service"))
        }
        known => Ok(known),
    }
}

fn today() -> Date {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Date::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn random_bytes() -> Result<[u8; 16], Fault> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| Fault::new(ossicle_core::Status::Internal, "the system has no random numbers"))?;
    Ok(bytes)
}

fn range(name: &str, value: u32, min: u32, max: u32) -> Result<(), Fault> {
    if (min..=max).contains(&value) {
        Ok(())
    } else if min == max {
        Err(Fault::argument(format!("{name} is {value}, it must be {min}")))
    } else {
        Err(Fault::argument(format!("{name} is {value}, give {min} to {max}")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, core_endpoint};

    fn host(fips: bool, custom: Option<&str>) -> String {
        let resolved = Endpoint::resolve(Some("us-east-1"), fips, custom).unwrap();
        core_endpoint(&resolved).unwrap().host
    }

    #[test]
    fn streams_go_to_the_host_of_streams() {
        assert_eq!(host(false, None), "streaming.health-agent.us-east-1.api.aws");
        assert_eq!(host(true, None), "streaming.health-agent-fips.us-east-1.api.aws");
        assert_eq!(host(false, Some("https://proxy.example:8443")), "proxy.example");
    }
}
