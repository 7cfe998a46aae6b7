//! Feeds [`relay_fuzz::decode`] from libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| relay_fuzz::decode::check(data));
