//! The API over a small repository, as a function and behind a bound server.

mod abuse;
mod around;
mod detail;
mod events;
mod feed;
mod kuma;
mod metrics;
mod openapi;
mod pages;
mod query;
mod seo;
mod server;
mod status;
mod stream;
mod streamed;
mod support;
mod tls;
mod visibility;
