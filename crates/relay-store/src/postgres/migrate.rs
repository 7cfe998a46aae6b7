//! Bringing the schema up to date.

use deadpool_postgres::{Object, Transaction};
use relay_core::ports::repository::Error;
use tokio_postgres::error::SqlState;

use super::error::{place, translate};
use crate::{
    migrate::{self, Applied},
    options::PostgresOptions,
};

const SCHEMA_MIGRATIONS: &str = include_str!("sql/store/schema_migrations.sql");

/// Whoever migrates holds this advisory lock: the letters of "relay" and a number.
const LOCK: i64 = 0x72_656c_6179_0001;
/// The oldest server whose functions are all there, as it numbers itself.
const OLDEST_SERVER: i32 = 130_000;

/// Applies what is missing, all in one transaction: a process that dies meanwhile, or another one that starts at the same
/// time, leaves or finds either everything or nothing.
pub(super) async fn to_newest(client: &mut Object, options: &PostgresOptions) -> Result<(), Error> {
    let trouble = translate("cannot migrate");
    check_server(client).await?;
    let transaction = client.transaction().await.map_err(&trouble)?;
    // Another process may be at it for a while.
    transaction
        .batch_execute("SET LOCAL lock_timeout = '5min'; SET LOCAL statement_timeout = 0")
        .await
        .map_err(&trouble)?;
    transaction.query_one("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(&trouble)?;
    make_schema(&transaction, options).await?;
    transaction.batch_execute(SCHEMA_MIGRATIONS).await.map_err(|error| not_allowed(options, error))?;
    let rows = transaction
        .query("SELECT version, sha256 FROM relay.schema_migrations ORDER BY version", &[])
        .await
        .map_err(|error| not_allowed(options, error))?;
    let applied: Vec<Applied> =
        rows.iter().map(|row| Applied { version: row.get(0), checksum: row.get(1) }).collect();
    for migration in migrate::pending(migrate::POSTGRES, &applied)? {
        transaction.batch_execute(migration.sql).await.map_err(|error| not_allowed(options, error))?;
        let done = "INSERT INTO relay.schema_migrations (version, name, sha256, applied_at) VALUES ($1, $2, $3, now())";
        let row: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&migration.version, &migration.name, &migration.checksum()];
        transaction.execute(done, &row).await.map_err(&trouble)?;
    }
    transaction.commit().await.map_err(&trouble)
}

async fn check_server(client: &Object) -> Result<(), Error> {
    let sql = "SELECT current_setting('server_version_num')::integer, current_setting('server_encoding')";
    let row = client.query_one(sql, &[]).await.map_err(translate("cannot ask the server for its version"))?;
    let (version, encoding): (i32, String) = (row.get(0), row.get(1));
    let refused = |reason: String| Err(Error::Unsupported { reason });
    if version < OLDEST_SERVER {
        return refused(format!("the server is PostgreSQL {}: use 13 or newer", version / 10_000));
    }
    if encoding != "UTF8" {
        return refused(format!(
            "the database has the encoding {encoding}: create one with the encoding UTF8"
        ));
    }
    Ok(())
}

async fn make_schema(transaction: &Transaction<'_>, options: &PostgresOptions) -> Result<(), Error> {
    // CREATE SCHEMA IF NOT EXISTS wants the privilege to create also when there is nothing to do.
    let row = transaction
        .query_one("SELECT to_regnamespace('relay') IS NOT NULL", &[])
        .await
        .map_err(translate("cannot look for the schema"))?;
    if row.get(0) {
        return Ok(());
    }
    transaction.batch_execute("CREATE SCHEMA relay").await.map_err(|error| not_allowed(options, error))
}

fn not_allowed(options: &PostgresOptions, error: tokio_postgres::Error) -> Error {
    if error.code() != Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return translate("cannot migrate")(error);
    }
    let reason = format!(
        "cannot keep tables in {}: {}; let an administrator of that database run: CREATE SCHEMA relay AUTHORIZATION {}",
        place(options),
        error.as_db_error().map_or("", |error| error.message()),
        options.user,
    );
    Error::Unavailable { reason, source: Some(Box::new(error)) }
}
