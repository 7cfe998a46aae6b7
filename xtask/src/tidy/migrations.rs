//! Migrations of both backends go together.

use std::collections::BTreeSet;

use super::Finding;
use crate::workspace::File;

const SQLITE: &str = "migrations/sqlite/";
const POSTGRES: &str = "migrations/postgres/";

/// How a migration begins that only this backend needs.
const SQLITE_ONLY: &str = "-- SQLite only: ";
const POSTGRES_ONLY: &str = "-- PostgreSQL only: ";

/// Finds misnamed migrations, gaps in their numbers, and migrations that only one backend has without saying so. As long
/// as a backend has none at all it is not supported yet, and nothing is missing.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let (sqlite, postgres) = (names(files, SQLITE, ""), names(files, POSTGRES, ""));
    let (sqlite_only, postgres_only) =
        (names(files, SQLITE, SQLITE_ONLY), names(files, POSTGRES, POSTGRES_ONLY));
    let mut findings =
        [numbering(SQLITE, &sqlite, &postgres_only), numbering(POSTGRES, &postgres, &sqlite_only)].concat();
    if !sqlite.is_empty() && !postgres.is_empty() {
        findings.extend(missing(POSTGRES, &(&sqlite - &sqlite_only), &postgres));
        findings.extend(missing(SQLITE, &(&postgres - &postgres_only), &sqlite));
    }
    findings
}

/// Returns the names of the migrations in a folder that begin with some words.
fn names<'a>(files: &'a [File], folder: &str, words: &str) -> BTreeSet<&'a str> {
    files
        .iter()
        .filter(|file| file.text().starts_with(words))
        .filter_map(|file| file.path.strip_prefix(folder))
        .filter(|name| name.ends_with(".sql"))
        .collect()
}

/// Numbers are four digits and count from 0001 without a gap but for those that the other backend alone has; the rest of
/// a name is lower-case words.
fn numbering(folder: &str, names: &BTreeSet<&str>, elsewhere: &BTreeSet<&str>) -> Vec<Finding> {
    let all = names | elsewhere;
    let misplaced = all.iter().enumerate().filter(|(index, name)| {
        let words =
            name.strip_prefix(&format!("{:04}_", index + 1)).and_then(|rest| rest.strip_suffix(".sql"));
        !words.is_some_and(|words| {
            !words.is_empty()
                && words.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        })
    });
    misplaced
        .filter(|(_, name)| names.contains(*name))
        .map(|(index, name)| {
            Finding::new(format!("{folder}{name}"), format!("must be called {:04}_words.sql", index + 1))
        })
        .collect()
}

fn missing(folder: &str, wanted: &BTreeSet<&str>, present: &BTreeSet<&str>) -> Vec<Finding> {
    wanted
        .difference(present)
        .map(|name| Finding::new(format!("{folder}{name}"), "is missing: the other backend has it"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(paths: &[&str]) -> Vec<String> {
        let files: Vec<File> = paths.iter().map(|path| File::of(&format!("migrations/{path}"), "")).collect();
        check(&files).into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn one_backend_alone_is_fine() {
        assert_eq!(findings(&["README.md", "sqlite/0001_records.sql", "sqlite/0002_events.sql"]), [""; 0]);
    }

    #[test]
    fn from_the_first_file_on_both_go_together() {
        assert_eq!(findings(&["sqlite/0001_records.sql", "postgres/0001_records.sql"]), [""; 0]);
        assert_eq!(
            findings(&["sqlite/0001_a.sql", "sqlite/0002_b.sql", "postgres/0001_a.sql"]),
            ["migrations/postgres/0002_b.sql"]
        );
        assert_eq!(
            findings(&["sqlite/0001_a.sql", "postgres/0001_b.sql"]),
            ["migrations/postgres/0001_a.sql", "migrations/sqlite/0001_b.sql"]
        );
    }

    #[test]
    fn a_migration_may_say_that_it_is_alone() {
        let check = |alone: &str, next: &str| {
            let files = [
                ("sqlite/0001_a.sql", ""),
                ("postgres/0001_a.sql", ""),
                ("postgres/0002_b.sql", alone),
                (next, ""),
                ("postgres/0003_c.sql", ""),
            ];
            let files = files.map(|(path, text)| File::of(&format!("migrations/{path}"), text));
            check(&files).into_iter().map(|finding| finding.place).collect::<Vec<_>>()
        };
        assert_eq!(check("-- PostgreSQL only: why", "sqlite/0003_c.sql"), [""; 0]);
        // Without the words the number is missing, twice.
        assert_eq!(
            check("-- SQLite only: why", "sqlite/0003_c.sql"),
            ["migrations/sqlite/0003_c.sql", "migrations/sqlite/0002_b.sql"]
        );
        // The number is taken.
        assert_eq!(
            check("-- PostgreSQL only: why", "sqlite/0002_c.sql"),
            [
                "migrations/sqlite/0002_c.sql",
                "migrations/postgres/0002_c.sql",
                "migrations/sqlite/0003_c.sql"
            ]
        );
    }

    #[test]
    fn numbers_have_no_gap_and_names_one_form() {
        assert_eq!(findings(&["sqlite/0001_a.sql", "sqlite/0003_b.sql"]), ["migrations/sqlite/0003_b.sql"]);
        assert_eq!(findings(&["sqlite/1_a.sql"]), ["migrations/sqlite/1_a.sql"]);
        assert_eq!(findings(&["sqlite/0001_Not So.sql"]), ["migrations/sqlite/0001_Not So.sql"]);
        assert_eq!(findings(&["sqlite/0001_.sql"]), ["migrations/sqlite/0001_.sql"]);
    }
}
