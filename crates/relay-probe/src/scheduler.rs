//! Runs the probes of a [`MonitorSet`](relay_core::schedule::MonitorSet) on their schedule.
