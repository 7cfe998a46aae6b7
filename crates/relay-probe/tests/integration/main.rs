//! Probes against scripted servers and simulated relays on loopback.

mod counters;
mod dialects;
mod egress;
mod hostile;
mod proxies;
mod redirects;
mod secrets;
mod support;
mod tls;
mod verdicts;
