//! Which addresses are dialled when private networks are denied.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use relay_core::{ProbeSpec, egress::PrivateNetworks, ports::Prober};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    Server, get, probe, prober,
    resolver::Names,
    response, shown,
    tls::{Identity, https},
};

/// Every refused range of IPv4: the first and the last address, and the word for it.
const V4: [(&str, &str, &str); 20] = [
    ("0.0.0.0", "0.255.255.255", "unspecified"),
    ("10.0.0.0", "10.255.255.255", "private"),
    ("100.64.0.0", "100.127.255.255", "carrier-grade NAT"),
    ("100.100.100.200", "100.100.100.200", "cloud metadata"),
    ("127.0.0.0", "127.255.255.255", "loopback"),
    ("168.63.129.16", "168.63.129.16", "cloud metadata"),
    ("169.254.0.0", "169.254.255.255", "link-local"),
    ("169.254.169.254", "169.254.169.254", "cloud metadata"),
    ("169.254.170.2", "169.254.170.2", "cloud metadata"),
    ("172.16.0.0", "172.31.255.255", "private"),
    ("192.0.0.0", "192.0.0.255", "reserved"),
    ("192.0.2.0", "192.0.2.255", "reserved"),
    ("192.88.99.0", "192.88.99.255", "reserved"),
    ("192.168.0.0", "192.168.255.255", "private"),
    ("198.18.0.0", "198.19.255.255", "reserved"),
    ("198.51.100.0", "198.51.100.255", "reserved"),
    ("203.0.113.0", "203.0.113.255", "reserved"),
    ("224.0.0.0", "239.255.255.255", "multicast"),
    ("240.0.0.0", "255.255.255.254", "reserved"),
    ("255.255.255.255", "255.255.255.255", "broadcast"),
];

/// Every refused range of IPv6 that is not one of IPv4 in disguise.
const V6: [(&str, &str, &str); 16] = [
    ("::", "::", "unspecified"),
    ("::1", "::1", "loopback"),
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "reserved"),
    ("100::", "100::ffff:ffff:ffff:ffff", "reserved"),
    ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", "reserved"),
    ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"),
    ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved"),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique-local"),
    ("fd00:ec2::254", "fd00:ec2::254", "cloud metadata"),
    ("fd20:ce::254", "fd20:ce::254", "cloud metadata"),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"),
    ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"),
    ("ff00::", "ff00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
    ("ffff::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
];

fn denied(url: &str) -> ProbeSpec {
    let mut spec = get(url);
    spec.private_networks = PrivateNetworks::Deny;
    spec
}

/// The addresses of IPv6 behind which packets end at `v4`: mapped, translated, compatible, NAT64, 6to4, Teredo, ISATAP.
fn disguises(v4: Ipv4Addr) -> Vec<Ipv6Addr> {
    let bits = u32::from(v4);
    let [high, low] = [(bits >> 16) as u16, bits as u16];
    let mut forms = vec![
        v4.to_ipv6_mapped(),
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2001, 0, 1, 2, 3, 4, !high, !low),
        Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0x5efe, high, low),
        Ipv6Addr::new(0x2600, 0, 0, 0, 0x200, 0x5efe, high, low),
    ];
    // `::0.0.0.0` and `::0.0.0.1` are addresses of IPv6 in their own right.
    if bits > 1 {
        forms.push(Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low));
    }
    forms
}

/// Probes `address` as a literal and as what a name resolves to.
async fn assert_refused(address: IpAddr, kind: &str) {
    let literal = match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    };
    let ending = format!("{address} is a {kind} address and private networks are denied");
    let text = address.to_string();
    let names = Names::new(&[("name.example", &[&[&text]])]);
    for (prober, host) in [(prober(), literal.as_str()), (names.prober(), "name.example")] {
        let shown = shown(&prober.probe(&denied(&format!("http://{host}:1/"))).await);
        assert_eq!(shown, format!("red network_error 0 | egress: {ending}"), "{host}");
    }
}

#[tokio::test]
async fn every_range_is_refused_as_a_literal_and_as_an_answer_of_dns() {
    for (first, last, kind) in V4 {
        for address in [first, last] {
            let v4: Ipv4Addr = address.parse().expect("an address");
            assert_refused(IpAddr::V4(v4), kind).await;
            for disguise in disguises(v4) {
                assert_refused(IpAddr::V6(disguise), kind).await;
            }
        }
    }
    for (first, last, kind) in V6 {
        for address in [first, last] {
            assert_refused(address.parse().expect("an address"), kind).await;
        }
    }
}

#[tokio::test]
async fn odd_spellings_of_literals_are_refused() {
    for (host, kind) in [
        ("2130706433", "loopback"),
        ("0x7f.1", "loopback"),
        ("0177.0.0.1", "loopback"),
        ("127.1", "loopback"),
        ("%31%32%37.0.0.1", "loopback"),
        ("１２７.0.0.1", "loopback"),
        ("127.0.0.1.", "loopback"),
        ("[::ffff:7f00:1]", "loopback"),
        ("[0:0:0:0:0:ffff:127.0.0.1]", "loopback"),
        ("0xa9fea9fe", "cloud metadata"),
    ] {
        let shown = shown(&probe(&denied(&format!("http://{host}:1/"))).await);
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
async fn the_very_answer_that_was_checked_is_dialled_though_the_next_one_differs() {
    let server = Server::answering(response("200 OK", "", "")).await;
    let names = Names::new(&[("changing.example", &[&["127.0.0.1"], &["192.0.2.1"]])]);
    let spec = get(&format!("http://changing.example:{}/", server.address.port()));
    assert_eq!(shown(&names.prober().probe(&spec).await), "green - 200 | -");
    assert_eq!((names.questions().len(), server.connections()), (1, 1));
}

#[tokio::test]
async fn a_socks_proxy_gets_the_address_that_was_checked() {
    let proxy = Server::start(|mut stream| async move {
        let mut greeting = [0; 3];
        stream.read_exact(&mut greeting).await.expect("a greeting");
        stream.write_all(&[5, 0]).await.expect("written");
        let mut request = [0; 10];
        stream.read_exact(&mut request).await.expect("a request");
        // CONNECT to 1.1.1.1:80, as an address and not as a name that could have moved since.
        assert_eq!(request, [5, 1, 0, 1, 1, 1, 1, 1, 0, 80]);
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.expect("written");
        crate::support::read_request(&mut stream).await;
        stream.write_all(&response("200 OK", "", "")).await.expect("written");
    })
    .await;
    let names = Names::new(&[("changing.example", &[&["1.1.1.1"], &["127.0.0.1"]])]);
    let prober = names.prober();
    let mut spec = denied("http://changing.example/");
    spec.proxy = Some(format!("socks5://{}", proxy.address).parse().expect("a url"));
    assert_eq!(shown(&prober.probe(&spec).await), "green - 200 | -");
    // The next connection asks again, and what it hears is refused.
    spec.connection = relay_core::target::Connection::Fresh;
    let shown = shown(&prober.probe(&spec).await);
    assert!(shown.starts_with("red network_error 0 | egress: 127.0.0.1 is a loopback"), "{shown}");
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn a_redirect_into_private_space_is_refused_also_behind_a_proxy() {
    // The proxy stands for the outside world: its own address is exempt.
    for (location, kind) in [
        ("http://169.254.169.254/latest/meta-data", "cloud metadata"),
        ("http://[::ffff:169.254.169.254]/latest/meta-data", "cloud metadata"),
        ("//0x7f000001/", "loopback"),
        ("http://inside.example/", "private"),
        ("https://inside.example/", "private"),
    ] {
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

#[tokio::test]
async fn https_only_is_kept_from_the_first_address_to_the_last_redirect() {
    let plain = Server::answering(response("200 OK", "", "")).await;
    let mut spec = plain.spec("/v1?key=sk-secret-123456");
    spec.https_only = true;
    let words = format!("egress: http://{}/v1 is not https and nothing else may be probed", plain.address);
    assert_eq!(shown(&probe(&spec).await), format!("red network_error 0 | {words}"));
    let identity = Identity::new();
    let location = format!("http://{}/v1", plain.address);
    let server = identity
        .serve(&[b"http/1.1"], move |mut tls| {
            let moved = response("302 Found", &format!("Location: {location}\r\n"), "");
            async move {
                let mut buffer = [0; 4096];
                while tls.read(&mut buffer).await.is_ok_and(|length| length > 0) {
                    let to_here = buffer.starts_with(b"GET /here ");
                    let answer = if to_here { response("200 OK", "", "") } else { moved.clone() };
                    if tls.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await;
    let prober = identity.prober();
    for (path, expected) in
        [("/here", "green - 200 | -"), ("/moved", &format!("red network_error 302 | {words}"))]
    {
        let mut spec = get(&https(&server, path));
        spec.https_only = true;
        assert_eq!(shown(&prober.probe(&spec).await), expected);
    }
    assert_eq!(plain.connections(), 0);
    // What came from an API is confined by both rules.
    let confined = get(&https(&server, "/here")).confined();
    let refused = shown(&prober.probe(&confined).await);
    assert!(refused.starts_with("red network_error 0 | egress: "), "{refused}");
    assert!(refused.ends_with(" is a loopback address and private networks are denied"), "{refused}");
}
