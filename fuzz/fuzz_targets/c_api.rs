#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ossicle_fuzz::c_api::drive(data));
