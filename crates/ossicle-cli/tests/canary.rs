//! With every log target of this process at TRACE, nobody says audio, transcripts, what is known of a patient, or keys:
//! not the engine, not the control plane, not the emulator, not the libraries under them.

#[path = "common/witness.rs"]
mod witness;

use std::sync::Arc;
use std::time::Duration;

use ossicle::control::rest::*;
use ossicle::control::{Client, H2Transport, Settings};
use ossicle::core::{Ended, Endpoint, EngineConfig, Event, SessionConfig};
use ossicle::model::ids::SessionUuid;
use ossicle::model::stream::{Configuration, EncounterContext};
use ossicle::net::{Alpn, NetConfig, TlsConfig};
use ossicle::sigv4::Credentials;
use ossicle::{AudioInput, Engine, EngineOptions, Session, StaticKeys};
use ossicle_emulator::{Config, Emulator, Fault, Keys, Script};
use witness::Secrets;

const KEY_ID: &str = "AKIDCANARY";
const SECRET: &str = "canary+SECRET/key/0123456789/abcdefghijk";
const TOKEN: &str = "canary-TOKEN-0123456789abcdefghijklmnopq==";
const SPOKEN: &str = "the canary has sung since Tuesday";
const CONTEXT: &str = "the canary moulted in spring, allergic to millet";
const REASON: &str = "a canary with a cough of two weeks";
const PATIENT: &str = "canary-patient-0815";
const OAUTH: &str = "canary-oauth-token-4711";
const SAID_BY_SERVICE: &str = "the canary in the service's own words";
const RATE_HZ: u32 = 16_000;
const PATIENCE: Duration = Duration::from_secs(60);

fn noise(frames: usize) -> Vec<i16> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 48) as u16 as i16
    };
    (0..frames).map(|_| next()).collect()
}

fn secrets(audio: &[i16]) -> Secrets {
    let mut secrets = Secrets::default().audio(audio);
    for (name, text) in [
        ("the secret key", SECRET),
        ("the token", TOKEN),
        ("what was spoken", SPOKEN),
        ("the encounter's context", CONTEXT),
        ("the encounter's reason", REASON),
        ("the patient", PATIENT),
        ("the FHIR server's token", OAUTH),
        ("the service's own words", SAID_BY_SERVICE),
    ] {
        secrets = secrets.bytes(name, text.as_bytes());
    }
    secrets
}

fn credentials(secret: &str) -> Credentials {
    Credentials::new(KEY_ID, secret, Some(TOKEN.into()), None)
}

async fn emulator() -> Emulator {
    let script = format!(
        r#"{{"segments": [{{"channel": 0, "begin_s": 0.2, "end_s": 1.2, "text": "{SPOKEN}"}},
            {{"channel": 0, "begin_s": 2.2, "end_s": 3.2, "text": "{SPOKEN}"}}]}}"#
    );
    let script = Script::from_json(&script).expect("a script");
    let keys = vec![Keys::new(KEY_ID, SECRET).with_session_token(TOKEN)];
    let config = Config { keys, script: Some(script), ..Config::default() };
    witness::hear(format!("{config:?}"));
    Emulator::start(config).await.expect("an emulator")
}

fn net(emulator: &Emulator) -> NetConfig {
    NetConfig::new(TlsConfig::new(Alpn::Http2, emulator.ca_pem().map(str::as_bytes)).expect("trust"))
}

fn engine(emulator: &Emulator) -> Engine {
    let endpoint = Endpoint { tls: true, host: "localhost".into(), port: emulator.addr().port() };
    let mut options = EngineOptions::new(EngineConfig::new(endpoint, "us-east-1"), net(emulator));
    options.keys = Arc::new(StaticKeys::new(credentials(SECRET)));
    witness::hear(format!("{options:?} {:?}", credentials(SECRET)));
    Engine::start(options).expect("an engine")
}

fn session_config() -> SessionConfig {
    let mut configuration = Configuration::history_and_physical("s3://bucket/out/");
    let context =
        EncounterContext { unstructured_context: Some(CONTEXT.into()), ..EncounterContext::default() };
    configuration.encounter_context = Some(context);
    let config = SessionConfig::new(
        SessionUuid::from_random_bytes([0x5a; 16]),
        "hai-abcdefghijklmnopq".parse().expect("a domain"),
        "sub-abcdefghijKLMNOPQRSTU".parse().expect("a subscription"),
        configuration,
    );
    witness::hear(format!("{config:?}"));
    config
}

/// Waits for an event, and lets the witness hear what each would print.
async fn until<T>(session: &Session, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
    let found = async {
        loop {
            let event = session.next_event().await.expect("the session is open");
            witness::hear(format!("{event:?}"));
            if let Some(found) = pick(&event) {
                return found;
            }
            assert!(!matches!(event, Event::Closed(_)), "closed early: {event:?}");
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("the event comes in time")
}

async fn push(tap: &mut ossicle::audio::Tap, samples: &[i16]) {
    for piece in samples.chunks(RATE_HZ as usize / 50) {
        let pushed = tap.push_i16(piece, None).expect("one channel");
        assert_eq!(pushed.dropped_frames, 0);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A visit with a failure of the service, a lost connection and an end.
async fn visit(emulator: &Emulator, audio: &[i16]) {
    let engine = engine(emulator);
    let config = session_config();
    let id = config.session_id.as_str().to_owned();
    let format = ossicle::audio::Format::new(
        ossicle::audio::SampleType::S16,
        ossicle::audio::Layout::Interleaved,
        RATE_HZ,
        1,
    );
    let mut input = AudioInput::new(format.expect("a format"));
    input.ring_ms = 2_000;
    let (session, mut tap) = engine.open(config, &input).expect("a session");
    let (first, second) = audio.split_at(audio.len() / 2);
    push(&mut tap, first).await;
    // The first ones are partial, and may be a word long.
    until(&session, |event| match event {
        Event::Transcript(piece) => piece.text.starts_with("the canary").then_some(()),
        _ => None,
    })
    .await;
    let kind = "internalFailureException".to_owned();
    let exception = Fault::Exception { after_messages: 0, kind, message: SAID_BY_SERVICE.into() };
    assert!(emulator.faults().now(&id, exception), "a live stream");
    until(&session, |event| matches!(event, Event::Recovered { .. }).then_some(())).await;
    emulator.faults().drop_connections();
    until(&session, |event| matches!(event, Event::Recovered { .. }).then_some(())).await;
    push(&mut tap, second).await;
    witness::hear(format!("{:?} {session:?} {tap:?}", session.stats().await));
    session.finish().expect("taken");
    let report = until(&session, |event| match event {
        Event::Closed(report) => Some((**report).clone()),
        _ => None,
    });
    let report = report.await;
    assert_eq!((report.ended, report.ledger.lost()), (Ended::Finished, 0), "{report:?}");
    witness::hear(ossicle::core::json::report(&report));
    witness::hear(format!("{engine:?} {:?}", emulator.session(&id)));
    assert!(engine.shutdown(PATIENCE).await);
}

/// A refused stream: keys and context went up, an error came back.
async fn refusal(emulator: &Emulator) {
    let message = SAID_BY_SERVICE.to_owned();
    let code = "ValidationException".to_owned();
    emulator.faults().next(Fault::Refuse { status: 400, code, message, retry_after_ms: None });
    let engine = engine(emulator);
    let mut config = session_config();
    config.session_id = SessionUuid::from_random_bytes([0x5b; 16]);
    let format = ossicle::audio::Format::new(
        ossicle::audio::SampleType::S16,
        ossicle::audio::Layout::Interleaved,
        RATE_HZ,
        1,
    );
    let (session, _tap) =
        engine.open(config, &AudioInput::new(format.expect("a format"))).expect("a session");
    let failure = until(&session, |event| match event {
        Event::Closed(report) => report.failure.clone(),
        _ => None,
    })
    .await;
    witness::hear(format!("{failure} {failure:?}"));
}

/// Calls that carry what is known of a patient, and one that is refused.
async fn calls(emulator: &Emulator) {
    let client = |secret: &str| {
        let mut settings = Settings::new("us-east-1");
        settings.endpoint = Some(emulator.url());
        Client::new(settings, credentials(secret), H2Transport::new(net(emulator))).expect("a client")
    };
    let ours = client(SECRET);
    let domain = ours.create_domain(CreateDomainInput::new("d")).await.expect("a domain").domain_id;
    let mut server = FhirServer::new("https://fhir.example/r4");
    server.oauth_token = Some(OAUTH.into());
    let input = StartPatientInsightsJobInput::new(
        domain.as_str(),
        PatientInsightsPatientContext::new(PATIENT),
        InsightsContext::new(InsightsType::PreVisit),
        PatientInsightsEncounterContext::new(REASON),
        UserContext::new(ProviderRole::Clinician, "u-1"),
        InputDataConfig { fhir_server: Some(server), s3_sources: None },
        OutputDataConfig::new("s3://bucket/out/"),
    );
    witness::hear(format!("{input:?} {ours:?}"));
    let job = ours.start_patient_insights_job(input).await.expect("a job");
    let read =
        ours.get_patient_insights_job(GetPatientInsightsJobInput::new(domain.as_str(), job.job_id.as_str()));
    witness::hear(format!("{job:?} {:?}", read.await.expect("the job")));
    let message = SAID_BY_SERVICE.to_owned();
    let code = "ValidationException".to_owned();
    emulator
        .faults()
        .for_operation("GetDomain", Fault::Refuse { status: 400, code, message, retry_after_ms: None });
    let error = ours.get_domain(GetDomainInput::new(domain.as_str())).await.expect_err("refused");
    witness::hear(format!("{error} {error:?}"));
    let denied = client("another-secret").get_domain(GetDomainInput::new(domain.as_str())).await;
    let denied = denied.expect_err("denied");
    witness::hear(format!("{denied} {denied:?}"));
}

#[tokio::test]
async fn nobody_says_what_nobody_may_say() {
    witness::listen();
    witness::assert_awake();
    let audio = noise(4 * RATE_HZ as usize);
    let emulator = emulator().await;
    visit(&emulator, &audio).await;
    refusal(&emulator).await;
    calls(&emulator).await;
    emulator.shutdown().await;
    // hyper speaks only where some crate of the build turns its tracing on.
    for target in ["h2", "rustls"] {
        assert!(witness::has_heard_from(target), "{target} is silent: the witness does not hear it");
    }
    secrets(&audio).assert_unsaid();
}
