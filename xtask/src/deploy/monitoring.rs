//! The dashboard and the alert rules. That the metrics they name exist, with their labels, is a test of relay-server,
//! which asks a running one.

use serde_json::Value as Json;
use serde_yaml::Value;

/// Returns what is wrong with the alert rules.
pub(super) fn rules(text: &str) -> Vec<String> {
    let whole: Value = match serde_yaml::from_str(text) {
        Ok(whole) => whole,
        Err(error) => return vec![format!("alerts.yaml: {error}")],
    };
    let mut findings = Vec::new();
    let mut names = Vec::new();
    for group in whole["groups"].as_sequence().into_iter().flatten() {
        for rule in group["rules"].as_sequence().into_iter().flatten() {
            let name = rule["alert"].as_str().unwrap_or_default();
            let mut wrong = |what: &str| findings.push(format!("alerts.yaml: {name:?}: {what}"));
            if name.is_empty() || names.contains(&name) {
                wrong("it has no name of its own");
            }
            if !is_closed(rule["expr"].as_str().unwrap_or_default()) {
                wrong("its expression is none");
            }
            if !matches!(rule["labels"]["severity"].as_str(), Some("warning" | "critical")) {
                wrong("its severity is neither warning nor critical");
            }
            if !rule["annotations"]["summary"].as_str().is_some_and(|summary| summary.ends_with('.')) {
                wrong("its summary is no sentence");
            }
            names.push(name);
        }
    }
    if names.is_empty() {
        findings.push("alerts.yaml: there are no rules".to_owned());
    }
    findings
}

/// Returns what is wrong with the dashboard.
pub(super) fn dashboard(text: &str) -> Vec<String> {
    let whole: Json = match serde_json::from_str(text) {
        Ok(whole) => whole,
        Err(error) => return vec![format!("grafana.json: {error}")],
    };
    let mut findings = Vec::new();
    let mut seen = Vec::new();
    for panel in whole["panels"].as_array().into_iter().flatten() {
        let title = panel["title"].as_str().unwrap_or_default();
        let mut wrong = |what: &str| findings.push(format!("grafana.json: {title:?}: {what}"));
        let place = (&panel["gridPos"]["x"], &panel["gridPos"]["y"]);
        if seen.iter().any(|(id, known)| *id == &panel["id"] || *known == place) {
            wrong("another panel has its number or its place");
        }
        seen.push((&panel["id"], place));
        if panel["datasource"]["uid"] != "${datasource}" {
            wrong("its data source is not the chosen one");
        }
        let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        if targets.is_empty() || !targets.iter().all(|at| is_closed(at["expr"].as_str().unwrap_or_default()))
        {
            wrong("it shows nothing");
        }
    }
    if seen.is_empty() {
        findings.push("grafana.json: there are no panels".to_owned());
    }
    findings
}

/// Tells whether there is an expression whose brackets close.
fn is_closed(expression: &str) -> bool {
    let mut open = Vec::new();
    for c in expression.chars() {
        match c {
            '(' | '[' | '{' => open.push(c),
            ')' if open.pop() != Some('(') => return false,
            ']' if open.pop() != Some('[') => return false,
            '}' if open.pop() != Some('{') => return false,
            _ => {}
        }
    }
    open.is_empty() && !expression.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALERTS: &str = include_str!("../../../docs/deploy/alerts.yaml");
    const DASHBOARD: &str = include_str!("../../../docs/deploy/grafana.json");

    #[test]
    fn each_rule_of_alerts_is_checked() {
        assert_eq!(rules(ALERTS), [""; 0]);
        for (good, bad) in [
            ("alert: RelayPulseProbesLate", "alert: RelayPulseDown"),
            ("[15m])) > 0.1", "[15m]) > 0.1"),
            ("severity: critical", "severity: bad"),
            ("does not answer.", "does not answer"),
            ("groups:", "group:"),
        ] {
            assert!(ALERTS.contains(good), "{good}");
            assert!(!rules(&ALERTS.replace(good, bad)).is_empty(), "{good} -> {bad}");
        }
    }

    #[test]
    fn each_rule_of_the_dashboard_is_checked() {
        assert_eq!(dashboard(DASHBOARD), [""; 0]);
        for (good, bad) in [
            ("\"id\": 2,", "\"id\": 1,"),
            ("\"uid\": \"${datasource}\"", "\"uid\": \"mine\""),
            ("[$__rate_interval])", "[$__rate_interval]"),
            ("\"panels\"", "\"panel\""),
        ] {
            assert!(DASHBOARD.contains(good), "{good}");
            assert!(!dashboard(&DASHBOARD.replace(good, bad)).is_empty(), "{good} -> {bad}");
        }
    }
}
