//! What the library is, and what its statuses mean.

use std::ffi::{CStr, c_char};

use ossicle_core::Status;
use ossicle_model::context;

use crate::border::{Fault, border, border_value};
use crate::constants::*;
use crate::sized::check_pointer;
use crate::text;

/// [ANY] The ABI of the library; compare it with OSSICLE_ABI.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_abi() -> u32 {
    OSSICLE_ABI
}

/// [ANY] The library's version, such as "0.1.0". Static storage.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

/// [ANY] What is built in: OSSICLE_FEATURE_* added up.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_features() -> u32 {
    let flac = if cfg!(feature = "flac") { OSSICLE_FEATURE_FLAC } else { 0 };
    let loopback = if cfg!(feature = "loopback") { OSSICLE_FEATURE_LOOPBACK } else { 0 };
    let chain = if cfg!(feature = "aws-chain") { OSSICLE_FEATURE_AWS_CHAIN } else { 0 };
    flac | loopback | chain
}

/// [ANY] The status' name, such as "OSSICLE_FULL", or "OSSICLE_UNKNOWN". Static storage.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_status_name(status: ossicle_status) -> *const c_char {
    name(status).as_ptr()
}

/// [ANY] 1 when a new session or another call may succeed without a change by the caller, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn ossicle_status_retryable(status: ossicle_status) -> i32 {
    border_value(0, || {
        let known = Status::ALL.iter().find(|known| **known as ossicle_status == status);
        i32::from(known.is_some_and(|known| known.retryable()))
    })
}

/// [ANY] Maps a text into the characters that the service takes in an encounter's context, and bounds it to 20,480
/// bytes: one character outside of them refuses a whole session. Reads `text_bytes` bytes of UTF-8 and writes the
/// result with a final zero to `out`, which has room for `out_bytes` bytes; 20,481 are always enough.
/// `*needed_out` is ALWAYS written: the bytes of the result with its zero, or 0 when the text cannot be read.
/// `*changes_out`: how many kinds of changes were made. Both may be NULL, and `out` when `out_bytes` is 0.
/// Errors: OSSICLE_BAD_ARGUMENT; OSSICLE_LIMIT when `out` is too small, and nothing is written to it.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ossicle_context_sanitise(
    text: *const c_char,
    text_bytes: usize,
    out: *mut c_char,
    out_bytes: usize,
    needed_out: *mut usize,
    changes_out: *mut u32,
) -> ossicle_status {
    border(|| {
        if !needed_out.is_null() {
            check_pointer(needed_out, "needed_out")?;
            // SAFETY: not NULL, aligned, and the caller's to write.
            unsafe { needed_out.write(0) };
        }
        if !changes_out.is_null() {
            check_pointer(changes_out, "changes_out")?;
        }
        // SAFETY: `text` is as the header asks.
        let given = unsafe { text::counted(text, text_bytes, "text") }?;
        let clean = context::sanitise(given);
        let needed = clean.text.len() + 1;
        if !needed_out.is_null() {
            // SAFETY: as above.
            unsafe { needed_out.write(needed) };
        }
        if out_bytes < needed {
            return Err(Fault::new(Status::Limit, "out is too small"));
        }
        check_pointer(out, "out")?;
        // SAFETY: `out` has room for `out_bytes` bytes, at least `needed`; the text is ours.
        unsafe {
            std::ptr::copy_nonoverlapping(clean.text.as_ptr(), out.cast::<u8>(), clean.text.len());
            out.add(clean.text.len()).write(0);
        }
        if !changes_out.is_null() {
            // SAFETY: not NULL, aligned, and the caller's to write.
            unsafe { changes_out.write(u32::try_from(clean.changes.len()).unwrap_or(u32::MAX)) };
        }
        Ok(())
    })
}

/// The names in C. `tests` holds them against the one table in `ossicle-core`.
fn name(status: ossicle_status) -> &'static CStr {
    match status {
        OSSICLE_OK => c"OSSICLE_OK",
        OSSICLE_FULL => c"OSSICLE_FULL",
        OSSICLE_EMPTY => c"OSSICLE_EMPTY",
        OSSICLE_CLOSED => c"OSSICLE_CLOSED",
        OSSICLE_BAD_ARGUMENT => c"OSSICLE_BAD_ARGUMENT",
        OSSICLE_BAD_STATE => c"OSSICLE_BAD_STATE",
        OSSICLE_LIMIT => c"OSSICLE_LIMIT",
        OSSICLE_DENIED => c"OSSICLE_DENIED",
        OSSICLE_EXPIRED => c"OSSICLE_EXPIRED",
        OSSICLE_SKEWED => c"OSSICLE_SKEWED",
        OSSICLE_NO_KEYS => c"OSSICLE_NO_KEYS",
        OSSICLE_REJECTED => c"OSSICLE_REJECTED",
        OSSICLE_THROTTLED => c"OSSICLE_THROTTLED",
        OSSICLE_QUOTA => c"OSSICLE_QUOTA",
        OSSICLE_NOT_FOUND => c"OSSICLE_NOT_FOUND",
        OSSICLE_CONFLICT => c"OSSICLE_CONFLICT",
        OSSICLE_SERVICE_FAILED => c"OSSICLE_SERVICE_FAILED",
        OSSICLE_UNREACHABLE => c"OSSICLE_UNREACHABLE",
        OSSICLE_LOST => c"OSSICLE_LOST",
        OSSICLE_CORRUPT => c"OSSICLE_CORRUPT",
        OSSICLE_UNTRUSTED => c"OSSICLE_UNTRUSTED",
        OSSICLE_NO_HTTP2 => c"OSSICLE_NO_HTTP2",
        OSSICLE_TIMED_OUT => c"OSSICLE_TIMED_OUT",
        OSSICLE_INTERNAL => c"OSSICLE_INTERNAL",
        _ => c"OSSICLE_UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_one_table_values_names_and_all() {
        for status in Status::ALL {
            let expected = format!("OSSICLE_{}", status.name());
            assert_eq!(name(*status as ossicle_status).to_str(), Ok(expected.as_str()));
            assert_eq!(ossicle_status_retryable(*status as ossicle_status), i32::from(status.retryable()));
        }
        let numbered = (-10..2_000).filter(|status| name(*status) != c"OSSICLE_UNKNOWN").count();
        assert_eq!(numbered, Status::ALL.len());
    }

    #[test]
    fn a_text_is_sanitised_into_the_callers_memory() {
        let text = "38 \u{b0}C \u{2013} fine";
        let (mut out, mut needed, mut changes) = ([1 as c_char; 64], 9_usize, 9_u32);
        let mut call = |out_bytes| {
            // SAFETY: all pointers are ours, and `out` has at least that many bytes.
            let status = unsafe {
                ossicle_context_sanitise(
                    text.as_ptr().cast(),
                    text.len(),
                    out.as_mut_ptr(),
                    out_bytes,
                    &raw mut needed,
                    &raw mut changes,
                )
            };
            (status, needed, changes)
        };
        assert_eq!(call(0), (OSSICLE_LIMIT, 20, 9));
        assert_eq!(call(64), (OSSICLE_OK, 20, 2));
        let bytes: Vec<u8> = out.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0).collect();
        assert_eq!(std::str::from_utf8(&bytes), Ok("38 degrees C - fine"));
    }
}
