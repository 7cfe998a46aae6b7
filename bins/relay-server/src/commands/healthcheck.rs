//! `healthcheck`: asks a running server whether it is well, for containers that have no HTTP client.

mod own_tls;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, bail};
use relay_config::Environment;
use relay_core::{ProbeSpec, ports::Prober};
use relay_probe::{HttpProber, Options};

use super::block_on;
use crate::{cli::HealthcheckArgs, environment};

/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Where a server listens that was told nothing.
const PORT: u16 = 8080;

/// Asks, and is content with 200.
///
/// # Errors
/// What came instead of 200.
pub(crate) fn run(args: &HealthcheckArgs) -> anyhow::Result<()> {
    if let Some(url) = &args.url {
        return ask(url);
    }
    let (env, path) = (environment::of_process(), &args.config.config);
    // A file that has mistakes now may have had none when the server loaded it, and it listens there still.
    let server = relay_config::server_of(path, &env);
    let address = local(server.as_ref().map(|server| server.listen).or_else(|| named(&env)));
    // One that a proxy speaks TLS for does not answer handshakes itself.
    let asked = if server.as_ref().is_some_and(|server| server.tls.is_some()) {
        block_on(own_tls::ask(address, TIMEOUT))
    } else {
        ask(&format!("http://{address}/health"))
    };
    match server {
        Some(_) => asked,
        None => asked.with_context(|| format!("{} cannot be read, so {address} was asked", path.display())),
    }
}

/// Asks any address as a monitor is probed; https there means a certificate that is trusted for the name.
fn ask(url: &str) -> anyhow::Result<()> {
    let mut spec = ProbeSpec::get(url.parse().with_context(|| format!("{url} is no URL"))?);
    spec.timeout = TIMEOUT;
    let result = block_on(async { Ok(HttpProber::new(Options::default())?.probe(&spec).await) })?;
    if result.http_code == 200 && result.status.is_available() {
        return Ok(());
    }
    let detail = result.detail.unwrap_or_else(|| "no reason given".to_owned());
    match result.http_code {
        0 => bail!("not healthy, no answer: {detail}"),
        code => bail!("not healthy, HTTP {code}: {detail}"),
    }
}

/// Returns where a server without a readable configuration was told to listen.
fn named(env: &Environment) -> Option<SocketAddr> {
    let text = env.get("MONITOR_LISTEN")?;
    let port = text.strip_prefix(':').and_then(|port| port.parse().ok());
    text.parse().ok().or_else(|| port.map(|port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))))
}

/// Returns where this machine reaches the server; one that listens everywhere is asked at 127.0.0.1.
fn local(listen: Option<SocketAddr>) -> SocketAddr {
    let mut address = listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)));
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_where_it_listens() {
        for (listen, asked) in [
            (None, "127.0.0.1:8080"),
            (Some("[::]:9000"), "127.0.0.1:9000"),
            (Some("0.0.0.0:80"), "127.0.0.1:80"),
            (Some("[::1]:80"), "[::1]:80"),
            (Some("10.1.2.3:80"), "10.1.2.3:80"),
        ] {
            assert_eq!(local(listen.map(|listen| listen.parse().expect("an address"))).to_string(), asked);
        }
    }

    #[test]
    fn the_variable_counts_without_a_configuration() {
        let of = |text: &str| named(&Environment::new().with("MONITOR_LISTEN", text));
        assert_eq!(of(":9000"), Some("0.0.0.0:9000".parse().expect("an address")));
        assert_eq!(of("127.0.0.1:9000"), Some("127.0.0.1:9000".parse().expect("an address")));
        assert_eq!(of("wibble"), None);
    }
}
