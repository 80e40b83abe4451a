//! Feedback on an artefact: taken, kept, and not looked at.

use serde_json::{Value, json};

use super::{Call, domains};
use crate::answer::ServiceError;

pub(crate) fn submit(call: &mut Call<'_>) -> Result<Value, ServiceError> {
    domains::find(call.store, call.shared, call.text("domainId"))?;
    let sequence = call.store.next_sequence();
    let key = format!("{}/{sequence:020}", call.text("domainId"));
    let record = json!({ "sequence": sequence, "receivedMs": call.now_ms, "input": call.input });
    call.store.put("feedback", &key, record);
    Ok(json!({}))
}
