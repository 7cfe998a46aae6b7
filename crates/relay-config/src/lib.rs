//! Turns a YAML file and an environment into one immutable [`Config`], and replaces it while the program runs.
//!
//! The way of a file: its text becomes a located tree (`yaml`), the tree becomes typed settings (`schema`, `reader`),
//! variables are laid over them (`env`), bodies included (`include`), children take over what their parents say
//! (`inherit`), and the rest is defaults and rules (`resolve`). All problems are collected on the way, each with its key
//! and place, so that one run tells everything.
//!
//! What it deliberately does not know: the environment of the process (an [`Environment`] is handed in), what the
//! settings do, and who uses them. YAML appears in no signature.
//!
//! To add a setting: a field with its doc comment and default in a type of `schema`, its meaning in [`Config`], and
//! the line between them in `resolve`. The JSON Schema and the reference in the documentation follow by themselves.

mod config;
mod diff;
mod docs;
mod duration;
mod env;
mod fingerprint;
mod include;
mod inherit;
mod load;
mod print;
mod problem;
mod reader;
mod resolve;
mod schema;
mod spending;
mod starter;
mod watch;
mod yaml;

pub use config::{
    Archive, ArchiveFormat, Backend, Config, CountMode, EmailSecurity, EventMode, Events, Limits, Log,
    LogFormat, Metrics, MonitorFilter, Notification, NotificationKind, Postgres, Probe, QuietHours,
    Retention, Server, Smtp, SslMode, Storage, Tls, Webhook,
};
pub use diff::{Diff, diff};
pub use docs::{configuration_markdown, json_schema};
pub use env::Environment;
pub use load::{Loaded, load, load_str, server_of};
pub use print::{PrintError, print_json, print_yaml};
pub use problem::{Problem, Problems, Severity};
pub use starter::{STARTER_CONFIG, STARTER_DOTENV};
pub use watch::{Published, ReloadState, Reloader, WatchDeps, WatchOptions};
