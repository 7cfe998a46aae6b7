//! `notifications`: who is told of events.

use jiff::civil::Time;

use super::{
    settings,
    values::{GoDuration, List, Port, Referring, SecretMap, SecretUrl, SecretValue, TemplateText, Text},
    words::{EventWord, MailSecurity, Method, NotificationType, PrivateNetworks},
};
use crate::{
    reader::{Read, Reader},
    yaml::Node,
};

settings! {
    /// Somebody to tell of events. In all texts `${NAME}` stands for a variable.
    pub(crate) struct Notification {
        /// What it is called in logs and by `relay-server notify test`. Required, unique.
        name: Text,
        /// How it is sent: `webhook` as you describe it, `email`, or one of the services that are known. Required.
        r#type: NotificationType,
        /// Which events: `DOWN`, `UP` or both; both by default.
        on: List<EventWord>,
        /// Only events of these; everything by default.
        r#match: Match,
        /// Only outages that last at least this long.
        min_down: GoDuration,
        /// Say it again after this long while it is still down; by default once.
        repeat_every: GoDuration,
        /// When nothing is sent, such as `23:00-07:00`; it is sent afterwards.
        quiet_hours: QuietHours,
        /// The time zone of `quiet_hours`, such as `Europe/Berlin`.
        timezone: Text = Text::new("UTC"),
        /// Whether it may go to private addresses: `allow` or `deny`.
        private_networks: PrivateNetworks = PrivateNetworks::Allow,
        /// The text of the message, a template; a built-in one by default. See `docs/notifications.md`.
        template: TemplateText,
        /// The address to call: for `webhook`, `slack`, `discord`, `feishu`, `lark`, `dingtalk` and `wecom` (the whole
        /// address of the hook), `ntfy`, `bark` and `gotify` (the server); for `telegram` and `pagerduty` a server
        /// other than the usual one.
        url: SecretUrl,
        /// The method of a `webhook`.
        method: Method = Method::Post,
        /// Headers of a `webhook`, by name.
        headers: SecretMap,
        /// The body of a `webhook`, a template.
        body: TemplateText,
        /// For `telegram` the bot's token, for `gotify` the application's, for `ntfy` an access token, for `bark` the
        /// key of the device, for `pagerduty` the routing key.
        token: SecretValue,
        /// For `telegram`.
        chat_id: Referring,
        /// For `ntfy`.
        topic: Referring,
        /// Signs the messages to `dingtalk`, `feishu` and `lark`.
        secret: SecretValue,
        /// For `email`: the SMTP server.
        host: Referring,
        /// Its port; 465 for `security: tls`, else 587.
        port: Port,
        /// `starttls`, `tls` or `none`.
        security: MailSecurity = MailSecurity::StartTls,
        /// Who logs in there.
        user: Referring,
        /// The password of that user.
        password: SecretValue,
        /// The sender.
        from: Referring,
        /// The recipients.
        to: List<Referring>,
    }
}

settings! {
    /// Which monitors; `*` stands for any characters, case does not matter.
    pub(crate) struct Match {
        /// The provider.
        provider: Text,
        /// The service.
        service: Text,
        /// The channel.
        channel: Text,
        /// The model.
        model: Text,
    }
}

/// A span of the day, which may go over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QuietHours {
    pub(crate) from: Time,
    pub(crate) to: Time,
}

impl Read for QuietHours {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        let parsed = text.split_once('-').and_then(|(from, to)| {
            let (from, to) = (clock(from.trim())?, clock(to.trim())?);
            (from != to).then_some(Self { from, to })
        });
        if parsed.is_none() {
            reader.error(node.mark, "must be two different times of day, such as 23:00-07:00");
        }
        parsed
    }
}

fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

impl serde::Serialize for QuietHours {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (from, to) = (self.from, self.to);
        serializer.collect_str(&format_args!(
            "{:02}:{:02}-{:02}:{:02}",
            from.hour(),
            from.minute(),
            to.hour(),
            to.minute()
        ))
    }
}

super::values::json_schema!(QuietHours, "QuietHours", {
    "title": "times of day",
    "type": "string",
    "pattern": "^[0-2][0-9]:[0-5][0-9] *- *[0-2][0-9]:[0-5][0-9]$"
});
