//! Feeds [`relay_fuzz::time_filter`] from libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| relay_fuzz::time_filter::check(data));
