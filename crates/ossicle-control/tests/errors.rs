//! Errors are told apart as the official client does, and better where it loses something.

mod common;

use common::*;
use ossicle_control::rest::{GetPatientInsightsJobInput, Request};
use ossicle_control::{Error, ErrorKind};
use serde_json::Value;

/// Where we differ from the official client on purpose.
fn is_better(case: &str) -> bool {
    match case {
        // A body that is no JSON object does not lose the code of the header.
        "html_body_with_errortype_header" | "top_level_array" => true,
        // An intermediary that throttles gives no code.
        "plain_429_no_code" => true,
        // A missing required member is an error, not an empty value.
        "missing_required_on_200" | "empty_body_on_200" => true,
        // An empty code of the header leaves the body's.
        "header_empty" => true,
        _ => false,
    }
}

#[tokio::test(start_paused = true)]
async fn every_error_is_understood_as_the_official_client_does() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/rest-errors.json")).unwrap();
    let vectors = vectors.as_array().unwrap();
    assert!(vectors.len() >= 40);
    for vector in vectors {
        let case = vector["case"].as_str().unwrap();
        let headers: Vec<(&str, &str)> = vector["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|header| (header[0].as_str().unwrap(), header[1].as_str().unwrap()))
            .collect();
        let body = vector["body_utf8"].as_str().unwrap();
        let status: u16 = vector["status"].as_u64().unwrap().try_into().unwrap();
        let script = Script::new([answer(status, &headers, body)]);
        let client = client(&script);
        let of_domain = case.ends_with("_on_200") || case.starts_with("status_");
        let (name, input) = if of_domain {
            ("GetDomain", serde_json::json!({"domainId": "hai-abcdefghijklmnopq"}))
        } else {
            ("GetPatientInsightsJob", serde_json::json!({"domainId": "hai-abcdefghijklmnopq", "jobId": "j"}))
        };
        let ours = call_by_name(&client, name, input).await;
        if is_better(case) {
            continue;
        }
        let attempts = vector["attempt_headers"].as_array().unwrap();
        assert_eq!(script.seen().len(), attempts.len(), "{case}: attempts");
        for (index, attempt) in attempts.iter().enumerate() {
            assert_eq!(script.header(index, "x-amz-date"), attempt["x-amz-date"].as_str().unwrap(), "{case}");
            // Ours has a timeout, which the official client's default lacks: `ttl` stands in front on retries.
            let attempts = script.header(index, "amz-sdk-request");
            assert!(attempts.ends_with(attempt["amz-sdk-request"].as_str().unwrap()), "{case}: {attempts}");
            assert_eq!(attempts.starts_with("ttl="), index > 0, "{case}: {attempts}");
        }
        let sdk = &vector["sdk"];
        match ours {
            Ok(_) => assert!(sdk["ok"].is_string(), "{case}"),
            Err(Error::Answer { .. }) => assert_eq!(status, 200, "{case}"),
            Err(Error::Service(error)) => {
                assert_eq!(error.code.as_deref(), sdk["code"].as_str(), "{case}");
                assert_eq!(error.status, status, "{case}");
                assert_eq!(error.retryable, attempts.len() > 1, "{case}");
                let debug = sdk["service_error_debug"].as_str().unwrap();
                let modelled = GetPatientInsightsJobInput::OPERATION
                    .errors
                    .iter()
                    .any(|known| Some(known.name) == error.code.as_deref() && error.kind != ErrorKind::Other);
                assert_eq!(!modelled, debug.starts_with("Some(Unhandled"), "{case}: {debug}");
                if let Some(message) = error.message() {
                    assert!(debug.contains(&format!("message: Some({message:?})")), "{case}: {debug}");
                    assert!(!format!("{error} {error:?}").contains(&format!("{message:?}")), "{error:?}");
                } else {
                    assert!(sdk["message"].is_null(), "{case}");
                }
            }
            Err(other) => panic!("{case}: {other}"),
        }
    }
}

async fn failure(status: u16, headers: &[(&str, &str)], body: &str) -> (Error, usize) {
    let script = Script::new([answer(status, headers, body)]);
    let error = client(&script).get_domain(get_domain()).await.unwrap_err();
    (error, script.seen().len())
}

#[tokio::test(start_paused = true)]
async fn what_the_official_client_loses_is_kept() {
    for body in ["<html>nope</html>", "[1]", "\"text\"", "\u{0}"] {
        let (error, _) = failure(404, &[("x-amzn-errortype", "ResourceNotFoundException")], body).await;
        assert_eq!(error.kind(), Some(ErrorKind::NotFound), "{body}");
    }
    let body = r#"{"__type":"ConflictException"}"#;
    let (error, _) = failure(409, &[("x-amzn-errortype", "")], body).await;
    assert_eq!(error.kind(), Some(ErrorKind::Conflict));
    let (error, attempts) = failure(429, &[], "slow down").await;
    assert_eq!((error.is_retryable(), attempts), (true, 3));
    for body in ["", "{}"] {
        let (error, attempts) = failure(200, &[("x-amzn-requestid", "req-1")], body).await;
        assert_eq!(attempts, 1);
        assert_eq!(error.to_string(), "the service's answer cannot be read, domainId: is required");
        let Error::Answer { request_id, .. } = error else { panic!("{error}") };
        assert_eq!(request_id.as_deref(), Some("req-1"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_says_what_happened_without_the_services_words() {
    let headers = [("x-amzn-errortype", "ValidationException"), ("x-amzn-requestid", "req-7")];
    let (error, _) = failure(400, &headers, r#"{"message":"PLANTED patient text"}"#).await;
    assert_eq!(
        error.to_string(),
        "the service answered GetDomain with ValidationException (status 400, request req-7); the input breaks a \
         rule of the service"
    );
    assert!(!format!("{error:?} {error:#?}").contains("PLANTED"));
    assert_eq!(error.service().unwrap().message(), Some("PLANTED patient text"));
}

#[tokio::test(start_paused = true)]
async fn an_input_that_breaks_a_rule_is_not_sent() {
    let script = Script::new([answer(200, &[], DOMAIN)]);
    let client = client(&script);
    let error =
        client.get_domain(ossicle_control::rest::GetDomainInput::new("hai-PLANTED")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the input is not valid, domainId: must be 20 to 25 characters long, and is 11"
    );
    for label in ["", ".."] {
        let input = ossicle_control::rest::ListTagsForResourceInput::new(label);
        assert!(matches!(client.list_tags_for_resource(input).await, Err(Error::Input(_))));
    }
    assert!(script.seen().is_empty());
}
