//! Rules of a session's configuration: the model's limits, and those of the user guide that the model does not carry.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::limits;
use crate::model::{describe, model};

/// What is kept of a configuration: no context, no instructions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Configuration {
    pub(crate) digest: String,
    pub(crate) output_s3_uri: String,
    /// `{"managedTemplate": {"templateType": ..}}` or the same with `customTemplate`.
    pub(crate) template: Value,
    pub(crate) medical_codes: Option<bool>,
    pub(crate) channel_definitions: Option<Value>,
    pub(crate) context_provided: bool,
    pub(crate) coding_context_provided: bool,
}

impl Configuration {
    /// Reads and checks the payload of a configurationEvent.
    ///
    /// # Errors
    /// A sentence with the member's path and the rule; it never holds a value.
    pub(crate) fn read(payload: &[u8], now_ms: i64) -> Result<Self, String> {
        let value: Value =
            serde_json::from_slice(payload).map_err(|_| "configurationEvent is not JSON".to_owned())?;
        let violations = model().check("MedicalScribeConfigurationEvent", &value);
        if !violations.is_empty() {
            return Err(describe(&violations));
        }
        let actions = &value["postStreamActionSettings"];
        let medical_codes = actions["medicalCodeGenerationSettings"]["enabled"].as_bool();
        check_context(&value["encounterContext"], medical_codes == Some(true), now_ms)?;
        check_channels(&value["channelDefinitions"])?;
        let settings = &actions["clinicalNoteGenerationSettings"]["noteTemplateSettings"];
        check_instructions(&settings["customTemplate"]["templateInstructions"])?;
        let kind = if settings["managedTemplate"].is_null() { "customTemplate" } else { "managedTemplate" };
        let provided = |member: &str| !value["encounterContext"][member].is_null();
        Ok(Self {
            digest: digest(&value),
            output_s3_uri: actions["outputS3Uri"].as_str().unwrap_or_default().to_owned(),
            template: json!({ kind: { "templateType": settings[kind]["templateType"] } }),
            medical_codes,
            channel_definitions: Some(value["channelDefinitions"].clone()).filter(|value| !value.is_null()),
            context_provided: provided("unstructuredContext"),
            coding_context_provided: provided("medicalCodingContext"),
        })
    }

    /// Two when the channels are named, else unsaid.
    pub(crate) fn channels(&self) -> Option<u32> {
        self.channel_definitions.as_ref().map(|_| 2)
    }
}

/// Hash of a JSON value that does not depend on the order of its keys or on white space.
pub(crate) fn digest(value: &Value) -> String {
    let mut text = String::new();
    canonical(value, &mut text);
    crate::auth::hex(&Sha256::digest(text.as_bytes()))
}

fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().filter(|name| !members[*name].is_null()).collect();
            names.sort();
            text.push('{');
            for name in names {
                text.push_str(&Value::String(name.clone()).to_string());
                text.push(':');
                canonical(&members[name], text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

fn check_context(context: &Value, medical_codes: bool, now_ms: i64) -> Result<(), String> {
    let bytes = context["unstructuredContext"].as_str().map_or(0, str::len);
    if bytes > limits::CONTEXT_BYTES_MAX {
        let max = limits::CONTEXT_BYTES_MAX;
        return Err(format!(
            "encounterContext.unstructuredContext has {bytes} bytes, at most {max} are allowed"
        ));
    }
    let coding = &context["medicalCodingContext"];
    if !coding.is_null() && !medical_codes {
        return Err(
            "encounterContext.medicalCodingContext needs medicalCodeGenerationSettings.enabled".into()
        );
    }
    check_dates(coding, "encounterContext.medicalCodingContext", now_ms)
}

/// A date of birth may not lie in the future (UTC), an encounter not more than a day.
pub(crate) fn check_dates(context: &Value, path: &str, now_ms: i64) -> Result<(), String> {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    for (member, ahead_ms) in [("dateOfBirth", 0), ("encounterDate", DAY_MS)] {
        let Some(date) = context[member].as_str() else { continue };
        let midnight = DateTime::from_str(&format!("{date}T00:00:00Z"), Format::DateTime)
            .map_err(|_| format!("{path}.{member} is no date of the calendar"))?;
        if midnight.secs().saturating_mul(1000) > now_ms.saturating_add(ahead_ms) {
            return Err(format!("{path}.{member} lies in the future"));
        }
    }
    Ok(())
}

fn check_channels(definitions: &Value) -> Result<(), String> {
    let Some(definitions) = definitions.as_array() else { return Ok(()) };
    let mut ids: Vec<i64> =
        definitions.iter().filter_map(|definition| definition["channelId"].as_i64()).collect();
    ids.sort_unstable();
    if ids != [0, 1] {
        return Err("channelDefinitions must name channel 0 and channel 1, each once".into());
    }
    Ok(())
}

fn check_instructions(instructions: &Value) -> Result<(), String> {
    let texts = instructions.as_array().into_iter().flatten();
    let bytes: usize = texts.map(|each| each["sectionInstruction"].as_str().map_or(0, str::len)).sum();
    if bytes > limits::INSTRUCTIONS_BYTES_MAX {
        let max = limits::INSTRUCTIONS_BYTES_MAX;
        return Err(format!("templateInstructions have {bytes} bytes, at most {max} are allowed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_768_472_430_000; // 2026-01-15

    fn configuration(change: impl FnOnce(&mut Value)) -> Result<Configuration, String> {
        let mut value = json!({"postStreamActionSettings": {
            "outputS3Uri": "s3://bkt/out/",
            "clinicalNoteGenerationSettings": {"noteTemplateSettings": {"managedTemplate": {"templateType": "GIRPP"}}},
        }});
        change(&mut value);
        Configuration::read(value.to_string().as_bytes(), NOW_MS)
    }

    #[test]
    fn good_configurations_are_taken_and_compared_by_content() {
        let plain = configuration(|_| ()).expect("good");
        assert_eq!(plain.channels(), None);
        let reordered = br#"{ "postStreamActionSettings": {"clinicalNoteGenerationSettings":
            {"noteTemplateSettings": {"managedTemplate": {"templateType": "GIRPP"}}}, "outputS3Uri": "s3://bkt/out/"},
            "encounterContext": null}"#;
        assert_eq!(Configuration::read(reordered, NOW_MS).expect("good").digest, plain.digest);
        let stereo = configuration(|value| {
            value["channelDefinitions"] = json!([
                {"channelId": 1, "participantRole": "PATIENT"}, {"channelId": 0, "participantRole": "CLINICIAN"}]);
        });
        let stereo = stereo.expect("good");
        assert_eq!(stereo.channels(), Some(2));
        assert_ne!(stereo.digest, plain.digest);
    }

    #[test]
    fn the_guides_rules_are_enforced() {
        let context = |text: String| {
            configuration(move |value| value["encounterContext"] = json!({ "unstructuredContext": text }))
        };
        assert!(context("é".repeat(10_240)).is_ok());
        assert!(context("é".repeat(10_241)).expect_err("too long").contains("20482 bytes"));
        let wrong = context("canary – dash".into()).expect_err("an en dash");
        assert!(
            wrong.contains("encounterContext.unstructuredContext") && !wrong.contains("canary"),
            "{wrong}"
        );
        let coding = |enabled: bool, coding: Value| {
            configuration(move |value| {
                value["postStreamActionSettings"]["medicalCodeGenerationSettings"] =
                    json!({ "enabled": enabled });
                value["encounterContext"] = json!({ "medicalCodingContext": coding });
            })
        };
        assert!(coding(true, json!({"dateOfBirth": "2026-01-15", "encounterDate": "2026-01-16"})).is_ok());
        assert!(coding(false, json!({})).is_err());
        assert!(coding(true, json!({"dateOfBirth": "2026-01-16"})).is_err());
        assert!(coding(true, json!({"encounterDate": "2026-01-17"})).is_err());
        assert!(coding(true, json!({"dateOfBirth": "2025-02-30"})).is_err());
        let twice = configuration(|value| {
            value["channelDefinitions"] = json!([
                {"channelId": 1, "participantRole": "PATIENT"}, {"channelId": 1, "participantRole": "CLINICIAN"}]);
        });
        assert!(twice.is_err());
        let long = configuration(|value| {
            let section = json!({"sectionHeader": "A", "sectionInstruction": "x".repeat(8_000)});
            value["postStreamActionSettings"]["clinicalNoteGenerationSettings"]["noteTemplateSettings"] = json!({"customTemplate": {"templateType": "DAP", "templateInstructions": [section, section]}});
        });
        assert!(long.expect_err("16,000 bytes").contains("16000 bytes"));
        assert!(Configuration::read(b"{", NOW_MS).is_err());
    }
}
