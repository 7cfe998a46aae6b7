//! What a probe of a relay would see, in this crate's own small words.

/// The kind of result a probe sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A right answer; whether it was too slow is for the reader of [`Outcome::latency_ms`] to say.
    Up,
    /// 200 with the wrong text, an empty body, an error object, another model, or a cut body.
    WrongContent,
    /// 429.
    RateLimited,
    /// 5xx.
    ServerError,
    /// 401 or 403.
    AuthError,
    /// 400.
    InvalidRequest,
    /// Another 4xx.
    ClientError,
    /// No complete answer: refused, reset, or never finished.
    Unreachable,
}

/// One plausible probe result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was seen.
    pub kind: Kind,
    /// HTTP status code, 0 when no headers came.
    pub code: u16,
    /// Milliseconds to the response headers, or to the failure.
    pub latency_ms: u32,
}
