//! What one client makes the other reads alike: ours beside the official SDK, over the fifteen unary operations that it
//! knows, both ways; and errors are told apart and tried again alike.

#![cfg(feature = "h2-transport")]

mod official;
mod peer;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_connecthealth as sdk;
use futures_util::TryStreamExt;
use official::canonical;
use ossicle_control::rest::*;
use ossicle_control::*;
use ossicle_emulator::Fault;
use peer::*;
use sdk::error::ProvideErrorMetadata;
use sdk::operation::RequestId;
use serde::Serialize;
use serde_json::Value;

fn ours_read(output: &impl Serialize) -> Value {
    canonical(serde_json::to_value(output).unwrap())
}

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c";
const ROLE: &str = "arn:aws:iam::123456789012:role/ehr";

#[tokio::test]
async fn domains_and_tags() {
    let world = World::start().await;
    let (ours, official) = (world.ours(), world.official());
    let tags = [("team", "a b"), ("étage", "2/é ü")];
    let tags: BTreeMap<String, String> =
        tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect();

    // The same domain, made by each.
    let mut input = CreateDomainInput::new("Clinique Zoë");
    input.kms_key_arn = Some(KEY.into());
    input.web_app_setup_configuration = Some(CreateWebAppConfiguration::new(ROLE, "ssoins-1", "us-east-1"));
    input.tags = Some(tags.clone());
    let by_ours = ours.create_domain(input).await.unwrap();
    let web_app = sdk::types::CreateWebAppConfiguration::builder();
    let web_app = web_app.ehr_role(ROLE).idc_instance_id("ssoins-1").idc_region("us-east-1").build().unwrap();
    let by_official = official
        .create_domain()
        .name("Clinique Zoë")
        .kms_key_arn(KEY)
        .web_app_setup_configuration(web_app)
        .set_tags(Some(tags.clone().into_iter().collect::<HashMap<_, _>>()))
        .send()
        .await
        .unwrap();
    let plain = ours.create_domain(CreateDomainInput::new("plain")).await.unwrap();

    // Each reads what either made.
    for (id, arn, made, expected) in [
        (&by_ours.domain_id, &by_ours.arn, ours_read(&by_ours), &tags),
        (&by_official.domain_id, &by_official.arn, official::created_domain(&by_official), &tags),
        (&plain.domain_id, &plain.arn, ours_read(&plain), &BTreeMap::new()),
    ] {
        let read = ours.get_domain(GetDomainInput::new(id.as_str())).await.unwrap();
        assert_eq!(
            ours_read(&read),
            official::domain(&official.get_domain().domain_id(id).send().await.unwrap())
        );
        assert_eq!(read.tags.as_ref(), Some(expected));
        let Value::Object(mut told) = ours_read(&read) else { panic!("no object") };
        told.remove("tags");
        assert_eq!(Value::Object(told), made, "what was made is what is read");
        let tags = ours.list_tags_for_resource(ListTagsForResourceInput::new(arn.as_str())).await.unwrap();
        let theirs = official.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
        assert_eq!(tags.tags.clone().map(HashMap::from_iter), theirs.tags);
        assert_eq!(tags.tags.as_ref(), Some(expected));
    }

    // Tags that one adds the other removes.
    let (arn, other) = (by_ours.arn.as_str(), by_official.arn.as_str());
    let key = "a&b=c +%2F/é";
    ours.tag_resource(TagResourceInput::new(arn, BTreeMap::from([(key.into(), "1".into())]))).await.unwrap();
    official.tag_resource().resource_arn(other).tags(key, "1").send().await.unwrap();
    official.untag_resource().resource_arn(arn).tag_keys("étage").tag_keys(key).send().await.unwrap();
    let removed = vec!["étage".to_owned(), key.to_owned()];
    ours.untag_resource(UntagResourceInput::new(other, removed)).await.unwrap();
    for arn in [arn, other] {
        let left = ours.list_tags_for_resource(ListTagsForResourceInput::new(arn)).await.unwrap();
        assert_eq!(left.tags, Some(BTreeMap::from([("team".into(), "a b".into())])), "{arn}");
    }

    // Each page by page.
    let listed: Vec<_> = ours.domains().list().page_size(2).items().try_collect().await.unwrap();
    let theirs = official.list_domains().max_results(2).into_paginator().items().send();
    let theirs = theirs.collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(
        listed.iter().map(ours_read).collect::<Vec<_>>(),
        theirs.iter().map(official::listed_domain).collect::<Vec<_>>()
    );
    assert_eq!(listed.len(), 3);
    // A page that one began the other goes on with.
    let first = official.list_domains().max_results(2).send().await.unwrap();
    let rest = ListDomainsInput { next_token: first.next_token, ..ListDomainsInput::default() };
    let rest = ours.list_domains(rest).await.unwrap();
    assert_eq!((rest.domains, rest.next_token), (listed[2..].to_vec(), None));

    // What one deletes is gone for the other.
    ours.delete_domain(DeleteDomainInput::new(by_official.domain_id.as_str())).await.unwrap();
    let again = official.delete_domain().domain_id(&by_official.domain_id).send().await.unwrap();
    assert_eq!((again.arn.as_str(), again.status.as_str()), (by_official.arn.as_str(), "DELETING"));
    let deleted = official.delete_domain().domain_id(&by_ours.domain_id).send().await.unwrap();
    let again = ours.delete_domain(DeleteDomainInput::new(by_ours.domain_id.as_str())).await.unwrap();
    assert_eq!((deleted.arn, deleted.status.as_str()), (again.arn, again.status.as_str()));
    world.step()();
    for id in [&by_ours.domain_id, &by_official.domain_id] {
        let error = ours.get_domain(GetDomainInput::new(id.as_str())).await.unwrap_err();
        let error = error.service().unwrap().clone();
        let theirs = official_error(official.get_domain().domain_id(id).send().await);
        assert_eq!((error.code.unwrap(), error.status), theirs);
        assert_eq!(error.kind, ErrorKind::NotFound);
    }
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn subscriptions() {
    let world = World::start().await;
    let (ours, official) = (world.ours(), world.official());
    let domain = ours.create_domain(CreateDomainInput::new("d")).await.unwrap().domain_id;
    let domain = domain.as_str();
    let by_ours = ours.create_subscription(CreateSubscriptionInput::new(domain)).await.unwrap();
    let by_official = official.create_subscription().domain_id(domain).send().await.unwrap();
    let made = [ours_read(&by_ours), official::created_subscription(&by_official)];
    let ids = [by_ours.subscription_id.as_str(), by_official.subscription_id.as_str()];
    for (id, made) in ids.into_iter().zip(&made) {
        let read = async || {
            let call = official.get_subscription().domain_id(domain).subscription_id(id).send();
            let theirs = official::subscription(call.await.unwrap().subscription().unwrap());
            let read = ours.get_subscription(GetSubscriptionInput::new(domain, id)).await.unwrap();
            assert_eq!(ours_read(&read.subscription.unwrap()), theirs);
            theirs
        };
        assert_eq!(&read().await, made);
        let off = ours.deactivate_subscription(DeactivateSubscriptionInput::new(domain, id)).await.unwrap();
        assert_eq!(read().await, ours_read(&off.subscription.unwrap()));
        let on = official.activate_subscription().domain_id(domain).subscription_id(id).send().await.unwrap();
        assert_eq!(read().await, official::subscription(on.subscription().unwrap()));
        let off =
            official.deactivate_subscription().domain_id(domain).subscription_id(id).send().await.unwrap();
        assert_eq!(read().await, official::subscription(off.subscription().unwrap()));
        assert_eq!(read().await["status"], "INACTIVE");
        let on = ours.activate_subscription(ActivateSubscriptionInput::new(domain, id)).await.unwrap();
        assert_eq!(read().await, ours_read(&on.subscription.unwrap()));
    }
    let listed: Vec<_> = ours.subscriptions(domain).list().page_size(1).items().try_collect().await.unwrap();
    let theirs =
        official.list_subscriptions().domain_id(domain).max_results(1).into_paginator().items().send();
    let theirs = theirs.collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(
        listed.iter().map(ours_read).collect::<Vec<_>>(),
        theirs.iter().map(official::subscription).collect::<Vec<_>>()
    );
    assert_eq!(listed.len(), 2);
    world.emulator.shutdown().await;
}

type StartJob = sdk::operation::start_patient_insights_job::builders::StartPatientInsightsJobFluentBuilder;

/// The same job for both, with every member.
fn insights(official: &sdk::Client, domain: &str, token: &str) -> (StartPatientInsightsJobInput, StartJob) {
    let mut patient = PatientInsightsPatientContext::new("p-1 „é“");
    patient.date_of_birth = Some("1970-01-02".into());
    patient.pronouns = Some(Pronouns::TheyThem);
    let mut user = UserContext::new(ProviderRole::Clinician, "u-1");
    user.specialty = Some(Specialty::PrimaryCare);
    let mut server = FhirServer::new("https://fhir.example/r4?a=b");
    server.oauth_token = Some("t/+= \"\\\u{7f}".into());
    let sources = vec![S3Source::new("s3://bucket/in/1"), S3Source::new("s3://bucket/in/2")];
    let mut ours = StartPatientInsightsJobInput::new(
        domain,
        patient,
        InsightsContext::new(InsightsType::PreVisit),
        PatientInsightsEncounterContext::new("cough, 2 weeks"),
        user,
        InputDataConfig { fhir_server: Some(server), s3_sources: Some(sources) },
        OutputDataConfig::new("s3://bucket/out/é 1"),
    );
    ours.client_token = Some(token.into());

    use sdk::types as official_types;
    let patient = official_types::PatientInsightsPatientContext::builder()
        .patient_id("p-1 „é“")
        .date_of_birth("1970-01-02")
        .pronouns(official_types::Pronouns::TheyThem);
    let insights =
        official_types::InsightsContext::builder().insights_type(official_types::InsightsType::PreVisit);
    let encounter =
        official_types::PatientInsightsEncounterContext::builder().encounter_reason("cough, 2 weeks");
    let user = official_types::UserContext::builder()
        .role(official_types::ProviderRole::Clinician)
        .user_id("u-1")
        .specialty(official_types::Specialty::PrimaryCare);
    let server = official_types::FhirServer::builder()
        .fhir_endpoint("https://fhir.example/r4?a=b")
        .oauth_token("t/+= \"\\\u{7f}");
    let source = |uri: &str| official_types::S3Source::builder().uri(uri).build().unwrap();
    let input = official_types::InputDataConfig::builder()
        .fhir_server(server.build().unwrap())
        .s3_sources(source("s3://bucket/in/1"))
        .s3_sources(source("s3://bucket/in/2"));
    let output = official_types::OutputDataConfig::builder().s3_output_path("s3://bucket/out/é 1");
    let theirs = official
        .start_patient_insights_job()
        .domain_id(domain)
        .patient_context(patient.build().unwrap())
        .insights_context(insights.build().unwrap())
        .encounter_context(encounter.build().unwrap())
        .user_context(user.build().unwrap())
        .input_data_config(input.build())
        .output_data_config(output.build().unwrap())
        .client_token(token);
    (ours, theirs)
}

#[tokio::test]
async fn insights_jobs() {
    let world = World::start().await;
    let (ours, official) = (world.ours(), world.official());
    let domain = ours.create_domain(CreateDomainInput::new("d")).await.unwrap().domain_id;

    // One token, one job: the emulator compares the whole input, so both must have sent the same.
    let (input, builder) = insights(&official, &domain, "first ours");
    let by_ours = ours.start_patient_insights_job(input).await.unwrap();
    assert_eq!(builder.send().await.unwrap().job_id, by_ours.job_id);
    let (input, builder) = insights(&official, &domain, "first official");
    let by_official = builder.send().await.unwrap();
    assert_eq!(ours.start_patient_insights_job(input).await.unwrap().job_id, by_official.job_id);
    assert_ne!(by_ours.job_id, by_official.job_id);
    // And with other parameters both are refused.
    let (mut input, builder) = insights(&official, &domain, "first ours");
    input.user_context.specialty = None;
    let error = ours.start_patient_insights_job(input).await.unwrap_err();
    let other = sdk::types::OutputDataConfig::builder().s3_output_path("s3://other/").build().unwrap();
    let theirs = official_error(builder.output_data_config(other).send().await);
    assert_eq!(theirs, ("ConflictException".to_owned(), 409));
    let error = error.service().unwrap();
    assert_eq!(
        (error.kind, error.code.clone().unwrap(), error.status),
        (ErrorKind::Conflict, theirs.0, theirs.1)
    );

    for status in ["SUBMITTED", "IN_PROGRESS", "SUCCEEDED"] {
        for id in [&by_ours.job_id, &by_official.job_id] {
            let job = GetPatientInsightsJobInput::new(domain.as_str(), id.as_str());
            let job = ours.get_patient_insights_job(job).await.unwrap();
            let theirs =
                official.get_patient_insights_job().domain_id(&domain).job_id(id).send().await.unwrap();
            let theirs = official::insights_job(&theirs);
            assert_eq!(ours_read(&job), theirs);
            assert_eq!(theirs["jobStatus"], status);
        }
        world.step()();
    }
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn session_details() {
    let world = World::start().await;
    let (ours, official) = (world.ours(), world.official());
    let domain = ours.create_domain(CreateDomainInput::new("d")).await.unwrap().domain_id;
    let subscription =
        official.create_subscription().domain_id(&domain).send().await.unwrap().subscription_id;
    world.visit(&domain, &subscription, SESSION).await;
    for status in ["PENDING", "IN_PROGRESS", "COMPLETED"] {
        let input =
            GetMedicalScribeListeningSessionInput::new(SESSION, domain.as_str(), subscription.as_str());
        let read = ours.get_medical_scribe_listening_session(input).await.unwrap();
        let Value::Object(mut read) = ours_read(&read.medical_scribe_listening_session_details.unwrap())
        else {
            panic!("no object")
        };
        // Newer than the SDK.
        assert_eq!(read.remove("medicalCodingContextProvided"), Some(Value::Bool(false)));
        let theirs = official
            .get_medical_scribe_listening_session()
            .domain_id(&domain)
            .subscription_id(&subscription)
            .session_id(SESSION)
            .send()
            .await
            .unwrap();
        let theirs = official::session(theirs.medical_scribe_listening_session_details().unwrap());
        assert_eq!(Value::Object(read), theirs);
        let notes = &theirs["postStreamActionResult"]["clinicalNoteGenerationResult"];
        assert_eq!(notes["noteResult"]["status"], status);
        world.step()();
    }
    world.emulator.shutdown().await;
}

/// What the SDK makes of an error of ours; nothing for one that its operation does not know.
fn official_kind(error: &sdk::Error) -> Option<ErrorKind> {
    match error {
        sdk::Error::AccessDeniedException(_) => Some(ErrorKind::AccessDenied),
        sdk::Error::ConflictException(_) => Some(ErrorKind::Conflict),
        sdk::Error::InternalServerException(_) => Some(ErrorKind::Internal),
        sdk::Error::ResourceNotFoundException(_) => Some(ErrorKind::NotFound),
        sdk::Error::ServiceQuotaExceededException(_) => Some(ErrorKind::QuotaExceeded),
        sdk::Error::ThrottlingException(_) => Some(ErrorKind::Throttling),
        sdk::Error::ValidationException(_) => Some(ErrorKind::Validation),
        _ => None,
    }
}

#[tokio::test]
async fn errors_are_told_apart_and_tried_again_alike() {
    let world = World::start().await;
    let (ours, seen) = world.watched();
    let official = world.official();
    let domain = ours.create_domain(CreateDomainInput::new("d")).await.unwrap().domain_id;
    let faults = world.emulator.faults();
    // Status, code, the kind that both see, attempts of ours, attempts of the SDK.
    use ErrorKind::*;
    for (status, code, kind, attempts, official_attempts) in [
        (401, "AccessDeniedException", Some(AccessDenied), 1, 1),
        (409, "ConflictException", Some(Conflict), 1, 1),
        (500, "InternalServerException", Some(Internal), 3, 3),
        (404, "ResourceNotFoundException", Some(NotFound), 1, 1),
        (429, "ThrottlingException", Some(Throttling), 3, 3),
        (400, "ThrottlingException", Some(Throttling), 3, 3),
        (400, "ValidationException", Some(Validation), 1, 1),
        (400, "aws.x#ValidationException:http://y", Some(Validation), 1, 1),
        (402, "ServiceQuotaExceededException", None, 1, 1),
        (400, "RequestLimitExceeded", None, 3, 3),
        (400, "RequestTimeout", None, 3, 3),
        (503, "SomethingNewException", None, 3, 3),
        (418, "SomethingNewException", None, 1, 1),
        (403, "UnrecognizedClientException", None, 1, 1),
        (500, "", None, 3, 3),
        (502, "", None, 3, 3),
        (400, "", None, 1, 1),
        // Some intermediaries throttle with no code; the SDK gives up.
        (429, "", None, 3, 1),
    ] {
        let case = format!("{status} {code}");
        let plan = || {
            faults.clear();
            let refusal = Fault::Refuse {
                status,
                code: code.to_owned(),
                message: "planned".to_owned(),
                retry_after_ms: Some(1),
            };
            (0..4).for_each(|_| faults.for_operation("StartPatientInsightsJob", refusal.clone()));
        };
        let (input, builder) = insights(&official, &domain, "token");
        plan();
        let error = ours.start_patient_insights_job(input).await.unwrap_err();
        assert_eq!(4 - faults.planned(), attempts, "{case}: attempts of ours");
        plan();
        let theirs = builder.send().await.unwrap_err();
        assert_eq!(4 - faults.planned(), official_attempts, "{case}: attempts of the SDK");

        let error = error.service().unwrap();
        let bare = theirs.code().filter(|code| !code.is_empty());
        assert_eq!(error.code.as_deref(), bare, "{case}");
        assert_eq!(
            Some(error.status),
            theirs.raw_response().map(|answer| answer.status().as_u16()),
            "{case}"
        );
        assert_eq!(error.message(), theirs.message(), "{case}");
        assert_eq!(error.request_id.as_deref(), seen.last().request_id.as_deref(), "{case}");
        assert_eq!(theirs.request_id().map(str::len), error.request_id.as_ref().map(String::len), "{case}");
        assert_eq!(official_kind(&theirs.into()), kind, "{case}");
        assert_eq!(error.retryable, attempts > 1, "{case}");
        if let Some(kind) = kind {
            assert_eq!(error.kind, kind, "{case}");
        }
    }
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn keys_and_clocks_are_judged_alike() {
    let world = World::start().await;
    let wrong = Credentials::new(ossicle_emulator::DUMMY_ACCESS_KEY_ID, "wrong", None, None);
    let (ours, seen) = world.watched_with(wrong, |_| {}, Surroundings::default());
    let error = ours.list_domains(ListDomainsInput::default()).await.unwrap_err();
    let theirs = official_error(world.official_with("wrong").list_domains().send().await);
    let error = error.service().unwrap();
    assert_eq!((error.code.clone().unwrap(), error.status), theirs);
    assert_eq!(seen.len(), 1);

    // A clock that is twenty minutes off is found out by both, in one more attempt.
    world.emulator.clock().set_offset_ms(Duration::from_secs(20 * 60).as_millis() as i64);
    let (ours, seen) = world.watched();
    assert!(ours.list_domains(ListDomainsInput::default()).await.is_ok());
    assert_eq!(seen.all().iter().map(|exchange| exchange.status).collect::<Vec<_>>(), [403, 200]);
    assert!(world.official().list_domains().send().await.is_ok());
    world.emulator.shutdown().await;
}
