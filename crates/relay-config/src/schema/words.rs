//! Settings that take one of a few words.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    reader::{Read, Reader, suggestion},
    yaml::Node,
};

/// Declares a setting that takes one of a few words, in any case; the words after `|` are accepted too, but not shown.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$word_meta:meta])* $variant:ident = $word:literal $(| $alias:literal)*),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
        #[schemars(extend("x-also" = [$($($alias,)*)*]))]
        pub(crate) enum $name {
            $( $(#[$word_meta])* #[serde(rename = $word)] $variant, )*
        }

        impl Read for $name {
            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                let (text, _) = reader.scalar(node)?;
                let typed = text.trim().to_lowercase();
                $(
                    if typed.eq_ignore_ascii_case($word) $(|| typed == $alias)* {
                        return Some(Self::$variant);
                    }
                )*
                reader.error(node.mark, wrong(&typed, &[$($word),*]));
                None
            }
        }
    };
}

/// Says which words there are.
fn wrong(typed: &str, words: &[&str]) -> String {
    let list = match words {
        [all @ .., last] if !all.is_empty() => format!("{} or {last}", all.join(", ")),
        _ => words.concat(),
    };
    match suggestion(typed, words) {
        Some(meant) => format!("must be {list}; did you mean {meant}?"),
        None => format!("must be {list}"),
    }
}

words!(
    /// What kind of relay it is.
    Category { Commercial = "commercial", Public = "public" }
);
words!(
    /// How much a sponsor supports.
    SponsorLevel { Basic = "basic", Advanced = "advanced", Enterprise = "enterprise" }
);
words!(
    /// The board a monitor is on.
    Board { Hot = "hot", Cold = "cold" }
);
words!(
    /// A method of HTTP.
    Method { Get = "GET", Post = "POST", Put = "PUT", Delete = "DELETE", Patch = "PATCH" }
);
words!(
    /// Whether private addresses may be dialled.
    PrivateNetworks { Allow = "allow", Deny = "deny" }
);
words!(
    /// Whether a pooled connection may be used.
    Connection { Reuse = "reuse", Fresh = "fresh" }
);
words!(
    /// What the answer's model is compared with.
    ExpectModel { Same = "same" }
);
words!(
    /// The question that is asked.
    Challenge { Arithmetic = "arithmetic" }
);
words!(
    /// The database.
    StorageType { Sqlite = "sqlite", Postgres = "postgres" | "postgresql" }
);
words!(
    /// How the connection to PostgreSQL is protected, in libpq's words.
    SslMode {
        Disable = "disable",
        Prefer = "prefer",
        Require = "require",
        VerifyCa = "verify-ca",
        VerifyFull = "verify-full",
    }
);
words!(
    /// The form of archive files.
    ArchiveFormat { Csv = "csv", CsvGz = "csv.gz" }
);
words!(
    /// What events are about.
    EventMode { Model = "model", Channel = "channel" }
);
words!(
    /// How the models of a channel are counted.
    CountMode { Recompute = "recompute", Incremental = "incremental" }
);
words!(
    /// What a badge speaks about.
    BadgeKind { Source = "source", Info = "info", Feature = "feature" }
);
words!(
    /// The colour of a badge.
    BadgeVariant {
        Default = "default",
        Success = "success",
        Warning = "warning",
        Danger = "danger",
        Info = "info",
    }
);
words!(
    /// The least severe thing that is logged.
    LogLevel { Error = "error", Warn = "warn" | "warning", Info = "info", Debug = "debug", Trace = "trace" }
);
words!(
    /// The form of log lines.
    LogFormat { Text = "text", Json = "json" }
);
words!(
    /// The direction of an event.
    EventWord { Down = "DOWN", Up = "UP" }
);
words!(
    /// How a notification is sent.
    NotificationType {
        Webhook = "webhook",
        Email = "email",
        Telegram = "telegram",
        Slack = "slack",
        Discord = "discord",
        Feishu = "feishu",
        Lark = "lark",
        Dingtalk = "dingtalk",
        Wecom = "wecom",
        Ntfy = "ntfy",
        Bark = "bark",
        Gotify = "gotify",
        Pagerduty = "pagerduty",
    }
);
words!(
    /// How the connection to a mail server is protected.
    MailSecurity { StartTls = "starttls", Tls = "tls", None = "none" }
);
