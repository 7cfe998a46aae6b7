//! Who is told of events.

use std::collections::HashMap;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use relay_core::{Secret, delivery::COLLECT, event::EventType};

use crate::{
    config::{EmailSecurity, MonitorFilter, Notification, NotificationKind, QuietHours, Smtp, Webhook},
    inherit::{given, text},
    reader::{Field, Located, Reader, mark_of},
    schema::{
        notifications as typed,
        root::Root,
        values::{Referring, SecretValue, TemplateText},
        words::{self, NotificationType as Kind},
    },
    yaml::Mark,
};

/// Resolves `notifications`.
pub(super) fn resolve(root: &Root, reader: &mut Reader<'_>) -> Vec<Notification> {
    let Some(list) = &root.notifications else { return Vec::new() };
    if !root.events().enabled() && list.value.iter().len() > 0 {
        reader.warn(list.mark, "nobody is told of anything while events.enabled is false");
    }
    let mut names = HashMap::new();
    let mut notifications = Vec::new();
    for (index, item) in list.value.iter() {
        reader.within_item(index, |reader| {
            match given(&item.value.name) {
                None => reader.within("name", |reader| reader.error(item.mark, "required")),
                Some(name) => {
                    if let Some(line) = names.insert(name.value.0.trim().to_owned(), name.mark.line) {
                        let message = format!("the same name as at line {line}");
                        reader.within("name", |reader| reader.error(name.mark, message));
                    }
                }
            }
            notifications.extend(one(item, reader));
        });
    }
    notifications
}

fn one(item: &Located<typed::Notification>, reader: &mut Reader<'_>) -> Option<Notification> {
    let typed = &item.value;
    let Some(kind) = &typed.r#type else {
        reader.within("type", |reader| {
            if !reader.is_wrong() {
                reader.error(item.mark, "required, such as webhook, email or telegram");
            }
        });
        return None;
    };
    warn_of_unused(kind.value, typed, reader);
    if let Some(every) =
        typed.repeat_every.as_ref().filter(|every| every.value.0 < COLLECT && !every.value.0.is_zero())
    {
        let message =
            format!("reminders come {} s apart at least: so long, events are collected", COLLECT.as_secs());
        reader.within("repeat_every", |reader| reader.warn(every.mark, message));
    }
    let kind = target(kind.value, item, reader);
    let template = template("template", &typed.template, reader);
    let timezone = reader.within("timezone", |reader| timezone(typed, reader));
    let on = typed.on.iter().flat_map(|list| list.value.iter()).map(|(_, at)| match at.value {
        words::EventWord::Down => EventType::Down,
        words::EventWord::Up => EventType::Up,
    });
    let mut on: Vec<EventType> = on.collect();
    on.sort_unstable();
    on.dedup();
    if on.is_empty() {
        on = vec![EventType::Down, EventType::Up];
    }
    let filter = typed.r#match.as_ref().map(|at| at.value.clone()).unwrap_or_default();
    let glob = |field| given(field).map(|at| at.value.0.trim().to_owned());
    Some(Notification {
        name: text(&typed.name).to_owned(),
        kind: kind?,
        on,
        filter: MonitorFilter {
            provider: glob(&filter.provider),
            service: glob(&filter.service),
            channel: glob(&filter.channel),
            model: glob(&filter.model),
        },
        min_down: typed.min_down.as_ref().map(|at| at.value.0),
        repeat_every: typed.repeat_every.as_ref().map(|at| at.value.0),
        quiet_hours: typed.quiet_hours.as_ref().map(|at| QuietHours {
            from: at.value.from,
            to: at.value.to,
            timezone: timezone.clone(),
        }),
        private_networks: super::probe::private_networks(typed.private_networks()),
        template,
    })
}

/// Resolves the time zone to its name in the IANA database, which is compiled in: what is right on one machine is right
/// on all.
fn timezone(typed: &typed::Notification, reader: &mut Reader<'_>) -> String {
    let database = TimeZoneDatabase::bundled();
    let text = typed.timezone().0;
    let text = text.trim();
    let zone = database.get(text).ok();
    if let Some(name) = zone.as_ref().and_then(TimeZone::iana_name) {
        return name.to_owned();
    }
    let names: Vec<String> = database.available().map(|name| name.as_str().to_owned()).collect();
    let city = text.replace(' ', "_");
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let by_city = names
        .iter()
        .find(|name| name.rsplit_once('/').is_some_and(|(_, last)| last.eq_ignore_ascii_case(&city)));
    let mark = mark_of(&typed.timezone);
    match by_city.copied().or_else(|| reader.suggest(text, &names)) {
        Some(meant) => reader.error(mark, format!("is no time zone, did you mean {meant}?")),
        None => reader.error(mark, "must be a time zone of the IANA database, such as Europe/Berlin"),
    }
    String::new()
}

/// Resolves where it goes; what a kind needs and has not is reported.
fn target(
    kind: Kind,
    item: &Located<typed::Notification>,
    reader: &mut Reader<'_>,
) -> Option<NotificationKind> {
    let typed = &item.value;
    let before = reader.count_errors();
    let mut need = Need { item, reader };
    let kind = match kind {
        Kind::Webhook => NotificationKind::Webhook(webhook(&mut need)),
        Kind::Telegram => NotificationKind::Telegram {
            url: need.other_address(),
            token: need.secret("token", &typed.token),
            chat_id: need.text("chat_id", &typed.chat_id),
        },
        Kind::Slack => NotificationKind::Slack { url: need.address() },
        Kind::Discord => NotificationKind::Discord { url: need.address() },
        Kind::Feishu => NotificationKind::Feishu { url: need.address(), secret: optional(&typed.secret) },
        Kind::Lark => NotificationKind::Lark { url: need.address(), secret: optional(&typed.secret) },
        Kind::Dingtalk => NotificationKind::Dingtalk { url: need.address(), secret: optional(&typed.secret) },
        Kind::Wecom => NotificationKind::Wecom { url: need.address() },
        Kind::Ntfy => NotificationKind::Ntfy {
            url: need.address(),
            topic: need.text("topic", &typed.topic),
            token: optional(&typed.token),
        },
        Kind::Bark => {
            NotificationKind::Bark { url: need.address(), token: need.secret("token", &typed.token) }
        }
        Kind::Gotify => {
            NotificationKind::Gotify { url: need.address(), token: need.secret("token", &typed.token) }
        }
        Kind::Pagerduty => NotificationKind::Pagerduty {
            url: need.other_address(),
            routing_key: need.secret("token", &typed.token),
        },
        Kind::Email => NotificationKind::Email(email(&mut need)),
    };
    (reader.count_errors() == before).then_some(kind)
}

/// Returns a template that has no mistakes in the language. What its names mean is known elsewhere.
fn template(key: &str, field: &Field<TemplateText>, reader: &mut Reader<'_>) -> Option<String> {
    let at = field.as_ref()?;
    let source = at.value.value.as_str();
    if let Err(error) = minijinja::Environment::new().template_from_str(source) {
        let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let line = error.line().unwrap_or(1);
        reader.within(key, |reader| reader.error(at.mark, format!("line {line} of the template: {reason}")));
    }
    Some(source.to_owned())
}

/// Warns of settings that a notification of this kind does not use.
fn warn_of_unused(kind: Kind, typed: &typed::Notification, reader: &mut Reader<'_>) {
    fn mark<T>(field: &Field<T>) -> Option<Mark> {
        field.as_ref().map(|at| at.mark)
    }
    let (webhook, email) = (kind == Kind::Webhook, kind == Kind::Email);
    let token = matches!(kind, Kind::Telegram | Kind::Ntfy | Kind::Bark | Kind::Gotify | Kind::Pagerduty);
    let settings = [
        ("url", mark(&typed.url), !email),
        ("method", mark(&typed.method), webhook),
        ("headers", mark(&typed.headers), webhook),
        ("body", mark(&typed.body), webhook),
        ("token", mark(&typed.token), token),
        ("chat_id", mark(&typed.chat_id), kind == Kind::Telegram),
        ("topic", mark(&typed.topic), kind == Kind::Ntfy),
        ("secret", mark(&typed.secret), matches!(kind, Kind::Dingtalk | Kind::Feishu | Kind::Lark)),
        ("host", mark(&typed.host), email),
        ("port", mark(&typed.port), email),
        ("security", mark(&typed.security), email),
        ("user", mark(&typed.user), email),
        ("password", mark(&typed.password), email),
        ("from", mark(&typed.from), email),
        ("to", mark(&typed.to), email),
    ];
    for (key, mark, used) in settings {
        if let Some(mark) = mark.filter(|_| !used) {
            reader.within(key, |reader| reader.warn(mark, "has no effect for this type"));
        }
    }
}

fn optional(field: &Field<SecretValue>) -> Option<Secret> {
    field.as_ref().map(|at| at.value.value.clone()).filter(|secret| !secret.is_empty())
}

fn webhook(need: &mut Need<'_, '_, '_>) -> Webhook {
    let typed = &need.item.value;
    Webhook {
        url: need.address(),
        method: super::probe::method(typed.method()),
        headers: need.headers(),
        body: template("body", &typed.body, need.reader).map(Secret::new),
    }
}

fn email(need: &mut Need<'_, '_, '_>) -> Smtp {
    let typed = &need.item.value;
    let security = match typed.security() {
        words::MailSecurity::StartTls => EmailSecurity::StartTls,
        words::MailSecurity::Tls => EmailSecurity::Tls,
        words::MailSecurity::None => EmailSecurity::None,
    };
    let to: Vec<String> = typed
        .to
        .iter()
        .flat_map(|list| list.value.iter())
        .map(|(_, at)| at.value.value.trim().to_owned())
        .collect();
    if to.is_empty() {
        need.missing("to");
    }
    Smtp {
        host: need.text("host", &typed.host),
        port: typed
            .port
            .as_ref()
            .map_or(if security == EmailSecurity::Tls { 465 } else { 587 }, |at| at.value.0),
        security,
        user: typed.user.as_ref().map(|at| at.value.value.trim().to_owned()),
        password: optional(&typed.password),
        from: need.text("from", &typed.from),
        to,
    }
}

/// Asks for what a kind needs.
struct Need<'n, 'r, 'e> {
    item: &'n Located<typed::Notification>,
    reader: &'r mut Reader<'e>,
}

impl Need<'_, '_, '_> {
    fn missing(&mut self, key: &str) {
        let mark = self.item.mark;
        self.reader.within(key, |reader| {
            if !reader.is_wrong() {
                reader.error(mark, "required for this type");
            }
        });
    }

    fn text(&mut self, key: &str, field: &Field<Referring>) -> String {
        let text = field.as_ref().map(|at| at.value.value.trim()).unwrap_or_default().to_owned();
        if text.is_empty() {
            self.missing(key);
        }
        text
    }

    fn secret(&mut self, key: &str, field: &Field<SecretValue>) -> Secret {
        let secret = optional(field);
        if secret.is_none() {
            self.missing(key);
        }
        secret.unwrap_or_default()
    }

    /// The address, which may hold a token: it is a secret, and no message repeats it.
    fn address(&mut self) -> Secret {
        let field = &self.item.value.url;
        let address = field.as_ref().map(|at| at.value.0.value.clone()).unwrap_or_default();
        if address.is_empty() {
            self.missing("url");
        }
        if !address.is_empty()
            && let Err(message) = super::url::parse(address.expose().trim())
        {
            let mark = mark_of(field);
            self.reader.within("url", |reader| reader.error(mark, message));
        }
        Secret::new(address.expose().trim())
    }

    /// The address of a server that has a usual one.
    fn other_address(&mut self) -> Option<Secret> {
        self.item.value.url.as_ref().map(|_| self.address())
    }

    fn headers(&mut self) -> Vec<(http::HeaderName, Secret)> {
        let mut headers = Vec::new();
        let typed = &self.item.value.headers;
        self.reader.within("headers", |reader| {
            for (name, value) in typed.iter().flat_map(|at| &at.value.0) {
                reader.within(name.value.escape_debug(), |reader| {
                    let secret = value.value.value.clone();
                    match http::HeaderName::from_bytes(name.value.trim().as_bytes()) {
                        Err(_) => reader.error(name.mark, "not a valid name of a header"),
                        Ok(_)
                            if http::HeaderValue::from_bytes(secret.expose().trim().as_bytes()).is_err() =>
                        {
                            reader.error(value.mark, "not a valid value of a header");
                        }
                        Ok(name) => headers.push((name, secret)),
                    }
                });
            }
        });
        headers
    }
}
