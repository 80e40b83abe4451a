//! Any input that passes validation survives our client, the wire, the emulator, and the way back.

#![cfg(feature = "h2-transport")]

mod documents;
mod peer;

use std::collections::BTreeMap;

use documents::documents;
use ossicle_control::rest::*;
use ossicle_control::*;
use ossicle_model::shape::{Place, Shaped};
use peer::*;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// Inputs of each operation. All take a few seconds together.
const CASES: u32 = 256;

/// Every operation's token may be this long.
const TOKEN_CHARS_MAX: usize = 128;

/// Runs a check on inputs of an operation in a domain of their own; `fix` gives each what only the world knows.
fn check<I: Request + Clone + DeserializeOwned>(
    fix: impl Fn(&mut Map<String, Value>, &str),
    check: impl AsyncFn(&Client, &Seen, I, &Map<String, Value>),
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::start());
    let (client, seen) = world.watched();
    let domain = runtime.block_on(client.create_domain(CreateDomainInput::new("d"))).unwrap().domain_id;
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
    let run = TestRunner::new(config).run(&documents(<I as Shaped>::SHAPE), |document| {
        let Value::Object(mut document) = document else { panic!("an input is an object") };
        fix(&mut document, &domain);
        // Two inputs under one token are a conflict.
        if let Some(Value::String(token)) = document.get_mut("clientToken") {
            *token = format!("{}:{token}", seen.len()).chars().take(TOKEN_CHARS_MAX).collect();
        }
        let input: I = serde_json::from_value(Value::Object(document.clone())).map_err(failed)?;
        // A panic in here is caught and shrunk like any failure.
        runtime.block_on(check(&client, &seen, input, &document));
        Ok(())
    });
    run.unwrap();
    runtime.block_on(world.emulator.shutdown());
}

fn failed(error: impl std::fmt::Display) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

fn set(input: &mut Map<String, Value>, name: &str, value: &str) {
    input.insert(name.to_owned(), json!(value));
}

/// Every member of the input that the output has too is the same in both.
#[track_caller]
fn is_echoed(output: &impl Serialize, input: &Map<String, Value>, echoed: &[&str]) {
    let output = serde_json::to_value(output).unwrap();
    for name in echoed {
        assert_eq!(output.get(*name), input.get(*name), "{name}");
    }
}

/// What went over the wire last is the input, member by member, but for those that travel elsewhere.
#[track_caller]
fn was_sent(seen: &Seen, input: &Map<String, Value>, elsewhere: &[&str]) {
    let exchange = seen.last();
    let Value::Object(mut body) = serde_json::from_slice(exchange.request.body()).unwrap() else {
        panic!("no object")
    };
    let mut expected = input.clone();
    elsewhere.iter().for_each(|name| _ = expected.remove(*name));
    if !expected.contains_key("clientToken") {
        assert!(
            body.remove("clientToken")
                .is_some_and(|token| token.as_str().is_some_and(|token| token.len() == 36))
        );
    }
    assert_eq!(body, expected);
}

#[test]
fn domains_with_tags_survive() {
    check::<CreateDomainInput>(
        |_, _| {},
        async |client, _, input, document| {
            let tags = input.tags.clone();
            let made = client.create_domain(input).await.unwrap();
            let got = client.get_domain(GetDomainInput::new(made.domain_id.as_str())).await.unwrap();
            is_echoed(&got, document, &["name", "kmsKeyArn"]);
            assert_eq!(got.tags.as_ref(), Some(&tags.unwrap_or_default()));
            let asked = document.get("webAppSetupConfiguration");
            assert_eq!(got.web_app_configuration.is_some(), asked.is_some());
            if let (Some(got), Some(asked)) = (&got.web_app_configuration, asked) {
                assert_eq!(
                    json!([got.ehr_role, got.idc_region]),
                    json!([asked["ehrRole"], asked["idcRegion"]])
                );
            }
            client.delete_domain(DeleteDomainInput::new(made.domain_id)).await.unwrap();
        },
    );
}

/// Keys of tags go through the query, values through the body.
#[test]
fn tags_survive_being_changed_and_removed() {
    check::<TagResourceInput>(
        |input, domain| {
            let arn = format!("arn:aws:health-agent:us-east-1:123456789012:domain/{domain}");
            set(input, "resourceArn", &arn);
        },
        async |client, _, input, _| {
            let (arn, added) = (input.resource_arn.clone(), input.tags.clone());
            client.tag_resource(input).await.unwrap();
            let list = || client.list_tags_for_resource(ListTagsForResourceInput::new(arn.as_str()));
            assert_eq!(list().await.unwrap().tags, Some(added.clone()));
            for key in added.into_keys() {
                let before = list().await.unwrap().tags.unwrap();
                client
                    .untag_resource(UntagResourceInput::new(arn.as_str(), vec![key.clone()]))
                    .await
                    .unwrap();
                let after = list().await.unwrap().tags.unwrap();
                let left: BTreeMap<_, _> = before.into_iter().filter(|(other, _)| *other != key).collect();
                assert_eq!(after, left);
            }
        },
    );
}

#[test]
fn datasets_survive() {
    check::<CreateDatasetInput>(
        |input, domain| set(input, "domainId", domain),
        async |client, seen, input, document| {
            let domain = input.domain_id.clone();
            let made = client.create_dataset(input).await.unwrap();
            was_sent(seen, document, &["domainId"]);
            let got = client.get_dataset(GetDatasetInput::new(domain, made.dataset_id)).await.unwrap();
            is_echoed(&got, document, &["name", "config"]);
        },
    );
}

#[test]
fn coding_jobs_survive() {
    check::<StartMedicalCodingJobInput>(
        |input, domain| {
            set(input, "domainId", domain);
            // There is no dataset of this name.
            input.remove("datasetId");
        },
        async |client, seen, input, document| {
            let domain = input.domain_id.clone();
            let made = client.start_medical_coding_job(input).await.unwrap();
            was_sent(seen, document, &["domainId"]);
            let got = GetMedicalCodingJobInput::new(domain, made.job_id);
            let got = client.get_medical_coding_job(got).await.unwrap();
            is_echoed(&got, document, &["text", "patientContext", "encounterContext", "outputDataConfig"]);
        },
    );
}

#[test]
fn insights_jobs_survive() {
    check::<StartPatientInsightsJobInput>(
        |input, domain| set(input, "domainId", domain),
        async |client, seen, input, document| {
            let domain = input.domain_id.clone();
            let made = client.start_patient_insights_job(input).await.unwrap();
            was_sent(seen, document, &["domainId"]);
            let got = GetPatientInsightsJobInput::new(domain, made.job_id);
            let got = client.get_patient_insights_job(got).await.unwrap();
            let contexts = ["patientContext", "insightsContext", "encounterContext", "userContext"];
            is_echoed(&got, document, &contexts);
            is_echoed(&got, document, &["inputDataConfig", "outputDataConfig"]);
        },
    );
}

/// Feedback is not given back. The emulator compares what comes under one token with what came before.
#[test]
fn feedback_survives() {
    check::<SubmitFeedbackInput>(
        |input, domain| set(input, "domainId", domain),
        async |client, seen, input, document| {
            client.submit_feedback(input.clone()).await.unwrap();
            was_sent(seen, document, &["domainId"]);
            let Some(token) = &input.client_token else { return };
            assert!(!token.is_empty());
            client.submit_feedback(input.clone()).await.unwrap();
            let other = match input.artifact_type {
                FeedbackArtifactType::ClinicalDoc => FeedbackArtifactType::MedicalCodes,
                _ => FeedbackArtifactType::ClinicalDoc,
            };
            let error = client.submit_feedback(SubmitFeedbackInput { artifact_type: other, ..input }).await;
            assert_eq!(error.unwrap_err().kind(), Some(ErrorKind::Conflict));
        },
    );
}

/// Puts together again what the path and the query of a request say, as texts by the members' names.
fn read_back(operation: &Operation, uri: &http::Uri) -> BTreeMap<String, String> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let (template, path) = (operation.path.split('/'), uri.path().split('/'));
    assert_eq!(template.clone().count(), path.clone().count(), "an id is one piece of the path");
    let labels = template.zip(path).filter_map(|(template, piece)| {
        let name = template.strip_prefix('{')?.strip_suffix('}')?;
        Some((name.to_owned(), decoded(piece)))
    });
    let query = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    labels.chain(query.map(|(name, value)| (decoded(name), decoded(value)))).collect()
}

/// Inputs that name things and bring nothing else: the request line says the whole input, and the emulator takes it for a
/// valid one, also where there is no such thing.
fn is_understood<I: Request + Clone + DeserializeOwned>() {
    let members = I::OPERATION.input.members();
    assert!(members.iter().all(|member| matches!(member.place, Place::Label | Place::Query)));
    let known = std::cell::Cell::new(false);
    check::<I>(
        |input, domain| {
            // Every other one in a domain that there is.
            known.set(!known.get());
            if known.get() && input.contains_key("domainId") {
                set(input, "domainId", domain);
            }
            // No page gave this token.
            input.remove("nextToken");
        },
        async |client, seen, input, document| {
            let answer = client.call(input).await;
            let exchange = seen.last();
            assert_eq!(exchange.operation, I::OPERATION.name);
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let expected = document.iter().map(|(name, value)| (name.clone(), text(value))).collect();
            assert_eq!(read_back(I::OPERATION, exchange.request.uri()), expected);
            if let Err(error) = answer {
                assert_eq!(error.kind(), Some(ErrorKind::NotFound), "{error}");
            }
        },
    );
}

#[test]
fn lists_are_understood() {
    is_understood::<ListDomainsInput>();
    is_understood::<ListSubscriptionsInput>();
    is_understood::<ListDatasetsInput>();
}

#[test]
fn what_is_named_by_ids_is_understood() {
    is_understood::<GetSubscriptionInput>();
    is_understood::<ActivateSubscriptionInput>();
    is_understood::<DeactivateSubscriptionInput>();
    is_understood::<DeleteDatasetInput>();
    is_understood::<GetMedicalScribeListeningSessionInput>();
}

#[test]
fn subscriptions_survive() {
    check::<CreateSubscriptionInput>(
        |input, domain| set(input, "domainId", domain),
        async |client, _, input, _| {
            let domain = input.domain_id.clone();
            let made = client.create_subscription(input).await.unwrap();
            let got = GetSubscriptionInput::new(domain.as_str(), made.subscription_id.as_str());
            let got = client.get_subscription(got).await.unwrap().subscription.unwrap();
            assert_eq!((got.domain_id, got.subscription_id), (domain, made.subscription_id));
        },
    );
}
