//! A directory with a configuration, the program running in it, and a client to ask it.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use relay_core::{
    MonitorKey, ProbeRecord,
    ports::{
        clock::SystemClock,
        repository::{HistoryQuery, Maintenance as _, Records as _},
    },
};
use relay_sim::{Behaviour, Dialect, Options, Relay, Sim};
use relay_store::{SqliteOptions, SqliteRepository};
use relay_testkit::postgres;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep, timeout},
};
use tokio_postgres::{Client, NoTls};

/// Long enough for a busy machine; nothing should come near it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at another process.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Returns the program, in `dir` and with an environment that nothing of the tester's leaks into.
pub(crate) fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_relay-server"));
    command.current_dir(dir).env_clear().stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn finish(command: &mut Command) -> Output {
    command.output().expect("the program starts")
}

/// Connects to a PostgreSQL database as the tests' role; the connection lasts as long as its driver.
pub(crate) async fn connect(server: SocketAddr, database: &str) -> (Client, JoinSet<()>) {
    let mut config = tokio_postgres::Config::new();
    config.host(server.ip().to_string()).port(server.port()).user(postgres::ROLE).dbname(database);
    let (client, connection) = config.connect(NoTls).await.expect("connected");
    let mut driver = JoinSet::new();
    driver.spawn(async move { connection.await.unwrap_or_default() });
    (client, driver)
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts the program and waits until it serves.
    pub(crate) async fn start(mut command: Command) -> Self {
        command.args(["--log-format", "json"]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stderr = child.stderr.take().expect("piped");
        let log = Arc::<Mutex<Vec<String>>>::default();
        let lines = Arc::clone(&log);
        let (found, address) = tokio::sync::oneshot::channel();
        // Ends with the program, whose standard error it drains.
        drop(spawn_blocking(move || {
            let mut found = Some(found);
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let fields = serde_json::from_str::<Value>(&line).unwrap_or_default();
                if fields["fields"]["message"] == "serving"
                    && let Some(found) = found.take()
                {
                    let _ = found.send(fields["fields"]["address"].as_str().unwrap_or_default().to_owned());
                }
                lines.lock().expect("not poisoned").push(line);
            }
        }));
        let address = match timeout(PATIENCE, address).await {
            Ok(Ok(address)) => address.parse().expect("an address"),
            _ => {
                let _ = child.kill();
                panic!("the server did not start: {:?}", log.lock().expect("not poisoned"));
            }
        };
        Self { child, address, log }
    }

    /// Returns the log lines so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().expect("not poisoned").clone()
    }

    /// Returns the log, which goes on to its end although the server is given away.
    pub(crate) fn log_of(&self) -> Arc<Mutex<Vec<String>>> {
        Arc::clone(&self.log)
    }

    /// Waits until the log says something.
    pub(crate) async fn says(&self, what: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.log().iter().any(|line| line.contains(what)) {
            assert!(Instant::now() < end, "the log does not say {what:?}: {:?}", self.log());
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Returns the value of a metric with these labels, as it stands in the exposition.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let [value] = self.metrics([name]).await;
        value
    }

    /// Returns the values of several metrics at one moment.
    pub(crate) async fn metrics<const N: usize>(&self, names: [&str; N]) -> [f64; N] {
        let (code, text) = self.get("/metrics").await;
        assert_eq!(code, 200);
        let text = String::from_utf8(text).expect("text");
        names.map(|name| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
        })
    }

    /// Asks for a metric until it is as wanted.
    pub(crate) async fn metric_where(&self, name: &str, wanted: impl Fn(f64) -> bool + Send) {
        let end = Instant::now() + PATIENCE;
        loop {
            let value = self.metric(name).await;
            if wanted(value) {
                return;
            }
            assert!(Instant::now() < end, "{name} is {value}: {:?}", self.log());
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Returns its process id.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("the process is there");
    }

    /// Waits for the end.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status;
            }
            assert!(Instant::now() < end, "still running: {:?}", self.log());
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Stops it as an operator does and checks that it went well.
    pub(crate) async fn stop(self) {
        self.signal(Signal::TERM);
        let status = self.ended().await;
        assert!(status.success(), "{status}");
    }

    /// Asks for a path; returns the code and the body.
    pub(crate) async fn get(&self, path: &str) -> (u16, Vec<u8>) {
        get(self.address, path).await.expect("an answer")
    }

    /// Asks for a JSON document.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let (code, body) = self.get(path).await;
        assert_eq!(code, 200, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("JSON")
    }

    /// Asks for `/api/status` until it is as wanted.
    pub(crate) async fn status_where(&self, wanted: impl Fn(&Value) -> bool + Send) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let status = self.json("/api/status?period=90m").await;
            if wanted(&status) {
                return status;
            }
            assert!(
                Instant::now() < end,
                "the status did not become as wanted: {status:#}\n{:?}",
                self.log()
            );
            sleep(LOOK_AGAIN).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed must not leave its server behind; one that ended is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request on a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &str) -> std::io::Result<(u16, Vec<u8>)> {
    send(address, "GET", path, "").await
}

/// As [`get`], with another method and a body.
pub(crate) async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    let code = text.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    Ok((code, answer[body..].to_vec()))
}

/// A directory with a configuration of simulated relays.
pub(crate) struct Site {
    pub(crate) dir: TempDir,
    pub(crate) sim: Sim,
    relays: Vec<Relay>,
}

impl Site {
    /// Simulates relays with these names and behaviours, and watches them once a second.
    pub(crate) async fn new(relays: &[(&str, Behaviour)]) -> Self {
        let relays: Vec<Relay> = relays
            .iter()
            .map(|(name, behaviour)| Relay {
                behaviour: behaviour.clone(),
                ..Relay::new(name, Dialect::Chat)
            })
            .collect();
        let sim = Sim::start(Options { relays: relays.clone(), ..Options::default() });
        let site =
            Self { dir: tempfile::tempdir().expect("a directory"), sim: sim.await.expect("starts"), relays };
        site.write(&site.config(site.relays.len()));
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Returns a configuration of the first `count` relays.
    pub(crate) fn config(&self, count: usize) -> Value {
        let monitors: Vec<Value> = self.relays[..count].iter().map(|relay| self.monitor(relay)).collect();
        json!({
            "interval": "1s",
            "timeout": "5s",
            "server": { "listen": "127.0.0.1:0" },
            // Tests look more often than visitors do.
            "cache_ttl": { "90m": "20ms" },
            "events": { "enabled": true },
            "storage": { "type": "sqlite", "sqlite": { "path": "history.db" } },
            "monitors": monitors,
        })
    }

    fn monitor(&self, relay: &Relay) -> Value {
        let template = relay.template();
        let headers: serde_json::Map<_, _> =
            template.headers.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        json!({
            "provider": relay.name,
            "service": "chat",
            "category": "public",
            "sponsor": "tests",
            "url": format!("{}{}", self.sim.url(&relay.name).expect("simulated"), template.path),
            "method": template.method,
            "headers": headers,
            "body": template.body.replace("{{MODEL}}", &template.models[0]),
            "success_contains": template.success_contains,
            "api_key": relay.key,
        })
    }

    /// Puts a configuration in the place of the one before, as editors do.
    pub(crate) fn write(&self, config: &Value) {
        let whole = self.path("config.new");
        fs::write(&whole, config.to_string()).expect("written");
        fs::rename(whole, self.path("config.yaml")).expect("moved");
    }

    /// Returns the records of a provider, oldest first; the server must have stopped.
    pub(crate) async fn records(&self, provider: &str) -> Vec<ProbeRecord> {
        let options = SqliteOptions::new(self.path("history.db"));
        let store = SqliteRepository::open(&options, Arc::new(SystemClock)).expect("nobody else has it open");
        let key = MonitorKey::from_parts(provider, "chat", "", "");
        let query = HistoryQuery { key, from: 0, to: i64::MAX, before: None, limit: 100_000 };
        let records = store.history(&query).await.expect("readable");
        store.close().await.expect("closes");
        records.into_iter().rev().map(|stored| stored.record).collect()
    }

    /// Starts the server.
    pub(crate) async fn start(&self, arguments: &[&str]) -> Server {
        let mut command = program(self.dir.path());
        command.arg("run").args(arguments);
        Server::start(command).await
    }
}

/// Returns the entry of a provider in a status.
pub(crate) fn entry<'a>(status: &'a Value, provider: &str) -> &'a Value {
    let data = status["data"].as_array().expect("data");
    data.iter().find(|monitor| monitor["provider"] == provider).unwrap_or(&Value::Null)
}

/// Returns how many records the timeline of a provider shows.
pub(crate) fn points(status: &Value, provider: &str) -> usize {
    entry(status, provider)["timeline"].as_array().map_or(0, Vec::len)
}
