//! The migrations, and what to do with a database that some of them were applied to. Shared by all drivers.

use relay_core::ports::repository::Error;
use sha2::{Digest, Sha256};

/// One numbered SQL file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Migration {
    /// Its number, from 1 on, rising.
    pub(crate) version: i64,
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) sql: &'static str,
}

impl Migration {
    /// Returns the SHA-256 of the file in hexadecimal.
    pub(crate) fn checksum(&self) -> String {
        Sha256::digest(self.sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A migration that a database says was applied to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Its number.
    pub(crate) version: i64,
    /// The checksum it had then.
    pub(crate) checksum: String,
}

/// All migrations of SQLite, in order.
pub(crate) const SQLITE: &[Migration] = &[
    Migration {
        version: 1,
        name: "records",
        sql: include_str!("../../../migrations/sqlite/0001_records.sql"),
    },
    Migration {
        version: 2,
        name: "imports",
        sql: include_str!("../../../migrations/sqlite/0002_imports.sql"),
    },
    Migration {
        version: 3,
        name: "retention",
        sql: include_str!("../../../migrations/sqlite/0003_retention.sql"),
    },
    Migration { version: 4, name: "outbox", sql: include_str!("../../../migrations/sqlite/0004_outbox.sql") },
];

/// All migrations of PostgreSQL, in order.
pub(crate) const POSTGRES: &[Migration] = &[
    Migration {
        version: 1,
        name: "records",
        sql: include_str!("../../../migrations/postgres/0001_records.sql"),
    },
    Migration {
        version: 2,
        name: "imports",
        sql: include_str!("../../../migrations/postgres/0002_imports.sql"),
    },
    Migration {
        version: 3,
        name: "retention",
        sql: include_str!("../../../migrations/postgres/0003_retention.sql"),
    },
    Migration {
        version: 4,
        name: "outbox",
        sql: include_str!("../../../migrations/postgres/0004_outbox.sql"),
    },
    Migration {
        version: 5,
        name: "changes",
        sql: include_str!("../../../migrations/postgres/0005_changes.sql"),
    },
];

/// Returns which of `known` must still be applied, in order.
///
/// # Errors
/// [`Error::Unsupported`] when the database is newer than the program, [`Error::Corrupt`] when a file that was applied
/// is not the one the program has.
pub(crate) fn pending<'a>(
    known: &'a [Migration],
    applied: &[Applied],
) -> Result<impl Iterator<Item = &'a Migration> + use<'a>, Error> {
    let newest = known.last().map_or(0, |migration| migration.version);
    for done in applied {
        let Some(migration) = known.iter().find(|migration| migration.version == done.version) else {
            let reason = format!(
                "the database has schema version {} and this program knows {newest}: use the newer program that made it",
                done.version
            );
            return Err(Error::Unsupported { reason });
        };
        if migration.checksum() != done.checksum {
            let reason = format!("migration {} is not the one that made this database", done.version);
            return Err(Error::Corrupt { reason });
        }
    }
    let done: Vec<i64> = applied.iter().map(|done| done.version).collect();
    Ok(known.iter().filter(move |migration| !done.contains(&migration.version)))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path};

    use super::*;

    #[test]
    fn the_lists_are_the_folders() {
        for (name, list) in [("sqlite", SQLITE), ("postgres", POSTGRES)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(name);
            let files: BTreeMap<String, String> = fs::read_dir(folder)
                .expect("the folder")
                .map(|entry| entry.expect("an entry").path())
                .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
                .map(|path| {
                    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                    (name, fs::read_to_string(path).expect("SQL"))
                })
                .collect();
            let listed: BTreeMap<String, String> = list
                .iter()
                .map(|one| (format!("{:04}_{}.sql", one.version, one.name), one.sql.to_owned()))
                .collect();
            assert_eq!(listed, files);
            assert!(list.is_sorted_by_key(|migration| migration.version));
        }
    }

    #[test]
    fn only_what_is_missing_is_applied() {
        let first = Migration { version: 1, name: "a", sql: "a" };
        let second = Migration { version: 2, name: "b", sql: "b" };
        let applied = [Applied { version: 1, checksum: first.checksum() }];
        let known = [first, second];
        let names: Vec<_> = pending(&known, &applied).expect("known").map(|one| one.name).collect();
        assert_eq!(names, ["b"]);
    }

    #[test]
    fn a_newer_or_other_database_is_refused() {
        let known = [Migration { version: 1, name: "a", sql: "a" }];
        let newer = [Applied { version: 2, checksum: String::new() }];
        let error = pending(&known, &newer).err().expect("refused").to_string();
        assert!(error.contains("schema version 2") && error.contains("knows 1"), "{error}");
        let other = [Applied { version: 1, checksum: "00".to_owned() }];
        assert!(matches!(pending(&known, &other).err(), Some(Error::Corrupt { .. })));
    }
}
