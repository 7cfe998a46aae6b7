//! From what was typed to what is meant: defaults applied, rules across settings checked.

mod badges;
mod hints;
mod key;
mod monitors;
mod notifications;
mod probe;
mod server;
mod site;
mod storage;
mod url;

use relay_core::schedule::Concurrency;

use crate::{
    config::{Config, CountMode, EventMode, Events, Log, LogFormat, Probe},
    reader::Reader,
    schema::{root::Root, words},
};

/// Resolves the whole file. What is returned is only fit for use when no error was reported.
pub(crate) fn resolve(root: &Root, reader: &mut Reader<'_>) -> Config {
    if let Some(monitors) = &root.monitors
        && monitors.value.iter().len() == 0
        && reader.count_errors() == 0
    {
        reader.within("monitors", |reader| reader.error(monitors.mark, "at least one monitor is needed"));
    } else if root.monitors.is_none() && reader.count_errors() == 0 {
        reader.within("monitors", |reader| {
            reader.error(crate::yaml::Mark::default(), "required, at least one")
        });
    }
    hints::interval(&root.interval, reader);
    Config {
        monitors: reader.within("monitors", |reader| monitors::resolve(root, reader)),
        site: site::resolve(root, reader),
        concurrency: concurrency(root),
        stagger: root.stagger_probes(),
        storage: storage::resolve(root, reader),
        server: reader.within("server", |reader| server::resolve(&root.server(), reader)),
        probe: probe(root, reader),
        events: events(root),
        notifications: reader.within("notifications", |reader| notifications::resolve(root, reader)),
        log: log(root),
    }
}

fn concurrency(root: &Root) -> Concurrency {
    usize::try_from(root.max_concurrency().0.0).map_or(Concurrency::PerMonitor, Concurrency::Limit)
}

fn probe(root: &Root, reader: &mut Reader<'_>) -> Probe {
    let typed = root.probe();
    let user_agent = typed.user_agent().0;
    if http::HeaderValue::from_str(user_agent.trim()).is_err() {
        let mark = typed.user_agent.as_ref().map(|located| located.mark).unwrap_or_default();
        reader.within("probe.user_agent", |reader| reader.error(mark, "cannot be sent as a header"));
    }
    Probe {
        user_agent: user_agent.trim().to_owned(),
        private_networks: probe::private_networks(typed.private_networks()),
        max_response_bytes: probe::bytes(typed.max_response_bytes()),
    }
}

fn events(root: &Root) -> Events {
    let typed = root.events();
    Events {
        enabled: typed.enabled(),
        mode: match typed.mode() {
            words::EventMode::Model => EventMode::Model,
            words::EventMode::Channel => EventMode::Channel,
        },
        down_threshold: typed.down_threshold().0,
        up_threshold: typed.up_threshold().0,
        channel_down_threshold: typed.channel_down_threshold().0,
        channel_count_mode: match typed.channel_count_mode() {
            words::CountMode::Recompute => CountMode::Recompute,
            words::CountMode::Incremental => CountMode::Incremental,
        },
        api_token: typed.api_token.map(|located| located.value.0).unwrap_or_default(),
    }
}

fn log(root: &Root) -> Log {
    let Some(typed) = root.log.as_ref().map(|located| &located.value) else { return Log::default() };
    Log {
        level: typed.level.as_ref().map(|level| match level.value {
            words::LogLevel::Error => "error",
            words::LogLevel::Warn => "warn",
            words::LogLevel::Info => "info",
            words::LogLevel::Debug => "debug",
            words::LogLevel::Trace => "trace",
        }),
        format: typed.format.as_ref().map(|format| match format.value {
            words::LogFormat::Text => LogFormat::Text,
            words::LogFormat::Json => LogFormat::Json,
        }),
    }
}
