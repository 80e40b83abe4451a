//! Structs that begin with `struct_size` and only grow at their end.
//!
//! An old program meets a new library, and the reverse: what the caller's struct does not have keeps its default,
//! and what the library does not know must be zero.

use std::ffi::c_void;
use std::mem::size_of;
use std::slice;

use crate::border::Fault;

/// The largest struct that is looked at. Ours are below 400 bytes; a size above this is a size that was never set.
const STRUCT_BYTES_MAX: usize = 4_096;

/// A struct of the header that begins with a `u32 struct_size`.
///
/// # Safety
/// The type is `repr(C)`, has no padding, and every pattern of bytes is a value of it. Its first field is
/// `struct_size`. `abi.rs` holds sizes and offsets against a C compiler's, which is run with `-Wpadded -Werror`.
pub(crate) unsafe trait Sized: Copy {
    /// Its size when it was first released: no caller has a smaller one.
    const FIRST_BYTES: usize;
    /// Its name in C, for error texts.
    const NAME: &'static str;
    /// What the fields are that the caller does not have.
    fn defaults() -> Self;
}

/// Fills as much of the caller's struct as the caller says that it has, and sets its size.
///
/// # Safety
/// `to` is NULL or points to `bytes` writable bytes.
pub(crate) unsafe fn init<T: Sized>(to: *mut T, bytes: u32) {
    let size = bytes as usize;
    if to.is_null() || !to.is_aligned() || !(T::FIRST_BYTES..=STRUCT_BYTES_MAX).contains(&size) {
        return;
    }
    let defaults = T::defaults();
    // SAFETY: the caller vouches for `bytes` writable bytes at `to`, which was checked to be not NULL and aligned;
    // `write_prefix` writes no more than that.
    unsafe { write_prefix(to, &defaults, bytes) }
}

/// Reads a struct of whatever size its caller knows.
///
/// # Safety
/// `from` is NULL or points to as many readable bytes as its first four say.
pub(crate) unsafe fn read<T: Sized>(from: *const T) -> Result<T, Fault> {
    let size = checked_size(from)?;
    let mut value = T::defaults();
    let known = size.min(size_of::<T>());
    // SAFETY: `from` has `size` readable bytes (the caller of the C function vouches for it) and `value` has at least
    // `known`; they cannot overlap, since `value` is ours. Every pattern of bytes is a value (`Sized`).
    unsafe { std::ptr::copy_nonoverlapping(from.cast::<u8>(), (&raw mut value).cast::<u8>(), known) };
    // SAFETY: bytes from `known` up to `size` are the caller's and readable, as above.
    let unknown = unsafe { slice::from_raw_parts(from.cast::<u8>().add(known), size - known) };
    if unknown.iter().any(|byte| *byte != 0) {
        return Err(Fault::argument(format!(
            "{} has fields that this library does not know and that are not zero: use a newer library",
            T::NAME
        )));
    }
    Ok(value)
}

/// Checks that a struct can be written to, before anything is done for it.
///
/// # Safety
/// `to` is NULL or points to as many writable bytes as its first four say.
pub(crate) unsafe fn check_out<T: Sized>(to: *const T) -> Result<(), Fault> {
    checked_size(to).map(|_| ())
}

/// Writes as much of `value` as the caller's struct has; what the library does not know becomes zero.
///
/// # Safety
/// `to` passed [`check_out`] and nothing changed since.
pub(crate) unsafe fn write<T: Sized>(to: *mut T, value: &T) {
    // SAFETY: `to` is not NULL, aligned and readable, as `check_out` found.
    let bytes = unsafe { to.cast::<u32>().read() };
    // SAFETY: the first four bytes say how many bytes are writable, and `check_out` bounded them.
    unsafe { write_prefix(to, value, bytes) }
}

/// # Safety
/// `to` is aligned and has `bytes` writable bytes, at least four.
unsafe fn write_prefix<T: Sized>(to: *mut T, value: &T, bytes: u32) {
    let size = bytes as usize;
    let known = size.min(size_of::<T>());
    // SAFETY: both have at least `known` bytes, and `value` is not the caller's memory. The rest up to `size` is the
    // caller's. The size is written last, over the one that `value` had.
    unsafe {
        std::ptr::copy_nonoverlapping((&raw const *value).cast::<u8>(), to.cast::<u8>(), known);
        std::ptr::write_bytes(to.cast::<u8>().add(known), 0, size - known);
        to.cast::<u32>().write(bytes);
    }
}

fn checked_size<T: Sized>(at: *const T) -> Result<usize, Fault> {
    if at.is_null() {
        return Err(Fault::argument(format!("{} is NULL", T::NAME)));
    }
    if !at.is_aligned() {
        return Err(Fault::argument(format!("{} is not aligned", T::NAME)));
    }
    // SAFETY: `at` is not NULL and aligned, and what it points to has at least its first field.
    let size = unsafe { at.cast::<u32>().read() } as usize;
    if (T::FIRST_BYTES..=STRUCT_BYTES_MAX).contains(&size) {
        Ok(size)
    } else {
        Err(Fault::argument(format!("{}.struct_size is {size}, set it to sizeof({})", T::NAME, T::NAME)))
    }
}

/// Checks a pointer that something is written to.
pub(crate) fn check_pointer<T>(to: *mut T, name: &str) -> Result<(), Fault> {
    if to.is_null() {
        return Err(Fault::argument(format!("{name} is NULL")));
    }
    if !to.is_aligned() {
        return Err(Fault::argument(format!("{name} is not aligned")));
    }
    Ok(())
}

/// A context pointer of the application's, which only goes back to the application.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context(pub(crate) *mut c_void);

// SAFETY: the engine never looks at what it points to; it is handed back to the application's own callback, whose
// documentation says that it runs on a thread of the engine.
unsafe impl Send for Context {}
// SAFETY: as above.
unsafe impl Sync for Context {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ossicle_engine_config;

    #[repr(C)]
    struct Larger {
        known: ossicle_engine_config,
        more: [u64; 4],
    }

    #[test]
    fn a_larger_struct_is_taken_while_its_unknown_bytes_are_zero() {
        let mut larger = Larger { known: ossicle_engine_config::defaults(), more: [0; 4] };
        larger.known.struct_size = size_of::<Larger>() as u32;
        // SAFETY: the struct is ours and as large as it says.
        assert!(unsafe { read::<ossicle_engine_config>((&raw const larger).cast()) }.is_ok());
        larger.more[3] = 1;
        // SAFETY: as above.
        let refused = unsafe { read::<ossicle_engine_config>((&raw const larger).cast()) };
        assert!(refused.is_err_and(|fault| fault.text.contains("does not know")));
    }

    #[test]
    fn a_smaller_struct_keeps_the_defaults_of_what_it_lacks() {
        let mut config = ossicle_engine_config::defaults();
        config.tick_ms = 77;
        config.struct_size = 0;
        // SAFETY: the struct is ours.
        assert!(unsafe { read(&raw const config) }.is_err());
        config.struct_size = ossicle_engine_config::FIRST_BYTES as u32;
        // SAFETY: the struct is ours.
        assert_eq!(unsafe { read(&raw const config) }.map(|read| read.tick_ms).ok(), Some(77));
    }

    #[test]
    fn what_is_written_stays_inside_the_callers_struct() {
        let mut larger = Larger { known: ossicle_engine_config::defaults(), more: [7; 4] };
        // SAFETY: the struct is ours and as large as that.
        unsafe { init((&raw mut larger).cast::<ossicle_engine_config>(), size_of::<Larger>() as u32) };
        assert_eq!(larger.more, [0; 4]);
        assert_eq!(larger.known.struct_size as usize, size_of::<Larger>());
        larger.more = [7; 4];
        // SAFETY: as above.
        unsafe {
            init(
                (&raw mut larger).cast::<ossicle_engine_config>(),
                size_of::<ossicle_engine_config>() as u32,
            );
        };
        assert_eq!(larger.more, [7; 4]);
    }
}
