//! Arguments that an input chooses: good ones, and those at and past an edge.

use std::ffi::{CStr, c_char};
use std::ptr::null;

/// Zero or other bytes behind a struct that claims to be larger than it is known.
const TAIL_BYTES: usize = 40;

const NUMBERS: [u32; 24] = [
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    20,
    50,
    100,
    160,
    500,
    1_000,
    4_096,
    8_000,
    16_000,
    44_100,
    48_000,
    60_000,
    192_000,
    65_536,
    3_600_000,
    u32::MAX,
];
const TEXTS: [Option<&CStr>; 14] = [
    None,
    Some(c""),
    Some(c"us-east-1"),
    Some(c"hai-abcdefghijklmnopq"),
    Some(c"sub-abcdefghijKLMNOPQRSTU"),
    Some(c"s3://bucket/folder/"),
    Some(c"en-US"),
    Some(c"PHYSICAL_SOAP"),
    Some(c"0e6b7f2a-1f3c-4a5b-9c8d-7e6f5a4b3c2d"),
    Some(c"{}"),
    Some(c"http://127.0.0.1:9"),
    Some(c"not\xFFutf-8"),
    Some(c"{\"postStreamActionSettings\":{\"outputS3Uri\":\"s3://b/\"}}"),
    Some(c"{\"segments\":[]}"),
];
pub(super) const OPERATIONS: [&CStr; 8] = [
    c"ListDomains",
    c"GetDomain",
    c"CreateSubscription",
    c"GetSubscription",
    c"GetMedicalScribeListeningSession",
    c"NoSuchThing",
    c"",
    c"\xFF",
];
pub(super) const INPUTS: [&CStr; 5] = [
    c"{}",
    c"{\"domainId\":\"hai-abcdefghijklmnopq\"}",
    c"{",
    c"[]",
    c"{\"domainId\":\"hai-abcdefghijklmnopq\",\"subscriptionId\":\"sub-abcdefghijKLMNOPQRSTU\"}",
];

/// The rest of the input; all zero past its end.
#[derive(Default)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }

    pub(super) fn number(&mut self) -> u32 {
        self.pick(&NUMBERS)
    }

    pub(super) fn text(&mut self) -> *const c_char {
        self.pick(&TEXTS).map_or(null(), CStr::as_ptr)
    }

    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(super) fn chance(&mut self, of_256: u8) -> bool {
        self.byte() < of_256
    }
}

/// A struct with room behind it.
#[repr(C)]
pub(super) struct Sized<T> {
    pub(super) value: T,
    tail: [u8; TAIL_BYTES],
}

impl<T> Sized<T> {
    pub(super) fn of(value: T) -> Sized<T> {
        Sized { value, tail: [0; TAIL_BYTES] }
    }

    /// A size that the memory behind it has: most often the right one. The first field is the size.
    pub(super) fn resize(&mut self, input: &mut Bytes<'_>) {
        let right = size_of::<T>();
        let size = match input.byte() {
            0 => 0,
            1 => 4,
            2 => right - 8,
            3 => right + TAIL_BYTES,
            4 => {
                self.tail[TAIL_BYTES - 1] = 1;
                right + TAIL_BYTES
            }
            5 => usize::from(input.byte()) % right,
            _ => right,
        };
        // SAFETY: all structs of the API begin with their size, a u32, and `self` is ours.
        unsafe { (&raw mut self.value).cast::<u32>().write(size as u32) };
    }
}
