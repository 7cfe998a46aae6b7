//! `check`: says everything that is to be said about a configuration file.

use std::process::ExitCode;

use relay_config::{Loaded, Problem};

use super::print;
use crate::{
    cli::{CheckArgs, PrintFormat, complain},
    count::count_of,
    environment,
};

/// Prints the problems, and the configuration when asked. Without `--print`, a word that all is well goes to standard
/// output; problems always go to standard error. Fails on errors, and on warnings when strict.
pub(crate) fn run(args: &CheckArgs) -> ExitCode {
    let path = &args.config.config;
    if !path.exists() {
        complain(&format!("relay-server: {}", super::missing(path)));
        return ExitCode::FAILURE;
    }
    match relay_config::load(path, &environment::of_process()) {
        Err(problems) => {
            tell(problems.all());
            ExitCode::FAILURE
        }
        Ok(loaded) => {
            tell(&loaded.notices);
            if let Err(mistakes) = crate::app::notifications::all(&loaded.config) {
                for mistake in mistakes {
                    complain(&format!("error: {}", mistake.in_file(&loaded)));
                }
                return ExitCode::FAILURE;
            }
            // A warning, since the files may be those of another machine.
            let certificate = crate::app::http::mistake_in_tls(&loaded.config);
            if let Some(mistake) = &certificate {
                complain(&format!("warning: {}: {mistake}; `run` would not start", path.display()));
            }
            let printed = args.print.is_none_or(|format| show(&loaded, format));
            let monitors = loaded.config.monitors.len();
            let warnings = loaded.warnings() + usize::from(certificate.is_some());
            if args.strict && warnings > 0 {
                let warnings = count_of(warnings, "warning");
                complain(&format!("relay-server: {warnings}, and --strict allows none"));
                return ExitCode::FAILURE;
            }
            if args.print.is_none() {
                let (monitors, warnings) = (count_of(monitors, "monitor"), count_of(warnings, "warning"));
                print(&format!("{}: {monitors}, {warnings}\n", path.display()));
            }
            if printed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

fn tell(problems: &[Problem]) {
    for problem in problems {
        complain(&format!("{}: {problem}", problem.severity.as_str()));
    }
}

fn show(loaded: &Loaded, format: PrintFormat) -> bool {
    let printed = match format {
        PrintFormat::Yaml => relay_config::print_yaml(loaded),
        PrintFormat::Json => relay_config::print_json(loaded),
    };
    match printed {
        Ok(text) => {
            print(&text);
            true
        }
        Err(error) => {
            complain(&format!("relay-server: {error}"));
            false
        }
    }
}
