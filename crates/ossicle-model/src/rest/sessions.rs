//! Listening sessions, read from outside of their streams.

use crate::scalars::*;
use crate::stream::CustomTemplateBase;
use crate::stream::ManagedNoteTemplate;
use crate::stream::{CHANNEL_DEFINITIONS, ChannelDefinition};
use crate::times::Timestamp;

structure! {
    /// Asks for the details of a session.
    GetMedicalScribeListeningSessionInput = "GetMedicalScribeListeningSessionInput" {
        /// The session.
        required session_id: String = "sessionId", &SESSION_ID, label;
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// The subscription.
        required subscription_id: String = "subscriptionId", &SUBSCRIPTION_ID, label;
    }
}

structure! {
    /// The details of a session.
    GetMedicalScribeListeningSessionOutput = "GetMedicalScribeListeningSessionOutput" {
        /// The details.
        optional medical_scribe_listening_session_details: ListeningSessionDetails = "medicalScribeListeningSessionDetails", ListeningSessionDetails::SHAPE;
    }
}

structure! {
    /// The details of a session.
    ListeningSessionDetails = "MedicalScribeListeningSessionDetails" {
        /// The session.
        optional session_id: String = "sessionId", &SESSION_ID;
        /// The domain.
        optional domain_id: String = "domainId", &DOMAIN_ID;
        /// The subscription.
        optional subscription_id: String = "subscriptionId", &SUBSCRIPTION_ID;
        /// The language.
        optional language_code: SessionLanguageCode = "languageCode", SessionLanguageCode::SHAPE;
        /// The sample rate of the audio in Hz.
        optional media_sample_rate_hertz: i32 = "mediaSampleRateHertz", &SAMPLE_RATE_HZ;
        /// The encoding of the audio.
        optional media_encoding: SessionMediaEncoding = "mediaEncoding", SessionMediaEncoding::SHAPE;
        /// Who speaks on which channel.
        optional channel_definitions: Vec<ChannelDefinition> = "channelDefinitions", &CHANNEL_DEFINITIONS;
        /// What is made of the session.
        optional post_stream_action_settings: PostStreamActionSettingsResponse = "postStreamActionSettings", PostStreamActionSettingsResponse::SHAPE;
        /// What was made of the session.
        optional post_stream_action_result: PostStreamActionsResult = "postStreamActionResult", PostStreamActionsResult::SHAPE;
        /// Whether an encounter context was given.
        optional encounter_context_provided: bool = "encounterContextProvided", &NON_NULL_BOOLEAN;
        /// Whether a context for medical coding was given.
        optional medical_coding_context_provided: bool = "medicalCodingContextProvided", &NON_NULL_BOOLEAN;
        /// Where the session is in its life.
        optional stream_status: StreamStatus = "streamStatus", StreamStatus::SHAPE;
        /// When the session began.
        optional stream_creation_time: Timestamp = "streamCreationTime", &TIMESTAMP;
        /// When the session ended.
        optional stream_end_time: Timestamp = "streamEndTime", &TIMESTAMP;
    }
}

enumeration! {
    /// The language of a session, as the service reports it.
    SessionLanguageCode = "MedicalScribeLanguageCode" {
        /// English of the United States.
        EnUs = "en-US",
        /// More than one language.
        Multi = "multi",
    }
}

enumeration! {
    /// How a session's audio is encoded, as the service reports it.
    SessionMediaEncoding = "MedicalScribeMediaEncoding" {
        /// Signed 16-bit little-endian samples.
        Pcm = "pcm",
        /// FLAC.
        Flac = "flac",
    }
}

enumeration! {
    /// Where a session is in its life.
    StreamStatus = "MedicalScribeStreamStatus" {
        /// In progress.
        InProgress = "IN_PROGRESS",
        /// Paused: the same session id resumes it.
        Paused = "PAUSED",
        /// Failed.
        Failed = "FAILED",
        /// Ended; there is no more to come.
        Completed = "COMPLETED",
    }
}

structure! {
    /// What is made of a session after its end.
    PostStreamActionSettingsResponse = "MedicalScribePostStreamActionSettingsResponse" {
        /// The folder in S3 under which the results lie.
        required output_s3_uri: String = "outputS3Uri", &S3_URI;
        /// How the clinical note is made.
        required clinical_note_generation_settings: ClinicalNoteGenerationSettingsResponse = "clinicalNoteGenerationSettings", ClinicalNoteGenerationSettingsResponse::SHAPE;
        /// Whether medical codes are made.
        optional medical_code_generation_settings: MedicalCodeGenerationSettingsResponse = "medicalCodeGenerationSettings", MedicalCodeGenerationSettingsResponse::SHAPE;
    }
}

structure! {
    /// How the clinical note is made.
    ClinicalNoteGenerationSettingsResponse = "ClinicalNoteGenerationSettingsResponse" {
        /// The note's template.
        optional note_template_settings: NoteTemplateSettingsResponse = "noteTemplateSettings", NoteTemplateSettingsResponse::SHAPE;
    }
}

union! {
    /// The template of the clinical note.
    NoteTemplateSettingsResponse = "NoteTemplateSettingsResponse" {
        /// A template of the service.
        ManagedTemplate(ManagedTemplateResponse) = "managedTemplate", ManagedTemplateResponse::SHAPE;
        /// A template with instructions of one's own.
        CustomTemplate(CustomTemplateResponse) = "customTemplate", CustomTemplateResponse::SHAPE;
    }
}

structure! {
    /// A template of the service.
    ManagedTemplateResponse = "ManagedTemplateResponse" {
        /// Which template.
        optional template_type: ManagedNoteTemplate = "templateType", ManagedNoteTemplate::SHAPE;
    }
}

structure! {
    /// A template with instructions of one's own; they are not given back.
    CustomTemplateResponse = "CustomTemplateResponse" {
        /// Which template.
        optional template_type: CustomTemplateBase = "templateType", CustomTemplateBase::SHAPE;
    }
}

structure! {
    /// Whether medical codes are made.
    MedicalCodeGenerationSettingsResponse = "MedicalCodeGenerationSettingsResponse" {
        /// Whether they are.
        optional enabled: bool = "enabled", &NON_NULL_BOOLEAN;
    }
}

structure! {
    /// What was made of a session after its end.
    PostStreamActionsResult = "MedicalScribePostStreamActionsResult" {
        /// The documents.
        optional clinical_note_generation_result: ClinicalNoteGenerationResult = "clinicalNoteGenerationResult", ClinicalNoteGenerationResult::SHAPE;
        /// The medical codes.
        optional medical_code_generation_result: MedicalCodeGenerationResult = "medicalCodeGenerationResult", MedicalCodeGenerationResult::SHAPE;
    }
}

structure! {
    /// The documents of a session.
    ClinicalNoteGenerationResult = "ClinicalNoteGenerationResult" {
        /// The clinical note.
        optional note_result: ArtifactDetails = "noteResult", ArtifactDetails::SHAPE;
        /// The transcript.
        optional transcript_result: ArtifactDetails = "transcriptResult", ArtifactDetails::SHAPE;
        /// The summary for the patient.
        optional after_visit_summary_result: ArtifactDetails = "afterVisitSummaryResult", ArtifactDetails::SHAPE;
    }
}

structure! {
    /// One document: whether it is there, and where.
    ArtifactDetails = "ArtifactDetails" {
        /// Where the document is.
        optional output_location: String = "outputLocation", &URI;
        /// Whether it is there.
        optional status: ArtifactStatus = "status", ArtifactStatus::SHAPE;
        /// Why it failed, in the service's words.
        optional failure_reason: String = "failureReason", &FAILURE_REASON;
    }
}

enumeration! {
    /// Whether a document of a session is there.
    ArtifactStatus = "PostStreamArtifactGenerationStatus" {
        /// In progress.
        InProgress = "IN_PROGRESS",
        /// Failed.
        Failed = "FAILED",
        /// Ended; there is no more to come.
        Completed = "COMPLETED",
        /// Waiting to be made.
        Pending = "PENDING",
        /// Not made, since it was not asked for or there was nothing to make it of.
        Skipped = "SKIPPED",
    }
}

structure! {
    /// The medical codes of a session.
    MedicalCodeGenerationResult = "MedicalCodeGenerationResult" {
        /// The codes.
        optional medical_codes_result: ArtifactDetails = "medicalCodesResult", ArtifactDetails::SHAPE;
        /// The job.
        optional job_id: String = "jobId", &JOB_ID;
    }
}
