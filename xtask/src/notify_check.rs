//! A notification to a mail server that nobody here wrote.
//!
//! Installs `aiosmtpd` from the Python package index into a virtual environment below the target folder and starts it on
//! loopback, where it prints every letter. A `relay-server` watches a simulated relay that goes down; the letter that
//! comes of it must be in the mail server's output, and so must the sample of `notify test`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use relay_sim::{Behaviour, Dialect, Options, Relay, Sim};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

use crate::litellm::{
    self,
    child::{Child, free_port, get},
    install,
};

/// What is installed.
const WANTED: &str = "aiosmtpd==1.4.6";
/// How long a letter may take: probes are made every second.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at something that gives no sign when it changes.
const LOOK: Duration = Duration::from_millis(200);

/// The options of `cargo xtask notify-check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Use this relay-server instead of building one.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
}

/// Sends both and looks for them.
///
/// # Errors
/// When something cannot be installed or started, or a letter does not arrive.
pub(crate) fn run(args: &Args) -> Result<()> {
    let target = litellm::target_folder()?;
    let server = match &args.server {
        Some(path) => {
            path.canonicalize().with_context(|| format!("no relay-server at {}", path.display()))?
        }
        None => litellm::build(&target, false)?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(check(&target, &server))
}

async fn check(target: &Path, server: &Path) -> Result<()> {
    let program = install::program(&target.join("aiosmtpd"), WANTED, "aiosmtpd").await?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let (port, log) = (free_port()?, folder.path().join("mail.log"));
    let mut mail = Command::new(program);
    mail.args(["--nosetuid", "--listen", &format!("127.0.0.1:{port}")]).env("PYTHONUNBUFFERED", "1");
    let mut mail = Child::start("aiosmtpd", &mut mail, &log)?;
    listens(&mut mail, port).await?;

    let relay = Relay::new("relay", Dialect::Chat);
    let sim = Sim::start(Options { relays: vec![relay.clone()], ..Options::default() }).await?;
    let config = configuration(&sim, &relay, port)?;
    fs::write(folder.path().join("config.yaml"), config.to_string())?;

    let sample = Command::new(server)
        .current_dir(folder.path())
        .args(["notify", "test", "mail"])
        .output()
        .context("cannot start relay-server")?;
    print!("{}{}", String::from_utf8_lossy(&sample.stdout), String::from_utf8_lossy(&sample.stderr));
    letter(&mut mail, &log, "Subject: DOWN: example-provider/chat/sample/sample-model").await?;

    let address = format!("127.0.0.1:{}", free_port()?);
    let mut command = Command::new(server);
    command.current_dir(folder.path()).args(["run", "--listen", &address]);
    let mut running = Child::start("relay-server", &mut command, &folder.path().join("server.log"))?;
    let outcome = async {
        running.answers(&address, "/health", LIMIT).await?;
        probed(&mut running, &address).await?;
        sim.handle().set_behaviour("relay", Behaviour::ServerError(503));
        letter(&mut mail, &log, "Subject: DOWN: relay/chat").await
    }
    .await;
    running.stop().await;
    mail.stop().await;
    sim.stop().await;
    outcome?;
    println!("aiosmtpd took the sample and the letter of an outage");
    Ok(())
}

async fn listens(mail: &mut Child, port: u16) -> Result<()> {
    let until = Instant::now() + LIMIT;
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        mail.still_runs()?;
        if Instant::now() >= until {
            bail!("aiosmtpd does not listen\n{}", mail.tail());
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// Waits until the relay was found available.
async fn probed(server: &mut Child, address: &str) -> Result<()> {
    let until = Instant::now() + LIMIT;
    loop {
        let (_, body) = get(address, "/api/status?period=90m").await?;
        let status: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status["data"][0]["current_status"]["status"] == 1 {
            return Ok(());
        }
        server.still_runs()?;
        if Instant::now() >= until {
            bail!("no probe of the relay succeeded\n{}", server.tail());
        }
        sleep(LOOK).await;
    }
}

async fn letter(mail: &mut Child, log: &Path, line: &str) -> Result<()> {
    let until = Instant::now() + LIMIT;
    while !fs::read_to_string(log).unwrap_or_default().lines().any(|found| found.contains(line)) {
        mail.still_runs()?;
        if Instant::now() >= until {
            bail!("no letter with {line:?}\n{}", mail.tail());
        }
        sleep(LOOK).await;
    }
    println!("aiosmtpd: {line}");
    Ok(())
}

fn configuration(sim: &Sim, relay: &Relay, port: u16) -> Result<Value> {
    let template = relay.template();
    let headers: serde_json::Map<_, _> =
        template.headers.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let url = sim.url(&relay.name).context("the relay is simulated")?;
    Ok(json!({
        "interval": "1s",
        "events": { "enabled": true },
        "cache_ttl": { "90m": "50ms" },
        "storage": { "type": "sqlite", "sqlite": { "path": "history.db" } },
        "notifications": [{
            "name": "mail", "type": "email", "host": "127.0.0.1", "port": port, "security": "none",
            "from": "relay@a.example", "to": ["ops@b.example"],
        }],
        "monitors": [{
            "provider": relay.name, "service": "chat", "category": "public", "sponsor": "check",
            "url": format!("{url}{}", template.path), "method": template.method, "headers": headers,
            "body": template.body.replace("{{MODEL}}", &template.models[0]),
            "success_contains": template.success_contains, "api_key": relay.key,
        }],
    }))
}
