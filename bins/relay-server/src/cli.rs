//! The command line.

#[cfg(test)]
mod documents;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand, ValueEnum};

use relay_core::Secret;

use crate::{commands, telemetry::LogArgs};

const EXAMPLES: &str = "\
Examples:
  relay-server demo                      look around without any account
  relay-server init                      write a starter config.yaml
  relay-server check --strict            say what is wrong with it
  relay-server probe                     probe all monitors once and show what they say
  relay-server                           run with config.yaml
  relay-server run --config relays.yaml --listen 127.0.0.1:9000";

const PROBE: &str = "\
Globs are about provider/service/channel/model, whatever the case: * is anything, ? is one character. Without a slash
a glob is about the provider. With one it is about the key from its beginning and may stop early: acme/chat means all
channels and models of that service. Disabled monitors, and those on the cold board, are probed only if a full key
names them.

Columns: DNS, CONNECT, TLS, TTFB (to the response headers), TOKEN (to the first token of a stream) and TOTAL in
milliseconds; - is for what did not happen, as with a connection that is used again.

Exit code: 0 all green or yellow, 1 a red one or interrupted by Ctrl-C, 2 a glob that matches nothing.

Examples:
  relay-server probe
  relay-server probe 'acme*' other/chat
  relay-server probe '*/gpt-5' --repeat 5
  relay-server probe --json | jq '.[] | select(.status == \"red\")'";

const HEALTHCHECK: &str = "\
Without --url, asks where MONITOR_LISTEN or the configuration file says that the server listens, or else at port 8080
of 127.0.0.1; by https, whatever the certificate says, when server.tls is set. A server that was started with --listen
needs --url. Waits 3 seconds at most.

Examples:
  relay-server healthcheck
  relay-server healthcheck --url http://127.0.0.1:9000/health";

const IMPORT: &str = "\
Stop the server first when it stores in SQLite. The import can be broken off with Ctrl-C and started again: it goes on
where it was. Made twice, it adds nothing. Records that the store keeps no longer come along as counts of their days.

The tables on PostgreSQL are those of the schema public. A password is better put into the variable PGPASSWORD than into
the URL, which others can see in the list of processes; for the database that the configuration names it is known already.

Examples:
  relay-server import relay-pulse --sqlite /var/lib/relay-pulse/monitor.db --config relays.yaml
  relay-server import relay-pulse --postgres 'postgres://relay@db.example/relay?sslmode=verify-full'";

const REBUILD: &str = "\
Counts half-hour slots, days and newest records again from probe_history, and corrects what differs. Where records were
deleted, by the server or by hand, counts stay what they are. Stop the server first when it stores in SQLite; with
PostgreSQL it may run. Can be broken off and started again.

Example:
  relay-server rollups rebuild --config relays.yaml";

/// The version, the commit and the compiler; a build of files without their history knows no commit.
const LONG_VERSION: &str = env!("RELAY_LONG_VERSION");

/// The exit code for a command line that cannot be understood.
pub(crate) const USAGE: u8 = 2;

/// Watches LLM API relays by really calling them.
#[derive(Debug, Parser)]
#[command(name = "relay-server", version, long_version = LONG_VERSION, about, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Configuration file; a bare file name means `run --config FILE`.
    #[arg(value_name = "FILE.yaml", value_parser = yaml_path, conflicts_with = "config")]
    file: Option<PathBuf>,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Probe, serve and keep history until stopped (the default).
    #[command(after_help = "Example:\n  relay-server run --config relays.yaml --log-format json")]
    Run(RunArgs),
    /// Show everything alive with simulated relays and a month of history; keeps nothing.
    #[command(after_help = "Example:\n  relay-server demo --listen 127.0.0.1:9000")]
    Demo(DemoArgs),
    /// Write a commented starter configuration and .env.example; never overwrites.
    #[command(after_help = "Example:\n  relay-server init /etc/relay-pulse")]
    Init(InitArgs),
    /// Check a configuration file and print every problem.
    #[command(after_help = "Example:\n  relay-server check --config relays.yaml --strict --print yaml")]
    Check(CheckArgs),
    /// Try out a notification, or see what became of its messages.
    #[command(
        after_help = "Examples:\n  relay-server notify test ops --config relays.yaml\n  relay-server notify log"
    )]
    Notify(NotifyArgs),
    /// Print the JSON Schema of the configuration file, for editors.
    #[command(after_help = "Example:\n  relay-server schema > config.schema.json")]
    Schema,
    /// Print the OpenAPI document of the HTTP API, for programs.
    #[command(name = "openapi")]
    OpenApi,
    /// Probe now, without a server, and show a table; fails if a monitor is red.
    #[command(after_help = PROBE)]
    Probe(ProbeArgs),
    /// Bring history from elsewhere into the store that the configuration names.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Bring the schema of the store up to date without starting; `run` does so by itself.
    #[command(after_help = "Example:\n  relay-server migrate --config relays.yaml")]
    Migrate(ConfigArg),
    /// Look after the counts that timelines are made of.
    #[command(subcommand)]
    Rollups(RollupsCommand),
    /// Print what makes a shell complete this command line.
    #[command(after_help = "Example:\n  relay-server completions bash > /etc/bash_completion.d/relay-server")]
    Completions(CompletionsArgs),
    /// Print the manual page.
    #[command(after_help = "Example:\n  relay-server man > /usr/local/share/man/man1/relay-server.1")]
    Man,
    /// Ask a running server whether it is well, for containers without an HTTP client.
    #[command(after_help = HEALTHCHECK)]
    Healthcheck(HealthcheckArgs),
}

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigArg {
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "MONITOR_CONFIG", default_value = "config.yaml")]
    pub(crate) config: PathBuf,
}

/// What `run` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// Address to listen on, such as 127.0.0.1:8080 (default: `server.listen`, else `[::]:8080`).
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) listen: Option<String>,
    /// Serve the API only; another process probes.
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// Refuse a database of the Go version instead of taking it over.
    #[arg(long)]
    pub(crate) no_upgrade: bool,
}

/// What `demo` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// Address to listen on.
    #[arg(long, value_name = "ADDR", value_parser = address, default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,
}

/// What `init` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct InitArgs {
    /// Directory to write to.
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
}

/// What `check` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// Treat warnings as errors.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print the effective configuration, secrets masked, to standard output.
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "yaml")]
    pub(crate) print: Option<PrintFormat>,
}

/// What `probe` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProbeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// Which monitors, such as 'acme*' or acme/chat; all active ones if there is none.
    #[arg(value_name = "KEY GLOB")]
    pub(crate) globs: Vec<String>,
    /// Print one JSON array instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Probe so many rounds, one after another, and sum them up.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeat: Option<u32>,
}

/// What `healthcheck` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct HealthcheckArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArg,
    /// What to ask; well is whoever answers 200.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
}

/// What `completions` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// What `notify` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct NotifyArgs {
    #[command(subcommand)]
    command: NotifyCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum NotifyCommand {
    /// Send a sample and print the answer.
    Test(NotifyTestArgs),
    /// Show which messages wait, which arrived and which were given up; a server may be running meanwhile.
    Log(NotifyLogArgs),
}

/// What `notify log` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct NotifyLogArgs {
    /// Show this notification only.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Print one JSON array instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show so many of those that wait, and so many of those that are settled.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}

/// What `notify test` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct NotifyTestArgs {
    /// The name of the notification.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}

/// What `import` imports.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Copy records, events and states of a database of the Go version; it is only read.
    #[command(after_help = IMPORT)]
    RelayPulse(ImportRelayPulseArgs),
    /// Read files of the archive back, compressed or not.
    #[command(after_help = "Example:\n  relay-server import archive archive/probe_history_2026-03-*.csv.gz")]
    Archive(ImportArchiveArgs),
}

/// What `rollups` does.
#[derive(Debug, Subcommand)]
pub(crate) enum RollupsCommand {
    /// Count the records of the store again and correct wrong counts.
    #[command(after_help = REBUILD)]
    Rebuild(ConfigArg),
}

/// What `import archive` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImportArchiveArgs {
    /// Files of the archive.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}

/// What `import relay-pulse` takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct ImportRelayPulseArgs {
    /// SQLite file of the Go version.
    #[arg(long, value_name = "FILE", required_unless_present = "postgres", conflicts_with = "postgres")]
    pub(crate) sqlite: Option<PathBuf>,
    /// Database of the Go version on PostgreSQL, as in the second example.
    #[arg(long, value_name = "URL", value_parser = secret)]
    pub(crate) postgres: Option<Secret>,
    #[command(flatten)]
    pub(crate) config: ConfigArg,
}

/// How `check --print` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrintFormat {
    /// A loadable file.
    Yaml,
    /// The effective settings, children resolved.
    Json,
}

impl Cli {
    /// Runs the command and prints what went wrong, one line a cause, when it fails.
    pub(crate) fn run(self) -> ExitCode {
        let outcome = match self.command {
            None => {
                let mut args = self.run;
                if let Some(file) = self.file {
                    args.config.config = file;
                }
                commands::run::run(&args, &self.log)
            }
            Some(Command::Run(args)) => commands::run::run(&args, &self.log),
            Some(Command::Demo(args)) => commands::demo::run(&args, &self.log),
            Some(Command::Init(args)) => commands::init::run(&args),
            Some(Command::Check(args)) => return commands::check::run(&args),
            Some(Command::Notify(NotifyArgs { command: NotifyCommand::Test(args) })) => {
                commands::notify::test(&args)
            }
            Some(Command::Notify(NotifyArgs { command: NotifyCommand::Log(args) })) => {
                commands::notify::log(&args)
            }
            Some(Command::Schema) => commands::schema::run(),
            Some(Command::OpenApi) => commands::openapi::run(),
            Some(Command::Probe(args)) => {
                return commands::probe::run(&args).unwrap_or_else(|error| fail(&error));
            }
            Some(Command::Import(command)) => commands::import::run(&command, &self.log),
            Some(Command::Migrate(args)) => commands::migrate::run(&args, &self.log),
            Some(Command::Rollups(RollupsCommand::Rebuild(args))) => {
                commands::rollups::rebuild(&args, &self.log)
            }
            Some(Command::Completions(args)) => commands::completions::run(&args),
            Some(Command::Man) => commands::man::run(),
            Some(Command::Healthcheck(args)) => commands::healthcheck::run(&args),
        };
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        }
    }
}

/// Says what went wrong.
fn fail(error: &anyhow::Error) -> ExitCode {
    complain(&format!("relay-server: {error:#}"));
    ExitCode::FAILURE
}

/// Prints a line to standard error; a closed standard error is nobody to complain to.
pub(crate) fn complain(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints what is wrong with the command line, or the help that was asked for.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // Printing fails only when nobody reads.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
}

/// Takes what `server.listen` takes: an address and a port, or a port behind a colon.
fn address(text: &str) -> Result<String, String> {
    let port = text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    if port || text.parse::<SocketAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    Err("must be an address and a port, such as 127.0.0.1:8080, [::]:8080 or :8080".to_owned())
}

/// Takes anything: what is wrong with it is said without showing it.
#[expect(clippy::unnecessary_wraps, reason = "what a parser of values returns")]
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

fn yaml_path(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => Ok(path.to_owned()),
        _ => Err("neither a command nor a .yaml file; see relay-server --help".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn nothing_and_a_bare_file_mean_run() {
        let cli = parse("relay-server").expect("valid");
        assert!(cli.command.is_none() && cli.file.is_none());
        let cli = parse("relay-server my.yaml --listen 127.0.0.1:1 --log-level debug").expect("valid");
        assert_eq!(cli.file.as_deref(), Some(Path::new("my.yaml")));
        assert_eq!(cli.run.listen.as_deref(), Some("127.0.0.1:1"));
    }

    #[test]
    fn strangers_are_usage_errors() {
        for line in [
            "relay-server wibble",
            "relay-server --wibble",
            "relay-server run --listen",
            "relay-server check --print xml",
            "relay-server --listen nowhere",
            "relay-server probe --repeat 0",
            "relay-server import relay-pulse",
            "relay-server import relay-pulse --sqlite a.db --postgres postgres://u@h/d",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn print_alone_means_yaml() {
        let cli = parse("relay-server check --print").expect("valid");
        let Some(Command::Check(args)) = cli.command else { panic!("not check") };
        assert_eq!(args.print, Some(PrintFormat::Yaml));
    }
}
