//! The program on a PostgreSQL server, which goes away and comes back.

use relay_sim::Behaviour;
use relay_testkit::postgres::{ROLE, Server as Database, ServerOptions};
use rustix::process::Signal;
use serde_json::json;
use tokio::{
    task::block_in_place,
    time::{Duration, Instant, sleep},
};

use crate::support::{PATIENCE, Server, Site, entry, points};

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
