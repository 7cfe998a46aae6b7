//! Files in YAML that other programs read: compose and Kubernetes.

use std::collections::BTreeSet;

use serde::Deserialize as _;
use serde_yaml::{Deserializer, Value};

/// What a container must not be allowed.
const SECRETS: [&str; 4] = ["KEY", "TOKEN", "PASSWORD", "SECRET"];

/// Returns what is wrong with a compose file.
pub(super) fn compose(text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut whole: Value = match serde_yaml::from_str(text) {
        Ok(whole) => whole,
        Err(error) => return vec![format!("compose.yaml: {error}")],
    };
    if let Err(error) = whole.apply_merge() {
        findings.push(format!("compose.yaml: {error}"));
    }
    let volumes = names(&whole["volumes"]);
    let services = names(&whole["services"]);
    let mut profiles = BTreeSet::new();
    for name in &services {
        let service = &whole["services"][name.as_str()];
        let mut wrong = |what: String| findings.push(format!("compose.yaml: {name}: {what}"));
        profiles.extend(texts(&service["profiles"]));
        let image = service["image"].as_str().unwrap_or_default();
        let built = !service["build"].is_null();
        if !built && !image.rsplit_once(':').is_some_and(|(_, tag)| tag.contains('.')) {
            wrong(format!("the image {image:?} must have a tag that names a version"));
        }
        for volume in texts(&service["volumes"]) {
            let source = volume.split(':').next().unwrap_or_default().to_owned();
            if !source.starts_with('.') && !volumes.contains(&source) {
                wrong(format!("the volume {source} is not declared"));
            }
        }
        for other in names(&service["depends_on"]) {
            if !services.contains(&other) {
                wrong(format!("it waits for {other}, which is not there"));
            }
        }
        for (key, value) in service["environment"].as_mapping().into_iter().flatten() {
            let (key, value) = (key.as_str().unwrap_or_default(), value.as_str().unwrap_or_default());
            if SECRETS.iter().any(|secret| key.contains(secret)) && !value.starts_with("${") {
                wrong(format!("{key} must come from outside"));
            }
        }
    }
    if profiles != BTreeSet::from(["postgres".to_owned(), "sqlite".to_owned()]) {
        findings.push(format!("compose.yaml: the profiles are {profiles:?}"));
    }
    findings
}

/// Returns what is wrong with manifests for Kubernetes.
pub(super) fn kubernetes(text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut objects = Vec::new();
    for document in Deserializer::from_str(text) {
        match Value::deserialize(document) {
            Ok(object) => objects.push(object),
            Err(error) => return vec![format!("kubernetes.yaml: {error}")],
        }
    }
    let called = |kind: &str| -> Vec<&str> {
        let of_kind = objects.iter().filter(|object| object["kind"] == kind);
        of_kind.filter_map(|object| object["metadata"]["name"].as_str()).collect()
    };
    let (secrets, maps) = (called("Secret"), called("ConfigMap"));
    let mut probing = 0;
    for object in &objects {
        let name = format!("{}/{}", text_of(&object["kind"]), text_of(&object["metadata"]["name"]));
        if object["apiVersion"].as_str().is_none() || name.contains("//") || name.ends_with('/') {
            findings.push(format!("kubernetes.yaml: {name}: no apiVersion, kind or name"));
        }
        if object["kind"] == "Deployment" {
            let wrong = deployment(object, &secrets, &maps);
            findings.extend(wrong.into_iter().map(|what| format!("kubernetes.yaml: {name}: {what}")));
            let pod = &object["spec"]["template"]["spec"];
            if !texts(&pod["containers"][0]["args"]).contains(&"--no-probe".to_owned()) {
                probing += object["spec"]["replicas"].as_u64().unwrap_or(1);
            }
        }
        if object["kind"] == "Secret" {
            let values = object["stringData"].as_mapping().into_iter().flatten();
            if values.into_iter().any(|(_, value)| value.as_str() != Some("")) {
                findings.push(format!("kubernetes.yaml: {name} has a value: it is an example"));
            }
        }
        if matches!(text_of(&object["kind"]), "Service" | "PodDisruptionBudget") {
            let wanted = match object["kind"] == "Service" {
                true => &object["spec"]["selector"],
                false => &object["spec"]["selector"]["matchLabels"],
            };
            let met = objects.iter().any(|other| &other["spec"]["template"]["metadata"]["labels"] == wanted);
            if !met {
                findings.push(format!("kubernetes.yaml: {name} selects nothing"));
            }
        }
    }
    if probing != 1 {
        findings.push(format!("kubernetes.yaml: {probing} replicas probe, instead of one"));
    }
    findings
}

/// Returns what is wrong with one deployment.
fn deployment(object: &Value, secrets: &[&str], maps: &[&str]) -> Vec<String> {
    let spec = &object["spec"];
    let pod = &spec["template"]["spec"];
    let container = &pod["containers"][0];
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    must(
        spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"],
        "it does not select its pods",
    );
    must(pod["securityContext"]["runAsNonRoot"] == true, "it may run as root");
    must(pod["automountServiceAccountToken"] == false, "it needs no token of the cluster");
    let security = &container["securityContext"];
    must(security["allowPrivilegeEscalation"] == false, "it may gain privileges");
    must(security["readOnlyRootFilesystem"] == true, "it may write its files");
    must(texts(&security["capabilities"]["drop"]) == ["ALL"], "it keeps capabilities");
    must(container["resources"]["limits"]["memory"].is_string(), "its memory has no limit");
    for (probe, path) in
        [("startupProbe", "/health"), ("livenessProbe", "/health"), ("readinessProbe", "/ready")]
    {
        must(container[probe]["httpGet"]["path"] == path, &format!("{probe} must ask {path}"));
        let port = &container[probe]["httpGet"]["port"];
        let named =
            container["ports"].as_sequence().into_iter().flatten().any(|known| &known["name"] == port);
        must(named, &format!("{probe} asks a port that has no name"));
    }
    let secret = text_of(&container["envFrom"][0]["secretRef"]["name"]);
    must(secrets.contains(&secret), "its secret is not there");
    let volume = &pod["volumes"][0];
    must(maps.contains(&text_of(&volume["configMap"]["name"])), "its configuration is not there");
    let mount = &container["volumeMounts"][0];
    must(mount["name"] == volume["name"], "its volume is not mounted");
    // A single file that is mounted is never replaced.
    must(mount["subPath"].is_null() && mount["mountPath"] == "/config", "the configuration must be a folder");
    wrong
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_sequence().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn names(value: &Value) -> Vec<String> {
    value.as_mapping().into_iter().flatten().filter_map(|(key, _)| key.as_str()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSE: &str = include_str!("../../../compose.yaml");
    const KUBERNETES: &str = include_str!("../../../docs/deploy/kubernetes.yaml");

    #[test]
    fn each_rule_of_compose_is_checked() {
        assert_eq!(compose(COMPOSE), [""; 0]);
        for (good, bad) in [
            ("image: postgres:17.6-bookworm", "image: postgres"),
            ("\n  postgres-data:\n", "\n"),
            ("      postgres: { condition", "      postgrex: { condition"),
            ("MONITOR_POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:-}", "MONITOR_POSTGRES_PASSWORD: abc"),
            ("profiles: [sqlite]", "profiles: [light]"),
            ("services:\n", "services: [\n"),
        ] {
            assert!(COMPOSE.contains(good), "{good}");
            assert!(!compose(&COMPOSE.replace(good, bad)).is_empty(), "{good} -> {bad}");
        }
    }

    #[test]
    fn each_rule_of_kubernetes_is_checked() {
        assert_eq!(kubernetes(KUBERNETES), [""; 0]);
        for (good, bad) in [
            ("replicas: 1", "replicas: 2"),
            ("path: /ready", "path: /health"),
            ("runAsNonRoot: true", "runAsNonRoot: false"),
            ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
            ("drop: [ALL]", "drop: []"),
            ("limits: { memory: 512Mi }", "limits: {}"),
            ("configMap: { name: relay-pulse }", "configMap: { name: other }"),
            ("secretRef: { name: relay-pulse }", "secretRef: { name: other }"),
            ("mountPath: /config,", "mountPath: /config, subPath: config.yaml,"),
            ("EXAMPLE_CC_API_KEY: \"\"", "EXAMPLE_CC_API_KEY: sk-1"),
            ("selector: { app: relay-pulse, part: api }", "selector: { app: relay }"),
            ("{ name: http, containerPort: 8080 }", "{ name: web, containerPort: 8080 }"),
            ("\"--no-probe\", ", ""),
        ] {
            assert!(KUBERNETES.contains(good), "{good}");
            assert!(!kubernetes(&KUBERNETES.replace(good, bad)).is_empty(), "{good} -> {bad}");
        }
    }
}
