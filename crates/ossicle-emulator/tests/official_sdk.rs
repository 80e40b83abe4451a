//! The official SDK for Rust is the client: what it sends is believed, recorded and answered.

mod common;

use common::*;
use ossicle_emulator::{Config, Ended, Keys, Script, SessionStatus, Source, Transport};

const SESSION: &str = "0f1e2d3c-4b5a-4789-8abc-def012345678";

fn script(channels: u32) -> Script {
    let text = format!(
        r#"{{"segments": [
            {{"channel": 0, "begin_s": 0.1, "end_s": 0.9, "text": "Good morning there."}},
            {{"channel": {}, "begin_s": 1.0, "end_s": 1.8, "text": "Hello doctor.",
              "words": [{{"text": "Hello", "begin_s": 1.0, "end_s": 1.3}}, {{"text": "doctor.", "begin_s": 1.4, "end_s": 1.8}}]}}],
          "snapshots": [
            {{"at_s": 0.5, "kind": "checklistEvent", "payload": {{"snapshotVersion": 1, "checklists": []}}}},
            {{"at_s": 1.5, "kind": "periodontalChartEvent", "payload": {{"snapshotVersion": 9007199254740993, "teeth": []}}}}]}}"#,
        channels - 1
    );
    Script::from_json(&text).expect("a script")
}

#[tokio::test]
async fn both_audio_events_are_recorded_frame_by_frame_and_words_come_back() {
    for channels in [1u32, 2] {
        let dir = tempfile::tempdir().expect("a folder");
        let config = Config {
            record_dir: Some(dir.path().into()),
            script: Some(script(channels)),
            ..Config::default()
        };
        let emulator = start(config).await;
        let client = client(&emulator);
        let source = noise(32_000 * channels as usize);

        let stream = open(&client, &Params::pcm(SESSION)).await.expect("a stream");
        assert_eq!(stream.output.session_id(), Some(SESSION));
        assert_eq!(stream.output.media_sample_rate_hertz(), Some(16_000));
        assert!(stream.output.request_id().is_some_and(|id| id.len() == 36));
        assert!(stream.send(configuration(channels)).await);
        for (number, chunk) in source.chunks(1_600 * channels as usize).enumerate() {
            let audio = bytes(chunk);
            let event = if number % 2 == 0 { binary(&audio) } else { json_audio(&audio) };
            assert!(stream.send(event).await);
        }
        assert!(stream.send(end_of_session()).await);
        let (segments, unknown, ended) = stream.finish().await;
        assert_eq!(ended, Ok(()));
        assert_eq!(unknown, 2, "a checklist and a chart");

        let texts: Vec<(bool, &str)> = segments
            .iter()
            .map(|segment| (segment.is_partial().unwrap_or(false), segment.content().unwrap_or("")))
            .collect();
        let expected = [
            (true, "Good"),
            (true, "Good morning"),
            (false, "Good morning there."),
            (true, "Hello"),
            (false, "Hello doctor."),
        ];
        assert_eq!(texts, expected);
        let last = &segments[4];
        assert_eq!(last.segment_id(), Some("seg-2"));
        assert_eq!(last.channel_id(), Some(format!("ch_{}", channels - 1).as_str()));
        assert_eq!((last.audio_begin_offset(), last.audio_end_offset()), (Some(1.0), Some(1.8)));

        let report = emulator.session(SESSION).expect("a report");
        assert_eq!(report.status, SessionStatus::Completed);
        assert!(report.verified, "{:?}", report.problems);
        // Configuration, 20 chunks, the end, the closing message.
        assert_eq!((report.messages, report.messages_verified), (23, 23));
        assert_eq!((report.frames, report.channels), (32_000, Some(channels)));
        assert_eq!(report.connections.len(), 1);
        let connection = &report.connections[0];
        assert_eq!((connection.ended, connection.http.as_str()), (Ended::Finished, "HTTP/2.0"));
        assert!(connection.closed && connection.end_of_session && connection.data_frames >= 23);

        let (spec, samples) = recorded(dir.path(), SESSION);
        assert_eq!((spec.sample_rate, u32::from(spec.channels)), (16_000, channels));
        assert!(samples == source, "{} of {} samples", samples.len(), source.len());
        let written = std::fs::read(dir.path().join(format!("{SESSION}.json"))).expect("a report");
        let text = String::from_utf8_lossy(&written);
        assert!(!text.contains("doctor") && !text.contains("morning"), "words in a report");
        let written: ossicle_emulator::SessionReport = serde_json::from_slice(&written).expect("JSON");
        assert_eq!(written, report);
        emulator.shutdown().await;
    }
}

#[tokio::test]
async fn a_paused_session_is_resumed_recorded_in_one_file_and_then_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let source = noise(48_000);
    let mut known = script(1);
    known = known.with_source(Source { rate_hz: 16_000, channels: 1, samples: source.as_slice().into() });
    let config = Config { record_dir: Some(dir.path().into()), script: Some(known), ..Config::default() };
    let emulator = start(config).await;
    let client = client(&emulator);

    let stream = open(&client, &Params::pcm(SESSION)).await.expect("a stream");
    stream.send(configuration(1)).await;
    for chunk in source[..20_000].chunks(1_600) {
        stream.send(binary(&bytes(chunk))).await;
    }
    let (first, _, ended) = stream.finish().await;
    assert_eq!(ended, Ok(()));
    assert_eq!(emulator.session(SESSION).expect("a report").status, SessionStatus::Paused);
    assert_eq!(first.last().and_then(|segment| segment.content()), Some("Good morning there."));

    // The client sends its last 4,000 frames again, as after a loss.
    let stream = open(&client, &Params::pcm(SESSION)).await.expect("the resumed stream");
    stream.send(configuration(1)).await;
    for chunk in source[16_000..].chunks(1_600) {
        stream.send(binary(&bytes(chunk))).await;
    }
    stream.send(end_of_session()).await;
    let (second, _, ended) = stream.finish().await;
    assert_eq!(ended, Ok(()));
    let finals: Vec<_> = second.iter().filter(|segment| segment.is_partial() == Some(false)).collect();
    assert_eq!(finals.len(), 1);
    assert_eq!(finals[0].content(), Some("Hello doctor."));
    // Placed by its content, in offsets of the second stream, which begins 1.0 s into the source.
    assert_eq!((finals[0].audio_begin_offset(), finals[0].audio_end_offset()), (Some(0.0), Some(0.8)));

    let report = emulator.session(SESSION).expect("a report");
    assert_eq!(report.status, SessionStatus::Completed);
    assert!(report.verified);
    let spans: Vec<(u64, u64)> =
        report.connections.iter().map(|each| (each.first_frame, each.frames)).collect();
    assert_eq!(spans, [(0, 20_000), (20_000, 32_000)]);
    let (_, samples) = recorded(dir.path(), SESSION);
    assert!(samples[..20_000] == source[..20_000] && samples[20_000..] == source[16_000..]);

    let refused = open(&client, &Params::pcm(SESSION)).await.err().expect("a refusal");
    assert!(refused.contains("ConflictException") && refused.contains("completed"), "{refused}");
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_newer_stream_ends_the_older_one_with_a_conflict() {
    let dir = tempfile::tempdir().expect("a folder");
    let emulator = start(Config { record_dir: Some(dir.path().into()), ..Config::default() }).await;
    let client = client(&emulator);
    let source = noise(3_200);

    let older = open(&client, &Params::pcm(SESSION)).await.expect("a stream");
    older.send(configuration(1)).await;
    older.send(binary(&bytes(&source[..1_600]))).await;
    let newer = open(&client, &Params::pcm(SESSION)).await.expect("a newer stream");
    let (_, _, ended) = read_all(older.output).await;
    assert!(ended.as_ref().is_err_and(|error| error.contains("ConflictException")), "{ended:?}");
    newer.send(configuration(1)).await;
    newer.send(binary(&bytes(&source[1_600..]))).await;
    newer.send(end_of_session()).await;
    assert_eq!(newer.finish().await.2, Ok(()));
    let report = emulator.session(SESSION).expect("a report");
    assert_eq!(report.status, SessionStatus::Completed);
    let ends: Vec<Ended> = report.connections.iter().map(|each| each.ended).collect();
    assert_eq!(ends, [Ended::Superseded, Ended::Finished]);
    emulator.shutdown().await;
}

#[tokio::test]
async fn flac_is_decoded_as_it_comes() {
    use flac_bound::{FlacEncoder, WriteWrapper};
    let dir = tempfile::tempdir().expect("a folder");
    let emulator = start(Config { record_dir: Some(dir.path().into()), ..Config::default() }).await;
    let client = client(&emulator);
    let source = noise(40_000);
    let mut flac = Vec::new();
    let mut out = WriteWrapper(&mut flac);
    let mut encoder = FlacEncoder::new()
        .expect("an encoder")
        .channels(2)
        .bits_per_sample(16)
        .sample_rate(16_000)
        .init_write(&mut out)
        .expect("an encoder");
    let wide: Vec<i32> = source.iter().map(|sample| i32::from(*sample)).collect();
    encoder.process_interleaved(&wide, 20_000).expect("encoded");
    encoder.finish().expect("finished");

    let encoding = aws_sdk_connecthealth::types::MedicalScribeMediaEncoding::Flac;
    let stream = open(&client, &Params { encoding, ..Params::pcm(SESSION) }).await.expect("a stream");
    stream.send(configuration(2)).await;
    // Pieces that end anywhere in a frame.
    for piece in flac.chunks(3_001) {
        stream.send(binary(piece)).await;
    }
    stream.send(end_of_session()).await;
    let (segments, _, ended) = stream.finish().await;
    assert_eq!(ended, Ok(()));
    // Noise is loud on both channels; nothing is recognised in it.
    let finals: Vec<&str> =
        segments.iter().filter(|s| s.is_partial() == Some(false)).filter_map(|s| s.content()).collect();
    assert_eq!(finals.len(), 2);
    assert!(finals.iter().all(|text| text.starts_with("speech, 0.0-1.2 s, -")), "{finals:?}");
    let report = emulator.session(SESSION).expect("a report");
    assert!(report.verified, "{:?}", report.problems);
    assert!(recorded(dir.path(), SESSION).1 == source);
    emulator.shutdown().await;
}

#[tokio::test]
async fn plain_http_1_works_full_duplex() {
    let emulator =
        start(Config { tls: Transport::Cleartext, script: Some(script(1)), ..Config::default() }).await;
    let client = client(&emulator);
    let mut stream = open(&client, &Params::pcm(SESSION)).await.expect("a stream");
    stream.send(configuration(1)).await;
    for chunk in noise(16_000).chunks(1_600) {
        stream.send(binary(&bytes(chunk))).await;
    }
    // An event comes while the upload is still open.
    let event = tokio::time::timeout(PATIENCE, stream.output.response_stream.recv()).await.expect("in time");
    assert!(matches!(event, Ok(Some(_))), "{event:?}");
    stream.send(end_of_session()).await;
    assert_eq!(stream.finish().await.2, Ok(()));
    let report = emulator.session(SESSION).expect("a report");
    assert_eq!((report.verified, report.connections[0].http.as_str()), (true, "HTTP/1.1"));
    emulator.shutdown().await;
}

#[tokio::test]
async fn wrong_keys_tokens_and_parameters_are_refused_as_the_service_does() {
    use aws_sdk_connecthealth::config::Credentials;
    let keys = vec![Keys::new("AKIDOTHER", "other-secret").with_session_token("a-token")];
    let emulator = start(Config { keys, ..Config::default() }).await;
    let with = |secret: &str, token: Option<&str>| {
        let credentials = Credentials::new("AKIDOTHER", secret, token.map(String::from), None, "test");
        client_with(&emulator, credentials)
    };
    let unknown = open(&client(&emulator), &Params::pcm(SESSION)).await.err().expect("a refusal");
    assert!(unknown.contains("AccessDeniedException") && unknown.contains("401"), "{unknown}");
    let tokenless = open(&with("other-secret", None), &Params::pcm(SESSION)).await.err().expect("a refusal");
    assert!(tokenless.contains("AccessDeniedException"), "{tokenless}");
    let secret =
        open(&with("another", Some("a-token")), &Params::pcm(SESSION)).await.err().expect("a refusal");
    assert!(secret.contains("InvalidSignatureException") && secret.contains("403"), "{secret}");
    let good = with("other-secret", Some("a-token"));
    let rate =
        open(&good, &Params { rate_hz: 7_000, ..Params::pcm(SESSION) }).await.err().expect("a refusal");
    assert!(rate.contains("ValidationException") && rate.contains("mediaSampleRateHertz"), "{rate}");
    let domain = Params { domain: "nonsense".into(), ..Params::pcm(SESSION) };
    let domain = open(&good, &domain).await.err().expect("a refusal");
    assert!(domain.contains("ValidationException") && domain.contains("domainId"), "{domain}");
    assert_eq!(emulator.sessions().len(), 0);
    assert!(open(&good, &Params::pcm(SESSION)).await.is_ok());
    emulator.shutdown().await;
}

#[tokio::test]
async fn broken_rules_end_the_stream_and_fail_the_session() {
    let emulator = start(Config::default()).await;
    let client = client(&emulator);
    let cases: Vec<(&str, Vec<aws_sdk_connecthealth::types::MedicalScribeInputStream>, &str)> = vec![
        ("00000000-0000-4000-8000-000000000001", vec![binary(&[0; 320])], "before configurationEvent"),
        ("00000000-0000-4000-8000-000000000002", vec![configuration(1), binary(&[0; 321])], "even number"),
        ("00000000-0000-4000-8000-000000000003", vec![configuration(1), binary(&[0; 32_002])], "32002 bytes"),
        ("00000000-0000-4000-8000-000000000004", vec![configuration(1), configuration(1)], "sent once"),
        (
            "00000000-0000-4000-8000-000000000005",
            vec![configuration(1), end_of_session(), binary(&[0; 320])],
            "after the end of the session",
        ),
        ("00000000-0000-4000-8000-000000000006", vec![end_of_session()], "before configurationEvent"),
    ];
    for (session, events, rule) in cases {
        let stream = open(&client, &Params::pcm(session)).await.expect("a stream");
        for event in events {
            stream.send(event).await;
        }
        let (_, _, ended) = read_all(stream.output).await;
        let error = ended.expect_err(rule);
        assert!(error.contains("ValidationException") && error.contains(rule), "{error}");
        let report = emulator.session(session).expect("a report");
        assert!(!report.verified && report.problems[0].contains(rule), "{:?}", report.problems);
        assert_eq!(report.connections[0].ended, Ended::Refused);
        let again = open(&client, &Params::pcm(session)).await.err().expect("a refusal");
        assert!(again.contains("ConflictException"), "{again}");
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn nothing_of_audio_words_or_keys_is_printed() {
    let canary =
        Script::from_json(r#"{"segments": [{"channel": 0, "begin_s": 0, "end_s": 1, "text": "CANARY"}]}"#);
    let config = Config {
        script: canary.ok(),
        keys: vec![Keys::new("CANARYKEY", "CANARYSECRET").with_session_token("CANARYTOKEN")],
        ..Config::default()
    };
    let text = format!("{config:?}");
    let emulator = start(config).await;
    let text = format!("{text} {emulator:?} {:?} {:?}", emulator.identity(), emulator.faults());
    assert!(!text.contains("CANARY") && !text.contains("PRIVATE"), "{text}");
    emulator.shutdown().await;
}
