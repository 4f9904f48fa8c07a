#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| everstrand_fuzz::cursor_vs_ion_rs(data));
