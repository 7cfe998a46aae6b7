//! What happens around every request.

pub(crate) mod auth;
pub(crate) mod client;
pub(crate) mod cors;
pub(crate) mod headers;
pub(crate) mod limit;
pub(crate) mod log;
pub(crate) mod request_id;
