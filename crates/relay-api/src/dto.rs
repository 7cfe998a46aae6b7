//! The JSON of the API: field names, their order and what is left out are the contract with clients.

pub(crate) mod compact;
pub(crate) mod event;
pub(crate) mod history;
pub(crate) mod kuma;
pub(crate) mod monitor;
pub(crate) mod news;
pub(crate) mod number;
pub(crate) mod point;
pub(crate) mod query;
pub(crate) mod status;
pub(crate) mod timeline;
