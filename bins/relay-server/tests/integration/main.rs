//! The real binary, against simulated relays, over real sockets and files.

mod bad_input;
mod demo;
mod docs;
mod follow_events;
mod full_disk;
mod generated;
mod golden;
mod healthcheck;
mod lifecycle;
mod logging;
mod notify;
mod own_tls;
mod postgres;
mod probe_command;
mod reload;
mod renamed;
mod rollups;
mod soak;
mod status;
mod support;
mod upgrade;
mod upgrade_tables;
mod visibility;
