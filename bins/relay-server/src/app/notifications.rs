//! Who is told of events.

use std::{fmt, sync::Arc};

use anyhow::Context as _;
use relay_config::{Config, EmailSecurity, Loaded, NotificationKind, Problem};
use relay_core::{
    Secret,
    event::EventType,
    ports::{Clock, Repository, repository::Appended},
};
use relay_events::{
    DispatchDeps, DispatchOptions, Dispatcher, Notification,
    notify::{
        Destination, Email, Filter, Glob, InvalidTarget, MailSecurity, QuietHours, Rules, ServiceKind,
        ServiceSettings, Target, TemplateError, Transport, Watched, Webhook,
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

/// Something in a template that is not there, or an address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The name of the notification.
    name: String,
    /// The setting, empty when it is none alone.
    key: &'static str,
    reason: String,
}

impl Mistake {
    /// Returns it with its place in the file.
    pub(crate) fn in_file(self, loaded: &Loaded) -> Problem {
        let message = format!("notification {:?}: {}", self.name, self.reason);
        loaded.error_in_notification(&self.name, self.key, message)
    }

    fn of(name: &str, invalid: InvalidTarget) -> Self {
        let in_template =
            |error: &TemplateError| format!("line {} of the template: {}", error.line, error.reason);
        let (key, reason) = match invalid {
            InvalidTarget::Text(error) => ("template", in_template(&error)),
            InvalidTarget::Body(error) => ("body", in_template(&error)),
            InvalidTarget::Mailbox { field, text } => (field, format!("{text:?} is no mail address")),
            InvalidTarget::Request(reason) => ("", reason),
        };
        Self { name: name.to_owned(), key, reason }
    }
}

/// Prints it without its place.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "notification {:?}: ", self.name)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.reason)
    }
}

/// Returns the notifications to put in force.
///
/// # Errors
/// All mistakes.
pub(crate) fn all(config: &Config) -> Result<Vec<Notification>, Vec<Mistake>> {
    let mode = super::events::options(&config.events).map(|options| options.mode);
    let watched = Arc::new(Watched::of(mode, config.monitors.iter().map(AsRef::as_ref)));
    let (mut notifications, mut mistakes) = (Vec::new(), Vec::new());
    for configured in &config.notifications {
        match one(configured, &watched) {
            Ok(notification) => notifications.push(notification),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(notifications) } else { Err(mistakes) }
}

fn one(configured: &relay_config::Notification, watched: &Arc<Watched>) -> Result<Notification, Mistake> {
    let mistake = |key, reason| Mistake { name: configured.name.clone(), key, reason };
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
        quiet_hours: quiet.map_err(|error| mistake("quiet_hours", error.to_string()))?,
        watched: Arc::clone(watched),
    };
    let target = target(configured)?;
    Ok(Notification { name: configured.name.clone(), rules, target })
}

/// Returns where a notification goes.
///
/// # Errors
/// See [`Target::new`].
pub(crate) fn target(configured: &relay_config::Notification) -> Result<Target, Mistake> {
    let text = configured.template.clone();
    Target::new(destination(&configured.kind), text, configured.private_networks)
        .map_err(|invalid| Mistake::of(&configured.name, invalid))
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
