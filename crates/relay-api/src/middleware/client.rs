//! Who asks, seen through trusted proxies.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts, uri::Authority};
use ipnet::IpNet;

/// Headers by which proxies and those who run them for others say that they ask for somebody else, besides
/// `X-Forwarded-*`.
const FORWARDING: [HeaderName; 5] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("cf-connecting-ip"),
    HeaderName::from_static("true-client-ip"),
];

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Whether the connection is encrypted.
    pub(crate) secure: bool,
}

/// The client of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address; behind trusted proxies, the nearest one that is none.
    pub(crate) address: IpAddr,
    /// Whether it came over HTTPS: to this server's own certificate, or as a trusted proxy says.
    pub(crate) https: bool,
}

impl Client {
    pub(crate) fn of(headers: &HeaderMap, peer: Peer, trusted: &[IpNet]) -> Self {
        let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
        let Peer { address: peer, secure } = peer;
        let peer = peer.ip().to_canonical();
        if !is_trusted(peer) {
            return Self { address: peer, https: secure };
        }
        let mut address = peer;
        // Each proxy appends the address it saw, so the list is read from its end; what stands before the first
        // address that nobody vouches for may be invented.
        for value in headers.get_all("x-forwarded-for").iter().rev() {
            for hop in value.to_str().unwrap_or_default().rsplit(',') {
                let Some(hop) = parse(hop.trim()) else { break };
                if !is_trusted(address) {
                    break;
                }
                address = hop;
            }
        }
        let https = headers
            .get("x-forwarded-proto")
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.rsplit(',').next())
            .is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
        Self { address, https: https || secure }
    }

    /// Tells whether the client runs on this machine and speaks for itself, as far as its request shows. Whoever comes
    /// through a proxy is not local: a loopback address in a header is that of the proxy's machine, or of a client who
    /// wrote it there himself. Nor is who asks for a name of the world, as a proxy does that passes the host on, and a
    /// browser whose page had its name resolved to this machine. A proxy on this machine that says nothing of all this
    /// cannot be told from a local client.
    pub(crate) fn is_local(&self, request: &Parts) -> bool {
        self.address.is_loopback() && !is_forwarded(&request.headers) && asks_local_host(request)
    }
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| FORWARDING.contains(name) || name.as_str().starts_with("x-forwarded-"))
}

/// Tells whether the address of a request, in `Host` or in the request line, is one of this machine; none at all is.
fn asks_local_host(request: &Parts) -> bool {
    let hosts = request.headers.get_all(header::HOST).iter().map(HeaderValue::as_bytes);
    let asked = request.uri.authority().map(|authority| authority.as_str().as_bytes());
    hosts.chain(asked).all(is_local_host)
}

/// Tells whether an address and port, as in `Host`, mean this machine: loopback, `localhost` and what is below it, and
/// names without a dot, which mean nothing outside a local network.
fn is_local_host(host: &[u8]) -> bool {
    if host.trim_ascii().is_empty() {
        return true;
    }
    let Ok(authority) = Authority::try_from(host) else { return false };
    let host = authority.host();
    if let Some(address) = parse(host.trim_matches(['[', ']'])) {
        return address.is_loopback();
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name.ends_with(".localhost") || !name.contains(['.', '[', ':'])
}

/// Reads an address, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn request(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let add =
            |request: http::request::Builder, (name, value): &(&str, &str)| request.header(*name, *value);
        let request = headers.iter().fold(Request::get(uri), add);
        request.body(()).expect("a request").into_parts().0
    }

    fn of(request: &Parts, peer: &str) -> Client {
        let trusted = ["10.0.0.0/8".parse().expect("a network"), "127.0.0.1/32".parse().expect("a network")];
        let peer = Peer { address: peer.parse().expect("an address"), secure: false };
        Client::of(&request.headers, peer, &trusted)
    }

    fn is_local(peer: &str, uri: &str, headers: &[(&str, &str)]) -> bool {
        let request = request(uri, headers);
        of(&request, peer).is_local(&request)
    }

    fn through_proxies(forwarded: &[&str]) -> Parts {
        let mut headers: Vec<_> = forwarded.iter().map(|value| ("x-forwarded-for", *value)).collect();
        headers.push(("x-forwarded-proto", "https"));
        request("/", &headers)
    }

    fn client(peer: &str, forwarded: &[&str]) -> Client {
        of(&through_proxies(forwarded), peer)
    }

    #[test]
    fn the_nearest_untrusted_hop_is_the_client() {
        for (peer, forwarded, address) in [
            ("203.0.113.9:1", &["198.51.100.1"][..], "203.0.113.9"),
            ("10.0.0.1:1", &["198.51.100.1"][..], "198.51.100.1"),
            ("10.0.0.1:1", &["6.6.6.6, 198.51.100.1, 10.0.0.2"][..], "198.51.100.1"),
            ("10.0.0.1:1", &["6.6.6.6", "198.51.100.1"][..], "198.51.100.1"),
            ("10.0.0.1:1", &["6.6.6.6, nonsense"][..], "10.0.0.1"),
            ("10.0.0.1:1", &["[2001:db8::1]:4711"][..], "2001:db8::1"),
            ("[::ffff:10.0.0.1]:1", &["198.51.100.1"][..], "198.51.100.1"),
            ("10.0.0.1:1", &[][..], "10.0.0.1"),
        ] {
            assert_eq!(client(peer, forwarded).address.to_string(), address, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn only_trusted_proxies_say_https() {
        assert!(client("10.0.0.1:1", &["198.51.100.1"]).https);
        assert!(!client("203.0.113.9:1", &["198.51.100.1"]).https);
    }

    /// A loopback address that a proxy tells of is that of another machine, or of somebody's imagination.
    #[test]
    fn what_a_trusted_proxy_says_makes_nobody_local_either() {
        for (peer, forwarded) in [
            ("10.0.0.1:1", &["127.0.0.1"][..]),
            ("10.0.0.1:1", &["127.0.0.1, [::1]:80, 10.2.3.4"]),
            ("10.0.0.1:1", &["::ffff:127.0.0.1,"]),
            ("127.0.0.1:1", &["127.0.0.1"]),
            ("127.0.0.1:1", &["nonsense"]),
        ] {
            let request = through_proxies(forwarded);
            assert!(!of(&request, peer).is_local(&request), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn a_proxy_on_this_machine_makes_nobody_local() {
        for peer in ["127.0.0.1:1", "[::1]:1"] {
            assert!(is_local(peer, "/", &[]));
            for (name, value) in [
                ("X-Forwarded-For", "127.0.0.1"),
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Host", "localhost"),
                ("X-Real-IP", "127.0.0.1"),
                ("Forwarded", "for=127.0.0.1"),
                ("Via", "1.1 proxy"),
                ("CF-Connecting-IP", "198.51.100.1"),
                ("True-Client-IP", ""),
            ] {
                assert!(!is_local(peer, "/", &[(name, value)]), "{name}: {value}");
            }
        }
    }

    /// A proxy that passes the host on shows itself by it, and a page of another site cannot have its name resolved to
    /// this machine and read along.
    #[test]
    fn who_asks_for_a_name_of_the_world_is_not_local() {
        for (host, local) in [
            ("", true),
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("localhost.", true),
            ("relay.localhost:8080", true),
            ("127.0.0.1:8080", true),
            ("127.8.9.1", true),
            ("[::1]:8080", true),
            ("[::ffff:127.0.0.1]", true),
            ("relay-pulse:8080", true),
            ("status.example.org", false),
            ("localhost.example.org", false),
            ("example.org.:80", false),
            ("192.0.2.7:8080", false),
            ("0.0.0.0", false),
            ("[2001:db8::1]:8080", false),
            ("[::ffff:192.0.2.7]", false),
            ("localhost, status.example.org", false),
            ("a b", false),
        ] {
            assert_eq!(is_local("127.0.0.1:1", "/", &[("host", host)]), local, "{host:?}");
        }
        let twice = [("host", "localhost"), ("host", "status.example.org")];
        assert!(!is_local("127.0.0.1:1", "/", &twice));
        // HTTP/2, and requests as proxies get them, have the host in the address.
        assert!(!is_local("127.0.0.1:1", "https://status.example.org/metrics", &[]));
        assert!(is_local("127.0.0.1:1", "https://localhost:8443/metrics", &[]));
        assert!(!is_local("203.0.113.9:1", "/", &[("host", "localhost")]));
    }
}
