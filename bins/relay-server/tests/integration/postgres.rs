//! The program on a PostgreSQL server, which goes away and comes back.

use relay_sim::Behaviour;
use relay_testkit::{
    Receiver,
    postgres::{ROLE, Server as Database, ServerOptions},
};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::{
    task::block_in_place,
    time::{Duration, Instant, sleep},
};

use crate::support::{PATIENCE, Server, Site, entry, finish, points, program};

/// For how many probes of a monitor, one a second, the server is away, when somebody asks for another number than
/// [`PROBES_AWAY`].
const PROBES_AWAY_VARIABLE: &str = "RELAY_SOAK_PROBES_AWAY";
const PROBES_AWAY: u64 = 3;

async fn site(database: &Database) -> Site {
    let site = Site::new(&[("good", Behaviour::Healthy), ("bad", Behaviour::ServerError(500))]).await;
    let mut config = site.config(2);
    let address = database.address();
    config["storage"] = json!({
        "type": "postgres",
        "postgres": { "host": address.ip(), "port": address.port(), "user": ROLE, "database": "postgres" },
    });
    site.write(&config);
    site
}

async fn ready(server: &Server, code: u16) {
    let end = Instant::now() + PATIENCE;
    while server.get("/ready").await.0 != code {
        assert!(Instant::now() < end, "/ready does not become {code}: {:?}", server.log());
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_shown_from_postgres_survives_a_kill() {
    let database = block_in_place(|| Database::start(ServerOptions::default()).expect("a server"));
    let site = site(&database).await;
    let server = site.start(&[]).await;
    let before = server.status_where(|status| points(status, "good") > 1 && points(status, "bad") > 1).await;
    server.signal(Signal::KILL);
    assert!(!server.ended().await.success());

    let server = site.start(&["--no-probe"]).await;
    let after = server.json("/api/status?period=90m").await;
    for provider in ["good", "bad"] {
        let shown = entry(&before, provider)["timeline"].as_array().expect("points");
        let now = entry(&after, provider)["timeline"].as_array().expect("points");
        assert_eq!(now[..shown.len()], shown[..], "{provider}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn probing_goes_on_while_postgres_is_away() {
    let mut database = block_in_place(|| Database::start(ServerOptions::default()).expect("a server"));
    let site = site(&database).await;
    let server = site.start(&[]).await;
    server.status_where(|status| points(status, "good") > 0).await;
    ready(&server, 200).await;
    block_in_place(|| database.stop());
    ready(&server, 503).await;
    let asked = || site.sim.handle().counts("good").map_or(0, |counts| counts.requests);
    let away =
        std::env::var(PROBES_AWAY_VARIABLE).map_or(PROBES_AWAY, |probes| probes.parse().expect("a number"));
    let (before, end) = (asked(), Instant::now() + PATIENCE + Duration::from_secs(2 * away));
    while asked() < before + away {
        assert!(Instant::now() < end, "no probes");
        sleep(Duration::from_millis(50)).await;
    }
    block_in_place(|| database.run().expect("it starts again"));
    ready(&server, 200).await;
    server.stop().await;

    // Nothing that was probed is missing.
    let server = site.start(&["--no-probe"]).await;
    let status = server.json("/api/status?period=90m").await;
    assert_eq!(points(&status, "good") as u64, asked());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_a_stop_leaves_behind_are_told_and_fail_it() {
    let mut database = block_in_place(|| Database::start(ServerOptions::default()).expect("a server"));
    let site = site(&database).await;
    let server = site.start(&[]).await;
    server.status_where(|status| points(status, "good") > 0).await;
    block_in_place(|| database.stop());
    server.metric_where("relay_store_waiting_records", |waiting| waiting >= 4.0).await;
    server.says("cannot store records").await;
    server.signal(Signal::TERM);
    server.says("stopping: finishing what is in flight").await;
    // The second one does what the end of the grace period does.
    server.signal(Signal::TERM);
    let log = server.log_of();
    assert_eq!(server.ended().await.code(), Some(1));
    let lines = log.lock().expect("not poisoned").clone();
    let errors: Vec<&String> = lines.iter().filter(|line| line.contains("could not be stored")).collect();
    let told: Value = serde_json::from_str(errors[0]).expect("JSON");
    assert_eq!(told["level"], "ERROR", "{errors:?}");
    let lost = told["fields"]["records"].as_u64().expect("a count");
    assert!(lost >= 4, "{errors:?}");
    let last = errors.last().expect("a line");
    assert!(last.starts_with("relay-server: stopped: "), "{errors:?}");
    assert!(last.ends_with(" records could not be stored and are lost"), "{errors:?}");
}

/// Follows `/api/events` as a program does that asks again and again; ends when `enough` were seen.
async fn follow(server: &Server, enough: usize) -> Vec<i64> {
    let (mut seen, mut since, end) = (Vec::new(), 0, Instant::now() + PATIENCE);
    while seen.len() < enough {
        let page = server.json(&format!("/api/events?since_id={since}")).await;
        seen.extend(page["events"].as_array().expect("events").iter().filter_map(|one| one["id"].as_i64()));
        since = page["meta"]["next_since_id"].as_i64().expect("a number");
        assert!(Instant::now() < end, "{} of {enough} events", seen.len());
        sleep(Duration::from_millis(5)).await;
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_on_one_database_lose_and_double_nothing() {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let database = block_in_place(|| Database::start(ServerOptions::default()).expect("a server"));
    let receiver = Receiver::start().await;
    let site = Site::new(&NAMES.map(|name| (name, Behaviour::Healthy))).await;
    let mut config = site.config(NAMES.len());
    let address = database.address();
    config["storage"] = json!({
        "type": "postgres",
        "postgres": { "host": address.ip(), "port": address.port(), "user": ROLE, "database": "postgres" },
    });
    config["events"]["down_threshold"] = json!(1);
    config["server"]["limits"] = json!({ "requests_per_second": 10_000, "burst": 10_000 });
    config["notifications"] = json!([{
        "name": "ops", "type": "webhook", "url": receiver.url("/"), "on": ["DOWN"],
        "body": "{{ event.id }} {{ provider }}",
    }]);
    site.write(&config);
    let (one, other) = (site.start(&[]).await, site.start(&[]).await);
    let all_seen = |status: &Value| NAMES.iter().all(|name| points(status, name) > 0);
    one.status_where(all_seen).await;

    // Both write events of the same monitors while one reader follows each.
    let flapping = async {
        for behaviour in [Behaviour::ServerError(503), Behaviour::Healthy].iter().cycle().take(4) {
            let asked = |name| site.sim.handle().counts(name).map_or(0, |counts| counts.requests);
            let before = NAMES.map(asked);
            for name in NAMES {
                site.sim.handle().set_behaviour(name, behaviour.clone());
            }
            let end = Instant::now() + PATIENCE;
            while NAMES.iter().zip(before).any(|(name, before)| asked(name) < before + 3) {
                assert!(Instant::now() < end, "no probes");
                sleep(Duration::from_millis(5)).await;
            }
        }
    };
    // At least one DOWN and one UP for each of the two rounds.
    let enough = NAMES.len() * 4;
    let ((), seen_by_one, seen_by_other) =
        tokio::join!(flapping, follow(&one, enough), follow(&other, enough));
    let all = one.json("/api/events?limit=500").await;
    let all: Vec<i64> =
        all["events"].as_array().expect("events").iter().filter_map(|event| event["id"].as_i64()).collect();
    for seen in [seen_by_one, seen_by_other] {
        assert_eq!(all[..seen.len()], seen[..], "nothing is skipped, and nothing seen twice");
    }

    let received = receiver.wait_for(NAMES.len(), PATIENCE).await;
    one.stop().await;
    other.stop().await;
    let told = receiver.received();
    assert!(told.len() >= received.len());
    let mut keys: Vec<&str> = told.iter().map(relay_testkit::Received::key).collect();
    keys.sort_unstable();
    let count = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), count, "a message was sent twice: {told:#?}");
    for name in NAMES {
        assert!(told.iter().any(|one| one.body.ends_with(name)), "nobody was told of {name}");
    }

    let mut command = program(site.dir.path());
    command.args(["notify", "log", "ops", "--json", "--limit", "500"]);
    let output = block_in_place(|| finish(&mut command));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let log: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let delivered = log.as_array().expect("a list").iter().filter(|line| line["state"] == "delivered");
    let mut logged: Vec<&str> = delivered.filter_map(|line| line["idempotency_key"].as_str()).collect();
    logged.sort_unstable();
    assert_eq!(logged, keys, "the log tells of every message that was delivered, once");
}
