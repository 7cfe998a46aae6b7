//! Which proxy a request goes through.

mod handshake;

use std::{fmt, net::IpAddr};

use ipnet::IpNet;
use url::{Host, Url};

pub(crate) use handshake::{Credentials, host_of, http_connect, socks5};

/// Default proxies, as the usual variables describe them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// For http requests.
    pub http: Option<Url>,
    /// For https requests.
    pub https: Option<Url>,
    /// Hosts that are reached directly: names (with their subdomains), addresses, CIDR ranges, each with an optional
    /// port, separated by commas; `*` for all.
    pub no_proxy: String,
}

impl ProxySettings {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` through `variable`, lower case first, as curl
    /// does. A value without a scheme means `http://`; one that is no URL is left out.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            variable(&name.to_ascii_lowercase())
                .filter(|value| !value.is_empty())
                .or_else(|| variable(name).filter(|value| !value.is_empty()))
        };
        let url = |name: &str| {
            let value = either(name)?;
            let value = value.trim();
            if value.contains("://") { value.parse().ok() } else { format!("http://{value}").parse().ok() }
        };
        let all: Option<Url> = url("ALL_PROXY");
        Self {
            http: url("HTTP_PROXY").or_else(|| all.clone()),
            https: url("HTTPS_PROXY").or(all),
            no_proxy: either("NO_PROXY").unwrap_or_default(),
        }
    }

    /// Returns the proxy for `target`, `None` to go directly. Loopback is always reached directly.
    #[must_use]
    pub fn proxy_for(&self, target: &Url) -> Option<&Url> {
        let proxy = match target.scheme() {
            "https" => self.https.as_ref(),
            _ => self.http.as_ref(),
        }?;
        (!self.bypasses(target)).then_some(proxy)
    }

    fn bypasses(&self, target: &Url) -> bool {
        let Some(host) = target.host() else { return true };
        let port = target.port_or_known_default();
        let (name, address) = match host {
            Host::Domain(name) => (name.trim_end_matches('.').to_ascii_lowercase(), None),
            Host::Ipv4(v4) => (v4.to_string(), Some(IpAddr::V4(v4))),
            Host::Ipv6(v6) => (v6.to_string(), Some(IpAddr::V6(v6))),
        };
        if name == "localhost" || address.is_some_and(|a| a.to_canonical().is_loopback()) {
            return true;
        }
        self.no_proxy.split(',').map(str::trim).any(|rule| matches(rule, &name, address, port))
    }
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = |url: &Option<Url>| url.as_ref().and_then(Url::host_str).map(str::to_owned);
        f.debug_struct("ProxySettings")
            .field("http", &host(&self.http))
            .field("https", &host(&self.https))
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

/// Tells whether one `NO_PROXY` rule names the host.
fn matches(rule: &str, name: &str, address: Option<IpAddr>, port: Option<u16>) -> bool {
    if rule.is_empty() {
        return false;
    }
    if rule == "*" {
        return true;
    }
    if let Some(address) = address {
        if let Ok(range) = rule.parse::<IpNet>() {
            return range.contains(&address);
        }
        if let Ok(listed) = rule.trim_matches(['[', ']']).parse::<IpAddr>() {
            return listed == address;
        }
    }
    let (host, wanted_port) = match rule.rsplit_once(':') {
        Some((host, digits)) if digits.parse::<u16>().is_ok() => (host, digits.parse().ok()),
        _ => (rule, None),
    };
    if wanted_port.is_some() && wanted_port != port {
        return false;
    }
    let host =
        host.trim_matches(['[', ']']).trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase();
    match name.strip_suffix(host.as_str()) {
        Some("") => !host.is_empty(),
        Some(rest) => !host.is_empty() && address.is_none() && rest.ends_with('.'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(no_proxy: &str) -> ProxySettings {
        ProxySettings::from_variables(|name| match name {
            "HTTPS_PROXY" => Some("proxy.example:3128".to_owned()),
            "http_proxy" => Some("socks5://user:pw@proxy.example:1080".to_owned()),
            "no_proxy" => Some(no_proxy.to_owned()),
            _ => None,
        })
    }

    fn goes_direct(no_proxy: &str, url: &str) -> bool {
        settings(no_proxy).proxy_for(&url.parse().expect("a url")).is_none()
    }

    #[test]
    fn variables_are_read_in_either_case() {
        let settings = settings("");
        assert_eq!(settings.https.as_ref().map(Url::as_str), Some("http://proxy.example:3128/"));
        assert_eq!(settings.http.as_ref().map(Url::scheme), Some("socks5"));
        assert!(!format!("{settings:?}").contains("pw"));
    }

    #[test]
    fn no_proxy_knows_names_ports_addresses_and_ranges() {
        for (rules, url, direct) in [
            ("", "https://api.example.com/", false),
            ("*", "https://api.example.com/", true),
            ("example.com", "https://api.example.com/", true),
            (".example.com", "https://api.example.com/", true),
            ("*.example.com", "https://API.example.com/", true),
            ("example.com", "https://badexample.com/", false),
            ("example.com:8443", "https://example.com/", false),
            ("example.com:443", "https://example.com/", true),
            ("other, example.com", "https://example.com/", true),
            ("10.0.0.0/8", "http://10.1.2.3/", true),
            ("10.0.0.0/8", "http://11.1.2.3/", false),
            ("192.0.2.7", "http://192.0.2.7:81/", true),
            ("2001:db8::1", "http://[2001:db8::1]/", true),
            ("", "http://localhost:81/", true),
            ("", "http://127.0.0.1:81/", true),
            ("", "http://[::1]/", true),
        ] {
            assert_eq!(goes_direct(rules, url), direct, "{rules:?} {url}");
        }
    }
}
