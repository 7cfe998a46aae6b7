//! Configuration as its users meet it: files in, settings and problems out.

mod documents;
mod examples;
mod loading;
mod reloading;
mod support;
