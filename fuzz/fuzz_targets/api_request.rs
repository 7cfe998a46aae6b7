//! Feeds [`relay_fuzz::api_request`] from libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| relay_fuzz::api_request::check(data));
