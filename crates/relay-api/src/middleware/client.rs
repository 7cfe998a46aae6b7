//! Who asks, seen through trusted proxies.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

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
    /// Whether the other end says that it speaks for somebody else, trusted or not.
    forwarded: bool,
}

impl Client {
    pub(crate) fn of(headers: &HeaderMap, peer: Peer, trusted: &[IpNet]) -> Self {
        let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
        let Peer { address: peer, secure } = peer;
        let peer = peer.ip().to_canonical();
        let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded");
        if !is_trusted(peer) {
            return Self { address: peer, https: secure, forwarded };
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
        Self { address, https: https || secure, forwarded }
    }

    /// Tells whether the client runs on this machine and speaks for itself. Whoever comes through a proxy is never local:
    /// a loopback address in a header is that of the proxy's machine, or of a client who wrote it there himself.
    pub(crate) fn is_local(&self) -> bool {
        self.address.is_loopback() && !self.forwarded
    }
}

/// Reads an address, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(peer: &str, forwarded: &[&'static str]) -> Client {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        let trusted = ["10.0.0.0/8".parse().expect("a network"), "127.0.0.1/32".parse().expect("a network")];
        let peer = Peer { address: peer.parse().expect("an address"), secure: false };
        Client::of(&headers, peer, &trusted)
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
            assert!(!client(peer, forwarded).is_local(), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn a_proxy_on_this_machine_makes_nobody_local() {
        assert!(client("127.0.0.1:1", &[]).is_local());
        assert!(!client("127.0.0.1:1", &["198.51.100.1"]).is_local());
        assert!(!client("[::1]:1", &["127.0.0.1"]).is_local());
    }
}
