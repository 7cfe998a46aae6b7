//! The simulation as a client meets it: a hyper client against a real socket.
#![expect(clippy::unwrap_used, reason = "a failed helper is a failed test")]

mod abuses;
mod behaviours;
mod client;
mod dialects;
mod encodings;
mod lifecycle;
