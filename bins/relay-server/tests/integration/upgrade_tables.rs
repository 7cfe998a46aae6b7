//! What the Go version left in the configured PostgreSQL database, and imports from and into such databases.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use relay_testkit::{
    postgres::{self, KEYED_ROLE, ROLE, Server as Cluster, ServerOptions},
    relay_pulse::{Dialect, RelayPulse},
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::{
    support::{Site, connect, finish, points, program},
    upgrade::{self, RECORDS, ids, leave_behind, shows_all},
};

/// A database with the tables of the Go version.
struct Database {
    server: SocketAddr,
    name: String,
}

impl Database {
    async fn create_on(server: SocketAddr) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("server_{}_{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let (admin, _driver) = connect(server, "postgres").await;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database");
        Self { server, name }
    }

    async fn create() -> Self {
        Self::create_on(block_in_place(postgres::shared)).await
    }

    async fn execute(&self, sql: &str) {
        let (client, _driver) = connect(self.server, &self.name).await;
        client.batch_execute(sql).await.expect("good SQL");
    }

    /// Leaves tables of the Go version behind.
    async fn with_old(self) -> (Self, RelayPulse) {
        let old = upgrade::old();
        self.execute(&old.sql(Dialect::Postgres)).await;
        (self, old)
    }

    /// Returns what would be different after any change of the old tables.
    async fn content(&self) -> Vec<Option<String>> {
        let (client, _driver) = connect(self.server, &self.name).await;
        let mut all = Vec::new();
        for table in ["probe_history", "status_events", "service_states", "channel_states"] {
            let sql = format!(
                "SELECT md5(string_agg(concat(ctid, xmin, t::text), ',' ORDER BY ctid)) FROM public.{table} t"
            );
            all.push(client.query_one(&sql, &[]).await.expect("readable").get(0));
        }
        all
    }

    fn url(&self, user: &str) -> String {
        format!("postgres://{user}@{}/{}?sslmode=disable", self.server, self.name)
    }

    /// Names it in the configuration of a site; returns that.
    fn configure(&self, site: &Site, user: &str, password: &str) -> Value {
        let mut config = site.config(1);
        config["cache_ttl"]["90d"] = json!("20ms");
        config["storage"] = json!({
            "type": "postgres",
            "postgres": {
                "host": self.server.ip(), "port": self.server.port(), "user": user, "password": password,
                "database": self.name,
            },
        });
        site.write(&config);
        config
    }
}

/// Runs a command that must work, and returns what it said.
fn works(command: &mut Command) -> String {
    let done = finish(command);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_takes_over_the_tables_and_does_so_once() {
    let (database, old) = Database::create().await.with_old().await;
    let before = database.content().await;
    let site = upgrade::site().await;
    database.configure(&site, ROLE, "");
    let server = site.start(&["--no-probe"]).await;
    let events = server.json("/api/events?since_id=0").await;
    assert_eq!(ids(&events), old.events.iter().map(|event| event.id).collect::<Vec<_>>());
    shows_all(&server).await;
    server.says("all history of the Go version is here").await;
    let ready = server.json("/ready").await;
    assert_eq!(ready["components"]["import"]["state"], "done", "{ready:#}");
    let recent = points(&server.json("/api/status?period=90m").await, "good");
    server.stop().await;

    // From now on it is a database as any other, and goes on above the old numbers.
    let server = site.start(&["--no-upgrade"]).await;
    server.status_where(|status| points(status, "good") > recent).await;
    assert!(!server.log().iter().any(|line| line.contains("Go version")), "{:?}", server.log());
    server.stop().await;
    let (client, _driver) = connect(database.server, &database.name).await;
    let sql = "SELECT min(id) FROM relay.probe_history WHERE timestamp > $1";
    let newest = old.records.iter().map(|stored| stored.record.timestamp).max();
    let first: i64 = client.query_one(sql, &[&newest]).await.expect("readable").get(0);
    assert!(first > RECORDS, "{first}");
    assert_eq!(database.content().await, before, "the old tables are only read");
}

/// Its channel has a name now, and takes the history along.
#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_of_tables_that_was_killed_goes_on() {
    let (database, _) = Database::create().await.with_old().await;
    let site = upgrade::site().await;
    let mut config = database.configure(&site, ROLE, "");
    config["monitors"][0]["channel"] = json!("vip");
    site.write(&config);
    for _ in 0..3 {
        let server = site.start(&["--no-probe"]).await;
        server.signal(Signal::KILL);
        server.ended().await;
    }
    let server = site.start(&["--no-probe"]).await;
    shows_all(&server).await;
    server.says("all history of the Go version is here").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_start_at_once_take_over_once() {
    let (database, old) = Database::create().await.with_old().await;
    let site = upgrade::site().await;
    database.configure(&site, ROLE, "");
    let (one, other) = tokio::join!(site.start(&["--no-probe"]), site.start(&["--no-probe"]));
    for server in [&one, &other] {
        server.says("all history of the Go version is here").await;
        shows_all(server).await;
        let events = server.json("/api/events?since_id=0").await;
        assert_eq!(ids(&events), old.events.iter().map(|event| event.id).collect::<Vec<_>>());
    }
    one.stop().await;
    other.stop().await;
}

/// The sentence names a command that works as it stands, and never the password.
#[tokio::test(flavor = "multi_thread")]
async fn without_upgrade_tables_are_refused_with_the_command_to_run() {
    let cluster = block_in_place(|| Cluster::start(ServerOptions::default()).expect("a server"));
    let (database, _) = Database::create_on(cluster.address()).await.with_old().await;
    database.execute(&format!("CREATE ROLE {KEYED_ROLE} SUPERUSER LOGIN PASSWORD 'hush-hush'")).await;
    let site = upgrade::site().await;
    database.configure(&site, KEYED_ROLE, "hush-hush");
    let refused = finish(program(site.dir.path()).args(["run", "--no-upgrade"]));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(!said.contains("hush-hush"), "{said}");
    let (client, _driver) = connect(database.server, &database.name).await;
    let made = client.query_one("SELECT to_regnamespace('relay') IS NOT NULL", &[]).await.expect("an answer");
    assert!(!made.get::<_, bool>(0), "nothing is made");

    let command = said.split('`').find(|part| part.starts_with("relay-server import")).expect("a command");
    let mut shell = Command::new("sh");
    let program = program(site.dir.path());
    let command = command.replacen("relay-server", &program.get_program().to_string_lossy(), 1);
    let done = works(shell.args(["-c", &command]).env_clear());
    assert!(done.contains("read 2000 records") && !done.contains("hush-hush"), "{done}");

    let server = site.start(&["--no-upgrade", "--no-probe"]).await;
    shows_all(&server).await;
    assert!(!server.log().iter().any(|line| line.contains("Go version")), "{:?}", server.log());
    server.stop().await;
    drop(database);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_imported_into_a_file_by_command() {
    let cluster = block_in_place(|| Cluster::start(ServerOptions::default()).expect("a server"));
    let (database, _) = Database::create_on(cluster.address()).await.with_old().await;
    let sql =
        "CREATE ROLE keyed LOGIN PASSWORD 'hush-hush'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO keyed";
    database.execute(sql).await;
    let site = upgrade::site().await;
    let import = |password: &str, url: &str| {
        let mut command = program(site.dir.path());
        command.env("PGPASSWORD", password).args(["import", "relay-pulse", "--postgres", url]);
        command
    };
    let url = database.url(KEYED_ROLE);
    for added in ["added 1", "added 0"] {
        let said = works(&mut import("hush-hush", &url));
        assert!(said.contains("read 2000 records") && said.contains(added), "{said}");
        assert!(said.contains(&format!("{}/{}", database.server, database.name)), "{said}");
    }
    for url in
        [url.replace('@', ":wrong-one@"), url.replace("disable", "require"), url.replace("sslmode", "wibble")]
    {
        let refused = finish(&mut import("wrong-one", &url));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(!said.contains("wrong-one") && said.lines().count() == 1, "{said}");
    }
    let server = site.start(&["--no-probe"]).await;
    shows_all(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_imported_into_tables_by_command() {
    let database = Database::create().await;
    let site = upgrade::site().await;
    database.configure(&site, ROLE, "");
    leave_behind(&site.path("monitor.db"));
    for added in ["added 1", "added 0"] {
        let said = works(program(site.dir.path()).args(["import", "relay-pulse", "--sqlite", "monitor.db"]));
        assert!(said.contains("read 2000 records") && said.contains(added), "{said}");
    }
    let server = site.start(&["--no-probe"]).await;
    shows_all(&server).await;
    server.stop().await;
}

/// What one server archived, another one has after it was imported, into either store.
#[tokio::test(flavor = "multi_thread")]
async fn archives_are_imported_by_command() {
    let database = Database::create().await;
    let site = upgrade::site().await;
    let mut config = site.config(1);
    config["storage"]["archive"] = json!({ "enabled": true, "output_dir": "archive", "format": "csv.gz", "archive_days": 10, "backfill_days": 7 });
    leave_behind(&site.path("history.db"));
    site.write(&config);
    let server = site.start(&["--no-probe"]).await;
    server.says("\"archived\"").await;
    let lines = server.log();
    let line = lines.iter().find(|line| line.contains("\"archived\"")).expect("said");
    let fields = serde_json::from_str::<Value>(line).expect("JSON")["fields"].clone();
    assert_eq!(fields["files"], 7, "{fields}");
    let count = fields["records"].as_i64().expect("a number");
    server.stop().await;
    let files: Vec<PathBuf> = fs::read_dir(site.path("archive"))
        .expect("a folder")
        .map(|file| file.expect("a file").path())
        .collect();

    let into_file = upgrade::site().await;
    let into_tables = upgrade::site().await;
    database.configure(&into_tables, ROLE, "");
    for site in [into_file, into_tables] {
        for added in [true, false] {
            let said = works(program(site.dir.path()).args(["import", "archive"]).args(&files));
            let (place, said) = said.split_once('\n').expect("lines");
            assert!(place.starts_with("importing into "), "{place}");
            assert_eq!(said.lines().count(), 7, "{said}");
            let number = |line: &str, before: &str| -> i64 {
                let digits = line.split_once(before).map_or("", |(_, after)| after);
                digits.split([' ', ',']).next().and_then(|number| number.parse().ok()).expect("a number")
            };
            let sum = |before: &str| said.lines().map(|line| number(line, before)).sum::<i64>();
            assert_eq!((sum(": read "), sum(" added ")), (count, if added { count } else { 0 }), "{said}");
        }
        let server = site.start(&["--no-probe"]).await;
        assert_eq!(upgrade::shown(&server).await, count);
        server.stop().await;
    }
}
