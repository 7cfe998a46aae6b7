//! A server under everything at once for minutes: probes of good and hostile relays, outages, reloads, clients that ask
//! and clients that listen.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use relay_sim::{Abuse, Behaviour, Dialect, Options, Outage, Relay, Sim};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
    task::{JoinSet, spawn_blocking},
    time::{Instant, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    picture,
    sample::{self, Sample},
};
use crate::{
    bench::{
        config::{file, lateness::Lateness},
        server::{self, Server},
        wire::{self, Connection},
    },
    workspace,
};

/// Monitors of relays that answer well, but for outages.
const STEADY: usize = 120;

/// Between two looks at the process.
const LOOK: Duration = Duration::from_secs(5);

/// Between two reloads, and how long an outage and the time between two of them last.
const RELOAD: Duration = Duration::from_secs(15);
const OUTAGE: Duration = Duration::from_secs(25);

/// Clients that ask, each with this much time between two questions and so many questions for a connection.
const CLIENTS: usize = 4;
const BREATH: Duration = Duration::from_millis(25);
const QUESTIONS: usize = 200;

/// Clients that listen, each for at most so long before it comes again.
const LISTENERS: u64 = 20;
const LISTENS: Duration = Duration::from_secs(20);

/// What clients ask for: answers that are as long after an hour as at the beginning. All channels over 90 minutes are not
/// among them, since that answer holds every probe of every monitor, and with a probe every two seconds it grows until 90
/// minutes have passed.
const ASKED: [&str; 6] = [
    "/api/status?period=90m&provider=steady-2",
    "/api/status?period=24h",
    "/api/status?period=7d&provider=steady-3",
    "/api/events?since_id=0",
    "/api/timeline?provider=steady-1&service=chat&period=24h",
    "/health",
];

/// Runs `program` (one that is built when there is none) for so many minutes, and writes the table and the picture
/// below the target folder.
///
/// # Errors
/// What grew, or what did not work.
pub(super) fn run(minutes: u64, program: Option<&Path>) -> Result<()> {
    let program = match program {
        Some(program) => fs::canonicalize(program).with_context(|| format!("no {}", program.display()))?,
        None => server::build()?,
    };
    let target = cargo_metadata::MetadataCommand::new()
        .manifest_path(workspace::root().join("Cargo.toml"))
        .no_deps()
        .exec()?
        .target_directory
        .into_std_path_buf();
    let folder = tempfile::tempdir().context("no folder")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let upstreams = Upstreams::start(&runtime)?;
    file::put(folder.path(), &upstreams.config(0).to_string())?;
    let server = Server::start_probing(&program, folder.path())?;
    println!("{minutes} minutes, process {}, {}", server.process(), server.addr());
    let seen = runtime.block_on(watch(&server, &upstreams, folder.path(), Duration::from_secs(60 * minutes)));
    let (samples, asked) = seen.with_context(|| {
        format!("its log: {}", fs::read_to_string(folder.path().join("server.log")).unwrap_or_default())
    })?;
    drop(server);
    let out = target.join("soak");
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let table = sample::table(&samples);
    write(&out.join("load.md"), &table)?;
    write(&out.join("load.svg"), &picture::draw(&samples))?;
    println!("\n{table}\n{asked} answers to clients; picture and table in {}", out.display());
    let growth = sample::growth(&samples);
    if !growth.is_empty() {
        bail!("{}", growth.join("; "));
    }
    Ok(())
}

fn write(path: &PathBuf, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The relays: one simulation of those that speak HTTP, and one for each abuse below it.
struct Upstreams {
    relays: Vec<Relay>,
    sim: Sim,
    abusers: Vec<Sim>,
}

impl Upstreams {
    fn start(runtime: &Runtime) -> Result<Self> {
        let hostile = [
            Behaviour::Endless,
            Behaviour::Bomb(1 << 30),
            Behaviour::HugeBody(1 << 30),
            Behaviour::Drip(Duration::from_millis(200)),
            Behaviour::Cut(20),
            Behaviour::RedirectLoop,
            Behaviour::InvalidUtf8,
            Behaviour::Talkative(5000),
        ];
        let named = |name: String, behaviour| Relay { behaviour, ..Relay::new(&name, Dialect::Chat) };
        let steady = (0..STEADY).map(|n| named(format!("steady-{n}"), Behaviour::Healthy));
        let hostile = hostile.into_iter().enumerate().map(|(n, it)| named(format!("hostile-{n}"), it));
        let relays: Vec<Relay> = steady.chain(hostile).collect();
        let abuses = [
            Abuse::ResetAtAccept,
            Abuse::ResetInHeaders,
            Abuse::EndlessHeaders(Duration::from_millis(100)),
            Abuse::HeaderFlood,
            Abuse::LongHeader,
            Abuse::InterimFlood,
            Abuse::Garbage,
        ];
        let options = Options { relays: relays.clone(), ..Options::default() };
        let abuses = abuses.map(|abuse| Options { abuse: Some(abuse), ..Options::default() });
        runtime.block_on(async {
            let mut abusers = Vec::new();
            for options in abuses {
                abusers.push(Sim::start(options).await?);
            }
            Ok(Self { relays, sim: Sim::start(options).await?, abusers })
        })
    }

    /// Returns a configuration of all of them; each round shows another sponsor, and another of the steady ones is away.
    fn config(&self, round: usize) -> Value {
        let here = |(n, _): &(usize, &Relay)| *n >= STEADY || n % 10 != round % 10;
        let relays = self.relays.iter().enumerate().filter(here).map(|(_, relay)| relay);
        let mut monitors: Vec<Value> = relays.map(|relay| self.monitor(relay, round)).collect();
        monitors.extend(self.abusers.iter().enumerate().map(|(n, sim)| {
            json!({
                "provider": format!("abuser-{n}"), "service": "chat", "category": "public", "sponsor": "soak",
                "url": format!("http://{}/", sim.addr()), "method": "GET", "interval": "5s",
            })
        }));
        json!({
            "interval": "2s",
            "timeout": "4s",
            "slow_latency": "3s",
            // All clients have one address.
            "server": { "limits": {
                "streams_per_address": 1000, "requests_per_second": 10000, "burst": 10000,
            } },
            "max_concurrency": 64,
            "events": { "enabled": true },
            "cache_ttl": { "90m": "1s", "24h": "1s", "7d": "2s" },
            "storage": { "type": "sqlite", "sqlite": { "path": "history.db" } },
            "monitors": monitors,
        })
    }

    fn monitor(&self, relay: &Relay, round: usize) -> Value {
        let template = relay.template();
        let headers: serde_json::Map<_, _> =
            template.headers.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
        let model = template.models.first().map_or("", String::as_str);
        json!({
            "provider": relay.name, "service": "chat", "category": "public",
            "sponsor": format!("round {round}"),
            "url": format!("{}{}", self.sim.url(&relay.name).unwrap_or_default(), template.path),
            "method": template.method, "headers": headers,
            "body": template.body.replace("{{MODEL}}", model),
            "success_contains": template.success_contains, "api_key": relay.key,
        })
    }

    /// Lets a third of the steady relays go down in one of the ways there are, or come back.
    fn outage(&self, turn: usize) {
        let handle = self.sim.handle();
        for n in 0..STEADY {
            let name = format!("steady-{n}");
            let outage = [Outage::Silent, Outage::Reset][turn / 2 % 2];
            if turn.is_multiple_of(2) && n % 3 == turn % 3 {
                handle.set_behaviour(&name, Behaviour::Down(outage));
            } else {
                handle.reset_behaviour(&name);
            }
        }
    }
}

/// Keeps everything going for `span`; returns the samples, and how many answers clients got.
async fn watch(
    server: &Server,
    upstreams: &Upstreams,
    folder: &Path,
    span: Duration,
) -> Result<(Vec<Sample>, u64)> {
    let stop = CancellationToken::new();
    let mut clients = JoinSet::new();
    for n in 0..CLIENTS {
        clients.spawn(ask(server.addr(), n, stop.clone()));
    }
    for n in 0..LISTENERS {
        clients.spawn(listen(server.addr(), n, stop.clone()));
    }
    let start = Instant::now();
    let (mut looks, mut reloads, mut outages) = (interval(LOOK), interval(RELOAD), interval(OUTAGE));
    let (mut round, mut turn) = (0, 0);
    let mut samples = Vec::new();
    let mut before = probes(server.addr()).await?.1;
    while start.elapsed() < span {
        tokio::select! {
            _ = looks.tick() => {
                let (text, now) = probes(server.addr()).await?;
                samples.push(Sample::of(server.process(), start.elapsed(), &text, &now.since(&before))?);
                before = now;
            }
            _ = reloads.tick() => {
                round += 1;
                let (folder, text) = (folder.to_owned(), upstreams.config(round).to_string());
                spawn_blocking(move || file::put(&folder, &text)).await??;
            }
            _ = outages.tick() => {
                upstreams.outage(turn);
                turn += 1;
            }
            Some(ended) = clients.join_next() => bail!("a client ended: {:?}", ended?),
        }
    }
    stop.cancel();
    let mut answers = 0;
    while let Some(ended) = clients.join_next().await {
        answers += ended??;
    }
    Ok((samples, answers))
}

/// Returns all metrics, and how late probes started.
async fn probes(addr: SocketAddr) -> Result<(String, Lateness)> {
    let answer = Connection::open(addr).await?.fetch(&wire::get("/metrics", "identity")).await?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let lateness = Lateness::parse(&text)?;
    Ok((text, lateness))
}

/// Asks one thing after the other until `stop`; returns how many answers came.
async fn ask(addr: SocketAddr, client: usize, stop: CancellationToken) -> Result<u64> {
    let mut answers = 0;
    while !stop.is_cancelled() {
        let mut connection = Connection::open(addr).await?;
        for (n, path) in ASKED.iter().cycle().skip(client).take(QUESTIONS).enumerate() {
            if stop.is_cancelled() {
                break;
            }
            let (code, _) = connection.exchange(&wire::get(path, ["gzip", "br", "identity"][n % 3])).await?;
            // A monitor that a reload took away is not found.
            ensure!(code == 200 || code == 404, "{path} was answered with {code}");
            answers += 1;
            sleep(BREATH).await;
        }
    }
    Ok(answers)
}

/// Listens to a stream, goes away without a word, and comes again; returns how many streams began.
async fn listen(addr: SocketAddr, client: u64, stop: CancellationToken) -> Result<u64> {
    let path = if client.is_multiple_of(2) { "/api/stream" } else { "/api/events/stream" };
    let mut begun = 0;
    while !stop.is_cancelled() {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_all(&wire::get(path, "identity")).await?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        ensure!(head.ends_with(b"200"), "{path}: {}", String::from_utf8_lossy(&head));
        begun += 1;
        let patience = sleep(LISTENS / 2 + LISTENS * u32::try_from(client).unwrap_or_default() / 40);
        tokio::pin!(patience);
        let mut buffer = vec![0; 16 * 1024];
        loop {
            tokio::select! {
                read = stream.read(&mut buffer) => if read? == 0 { break },
                () = &mut patience => break,
                () = stop.cancelled() => return Ok(begun),
            }
        }
    }
    Ok(begun)
}
