//! Outbound proxies.

use std::sync::{Arc, Mutex};

use relay_core::{egress::PrivateNetworks, ports::Prober};
use relay_probe::{HttpProber, ProxySettings};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::TcpStream,
};

use crate::support::{
    Server, get, probe, prober, read_request,
    resolver::Names,
    response, shown,
    tls::{Identity, https},
};

type Log = Arc<Mutex<Vec<String>>>;

/// An HTTP proxy that tunnels to `target`, whatever it is asked for.
async fn tunnel(target: std::net::SocketAddr, log: Log) -> Server {
    Server::start(move |mut stream| {
        let log = Arc::clone(&log);
        async move {
            let Some(request) = read_request(&mut stream).await else { return };
            log.lock().expect("no panic").push(request);
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.expect("written");
            let mut upstream = TcpStream::connect(target).await.expect("connected");
            let _ = copy_bidirectional(&mut stream, &mut upstream).await;
        }
    })
    .await
}

/// A SOCKS5 proxy that connects to `target`, whatever it is asked for; wants the password `pw` when `login` is set.
async fn socks(target: std::net::SocketAddr, login: bool, log: Log) -> Server {
    Server::start(move |mut stream| {
        let log = Arc::clone(&log);
        async move {
            let mut head = [0; 2];
            stream.read_exact(&mut head).await.expect("a greeting");
            let mut methods = vec![0; usize::from(head[1])];
            stream.read_exact(&mut methods).await.expect("methods");
            stream.write_all(&[5, if login { 2 } else { 0 }]).await.expect("written");
            if login {
                let mut request = [0; 3 + 4 + 2];
                stream.read_exact(&mut request).await.expect("a password");
                let fits = &request == b"\x01\x04user\x02pw";
                stream.write_all(&[1, u8::from(!fits)]).await.expect("written");
            }
            let mut request = [0; 5];
            if stream.read_exact(&mut request).await.is_err() {
                return;
            }
            let (host, rest) = match request[3] {
                3 => ("name", usize::from(request[4]) + 2),
                1 => ("v4", 3 + 2),
                _ => ("v6", 15 + 2),
            };
            let mut name = vec![0; rest];
            stream.read_exact(&mut name).await.expect("an address");
            let name = String::from_utf8_lossy(&name[..rest - 2]).into_owned();
            log.lock().expect("no panic").push(format!("{host} {}", if host == "name" { &name } else { "" }));
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.expect("written");
            let mut upstream = TcpStream::connect(target).await.expect("connected");
            let _ = copy_bidirectional(&mut stream, &mut upstream).await;
        }
    })
    .await
}

fn log_of(log: &Log) -> Vec<String> {
    log.lock().expect("no panic").clone()
}

#[tokio::test]
async fn http_targets_are_asked_for_by_their_absolute_address() {
    let log = Log::default();
    let kept = Arc::clone(&log);
    let proxy = Server::start(move |mut stream| {
        let log = Arc::clone(&kept);
        async move {
            while let Some(request) = read_request(&mut stream).await {
                log.lock().expect("no panic").push(request);
                stream.write_all(&response("200 OK", "", "pong")).await.expect("written");
            }
        }
    })
    .await;
    let mut spec = get("http://api.example.com:8080/v1?a=1");
    spec.proxy = Some(format!("http://user:p%40@{}", proxy.address).parse().expect("a url"));
    let prober = prober();
    assert_eq!(shown(&prober.probe(&spec).await), "green - 200 | -");
    assert_eq!(shown(&prober.probe(&spec).await), "green - 200 | -");
    assert_eq!(proxy.connections(), 1);
    let request = log_of(&log).pop().expect("a request");
    assert!(request.starts_with("GET http://api.example.com:8080/v1?a=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("host: api.example.com:8080\r\n"), "{request}");
    assert!(request.contains("proxy-authorization: Basic dXNlcjpwQA==\r\n"), "{request}");
}

#[tokio::test]
async fn https_targets_are_reached_through_a_tunnel_also_by_default_settings() {
    let identity = Identity::new();
    let target = identity.serve_h2(|_, _| http::Response::default()).await;
    let log = Log::default();
    let proxy = tunnel(target.address, Arc::clone(&log)).await;
    let mut spec = get(&https(&target, "/"));
    spec.proxy = Some(format!("http://user:pw@{}", proxy.address).parse().expect("a url"));
    let result = identity.prober().probe(&spec).await;
    assert_eq!(shown(&result), "green - 200 | -");
    assert!(result.timings.tls_ms.is_some() && result.timings.connect_ms.is_some());
    let request = log_of(&log).pop().expect("a request");
    let port = target.address.port();
    assert!(request.starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\n")), "{request}");
    assert!(request.contains("Proxy-Authorization: Basic dXNlcjpwdw==\r\n"), "{request}");

    // By the default settings, and past them for the hosts of NO_PROXY.
    let variables = |no_proxy: &'static str| {
        let address = proxy.address.to_string();
        ProxySettings::from_variables(move |name| match name {
            "https_proxy" => Some(address.clone()),
            "no_proxy" => Some(no_proxy.to_owned()),
            _ => None,
        })
    };
    for (no_proxy, goes_through) in [("", true), ("example.com", false)] {
        let names = Names::new(&[("example.com", &[&["127.0.0.1"]])]);
        let mut options = identity.options();
        options.proxies = variables(no_proxy);
        options.resolver = Some(names);
        let prober = HttpProber::new(options).expect("a prober");
        let before = log_of(&log).len();
        // The certificate is for another name: only the way there matters.
        prober.probe(&get(&format!("https://example.com:{port}/"))).await;
        assert_eq!(log_of(&log).len() - before, usize::from(goes_through), "{no_proxy:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_or_talks_nonsense_is_a_connect_failure() {
    for (answer, words) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "connect: the proxy refused CONNECT: 407 Proxy",
        ),
        ("SSH-2.0-x\r\n\r\n", "connect: the proxy's answer to CONNECT is no HTTP"),
        ("", "connect: the proxy closed the connection instead"),
    ] {
        let proxy = Server::answering_and_closing(answer).await;
        let mut spec = get("https://api.example.com/");
        spec.proxy = Some(format!("http://{}", proxy.address).parse().expect("a url"));
        let shown = shown(&probe(&spec).await);
        assert!(shown.starts_with(&format!("red network_error 0 | {words}")), "{shown}");
    }
    let endless =
        Server::start(|mut stream| async move { while stream.write_all(&[b'x'; 1024]).await.is_ok() {} })
            .await;
    let mut spec = get("https://api.example.com/");
    spec.proxy = Some(format!("http://{}", endless.address).parse().expect("a url"));
    assert!(shown(&probe(&spec).await).contains("endless headers"));
    spec.proxy = Some(format!("socks5://{}", endless.address).parse().expect("a url"));
    assert!(shown(&probe(&spec).await).contains("does not speak SOCKS5"));
    spec.proxy = Some("ftp://127.0.0.1:1".parse().expect("a url"));
    assert_eq!(shown(&probe(&spec).await), "red network_error 0 | request: ftp proxies are not supported");
}

#[tokio::test]
async fn socks5_carries_names_or_when_denied_the_checked_address() {
    let target = Server::answering(response("200 OK", "", "pong")).await;
    let log = Log::default();
    let open = socks(target.address, false, Arc::clone(&log)).await;
    let locked = socks(target.address, true, Arc::clone(&log)).await;
    let names = Names::new(&[("public.example", &[&["1.1.1.1"]])]);
    for (proxy, rule, expected, asked) in [
        (
            format!("socks5://{}", open.address),
            PrivateNetworks::Allow,
            "green - 200 | -",
            "name public.example",
        ),
        (
            format!("socks5h://user:pw@{}", locked.address),
            PrivateNetworks::Allow,
            "green - 200 | -",
            "name public.example",
        ),
        (
            format!("socks5://user:no@{}", locked.address),
            PrivateNetworks::Allow,
            "red network_error 0 | connect: the proxy refused the password",
            "",
        ),
        (format!("socks5://{}", open.address), PrivateNetworks::Deny, "green - 200 | -", "v4 "),
    ] {
        log.lock().expect("no panic").clear();
        let mut spec = get("http://public.example/");
        spec.proxy = Some(proxy.parse().expect("a url"));
        spec.private_networks = rule;
        assert_eq!(shown(&names.prober().probe(&spec).await), expected);
        if !asked.is_empty() {
            assert_eq!(log_of(&log), [asked]);
        }
    }
    let mut spec = get("http://unknown.example/");
    spec.proxy = Some(format!("socks5://{}", open.address).parse().expect("a url"));
    spec.private_networks = PrivateNetworks::Deny;
    let shown = shown(&names.prober().probe(&spec).await);
    assert_eq!(shown, "red network_error 0 | dns: unknown.example: no such name");
}
