//! One header: its ten wire types, read and written.

use std::fmt;

use crate::limits::VALUE_LEN_MAX;

pub(crate) const KIND_TRUE: u8 = 0;
pub(crate) const KIND_FALSE: u8 = 1;
pub(crate) const KIND_BYTE: u8 = 2;
pub(crate) const KIND_INT16: u8 = 3;
pub(crate) const KIND_INT32: u8 = 4;
pub(crate) const KIND_INT64: u8 = 5;
pub(crate) const KIND_BYTES: u8 = 6;
pub(crate) const KIND_STRING: u8 = 7;
pub(crate) const KIND_TIMESTAMP: u8 = 8;
pub(crate) const KIND_UUID: u8 = 9;

/// A header of a message. `Debug` shows the name and the value's type, never what a string or byte array holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name, 1 to 255 bytes (1 to 127 to be sent).
    pub name: &'a str,
    /// The value.
    pub value: Value<'a>,
}

/// The value of a header: ten types on the wire, since true and false are types of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// True (type 0) or false (type 1).
    Bool(bool),
    /// Type 2, eight bits.
    Byte(i8),
    /// Type 3, 16 bits.
    Int16(i16),
    /// Type 4, 32 bits.
    Int32(i32),
    /// Type 5, 64 bits.
    Int64(i64),
    /// Type 6, up to 32,767 bytes.
    Bytes(&'a [u8]),
    /// Type 7, up to 32,767 bytes of UTF-8.
    String(&'a str),
    /// Type 8, milliseconds since 1970-01-01T00:00:00Z; may be negative.
    Timestamp(i64),
    /// Type 9, 16 bytes in the order of their hexadecimal text.
    Uuid([u8; 16]),
}

impl<'a> Value<'a> {
    /// The text of a string value, `None` for any other type.
    pub fn as_str(&self) -> Option<&'a str> {
        match *self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Bytes that the value takes on the wire after its type byte.
    pub(crate) fn wire_len(&self) -> usize {
        match self {
            Value::Bool(_) => 0,
            Value::Byte(_) => 1,
            Value::Int16(_) => 2,
            Value::Int32(_) => 4,
            Value::Int64(_) | Value::Timestamp(_) => 8,
            Value::Bytes(bytes) => 2 + bytes.len(),
            Value::String(text) => 2 + text.len(),
            Value::Uuid(_) => 16,
        }
    }
}

// Values can carry what a service says about a person (an exception's message), so none is printed but numbers and booleans.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(value) => write!(f, "Bool({value})"),
            Value::Byte(value) => write!(f, "Byte({value})"),
            Value::Int16(value) => write!(f, "Int16({value})"),
            Value::Int32(value) => write!(f, "Int32({value})"),
            Value::Int64(value) => write!(f, "Int64({value})"),
            Value::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Value::String(text) => write!(f, "String({} bytes)", text.len()),
            Value::Timestamp(value) => write!(f, "Timestamp({value} ms)"),
            Value::Uuid(_) => write!(f, "Uuid(16 bytes)"),
        }
    }
}

/// Why a header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name has no bytes; the specification asks for at least one.
    #[error("a header name is empty")]
    NameEmpty,
    /// The name runs past the block of headers.
    #[error("a header name of {len} bytes runs past the headers")]
    NameCut {
        /// The declared length in bytes.
        len: u8,
    },
    /// The name is not UTF-8.
    #[error("a header name is not utf-8")]
    NameNotUtf8,
    /// The type byte is over 9.
    #[error("header value type {kind} is unknown")]
    ValueKind {
        /// The type byte.
        kind: u8,
    },
    /// The value runs past the block of headers.
    #[error("a header value runs past the headers")]
    ValueCut,
    /// A string or byte array is longer than [`VALUE_LEN_MAX`].
    #[error("a header value of {len} bytes is longer than the 32767 allowed")]
    ValueTooLong {
        /// The declared length in bytes.
        len: usize,
    },
    /// A string value is not UTF-8.
    #[error("a header value of type string is not utf-8")]
    ValueNotUtf8,
    /// Two headers have the same name.
    #[error("a header name is repeated")]
    NameRepeated,
    /// There are more headers than [`HEADERS_COUNT_MAX`](crate::limits::HEADERS_COUNT_MAX).
    #[error("there are more than 64 headers")]
    TooMany,
}

/// A header cut out of its block, its texts not yet looked at.
pub(crate) struct RawHeader<'a> {
    pub(crate) name: &'a [u8],
    kind: u8,
    value: &'a [u8],
}

impl<'a> RawHeader<'a> {
    /// Cuts the first header off a block that is not empty.
    pub(crate) fn split(block: &'a [u8]) -> Result<(Self, &'a [u8]), HeaderError> {
        let (&name_len, rest) = block.split_first().ok_or(HeaderError::ValueCut)?;
        if name_len == 0 {
            return Err(HeaderError::NameEmpty);
        }
        let (name, rest) =
            rest.split_at_checked(usize::from(name_len)).ok_or(HeaderError::NameCut { len: name_len })?;
        // A name that takes all the rest leaves no type byte.
        let (&kind, rest) = rest.split_first().ok_or(HeaderError::NameCut { len: name_len })?;
        let (value_len, rest) = match kind {
            KIND_TRUE | KIND_FALSE => (0, rest),
            KIND_BYTE => (1, rest),
            KIND_INT16 => (2, rest),
            KIND_INT32 => (4, rest),
            KIND_INT64 | KIND_TIMESTAMP => (8, rest),
            KIND_UUID => (16, rest),
            KIND_BYTES | KIND_STRING => {
                let (len, rest) = rest.split_first_chunk::<2>().ok_or(HeaderError::ValueCut)?;
                let len = usize::from(u16::from_be_bytes(*len));
                if len > VALUE_LEN_MAX {
                    return Err(HeaderError::ValueTooLong { len });
                }
                (len, rest)
            }
            _ => return Err(HeaderError::ValueKind { kind }),
        };
        let (value, rest) = rest.split_at_checked(value_len).ok_or(HeaderError::ValueCut)?;
        Ok((Self { name, kind, value }, rest))
    }

    /// The header with its texts checked.
    pub(crate) fn parse(&self) -> Result<Header<'a>, HeaderError> {
        let name = std::str::from_utf8(self.name).map_err(|_| HeaderError::NameNotUtf8)?;
        let value = self.value;
        let value = match self.kind {
            KIND_TRUE => Value::Bool(true),
            KIND_FALSE => Value::Bool(false),
            KIND_BYTE => Value::Byte(i8::from_be_bytes(fixed(value)?)),
            KIND_INT16 => Value::Int16(i16::from_be_bytes(fixed(value)?)),
            KIND_INT32 => Value::Int32(i32::from_be_bytes(fixed(value)?)),
            KIND_INT64 => Value::Int64(i64::from_be_bytes(fixed(value)?)),
            KIND_BYTES => Value::Bytes(value),
            KIND_STRING => Value::String(std::str::from_utf8(value).map_err(|_| HeaderError::ValueNotUtf8)?),
            KIND_TIMESTAMP => Value::Timestamp(i64::from_be_bytes(fixed(value)?)),
            KIND_UUID => Value::Uuid(fixed(value)?),
            kind => return Err(HeaderError::ValueKind { kind }),
        };
        Ok(Header { name, value })
    }
}

fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N], HeaderError> {
    value.try_into().map_err(|_| HeaderError::ValueCut)
}
