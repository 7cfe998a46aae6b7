//! The real program, as a process of its own, with a configuration made for measuring.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use cargo_metadata::MetadataCommand;
use relay_core::MonitorKey;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::{
    encrypted::Encrypted,
    wire::{self, Answer, Connection},
};
use crate::{shell, workspace};

/// Longer than any start can take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server; dropping it stops it as an operator would.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    addr: SocketAddr,
    tls: Option<Encrypted>,
    /// From just before the process was made to the end of the first answer.
    pub(crate) first_answer: Duration,
}

/// Builds the program with optimisations and returns where it is.
///
/// # Errors
/// When it does not build.
pub(crate) fn build() -> Result<PathBuf> {
    let root = workspace::root();
    shell::run(shell::cargo(&root).args(["build", "--release", "--package", "relay-server"]))?;
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    Ok(metadata.target_directory.join("release/relay-server").into_std_path_buf())
}

/// Writes a configuration of these monitors into `folder`, with the database beside it. Answers for 30 days may be
/// cached for `ttl`.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn configure(folder: &Path, keys: &[MonitorKey], ttl: &str) -> Result<()> {
    let mut text = format!(
        "storage:\n  sqlite:\n    path: {}\ncache_ttl:\n  30d: {ttl}\nmonitors:\n",
        database(folder).display()
    );
    for key in keys {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "  - provider: {}\n    service: {}\n    channel: \"{}\"\n    category: public\n    sponsor: nobody\n    \
             url: http://127.0.0.1:9/\n    method: GET\n",
            key.provider(),
            key.service(),
            key.channel()
        );
    }
    fs::write(folder.join("config.yaml"), text).context("cannot write the configuration")
}

/// Adds lines to the configuration that [`configure`] wrote.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn configure_more(folder: &Path, lines: &str) -> Result<()> {
    let mut file = fs::OpenOptions::new().append(true).open(folder.join("config.yaml"))?;
    file.write_all(lines.as_bytes()).context("cannot write the configuration")
}

/// Returns where [`configure`] says the database of `folder` is.
pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join("monitor.db")
}

impl Server {
    /// Starts `program` on the configuration in `folder`, without probing, and waits for its first answer.
    ///
    /// # Errors
    /// When it ends or does not answer; says what it wrote to its log.
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<Self> {
        Self::launch(program, folder, &["--no-probe"], "/api/status?period=90m", None)
    }

    /// As [`Server::start`], for a configuration with the certificate of `tls`.
    ///
    /// # Errors
    /// As for [`Server::start`].
    pub(crate) fn start_encrypted(program: &Path, folder: &Path, tls: Encrypted) -> Result<Self> {
        Self::launch(program, folder, &["--no-probe"], "/api/status?period=90m", Some(tls))
    }

    /// Starts `program` on the configuration in `folder`, without probing, and waits until it says that it lives: for
    /// configurations so large that the first answer would take long.
    ///
    /// # Errors
    /// As for [`Server::start`].
    pub(crate) fn start_idle(program: &Path, folder: &Path) -> Result<Self> {
        Self::launch(program, folder, &["--no-probe"], "/health", None)
    }

    /// Starts `program` on the configuration in `folder`, with probing, and waits until it says that it lives.
    ///
    /// # Errors
    /// As for [`Server::start`].
    pub(crate) fn start_probing(program: &Path, folder: &Path) -> Result<Self> {
        Self::launch(program, folder, &[], "/health", None)
    }

    fn launch(
        program: &Path,
        folder: &Path,
        arguments: &[&str],
        first: &str,
        tls: Option<Encrypted>,
    ) -> Result<Self> {
        let addr = free_address()?;
        let log = folder.join("server.log");
        let start = Instant::now();
        let child = Command::new(program)
            .args(["run", "--log-level", "warn", "--config"])
            .arg(folder.join("config.yaml"))
            .args(arguments)
            .args(["--listen", &addr.to_string()])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut server = Self { child, addr, tls, first_answer: Duration::ZERO };
        server.wait(start, first).with_context(|| {
            format!("the server did not answer; its log: {}", fs::read_to_string(&log).unwrap_or_default())
        })?;
        server.first_answer = start.elapsed();
        Ok(server)
    }

    /// Returns where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Asks once, over a connection of its own.
    ///
    /// # Errors
    /// When the answer is not 200.
    pub(crate) fn fetch(&self, path: &str, encoding: &str) -> Result<Answer> {
        fetch(self.addr, self.tls.as_ref(), path, encoding)
    }

    fn wait(&mut self, start: Instant, first: &str) -> Result<()> {
        loop {
            let Err(error) = fetch(self.addr, self.tls.as_ref(), first, "identity") else { return Ok(()) };
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended: {status}");
            }
            if start.elapsed() > PATIENCE {
                return Err(error);
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // A process that is gone already has ended as it should.
            let _ = kill_process(process, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

fn fetch(addr: SocketAddr, tls: Option<&Encrypted>, path: &str, encoding: &str) -> Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async {
        let request = wire::get(path, encoding);
        let answer = match tls {
            Some(tls) => match tls.connect(addr).await {
                Ok(stream) => Some(Connection::over(stream).fetch(&request).await),
                Err(_) => None,
            },
            None => match Connection::open(addr).await {
                Ok(mut connection) => Some(connection.fetch(&request).await),
                Err(_) => None,
            },
        };
        // What a process that is just starting refuses is asked again a moment later.
        let Some(answer) = answer else {
            tokio::time::sleep(Duration::from_millis(1)).await;
            bail!("nobody listens on {addr}");
        };
        answer
    })?;
    if answer.code != 200 {
        bail!("{path} was answered with {}: {}", answer.code, String::from_utf8_lossy(&answer.body));
    }
    Ok(answer)
}

/// Returns an address of loopback that nobody listens on.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0").context("cannot listen on loopback")?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_ends_at_once_is_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = Server::start(Path::new("/bin/false"), folder.path()).expect_err("it ends");
        assert!(format!("{error:#}").contains("it ended"), "{error:#}");
    }
}
