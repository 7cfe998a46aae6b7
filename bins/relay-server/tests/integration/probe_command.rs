//! `probe` and `healthcheck`: real probes of simulated relays, without a server in between.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Output, Stdio},
};

use expect_test::expect;
use relay_sim::{Behaviour, Outage};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::support::{Site, finish, program};

/// A healthy relay, one that says something else, and one with a server error.
async fn site() -> Site {
    let site = Site::new(&[
        ("acme", Behaviour::Healthy),
        ("acme-two", Behaviour::WrongContent("今天天气很好".to_owned())),
        ("broken", Behaviour::ServerError(503)),
    ])
    .await;
    site.write(&config(&site, 3));
    site
}

/// A configuration of the first `count` relays that nothing is to be said about.
fn config(site: &Site, count: usize) -> Value {
    let mut config = site.config(count);
    config["slow_latency"] = "4s".into();
    config
}

/// The word of a table's line where the detail becomes a matter of the relay.
const DETAIL_END: usize = 16;

/// Runs `probe`; the relays answer meanwhile.
async fn probe(site: &Site, arguments: &[&str]) -> Output {
    let mut command = program(site.dir.path());
    command.arg("probe").args(arguments);
    spawn_blocking(move || finish(&mut command)).await.expect("no panic")
}

fn said(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).expect("Unicode");
    assert!(!text.contains("panicked"), "{text}");
    text
}

fn shown(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).expect("Unicode");
    assert!(!text.contains("sk-sim") && !said(output).contains("sk-sim"), "a key is shown: {text}");
    assert!(!text.contains('\x1b'), "colour without a terminal: {text}");
    text
}

fn json_of(output: &Output) -> Vec<Value> {
    serde_json::from_str(&shown(output)).expect("one JSON array and nothing else")
}

/// Takes the milliseconds out of a table, the spaces that depend on them, and the ends of long details.
fn without_times(table: &str) -> String {
    let line = |line: &str| {
        let cells = line.split_whitespace().enumerate().map(|(index, cell)| {
            let time = (4..10).contains(&index) && cell.bytes().all(|byte| byte.is_ascii_digit());
            if time { "ms" } else { cell }
        });
        cells.take(DETAIL_END).collect::<Vec<_>>().join(" ") + "\n"
    };
    table.lines().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_tells_all_monitors_in_configuration_order() {
    let site = site().await;
    let output = probe(&site, &[]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    expect![[r#"
        MONITOR STATUS SUB-STATUS CODE DNS CONNECT TLS TTFB TOKEN TOTAL DETAIL
        acme/chat green - 200 - ms - ms - ms
        acme-two/chat red content_mismatch 200 - ms - ms - ms "pong" is not in the answer:
        broken/chat red server_error 503 - ms - ms - ms 503 Service Unavailable: the engine is
    "#]]
    .assert_eq(&without_times(&shown(&output)));
    assert!(!site.path("history.db").exists(), "probing takes no database");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_one_array_with_the_names_of_the_api() {
    let site = site().await;
    let output = probe(&site, &["--json", "ACME*", "acme"]).await;
    assert_eq!(output.status.code(), Some(1));
    let results = json_of(&output);
    let providers: Vec<&Value> = results.iter().map(|result| &result["provider"]).collect();
    assert_eq!(providers, ["acme", "acme-two"]);
    let names: Vec<&String> = results[0].as_object().expect("an object").keys().collect();
    let expected = [
        "channel",
        "connect_ms",
        "detail",
        "dns_ms",
        "first_token_ms",
        "http_code",
        "latency",
        "model",
        "provider",
        "service",
        "status",
        "sub_status",
        "timestamp",
        "tls_ms",
        "total_ms",
        "ttfb_ms",
    ];
    assert_eq!(names, expected);
    let verdict = |result: &Value| json!([result["status"], result["sub_status"], result["http_code"]]);
    assert_eq!(verdict(&results[0]), json!(["green", "", 200]));
    assert_eq!(verdict(&results[1]), json!(["red", "content_mismatch", 200]));
    assert_eq!(results[0]["tls_ms"], Value::Null);
    assert_eq!(results[0]["ttfb_ms"], results[0]["latency"]);
    assert!(results[0]["timestamp"].as_i64() > Some(1_700_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn green_ones_succeed_and_globs_stop_early() {
    let site = site().await;
    for globs in [&["acme"][..], &["ACME/chat"], &["a?me/*"], &["acme", "ac*e/chat"]] {
        let output = probe(&site, globs).await;
        assert_eq!(output.status.code(), Some(0), "{globs:?}: {}", said(&output));
        assert_eq!(shown(&output).lines().count(), 2, "{globs:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_glob_for_nothing_is_a_usage_error_and_probes_nothing() {
    let site = site().await;
    let output = probe(&site, &["acme", "acne", "zzz/*"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(shown(&output), "");
    expect![[r#"
        relay-server: no monitor matches "acne"; did you mean acme or acme-two?
        relay-server: no monitor matches "zzz/*"
    "#]]
    .assert_eq(&said(&output));
    let output = probe(&site, &["--json", "broken/chta"]).await;
    assert_eq!((output.status.code(), shown(&output)), (Some(2), String::new()));
    assert!(said(&output).contains("did you mean broken/chat?"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_monitors_are_skipped_unless_named_in_full() {
    let site = site().await;
    let mut config = config(&site, 2);
    config["monitors"][1]["disabled"] = true.into();
    site.write(&config);
    let output = probe(&site, &["*", "--json"]).await;
    assert_eq!((output.status.code(), json_of(&output).len()), (Some(0), 1));
    assert!(said(&output).contains("acme-two/chat"), "{}", said(&output));
    let output = probe(&site, &["acme-two/chat", "--json"]).await;
    assert_eq!((output.status.code(), json_of(&output).len()), (Some(1), 1));
    assert_eq!(said(&output), "");
    let output = probe(&site, &["acme-two"]).await;
    assert_eq!((output.status.code(), shown(&output)), (Some(1), String::new()));
    assert!(said(&output).contains("nothing to probe"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_are_numbered_and_summed_up() {
    let site = site().await;
    let output = probe(&site, &["--repeat", "3", "acme", "broken"]).await;
    assert_eq!(output.status.code(), Some(1));
    let text = shown(&output);
    let rounds: Vec<&str> = text.lines().filter(|line| line.starts_with("Round")).collect();
    assert_eq!(rounds, ["Round 1 of 3", "Round 2 of 3", "Round 3 of 3"]);
    let (_, summary) = text.split_once("Latency of all rounds, ms\n").expect("a summary");
    let counts: Vec<Vec<&str>> =
        summary.lines().map(|line| line.split_whitespace().take(3).collect()).collect();
    assert_eq!(counts, [["MONITOR", "ROUNDS", "RED"], ["acme/chat", "3", "0"], ["broken/chat", "3", "3"]]);

    let output = probe(&site, &["--repeat", "2", "--json", "acme*"]).await;
    let rounds: Vec<(Value, Value)> =
        json_of(&output).iter().map(|result| (result["round"].clone(), result["provider"].clone())).collect();
    let expected = [(1, "acme"), (1, "acme-two"), (2, "acme"), (2, "acme-two")];
    assert_eq!(rounds, expected.map(|(round, provider)| (json!(round), json!(provider))));
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_with_what_there_is() {
    let relays = [("acme", Behaviour::Healthy), ("silent", Behaviour::Down(Outage::Silent))];
    let site = Site::new(&relays).await;
    let mut config = site.config(2);
    config["timeout"] = "60s".into();
    site.write(&config);
    let mut command = program(site.dir.path());
    command.args(["probe", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = spawn_blocking(move || {
        let mut child = command.spawn().expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut text = String::new();
        // The bracket and the first result's beginning come together, and only when it was probed.
        out.read_line(&mut text).expect("readable");
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, Signal::INT).expect("the process is there");
        out.read_to_string(&mut text).expect("readable");
        (child.wait_with_output().expect("ends"), text)
    });
    let (output, text) = ended.await.expect("no panic");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let results: Vec<Value> = serde_json::from_str(&text).expect("one JSON array");
    assert_eq!(results.len(), 1);
    assert_eq!(results[0]["provider"], "acme");
    assert!(said(&output).contains("interrupted"), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_configuration_is_told_and_fails() {
    let site = site().await;
    let mut config = site.config(1);
    config["monitors"][0]["url"] = "nowhere".into();
    site.write(&config);
    let output = probe(&site, &[]).await;
    assert_eq!((output.status.code(), shown(&output)), (Some(1), String::new()));
    assert!(said(&output).starts_with("error: "), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthcheck_follows_the_server() {
    let site = site().await;
    let server = site.start(&["--no-probe"]).await;
    let url = format!("http://{}/health", server.address);
    let check = |arguments: Vec<String>, listen: Option<String>| {
        let mut command = program(site.dir.path());
        command.arg("healthcheck").args(arguments);
        command.envs(listen.map(|listen| ("MONITOR_LISTEN", listen)));
        spawn_blocking(move || finish(&mut command))
    };
    let of_url = check(vec!["--url".to_owned(), url.clone()], None).await.expect("no panic");
    assert_eq!((of_url.status.code(), said(&of_url)), (Some(0), String::new()));
    let by_variable = check(Vec::new(), Some(server.address.to_string())).await.expect("no panic");
    assert_eq!((by_variable.status.code(), said(&by_variable)), (Some(0), String::new()));
    let elsewhere = url.replace("/health", "/nowhere");
    let lost = check(vec!["--url".to_owned(), elsewhere], None).await.expect("no panic");
    assert_eq!(lost.status.code(), Some(1));
    assert!(said(&lost).contains("HTTP 404"), "{}", said(&lost));
    let address = server.address.to_string();
    server.stop().await;
    let gone = check(Vec::new(), Some(address)).await.expect("no panic");
    assert_eq!((gone.status.code(), said(&gone).lines().count()), (Some(1), 1), "{}", said(&gone));
}
