//! Who is told of events.

use std::sync::Arc;

use anyhow::Context as _;
use relay_config::{Config, EmailSecurity, NotificationKind};
use relay_core::{
    Secret,
    event::EventType,
    ports::{Clock, Repository, repository::Appended},
};
use relay_events::{
    DispatchDeps, DispatchOptions, Dispatcher, Notification,
    notify::{
        Destination, Email, Filter, Glob, MailSecurity, QuietHours, Rules, ServiceKind, ServiceSettings,
        Target, Transport, Watched, Webhook,
    },
};
use tokio::sync::broadcast;

use crate::lifecycle::Lifecycle;

/// Makes the dispatcher over an open database. `alone` says that no other process uses it.
///
/// # Errors
/// When TLS cannot be set up, or the system gives no random numbers.
pub(crate) fn dispatcher(
    repository: Arc<dyn Repository>,
    alone: bool,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Dispatcher> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).context("the system gives no random numbers")?;
    let options = DispatchOptions { alone, seed: u64::from_ne_bytes(seed), ..DispatchOptions::default() };
    let deps =
        DispatchDeps { events: repository.clone(), outbox: repository, transport: transport()?, clock };
    Ok(Dispatcher::new(options, deps))
}

/// Starts the notifier, which learns of events from what is committed.
pub(crate) fn start(
    dispatcher: Dispatcher,
    commits: broadcast::Receiver<Arc<Appended>>,
    lifecycle: &Lifecycle,
) {
    let stop = lifecycle.soft.clone();
    lifecycle.spawn_essential("notifications", async move { dispatcher.run(commits, stop).await });
}

/// Makes the way out.
///
/// # Errors
/// When TLS cannot be set up.
pub(crate) fn transport() -> anyhow::Result<Arc<Transport>> {
    Ok(Arc::new(Transport::new(Vec::new())?))
}

/// Returns the notifications to put in force.
///
/// # Errors
/// Each line is one mistake with the name of its notification: something in a template that is not there, or an address
/// that cannot be used.
pub(crate) fn all(config: &Config) -> Result<Vec<Notification>, Vec<String>> {
    let mode = super::events::options(&config.events).map(|options| options.mode);
    let watched = Arc::new(Watched::of(mode, config.monitors.iter().map(AsRef::as_ref)));
    let (mut notifications, mut mistakes) = (Vec::new(), Vec::new());
    for configured in &config.notifications {
        match one(configured, &watched) {
            Ok(notification) => notifications.push(notification),
            Err(mistake) => mistakes.push(format!("notification {:?}: {mistake}", configured.name)),
        }
    }
    if mistakes.is_empty() { Ok(notifications) } else { Err(mistakes) }
}

fn one(configured: &relay_config::Notification, watched: &Arc<Watched>) -> Result<Notification, String> {
    let quiet = configured.quiet_hours.as_ref();
    let quiet = quiet.map(|hours| QuietHours::new(hours.from, hours.to, &hours.timezone)).transpose();
    let glob = |pattern: &Option<String>| pattern.as_deref().map(Glob::new);
    let filter = &configured.filter;
    let rules = Rules {
        down: configured.on.contains(&EventType::Down),
        up: configured.on.contains(&EventType::Up),
        filter: Filter {
            provider: glob(&filter.provider),
            service: glob(&filter.service),
            channel: glob(&filter.channel),
            model: glob(&filter.model),
        },
        min_down: configured.min_down.unwrap_or_default(),
        repeat_every: configured.repeat_every.filter(|every| !every.is_zero()),
        quiet_hours: quiet.map_err(|error| error.to_string())?,
        watched: Arc::clone(watched),
    };
    let target = target(configured).map_err(|error| error.to_string())?;
    Ok(Notification { name: configured.name.clone(), rules, target })
}

/// Returns where a notification goes.
///
/// # Errors
/// See [`Target::new`].
pub(crate) fn target(
    configured: &relay_config::Notification,
) -> Result<Target, relay_events::notify::InvalidTarget> {
    Target::new(destination(&configured.kind), configured.template.clone(), configured.private_networks)
}

fn destination(kind: &NotificationKind) -> Destination {
    let hook = |kind, url: &Secret, secret: Option<&Secret>| {
        let settings =
            ServiceSettings { url: Some(url.clone()), secret: secret.cloned(), ..Default::default() };
        Destination::Service(kind, settings)
    };
    let with_token = |kind, url: Option<&Secret>, token: Option<&Secret>, chat: &str| {
        let settings =
            ServiceSettings { url: url.cloned(), token: token.cloned(), chat: chat.to_owned(), secret: None };
        Destination::Service(kind, settings)
    };
    match kind {
        NotificationKind::Webhook(webhook) => Destination::Webhook(Webhook {
            url: webhook.url.clone(),
            method: webhook.method.clone(),
            headers: webhook.headers.clone(),
            body: webhook.body.clone(),
        }),
        NotificationKind::Email(smtp) => Destination::Email(Email {
            host: smtp.host.clone(),
            port: smtp.port,
            security: match smtp.security {
                EmailSecurity::StartTls => MailSecurity::StartTls,
                EmailSecurity::Tls => MailSecurity::Tls,
                EmailSecurity::None => MailSecurity::None,
            },
            user: smtp.user.clone(),
            password: smtp.password.clone(),
            from: smtp.from.clone(),
            to: smtp.to.clone(),
        }),
        NotificationKind::Telegram { url, token, chat_id } => {
            with_token(ServiceKind::Telegram, url.as_ref(), Some(token), chat_id)
        }
        NotificationKind::Slack { url } => hook(ServiceKind::Slack, url, None),
        NotificationKind::Discord { url } => hook(ServiceKind::Discord, url, None),
        NotificationKind::Feishu { url, secret } => hook(ServiceKind::Feishu, url, secret.as_ref()),
        NotificationKind::Lark { url, secret } => hook(ServiceKind::Lark, url, secret.as_ref()),
        NotificationKind::Dingtalk { url, secret } => hook(ServiceKind::Dingtalk, url, secret.as_ref()),
        NotificationKind::Wecom { url } => hook(ServiceKind::Wecom, url, None),
        NotificationKind::Ntfy { url, topic, token } => {
            with_token(ServiceKind::Ntfy, Some(url), token.as_ref(), topic)
        }
        NotificationKind::Bark { url, token } => with_token(ServiceKind::Bark, Some(url), Some(token), ""),
        NotificationKind::Gotify { url, token } => {
            with_token(ServiceKind::Gotify, Some(url), Some(token), "")
        }
        NotificationKind::Pagerduty { url, routing_key } => {
            with_token(ServiceKind::Pagerduty, url.as_ref(), Some(routing_key), "")
        }
    }
}
