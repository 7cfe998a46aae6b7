//! A disk that is really full: a small file system of memory, mounted in a namespace that a child process holds. The
//! server runs in that namespace, and the test looks at the disk through the process's root.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use relay_core::{
    MonitorKey,
    ports::{
        clock::SystemClock,
        repository::{HistoryQuery, Maintenance as _, Records as _},
    },
};
use relay_sim::Behaviour;
use relay_store::{SqliteOptions, SqliteRepository};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::support::{PATIENCE, Server, Site, finish};

/// Room for a small database and its log.
const SIZE: &str = "size=3m";

/// Enough for the log to want more room at once.
const MONITORS: usize = 12;

const NOT_RUN: &str = "NOT RUN: this system does not let the test mount a disk";

/// A file system of its own, as long as this lives.
struct Disk {
    holder: Child,
    target: TempDir,
    /// What makes a process join the namespace.
    join: &'static [&'static str],
}

impl Disk {
    /// Mounts one; says why when this system does not let us.
    fn mount() -> Result<Self, String> {
        let mut reasons = String::new();
        // Root may do it at once, others in a user namespace of their own.
        for (namespaces, join) in [
            (&["--mount"][..], &["--mount"][..]),
            (&["--user", "--map-root-user", "--mount"], &["--user", "--preserve-credentials", "--mount"]),
        ] {
            let target = tempfile::tempdir().expect("a folder");
            let script = r#"mount -t tmpfs -o "$0" none "$1" && echo mounted && exec cat"#;
            let holder = Command::new("unshare")
                .args(namespaces)
                .args(["sh", "-c", script, SIZE])
                .arg(target.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(|error| format!("no unshare: {error}"))?;
            let mut disk = Self { holder, target, join };
            let mut line = String::new();
            if let Some(output) = disk.holder.stdout.take() {
                BufReader::new(output).read_line(&mut line).expect("an output");
            }
            if line.trim() == "mounted" {
                return Ok(disk);
            }
            if let Some(mut errors) = disk.holder.stderr.take() {
                errors.read_to_string(&mut reasons).expect("errors");
            }
        }
        Err(reasons)
    }

    /// Starts the server where the disk is mounted.
    async fn start(&self, site: &Site) -> Server {
        Server::start(self.program(site)).await
    }

    /// Returns the server that runs where the disk is mounted.
    fn program(&self, site: &Site) -> Command {
        let mut command = Command::new("nsenter");
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
        command.args(self.join).args(["--target", &self.holder.id().to_string(), "--"]);
        command.args([env!("CARGO_BIN_EXE_relay-server"), "run", "--config"]).arg(site.path("config.yaml"));
        command
    }

    /// Returns the path of a file on it, for those in the namespace.
    fn inside(&self, name: &str) -> PathBuf {
        self.target.path().join(name)
    }

    /// Returns the path of a file on it, for everybody else. Not for SQLite, which follows links by itself, and this
    /// one cannot be followed by its name.
    fn path(&self, name: &str) -> PathBuf {
        let inside = self.inside(name);
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(inside.strip_prefix("/").expect("an absolute path"))
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut filler = File::create(self.path("filler")).expect("a file");
        for size in [4096, 1] {
            loop {
                match filler.write_all(&vec![0; size]) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Gives it back.
    fn clear(&self) {
        fs::remove_file(self.path("filler")).expect("removed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It has ended by itself when there is nothing to kill.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Asks `/ready` until it has this code; returns the answer.
async fn ready(server: &Server, code: u16) -> Value {
    let end = Instant::now() + PATIENCE;
    loop {
        let (now, body) = server.get("/ready").await;
        if now == code {
            return serde_json::from_slice(&body).expect("JSON");
        }
        assert!(Instant::now() < end, "/ready is {now}: {:?}", server.log());
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_full_disk_says_so() {
    let mounted = Disk::mount();
    let Ok(disk) = mounted.inspect_err(|reasons| eprintln!("{NOT_RUN}: {}", reasons.trim())) else { return };
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let mut config = site.config(1);
    config["storage"]["sqlite"]["path"] = json!(disk.inside("history.db"));
    site.write(&config);
    for was_there in [false, true] {
        if was_there {
            let server = disk.start(&site).await;
            ready(&server, 200).await;
            server.stop().await;
        }
        disk.fill();
        let output = finish(&mut disk.program(&site));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("history.db") && said.contains("the disk may be full or broken"), "{said}");
        assert!(!said.contains("this user may write"), "{said}");
        disk.clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_wait_for_room_and_none_is_lost() {
    let mounted = Disk::mount();
    let Ok(disk) = mounted.inspect_err(|reasons| eprintln!("{NOT_RUN}: {}", reasons.trim())) else { return };
    let names: Vec<String> = (0..MONITORS).map(|number| format!("good-{number}")).collect();
    let relays: Vec<_> = names.iter().map(|name| (name.as_str(), Behaviour::Healthy)).collect();
    let site = Site::new(&relays).await;
    let mut config = site.config(MONITORS);
    config["storage"]["sqlite"]["path"] = json!(disk.inside("history.db"));
    site.write(&config);
    let server = disk.start(&site).await;
    ready(&server, 200).await;
    let asked_of = |name: &str| site.sim.handle().counts(name).map_or(0, |counts| counts.requests);
    let asked = || names.iter().map(|name| asked_of(name)).sum::<u64>();

    for _ in 0..2 {
        disk.fill();
        let told = ready(&server, 503).await;
        assert_eq!(told["components"]["store"]["ok"], json!(false), "{told:#}");
        // Probing and answering go on.
        let (before, end) = (asked(), Instant::now() + PATIENCE);
        while asked() < before + 3 * MONITORS as u64 {
            assert!(Instant::now() < end, "no probes: {:?}", server.log());
            sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(server.get("/api/status").await.0, 200);
        server.metric_where("relay_store_waiting_records", |waiting| waiting >= 2.0).await;
        disk.clear();
        ready(&server, 200).await;
    }
    let outages = server.log().iter().filter(|line| line.contains("cannot store records")).count();
    assert_eq!(outages, 2, "each is told once: {:?}", server.log());
    server.stop().await;

    let path = site.path("copy.db");
    fs::copy(disk.path("history.db"), &path).expect("a copy");
    let check = "PRAGMA integrity_check";
    let integrity: String =
        Connection::open(&path).expect("a file").query_row(check, [], |row| row.get(0)).expect("checked");
    assert_eq!(integrity, "ok");
    let store = SqliteRepository::open(&SqliteOptions::new(path), Arc::new(SystemClock)).expect("opens");
    for name in &names {
        let key = MonitorKey::from_parts(name, "chat", "", "");
        let query = HistoryQuery { key, from: 0, to: i64::MAX, before: None, limit: 100_000 };
        let records = store.history(&query).await.expect("readable");
        assert_eq!(records.len() as u64, asked_of(name), "records of {name}, and probes that were made");
    }
    assert_eq!(store.rebuild_rollups().await.expect("counted again").corrected, 0);
    store.close().await.expect("closes");
}
