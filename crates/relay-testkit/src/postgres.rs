//! A real PostgreSQL server for tests and benches: its own, in a folder that goes away with it.
//!
//! It listens on a free port of the loopback address, trusts everybody there but the role [`KEYED_ROLE`], which must
//! give its password, and knows the superuser [`ROLE`]. It never outlives the process that started it, however that
//! ends: a guard waits for the end of a pipe that only this process holds.

use std::{
    collections::VecDeque,
    env, fs,
    io::{BufRead as _, BufReader},
    net::{SocketAddr, TcpListener},
    os::unix::{
        fs::{PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError, mpsc},
    time::Duration,
};

use rustix::process::{Pid, Signal, geteuid, kill_process};

/// The variable in which `cargo xtask test` tells where its server listens, as `address:port`.
pub const VARIABLE: &str = "RELAY_TEST_POSTGRES";
/// The superuser of every server, without password.
pub const ROLE: &str = "relay";
/// The role that needs a password, once a test has created it.
pub const KEYED_ROLE: &str = "keyed";

/// How long a server may take to start on a busy machine.
const START: Duration = Duration::from_secs(60);
/// Lines of the log that are kept for the message of a failure.
const TAIL: usize = 40;

const GUARD: &str = r#"
read -r _
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -INT "$pid" 2>/dev/null
  count=0
  while kill -0 "$pid" 2>/dev/null && [ "$count" -lt 100 ]; do sleep 0.1; count=$((count + 1)); done
fi
rm -rf "$1"
"#;

const HBA: &str = "host all keyed 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n";

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// Whether commits wait for the disk, as they do outside of tests. Without it a killed server loses nothing either,
    /// but a machine that loses power does.
    pub durable: bool,
    /// A certificate and its key in PEM: connections may be encrypted then.
    pub tls: Option<(String, String)>,
}

/// A running server. Dropping it stops it and removes its folder.
#[derive(Debug)]
pub struct Server {
    options: ServerOptions,
    programs: PathBuf,
    user: Option<User>,
    folder: PathBuf,
    address: SocketAddr,
    postmaster: Option<Child>,
    guard: Child,
    /// As long as this is open, the guard waits.
    leash: Option<ChildStdin>,
}

/// Whose name a server runs under when this process is root's: it refuses root.
#[derive(Debug, Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

/// Returns where the server for tests listens: the one that `cargo xtask test` started, or one for this process.
///
/// # Panics
/// When there is none and none can be started; says what to do.
#[must_use]
pub fn shared() -> SocketAddr {
    static OWN: OnceLock<Result<Server, String>> = OnceLock::new();
    if let Ok(address) = env::var(VARIABLE) {
        return address.parse().expect("an address and a port");
    }
    match OWN.get_or_init(|| Server::start(ServerOptions::default())) {
        Ok(server) => server.address(),
        Err(reason) => panic!("{reason}: run the tests by `cargo xtask test`, which installs what they need"),
    }
}

// === impl Server ===

impl Server {
    /// Makes a database folder and starts a server in it.
    ///
    /// # Errors
    /// A sentence: the programs are not there, or what they said.
    pub fn start(options: ServerOptions) -> Result<Self, String> {
        let programs =
            programs().ok_or("PostgreSQL's programs are neither on PATH nor in /usr/lib/postgresql")?;
        let user = if geteuid().is_root() { Some(User::find()?) } else { None };
        let folder = tempfile::Builder::new()
            .prefix("relay-postgres-")
            .tempdir()
            .map_err(|error| format!("cannot make a folder for PostgreSQL: {error}"))?
            .keep();
        let hand_over = |path: &Path| user.map_or(Ok(()), |user| chown(path, Some(user.uid), Some(user.gid)));
        hand_over(&folder).map_err(|error| format!("cannot give {} away: {error}", folder.display()))?;
        let mut guard = as_user(user, Path::new("sh"), &folder)
            .args(["-c", GUARD, "guard"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start a shell: {error}"))?;
        let leash = guard.stdin.take();
        let address = free_address().map_err(|error| format!("there is no free port: {error}"))?;
        let mut server = Self { options, programs, user, folder, address, postmaster: None, guard, leash };
        server.make_database()?;
        server.run()?;
        Ok(server)
    }

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it as if the machine had failed: nothing is finished, and the next start recovers.
    pub fn crash(&mut self) {
        self.signal(Signal::QUIT);
    }

    /// Stops it as an administrator does: connections are cut, transactions taken back.
    pub fn stop(&mut self) {
        self.signal(Signal::INT);
    }

    /// Starts it again at the same address, and waits until it takes connections.
    ///
    /// # Errors
    /// What it said.
    pub fn run(&mut self) -> Result<(), String> {
        let flag = |on: bool| if on { "on" } else { "off" };
        let mut command = as_user(self.user, &self.programs.join("postgres"), &self.folder);
        command.arg("-D").arg(self.data());
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.address.port()),
            "unix_socket_directories=".to_owned(),
            "max_connections=200".to_owned(),
            "lc_messages=C".to_owned(),
            format!("fsync={}", flag(self.options.durable)),
            format!("full_page_writes={}", flag(self.options.durable)),
            format!("ssl={}", flag(self.options.tls.is_some())),
        ] {
            command.args(["-c", &setting]);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("cannot start postgres: {error}"))?;
        let log = child.stderr.take();
        self.postmaster = Some(child);
        let (ready, started) = mpsc::channel();
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&tail);
        // Reads to the end: a full pipe would stop the server.
        std::thread::spawn(move || {
            for line in BufReader::new(log.into_iter().next()?).lines().map_while(Result::ok) {
                if line.contains("ready to accept connections") {
                    let _ = ready.send(());
                }
                let mut tail = kept.lock().unwrap_or_else(PoisonError::into_inner);
                tail.push_back(line);
                if tail.len() > TAIL {
                    tail.pop_front();
                }
            }
            Some(())
        });
        started.recv_timeout(START).map_err(|_| {
            let tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
            let lines: Vec<&str> = tail.iter().map(String::as_str).collect();
            format!("PostgreSQL does not start:\n{}", lines.join("\n"))
        })
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn make_database(&self) -> Result<(), String> {
        let made = as_user(self.user, &self.programs.join("initdb"), &self.folder)
            .args([
                "--no-sync",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--username",
                ROLE,
                "--pgdata",
            ])
            .arg(self.data())
            .output()
            .map_err(|error| format!("cannot start initdb: {error}"))?;
        if !made.status.success() {
            return Err(format!("initdb failed: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let write = |name: &str, text: &str| -> std::io::Result<()> {
            let path = self.data().join(name);
            fs::write(&path, text)?;
            // What the server demands of a key.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            self.user.map_or(Ok(()), |user| chown(&path, Some(user.uid), Some(user.gid)))
        };
        let mut written = write("pg_hba.conf", HBA);
        if let Some((certificate, key)) = &self.options.tls {
            written = written
                .and_then(|()| write("server.crt", certificate))
                .and_then(|()| write("server.key", key));
        }
        written.map_err(|error| format!("cannot write PostgreSQL's files: {error}"))
    }

    fn signal(&mut self, signal: Signal) {
        let Some(mut child) = self.postmaster.take() else { return };
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(pid, signal);
        }
        let _ = child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        drop(self.leash.take());
        let _ = self.guard.wait();
    }
}

// === impl User ===

impl User {
    /// Finds the account that packages of PostgreSQL make, or the one that owns nothing.
    fn find() -> Result<Self, String> {
        let accounts = fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
        let find = |name: &str| {
            accounts.lines().find_map(|line| {
                let mut fields = line.split(':');
                (fields.next() == Some(name)).then_some(())?;
                let uid = fields.nth(1)?.parse().ok()?;
                Some(Self { uid, gid: fields.next()?.parse().ok()? })
            })
        };
        find("postgres")
            .or_else(|| find("nobody"))
            .ok_or_else(|| "PostgreSQL refuses root, and there is no other account to run it".to_owned())
    }
}

/// Returns a command that runs under the user's name, in a process group of its own: what is typed at a terminal to
/// interrupt the tests is for them, and they stop the server.
fn as_user(user: Option<User>, program: &Path, folder: &Path) -> Command {
    let mut command = match user {
        None => Command::new(program),
        Some(User { uid, gid }) => {
            let mut command = Command::new("setpriv");
            command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
            command.arg("--").arg(program);
            command
        }
    };
    command.current_dir(folder).env("LC_ALL", "C").process_group(0);
    command
}

/// Returns the folder with PostgreSQL's programs: that of `PATH`, else the newest one that Debian's packages made.
fn programs() -> Option<PathBuf> {
    let complete = |folder: &PathBuf| ["postgres", "initdb"].iter().all(|name| folder.join(name).is_file());
    let path = env::var_os("PATH").unwrap_or_default();
    if let Some(folder) = env::split_paths(&path).find(complete) {
        return Some(folder);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<(u32, PathBuf)> = versions
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder)| complete(folder))
        .collect();
    found.sort();
    found.pop().map(|(_, folder)| folder)
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}
