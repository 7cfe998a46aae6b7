//! Bringing the schema up to date.

use std::path::Path;

use relay_core::{Timestamp, ports::repository::Error};
use rusqlite::{Connection, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use super::error::translate;

/// (number, name, SQL), in order.
const MIGRATIONS: &[(i64, &str, &str)] =
    &[(1, "initial", include_str!("../../../../migrations/sqlite/0001_initial.sql"))];

/// Applies what is missing, each step in a transaction of its own that starts by taking the write lock, so that two
/// starters cannot apply one step twice.
pub(super) fn run(connection: &mut Connection, path: &Path, now: Timestamp) -> Result<(), Error> {
    refuse_foreign(connection, path)?;
    connection
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                 version INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_at INTEGER NOT NULL
             ) STRICT",
        )
        .map_err(translate)?;
    for (version, name, sql) in MIGRATIONS {
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(translate)?;
        let applied: Option<String> = transaction
            .prepare("SELECT sha256 FROM schema_migrations WHERE version = ?1")
            .and_then(|mut statement| {
                let mut rows = statement.query([version])?;
                rows.next()?.map(|row| row.get(0)).transpose()
            })
            .map_err(translate)?;
        let checksum = checksum(sql);
        match applied {
            Some(known) if known == checksum => continue,
            Some(_) => {
                return Err(Error::Unsupported {
                    reason: format!(
                        "{}: migration {version:04}_{name} was applied in another form; the database was made by a \
                         different build",
                        path.display()
                    ),
                });
            }
            None => {}
        }
        transaction.execute_batch(sql).map_err(translate)?;
        transaction
            .execute(
                "INSERT INTO schema_migrations VALUES (?1, ?2, ?3, ?4)",
                params![version, name, checksum, now.as_secs()],
            )
            .map_err(translate)?;
        transaction.commit().map_err(translate)?;
    }
    Ok(())
}

/// Refuses databases that are not ours or too new, before anything is written.
fn refuse_foreign(connection: &Connection, path: &Path) -> Result<(), Error> {
    let has = |table: &str| -> Result<bool, Error> {
        connection
            .query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)", [table], |row| {
                row.get(0)
            })
            .map_err(translate)
    };
    let path = path.display();
    if !has("schema_migrations")? {
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(translate)?;
        if has("probe_history")? {
            return Err(Error::Unsupported {
                reason: format!(
                    "{path} is a database of the Go version; nothing was changed. Name another file in \
                     storage.sqlite.path, or move this one aside"
                ),
            });
        }
        if tables > 0 {
            return Err(Error::Unsupported {
                reason: format!(
                    "{path} is a database of another program; nothing was changed. Name another file in \
                     storage.sqlite.path"
                ),
            });
        }
        return Ok(());
    }
    let newest: i64 = connection
        .query_row("SELECT coalesce(max(version), 0) FROM schema_migrations", [], |row| row.get(0))
        .map_err(translate)?;
    let known = MIGRATIONS.len() as i64;
    if newest > known {
        return Err(Error::Unsupported {
            reason: format!(
                "{path} was made by a newer version (schema {newest}, this one knows {known}); nothing was changed. \
                 Run that version, or restore a backup"
            ),
        });
    }
    Ok(())
}

fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sqlite");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is in the repository")
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .collect();
        files.sort();
        let listed: Vec<String> =
            MIGRATIONS.iter().map(|(version, name, _)| format!("{version:04}_{name}.sql")).collect();
        assert_eq!(files, listed);
    }
}
