//! Probes against scripted servers on loopback.

mod support;
mod tls;
mod verdicts;
