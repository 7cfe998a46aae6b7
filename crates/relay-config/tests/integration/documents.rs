//! What is generated from the types and committed is fresh. Renew it by `cargo xtask codegen`.

use expect_test::expect_file;

#[test]
fn the_json_schema_is_fresh() {
    expect_file!["../../../../config/config.schema.json"].assert_eq(&relay_config::json_schema());
}

#[test]
fn the_reference_is_fresh() {
    expect_file!["../../../../docs/configuration.md"].assert_eq(&relay_config::configuration_markdown());
}
