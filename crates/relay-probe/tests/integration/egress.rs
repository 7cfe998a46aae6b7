//! Which addresses are dialled when private networks are denied.

use relay_core::{egress::PrivateNetworks, ports::Prober};

use crate::support::{Server, get, probe, resolver::Names, response, shown};

fn denied(url: &str) -> relay_core::ProbeSpec {
    let mut spec = get(url);
    spec.private_networks = PrivateNetworks::Deny;
    spec
}

#[tokio::test]
async fn literals_of_every_form_are_refused_before_anything_is_sent() {
    for (host, kind) in [
        ("127.0.0.1", "loopback"),
        ("2130706433", "loopback"),
        ("0x7f.1", "loopback"),
        ("0177.0.0.1", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("192.168.0.1", "private"),
        ("100.64.0.1", "carrier-grade NAT"),
        ("169.254.1.1", "link-local"),
        ("169.254.169.254", "cloud metadata"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("[::]", "unspecified"),
        ("[::1]", "loopback"),
        ("[fe80::1]", "link-local"),
        ("[fc00::1]", "unique-local"),
        ("[fd00:ec2::254]", "cloud metadata"),
        ("[ff02::1]", "multicast"),
        ("[::ffff:127.0.0.1]", "loopback"),
        ("[::ffff:10.0.0.1]", "private"),
        ("[::ffff:a9fe:a9fe]", "cloud metadata"),
        ("[64:ff9b::7f00:1]", "loopback"),
    ] {
        let result = probe(&denied(&format!("http://{host}:1/"))).await;
        let shown = shown(&result);
        assert!(shown.starts_with("red network_error 0 | egress: "), "{host}: {shown}");
        assert!(shown.ends_with(&format!(" is a {kind} address and private networks are denied")), "{shown}");
    }
}

#[tokio::test]
async fn names_are_checked_by_the_address_that_would_be_dialled() {
    let server = Server::answering(response("200 OK", "", "")).await;
    let names = Names::new(&[
        ("inside.example", &[&["127.0.0.1"]]),
        ("rebound.example", &[&["::ffff:127.0.0.1"], &["1.1.1.1"]]),
    ]);
    let prober = names.prober();
    let port = server.address.port();
    for name in ["inside.example", "inside.example.", "rebound.example"] {
        let shown = shown(&prober.probe(&denied(&format!("http://{name}:{port}/"))).await);
        assert!(shown.starts_with("red network_error 0 | egress: "), "{shown}");
    }
    assert_eq!(names.questions(), ["inside.example", "inside.example", "rebound.example"]);
    assert_eq!(server.connections(), 0);
    let mut allowed = denied(&format!("http://inside.example:{port}/"));
    allowed.private_networks = PrivateNetworks::Allow;
    assert_eq!(shown(&prober.probe(&allowed).await), "green - 200 | -");
    // The connection that the allowed monitor left in the pool is not lent to the one that may not have it.
    let refused = prober.probe(&denied(&format!("http://inside.example:{port}/"))).await;
    assert!(shown(&refused).contains("egress: "), "{}", shown(&refused));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_redirect_into_private_space_is_refused_also_behind_a_proxy() {
    // The proxy stands for the outside world: its own address is exempt.
    for (location, kind) in
        [("http://169.254.169.254/latest/meta-data", "cloud metadata"), ("http://inside.example/", "private")]
    {
        let answer = response("302 Found", &format!("Location: {location}\r\n"), "");
        let proxy = Server::answering(answer).await;
        let names = Names::new(&[
            ("public.example", &[&["1.1.1.1"]]),
            ("inside.example", &[&["1.1.1.1", "10.0.0.8"]]),
        ]);
        let mut spec = denied("http://public.example/");
        spec.proxy = Some(format!("http://{}", proxy.address).parse().expect("a url"));
        let shown = shown(&names.prober().probe(&spec).await);
        assert!(shown.starts_with("red network_error 302 | egress: "), "{shown}");
        assert!(shown.contains(kind), "{shown}");
        assert_eq!(proxy.connections(), 1);
    }
}
