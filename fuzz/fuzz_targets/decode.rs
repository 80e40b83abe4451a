#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ossicle_fuzz::event_stream::decode(data));
