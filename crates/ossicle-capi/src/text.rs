//! Texts that come over the border.

use std::ffi::{CStr, c_char};
use std::slice;

use crate::border::Fault;

/// The longest text that is read: a configuration with its context is below 100 kB, a request of the control plane
/// below this. A text without its final zero is not followed for ever.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// A text that ends with a zero, or None where it is NULL.
///
/// # Safety
/// `text` is NULL or points to bytes that end with a zero, readable up to it, and unchanged during the call.
pub(crate) unsafe fn optional<'a>(text: *const c_char, name: &str) -> Result<Option<&'a str>, Fault> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: as this function's; the C header asks for it.
    let text = unsafe { CStr::from_ptr(text) };
    if text.count_bytes() > TEXT_BYTES_MAX {
        return Err(Fault::argument(format!("{name} is longer than 1 MiB")));
    }
    match text.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Fault::argument(format!("{name} is not UTF-8"))),
    }
}

/// A text that must be there.
///
/// # Safety
/// As [`optional`].
pub(crate) unsafe fn required<'a>(text: *const c_char, name: &str) -> Result<&'a str, Fault> {
    // SAFETY: as this function's.
    unsafe { optional(text, name) }?.ok_or_else(|| Fault::argument(format!("{name} is NULL")))
}

/// A text of a known length.
///
/// # Safety
/// `text` is NULL or points to `bytes` readable bytes, unchanged during the call.
pub(crate) unsafe fn counted<'a>(text: *const c_char, bytes: usize, name: &str) -> Result<&'a str, Fault> {
    if text.is_null() {
        return if bytes == 0 { Ok("") } else { Err(Fault::argument(format!("{name} is NULL"))) };
    }
    if bytes > TEXT_BYTES_MAX {
        return Err(Fault::argument(format!("{name} is longer than 1 MiB")));
    }
    // SAFETY: as this function's; the length is bounded above.
    let bytes = unsafe { slice::from_raw_parts(text.cast::<u8>(), bytes) };
    std::str::from_utf8(bytes).map_err(|_| Fault::argument(format!("{name} is not UTF-8")))
}
