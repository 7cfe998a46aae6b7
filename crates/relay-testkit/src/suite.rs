//! The conformance suite of the repository port: what every backend must do, as async functions over a [`Backend`].
//!
//! [`repository_suite!`](crate::repository_suite) makes a test of each for one backend. To add a case: a function in
//! the file of its port, and its name in the list of the macro.

pub mod channels;
pub mod events;
pub mod imports;
pub mod maintenance;
pub mod outbox;
pub mod records;
pub mod retention;
pub mod timelines;

mod blinker;

use std::sync::Arc;

use async_trait::async_trait;
use relay_core::{
    ProbeRecord, UnixSeconds,
    ports::{
        Repository, Transition,
        repository::{Appended, Error},
        transition::NoTransition,
    },
};

pub use blinker::Blinker;

use crate::ManualClock;

/// 2026-03-10 12:34:56 UTC: where the clock of every case stands at first.
pub const NOW: UnixSeconds = 1_773_146_096;

/// An empty database of one kind, for one case.
#[async_trait]
pub trait Backend: Send + Sync + Sized {
    /// Makes an empty one that reads this clock.
    async fn create(clock: Arc<ManualClock>) -> Self;

    /// Returns the open repository.
    fn repository(&self) -> Arc<dyn Repository>;

    /// Closes the repository and opens it again, with the data it had.
    async fn reopen(&mut self);

    /// Makes the counts that are stored of slots, and of days, from these seconds on wrong, and the newest records of
    /// all monitors; whatever way it likes. The repository is open again afterwards, at least to rebuild the counts. A
    /// backend that stores no counts has nothing to do.
    async fn damage(&mut self, from_slot: UnixSeconds, from_day: UnixSeconds);
}

/// A backend with its clock.
pub(crate) struct Case<B> {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) backend: B,
}

impl<B: Backend> Case<B> {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(ManualClock::at_secs(NOW));
        Self { backend: B::create(Arc::clone(&clock)).await, clock }
    }

    pub(crate) fn repository(&self) -> Arc<dyn Repository> {
        self.backend.repository()
    }

    pub(crate) async fn append(&self, batch: Vec<ProbeRecord>) -> Appended {
        self.append_with(batch, Arc::new(NoTransition)).await.expect("the batch is stored")
    }

    pub(crate) async fn append_with(
        &self,
        batch: Vec<ProbeRecord>,
        transition: Arc<dyn Transition>,
    ) -> Result<Appended, Error> {
        self.repository().append(batch, transition).await
    }
}

/// Makes a module of tests, one for each case of the suite, for a type that is a
/// [`Backend`](crate::suite::Backend).
#[macro_export]
macro_rules! repository_suite {
    ($backend:ty) => {
        $crate::repository_suite!($backend;
            records: [
                ids_grow_in_the_order_of_the_batch,
                an_empty_batch_does_nothing,
                everything_of_a_record_reads_back,
                the_latest_is_the_newest_by_time_then_number,
                history_is_newest_first_and_pages_without_gaps,
                history_borders_are_inclusive,
                history_of_many_monitors_does_not_mix,
                ids_grow_over_reopening,
                strange_times_do_no_harm,
            ],
            timelines: [
                an_unknown_monitor_has_empty_buckets,
                doubles_and_strangers_keep_their_places,
                every_period_counts_as_record_by_record,
                late_records_are_counted,
                the_end_of_the_window_belongs_to_the_last_bucket,
                filters_restrict_by_time_of_day,
                reopening_changes_nothing,
                bucket_sketches_only_when_asked_for,
                records_from_the_future_are_kept,
                a_clock_set_back_does_no_harm,
            ],
            events: [
                events_are_stored_with_their_records,
                events_page_by_number_and_filter,
                states_go_on_over_reopening,
                states_stay_while_events_are_off,
                a_record_causes_an_event_once,
            ],
            outbox: [
                conversations_read_back,
                conversations_change_from_what_was_seen,
                steps_are_whole,
                cursors_move_from_where_they_are,
                conversations_come_when_they_are_due,
                what_is_forgotten_is_gone,
                deliveries_are_logged,
                the_backlog_is_counted,
            ],
            maintenance: [
                it_answers,
                imported_days_are_counted_and_replaced,
                the_current_day_cannot_be_imported,
                records_after_an_import_are_added,
                a_closed_store_is_unavailable,
                damaged_counts_are_made_again,
                what_cannot_be_counted_again_stays,
                a_rebuild_beside_a_writer_loses_nothing,
            ],
            imports: [
                imported_records_are_as_if_they_had_been_made_here,
                importing_twice_counts_nothing_twice,
                what_the_store_has_already_is_not_added,
                counts_without_records_stay_when_they_are_more,
                records_that_come_back_are_counted_once,
                late_records_and_those_that_come_back_add_up,
                records_of_today_that_come_back_are_counted_once,
                numbers_of_the_source_are_reserved,
                events_and_states_come_along_once,
                machines_do_not_see_imported_records,
            ],
            retention: [
                one_at_a_time_has_a_job,
                an_empty_store_has_nothing_to_delete,
                records_go_by_whole_slots_in_bounded_batches,
                counts_and_newest_records_stay_when_records_go,
                slots_and_days_go_when_they_are_told_to,
                what_live_records_are_counted_into_stays,
                late_records_are_found_and_never_doubled,
                a_window_that_stood_still_for_weeks_is_cleaned_too,
                states_and_numbers_go_on_after_deleting_and_reopening,
                exports_page_through_a_range_without_gaps,
                giving_back_space_ends,
                a_closed_store_keeps_nothing_up,
            ],
            channels: [
                a_named_channel_takes_its_history_along,
                a_named_channel_adds_up_with_what_it_has,
                a_renamed_groups_machines_go_on,
                what_is_open_with_receivers_follows,
                naming_without_history_does_nothing,
            ],
        );
    };
    ($backend:ty; $($module:ident: [$($name:ident,)*],)*) => {
        $(
            mod $module {
                use super::*;

                $(
                    #[tokio::test]
                    async fn $name() {
                        $crate::suite::$module::$name::<$backend>().await;
                    }
                )*
            }
        )*
    };
}
