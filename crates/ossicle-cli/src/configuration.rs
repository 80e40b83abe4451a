//! The session's configuration: a whole one from a file, or a plain one from flags. Checked before anything is sent.

use std::time::{SystemTime, UNIX_EPOCH};

use ossicle::model::context::first_refused;
use ossicle::model::stream::{ChannelDefinition, Configuration, ManagedNoteTemplate, ParticipantRole};
use ossicle::model::{Date, Invalid, Rule};
use serde_json::Value;

use crate::args::ConfigurationArgs;
use crate::fault::{Fault, Outcome, io_words};

/// Stands for the bucket of an emulator.
const LOOPBACK_OUTPUT_URI: &str = "s3://ossicle-demo/";

/// A configuration file is at most this long: the context has 20 KB, a template 15 KB, and JSON's escapes six times that.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// The configuration that the flags name. `channels` says how many channels a plain one has on the wire.
pub(crate) fn from_args(args: &ConfigurationArgs, channels: u8, is_loopback: bool) -> Outcome<Configuration> {
    match &args.config {
        Some(path) => read(path),
        None => plain(args, channels, is_loopback),
    }
}

/// Reads a whole configuration.
fn read(path: &std::path::Path) -> Outcome<Configuration> {
    let unreadable =
        |error| Fault::usage(format!("--config {} cannot be read: {}", path.display(), io_words(&error)));
    if std::fs::metadata(path).map_err(unreadable)?.len() > CONFIG_BYTES_MAX {
        return Err(Fault::usage(format!(
            "--config {} is longer than any configuration can be: check that it is the right file",
            path.display()
        )));
    }
    let json = std::fs::read(path).map_err(unreadable)?;
    let configuration =
        Configuration::from_json(&json).map_err(|invalid| refused(path, &named(&json, invalid)))?;
    configuration.validate(today()).map_err(|invalid| refused(path, &invalid))?;
    Ok(configuration)
}

/// Names the character that the context may not have: its pattern alone helps nobody.
fn named(json: &[u8], invalid: Invalid) -> Invalid {
    let pointer = format!("/{}", invalid.path.replace('.', "/"));
    let document: Value = serde_json::from_slice(json).unwrap_or_default();
    let text = document.pointer(&pointer).and_then(Value::as_str);
    match (text.and_then(first_refused), &invalid.rule) {
        (Some((position, character)), Rule::Pattern(_)) if invalid.path.ends_with("unstructuredContext") => {
            Invalid::new(invalid.path, Rule::Character { position, code_point: character.into() })
        }
        _ => invalid,
    }
}

fn refused(path: &std::path::Path, invalid: &Invalid) -> Fault {
    Fault::usage(format!(
        "the service would refuse --config {}: {} {}: correct it in the file",
        path.display(),
        invalid.path,
        invalid.why()
    ))
}

fn plain(args: &ConfigurationArgs, channels: u8, is_loopback: bool) -> Outcome<Configuration> {
    let output_uri = match (&args.output_uri, is_loopback) {
        (Some(uri), _) => uri.clone(),
        (None, true) => LOOPBACK_OUTPUT_URI.to_owned(),
        (None, false) => {
            return Err(Fault::usage(
                "it is not said where the results shall lie: give --output-uri s3://BUCKET/PREFIX, or --config",
            ));
        }
    };
    let mut configuration = Configuration::managed(template(args.template.as_deref())?, output_uri);
    if channels == 2 {
        configuration.channel_definitions = Some(vec![
            ChannelDefinition { channel_id: 0, participant_role: ParticipantRole::Clinician },
            ChannelDefinition { channel_id: 1, participant_role: ParticipantRole::Patient },
        ]);
    }
    configuration.validate(today()).map_err(|invalid| {
        Fault::usage(format!("--output-uri: {} {}: give s3://BUCKET/PREFIX", invalid.path, invalid.why()))
    })?;
    Ok(configuration)
}

fn template(name: Option<&str>) -> Outcome<ManagedNoteTemplate> {
    use ManagedNoteTemplate::*;
    let Some(name) = name else { return Ok(HistoryAndPhysical) };
    let known = [HistoryAndPhysical, Girpp, Dap, Sirp, Birp, BehavioralSoap, PhysicalSoap];
    let names: Vec<&str> = known.iter().map(ManagedNoteTemplate::as_str).collect();
    let found = known.iter().find(|template| template.as_str().eq_ignore_ascii_case(name));
    found.cloned().ok_or_else(|| {
        Fault::usage(format!(
            "the service has no template of the name given with --template: use one of {}",
            names.join(", ")
        ))
    })
}

/// Today in UTC, as the service counts days.
fn today() -> Date {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Date::from_unix_ms(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// The channels on the wire that a configuration stands for.
pub(crate) fn channels_of(configuration: &Configuration) -> u8 {
    if configuration.channel_definitions.is_some() { 2 } else { 1 }
}
