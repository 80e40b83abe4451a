//! One audio event marshalled, signed and framed, and one transcript event decoded: ours beside the official crates.
//!
//! Criterion measures each by itself. The ratios at the end come from rounds that alternate between the two, so that a busy
//! machine slows both alike: they are medians of the rounds' own ratios. That no event allocates is asserted by a test of
//! `ossicle-sigv4`; a counting allocator here would slow the official side.

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use aws_sigv4::event_stream::{SigningParams, sign_message};
use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_types::event_stream as official;
use bytes::Bytes;
use criterion::Criterion;
use ossicle_eventstream::{
    Decoder, EventHeaders, Header, Value, encode_message, encode_signed_event, message_len, signed_event_len,
};
use ossicle_sigv4::{Chain, Credentials, SigningScope, StreamSigner};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const START_MS: i64 = 1_768_472_430_000;
/// Bytes of one millisecond of 16-bit mono at 16 kHz: the clock moves with the audio, so the cost of a new second is counted.
const BYTES_PER_MS: i64 = 32;
const AUDIO_LENS: [usize; 3] = [640, 3_200, 32_000];
const ROUNDS: usize = 41;
const ROUND: Duration = Duration::from_millis(8);

const TRANSCRIPT: &[u8] = br#"{"transcriptSegment":{"segmentId":"0f1e2d3c-4b5a-4789-8abc-def012345678","audioBeginOffset":12.34,"audioEndOffset":15.67,"isPartial":true,"channelId":"0","content":"and how long have you had the pain in your shoulder"}}"#;

struct Ours {
    headers: EventHeaders,
    signer: StreamSigner,
    chain: Chain,
    out: Vec<u8>,
    now_ms: i64,
}

impl Ours {
    fn new(audio_len: usize) -> Self {
        let headers = EventHeaders::new("binaryAudioEvent", "application/octet-stream").unwrap();
        let credentials = Credentials::new("AKIDEXAMPLE", SECRET, None, None);
        let scope = SigningScope::new("us-east-1", "health-agent").unwrap();
        let out = vec![0; signed_event_len(&headers, audio_len)];
        let signer = StreamSigner::new(&credentials, &scope);
        Self { headers, signer, chain: Chain::from_seed([0; 32]), out, now_ms: START_MS }
    }

    fn event(&mut self, audio: &[u8]) -> &[u8] {
        let now_ms = self.now_ms;
        self.now_ms += audio.len() as i64 / BYTES_PER_MS;
        let sign = |event: &[u8]| self.signer.sign(&mut self.chain, now_ms, event);
        let len = encode_signed_event(&mut self.out, &self.headers, audio, now_ms, sign).unwrap();
        &self.out[..len]
    }
}

/// What the official client does for an event: marshall, sign with parameters made for it, frame.
struct Official {
    identity: Identity,
    last_signature: String,
    now_ms: i64,
}

impl Official {
    fn new() -> Self {
        let credentials = aws_credential_types::Credentials::new("AKIDEXAMPLE", SECRET, None, None, "bench");
        Self { identity: credentials.into(), last_signature: "0".repeat(64), now_ms: START_MS }
    }

    /// The audio is shared, not copied: in the official client's favour.
    fn event(&mut self, audio: &Bytes) -> Vec<u8> {
        let header = |name, value: &'static str| {
            official::Header::new(name, official::HeaderValue::String(value.into()))
        };
        let headers = vec![
            header(":message-type", "event"),
            header(":event-type", "binaryAudioEvent"),
            header(":content-type", "application/octet-stream"),
        ];
        let message = official::Message::new_from_parts(headers, audio.clone());
        let params: SigningParams<'_> = aws_sigv4::sign::v4::SigningParams::builder()
            .identity(&self.identity)
            .region("us-east-1")
            .name("health-agent")
            .time(SystemTime::UNIX_EPOCH + Duration::from_millis(self.now_ms as u64))
            .settings(())
            .build()
            .unwrap();
        self.now_ms += audio.len() as i64 / BYTES_PER_MS;
        let (signed, signature) = sign_message(&message, &self.last_signature, &params).unwrap().into_parts();
        self.last_signature = signature;
        let mut buffer = Vec::new();
        write_message_to(&signed, &mut buffer).unwrap();
        buffer
    }
}

fn audio(len: usize) -> Bytes {
    (0..len).map(|index| (7 * index + 3) as u8).collect()
}

fn transcript_message() -> Bytes {
    let headers = [
        Header { name: ":message-type", value: Value::String("event") },
        Header { name: ":event-type", value: Value::String("transcriptEvent") },
        Header { name: ":content-type", value: Value::String("application/json") },
    ];
    let mut bytes = vec![0; message_len(&headers, TRANSCRIPT.len()).unwrap()];
    encode_message(&headers, TRANSCRIPT, &mut bytes).unwrap();
    bytes.into()
}

/// Finds the event's type and payload, as a client has to.
fn decode_ours(decoder: &mut Decoder, bytes: &[u8]) -> (bool, usize) {
    let mut input = bytes;
    let message = decoder.decode(&mut input).unwrap().unwrap();
    (message.header(":event-type") == Some(Value::String("transcriptEvent")), message.payload().len())
}

fn decode_official(bytes: &Bytes) -> (bool, usize) {
    let message = read_message_from(&mut bytes.clone()).unwrap();
    let event_type = message.headers().iter().find(|header| header.name().as_str() == ":event-type").unwrap();
    (event_type.value().as_string().unwrap().as_str() == "transcriptEvent", message.payload().len())
}

fn criterion_benches(criterion: &mut Criterion) {
    for len in AUDIO_LENS {
        let audio = audio(len);
        let mut group = criterion.benchmark_group(format!("audio_event_{len}"));
        let (mut ours, mut official) = (Ours::new(len), Official::new());
        group.bench_function("ours", |bencher| bencher.iter(|| ours.event(black_box(&audio)).len()));
        group.bench_function("official", |bencher| bencher.iter(|| official.event(black_box(&audio)).len()));
        group.finish();
    }
    let message = transcript_message();
    let mut group = criterion.benchmark_group("decode_transcript");
    let mut decoder = Decoder::new();
    group.bench_function("ours", |bencher| bencher.iter(|| decode_ours(&mut decoder, black_box(&message))));
    group.bench_function("official", |bencher| bencher.iter(|| decode_official(black_box(&message))));
    group.finish();
}

/// Nanoseconds of one call, over about one round's time.
fn time_ns(mut call: impl FnMut()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0_u32);
    while start.elapsed() < ROUND {
        for _ in 0..32 {
            call();
        }
        calls += 32;
    }
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}

fn paired(name: &str, aim: Option<f64>, mut ours: impl FnMut(), mut official: impl FnMut()) {
    let rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (time_ns(&mut ours), time_ns(&mut official))).collect();
    let ours_ns = quartiles(rounds.iter().map(|round| round.0).collect())[1];
    let official_ns = quartiles(rounds.iter().map(|round| round.1).collect())[1];
    let [low, ratio, high] = quartiles(rounds.iter().map(|round| round.1 / round.0).collect());
    let aim = aim.map_or(String::new(), |aim| {
        format!(", aim {aim:.1}: {}", if ratio >= aim { "reached" } else { "missed" })
    });
    eprintln!(
        "{name}: ours {ours_ns:.0} ns, official {official_ns:.0} ns, {ratio:.2} times faster ({low:.2} to {high:.2}){aim}"
    );
}

fn paired_rounds() {
    eprintln!("\nmedians of {ROUNDS} alternating rounds, with the quartiles of the paired ratios:");
    for (len, aim) in AUDIO_LENS.into_iter().zip([Some(4.5), Some(2.4), None]) {
        let audio = audio(len);
        let (mut ours, mut official) = (Ours::new(len), Official::new());
        for _ in 0..20 {
            assert_eq!(ours.event(&audio), official.event(&audio), "the two do not do the same");
        }
        paired(
            &format!("audio event, {len} bytes"),
            aim,
            || _ = black_box(ours.event(black_box(&audio)).len()),
            || _ = black_box(official.event(black_box(&audio))),
        );
    }
    let message = transcript_message();
    let mut decoder = Decoder::new();
    assert_eq!(decode_ours(&mut decoder, &message), decode_official(&message));
    paired(
        "transcript event, decoded",
        None,
        || _ = black_box(decode_ours(&mut decoder, black_box(&message))),
        || _ = black_box(decode_official(black_box(&message))),
    );
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_500))
        .configure_from_args();
    criterion_benches(&mut criterion);
    criterion.final_summary();
    // `cargo test --benches` runs each bench once to see that it works: no time to be measured then.
    if std::env::args().any(|argument| argument == "--bench") {
        paired_rounds();
    }
}
