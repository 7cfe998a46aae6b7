//! Feeds [`relay_fuzz::stream_text`] from libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| relay_fuzz::stream_text::check(data));
