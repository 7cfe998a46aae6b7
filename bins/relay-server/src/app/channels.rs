//! Channels that got a name: which groups take over the history that was kept without one.

use std::{collections::HashSet, sync::Arc, time::Duration};

use relay_core::{
    Monitor, Psc,
    ports::{Repository, repository::Error},
};
use tokio::time::timeout;
use tracing::{info, warn};

/// How long probing under a new configuration waits for history to be moved.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// How long a later try may take, beside probing: merging two long histories rewrites both.
pub(crate) const LATER: Duration = Duration::from_secs(300);

/// Lets named channels take their history along; to be done before the first probe under a configuration, because the
/// event states of the named group win over those that are moved later. Returns whether there was nothing to move. When
/// there was, records under the old key may still wait for the writer, and when it failed, the store may be back soon:
/// in both cases try again a little later. What takes longer than `patience` is given up for this time.
pub(crate) async fn take_history_along(
    repository: &dyn Repository,
    monitors: &[Arc<Monitor>],
    patience: Duration,
) -> bool {
    let groups = named(monitors);
    let moved = match timeout(patience, repository.name_channels(&groups)).await {
        Ok(moved) => moved,
        Err(_) => Err(Error::Unavailable { reason: "it takes too long".to_owned(), source: None }),
    };
    match moved {
        Ok(0) => true,
        Ok(monitors) => {
            info!(monitors, "history without channel now belongs to the channels that were named");
            false
        }
        Err(error) => {
            warn!(%error, "history without channel is not moved to the named channels yet; trying again later");
            false
        }
    }
}

/// Returns, for each provider and service of which no monitor has an empty channel, the group of its first monitor that
/// is not disabled: history without channel is theirs.
pub(crate) fn named(monitors: &[Arc<Monitor>]) -> Vec<Psc> {
    let names = |psc: &Psc| (psc.provider().to_owned(), psc.service().to_owned());
    let groups = || monitors.iter().map(|monitor| monitor.key.psc());
    let mut taken: HashSet<_> = groups().filter(|psc| psc.channel().is_empty()).map(names).collect();
    let active =
        monitors.iter().filter(|monitor| monitor.disabled.is_none()).map(|monitor| monitor.key.psc());
    active.filter(|psc| taken.insert(names(psc))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heirs(entries: &[&str]) -> Vec<String> {
        let common = "category: public, sponsor: x, url: 'https://example.com', method: GET";
        let entries: String = entries.iter().map(|entry| format!("  - {{{entry}, {common}}}\n")).collect();
        let env = relay_config::Environment::new();
        let loaded = relay_config::load_str(&format!("monitors:\n{entries}"), "test.yaml", &env);
        named(&loaded.expect("a configuration").config.monitors).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_first_active_channel_inherits_unless_one_has_no_name() {
        let entries = [
            "provider: a, service: s, channel: off, disabled: true",
            "provider: a, service: s, channel: vip",
            "provider: a, service: s, channel: late",
            "provider: b, service: s, channel: vip",
            "provider: b, service: s, disabled: true",
            "provider: c, service: s, channel: off, disabled: true",
            "provider: a, service: t, channel: cold",
        ];
        assert_eq!(heirs(&entries), ["a/s/vip", "a/t/cold"]);
    }
}
