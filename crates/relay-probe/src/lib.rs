//! Probes LLM endpoints: sends a real request, times its phases, judges the answer.

pub mod scheduler;
