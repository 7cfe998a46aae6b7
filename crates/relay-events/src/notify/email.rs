//! Mail over SMTP.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use lettre::{
    Message as Letter,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters},
        extension::ClientId,
    },
};
use relay_core::{Secret, egress::PrivateNetworks};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    target::InvalidTarget,
    transport::{MAX_ANSWER, TOTAL, Transport, connect, too_slow},
};

/// A mail server and what it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Who logs in, `None` for nobody.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The sender.
    pub from: String,
    /// The recipients, at least one.
    pub to: Vec<String>,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// Plain first, encrypted by STARTTLS before anything is said; a server that cannot is not used.
    StartTls,
    /// Encrypted from the start.
    Tls,
    /// Not at all.
    None,
}

/// A letter with the server that takes it.
pub(super) struct Mail {
    server: Email,
    letter: Letter,
}

/// Writes the letter.
///
/// # Errors
/// [`InvalidTarget::Mailbox`].
pub(super) fn put(email: &Email, key: &str, subject: &str, text: &str) -> Result<Mail, InvalidTarget> {
    let mailbox = |field: &'static str, text: &String| {
        text.parse::<Mailbox>().map_err(|_| InvalidTarget::Mailbox { field, text: text.clone() })
    };
    let from = mailbox("from", &email.from)?;
    let domain = from.email.domain().to_owned();
    let mut letter = Letter::builder()
        .from(from)
        .subject(subject.replace(['\r', '\n'], " "))
        // The same for every attempt, so that a mailbox can tell doubles.
        .message_id(Some(format!("<{key}@{domain}>")))
        .header(ContentType::TEXT_PLAIN);
    for to in &email.to {
        letter = letter.to(mailbox("to", to)?);
    }
    let wrong = |error: lettre::error::Error| InvalidTarget::Request(format!("the letter: {error}"));
    Ok(Mail { server: email.clone(), letter: letter.body(text.to_owned()).map_err(wrong)? })
}

/// Hands a letter over; returns what the server said.
///
/// # Errors
/// What went wrong.
pub(super) async fn send(
    transport: &Transport,
    mail: Box<Mail>,
    egress: PrivateNetworks,
) -> Result<String, String> {
    // Boxed: the future of a whole conversation is large.
    timeout(TOTAL, Box::pin(hand_over(transport, mail, egress))).await.unwrap_or_else(|_| Err(too_slow()))
}

async fn hand_over(
    transport: &Transport,
    mail: Box<Mail>,
    egress: PrivateNetworks,
) -> Result<String, String> {
    let Mail { server, letter } = *mail;
    let tcp = connect(&server.host, server.port, egress).await?;
    let peer = tcp.peer_addr().map_err(|error| error.to_string())?;
    let stream: Box<dyn AsyncTokioStream> = if server.security == MailSecurity::Tls {
        let name = ServerName::try_from(server.host.clone()).map_err(|error| error.to_string())?;
        let tls = TlsConnector::from(Arc::clone(&transport.tls)).connect(name, tcp).await;
        Box::new(Capped::new(Inner::Tls(Box::new(tls.map_err(|error| format!("TLS: {error}"))?)), peer))
    } else {
        Box::new(Capped::new(Inner::Plain(tcp), peer))
    };
    let hello = ClientId::Domain("relay-pulse".to_owned());
    let mut connection =
        AsyncSmtpConnection::connect_with_transport(stream, &hello).await.map_err(|error| why(&error))?;
    if server.security == MailSecurity::StartTls {
        let parameters = starttls_parameters(transport, &server.host)?;
        connection.starttls(parameters, &hello).await.map_err(|error| why(&error))?;
    }
    if let Some(user) = server.user {
        let password = server.password.as_ref().map(Secret::expose).unwrap_or_default();
        let credentials = Credentials::new(user, password.to_owned());
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        connection.auth(&mechanisms, &credentials).await.map_err(|error| why(&error))?;
    }
    let sent = connection.send(letter.envelope(), &letter.formatted()).await.map_err(|error| why(&error))?;
    // It has the letter: how it says good-bye does not matter.
    let _ = connection.quit().await;
    Ok(format!("{} {}", sent.code(), sent.message().collect::<Vec<_>>().join(" ")))
}

fn starttls_parameters(transport: &Transport, host: &str) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if !transport.extra_roots.is_empty() {
        builder = builder.certificate_store(CertificateStore::None);
        for root in &transport.extra_roots {
            let root = Certificate::from_der(root.to_vec()).map_err(|error| error.to_string())?;
            builder = builder.add_root_certificate(root);
        }
    }
    builder.build_rustls().map_err(|error| error.to_string())
}

fn why(error: &lettre::transport::smtp::Error) -> String {
    use std::error::Error as _;
    match (error.status(), error.source()) {
        (Some(code), _) => format!("the mail server answered {code}"),
        (None, Some(source)) => format!("the mail server: {source}"),
        (None, None) => format!("the mail server: {error}"),
    }
}

/// A connection that is read up to a bound.
struct Capped {
    inner: Inner,
    peer: SocketAddr,
    left: usize,
}

enum Inner {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Capped {
    fn new(inner: Inner, peer: SocketAddr) -> Self {
        Self { inner, peer, left: MAX_ANSWER }
    }
}

impl fmt::Debug for Capped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capped").field("left", &self.left).finish_non_exhaustive()
    }
}

impl AsyncTokioStream for Capped {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for Capped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        })?;
        match self.left.checked_sub(buf.filled().len() - before) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(io::Error::other("it says too much"))),
        }
    }
}

impl AsyncWrite for Capped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
