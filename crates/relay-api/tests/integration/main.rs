//! The API over a small repository, as a function and behind a bound server.

mod around;
mod metrics;
mod pages;
mod server;
mod status;
mod support;
