//! The table of verdicts over real connections.

use std::time::Duration;

use relay_core::{Status, SubStatus, ports::Prober};

use crate::support::{Server, get, probe, prober, response, shown};

#[tokio::test]
async fn codes_follow_the_table() {
    for (status, expected) in [
        ("200 OK", "green - 200 | -"),
        ("101 Switching Protocols", "red client_error 101 | 101 Switching Protocols"),
        ("204 No Content", "green - 204 | -"),
        ("304 Not Modified", "green - 304 | -"),
        ("302 Found", "green - 302 | -"),
        ("401 Unauthorized", "red auth_error 401 | 401 Unauthorized"),
        ("403 Forbidden", "red auth_error 403 | 403 Forbidden"),
        ("400 Bad Request", "red invalid_request 400 | 400 Bad Request"),
        ("429 Too Many Requests", "red rate_limit 429 | 429 Too Many Requests"),
        ("404 Not Found", "red client_error 404 | 404 Not Found"),
        ("500 Internal Server Error", "red server_error 500 | 500 Internal Server Error"),
        ("999 Odd", "red server_error 999 | 999"),
    ] {
        let server = Server::answering(response(status, "", "")).await;
        let shown = shown(&probe(&server.spec("/")).await);
        assert!(shown.starts_with(expected), "{status}: {shown}");
    }
}

#[tokio::test]
async fn a_connection_is_reused_and_has_no_set_up_phases() {
    let server = Server::answering(response("200 OK", "", "hello")).await;
    let prober = prober();
    let first = prober.probe(&server.spec("/")).await;
    assert!(first.timings.connect_ms.is_some() && first.timings.dns_ms.is_none());
    for _ in 0..20 {
        let next = prober.probe(&server.spec("/")).await;
        assert_eq!(next.status, Status::Green);
        assert_eq!(next.timings.connect_ms, None);
        assert!(next.latency_ms >= 1);
    }
    assert_eq!(server.connections(), 1);
    prober.close().await;
}

#[tokio::test]
async fn keywords_are_looked_for_in_plain_and_streamed_answers() {
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"po\"}}]}\n\n\
                  data: {\"choices\":[{\"delta\":{\"content\":\"ng\"}}]}\n\ndata: [DONE]\n\n";
    for (headers, body, expected) in [
        ("", "say pong", "green - 200 | -"),
        ("", "say PONG", "red content_mismatch 200 | \"pong\" is not in the answer: say PONG"),
        ("", "  \n", "red content_mismatch 200 | \"pong\" is not in the answer, which is empty"),
        ("Content-Type: text/event-stream\r\n", stream, "green - 200 | -"),
        ("Content-Type: application/json\r\n", stream, "green - 200 | -"),
    ] {
        let server = Server::answering(response("200 OK", headers, body)).await;
        let mut spec = server.spec("/");
        spec.success_contains = Some("pong".to_owned());
        let result = probe(&spec).await;
        assert_eq!(shown(&result), expected, "{body}");
        assert_eq!(result.timings.first_token_ms.is_some(), body == stream);
    }
}

#[tokio::test]
async fn no_answer_is_a_network_error() {
    let refused = {
        let gone = Server::answering("").await;
        gone.spec("/")
    };
    let result = probe(&refused).await;
    assert_eq!((result.sub_status, result.http_code), (Some(SubStatus::NetworkError), 0));
    assert!(shown(&result).contains("connect: "), "{}", shown(&result));

    let silent = Server::start(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let mut spec = silent.spec("/");
    spec.timeout = Duration::from_millis(100);
    let result = probe(&spec).await;
    assert_eq!(
        shown(&result),
        "red network_error 0 | timeout: the response headers did not come within 100 ms"
    );
    assert!(result.latency_ms >= 100);

    let unknown = get("http://no-such-host.invalid/");
    assert!(shown(&probe(&unknown).await).contains("| dns: "));
}
