//! Medical coding jobs.

use crate::scalars::*;
use crate::stream::EncounterType;
use crate::stream::PatientStatus;
use crate::stream::Sex;
use crate::times::IsoTime;

structure! {
    /// Asks for the medical codes of a clinical text.
    StartMedicalCodingJobInput = "StartMedicalCodingJobRequest" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// The clinical text.
        required text: String = "text", &SENSITIVE_NON_EMPTY_STRING;
        /// What is known about the patient.
        optional patient_context: MedicalCodesPatientContext = "patientContext", MedicalCodesPatientContext::SHAPE;
        /// What is known about the encounter.
        optional encounter_context: MedicalCodesEncounterContext = "encounterContext", MedicalCodesEncounterContext::SHAPE;
        /// Where the output goes.
        required output_data_config: MedicalCodingOutputDataConfig = "outputDataConfig", MedicalCodingOutputDataConfig::SHAPE;
        /// The dataset.
        optional dataset_id: String = "datasetId", &DATASET_ID;
        /// Makes the call safe to repeat; a random one is filled in when it is absent.
        optional client_token: String = "clientToken", &NON_EMPTY_STRING, token;
    }
}

structure! {
    /// What is known about the patient. Health information: it is never formatted.
    MedicalCodesPatientContext = "MedicalCodesPatientContext" sensitive {
        /// The patient's sex.
        optional sex: Sex = "sex", Sex::SHAPE;
        /// Whether the patient is new.
        optional status: PatientStatus = "status", PatientStatus::SHAPE;
        /// The patient's date of birth, `YYYY-MM-DD`, not in the future.
        optional date_of_birth: String = "dateOfBirth", &SENSITIVE_DATE;
        /// The patient's insurance.
        optional insurance: String = "insurance", &SENSITIVE_NON_EMPTY_STRING;
    }
}

structure! {
    /// What is known about the encounter. Health information: it is never formatted.
    MedicalCodesEncounterContext = "MedicalCodesEncounterContext" sensitive {
        /// How they meet.
        optional encounter_type: EncounterType = "encounterType", EncounterType::SHAPE;
        /// Why the patient comes.
        optional encounter_reason: String = "encounterReason", &CODES_ENCOUNTER_REASON;
        /// Whether it is after hours.
        optional after_hours: bool = "afterHours", &BOOLEAN;
        /// The date, `YYYY-MM-DD`, at most one day in the future.
        optional encounter_date: String = "encounterDate", &SENSITIVE_DATE;
        /// How long it lasts, in minutes, 1 to 1440.
        optional encounter_duration_minutes: i32 = "encounterDurationMinutes", &ENCOUNTER_DURATION_MINUTES;
    }
}

structure! {
    /// Where the codes go.
    MedicalCodingOutputDataConfig = "MedicalCodingOutputDataConfig" {
        /// Where the output goes in S3.
        required s3_output_path: String = "s3OutputPath", &S3_URI;
    }
}

structure! {
    /// The job that was started.
    StartMedicalCodingJobOutput = "StartMedicalCodingJobResponse" {
        /// The job's ARN.
        required job_arn: String = "jobArn", &MEDICAL_CODING_JOB_ARN;
        /// The job.
        required job_id: String = "jobId", &JOB_ID;
        /// When the job was started.
        optional creation_time: IsoTime = "creationTime", &ISO_TIMESTAMP;
    }
}

enumeration! {
    /// Where a job is in its life.
    JobStatus = "JobStatus" {
        /// Waiting to be run.
        Submitted = "SUBMITTED",
        /// In progress.
        InProgress = "IN_PROGRESS",
        /// Failed.
        Failed = "FAILED",
        /// Done.
        Succeeded = "SUCCEEDED",
    }
}

structure! {
    /// Asks for a medical coding job.
    GetMedicalCodingJobInput = "GetMedicalCodingJobRequest" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// The job.
        required job_id: String = "jobId", &JOB_ID, label;
    }
}

structure! {
    /// A medical coding job.
    GetMedicalCodingJobOutput = "GetMedicalCodingJobResponse" {
        /// The job.
        required job_id: String = "jobId", &JOB_ID;
        /// The job's ARN.
        required job_arn: String = "jobArn", &MEDICAL_CODING_JOB_ARN;
        /// Where the job is in its life.
        required job_status: JobStatus = "jobStatus", JobStatus::SHAPE;
        /// When the job was started.
        optional creation_time: IsoTime = "creationTime", &ISO_TIMESTAMP;
        /// When the job last changed.
        optional updated_time: IsoTime = "updatedTime", &ISO_TIMESTAMP;
        /// The clinical text.
        required text: String = "text", &SENSITIVE_NON_EMPTY_STRING;
        /// What is known about the patient.
        optional patient_context: MedicalCodesPatientContext = "patientContext", MedicalCodesPatientContext::SHAPE;
        /// What is known about the encounter.
        optional encounter_context: MedicalCodesEncounterContext = "encounterContext", MedicalCodesEncounterContext::SHAPE;
        /// Where the output goes.
        required output_data_config: MedicalCodingOutputDataConfig = "outputDataConfig", MedicalCodingOutputDataConfig::SHAPE;
        /// The dataset.
        optional dataset_id: String = "datasetId", &DATASET_ID;
        /// Where the codes are, once there are any.
        optional medical_coding_output: MedicalCodingOutput = "medicalCodingOutput", MedicalCodingOutput::SHAPE;
        /// More about the status, in the service's words.
        optional status_details: String = "statusDetails", &JOB_STATUS_DETAILS;
    }
}

structure! {
    /// Where the codes are.
    MedicalCodingOutput = "MedicalCodingOutput" {
        /// The place in S3.
        required uri: String = "uri", &S3_URI;
    }
}
