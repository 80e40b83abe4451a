//! The border to C: where faults become statuses and where panics end.

use std::any::Any;
use std::borrow::Cow;
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ossicle_core::{Failure, Status};

use crate::constants::ossicle_status;
use crate::sized::check_pointer;

/// Why a call failed, in a sentence for a person. Never holds keys or health information.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_error {
    /// The status that the call returned.
    pub status: ossicle_status,
    /// UTF-8, ends with a zero.
    pub text: [c_char; 252],
}

/// A call that cannot be done, or was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: Status,
    pub(crate) text: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(status: Status, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into() }
    }

    pub(crate) fn argument(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::BadArgument, text)
    }

    pub(crate) fn state(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::BadState, text)
    }

    pub(crate) fn closed() -> Self {
        Self::new(Status::Closed, "it is closed or closing")
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::new(failure.status, failure.to_string())
    }
}

/// Runs the body of a C function. A panic ends here, as `INTERNAL`.
pub(crate) fn border(body: impl FnOnce() -> Result<(), Fault>) -> ossicle_status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => Status::Ok as ossicle_status,
        Ok(Err(fault)) => fault.status as ossicle_status,
        Err(panic) => {
            let_go(panic);
            Status::Internal as ossicle_status
        }
    }
}

/// As [`border`], and tells the sentence.
///
/// # Safety
/// `error` is NULL or points to a writable `ossicle_error`.
pub(crate) unsafe fn border_with(
    error: *mut ossicle_error,
    body: impl FnOnce() -> Result<(), Fault>,
) -> ossicle_status {
    let mut told = None;
    let status = border(|| {
        if !error.is_null() {
            check_pointer(error, "error")?;
        }
        body().inspect_err(|fault| told = Some(fault.clone()))
    });
    if status != Status::Ok as ossicle_status && !error.is_null() && error.is_aligned() {
        let text = told.map_or(Cow::Borrowed("a bug of Ossicle; please report it"), |fault| fault.text);
        let value = ossicle_error { status, text: text_of(&text) };
        // SAFETY: it is not NULL and aligned, and the caller vouches that it is an `ossicle_error`.
        unsafe { error.write(value) };
    }
    status
}

/// Runs the body of a C function that gives a value; a panic gives `instead`.
pub(crate) fn border_value<T>(instead: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let_go(panic);
        instead
    })
}

/// Drops what a panic carries, which may itself panic: that one is kept, as it would go on for ever otherwise.
fn let_go(panic: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(another);
    }
}

/// A sentence as C has it, cut at a character's end where it is too long.
pub(crate) fn text_of<const N: usize>(text: &str) -> [c_char; N] {
    let mut out = [0; N];
    let kept = &text[..text.floor_char_boundary(N - 1)];
    for (to, from) in out.iter_mut().zip(kept.bytes().take_while(|byte| *byte != 0)) {
        *to = from as c_char;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_at_the_border() {
        assert_eq!(border(|| panic!("on purpose")), Status::Internal as i32);
        assert_eq!(border_value(7, || panic!("on purpose")), 7);
        let mut error = ossicle_error { status: 0, text: [0; 252] };
        // SAFETY: `error` is ours.
        let status = unsafe { border_with(&raw mut error, || panic!("on purpose")) };
        assert_eq!((status, error.status), (900, 900));
        assert_eq!(error.text[0] as u8, b'a');
    }

    #[test]
    fn a_long_sentence_is_cut_at_a_character() {
        let cut: [c_char; 5] = text_of("abc\u{e9}\u{e9}");
        assert_eq!(cut.map(|byte| byte as u8), [b'a', b'b', b'c', 0, 0]);
    }
}
