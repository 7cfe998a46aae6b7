//! Probes one address and prints what was found:
//!
//! ```text
//! cargo run --example probe_once -- https://example.com/ "Example Domain"
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

use std::{env, error::Error, process::ExitCode};

use relay_core::{ProbeSpec, ports::Prober};
use relay_probe::{HttpProber, Options, ProxySettings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let Some(url) = arguments.next() else {
        eprintln!("usage: probe_once URL [TEXT]");
        return Ok(ExitCode::from(2));
    };
    let mut spec = ProbeSpec::get(url.parse()?);
    spec.success_contains = arguments.next();
    let proxies = ProxySettings::from_variables(|name| env::var(name).ok());
    let prober = HttpProber::new(Options { proxies, ..Options::default() })?;

    let result = prober.probe(&spec).await;

    let millis = |phase: Option<u32>| phase.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
    let timings = result.timings;
    println!("status      {}", result.status);
    println!("sub-status  {}", result.sub_status.map_or("-", |cause| cause.as_str()));
    println!("code        {}", result.http_code);
    println!("dns         {}", millis(timings.dns_ms));
    println!("connect     {}", millis(timings.connect_ms));
    println!("tls         {}", millis(timings.tls_ms));
    println!("latency     {} ms", result.latency_ms);
    println!("first token {}", millis(timings.first_token_ms));
    println!("total       {}", millis(timings.total_ms));
    println!("detail      {}", result.detail.as_deref().unwrap_or("-"));
    prober.close().await;
    Ok(if result.status.is_available() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
