//! A PostgreSQL database of its own for each test.

use std::{
    future::poll_fn,
    net::SocketAddr,
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use relay_core::{
    UnixSeconds,
    ports::{Clock, Repository, repository::Maintenance as _},
};
use relay_store::{PgRepository, PostgresOptions};
use relay_testkit::{ManualClock, postgres, suite::Backend};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_postgres::{AsyncMessage, Client, NoTls};

use super::damage;

/// A database on a server.
pub(crate) struct Database {
    server: SocketAddr,
    name: String,
    /// Whether it goes away with this.
    own: bool,
}

impl Database {
    /// Makes one on the server that tests share.
    pub(crate) async fn create() -> Self {
        Self::create_on(postgres::shared()).await
    }

    pub(crate) async fn create_on(server: SocketAddr) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("test_{}_{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let (admin, _driver) = connect(server, "postgres").await;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database");
        Self { server, name, own: true }
    }

    /// Returns the database of another process that named its place.
    pub(crate) fn at(place: &str) -> Self {
        let (server, name) = place.split_once('/').expect("a server and a name");
        Self { server: server.parse().expect("an address"), name: name.to_owned(), own: false }
    }

    /// Returns where it is, for another process.
    pub(crate) fn place(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Returns options that go through something between here and the server.
    pub(crate) fn options_through(&self, proxy: SocketAddr) -> PostgresOptions {
        let options = self.options();
        PostgresOptions { host: proxy.ip().to_string(), port: proxy.port(), ..options }
    }

    pub(crate) fn options(&self) -> PostgresOptions {
        let mut options =
            PostgresOptions::new(self.server.ip().to_string(), postgres::ROLE, self.name.clone());
        options.port = self.server.port();
        options.max_open = 4;
        options
    }

    pub(crate) fn server(&self) -> SocketAddr {
        self.server
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Connects as an operator does.
    pub(crate) async fn shell(&self) -> Shell {
        let (client, driver) = connect(self.server, &self.name).await;
        Shell { client, _driver: driver }
    }

    /// Listens to notifications: the channel and the payload of each.
    pub(crate) async fn listen(&self, channels: &[&str]) -> Ear {
        let (client, mut connection) =
            config(self.server, &self.name).connect(NoTls).await.expect("connected");
        let (heard, ear) = mpsc::unbounded_channel();
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(one) = message {
                    let _ = heard.send((one.channel().to_owned(), one.payload().to_owned()));
                }
            }
        });
        for channel in channels {
            client.batch_execute(&format!("LISTEN {channel}")).await.expect("listening");
        }
        Ear { heard: ear, _shell: Shell { client, _driver: driver } }
    }

    pub(crate) async fn open(&self, clock: Arc<dyn Clock>) -> PgRepository {
        PgRepository::open(&self.options(), clock).await.expect("the database opens")
    }
}

/// The folder of the server is gone soon, but many databases in it are large.
impl Drop for Database {
    fn drop(&mut self) {
        if !self.own {
            return;
        }
        let (server, drop) = (self.server, format!("DROP DATABASE {} WITH (FORCE)", self.name));
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let options = config(server, "postgres");
                // A server that a test stopped has nothing to drop.
                if let Ok((client, connection)) = options.connect(NoTls).await {
                    let mut driver = JoinSet::new();
                    driver.spawn(async move { connection.await.unwrap_or_default() });
                    let _ = client.batch_execute(&drop).await;
                }
            });
            std::io::Result::Ok(())
        });
        let _ = dropping.join();
    }
}

/// A connection that listens.
pub(crate) struct Ear {
    heard: mpsc::UnboundedReceiver<(String, String)>,
    _shell: Shell,
}

impl Ear {
    /// Waits for the next notification.
    pub(crate) async fn recv(&mut self) -> Option<(String, String)> {
        self.heard.recv().await
    }
}

/// A connection of an operator.
pub(crate) struct Shell {
    client: Client,
    _driver: JoinSet<()>,
}

impl std::ops::Deref for Shell {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

fn config(server: SocketAddr, database: &str) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config.host(server.ip().to_string()).port(server.port()).user(postgres::ROLE).dbname(database);
    config
}

async fn connect(server: SocketAddr, database: &str) -> (Client, JoinSet<()>) {
    let (client, connection) = config(server, database).connect(NoTls).await.expect("connected");
    let mut driver = JoinSet::new();
    driver.spawn(async move { connection.await.unwrap_or_default() });
    (client, driver)
}

/// The repository on a database of its own.
pub(crate) struct Postgres {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) database: Database,
    repository: Arc<PgRepository>,
}

impl Postgres {
    pub(crate) async fn at(clock: Arc<ManualClock>) -> Self {
        let database = Database::create().await;
        let repository = Arc::new(database.open(clock.clone()).await);
        Self { clock, database, repository }
    }
}

#[async_trait]
impl Backend for Postgres {
    async fn create(clock: Arc<ManualClock>) -> Self {
        Self::at(clock).await
    }

    fn repository(&self) -> Arc<dyn Repository> {
        self.repository.clone()
    }

    async fn reopen(&mut self) {
        self.repository.close().await.expect("closed");
        self.repository = Arc::new(self.database.open(self.clock.clone()).await);
    }

    async fn damage(&mut self, from_slot: UnixSeconds, from_day: UnixSeconds) {
        let shell = self.database.shell().await;
        let sql = damage(from_slot, from_day, "'\\x01ff'");
        shell.batch_execute(&format!("SET search_path = relay; {sql}")).await.expect("damaged");
    }
}
