//! The shapes of the streaming operation that have no type here: their members travel in headers and in events.

use super::{Checklist, Configuration, PeriodontalChart, TranscriptEvent};
use super::{
    HEADER_DOMAIN_ID, HEADER_LANGUAGE_CODE, HEADER_MEDIA_ENCODING, HEADER_REQUEST_ID, HEADER_SAMPLE_RATE,
    HEADER_SESSION_ID, HEADER_SUBSCRIPTION_ID,
};
use crate::ids::{LanguageCode, MediaEncoding};
use crate::rest::ERROR_BODY;
use crate::scalars::*;
use crate::shape::{Kind, Member, Place, Shape, Shaped};

const fn member(name: &'static str, shape: &'static Shape, required: bool, place: Place) -> Member {
    Member { name, shape, required, place }
}

const fn structure(name: &'static str, members: &'static [Member]) -> Shape {
    Shape { name, sensitive: false, kind: Kind::Structure { members } }
}

/// The input of the streaming operation.
pub static STREAM_INPUT: Shape = structure(
    "StartMedicalScribeListeningSessionInput",
    &[
        member("sessionId", &SESSION_ID, true, Place::Header(HEADER_SESSION_ID)),
        member("domainId", &DOMAIN_ID, true, Place::Header(HEADER_DOMAIN_ID)),
        member("subscriptionId", &SUBSCRIPTION_ID, true, Place::Header(HEADER_SUBSCRIPTION_ID)),
        member("languageCode", LanguageCode::SHAPE, true, Place::Header(HEADER_LANGUAGE_CODE)),
        member("mediaSampleRateHertz", &SAMPLE_RATE_HZ, true, Place::Header(HEADER_SAMPLE_RATE)),
        member("mediaEncoding", MediaEncoding::SHAPE, true, Place::Header(HEADER_MEDIA_ENCODING)),
        member("inputStream", &UP_EVENTS, false, Place::Events),
    ],
);

/// The output of the streaming operation.
pub static STREAM_OUTPUT: Shape = structure(
    "StartMedicalScribeListeningSessionOutput",
    &[
        member("sessionId", &SESSION_ID, false, Place::Header(HEADER_SESSION_ID)),
        member("domainId", &DOMAIN_ID, false, Place::Header(HEADER_DOMAIN_ID)),
        member("subscriptionId", &SUBSCRIPTION_ID, false, Place::Header(HEADER_SUBSCRIPTION_ID)),
        member("requestId", &REQUEST_ID, false, Place::Header(HEADER_REQUEST_ID)),
        member("languageCode", LanguageCode::SHAPE, false, Place::Header(HEADER_LANGUAGE_CODE)),
        member("mediaSampleRateHertz", &SAMPLE_RATE_HZ, false, Place::Header(HEADER_SAMPLE_RATE)),
        member("mediaEncoding", MediaEncoding::SHAPE, false, Place::Header(HEADER_MEDIA_ENCODING)),
        member("responseStream", &DOWN_EVENTS, false, Place::Events),
    ],
);

/// The events up.
pub static UP_EVENTS: Shape = structure(
    "MedicalScribeInputStream",
    &[
        member("audioEvent", &AUDIO_EVENT, false, Place::Body),
        member("binaryAudioEvent", &BINARY_AUDIO_EVENT, false, Place::Body),
        member("sessionControlEvent", &SESSION_CONTROL_EVENT, false, Place::Body),
        member("configurationEvent", Configuration::SHAPE, false, Place::Body),
    ],
);

/// The events down.
pub static DOWN_EVENTS: Shape = structure(
    "MedicalScribeOutputStream",
    &[
        member("transcriptEvent", TranscriptEvent::SHAPE, false, Place::Body),
        member("internalFailureException", &ERROR_BODY, false, Place::Body),
        member("validationException", &ERROR_BODY, false, Place::Body),
        member("periodontalChartEvent", PeriodontalChart::SHAPE, false, Place::Body),
        member("checklistEvent", Checklist::SHAPE, false, Place::Body),
    ],
);

/// The `audioEvent`.
pub static AUDIO_EVENT: Shape =
    structure("MedicalScribeAudioEvent", &[member("audioChunk", &AUDIO_CHUNK, true, Place::Body)]);

/// The `binaryAudioEvent`, whose one member is the payload itself.
pub static BINARY_AUDIO_EVENT: Shape =
    structure("MedicalScribeBinaryAudioEvent", &[member("audioChunk", &AUDIO_CHUNK, true, Place::Body)]);

/// The `sessionControlEvent`.
pub static SESSION_CONTROL_EVENT: Shape = structure(
    "MedicalScribeSessionControlEvent",
    &[member("type", &SESSION_CONTROL_EVENT_TYPE, false, Place::Body)],
);

/// What a `sessionControlEvent` says.
pub static SESSION_CONTROL_EVENT_TYPE: Shape = Shape {
    name: "MedicalScribeSessionControlEventType",
    sensitive: false,
    kind: Kind::Enumeration { values: &["END_OF_SESSION"] },
};
