//! Pages of a list, in the order of creation. A token names the last record that was given, so that records that come or
//! go between two pages shift nothing.

use serde_json::{Value, json};

use super::Call;
use crate::answer::ServiceError;
use crate::rules::digest;

/// Records of one page when the caller does not say.
const DEFAULT_RESULTS: u64 = 100;

/// One page of `records` (each with a `sequence`), as `{"RESULT_KEY": [...], "nextToken": ...}`.
pub(crate) fn page(
    call: &Call<'_>,
    mut records: Vec<Value>,
    result_key: &str,
    show: impl Fn(&Value) -> Value,
) -> Result<Value, ServiceError> {
    let sequence = |record: &Value| record["sequence"].as_u64().unwrap_or(0);
    records.sort_by_key(sequence);
    // A token belongs to one list with its filters.
    let mut filters = call.input.clone();
    if let Some(members) = filters.as_object_mut() {
        members.remove("nextToken");
        members.remove("maxResults");
        members.insert("list".into(), json!(result_key));
    }
    let list = digest(&filters);
    let after = match call.input["nextToken"].as_str() {
        None => 0,
        Some(token) => read_token(token, &list)?,
    };
    let size = call.input["maxResults"].as_u64().unwrap_or(DEFAULT_RESULTS) as usize;
    let rest: Vec<Value> = records.into_iter().filter(|record| sequence(record) > after).collect();
    let next = if rest.len() > size {
        rest.get(size.saturating_sub(1)).map(|last| format!("{}-{}", sequence(last), &list[..16]))
    } else {
        None
    };
    let items: Vec<Value> = rest.iter().take(size).map(show).collect();
    Ok(json!({ result_key: items, "nextToken": next }))
}

fn read_token(token: &str, list: &str) -> Result<u64, ServiceError> {
    let wrong = || ServiceError::validation("nextToken is not one that this list gave");
    let (sequence, of) = token.split_once('-').ok_or_else(wrong)?;
    if of != &list[..16] {
        return Err(wrong());
    }
    sequence.parse().map_err(|_| wrong())
}
