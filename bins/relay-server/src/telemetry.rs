//! Logging.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use relay_config::{Log, LogFormat};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// What the command line says about logs; it wins over the configuration.
#[derive(Debug, Clone, Args)]
pub(crate) struct LogArgs {
    /// How log lines look (default: text).
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<Format>,
    /// What is logged: error, warn, info, debug, trace, or a filter such as `relay_probe=debug`.
    #[arg(long, global = true, value_name = "LEVEL", env = "RUST_LOG")]
    pub(crate) log_level: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error, times in UTC. The command line wins over the configuration; without either, `info`
/// as text.
///
/// # Errors
/// What is wrong with the filter.
pub(crate) fn start(args: &LogArgs, config: Log) -> anyhow::Result<()> {
    let filter = args.log_level.as_deref().or(config.level).unwrap_or("info");
    let parsed = EnvFilter::try_new(quieted(filter)).map_err(|error| {
        anyhow::anyhow!("log level {filter}: {error}; try error, warn, info, debug or trace")
    })?;
    let format = args.log_format.or_else(|| config.format.map(Format::from)).unwrap_or_default();
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let registry = tracing_subscriber::registry().with(parsed);
    match format {
        Format::Text => registry.with(lines.with_target(false)).init(),
        Format::Json => registry.with(lines.json()).init(),
    }
    Ok(())
}

/// Silences what libraries tell of their own insides; a filter that names targets is taken as it is.
fn quieted(filter: &str) -> String {
    if filter.contains(['=', ',']) { filter.to_owned() } else { format!("{filter},notify=warn") }
}

impl From<LogFormat> for Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}
