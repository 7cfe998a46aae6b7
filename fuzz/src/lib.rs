//! What must hold of everything that reads hostile input, whatever the input is.
//!
//! Each module is one target: `check` takes any bytes, and panics when something does not hold. The programs below
//! `fuzz_targets/` feed it from libFuzzer (`cargo xtask fuzz`); the tests here feed it the seeds, so that an ordinary
//! test run keeps what the fuzzer found.
//!
//! What it deliberately does not know: the network, the file system and the clock. A target is a pure function of its
//! bytes, so that every find can be repeated.
//!
//! To add a target: a module here and its line in [`TARGETS`], a program below `fuzz_targets/` and its `[[bin]]` in
//! the manifest, at least one file below `seeds/` in a folder of its name, and a dictionary if words help.

pub mod api_request;
pub mod config_load;
pub mod decode;
mod pieces;
pub mod stream_text;
pub mod time_filter;

/// What checks an input.
pub type Check = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Check)] = &[
    ("api_request", api_request::check),
    ("config_load", config_load::check),
    ("decode", decode::check),
    ("stream_text", stream_text::check),
    ("time_filter", time_filter::check),
];
