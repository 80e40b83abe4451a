//! Replays frames whose outcome the official decoder gave. Ours is stricter in places; each of these is listed here.

use ossicle_eventstream::limits::CLIENT_PAYLOAD_LEN_MAX;
use ossicle_eventstream::{
    DecodeError, DecodeLimits, Decoder, EncodeError, Header, HeaderError, Message, Value, encode_message,
    message_len,
};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

fn vectors() -> Json {
    serde_json::from_str(include_str!("vectors/eventstream-frames.json")).unwrap()
}

fn from_hex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0);
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn frame_bytes(frame: &Json) -> Vec<u8> {
    let bytes = if frame["name"] == "string_value_len_32768_over_i16max" {
        // Left out of the file for its size: one header `s` with 32,768 times `a`, payload `p`.
        let message = aws_smithy_headers_over_limit();
        assert_eq!(hex_of(&Sha256::digest(&message)), frame["frame_sha256"].as_str().unwrap());
        message
    } else {
        from_hex(frame["frame_hex"].as_str().unwrap())
    };
    assert_eq!(bytes.len() as u64, frame["frame_len"].as_u64().unwrap());
    bytes
}

fn aws_smithy_headers_over_limit() -> Vec<u8> {
    let mut headers = vec![1, b's', 7, 0x80, 0x00];
    headers.resize(5 + 0x8000, b'a');
    let mut message = Vec::new();
    message.extend_from_slice(&(16 + headers.len() as u32 + 1).to_be_bytes());
    message.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.extend_from_slice(&headers);
    message.push(b'p');
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What became of all bytes of a frame.
#[derive(Debug, PartialEq)]
enum Outcome {
    Message { headers: Vec<(String, String)>, payload: Vec<u8> },
    Refused(DecodeError),
    Waits(usize),
}

fn outcome(bytes: &[u8], step: usize) -> Outcome {
    let mut decoder = Decoder::new();
    for mut input in bytes.chunks(step.max(1)) {
        while !input.is_empty() {
            match decoder.decode(&mut input) {
                Ok(Some(message)) => return describe(&message),
                Ok(None) => assert!(input.is_empty(), "no message, but input was left"),
                Err(error) => {
                    assert_eq!(decoder.decode(&mut input).unwrap_err(), error, "an error is not kept");
                    assert_eq!(decoder.finish(), Err(error));
                    return Outcome::Refused(error);
                }
            }
        }
    }
    match decoder.finish() {
        Ok(()) => Outcome::Waits(0),
        Err(DecodeError::Unfinished { held }) => Outcome::Waits(held),
        Err(error) => panic!("finish gave {error}"),
    }
}

fn describe(message: &Message<'_>) -> Outcome {
    let headers =
        message.headers().map(|header| (header.name.to_owned(), value_text(header.value))).collect();
    Outcome::Message { headers, payload: message.payload().to_vec() }
}

fn value_text(value: Value<'_>) -> String {
    match value {
        Value::Bool(value) => format!("bool {value}"),
        Value::Byte(value) => format!("byte {value}"),
        Value::Int16(value) => format!("int16 {value}"),
        Value::Int32(value) => format!("int32 {value}"),
        Value::Int64(value) => format!("int64 {value}"),
        Value::Bytes(bytes) => format!("bytes {}", hex_of(bytes)),
        Value::String(text) => format!("string {text}"),
        Value::Timestamp(value) => format!("timestamp {value}"),
        Value::Uuid(value) => format!("uuid {}", hex_of(&value)),
    }
}

fn official(ok: &Json) -> Outcome {
    let text = |json: &Json| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    let headers = ok["headers"].as_array().unwrap().iter().map(|header| {
        let value = ["value", "value_hex", "value_ms"].iter().find_map(|key| header.get(key)).unwrap();
        (text(&header["name"]), format!("{} {}", text(&header["type"]), text(value)))
    });
    Outcome::Message { headers: headers.collect(), payload: from_hex(ok["payload_hex"].as_str().unwrap()) }
}

/// What ours must make of each frame that the official decoder does not decode, or that ours must refuse.
fn expected(name: &str) -> Outcome {
    use Outcome::{Refused, Waits};
    let header = |at, error| Refused(DecodeError::Header { at, error });
    let headers_length = |declared, total| Refused(DecodeError::HeadersLength { declared, total });
    let too_long = |declared| Refused(DecodeError::PayloadTooLong { declared, max: CLIENT_PAYLOAD_LEN_MAX });
    match name {
        // The specification forbids these three, the official decoder takes them.
        "header_name_len_0" => header(0, HeaderError::NameEmpty),
        "string_value_len_32768_over_i16max" => header(0, HeaderError::ValueTooLong { len: 32_768 }),
        "duplicate_header_names" => header(3, HeaderError::NameRepeated),
        // The official decoder waits for bytes that never come; ours has a limit.
        "total_len_u32_max" => too_long(u32::MAX - 16 - 0x55),
        "total_len_16MiB_plus" => too_long(0x0100_0011 - 16 - 0x55),
        "total_len_24MiB_plus" => too_long(0x0180_0001 - 16 - 0x55),
        // Cut frames: both wait, and ours says at the end that something is missing, after a bare prelude too.
        "truncated_by_1" => Waits(102),
        "truncated_in_headers" => Waits(20),
        "truncated_after_prelude" => Waits(12),
        "truncated_in_prelude" => Waits(11),
        "zero_bytes" => Waits(0),
        "total_len_plus_1" => Waits(103),
        // Refused by both.
        "bad_prelude_crc" | "bad_prelude_crc_but_valid_message_crc" => {
            Refused(DecodeError::PreludeCrc { declared: 0x5431_D14F, computed: 0x5531_D14F })
        }
        "bad_message_crc" => {
            Refused(DecodeError::MessageCrc { declared: 0xABA4_0D24, computed: 0xABA4_0D25 })
        }
        "flipped_payload_byte" => {
            Refused(DecodeError::MessageCrc { declared: 0xABA4_0D25, computed: 0xDCA3_3DB3 })
        }
        "flipped_header_byte" => {
            Refused(DecodeError::MessageCrc { declared: 0xABA4_0D25, computed: 0x00EE_9B44 })
        }
        "total_len_minus_1" => {
            Refused(DecodeError::MessageCrc { declared: 0x7DBD_3CB5, computed: 0x8E2D_03AB })
        }
        "total_len_0" => Refused(DecodeError::MessageLength { declared: 0 }),
        "total_len_4" => Refused(DecodeError::MessageLength { declared: 4 }),
        "total_len_11" => Refused(DecodeError::MessageLength { declared: 11 }),
        "total_len_12" => Refused(DecodeError::MessageLength { declared: 12 }),
        "total_len_15" => Refused(DecodeError::MessageLength { declared: 15 }),
        "total_len_16_headers_nonzero" => headers_length(0x55, 16),
        "headers_len_u32_max" => headers_length(u32::MAX, 103),
        "headers_len_past_message" => headers_length(103, 103),
        "headers_len_1" => header(0, HeaderError::NameCut { len: 13 }),
        "headers_len_exactly_rest" => header(0x55, HeaderError::NameCut { len: b'{' }),
        "headers_len_cuts_last_header" => header(52, HeaderError::ValueCut),
        "bad_header_type_10" => header(0, HeaderError::ValueKind { kind: 10 }),
        "bad_header_type_11" => header(0, HeaderError::ValueKind { kind: 11 }),
        "bad_header_type_127" => header(0, HeaderError::ValueKind { kind: 127 }),
        "bad_header_type_128" => header(0, HeaderError::ValueKind { kind: 128 }),
        "bad_header_type_255" => header(0, HeaderError::ValueKind { kind: 255 }),
        "header_name_len_past_block" => header(0, HeaderError::NameCut { len: 200 }),
        "header_name_not_utf8" => header(0, HeaderError::NameNotUtf8),
        "string_value_not_utf8" => header(0, HeaderError::ValueNotUtf8),
        "string_value_len_past_frame" | "string_value_len_into_payload" | "int32_cut_short_into_payload" => {
            header(0, HeaderError::ValueCut)
        }
        _ => panic!("no outcome is given for {name}"),
    }
}

const STRICTER: [&str; 3] =
    ["header_name_len_0", "string_value_len_32768_over_i16max", "duplicate_header_names"];

#[test]
fn frames_decode_as_the_official_decoder_does_or_stricter() {
    let vectors = vectors();
    let frames = vectors["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 58);
    for frame in frames {
        let name = frame["name"].as_str().unwrap();
        let bytes = frame_bytes(frame);
        let wanted = match frame["read_message_from"].get("ok") {
            Some(ok) if !STRICTER.contains(&name) => official(ok),
            _ => expected(name),
        };
        for step in [bytes.len(), 1, 2, 7, 12, 13] {
            assert_eq!(outcome(&bytes, step), wanted, "{name} in steps of {step}");
        }
    }
}

#[test]
fn decoded_frames_encode_to_the_same_bytes() {
    let mut encoded_frames = 0;
    for frame in vectors()["frames"].as_array().unwrap() {
        let name = frame["name"].as_str().unwrap();
        let bytes = frame_bytes(frame);
        let mut decoder = Decoder::new();
        let mut input = bytes.as_slice();
        let Ok(Some(message)) = decoder.decode(&mut input) else { continue };
        let headers: Vec<Header<'_>> = message.headers().collect();
        let mut out = vec![0xAA; bytes.len() + 1];
        match encode_message(&headers, message.payload(), &mut out) {
            Ok(len) => {
                assert_eq!(&out[..len], bytes, "{name}");
                assert_eq!(out[len], 0xAA, "{name} wrote too far");
                assert_eq!(message_len(&headers, message.payload().len()), Ok(len));
                encoded_frames += 1;
            }
            // Some peers refuse what these have, so they are read and not written.
            Err(EncodeError::ValueLength { len: 0, .. }) => {
                assert!(name.contains("empty") || name.contains("all"))
            }
            Err(EncodeError::NameLength { len: 255, .. }) => assert_eq!(name, "header_name_255"),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    assert_eq!(encoded_frames, 14);
}

#[test]
fn a_service_refuses_from_the_prelude_alone_what_the_specification_names() {
    let outcome = |headers_len: u32, payload_len: u32| {
        let mut prelude = (16 + headers_len + payload_len).to_be_bytes().to_vec();
        prelude.extend_from_slice(&headers_len.to_be_bytes());
        prelude.extend_from_slice(&crc32fast::hash(&prelude).to_be_bytes());
        let mut decoder = Decoder::with_limits(DecodeLimits::SERVICE);
        decoder.decode(&mut prelude.as_slice()).map(|message| message.is_some())
    };
    let (headers_max, payload_max) = (131_072, 25_165_824);
    assert_eq!(outcome(headers_max, payload_max), Ok(false), "is not waited for");
    let too_long = DecodeError::HeadersTooLong { declared: headers_max + 1, max: headers_max as usize };
    assert_eq!(outcome(headers_max + 1, 0), Err(too_long));
    let too_long = DecodeError::PayloadTooLong { declared: payload_max + 1, max: payload_max as usize };
    assert_eq!(outcome(0, payload_max + 1), Err(too_long));
}

#[test]
fn what_is_sent_stays_inside_every_peers_limits() {
    fn named(name: &str) -> [Header<'_>; 1] {
        [Header { name, value: Value::Bool(true) }]
    }
    assert_eq!(message_len(&named(&"n".repeat(127)), 0), Ok(16 + 129));
    for len in [0, 128, 256] {
        assert_eq!(message_len(&named(&"n".repeat(len)), 0), Err(EncodeError::NameLength { index: 0, len }));
    }
    let text = "v".repeat(32_768);
    assert_eq!(
        message_len(&[Header { name: "n", value: Value::String(&text[1..]) }], 0),
        Ok(16 + 5 + 32_767)
    );
    for (value, len) in [(&text[..0], 0), (&text[..], 32_768)] {
        let refused = Err(EncodeError::ValueLength { index: 0, len });
        assert_eq!(message_len(&[Header { name: "n", value: Value::String(value) }], 0), refused);
        assert_eq!(message_len(&[Header { name: "n", value: Value::Bytes(value.as_bytes()) }], 0), refused);
    }
    let five = ["a", "b", "c", "d", "e"].map(|name| Header { name, value: Value::String(&text[1..]) });
    assert_eq!(message_len(&five, 0), Err(EncodeError::HeadersTooLong { len: 5 * (5 - 1 + 1 + 32_767) }));
    assert_eq!(message_len(&[], 16 << 20), Ok(16 + (16 << 20)));
    assert_eq!(message_len(&[], (16 << 20) + 1), Err(EncodeError::PayloadTooLong { len: (16 << 20) + 1 }));
    let twice = [named("n")[0], named("n")[0]];
    assert_eq!(message_len(&twice, 0), Err(EncodeError::NameRepeated { index: 1 }));
    let names: Vec<String> = (0..65).map(|index| index.to_string()).collect();
    let many: Vec<_> = names.iter().map(|name| named(name)[0]).collect();
    assert!(message_len(&many[..64], 0).is_ok());
    assert_eq!(message_len(&many, 0), Err(EncodeError::TooManyHeaders { count: 65 }));
}
