//! The shapes, limits and checks of Amazon Connect Health's listening sessions.
//!
//! What is here: the parameters, events and limits of the streaming operation; checks of a session's configuration
//! before anything is sent; and the mapping of a text into the characters that the service takes. Nothing here does
//! I/O, reads a clock or makes a random number.
//!
//! Types that hold health information do not print it: their `Debug` shows `<redacted>`, and no error holds a value.

#![forbid(unsafe_code)]

#[macro_use]
mod declare;

pub mod context;
pub mod endpoint;
pub mod ids;
pub mod invalid;
pub mod limits;
mod redact;
pub mod rest;
pub mod scalars;
pub mod shape;
pub mod stream;
pub mod times;
pub mod validate;

pub use invalid::{Invalid, Rule};
pub use redact::Phi;
pub use times::{Date, IsoTime, Timestamp};

/// Says which member of a document could not be read, once reading it has failed.
pub(crate) fn explain(json: &[u8], shape: &'static shape::Shape, error: &serde_json::Error) -> Invalid {
    let document: Result<serde_json::Value, _> = serde_json::from_slice(json);
    match document.map(|document| validate::value(&document, shape, validate::Strictness::Answer)) {
        Ok(Err(invalid)) => invalid,
        _ => Invalid::new("", Rule::NotJson { line: error.line(), column: error.column() }),
    }
}

/// The bare name in an error code such as `aws.x#Name:http://…`: cut at the first colon, then what follows the hash.
pub fn error_code(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or(code);
    code.split_once('#').map_or(code, |(_, name)| name)
}
