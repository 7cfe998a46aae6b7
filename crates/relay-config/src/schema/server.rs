//! `server`, `web` and `log`.

use super::{
    settings,
    values::{Count, GoDuration, HttpUrl, List, Referring, Text},
    words::{LogFormat, LogLevel},
};

/// Keys of other versions: known, and without effect here.
pub(crate) const FOREIGN: [&str; 1] = ["trusted_platform"];

settings! {
    /// How the page and the API are served.
    pub(crate) struct Server foreign FOREIGN {
        /// The address to listen at. Needs a restart. Environment: `MONITOR_LISTEN`.
        listen: Text = Text::new("[::]:8080"),
        /// Serve https without a proxy in front. Needs a restart.
        tls: Tls,
        /// Networks whose `X-Forwarded-*` headers are believed, such as `10.0.0.0/8`.
        trusted_proxies: List<Network>,
        /// Who may read `/metrics`: `off`, `loopback`, `public`, or an address of its own to listen at.
        metrics: Text = Text::new("loopback"),
        /// Whether everybody may read what upstreams answered, not only those with the events token.
        public_details: bool = false,
        /// Bounds that keep the server alive. Need a restart.
        limits: Limits = Limits::default(),
    }
}

settings! {
    /// The server's own certificate; both files are read again when they change.
    pub(crate) struct Tls {
        /// The certificate chain, a PEM file; `${NAME}` stands for a variable.
        cert: Referring,
        /// The private key, a PEM file; `${NAME}` stands for a variable.
        key: Referring,
    }
}

settings! {
    /// Bounds that keep the server alive.
    pub(crate) struct Limits {
        /// Connections at once; by default what the system allows less 512, at most 20,000.
        connections: Count,
        /// Connections at once from one address that is no trusted proxy.
        connections_per_address: Count = Count(1000),
        /// Bytes of a request's headers.
        header_bytes: Count = Count(32 * 1024),
        /// Bytes of a request's address.
        uri_bytes: Count = Count(8 * 1024),
        /// Bytes of a request's body.
        body_bytes: Count = Count(64 * 1024),
        /// Time for the headers to arrive.
        header_timeout: GoDuration = GoDuration::secs(10),
        /// Time a connection may stay without a request.
        idle_timeout: GoDuration = GoDuration::secs(60),
        /// Time an answer may stay without progress.
        write_timeout: GoDuration = GoDuration::secs(60),
        /// Event streams at once.
        streams: Count = Count(1000),
        /// Event streams at once to one address.
        streams_per_address: Count = Count(16),
        /// Uncached answers a second to one address.
        requests_per_second: Count = Count(60),
        /// Uncached answers that one address may have at once before that counts.
        burst: Count = Count(300),
    }
}

settings! {
    /// What the page says of itself.
    pub(crate) struct Web {
        /// Where visitors can subscribe; shows a link.
        subscribe_url: HttpUrl,
        /// The title of the page.
        title: Text,
        /// A note at the foot of the page.
        footer_note: Text,
    }
}

settings! {
    /// What is logged.
    pub(crate) struct Log {
        /// `error`, `warn`, `info`, `debug` or `trace`; the command line and `RUST_LOG` win.
        level: LogLevel,
        /// `text` or `json`; text by default.
        format: LogFormat,
    }
}

/// A network in CIDR notation, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network(pub(crate) ipnet::IpNet);

impl crate::reader::Read for Network {
    fn read(node: &crate::yaml::Node, reader: &mut crate::reader::Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        let text = text.trim();
        let network =
            text.parse().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(ipnet::IpNet::from));
        if network.is_none() {
            reader.error(node.mark, "must be a network such as 10.0.0.0/8, or an address");
        }
        network.map(Self)
    }
}

impl serde::Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

super::values::json_schema!(Network, "Network", { "title": "network", "type": "string" });
