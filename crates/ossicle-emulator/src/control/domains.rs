//! Domains and their subscriptions.

use serde_json::{Value, json};

use super::page::page;
use super::{ACCOUNT, Call, Store, epoch, new_id, step_ms, tags};
use crate::answer::ServiceError;
use crate::server::Shared;

/// Domains of one account; more are refused with the quota's error.
const DOMAINS_MAX: usize = 1_000;
/// Subscriptions of one domain; more are refused with the quota's error.
const SUBSCRIPTIONS_MAX: usize = 1_000;

pub(crate) fn create(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    purge(call);
    if call.store.all("domain", "").count() >= DOMAINS_MAX {
        let message = format!("an account has at most {DOMAINS_MAX} domains");
        return Err(ServiceError::modelled("ServiceQuotaExceededException", message));
    }
    tags::check(&call.input["tags"])?;
    let id = new_id("hai-", 18);
    let arn = format!("arn:aws:health-agent:{}:{ACCOUNT}:domain/{id}", call.region);
    let key = &call.input["kmsKeyArn"];
    let encryption = if key.is_null() { "AWS_OWNED_KEY" } else { "CUSTOMER_MANAGED_KEY" };
    let setup = &call.input["webAppSetupConfiguration"];
    let web_app = if setup.is_null() {
        (Value::Null, Value::Null)
    } else {
        let configuration = json!({
            "ehrRole": setup["ehrRole"],
            "idcApplicationId": new_id("apl-", 16),
            "idcRegion": setup["idcRegion"],
        });
        (Value::from(format!("https://{id}.app.health-agent.localhost")), configuration)
    };
    let record = json!({
        "sequence": call.store.next_sequence(),
        "deletedMs": null,
        "shown": {
            "domainId": id,
            "arn": arn,
            "name": call.input["name"],
            "kmsKeyArn": key,
            "encryptionContext": { "encryptionType": encryption, "kmsKeyArn": key },
            "status": "ACTIVE",
            "webAppUrl": web_app.0,
            "webAppConfiguration": web_app.1,
            "createdAt": epoch(call.now_ms),
        },
    });
    call.store.put("domain", &id, record.clone());
    tags::set(call.store, &arn, &call.input["tags"]);
    Ok(record["shown"].clone())
}

/// Forgets domains whose deletion is over, with their subscriptions.
fn purge(call: &mut Call<'_>) {
    let ids: Vec<String> = call.store.all("domain", "").map(|(id, _)| id.to_owned()).collect();
    for id in &ids {
        if find(call.store, call.shared, id).is_ok() {
            continue;
        }
        let own: Vec<String> =
            call.store.all("subscription", &format!("{id}/")).map(|(key, _)| key.to_owned()).collect();
        own.iter().for_each(|key| call.store.remove("subscription", key));
        call.store.remove("domain", id);
    }
}

/// A domain that is not deleted, with its status now. A deletion takes one step.
pub(crate) fn find(store: &Store, shared: &Shared, id: &str) -> Result<Value, ServiceError> {
    let missing = || ServiceError::not_found("the domain does not exist");
    let mut record = store.get("domain", id).cloned().ok_or_else(missing)?;
    if let Some(deleted_ms) = record["deletedMs"].as_i64() {
        if shared.config.clock.now_ms() >= deleted_ms.saturating_add(step_ms(shared)) {
            return Err(missing());
        }
        record["shown"]["status"] = json!("DELETING");
    }
    Ok(record)
}

pub(crate) fn get(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    let mut shown = find(call.store, call.shared, call.text("domainId"))?["shown"].take();
    let tags = tags::of(call.store, shown["arn"].as_str().unwrap_or_default());
    shown["tags"] = tags;
    Ok(shown)
}

pub(crate) fn list(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    let ids: Vec<String> = call.store.all("domain", "").map(|(id, _)| id.to_owned()).collect();
    let domains = ids.iter().filter_map(|id| find(call.store, call.shared, id).ok());
    let status = &call.input["status"];
    let domains = domains.filter(|domain| status.is_null() || domain["shown"]["status"] == *status).collect();
    page(call, domains, "domains", |domain| {
        let shown = &domain["shown"];
        json!({
            "domainId": shown["domainId"],
            "arn": shown["arn"],
            "name": shown["name"],
            "status": shown["status"],
            "createdAt": shown["createdAt"],
        })
    })
}

pub(crate) fn delete(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    let id = call.text("domainId").to_owned();
    let mut record = find(call.store, call.shared, &id)?;
    record["shown"]["status"] = json!("DELETING");
    if record["deletedMs"].is_null() {
        record["deletedMs"] = json!(call.now_ms);
        call.store.put("domain", &id, record.clone());
    }
    let shown = &record["shown"];
    Ok(json!({ "domainId": id, "arn": shown["arn"], "status": "DELETING" }))
}

pub(crate) fn create_subscription(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    let domain_id = call.text("domainId").to_owned();
    find(call.store, call.shared, &domain_id)?;
    if call.store.all("subscription", &format!("{domain_id}/")).count() >= SUBSCRIPTIONS_MAX {
        let message = format!("a domain has at most {SUBSCRIPTIONS_MAX} subscriptions");
        return Err(ServiceError::modelled("ServiceQuotaExceededException", message));
    }
    let id = new_id("sub-", 21);
    let now = epoch(call.now_ms);
    let shown = json!({
        "domainId": domain_id,
        "subscriptionId": id,
        "arn": format!("arn:aws:health-agent:{}:{ACCOUNT}:domain/{domain_id}/subscription/{id}", call.region),
        "status": "ACTIVE",
        "createdAt": now,
        "lastUpdatedAt": now,
        "activatedAt": now,
    });
    let sequence = call.store.next_sequence();
    let record = json!({ "sequence": sequence, "shown": shown });
    call.store.put("subscription", &format!("{domain_id}/{id}"), record);
    Ok(shown)
}

fn find_subscription(
    store: &Store,
    shared: &Shared,
    domain_id: &str,
    id: &str,
) -> Result<(String, Value), ServiceError> {
    find(store, shared, domain_id)?;
    let key = format!("{domain_id}/{id}");
    let record = store.get("subscription", &key).cloned();
    let record = record.ok_or_else(|| ServiceError::not_found("the subscription does not exist"))?;
    Ok((key, record))
}

pub(crate) fn get_subscription(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    let (_, record) =
        find_subscription(call.store, call.shared, call.text("domainId"), call.text("subscriptionId"))?;
    Ok(json!({ "subscription": record["shown"] }))
}

pub(crate) fn list_subscriptions(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    find(call.store, call.shared, call.text("domainId"))?;
    let prefix = format!("{}/", call.text("domainId"));
    let records = call.store.all("subscription", &prefix).map(|(_, record)| record.clone()).collect();
    page(call, records, "subscriptions", |record| record["shown"].clone())
}

pub(crate) fn activate_subscription(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    change_status(call, "ACTIVE", "activatedAt")
}

/// Streams in progress go on to their end; new ones are refused.
pub(crate) fn deactivate_subscription(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    change_status(call, "INACTIVE", "deactivatedAt")
}

fn change_status(call: &mut Call<'_>, status: &str, stamp: &str) -> Result<Value, ServiceError> {
    let (key, mut record) =
        find_subscription(call.store, call.shared, call.text("domainId"), call.text("subscriptionId"))?;
    if record["shown"]["status"] != status {
        let now = epoch(call.now_ms);
        record["shown"]["status"] = json!(status);
        record["shown"]["lastUpdatedAt"] = now.clone();
        record["shown"][stamp] = now;
        call.store.put("subscription", &key, record.clone());
    }
    Ok(json!({ "subscription": record["shown"] }))
}

/// Whether a session may run on a subscription: it exists and is ACTIVE.
pub(crate) fn check_active(
    store: &Store,
    shared: &Shared,
    domain_id: &str,
    subscription_id: &str,
) -> Result<(), ServiceError> {
    let (_, record) = find_subscription(store, shared, domain_id, subscription_id)?;
    if record["shown"]["status"] == "ACTIVE" {
        Ok(())
    } else {
        Err(ServiceError::validation("the subscription is not active"))
    }
}
