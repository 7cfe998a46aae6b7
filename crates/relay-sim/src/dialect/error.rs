//! The error objects of the three families of APIs.

use serde_json::{Value, json};

/// What is wrong with a request, or with the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    BadKey,
    UnknownModel,
    BadRequest(&'static str),
    NotFound,
    MethodNotAllowed,
    RateLimited,
    /// Any status code from 400 to 599.
    Status(u16),
}

// === impl Fault ===

impl Fault {
    fn code(self) -> u16 {
        match self {
            Self::BadKey => 401,
            Self::UnknownModel | Self::NotFound => 404,
            Self::BadRequest(_) => 400,
            Self::MethodNotAllowed => 405,
            Self::RateLimited => 429,
            Self::Status(code) => code.clamp(400, 599),
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::BadKey => "the API key is missing or wrong",
            Self::UnknownModel => "the model does not exist or you do not have access to it",
            Self::BadRequest(why) => why,
            Self::NotFound => "no such URL",
            Self::MethodNotAllowed => "this method is not allowed here",
            Self::RateLimited => "rate limit reached, try again later",
            Self::Status(503 | 529) => "the engine is overloaded, try again later",
            Self::Status(502 | 504) => "the upstream did not answer",
            Self::Status(500..) => "the server had an error while processing the request",
            Self::Status(_) => "the request was refused",
        }
    }
}

pub(super) fn openai(fault: Fault) -> (u16, Value) {
    let code = fault.code();
    let (kind, word) = match (fault, code) {
        (Fault::UnknownModel, _) => ("invalid_request_error", Some("model_not_found")),
        (_, 401) => ("invalid_request_error", Some("invalid_api_key")),
        (_, 403) => ("insufficient_permissions", None),
        (_, 429) => ("requests", Some("rate_limit_exceeded")),
        (_, 500..) => ("server_error", None),
        _ => ("invalid_request_error", None),
    };
    (code, json!({"error": {"message": fault.message(), "type": kind, "param": null, "code": word}}))
}

pub(super) fn anthropic(fault: Fault, id: u64) -> (u16, Value) {
    let code = fault.code();
    let kind = match code {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    let value = json!({
        "type": "error",
        "error": {"type": kind, "message": fault.message()},
        "request_id": format!("req_{id:016x}"),
    });
    (code, value)
}

pub(super) fn gemini(fault: Fault) -> (u16, Value) {
    let code = fault.code();
    let status = match code {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500.. => "INTERNAL",
        _ => "FAILED_PRECONDITION",
    };
    (code, json!({"error": {"code": code, "message": fault.message(), "status": status}}))
}
