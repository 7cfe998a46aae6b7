//! `sslmode` against a server with a certificate of an authority of our own.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use relay_core::ports::{clock::SystemClock, repository::Maintenance as _};
use relay_store::{Import, ImportDeps, ImportFrom, ImportOptions, PgRepository, PostgresOptions, SslMode};
use relay_testkit::{
    ManualClock, MemoryRepository,
    postgres::{ROLE, Server, ServerOptions},
    relay_pulse::{Age, Dialect, RelayPulse},
};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::support::postgres::Database;

fn authority(name: &str) -> (Certificate, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate, Issuer::new(params, key))
}

/// A server whose certificate names `localhost` only, and the files of the authority that signed it and of another one.
struct Site {
    server: Server,
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let (authority_certificate, issuer) = authority("tests");
        let (other, _) = authority("others");
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])
            .expect("parameters")
            .signed_by(&key, &issuer)
            .expect("a certificate");
        let tls = Some((certificate.pem(), key.serialize_pem()));
        let folder = tempfile::tempdir().expect("a folder");
        for (name, pem) in [("ours.pem", authority_certificate.pem()), ("others.pem", other.pem())] {
            std::fs::write(folder.path().join(name), pem).expect("written");
        }
        let server = Server::start(ServerOptions { tls, ..ServerOptions::default() }).expect("a server");
        Self { server, folder }
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.path().join(name))
    }
}

fn options(
    server: SocketAddr,
    host: &str,
    ssl_mode: SslMode,
    ssl_root_cert: Option<PathBuf>,
) -> PostgresOptions {
    PostgresOptions {
        port: server.port(),
        ssl_mode,
        ssl_root_cert,
        max_open: 1,
        ..PostgresOptions::new(host, ROLE, "postgres")
    }
}

/// Returns whether the connection was encrypted, or what was said.
async fn attempt(options: &PostgresOptions, database: &Database) -> Result<bool, String> {
    let options = PostgresOptions { database: database.name().to_owned(), ..options.clone() };
    let store =
        PgRepository::open(&options, Arc::new(SystemClock)).await.map_err(|error| error.to_string())?;
    store.ping().await.expect("it works");
    let sql = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'relay-pulse' \
               AND datname = current_database()";
    let encrypted = database.shell().await.query_one(sql, &[]).await.expect("a connection").get(0);
    store.close().await.expect("closed");
    Ok(encrypted)
}

#[tokio::test]
async fn every_mode_checks_what_it_says() {
    let site = Site::new();
    let address = site.server.address();
    let database = Database::create_on(address).await;
    let (ours, others) = (site.file("ours.pem"), site.file("others.pem"));
    let (name, number) = ("localhost", "127.0.0.1");
    for (host, mode, file, encrypted) in [
        (number, SslMode::Disable, None, false),
        (number, SslMode::Prefer, None, true),
        (number, SslMode::Require, None, true),
        (number, SslMode::VerifyCa, ours.clone(), true),
        (name, SslMode::VerifyFull, ours.clone(), true),
    ] {
        let outcome = attempt(&options(address, host, mode, file), &database).await;
        assert_eq!(outcome, Ok(encrypted), "{mode:?} to {host}");
    }
    for (host, mode, file, reason) in [
        (number, SslMode::VerifyFull, ours, "not valid for"),
        (number, SslMode::VerifyCa, others.clone(), "UnknownIssuer"),
        (name, SslMode::VerifyFull, others, "UnknownIssuer"),
        (name, SslMode::VerifyFull, site.file("none.pem"), "cannot read sslrootcert"),
    ] {
        let said = attempt(&options(address, host, mode, file), &database).await.expect_err("refused");
        assert!(said.contains(reason), "{mode:?} to {host}: {said}");
    }
    // Authorities of the system do not know a server of ours.
    let said =
        attempt(&options(address, name, SslMode::VerifyFull, None), &database).await.expect_err("refused");
    assert!(said.contains("UnknownIssuer") || said.contains("no authorities"), "{said}");
}

/// A database of the Go version is reached as its URL says.
#[tokio::test]
async fn a_source_is_checked_as_well() {
    let site = Site::new();
    let database = Database::create_on(site.server.address()).await;
    let shell = database.shell().await;
    let source = RelayPulse::made(Age::First, 1_773_156_000, 1, 10);
    shell.batch_execute(&source.sql(Dialect::Postgres)).await.expect("good SQL");
    let begin = async |host: &str, parameters: &str| {
        let place = format!("{ROLE}@{host}:{}/{}", site.server.address().port(), database.name());
        let options = PostgresOptions::from_url(&format!("postgres://{place}?{parameters}")).expect("a URL");
        let clock = Arc::new(ManualClock::at_secs(1_773_156_000));
        let repository = Arc::new(MemoryRepository::new(clock.clone()));
        let (_, heirs) = watch::channel(Vec::new());
        let from = ImportFrom::RelayPulseTables(Box::new(options));
        Import::begin(&from, ImportOptions::new("test"), ImportDeps { repository, clock, heirs }).await
    };
    let ours = format!("sslrootcert={}", site.folder.path().join("ours.pem").display());
    for (host, parameters, encrypted) in [
        ("127.0.0.1", "sslmode=disable".to_owned(), false),
        ("127.0.0.1", String::new(), true),
        ("localhost", format!("sslmode=verify-full&{ours}"), true),
    ] {
        let import = begin(host, &parameters).await.expect("begun");
        let sql = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                   WHERE application_name = 'relay-pulse' AND datname = current_database() \
                   ORDER BY backend_start DESC LIMIT 1";
        let found: bool = shell.query_one(sql, &[]).await.expect("a connection").get(0);
        assert_eq!(found, encrypted, "{parameters}");
        drop(import);
    }
    let refused = begin("127.0.0.1", &format!("sslmode=verify-full&{ours}")).await.expect_err("refused");
    assert!(refused.to_string().contains("not valid for"), "{refused}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_demanded() {
    let database = Database::create().await;
    let address = database.server();
    let plain = options(address, "127.0.0.1", SslMode::Prefer, None);
    assert_eq!(attempt(&plain, &database).await, Ok(false));
    let demanded = options(address, "127.0.0.1", SslMode::Require, None);
    let said = attempt(&demanded, &database).await.expect_err("refused");
    assert!(said.contains("TLS") && said.contains("check sslmode"), "{said}");
    let folder = tempfile::tempdir().expect("a folder");
    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let path = folder.path().join("root.pem");
        std::fs::write(&path, text).expect("written");
        let said = attempt(&options(address, "127.0.0.1", SslMode::VerifyCa, Some(path)), &database).await;
        assert!(said.expect_err("refused").contains("root.pem"));
    }
}
