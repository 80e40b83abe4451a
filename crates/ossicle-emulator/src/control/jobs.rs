//! Patient insights and medical coding jobs: SUBMITTED, a step later IN_PROGRESS, another later done.

use serde_json::{Value, json};

use super::{
    ACCOUNT, Call, MISSING_BUCKET, Store, advance_later, datasets, domains, iso, join_uri, step_ms,
    write_artefact,
};
use crate::answer::{ServiceError, uuid};
use crate::rules::check_dates;
use crate::server::Shared;

/// What differs between the two kinds.
struct Kind {
    table: &'static str,
    arn: &'static str,
    output: &'static str,
    /// Input members that a job gives back.
    echoed: &'static [&'static str],
}

const INSIGHTS: Kind = Kind {
    table: "insights",
    arn: "patient-insights-job",
    output: "insightsOutput",
    echoed: &[
        "patientContext",
        "insightsContext",
        "encounterContext",
        "userContext",
        "inputDataConfig",
        "outputDataConfig",
    ],
};

const CODING: Kind = Kind {
    table: "coding",
    arn: "medical-coding-job",
    output: "medicalCodingOutput",
    echoed: &["text", "patientContext", "encounterContext", "outputDataConfig", "datasetId"],
};

pub(crate) fn start_insights(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    check_dates(&call.input["patientContext"], "patientContext", call.now_ms)
        .map_err(ServiceError::validation)?;
    start(call, &INSIGHTS)
}

pub(crate) fn start_coding(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    for context in ["patientContext", "encounterContext"] {
        check_dates(&call.input[context], context, call.now_ms).map_err(ServiceError::validation)?;
    }
    domains::find(call.store, call.shared, call.text("domainId"))?;
    if let Some(id) = call.input["datasetId"].as_str() {
        let dataset = datasets::find(call.store, call.shared, call.text("domainId"), id)?;
        if datasets::status(&dataset, call.now_ms, call.step_ms()).0 != "ACTIVE" {
            return Err(ServiceError::conflict("the dataset is not ACTIVE"));
        }
    }
    start(call, &CODING)
}

fn start(call: &mut Call<'_>, kind: &Kind) -> Result<Value, ServiceError> {
    let domain_id = call.text("domainId").to_owned();
    domains::find(call.store, call.shared, &domain_id)?;
    let id = uuid();
    let arn = format!("arn:aws:health-agent:{}:{ACCOUNT}:domain/{domain_id}/{}/{id}", call.region, kind.arn);
    let mut record = json!({
        "createdMs": call.now_ms,
        "written": false,
        "failure": null,
        "jobId": id,
        "jobArn": arn,
        "echoed": {},
    });
    for name in kind.echoed {
        record["echoed"][name] = call.input[name].clone();
    }
    call.store.put(kind.table, &format!("{domain_id}/{id}"), record);
    advance_later(call.shared, 2);
    Ok(json!({ "jobArn": arn, "jobId": id, "creationTime": iso(call.now_ms) }))
}

pub(crate) fn get_insights(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    get(call, &INSIGHTS)
}

pub(crate) fn get_coding(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    get(call, &CODING)
}

fn get(call: &mut Call<'_>, kind: &Kind) -> Result<Value, ServiceError> {
    let domain_id = call.text("domainId").to_owned();
    domains::find(call.store, call.shared, &domain_id)?;
    advance(call.store, call.shared);
    let key = format!("{domain_id}/{}", call.text("jobId"));
    let record = call.store.get(kind.table, &key);
    let record = record.ok_or_else(|| ServiceError::not_found("the job does not exist"))?;
    let (status, since_ms) = status(record, call.now_ms, call.step_ms());
    let mut shown = record["echoed"].clone();
    shown["jobId"] = record["jobId"].clone();
    shown["jobArn"] = record["jobArn"].clone();
    shown["jobStatus"] = json!(status);
    shown["creationTime"] = iso(record["createdMs"].as_i64().unwrap_or(0));
    shown["updatedTime"] = iso(since_ms);
    match status {
        "SUCCEEDED" => shown[kind.output] = json!({ "uri": output_uri(kind, record) }),
        "FAILED" => shown["statusDetails"] = record["failure"].clone(),
        _ => {}
    }
    Ok(shown)
}

/// Status now, and the time since when it holds.
fn status(record: &Value, now_ms: i64, step_ms: i64) -> (&'static str, i64) {
    let created_ms = record["createdMs"].as_i64().unwrap_or(0);
    let steps = if step_ms > 0 { (now_ms - created_ms).max(0) / step_ms } else { 2 };
    match steps {
        0 => ("SUBMITTED", created_ms),
        1 => ("IN_PROGRESS", created_ms + step_ms),
        _ if record["failure"].is_string() => ("FAILED", created_ms + 2 * step_ms),
        _ => ("SUCCEEDED", created_ms + 2 * step_ms),
    }
}

fn output_uri(kind: &Kind, record: &Value) -> String {
    let prefix = record["echoed"]["outputDataConfig"]["s3OutputPath"].as_str().unwrap_or_default();
    let id = record["jobId"].as_str().unwrap_or_default();
    join_uri(prefix, &format!("{}/{id}/output.json", kind.arn))
}

/// Finishes each job that is due: writes its output, or notes why it failed.
pub(crate) fn advance(store: &mut Store, shared: &Shared) {
    let (now_ms, step_ms) = (shared.config.clock.now_ms(), step_ms(shared));
    for kind in [&INSIGHTS, &CODING] {
        let due: Vec<(String, Value)> = store
            .all(kind.table, "")
            .filter(|(_, record)| record["written"] == false)
            .filter(|(_, record)| matches!(status(record, now_ms, step_ms).0, "SUCCEEDED" | "FAILED"))
            .map(|(key, record)| (key.to_owned(), record.clone()))
            .collect();
        for (key, mut record) in due {
            let content = json!({
                "emulator": "nothing was understood: this file stands for the service's own",
                "jobId": record["jobId"],
            });
            let failure = if reads_missing_bucket(&record) {
                Some("an input bucket does not exist".to_owned())
            } else {
                write_artefact(shared, &output_uri(kind, &record), &content).err()
            };
            record["failure"] = json!(failure);
            record["written"] = json!(true);
            store.put(kind.table, &key, record);
        }
    }
}

fn reads_missing_bucket(record: &Value) -> bool {
    let sources = record["echoed"]["inputDataConfig"]["s3Sources"].as_array();
    let uris = sources.into_iter().flatten().filter_map(|source| source["uri"].as_str());
    uris.into_iter().any(|uri| uri.starts_with(MISSING_BUCKET))
}
