//! The configuration in effect, written out, secrets masked.

mod mask;

use std::sync::Arc;

use relay_core::Monitor;
use serde_json::{Map, Value, json};

use crate::{
    Backend, Environment, Loaded, duration,
    inherit::{Member, inherit},
    reader::{Located, Read as _, Reader},
    schema::{
        monitors::Monitor as Typed,
        root::Root,
        values::{Count, Text},
    },
};
use mask::mask;

/// The configuration could not be written out.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the configuration out: {0}")]
pub struct PrintError(String);

/// Writes the settings as a file that loads to the same configuration, apart from masked secrets: defaults filled in,
/// variables of the environment applied, included bodies written out, children still naming their parents.
///
/// # Errors
/// What the writer says; the settings themselves can always be written.
pub fn print_yaml(loaded: &Loaded) -> Result<String, PrintError> {
    let mut typed = filled(loaded);
    if let Some(monitors) = &mut typed.monitors {
        for ((_, monitor), resolved) in monitors.value.iter_mut().zip(&loaded.config.monitors) {
            mask(&mut monitor.value, resolved.probe.api_key.as_ref());
        }
    }
    let text = serde_yaml::to_string(&typed).map_err(|error| PrintError(error.to_string()))?;
    if !text.contains(is_old_line_break) {
        return Ok(text);
    }
    let text = serde_json::to_string_pretty(&typed).map_err(|error| PrintError(error.to_string()))?;
    Ok(escaped(&text))
}

/// Tells the line breaks of YAML 1.1, which are text in YAML 1.2. The writer knows them as breaks and indents after
/// them, which would come back as part of the text; so a file that holds one is written in YAML's JSON form instead.
fn is_old_line_break(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Writes what is outside of YAML's printable characters as escapes; in JSON it can only stand inside of strings.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_old_line_break(c) || matches!(c, '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    out
}

/// Writes the settings as JSON in their own names and nesting, with children resolved: every monitor tells everything
/// that holds for it, its times also in milliseconds, and what it sends with all placeholders replaced but the key's.
/// Keys stand in alphabetical order.
///
/// # Errors
/// What the writer says; the settings themselves can always be written.
pub fn print_json(loaded: &Loaded) -> Result<String, PrintError> {
    let failed = |error: serde_json::Error| PrintError(error.to_string());
    let mut typed = filled(loaded);
    let monitors = typed.monitors.take();
    let mut root = serde_json::to_value(&typed).map_err(failed)?;
    if let Some(monitors) = &monitors {
        let env = Environment::new();
        // The file loaded, so inheritance has nothing left to report.
        let members = inherit(&monitors.value, &mut Reader::new("".into(), &env));
        let list: Result<Vec<Value>, _> = members
            .iter()
            .zip(&loaded.config.monitors)
            .map(|(member, monitor)| effective(member, monitor))
            .collect();
        root["monitors"] = list.map_err(failed)?.into();
    }
    let mut text = serde_json::to_string_pretty(&root).map_err(failed)?;
    text.push('\n');
    Ok(text)
}

/// Fills in all defaults but those of monitors: what a child does not say it inherits.
fn filled(loaded: &Loaded) -> Root {
    let given = &loaded.typed;
    let mut typed = given.clone();
    let monitors = typed.monitors.take();
    typed.fill();
    typed.monitors = monitors;
    // What one kind of notification takes means nothing to the others.
    typed.notifications.clone_from(&given.notifications);
    // Compatibility settings are worth a word wherever they stand, so they stand only where they were given.
    typed.enable_concurrent_query.clone_from(&given.enable_concurrent_query);
    typed.concurrent_query_limit.clone_from(&given.concurrent_query_limit);
    typed.enable_batch_query.clone_from(&given.enable_batch_query);
    typed.batch_query_max_keys.clone_from(&given.batch_query_max_keys);
    typed.enable_db_timeline_agg.clone_from(&given.enable_db_timeline_agg);
    if let Backend::Postgres(pool) = &loaded.config.storage.backend
        && let Some(postgres) = typed.storage.as_mut().and_then(|at| at.value.postgres.as_mut())
    {
        let count = |number: usize| Some(Located::nowhere(Count(u32::try_from(number).unwrap_or(u32::MAX))));
        postgres.value.max_open_conns = count(pool.max_open_conns);
        postgres.value.max_idle_conns = count(pool.max_idle_conns);
    }
    typed
}

fn effective(member: &Member<'_>, monitor: &Arc<Monitor>) -> Result<Value, serde_json::Error> {
    let mut whole = member.whole.clone();
    mask(&mut whole, monitor.probe.api_key.as_ref());
    put_model(&mut whole, monitor.key.model());
    if let Some(expect) = &mut whole.expect {
        expect.value.fill();
    }
    let mut value = serde_json::to_value(&whole)?;
    if let Some(map) = value.as_object_mut() {
        set_effective(map, monitor);
    }
    Ok(value)
}

fn put_model(whole: &mut Typed, model: &str) {
    let replace = |text: &str| text.replace("{{MODEL}}", model);
    for at in [&mut whole.url, &mut whole.success_contains].into_iter().flatten() {
        at.value = Text(replace(&at.value.0));
    }
    for (_, value) in whole.headers.iter_mut().flat_map(|at| &mut at.value.0) {
        value.value = Text(replace(&value.value.0));
    }
    if let Some(body) = &mut whole.body {
        body.value = body.value.map(|text| replace(text).trim().to_owned());
    }
}

/// Puts in what was decided outside the monitor's own settings.
fn set_effective(map: &mut Map<String, Value>, monitor: &Monitor) {
    let probe = &monitor.probe;
    for (key, span) in
        [("interval", monitor.interval), ("slow_latency", probe.slow_latency), ("timeout", probe.timeout)]
    {
        map.insert(key.to_owned(), duration::format(span).into());
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        map.insert(format!("{key}_ms"), millis.into());
    }
    for (key, reason_key, state) in
        [("hidden", "hidden_reason", &monitor.hidden), ("disabled", "disabled_reason", &monitor.disabled)]
    {
        map.insert(key.to_owned(), state.is_some().into());
        map.remove(reason_key);
        if let Some(reason) = state.as_deref().filter(|reason| !reason.is_empty()) {
            map.insert(reason_key.to_owned(), reason.into());
        }
    }
    let listing = &monitor.listing;
    for (key, text) in [
        ("provider", Some(monitor.key.provider())),
        ("service", Some(monitor.key.service())),
        ("channel", Some(monitor.key.channel())),
        ("model", Some(monitor.key.model())),
        ("sponsor", Some(listing.sponsor.as_str())),
        ("provider_name", listing.provider_name.as_deref()),
        ("service_name", listing.service_name.as_deref()),
        ("channel_name", listing.channel_name.as_deref()),
    ] {
        map.remove(key);
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            map.insert(key.to_owned(), text.into());
        }
    }
    map.insert("board".to_owned(), monitor.board.as_str().into());
    map.remove("cold_reason");
    if let Some(reason) = &monitor.cold_reason {
        map.insert("cold_reason".to_owned(), reason.as_str().into());
    }
    map.insert("provider_slug".to_owned(), listing.provider_slug.as_str().into());
    map.insert("max_response_bytes".to_owned(), probe.max_response_bytes.into());
    let deny = probe.private_networks == relay_core::egress::PrivateNetworks::Deny;
    map.insert("private_networks".to_owned(), if deny { "deny" } else { "allow" }.into());
    let fresh = probe.connection == relay_core::target::Connection::Fresh;
    map.insert("connection".to_owned(), if fresh { "fresh" } else { "reuse" }.into());
    if let Some(name) = &listing.template_name {
        map.insert("template_name".to_owned(), name.as_str().into());
    }
    map.remove("api_key");
    if probe.api_key.is_some() {
        map.insert("api_key".to_owned(), mask::MASK.into());
    }
    let badges = listing.badges.iter().map(|badge| match &badge.tooltip_override {
        Some(tooltip) => json!({ "id": badge.id, "tooltip_override": tooltip }),
        None => json!(badge.id),
    });
    map.insert("badges".to_owned(), badges.collect());
    let risks = listing.risks.iter().map(|risk| {
        let mut map = Map::from_iter([("label".to_owned(), Value::from(risk.label.as_str()))]);
        if !risk.discussion_url.is_empty() {
            map.insert("discussion_url".to_owned(), risk.discussion_url.as_str().into());
        }
        Value::from(map)
    });
    map.insert("risks".to_owned(), risks.collect());
}
