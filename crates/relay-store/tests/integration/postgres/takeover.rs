//! Tables of the Go version beside ours: imported once, whenever it is killed and whoever starts beside it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use relay_core::{
    MonitorKey, Timestamp, UnixSeconds,
    ports::{
        Repository,
        repository::{EventFilter, ImportSource, Imports as _, Maintenance as _},
    },
    timeline::{Align, Period, Plan},
};
use relay_store::{Import, ImportDeps, ImportError, ImportOptions, OldTables, PgRepository};
use relay_testkit::{
    ManualClock,
    relay_pulse::{Age, Dialect, RelayPulse},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::postgres::Database;

/// 2026-03-10 15:20:00 UTC.
const NOW: UnixSeconds = 1_773_156_000;
const DAY: i64 = 86_400;

struct Site {
    database: Database,
    source: RelayPulse,
}

impl Site {
    async fn new(age: Age) -> Self {
        let site = Self { database: Database::create().await, source: RelayPulse::made(age, NOW, 40, 500) };
        let sql = site.source.sql(Dialect::Postgres);
        site.database.shell().await.batch_execute(&sql).await.expect("good SQL");
        site
    }

    async fn find(&self) -> Option<OldTables> {
        OldTables::find(&self.database.options()).await.expect("an answer")
    }

    async fn repository(&self) -> Arc<PgRepository> {
        Arc::new(self.database.open(Arc::new(ManualClock::at_secs(NOW))).await)
    }

    async fn begin(&self, old: &OldTables, repository: Arc<PgRepository>) -> Result<Import, ImportError> {
        let (_, heirs) = watch::channel(Vec::new());
        let deps = ImportDeps { repository, clock: Arc::new(ManualClock::at_secs(NOW)), heirs };
        let options = ImportOptions {
            records_from: NOW - 36 * DAY,
            chunk: 100,
            patience: Duration::MAX,
            ..ImportOptions::new(OldTables::IMPORT)
        };
        Import::begin(&old.source(), options, deps).await
    }

    /// Starts as the server does, and is killed after so many days of history. Whether it is the only one is up to the
    /// caller.
    async fn start(&self, days: usize) -> Result<(), ImportError> {
        let Some(old) = self.find().await else { return Ok(()) };
        let import = self.begin(&old, self.repository().await).await?;
        let stop = CancellationToken::new();
        let mut seen = BTreeSet::new();
        let history = import.history(&stop, |progress| {
            seen.insert(progress.day);
            if seen.len() > days {
                stop.cancel();
            }
        });
        history.await.map(drop)
    }

    /// Checks that everything is there, once.
    async fn is_whole(&self) {
        assert_eq!(self.find().await, None, "nothing is left to be done");
        let repository = self.repository().await;
        let repository: &dyn Repository = repository.as_ref();
        let mut keys: Vec<MonitorKey> =
            self.source.records.iter().map(|stored| stored.record.key.clone()).collect();
        keys.sort();
        keys.dedup();
        let plan = Plan::new(Period::Days90, Align::Now, None, Timestamp::from_secs(NOW));
        let timelines = repository.timelines(&keys, &plan).await.expect("timelines");
        let total: u32 = timelines.iter().map(|one| one.whole.total()).sum();
        assert_eq!(total as usize, self.source.records.len());
        let events = repository.events(0, &EventFilter::default(), 100).await.expect("events");
        assert_eq!(events, self.source.events);
    }
}

#[tokio::test]
async fn every_age_is_taken_over_once() {
    for age in Age::ALL {
        let site = Site::new(age).await;
        site.start(usize::MAX).await.expect("done");
        site.is_whole().await;
    }
}

/// Each step at which a process can be killed leads to the same end.
#[tokio::test]
async fn a_kill_at_any_step_changes_nothing() {
    for step in 0..5 {
        let site = Site::new(Age::Models).await;
        let old = site.find().await.expect("there are tables");
        match step {
            0 => {}
            1 => site.repository().await.close().await.expect("closed"),
            2 => {
                // Numbers are reserved, and nothing else.
                let reserved = ImportSource {
                    name: OldTables::IMPORT.to_owned(),
                    last_record_id: 500,
                    last_event_id: 15,
                };
                site.repository().await.begin_import(&reserved).await.expect("begun");
            }
            3 => drop(site.begin(&old, site.repository().await).await.expect("begun")),
            _ => assert!(matches!(site.start(0).await, Err(ImportError::Stopped))),
        }
        for days in [0, 5, 20] {
            // It may be done already.
            match site.start(days).await {
                Ok(()) | Err(ImportError::Stopped) => {}
                Err(error) => panic!("step {step}: {error}"),
            }
        }
        site.start(usize::MAX).await.expect("done");
        site.is_whole().await;
    }
}

/// Also when the right to import is lost, and two do it at the same time.
#[tokio::test]
async fn two_at_once_count_nothing_twice() {
    let site = Site::new(Age::Models).await;
    let (one, other) = tokio::join!(site.start(usize::MAX), site.start(usize::MAX));
    one.and(other).expect("both are done");
    site.is_whole().await;
}

/// The one who waits goes on when the other has ended, and finds what that one did.
#[tokio::test]
async fn one_imports_at_a_time() {
    let site = Site::new(Age::First).await;
    let old = site.find().await.expect("there are tables");
    let turn = old.turn().await.expect("an answer").expect("nobody else is there");
    let mut waiting = site.begin(&old, site.repository().await).await.expect("begun");
    let mut next = Box::pin(old.turn());
    tokio::select! {
        biased;
        _ = &mut next => panic!("the first one has it"),
        done = site.start(usize::MAX) => done.expect("done"),
    }
    drop(turn);
    let next = next.await.expect("an answer");
    assert!(next.is_some() && !waiting.was_finished());
    waiting.look_again().await.expect("an answer");
    assert!(waiting.was_finished());
}

#[tokio::test]
async fn what_is_not_theirs_is_left_alone() {
    let site = Site { database: Database::create().await, source: RelayPulse::made(Age::First, NOW, 1, 1) };
    assert_eq!(site.find().await, None, "an empty database");
    site.repository().await.close().await.expect("closed");
    assert_eq!(site.find().await, None, "ours");
    let shell = site.database.shell().await;
    shell.batch_execute("CREATE TABLE public.probe_history (id bigint, provider text)").await.expect("made");
    assert_eq!(site.find().await, None, "somebody's");
    // Whoever may not even look into the schema is not kept from starting.
    let user = format!("stranger_to_{}", site.database.name());
    shell
        .batch_execute(&format!("CREATE ROLE {user} LOGIN; REVOKE ALL ON SCHEMA public FROM PUBLIC"))
        .await
        .expect("made");
    let options = relay_store::PostgresOptions { user: user.clone(), ..site.database.options() };
    assert_eq!(OldTables::find(&options).await.expect("an answer"), None);
    shell.batch_execute(&format!("DROP ROLE {user}")).await.expect("gone");
}
