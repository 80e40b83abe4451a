//! Our client drives all operations of the emulator over TLS and HTTP/2.

#![cfg(feature = "h2-transport")]

mod peer;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use futures_util::TryStreamExt;
use ossicle_control::rest::*;
use ossicle_control::*;
use ossicle_emulator::Fault;
use peer::*;

/// A client, and the world in which it makes its calls.
struct Scene {
    world: World,
    client: Client,
    seen: Seen,
}

#[tokio::test]
async fn every_operation_is_answered_as_the_table_says() {
    let world = World::start().await;
    let (client, seen) = world.watched();
    let scene = Scene { world, client, seen };
    let domain = scene.domains_and_tags().await;
    let subscription = scene.subscriptions(&domain).await;
    scene.session(&domain, &subscription).await;
    let dataset = scene.datasets(&domain).await;
    scene.jobs_and_feedback(&domain, &dataset).await;
    scene.deletions(&domain, &dataset).await;

    let exchanges = scene.seen.all();
    let mut successes = BTreeSet::new();
    for exchange in &exchanges {
        assert_eq!(exchange.version, http::Version::HTTP_2);
        let operation = OPERATIONS.iter().find(|operation| operation.name == exchange.operation).unwrap();
        if exchange.status < 300 {
            assert_eq!(exchange.status, operation.status, "{}", operation.name);
            successes.insert(operation.name);
        }
    }
    let rest = OPERATIONS.iter().filter(|operation| operation.name != START_LISTENING_SESSION.name);
    assert_eq!(successes, rest.map(|operation| operation.name).collect());
    assert_eq!(successes.len(), 22);
    scene.world.emulator.shutdown().await;
}

impl Scene {
    async fn domains_and_tags(&self) -> GetDomainOutput {
        let client = &self.client;
        let key = "arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c";
        let mut input = CreateDomainInput::new("Clinique Zoë");
        input.kms_key_arn = Some(key.into());
        input.web_app_setup_configuration = Some(CreateWebAppConfiguration::new(
            "arn:aws:iam::123456789012:role/ehr",
            "ssoins-1",
            "us-east-1",
        ));
        input.tags = Some(tags([("team", "a b"), ("étage", "2")]));
        let made = client.create_domain(input).await.unwrap();
        assert_eq!((made.name.as_str(), &made.status), ("Clinique Zoë", &DomainStatus::Active));
        let encryption = made.encryption_context.as_ref().unwrap();
        assert_eq!(encryption.encryption_type, EncryptionType::CustomerManagedKey);

        let arn = || made.arn.as_str();
        let added = tags([("team", "b"), ("x/y z", "")]);
        client.tag_resource(TagResourceInput::new(arn(), added)).await.unwrap();
        let removed = ["étage", "none", "a&b=c"].map(str::to_owned).to_vec();
        client.untag_resource(UntagResourceInput::new(arn(), removed)).await.unwrap();
        let listed = client.list_tags_for_resource(ListTagsForResourceInput::new(arn())).await.unwrap();
        assert_eq!(listed.tags, Some(tags([("team", "b"), ("x/y z", "")])));

        let got = client.get_domain(GetDomainInput::new(made.domain_id.as_str())).await.unwrap();
        assert_eq!((&got.created_at, &got.web_app_url), (&made.created_at, &made.web_app_url));
        assert_eq!((&got.tags, got.kms_key_arn.as_deref()), (&listed.tags, Some(key)));

        let mut ids = vec![made.domain_id.clone()];
        for number in 0..6 {
            ids.push(
                client.create_domain(CreateDomainInput::new(format!("d{number}"))).await.unwrap().domain_id,
            );
        }
        let pages: Vec<_> = client.domains().list().page_size(3).pages().try_collect().await.unwrap();
        assert_eq!(pages.iter().map(|page| page.domains.len()).collect::<Vec<_>>(), [3, 3, 1]);
        let items: Vec<_> = client.domains().list().page_size(2).items().try_collect().await.unwrap();
        assert_eq!(items.into_iter().map(|domain| domain.domain_id).collect::<Vec<_>>(), ids);
        let active = ListDomainsInput { status: Some(DomainStatus::Deleting), ..ListDomainsInput::default() };
        assert_eq!(client.list(active).items().try_collect::<Vec<_>>().await.unwrap(), []);
        got
    }

    async fn subscriptions(&self, domain: &GetDomainOutput) -> String {
        let (client, domain) = (&self.client, domain.domain_id.as_str());
        let mut ids = Vec::new();
        for _ in 0..3 {
            let made = client.create_subscription(CreateSubscriptionInput::new(domain)).await.unwrap();
            assert_eq!((made.domain_id.as_str(), made.status), (domain, SubscriptionStatus::Active));
            ids.push(made.subscription_id);
        }
        let listed: Vec<_> =
            client.subscriptions(domain).list().page_size(1).items().try_collect().await.unwrap();
        assert_eq!(
            listed.iter().map(|entry| &entry.subscription_id).collect::<Vec<_>>(),
            ids.iter().collect::<Vec<_>>()
        );

        let id = ids[0].as_str();
        let off = DeactivateSubscriptionInput::new(domain, id);
        let off = client.deactivate_subscription(off).await.unwrap().subscription.unwrap();
        assert_eq!((&off.status, off.deactivated_at.is_some()), (&SubscriptionStatus::Inactive, true));
        let on = ActivateSubscriptionInput::new(domain, id);
        let on = client.activate_subscription(on).await.unwrap().subscription.unwrap();
        assert_eq!(on.status, SubscriptionStatus::Active);
        let got = client.get_subscription(GetSubscriptionInput::new(domain, id)).await.unwrap();
        assert_eq!(got.subscription, Some(on));
        id.to_owned()
    }

    /// A visit is streamed, and its documents are waited for.
    async fn session(&self, domain: &GetDomainOutput, subscription: &str) {
        self.world.visit(&domain.domain_id, subscription, SESSION).await;
        let input =
            GetMedicalScribeListeningSessionInput::new(SESSION, domain.domain_id.as_str(), subscription);
        let (mut notes, step) = (Vec::new(), self.world.step());
        let finished = self
            .client
            .wait_for_session_documents(input, &at_once(), |progress| {
                let details = progress.latest.unwrap().medical_scribe_listening_session_details.as_ref();
                let documents = wait::session_documents(details.unwrap());
                assert_eq!(documents.len(), 3);
                notes.push(documents[0].1.status.clone().unwrap());
                step();
            })
            .await
            .unwrap();
        assert!(finished.is_success());
        assert_eq!(notes, [ArtifactStatus::Pending, ArtifactStatus::InProgress, ArtifactStatus::Completed]);
        let details = finished.into_inner().medical_scribe_listening_session_details.unwrap();
        assert_eq!(details.stream_status, Some(StreamStatus::Completed));
        assert_eq!(details.channel_definitions.as_ref().map(Vec::len), Some(2));
        for (name, document) in wait::session_documents(&details) {
            let location = document.output_location.as_deref().unwrap();
            assert!(location.starts_with("s3://example-bucket/out/"), "{name}: {location}");
        }
    }

    async fn datasets(&self, domain: &GetDomainOutput) -> String {
        let (client, domain) = (&self.client, domain.domain_id.as_str());
        let mut made = Vec::new();
        for input in ["s3://input/a", "s3://missing-bucket/a", "s3://input/c"] {
            let input = CreateDatasetInput::new(domain, input, dataset_config(input));
            let output = client.create_dataset(input).await.unwrap();
            assert_eq!(output.status, DatasetStatus::Creating);
            made.push(output.dataset_id);
        }
        let refused = client.delete_dataset(DeleteDatasetInput::new(domain, made[0].as_str())).await;
        self.is_refused(refused, ErrorKind::Conflict, "ConflictException", 409);

        let get = |id: &String| GetDatasetInput::new(domain, id.as_str());
        let (mut statuses, step) = (Vec::new(), self.world.step());
        let active = client
            .wait_for_dataset(get(&made[0]), &at_once(), |progress| {
                statuses.push(progress.latest.unwrap().status.clone());
                step();
            })
            .await
            .unwrap();
        assert_eq!(statuses, [DatasetStatus::Creating, DatasetStatus::Active]);
        assert!(active.is_success());
        let active = active.into_inner();
        assert_eq!(active.config, dataset_config("s3://input/a"));
        assert!(matches!(active.artifacts, Some(DatasetArtifacts::MedicalCoding(_))));
        let failed = client.wait_for_dataset(get(&made[1]), &at_once(), |_| {}).await.unwrap();
        let Finished::Failed(failed) = failed else { panic!("{failed:?}") };
        assert_eq!((&failed.status, failed.status_details.is_some()), (&DatasetStatus::CreateFailed, true));

        let listed: Vec<_> = client.datasets(domain).list().page_size(2).items().try_collect().await.unwrap();
        assert_eq!(
            listed.iter().map(|entry| &entry.dataset_id).collect::<Vec<_>>(),
            made.iter().collect::<Vec<_>>()
        );
        made.swap_remove(0)
    }

    async fn jobs_and_feedback(&self, domain: &GetDomainOutput, dataset: &str) {
        let (client, domain) = (&self.client, domain.domain_id.as_str());
        let input = StartPatientInsightsJobInput {
            client_token: Some("token-1".into()),
            ..insights(domain, "s3://bucket/insights")
        };
        let started = client.start_patient_insights_job(input.clone()).await.unwrap();
        assert_eq!(
            client.start_patient_insights_job(input.clone()).await.unwrap(),
            started,
            "the same token"
        );
        let other = StartPatientInsightsJobInput {
            output_data_config: OutputDataConfig::new("s3://other/x"),
            ..input
        };
        let conflict = client.start_patient_insights_job(other).await;
        self.is_refused(conflict, ErrorKind::Conflict, "ConflictException", 409);
        let (mut statuses, step) = (Vec::new(), self.world.step());
        let get = GetPatientInsightsJobInput::new(domain, started.job_id.as_str());
        let job = client
            .wait_for_patient_insights_job(get, &at_once(), |progress| {
                assert_eq!(progress.polls as usize, statuses.len() + 1);
                statuses.push(progress.latest.unwrap().job_status.clone());
                step();
            })
            .await
            .unwrap();
        assert_eq!(statuses, [JobStatus::Submitted, JobStatus::InProgress, JobStatus::Succeeded]);
        let uri = job.into_inner().insights_output.unwrap().uri;
        assert!(uri.starts_with("s3://bucket/insights/"), "{uri}");

        let failing = insights(domain, "s3://missing-bucket/x");
        let failing = client.start_patient_insights_job(failing).await.unwrap().job_id;
        let get = GetPatientInsightsJobInput::new(domain, failing);
        let step = self.world.step();
        let job = client.wait_for_patient_insights_job(get, &at_once(), |_| step()).await.unwrap();
        let Finished::Failed(job) = job else { panic!("it cannot be written") };
        assert!(job.status_details.is_some());

        let output = MedicalCodingOutputDataConfig::new("s3://bucket/codes");
        let mut input = StartMedicalCodingJobInput::new(domain, "Dry cough – two weeks.", output);
        input.dataset_id = Some(dataset.to_owned());
        let started = client.start_medical_coding_job(input).await.unwrap();
        let get = GetMedicalCodingJobInput::new(domain, started.job_id.as_str());
        let step = self.world.step();
        let job = client.wait_for_medical_coding_job(get, &at_once(), |_| step()).await.unwrap();
        assert!(job.is_success());
        let job = job.into_inner();
        assert_eq!((job.text.as_str(), job.dataset_id.as_deref()), ("Dry cough – two weeks.", Some(dataset)));
        assert!(job.medical_coding_output.unwrap().uri.starts_with("s3://bucket/codes/"));

        let mut feedback =
            SubmitFeedbackInput::new(domain, SESSION, FeedbackArtifactType::ClinicalDoc, "s3://signed/note");
        feedback.comments = Some("„Zu lang“".into());
        client.submit_feedback(feedback).await.unwrap();
    }

    async fn deletions(&self, domain: &GetDomainOutput, dataset: &str) {
        let (client, domain) = (&self.client, domain.domain_id.as_str());
        let deleted = client.delete_dataset(DeleteDatasetInput::new(domain, dataset)).await.unwrap();
        assert_eq!(deleted.status, DatasetStatus::Deleting);
        let (mut polls, step) = (0, self.world.step());
        let gone = client
            .wait_for_dataset_deletion(GetDatasetInput::new(domain, dataset), &at_once(), |_| {
                polls += 1;
                step();
            })
            .await
            .unwrap();
        assert_eq!((gone, polls), (Finished::Succeeded(None), 1));

        let deleted = client.delete_domain(DeleteDomainInput::new(domain)).await.unwrap();
        assert_eq!(deleted.status, DomainStatus::Deleting);
        self.world.step()();
        let gone = client.get_domain(GetDomainInput::new(domain)).await;
        self.is_refused(gone, ErrorKind::NotFound, "ResourceNotFoundException", 404);
    }

    /// The last call was refused, once, in these words, and the error names the service's id of it.
    #[track_caller]
    fn is_refused<T: Debug>(&self, result: Result<T, Error>, kind: ErrorKind, code: &str, status: u16) {
        let error = result.unwrap_err();
        let Error::Service(error) = error else { panic!("{error:?}") };
        assert_eq!((error.kind, error.code.as_deref(), error.status), (kind, Some(code), status));
        assert!(error.message().is_some());
        let last = self.seen.last();
        assert_eq!((error.operation, last.status), (last.operation, status));
        let request_id = last.request_id.as_deref().unwrap();
        assert_eq!((request_id.len(), error.request_id.as_deref()), (36, Some(request_id)));
        assert_eq!(last.request.headers()["amz-sdk-request"], "attempt=1; max=3", "{code}");
    }
}

fn tags<const N: usize>(tags: [(&str, &str); N]) -> std::collections::BTreeMap<String, String> {
    tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn dataset_config(input: &str) -> DatasetConfig {
    DatasetConfig::MedicalCoding(MedicalCodingDatasetConfig::new(input, "s3://output/x"))
}

fn insights(domain: &str, output: &str) -> StartPatientInsightsJobInput {
    StartPatientInsightsJobInput::new(
        domain,
        PatientInsightsPatientContext::new("p-1"),
        InsightsContext::new(InsightsType::PreVisit),
        PatientInsightsEncounterContext::new("cough, 2 weeks"),
        UserContext::new(ProviderRole::Clinician, "u-1"),
        InputDataConfig {
            s3_sources: Some(vec![S3Source::new("s3://bucket/in")]),
            ..InputDataConfig::default()
        },
        OutputDataConfig::new(output),
    )
}

async fn scene() -> Scene {
    let world = World::start().await;
    let (client, seen) = world.watched();
    Scene { world, client, seen }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let scene = scene().await;
    let client = &scene.client;
    let domain = client.create_domain(CreateDomainInput::new("d")).await.unwrap().domain_id;

    let unknown = client.get_domain(GetDomainInput::new("hai-abcdefghijklmnopq")).await;
    scene.is_refused(unknown, ErrorKind::NotFound, "ResourceNotFoundException", 404);
    let unknown = client.get_dataset(GetDatasetInput::new(domain.as_str(), "none")).await;
    scene.is_refused(unknown, ErrorKind::NotFound, "ResourceNotFoundException", 404);
    // What only the service can judge.
    let mut foreign = ListDomainsInput { next_token: Some("made up".into()), ..ListDomainsInput::default() };
    let refused = client.list_domains(foreign.clone()).await;
    scene.is_refused(refused, ErrorKind::Validation, "ValidationException", 400);
    let tags = (0..51).map(|number| (number.to_string(), String::new())).collect();
    let many = CreateDomainInput { tags: Some(tags), ..CreateDomainInput::new("d") };
    scene.is_refused(client.create_domain(many).await, ErrorKind::Validation, "ValidationException", 400);
    // What our own checks judge is not even sent.
    let sent = scene.seen.len();
    foreign.max_results = Some(101);
    assert!(matches!(client.list_domains(foreign).await, Err(Error::Input(_))));
    assert_eq!(scene.seen.len(), sent);

    for (kind, code, status) in [
        (ErrorKind::QuotaExceeded, "ServiceQuotaExceededException", 402),
        (ErrorKind::AccessDenied, "AccessDeniedException", 401),
        (ErrorKind::AccessDenied, "UnrecognizedClientException", 403),
        (ErrorKind::Other, "SomethingNewException", 418),
    ] {
        scene.world.emulator.faults().for_operation("GetDomain", refusal(status, code));
        let refused = client.get_domain(GetDomainInput::new(domain.as_str())).await;
        scene.is_refused(refused, kind, code, status);
    }
    scene.world.emulator.shutdown().await;
}

#[tokio::test]
async fn wrong_keys_are_refused_and_not_tried_again() {
    let scene = scene().await;
    for (id, secret, code, status) in [
        (ossicle_emulator::DUMMY_ACCESS_KEY_ID, "another secret", "InvalidSignatureException", 403),
        ("AKIDUNKNOWN", ossicle_emulator::DUMMY_SECRET_ACCESS_KEY, "AccessDeniedException", 401),
    ] {
        let keys = Credentials::new(id, secret, None, None);
        let (client, seen) = scene.world.watched_with(keys, |_| {}, Surroundings::default());
        let error = client.list_domains(ListDomainsInput::default()).await.unwrap_err();
        let error = error.service().unwrap();
        assert_eq!(
            (error.kind, error.code.as_deref(), error.status),
            (ErrorKind::AccessDenied, Some(code), status)
        );
        assert_eq!((error.retryable, seen.len()), (false, 1));
        assert!(error.to_string().ends_with("; check the credentials and their permissions"), "{error}");
    }
    scene.world.emulator.shutdown().await;
}

fn refusal(status: u16, code: &str) -> Fault {
    Fault::Refuse { status, code: code.to_owned(), message: "planned".to_owned(), retry_after_ms: Some(1) }
}

#[tokio::test]
async fn what_passes_is_tried_again_over_the_wire() {
    let scene = scene().await;
    let faults = scene.world.emulator.faults();
    let create = || scene.client.create_domain(CreateDomainInput::new("d"));
    // Two failures, the second at the last but one attempt. A bare status has no code at all.
    for (status, code) in
        [(429, ""), (500, ""), (503, ""), (500, "InternalServerException"), (429, "ThrottlingException")]
    {
        let before = scene.seen.len();
        faults.for_operation("CreateDomain", refusal(status, code));
        faults.for_operation("CreateDomain", refusal(status, code));
        create().await.unwrap_or_else(|error| panic!("{status} {code}: {error}"));
        let seen = &scene.seen.all()[before..];
        assert_eq!(seen.iter().map(|exchange| exchange.status).collect::<Vec<_>>(), [status, status, 201]);
        let header =
            |name: &str| seen.iter().map(|exchange| exchange.request.headers()[name].clone()).collect();
        let ids: Vec<http::HeaderValue> = header("amz-sdk-invocation-id");
        assert!(ids[0] == ids[1] && ids[1] == ids[2], "one call has one id");
        let attempts: Vec<http::HeaderValue> = header("amz-sdk-request");
        let ends = |index: usize, end: &str| attempts[index].to_str().unwrap().ends_with(end);
        assert!(ends(0, "attempt=1; max=3") && ends(1, "attempt=2; max=3") && ends(2, "attempt=3; max=3"));
    }
    // A stream that is refused or reset is tried again, over the same connection or a new one.
    for fault in [Fault::RefuseStream { reason: 7 }, Fault::Reset { after_messages: 0, reason: 2 }] {
        faults.for_operation("CreateDomain", fault);
        create().await.unwrap();
    }
    // Three attempts are all.
    (0..3).for_each(|_| faults.for_operation("CreateDomain", refusal(429, "")));
    let error = create().await.unwrap_err();
    assert!(error.is_retryable());
    let error = error.service().unwrap();
    assert_eq!((error.status, error.code.as_deref(), error.kind), (429, None, ErrorKind::Other));
    assert_eq!(faults.planned(), 0);
    // None of the failed attempts made a domain.
    let domains: Vec<_> = scene.client.domains().list().items().try_collect().await.unwrap();
    assert_eq!(domains.len(), 7);
    scene.world.emulator.shutdown().await;
}

#[tokio::test]
async fn a_retry_carries_the_token_of_its_call() {
    let scene = scene().await;
    let domain = scene.client.create_domain(CreateDomainInput::new("d")).await.unwrap().domain_id;
    scene.world.emulator.faults().for_operation("StartPatientInsightsJob", refusal(503, ""));
    scene.client.start_patient_insights_job(insights(&domain, "s3://bucket/x")).await.unwrap();
    scene.client.start_patient_insights_job(insights(&domain, "s3://bucket/x")).await.unwrap();
    let tokens: Vec<String> = scene.seen.all()[1..]
        .iter()
        .map(|exchange| {
            let body: serde_json::Value = serde_json::from_slice(exchange.request.body()).unwrap();
            body["clientToken"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(tokens.len(), 3);
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[1], tokens[2]);
    scene.world.emulator.shutdown().await;
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_by_the_services_date() {
    let world = World::start().await;
    for hours in [-3, 3, 30 * 24] {
        let system = Surroundings::default();
        let skewed = Surroundings::new(
            move || system.wall_unix_ms() + hours * 3_600_000,
            |bytes| {
                getrandom::fill(bytes).unwrap();
            },
        );
        let (client, seen) = world.watched_with(keys(), |_| {}, skewed);
        client.create_domain(CreateDomainInput::new("d")).await.unwrap();
        client.list_domains(ListDomainsInput::default()).await.unwrap();
        let statuses: Vec<u16> = seen.all().iter().map(|exchange| exchange.status).collect();
        assert_eq!(statuses, [403, 201, 200], "refused once, and known from then on");
    }
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn a_slow_answer_ends_with_the_attempt_and_a_wait_with_its_time() {
    let world = World::start().await;
    let quick = |settings: &mut Settings| settings.attempt_timeout = Some(Duration::from_millis(300));
    let (client, seen) = world.watched_with(keys(), quick, Surroundings::default());
    let domain = client.create_domain(CreateDomainInput::new("d")).await.unwrap().domain_id;
    world.emulator.faults().for_operation("GetDomain", Fault::DelayHead(PATIENCE));
    client.get_domain(GetDomainInput::new(domain.as_str())).await.unwrap();
    assert_eq!(seen.len(), 2, "the attempt that was given up on has no answer");

    // The emulator's time stands still for the job.
    let job = client.start_patient_insights_job(insights(&domain, "s3://bucket/x")).await.unwrap().job_id;
    let settings = WaitSettings { timeout: Duration::from_millis(50), ..at_once() };
    let get = GetPatientInsightsJobInput::new(domain, job);
    let error = client.wait_for_patient_insights_job(get, &settings, |_| {}).await.unwrap_err();
    assert!(matches!(error, WaitError::TimedOut { polls: 2.., last: None, .. }), "{error:?}");
    world.emulator.shutdown().await;
}
