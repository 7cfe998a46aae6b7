//! `relay-server healthcheck` against servers that speak http and https, and against what is no server.

use std::{fs, net::TcpListener};

use relay_sim::Behaviour;
use serde_json::json;

use crate::support::{Server, Site, finish, program};

/// Runs the check in the site's directory; returns whether it is content, and what it complains of.
fn check(site: &Site) -> (bool, String) {
    let output = finish(program(site.dir.path()).arg("healthcheck"));
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Returns a port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_asked_by_the_protocol_that_it_speaks() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    // A certificate for another name, from nobody known.
    let key = rcgen::generate_simple_self_signed(["status.example.com".to_owned()]).expect("a certificate");
    fs::write(site.path("cert.pem"), key.cert.pem()).expect("written");
    fs::write(site.path("key.pem"), key.signing_key.serialize_pem()).expect("written");
    for tls in [false, true] {
        let mut config = site.config(1);
        config["server"]["listen"] = json!(format!("127.0.0.1:{}", free_port()));
        if tls {
            config["server"]["tls"] = json!({ "cert": "cert.pem", "key": "key.pem" });
        }
        site.write(&config);
        let (well, complaint) = check(&site);
        assert!(!well && complaint.contains("no answer"), "nobody listens, tls {tls}: {complaint}");
        let mut command = program(site.dir.path());
        command.args(["run", "--no-probe"]);
        let server = Server::start(command).await;
        let (well, complaint) = check(&site);
        assert!(well, "tls {tls}: {complaint}");
        if tls {
            let url = format!("https://{}/health", server.address);
            let strict = finish(program(site.dir.path()).args(["healthcheck", "--url", &url]));
            assert!(!strict.status.success(), "an address that was given is checked like any other");
        }
        // The server goes on with what it has when the file becomes wrong, and is as well as before.
        config["monitors"].as_array_mut().expect("monitors").push(json!({ "provider": "b" }));
        site.write(&config);
        let (well, complaint) = check(&site);
        assert!(well, "tls {tls}: {complaint}");
        fs::write(site.path("config.yaml"), "monitors: [").expect("written");
        let (well, complaint) = check(&site);
        assert!(!well && complaint.contains("config.yaml cannot be read, so 127.0.0.1:8080"), "{complaint}");
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_answers_with_no_tls_is_not_well() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::write(site.path("cert.pem"), key.cert.pem()).expect("written");
    fs::write(site.path("key.pem"), key.signing_key.serialize_pem()).expect("written");
    let mut config = site.config(1);
    // The simulated relay speaks plain HTTP, and answers 404 to strangers.
    config["server"]["listen"] = json!(site.sim.addr().to_string());
    config["server"]["tls"] = json!({ "cert": "cert.pem", "key": "key.pem" });
    site.write(&config);
    let (well, complaint) = check(&site);
    assert!(!well && complaint.contains("TLS handshake"), "{complaint}");
    config["server"]["tls"] = json!(null);
    site.write(&config);
    let (well, complaint) = check(&site);
    assert!(!well && complaint.contains("HTTP 404"), "{complaint}");
}
