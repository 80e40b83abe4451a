//! From a request to an operation's input: path labels, query, body, by the model.

use http::request::Parts;
use serde_json::{Map, Value};

use crate::answer::ServiceError;
use crate::auth::percent_decode;
use crate::model::{Operation, Shape, model};

/// The operation of a request, and its path labels, decoded. The raw path is split before anything is decoded, since
/// a label may hold an escaped slash.
pub(crate) fn route(parts: &Parts) -> Option<(&'static Operation, Vec<(String, String)>)> {
    let segments: Vec<&str> = split(parts.uri.path()).collect();
    model().operations.values().find_map(|operation| {
        let template: Vec<&str> = split(&operation.http.request_uri).collect();
        if operation.http.method != parts.method.as_str() || template.len() != segments.len() {
            return None;
        }
        let mut labels = Vec::new();
        for (expected, found) in template.iter().zip(&segments) {
            match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => {
                    let decoded = String::from_utf8(percent_decode(found, false)).ok()?;
                    labels.push((name.to_owned(), decoded));
                }
                None if expected == found => {}
                None => return None,
            }
        }
        Some((operation, labels))
    })
}

fn split(path: &str) -> impl Iterator<Item = &str> {
    path.trim_start_matches('/').trim_end_matches('/').split('/')
}

/// The whole input as one JSON object, members under their own names.
pub(crate) fn read(
    operation: &Operation,
    labels: &[(String, String)],
    query: &str,
    body: &[u8],
) -> Result<Value, ServiceError> {
    let not_json = || ServiceError::validation("the body is not a JSON object");
    let Some(shape) = model().shape(&operation.input.shape) else { return Err(not_json()) };
    let in_body = shape.members.values().any(|member| member.location.is_none());
    let mut input = match (in_body, body.is_empty()) {
        (false, _) | (true, true) => Map::new(),
        (true, false) => match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => members,
            _ => return Err(not_json()),
        },
    };
    // Only members that the model places in the body are taken from it.
    input.retain(|name, _| shape.members.get(name).is_some_and(|member| member.location.is_none()));
    for (name, value) in labels {
        input.insert(name.clone(), Value::String(value.clone()));
    }
    for (name, value) in query_pairs(query) {
        read_query(shape, &name, value, &mut input);
    }
    Ok(Value::Object(input))
}

fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| String::from_utf8_lossy(&percent_decode(text, true)).into_owned();
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn read_query(shape: &Shape, wire_name: &str, value: String, input: &mut Map<String, Value>) {
    let member = shape.members.iter().find(|(_, member)| {
        member.location.as_deref() == Some("querystring")
            && member.location_name.as_deref() == Some(wire_name)
    });
    let Some((name, member)) = member else { return };
    match model().shape(&member.shape).map(|shape| shape.kind.as_str()) {
        Some("list") => {
            let list = input.entry(name.clone()).or_insert_with(|| Value::Array(Vec::new()));
            if let Some(items) = list.as_array_mut() {
                items.push(Value::String(value));
            }
        }
        Some("integer") => {
            let number = value.parse::<i64>().map_or(Value::String(value), Value::from);
            input.insert(name.clone(), number);
        }
        _ => {
            input.insert(name.clone(), Value::String(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn routed(method: &str, target: &str, body: &str) -> Option<(String, Value)> {
        let uri = format!("https://runtime.localhost{target}");
        let (parts, ()) = http::Request::builder().method(method).uri(uri).body(()).ok()?.into_parts();
        let (operation, labels) = route(&parts)?;
        let input = read(operation, &labels, parts.uri.query().unwrap_or(""), body.as_bytes()).ok()?;
        Some((operation.name.clone(), input))
    }

    #[test]
    fn every_recorded_request_finds_its_operation_and_input() {
        let file: Value =
            serde_json::from_str(include_str!("../../tests/vectors/rest-requests-botocore.json"))
                .expect("a vector file");
        let mut operations = std::collections::BTreeSet::new();
        for request in file["without_token"].as_array().expect("requests") {
            let text = |name: &str| request[name].as_str().expect("a text");
            let body = request["body_utf8"].as_str().unwrap_or("");
            let (operation, input) =
                routed(text("method"), text("target"), body).unwrap_or_else(|| panic!("{}", text("target")));
            assert_eq!(operation, text("op"));
            for (name, value) in request["input"].as_object().expect("an input") {
                if value != "(autofilled)" {
                    assert_eq!(&input[name], value, "{operation}.{name}");
                }
            }
            operations.insert(operation);
        }
        assert_eq!(operations.len(), 22);
    }

    #[test]
    fn labels_are_decoded_after_the_split_and_lists_keep_their_order() {
        let (operation, input) =
            routed("DELETE", "/tags/arn%3Aaws%3Ax%2Fy?tagKeys=b&tagKeys=a%20c&tagKeys=%C3%A9&other=1", "")
                .expect("an operation");
        assert_eq!(operation, "UntagResource");
        assert_eq!(input, json!({"resourceArn": "arn:aws:x/y", "tagKeys": ["b", "a c", "é"]}));
        assert_eq!(routed("GET", "/domain/a/b", ""), None);
        assert_eq!(routed("PUT", "/domain", ""), None);
        assert_eq!(routed("POST", "/domain", "[]"), None);
    }
}
