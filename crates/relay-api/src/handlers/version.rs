//! `GET /api/version`

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    response::{self, Response},
    state::State,
};

#[derive(JsonSchema, Serialize)]
pub(crate) struct VersionDto<'a> {
    version: &'a str,
    git_commit: &'a str,
    build_time: &'a str,
    /// What `rustc --version` prints.
    rust_version: &'a str,
}

pub(crate) fn get(state: &State) -> Response {
    let build = &state.deps.build;
    response::fresh_json(&VersionDto {
        version: &build.version,
        git_commit: &build.git_commit,
        build_time: &build.build_time,
        rust_version: &build.rust_version,
    })
}
