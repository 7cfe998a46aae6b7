//! Where a request goes, and along which way.

use relay_core::egress::PrivateNetworks;
use url::{Host, Url};

use crate::{
    failure::{Failure, Kind},
    proxy::ProxySettings,
};

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) https: bool,
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
}

impl Origin {
    /// Reads the origin of an http or https address. A dot at the end of the name is dropped, so that both spellings
    /// share connections and certificates.
    pub(crate) fn of(url: &Url) -> Result<Self, Failure> {
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(Failure::new(Kind::Request, format!("{other} addresses cannot be probed"))),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) => Host::Domain(name.strip_suffix('.').unwrap_or(name).to_owned()),
            Some(Host::Ipv4(v4)) => Host::Ipv4(v4),
            Some(Host::Ipv6(v6)) => Host::Ipv6(v6),
            None => return Err(Failure::new(Kind::Request, "the address names no host")),
        };
        Ok(Self { https, host, port: url.port_or_known_default().unwrap_or(if https { 443 } else { 80 }) })
    }

    /// Returns `host:port`, as CONNECT wants it.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// The proxies we can speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ProxyKind {
    /// `http://`: absolute addresses for http targets, CONNECT for https ones.
    Http,
    /// `socks5://` or `socks5h://`: the proxy resolves names either way.
    Socks5,
}

/// A proxy to go through.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Proxy {
    pub(crate) kind: ProxyKind,
    pub(crate) url: Url,
}

impl Proxy {
    fn of(url: &Url) -> Result<Self, Failure> {
        let kind = match url.scheme() {
            "http" => ProxyKind::Http,
            "socks5" | "socks5h" => ProxyKind::Socks5,
            other => return Err(Failure::new(Kind::Request, format!("{other} proxies are not supported"))),
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(Failure::new(Kind::Request, "the proxy's address names no host"));
        }
        Ok(Self { kind, url: url.clone() })
    }

    /// Returns where the proxy listens: port 1080 for SOCKS5, 80 for HTTP unless the address says otherwise.
    pub(crate) fn endpoint(&self) -> (Host<String>, u16) {
        let default = if self.kind == ProxyKind::Http { 80 } else { 1080 };
        let host = match self.url.host() {
            Some(Host::Ipv4(v4)) => Host::Ipv4(v4),
            Some(Host::Ipv6(v6)) => Host::Ipv6(v6),
            // Schemes the url crate does not know keep addresses as opaque names.
            Some(Host::Domain(name)) => Host::parse(name).unwrap_or_else(|_| Host::Domain(name.to_owned())),
            None => Host::Domain(String::new()),
        };
        (host, self.url.port().unwrap_or(default))
    }
}

/// What connections are told apart by: those with equal routes are interchangeable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    pub(crate) origin: Origin,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) private_networks: PrivateNetworks,
}

impl Route {
    /// Decides the way to `url`: through `own_proxy` when given, else by the default settings.
    pub(crate) fn to(
        url: &Url,
        own_proxy: Option<&Url>,
        defaults: &ProxySettings,
        private_networks: PrivateNetworks,
    ) -> Result<Self, Failure> {
        let origin = Origin::of(url)?;
        let proxy = own_proxy.or_else(|| defaults.proxy_for(url)).map(Proxy::of).transpose()?;
        Ok(Self { origin, proxy, private_networks })
    }

    /// Tells whether requests must carry the absolute address, as an HTTP proxy wants for http targets.
    pub(crate) fn wants_absolute_form(&self) -> bool {
        !self.origin.https && self.proxy.as_ref().is_some_and(|proxy| proxy.kind == ProxyKind::Http)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a url")
    }

    #[test]
    fn origins_fill_in_ports_and_drop_the_last_dot() {
        let origin = Origin::of(&url("https://api.example.com./v1")).expect("an origin");
        assert_eq!(origin.authority(), "api.example.com:443");
        assert_eq!(Origin::of(&url("http://[::1]:81/")).expect("an origin").authority(), "[::1]:81");
        assert!(Origin::of(&url("ftp://example.com/")).is_err());
    }

    #[test]
    fn proxies_have_default_ports_and_known_schemes() {
        let endpoint = |text| Proxy::of(&url(text)).map(|proxy| proxy.endpoint());
        assert_eq!(endpoint("socks5://10.0.0.1"), Ok((Host::Ipv4([10, 0, 0, 1].into()), 1080)));
        assert_eq!(endpoint("http://proxy.example"), Ok((Host::Domain("proxy.example".to_owned()), 80)));
        assert_eq!(endpoint("http://[::1]:3128").map(|(_, port)| port), Ok(3128));
        assert!(endpoint("https://proxy.example").is_err());
    }
}
