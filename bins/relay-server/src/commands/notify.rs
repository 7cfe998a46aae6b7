//! `notify test`: sends a sample to one of the configured notifications. `notify log`: shows what became of messages.

mod log;

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use relay_core::ports::{Clock, clock::SystemClock};
use relay_events::notify::{Message, talk::Outcome};

pub(crate) use self::log::log;
use super::{block_on, load, print};
use crate::{app::notifications, cli::NotifyTestArgs, environment};

/// Sends the sample and prints the answer, secrets masked.
///
/// # Errors
/// When the configuration cannot be used, there is no notification of that name, or the sample did not arrive.
pub(crate) fn test(args: &NotifyTestArgs) -> anyhow::Result<()> {
    let path: &Path = &args.config.config;
    let loaded = load(path, &environment::of_process())?;
    let all = &loaded.config.notifications;
    let Some(configured) = all.iter().find(|one| one.name == args.name) else {
        bail!(unknown(path, &args.name, all));
    };
    let target =
        notifications::target(configured).map_err(|mistake| anyhow!("{}", mistake.in_file(&loaded)))?;
    let now = SystemClock.now();
    let mut random = [0; 8];
    getrandom::fill(&mut random).context("the system gives no random numbers")?;
    let key = format!("test-{:016x}", u64::from_ne_bytes(random));
    let message = Message::sample(&args.name, &key, now.as_secs(), false);
    let answer = block_on(async {
        let transport = notifications::transport()?;
        Ok(target.send(&transport, &message, now).await)
    })?;
    match answer.outcome {
        Outcome::Delivered => {
            print(&format!("{} ({}) took the sample: {}\n", args.name, target.kind(), answer.shown));
            Ok(())
        }
        Outcome::Failed { error, .. } if error == answer.shown => bail!("{}: {error}", args.name),
        Outcome::Failed { error, .. } => bail!("{}: {error}\nthe answer: {}", args.name, answer.shown),
    }
}

/// Says that a notification does not exist, and which do.
fn unknown(path: &Path, name: &str, all: &[relay_config::Notification]) -> String {
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let known =
        if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
    format!("{} has no notification named {name:?}: {known}", path.display())
}
