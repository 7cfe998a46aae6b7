//! What is said to a proxy before the connection belongs to the target.

use std::net::{IpAddr, SocketAddr};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::{Host, Url};

use crate::failure::{Failure, Kind};

/// The longest answer to a CONNECT that is read, in bytes.
const MAX_CONNECT_ANSWER: usize = 16 * 1024;

/// User and password of a proxy address, percent-decoded.
#[derive(Clone)]
pub(crate) struct Credentials {
    user: Vec<u8>,
    password: Vec<u8>,
}

impl Credentials {
    /// Reads the userinfo of `url`, `None` when it has none.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        if url.username().is_empty() && url.password().is_none() {
            return None;
        }
        Some(Self {
            user: percent_decode(url.username()),
            password: percent_decode(url.password().unwrap_or_default()),
        })
    }

    /// Returns the value of an `Authorization` or `Proxy-Authorization` header, RFC 7617.
    pub(crate) fn basic(&self) -> String {
        let pair = [self.user.as_slice(), b":", self.password.as_slice()].concat();
        format!("Basic {}", STANDARD.encode(pair))
    }
}

fn percent_decode(text: &str) -> Vec<u8> {
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let pair = (byte == b'%').then(|| (ahead.next().and_then(hex), ahead.next().and_then(hex)));
        if let Some((Some(high), Some(low))) = pair {
            out.push(high << 4 | low);
            bytes = ahead;
        } else {
            out.push(byte);
        }
    }
    out
}

fn broken(what: &str) -> impl Fn(std::io::Error) -> Failure + '_ {
    move |error| Failure::new(Kind::Connect, format!("the proxy {what}: {error}"))
}

/// Asks an HTTP proxy for a tunnel to `authority` (RFC 9110, 9.3.6).
pub(crate) async fn http_connect(
    stream: &mut TcpStream,
    authority: &str,
    credentials: Option<&Credentials>,
) -> Result<(), Failure> {
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
    if let Some(credentials) = credentials {
        request.push_str("Proxy-Authorization: ");
        request.push_str(&credentials.basic());
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(broken("took no request"))?;
    let mut answer = Vec::with_capacity(256);
    // What follows the blank line belongs to the tunnel, where the client speaks first: an honest proxy has sent
    // nothing of it yet.
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        if answer.len() > MAX_CONNECT_ANSWER {
            return Err(Failure::new(Kind::Connect, "the proxy answered CONNECT with endless headers"));
        }
        if stream.read_buf(&mut answer).await.map_err(broken("gave no answer"))? == 0 {
            return Err(Failure::new(
                Kind::Connect,
                "the proxy closed the connection instead of answering CONNECT",
            ));
        }
    }
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.splitn(3, ' ');
    match (words.next(), words.next()) {
        (Some(version), Some(code)) if version.starts_with("HTTP/1.") && code.len() == 3 => {
            if code.starts_with('2') {
                Ok(())
            } else {
                let reason = words.next().unwrap_or_default();
                Err(Failure::new(Kind::Connect, format!("the proxy refused CONNECT: {code} {reason}")))
            }
        }
        _ => Err(Failure::new(Kind::Connect, "the proxy's answer to CONNECT is no HTTP")),
    }
}

/// Asks a SOCKS5 proxy (RFC 1928, passwords by RFC 1929) for a connection to `host`.
pub(crate) async fn socks5(
    stream: &mut TcpStream,
    host: &Host<String>,
    port: u16,
    credentials: Option<&Credentials>,
) -> Result<(), Failure> {
    let methods: &[u8] = if credentials.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    stream.write_all(methods).await.map_err(broken("took no greeting"))?;
    let mut choice = [0; 2];
    stream.read_exact(&mut choice).await.map_err(broken("gave no answer"))?;
    match (choice, credentials) {
        ([5, 0], _) => {}
        ([5, 2], Some(credentials)) => authenticate(stream, credentials).await?,
        ([5, _], _) => return Err(Failure::new(Kind::Connect, "the proxy wants another way to log in")),
        _ => return Err(Failure::new(Kind::Connect, "the proxy does not speak SOCKS5")),
    }
    let mut request = vec![5, 1, 0];
    match host {
        Host::Domain(name) => {
            let length = u8::try_from(name.len())
                .map_err(|_| Failure::new(Kind::Request, "the host name is too long for SOCKS5"))?;
            request.extend([3, length]);
            request.extend_from_slice(name.as_bytes());
        }
        Host::Ipv4(v4) => {
            request.push(1);
            request.extend_from_slice(&v4.octets());
        }
        Host::Ipv6(v6) => {
            request.push(4);
            request.extend_from_slice(&v6.octets());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    stream.write_all(&request).await.map_err(broken("took no request"))?;
    read_socks5_reply(stream).await
}

async fn authenticate(stream: &mut TcpStream, credentials: &Credentials) -> Result<(), Failure> {
    let too_long = |_| Failure::new(Kind::Request, "the proxy's user or password is longer than 255 bytes");
    let mut request = vec![1, u8::try_from(credentials.user.len()).map_err(too_long)?];
    request.extend_from_slice(&credentials.user);
    request.push(u8::try_from(credentials.password.len()).map_err(too_long)?);
    request.extend_from_slice(&credentials.password);
    stream.write_all(&request).await.map_err(broken("took no password"))?;
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await.map_err(broken("gave no answer to the password"))?;
    if answer[1] == 0 { Ok(()) } else { Err(Failure::new(Kind::Connect, "the proxy refused the password")) }
}

async fn read_socks5_reply(stream: &mut TcpStream) -> Result<(), Failure> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.map_err(broken("gave no reply"))?;
    if head[0] != 5 {
        return Err(Failure::new(Kind::Connect, "the proxy does not speak SOCKS5"));
    }
    if head[1] != 0 {
        let why = match head[1] {
            1 => "general failure",
            2 => "not allowed by its rules",
            3 => "network unreachable",
            4 => "host unreachable",
            5 => "connection refused",
            6 => "time to live expired",
            7 => "command not supported",
            8 => "address type not supported",
            _ => "unknown reason",
        };
        return Err(Failure::new(Kind::Connect, format!("the proxy could not connect: {why}")));
    }
    let rest = match head[3] {
        1 => 4 + 2,
        4 => 16 + 2,
        3 => {
            let length = stream.read_u8().await.map_err(broken("gave half a reply"))?;
            usize::from(length) + 2
        }
        _ => return Err(Failure::new(Kind::Connect, "the proxy's reply has an unknown address type")),
    };
    let mut bound = vec![0; rest];
    stream.read_exact(&mut bound).await.map_err(broken("gave half a reply"))?;
    Ok(())
}

/// Turns an address into the host form of a SOCKS5 request.
pub(crate) fn host_of(address: SocketAddr) -> Host<String> {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => Host::Ipv4(v4),
        IpAddr::V6(v6) => Host::Ipv6(v6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_percent_decoded_and_encoded_as_basic() {
        let url: Url = "http://us%40er:p%3Aw%zz@proxy.example".parse().expect("a url");
        let credentials = Credentials::of(&url).expect("credentials");
        assert_eq!(credentials.user, b"us@er");
        assert_eq!(credentials.password, b"p:w%zz");
        assert_eq!(credentials.basic(), format!("Basic {}", STANDARD.encode("us@er:p:w%zz")));
        assert!(Credentials::of(&"http://proxy.example".parse().expect("a url")).is_none());
    }
}
