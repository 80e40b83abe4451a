//! Both ways against the official crate, and properties that hold for any message and any split.

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::DateTime;
use aws_smithy_types::event_stream as official;
use ossicle_eventstream::limits::SPLIT_RESERVE_LEN;
use ossicle_eventstream::{DecodeError, Decoder, Header, HeaderError, Value, encode_message, message_len};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// A header value that owns its bytes, and that a failed test may print.
#[derive(Clone, Debug)]
enum Owned {
    Bool(bool),
    Byte(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    Bytes(Vec<u8>),
    String(String),
    Timestamp(i64),
    Uuid([u8; 16]),
}

impl Owned {
    fn ours(&self) -> Value<'_> {
        match self {
            Owned::Bool(value) => Value::Bool(*value),
            Owned::Byte(value) => Value::Byte(*value),
            Owned::Int16(value) => Value::Int16(*value),
            Owned::Int32(value) => Value::Int32(*value),
            Owned::Int64(value) => Value::Int64(*value),
            Owned::Bytes(bytes) => Value::Bytes(bytes),
            Owned::String(text) => Value::String(text),
            Owned::Timestamp(value) => Value::Timestamp(*value),
            Owned::Uuid(value) => Value::Uuid(*value),
        }
    }

    fn official(&self) -> official::HeaderValue {
        use official::HeaderValue;
        match self.clone() {
            Owned::Bool(value) => HeaderValue::Bool(value),
            Owned::Byte(value) => HeaderValue::Byte(value),
            Owned::Int16(value) => HeaderValue::Int16(value),
            Owned::Int32(value) => HeaderValue::Int32(value),
            Owned::Int64(value) => HeaderValue::Int64(value),
            Owned::Bytes(bytes) => HeaderValue::ByteArray(bytes.into()),
            Owned::String(text) => HeaderValue::String(text.into()),
            Owned::Timestamp(value) => HeaderValue::Timestamp(DateTime::from_millis(value)),
            Owned::Uuid(value) => HeaderValue::Uuid(u128::from_be_bytes(value)),
        }
    }
}

/// The headers of a message by name, and its payload.
type Parts = (Vec<(String, Owned)>, Vec<u8>);

fn value() -> impl Strategy<Value = Owned> {
    prop_oneof![
        any::<bool>().prop_map(Owned::Bool),
        any::<i8>().prop_map(Owned::Byte),
        any::<i16>().prop_map(Owned::Int16),
        any::<i32>().prop_map(Owned::Int32),
        any::<i64>().prop_map(Owned::Int64),
        vec(any::<u8>(), 1..300).prop_map(Owned::Bytes),
        "\\PC{1,40}".prop_map(Owned::String),
        any::<i64>().prop_map(Owned::Timestamp),
        any::<[u8; 16]>().prop_map(Owned::Uuid),
    ]
}

fn parts() -> impl Strategy<Value = Parts> {
    let headers = btree_map("[:a-zA-Z0-9é-]{1,40}", value(), 0..8);
    (headers.prop_map(|map| map.into_iter().collect()), vec(any::<u8>(), 0..2000))
}

fn ours((headers, payload): &Parts) -> Vec<u8> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| Header { name, value: value.ours() }).collect();
    let mut message = vec![0; message_len(&headers, payload.len()).unwrap()];
    assert_eq!(encode_message(&headers, payload, &mut message), Ok(message.len()));
    message
}

fn official((headers, payload): &Parts) -> official::Message {
    let message = official::Message::new(payload.clone());
    headers.iter().fold(message, |message, (name, value)| {
        message.add_header(official::Header::new(name.clone(), value.official()))
    })
}

fn same(message: &ossicle_eventstream::Message<'_>, (headers, payload): &Parts) -> bool {
    message.payload() == payload
        && message.headers().count() == headers.len()
        && message
            .headers()
            .zip(headers)
            .all(|(found, (name, value))| found.name == name && found.value == value.ours())
        && headers.iter().all(|(name, value)| message.header(name) == Some(value.ours()))
}

proptest! {
    #[test]
    fn encodes_what_the_official_encoder_encodes(parts in parts()) {
        let mut theirs = Vec::new();
        write_message_to(&official(&parts), &mut theirs).unwrap();
        prop_assert_eq!(&ours(&parts), &theirs);
        prop_assert_eq!(read_message_from(&mut theirs.as_slice()).unwrap(), official(&parts));
    }

    #[test]
    fn decodes_what_the_official_encoder_encoded(parts in parts()) {
        let mut theirs = Vec::new();
        write_message_to(&official(&parts), &mut theirs).unwrap();
        let mut decoder = Decoder::new();
        let mut input = theirs.as_slice();
        let message = decoder.decode(&mut input).unwrap().unwrap();
        prop_assert!(same(&message, &parts));
        prop_assert!(input.is_empty());
        prop_assert_eq!(decoder.memory_bytes(), 0, "a whole message was copied");
    }

    #[test]
    fn a_stream_decodes_the_same_however_it_is_split(
        stream in vec(parts(), 0..6),
        steps in vec(1..400_usize, 1..20),
    ) {
        let bytes = stream.iter().flat_map(ours).collect::<Vec<u8>>();
        let longest = stream.iter().map(|parts| ours(parts).len()).max().unwrap_or(0);
        let mut decoder = Decoder::new();
        let (mut rest, mut found) = (bytes.as_slice(), 0);
        for step in steps.iter().cycle() {
            let (mut input, after) = rest.split_at(rest.len().min(*step));
            rest = after;
            while let Some(message) = decoder.decode(&mut input).unwrap() {
                prop_assert!(same(&message, &stream[found]));
                found += 1;
            }
            prop_assert!(input.is_empty());
            prop_assert!(decoder.memory_bytes() <= longest);
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(found, stream.len());
        prop_assert_eq!(decoder.finish(), Ok(()));
        prop_assert_eq!(decoder.memory_bytes(), 0, "an idle decoder holds memory");
    }

    #[test]
    fn a_cut_stream_is_reported(parts in parts(), cut in any::<prop::sample::Index>(), step in 1..50_usize) {
        let bytes = ours(&parts);
        let held = 1 + cut.index(bytes.len() - 1);
        let mut decoder = Decoder::new();
        for mut input in bytes[..held].chunks(step) {
            prop_assert!(decoder.decode(&mut input).unwrap().is_none());
        }
        prop_assert_eq!(decoder.held_len(), held);
        prop_assert_eq!(decoder.finish(), Err(DecodeError::Unfinished { held }));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in vec(any::<u8>(), 0..300), step in 1..40_usize) {
        let mut decoder = Decoder::new();
        for mut input in bytes.chunks(step) {
            while let Ok(Some(_)) = decoder.decode(&mut input) {}
        }
        prop_assert!(decoder.memory_bytes() <= SPLIT_RESERVE_LEN);
    }
}

#[test]
fn no_message_with_a_flipped_bit_is_handed_out() {
    let headers = [
        Header { name: ":message-type", value: Value::String("event") },
        Header { name: ":event-type", value: Value::String("transcriptEvent") },
        Header { name: "count", value: Value::Int32(7) },
    ];
    let mut bytes = vec![0; message_len(&headers, 40).unwrap()];
    encode_message(&headers, &[0x5A; 40], &mut bytes).unwrap();
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut decoder = Decoder::new();
        let error = decoder.decode(&mut flipped.as_slice()).unwrap_err();
        match error {
            DecodeError::PreludeCrc { .. } => assert!(bit < 12 * 8, "bit {bit}"),
            DecodeError::MessageCrc { .. } => assert!(bit >= 12 * 8, "bit {bit}"),
            _ => panic!("bit {bit} gave {error}"),
        }
    }
}

#[test]
fn a_bad_prelude_is_refused_at_its_twelfth_byte() {
    let mut prelude = u32::MAX.to_be_bytes().to_vec();
    prelude.extend_from_slice(&0_u32.to_be_bytes());
    let crc = crc32fast::hash(&prelude);
    for (crc, refused_for_crc) in [(crc, false), (crc ^ 1, true)] {
        let mut decoder = Decoder::new();
        assert_eq!(decoder.decode(&mut prelude.as_slice()).map(|message| message.is_some()), Ok(false));
        let error = decoder.decode(&mut crc.to_be_bytes().as_slice()).unwrap_err();
        assert_eq!(matches!(error, DecodeError::PreludeCrc { .. }), refused_for_crc);
        assert_eq!(matches!(error, DecodeError::PayloadTooLong { .. }), !refused_for_crc);
        assert_eq!(decoder.memory_bytes(), 0, "a failed decoder holds memory");
    }
}

#[test]
fn memory_follows_the_bytes_that_came_not_the_declared_length() {
    let mut bytes = vec![0; message_len(&[], 3 << 20).unwrap()];
    encode_message(&[], &vec![7; 3 << 20], &mut bytes).unwrap();
    let mut decoder = Decoder::new();
    let mut sent = 0;
    for mut input in bytes.chunks(10_000) {
        sent += input.len();
        if let Some(message) = decoder.decode(&mut input).unwrap() {
            assert_eq!(message.payload().len(), 3 << 20);
        }
        assert!(decoder.memory_bytes() <= (2 * sent).max(SPLIT_RESERVE_LEN));
        assert!(decoder.memory_bytes() <= bytes.len());
    }
    assert!(decoder.decode(&mut &[][..]).unwrap().is_none());
    assert_eq!(decoder.memory_bytes(), 0, "an idle decoder holds memory");
}

#[test]
fn headers_are_bounded_in_number() {
    let mut block = Vec::new();
    for name in 0..65_u8 {
        block.extend_from_slice(&[1, name, 0]);
    }
    for (count, accepted) in [(64, true), (65, false)] {
        let block = &block[..3 * count];
        let mut bytes = (16 + block.len() as u32).to_be_bytes().to_vec();
        bytes.extend_from_slice(&(block.len() as u32).to_be_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        bytes.extend_from_slice(block);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        let mut decoder = Decoder::new();
        let outcome = decoder.decode(&mut bytes.as_slice()).map(|message| message.unwrap().headers().count());
        if accepted {
            assert_eq!(outcome, Ok(64));
        } else {
            assert_eq!(outcome, Err(DecodeError::Header { at: 192, error: HeaderError::TooMany }));
        }
    }
}
