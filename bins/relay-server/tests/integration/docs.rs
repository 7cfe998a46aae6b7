//! What README and docs/ tell people to type is tried: every command of a `sh` block, every snippet in YAML and JSON,
//! every anchor, and every metric that the dashboard and the alert rules name. That the command lines of the program
//! itself parse is a test beside them, in `cli::documents`; that files, routes and crates that are named exist is for
//! `cargo xtask tidy`.
//!
//! The rules:
//!
//! - `sh`: lines of this program and of `cargo` are checked elsewhere (`cargo xtask` by its list of chores); `curl` is
//!   asked of a running server and must be answered with 200; other programs must be among [`STRANGERS`].
//! - `yaml`: top-level keys of a configuration file; missing `monitors` are added, and every `${NAME}` is set. It must
//!   load without an error and without an unknown key. Whose first key is one of [`OTHERS`] belongs to another program.
//! - `json`: must be JSON.
//! - `<!-- untested: REASON -->` on the line before a block exempts it.

mod markdown;

use std::{collections::BTreeSet, fs, path::Path};

use markdown::{Block, anchors, blocks, documents, links};
use relay_config::{Environment, Severity, load_str};
use relay_sim::Behaviour;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::{PATIENCE, Server, Site, program};

/// Programs of others that documents may use; what they do is not tried here.
const STRANGERS: &[&str] = &[
    "apt-get",
    "awk",
    "cat",
    "cd",
    "chmod",
    "chown",
    "cp",
    "createdb",
    "docker",
    "echo",
    "export",
    "git",
    "gzip",
    "install",
    "journalctl",
    "jq",
    "kill",
    "kubectl",
    "ls",
    "mkdir",
    "mv",
    "pg_dump",
    "pg_restore",
    "psql",
    "rm",
    "sha256sum",
    "sqlite3",
    "systemctl",
    "tail",
    "tar",
    "zcat",
    "zstd",
];

/// First keys of files that other programs read.
const OTHERS: &[&str] = &["services", "apiVersion", "groups", "scrape_configs", "rule_files", "x-relay"];

const MONITORS: &str = "\nmonitors:\n  - provider: example\n    service: cc\n    category: commercial\n    sponsor: us\n    \
                        url: https://relay.example.com/v1\n    method: GET\n";

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Returns the blocks of a language in all documents that are to be tried.
fn tried(language: &str) -> Vec<Block> {
    let all = documents(root()).into_iter().flat_map(|(path, text)| blocks(&path, &text));
    all.filter(|block| block.language == language && !block.is_exempt).collect()
}

#[test]
fn yaml_is_a_configuration_that_loads() {
    let blocks = tried("yaml");
    assert!(blocks.len() >= 3, "the documents lost their examples");
    for Block { place, text, .. } in blocks {
        let first =
            text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#')).unwrap_or_default();
        if OTHERS.iter().any(|key| first.starts_with(&format!("{key}:"))) {
            continue;
        }
        let whole =
            if text.lines().any(|line| line.starts_with("monitors:")) { text } else { text + MONITORS };
        let mut env = Environment::new();
        for name in whole.split("${").skip(1).filter_map(|rest| rest.split(['}', ':']).next()) {
            env = env.with(name, "https://example.com/set");
        }
        let loaded =
            load_str(&whole, &place, &env).unwrap_or_else(|problems| panic!("{place}: {problems:#?}"));
        let unknown: Vec<_> = loaded
            .notices
            .iter()
            .filter(|notice| notice.severity != Severity::Info && notice.to_string().contains("unknown key"))
            .collect();
        assert!(unknown.is_empty(), "{place}: {unknown:?}");
    }
}

#[test]
fn the_configuration_for_kubernetes_loads() {
    let text = fs::read_to_string(root().join("docs/deploy/kubernetes.yaml")).expect("readable");
    let (_, rest) = text.split_once("  config.yaml: |\n").expect("a configuration");
    let lines = rest.lines().map_while(|line| line.strip_prefix("    "));
    let whole = lines.collect::<Vec<_>>().join("\n");
    let env =
        Environment::new().with("MONITOR_EXAMPLE_CC_API_KEY", "sk-1").with("MONITOR_POSTGRES_PASSWORD", "p");
    let loaded = load_str(&whole, "kubernetes.yaml", &env).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(loaded.config.server.listen.port(), 8080);
    assert!(loaded.notices.iter().all(|notice| !notice.to_string().contains("unknown key")));
}

#[test]
fn json_is_json() {
    for Block { place, text, .. } in tried("json") {
        let read: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&text).into_iter().collect();
        assert!(read.is_ok_and(|values| !values.is_empty()), "{place} is no JSON:\n{text}");
    }
}

#[test]
fn commands_are_of_known_programs_and_chores() {
    let chores = fs::read_to_string(root().join("xtask/src/main.rs")).expect("the chores");
    for Block { place, text, .. } in tried("sh") {
        for words in markdown::commands(&text) {
            let line = words.join(" ");
            let words: Vec<&str> =
                words.iter().map(String::as_str).skip_while(|word| *word == "sudo").collect();
            match words.as_slice() {
                ["relay-server" | "./relay-server" | "curl", ..]
                | ["cargo", "run" | "build" | "test", ..]
                // Run in `follow_events`.
                | ["python3", "docs/examples/follow_events.py", ..] => {}
                ["cargo", "xtask", chore, ..] => {
                    assert!(chores.contains(&format!("//! | `{chore}` |")), "{place}: `{line}` is no chore");
                }
                [stranger, ..] => assert!(STRANGERS.contains(stranger), "{place}: `{line}` is not tried"),
                [] => {}
            }
        }
    }
}

#[test]
fn anchors_lead_to_headings() {
    let documents = documents(root());
    let mut checked = 0;
    for (path, text) in &documents {
        for (target, anchor) in links(text) {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let wanted = if target.is_empty() { path.clone() } else { markdown::resolve(folder, &target) };
            let Some((_, other)) = documents.iter().find(|(known, _)| *known == wanted) else {
                assert!(root().join(&wanted).exists(), "{path}: {target} does not exist");
                continue;
            };
            if let Some(anchor) = anchor {
                assert!(anchors(other).contains(&anchor), "{path}: {wanted} has no heading for #{anchor}");
            }
            checked += 1;
        }
    }
    assert!(checked > 5, "the documents lost their links");
}

#[test]
fn every_path_of_the_api_is_described() {
    let api = fs::read_to_string(root().join("docs/api.md")).expect("docs/api.md");
    let document: Value = serde_json::from_str(&relay_api::openapi_json()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let missing: Vec<&String> = paths
        .keys()
        .filter(|path| {
            path.starts_with("/api/") || ["/health", "/ready", "/metrics"].contains(&path.as_str())
        })
        .filter(|path| !api.contains(path.split("/{").next().unwrap_or(path)))
        .collect();
    assert!(missing.is_empty(), "docs/api.md does not name {missing:?}");
}

/// A server with what the documents ask for: `acme/cc/vip`, and a token.
async fn documented() -> (Site, Server) {
    let site = Site::new(&[("acme", Behaviour::Healthy)]).await;
    let mut config = site.config(1);
    let monitor = &mut config["monitors"][0];
    monitor["service"] = json!("cc");
    monitor["channel"] = json!("vip");
    config["notifications"] =
        json!([{ "name": "ops", "type": "webhook", "url": "http://127.0.0.1:1/hook", "on": ["DOWN"] }]);
    config["storage"]["archive"] = json!({ "enabled": true, "output_dir": "archive" });
    site.write(&config);
    let mut command = program(site.dir.path());
    command.arg("run").env("EVENTS_API_TOKEN", "TOKEN");
    let server = Server::start(command).await;
    server
        .status_where(|status| status["data"][0]["timeline"].as_array().is_some_and(|t| !t.is_empty()))
        .await;
    (site, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_by_curl_are_answered() {
    let (_site, server) = documented().await;
    let mut asked = 0;
    for Block { place, text, .. } in tried("sh") {
        for words in markdown::commands(&text).into_iter().filter(|words| words[0] == "curl") {
            let code = curl(&server, &words).await;
            assert_eq!(code, 200, "{place}: {}", words.join(" "));
            asked += 1;
        }
    }
    assert!(asked >= 5, "the documents lost their examples");
    server.stop().await;
}

/// Asks as `curl` would, of the options that documents use, and returns the code.
async fn curl(server: &Server, words: &[String]) -> u16 {
    let (mut url, mut body, mut headers, mut method) = ("", "", String::new(), "GET");
    let mut words = words.iter().map(String::as_str).skip(1);
    while let Some(word) = words.next() {
        match word {
            "-H" => headers += &format!("{}\r\n", words.next().expect("a header")),
            "-d" => (body, method) = (words.next().expect("a body"), "POST"),
            "-X" => method = words.next().expect("a method"),
            "-s" | "-sS" | "-N" | "-f" | "-fsS" | "-i" => {}
            _ if word.starts_with("http") => url = word,
            _ => panic!("curl {word} is not understood here"),
        }
    }
    let path =
        url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or("/");
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}",
        server.address
    );
    let mut stream = TcpStream::connect(server.address).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("asks");
    // Streams do not end: the first line is enough.
    let mut head = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut head)).await.expect("in time").expect("an answer");
    String::from_utf8_lossy(&head).split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
}

/// Returns the places of all members below a value, and the kinds of what is no object.
fn shape(value: &Value) -> BTreeSet<String> {
    let kind = match value {
        Value::Object(members) => {
            let below = members.iter().flat_map(|(name, value)| {
                shape(value).into_iter().map(move |place| format!("/{name}{place}"))
            });
            return below.collect();
        }
        Value::Number(_) => " number",
        Value::String(_) => " text",
        Value::Array(_) => " list",
        Value::Bool(_) => " switch",
        Value::Null => " null",
    };
    BTreeSet::from([kind.to_owned()])
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_the_server_are_as_documented() {
    let (_site, server) = documented().await;
    let examples: Vec<Block> =
        tried("json").into_iter().filter(|block| block.place.starts_with("docs/api.md:")).collect();
    for (path, member) in [("/ready", "config_generation"), ("/api/version", "rust_version")] {
        let example = examples.iter().find(|block| block.text.contains(member)).expect("an example");
        let told: Value = serde_json::from_str(&example.text).expect("JSON");
        let answer = server.json(path).await;
        assert_eq!(shape(&told), shape(&answer), "{}: {path} answers {answer}", example.place);
        let compiler = |json: &Value| json["rust_version"].as_str().map(|text| text.starts_with("rustc "));
        assert_eq!(compiler(&told), compiler(&answer), "{}: {path} answers {answer}", example.place);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_the_dashboard_and_the_alerts_are_there() {
    let (_site, server) = documented().await;
    // Families without labels or with labels that are known from the start are all there after the first probe and the
    // first answers.
    let (code, text) = server.get("/metrics").await;
    assert_eq!(code, 200);
    let text = String::from_utf8(text).expect("text");
    let mut known = BTreeSet::new();
    for (name, kind) in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')) {
        known.insert(name.to_owned());
        if kind == "histogram" {
            known.extend(["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")));
        }
    }
    for file in ["docs/deploy/grafana.json", "docs/deploy/alerts.yaml"] {
        let text = fs::read_to_string(root().join(file)).expect("readable");
        let named: BTreeSet<&str> = text
            .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .filter(|word| word.starts_with("relay_"))
            .collect();
        let missing: Vec<&&str> = named.iter().filter(|name| !known.contains(**name)).collect();
        assert!(named.len() > 8 && missing.is_empty(), "{file} names {missing:?}; there are {known:#?}");
    }
    server.stop().await;
}
