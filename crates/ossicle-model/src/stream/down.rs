//! The events that the service sends.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::up::{MESSAGE_TYPE_ERROR, MESSAGE_TYPE_EVENT, MESSAGE_TYPE_EXCEPTION};
use crate::invalid::Invalid;
use crate::redact::Phi;
use crate::scalars::*;
use crate::shape::Shaped;

/// The headers of a message that say what it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DownKind<'a> {
    /// `:message-type`, if it is a string.
    pub message_type: Option<&'a str>,
    /// `:event-type`, if it is a string.
    pub event_type: Option<&'a str>,
    /// `:exception-type`, if it is a string.
    pub exception_type: Option<&'a str>,
    /// `:error-code`, if it is a string.
    pub error_code: Option<&'a str>,
    /// `:error-message`, if it is a string.
    pub error_message: Option<&'a str>,
}

/// One event of the service.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DownEvent {
    /// A piece of transcript.
    Transcript(TranscriptSegment),
    /// A whole snapshot of the checklists.
    Checklist(Checklist),
    /// A whole snapshot of the periodontal chart.
    PeriodontalChart(PeriodontalChart),
    /// The service refuses or fails; the stream is over.
    Exception {
        /// Which exception.
        kind: ExceptionKind,
        /// The service's words, if it sent any.
        message: Option<Phi>,
    },
    /// A failure that is not modelled; the stream is over.
    Error {
        /// `:error-code`.
        code: Option<String>,
        /// `:error-message`.
        message: Option<Phi>,
    },
    /// An event that this version does not know; the stream goes on.
    Unknown,
}

/// An exception inside a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExceptionKind {
    /// The service failed.
    InternalFailure,
    /// The service refuses what it was sent.
    Validation,
    /// Any other, by the name of its code or its `:exception-type`.
    Other(String),
}

/// A message of the service cannot be understood; the stream is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DownError {
    /// A header that says what the message is, is absent or no string.
    #[error("the service sent a message without a {header} header")]
    MissingHeader {
        /// The header.
        header: &'static str,
    },
    /// `:message-type` is none of event, exception and error.
    #[error("the service sent a message of an unknown type")]
    UnknownMessageType,
    /// The payload is not the JSON of its event.
    #[error("the service sent a {event_type} that cannot be read ({source})")]
    Payload {
        /// The event.
        event_type: &'static str,
        /// The member and what is wrong with it.
        source: Invalid,
    },
}

impl DownEvent {
    /// Reads a message of the service by its headers and its payload. An empty payload stands for `{}`.
    ///
    /// # Errors
    /// [`DownError`] when the message cannot be understood. The stream must be ended then.
    pub fn parse(kind: DownKind<'_>, payload: &[u8]) -> Result<Self, DownError> {
        match kind.message_type {
            Some(MESSAGE_TYPE_EVENT) => {
                let event_type = kind.event_type.ok_or(DownError::MissingHeader { header: ":event-type" })?;
                Self::event(event_type, payload)
            }
            Some(MESSAGE_TYPE_EXCEPTION) => {
                let name =
                    kind.exception_type.ok_or(DownError::MissingHeader { header: ":exception-type" })?;
                Ok(exception(name, payload))
            }
            Some(MESSAGE_TYPE_ERROR) => Ok(Self::Error {
                code: kind.error_code.map(str::to_owned),
                message: kind.error_message.map(Phi::new),
            }),
            Some(_) => Err(DownError::UnknownMessageType),
            None => Err(DownError::MissingHeader { header: ":message-type" }),
        }
    }

    fn event(event_type: &str, payload: &[u8]) -> Result<Self, DownError> {
        match event_type {
            "transcriptEvent" => {
                let event: TranscriptEvent = read("transcriptEvent", payload)?;
                Ok(Self::Transcript(event.transcript_segment.unwrap_or_default()))
            }
            "checklistEvent" => read("checklistEvent", payload).map(Self::Checklist),
            "periodontalChartEvent" => read("periodontalChartEvent", payload).map(Self::PeriodontalChart),
            _ => Ok(Self::Unknown),
        }
    }

    /// Whether the stream is over with this event.
    pub const fn ends_stream(&self) -> bool {
        matches!(self, Self::Exception { .. } | Self::Error { .. })
    }
}

fn read<T: DeserializeOwned + Shaped>(event_type: &'static str, payload: &[u8]) -> Result<T, DownError> {
    let payload = if payload.is_empty() { b"{}" } else { payload };
    serde_json::from_slice(payload)
        .map_err(|error| DownError::Payload { event_type, source: crate::explain(payload, T::SHAPE, &error) })
}

fn exception(name: &str, payload: &[u8]) -> DownEvent {
    let body: Value = serde_json::from_slice(payload).unwrap_or(Value::Null);
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let message = ["errorMessage", "Message", "message"].iter().rev().find_map(|key| text(key)).map(Phi::new);
    let kind = match name {
        "internalFailureException" => ExceptionKind::InternalFailure,
        "validationException" => ExceptionKind::Validation,
        _ => {
            let code = text("code").or_else(|| text("__type")).map(crate::error_code).unwrap_or(name);
            ExceptionKind::Other(code.to_owned())
        }
    };
    DownEvent::Exception { kind, message }
}

/// Seconds from the start of the audio. May be no finite number, if the service sends such a one.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct AudioOffset(pub f64);

impl AudioOffset {
    /// Seconds from the start of the audio.
    pub const fn seconds(self) -> f64 {
        self.0
    }
}

impl Serialize for AudioOffset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            seconds if seconds.is_finite() => serializer.serialize_f64(seconds),
            seconds if seconds.is_nan() => serializer.serialize_str("NaN"),
            seconds if seconds > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }
}

impl<'de> Deserialize<'de> for AudioOffset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl serde::de::Visitor<'_> for Number {
            type Value = AudioOffset;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_f64<E>(self, seconds: f64) -> Result<AudioOffset, E> {
                Ok(AudioOffset(seconds))
            }

            fn visit_i64<E>(self, seconds: i64) -> Result<AudioOffset, E> {
                Ok(AudioOffset(seconds as f64))
            }

            fn visit_u64<E>(self, seconds: u64) -> Result<AudioOffset, E> {
                Ok(AudioOffset(seconds as f64))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<AudioOffset, E> {
                match text {
                    "NaN" => Ok(AudioOffset(f64::NAN)),
                    "Infinity" => Ok(AudioOffset(f64::INFINITY)),
                    "-Infinity" => Ok(AudioOffset(f64::NEG_INFINITY)),
                    _ => Err(E::custom("not a number")),
                }
            }
        }
        deserializer.deserialize_any(Number)
    }
}

structure! {
    /// The `transcriptEvent`.
    TranscriptEvent = "MedicalScribeTranscriptEvent" {
        /// The piece of transcript.
        optional transcript_segment: TranscriptSegment = "transcriptSegment", TranscriptSegment::SHAPE;
    }
}

structure! {
    /// A piece of transcript. Its content is health information.
    TranscriptSegment = "MedicalScribeTranscriptSegment" {
        /// The piece's id; a later event with the same id replaces it.
        optional segment_id: String = "segmentId", &STRING;
        /// Where it begins.
        optional audio_begin_offset: AudioOffset = "audioBeginOffset", &AUDIO_OFFSET;
        /// Where it ends.
        optional audio_end_offset: AudioOffset = "audioEndOffset", &AUDIO_OFFSET;
        /// Whether it may still change.
        optional is_partial: bool = "isPartial", &NON_NULL_BOOLEAN;
        /// The channel, such as `ch_0`.
        optional channel_id: String = "channelId", &STRING;
        /// What was said.
        optional content: String = "content", &TRANSCRIPT_TEXT;
    }
}

structure! {
    /// The `checklistEvent`: a whole snapshot. Keep the one with the highest version.
    Checklist = "MedicalScribeChecklistEvent" {
        /// Counts up over a session, also over reconnects; some may be left out.
        required snapshot_version: i64 = "snapshotVersion", &LONG;
        /// All checklists of the session.
        required checklists: Vec<ChecklistSection> = "checklists", &CHECKLIST_LIST;
    }
}

structure! {
    /// One checklist.
    ChecklistSection = "Checklist" {
        /// Which one.
        required checklist_id: String = "checklistId", &CHECKLIST_ID;
        /// Its items.
        required items: Vec<ChecklistItem> = "items", &CHECKLIST_ITEM_LIST;
    }
}

structure! {
    /// One item of a checklist. Health information: it is never formatted.
    ChecklistItem = "ChecklistItem" sensitive {
        /// Which one.
        required item_key: String = "itemKey", &CHECKLIST_ITEM_KEY;
        /// Whether it was discussed; an item can go back.
        required status: ChecklistItemStatus = "status", ChecklistItemStatus::SHAPE;
    }
}

enumeration! {
    /// Whether an item of a checklist was discussed.
    ChecklistItemStatus = "ChecklistItemStatus" {
        /// It was.
        Discussed = "DISCUSSED",
        /// In part.
        PartiallyDiscussed = "PARTIALLY_DISCUSSED",
        /// Not yet.
        NotDiscussed = "NOT_DISCUSSED",
    }
}

structure! {
    /// The `periodontalChartEvent`: a whole snapshot. Keep the one with the highest version.
    PeriodontalChart = "MedicalScribePeriodontalChartEvent" {
        /// Counts up over a session, apart from the checklists' version.
        required snapshot_version: i64 = "snapshotVersion", &LONG;
        /// The teeth, ascending.
        required teeth: Vec<PeriodontalTooth> = "teeth", &PERIODONTAL_TOOTH_LIST;
        /// What a person should look at.
        optional review_items: Vec<PeriodontalReview> = "reviewItems", &PERIODONTAL_REVIEW_LIST;
    }
}

structure! {
    /// One tooth. Health information: it is never formatted.
    PeriodontalTooth = "PeriodontalTooth" sensitive {
        /// The tooth, 1 to 32.
        required tooth_number: i32 = "toothNumber", &TOOTH_NUMBER;
        /// Whether it is missing.
        required missing: bool = "missing", &BOOLEAN;
        /// Its mobility, 0 to 3.
        optional mobility: i32 = "mobility", &PERIODONTAL_GRADE;
        /// Its furcation, 0 to 3.
        optional furcation: i32 = "furcation", &PERIODONTAL_GRADE;
        /// What was measured at its sites.
        optional sites: Vec<PeriodontalSite> = "sites", &PERIODONTAL_SITE_LIST;
    }
}

structure! {
    /// What was measured at one site. Health information: it is never formatted.
    PeriodontalSite = "PeriodontalSite" sensitive {
        /// The site.
        required site: PeriodontalSiteName = "site", PeriodontalSiteName::SHAPE;
        /// Probing depth in millimetres, 0 to 15.
        optional probing_depth: i32 = "probingDepth", &PROBING_DEPTH_MM;
        /// Recession in millimetres, -5 to 15.
        optional recession: i32 = "recession", &RECESSION_MM;
        /// Whether it bled.
        optional bleeding: bool = "bleeding", &BOOLEAN;
        /// Whether there was pus.
        optional suppuration: bool = "suppuration", &BOOLEAN;
    }
}

structure! {
    /// What a person should look at. Health information: it is never formatted.
    PeriodontalReview = "PeriodontalReview" sensitive {
        /// Why.
        required reason: PeriodontalReviewReason = "reason", PeriodontalReviewReason::SHAPE;
        /// The tooth, 1 to 32.
        optional tooth_number: i32 = "toothNumber", &TOOTH_NUMBER;
        /// The sites.
        optional sites: Vec<PeriodontalSiteName> = "sites", &PERIODONTAL_SITE_NAME_LIST;
    }
}

enumeration! {
    /// A site of a tooth.
    PeriodontalSiteName = "PeriodontalSiteName" {
        /// Distobuccal.
        Db = "DB",
        /// Buccal.
        B = "B",
        /// Mesiobuccal.
        Mb = "MB",
        /// Distolingual.
        Dl = "DL",
        /// Lingual.
        L = "L",
        /// Mesiolingual.
        Ml = "ML",
    }
}

enumeration! {
    /// Why a person should look.
    PeriodontalReviewReason = "PeriodontalReviewReason" {
        /// A site was not charted.
        SiteNotCharted = "SITE_NOT_CHARTED",
        /// A value was not charted.
        ValueNotCharted = "VALUE_NOT_CHARTED",
        /// The count of readings does not match.
        ReadingCountMismatch = "READING_COUNT_MISMATCH",
        /// A line was unclear.
        LineUnclear = "LINE_UNCLEAR",
        /// A tooth was unclear.
        ToothUnclear = "TOOTH_UNCLEAR",
        /// Readings for a tooth that is missing.
        MissingToothConflict = "MISSING_TOOTH_CONFLICT",
        /// A measurement was not charted.
        MeasurementNotCharted = "MEASUREMENT_NOT_CHARTED",
        /// Something was wrong with the session.
        SessionIssue = "SESSION_ISSUE",
    }
}

scalars! {
    /// The checklists of a session.
    CHECKLIST_LIST = "ChecklistList": list(ChecklistSection::SHAPE, 0, 20);
    /// The items of a checklist.
    CHECKLIST_ITEM_LIST = "ChecklistItemList": list(ChecklistItem::SHAPE, 0, 100);
    /// The teeth of a chart.
    PERIODONTAL_TOOTH_LIST = "PeriodontalToothList": list(PeriodontalTooth::SHAPE, 0, 32);
    /// The sites of a tooth.
    PERIODONTAL_SITE_LIST = "PeriodontalSiteList": list(PeriodontalSite::SHAPE, 0, 6);
    /// The names of sites.
    PERIODONTAL_SITE_NAME_LIST = "PeriodontalSiteNameList": list(PeriodontalSiteName::SHAPE, 0, 6);
    /// What a person should look at.
    PERIODONTAL_REVIEW_LIST = "PeriodontalReviewList": list(PeriodontalReview::SHAPE, 0, 100);
}
