//! A program that never outlives its owner.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

/// Between two looks at something that gives no sign when it changes.
const LOOK: Duration = Duration::from_millis(200);
/// How long a program may take to stop when asked nicely.
const GRACE: Duration = Duration::from_secs(15);
/// Longest wait for one small HTTP answer.
const ANSWER: Duration = Duration::from_secs(20);
/// Lines of a log worth showing after a failure.
const TAIL: usize = 20;

/// A started program; dropping it kills it.
pub(crate) struct Child {
    name: &'static str,
    child: std::process::Child,
    log: PathBuf,
}

// === impl Child ===

impl Child {
    /// Starts a command with its output going to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: &Path) -> Result<Self> {
        let out = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stderr(out.try_clone()?)
            .stdout(out)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log: log.to_owned() })
    }

    /// Waits until `path` answers 200 at `addr`.
    ///
    /// # Errors
    /// When the program ends before, or `limit` passes; the end of its log is part of the message.
    pub(crate) async fn answers(&mut self, addr: &str, path: &str, limit: Duration) -> Result<()> {
        let until = Instant::now() + limit;
        loop {
            if matches!(get(addr, path).await, Ok((200, _))) {
                return Ok(());
            }
            self.still_runs()?;
            if Instant::now() >= until {
                bail!("{} did not answer within {limit:?}\n{}", self.name, self.tail());
            }
            sleep(LOOK).await;
        }
    }

    /// Waits for a program that ends by itself.
    ///
    /// # Errors
    /// When `limit` passes before.
    pub(crate) async fn ended(&mut self, limit: Duration) -> Result<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= until {
                bail!("{} did not end within {limit:?}\n{}", self.name, self.tail());
            }
            sleep(LOOK).await;
        }
    }

    /// Fails when the program has ended.
    ///
    /// # Errors
    /// With its exit status and the end of its log.
    pub(crate) fn still_runs(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended: {status}\n{}", self.name, self.tail()),
        }
    }

    /// Asks the program to stop and waits for it; past the grace period it is killed.
    pub(crate) async fn stop(mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Failing means that it has ended already.
            let _gone = kill_process(pid, Signal::TERM);
        }
        let _killed_by_drop = self.ended(GRACE).await;
    }

    /// Returns the last lines of the log.
    pub(crate) fn tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Both fail only when the program has ended and been waited for.
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// Returns a loopback port that was free a moment ago.
///
/// # Errors
/// When no port is to be had.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port on loopback")?;
    Ok(listener.local_addr()?.port())
}

/// Fetches a small document: status code and body.
///
/// # Errors
/// When nobody listens, the answer is not HTTP, or it takes too long.
pub(crate) async fn get(addr: &str, path: &str) -> Result<(u16, Vec<u8>)> {
    timeout(ANSWER, async {
        let mut stream = TcpStream::connect(addr).await?;
        // HTTP/1.0 asks for an answer without chunks, ended by the close.
        let request = format!("GET {path} HTTP/1.0\r\nHost: {addr}\r\nAccept: application/json\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("the headers do not end")?;
        let head = String::from_utf8_lossy(&answer[..end]);
        let code = head.split_whitespace().nth(1).and_then(|code| code.parse().ok());
        Ok((code.context("no status code")?, answer.split_off(end + 4)))
    })
    .await
    .context("no answer in time")?
}
