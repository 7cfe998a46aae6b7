use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use relay_core::{Secret, Timestamp, egress::PrivateNetworks};
use relay_events::notify::{
    Answer, Destination, Email, MailSecurity, Message, Target, Transport, talk::Outcome,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

/// What a mail server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Good,
    /// Takes no recipient.
    Refuses,
    /// Says more than anybody wants to hear.
    Endless,
    /// Offers no STARTTLS.
    PlainOnly,
}

/// A mail server on loopback; it writes down the conversation.
struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    root: Vec<u8>,
    _serving: JoinSet<()>,
}

impl Server {
    async fn start(manner: Manner, security: MailSecurity) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let root = made.cert.der().to_vec();
        let key = made.signing_key.serialize_der().try_into().expect("a key");
        let provider = rustls::crypto::ring::default_provider();
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let (mut serving, log) = (JoinSet::new(), Arc::clone(&heard));
        serving.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                match security {
                    MailSecurity::Tls => {
                        let Ok(tls) = acceptor.accept(tcp).await else { continue };
                        talk(&mut BufReader::new(tls), manner, &log, true).await;
                    }
                    MailSecurity::StartTls => {
                        let mut plain = BufReader::new(tcp);
                        if !talk(&mut plain, manner, &log, true).await {
                            continue;
                        }
                        let Ok(tls) = acceptor.accept(plain.into_inner()).await else { continue };
                        talk(&mut BufReader::new(tls), manner, &log, false).await;
                    }
                    MailSecurity::None => {
                        talk(&mut BufReader::new(tcp), manner, &log, true).await;
                    }
                }
            }
        });
        Self { address, heard, root, _serving: serving }
    }

    fn heard(&self) -> String {
        self.heard.lock().expect("not poisoned").join("\n")
    }

    async fn send(&self, security: MailSecurity, trusted: bool, egress: PrivateNetworks) -> Answer {
        let roots = if trusted { vec![self.root.clone()] } else { Vec::new() };
        let transport = Transport::new(roots).expect("TLS");
        let email = Email {
            host: "localhost".to_owned(),
            port: self.address.port(),
            security,
            user: Some("relay".to_owned()),
            password: Some(Secret::new("s3cret-word")),
            from: "Relay Pulse <relay@a.example>".to_owned(),
            to: vec!["ops@b.example".to_owned(), "Chef <chef@b.example>".to_owned()],
        };
        let target = Target::new(Destination::Email(email), None, egress).expect("a target");
        let message = Message::sample("mail", "the-key", 1_773_146_096, false);
        target.send(&transport, &message, Timestamp::from_secs(1_773_146_096)).await
    }
}

/// Speaks SMTP; returns whether the client goes on with TLS.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    manner: Manner,
    log: &Mutex<Vec<String>>,
    greet: bool,
) -> bool {
    if manner == Manner::Endless {
        while stream.get_mut().write_all(&[b'x'; 4096]).await.is_ok() {}
        return false;
    }
    if greet && stream.get_mut().write_all(b"220 mail.example\r\n").await.is_err() {
        return false;
    }
    let mut in_letter = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or_default() == 0 {
            return false;
        }
        let line = line.trim_end().to_owned();
        log.lock().expect("not poisoned").push(line.clone());
        let answer = match line.split([' ', ':']).next().unwrap_or_default() {
            "." if in_letter => {
                in_letter = false;
                "250 queued as 42\r\n"
            }
            _ if in_letter => continue,
            "EHLO" if manner == Manner::PlainOnly => "250 mail.example\r\n",
            "EHLO" => "250-mail.example\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n",
            "AUTH" => "235 welcome\r\n",
            "RCPT" if manner == Manner::Refuses => "550 nobody of that name\r\n",
            "DATA" => {
                in_letter = true;
                "354 go on\r\n"
            }
            "STARTTLS" => "220 go on\r\n",
            "QUIT" => "221 bye\r\n",
            _ => "250 ok\r\n",
        };
        if stream.get_mut().write_all(answer.as_bytes()).await.is_err() || line == "QUIT" {
            return false;
        }
        let _ = stream.get_mut().flush().await;
        if line == "STARTTLS" {
            return true;
        }
    }
}

fn error(answer: &Answer) -> &str {
    match &answer.outcome {
        Outcome::Failed { error, .. } => error,
        Outcome::Delivered => panic!("it was taken"),
    }
}

#[tokio::test]
async fn a_letter_arrives_however_the_connection_is_protected() {
    for security in [MailSecurity::None, MailSecurity::Tls, MailSecurity::StartTls] {
        let server = Server::start(Manner::Good, security).await;
        let answer = server.send(security, true, PrivateNetworks::Allow).await;
        assert_eq!(answer.outcome, Outcome::Delivered, "{security:?}");
        assert!(answer.shown.starts_with("250 queued"), "{}", answer.shown);
        let heard = server.heard();
        for part in [
            "MAIL FROM:<relay@a.example>",
            "RCPT TO:<ops@b.example>",
            "RCPT TO:<chef@b.example>",
            "Message-ID: <the-key@a.example>",
            "Subject: DOWN: example-provider/chat/sample/sample-model",
        ] {
            assert!(heard.contains(part), "{security:?}: no {part} in\n{heard}");
        }
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_before_the_password() {
    for security in [MailSecurity::Tls, MailSecurity::StartTls] {
        let server = Server::start(Manner::Good, security).await;
        let answer = server.send(security, false, PrivateNetworks::Allow).await;
        assert!(error(&answer).contains("certificate"), "{security:?}: {}", error(&answer));
        assert!(!server.heard().contains("AUTH"));
    }
    let server = Server::start(Manner::PlainOnly, MailSecurity::StartTls).await;
    let answer = server.send(MailSecurity::StartTls, true, PrivateNetworks::Allow).await;
    assert!(matches!(answer.outcome, Outcome::Failed { .. }));
    assert!(!server.heard().contains("AUTH"), "nothing is said in the clear");
}

#[tokio::test]
async fn trouble_is_told_without_secrets() {
    let server = Server::start(Manner::Refuses, MailSecurity::None).await;
    let answer = server.send(MailSecurity::None, true, PrivateNetworks::Allow).await;
    assert_eq!(error(&answer), "the mail server answered 550");
    let answer = server.send(MailSecurity::None, true, PrivateNetworks::Deny).await;
    assert!(error(&answer).contains("private networks are denied"), "{}", error(&answer));

    let server = Server::start(Manner::Endless, MailSecurity::None).await;
    let began = tokio::time::Instant::now();
    let answer = server.send(MailSecurity::None, true, PrivateNetworks::Allow).await;
    assert!(matches!(answer.outcome, Outcome::Failed { .. }));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
