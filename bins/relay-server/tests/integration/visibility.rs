//! What hidden, disabled and cold monitors leave to be seen, on every route of the program with its real pages.
//!
//! All monitors begin in public, are probed and fail, so that the store holds records and events of each. Then a new
//! configuration hides some, disables some and retires one. From then on no answer may hold a word of those that are
//! not shown, nor of any upstream or key, and whoever asks for them by name is answered as if they had never been.

use std::{collections::BTreeSet, net::SocketAddr};

use relay_sim::Behaviour;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::support::{PATIENCE, Server, Site, entry};

/// Relays that the second configuration shows.
const SHOWN: [&str; 4] = ["open", "fails", "cold", "family"];
/// Relays that it does not show, each for another reason.
const UNSEEN: [&str; 4] = ["zzhidden", "zzlisted", "zzcutoff", "zzbanned"];
/// A provider that never was, with as many letters as each of those.
const NOBODY: &str = "zznobody";
/// What no answer may hold: names and reasons of what is not shown, what upstreams said, and the keys of the relays.
const SECRETS: [&str; 8] =
    ["zzhidden", "zzlisted", "zzcutoff", "zzbanned", "zzmodel", "zzreason", "zzupstream", "sk-sim-"];
/// What a failing upstream says.
const TEXT: &str = "zzupstream: top up your balance";
const TOKEN: &str = "a-token-of-the-test";
const LANGUAGES: [&str; 4] = ["", "/en", "/ru", "/ja"];

/// Which answer is expected of a route.
const EVENTS: [&str; 3] = ["/api/events", "/api/events/latest", "/api/events/stream"];

/// An answer as far as readers can tell one from another.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    code: u16,
    /// Without those that differ from one request to the next.
    headers: BTreeSet<String>,
    body: String,
}

impl Answer {
    fn hides(&self, what: &str) {
        for secret in SECRETS {
            assert!(!self.body.contains(secret), "{what} shows {secret}: {}", self.body);
            let told = self.headers.iter().any(|header| header.contains(secret));
            assert!(!told, "{what} shows {secret}: {:?}", self.headers);
        }
    }
}

async fn ask(address: SocketAddr, method: &str, path: &str, more: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("an answer");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let code = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let headers = lines
        .map(str::to_lowercase)
        .filter(|line| !["date:", "x-request-id:", "age:"].iter().any(|changing| line.starts_with(changing)));
    Answer { code: code.expect("a code"), headers: headers.collect(), body: body.to_owned() }
}

async fn get(server: &Server, path: &str) -> Answer {
    ask(server.address, "GET", path, "", "").await
}

/// Returns what is asked of a route: everything that it may show of anybody. Streams are listened to besides.
fn questions(route: &str, asset: &str) -> Vec<String> {
    let of_monitors = |rest: &[&str]| -> Vec<String> {
        let monitors = SHOWN.iter().flat_map(|provider| {
            rest.iter().map(move |rest| format!("{route}?provider={provider}&service=chat{rest}"))
        });
        monitors.collect()
    };
    let pages = |path: &str| LANGUAGES.map(|language| format!("{language}{path}"));
    match route {
        "/api/status" => status_questions(),
        "/api/status/query" => vec![
            format!("{route}?q=open&q=fails/chat&q=cold&q=family/chat/one"),
            format!("{route}?provider=family&service=chat&channel=one"),
        ],
        "/api/timeline" => of_monitors(&["", "&period=90m", "&period=7d&time_filter=22:00-06:30"]),
        "/api/history" => of_monitors(&["", "&limit=1", "&from=0&to=9999999999"]),
        "/badge.svg" => of_monitors(&["", "&metric=latency", "&metric=status&period=90m"]),
        "/api/events" => vec![route.to_owned(), format!("{route}?types=DOWN"), format!("{route}?limit=1")],
        "/api/status-page/{slug}" | "/api/status-page/heartbeat/{slug}" => {
            vec![route.replace("{slug}", "default")]
        }
        "/assets/{rest}" => vec![asset.to_owned()],
        "/" => {
            let slugs = SHOWN.iter().flat_map(|slug| pages(&format!("/p/{slug}")));
            pages("/").into_iter().chain(slugs).collect()
        }
        "/api/events/latest" | "/api/openapi.json" | "/api/version" | "/health" | "/ready" | "/metrics"
        | "/feed.atom" | "/sitemap.xml" | "/robots.txt" | "/en" | "/ru" | "/ja" => vec![route.to_owned()],
        // Asked with a body, and listened to, by functions of their own.
        "/api/status/batch" | "/api/stream" | "/api/events/stream" => Vec::new(),
        other => panic!("{other} is a route that nobody looks behind: ask it here, with every parameter"),
    }
}

fn status_questions() -> Vec<String> {
    let mut all = Vec::new();
    for view in ["full", "compact"] {
        for board in ["hot", "cold", "all"] {
            for period in ["90m", "24h&align=hour", "7d&time_filter=09:00-08:30", "1y"] {
                all.push(format!("/api/status?view={view}&board={board}&period={period}"));
            }
        }
    }
    all.extend(SHOWN.map(|provider| format!("/api/status?provider={provider}&service=chat&board=all")));
    all
}

/// Returns the routes that the program says it has.
async fn routes(server: &Server) -> Vec<String> {
    let document = server.json("/api/openapi.json").await;
    document["paths"].as_object().expect("paths").keys().cloned().collect()
}

/// Asks everything of every route. Without `events`, their routes are closed to whoever brings no token.
async fn walk(server: &Server, events: bool) {
    let home = get(server, "/").await.body;
    let asset = home.split('"').find(|word| word.starts_with("/assets/")).expect("the page has files");
    for route in routes(server).await {
        for path in questions(&route, asset) {
            let answer = get(server, &path).await;
            let code = match route.as_str() {
                "/en" | "/ru" | "/ja" => 308,
                route if EVENTS.contains(&route) && !events => 401,
                _ => 200,
            };
            assert_eq!(answer.code, code, "{path}: {}", answer.body);
            answer.hides(&path);
        }
    }
    let all: Vec<Value> = SHOWN.map(|provider| json!({ "provider": provider })).into();
    let batch = json!({ "queries": all }).to_string();
    let answer = ask(server.address, "POST", "/api/status/batch", "", &batch).await;
    assert_eq!(answer.code, 200, "{}", answer.body);
    answer.hides("/api/status/batch");
}

/// Asks for something by two names, and compares what is told of each.
async fn same_as_nobody(server: &Server, name: &str, nobody: &str, template: &str) {
    assert_eq!(name.len(), nobody.len(), "the length of a name may be told");
    let of = async |name: &str| {
        let mut answer = get(server, &template.replace("NAME", name)).await;
        let body = answer.body.replace(name, "NAME");
        // The moment of the answer is told by some.
        let mut body: Value = serde_json::from_str(&body).unwrap_or(Value::String(body));
        body.as_object_mut().map(|body| body.remove("as_of"));
        answer.body = body.to_string();
        // A tag of the whole body, with the name that was asked for.
        answer.headers.retain(|header| !header.starts_with("etag:"));
        answer
    };
    assert_eq!(of(name).await, of(nobody).await, "{template} tells {name} from {nobody}");
}

async fn nobody_is_there(server: &Server) {
    let mut templates: Vec<String> = [
        "/api/status?provider=NAME&board=all&period=90m",
        "/api/status/query?q=NAME",
        "/api/status/query?provider=NAME&service=chat",
        "/api/timeline?provider=NAME&service=chat",
        "/api/history?provider=NAME&service=chat",
        "/badge.svg?provider=NAME&service=chat",
        "/api/events?provider=NAME",
    ]
    .map(str::to_owned)
    .into();
    templates.extend(LANGUAGES.map(|language| format!("{language}/p/NAME")));
    for name in UNSEEN {
        for template in &templates {
            same_as_nobody(server, name, NOBODY, template).await;
        }
    }
    for endpoint in ["/api/timeline", "/api/history", "/badge.svg"] {
        let template = format!("{endpoint}?provider=family&service=chat&channel=one&model=NAME");
        same_as_nobody(server, "zzmodel", "zznoone", &template).await;
    }
    for language in LANGUAGES {
        let page = get(server, &format!("{language}/p/{}", UNSEEN[0])).await;
        assert_eq!(page.code, 404);
        assert!(page.headers.contains("x-robots-tag: noindex"), "{:?}", page.headers);
    }
}

/// Listens to a stream until it says `mark`; returns all it said.
async fn listen(stream: &mut TcpStream, heard: &mut String, mark: &str) {
    let mut buffer = [0; 4096];
    while !heard.contains(mark) {
        let read = timeout(PATIENCE, stream.read(&mut buffer)).await.expect("something").expect("a stream");
        assert!(read > 0, "it ended before {mark:?}: {heard}");
        heard.push_str(std::str::from_utf8(&buffer[..read]).expect("text"));
    }
}

/// Lets everything that is probed come up again while both streams are heard.
async fn streams_keep_quiet(site: &Site, server: &Server) {
    let mut open = Vec::new();
    for path in ["/api/stream", "/api/events/stream?since_id=0"] {
        let mut stream = TcpStream::connect(server.address).await.expect("a connection");
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.expect("sent");
        let mut heard = String::new();
        listen(&mut stream, &mut heard, "retry: 3000\n\n").await;
        open.push((path, stream, heard));
    }
    let latest = async || server.json("/api/events/latest").await["latest_id"].as_i64().expect("a number");
    let before = latest().await;
    for name in UNSEEN {
        site.sim.handle().set_behaviour(name, Behaviour::Healthy);
    }
    let end = Instant::now() + PATIENCE;
    // Two of them are probed still.
    while latest().await < before + 2 {
        assert!(Instant::now() < end, "no event of a hidden monitor");
        sleep(std::time::Duration::from_millis(50)).await;
    }
    site.sim.handle().set_behaviour("fails", Behaviour::Healthy);
    for ((path, mut stream, mut heard), mark) in open.into_iter().zip(["event: status", "event: UP"]) {
        listen(&mut stream, &mut heard, mark).await;
        for secret in SECRETS {
            assert!(!heard.contains(secret), "{path} shows {secret}: {heard}");
        }
    }
}

/// Returns a configuration that shows everything.
fn everything(site: &Site) -> Value {
    let mut config = site.config(SHOWN.len() + UNSEEN.len());
    config["boards"] = json!({ "enabled": true });
    config["events"] = json!({ "enabled": true, "down_threshold": 1 });
    let monitors = config["monitors"].as_array_mut().expect("monitors");
    for monitor in monitors.iter_mut() {
        let url = format!("{}?key={{{{API_KEY}}}}", monitor["url"].as_str().expect("a URL"));
        monitor["url"] = json!(url);
    }
    let family = monitors.iter_mut().find(|monitor| monitor["provider"] == "family").expect("a family");
    family["channel"] = json!("one");
    family["model"] = json!("large");
    monitors.push(json!({ "parent": "family/chat/one", "model": "zzmodel" }));
    config
}

/// Returns the same with some monitors out of sight.
fn discreet(site: &Site) -> Value {
    let mut config = everything(site);
    config["hidden_providers"] = json!([{ "provider": "ZZlisted", "reason": "zzreason" }]);
    config["disabled_providers"] = json!([{ "provider": "ZZbanned", "reason": "zzreason" }]);
    for monitor in config["monitors"].as_array_mut().expect("monitors") {
        match monitor["provider"].as_str() {
            Some("cold") => monitor["board"] = json!("cold"),
            Some("zzhidden") => {
                monitor["hidden"] = json!(true);
                monitor["hidden_reason"] = json!("zzreason");
                monitor["sponsor"] = json!("zzhidden");
            }
            Some("zzcutoff") => {
                monitor["disabled"] = json!(true);
                monitor["disabled_reason"] = json!("zzreason");
            }
            None => monitor["hidden"] = json!(true),
            _ => {}
        }
    }
    config
}

async fn reload(site: &Site, server: &Server, config: &Value) {
    let generation = async || server.json("/ready").await["config_generation"].as_i64().expect("a number");
    let before = generation().await;
    site.write(config);
    server.signal(Signal::HUP);
    let end = Instant::now() + PATIENCE;
    while generation().await == before {
        assert!(Instant::now() < end, "not reloaded: {:?}", server.log());
        sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Starts a site where everything has failed once in public.
async fn troubled() -> (Site, Server) {
    let names: Vec<(&str, Behaviour)> =
        SHOWN.iter().chain(&UNSEEN).map(|name| (*name, Behaviour::Healthy)).collect();
    let site = Site::new(&names).await;
    site.write(&everything(&site));
    let server = site.start(&[]).await;
    let state = |status: &Value, name: &str| entry(status, name)["current_status"]["status"].clone();
    let singles: Vec<&str> = names.iter().map(|(name, _)| *name).filter(|name| *name != "family").collect();
    server.status_where(|status| singles.iter().all(|name| state(status, name) == 1)).await;
    server.status_where(|status| status["groups"][0]["current_status"] == 1).await;
    for name in names.iter().map(|(name, _)| *name).filter(|name| *name != "open") {
        site.sim.handle().set_behaviour(name, Behaviour::WrongContent(TEXT.to_owned()));
    }
    // Six alone and two of the family.
    let end = Instant::now() + PATIENCE;
    while server.json("/api/events").await["meta"]["count"] != json!(SHOWN.len() + UNSEEN.len()) {
        assert!(Instant::now() < end, "not everything went down: {:?}", server.log());
        sleep(std::time::Duration::from_millis(50)).await;
    }
    (site, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_shown_is_nowhere() {
    let (site, server) = troubled().await;
    reload(&site, &server, &discreet(&site)).await;

    walk(&server, true).await;
    nobody_is_there(&server).await;
    streams_keep_quiet(&site, &server).await;

    let sitemap = get(&server, "/sitemap.xml").await.body;
    assert!(SHOWN.iter().all(|name| sitemap.contains(&format!("/p/{name}<"))), "the cold one too: {sitemap}");
    let kuma = get(&server, "/api/status-page/default").await.body;
    assert!(SHOWN.iter().all(|name| kuma.contains(&format!("\"{name}\""))), "{kuma}");
    let feed = get(&server, "/feed.atom").await.body;
    assert!(["fails", "cold", "family"].iter().all(|name| feed.contains(name)), "{feed}");

    let with_hidden = get(&server, "/api/status?include_hidden=true&board=all").await.body;
    for (name, shown) in UNSEEN.iter().zip([true, true, false, false]) {
        assert_eq!(with_hidden.contains(name), shown, "{name}: {with_hidden}");
    }
    assert!(with_hidden.contains("zzmodel"), "{with_hidden}");
    for secret in ["zzreason", "zzupstream", "sk-sim-"] {
        assert!(!with_hidden.contains(secret), "{secret}: {with_hidden}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_operators_opens_events_alone() {
    let (site, server) = troubled().await;
    let mut config = discreet(&site);
    config["events"]["api_token"] = json!(TOKEN);
    reload(&site, &server, &config).await;

    walk(&server, false).await;
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let operator = async |path: &str| ask(server.address, "GET", path, &bearer, "").await;
    let events = operator("/api/events?limit=500").await.body;
    assert!(UNSEEN.iter().all(|name| events.contains(name)), "{events}");
    assert!(events.contains("zzupstream"), "{events}");
    assert!(operator("/api/history?provider=fails&service=chat").await.body.contains("zzupstream"));
    for name in UNSEEN {
        let history = operator(&format!("/api/history?provider={name}&service=chat")).await;
        assert_eq!(history.code, 404, "{name}");
    }
    operator("/feed.atom").await.hides("/feed.atom");

    // A file that is refused is told of where everybody can read it.
    let monitors = config["monitors"].as_array_mut().expect("monitors");
    let hidden = monitors.iter_mut().find(|monitor| monitor["provider"] == "zzhidden").expect("hidden");
    let again = hidden.clone();
    hidden["provider_slug"] = json!("zzmodel--zzreason");
    hidden["board"] = json!("zzhidden");
    hidden["badges"] = json!(["zzreason"]);
    monitors.push(again);
    monitors.push(json!({ "parent": "zzhidden/zzmodel/zzreason", "model": "zzmodel" }));
    config["risk_providers"] = json!([{ "provider": "zzhidden", "risks": [] }]);
    site.write(&config);
    server.signal(Signal::HUP);
    server.says("config not reloaded").await;
    let ready = server.json("/ready").await;
    assert!(ready["components"]["config"]["last_error"].is_string(), "{ready}");
    get(&server, "/ready").await.hides("/ready after a file that was refused");
    server.stop().await;
}
