//! Keeps what was found: records, rollups, latest records, states and events, behind the repository port of relay-core.
//!
//! Nothing outside this crate knows SQL or a driver. Nothing inside it knows configuration files, HTTP or when to probe.
//!
//! - [`SqliteRepository`] is the repository on one SQLite file.
//! - [`Writer`] collects finished records and stores them in groups; it is the sink that the scheduler writes to.
//! - What every backend shares stands above the drivers: `head` (the open end of history in memory), `fold` (pieces of
//!   history put together into timelines), `packing` (the form of blobs), `streak` (states caught up after a crash).
//! - `docs/adr/0002-store-layout.md` says why the tables look as they do, with figures.
//!
//! To add a query: a method on the narrowest port, a case in the conformance suite of relay-testkit, a `.sql` file that
//! says which key serves it, and the row mapping in the driver. To change the schema: a new numbered file in
//! `migrations/`, never an edit of an old one.

mod fold;
mod head;
mod options;
mod packing;
mod sqlite;
mod streak;
mod writer;

pub use options::{SqliteOptions, WriterOptions};
pub use sqlite::SqliteRepository;
pub use writer::Writer;
