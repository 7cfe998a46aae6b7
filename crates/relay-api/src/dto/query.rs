//! The JSON of `/api/status/query` and `/api/status/batch`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dto::number::Rfc3339;

/// One question: a provider, maybe one service and channel of it.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub(crate) struct QueryDto {
    #[serde(default)]
    pub(crate) provider: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) service: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) channel: String,
}

/// The body of a batch.
#[derive(Debug, Deserialize)]
pub(crate) struct BatchDto {
    pub(crate) queries: Vec<QueryDto>,
}

/// All answers.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct AnswersDto<'a> {
    pub(crate) as_of: Rfc3339,
    pub(crate) results: Vec<ResultDto<'a>>,
}

/// The answer to one question.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(untagged)]
pub(crate) enum ResultDto<'a> {
    Found { query: &'a QueryDto, provider: &'a str, services: Vec<ServiceDto<'a>> },
    Missing { query: &'a QueryDto, error: MissingDto },
}

#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct MissingDto {
    pub(crate) code: &'static str,
    pub(crate) message: &'static str,
}

#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ServiceDto<'a> {
    pub(crate) name: &'a str,
    pub(crate) channels: Vec<ChannelDto<'a>>,
}

#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ChannelDto<'a> {
    pub(crate) name: &'a str,
    pub(crate) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) latency_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) updated_at: Option<Rfc3339>,
}
