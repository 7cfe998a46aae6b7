//! How page and API are served.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use crate::{
    config::{Limits, Metrics, Server, Tls},
    reader::{Field, Located, Reader},
    schema::{
        server as typed,
        values::{Referring, Text},
    },
};

/// Resolves `server`.
pub(super) fn resolve(typed: &typed::Server, reader: &mut Reader<'_>) -> Server {
    let listen = typed.listen();
    let listen = address(&listen.0).unwrap_or_else(|| {
        refuse_address("listen", typed.listen.as_ref(), reader);
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, 8080))
    });
    let metrics = metrics(typed, reader);
    if let (Metrics::Listen(own), Some(at)) = (metrics, &typed.metrics)
        && own.port() == listen.port()
        && own.port() != 0
        && (own.ip() == listen.ip() || own.ip().is_unspecified() || listen.ip().is_unspecified())
    {
        reader.within("metrics", |reader| {
            reader.error(at.mark, format!("{own} is taken by server.listen; choose another port"));
        });
    }
    Server {
        listen,
        tls: typed.tls.as_ref().and_then(|at| reader.within("tls", |reader| tls(at, reader))),
        trusted_proxies: typed
            .trusted_proxies
            .iter()
            .flat_map(|list| list.value.iter().map(|(_, network)| network.value.0))
            .collect(),
        metrics,
        public_details: typed.public_details(),
        limits: limits(typed, reader),
    }
}

/// Reads `host:port`; `:8080` listens everywhere, and `localhost` is this machine.
fn address(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    if let Some(port) = text.strip_prefix(':') {
        return Some(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port.parse().ok()?)));
    }
    if let Some(port) = text.strip_prefix("localhost:") {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?)));
    }
    text.parse().ok()
}

fn refuse_address(key: &str, at: Option<&Located<Text>>, reader: &mut Reader<'_>) {
    let mark = at.map(|at| at.mark).unwrap_or_default();
    reader.within(key, |reader| {
        reader.error(mark, "must be an address and a port, such as 127.0.0.1:8080, [::]:8080 or :8080");
    });
}

fn metrics(typed: &typed::Server, reader: &mut Reader<'_>) -> Metrics {
    let text = typed.metrics();
    match text.0.trim().to_lowercase().as_str() {
        // YAML's own "off" may have been written without quotes.
        "off" | "false" | "no" => Metrics::Off,
        "loopback" => Metrics::Loopback,
        "public" => Metrics::Public,
        other => address(other).map_or_else(
            || {
                let mark = typed.metrics.as_ref().map(|at| at.mark).unwrap_or_default();
                reader.within("metrics", |reader| {
                    reader
                        .error(mark, "must be off, loopback, public, or an address and a port to listen at");
                });
                Metrics::Loopback
            },
            Metrics::Listen,
        ),
    }
}

fn tls(at: &Located<typed::Tls>, reader: &mut Reader<'_>) -> Option<Tls> {
    let mut file = |key: &str, field: &Field<Referring>| {
        let path = field.as_ref().map(|at| at.value.value.trim()).filter(|path| !path.is_empty());
        if path.is_none() {
            reader.within(key, |reader| reader.error(at.mark, "required, a PEM file"));
        }
        path.map(PathBuf::from)
    };
    let (cert, key) = (file("cert", &at.value.cert), file("key", &at.value.key));
    Some(Tls { cert: cert?, key: key? })
}

/// What a browser's request for the page needs at least, in bytes: of its headers, and of its address.
const LEAST: (u32, u32) = (1_024, 256);

fn limits(server: &typed::Server, reader: &mut Reader<'_>) -> Limits {
    let typed = server.limits();
    for (key, field, least) in
        [("header_bytes", &typed.header_bytes, LEAST.0), ("uri_bytes", &typed.uri_bytes, LEAST.1)]
    {
        if let Some(at) = field.as_ref().filter(|at| at.value.0 < least) {
            reader.within(format_args!("limits.{key}"), |reader| {
                reader.warn(at.mark, format!("below {least}: usual requests are refused"));
            });
        }
    }
    Limits {
        connections: typed.connections.as_ref().map(|at| at.value.0 as usize),
        connections_per_address: typed.connections_per_address().0 as usize,
        header_bytes: typed.header_bytes().0 as usize,
        uri_bytes: typed.uri_bytes().0 as usize,
        body_bytes: typed.body_bytes().0 as usize,
        header_timeout: typed.header_timeout().0,
        idle_timeout: typed.idle_timeout().0,
        write_timeout: typed.write_timeout().0,
        streams: typed.streams().0 as usize,
        streams_per_address: typed.streams_per_address().0 as usize,
        requests_per_second: typed.requests_per_second().0,
        burst: typed.burst().0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_short_forms() {
        for (text, expected) in [
            ("127.0.0.1:8080", Some("127.0.0.1:8080")),
            (":9", Some("[::]:9")),
            ("localhost:80", Some("127.0.0.1:80")),
            ("[::1]:80", Some("[::1]:80")),
            ("8080", None),
            (":x", None),
            ("example.com:80", None),
            ("127.0.0.1:70000", None),
        ] {
            assert_eq!(address(text).map(|a| a.to_string()).as_deref(), expected, "{text}");
        }
    }
}
