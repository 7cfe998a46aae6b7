//! What the Go version left at the configured place: taken over by a start, or imported by a command.

use std::{fs, path::Path};

use relay_core::MonitorKey;
use relay_sim::Behaviour;
use relay_testkit::relay_pulse::{Age, Dialect, RelayPulse};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use crate::support::{PATIENCE, Server, Site, entry, finish, points, program};

pub(crate) const RECORDS: i64 = 2_000;

/// Returns 60 days of one monitor, as the Go version kept them.
pub(crate) fn old() -> RelayPulse {
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let mut old = RelayPulse::made(Age::Models, i64::try_from(now).expect("small") - 30, 60, RECORDS);
    let key = MonitorKey::from_parts("good", "chat", "", "");
    old.records.iter_mut().for_each(|stored| stored.record.key = key.clone());
    old.events.iter_mut().for_each(|event| event.event.key = key.clone());
    old.models.clear();
    old
}

/// Writes a database of the Go version.
pub(crate) fn leave_behind(path: &Path) -> RelayPulse {
    let old = old();
    let connection = rusqlite::Connection::open(path).expect("a file");
    connection.pragma_update(None, "journal_mode", "WAL").expect("WAL");
    connection.execute_batch(&format!("BEGIN;{}COMMIT;", old.sql(Dialect::Sqlite))).expect("good SQL");
    old
}

/// Returns how many records the last 90 days show.
pub(crate) async fn shown(server: &Server) -> i64 {
    let status = server.json("/api/status?period=90d").await;
    let timeline = entry(&status, "good")["timeline"].as_array().cloned().unwrap_or_default();
    let counts = timeline.iter().flat_map(|point| {
        ["available", "degraded", "unavailable", "missing"].map(|name| point["status_counts"][name].as_i64())
    });
    counts.flatten().sum()
}

/// Waits until all records are shown, each once.
pub(crate) async fn shows_all(server: &Server) {
    let end = Instant::now() + PATIENCE;
    loop {
        let count = shown(server).await;
        if count >= RECORDS {
            return assert_eq!(count, RECORDS, "counted twice");
        }
        assert!(Instant::now() < end, "{count} are shown: {:?}", server.log());
        sleep(Duration::from_millis(50)).await;
    }
}

/// Returns the numbers of the events.
pub(crate) fn ids(page: &Value) -> Vec<i64> {
    page["events"].as_array().into_iter().flatten().filter_map(|event| event["id"].as_i64()).collect()
}

/// Watches one relay, and looks at its history often.
pub(crate) async fn site() -> Site {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let mut config = site.config(1);
    config["cache_ttl"]["90d"] = json!("20ms");
    site.write(&config);
    site
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_takes_over_what_the_go_version_left() {
    let site = site().await;
    let old = leave_behind(&site.path("history.db"));
    let server = site.start(&["--no-probe"]).await;
    let events = server.json("/api/events?since_id=0").await;
    assert_eq!(ids(&events), old.events.iter().map(|event| event.id).collect::<Vec<_>>());
    shows_all(&server).await;
    server.says("all history of the Go version is here").await;
    let recent = points(&server.json("/api/status?period=90m").await, "good");
    let ready = server.json("/ready").await;
    assert!(ready.to_string().contains("\"import\""), "{ready:#}");
    server.stop().await;

    let names: Vec<String> = fs::read_dir(site.dir.path())
        .expect("a folder")
        .map(|file| file.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().any(|name| name.starts_with("history.db.relay-pulse-2")), "{names:?}");
    assert!(!names.iter().any(|name| name.ends_with("-import")), "{names:?}");

    // From now on it is a database as any other, and goes on above the old numbers.
    let server = site.start(&[]).await;
    server.status_where(|status| points(status, "good") > recent).await;
    assert!(!server.log().iter().any(|line| line.contains("Go version")), "{:?}", server.log());
    let events = server.json("/api/events/latest").await;
    assert_eq!(events["latest_id"], old.events.last().expect("some").id);
    server.stop().await;
}

/// What is left out is told by reason, in the log of a start and by the command.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_is_told_by_reason() {
    let site = site().await;
    let path = site.path("history.db");
    leave_behind(&path);
    let future = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs() + 80_000;
    rusqlite::Connection::open(&path)
        .and_then(|file| {
            file.execute_batch(&format!(
                "INSERT INTO probe_history (provider, service, status, latency, timestamp) \
                 VALUES ('good', 'chat', 1, 1, {future}), ('', 'chat', 1, 1, 1), ('gone', 'chat', 1, 1, {})",
                future - 90_000
            ))
        })
        .expect("inserted");
    let copy = site.path("copy.db");
    rusqlite::Connection::open(&path)
        .and_then(|file| file.execute("VACUUM INTO ?1", [copy.to_str()]))
        .expect("copied");
    let server = site.start(&["--no-probe"]).await;
    let what = "some of what the Go version left is not taken over";
    server.says(what).await;
    let log = server.log();
    let line = log.iter().find(|line| line.contains(what)).expect("said");
    let told = "1 record from the future, 1 record older than storage.retention.rollup_days";
    assert!(line.contains("WARN") && line.contains(told), "{line}");
    server.says("history that no configured monitor shows is kept all the same").await;
    assert!(server.log().iter().any(|line| line.contains("1 monitor: gone/chat")), "{:?}", server.log());
    server.stop().await;
    let done = finish(program(site.dir.path()).args(["import", "relay-pulse", "--sqlite"]).arg(&copy));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(said.contains("left out 1 record from the future\nleft out 1 record older than "), "{said}");
    assert!(said.contains("all the same, of 1 monitor: gone/chat\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_that_was_killed_goes_on() {
    let site = site().await;
    leave_behind(&site.path("history.db"));
    for _ in 0..3 {
        let server = site.start(&["--no-probe"]).await;
        server.signal(Signal::KILL);
        server.ended().await;
    }
    let server = site.start(&["--no-probe"]).await;
    shows_all(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_upgrade_it_is_refused_with_the_command_to_run() {
    let site = site().await;
    leave_behind(&site.path("history.db"));
    let before = fs::read(site.path("history.db")).expect("readable");
    let refused = finish(program(site.dir.path()).args(["run", "--no-upgrade"]));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    let old = site.path("history.db");
    let old = old.to_str().expect("text");
    assert!(said.contains(&format!("relay-server import relay-pulse --sqlite '{old}'")), "{said}");
    assert_eq!(fs::read(site.path("history.db")).expect("readable"), before);

    let own = finish(program(site.dir.path()).args(["import", "relay-pulse", "--sqlite", old]));
    assert_eq!(own.status.code(), Some(1), "a store is not its own source");

    let mut config = site.config(1);
    config["storage"]["sqlite"]["path"] = json!("new.db");
    site.write(&config);
    let place = format!("importing into {}", site.path("new.db").display());
    for (first, added) in
        [(format!("{place}, a new database\n"), "added 1"), (format!("{place}\n"), "added 0")]
    {
        let done = finish(program(site.dir.path()).args(["import", "relay-pulse", "--sqlite", old]));
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert!(said.contains("read 2000 records") && said.contains(added), "{said}");
        assert!(said.starts_with(&first), "{said}");
    }
    let server = site.start(&["--no-probe"]).await;
    shows_all(&server).await;
    let owned = finish(program(site.dir.path()).args(["import", "relay-pulse", "--sqlite", old]));
    let said = String::from_utf8_lossy(&owned.stderr).into_owned();
    assert!(owned.status.code() == Some(1) && said.contains("in use by another relay-server"), "{said}");
    server.stop().await;
    let migrated = finish(program(site.dir.path()).arg("migrate"));
    assert!(migrated.status.success());
}
