//! Recorded streams of official clients, replayed over a real connection at the time of their recording.

mod common;

use std::time::{Duration, UNIX_EPOCH};

use common::raw::*;
use common::start;
use ossicle_emulator::{Clock, Config, Emulator, Ended, EventOrder, Keys, SessionStatus, Transport};

async fn emulator(token: Option<&str>, order: EventOrder) -> Emulator {
    let keys = match token {
        Some(token) => Keys::dummy().with_session_token(token),
        None => Keys::dummy(),
    };
    start(Config {
        tls: Transport::Cleartext,
        keys: vec![keys],
        clock: Clock::fixed(UNIX_EPOCH + Duration::from_secs(RECORDED_S)),
        event_order: order,
        ..Config::default()
    })
    .await
}

#[tokio::test]
async fn the_rust_and_python_dialects_are_believed() {
    for recorded in recorded_streams() {
        let emulator = emulator(recorded.token.as_deref(), EventOrder::Lenient).await;
        let client = connect(emulator.addr()).await;
        let answered = exchange(&client, recorded.request, &recorded.frames, true).await;
        assert_eq!((answered.status, answered.reset), (200, None));
        let report = emulator.session(&recorded.session).expect("a report");
        assert!(report.verified, "{:?}", report.problems);
        assert_eq!(report.messages_verified as usize, recorded.frames.len());
        assert_eq!(report.status, SessionStatus::Completed);
        assert!(report.connections[0].closed && report.connections[0].ended == Ended::Finished);
        emulator.shutdown().await;
    }
}

#[tokio::test]
async fn a_flipped_byte_ends_the_stream_and_is_never_verified() {
    for recorded in recorded_streams() {
        let whole: Vec<u8> = recorded.frames.concat();
        // Every byte is flipped in the unit test of the chain; over the network some of each message are.
        for at in (0..whole.len()).step_by(97) {
            let emulator = emulator(recorded.token.as_deref(), EventOrder::Lenient).await;
            let client = connect(emulator.addr()).await;
            let mut spoilt = whole.clone();
            spoilt[at] ^= 0x10;
            let answered = exchange(&client, recorded.request.clone(), &[spoilt], true).await;
            assert_eq!(answered.status, 200);
            assert!(answered.has("Exception"), "byte {at}");
            let report = emulator.session(&recorded.session).expect("a report");
            assert!(!report.verified && !report.problems.is_empty(), "byte {at}");
            assert_eq!(report.status, SessionStatus::Failed);
            emulator.shutdown().await;
        }
    }
}

#[tokio::test]
async fn a_stream_replayed_later_is_too_old() {
    let recorded = recorded_streams().remove(0);
    let emulator = emulator(None, EventOrder::Lenient).await;
    emulator.clock().set_offset_ms(301_000);
    let client = connect(emulator.addr()).await;
    let answered = exchange(&client, recorded.request.clone(), &[], true).await;
    assert_eq!((answered.status, answered.code.as_deref()), (403, Some("InvalidSignatureException")));
    assert!(answered.has("expired"));

    // Young enough as a request, then the clock moves on: the message is refused when it is read.
    emulator.clock().set_offset_ms(299_000);
    let mut open = client.clone().ready().await.expect("ready");
    let (response, mut body) = open.send_request(recorded.request.clone(), false).expect("a stream");
    let mut response = response.await.expect("an answer");
    assert_eq!(response.status(), 200);
    emulator.clock().set_offset_ms(301_000);
    body.send_data(recorded.frames[0].clone().into(), false).expect("sent");
    let mut text = Vec::new();
    while let Some(piece) = response.body_mut().data().await {
        text.extend(piece.expect("a piece"));
    }
    assert!(String::from_utf8_lossy(&text).contains("InvalidSignatureException"));
    emulator.shutdown().await;
}

#[tokio::test]
async fn rules_and_cut_streams() {
    let recorded = recorded_streams().remove(0);
    // The recorded stream has a second configuration: refused where the order counts.
    let emulator = emulator(None, EventOrder::Strict).await;
    let client = connect(emulator.addr()).await;
    let answered = exchange(&client, recorded.request.clone(), &recorded.frames, true).await;
    assert!(answered.has("validationException") && answered.has("sent once"));
    emulator.shutdown().await;

    for (frames, why) in [
        (recorded.frames[..3].to_vec(), "closing empty message"),
        (vec![recorded.frames[0][..100].to_vec()], "inside a message"),
    ] {
        let emulator = self::emulator(None, EventOrder::Strict).await;
        let client = connect(emulator.addr()).await;
        let answered = exchange(&client, recorded.request.clone(), &frames, true).await;
        assert!(answered.has("validationException") && answered.has(why), "{why}");
        emulator.shutdown().await;
    }
}

#[tokio::test]
async fn after_an_early_end_the_request_is_reset_without_error() {
    let recorded = recorded_streams().remove(0);
    let emulator = emulator(None, EventOrder::Strict).await;
    let client = connect(emulator.addr()).await;
    let mut long = vec![0xff; 4];
    long.extend([0; 60]);
    let answered = exchange(&client, recorded.request.clone(), &[long], false).await;
    assert!(answered.has("validationException"));
    assert_eq!((answered.reset, answered.request_reset), (None, Some(h2::Reason::NO_ERROR)));
    emulator.shutdown().await;
}

#[tokio::test]
async fn paths_with_and_without_a_slash_lead_to_the_stream_and_others_nowhere() {
    let emulator = emulator(None, EventOrder::Strict).await;
    let client = connect(emulator.addr()).await;
    for (path, status) in [
        ("/medical-scribe-stream", 401),
        ("/medical-scribe-stream/", 401),
        ("/medical-scribe-stream/?", 401),
        ("/nowhere", 404),
    ] {
        let request =
            http::Request::post(format!("https://streaming.localhost{path}")).body(()).expect("a request");
        assert_eq!(exchange(&client, request, &[], true).await.status, status, "{path}");
    }
    emulator.shutdown().await;
}
