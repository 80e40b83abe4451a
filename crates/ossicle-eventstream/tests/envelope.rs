//! The signed envelope, taken apart by the official decoder.

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream::{HeaderValue, Message};
use ossicle_eventstream::limits::COMBINE_LEN_MIN;
use ossicle_eventstream::{
    EncodeError, EventHeaders, SIGNED_END_LEN, encode_signed_end, encode_signed_event,
    encode_signed_event_with, signed_event_len,
};

fn headers() -> EventHeaders {
    EventHeaders::new("binaryAudioEvent", "application/octet-stream").unwrap()
}

fn names(message: &Message) -> Vec<&str> {
    message.headers().iter().map(|header| header.name().as_str()).collect()
}

#[test]
fn an_event_lies_in_its_envelope_and_is_signed_where_it_lies() {
    for payload_len in [0, 1, 640, 3200, COMBINE_LEN_MIN - 1, COMBINE_LEN_MIN, 32_000, 100_000] {
        let payload: Vec<u8> = (0..payload_len).map(|i| (7 * i + 3) as u8).collect();
        let total_len = signed_event_len(&headers(), payload_len);
        assert_eq!(total_len, payload_len + 193);
        let mut out = vec![0; total_len + 3];
        let mut signed = Vec::new();
        let sign = |bytes: &[u8]| {
            signed = bytes.to_vec();
            [0xC5; 32]
        };
        assert_eq!(encode_signed_event(&mut out, &headers(), &payload, -1, sign), Ok(total_len));
        assert_eq!(&out[total_len..], [0; 3], "wrote past the message");

        let outer = read_message_from(&mut &out[..total_len]).unwrap();
        assert_eq!(names(&outer), [":chunk-signature", ":date"]);
        assert_eq!(outer.headers()[0].value(), &HeaderValue::ByteArray(vec![0xC5; 32].into()));
        // Whole seconds, also before 1970.
        assert_eq!(outer.headers()[1].value().as_timestamp().unwrap().to_millis().unwrap(), -1000);
        assert_eq!(outer.payload(), &signed);

        let inner = read_message_from(&mut outer.payload().clone()).unwrap();
        assert_eq!(names(&inner), [":message-type", ":event-type", ":content-type"]);
        assert_eq!(inner.payload(), &payload);
    }
}

#[test]
fn a_payload_can_be_written_in_place() {
    let samples: Vec<i16> = (0..1600).map(|i| i * 20 - 16_000).collect();
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut copied = vec![0; signed_event_len(&headers(), 3200)];
    let mut in_place = copied.clone();
    encode_signed_event(&mut copied, &headers(), &bytes, 1_768_472_430_123, |_| [1; 32]).unwrap();
    let write = |slot: &mut [u8]| {
        for (pair, sample) in slot.as_chunks_mut::<2>().0.iter_mut().zip(&samples) {
            *pair = sample.to_le_bytes();
        }
    };
    encode_signed_event_with(&mut in_place, &headers(), 3200, write, 1_768_472_430_000, |_| [1; 32]).unwrap();
    assert_eq!(copied, in_place);
}

#[test]
fn the_end_is_an_envelope_around_nothing() {
    let mut out = [0; SIGNED_END_LEN];
    assert_eq!(SIGNED_END_LEN, 83);
    let sign = |bytes: &[u8]| {
        assert!(bytes.is_empty());
        [9; 32]
    };
    assert_eq!(encode_signed_end(&mut out, 1_768_472_430_999, sign), Ok(SIGNED_END_LEN));
    let outer = read_message_from(&mut out.as_slice()).unwrap();
    assert_eq!(names(&outer), [":chunk-signature", ":date"]);
    assert!(outer.payload().is_empty());
}

#[test]
fn nothing_is_signed_that_cannot_be_sent() {
    let never = |_: &[u8]| -> [u8; 32] { panic!("signed") };
    let needed = signed_event_len(&headers(), 10);
    let small = Err(EncodeError::BufferTooSmall { needed, available: needed - 1 });
    assert_eq!(encode_signed_event(&mut vec![0; needed - 1], &headers(), &[0; 10], 0, never), small);
    let small = Err(EncodeError::BufferTooSmall { needed: 83, available: 82 });
    assert_eq!(encode_signed_end(&mut [0; 82], 0, never), small);

    // The event is the envelope's payload, so the limit of 16 MiB holds for the whole event.
    let len_max = (16 << 20) - 110;
    let mut out = vec![0; signed_event_len(&headers(), len_max) + 1];
    let long = Err(EncodeError::PayloadTooLong { len: len_max + 1 });
    assert_eq!(encode_signed_event_with(&mut out, &headers(), len_max + 1, |_| (), 0, never), long);
    assert!(encode_signed_event_with(&mut out, &headers(), len_max, |_| (), 0, |_| [0; 32]).is_ok());
}

#[test]
fn nothing_that_was_said_is_printed() {
    use ossicle_eventstream::{Decoder, Header, Value, encode_message};
    let headers = [
        Header { name: ":error-message", value: Value::String("canary-text") },
        Header { name: "b", value: Value::Bytes(b"canary-bytes") },
        Header { name: "u", value: Value::Uuid(*b"canary-uuid-0123") },
    ];
    let mut bytes = [0; 256];
    let len = encode_message(&headers, b"canary-payload", &mut bytes).unwrap();
    let mut decoder = Decoder::new();
    assert!(decoder.decode(&mut &bytes[..30]).unwrap().is_none());
    let mut printed = format!("{decoder:?} {:?}", EventHeaders::new("canary-kind", "canary-type").unwrap());
    let mut input = &bytes[30..len];
    let message = decoder.decode(&mut input).unwrap().unwrap();
    printed += &format!("{message:?} {message:#?} {:?} {:?}", message.headers(), message.header("b"));
    for text in ["canary-text", "canary-bytes", "canary-uuid-0123", "canary-payload", "canary-kind"] {
        assert!(!printed.contains(text), "{printed}");
        let decimals = format!("{:?}", text.as_bytes());
        assert!(!printed.contains(decimals.trim_matches(['[', ']'])), "{printed}");
    }
    assert!(printed.contains("String(11 bytes)"), "{printed}");
}
