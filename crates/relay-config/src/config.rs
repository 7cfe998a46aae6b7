//! The configuration as the program uses it: every default and inheritance applied, every rule checked.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use ipnet::IpNet;
use relay_core::{
    Monitor, Secret,
    egress::PrivateNetworks,
    event::EventType,
    ports::catalog::Site,
    schedule::{Concurrency, MonitorSet},
};

/// One immutable state of the configuration, replaced as a whole on reload.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// All monitors in configuration order, hidden, disabled and cold ones included.
    pub monitors: Vec<Arc<Monitor>>,
    /// How the site shows them.
    pub site: Site,
    /// How many probes may be in flight.
    pub concurrency: Concurrency,
    /// Whether probes are spread over the interval.
    pub stagger: bool,
    /// Where records are kept. Read at start only.
    pub storage: Storage,
    /// How page and API are served. `listen`, `tls` and `limits` are read at start only.
    pub server: Server,
    /// How probes are made.
    pub probe: Probe,
    /// DOWN and UP events.
    pub events: Events,
    /// Who is told of events, in configuration order; names are unique.
    pub notifications: Vec<Notification>,
    /// What is logged.
    pub log: Log,
}

impl Config {
    /// Returns what the scheduler runs from.
    #[must_use]
    pub fn monitor_set(&self) -> MonitorSet {
        MonitorSet { monitors: self.monitors.clone(), concurrency: self.concurrency, stagger: self.stagger }
    }
}

/// Where records are kept, and for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Storage {
    /// The database.
    pub backend: Backend,
    /// How long records stay.
    pub retention: Retention,
    /// Copies of old records in files, `None` when off.
    pub archive: Option<Archive>,
}

/// The database.
#[derive(Debug, Clone, PartialEq)]
pub enum Backend {
    /// A file of SQLite, relative to the working directory.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(Postgres),
}

/// How to reach PostgreSQL.
#[derive(Debug, Clone, PartialEq)]
pub struct Postgres {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who connects.
    pub user: String,
    /// The password; may be empty.
    pub password: Secret,
    /// The database.
    pub database: String,
    /// How the connection is protected.
    pub sslmode: SslMode,
    /// The authorities to trust instead of the system's.
    pub sslrootcert: Option<PathBuf>,
    /// The most connections, at least 1.
    pub max_open_conns: usize,
    /// Connections that stay open without work; more are closed after a minute.
    pub max_idle_conns: usize,
    /// The age at which a connection is replaced.
    pub conn_max_lifetime: Duration,
}

/// How a connection to PostgreSQL is protected, in libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted when the server can.
    Prefer,
    /// Encrypted, the certificate is not checked.
    Require,
    /// Encrypted, the certificate must come from a known authority.
    VerifyCa,
    /// Encrypted, and the certificate must name the host too.
    VerifyFull,
}

/// How long records stay.
#[derive(Debug, Clone, PartialEq)]
pub struct Retention {
    /// Whether old records are deleted.
    pub enabled: bool,
    /// Days that single records stay.
    pub days: u32,
    /// Days that rollups stay.
    pub rollup_days: u32,
    /// Time between two clean-ups.
    pub cleanup_interval: Duration,
    /// Records deleted in one transaction.
    pub batch_size: u32,
    /// The most transactions of one clean-up.
    pub max_batches_per_run: u32,
    /// Time from start to the first clean-up, maybe zero.
    pub startup_delay: Duration,
    /// How much the interval varies, 0–1.
    pub jitter: f64,
}

/// Copies of old records in files.
#[derive(Debug, Clone, PartialEq)]
pub struct Archive {
    /// The folder they go to.
    pub output_dir: PathBuf,
    /// Their form.
    pub format: ArchiveFormat,
    /// The age in days at which a day is archived.
    pub archive_days: u32,
    /// How many days further back are made up for, 1–365.
    pub backfill_days: u32,
    /// Days that archives stay; `None` keeps them for ever.
    pub keep_days: Option<u32>,
}

/// The form of archive files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// Plain CSV.
    Csv,
    /// CSV, compressed by gzip.
    CsvGz,
}

/// How page and API are served.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// The address to listen at; `[::]` means both IPv6 and IPv4, or IPv4 alone where there is no IPv6.
    pub listen: SocketAddr,
    /// The server's own certificate, `None` for plain http.
    pub tls: Option<Tls>,
    /// Networks whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Who may read `/metrics`.
    pub metrics: Metrics,
    /// Whether everybody may read what upstreams answered.
    pub public_details: bool,
    /// Bounds that keep the server alive.
    pub limits: Limits,
}

/// Files of a certificate, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Who may read `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    /// Nobody.
    Off,
    /// Clients on this machine.
    Loopback,
    /// Everybody.
    Public,
    /// Whoever reaches this address, where nothing else is served.
    Listen(SocketAddr),
}

/// Bounds that keep the server alive; all at least 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; `None` leaves it to what the system allows.
    pub connections: Option<usize>,
    /// Connections at once from one address that is no trusted proxy.
    pub connections_per_address: usize,
    /// Bytes of a request's headers.
    pub header_bytes: usize,
    /// Bytes of a request's address.
    pub uri_bytes: usize,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Time for the headers to arrive.
    pub header_timeout: Duration,
    /// Time a connection may stay without a request.
    pub idle_timeout: Duration,
    /// Time an answer may stay without progress.
    pub write_timeout: Duration,
    /// Event streams at once.
    pub streams: usize,
    /// Event streams at once to one address.
    pub streams_per_address: usize,
    /// Uncached answers a second to one address.
    pub requests_per_second: u32,
    /// Uncached answers that one address may have at once before that counts.
    pub burst: u32,
}

/// How probes are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What probes call themselves, unless a monitor says otherwise.
    pub user_agent: String,
    /// Whether private addresses may be probed, for monitors that do not say.
    pub private_networks: PrivateNetworks,
    /// The most bytes of a decoded answer that are read, for monitors that do not say.
    pub max_response_bytes: usize,
}

/// DOWN and UP events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// Whether events are made.
    pub enabled: bool,
    /// What they are about.
    pub mode: EventMode,
    /// Unavailable records in a row that make a monitor DOWN, at least 1.
    pub down_threshold: u32,
    /// Available records in a row that make a monitor UP, at least 1.
    pub up_threshold: u32,
    /// Models that must be down for their channel to be DOWN, at least 1.
    pub channel_down_threshold: u32,
    /// How the models of a channel are counted.
    pub channel_count_mode: CountMode,
    /// The token that reading events takes; empty means that everybody may.
    pub api_token: Secret,
}

/// What events are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventMode {
    /// Single monitors.
    Model,
    /// Channels with all their models.
    Channel,
}

/// How the models of a channel are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountMode {
    /// From the states of all of them, each time.
    Recompute,
    /// By adjusting the last count.
    Incremental,
}

/// Somebody to tell of events.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// What it is called, unique.
    pub name: String,
    /// Where it goes.
    pub kind: NotificationKind,
    /// Which events, at least one direction.
    pub on: Vec<EventType>,
    /// Which monitors.
    pub filter: MonitorFilter,
    /// Only outages that last at least this long.
    pub min_down: Option<Duration>,
    /// Say it again after this long.
    pub repeat_every: Option<Duration>,
    /// When nothing is sent.
    pub quiet_hours: Option<QuietHours>,
    /// Where it may go.
    pub private_networks: PrivateNetworks,
    /// The template of the text of the message, free of mistakes in the language; `None` for the built-in one.
    pub template: Option<String>,
}

/// Globs over the parts of a key; `*` stands for any characters, case does not matter, `None` lets everything pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MonitorFilter {
    /// Over the provider.
    pub provider: Option<String>,
    /// Over the service.
    pub service: Option<String>,
    /// Over the channel.
    pub channel: Option<String>,
    /// Over the model.
    pub model: Option<String>,
}

/// A span of the day; it goes over midnight when `to` is earlier than `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuietHours {
    /// When it starts.
    pub from: jiff::civil::Time,
    /// When it ends.
    pub to: jiff::civil::Time,
    /// The name of the time zone both are meant in, as the IANA database has it.
    pub timezone: String,
}

/// Where a notification goes. Addresses are secrets, since most hold a token; they are http or https.
#[derive(Debug, Clone, PartialEq)]
pub enum NotificationKind {
    /// Any HTTP endpoint.
    Webhook(Webhook),
    /// A mailbox.
    Email(Smtp),
    /// A Telegram chat.
    Telegram {
        /// The server, `None` for the usual one.
        url: Option<Secret>,
        /// The bot's token.
        token: Secret,
        /// The chat.
        chat_id: String,
    },
    /// A Slack channel.
    Slack {
        /// The hook's address.
        url: Secret,
    },
    /// A Discord channel.
    Discord {
        /// The hook's address.
        url: Secret,
    },
    /// A Feishu group.
    Feishu {
        /// The hook's address.
        url: Secret,
        /// Signs messages.
        secret: Option<Secret>,
    },
    /// A Lark group.
    Lark {
        /// The hook's address.
        url: Secret,
        /// Signs messages.
        secret: Option<Secret>,
    },
    /// A `DingTalk` group.
    Dingtalk {
        /// The hook's address.
        url: Secret,
        /// Signs messages.
        secret: Option<Secret>,
    },
    /// A `WeCom` group.
    Wecom {
        /// The hook's address.
        url: Secret,
    },
    /// A topic of ntfy.
    Ntfy {
        /// The server.
        url: Secret,
        /// The topic.
        topic: String,
        /// An access token.
        token: Option<Secret>,
    },
    /// A device with Bark.
    Bark {
        /// The server.
        url: Secret,
        /// The key of the device.
        token: Secret,
    },
    /// An application of Gotify.
    Gotify {
        /// The server.
        url: Secret,
        /// The application's token.
        token: Secret,
    },
    /// A service of `PagerDuty`.
    Pagerduty {
        /// The server, `None` for the usual one.
        url: Option<Secret>,
        /// The routing key of the integration.
        routing_key: Secret,
    },
}

/// A request that is described in full.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// The address.
    pub url: Secret,
    /// The method.
    pub method: http::Method,
    /// The headers, values checked.
    pub headers: Vec<(http::HeaderName, Secret)>,
    /// The body's template, free of mistakes in the language, which may hold a secret from a variable; `None` for the
    /// built-in one.
    pub body: Option<Secret>,
}

/// A mail server and what it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Smtp {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: EmailSecurity,
    /// Who logs in, `None` for nobody.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The sender.
    pub from: String,
    /// The recipients, at least one.
    pub to: Vec<String>,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailSecurity {
    /// Plain first, encrypted by STARTTLS before anything is said.
    StartTls,
    /// Encrypted from the start.
    Tls,
    /// Not at all.
    None,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Log {
    /// The least severe thing: `error`, `warn`, `info`, `debug` or `trace`; `None` leaves it to the program.
    pub level: Option<&'static str>,
    /// The form of log lines; `None` leaves it to the program.
    pub format: Option<LogFormat>,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
