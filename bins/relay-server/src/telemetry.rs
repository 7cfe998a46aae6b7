//! Logging.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use relay_config::{Log, LogFormat};
use tracing_subscriber::{
    EnvFilter, filter::LevelFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt,
};

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
    // An empty variable is as good as none.
    let said = args.log_level.as_deref().filter(|level| !level.trim().is_empty());
    let filter = said.or(config.level).unwrap_or("info");
    let parsed = parse(filter)?;
    let format = args.log_format.or_else(|| config.format.map(Format::from)).unwrap_or_default();
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let registry = tracing_subscriber::registry().with(parsed);
    match format {
        Format::Text => registry.with(lines.with_target(false)).init(),
        Format::Json => registry.with(lines.json()).init(),
    }
    Ok(())
}

/// Reads a filter.
///
/// # Errors
/// When it cannot be understood. A single word that is no level is taken for a mistake: the filter's language has it for
/// the name of a target, of which then everything is logged, and of nothing else anything.
fn parse(filter: &str) -> anyhow::Result<EnvFilter> {
    let advice = "try error, warn, info, debug or trace";
    for word in filter.split(',').map(str::trim) {
        let is_level = word.parse::<LevelFilter>().is_ok();
        if !is_level && !word.contains(['=', '[', ':']) && !word.starts_with("relay_") {
            anyhow::bail!("log level {filter}: {word:?} is no level; {advice}");
        }
    }
    EnvFilter::try_new(quieted(filter))
        .map_err(|error| anyhow::anyhow!("log level {filter}: {error}; {advice}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_is_a_mistake() {
        for good in ["info", "WARN", "off", "relay_probe=debug", "warn,relay_store=trace", "relay_api"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for (bad, word) in [("infoo", "infoo"), ("warn,debgu", "debgu"), ("relay_probe=loud", "loud")] {
            let said = parse(bad).expect_err(bad).to_string();
            assert!(said.contains("try error, warn") && said.contains(word), "{said}");
        }
    }
}
