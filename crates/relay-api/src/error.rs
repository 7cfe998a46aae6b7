//! What goes wrong, with a face for the client and one for the log.

use std::borrow::Cow;

use http::{HeaderValue, StatusCode, header};
use relay_core::ports::repository;
use schemars::JsonSchema;
use serde::Serialize;

use crate::response::{self, Response};

/// A failed request: always a 4xx or 5xx.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) code: Code,
    /// What the client reads; never holds anything of an upstream, a driver or a key.
    pub(crate) public: Cow<'static, str>,
    /// What the log gets in addition.
    pub(crate) internal: Option<String>,
    /// The methods that would work, for `Allow`.
    pub(crate) allow: Option<&'static str>,
    /// Seconds until trying again makes sense.
    pub(crate) retry_after: Option<u32>,
}

/// The stable words for what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidParameter,
    InvalidBody,
    Unauthorized,
    Forbidden,
    NotFound,
    EventsDisabled,
    MethodNotAllowed,
    BodyTooLarge,
    UriTooLong,
    BodyTimeout,
    RateLimited,
    Internal,
    StoreUnavailable,
    Busy,
}

impl Code {
    /// All of them; the document of the API is made from this list.
    pub(crate) const ALL: [Self; 14] = [
        Self::InvalidParameter,
        Self::InvalidBody,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::EventsDisabled,
        Self::MethodNotAllowed,
        Self::BodyTooLarge,
        Self::UriTooLong,
        Self::BodyTimeout,
        Self::RateLimited,
        Self::Internal,
        Self::StoreUnavailable,
        Self::Busy,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidParameter => "invalid_parameter",
            Self::InvalidBody => "invalid_body",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::EventsDisabled => "events_disabled",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::BodyTooLarge => "body_too_large",
            Self::UriTooLong => "uri_too_long",
            Self::BodyTimeout => "body_timeout",
            Self::RateLimited => "rate_limited",
            Self::Internal => "internal",
            Self::StoreUnavailable => "store_unavailable",
            Self::Busy => "busy",
        }
    }

    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::InvalidParameter | Self::InvalidBody => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound | Self::EventsDisabled => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::StoreUnavailable | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The body of every error.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ErrorDto<'a> {
    /// What is wrong, for people.
    error: &'a str,
    /// The same for programs: it never changes.
    code: &'static str,
}

impl ApiError {
    pub(crate) fn new(code: Code, public: impl Into<Cow<'static, str>>) -> Self {
        Self { code, public: public.into(), internal: None, allow: None, retry_after: None }
    }

    /// A parameter that cannot be: names it and what is allowed.
    pub(crate) fn parameter(name: &str, allowed: &str) -> Self {
        Self::new(Code::InvalidParameter, format!("{name}: {allowed}"))
    }

    pub(crate) fn not_found() -> Self {
        Self::new(Code::NotFound, "there is nothing at this address")
    }

    pub(crate) fn method(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(Code::MethodNotAllowed, format!("use one of these methods: {allow}"))
        }
    }

    pub(crate) fn internal(reason: impl Into<String>) -> Self {
        Self { internal: Some(reason.into()), ..Self::new(Code::Internal, "internal error") }
    }

    pub(crate) fn busy(reason: &'static str) -> Self {
        Self { retry_after: Some(5), ..Self::new(Code::Busy, reason) }
    }

    pub(crate) fn rate_limited(seconds: u32) -> Self {
        Self {
            retry_after: Some(seconds.max(1)),
            ..Self::new(Code::RateLimited, "too many requests, slow down")
        }
    }

    /// Tells whether the client did nothing wrong.
    pub(crate) fn is_ours(&self) -> bool {
        self.code.status().is_server_error()
    }

    pub(crate) fn into_response(self) -> Response {
        let dto = ErrorDto { error: &self.public, code: self.code.as_str() };
        let mut response = response::json(self.code.status(), &dto);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<repository::Error> for ApiError {
    fn from(error: repository::Error) -> Self {
        let internal = Some(error.to_string());
        match error {
            repository::Error::Unavailable { .. } | repository::Error::Conflict { .. } => Self {
                internal,
                retry_after: Some(5),
                ..Self::new(Code::StoreUnavailable, "the store is not available, try again later")
            },
            _ => Self { internal, ..Self::new(Code::Internal, "internal error") },
        }
    }
}
