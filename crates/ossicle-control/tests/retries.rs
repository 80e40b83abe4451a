//! When a call is tried again, after how long, and when it is given up.

mod common;

use std::time::Duration;

use common::*;
use ossicle_control::rest::*;
use ossicle_control::{Client, Error, Settings, TransportError, limits};

fn throttled(headers: &[(&str, &str)]) -> Turn {
    let mut all = vec![("x-amzn-errortype", "ThrottlingException")];
    all.extend(headers);
    answer(429, &all, "{}")
}

/// Whole milliseconds, rounded: the greatest jitter is a little below 1.
fn ms(times: &[Duration]) -> Vec<u64> {
    times.iter().map(|time| (time.as_secs_f64() * 1_000.0).round() as u64).collect()
}

#[tokio::test(start_paused = true)]
async fn delays_double_up_to_a_limit() {
    let script = Script::new([throttled(&[])]);
    let settings = Settings { attempts_max: 8, operation_timeout: None, ..Settings::new("us-east-1") };
    client_with(&script, settings, None).get_domain(get_domain()).await.unwrap_err();
    assert_eq!(ms(&script.times()), [0, 1_000, 3_000, 7_000, 15_000, 31_000, 51_000, 71_000]);
}

#[tokio::test(start_paused = true)]
async fn jitter_goes_down_to_nothing() {
    let script = Script::new([throttled(&[]), answer(200, &[], DOMAIN)]);
    let surroundings = ossicle_control::Surroundings::new(|| NOW_UNIX_MS, |bytes| bytes.fill(0));
    let client =
        Client::with_surroundings(Settings::new("us-east-1"), keys(None), script.clone(), surroundings)
            .unwrap();
    client.get_domain(get_domain()).await.unwrap();
    assert_eq!(ms(&script.times()), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_service_may_ask_for_a_delay() {
    for (asked, delay) in [("30", 30), ("0", 0), ("60000", 20_000), ("soon", 1_000), ("-1", 1_000)] {
        let script = Script::new([throttled(&[("x-amz-retry-after", asked)]), answer(200, &[], DOMAIN)]);
        client(&script).get_domain(get_domain()).await.unwrap();
        assert_eq!(ms(&script.times()), [0, delay], "{asked}");
    }
    // It makes nothing retryable by itself.
    let script = Script::new([answer(400, &[("x-amz-retry-after", "1")], "{}")]);
    client(&script).get_domain(get_domain()).await.unwrap_err();
    assert_eq!(script.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_keeps_its_ids_over_its_attempts() {
    let done = answer(200, &[], r#"{"jobArn":"a","jobId":"j"}"#);
    let script = Script::new([Turn::Lose, throttled(&[]), done]);
    let client = Client::new(Settings::new("us-east-1"), keys(None), script.clone()).unwrap();
    let output = MedicalCodingOutputDataConfig::new("s3://bkt/out");
    let input = StartMedicalCodingJobInput::new("hai-abcdefghijklmnopq", "Note", output);
    client.start_medical_coding_job(input.clone()).await.unwrap();
    let seen = script.seen();
    assert_eq!(seen.len(), 3);
    let token = |index: usize| {
        let body: serde_json::Value = serde_json::from_slice(seen[index].body()).unwrap();
        body["clientToken"].as_str().unwrap().to_owned()
    };
    assert_eq!((token(1), token(2)), (token(0), token(0)));
    for index in 0..3 {
        assert_eq!(script.header(index, "amz-sdk-invocation-id"), script.header(0, "amz-sdk-invocation-id"));
        assert!(script.header(index, "amz-sdk-request").ends_with(&format!("attempt={}; max=3", index + 1)));
    }
    // Neither is signed.
    assert!(!script.header(0, "authorization").contains("amz-sdk"));
    // Another call has others, and a token of the caller's is kept.
    client
        .start_medical_coding_job(StartMedicalCodingJobInput { client_token: Some("mine".into()), ..input })
        .await
        .unwrap();
    assert_ne!(script.header(3, "amz-sdk-invocation-id"), script.header(0, "amz-sdk-invocation-id"));
    let body: serde_json::Value = serde_json::from_slice(script.seen()[3].body()).unwrap();
    assert_eq!(body["clientToken"], "mine");
}

#[tokio::test(start_paused = true)]
async fn retries_say_how_long_they_may_take() {
    let script = Script::new([Turn::Lose, answer(200, &[], DOMAIN)]);
    client(&script).get_domain(get_domain()).await.unwrap();
    assert_eq!(script.header(1, "amz-sdk-request"), "ttl=20260115T102100Z; attempt=2; max=3");
}

#[tokio::test(start_paused = true)]
async fn the_budget_for_retries_is_shared_and_comes_back() {
    let script = Script::new([throttled(&[])]);
    let client = client(&script);
    // Two retries of five tokens each, until five hundred are spent.
    for _ in 0..limits::RETRY_TOKENS_MAX / limits::RETRY_COST_ANSWERED / 2 {
        client.clone().get_domain(get_domain()).await.unwrap_err();
    }
    let before = script.seen().len();
    assert_eq!(before, 150);
    let error = client.get_domain(get_domain()).await.unwrap_err();
    assert_eq!(script.seen().len(), before + 1, "nothing is left for a retry");
    assert!(error.is_retryable());
    assert!(format!("{client:?}").contains("retry_tokens: 0"), "{client:?}");
}

#[tokio::test(start_paused = true)]
async fn successes_fill_the_budget() {
    let script = Script::new([Turn::Lose, Turn::Lose, answer(200, &[], DOMAIN)]);
    let client = client(&script);
    client.get_domain(get_domain()).await.unwrap();
    assert!(
        format!("{client:?}").contains("retry_tokens: 490"),
        "the last retry's tokens come back: {client:?}"
    );
    client.get_domain(get_domain()).await.unwrap();
    assert!(format!("{client:?}").contains("retry_tokens: 491"), "{client:?}");
}

#[tokio::test(start_paused = true)]
async fn an_attempt_and_a_call_end_in_time() {
    let script = Script::new([Turn::Hang]);
    let began = tokio::time::Instant::now();
    let error = client(&script).get_domain(get_domain()).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut(limit) if limit == limits::ATTEMPT_TIMEOUT_DEFAULT), "{error}");
    assert_eq!(error.to_string(), "the service did not answer within 30 s");
    assert_eq!(ms(&[began.elapsed()]), [93_000], "three attempts, and delays of one and two seconds");

    let script = Script::new([Turn::Hang]);
    let settings =
        Settings { operation_timeout: Some(Duration::from_secs(40)), ..Settings::new("us-east-1") };
    let began = tokio::time::Instant::now();
    let error = client_with(&script, settings, None).get_domain(get_domain()).await.unwrap_err();
    assert_eq!((began.elapsed().as_secs(), script.seen().len()), (40, 2));
    assert!(matches!(error, Error::TimedOut(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_large_is_not_asked_for_again() {
    let script = Script::new([Turn::Refuse]);
    let error = client(&script).get_domain(get_domain()).await.unwrap_err();
    assert!(matches!(error, Error::Transport(TransportError::TooLarge { .. })));
    assert_eq!(script.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_services_clock_is_learned_from_every_answer() {
    let date = [("date", "Thu, 15 Jan 2026 10:30:30 GMT")];
    let script = Script::new([answer(200, &date, DOMAIN)]);
    let client = client(&script);
    client.get_domain(get_domain()).await.unwrap();
    client.get_domain(get_domain()).await.unwrap();
    assert_eq!(script.header(0, "x-amz-date"), "20260115T102030Z");
    assert_eq!(script.header(1, "x-amz-date"), "20260115T103030Z");
    for bad in ["yesterday", "", "Thu, 15 Jan 2026 10:30:30"] {
        let script = Script::new([answer(200, &[("date", bad)], DOMAIN)]);
        let client = common::client(&script);
        client.get_domain(get_domain()).await.unwrap();
        client.get_domain(get_domain()).await.unwrap();
        assert_eq!(script.header(1, "x-amz-date"), "20260115T102030Z", "{bad}");
    }
}
