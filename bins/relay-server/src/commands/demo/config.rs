//! The demo's configuration file.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use relay_config::Log;
use relay_sim::{Behaviour, Fleet, Listing, Sim};
use serde_json::{Map, Value, json};

use super::listed_model;

/// How often each monitor is probed.
const INTERVAL: &str = "6s";

/// What the demo logs: only what is wrong, since the page is what is looked at.
pub(super) const LOG: Log = Log { level: Some("warn"), format: None };

/// Returns the configuration of a fleet that is simulated by `sim`: in the JSON subset of YAML, whose quoting nothing
/// in a template can upset.
///
/// # Errors
/// When the database's path is not Unicode, or a relay is not part of the simulation.
pub(super) fn text(fleet: &Fleet, sim: &Sim, listen: &str, database: &Path) -> anyhow::Result<String> {
    let database = database.to_str().context("the temporary directory has a name that is not Unicode")?;
    let mut monitors = Vec::new();
    for listing in &fleet.listings {
        let url = sim.url(&listing.relay.name).context("a relay of the fleet is not simulated")?;
        monitors.extend(entries(listing, &url));
    }
    let config = json!({
        "interval": INTERVAL,
        "slow_latency": "1500ms",
        "timeout": "4s",
        "max_concurrency": -1,
        "public_base_url": format!("http://{listen}"),
        "enable_badges": true,
        "events": { "enabled": true },
        "server": { "listen": listen },
        "log": { "level": LOG.level },
        "storage": { "type": "sqlite", "sqlite": { "path": database } },
        "badge_definitions": badges(),
        "risk_providers": risks(fleet),
        "monitors": monitors,
    });
    serde_json::to_string_pretty(&config).context("cannot write the configuration")
}

/// Returns the entry of a channel and one for each further model.
fn entries(listing: &Listing, url: &str) -> Vec<Value> {
    let template = listing.relay.template();
    let mut models = template.models.iter();
    let Some(first) = models.next() else { return Vec::new() };
    let headers: BTreeMap<_, _> = template.headers.into_iter().collect();
    // A monitor without a model has nothing to put in the model's place, so the name is written out.
    let listed = listed_model(listing, first);
    let written =
        |text: &str| if listed.is_empty() { text.replace("{{MODEL}}", first) } else { text.to_owned() };
    let mut parent = json!({
        "provider": listing.provider,
        "provider_name": listing.provider_name,
        "provider_url": listing.provider_url,
        "service": listing.service,
        "service_name": listing.service_name,
        "channel": listing.channel,
        "model": listed,
        "category": listing.category,
        "sponsor": listing.sponsor,
        "listed_since": listing.listed_since,
        "badges": listing.badges,
        "url": format!("{url}{}", written(&template.path)),
        "method": template.method,
        "headers": headers,
        "body": written(&template.body),
        "success_contains": template.success_contains,
        "api_key": listing.relay.key,
    });
    if let Some(fields) = parent.as_object_mut() {
        add_optional(fields, listing);
    }
    let parent_path = format!("{}/{}/{}", listing.provider, listing.service, listing.channel);
    let children = models.map(|model| json!({ "parent": parent_path, "model": model }));
    std::iter::once(parent).chain(children).collect()
}

fn add_optional(fields: &mut Map<String, Value>, listing: &Listing) {
    if let Some(level) = listing.sponsor_level {
        fields.insert("sponsor_level".to_owned(), json!(level));
    }
    if let Some((low, high)) = listing.price {
        fields.insert("price_min".to_owned(), json!(low));
        fields.insert("price_max".to_owned(), json!(high));
    }
    if matches!(listing.relay.behaviour, Behaviour::SwappedModel(_)) {
        fields.insert("expect".to_owned(), json!({ "model": "same" }));
    }
}

fn badges() -> Value {
    let named = Fleet::BADGES.iter().map(|(id, kind, variant, weight)| {
        let label = id.replace('-', " ");
        ((*id).to_owned(), json!({ "kind": kind, "variant": variant, "weight": weight, "label": label }))
    });
    Value::Object(named.collect())
}

fn risks(fleet: &Fleet) -> Vec<Value> {
    let by_provider: BTreeMap<_, _> =
        fleet.listings.iter().filter_map(|listing| Some((listing.provider, listing.risk?))).collect();
    by_provider
        .into_iter()
        .map(|(provider, risk)| json!({ "provider": provider, "risks": [{ "label": risk }] }))
        .collect()
}

#[cfg(test)]
mod tests {
    use relay_config::Environment;
    use relay_sim::Options;

    use super::*;

    #[tokio::test]
    async fn the_fleet_makes_a_configuration_without_warnings() {
        let fleet = Fleet::demo(1_772_366_400);
        let sim = Sim::start(Options { relays: fleet.relays(), ..Options::default() }).await.expect("starts");
        let text = text(&fleet, &sim, "127.0.0.1:0", Path::new("/tmp/demo.db")).expect("a text");
        let loaded = relay_config::load_str(&text, "demo.yaml", &Environment::new()).expect("valid");
        let notices: Vec<String> = loaded.notices.iter().map(ToString::to_string).collect();
        let warnings = notices.iter().filter(|notice| !notice.contains("https")).collect::<Vec<_>>();
        assert!(warnings.is_empty(), "{warnings:?}");
        let models: usize = fleet.listings.iter().map(|listing| listing.relay.models.len()).sum();
        assert_eq!(loaded.config.monitors.len(), models);
        let monitors = &loaded.config.monitors;
        assert!(monitors.iter().any(|monitor| monitor.is_child));
        assert!(monitors.iter().any(|monitor| monitor.key.model().is_empty()));
        sim.stop().await;
    }
}
