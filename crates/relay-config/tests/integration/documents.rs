//! What is generated from the types and committed is fresh.

use std::{fs, path::PathBuf};

fn committed(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_json_schema_is_fresh() {
    assert!(
        committed("config/config.schema.json") == relay_config::json_schema(),
        "config/config.schema.json is stale: run cargo xtask codegen"
    );
}

#[test]
fn the_reference_is_fresh() {
    assert!(
        committed("docs/configuration.md") == relay_config::configuration_markdown(),
        "docs/configuration.md is stale: run cargo xtask codegen"
    );
}
