//! Which databases are used, and what is said of those that cannot be.

use std::sync::Arc;

use relay_core::{
    Secret,
    ports::{
        clock::SystemClock,
        repository::{Error, Maintenance as _, Records as _},
        transition::NoTransition,
    },
};
use relay_store::{PgRepository, PostgresOptions};
use relay_testkit::{key, postgres, record};
use tokio::task::JoinSet;

use crate::support::postgres::Database;

async fn open(options: &PostgresOptions) -> Result<PgRepository, Error> {
    PgRepository::open(options, Arc::new(SystemClock)).await
}

async fn refusal(options: &PostgresOptions) -> String {
    let error = open(options).await.expect_err("it is refused");
    let said = format!("{error} {error:?}");
    assert!(!said.contains("secret-word"), "{said}");
    error.to_string()
}

#[tokio::test]
async fn a_newer_database_and_an_edited_migration_are_refused() {
    for (sql, expected) in [
        ("INSERT INTO relay.schema_migrations VALUES (9999, 'x', 'y', now())", "schema version 9999"),
        ("UPDATE relay.schema_migrations SET sha256 = 'other'", "migration 1"),
    ] {
        let database = Database::create().await;
        open(&database.options()).await.expect("opened").close().await.expect("closed");
        database.shell().await.batch_execute(sql).await.expect("changed");
        let said = refusal(&database.options()).await;
        assert!(said.contains(expected), "{said}");
    }
}

/// What the newest migration does is taken back: the database is as the one before left it.
#[tokio::test]
async fn a_database_without_names_of_changes_gets_them() {
    let database = Database::create().await;
    let put = async || {
        let store = open(&database.options()).await.expect("opened");
        let batch = vec![record(&key("a/s"), 0).build()];
        let appended = store.append(batch, Arc::new(NoTransition)).await.expect("stored");
        store.close().await.expect("closed");
        appended.records[0].id
    };
    assert_eq!(put().await, 1);
    let back = "ALTER TABLE relay.store_state DROP COLUMN change, DROP COLUMN change_before; \
                DELETE FROM relay.schema_migrations WHERE version = 5";
    database.shell().await.batch_execute(back).await.expect("as before");
    assert_eq!((put().await, put().await), (2, 3));
}

#[tokio::test]
async fn many_may_start_on_one_new_database() {
    let database = Database::create().await;
    let mut starters = JoinSet::new();
    for _ in 0..6 {
        let options = PostgresOptions { max_open: 1, ..database.options() };
        starters.spawn(async move {
            let store = open(&options).await.expect("opened");
            store.append(vec![record(&key("a/s"), 0).build()], Arc::new(NoTransition)).await.expect("stored")
        });
    }
    let mut ids: Vec<i64> = starters.join_all().await.iter().map(|appended| appended.records[0].id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
    let shell = database.shell().await;
    let row = shell.query_one("SELECT count(*) FROM relay.monitors", &[]).await.expect("a count");
    assert_eq!(row.get::<_, i64>(0), 1);
}

#[tokio::test]
async fn a_server_that_does_not_listen_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let options = PostgresOptions {
        port,
        password: Secret::new("secret-word"),
        ..PostgresOptions::new("127.0.0.1", "relay", "site")
    };
    let said = refusal(&options).await;
    for part in ["database site", &format!("127.0.0.1:{port}"), "as relay", "refused"] {
        assert!(said.contains(part), "{said}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let database = Database::create().await;
    let said = refusal(&PostgresOptions { database: "no_such_one".to_owned(), ..database.options() }).await;
    assert!(said.contains("no_such_one") && said.contains("does not exist"), "{said}");
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let database = Database::create().await;
    let shell = database.shell().await;
    // Roles belong to the whole server, which other tests share.
    let make = format!(
        "DO $$ BEGIN CREATE ROLE {role} LOGIN PASSWORD 'right-word'; EXCEPTION WHEN duplicate_object THEN NULL; END $$; \
         GRANT ALL ON DATABASE {database} TO {role}",
        role = postgres::KEYED_ROLE,
        database = database.name(),
    );
    shell.batch_execute(&make).await.expect("a role");
    let with = |password: &str| PostgresOptions {
        user: postgres::KEYED_ROLE.to_owned(),
        password: Secret::new(password),
        ..database.options()
    };
    let said = refusal(&with("secret-word")).await;
    assert!(said.contains("password authentication failed") && said.contains("check the user"), "{said}");
    let said = refusal(&with("")).await;
    assert!(said.contains("wants a password"), "{said}");
    open(&with("right-word")).await.expect("opened").ping().await.expect("it works");
}

#[tokio::test]
async fn a_role_that_may_not_create_the_schema_is_told_what_to_ask_for() {
    let database = Database::create().await;
    let shell = database.shell().await;
    let role = format!("guest_{}", database.name());
    shell.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.expect("a role");
    let options = PostgresOptions { user: role.clone(), ..database.options() };
    let said = refusal(&options).await;
    let order = format!("CREATE SCHEMA relay AUTHORIZATION {role}");
    assert!(said.contains("permission denied") && said.ends_with(&order), "{said}");
    shell.batch_execute(&order).await.expect("done as told");
    let store = open(&options).await.expect("opened");
    store.ping().await.expect("it works");
    store.close().await.expect("closed");
    let goodbye = format!("DROP SCHEMA relay CASCADE; DROP ROLE {role}");
    shell.batch_execute(&goodbye).await.expect("gone");
}

#[tokio::test]
async fn a_database_without_unicode_is_refused() {
    let database = Database::create().await;
    let name = format!("{}_latin", database.name());
    let make = format!("CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'");
    let shell = database.shell().await;
    shell.batch_execute(&make).await.expect("a database");
    let said = refusal(&PostgresOptions { database: name.clone(), ..database.options() }).await;
    assert!(said.contains("LATIN1") && said.contains("UTF8"), "{said}");
    shell.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("gone");
}

#[tokio::test]
async fn a_server_that_takes_no_changes_is_not_ready() {
    let database = Database::create().await;
    open(&database.options()).await.expect("opened").close().await.expect("closed");
    let store = open(&database.options()).await.expect("opened");
    store.ping().await.expect("it works");
    let shell = database.shell().await;
    let read_only = format!(
        "ALTER DATABASE {} SET default_transaction_read_only = on; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
        database.name()
    );
    shell.batch_execute(&read_only).await.expect("changed");
    let error = store.ping().await.expect_err("not ready");
    assert!(matches!(error, Error::Unavailable { .. }) && error.to_string().contains("read-only"), "{error}");
    let batch = vec![record(&key("a/s"), 0).build()];
    let error = store.append(batch, Arc::new(NoTransition)).await.expect_err("not stored");
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn connections_are_replaced_when_they_are_old() {
    let database = Database::create().await;
    let pids = async |lifetime| {
        let options = PostgresOptions { max_open: 1, max_lifetime: lifetime, ..database.options() };
        let store = open(&options).await.expect("opened");
        let shell = database.shell().await;
        let mut pids = std::collections::BTreeSet::new();
        for _ in 0..3 {
            store.ping().await.expect("it works");
            let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'relay-pulse' \
                       AND datname = current_database() ORDER BY backend_start DESC LIMIT 1";
            pids.insert(shell.query_one(sql, &[]).await.expect("a connection").get::<_, i32>(0));
        }
        store.close().await.expect("closed");
        pids.len()
    };
    assert_eq!(pids(std::time::Duration::from_secs(60)).await, 1);
    assert_eq!(pids(std::time::Duration::from_nanos(1)).await, 3);
}
