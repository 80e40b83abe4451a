//! From an operation's input to a request: labels, query and body.

use bytes::Bytes;
use ossicle_model::rest::Operation;
use ossicle_model::shape::{Member, Place};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

/// What is not encoded in a path's label or a query: RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What a request asks for, not yet signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prepared {
    /// The path, percent-encoded once.
    pub(crate) path: String,
    /// The query, percent-encoded, without its question mark.
    pub(crate) query: Option<String>,
    /// The body, if the operation has one.
    pub(crate) body: Option<Bytes>,
}

/// Fills in the idempotency token where the caller gave none.
pub(crate) fn fill_token(
    operation: &Operation,
    input: &mut Map<String, Value>,
    token: impl FnOnce() -> String,
) {
    let member = operation.input.members().iter().find(|member| member.place == Place::Token);
    if let Some(member) = member {
        input.entry(member.name).or_insert_with(|| Value::String(token()));
    }
}

/// Puts each member of an input where it travels.
pub(crate) fn prepare(operation: &Operation, base_path: &str, mut input: Map<String, Value>) -> Prepared {
    let mut path = format!("{base_path}{}", operation.path);
    let mut query = String::new();
    for member in operation.input.members() {
        match member.place {
            Place::Label => {
                let label = input.remove(member.name).unwrap_or_default();
                let encoded = utf8_percent_encode(label.as_str().unwrap_or_default(), ENCODED).to_string();
                path = path.replace(&format!("{{{}}}", member.name), &encoded);
            }
            Place::Query => {
                if let Some(value) = input.remove(member.name) {
                    push_query(&mut query, member, &value);
                }
            }
            _ => {}
        }
    }
    let body = operation.has_body().then(|| {
        // Keys are strings and values are JSON already, so there is always a document.
        Bytes::from(serde_json::to_vec(&input).unwrap_or_default())
    });
    Prepared { path, query: (!query.is_empty()).then_some(query), body }
}

/// Adds a member to the query: once, or for each entry of a list in its order.
fn push_query(query: &mut String, member: &Member, value: &Value) {
    let mut push = |value: &str| {
        if !query.is_empty() {
            query.push('&');
        }
        query.extend(utf8_percent_encode(member.name, ENCODED));
        query.push('=');
        query.extend(utf8_percent_encode(value, ENCODED));
    };
    match value {
        Value::Array(entries) => entries.iter().filter_map(Value::as_str).for_each(push),
        Value::String(text) => push(text),
        Value::Null => {}
        other => push(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ossicle_model::rest::{GetDomainInput, Request};

    #[test]
    fn labels_are_encoded_as_the_official_client_does() {
        let vectors: Value =
            serde_json::from_str(include_str!("../tests/vectors/rest-requests-rust.json")).unwrap();
        let mut compared = 0;
        for vector in vectors["without_token"].as_array().unwrap() {
            if vector["op"].as_str().unwrap().starts_with("GetDomain (label") {
                let input = vector["input"].as_object().unwrap().clone();
                let prepared = prepare(GetDomainInput::OPERATION, "", input);
                assert_eq!(prepared.path, vector["target"].as_str().unwrap());
                assert_eq!((prepared.query, prepared.body), (None, None));
                compared += 1;
            }
        }
        assert_eq!(compared, 2);
    }

    #[test]
    fn a_label_that_looks_like_another_label_is_only_text() {
        let operation = ossicle_model::rest::GetSubscriptionInput::OPERATION;
        let input = serde_json::json!({"domainId": "{subscriptionId}", "subscriptionId": "s"});
        let Value::Object(input) = input else { panic!("no object") };
        assert_eq!(prepare(operation, "/b", input).path, "/b/domains/%7BsubscriptionId%7D/subscriptions/s");
    }
}
