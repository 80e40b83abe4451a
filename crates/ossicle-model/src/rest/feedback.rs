//! Feedback on what the service made.

use crate::scalars::*;

structure! {
    /// What a clinician made of what the service had made.
    SubmitFeedbackInput = "SubmitFeedbackRequest" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// The session or job that made it.
        required artifact_source_id: String = "artifactSourceId", &ARTIFACT_SOURCE_ID;
        /// The subscription.
        optional subscription_id: String = "subscriptionId", &SUBSCRIPTION_ID;
        /// What it is.
        required artifact_type: FeedbackArtifactType = "artifactType", FeedbackArtifactType::SHAPE;
        /// What the clinician signed, in S3.
        required signed_artifact_s3_uri: String = "signedArtifactS3Uri", &S3_URI;
        /// What the service made, in S3.
        optional generated_artifact_s3_uri: String = "generatedArtifactS3Uri", &S3_URI;
        /// The clinician's comments.
        optional comments: String = "comments", &FEEDBACK_COMMENTS;
        /// Makes the call safe to repeat; a random one is filled in when it is absent.
        optional client_token: String = "clientToken", &IDEMPOTENCY_TOKEN, token;
    }
}

enumeration! {
    /// What the feedback is on.
    FeedbackArtifactType = "FeedbackArtifactType" {
        /// A clinical document.
        ClinicalDoc = "CLINICAL_DOC",
        /// Medical codes.
        MedicalCodes = "MEDICAL_CODES",
    }
}

structure! {
    /// The feedback was taken.
    SubmitFeedbackOutput = "SubmitFeedbackResponse" {
    }
}
