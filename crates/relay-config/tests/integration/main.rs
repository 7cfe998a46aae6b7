//! Configuration as its users meet it: files in, settings and problems out.

mod cases;
mod documents;
mod examples;
mod hostile;
mod loading;
mod reloading;
mod round_trip;
mod schema_check;
mod support;
