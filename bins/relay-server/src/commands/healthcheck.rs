//! `healthcheck`: asks a running server whether it is well, for containers that have no HTTP client.

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
    let url = args.url.clone().unwrap_or_else(|| {
        let env = environment::of_process();
        // A file that has errors now may have had none when the server loaded it; then the default port is asked.
        let listen = relay_config::load(&args.config.config, &env).map(|loaded| loaded.config.server.listen);
        local(listen.ok().or_else(|| named(&env)))
    });
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

/// Returns the address of `/health` from this machine; a server that listens everywhere is asked at 127.0.0.1.
fn local(listen: Option<SocketAddr>) -> String {
    let mut address = listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)));
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    format!("http://{address}/health")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_where_it_listens() {
        for (listen, url) in [
            (None, "http://127.0.0.1:8080/health"),
            (Some("[::]:9000"), "http://127.0.0.1:9000/health"),
            (Some("0.0.0.0:80"), "http://127.0.0.1:80/health"),
            (Some("[::1]:80"), "http://[::1]:80/health"),
            (Some("10.1.2.3:80"), "http://10.1.2.3:80/health"),
        ] {
            assert_eq!(local(listen.map(|listen| listen.parse().expect("an address"))), url);
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
