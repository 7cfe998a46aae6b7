//! `GET /api/openapi.json`

use std::sync::LazyLock;

use bytes::Bytes;

use crate::{
    answer::{Answer, Freshness},
    api::Call,
    error::ApiError,
    openapi::openapi_json,
    response::{self, Response},
    state::State,
};

/// Made once: it only changes with the program.
static DOCUMENT: LazyLock<Answer> =
    LazyLock::new(|| Answer::new(Bytes::from(openapi_json()), response::JSON, "public, max-age=3600", None));

pub(crate) async fn get(_state: &State, call: &Call) -> Result<Response, ApiError> {
    let (response, _) = DOCUMENT.respond(&call.head.headers, Freshness::Fresh).await?;
    Ok(response)
}
