//! The service unit and the proxies: what each file must say.

/// What the unit must have; `systemd-analyze` checks the rest where it is installed.
const UNIT: [&str; 16] = [
    "Type=exec",
    "EnvironmentFile=-/etc/relay-pulse/environment",
    "ExecReload=/bin/kill -HUP $MAINPID",
    "Restart=on-failure",
    "DynamicUser=yes",
    "StateDirectory=relay-pulse",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
    "MemoryDenyWriteExecute=yes",
    "SystemCallFilter=@system-service",
    "WantedBy=multi-user.target",
];

/// The paths of streams that a proxy must not hold back.
const STREAMS: [&str; 2] = ["/api/stream", "/api/events/stream"];

/// Returns what is wrong with the unit.
pub(super) fn unit(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut findings: Vec<String> = UNIT
        .iter()
        .filter(|wanted| !lines.contains(wanted))
        .map(|wanted| format!("relay-server.service: {wanted} is missing"))
        .collect();
    for section in ["[Unit]", "[Service]", "[Install]"] {
        if !lines.contains(&section) {
            findings.push(format!("relay-server.service: {section} is missing"));
        }
    }
    let strange = lines.iter().filter(|line| !line.is_empty() && !line.starts_with(['#', '[', ';']));
    findings.extend(
        strange
            .filter(|line| !line.contains('='))
            .map(|line| format!("relay-server.service: {line:?} sets nothing")),
    );
    findings
}

/// Returns what is wrong with the site for nginx.
pub(super) fn nginx(text: &str) -> Vec<String> {
    let code: Vec<&str> =
        text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).collect();
    let mut findings = Vec::new();
    let mut depth = 0i32;
    for (number, line) in code.iter().enumerate() {
        depth += i32::from(line.ends_with('{')) - i32::from(*line == "}");
        if depth < 0 || !line.is_empty() && !line.ends_with(['{', '}', ';']) {
            findings.push(format!("nginx.conf:{}: {line:?} does not end", number + 1));
        }
    }
    if depth != 0 {
        findings.push("nginx.conf: a block is not closed".to_owned());
    }
    let streams = block(&code, "location ~ ^/api/(stream|events/stream)$");
    for wanted in ["proxy_buffering off;", "proxy_read_timeout 1h;", "proxy_pass http://relay_pulse;"] {
        if !streams.contains(&wanted) {
            findings.push(format!("nginx.conf: streams need {wanted}"));
        }
    }
    let proxied =
        ["proxy_http_version 1.1;", "proxy_set_header Connection \"\";", "proxy_set_header Host $host;"];
    let forwarded = [
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "proxy_set_header X-Forwarded-Proto $scheme;",
    ];
    for wanted in proxied.iter().chain(&forwarded).chain(&["listen 443 ssl http2;"]) {
        if !code.contains(wanted) {
            findings.push(format!("nginx.conf: {wanted} is missing"));
        }
    }
    if !block(&code, "location = /metrics").contains(&"return 404;") {
        findings.push("nginx.conf: it hands /metrics out".to_owned());
    }
    findings
}

/// Returns the lines of a block that begins with these words.
fn block<'a>(lines: &[&'a str], begin: &str) -> Vec<&'a str> {
    let inside = lines.iter().skip_while(|line| !line.starts_with(begin)).skip(1);
    inside.take_while(|line| **line != "}").copied().collect()
}

/// Returns what is wrong with the site for Caddy.
pub(super) fn caddy(text: &str) -> Vec<String> {
    let code: Vec<&str> =
        text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).collect();
    let mut findings = Vec::new();
    let opened = code.iter().filter(|line| line.ends_with('{')).count();
    if opened != code.iter().filter(|line| **line == "}").count() {
        findings.push("Caddyfile: a block is not closed".to_owned());
    }
    let paths = code.iter().find_map(|line| line.strip_prefix("@streams path ")).unwrap_or_default();
    for stream in STREAMS {
        if !paths.split(' ').any(|path| path == stream) {
            findings.push(format!("Caddyfile: {stream} is no stream"));
        }
    }
    if !block(&code, "reverse_proxy @streams").contains(&"flush_interval -1") {
        findings.push("Caddyfile: streams need flush_interval -1".to_owned());
    }
    if !code.contains(&"respond /metrics 404") {
        findings.push("Caddyfile: it hands /metrics out".to_owned());
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = include_str!("../../../docs/deploy/relay-server.service");
    const NGINX: &str = include_str!("../../../docs/deploy/nginx.conf");
    const CADDY: &str = include_str!("../../../docs/deploy/Caddyfile");

    fn each(check: fn(&str) -> Vec<String>, text: &str, changes: &[(&str, &str)]) {
        assert_eq!(check(text), [""; 0]);
        for (good, bad) in changes {
            assert!(text.contains(good), "{good}");
            assert!(!check(&text.replace(good, bad)).is_empty(), "{good} -> {bad}");
        }
    }

    #[test]
    fn each_rule_is_checked() {
        each(
            unit,
            SERVICE,
            &[("DynamicUser=yes", "User=root"), ("[Install]", "[Instal]"), ("UMask=", "UMask ")],
        );
        each(
            nginx,
            NGINX,
            &[
                ("proxy_buffering off;", ""),
                ("gzip off;", "gzip off"),
                ("return 404;", "proxy_pass http://relay_pulse;"),
                ("X-Forwarded-For $proxy_add", "X-Forwarded-For $"),
                ("location / {", "location / {\nlocation /x {"),
            ],
        );
        each(
            caddy,
            CADDY,
            &[
                ("flush_interval -1", ""),
                (" /api/events/stream", ""),
                ("respond /metrics 404", ""),
                ("\n\t}\n", "\n"),
            ],
        );
    }
}
