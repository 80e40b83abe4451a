//! Tags of domains, subscriptions and datasets.

use serde_json::{Map, Value, json};

use super::{Call, Store, datasets, domains};
use crate::answer::ServiceError;
use crate::server::Shared;

/// Tags of one resource, as AWS allows.
const TAGS_MAX: usize = 50;

pub(crate) fn check(tags: &Value) -> Result<(), ServiceError> {
    if tags.as_object().is_some_and(|tags| tags.len() > TAGS_MAX) {
        return Err(ServiceError::validation(format!("a resource has at most {TAGS_MAX} tags")));
    }
    Ok(())
}

pub(crate) fn set(store: &mut Store, arn: &str, tags: &Value) {
    if !tags.is_null() {
        store.put("tags", arn, tags.clone());
    }
}

pub(crate) fn of(store: &Store, arn: &str) -> Value {
    store.get("tags", arn).cloned().unwrap_or_else(|| json!({}))
}

/// Whether an ARN names a resource that exists.
fn check_exists(store: &Store, shared: &Shared, arn: &str) -> Result<(), ServiceError> {
    let missing = || ServiceError::not_found("no resource has this ARN");
    let mut path = arn.splitn(6, ':').nth(5).ok_or_else(missing)?.split('/');
    let (kind, domain_id) = (path.next(), path.next().ok_or_else(missing)?);
    let domain = domains::find(store, shared, domain_id).map_err(|_| missing())?;
    let found = match (kind, path.next(), path.next(), path.next()) {
        (Some("domain"), None, None, None) => domain["shown"]["arn"] == arn,
        (Some("domain"), Some("subscription"), Some(id), None) => store
            .get("subscription", &format!("{domain_id}/{id}"))
            .is_some_and(|record| record["shown"]["arn"] == arn),
        (Some("domain"), Some("dataset"), Some(id), None) => {
            datasets::find(store, shared, domain_id, id).is_ok_and(|record| record["arn"] == arn)
        }
        _ => false,
    };
    found.then_some(()).ok_or_else(missing)
}

pub(crate) fn list(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    check_exists(call.store, call.shared, call.text("resourceArn"))?;
    Ok(json!({ "tags": of(call.store, call.text("resourceArn")) }))
}

pub(crate) fn tag(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    change(call, |tags, input| {
        for (key, value) in input["tags"].as_object().into_iter().flatten() {
            tags.insert(key.clone(), value.clone());
        }
    })
}

pub(crate) fn untag(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    change(call, |tags, input| {
        for key in input["tagKeys"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            tags.remove(key);
        }
    })
}

fn change(
    call: &mut Call<'_>,
    change: impl FnOnce(&mut Map<String, Value>, &Value),
) -> Result<Value, ServiceError> {
    let arn = call.text("resourceArn").to_owned();
    check_exists(call.store, call.shared, &arn)?;
    let mut tags = of(call.store, &arn);
    if let Some(tags) = tags.as_object_mut() {
        change(tags, call.input);
    }
    check(&tags)?;
    set(call.store, &arn, &tags);
    Ok(json!({}))
}
