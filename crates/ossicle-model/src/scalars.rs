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

    /// The key of a tag.
    TAG_KEY = "TagKey": string(1, 128);
    /// The value of a tag.
    TAG_VALUE = "TagValue": string(0, 256);
    /// The keys of tags.
    TAG_KEY_LIST = "TagKeyList": list(&TAG_KEY, 1, 50);
    /// The id of what made an artefact.
    ARTIFACT_SOURCE_ID = "ArtifactSourceId": string(36, 36, "[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}");
    /// A name of plain characters.
    BOUNDED_SAFE_STRING = "BoundedSafeString": string(1, 1028, r"[\x20-\x21\x23\x24\x2A-\x3A\x3F-\x7E]*");
    /// Why a patient comes, for codes.
    CODES_ENCOUNTER_REASON = "MedicalCodesEncounterContextEncounterReasonString" sensitive: string(0, 256, "[a-zA-Z0-9 .,-]+");
    /// The most datasets of a page.
    DATASETS_PAGE = "ListDatasetsInputMaxResultsInteger": integer(1, 100);
    /// The ARN of a dataset.
    DATASET_ARN = "DatasetArn": string(r"arn:aws[a-z\-]*:[a-z0-9\-]+:[a-z0-9\-]*:[0-9]{12}:.+");
    /// Makes the making of a dataset safe to repeat.
    DATASET_CLIENT_TOKEN = "CreateDatasetInputClientTokenString": string(1, 128, r"[\x21-\x7E]+");
    /// The id of a dataset.
    DATASET_ID = "DatasetId": string(1, 64, "[a-z0-9]{1,64}");
    /// More about a dataset's status, in the service's words, which may quote what it was sent.
    DATASET_STATUS_DETAILS = "BoundedSafeString" sensitive: string(1, 1028, r"[\x20-\x21\x23\x24\x2A-\x3A\x3F-\x7E]*");
    /// The most domains of a page.
    DOMAINS_PAGE = "ListDomainsInputMaxResultsInteger": integer(1, 100);
    /// The ARN of a domain.
    DOMAIN_ARN = "DomainArn": string("arn:aws:health-agent:[a-z0-9-]+:[0-9]{12}:domain/(hai-|dom-)[a-z0-9]+");
    /// The name of a domain.
    DOMAIN_NAME = "DomainName": string(1, 64);
    /// The role through which the health record is reached.
    EHR_ROLE = "WebAppConfigurationEhrRoleString": string(1, 2048, "arn:aws:iam::[0-9]{12}:role/.+");
    /// How long an encounter lasts.
    ENCOUNTER_DURATION_MINUTES = "MedicalCodesEncounterContextEncounterDurationMinutesInteger" sensitive: integer(1, 1440);
    /// Why something failed, in the service's words, which may quote what it was sent.
    FAILURE_REASON = "ErrorMessage" sensitive: string(1, 2048, r"[\s\S]*");
    /// What a clinician says.
    FEEDBACK_COMMENTS = "FeedbackComments" sensitive: string(1, 4096);
    /// The address of a FHIR server.
    FHIR_ENDPOINT = "FHIRServerFhirEndpointString": string(r"https?://[a-zA-Z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+");
    /// The application in the Identity Center.
    IDC_APPLICATION_ID = "WebAppConfigurationIdcApplicationIdString": string(1, 256);
    /// The Identity Center instance of a new web application.
    IDC_INSTANCE_ID = "CreateWebAppConfigurationIdcInstanceIdString": string(1, 256);
    /// The region of the Identity Center.
    IDC_REGION = "WebAppConfigurationIdcRegionString": string(1, 64);
    /// Makes a call safe to repeat.
    IDEMPOTENCY_TOKEN = "IdempotencyToken": string(1, 128);
    /// Why a patient comes, for insights.
    INSIGHTS_ENCOUNTER_REASON = "PatientInsightsEncounterContextEncounterReasonString" sensitive: string(1, 256, "[a-zA-Z0-9 .,-]+");
    /// The ARN of a patient insights job.
    JOB_ARN = "JobArn": string(20, 200, "arn:aws[-a-z]*:health-agent:[-a-z0-9]+:[0-9]{12}:domain/[-a-zA-Z0-9-]+/patient-insights-job/[-a-zA-Z0-9_/.]+");
    /// The id of a job.
    JOB_ID = "JobId": string(1, 36);
    /// More about a job's status, in the service's words, which may quote what it was sent.
    JOB_STATUS_DETAILS = "NonEmptyString" sensitive: string(r".*[\s\S]*\S[\s\S]*.*");
    /// The ARN of a key.
    KMS_KEY_ARN = "KmsKeyArn": string("arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key/[a-f0-9-]+");
    /// The ARN of a medical coding job.
    MEDICAL_CODING_JOB_ARN = "MedicalCodingJobArn": string(20, 200, "arn:aws[-a-z]*:health-agent:[-a-z0-9]+:[0-9]{12}:domain/[-a-zA-Z0-9-]+/medical-coding-job/[-a-zA-Z0-9_/.]+");
    /// The role through which the health record is reached, for a new web application.
    NEW_EHR_ROLE = "CreateWebAppConfigurationEhrRoleString": string(1, 2048, "arn:aws:iam::[0-9]{12}:role/.+");
    /// The region of the Identity Center, for a new web application.
    NEW_IDC_REGION = "CreateWebAppConfigurationIdcRegionString": string(1, 64);
    /// Any string that is not blank.
    NON_EMPTY_STRING = "NonEmptyString": string(r".*[\s\S]*\S[\s\S]*.*");
    /// Health information or a secret that is not blank.
    SENSITIVE_NON_EMPTY_STRING = "SensitiveNonEmptyString" sensitive: string(r".*[\s\S]*\S[\s\S]*.*");
    /// The most subscriptions of a page.
    SUBSCRIPTIONS_PAGE = "ListSubscriptionsInputMaxResultsInteger": integer(1, 100);
    /// The ARN of a subscription.
    SUBSCRIPTION_ARN = "SubscriptionArn": string("arn:aws:health-agent:[a-z0-9-]+:[0-9]{12}:domain/(hai-|dom-)[a-z0-9]+/subscription/sub-[a-zA-Z0-9]{21}");
    /// Tags, by key.
    TAG_MAP = "TagMap": map(&TAG_KEY, &TAG_VALUE);
    /// An address.
    URI = "Uri": string(1, none, ".*(s3://|http(s*)://).+.*");
    /// The address of a web application.
    WEB_APP_URL = "WebAppUrl": string();
}
