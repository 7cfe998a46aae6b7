//! The repository: everything that is kept. One blanket trait over small ones; a consumer takes the narrowest it
//! needs.

mod commits;
mod error;
mod events;
mod imports;
mod maintenance;
mod outbox;
mod records;
mod retention;
mod timelines;

pub use commits::Commits;
pub use error::Error;
pub use events::{EventFilter, EventLog};
pub use imports::{ImportProgress, ImportSource, ImportedDay, ImportedEvents, Imports};
pub use maintenance::{DayRollup, Maintenance, Rebuilt};
pub use outbox::{Backlog, Changed, CursorMove, KEPT_DELIVERIES, Outbox, Step, next_version};
pub use records::{Appended, HistoryQuery, Records};
pub use retention::{ExportMark, ExportPage, ExportQuery, Job, JobLock, LocalJobs, Retention};
pub use timelines::Timelines;

/// A complete backend. Implemented by whatever implements the parts.
pub trait Repository:
    Records + Timelines + EventLog + Outbox + Maintenance + Imports + Retention + Commits
{
}

impl<T> Repository for T where
    T: Records + Timelines + EventLog + Outbox + Maintenance + Imports + Retention + Commits + ?Sized
{
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_is_dyn_compatible_and_upcasts() {
        fn narrow(repository: &dyn Repository) -> &dyn Timelines {
            repository
        }
        let _ = narrow;
    }
}
