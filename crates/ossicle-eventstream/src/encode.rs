//! Messages written into a caller's buffer.

use crate::header::{
    Header, KIND_BYTE, KIND_BYTES, KIND_FALSE, KIND_INT16, KIND_INT32, KIND_INT64, KIND_STRING,
    KIND_TIMESTAMP, KIND_TRUE, KIND_UUID, Value,
};
use crate::limits::{
    ENCODE_HEADERS_LEN_MAX, ENCODE_NAME_LEN_MAX, ENCODE_PAYLOAD_LEN_MAX, ENCODE_VALUE_LEN_MIN,
    HEADERS_COUNT_MAX, MESSAGE_CRC_LEN, MESSAGE_OVERHEAD_LEN, PRELUDE_LEN, VALUE_LEN_MAX,
};

/// Why a message cannot be written. Nothing was written then, or what was written is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The caller's buffer is shorter than the message.
    #[error("the buffer has {available} bytes and the message takes {needed}")]
    BufferTooSmall {
        /// Bytes that the message takes.
        needed: usize,
        /// Bytes that the buffer has.
        available: usize,
    },
    /// The payload is over [`ENCODE_PAYLOAD_LEN_MAX`].
    #[error("a payload of {len} bytes is longer than the 16777216 allowed, send it in parts")]
    PayloadTooLong {
        /// The payload's length in bytes.
        len: usize,
    },
    /// The headers together are over [`ENCODE_HEADERS_LEN_MAX`].
    #[error("headers of {len} bytes are longer than the 131072 allowed")]
    HeadersTooLong {
        /// The length of all headers in bytes.
        len: usize,
    },
    /// There are more headers than [`HEADERS_COUNT_MAX`].
    #[error("{count} headers are more than the 64 allowed")]
    TooManyHeaders {
        /// How many there are.
        count: usize,
    },
    /// A header's name is empty or over [`ENCODE_NAME_LEN_MAX`].
    #[error("the name of header {index} has {len} bytes where 1 to 127 are allowed")]
    NameLength {
        /// Which header, from 0.
        index: usize,
        /// Its name's length in bytes.
        len: usize,
    },
    /// A string or byte array is empty or over [`VALUE_LEN_MAX`].
    #[error("the value of header {index} has {len} bytes where 1 to 32767 are allowed")]
    ValueLength {
        /// Which header, from 0.
        index: usize,
        /// Its value's length in bytes.
        len: usize,
    },
    /// Two headers have the same name.
    #[error("header {index} repeats the name of an earlier one")]
    NameRepeated {
        /// Which header, from 0.
        index: usize,
    },
}

/// The length in bytes of a message with these headers and a payload of `payload_len` bytes.
///
/// # Errors
/// All of [`EncodeError`] but [`EncodeError::BufferTooSmall`].
pub fn message_len(headers: &[Header<'_>], payload_len: usize) -> Result<usize, EncodeError> {
    let headers_len = headers_len(headers)?;
    if payload_len > ENCODE_PAYLOAD_LEN_MAX {
        return Err(EncodeError::PayloadTooLong { len: payload_len });
    }
    Ok(MESSAGE_OVERHEAD_LEN + headers_len + payload_len)
}

/// Writes one message to the start of `out` and returns its length in bytes. Does not allocate.
///
/// # Errors
/// [`EncodeError`]; `out` is untouched then.
pub fn encode_message(headers: &[Header<'_>], payload: &[u8], out: &mut [u8]) -> Result<usize, EncodeError> {
    let total_len = message_len(headers, payload.len())?;
    let available = out.len();
    let out = out.get_mut(..total_len).ok_or(EncodeError::BufferTooSmall { needed: total_len, available })?;
    let headers_len = total_len - MESSAGE_OVERHEAD_LEN - payload.len();

    let prelude_crc = write_prelude(out, headers_len);
    write_headers(&mut out[PRELUDE_LEN..PRELUDE_LEN + headers_len], headers);
    out[PRELUDE_LEN + headers_len..total_len - MESSAGE_CRC_LEN].copy_from_slice(payload);
    write_message_crc(out, prelude_crc);
    Ok(total_len)
}

/// The length of these headers on the wire, each checked against the limits for sending.
pub(crate) fn headers_len(headers: &[Header<'_>]) -> Result<usize, EncodeError> {
    if headers.len() > HEADERS_COUNT_MAX {
        return Err(EncodeError::TooManyHeaders { count: headers.len() });
    }
    let mut len = 0;
    for (index, header) in headers.iter().enumerate() {
        let name_len = header.name.len();
        if !(1..=ENCODE_NAME_LEN_MAX).contains(&name_len) {
            return Err(EncodeError::NameLength { index, len: name_len });
        }
        if let Value::Bytes(_) | Value::String(_) = header.value {
            let value_len = header.value.wire_len() - 2;
            if !(ENCODE_VALUE_LEN_MIN..=VALUE_LEN_MAX).contains(&value_len) {
                return Err(EncodeError::ValueLength { index, len: value_len });
            }
        }
        if headers[..index].iter().any(|earlier| earlier.name == header.name) {
            return Err(EncodeError::NameRepeated { index });
        }
        len += 2 + name_len + header.value.wire_len();
    }
    if len > ENCODE_HEADERS_LEN_MAX {
        return Err(EncodeError::HeadersTooLong { len });
    }
    Ok(len)
}

/// Writes headers that were checked by [`headers_len`] into a block of exactly that length.
pub(crate) fn write_headers(block: &mut [u8], headers: &[Header<'_>]) {
    let mut rest = block;
    for header in headers {
        // Lossless: `headers_len` bounds names by 127 and values by 32,767 bytes.
        rest = put(rest, &[header.name.len() as u8]);
        rest = put(rest, header.name.as_bytes());
        rest = match header.value {
            Value::Bool(true) => put(rest, &[KIND_TRUE]),
            Value::Bool(false) => put(rest, &[KIND_FALSE]),
            Value::Byte(value) => put(put(rest, &[KIND_BYTE]), &value.to_be_bytes()),
            Value::Int16(value) => put(put(rest, &[KIND_INT16]), &value.to_be_bytes()),
            Value::Int32(value) => put(put(rest, &[KIND_INT32]), &value.to_be_bytes()),
            Value::Int64(value) => put(put(rest, &[KIND_INT64]), &value.to_be_bytes()),
            Value::Bytes(bytes) => put_sized(put(rest, &[KIND_BYTES]), bytes),
            Value::String(text) => put_sized(put(rest, &[KIND_STRING]), text.as_bytes()),
            Value::Timestamp(value) => put(put(rest, &[KIND_TIMESTAMP]), &value.to_be_bytes()),
            Value::Uuid(value) => put(put(rest, &[KIND_UUID]), &value),
        };
    }
}

fn put<'a>(out: &'a mut [u8], bytes: &[u8]) -> &'a mut [u8] {
    let (here, rest) = out.split_at_mut(bytes.len());
    here.copy_from_slice(bytes);
    rest
}

fn put_sized<'a>(out: &'a mut [u8], bytes: &[u8]) -> &'a mut [u8] {
    put(put(out, &(bytes.len() as u16).to_be_bytes()), bytes)
}

/// Writes the prelude of a message that fills `message` and returns its checksum.
pub(crate) fn write_prelude(message: &mut [u8], headers_len: usize) -> u32 {
    // Lossless: the limits for sending keep both far below 4 GiB.
    let total_len = message.len() as u32;
    message[0..4].copy_from_slice(&total_len.to_be_bytes());
    message[4..8].copy_from_slice(&(headers_len as u32).to_be_bytes());
    let crc = crc32fast::hash(&message[..8]);
    message[8..PRELUDE_LEN].copy_from_slice(&crc.to_be_bytes());
    crc
}

/// Writes the checksum that ends `message` and returns it. It covers all bytes before it, so it goes on from the prelude's.
pub(crate) fn write_message_crc(message: &mut [u8], prelude_crc: u32) -> u32 {
    let (body, end) = message.split_at_mut(message.len() - MESSAGE_CRC_LEN);
    let mut crc = crc32fast::Hasher::new_with_initial(prelude_crc);
    crc.update(&body[8..]);
    let crc = crc.finalize();
    end.copy_from_slice(&crc.to_be_bytes());
    crc
}
