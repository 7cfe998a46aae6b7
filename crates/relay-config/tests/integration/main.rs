//! Configuration as its users meet it: files in, settings and problems out.

mod loading;
mod reloading;
mod support;
