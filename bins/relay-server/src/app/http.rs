//! The HTTP server and what it answers from.

use std::time::Duration;

use relay_api::{Access, BindError, BuildInfo, Limits, MetricsAccess, Options, Server, TlsFiles, check_tls};
use relay_config::{Config, Metrics, Tls};

use super::events;

/// File descriptors kept for everything that is no connection of a client.
const RESERVED_FILES: u64 = 512;

/// Binds the configured address.
///
/// # Errors
/// What to do about an address that cannot be had, or a certificate that cannot be used.
pub(crate) fn bind(config: &Config) -> anyhow::Result<Server> {
    let options = Options {
        listen: config.server.listen,
        limits: limits(&config.server.limits),
        grace: Duration::from_secs(10),
        tls: config.server.tls.as_ref().map(files),
    };
    listen(options, "--listen or server.listen")
}

/// Returns what is wrong with the configured certificate as it lies on this machine now.
pub(crate) fn mistake_in_tls(config: &Config) -> Option<String> {
    let mistake = check_tls(&files(config.server.tls.as_ref()?)).err()?;
    Some(format!("server.tls: {mistake}"))
}

fn files(tls: &Tls) -> TlsFiles {
    TlsFiles { cert: tls.cert.clone(), key: tls.key.clone() }
}

/// Binds an address that `setting` says how to change.
///
/// # Errors
/// What to do about an address that cannot be had, or a certificate that cannot be used.
pub(crate) fn listen(options: Options, setting: &str) -> anyhow::Result<Server> {
    Server::bind(options).map_err(|error| match error {
        BindError::InUse { address } => anyhow::anyhow!(
            "{address} is in use: stop the other program, or choose another address with {setting}"
        ),
        other => anyhow::Error::new(other),
    })
}

/// Returns the bounds on clients.
pub(crate) fn limits(limits: &relay_config::Limits) -> Limits {
    Limits {
        connections: limits.connections.unwrap_or_else(connections_that_fit),
        connections_per_address: limits.connections_per_address,
        header_bytes: limits.header_bytes,
        uri_bytes: limits.uri_bytes,
        body_bytes: limits.body_bytes,
        header_timeout: limits.header_timeout,
        idle_timeout: limits.idle_timeout,
        write_timeout: limits.write_timeout,
        streams: limits.streams,
        streams_per_address: limits.streams_per_address,
        requests_per_second: limits.requests_per_second,
        burst: limits.burst,
        cache_bytes: None,
    }
}

/// As many connections as the default says, or as few as the system's bound on open files leaves room for.
fn connections_that_fit() -> usize {
    let most = Limits::default().connections;
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    files.map_or(most, |files| {
        let room = files.saturating_sub(RESERVED_FILES).max(64);
        most.min(usize::try_from(room).unwrap_or(most))
    })
}

/// Returns what may change while the server runs.
pub(crate) fn access(config: &Config) -> Access {
    let metrics = match config.server.metrics {
        Metrics::Off | Metrics::Listen(_) => MetricsAccess::Off,
        Metrics::Loopback => MetricsAccess::Loopback,
        Metrics::Public => MetricsAccess::Public,
    };
    Access {
        metrics,
        trusted_proxies: config.server.trusted_proxies.clone(),
        public_details: config.server.public_details,
        events: events::access(&config.events),
    }
}

/// Returns what was built.
pub(crate) fn build_info() -> BuildInfo {
    BuildInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        git_commit: env!("RELAY_GIT_COMMIT").to_owned(),
        build_time: env!("RELAY_BUILD_TIME").to_owned(),
        rust_version: env!("RELAY_RUST_VERSION").to_owned(),
    }
}
