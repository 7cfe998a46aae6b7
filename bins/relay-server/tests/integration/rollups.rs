//! Counting the records again by a command.

use std::sync::Arc;

use relay_core::{
    MonitorKey,
    ports::{
        Clock as _,
        clock::SystemClock,
        repository::{Maintenance as _, Records as _},
        transition::NoTransition,
    },
};
use relay_sim::Behaviour;
use relay_store::{Options, SqliteOptions, SqliteRepository};
use relay_testkit::{postgres, record};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Site, connect, entry, finish, points, program};

const RECORDS: i64 = 3_000;

/// Runs `rollups rebuild`; returns whether it went well, and what it said.
fn rebuild(site: &Site) -> (bool, String) {
    let output = finish(program(site.dir.path()).args(["rollups", "rebuild"]));
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).expect("text"))
}

/// Stores a record of every minute of the last two days.
async fn fill(site: &Site) {
    let options = SqliteOptions::new(site.path("history.db"));
    let store = SqliteRepository::open(&options, Arc::new(SystemClock)).expect("opens");
    let now = SystemClock.now().as_secs();
    let key = MonitorKey::from_parts("good", "chat", "", "");
    let batch = (0..RECORDS).map(|minute| record(&key, now - (RECORDS - minute) * 60).build()).collect();
    store.append(batch, Arc::new(NoTransition)).await.expect("stored");
    store.close().await.expect("closes");
}

fn counts(status: &Value) -> i64 {
    let timeline = entry(status, "good")["timeline"].as_array().cloned().unwrap_or_default();
    timeline.iter().filter_map(|bucket| bucket["status_counts"]["available"].as_i64()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_counts_are_refused_rebuilt_and_shown_again() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let (migrated, database) = (finish(program(site.dir.path()).arg("migrate")), site.path("history.db"));
    let version = relay_store::schema_version(&Options::Sqlite(SqliteOptions::new(&database)));
    let said = format!("{} is at version {version} of its schema\n", database.display());
    assert_eq!(
        (migrated.status.code(), String::from_utf8_lossy(&migrated.stdout).into_owned()),
        (Some(0), said)
    );
    let place = format!("counting again in {}\n", database.display());
    let (done, text) = rebuild(&site);
    assert_eq!((done, text), (true, format!("{place}the store has no records: nothing to count\n")));
    fill(&site).await;
    let shell = Connection::open(site.path("history.db")).expect("a file");
    shell
        .execute_batch(
            "UPDATE slot_rollups SET tally = x'01ff'; DELETE FROM day_rollups; DELETE FROM latest;",
        )
        .expect("damaged");
    drop(shell);

    let refused = finish(program(site.dir.path()).arg("run"));
    assert!(!refused.status.success());
    let text = String::from_utf8(refused.stderr).expect("text");
    assert!(text.contains("`relay-server rollups rebuild`"), "{text}");

    let (done, text) = rebuild(&site);
    assert!(done && text.starts_with(&format!("{place}read 3000 records and counted ")), "{text}");
    assert!(text.ends_with(" rows were wrong and are corrected\n"), "{text}");
    let (done, text) = rebuild(&site);
    assert!(done && text.ends_with(": all counts were right\n"), "{text}");

    let server = site.start(&["--no-probe"]).await;
    let status = server.json("/api/status?period=7d").await;
    assert_eq!(counts(&status), RECORDS, "{status:#}");
    let (done, text) = rebuild(&site);
    assert!(!done && text.contains("in use by another relay-server"), "{text}");
    server.stop().await;
}

/// The path of the configuration begins where the command runs, which may be the wrong place.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_named_and_not_made() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let elsewhere = tempfile::tempdir().expect("a directory");
    let config = site.path("config.yaml");
    let output = finish(program(elsewhere.path()).args(["rollups", "rebuild", "--config"]).arg(config));
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&*elsewhere.path().join("history.db").to_string_lossy()), "{said}");
    assert_eq!(std::fs::read_dir(elsewhere.path()).expect("a folder").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_on_postgres_goes_on_meanwhile() {
    let options = postgres::ServerOptions::default();
    let database = tokio::task::block_in_place(|| postgres::Server::start(options).expect("a server"));
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let mut config = site.config(1);
    let address = database.address();
    config["storage"] = json!({
        "type": "postgres",
        "postgres": {
            "host": address.ip(), "port": address.port(), "user": postgres::ROLE, "database": "postgres",
            "password": "secret-word",
        },
    });
    site.write(&config);
    let server = site.start(&[]).await;
    let before = server.status_where(|status| points(status, "good") > 1).await;
    let (done, text) = tokio::task::block_in_place(|| rebuild(&site));
    assert!(done && text.ends_with(": all counts were right\n"), "{text}");
    let place = format!("counting again in postgres://{}@{address}/postgres?sslmode=", postgres::ROLE);
    assert!(text.starts_with(&place) && !text.contains("secret-word"), "{text}");
    let seen = points(&before, "good");
    server.status_where(|status| points(status, "good") > seen).await;
    let migrated = tokio::task::block_in_place(|| finish(program(site.dir.path()).arg("migrate")));
    let said = String::from_utf8_lossy(&migrated.stdout).into_owned();
    let newest = "SELECT max(version) FROM relay.schema_migrations";
    let (client, _driver) = connect(address, "postgres").await;
    let newest: i64 = client.query_one(newest, &[]).await.expect("a version").get(0);
    assert!(said.ends_with(&format!(" is at version {newest} of its schema\n")), "{said}");
    server.stop().await;
}
