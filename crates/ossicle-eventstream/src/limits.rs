//! Every limit of the encoding, each with its reason.
//!
//! Two sets, on purpose. What we *send* stays inside what every known peer takes. What we *accept* is what the AWS
//! event-stream specification allows, cut down to what a peer of this service can have a reason to send.

/// Bytes before the headers: total length, headers length, and the checksum of these two.
pub const PRELUDE_LEN: usize = 12;

/// Bytes of the checksum that ends a message.
pub const MESSAGE_CRC_LEN: usize = 4;

/// Bytes of a message besides its headers and payload; also the shortest message there is.
pub const MESSAGE_OVERHEAD_LEN: usize = PRELUDE_LEN + MESSAGE_CRC_LEN;

/// Longest payload that is sent, in bytes: older C runtimes and the Python client stop at 16 MiB.
pub const ENCODE_PAYLOAD_LEN_MAX: usize = 16 * 1024 * 1024;

/// Longest block of headers that is sent, in bytes: the specification's 128 KiB.
pub const ENCODE_HEADERS_LEN_MAX: usize = 128 * 1024;

/// Longest header name that is sent, in bytes: the C runtime reads the length as a signed byte.
pub const ENCODE_NAME_LEN_MAX: usize = 127;

/// Longest string or byte array that is sent or accepted in a header, in bytes: the specification's `i16::MAX`. The length
/// field could say 65,535, and a peer that reads it as signed would then lose its place.
pub const VALUE_LEN_MAX: usize = 32_767;

/// Shortest string or byte array that is sent in a header: the specification forbids empty values. They are accepted, because
/// the official encoders do write them.
pub const ENCODE_VALUE_LEN_MIN: usize = 1;

/// Most headers of one message, sent or accepted. The specification has no number; real messages carry up to five. It bounds
/// the search for repeated names, which is quadratic.
pub const HEADERS_COUNT_MAX: usize = 64;

/// Longest payload a service has to accept, in bytes: the specification's 24 MiB.
pub const SERVICE_PAYLOAD_LEN_MAX: usize = 24 * 1024 * 1024;

/// Longest block of headers a service has to accept, in bytes: the specification's 128 KiB.
pub const SERVICE_HEADERS_LEN_MAX: usize = 128 * 1024;

/// Longest payload a client accepts by default, in bytes. The largest modelled event is a checklist snapshot: 20 lists of 100
/// items whose keys have up to 128 characters, under 2 MiB even if each character takes six bytes of JSON. Twice that leaves
/// room to grow, and is the most that one hostile stream can make a client hold.
pub const CLIENT_PAYLOAD_LEN_MAX: usize = 4 * 1024 * 1024;

/// Longest block of headers a client accepts by default, in bytes: the specification's 128 KiB.
pub const CLIENT_HEADERS_LEN_MAX: usize = 128 * 1024;

/// Largest first reservation for a split message, in bytes. A declared length is only a claim: memory grows with the bytes that
/// really came, at most doubling, so a peer cannot make us reserve megabytes by sending twelve bytes. 4 KiB holds any
/// transcript event, so these cost one allocation.
pub const SPLIT_RESERVE_LEN: usize = 4 * 1024;

/// Shortest payload, in bytes, for which the envelope's checksum is combined from the event's instead of taken over the event's
/// bytes again. Combining costs about 0.3 microseconds at any length, a second pass over 3.2 kB half of that and one over 32 kB
/// up to 1.3 microseconds (x86-64 with carry-less multiplication).
pub const COMBINE_LEN_MIN: usize = 16 * 1024;

/// What a [`Decoder`](crate::Decoder) accepts. Both are checked when the twelve bytes of a prelude are there, before anything
/// waits for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Longest payload, in bytes.
    pub payload_len_max: usize,
    /// Longest block of headers, in bytes.
    pub headers_len_max: usize,
}

impl DecodeLimits {
    /// For a client of the service: [`CLIENT_PAYLOAD_LEN_MAX`] and [`CLIENT_HEADERS_LEN_MAX`].
    pub const CLIENT: Self =
        Self { payload_len_max: CLIENT_PAYLOAD_LEN_MAX, headers_len_max: CLIENT_HEADERS_LEN_MAX };

    /// For a service: [`SERVICE_PAYLOAD_LEN_MAX`] and [`SERVICE_HEADERS_LEN_MAX`], which the specification prescribes.
    pub const SERVICE: Self =
        Self { payload_len_max: SERVICE_PAYLOAD_LEN_MAX, headers_len_max: SERVICE_HEADERS_LEN_MAX };
}

impl Default for DecodeLimits {
    /// [`DecodeLimits::CLIENT`].
    fn default() -> Self {
        Self::CLIENT
    }
}
