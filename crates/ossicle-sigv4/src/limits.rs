//! Every limit of signing, each with its reason.

/// Longest time that a presigned query may be used, in seconds. It stands in URLs, which proxies log, and the WebSocket that it
/// opens is opened at once: a minute allows for a slow handshake and is the shortest that services document.
pub const PRESIGNED_EXPIRES_S_MAX: u32 = 60;

/// Longest name of a region or service, in bytes: a DNS label, since both are part of endpoint names.
pub const SCOPE_NAME_LEN_MAX: usize = 63;

/// Latest second that can be signed: the last one of the year 9999, since a signature's date has four digits for the year.
pub const SIGNED_SECOND_MAX: i64 = 253_402_300_799;
