//! The request that opens a stream.

use std::borrow::Cow;

use crate::ids::{DomainId, LanguageCode, MediaEncoding, MediaSampleRate, SessionUuid, SubscriptionId};

/// The path of the streaming operation. The model has a trailing slash; the official Rust client sends none.
pub const STREAM_PATH: &str = "/medical-scribe-stream";

/// The content type of both directions.
pub const STREAM_CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// What is put before the service's host for this operation; never before a custom endpoint.
pub const STREAM_HOST_PREFIX: &str = "streaming.";

/// The header of the session's id.
pub const HEADER_SESSION_ID: &str = "x-amzn-medscribe-session-id";
/// The header of the domain's id.
pub const HEADER_DOMAIN_ID: &str = "x-amzn-medscribe-domain-id";
/// The header of the subscription's id.
pub const HEADER_SUBSCRIPTION_ID: &str = "x-amzn-medscribe-subscription-id";
/// The header of the language.
pub const HEADER_LANGUAGE_CODE: &str = "x-amzn-medscribe-language-code";
/// The header of the sample rate in Hz.
pub const HEADER_SAMPLE_RATE: &str = "x-amzn-medscribe-sample-rate";
/// The header of the audio's encoding.
pub const HEADER_MEDIA_ENCODING: &str = "x-amzn-medscribe-media-encoding";
/// The header of a stream's response with the id of the request.
pub const HEADER_REQUEST_ID: &str = "x-amzn-request-id";

/// The parameters that open a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRequest {
    /// The session: new, or one to resume.
    pub session_id: SessionUuid,
    /// The domain.
    pub domain_id: DomainId,
    /// The subscription, which must be active.
    pub subscription_id: SubscriptionId,
    /// The language.
    pub language_code: LanguageCode,
    /// The sample rate of the audio.
    pub sample_rate: MediaSampleRate,
    /// The encoding of the audio.
    pub media_encoding: MediaEncoding,
}

impl StreamRequest {
    /// The six headers, in the order of the model.
    pub fn headers(&self) -> [(&'static str, Cow<'_, str>); 6] {
        [
            (HEADER_SESSION_ID, Cow::Borrowed(self.session_id.as_str())),
            (HEADER_DOMAIN_ID, Cow::Borrowed(self.domain_id.as_str())),
            (HEADER_SUBSCRIPTION_ID, Cow::Borrowed(self.subscription_id.as_str())),
            (HEADER_LANGUAGE_CODE, Cow::Borrowed(self.language_code.as_str())),
            (HEADER_SAMPLE_RATE, Cow::Owned(self.sample_rate.to_string())),
            (HEADER_MEDIA_ENCODING, Cow::Borrowed(self.media_encoding.as_str())),
        ]
    }
}
