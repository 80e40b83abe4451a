//! The control plane: every operation by resource and verb.

pub(crate) mod args;
mod caller;
mod confirm;
mod table;
mod waiting;

use std::path::Path;

use ossicle::control::rest::*;
use ossicle::control::{Finished, wait::session_documents};
use serde_json::{Map, Value, json};

use crate::fault::{Fault, Outcome};
use args::{
    CallArgs, DatasetCommand, DomainCommand, FeedbackCommand, JobCommand, ShowArgs, SubscriptionCommand,
    TagsCommand, WaitArgs,
};
use caller::{Caller, document, joined, read_file};
use confirm::confirm;
use ossicle::core::Status;
use waiting::{Waiting, settings};

/// `ossicle domain ...`
pub(crate) async fn domain(command: &DomainCommand) -> Outcome {
    match command {
        DomainCommand::Create { name, kms_key_arn, tags, file, call } => {
            let tags = (!tags.is_empty()).then(|| tag_map(tags));
            let input =
                joined(file.as_deref(), json!({"name": name, "kmsKeyArn": kms_key_arn, "tags": tags}))?;
            simple::<CreateDomainInput>(call, input).await
        }
        DomainCommand::Get { domain, call } => {
            simple::<GetDomainInput>(call, json!({"domainId": domain})).await
        }
        DomainCommand::List { status, call } => {
            let columns =
                [("ID", "domainId"), ("NAME", "name"), ("STATUS", "status"), ("CREATED", "createdAt")];
            let caller = Caller::new(call, true).await?;
            let rows = caller.all::<ListDomainsInput>(json!({"status": status})).await?;
            show_list(&caller, &columns, &rows, "There is no domain.");
            Ok(())
        }
        DomainCommand::Delete { domain, yes, call } => {
            confirm(*yes, &format!("Delete the domain {domain} and all that is in it?"))?;
            simple::<DeleteDomainInput>(call, json!({"domainId": domain})).await
        }
    }
}

/// `ossicle subscription ...`
pub(crate) async fn subscription(command: &SubscriptionCommand) -> Outcome {
    let named = |domain: &str, id: &str| json!({"domainId": domain, "subscriptionId": id});
    match command {
        SubscriptionCommand::Create { within } => {
            simple::<CreateSubscriptionInput>(&within.call, json!({"domainId": within.domain})).await
        }
        SubscriptionCommand::Get { subscription, within } => {
            inner::<GetSubscriptionInput>(&within.call, named(&within.domain, subscription)).await
        }
        SubscriptionCommand::List { within } => {
            let columns = [
                ("ID", "subscriptionId"),
                ("STATUS", "status"),
                ("CREATED", "createdAt"),
                ("UPDATED", "lastUpdatedAt"),
            ];
            let caller = Caller::new(&within.call, true).await?;
            let rows = caller.all::<ListSubscriptionsInput>(json!({"domainId": within.domain})).await?;
            show_list(&caller, &columns, &rows, "The domain has no subscription.");
            Ok(())
        }
        SubscriptionCommand::Activate { subscription, within } => {
            inner::<ActivateSubscriptionInput>(&within.call, named(&within.domain, subscription)).await
        }
        SubscriptionCommand::Deactivate { subscription, yes, within } => {
            confirm(*yes, &format!("Deactivate {subscription}? New sessions on it will be refused."))?;
            inner::<DeactivateSubscriptionInput>(&within.call, named(&within.domain, subscription)).await
        }
    }
}

/// `ossicle tags ...`
pub(crate) async fn tags(command: &TagsCommand) -> Outcome {
    match command {
        TagsCommand::List { arn, call } => {
            let caller = Caller::new(call, true).await?;
            let output = caller.call::<ListTagsForResourceInput>(json!({"resourceArn": arn})).await?;
            let tags = output.tags.unwrap_or_default();
            let rows: Vec<Value> =
                tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
            show_list(&caller, &[("KEY", "key"), ("VALUE", "value")], &rows, "It has no tags.");
            Ok(())
        }
        TagsCommand::Add { arn, tags, call } => {
            simple::<TagResourceInput>(call, json!({"resourceArn": arn, "tags": tag_map(tags)})).await
        }
        TagsCommand::Remove { arn, keys, yes, call } => {
            confirm(*yes, &format!("Take {} away from {arn}?", keys.join(", ")))?;
            simple::<UntagResourceInput>(call, json!({"resourceArn": arn, "tagKeys": keys})).await
        }
    }
}

/// `ossicle dataset ...`
pub(crate) async fn dataset(command: &DatasetCommand) -> Outcome {
    let named = |domain: &str, id: &str| json!({"domainId": domain, "datasetId": id});
    match command {
        DatasetCommand::Create { name, input, output, file, wait, within } => {
            let paths = input.is_some() || output.is_some();
            let config =
                paths.then(|| json!({"medicalCoding": {"s3InputPath": input, "s3OutputPath": output}}));
            let document = json!({"domainId": within.domain, "name": name, "config": config});
            let document = joined(file.as_deref(), document)?;
            let caller = Caller::new(&within.call, true).await?;
            let made = caller.call::<CreateDatasetInput>(document).await?;
            if wait.wait {
                return wait_for_dataset(&caller, wait, &within.domain, &made.dataset_id).await;
            }
            show(&caller, &made)
        }
        DatasetCommand::Get { dataset, wait, within } => {
            let caller = Caller::new(&within.call, true).await?;
            if wait.wait {
                return wait_for_dataset(&caller, wait, &within.domain, dataset).await;
            }
            show(&caller, &caller.call::<GetDatasetInput>(named(&within.domain, dataset)).await?)
        }
        DatasetCommand::List { within } => {
            let columns =
                [("ID", "datasetId"), ("NAME", "name"), ("STATUS", "status"), ("UPDATED", "updatedAt")];
            let caller = Caller::new(&within.call, true).await?;
            let rows = caller.all::<ListDatasetsInput>(json!({"domainId": within.domain})).await?;
            show_list(&caller, &columns, &rows, "The domain has no dataset.");
            Ok(())
        }
        DatasetCommand::Delete { dataset, yes, wait, within } => {
            confirm(*yes, &format!("Delete the dataset {dataset}?"))?;
            let caller = Caller::new(&within.call, true).await?;
            let deleting = caller.call::<DeleteDatasetInput>(named(&within.domain, dataset)).await?;
            if !wait.wait {
                return show(&caller, &deleting);
            }
            let input = GetDatasetInput::new(within.domain.as_str(), dataset.as_str());
            let mut waiting = Waiting::new();
            let ended = caller
                .client
                .wait_for_dataset_deletion(input, &settings(wait), |progress| {
                    waiting.show(&progress, |dataset| dataset.status.as_str().to_owned());
                })
                .await
                .map_err(|error| caller.wait_fault(error))?;
            drop(waiting);
            match ended {
                Finished::Succeeded(_) => {
                    let gone = json!({"datasetId": dataset, "status": "DELETED"});
                    caller.show(&gone, table::one);
                    Ok(())
                }
                Finished::Failed(_) => {
                    Err(Fault::failed(Status::ServiceFailed, "the dataset could not be deleted"))
                }
            }
        }
    }
}

async fn wait_for_dataset(caller: &Caller, wait: &WaitArgs, domain: &str, dataset: &str) -> Outcome {
    let mut waiting = Waiting::new();
    let ended = caller
        .client
        .wait_for_dataset(GetDatasetInput::new(domain, dataset), &settings(wait), |progress| {
            waiting.show(&progress, |dataset| dataset.status.as_str().to_owned());
        })
        .await
        .map_err(|error| caller.wait_fault(error))?;
    drop(waiting);
    ended_well(caller, ended, "the dataset could not be made")
}

/// `ossicle insights ...`
pub(crate) async fn insights(command: &JobCommand) -> Outcome {
    match command {
        JobCommand::Start { file, domain, wait, call } => {
            let caller = Caller::new(call, false).await?;
            let (input, domain) = job_input(file, domain.as_deref())?;
            let started = caller.call::<StartPatientInsightsJobInput>(input).await?;
            if wait.wait {
                return wait_for_insights(&caller, wait, &domain, &started.job_id).await;
            }
            show(&caller, &started)
        }
        JobCommand::Get { job, wait, within } => {
            let caller = Caller::new(&within.call, false).await?;
            if wait.wait {
                return wait_for_insights(&caller, wait, &within.domain, job).await;
            }
            let input = json!({"domainId": within.domain, "jobId": job});
            show(&caller, &caller.call::<GetPatientInsightsJobInput>(input).await?)
        }
    }
}

async fn wait_for_insights(caller: &Caller, wait: &WaitArgs, domain: &str, job: &str) -> Outcome {
    let mut waiting = Waiting::new();
    let ended = caller
        .client
        .wait_for_patient_insights_job(
            GetPatientInsightsJobInput::new(domain, job),
            &settings(wait),
            |progress| {
                waiting.show(&progress, |job| job.job_status.as_str().to_owned());
            },
        )
        .await
        .map_err(|error| caller.wait_fault(error))?;
    drop(waiting);
    ended_well(caller, ended, "the job failed")
}

/// `ossicle coding ...`
pub(crate) async fn coding(command: &JobCommand) -> Outcome {
    match command {
        JobCommand::Start { file, domain, wait, call } => {
            let caller = Caller::new(call, false).await?;
            let (input, domain) = job_input(file, domain.as_deref())?;
            let started = caller.call::<StartMedicalCodingJobInput>(input).await?;
            if wait.wait {
                return wait_for_coding(&caller, wait, &domain, &started.job_id).await;
            }
            show(&caller, &started)
        }
        JobCommand::Get { job, wait, within } => {
            let caller = Caller::new(&within.call, false).await?;
            if wait.wait {
                return wait_for_coding(&caller, wait, &within.domain, job).await;
            }
            let input = json!({"domainId": within.domain, "jobId": job});
            show(&caller, &caller.call::<GetMedicalCodingJobInput>(input).await?)
        }
    }
}

async fn wait_for_coding(caller: &Caller, wait: &WaitArgs, domain: &str, job: &str) -> Outcome {
    let mut waiting = Waiting::new();
    let ended = caller
        .client
        .wait_for_medical_coding_job(
            GetMedicalCodingJobInput::new(domain, job),
            &settings(wait),
            |progress| {
                waiting.show(&progress, |job| job.job_status.as_str().to_owned());
            },
        )
        .await
        .map_err(|error| caller.wait_fault(error))?;
    drop(waiting);
    ended_well(caller, ended, "the job failed")
}

/// `ossicle feedback ...`
pub(crate) async fn feedback(command: &FeedbackCommand) -> Outcome {
    let FeedbackCommand::Submit { file, source, kind, signed, generated, subscription, domain, call } =
        command;
    let input = json!({
        "domainId": domain, "artifactSourceId": source, "artifactType": kind, "signedArtifactS3Uri": signed,
        "generatedArtifactS3Uri": generated, "subscriptionId": subscription,
    });
    let input = joined(file.as_deref(), input)?;
    let caller = Caller::new(call, false).await?;
    show(&caller, &caller.call::<SubmitFeedbackInput>(input).await?)
}

/// `ossicle session show`
pub(crate) async fn session(args: &ShowArgs) -> Outcome {
    let caller = Caller::new(&args.within.call, true).await?;
    let session = args.session.to_string();
    let input = GetMedicalScribeListeningSessionInput::new(
        session,
        args.within.domain.as_str(),
        args.subscription.as_str(),
    );
    if !args.wait.wait {
        let output = caller.client.call(input).await.map_err(|error| caller.fault(error))?;
        return show_inner(&caller, &document(&output)?);
    }
    let mut waiting = Waiting::new();
    let ended = caller
        .client
        .wait_for_session_documents(input, &settings(&args.wait), |progress| {
            waiting.show(&progress, documents)
        })
        .await
        .map_err(|error| caller.wait_fault(error))?;
    drop(waiting);
    let is_success = ended.is_success();
    show_inner(&caller, &document(&ended.into_inner())?)?;
    if is_success {
        return Ok(());
    }
    Err(Fault::failed(
        Status::ServiceFailed,
        "the session or one of its documents failed: see its failure reason",
    ))
}

/// The state of a session and of its documents, in a line.
fn documents(output: &GetMedicalScribeListeningSessionOutput) -> String {
    let Some(details) = &output.medical_scribe_listening_session_details else { return "nothing yet".into() };
    let state = details.stream_status.as_ref().map_or("unknown", StreamStatus::as_str);
    let each = session_documents(details).into_iter().map(|(name, document)| {
        let status = document.status.as_ref().map_or("unknown", ArtifactStatus::as_str);
        format!("{name} {status}")
    });
    std::iter::once(state.to_owned()).chain(each).collect::<Vec<_>>().join(", ")
}

/// A call whose whole answer is shown.
async fn simple<I>(call: &CallArgs, input: Value) -> Outcome
where
    I: Request + serde::de::DeserializeOwned,
    I::Output: serde::Serialize,
{
    let caller = Caller::new(call, true).await?;
    let output = caller.call::<I>(input).await?;
    show(&caller, &output)
}

/// A call whose answer wraps the one thing to show.
async fn inner<I>(call: &CallArgs, input: Value) -> Outcome
where
    I: Request + serde::de::DeserializeOwned,
    I::Output: serde::Serialize,
{
    let caller = Caller::new(call, true).await?;
    let output = caller.call::<I>(input).await?;
    show_inner(&caller, &document(&output)?)
}

fn show(caller: &Caller, answer: &impl serde::Serialize) -> Outcome {
    let answer = document(answer)?;
    // Some operations answer nothing but that they succeeded.
    let is_empty = answer.is_null() || answer.as_object().is_some_and(Map::is_empty);
    match (is_empty, caller.json) {
        (true, true) => caller.show(&json!({}), |_| String::new()),
        (true, false) => crate::show::print("Done."),
        _ => caller.show(&answer, table::one),
    }
    Ok(())
}

/// Shows what an answer of one member wraps.
fn show_inner(caller: &Caller, answer: &Value) -> Outcome {
    let wrapped =
        answer.as_object().filter(|members| members.len() == 1).and_then(|members| members.values().next());
    caller.show(wrapped.unwrap_or(answer), table::one);
    Ok(())
}

fn show_list(caller: &Caller, columns: &[(&str, &str)], rows: &[Value], none: &str) {
    if caller.json {
        rows.iter().for_each(|row| crate::show::print(&row.to_string()));
    } else if rows.is_empty() {
        crate::show::print(none);
    } else {
        crate::show::print(&table::list(columns, rows));
    }
}

fn ended_well<T: serde::Serialize>(caller: &Caller, ended: Finished<T>, otherwise: &str) -> Outcome {
    let is_success = ended.is_success();
    show(caller, &ended.into_inner())?;
    if is_success {
        return Ok(());
    }
    Err(Fault::failed(Status::ServiceFailed, format!("{otherwise}: see its status details")))
}

fn job_input(file: &Path, domain: Option<&str>) -> Outcome<(Value, String)> {
    let mut input = read_file(file)?;
    if let Some(domain) = domain {
        input["domainId"] = domain.into();
    }
    match input["domainId"].as_str().map(str::to_owned) {
        Some(domain) => Ok((input, domain)),
        None => Err(Fault::usage("the domain is not known: give --domain, or domainId in the file")),
    }
}

fn tag_map(tags: &[(String, String)]) -> Map<String, Value> {
    tags.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect()
}
