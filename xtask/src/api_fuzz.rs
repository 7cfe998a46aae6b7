//! The HTTP API under a fuzzer that reads its OpenAPI document.
//!
//! Installs `schemathesis` from the Python package index into a virtual environment below the target folder and lets it
//! ask a `relay-server` that has records and events: for whatever it invents there must be no 5xx, and every answer must be
//! one that the document tells of, in code, type and shape.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use relay_sim::{Behaviour, Dialect, Options, Relay, Sim};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::litellm::{
    self,
    child::{Child, free_port, get},
    install,
};

/// What is installed.
const WANTED: &str = "schemathesis==4.32.5";
/// What of each answer is checked.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,unsupported_method";
/// What is there to be found, and how much of what is invented is taken from it.
const KNOWN: &str = r#"
[dictionaries]
provider = { values = ["good", "BAD", "good ", "nobody"] }
service = { values = ["chat", "Chat", "other"] }
channel = { values = ["one", "ONE", "two"] }
model = { values = ["", "none"] }
cursor = { values = ["1.1", "9999999999.9", "0.0", "-1.1"] }
moment = { values = ["0", "9999999999", "2026-01-31T00:00:00Z", "2026-01-31T00:00:00+14:00"] }
since_id = { values = [0, 1, -1] }
slug = { values = ["default"] }

[parameters]
"query.provider" = { dictionary = "provider", probability = 0.7 }
"query.service" = { dictionary = "service", probability = 0.7 }
"query.channel" = { dictionary = "channel", probability = 0.3 }
"query.model" = { dictionary = "model", probability = 0.3 }
"query.cursor" = { dictionary = "cursor", probability = 0.3 }
"query.from" = { dictionary = "moment", probability = 0.3 }
"query.to" = { dictionary = "moment", probability = 0.3 }
"query.since_id" = { dictionary = "since_id", probability = 0.5 }
"path.slug" = { dictionary = "slug", probability = 0.5 }
"#;
/// How long the server may take to have records and an event.
const START: Duration = Duration::from_secs(60);
/// Between two looks at something that gives no sign when it changes.
const LOOK: Duration = Duration::from_millis(200);

/// The options of `cargo xtask api-fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Use this relay-server instead of building one.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// How many requests are invented for each operation, in each phase.
    #[arg(long, default_value_t = 50)]
    examples: u32,
    /// What the inventing begins with; the same seed invents the same.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Minutes after which it is broken off.
    #[arg(long, default_value_t = 20)]
    minutes: u64,
}

/// Starts the server and lets the fuzzer ask.
///
/// # Errors
/// When something cannot be installed or started, or the fuzzer finds something.
pub(crate) fn run(args: &Args) -> Result<()> {
    let target = litellm::target_folder()?;
    let server = match &args.server {
        Some(path) => {
            path.canonicalize().with_context(|| format!("no relay-server at {}", path.display()))?
        }
        None => litellm::build(&target, true)?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(fuzz(args, &target, &server))
}

async fn fuzz(args: &Args, target: &Path, server: &Path) -> Result<()> {
    let fuzzer = install::program(&target.join("schemathesis"), WANTED, "st").await?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let relays = [Relay::new("good", Dialect::Chat), Relay::new("bad", Dialect::Messages)];
    let sim = Sim::start(Options { relays: relays.to_vec(), ..Options::default() }).await?;
    fs::write(folder.path().join("config.yaml"), configuration(&sim, &relays)?.to_string())?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut command = Command::new(server);
    command.current_dir(folder.path()).args(["run", "--log-level", "warn", "--listen", &address]);
    let mut running = Child::start("relay-server", &mut command, &folder.path().join("server.log"))?;
    let outcome = async {
        running.answers(&address, "/health", START).await?;
        for monitor in ["/data/0", "/data/1"] {
            let member = format!("{monitor}/current_status/status");
            until(&mut running, &address, "/api/status?period=90m", &member, &json!(1)).await?;
        }
        sim.handle().set_behaviour("bad", Behaviour::ServerError(503));
        until(&mut running, &address, "/api/events", "/events/0/type", &json!("DOWN")).await?;
        ask(args, &fuzzer, &address, folder.path()).await
    }
    .await;
    running.stop().await;
    sim.stop().await;
    outcome
}

/// Waits until a member of an answer is as `wanted`.
async fn until(server: &mut Child, address: &str, path: &str, member: &str, wanted: &Value) -> Result<()> {
    let end = Instant::now() + START;
    loop {
        let (_, body) = get(address, path).await?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        if answer.pointer(member) == Some(wanted) {
            return Ok(());
        }
        server.still_runs()?;
        if Instant::now() >= end {
            bail!("{path} does not come to say {wanted}: {answer}\n{}", server.tail());
        }
        sleep(LOOK).await;
    }
}

async fn ask(args: &Args, fuzzer: &Path, address: &str, folder: &Path) -> Result<()> {
    fs::write(folder.join("schemathesis.toml"), KNOWN)?;
    let mut command = Command::new(fuzzer);
    command
        .current_dir(folder)
        .args(["run", &format!("http://{address}/api/openapi.json"), "--checks", CHECKS])
        // A stream ends when the client leaves, which this one does not.
        .args(["--exclude-path-regex", "stream$", "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", &args.examples.to_string(), "--seed", &args.seed.to_string()])
        .args(["--request-timeout", "10", "--continue-on-failure", "--no-color"]);
    let mut child = Child::start("schemathesis", &mut command, &folder.join("schemathesis.log"))?;
    let status = child.ended(Duration::from_secs(60 * args.minutes)).await?;
    let told = fs::read_to_string(folder.join("schemathesis.log")).unwrap_or_default();
    println!("{told}");
    if !status.success() {
        bail!("schemathesis found something, or did not run: {status}");
    }
    Ok(())
}

fn configuration(sim: &Sim, relays: &[Relay]) -> Result<Value> {
    let mut monitors = Vec::new();
    for relay in relays {
        let template = relay.template();
        let headers: serde_json::Map<_, _> =
            template.headers.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        let url = sim.url(&relay.name).context("the relay is simulated")?;
        monitors.push(json!({
            "provider": relay.name, "service": "chat", "channel": "one", "category": "public", "sponsor": "check",
            "url": format!("{url}{}", template.path), "method": template.method, "headers": headers,
            "body": template.body.replace("{{MODEL}}", &template.models[0]),
            "success_contains": template.success_contains, "api_key": relay.key,
        }));
    }
    Ok(json!({
        "interval": "1s",
        "events": { "enabled": true, "down_threshold": 1 },
        "cache_ttl": { "90m": "50ms" },
        // The fuzzer asks faster than any client may.
        "server": { "limits": { "requests_per_second": 1_000_000, "burst": 1_000_000 } },
        "storage": { "type": "sqlite", "sqlite": { "path": "history.db" } },
        "monitors": monitors,
    }))
}
