//! The table of operations.

use super::*;
use crate::scalars;
use crate::shape::{Kind, Place, Shape, Shaped};
use crate::stream::{STREAM_INPUT, STREAM_OUTPUT};

/// What is known about one operation of the service.
#[derive(Debug)]
pub struct Operation {
    /// The operation's name in the service's model.
    pub name: &'static str,
    /// What is put before the service's host, such as `runtime.`; "" for nothing. Never before a custom endpoint.
    pub host_prefix: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path, with `{member}` where a member of the input goes.
    pub path: &'static str,
    /// The status of a success.
    pub status: u16,
    /// The input's shape.
    pub input: &'static Shape,
    /// The output's shape, or none when there is no body.
    pub output: Option<&'static Shape>,
    /// The errors that the service may answer.
    pub errors: &'static [&'static ErrorShape],
}

impl Operation {
    /// Whether a request has a body: whether any member of the input travels in one.
    pub fn has_body(&self) -> bool {
        self.input.members().iter().any(|member| matches!(member.place, Place::Body | Place::Token))
    }
}

/// An error of the service.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorShape {
    /// The error's name, which is also its code on the wire.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// Whether it says that there were too many calls.
    pub throttling: bool,
}

macro_rules! errors {
    ($($(#[$meta:meta])* $name:ident = $shape:literal $status:literal $($retryable:ident)*;)*) => {
        /// The errors of the service.
        pub mod errors {
            use super::ErrorShape;

            $(
                $(#[$meta])*
                #[allow(non_upper_case_globals, reason = "named in the table as the service names it")]
                pub static $name: ErrorShape = ErrorShape {
                    name: $shape,
                    status: $status,
                    retryable: errors!(@has retryable $($retryable)*),
                    throttling: errors!(@has throttling $($retryable)*),
                };
            )*

            /// All of them.
            pub static ALL: &[&ErrorShape] = &[$(&$name,)*];
        }
    };
    (@has retryable) => { false };
    (@has retryable retryable $($rest:ident)*) => { true };
    (@has throttling) => { false };
    (@has throttling retryable) => { false };
    (@has throttling retryable throttling) => { true };
}

errors! {
    /// The caller may not do this.
    AccessDenied = "AccessDeniedException" 401;
    /// What is asked for does not fit the state of things.
    Conflict = "ConflictException" 409;
    /// The service failed.
    Internal = "InternalServerException" 500 retryable;
    /// There is no such thing.
    NotFound = "ResourceNotFoundException" 404;
    /// A quota of the account is used up.
    QuotaExceeded = "ServiceQuotaExceededException" 402;
    /// There were too many calls.
    Throttling = "ThrottlingException" 429 retryable throttling;
    /// The input breaks a rule.
    Validation = "ValidationException" 400;
}

/// An input of an operation.
pub trait Request: Shaped + serde::Serialize {
    /// What the operation answers.
    type Output: Answer;

    /// The operation.
    const OPERATION: &'static Operation;
}

/// An output of an operation: `()` where there is no body.
pub trait Answer: Sized {
    /// Reads the body of a success. An empty body stands for `{}`.
    ///
    /// # Errors
    /// [`Invalid`](crate::Invalid) with the path of the member that is missing or of the wrong type.
    fn read(body: &[u8]) -> Result<Self, crate::Invalid>;
}

impl Answer for () {
    fn read(_body: &[u8]) -> Result<Self, crate::Invalid> {
        Ok(())
    }
}

impl<T: Shaped + serde::de::DeserializeOwned> Answer for T {
    fn read(body: &[u8]) -> Result<Self, crate::Invalid> {
        let body = if body.is_empty() { b"{}" } else { body };
        serde_json::from_slice(body).map_err(|error| crate::explain(body, T::SHAPE, &error))
    }
}

/// Hands the table of REST operations to a macro: one row for each operation, in the words of the service's API.
///
/// `method_name: OperationName = [host prefix] METHOD path => status, Input -> Output, [errors];`
#[macro_export]
macro_rules! each_operation {
    ($callback:ident) => {
        $callback! {
            /// Makes a domain.
            create_domain: CreateDomain = "" POST "/domain" => 201, CreateDomainInput -> CreateDomainOutput,
                [QuotaExceeded];
            /// Gives a domain.
            get_domain: GetDomain = "" GET "/domain/{domainId}" => 200, GetDomainInput -> GetDomainOutput, [NotFound];
            /// Deletes a domain.
            delete_domain: DeleteDomain = "" DELETE "/domain/{domainId}" => 200,
                DeleteDomainInput -> DeleteDomainOutput, [NotFound];
            /// Gives a page of domains.
            list_domains: ListDomains = "" GET "/domain" => 200, ListDomainsInput -> ListDomainsOutput, [];

            /// Makes a subscription in a domain.
            create_subscription: CreateSubscription = "" POST "/domains/{domainId}/subscriptions" => 201,
                CreateSubscriptionInput -> CreateSubscriptionOutput,
                [Internal NotFound AccessDenied Validation QuotaExceeded];
            /// Gives a subscription.
            get_subscription: GetSubscription = "" GET "/domains/{domainId}/subscriptions/{subscriptionId}" => 200,
                GetSubscriptionInput -> GetSubscriptionOutput, [Internal NotFound AccessDenied Validation];
            /// Activates a subscription.
            activate_subscription: ActivateSubscription =
                "" POST "/domains/{domainId}/subscriptions/{subscriptionId}/activate" => 200,
                ActivateSubscriptionInput -> ActivateSubscriptionOutput,
                [Internal NotFound AccessDenied Validation];
            /// Deactivates a subscription: streams in progress end normally, new ones are refused.
            deactivate_subscription: DeactivateSubscription =
                "" POST "/domains/{domainId}/subscriptions/{subscriptionId}/deactivate" => 200,
                DeactivateSubscriptionInput -> DeactivateSubscriptionOutput,
                [Internal NotFound AccessDenied Validation];
            /// Gives a page of a domain's subscriptions.
            list_subscriptions: ListSubscriptions = "" GET "/domains/{domainId}/subscriptions" => 200,
                ListSubscriptionsInput -> ListSubscriptionsOutput, [Internal NotFound AccessDenied Validation];

            /// Gives the tags of a resource.
            list_tags_for_resource: ListTagsForResource = "" GET "/tags/{resourceArn}" => 200,
                ListTagsForResourceInput -> ListTagsForResourceOutput, [];
            /// Adds or changes tags of a resource.
            tag_resource: TagResource = "" POST "/tags/{resourceArn}" => 204, TagResourceInput -> (), [];
            /// Removes tags from a resource.
            untag_resource: UntagResource = "" DELETE "/tags/{resourceArn}" => 204, UntagResourceInput -> (), [];

            /// Makes a dataset; follow it with [`wait`](crate::wait).
            create_dataset: CreateDataset = "" POST "/domains/{domainId}/datasets" => 201,
                CreateDatasetInput -> CreateDatasetOutput,
                [Internal NotFound AccessDenied Validation Throttling Conflict QuotaExceeded];
            /// Gives a dataset.
            get_dataset: GetDataset = "" GET "/domains/{domainId}/datasets/{datasetId}" => 200,
                GetDatasetInput -> GetDatasetOutput, [Internal NotFound AccessDenied Validation Throttling];
            /// Deletes a dataset that is active or failed.
            delete_dataset: DeleteDataset = "" DELETE "/domains/{domainId}/datasets/{datasetId}" => 202,
                DeleteDatasetInput -> DeleteDatasetOutput,
                [Internal NotFound AccessDenied Validation Throttling Conflict];
            /// Gives a page of a domain's datasets.
            list_datasets: ListDatasets = "" GET "/domains/{domainId}/datasets" => 200,
                ListDatasetsInput -> ListDatasetsOutput, [Internal NotFound AccessDenied Validation Throttling];

            /// Starts a patient insights job; follow it with [`wait`](crate::wait).
            start_patient_insights_job: StartPatientInsightsJob =
                "runtime." POST "/domain/{domainId}/patient-insights-job" => 200,
                StartPatientInsightsJobInput -> StartPatientInsightsJobOutput,
                [Internal NotFound AccessDenied Validation Throttling Conflict];
            /// Gives a patient insights job.
            get_patient_insights_job: GetPatientInsightsJob =
                "runtime." GET "/domain/{domainId}/patient-insights-job/{jobId}" => 200,
                GetPatientInsightsJobInput -> GetPatientInsightsJobOutput,
                [Internal NotFound AccessDenied Validation Throttling];

            /// Starts a medical coding job; follow it with [`wait`](crate::wait).
            start_medical_coding_job: StartMedicalCodingJob =
                "runtime." POST "/domain/{domainId}/medical-coding-job" => 200,
                StartMedicalCodingJobInput -> StartMedicalCodingJobOutput,
                [Internal NotFound AccessDenied Validation Throttling Conflict];
            /// Gives a medical coding job.
            get_medical_coding_job: GetMedicalCodingJob =
                "runtime." GET "/domain/{domainId}/medical-coding-job/{jobId}" => 200,
                GetMedicalCodingJobInput -> GetMedicalCodingJobOutput,
                [Internal NotFound AccessDenied Validation Throttling];

            /// Sends feedback on what the service made.
            submit_feedback: SubmitFeedback = "runtime." POST "/domain/{domainId}/feedback" => 202,
                SubmitFeedbackInput -> SubmitFeedbackOutput, [Internal NotFound AccessDenied Validation Throttling];

            /// Gives the details of a listening session; follow its documents with [`wait`](crate::wait).
            get_medical_scribe_listening_session: GetMedicalScribeListeningSession =
                "streaming." GET
                "/medical-scribe-stream/domain/{domainId}/subscription/{subscriptionId}/session/{sessionId}" => 200,
                GetMedicalScribeListeningSessionInput -> GetMedicalScribeListeningSessionOutput,
                [Internal NotFound AccessDenied Throttling QuotaExceeded];
        }
    };
}

/// The streaming operation, the one that is no REST call.
pub static START_LISTENING_SESSION: Operation = Operation {
    name: "StartMedicalScribeListeningSession",
    host_prefix: crate::stream::STREAM_HOST_PREFIX,
    method: "POST",
    path: "/medical-scribe-stream/",
    status: 200,
    input: &STREAM_INPUT,
    output: Some(&STREAM_OUTPUT),
    errors: &[
        &errors::Internal,
        &errors::NotFound,
        &errors::AccessDenied,
        &errors::Validation,
        &errors::Throttling,
        &errors::QuotaExceeded,
    ],
};

macro_rules! output_shape {
    (()) => {
        None
    };
    ($output:ident) => {
        Some($output::SHAPE)
    };
}

macro_rules! declare_operations {
    ($($(#[$meta:meta])* $method:ident: $name:ident = $prefix:literal $verb:ident $path:literal => $status:literal,
        $input:ident -> $output:tt, [$($error:ident)*];)*) => {
        /// All operations: the REST ones in the order of the table, then the streaming one.
        pub static OPERATIONS: &[&Operation] = &[$(<$input as Request>::OPERATION,)* &START_LISTENING_SESSION];

        $(
            impl Request for $input {
                type Output = $output;

                const OPERATION: &'static Operation = {
                    static OPERATION: Operation = Operation {
                        name: stringify!($name),
                        host_prefix: $prefix,
                        method: stringify!($verb),
                        path: $path,
                        status: $status,
                        input: <$input as Shaped>::SHAPE,
                        output: output_shape!($output),
                        errors: &[$(&errors::$error,)*],
                    };
                    &OPERATION
                };
            }
        )*
    };
}

each_operation!(declare_operations);

/// The shape of every error: a message, which may quote what was sent.
pub static ERROR_BODY: Shape = Shape {
    name: "Error",
    sensitive: true,
    kind: Kind::Structure {
        members: &[crate::shape::Member {
            name: "message",
            shape: &scalars::SERVICE_MESSAGE,
            required: false,
            place: Place::Body,
        }],
    },
};
