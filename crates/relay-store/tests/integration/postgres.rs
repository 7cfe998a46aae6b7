//! What only PostgreSQL has: a server that fails by itself, a network in between, other processes, privileges, TLS.

mod cut;
mod opening;
mod outage;
mod takeover;
mod tls;
mod together;
