//! TLS servers with a certificate of their own.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use relay_probe::{HttpProber, Options, Roots};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::Server;

/// A certificate for `localhost`, signed by itself.
pub(crate) struct Identity {
    pub(crate) pem: String,
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        Self {
            pem: made.cert.pem(),
            certificate: made.cert.der().clone(),
            key: made.signing_key.serialize_der(),
        }
    }

    /// Returns a prober that trusts this certificate and no other.
    pub(crate) fn prober(&self) -> HttpProber {
        HttpProber::new(self.options()).expect("a prober")
    }

    /// Returns options that trust this certificate and no other.
    pub(crate) fn options(&self) -> Options {
        Options {
            roots: Roots::OnlyExtra,
            extra_roots_pem: self.pem.clone().into_bytes(),
            ..Options::default()
        }
    }

    fn acceptor(&self, alpn: &[&[u8]]) -> TlsAcceptor {
        let key = PrivateKeyDer::try_from(self.key.clone()).expect("a key");
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)
            .expect("a configuration");
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    /// Starts a server whose script gets every TLS session.
    pub(crate) async fn serve<F, R>(&self, alpn: &[&[u8]], script: F) -> Server
    where
        F: Fn(TlsStream<TcpStream>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let acceptor = self.acceptor(alpn);
        Server::start(move |tcp| {
            let (acceptor, script) = (acceptor.clone(), script.clone());
            async move {
                if let Ok(tls) = acceptor.accept(tcp).await {
                    script(tls).await;
                }
            }
        })
        .await
    }

    /// Starts an HTTP/2 server that answers every request by `answer`, which gets the request and its body.
    pub(crate) async fn serve_h2<F>(&self, answer: F) -> Server
    where
        F: Fn(Request<()>, Bytes) -> Response<Full<Bytes>> + Clone + Send + Sync + 'static,
    {
        self.serve(&[b"h2"], move |tls| {
            let answer = answer.clone();
            async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.expect("a body").to_bytes();
                        Ok::<_, Infallible>(answer(Request::from_parts(head, ()), body))
                    }
                });
                // The prober closes connections as it likes.
                let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(tls), service)
                    .await;
            }
        })
        .await
    }
}

/// Returns the https address of `path` on `server`, by name.
pub(crate) fn https(server: &Server, path: &str) -> String {
    format!("https://localhost:{}{path}", server.address.port())
}
