//! What the log says, and that it follows the configuration.

use relay_sim::Behaviour;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{PATIENCE, Server, Site};

/// Returns the fields of the log's lines that tell of a request for this path.
fn requests(server: &Server, path: &str) -> Vec<Value> {
    let lines = server.log().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    lines.map(|line| line["fields"].clone()).filter(|fields| fields["http.path"] == path).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_follows_the_configuration() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let mut config = site.config(1);
    config["log"] = json!({ "level": "info" });
    site.write(&config);
    let server = site.start(&[]).await;
    server.get("/before").await;
    config["log"] = json!({ "level": "debug" });
    site.write(&config);
    let told = async {
        while requests(&server, "/after").is_empty() {
            server.get("/after").await;
        }
    };
    timeout(PATIENCE, told).await.expect("the log tells of requests");
    assert_eq!(requests(&server, "/before"), Vec::<Value>::new());
    let said = requests(&server, "/after").swap_remove(0);
    assert_eq!(said["message"], "request");
    let id = said["request.id"].as_str().expect("text");
    assert!(!id.is_empty() && !id.contains('"'), "{id}");
    server.stop().await;
}
