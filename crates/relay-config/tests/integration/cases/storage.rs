//! Where records are kept, from the file and from variables.

use relay_config::Environment;

use super::{global, table, table_with};

const POSTGRES: &str = "type: postgres, postgres: {host: h, user: u, database: d";

fn storage(settings: &str) -> String {
    global(&format!("storage: {{{settings}}}"))
}

#[test]
fn databases() {
    table(
        "storage/databases",
        &[
            ("sqlite is the default", global(""), &["/storage/type", "/storage/sqlite/path"]),
            ("storage.type takes two words", storage("type: mysql"), &[]),
            (
                "postgresql is postgres, in any case",
                storage("type: PostgreSQL, postgres: {host: h, user: u, database: d}"),
                &["/storage/type", "/storage/postgres"],
            ),
            ("host, user and database are required", storage("type: postgres, postgres: {port: 1}"), &[]),
            ("they are not required for sqlite", storage("postgres: {host: h}"), &["/storage/type"]),
            ("port is a port", storage(&format!("{POSTGRES}, port: 70000}}")), &[]),
            ("sslmode takes five words", storage(&format!("{POSTGRES}, sslmode: verify_full}}")), &[]),
            (
                "the password is masked",
                storage(&format!("{POSTGRES}, password: 'pa$$w${{ord'}}")),
                &["/storage/postgres/password"],
            ),
            (
                "a missing variable of the password is an error that names it",
                storage(&format!("{POSTGRES}, password: '${{NOPE}}'}}")),
                &[],
            ),
            (
                "the pool grows with enable_concurrent_query",
                format!("enable_concurrent_query: true\n{}", storage(&format!("{POSTGRES}}}"))),
                &["/storage/postgres/max_open_conns", "/storage/postgres/max_idle_conns"],
            ),
            (
                "an explicit pool is kept",
                format!(
                    "enable_concurrent_query: true\n{}",
                    storage(&format!("{POSTGRES}, max_open_conns: 60, max_idle_conns: 3}}"))
                ),
                &["/storage/postgres/max_open_conns", "/storage/postgres/max_idle_conns"],
            ),
            (
                "a pool below concurrent_query_limit warns",
                format!(
                    "enable_concurrent_query: true\nconcurrent_query_limit: 20\n{}",
                    storage(&format!("{POSTGRES}, max_open_conns: 8}}"))
                ),
                &[],
            ),
            ("sqlite with enable_concurrent_query warns", global("enable_concurrent_query: true"), &[]),
            (
                "compatibility settings are told once",
                global("enable_batch_query: true\nbatch_query_max_keys: 5\nenable_db_timeline_agg: true"),
                &[],
            ),
        ],
    );
}

#[test]
fn retention_and_archive() {
    table(
        "storage/retention_and_archive",
        &[
            ("retention has defaults", global(""), &["/storage/retention"]),
            (
                "0 is the default but for jitter and startup_delay",
                storage("retention: {days: 0, batch_size: 0, jitter: 0, startup_delay: 0}"),
                &["/storage/retention"],
            ),
            ("retention.days must not be negative", storage("retention: {days: -1}"), &[]),
            ("retention.jitter is 0 to 1", storage("retention: {jitter: 1.1}"), &[]),
            ("retention.startup_delay must not be negative", storage("retention: {startup_delay: -1s}"), &[]),
            ("archive.format takes two words", storage("archive: {enabled: true, format: zip}"), &[]),
            (
                "archive is checked only when enabled",
                storage("archive: {enabled: false, format: zip, keep_days: -1}"),
                &["/storage/archive/format"],
            ),
            (
                "archive.backfill_days is at most 365",
                storage(
                    "archive: {enabled: true, archive_days: 1, backfill_days: 366}, retention: {days: 4000}",
                ),
                &[],
            ),
            (
                "archive.keep_days 0 is for ever",
                storage("archive: {enabled: true, archive_days: 10, keep_days: 0}"),
                &["/storage/archive/keep_days"],
            ),
            (
                "archive.keep_days must not be negative",
                storage("archive: {enabled: true, archive_days: 10, keep_days: -1}"),
                &[],
            ),
            (
                "archive_days not below retention warns",
                storage("archive: {enabled: true, archive_days: 36}"),
                &[],
            ),
            (
                "archive_days with backfill beyond retention warns",
                storage("archive: {enabled: true, archive_days: 30, backfill_days: 7}"),
                &[],
            ),
            (
                "archive_days with backfill inside retention is fine",
                storage("archive: {enabled: true, archive_days: 29, backfill_days: 7}"),
                &[],
            ),
        ],
    );
}

#[test]
fn variables() {
    let env = [
        ("MONITOR_STORAGE_TYPE", "postgres"),
        ("MONITOR_POSTGRES_HOST", "h"),
        ("MONITOR_POSTGRES_PORT", "6543"),
        ("MONITOR_POSTGRES_USER", "u"),
        ("MONITOR_POSTGRES_PASSWORD", "p"),
        ("MONITOR_POSTGRES_DATABASE", "d"),
        ("MONITOR_POSTGRES_SSLMODE", "require"),
    ]
    .into_iter()
    .fold(Environment::new(), |env, (name, value)| env.with(name, value));
    table_with(
        "storage/variables",
        &env,
        &[
            ("variables set all of postgres", global(""), &["/storage/type", "/storage/postgres"]),
            (
                "variables win over the file",
                storage("type: sqlite, postgres: {host: file, port: 1}"),
                &["/storage/type", "/storage/postgres/host", "/storage/postgres/port"],
            ),
        ],
    );
    let env = Environment::new().with("MONITOR_POSTGRES_PORT", "abc").with("MONITOR_STORAGE_TYPE", "mysql");
    table_with("storage/variables_2", &env, &[("a malformed variable is an error", global(""), &[])]);
    let env = Environment::new()
        .with("MONITOR_SQLITE_PATH", "/data/m.db")
        .with("MONITOR_PUBLIC_BASE_URL", "https://e.example/")
        .with("MONITOR_LISTEN", "127.0.0.1:1");
    table_with(
        "storage/variables_3",
        &env,
        &[(
            "variables of the site",
            global("public_base_url: https://f.example"),
            &["/storage/sqlite/path", "/public_base_url", "/server/listen"],
        )],
    );
    let env = Environment::new()
        .with("MONITOR_PUBLIC_BASE_URL", "e.example")
        .with("MONITOR_CORS_ORIGINS", "https://a.example, nonsense");
    table_with(
        "storage/variables_4",
        &env,
        &[("malformed addresses in variables are errors", global(""), &[])],
    );
}
