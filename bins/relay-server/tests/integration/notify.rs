use std::{process::Output, time::Duration};

use relay_sim::Behaviour;
use relay_testkit::{Received, Receiver, Reply};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Server, Site, finish, points, program};

const BROKEN: Behaviour = Behaviour::ServerError(503);

/// Returns the configuration with these notifications.
fn config(site: &Site, notifications: Value) -> Value {
    let mut config = site.config(1);
    config["notifications"] = notifications;
    config
}

fn hook(receiver: &Receiver) -> Value {
    json!({
        "name": "ops", "type": "webhook", "url": receiver.url("/hook?token=s3cret-word"),
        "headers": { "X-Token": "other-s3cret" },
    })
}

fn body(received: &Received) -> Value {
    serde_json::from_str(&received.body).expect("JSON")
}

/// Looks again until something is so.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let end = tokio::time::Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < end, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Runs a command beside the server and returns what it says.
async fn told(site: &Site, arguments: &[&str]) -> Output {
    let mut command = program(site.dir.path());
    command.args(arguments);
    tokio::task::spawn_blocking(move || finish(&mut command)).await.expect("it ran")
}

async fn log(site: &Site, arguments: &[&str]) -> String {
    let output = told(site, arguments).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn no_secrets(server: &Server) {
    let log = server.log();
    assert!(!log.iter().any(|line| line.contains("s3cret")), "a secret in the log: {log:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_called_when_a_relay_goes_down_and_comes_back() {
    let (site, receiver) = (Site::new(&[("relay", Behaviour::Healthy)]).await, Receiver::start().await);
    site.write(&config(&site, json!([hook(&receiver)])));
    let server = site.start(&[]).await;
    server.status_where(|status| points(status, "relay") > 0).await;
    assert!(receiver.received().is_empty());

    site.sim.handle().set_behaviour("relay", BROKEN);
    let received = receiver.wait_for(1, PATIENCE).await;
    let down = body(&received[0]);
    assert_eq!(received[0].header("x-token"), Some("other-s3cret"));
    assert_eq!(received[0].key(), down["idempotency_key"]);
    assert_eq!(down["title"], "DOWN: relay/chat");
    assert_eq!(
        (&down["events"][0]["http_code"], &down["events"][0]["sub_status"]),
        (&json!(503), &json!("server_error"))
    );

    // Within 30 s of the first, it is collected: it waits to be told when these are over.
    site.sim.handle().set_behaviour("relay", Behaviour::Healthy);
    let labels = r#"{notification="ops",type="webhook"}"#;
    server.metric_where(&format!("relay_notification_events_planned_total{labels}"), |n| n > 1.0).await;
    server.metric_where(&format!("relay_notification_deliveries_total{labels}"), |n| n > 0.0).await;
    let waiting = log(&site, &["notify", "log", "ops", "--json"]).await;
    let waiting: Value = serde_json::from_str(&waiting).expect("JSON");
    let states: Vec<&Value> = waiting.as_array().expect("a list").iter().map(|line| &line["state"]).collect();
    assert_eq!(states, ["waiting", "delivered"], "{waiting:#}");
    assert_eq!(waiting[1]["idempotency_key"], received[0].key());
    assert_eq!(receiver.received().len(), 1);
    no_secrets(&server);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_did_not_deliver_the_next_one_does() {
    let (site, receiver) = (Site::new(&[("relay", Behaviour::Healthy)]).await, Receiver::start().await);
    receiver.reply(Reply::Silence);
    site.write(&config(&site, json!([hook(&receiver)])));
    let server = site.start(&[]).await;
    server.status_where(|status| points(status, "relay") > 0).await;
    site.sim.handle().set_behaviour("relay", BROKEN);
    receiver.wait_for(1, PATIENCE).await;
    no_secrets(&server);
    server.signal(Signal::KILL);
    assert!(!server.ended().await.success());

    receiver.reply(Reply::ok("ok"));
    let server = site.start(&[]).await;
    let received = receiver.wait_for(2, PATIENCE).await;
    assert_eq!(received[1].key(), received[0].key(), "the same message");
    assert_eq!(received[1].body, received[0].body);
    server.stop().await;

    let server = site.start(&[]).await;
    server.status_where(|status| points(status, "relay") > 2).await;
    assert_eq!(receiver.received().len(), 2, "a message that arrived is not sent again");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_why_a_message_does_not_arrive() {
    let (site, receiver) = (Site::new(&[("relay", Behaviour::Healthy)]).await, Receiver::start().await);
    receiver.reply(Reply::Answer(500, Vec::new(), "broken, said s3cret-word".to_owned()));
    site.write(&config(&site, json!([hook(&receiver)])));
    let server = site.start(&[]).await;
    server.status_where(|status| points(status, "relay") > 0).await;
    assert_eq!(log(&site, &["notify", "log"]).await, "nothing waits, and nothing was delivered yet\n");
    let nobody = told(&site, &["notify", "log", "oops"]).await;
    let said = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(nobody.status.code() == Some(1) && said.contains("\"oops\": it has ops"), "{said}");
    site.sim.handle().set_behaviour("relay", BROKEN);
    receiver.wait_for(1, PATIENCE).await;
    let labels = r#"{notification="ops",type="webhook"}"#;
    server.metric_where(&format!("relay_notification_retries_total{labels}"), |n| n > 0.0).await;
    server.metric_where(&format!("relay_notification_outbox_messages{labels}"), |n| n > 0.0).await;
    let said = log(&site, &["notify", "log"]).await;
    assert!(said.contains("retrying") && said.contains("relay/chat"), "{said}");
    assert!(said.contains("the receiver answered 500") && !said.contains("s3cret"), "{said}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_follow_the_file() {
    let (site, receiver) = (Site::new(&[("relay", Behaviour::Healthy)]).await, Receiver::start().await);
    site.write(&site.config(1));
    let server = site.start(&[]).await;
    server.status_where(|status| points(status, "relay") > 0).await;

    let mut broken = hook(&receiver);
    broken["body"] = json!("{{ no_such_name }}");
    site.write(&config(&site, json!([broken])));
    let mistake = |line: &String| line.contains("no_such_name") || line.contains("undefined value");
    eventually("the mistake is logged", async || server.log().iter().any(mistake)).await;
    let mut short = hook(&receiver);
    short["body"] = json!("{{ state }} {{ name }}");
    site.write(&config(&site, json!([short])));
    eventually("the notification is in force", async || {
        server.json("/ready").await["components"]["notifications"]["channels"] == 1
    })
    .await;
    site.sim.handle().set_behaviour("relay", BROKEN);
    let received = receiver.wait_for(1, PATIENCE).await;
    assert_eq!(received[0].body, "DOWN relay/chat");
    assert_eq!(received[0].header("content-type"), Some("text/plain; charset=utf-8"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_is_sent_and_the_answer_shown_without_secrets() {
    let (site, receiver) = (Site::new(&[("relay", Behaviour::Healthy)]).await, Receiver::start().await);
    let telegram = json!({
        "name": "chat", "type": "telegram", "url": receiver.url(""), "token": "123:s3cret", "chat_id": "-100",
    });
    site.write(&config(&site, json!([hook(&receiver), telegram])));
    let test = |name: &str| {
        let mut command = program(site.dir.path());
        command.args(["notify", "test", name]);
        tokio::task::spawn_blocking(move || finish(&mut command))
    };
    let output = test("ops").await.expect("it ran");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said, "ops (webhook) took the sample: 200 OK ok\n");

    receiver.reply(Reply::ok(r#"{"ok": false, "description": "bot 123:s3cret is not known"}"#));
    let output = test("chat").await.expect("it ran");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("without ok") && said.contains("bot *** is not known"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");

    let output = test("nobody").await.expect("it ran");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("it has ops, chat"), "{said}");
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert!(received[1].target.ends_with("/bot123:s3cret/sendMessage"));
}

#[test]
fn the_examples_of_the_document_are_good() {
    let document = include_str!("../../../../docs/notifications.md");
    let dir = tempfile::tempdir().expect("a directory");
    let monitor = "monitors: [{provider: a, service: cc, category: public, sponsor: t, \
                   url: 'https://a.example/v1', method: GET}]";
    let mut types = std::collections::BTreeSet::new();
    let blocks = document.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    for block in blocks {
        std::fs::write(dir.path().join("config.yaml"), format!("{block}{monitor}\n")).expect("written");
        let mut command = program(dir.path());
        for name in block.split("${").skip(1).filter_map(|rest| rest.split('}').next()) {
            let value = if name.ends_with("_HOOK") { "https://hook.example/x" } else { "word" };
            command.env(name, value);
        }
        let output = finish(command.args(["check", "--strict"]));
        assert!(output.status.success(), "{block}{}", String::from_utf8_lossy(&output.stderr));
        types.extend(block.split(" type: ").skip(1).filter_map(|rest| rest.lines().next()));
    }
    assert_eq!(types.len(), 13, "an example of each: {types:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_templates_are_refused_before_anything_runs() {
    let (site, receiver) = (Site::new(&[("relay", Behaviour::Healthy)]).await, Receiver::start().await);
    for (template, parts) in [
        ("a\n{{ nmae }}", ["line 2 of the template: nothing is called nmae", "ops"]),
        ("{% if state %}", ["line 1", "notifications[0].template"]),
        ("{{ title | shout }}", ["line 1", "shout"]),
    ] {
        let mut wrong = hook(&receiver);
        wrong["template"] = json!(template);
        site.write(&config(&site, json!([wrong])));
        for command in [["check"].as_slice(), &["run"], &["notify", "test", "ops"]] {
            let output = finish(program(site.dir.path()).args(command));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
            assert!(parts.iter().all(|part| said.contains(part)), "{command:?}: {said}");
            assert!(!said.contains("s3cret"), "{said}");
            let place = said.lines().any(|line| {
                let at = line.split(": ").nth(1).unwrap_or_default().rsplit(':').nth(1);
                at.is_some_and(|number| number.parse().is_ok_and(|number: u32| number > 0))
                    && line.contains(": notifications[0].template: ")
            });
            assert!(place, "{command:?}: {said}");
        }
    }
    assert!(receiver.received().is_empty() && !site.path("history.db").exists());
}
