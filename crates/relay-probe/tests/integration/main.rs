//! Probes against scripted servers on loopback.

mod egress;
mod hostile;
mod proxies;
mod redirects;
mod secrets;
mod support;
mod tls;
mod verdicts;
