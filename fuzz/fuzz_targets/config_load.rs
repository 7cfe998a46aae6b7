//! Feeds [`relay_fuzz::config_load`] from libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| relay_fuzz::config_load::check(data));
