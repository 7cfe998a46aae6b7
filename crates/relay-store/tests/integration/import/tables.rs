//! Tables of the Go version on PostgreSQL: what they may hold, and what may happen to the connection.

use std::{sync::Arc, time::Duration};

use relay_core::{
    Secret, Status, StoredRecord,
    event::{EventMeta, EventType, GroupStates, NewEvent, Stable},
    ports::{Transition, repository::EventFilter},
};
use relay_store::{Import, ImportError, ImportFrom, ImportOptions, LeftOut, PostgresOptions};
use relay_testkit::{key, postgres::KEYED_ROLE, record, relay_pulse::Age, suite::Backend};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::site::{DAY, NOW, PERIODS, Place, Site, history, options, timelines};
use crate::support::{
    Sqlite,
    postgres::{Database, Postgres},
};

/// Whoever writes the tables goes on, and a role that may only read is enough.
#[tokio::test]
async fn the_tables_are_only_read() {
    let site = Site::<Sqlite>::new(Place::Tables, Age::Models, 3, 300).await;
    let reader = format!("reader_of_{}", site.tables().name());
    site.execute(&format!(
        "CREATE ROLE {reader} LOGIN; GRANT SELECT ON probe_history, status_events, service_states, channel_states TO {reader}"
    ))
    .await;
    let writer = site.tables().shell().await;
    let insert = "INSERT INTO probe_history (provider, service, status, latency, timestamp) VALUES ('one', 'gm', 1, 9, 1773155999)";
    writer.batch_execute(insert).await.expect("written");
    writer.batch_execute(&format!("BEGIN; {insert}; DELETE FROM status_events")).await.expect("written");
    let before = content(&site).await;

    let from = PostgresOptions { user: reader.clone(), ..site.tables().options() };
    let from = ImportFrom::RelayPulseTables(Box::new(from));
    let import = Import::begin(&from, options(), site.deps(&[])).await.expect("begun");
    let summary = import.history(&CancellationToken::new(), |_| {}).await.expect("imported");
    assert_eq!((summary.rows, summary.events), (301, 5), "what is committed is seen, the rest is not");
    assert_eq!(content(&site).await, before);
    writer.batch_execute("COMMIT").await.expect("nobody is in the way");
    site.execute(&format!("DROP OWNED BY {reader}; DROP ROLE {reader}")).await;
}

/// Returns what would be different after any change: the rows, where they are and who wrote them.
async fn content(site: &Site<Sqlite>) -> Vec<Option<String>> {
    let shell = site.tables().shell().await;
    let mut all = Vec::new();
    for table in ["probe_history", "status_events", "service_states", "channel_states"] {
        let sql =
            format!("SELECT md5(string_agg(concat(ctid, xmin, t::text), ',' ORDER BY ctid)) FROM {table} t");
        all.push(shell.query_one(&sql, &[]).await.expect("readable").get(0));
    }
    all
}

async fn odd_rows_are_left_out_or_mended<B: Backend>() {
    let site = Site::<B>::new(Place::Tables, Age::Models, 2, 10).await;
    let at = NOW - 60;
    site.execute(
        "ALTER TABLE probe_history ALTER provider DROP NOT NULL, ALTER service DROP NOT NULL, ALTER status DROP NOT NULL,
         ALTER latency DROP NOT NULL, ALTER timestamp DROP NOT NULL, ALTER http_code DROP NOT NULL,
         ALTER error_detail DROP NOT NULL, ALTER latency TYPE double precision;
         ALTER TABLE status_events ALTER meta TYPE text",
    )
    .await;
    let long = format!("repeat('x', {})", 4_000_000);
    for (provider, status, latency, code, timestamp, detail) in [
        ("NULL", "1", "1", "200", at.to_string(), "''"),
        ("''", "1", "1", "200", at.to_string(), "''"),
        ("repeat('p', 2000)", "1", "1", "200", at.to_string(), "''"),
        ("E'two\\nlines'", "1", "1", "200", at.to_string(), "''"),
        ("'odd'", "1", "1", "200", (at * 1000).to_string(), "''"),
        ("'odd'", "1", "1", "200", "-5".to_owned(), "''"),
        ("'odd'", "1", "1", "200", "NULL".to_owned(), "''"),
        ("'odd'", "1", "1", "200", (NOW + 30 * DAY).to_string(), "''"),
        ("'odd'", "7", "-4", "99999", at.to_string(), &long),
        ("'odd'", "NULL", "'NaN'", "NULL", (at + 1).to_string(), "NULL"),
        ("'odd'", "1", "1e300", "200", (at + 2).to_string(), "E'two\\nlines'"),
        ("'odd'", "2", "12.7", "200", (at + 3).to_string(), "''"),
        ("'odd'", "1", "1", "200", "100".to_owned(), "''"),
    ] {
        site.execute(&format!(
            "INSERT INTO probe_history (provider, service, status, latency, http_code, timestamp, error_detail) VALUES \
             ({provider}, 's', {status}, {latency}, {code}, {timestamp}, {detail})"
        ))
        .await;
    }
    for (id, kind, meta) in
        [(97, "DOWN", "'{'"), (98, "UP", "NULL"), (99, "SIDEWAYS", "'{}'"), (100, "UP", "'[1]'")]
    {
        site.execute(&format!(
            "INSERT INTO status_events VALUES ({id}, 'odd', 's', '', '', '{kind}', 1, 0, {id}, 1, 1, {meta})"
        ))
        .await;
    }
    let options = ImportOptions { counts_from: NOW - 400 * DAY, ..options() };
    let summary = site.import(&options).await;
    assert_eq!(summary.records, 14);
    let left_out =
        LeftOut { nameless: 2, misnamed: 2, timeless: 2, future: 2, too_old: 1, ..LeftOut::default() };
    assert_eq!(summary.left_out, left_out);
    assert_eq!((summary.events, summary.events_skipped), (8, 1));
    let odd = history(site.store.repository().as_ref(), &key("odd/s")).await;
    let results: Vec<_> = odd
        .iter()
        .map(|one| {
            let result = &one.record.result;
            let detail = result.detail.as_ref().map(|text| text.chars().count());
            (result.status.code(), result.latency_ms, result.http_code, detail)
        })
        .collect();
    assert_eq!(results, [(2, 12, 200, None), (1, 0, 200, Some(9)), (-1, 0, 0, None), (-1, 0, 0, Some(512))]);
}

#[tokio::test]
async fn odd_rows_are_left_out_or_mended_for_sqlite() {
    odd_rows_are_left_out_or_mended::<Sqlite>().await;
}

#[tokio::test]
async fn odd_rows_are_left_out_or_mended_for_postgres() {
    odd_rows_are_left_out_or_mended::<Postgres>().await;
}

/// Every record is the end of its monitor.
struct Falls;

impl Transition for Falls {
    fn apply(&self, stored: &StoredRecord, _: &mut GroupStates) -> Option<NewEvent> {
        Some(NewEvent {
            key: stored.record.key.clone(),
            kind: EventType::Down,
            from_status: Stable::Up,
            to_status: Status::Red,
            trigger_record_id: stored.id,
            observed_at: stored.record.timestamp,
            meta: EventMeta::default(),
        })
    }
}

/// Numbers that were given and whose rows are gone are not given again.
#[tokio::test]
async fn numbers_go_on_above_those_that_were_given() {
    let site = Site::<Sqlite>::new(Place::Tables, Age::Models, 3, 300).await;
    site.execute("SELECT setval('probe_history_id_seq', 5000); SELECT setval('status_events_id_seq', 70)")
        .await;
    site.import(&options()).await;
    let repository = site.store.repository();
    let appended = repository.append(vec![record(&key("new/s"), NOW).build()], Arc::new(Falls)).await;
    let appended = appended.expect("stored");
    assert_eq!((appended.records[0].id, appended.events[0].id), (5001, 71));
    assert_eq!(repository.events(0, &EventFilter::default(), 5).await.expect("events"), site.source.events);
}

/// Every connection is cut while it is at work; the import goes on with others.
#[tokio::test]
async fn a_connection_that_is_cut_is_made_again() {
    let site = Site::<Sqlite>::new(Place::Tables, Age::First, 40, 1_000).await;
    let options = ImportOptions { patience: Duration::from_secs(60), ..options() };
    let import = Import::begin(&site.from(), options, site.deps(&[])).await.expect("begun");
    let (reached, shell) = (Notify::new(), site.tables().shell().await);
    let (mut told, stop) = (0, CancellationToken::new());
    let history = import.history(&stop, |_| {
        told += 1;
        if told % 5 == 0 {
            reached.notify_one();
        }
    });
    let cut = async {
        loop {
            reached.notified().await;
            let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
            shell.query_one(sql, &[]).await.expect("cut");
        }
    };
    tokio::select! {
        summary = history => assert!(summary.expect("imported").rows >= 1_000),
        () = cut => {}
    }
    let (expected, keys) = (site.expected(&[]).await, site.keys());
    assert_eq!(
        timelines(site.store.repository().as_ref(), &keys, &PERIODS).await,
        timelines(&expected, &keys, &PERIODS).await
    );
}

#[tokio::test]
async fn what_is_no_source_is_refused_without_its_password() {
    let site = Site::<Sqlite>::new(Place::Tables, Age::First, 1, 10).await;
    let (empty, other) = (Database::create().await, Database::create().await);
    other
        .shell()
        .await
        .batch_execute("CREATE TABLE probe_history (id bigint, provider text, service text, status text, timestamp bigint)")
        .await
        .expect("made");
    let good = PostgresOptions { password: Secret::new("hush"), ..site.tables().options() };
    let keyed = PostgresOptions { user: KEYED_ROLE.to_owned(), ..good.clone() };
    let away = PostgresOptions { port: 1, ..good };
    for (options, said) in [
        (empty.options(), "probe_history.id"),
        (other.options(), "probe_history.status"),
        (keyed, "check the user and the password"),
        (away, "check the host and the port"),
    ] {
        let from = ImportFrom::RelayPulseTables(Box::new(options));
        let error = Import::begin(&from, super::options(), site.deps(&[])).await.expect_err(said);
        assert!(matches!(error, ImportError::Source { .. }), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(!format!("{error:?} {from:?} {}", from.name()).contains("hush"), "{error:?}");
    }
}
