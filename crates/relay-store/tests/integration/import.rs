//! Imports of databases of the Go version: of every age, twice, interrupted, beside live records; from files and from
//! PostgreSQL, into either store.

mod file;
mod site;
mod tables;

use std::sync::{Arc, Mutex};

use relay_core::{
    MonitorKey, Psc, StoredRecord, SubStatus,
    event::{GroupStates, ModelState, NewEvent},
    ports::{Transition, repository::EventFilter, transition::NoTransition},
    timeline::{Period, SLOT_SECS, Timeline},
};
use relay_store::{Import, ImportError, ImportOptions, LeftOut};
use relay_testkit::{key, record, relay_pulse::Age, suite::Backend};
use tokio_util::sync::CancellationToken;

use self::site::{DAY, NOW, PERIODS, Place, Site, history, options, timelines};

/// Makes a test of each scenario from either source into either store.
macro_rules! combinations {
    ($($name:ident,)*) => {
        combinations!(file_to_sqlite, crate::support::Sqlite, File, $($name,)*);
        combinations!(file_to_postgres, crate::support::postgres::Postgres, File, $($name,)*);
        combinations!(tables_to_sqlite, crate::support::Sqlite, Tables, $($name,)*);
        combinations!(tables_to_postgres, crate::support::postgres::Postgres, Tables, $($name,)*);
    };
    ($module:ident, $store:ty, $place:ident, $($name:ident,)*) => {
        mod $module {
            use super::site::Place;

            $(
                #[tokio::test]
                async fn $name() {
                    super::$name::<$store>(Place::$place).await;
                }
            )*
        }
    };
}

combinations! {
    every_age_comes_out_as_if_it_had_been_recorded_here,
    a_second_import_adds_nothing,
    a_second_import_after_a_clean_up_counts_nothing_twice,
    an_interrupted_import_goes_on_where_it_was,
    what_was_written_meanwhile_comes_along,
    live_records_and_imported_ones_add_up,
    numbers_and_states_go_on,
    history_without_channel_goes_to_its_heir,
    nothing_comes_from_the_future,
    events_without_their_record_are_told_of,
}

async fn every_age_comes_out_as_if_it_had_been_recorded_here<B: Backend>(place: Place) {
    for age in Age::ALL {
        let mut site = Site::<B>::new(place, age, 45, 1_500).await;
        let summary = site.import(&options()).await;
        let old = NOW - 36 * DAY - NOW % SLOT_SECS;
        let kept = site.source.records.iter().filter(|stored| stored.record.timestamp >= old).count() as u64;
        assert_eq!((summary.rows, summary.records), (1_500, kept), "{age:?}");
        assert_eq!(summary.left_out, LeftOut::default(), "{age:?}");
        assert!(summary.monitors.iter().eq(&site.keys()), "{age:?}: {:?}", summary.monitors);
        assert!(summary.counts > 0);
        let (expected, keys) = (site.expected(&[]).await, site.keys());
        for reopened in [false, true] {
            if reopened {
                site.store.reopen().await;
            }
            let repository = site.store.repository();
            assert_eq!(
                timelines(repository.as_ref(), &keys, &PERIODS).await,
                timelines(&expected, &keys, &PERIODS).await,
                "{age:?}"
            );
            let events = repository.events(0, &EventFilter::default(), 100).await.expect("events");
            assert_eq!(events, site.source.events, "{age:?}");
            for key in &keys {
                let all = history(&expected, key).await;
                let kept: Vec<_> = all.into_iter().filter(|stored| stored.record.timestamp >= old).collect();
                assert_eq!(history(repository.as_ref(), key).await, kept, "{age:?}");
            }
        }
    }
}

async fn a_second_import_adds_nothing<B: Backend>(place: Place) {
    let site = Site::<B>::new(place, Age::Models, 45, 1_000).await;
    site.import(&options()).await;
    let before = timelines(site.store.repository().as_ref(), &site.keys(), &PERIODS).await;
    for name in ["test", "another"] {
        let again = site.import(&ImportOptions { name: name.to_owned(), ..options() }).await;
        assert_eq!((again.rows, again.records, again.events, again.groups), (1_000, 0, 0, 0), "{name}");
        assert_eq!(
            timelines(site.store.repository().as_ref(), &site.keys(), &PERIODS).await,
            before,
            "{name}"
        );
    }
}

/// The records of a boundary day are partly gone, their counts are not. An import brings none in that a clean-up at the
/// same moment deletes, and none back that one deleted.
async fn a_second_import_after_a_clean_up_counts_nothing_twice<B: Backend>(place: Place) {
    let site = Site::<B>::new(place, Age::Models, 45, 2_000).await;
    site.import(&options()).await;
    let repository = site.store.repository();
    let before = timelines(repository.as_ref(), &site.keys(), &PERIODS).await;
    assert_eq!(repository.delete_records(NOW - 36 * DAY, 10_000).await.expect("looked"), 0);
    repository.rebuild_rollups().await.expect("counted again");
    assert_eq!(timelines(repository.as_ref(), &site.keys(), &PERIODS).await, before);
    let records_from = NOW - 36 * DAY + 30_000;
    let mut gone = 0;
    loop {
        match repository.delete_records(records_from, 100).await.expect("deleted") {
            0 => break,
            count => gone += count,
        }
    }
    assert!(gone > 0);
    let options = ImportOptions { name: "another".to_owned(), records_from, ..options() };
    assert_eq!(site.import(&options).await.records, 0);
    assert_eq!(timelines(repository.as_ref(), &site.keys(), &PERIODS).await, before);
}

/// Breaks the import off again and again, and goes on in a store that was closed in between.
async fn an_interrupted_import_goes_on_where_it_was<B: Backend>(place: Place) {
    for age in [Age::First, Age::Models] {
        let mut site = Site::<B>::new(place, age, 45, 1_000).await;
        let (mut tries, mut rows) = (0, 0);
        let last = loop {
            tries += 1;
            assert!(tries < 200, "it does not come to an end");
            let import = Import::begin(&site.from(), options(), site.deps(&[])).await.expect("begun");
            let stop = CancellationToken::new();
            let (mut days, mut last_day) = (0, 0);
            let outcome = import.history(&stop, |progress| {
                days += i64::from(progress.day != last_day);
                last_day = progress.day;
                rows += 1;
                if days == 7 {
                    stop.cancel();
                }
            });
            match outcome.await {
                Err(ImportError::Stopped) => site.store.reopen().await,
                Ok(summary) => break summary,
                Err(error) => panic!("{error}"),
            }
        };
        assert!(tries > 5, "it was interrupted {tries} times");
        assert!(last.rows < 500, "what was done is passed over: {last:?}");
        let (expected, keys) = (site.expected(&[]).await, site.keys());
        assert_eq!(
            timelines(site.store.repository().as_ref(), &keys, &PERIODS).await,
            timelines(&expected, &keys, &PERIODS).await
        );
    }
}

/// What the source got after an import of it was broken off is found when it goes on.
async fn what_was_written_meanwhile_comes_along<B: Backend>(place: Place) {
    let site = Site::<B>::new(place, Age::Models, 10, 1_000).await;
    let stop = CancellationToken::new();
    let import = Import::begin(&site.from(), options(), site.deps(&[])).await.expect("begun");
    let broken_off = import.history(&stop, |progress| {
        if progress.day < NOW - 5 * DAY {
            stop.cancel();
        }
    });
    assert!(matches!(broken_off.await, Err(ImportError::Stopped)));
    site.execute(&format!(
        "INSERT INTO probe_history (provider, service, channel, model, status, latency, timestamp) VALUES ('one', 'cc', \
         'vip', 'm1', 1, 77, {})",
        NOW - 3
    ))
    .await;
    site.import(&options()).await;
    let new = record(&MonitorKey::from_parts("one", "cc", "vip", "m1"), NOW - 3).latency(77).build();
    let expected = site.expected(&[StoredRecord { id: 1_001, record: new.clone() }]).await;
    let keys = site.keys();
    let (got, wanted) = (
        timelines(site.store.repository().as_ref(), &keys, &[Period::Days30]).await,
        timelines(&expected, &keys, &[Period::Days30]).await,
    );
    let totals = |all: &[Vec<Timeline>]| all[0].iter().map(|one| one.whole.total()).collect::<Vec<_>>();
    assert_eq!(totals(&got), totals(&wanted));
    let newest = &history(site.store.repository().as_ref(), &new.key).await[0];
    assert_eq!((newest.record.timestamp, newest.record.result.latency_ms), (NOW - 3, 77));
}

async fn live_records_and_imported_ones_add_up<B: Backend>(place: Place) {
    let site = Site::<B>::new(place, Age::Models, 3, 900).await;
    let repository = site.store.repository();
    let a = site.keys()[0].clone();
    let live: Vec<_> = (0..50)
        .map(|index| record(&a, NOW - index * 600).latency(5_000).red(SubStatus::ServerError, 500).build())
        .collect();
    let appended = repository.append(live, Arc::new(NoTransition)).await.expect("stored");
    // The same record in both is one.
    let shared = site.source.records[500].record.clone();
    repository.append(vec![shared], Arc::new(NoTransition)).await.expect("stored");
    let summary = site.import(&options()).await;
    assert_eq!(summary.records, 899);
    let expected = site.expected(&appended.records).await;
    let keys = site.keys();
    let totals = |all: Vec<Vec<Timeline>>| -> Vec<_> {
        all.iter()
            .flatten()
            .map(|one| (one.whole.total(), one.whole.red, one.whole.available_latency_sum))
            .collect()
    };
    assert_eq!(
        totals(timelines(repository.as_ref(), &keys, &PERIODS[1..]).await),
        totals(timelines(&expected, &keys, &PERIODS[1..]).await)
    );
}

/// Remembers the states it was shown.
#[derive(Default)]
struct Seen(Mutex<GroupStates>);

impl Transition for Seen {
    fn apply(&self, _: &StoredRecord, states: &mut GroupStates) -> Option<NewEvent> {
        self.0.lock().expect("not poisoned").clone_from(states);
        None
    }
}

/// Numbers go on above those of the source, and machines where they were.
async fn numbers_and_states_go_on<B: Backend>(place: Place) {
    let site = Site::<B>::new(place, Age::Models, 3, 300).await;
    site.import(&options()).await;
    let repository = site.store.repository();
    let appended = repository.append(vec![record(&key("new/s"), NOW).build()], Arc::new(NoTransition)).await;
    assert_eq!(appended.expect("stored").records[0].id, 301);
    assert_eq!(repository.latest_event_id().await.expect("an id"), 15);
    let (of, model) = &site.source.models[0];
    let expected = GroupStates {
        models: [(of.model().to_owned(), *model)].into(),
        channel: Some(site.source.channels[0].1),
    };
    let seen = Arc::new(Seen::default());
    repository.append(vec![record(of, NOW).build()], seen.clone()).await.expect("stored");
    assert_eq!(*seen.0.lock().expect("not poisoned"), expected);
}

/// History without channel goes to the channel that got a name, also when it is imported again after that.
async fn history_without_channel_goes_to_its_heir<B: Backend>(place: Place) {
    let site = Site::<B>::new(place, Age::Models, 45, 1_000).await;
    let heir = Psc::new("one", "cc", "vip");
    for records in [true, false] {
        let import = Import::begin(&site.from(), options(), site.deps(std::slice::from_ref(&heir))).await;
        let summary =
            import.expect("begun").history(&CancellationToken::new(), |_| {}).await.expect("imported");
        assert_eq!(summary.records > 0, records);
    }
    let unnamed = MonitorKey::from_parts("one", "cc", "", "m1");
    let named = MonitorKey::new(heir, "m1");
    let repository = site.store.repository();
    let keys = [named.clone(), unnamed.clone()];
    let got = timelines(repository.as_ref(), &keys, &[Period::Days90]).await;
    let both = site.source.records.iter().filter(|one| [&named, &unnamed].contains(&&one.record.key)).count();
    assert_eq!(got[0][0].whole.total() as usize, both);
    assert_eq!(got[0][1].whole.total(), 0);
    assert_eq!(repository.latest(&[unnamed]).await.expect("latest"), [None]);
    let events = repository.events(0, &EventFilter::default(), 100).await.expect("events");
    assert!(
        events.iter().all(|event| !event.event.key.channel().is_empty() || event.event.key.service() == "gm")
    );
}

/// A record from the future would be the newest of its monitor until then, and a state keep its machine from hearing of
/// anything before.
async fn nothing_comes_from_the_future<B: Backend>(place: Place) {
    let site = Site::<B>::new(place, Age::Models, 3, 300).await;
    let (of, model) = &site.source.models[0];
    for at in [NOW, NOW + 1, NOW + 80_000] {
        site.execute(&format!(
            "INSERT INTO probe_history (provider, service, channel, model, status, latency, timestamp) \
             VALUES ('{}', '{}', '{}', '{}', 1, 44, {at})",
            of.provider(),
            of.service(),
            of.channel(),
            of.model()
        ))
        .await;
    }
    for table in ["service_states", "channel_states"] {
        site.execute(&format!("UPDATE {table} SET last_timestamp = {}", NOW + 80_000)).await;
    }
    let summary = site.import(&options()).await;
    assert_eq!((summary.rows, summary.records), (301, 301));
    assert_eq!(summary.left_out, LeftOut { future: 2, ..LeftOut::default() });
    let repository = site.store.repository();
    let newest = repository.latest(std::slice::from_ref(of)).await.expect("latest")[0];
    assert_eq!(newest.map(|newest| newest.timestamp), Some(NOW));
    let seen = Arc::new(Seen::default());
    repository.append(vec![record(of, NOW + 1).build()], seen.clone()).await.expect("stored");
    let states = seen.0.lock().expect("not poisoned").clone();
    assert_eq!(states.models[of.model()], ModelState { last_timestamp: NOW, ..*model });
    assert_eq!(states.channel.map(|channel| channel.last_timestamp), Some(NOW));
}

/// Of events of one kind and monitor whose record is unknown a store has one; the others are counted, each time.
async fn events_without_their_record_are_told_of<B: Backend>(place: Place) {
    let site = Site::<B>::new(place, Age::Models, 3, 300).await;
    let events = |ids: std::ops::Range<i64>| -> Vec<String> {
        ids.map(|id| format!("({id}, 'odd', 's', '', '', 'DOWN', 1, 0, NULL, {id}, {id}, '{{}}')")).collect()
    };
    if let Place::Tables = place {
        site.execute("ALTER TABLE status_events ALTER trigger_record_id DROP NOT NULL").await;
    } else {
        site.execute(
            "ALTER TABLE status_events RENAME TO before; CREATE TABLE status_events AS SELECT * FROM before",
        )
        .await;
    }
    site.execute(&format!("INSERT INTO status_events VALUES {}", events(101..104).join(", "))).await;
    let copied = site.source.events.len() as u64 + 1;
    for (name, copied) in [("test", copied), ("another", 0)] {
        let summary = site.import(&ImportOptions { name: name.to_owned(), ..options() }).await;
        assert_eq!((summary.events, summary.events_left_out), (copied, 2), "{name}");
    }
}
