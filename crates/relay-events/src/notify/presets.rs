//! The services that are known: what is called, what is said, and how a success looks. Only data; to add a service,
//! add an entry here and a word in the configuration's schema.

use relay_core::Secret;

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceKind {
    /// A Telegram bot.
    Telegram,
    /// An incoming webhook of Slack, or of what speaks its language.
    Slack,
    /// A webhook of Discord.
    Discord,
    /// A custom bot of Feishu.
    Feishu,
    /// A custom bot of Lark.
    Lark,
    /// A custom robot of `DingTalk`.
    Dingtalk,
    /// A group robot of `WeCom`.
    Wecom,
    /// A topic of ntfy.
    Ntfy,
    /// A device with Bark.
    Bark,
    /// An application of Gotify.
    Gotify,
    /// The Events API v2 of `PagerDuty`.
    Pagerduty,
}

/// What a service is given. What it does not need is left empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceSettings {
    /// The address of the hook or of the server, `None` for the usual one.
    pub url: Option<Secret>,
    /// The token, key or routing key.
    pub token: Option<Secret>,
    /// The chat or topic.
    pub chat: String,
    /// What messages are signed with.
    pub secret: Option<Secret>,
}

/// How a service is called.
#[derive(Debug)]
pub(super) struct Preset {
    /// Its name in metrics.
    pub(super) name: &'static str,
    /// Where, when the settings do not say.
    pub(super) usual_url: &'static str,
    /// The address, a template over the settings.
    pub(super) url: &'static str,
    /// Headers besides the type of the body, templates over the settings; those that come out empty are left out.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// The body, a template over the message, its `text` and the settings.
    pub(super) body: &'static str,
    /// How messages are signed.
    pub(super) signature: Signature,
    /// How a success looks.
    pub(super) accepts: Accepts,
}

/// How messages are signed, when there is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    /// Not at all.
    None,
    /// Base64 of HMAC-SHA256 over nothing, keyed with the time in seconds, a line break and the secret.
    Feishu,
    /// Base64 of HMAC-SHA256 over the time in milliseconds, a line break and the secret, keyed with the secret.
    Dingtalk,
}

/// How a success looks. The code is 2xx in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepts {
    /// Nothing else matters.
    Any,
    /// The answer is JSON with this number at this place, or at the second.
    Number(&'static str, &'static str, i64),
    /// The answer is JSON with `true` at this place.
    True(&'static str),
    /// The answer is JSON with this text at this place.
    Text(&'static str, &'static str),
}

impl ServiceKind {
    /// Returns how it is called.
    pub(super) const fn preset(self) -> &'static Preset {
        match self {
            Self::Telegram => &TELEGRAM,
            Self::Slack => &SLACK,
            Self::Discord => &DISCORD,
            Self::Feishu => &FEISHU,
            Self::Lark => &LARK,
            Self::Dingtalk => &DINGTALK,
            Self::Wecom => &WECOM,
            Self::Ntfy => &NTFY,
            Self::Bark => &BARK,
            Self::Gotify => &GOTIFY,
            Self::Pagerduty => &PAGERDUTY,
        }
    }
}

/// The text of a message when there is no other. What a reminder repeats is as it was when it went down: how many models
/// are down by then is not known.
pub(super) const TEXT: &str = "\
{% for event in events -%}
{{ '🟢' if event.type == 'UP' else '🔴' }} {{ event.type | replace('_', ' ') }} {{ event.name }}
{%- if event.down_for %} ({{ 'was down' if event.type == 'UP' else 'down' }} for {{ event.down_for }}){% endif %}
{%- if event.type != 'UP' %}
{%- if event.sub_status %}, {{ event.sub_status }}{% endif %}
{%- if event.http_code %}, HTTP {{ event.http_code }}{% endif %}
{%- if event.scope == 'channel' and event.type == 'DOWN' %}, {{ event.down_count }} of {{ event.total_models }} models down{% endif %}
{%- endif %}, {{ 'since ' if event.type == 'STILL_DOWN' }}{{ event.time }}
{%- if event.detail and event.type != 'STILL_DOWN' %}
{{ event.detail | cut(200) }}{% endif %}
{% endfor -%}
{% if count > 1 and still_down -%}
Still down: {{ still_down | join(', ') }}
{%- endif %}";

/// The body of a webhook when there is no other.
pub(super) const WEBHOOK_BODY: &str = r#"{
  "notification": {{ notification | tojson }},
  "idempotency_key": {{ idempotency_key | tojson }},
  "title": {{ title | tojson }},
  "text": {{ text | tojson }},
  "provider": {{ provider | tojson }},
  "service": {{ service | tojson }},
  "channel": {{ channel | tojson }},
  "state": {{ state | tojson }},
  "still_down": {{ still_down | tojson }},
  "events": {{ events | tojson }}
}"#;

// <https://core.telegram.org/bots/api#sendmessage>: at most 4,096 characters.
const TELEGRAM: Preset = Preset {
    name: "telegram",
    usual_url: "https://api.telegram.org",
    url: "{{ url }}/bot{{ token }}/sendMessage",
    headers: &[],
    body: r#"{"chat_id": {{ chat | tojson }}, "text": {{ text | cut(4000) | tojson }}, "link_preview_options": {"is_disabled": true}}"#,
    signature: Signature::None,
    accepts: Accepts::True("/ok"),
};

// <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>: an error has a code of its own.
const SLACK: Preset = Preset {
    name: "slack",
    usual_url: "",
    url: "{{ url }}",
    headers: &[],
    body: r#"{"text": {{ text | replace('&', '&amp;') | replace('<', '&lt;') | replace('>', '&gt;') | cut(3500) | tojson }}}"#,
    signature: Signature::None,
    accepts: Accepts::Any,
};

// <https://discord.com/developers/docs/resources/webhook#execute-webhook>: at most 2,000 characters; nobody is pinged.
const DISCORD: Preset = Preset {
    name: "discord",
    usual_url: "",
    url: "{{ url }}",
    headers: &[],
    body: r#"{"content": {{ text | cut(1900) | tojson }}, "allowed_mentions": {"parse": []}}"#,
    signature: Signature::None,
    accepts: Accepts::Any,
};

const FEISHU_BODY: &str = r#"{{ '{' }}{% if sign %}"timestamp": {{ timestamp | tojson }}, "sign": {{ sign | tojson }}, {% endif -%}
"msg_type": "text", "content": {"text": {{ text | replace('<', '＜') | cut(4000) | tojson }}}}"#;

// An upstream's words must not call everybody, as `<at user_id="all">` does; there is no way to escape that.
// <https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot>
const FEISHU: Preset = Preset {
    name: "feishu",
    usual_url: "",
    url: "{{ url }}",
    headers: &[],
    body: FEISHU_BODY,
    signature: Signature::Feishu,
    accepts: Accepts::Number("/code", "/StatusCode", 0),
};

// <https://open.larksuite.com/document/client-docs/bot-v3/add-custom-bot>: the same as Feishu, elsewhere.
const LARK: Preset = Preset { name: "lark", ..FEISHU };

// <https://open.dingtalk.com/document/orgapp/custom-bot-to-send-group-chat-messages>
const DINGTALK: Preset = Preset {
    name: "dingtalk",
    usual_url: "",
    url: "{{ url }}{% if sign %}{{ '&' if '?' in url else '?' }}timestamp={{ timestamp }}&sign={{ sign_in_url }}{% endif %}",
    headers: &[],
    body: r#"{"msgtype": "text", "text": {"content": {{ text | cut(4000) | tojson }}}}"#,
    signature: Signature::Dingtalk,
    accepts: Accepts::Number("/errcode", "/errcode", 0),
};

// <https://developer.work.weixin.qq.com/document/path/91770>: at most 2,048 bytes.
const WECOM: Preset = Preset {
    name: "wecom",
    usual_url: "",
    url: "{{ url }}",
    headers: &[],
    body: r#"{"msgtype": "text", "text": {"content": {{ text | cut_bytes(2040) | tojson }}}}"#,
    signature: Signature::None,
    accepts: Accepts::Number("/errcode", "/errcode", 0),
};

// <https://docs.ntfy.sh/publish/#publish-as-json>: longer messages become attachments at 4,096 bytes.
const NTFY: Preset = Preset {
    name: "ntfy",
    usual_url: "https://ntfy.sh",
    url: "{{ url }}",
    headers: &[("authorization", "{% if token %}Bearer {{ token }}{% endif %}")],
    body: r#"{"topic": {{ chat | tojson }}, "title": {{ title | cut(200) | tojson }}, "message": {{ text | cut_bytes(4000) | tojson }}, "priority": {{ 3 if resolved else 4 }}, "tags": [{{ ('white_check_mark' if resolved else 'rotating_light') | tojson }}]}"#,
    signature: Signature::None,
    accepts: Accepts::Any,
};

// <https://github.com/Finb/bark-server/blob/master/docs/API_V2.md>
const BARK: Preset = Preset {
    name: "bark",
    usual_url: "https://api.day.app",
    url: "{{ url }}/push",
    headers: &[],
    body: r#"{"device_key": {{ token | tojson }}, "title": {{ title | cut(200) | tojson }}, "body": {{ text | cut_bytes(3000) | tojson }}, "group": "relay-pulse", "level": {{ ('active' if resolved else 'timeSensitive') | tojson }}}"#,
    signature: Signature::None,
    accepts: Accepts::Number("/code", "/code", 200),
};

// <https://gotify.net/api-docs#/message/createMessage>
const GOTIFY: Preset = Preset {
    name: "gotify",
    usual_url: "",
    url: "{{ url }}/message",
    headers: &[("x-gotify-key", "{{ token }}")],
    body: r#"{"title": {{ title | cut(200) | tojson }}, "message": {{ text | cut(8000) | tojson }}, "priority": {{ 4 if resolved else 8 }}}"#,
    signature: Signature::None,
    accepts: Accepts::Any,
};

// <https://developer.pagerduty.com/docs/send-alert-event>: one incident per channel, resolved when nothing is down.
const PAGERDUTY: Preset = Preset {
    name: "pagerduty",
    usual_url: "https://events.pagerduty.com",
    url: "{{ url }}/v2/enqueue",
    headers: &[],
    body: r#"{"routing_key": {{ token | tojson }}, "event_action": {{ ('resolve' if resolved else 'trigger') | tojson }}, "dedup_key": {{ ('relay-pulse/' ~ name) | cut(250) | tojson }}, "payload": {"summary": {{ title | cut(1000) | tojson }}, "source": {{ name | cut(250) | tojson }}, "severity": "critical", "component": {{ service | tojson }}, "group": {{ provider | tojson }}, "custom_details": {"text": {{ text | cut(8000) | tojson }}}}}"#,
    signature: Signature::None,
    accepts: Accepts::Text("/status", "success"),
};
