use std::{fs, time::Duration};

use rustix::process::Signal;
use tokio::time::Instant;

use crate::support::{Server, program};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_alive_within_ten_seconds_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut command = program(dir.path());
    command.args(["demo", "--listen", "127.0.0.1:0", "--log-level", "info"]).env("TMPDIR", dir.path());
    let began = Instant::now();
    let server = Server::start(command).await;
    let month = server.json("/api/status?period=30d").await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());

    let layers: Vec<_> = month["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .flat_map(|group| group["layers"].as_array().expect("layers"))
        .collect();
    let monitors: Vec<_> = month["data"].as_array().expect("data").iter().chain(layers).collect();
    assert!(monitors.len() >= 25, "{}", monitors.len());
    for monitor in monitors {
        let timeline = monitor["timeline"].as_array().expect("a timeline");
        assert_eq!(timeline.len(), 30);
        assert!(timeline.iter().skip(1).all(|day| day["status"] != -1), "{monitor:#}");
    }
    let (_, page) = server.get("/").await;
    assert!(String::from_utf8_lossy(&page).contains("data-demo=\"true\""), "the page says that it is a demo");

    server.signal(Signal::INT);
    assert!(server.ended().await.success());
    assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 0, "nothing stays");
}
