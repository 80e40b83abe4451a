//! Planned faults, restarts, limits and many sessions at once.

mod common;

use std::time::Duration;

use common::raw::{connect, exchange, sign};
use common::*;
use ossicle_emulator::{Config, Ended, Fault, Limits, SessionStatus, Transport, Verify};

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

#[tokio::test]
async fn openings_are_refused_with_the_planned_status_and_code() {
    let emulator = start(Config::default()).await;
    let client = client(&emulator);
    for (number, (status, code)) in [
        (400, "ValidationException"),
        (401, "AccessDeniedException"),
        (402, "ServiceQuotaExceededException"),
        (404, "ResourceNotFoundException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
    ]
    .into_iter()
    .enumerate()
    {
        let refuse = |code: &str| Fault::Refuse {
            status,
            code: code.into(),
            message: "planned".into(),
            retry_after_ms: Some(1_500),
        };
        emulator.faults().for_session(&id(number), refuse(code));
        let error = open(&client, &Params::pcm(&id(number))).await.err().expect("a refusal");
        assert!(error.contains(code) && error.contains(&status.to_string()), "{error}");
        assert!(error.contains("x-amz-retry-after") && error.contains("1500"), "{error}");
    }
    assert_eq!((emulator.sessions().len(), emulator.faults().planned()), (0, 0));

    emulator.faults().next(Fault::RefuseStream { reason: 7 });
    let error = open(&client, &Params::pcm(&id(9))).await.err().expect("a reset");
    assert!(error.contains("refused"), "{error}");
    emulator.faults().next(Fault::LateRefuse {
        after_messages: 0,
        status: 500,
        code: "InternalServerException".into(),
    });
    let error = open(&client, &Params::pcm(&id(10))).await.err().expect("a late refusal");
    assert!(error.contains("InternalServerException"), "{error}");
    emulator.faults().next(Fault::DelayHead(Duration::from_millis(50)));
    assert!(open(&client, &Params::pcm(&id(11))).await.is_ok());
    emulator.shutdown().await;
}

#[tokio::test]
async fn faults_in_a_stream_pause_the_session_and_keep_what_was_taken() {
    let dir = tempfile::tempdir().expect("a folder");
    let emulator = start(Config { record_dir: Some(dir.path().into()), ..Config::default() }).await;
    let source = noise(1_600);
    let after_messages = 2;
    let cases: Vec<(Fault, &str)> = vec![
        (
            Fault::Exception {
                after_messages,
                kind: "internalFailureException".into(),
                message: "planned".into(),
            },
            "InternalServerException",
        ),
        (Fault::Reset { after_messages, reason: 8 }, "stream error received"),
        (Fault::DropConnection { after_messages }, "connection reset"),
        (Fault::CutMessage { after_messages }, "unexpected end of stream"),
        (Fault::WrongChecksum { after_messages }, "checksum"),
        (Fault::Garbage { after_messages }, ""),
        (Fault::HugeLength { after_messages }, ""),
        (Fault::EndEarly { after_messages }, ""),
    ];
    for (number, (fault, expected)) in cases.into_iter().enumerate() {
        let client = client(&emulator);
        let session = id(number);
        emulator.faults().for_session(&session, fault.clone());
        let stream = open(&client, &Params::pcm(&session)).await.expect("a stream");
        stream.send(configuration(1)).await;
        stream.send(binary(&bytes(&source))).await;
        let Streaming { events, output } = stream;
        // Garbage and a length of 4 GiB leave the SDK waiting: its input is ended for it.
        let mut events = Some(events);
        if expected.is_empty() {
            events = None;
        }
        let (_, _, ended) = read_all(output).await;
        drop(events);
        match ended {
            Ok(()) => assert_eq!(fault, Fault::EndEarly { after_messages }),
            Err(error) => {
                assert!(error.to_lowercase().contains(&expected.to_lowercase()), "{fault:?}: {error}")
            }
        }
        // A cut is seen by the client before the emulator's stream has ended.
        let ended = emulator.until(&session, |report| report.connections[0].ended != Ended::Open);
        let report = tokio::time::timeout(PATIENCE, ended).await.expect("the stream's end");
        let (_, samples) = recorded(dir.path(), &session);
        assert!(samples == source, "{fault:?}: {} samples", samples.len());
        assert!(report.verified, "{fault:?}: {:?}", report.problems);
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_goaway_lets_the_stream_finish_and_moves_the_next_to_another_connection() {
    let emulator = start(Config::default()).await;
    let client = client(&emulator);
    emulator.faults().next(Fault::GoAway { after_messages: 1 });
    let first = open(&client, &Params::pcm(&id(1))).await.expect("a stream");
    first.send(configuration(1)).await;
    first.send(binary(&[0; 320])).await;
    first.send(end_of_session()).await;
    assert_eq!(first.finish().await.2, Ok(()));
    let second = open(&client, &Params::pcm(&id(2))).await.expect("a stream");
    second.send(configuration(1)).await;
    assert_eq!(second.finish().await.2, Ok(()));
    let connection = |number| emulator.session(&id(number)).expect("a report").connections[0].connection;
    assert!(connection(1) != connection(2));
    assert_eq!(emulator.session(&id(1)).expect("a report").status, SessionStatus::Completed);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_stall_closes_the_window_and_then_everything_arrives() {
    let limits = Limits { stream_window_bytes: 65_535, ..Limits::default() };
    let dir = tempfile::tempdir().expect("a folder");
    let config = Config { limits, record_dir: Some(dir.path().into()), ..Config::default() };
    let emulator = start(config).await;
    let client = client(&emulator);
    let source = noise(160_000);
    emulator.faults().next(Fault::Stall { after_messages: 1, duration: Duration::from_millis(300) });
    let began = std::time::Instant::now();
    let stream = open(&client, &Params::pcm(&id(1))).await.expect("a stream");
    stream.send(configuration(1)).await;
    for chunk in source.chunks(8_000) {
        stream.send(binary(&bytes(chunk))).await;
    }
    stream.send(end_of_session()).await;
    assert_eq!(stream.finish().await.2, Ok(()));
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert!(recorded(dir.path(), &id(1)).1 == source);
    emulator.shutdown().await;
}

#[tokio::test]
async fn faults_can_strike_at_once() {
    let emulator = start(Config::default()).await;
    let client = client(&emulator);
    assert!(!emulator.faults().now(&id(1), Fault::EndEarly { after_messages: 0 }));
    let stream = open(&client, &Params::pcm(&id(1))).await.expect("a stream");
    assert!(emulator.faults().now(&id(1), Fault::Reset { after_messages: 0, reason: 8 }));
    assert!(read_all(stream.output).await.2.is_err());

    let stream = open(&client, &Params::pcm(&id(2))).await.expect("a stream");
    assert_eq!(emulator.faults().connections(), 1);
    emulator.faults().freeze_connections(Duration::from_millis(100));
    emulator.faults().drop_connections();
    assert!(read_all(stream.output).await.2.is_err());
    emulator.shutdown().await;
}

#[tokio::test]
async fn an_idle_stream_is_ended_and_its_session_paused() {
    let limits = Limits { idle: Duration::from_millis(100), ..Limits::default() };
    let emulator = start(Config { limits, ..Config::default() }).await;
    let client = client(&emulator);
    let stream = open(&client, &Params::pcm(&id(1))).await.expect("a stream");
    stream.send(configuration(1)).await;
    let error = read_all(stream.output).await.2.expect_err("the idle limit");
    assert!(error.contains("ValidationException") && error.contains("no audio"), "{error}");
    let report = emulator.session(&id(1)).expect("a report");
    assert_eq!((report.status, report.connections[0].ended), (SessionStatus::Paused, Ended::Idle));
    assert!(report.verified);
    emulator.shutdown().await;
}

#[tokio::test]
async fn audio_total_and_resume_window_are_kept() {
    let limits = Limits {
        audio_max: Duration::from_secs(1),
        resume_window: Duration::from_secs(60),
        ..Limits::default()
    };
    let emulator = start(Config { limits, ..Config::default() }).await;
    let client = client(&emulator);
    let stream = open(&client, &Params::pcm(&id(1))).await.expect("a stream");
    stream.send(configuration(1)).await;
    for _ in 0..11 {
        stream.send(binary(&[0; 3_200])).await;
    }
    let error = read_all(stream.output).await.2.expect_err("the total");
    assert!(error.contains("at most 1 s"), "{error}");

    let stream = open(&client, &Params::pcm(&id(2))).await.expect("a stream");
    stream.send(configuration(1)).await;
    assert_eq!(stream.finish().await.2, Ok(()));
    emulator.clock().set_offset_ms(61_000);
    let error = open(&client, &Params::pcm(&id(2))).await.err().expect("too late");
    assert!(error.contains("too long ago"), "{error}");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_restarted_emulator_goes_on_with_its_recordings() {
    let dir = tempfile::tempdir().expect("a folder");
    let source = noise(6_400);
    let mut identity = None;
    for (turn, half) in source.chunks(3_200).enumerate() {
        let config = Config { record_dir: Some(dir.path().into()), identity, ..Config::default() };
        let emulator = start(config).await;
        let client = client(&emulator);
        let stream = open(&client, &Params::pcm(&id(1))).await.expect("a stream");
        stream.send(configuration(1)).await;
        stream.send(binary(&bytes(half))).await;
        if turn == 0 {
            // It has arrived, but the stream is open when the emulator dies.
            let session = id(1);
            let arrived = emulator.until(&session, |report| report.frames == 3_200);
            tokio::time::timeout(PATIENCE, arrived).await.expect("the audio");
            identity = emulator.identity().cloned();
            emulator.kill().await;
            assert!(read_all(stream.output).await.2.is_err());
        } else {
            stream.send(end_of_session()).await;
            assert_eq!(stream.finish().await.2, Ok(()));
            let report = emulator.session(&id(1)).expect("a report");
            let spans: Vec<(u64, u64)> =
                report.connections.iter().map(|each| (each.first_frame, each.frames)).collect();
            assert_eq!(spans, [(0, 3_200), (3_200, 3_200)]);
            assert_eq!(report.status, SessionStatus::Completed);
            emulator.shutdown().await;
            break;
        }
    }
    assert!(recorded(dir.path(), &id(1)).1 == source);
}

/// A stream's request for any session, signed by the official signer.
fn signed_request(session: &str) -> http::Request<()> {
    let request = http::Request::post("http://localhost/medical-scribe-stream/")
        .header("content-type", "application/vnd.amazon.eventstream")
        .header("x-amzn-medscribe-session-id", session)
        .header("x-amzn-medscribe-domain-id", DOMAIN)
        .header("x-amzn-medscribe-subscription-id", SUBSCRIPTION)
        .header("x-amzn-medscribe-language-code", "en-US")
        .header("x-amzn-medscribe-sample-rate", "16000")
        .header("x-amzn-medscribe-media-encoding", "pcm");
    sign(request.body(()).expect("a request"), b"")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_sessions_are_counted_at_once() {
    let config = Config { tls: Transport::Cleartext, verify: Verify::SinkOnly, ..Config::default() };
    let emulator = start(config).await;
    let frames: Vec<Vec<u8>> = common::raw::recorded_streams().remove(0).frames;
    let mut running = Vec::new();
    for connection in 0..10 {
        let client = connect(emulator.addr()).await;
        for number in 0..100 {
            let (client, frames) = (client.clone(), frames.clone());
            running.push(tokio::spawn(async move {
                let session = id(connection * 100 + number);
                let answered = exchange(&client, signed_request(&session), &frames, true).await;
                assert_eq!((answered.status, answered.reset), (200, None));
            }));
        }
    }
    for stream in running {
        stream.await.expect("a stream that went well");
    }
    let reports = emulator.sessions();
    assert_eq!(reports.len(), 1_000);
    for report in reports {
        // 32 + 320 + 3,200 bytes of audio; counted, never called verified.
        assert_eq!((report.frames, report.messages, report.messages_verified), (1_776, 9, 0));
        assert!(!report.verified && report.status == SessionStatus::Completed);
    }
    emulator.shutdown().await;
}
