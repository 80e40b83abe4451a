//! The shapes of strings, numbers, lists and maps with their limits.

use crate::limits;

scalars! {
    /// Any string.
    STRING = "String": string();
    /// A truth value.
    BOOLEAN = "Boolean": boolean();
    /// A truth value that is never null.
    NON_NULL_BOOLEAN = "NonNullBoolean": boolean();
    /// A 64-bit integer.
    LONG = "Long": long();
    /// A point in time, in seconds since 1970.
    TIMESTAMP = "Timestamp": epoch_seconds();
    /// A point in time, as a string.
    ISO_TIMESTAMP = "SyntheticTimestamp_date_time": iso8601();

    /// The id of a domain.
    DOMAIN_ID = "DomainId": string(20, 25, "(hai-|dom-)[a-z0-9]+");
    /// The id of a subscription.
    SUBSCRIPTION_ID = "SubscriptionId": string(25, 25, "sub-[a-zA-Z0-9]{21}");
    /// The id of a listening session, a UUID that the caller makes.
    SESSION_ID = "SessionId": string(36, 36, ".*[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}.*");
    /// The id of a request.
    REQUEST_ID = "RequestId": string(1, 256);
    /// The sample rate of a session's audio.
    SAMPLE_RATE_HZ = "MedicalScribeMediaSampleRateHertz":
        integer(limits::SAMPLE_RATE_HZ_MIN as i64, limits::SAMPLE_RATE_HZ_MAX as i64);
    /// The index of a channel.
    CHANNEL_ID = "MedicalScribeChannelId": integer(0, 1);
    /// A place in S3.
    S3_URI = "S3Uri": string(0, 1024, r"s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?");
    /// Health information as text, of the characters that the service takes.
    SENSITIVE_MARKDOWN = "SensitiveMarkdownString" sensitive:
        string(r#"[\p{L}\p{N}\s\*_\-#\[\]\(\)\.,:;!?'"`<>~/|+=&%@\\{}^]+"#);
    /// The header of a template's section.
    SECTION_HEADER = "SensitiveSectionHeaderString" sensitive: string("[a-zA-Z0-9_]+");
    /// A day, as `YYYY-MM-DD`.
    SENSITIVE_DATE = "SensitiveIsoDateString" sensitive: string(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])");
    /// Why a patient came, for coding.
    CODING_CONTEXT_REASON = "MedicalCodingContextEncounterReasonString" sensitive: string(0, 256, "[a-zA-Z0-9 .,-]+");
    /// Bytes of audio.
    AUDIO_CHUNK = "AudioChunk" sensitive: blob();
    /// Seconds from the start of the audio.
    AUDIO_OFFSET = "AudioOffset": double();
    /// What was said: health information, though the model does not say so.
    TRANSCRIPT_TEXT = "String" sensitive: string();
    /// A message of the service, which may quote what it was sent.
    SERVICE_MESSAGE = "String" sensitive: string();
    /// The id of a checklist.
    CHECKLIST_ID = "ChecklistId": string(1, 128);
    /// The key of a checklist's item.
    CHECKLIST_ITEM_KEY = "ChecklistItemKey" sensitive: string(1, 128);
    /// A depth in millimetres.
    PROBING_DEPTH_MM = "PeriodontalProbingDepthMillimeters": integer(0, 15);
    /// A recession in millimetres.
    RECESSION_MM = "PeriodontalRecessionMillimeters": integer(-5, 15);
    /// A grade of mobility or furcation.
    PERIODONTAL_GRADE = "PeriodontalGrade": integer(0, 3);
    /// The number of a tooth.
    TOOTH_NUMBER = "PeriodontalToothNumber": integer(1, 32);
}
