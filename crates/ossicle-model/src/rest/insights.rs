//! Patient insights jobs: what a clinician reads before a visit.

use crate::rest::coding::JobStatus;
use crate::scalars::*;
use crate::shape::Shaped;
use crate::times::IsoTime;

structure! {
    /// Asks for insights about a patient.
    StartPatientInsightsJobInput = "StartPatientInsightsJobRequest" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// What is known about the patient.
        required patient_context: PatientInsightsPatientContext = "patientContext", PatientInsightsPatientContext::SHAPE;
        /// Which insights.
        required insights_context: InsightsContext = "insightsContext", InsightsContext::SHAPE;
        /// What is known about the encounter.
        required encounter_context: PatientInsightsEncounterContext = "encounterContext", PatientInsightsEncounterContext::SHAPE;
        /// Who will read them.
        required user_context: UserContext = "userContext", UserContext::SHAPE;
        /// Where the input comes from.
        required input_data_config: InputDataConfig = "inputDataConfig", InputDataConfig::SHAPE;
        /// Where the output goes.
        required output_data_config: OutputDataConfig = "outputDataConfig", OutputDataConfig::SHAPE;
        /// Makes the call safe to repeat; a random one is filled in when it is absent.
        optional client_token: String = "clientToken", &NON_EMPTY_STRING, token;
    }
}

structure! {
    /// Who the patient is. Health information: it is never formatted.
    PatientInsightsPatientContext = "PatientInsightsPatientContext" sensitive {
        /// The patient's id at the source.
        required patient_id: String = "patientId", &SENSITIVE_NON_EMPTY_STRING;
        /// The patient's date of birth, `YYYY-MM-DD`, not in the future.
        optional date_of_birth: String = "dateOfBirth", &SENSITIVE_DATE;
        /// The patient's pronouns.
        optional pronouns: Pronouns = "pronouns", Pronouns::SHAPE;
    }
}

enumeration! {
    /// A patient's pronouns.
    Pronouns = "Pronouns" sensitive {
        /// He, him.
        HeHim = "HE_HIM",
        /// She, her.
        SheHer = "SHE_HER",
        /// They, them.
        TheyThem = "THEY_THEM",
    }
}

structure! {
    /// Which insights.
    InsightsContext = "InsightsContext" {
        /// Which ones.
        required insights_type: InsightsType = "insightsType", InsightsType::SHAPE;
    }
}

enumeration! {
    /// Which insights.
    InsightsType = "InsightsType" {
        /// Before a visit.
        PreVisit = "PRE_VISIT",
    }
}

structure! {
    /// What the encounter is about. Health information: it is never formatted.
    PatientInsightsEncounterContext = "PatientInsightsEncounterContext" sensitive {
        /// Why the patient comes.
        required encounter_reason: String = "encounterReason", &INSIGHTS_ENCOUNTER_REASON;
    }
}

structure! {
    /// Who will read the insights.
    UserContext = "UserContext" {
        /// The reader's role.
        required role: ProviderRole = "role", ProviderRole::SHAPE;
        /// The reader's id.
        required user_id: String = "userId", &SENSITIVE_NON_EMPTY_STRING;
        /// The reader's specialty.
        optional specialty: Specialty = "specialty", Specialty::SHAPE;
    }
}

enumeration! {
    /// The role of who reads the insights.
    ProviderRole = "ProviderRole" {
        /// A clinician.
        Clinician = "CLINICIAN",
    }
}

enumeration! {
    /// The specialty of who reads the insights.
    Specialty = "Specialty" {
        /// Primary care.
        PrimaryCare = "PRIMARY_CARE",
    }
}

structure! {
    /// Where the patient's data comes from.
    InputDataConfig = "InputDataConfig" {
        /// A FHIR server.
        optional fhir_server: FhirServer = "fhirServer", FhirServer::SHAPE;
        /// Sources in S3, at most 10.
        optional s3_sources: Vec<S3Source> = "s3Sources", &S3_SOURCES;
    }
}

structure! {
    /// A FHIR server. Its token is never formatted.
    FhirServer = "FHIRServer" {
        /// The server's address.
        required fhir_endpoint: String = "fhirEndpoint", &FHIR_ENDPOINT;
        /// The token that the server takes. A secret.
        optional oauth_token: String = "oauthToken", &SENSITIVE_NON_EMPTY_STRING;
    }
}

structure! {
    /// A source in S3.
    S3Source = "S3Source" {
        /// The place in S3.
        required uri: String = "uri", &S3_URI;
    }
}

structure! {
    /// Where the insights go.
    OutputDataConfig = "OutputDataConfig" {
        /// Where the output goes in S3.
        required s3_output_path: String = "s3OutputPath", &S3_URI;
    }
}

structure! {
    /// The job that was started.
    StartPatientInsightsJobOutput = "StartPatientInsightsJobResponse" {
        /// The job's ARN.
        required job_arn: String = "jobArn", &JOB_ARN;
        /// The job.
        required job_id: String = "jobId", &JOB_ID;
        /// When the job was started.
        optional creation_time: IsoTime = "creationTime", &ISO_TIMESTAMP;
    }
}

structure! {
    /// Asks for a patient insights job.
    GetPatientInsightsJobInput = "GetPatientInsightsJobRequest" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// The job.
        required job_id: String = "jobId", &JOB_ID, label;
    }
}

structure! {
    /// A patient insights job.
    GetPatientInsightsJobOutput = "GetPatientInsightsJobResponse" {
        /// The job.
        required job_id: String = "jobId", &JOB_ID;
        /// The job's ARN.
        required job_arn: String = "jobArn", &JOB_ARN;
        /// Where the job is in its life.
        required job_status: JobStatus = "jobStatus", JobStatus::SHAPE;
        /// When the job was started.
        optional creation_time: IsoTime = "creationTime", &ISO_TIMESTAMP;
        /// When the job last changed.
        optional updated_time: IsoTime = "updatedTime", &ISO_TIMESTAMP;
        /// Where the insights are, once there are any.
        optional insights_output: InsightsOutput = "insightsOutput", InsightsOutput::SHAPE;
        /// More about the status, in the service's words.
        optional status_details: String = "statusDetails", &JOB_STATUS_DETAILS;
        /// What is known about the patient.
        required patient_context: PatientInsightsPatientContext = "patientContext", PatientInsightsPatientContext::SHAPE;
        /// Which insights.
        required insights_context: InsightsContext = "insightsContext", InsightsContext::SHAPE;
        /// What is known about the encounter.
        required encounter_context: PatientInsightsEncounterContext = "encounterContext", PatientInsightsEncounterContext::SHAPE;
        /// Who will read them.
        required user_context: UserContext = "userContext", UserContext::SHAPE;
        /// Where the input comes from.
        required input_data_config: InputDataConfig = "inputDataConfig", InputDataConfig::SHAPE;
        /// Where the output goes.
        required output_data_config: OutputDataConfig = "outputDataConfig", OutputDataConfig::SHAPE;
    }
}

structure! {
    /// Where the insights are.
    InsightsOutput = "InsightsOutput" {
        /// The place in S3.
        required uri: String = "uri", &S3_URI;
    }
}

scalars! {
    /// Sources in S3.
    S3_SOURCES = "S3Sources": list(S3Source::SHAPE, 0, 10);
}
