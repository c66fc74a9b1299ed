#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fishervec_fuzz::linear_model(bytes));
