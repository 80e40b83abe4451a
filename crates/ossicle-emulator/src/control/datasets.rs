//! Datasets for medical coding, which take a step to be made and another to be deleted.

use serde_json::{Value, json};

use super::page::page;
use super::{
    ACCOUNT, Call, MISSING_BUCKET, Store, advance_later, domains, epoch, join_uri, new_id, step_ms,
    write_artefact,
};
use crate::answer::ServiceError;
use crate::server::Shared;

pub(crate) fn create(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    let domain_id = call.text("domainId").to_owned();
    domains::find(call.store, call.shared, &domain_id)?;
    let id = new_id("", 20);
    let sequence = call.store.next_sequence();
    let record = json!({
        "sequence": sequence,
        "createdMs": call.now_ms,
        "deletedMs": null,
        "written": false,
        "domainId": domain_id,
        "datasetId": id,
        "arn": format!("arn:aws:health-agent:{}:{ACCOUNT}:domain/{domain_id}/dataset/{id}", call.region),
        "name": call.input["name"],
        "config": call.input["config"],
    });
    call.store.put("dataset", &format!("{domain_id}/{id}"), record.clone());
    advance_later(call.shared, 1);
    Ok(json!({
        "arn": record["arn"],
        "datasetId": id,
        "type": "MEDICAL_CODING",
        "status": "CREATING",
        "createdAt": epoch(call.now_ms),
    }))
}

/// A dataset that is not deleted.
pub(crate) fn find(store: &Store, shared: &Shared, domain_id: &str, id: &str) -> Result<Value, ServiceError> {
    let missing = || ServiceError::not_found("the dataset does not exist");
    let record = store.get("dataset", &format!("{domain_id}/{id}")).ok_or_else(missing)?;
    let now_ms = shared.config.clock.now_ms();
    let gone = record["deletedMs"].as_i64().is_some_and(|at| now_ms >= at.saturating_add(step_ms(shared)));
    if gone { Err(missing()) } else { Ok(record.clone()) }
}

/// Status now, and the time since when it holds.
pub(crate) fn status(record: &Value, now_ms: i64, step_ms: i64) -> (&'static str, i64) {
    let created_ms = record["createdMs"].as_i64().unwrap_or(0);
    let ready_ms = created_ms.saturating_add(step_ms);
    if let Some(deleted_ms) = record["deletedMs"].as_i64() {
        return ("DELETING", deleted_ms);
    }
    match now_ms >= ready_ms {
        false => ("CREATING", created_ms),
        true if uses_missing_bucket(record) => ("CREATE_FAILED", ready_ms),
        true => ("ACTIVE", ready_ms),
    }
}

fn uses_missing_bucket(record: &Value) -> bool {
    let paths = &record["config"]["medicalCoding"];
    let missing = |name: &str| paths[name].as_str().is_some_and(|uri| uri.starts_with(MISSING_BUCKET));
    missing("s3InputPath") || missing("s3OutputPath")
}

fn evaluation_uri(record: &Value) -> String {
    let output = record["config"]["medicalCoding"]["s3OutputPath"].as_str().unwrap_or_default();
    let id = record["datasetId"].as_str().unwrap_or_default();
    join_uri(output, &format!("health-agent-dataset/{id}/evaluation.json"))
}

fn summary(call: &Call<'_>, record: &Value) -> Value {
    let (status, since_ms) = status(record, call.now_ms, call.step_ms());
    let details = (status == "CREATE_FAILED").then_some("The input or output bucket does not exist.");
    json!({
        "arn": record["arn"],
        "datasetId": record["datasetId"],
        "name": record["name"],
        "type": "MEDICAL_CODING",
        "status": status,
        "statusDetails": details,
        "createdAt": epoch(record["createdMs"].as_i64().unwrap_or(0)),
        "updatedAt": epoch(since_ms),
    })
}

pub(crate) fn get(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    domains::find(call.store, call.shared, call.text("domainId"))?;
    let record = find(call.store, call.shared, call.text("domainId"), call.text("datasetId"))?;
    advance(call.store, call.shared);
    let mut shown = summary(call, &record);
    if shown["status"] == "ACTIVE" {
        shown["artifacts"] = json!({ "medicalCoding": { "evaluationS3Uri": evaluation_uri(&record) } });
    }
    shown["config"] = record["config"].clone();
    Ok(shown)
}

pub(crate) fn list(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    domains::find(call.store, call.shared, call.text("domainId"))?;
    let domain_id = call.text("domainId").to_owned();
    let keys: Vec<String> =
        call.store.all("dataset", &format!("{domain_id}/")).map(|(key, _)| key.to_owned()).collect();
    let ids = keys.iter().filter_map(|key| key.split_once('/').map(|(_, id)| id));
    let records = ids.filter_map(|id| find(call.store, call.shared, &domain_id, id).ok()).collect();
    page(call, records, "items", |record| summary(call, record))
}

pub(crate) fn delete(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    let (domain_id, id) = (call.text("domainId").to_owned(), call.text("datasetId").to_owned());
    domains::find(call.store, call.shared, &domain_id)?;
    let mut record = find(call.store, call.shared, &domain_id, &id)?;
    let (status, _) = status(&record, call.now_ms, call.step_ms());
    if !matches!(status, "ACTIVE" | "CREATE_FAILED" | "DELETE_FAILED") {
        return Err(ServiceError::conflict(format!("a dataset that is {status} cannot be deleted")));
    }
    record["deletedMs"] = json!(call.now_ms);
    call.store.put("dataset", &format!("{domain_id}/{id}"), record.clone());
    Ok(json!({ "arn": record["arn"], "datasetId": id, "status": "DELETING" }))
}

/// Writes the evaluation of each dataset that has become ACTIVE.
pub(crate) fn advance(store: &mut Store, shared: &Shared) {
    let now_ms = shared.config.clock.now_ms();
    let due: Vec<(String, Value)> = store
        .all("dataset", "")
        .filter(|(_, record)| {
            record["written"] == false && status(record, now_ms, step_ms(shared)).0 == "ACTIVE"
        })
        .map(|(key, record)| (key.to_owned(), record.clone()))
        .collect();
    for (key, mut record) in due {
        let content = json!({
            "emulator": "nothing was evaluated: this file stands for the service's own",
            "datasetId": record["datasetId"],
        });
        // A folder that cannot be written leaves the artefact out; the dataset itself does not depend on it.
        let _ = write_artefact(shared, &evaluation_uri(&record), &content);
        record["written"] = json!(true);
        store.put("dataset", &key, record);
    }
}
