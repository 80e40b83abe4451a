//! The events that a client sends.

/// The value of `:message-type` of every event.
pub const MESSAGE_TYPE_EVENT: &str = "event";
/// The value of `:message-type` of an exception.
pub const MESSAGE_TYPE_EXCEPTION: &str = "exception";
/// The value of `:message-type` of an error that is not modelled.
pub const MESSAGE_TYPE_ERROR: &str = "error";

/// The content type of events with a JSON payload.
pub const CONTENT_TYPE_JSON: &str = "application/json";
/// The content type of events with raw bytes.
pub const CONTENT_TYPE_OCTETS: &str = "application/octet-stream";

/// The payload of a `sessionControlEvent` that ends the session and starts note generation. It cannot be resumed
/// afterwards.
pub const END_OF_SESSION_JSON: &[u8] = br#"{"type":"END_OF_SESSION"}"#;

/// What stands before the base64 of the audio in an `audioEvent`'s payload.
pub const AUDIO_EVENT_JSON_HEAD: &[u8] = br#"{"audioChunk":""#;
/// What stands after the base64 of the audio in an `audioEvent`'s payload.
pub const AUDIO_EVENT_JSON_TAIL: &[u8] = br#""}"#;

/// The kind of an event up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpKind {
    /// The session's configuration, once and first.
    Configuration,
    /// Audio as base64 in JSON: the form of the first version of the service.
    Audio,
    /// Audio as raw bytes.
    BinaryAudio,
    /// The end of the session.
    SessionControl,
}

impl UpKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Configuration, Self::Audio, Self::BinaryAudio, Self::SessionControl];

    /// The value of `:event-type`.
    pub const fn event_type(self) -> &'static str {
        match self {
            Self::Configuration => "configurationEvent",
            Self::Audio => "audioEvent",
            Self::BinaryAudio => "binaryAudioEvent",
            Self::SessionControl => "sessionControlEvent",
        }
    }

    /// The value of `:content-type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::BinaryAudio => CONTENT_TYPE_OCTETS,
            Self::Configuration | Self::Audio | Self::SessionControl => CONTENT_TYPE_JSON,
        }
    }

    /// The kind of this `:event-type`.
    pub fn from_event_type(event_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.event_type() == event_type)
    }
}
