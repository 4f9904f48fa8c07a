#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| everstrand_fuzz::policy(data));
