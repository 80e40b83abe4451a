//! Datasets, which medical coding can be measured against.

use crate::scalars::*;
use crate::shape::Shaped;
use crate::times::Timestamp;

structure! {
    /// Asks for a new dataset.
    CreateDatasetInput = "CreateDatasetInput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// The name.
        required name: String = "name", &BOUNDED_SAFE_STRING;
        /// What it is made of.
        required config: DatasetConfig = "config", DatasetConfig::SHAPE;
        /// Makes the call safe to repeat; a random one is filled in when it is absent.
        optional client_token: String = "clientToken", &DATASET_CLIENT_TOKEN, token;
    }
}

union! {
    /// What a dataset is made of.
    DatasetConfig = "DatasetConfig" {
        /// For medical coding.
        MedicalCoding(MedicalCodingDatasetConfig) = "medicalCoding", MedicalCodingDatasetConfig::SHAPE;
    }
}

structure! {
    /// What a dataset for medical coding is made of.
    MedicalCodingDatasetConfig = "MedicalCodingDatasetConfig" {
        /// Where its input lies in S3.
        required s3_input_path: String = "s3InputPath", &S3_URI;
        /// Where the output goes in S3.
        required s3_output_path: String = "s3OutputPath", &S3_URI;
    }
}

structure! {
    /// The new dataset, which is being made.
    CreateDatasetOutput = "CreateDatasetOutput" {
        /// The resource's ARN.
        required arn: String = "arn", &DATASET_ARN;
        /// The dataset.
        required dataset_id: String = "datasetId", &DATASET_ID;
        /// What it is for.
        required r#type: DatasetType = "type", DatasetType::SHAPE;
        /// Where it is in its life.
        required status: DatasetStatus = "status", DatasetStatus::SHAPE;
        /// When it was made.
        required created_at: Timestamp = "createdAt", &TIMESTAMP;
    }
}

enumeration! {
    /// What a dataset is for.
    DatasetType = "DatasetType" {
        /// Medical coding.
        MedicalCoding = "MEDICAL_CODING",
    }
}

enumeration! {
    /// Where a dataset is in its life.
    DatasetStatus = "DatasetStatus" {
        /// Being made.
        Creating = "CREATING",
        /// In use.
        Active = "ACTIVE",
        /// Could not be made.
        CreateFailed = "CREATE_FAILED",
        /// Being deleted.
        Deleting = "DELETING",
        /// Could not be deleted.
        DeleteFailed = "DELETE_FAILED",
        /// Deleted.
        Deleted = "DELETED",
    }
}

structure! {
    /// Asks for a dataset.
    GetDatasetInput = "GetDatasetInput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// The dataset.
        required dataset_id: String = "datasetId", &DATASET_ID, label;
    }
}

structure! {
    /// A dataset.
    GetDatasetOutput = "GetDatasetOutput" {
        /// The resource's ARN.
        required arn: String = "arn", &DATASET_ARN;
        /// The dataset.
        required dataset_id: String = "datasetId", &DATASET_ID;
        /// The name.
        required name: String = "name", &BOUNDED_SAFE_STRING;
        /// What it is for.
        required r#type: DatasetType = "type", DatasetType::SHAPE;
        /// What it is made of.
        required config: DatasetConfig = "config", DatasetConfig::SHAPE;
        /// Where it is in its life.
        required status: DatasetStatus = "status", DatasetStatus::SHAPE;
        /// More about the status, in the service's words.
        optional status_details: String = "statusDetails", &DATASET_STATUS_DETAILS;
        /// What came out of making it.
        optional artifacts: DatasetArtifacts = "artifacts", DatasetArtifacts::SHAPE;
        /// When it was made.
        required created_at: Timestamp = "createdAt", &TIMESTAMP;
        /// When it last changed.
        required updated_at: Timestamp = "updatedAt", &TIMESTAMP;
    }
}

union! {
    /// What came out of making a dataset.
    DatasetArtifacts = "DatasetArtifacts" {
        /// For medical coding.
        MedicalCoding(MedicalCodingDatasetArtifacts) = "medicalCoding", MedicalCodingDatasetArtifacts::SHAPE;
    }
}

structure! {
    /// What came out of making a dataset for medical coding.
    MedicalCodingDatasetArtifacts = "MedicalCodingDatasetArtifacts" {
        /// The evaluation in S3.
        optional evaluation_s3_uri: String = "evaluationS3Uri", &S3_URI;
    }
}

structure! {
    /// Asks to delete a dataset that is active or failed.
    DeleteDatasetInput = "DeleteDatasetInput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// The dataset.
        required dataset_id: String = "datasetId", &DATASET_ID, label;
    }
}

structure! {
    /// The dataset that is being deleted.
    DeleteDatasetOutput = "DeleteDatasetOutput" {
        /// The resource's ARN.
        required arn: String = "arn", &DATASET_ARN;
        /// The dataset.
        required dataset_id: String = "datasetId", &DATASET_ID;
        /// Where it is in its life.
        required status: DatasetStatus = "status", DatasetStatus::SHAPE;
    }
}

structure! {
    /// Asks for a page of a domain's datasets.
    ListDatasetsInput = "ListDatasetsInput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// What it is for.
        optional r#type: DatasetType = "type", DatasetType::SHAPE, query;
        /// Where the next page begins; absent on the first and the last.
        optional next_token: String = "nextToken", &STRING, query;
        /// The most entries of a page, 1 to 100.
        optional max_results: i32 = "maxResults", &DATASETS_PAGE, query;
    }
}

structure! {
    /// A page of datasets.
    ListDatasetsOutput = "ListDatasetsOutput" {
        /// The datasets.
        required items: Vec<DatasetSummary> = "items", &DATASET_SUMMARY_LIST;
        /// Where the next page begins; absent on the first and the last.
        optional next_token: String = "nextToken", &STRING;
    }
}

structure! {
    /// A dataset in a list.
    DatasetSummary = "DatasetSummary" {
        /// The resource's ARN.
        required arn: String = "arn", &DATASET_ARN;
        /// The dataset.
        required dataset_id: String = "datasetId", &DATASET_ID;
        /// The name.
        required name: String = "name", &BOUNDED_SAFE_STRING;
        /// What it is for.
        required r#type: DatasetType = "type", DatasetType::SHAPE;
        /// Where it is in its life.
        required status: DatasetStatus = "status", DatasetStatus::SHAPE;
        /// More about the status, in the service's words.
        optional status_details: String = "statusDetails", &DATASET_STATUS_DETAILS;
        /// When it was made.
        required created_at: Timestamp = "createdAt", &TIMESTAMP;
        /// When it last changed.
        required updated_at: Timestamp = "updatedAt", &TIMESTAMP;
    }
}

scalars! {
    /// Datasets in a list.
    DATASET_SUMMARY_LIST = "DatasetSummaryList": list(DatasetSummary::SHAPE);
}
