//! The official SDK drives the sixteen operations that it knows, over HTTP/2 and over HTTP/1.1.

mod common;

use std::time::Duration;

use aws_sdk_connecthealth as ch;
use ch::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use ch::types::*;
use common::*;
use ossicle_emulator::{Config, Emulator, Fault, StartError, State, Transport};

const SESSION: &str = "0f1e2d3c-4b5a-4789-8abc-def012345678";
const STEP_MS: i64 = 10_000;

fn config(tls: Transport) -> Config {
    Config { tls, job_step: Duration::from_millis(STEP_MS as u64), ..Config::default() }
}

/// Code and status of an error.
fn refused<T, E: ProvideErrorMetadata>(result: Result<T, SdkError<E>>) -> (String, u16) {
    let Err(error) = result else { panic!("it should have been refused") };
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    (error.code().unwrap_or_default().to_owned(), status)
}

fn is(code: &str, status: u16) -> (String, u16) {
    (code.to_owned(), status)
}

#[tokio::test]
async fn domains_subscriptions_and_tags() {
    for tls in [Transport::Tls, Transport::Cleartext] {
        let emulator = start(config(tls)).await;
        let client = client(&emulator);
        let web_app = CreateWebAppConfiguration::builder()
            .ehr_role("arn:aws:iam::123456789012:role/ehr")
            .idc_instance_id("ssoins-1")
            .idc_region("us-east-1")
            .build()
            .expect("a web app");
        let key = "arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c";
        let made = client
            .create_domain()
            .name("Clinique Zoë")
            .kms_key_arn(key)
            .web_app_setup_configuration(web_app)
            .tags("team", "a b")
            .tags("étage", "2")
            .send()
            .await
            .expect("a domain");
        let domain = made.domain_id();
        assert!((20..=25).contains(&domain.len()) && domain.starts_with("hai-"));
        assert_eq!(made.arn(), format!("arn:aws:health-agent:us-east-1:123456789012:domain/{domain}"));
        assert_eq!(made.status(), &DomainStatus::Active);
        let encryption = made.encryption_context().expect("an encryption");
        assert_eq!(encryption.encryption_type(), &EncryptionType::CustomerManagedKey);
        let age_s =
            std::time::SystemTime::now().duration_since((*made.created_at()).try_into().expect("a time"));
        assert!(age_s.expect("the past").as_secs() < 10);

        let got = client.get_domain().domain_id(domain).send().await.expect("the domain");
        assert_eq!((got.name(), got.kms_key_arn()), ("Clinique Zoë", Some(key)));
        assert_eq!(got.created_at(), made.created_at());
        assert_eq!(got.web_app_configuration().map(|app| app.idc_region()), Some("us-east-1"));
        assert_eq!(got.tags().expect("tags")["étage"], "2");

        client
            .tag_resource()
            .resource_arn(made.arn())
            .tags("team", "b")
            .tags("x/y z", "")
            .send()
            .await
            .expect("tagged");
        client
            .untag_resource()
            .resource_arn(made.arn())
            .tag_keys("étage")
            .tag_keys("none")
            .send()
            .await
            .expect("untagged");
        let tags = client.list_tags_for_resource().resource_arn(made.arn()).send().await.expect("tags");
        let tags = tags.tags().expect("tags");
        assert_eq!((tags.len(), tags["team"].as_str(), tags["x/y z"].as_str()), (2, "b", ""));
        let other = format!("{}x", made.arn());
        let unknown = client.list_tags_for_resource().resource_arn(other).send().await;
        assert_eq!(refused(unknown), is("ResourceNotFoundException", 404));

        let made = client.create_subscription().domain_id(domain).send().await.expect("a subscription");
        assert_eq!(made.status(), &SubscriptionStatus::Active);
        let id = made.subscription_id();
        let call = client.deactivate_subscription().domain_id(domain).subscription_id(id).send();
        let inactive = call.await.expect("deactivated").subscription.expect("a subscription");
        assert_eq!(inactive.status(), &SubscriptionStatus::Inactive);
        assert!(inactive.deactivated_at().is_some());
        let call = client.activate_subscription().domain_id(domain).subscription_id(id).send();
        let active = call.await.expect("activated").subscription.expect("a subscription");
        let call = client.get_subscription().domain_id(domain).subscription_id(id).send();
        assert_eq!(call.await.expect("the subscription").subscription, Some(active));
        let nobody = client.get_subscription().domain_id(domain).subscription_id(SUBSCRIPTION).send().await;
        assert_eq!(refused(nobody), is("ResourceNotFoundException", 404));

        let deleted = client.delete_domain().domain_id(domain).send().await.expect("deleting");
        assert_eq!(deleted.status(), &DomainStatus::Deleting);
        let got = client.get_domain().domain_id(domain).send().await.expect("the domain");
        assert_eq!(got.status(), &DomainStatus::Deleting);
        emulator.clock().set_offset_ms(STEP_MS);
        let gone = client.get_domain().domain_id(domain).send().await;
        assert_eq!(refused(gone), is("ResourceNotFoundException", 404));
        let gone = client.get_subscription().domain_id(domain).subscription_id(id).send().await;
        assert_eq!(refused(gone), is("ResourceNotFoundException", 404));
        emulator.shutdown().await;
    }
}

#[tokio::test]
async fn lists_come_in_pages_and_limits_hold() {
    let emulator = start(config(Transport::Tls)).await;
    let client = client(&emulator);
    let mut made = Vec::new();
    for number in 0..7 {
        let domain = client.create_domain().name(format!("d{number}")).send().await.expect("a domain");
        made.push(domain.domain_id().to_owned());
    }
    let mut pages = client.list_domains().max_results(3).into_paginator().send();
    let mut sizes = Vec::new();
    let mut seen = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.expect("a page");
        sizes.push(page.domains().len());
        seen.extend(page.domains().iter().map(|domain| domain.domain_id().to_owned()));
    }
    assert_eq!((sizes, &seen), (vec![3, 3, 1], &made));
    client.delete_domain().domain_id(&made[0]).send().await.expect("deleting");
    let active = client.list_domains().status(DomainStatus::Active).send().await.expect("a list");
    assert_eq!(active.domains().len(), 6);

    let domain = &made[1];
    for _ in 0..3 {
        client.create_subscription().domain_id(domain).send().await.expect("a subscription");
    }
    let items: Vec<_> = client
        .list_subscriptions()
        .domain_id(domain)
        .max_results(1)
        .into_paginator()
        .items()
        .send()
        .collect()
        .await;
    assert_eq!(items.len(), 3);

    let zero = client.list_domains().max_results(0).send().await;
    assert_eq!(refused(zero), is("ValidationException", 400));
    let many = client.list_domains().max_results(101).send().await;
    assert_eq!(refused(many), is("ValidationException", 400));
    let foreign = client.list_domains().next_token("made up").send().await;
    assert_eq!(refused(foreign), is("ValidationException", 400));
    let nameless = client.create_domain().name("").send().await;
    assert_eq!(refused(nameless), is("ValidationException", 400));
    let odd = client.get_domain().domain_id("../secrets").send().await;
    assert_eq!(refused(odd), is("ValidationException", 400));
    emulator.shutdown().await;
}

fn insights(
    client: &ch::Client,
    domain: &str,
    output: &str,
) -> ch::operation::start_patient_insights_job::builders::StartPatientInsightsJobFluentBuilder {
    let patient = PatientInsightsPatientContext::builder().patient_id("p-1").date_of_birth("1970-01-02");
    let encounter = PatientInsightsEncounterContext::builder().encounter_reason("cough, 2 weeks");
    let user = UserContext::builder().role(ProviderRole::Clinician).user_id("u-1");
    let fhir = FhirServer::builder().fhir_endpoint("https://fhir.example/r4").oauth_token("t");
    client
        .start_patient_insights_job()
        .domain_id(domain)
        .patient_context(patient.build().expect("a patient"))
        .insights_context(
            InsightsContext::builder().insights_type(InsightsType::PreVisit).build().expect("a context"),
        )
        .encounter_context(encounter.build().expect("an encounter"))
        .user_context(user.build().expect("a user"))
        .input_data_config(InputDataConfig::builder().fhir_server(fhir.build().expect("a server")).build())
        .output_data_config(OutputDataConfig::builder().s3_output_path(output).build().expect("an output"))
}

#[tokio::test]
async fn insights_jobs_advance_in_time_and_tokens_are_kept() {
    let bucket = tempfile::tempdir().expect("a folder");
    let emulator = start(Config { bucket_dir: Some(bucket.path().into()), ..config(Transport::Tls) }).await;
    let client = client(&emulator);
    let domain = client.create_domain().name("d").send().await.expect("a domain").domain_id;

    let started =
        insights(&client, &domain, "s3://bkt/out/").client_token("t-1").send().await.expect("a job");
    let again =
        insights(&client, &domain, "s3://bkt/out/").client_token("t-1").send().await.expect("the same job");
    assert_eq!((again.job_id(), again.creation_time()), (started.job_id(), started.creation_time()));
    let other = insights(&client, &domain, "s3://bkt/elsewhere/").client_token("t-1").send().await;
    assert_eq!(refused(other), is("ConflictException", 409));

    let get = async |id: &str| {
        client.get_patient_insights_job().domain_id(&domain).job_id(id).send().await.expect("the job")
    };
    let job = get(started.job_id()).await;
    assert_eq!(job.job_status(), &JobStatus::Submitted);
    assert_eq!(job.creation_time(), started.creation_time());
    assert!(started.creation_time().is_some());
    let patient = job.patient_context().expect("a patient");
    assert_eq!((patient.patient_id(), patient.date_of_birth()), ("p-1", Some("1970-01-02")));
    assert!(job.insights_output().is_none());
    emulator.clock().set_offset_ms(STEP_MS);
    assert_eq!(get(started.job_id()).await.job_status(), &JobStatus::InProgress);
    emulator.clock().set_offset_ms(2 * STEP_MS);
    let job = get(started.job_id()).await;
    assert_eq!(job.job_status(), &JobStatus::Succeeded);
    let uri = job.insights_output().expect("an output").uri();
    assert!(uri.starts_with("s3://bkt/out/"));
    assert!(bucket.path().join(uri.trim_start_matches("s3://")).is_file());

    let failing = insights(&client, &domain, "s3://missing-bucket/").send().await.expect("a job");
    emulator.clock().set_offset_ms(4 * STEP_MS + 1_000);
    let job = get(failing.job_id()).await;
    assert_eq!((job.job_status(), job.status_details().is_some()), (&JobStatus::Failed, true));

    let escape = insights(&client, &domain, "s3://bkt/../../escape/").send().await.expect("a job");
    emulator.clock().set_offset_ms(7 * STEP_MS);
    assert_eq!(get(escape.job_id()).await.job_status(), &JobStatus::Failed);
    assert!(!bucket.path().parent().expect("a parent").join("escape").exists());

    let future = PatientInsightsPatientContext::builder().patient_id("p").date_of_birth("2999-01-01").build();
    let future =
        insights(&client, &domain, "s3://bkt/").patient_context(future.expect("a patient")).send().await;
    assert_eq!(refused(future), is("ValidationException", 400));
    let nobody = client.get_patient_insights_job().domain_id(&domain).job_id("none").send().await;
    assert_eq!(refused(nobody), is("ResourceNotFoundException", 404));
    let nowhere = insights(&client, DOMAIN, "s3://bkt/").send().await;
    assert_eq!(refused(nowhere), is("ResourceNotFoundException", 404));
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_session_needs_its_subscription_and_its_artefacts_follow() {
    let bucket = tempfile::tempdir().expect("a folder");
    let emulator = start(Config {
        bucket_dir: Some(bucket.path().into()),
        require_subscription: true,
        ..config(Transport::Tls)
    })
    .await;
    let client = client(&emulator);
    let unknown = open(&client, &Params::pcm(SESSION)).await.err().expect("a refusal");
    assert!(unknown.contains("ResourceNotFoundException"), "{unknown}");
    let domain = client.create_domain().name("d").send().await.expect("a domain").domain_id;
    let made = client.create_subscription().domain_id(&domain).send().await.expect("a subscription");
    let params =
        Params { domain: domain.clone(), subscription: made.subscription_id.clone(), ..Params::pcm(SESSION) };
    let deactivate =
        || client.deactivate_subscription().domain_id(&domain).subscription_id(&made.subscription_id).send();
    let details = async || {
        let call = client
            .get_medical_scribe_listening_session()
            .domain_id(&domain)
            .subscription_id(&made.subscription_id)
            .session_id(SESSION);
        call.send().await.expect("the session").medical_scribe_listening_session_details.expect("details")
    };
    let note = |details: &MedicalScribeListeningSessionDetails| {
        let result =
            details.post_stream_action_result().and_then(|result| result.clinical_note_generation_result());
        result.and_then(|notes| notes.note_result()).cloned().expect("a note")
    };

    let stream = open(&client, &params).await.expect("a stream");
    deactivate().await.expect("deactivated");
    // The stream in progress goes on; it has its configuration when its audio has come.
    stream.send(configuration(2)).await;
    stream.send(binary(&[0; 3_200])).await;
    let arrived = emulator.until(SESSION, |report| report.frames > 0);
    tokio::time::timeout(PATIENCE, arrived).await.expect("the audio");
    let running = details().await;
    assert_eq!(running.stream_status(), Some(&MedicalScribeStreamStatus::InProgress));
    // Newer than the SDK, which keeps values that it does not know.
    assert_eq!(note(&running).status().map(|status| status.as_str()), Some("PENDING"));
    assert!(running.stream_creation_time().is_some() && running.stream_end_time().is_none());
    assert_eq!(
        (running.media_sample_rate_hertz(), running.encounter_context_provided()),
        (Some(16_000), Some(false))
    );
    assert_eq!(running.channel_definitions().len(), 2);
    stream.send(end_of_session()).await;
    assert_eq!(stream.finish().await.2, Ok(()));
    let refused_stream =
        open(&client, &Params { session: SESSION.replace('0', "1"), ..params.clone() }).await;
    assert!(refused_stream.err().expect("a refusal").contains("not active"));

    let ended = details().await;
    assert_eq!(ended.stream_status(), Some(&MedicalScribeStreamStatus::Completed));
    assert!(ended.stream_end_time() >= ended.stream_creation_time());
    // Newer than the SDK, which keeps values that it does not know.
    assert_eq!(note(&ended).status().map(|status| status.as_str()), Some("PENDING"));
    emulator.clock().set_offset_ms(STEP_MS);
    assert_eq!(note(&details().await).status(), Some(&PostStreamArtifactGenerationStatus::InProgress));
    emulator.clock().set_offset_ms(2 * STEP_MS);
    let done = note(&details().await);
    assert_eq!(done.status(), Some(&PostStreamArtifactGenerationStatus::Completed));
    let uri = done.output_location().expect("a location");
    let expected = format!(
        "s3://example-bucket/out/health-agent-listening-session/{domain}/{}/{SESSION}/post-stream-action/note.json",
        made.subscription_id
    );
    assert_eq!(uri, expected);
    assert!(bucket.path().join(uri.trim_start_matches("s3://")).is_file());
    emulator.shutdown().await;
}

#[tokio::test]
async fn planned_errors_are_retried_and_state_survives_on_disk() {
    let dir = tempfile::tempdir().expect("a folder");
    let on_disk = || Config { state: State::Path(dir.path().into()), ..config(Transport::Tls) };
    let emulator = start(on_disk()).await;
    let sdk = client(&emulator);
    for _ in 0..2 {
        emulator.faults().for_operation(
            "CreateDomain",
            Fault::Refuse {
                status: 500,
                code: "InternalServerException".into(),
                message: "planned".into(),
                retry_after_ms: Some(1),
            },
        );
    }
    let domain =
        sdk.create_domain().name("d").tags("a", "b").send().await.expect("a domain at the third attempt");
    assert_eq!(emulator.faults().planned(), 0);
    let stream = open(&sdk, &Params::pcm(SESSION)).await.expect("a stream");
    stream.send(configuration(1)).await;
    stream.send(binary(&[0; 320])).await;
    assert_eq!(stream.finish().await.2, Ok(()));
    emulator.shutdown().await;

    let emulator = start(on_disk()).await;
    let sdk = client(&emulator);
    let got = sdk.get_domain().domain_id(domain.domain_id()).send().await.expect("the domain");
    assert_eq!((got.name(), got.tags().map(|tags| tags["a"].as_str())), ("d", Some("b")));
    let call = sdk
        .get_medical_scribe_listening_session()
        .domain_id(DOMAIN)
        .subscription_id(SUBSCRIPTION)
        .session_id(SESSION)
        .send();
    let details = call.await.expect("the session").medical_scribe_listening_session_details.expect("details");
    assert_eq!(details.stream_status(), Some(&MedicalScribeStreamStatus::Paused));
    // The configuration that it began with still counts.
    let stream = open(&sdk, &Params::pcm(SESSION)).await.expect("the resumed stream");
    stream.send(configuration(2)).await;
    let error = read_all(stream.output).await.2.expect_err("another configuration");
    assert!(error.contains("differs"), "{error}");
    emulator.shutdown().await;
}

#[tokio::test]
async fn state_survives_a_killed_process() {
    let dir = tempfile::tempdir().expect("a folder");
    let emulator =
        start(Config { state: State::Path(dir.path().join("live")), ..config(Transport::Tls) }).await;
    let sdk = client(&emulator);
    let domain = sdk.create_domain().name("d").send().await.expect("a domain").domain_id;
    // The file as it lies on disk while the emulator runs is what a killed process leaves.
    let left = dir.path().join("left");
    std::fs::create_dir(&left).expect("a folder");
    std::fs::copy(dir.path().join("live/state.redb"), left.join("state.redb")).expect("a copy");
    let next = start(Config { state: State::Path(left), ..config(Transport::Tls) }).await;
    let got = client(&next).get_domain().domain_id(&domain).send().await.expect("the domain");
    assert_eq!(got.name(), "d");
    let taken = Config { state: State::Path(dir.path().join("live")), ..config(Transport::Tls) };
    assert!(matches!(Emulator::start(taken).await, Err(StartError::State(_))), "it is in use");
    next.shutdown().await;
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_wrong_clock_is_told_by_date() {
    let emulator = start(config(Transport::Tls)).await;
    let sdk = client(&emulator);
    emulator.clock().set_offset_ms(20 * 60 * 1000);
    // The SDK learns the skew from `Date` of the refusal and signs its second attempt right.
    let listed = sdk.list_domains().send().await;
    assert!(
        listed.is_ok(),
        "{}",
        listed.err().map(|error| DisplayErrorContext(&error).to_string()).unwrap_or_default()
    );
    emulator.shutdown().await;
}
