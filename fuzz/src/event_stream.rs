//! The event-stream decoder, fed with bytes that are split anywhere, and compared with the official decoder.

use aws_smithy_eventstream::frame::read_message_from;
use ossicle_eventstream::limits::SPLIT_RESERVE_LEN;
use ossicle_eventstream::{DecodeError, Decoder, HeaderError};

/// What became of a stream: the payload and number of headers of each message, and how it ended.
type Outcome = (Vec<(Vec<u8>, usize)>, Result<(), DecodeError>);

/// The first byte says how the rest is split. Split or whole, the outcome must be the same, and memory must follow the bytes
/// that came.
pub fn decode(data: &[u8]) {
    let Some((&seed, stream)) = data.split_first() else { return };
    assert_eq!(outcome(stream, seed), outcome(stream, 0), "the outcome depends on the split");
}

/// Repairs lengths and checksums so that the headers are reached: the first two bytes say how long the headers are. What is
/// accepted must be what the official decoder reads, and what is refused must be refused by it or by the specification.
pub fn decode_crc_repaired(data: &[u8]) {
    let Some((&[high, low], content)) = data.split_first_chunk::<2>() else { return };
    let headers_len = usize::from(u16::from_be_bytes([high, low])) % (content.len() + 1);
    let message = framed(content, headers_len);

    let mut decoder = Decoder::new();
    let ours = decoder.decode(&mut message.as_slice());
    let theirs = read_message_from(&mut message.as_slice());
    match (ours, theirs) {
        (Ok(Some(ours)), Ok(theirs)) => {
            assert_eq!(ours.payload(), theirs.payload());
            let names = theirs.headers().iter().map(|header| header.name().as_str());
            assert!(
                ours.headers().map(|header| header.name).eq(names),
                "other headers than the official decoder"
            );
        }
        (Err(DecodeError::Header { error, .. }), Ok(_)) => {
            let stricter = matches!(
                error,
                HeaderError::NameEmpty
                    | HeaderError::ValueTooLong { .. }
                    | HeaderError::NameRepeated
                    | HeaderError::TooMany
            );
            assert!(stricter, "{error} although the official decoder reads it");
        }
        (Err(DecodeError::Header { .. }), Err(_)) => {}
        (Ok(Some(_)), Err(error)) => panic!("accepted although the official decoder says: {error}"),
        (Ok(None), _) => panic!("a whole message was not found"),
        (Err(error), _) => panic!("a repaired message was refused: {error}"),
    }
    assert_eq!(outcome(&message, high), outcome(&message, 0), "the outcome depends on the split");
}

/// A message of this content with good lengths and checksums.
fn framed(content: &[u8], headers_len: usize) -> Vec<u8> {
    let mut message = (content.len() as u32 + 16).to_be_bytes().to_vec();
    message.extend_from_slice(&(headers_len as u32).to_be_bytes());
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.extend_from_slice(content);
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message
}

/// Decodes a stream in steps that follow from `seed`; in one step if it is 0.
fn outcome(stream: &[u8], seed: u8) -> Outcome {
    let mut decoder = Decoder::new();
    let mut messages = Vec::new();
    let (mut rest, mut state) = (stream, u32::from(seed));
    loop {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let step = if seed == 0 { rest.len() } else { (state >> 16) as usize % (usize::from(seed) + 1) };
        let (mut input, after) = rest.split_at(step.min(rest.len()));
        rest = after;
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(message)) => messages.push((message.payload().to_vec(), message.headers().count())),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.memory_bytes(), 0, "a failed decoder holds memory");
                    return (messages, Err(error));
                }
            }
        }
        assert!(input.is_empty(), "input was left although no message was found");
        assert!(decoder.memory_bytes() <= (2 * stream.len()).max(SPLIT_RESERVE_LEN), "memory is not bounded");
        if rest.is_empty() {
            return (messages, decoder.finish());
        }
    }
}
