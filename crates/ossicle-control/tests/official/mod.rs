//! What the official SDK read, as JSON under the names of the service's model.

use aws_sdk_connecthealth as sdk;
use sdk::operation::create_domain::CreateDomainOutput;
use sdk::operation::create_subscription::CreateSubscriptionOutput;
use sdk::operation::get_domain::GetDomainOutput;
use sdk::operation::get_patient_insights_job::GetPatientInsightsJobOutput;
use sdk::primitives::{DateTime, DateTimeFormat};
use sdk::types::*;
use serde_json::{Value, json};

/// Leaves out what is absent, at every level; 7.0 and 7 are the same number.
pub(crate) fn canonical(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let present = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(present.map(|(name, value)| (name, canonical(value))).collect())
        }
        Value::Array(entries) => entries.into_iter().map(canonical).collect(),
        Value::Number(number) => json!(number.as_f64().unwrap()),
        other => other,
    }
}

/// The SDK keeps the nanoseconds of a double, in which a millisecond is not exact; ours rounds to what was meant.
fn epoch(time: &DateTime) -> Value {
    let unix_ms = (time.as_nanos() + 500_000).div_euclid(1_000_000);
    json!(unix_ms as f64 / 1_000.0)
}

fn iso(time: &DateTime) -> Value {
    json!(time.fmt(DateTimeFormat::DateTime).unwrap())
}

fn encryption(context: &EncryptionContext) -> Value {
    json!({ "encryptionType": context.encryption_type.as_str(), "kmsKeyArn": context.kms_key_arn })
}

fn web_app(app: &WebAppConfiguration) -> Value {
    json!({ "ehrRole": app.ehr_role, "idcApplicationId": app.idc_application_id, "idcRegion": app.idc_region })
}

pub(crate) fn created_domain(domain: &CreateDomainOutput) -> Value {
    canonical(json!({
        "domainId": domain.domain_id,
        "arn": domain.arn,
        "name": domain.name,
        "kmsKeyArn": domain.kms_key_arn,
        "encryptionContext": domain.encryption_context.as_ref().map(encryption),
        "status": domain.status.as_str(),
        "webAppUrl": domain.web_app_url,
        "webAppConfiguration": domain.web_app_configuration.as_ref().map(web_app),
        "createdAt": epoch(&domain.created_at),
    }))
}

pub(crate) fn domain(domain: &GetDomainOutput) -> Value {
    canonical(json!({
        "domainId": domain.domain_id,
        "arn": domain.arn,
        "name": domain.name,
        "kmsKeyArn": domain.kms_key_arn,
        "encryptionContext": domain.encryption_context.as_ref().map(encryption),
        "status": domain.status.as_str(),
        "webAppUrl": domain.web_app_url,
        "webAppConfiguration": domain.web_app_configuration.as_ref().map(web_app),
        "createdAt": epoch(&domain.created_at),
        "tags": domain.tags,
    }))
}

pub(crate) fn listed_domain(domain: &DomainSummary) -> Value {
    canonical(json!({
        "domainId": domain.domain_id,
        "arn": domain.arn,
        "name": domain.name,
        "status": domain.status.as_str(),
        "createdAt": epoch(&domain.created_at),
    }))
}

pub(crate) fn created_subscription(made: &CreateSubscriptionOutput) -> Value {
    canonical(json!({
        "domainId": made.domain_id,
        "subscriptionId": made.subscription_id,
        "arn": made.arn,
        "status": made.status.as_str(),
        "createdAt": epoch(&made.created_at),
        "lastUpdatedAt": epoch(&made.last_updated_at),
        "activatedAt": made.activated_at.as_ref().map(epoch),
        "deactivatedAt": made.deactivated_at.as_ref().map(epoch),
    }))
}

pub(crate) fn subscription(subscription: &SubscriptionDescription) -> Value {
    canonical(json!({
        "domainId": subscription.domain_id,
        "subscriptionId": subscription.subscription_id,
        "arn": subscription.arn,
        "status": subscription.status.as_str(),
        "createdAt": epoch(&subscription.created_at),
        "lastUpdatedAt": epoch(&subscription.last_updated_at),
        "activatedAt": subscription.activated_at.as_ref().map(epoch),
        "deactivatedAt": subscription.deactivated_at.as_ref().map(epoch),
    }))
}

pub(crate) fn insights_job(job: &GetPatientInsightsJobOutput) -> Value {
    let patient = job.patient_context.as_ref().unwrap();
    let user = job.user_context.as_ref().unwrap();
    let input = job.input_data_config.as_ref().unwrap();
    let server = input
        .fhir_server
        .as_ref()
        .map(|server| json!({ "fhirEndpoint": server.fhir_endpoint, "oauthToken": server.oauth_token }));
    let sources = input.s3_sources.as_ref();
    canonical(json!({
        "jobId": job.job_id,
        "jobArn": job.job_arn,
        "jobStatus": job.job_status.as_str(),
        "creationTime": job.creation_time.as_ref().map(iso),
        "updatedTime": job.updated_time.as_ref().map(iso),
        "insightsOutput": job.insights_output.as_ref().map(|output| json!({ "uri": output.uri })),
        "statusDetails": job.status_details,
        "patientContext": {
            "patientId": patient.patient_id,
            "dateOfBirth": patient.date_of_birth,
            "pronouns": patient.pronouns.as_ref().map(|pronouns| pronouns.as_str()),
        },
        "insightsContext": { "insightsType": job.insights_context.as_ref().unwrap().insights_type.as_str() },
        "encounterContext": { "encounterReason": job.encounter_context.as_ref().unwrap().encounter_reason },
        "userContext": {
            "role": user.role.as_str(),
            "userId": user.user_id,
            "specialty": user.specialty.as_ref().map(|specialty| specialty.as_str()),
        },
        "inputDataConfig": {
            "fhirServer": server,
            "s3Sources": sources.map(|sources| {
                sources.iter().map(|source| json!({ "uri": source.uri })).collect::<Vec<_>>()
            }),
        },
        "outputDataConfig": { "s3OutputPath": job.output_data_config.as_ref().unwrap().s3_output_path },
    }))
}

fn document(document: &ArtifactDetails) -> Value {
    json!({
        "outputLocation": document.output_location,
        "status": document.status.as_ref().map(|status| status.as_str()),
        "failureReason": document.failure_reason,
    })
}

fn template(template: &NoteTemplateSettingsResponse) -> Value {
    match template {
        NoteTemplateSettingsResponse::ManagedTemplate(managed) => json!({
            "managedTemplate": { "templateType": managed.template_type.as_ref().map(|kind| kind.as_str()) },
        }),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn session(details: &MedicalScribeListeningSessionDetails) -> Value {
    let channels = details.channel_definitions.as_ref().map(|channels| {
        let channel = |channel: &MedicalScribeChannelDefinition| {
            let role = channel.participant_role.as_str();
            json!({ "channelId": channel.channel_id, "participantRole": role })
        };
        channels.iter().map(channel).collect::<Vec<_>>()
    });
    let settings = details.post_stream_action_settings.as_ref().map(|settings| {
        let notes = settings.clinical_note_generation_settings.as_ref();
        let notes = notes.and_then(|notes| notes.note_template_settings.as_ref()).map(template);
        json!({
            "outputS3Uri": settings.output_s3_uri,
            "clinicalNoteGenerationSettings": { "noteTemplateSettings": notes },
        })
    });
    let notes = details.post_stream_action_result.as_ref();
    let notes = notes.and_then(|result| result.clinical_note_generation_result.as_ref()).map(|notes| {
        json!({
            "noteResult": notes.note_result.as_ref().map(document),
            "transcriptResult": notes.transcript_result.as_ref().map(document),
            "afterVisitSummaryResult": notes.after_visit_summary_result.as_ref().map(document),
        })
    });
    canonical(json!({
        "sessionId": details.session_id,
        "domainId": details.domain_id,
        "subscriptionId": details.subscription_id,
        "languageCode": details.language_code.as_ref().map(|code| code.as_str()),
        "mediaSampleRateHertz": details.media_sample_rate_hertz,
        "mediaEncoding": details.media_encoding.as_ref().map(|encoding| encoding.as_str()),
        "channelDefinitions": channels,
        "postStreamActionSettings": settings,
        "postStreamActionResult": { "clinicalNoteGenerationResult": notes },
        "encounterContextProvided": details.encounter_context_provided,
        "streamStatus": details.stream_status.as_ref().map(|status| status.as_str()),
        "streamCreationTime": details.stream_creation_time.as_ref().map(epoch),
        "streamEndTime": details.stream_end_time.as_ref().map(epoch),
    }))
}
