//! Logging.

use std::{
    io::IsTerminal,
    sync::{Mutex, PoisonError},
};

use clap::{Args, ValueEnum};
use relay_config::{Log, LogFormat};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::LevelFilter,
    fmt,
    layer::{Layered, SubscriberExt},
    reload,
    util::SubscriberInitExt,
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

/// What the lines are filtered for, and what writes them: both can be replaced.
type Filtered = Layered<reload::Layer<EnvFilter, Registry>, Registry>;
type Lines = Box<dyn Layer<Filtered> + Send + Sync>;

/// Logging that has been started.
pub(crate) struct Logging {
    args: LogArgs,
    config: Mutex<Log>,
    filter: reload::Handle<EnvFilter, Registry>,
    lines: reload::Handle<Lines, Filtered>,
}

/// Starts logging to standard error, times in UTC. The command line wins over the configuration; without either, `info`
/// as text.
///
/// # Errors
/// What is wrong with the filter.
pub(crate) fn start(args: &LogArgs, config: Log) -> anyhow::Result<Logging> {
    let (filter, filters) = reload::Layer::new(parse(level(args, config))?);
    let (lines, writers) = reload::Layer::new(lines(args, config));
    tracing_subscriber::registry().with(filter).with(lines).init();
    Ok(Logging { args: args.clone(), config: Mutex::new(config), filter: filters, lines: writers })
}

impl Logging {
    /// Goes on as a new configuration says, where the command line leaves it to that.
    pub(crate) fn follow(&self, config: Log) {
        let mut current = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if *current == config {
            return;
        }
        *current = config;
        let followed = parse(level(&self.args, config)).and_then(|filter| {
            self.filter.reload(filter)?;
            Ok(self.lines.reload(lines(&self.args, config))?)
        });
        if let Err(error) = followed {
            tracing::error!("logs go on with the settings before: {error:#}");
        }
    }
}

fn level(args: &LogArgs, config: Log) -> &str {
    // An empty variable is as good as none.
    let said = args.log_level.as_deref().filter(|level| !level.trim().is_empty());
    said.or(config.level).unwrap_or("info")
}

fn lines(args: &LogArgs, config: Log) -> Lines {
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    match args.log_format.or_else(|| config.format.map(Format::from)).unwrap_or_default() {
        Format::Text => Box::new(lines.with_target(false)),
        Format::Json => Box::new(lines.json()),
    }
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
