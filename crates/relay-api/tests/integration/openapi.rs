//! `/api/openapi.json`

use relay_api::Limits;

use crate::support::{site, snapshot};

#[tokio::test]
async fn the_document_is_served_as_it_is_printed() {
    let running = site(snapshot(Vec::new())).start(Limits::default());
    let reply = running.get("/api/openapi.json").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.text(), relay_api::openapi_json());
    assert_eq!(reply.json()["openapi"], "3.1.0");
    let status = &reply.json()["components"]["schemas"]["StatusDto"];
    assert_eq!(status["required"], serde_json::json!(["meta", "data", "groups"]));
}
