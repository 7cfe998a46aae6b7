//! What became of messages, for the operator. The store keeps no secrets with them.

use std::{fmt::Write as _, sync::Arc};

use anyhow::bail;
use jiff::Timestamp as Time;
use relay_core::{
    Timestamp,
    delivery::{Conversation, Delivery},
    ports::{Clock, clock::SystemClock, repository::KEPT_DELIVERIES},
};
use serde_json::{Value, json};

use super::{block_on, load, print};
use crate::{app::storage, cli::NotifyLogArgs, environment};

/// Prints the log.
///
/// # Errors
/// When the configuration or the store cannot be used, or there is and was no notification of that name.
pub(crate) fn log(args: &NotifyLogArgs) -> anyhow::Result<()> {
    let loaded = load(&args.config.config, &environment::of_process())?;
    let log = block_on(storage::delivery_log(
        &loaded.config.storage,
        // Those of one notification may be anywhere among those of the others.
        if args.name.is_some() { KEPT_DELIVERIES } else { args.limit },
        Arc::new(SystemClock),
    ))?;
    let wanted = |line: &Line| args.name.as_ref().is_none_or(|name| line.notification == *name);
    let most = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let now = SystemClock.now();
    let open = log.open.iter().filter_map(|conversation| Line::waiting(conversation, now));
    let settled = log.settled.iter().map(Line::settled);
    let lines: Vec<Line> = open.filter(wanted).take(most).chain(settled.filter(wanted).take(most)).collect();
    // One that was removed from the file may still have a past.
    if let (Some(name), true) = (&args.name, lines.is_empty()) {
        let all = &loaded.config.notifications;
        if !all.iter().any(|one| one.name == *name) {
            bail!(super::unknown(&args.config.config, name, all));
        }
    }
    print(&if args.json { as_json(&lines) } else { as_table(&lines) });
    Ok(())
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    notification: String,
    about: String,
    /// `waiting`, `sending`, `retrying`, `delivered` or `given up`.
    state: &'static str,
    attempts: u32,
    /// When the first event of it was stored, or its first attempt begun.
    since: Timestamp,
    /// When it was settled, or when something happens next, if that is known.
    at: Option<Timestamp>,
    key: Option<String>,
    last_error: Option<String>,
}

impl Line {
    /// Describes what is to be delivered; `None` when nothing is.
    fn waiting(conversation: &Conversation, now: Timestamp) -> Option<Self> {
        let since = Timestamp::from_secs(conversation.waits_since()?);
        let sending = conversation.sending.as_ref();
        let state = match sending {
            None => "waiting",
            Some(sending) if sending.leased_until.is_some_and(|until| until > now) => "sending",
            Some(_) => "retrying",
        };
        Some(Self {
            notification: conversation.notification.clone(),
            about: conversation.psc.to_string(),
            state,
            attempts: sending.map_or(0, |sending| sending.attempts),
            since,
            at: conversation.due,
            key: sending.map(|sending| sending.key.clone()),
            last_error: sending.and_then(|sending| sending.last_error.clone()),
        })
    }

    fn settled(delivery: &Delivery) -> Self {
        Self {
            notification: delivery.notification.clone(),
            about: delivery.psc.to_string(),
            state: if delivery.delivered { "delivered" } else { "given up" },
            attempts: delivery.attempts,
            since: delivery.since,
            at: Some(delivery.settled_at),
            key: Some(delivery.key.clone()),
            last_error: delivery.last_error.clone(),
        }
    }
}

fn as_json(lines: &[Line]) -> String {
    let lines = lines.iter().map(|line| {
        json!({
            "notification": line.notification, "about": line.about, "state": line.state.replace(' ', "_"),
            "attempts": line.attempts, "since": time(line.since), "at": line.at.map(time),
            "idempotency_key": line.key, "last_error": line.last_error,
        })
    });
    format!("{:#}\n", Value::Array(lines.collect()))
}

fn as_table(lines: &[Line]) -> String {
    if lines.is_empty() {
        return "nothing waits, and nothing was delivered yet\n".to_owned();
    }
    let head = ["SINCE", "STATE", "AT", "ATTEMPTS", "NOTIFICATION", "ABOUT", "LAST ERROR"].map(str::to_owned);
    let rows: Vec<[String; 7]> = std::iter::once(head)
        .chain(lines.iter().map(|line| {
            [
                time(line.since),
                line.state.to_owned(),
                line.at.map_or_else(|| "-".to_owned(), time),
                line.attempts.to_string(),
                clean(&line.notification),
                clean(&line.about),
                clean(line.last_error.as_deref().unwrap_or("-")),
            ]
        }))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..6).map(width).collect();
    let mut out = String::new();
    for row in &rows {
        for (text, width) in row.iter().zip(&widths) {
            // Writing to a string cannot fail.
            let _ = write!(out, "{text:width$}  ");
        }
        out.push_str(&row[6]);
        out.push('\n');
    }
    out
}

fn time(at: Timestamp) -> String {
    Time::from_second(at.as_secs()).map_or_else(|_| at.as_secs().to_string(), |time| time.to_string())
}

/// Keeps what could move a terminal's cursor out of it.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use relay_core::Psc;

    use super::*;

    fn delivery() -> Delivery {
        Delivery {
            notification: "ops".to_owned(),
            psc: Psc::new("acme", "chat", "vip"),
            key: "0123".to_owned(),
            delivered: false,
            attempts: 31,
            items: 1,
            event_id: 7,
            since: Timestamp::from_secs(1_773_146_096),
            settled_at: Timestamp::from_secs(1_773_232_496),
            last_error: Some("the receiver answered 503\u{1b}[2J".to_owned()),
        }
    }

    #[test]
    fn the_table_says_what_became_of_a_message() {
        expect_test::expect![[r"
            SINCE                 STATE     AT                    ATTEMPTS  NOTIFICATION  ABOUT          LAST ERROR
            2026-03-10T12:34:56Z  given up  2026-03-11T12:34:56Z  31        ops           acme/chat/vip  the receiver answered 503 [2J
        "]]
        .assert_eq(&as_table(&[Line::settled(&delivery())]));
        assert!(as_table(&[]).starts_with("nothing"));
    }

    #[test]
    fn programs_read_json() {
        let lines: Value = serde_json::from_str(&as_json(&[Line::settled(&delivery())])).expect("JSON");
        assert_eq!(lines[0]["state"], "given_up");
        assert_eq!(lines[0]["attempts"], 31);
        assert_eq!(as_json(&[]), "[]\n");
    }

    #[test]
    fn what_only_waits_for_events_is_not_shown() {
        let open = Conversation::new("ops", &Psc::new("a", "b", ""));
        assert_eq!(Line::waiting(&open, Timestamp::from_secs(1)), None);
    }
}
