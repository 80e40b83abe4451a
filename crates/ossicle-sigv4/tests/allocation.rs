//! Marshalling, signing and framing an event does not allocate. Alone in its process: the counts are of all of it.

use ossicle_eventstream::{EventHeaders, encode_signed_end, encode_signed_event, signed_event_len};
use ossicle_sigv4::{Chain, Credentials, SigningScope, StreamSigner};

// Counts every allocation by its own safe interface, so this crate needs no unsafe allocator of its own.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() {
    let headers = EventHeaders::new("binaryAudioEvent", "application/octet-stream").unwrap();
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", Some("token".to_owned()), None);
    let scope = SigningScope::new("us-east-1", "health-agent").unwrap();
    let mut signer = StreamSigner::new(&credentials, &scope);
    let mut chain = Chain::from_seed([1; 32]);
    let payload = vec![0x5A; 32_000];
    let mut out = vec![0; signed_event_len(&headers, payload.len())];
    let start_ms = 1_768_521_590_000;
    // A day's first signature derives the key, from a copy of the secret that it wipes. Counted apart, below.
    signer.sign(&mut chain, start_ms, b"");

    let _profiler = dhat::Profiler::builder().testing().build();
    let blocks = || dhat::HeapStats::get().total_blocks;
    let before = blocks();
    // Ten seconds, each with its own date, and none past midnight.
    for turn in 0..100 {
        let clock_ms = start_ms + 99 * turn;
        for payload_len in [0, 640, 3200, 32_000] {
            let sign = |event: &[u8]| signer.sign(&mut chain, clock_ms, event);
            encode_signed_event(&mut out, &headers, &payload[..payload_len], clock_ms, sign).unwrap();
        }
        encode_signed_end(&mut out, clock_ms, |event| signer.sign(&mut chain, clock_ms, event)).unwrap();
    }
    assert_eq!(blocks() - before, 0, "an event allocated");

    signer.sign(&mut chain, start_ms + 86_400_000, b"");
    let new_day = blocks() - before;
    assert!((1..=2).contains(&new_day), "a new day made {new_day} allocations");
}
