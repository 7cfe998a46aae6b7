//! Connections that break in mid-transaction and during a commit. Something between here and the server breaks them.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use relay_core::ports::repository::{Error, Maintenance as _, Records as _};
use relay_store::PgRepository;
use relay_testkit::{ManualClock, suite::Blinker};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    crash::{START, batch_after, check},
    support::postgres::Database,
};

/// Lets everything through.
const OPEN: u8 = 0;
/// Cuts the connection instead of passing the next commit on.
const BEFORE_COMMIT: u8 = 1;
/// Passes the next commit on, waits until it has happened, and cuts instead of passing the answer back.
const AFTER_COMMIT: u8 = 2;
/// Cuts after the next few statements.
const SOON: u8 = 3;
/// Passes nothing on any more, and says nothing.
const SILENT: u8 = 4;

struct Proxy {
    address: SocketAddr,
    mode: Arc<AtomicU8>,
    cuts: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (mode, cuts) = (Arc::new(AtomicU8::new(OPEN)), Arc::new(AtomicU64::new(0)));
        let (shared_mode, shared_cuts) = (mode.clone(), cuts.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut links = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(server).await else { continue };
                links.spawn(link(client, server, shared_mode.clone(), shared_cuts.clone()));
            }
        });
        Self { address, mode, cuts, _tasks: tasks }
    }

    fn arm(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }

    fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }
}

/// Passes bytes in both directions until it is time to cut; dropping the streams cuts.
async fn link(mut client: TcpStream, mut server: TcpStream, mode: Arc<AtomicU8>, cuts: Arc<AtomicU64>) {
    let (mut up, mut down) = (vec![0; 256 * 1024], vec![0; 256 * 1024]);
    let mut statements = 0;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(count @ 1..) = read else { return };
                let sent = &up[..count];
                let says = |what: &[u8]| sent.windows(what.len()).any(|bytes| bytes == what);
                let commits = says(b"COMMIT\0");
                // Counted from the start of the transaction: what is sent between two may come at any time.
                statements = if says(b"BEGIN") || says(b"START TRANSACTION") { 0 } else { statements + 1 };
                match mode.load(Ordering::SeqCst) {
                    SILENT => std::future::pending().await,
                    BEFORE_COMMIT if commits => break,
                    SOON if statements == 2 => break,
                    AFTER_COMMIT if commits => {
                        if server.write_all(sent).await.is_err() {
                            return;
                        }
                        let mut answer = Vec::new();
                        while !answer.windows(7).any(|bytes| bytes == b"COMMIT\0") {
                            let Ok(count @ 1..) = server.read(&mut down).await else { return };
                            answer.extend_from_slice(&down[..count]);
                        }
                        break;
                    }
                    _ => {
                        if server.write_all(sent).await.is_err() {
                            return;
                        }
                    }
                }
            }
            read = server.read(&mut down) => {
                let Ok(count @ 1..) = read else { return };
                if client.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
    mode.store(OPEN, Ordering::SeqCst);
    cuts.fetch_add(1, Ordering::SeqCst);
}

/// The same batch is given again until it is stored, as the writer does; whatever was cut, it is there once.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_given_again_is_stored_once() {
    let database = Database::create().await;
    let proxy = Proxy::before(database.server()).await;
    let clock = Arc::new(ManualClock::at_secs(START));
    let options = database.options_through(proxy.address);
    let store = PgRepository::open(&options, clock.clone()).await.expect("opened");
    let (mut last, mut event) = (0, 0);
    for round in 0..60u8 {
        clock.set_secs(START + last * 8);
        let mode = [BEFORE_COMMIT, AFTER_COMMIT, SOON, OPEN][usize::from(round % 4)];
        let cuts = proxy.cuts();
        proxy.arm(mode);
        let mut tries = 0;
        let appended = loop {
            tries += 1;
            match store.append(batch_after(last), Arc::new(Blinker { patience: 2 })).await {
                Ok(appended) => break appended,
                Err(error) => assert!(matches!(error, Error::Unavailable { .. }), "{error}"),
            }
        };
        assert_eq!(proxy.cuts() - cuts, u64::from(mode != OPEN), "round {round}");
        assert_eq!(tries, if mode == OPEN { 1 } else { 2 }, "round {round}");
        last += 5;
        // The answer of a commit that nobody heard is the one it would have had.
        let ids: Vec<_> = appended.records.iter().map(|stored| stored.id).collect();
        assert_eq!(ids, (last - 4..=last).collect::<Vec<_>>(), "round {round}");
        event = appended.events.last().map_or(event, |event| event.id);
    }
    check(&clock, &store, last, event).await;
}

/// A caller that gives up a batch in doubt and goes on with another one loses nothing and doubles nothing.
#[tokio::test(flavor = "multi_thread")]
async fn another_batch_does_not_disturb_one_in_doubt() {
    let database = Database::create().await;
    let proxy = Proxy::before(database.server()).await;
    let clock = Arc::new(ManualClock::at_secs(START));
    let store =
        PgRepository::open(&database.options_through(proxy.address), clock.clone()).await.expect("opened");
    let rules = || Arc::new(Blinker { patience: 2 });
    proxy.arm(AFTER_COMMIT);
    store.append(batch_after(0), rules()).await.expect_err("cut");
    let second = store.append(batch_after(5), rules()).await.expect("stored");
    assert_eq!(second.records[0].id, 6);
    let first = store.append(batch_after(0), rules()).await.expect("known");
    assert_eq!(first.records[0].id, 1);
    // It was claimed: given once more, it is a new one.
    let third = store.append(batch_after(10), rules()).await.expect("stored");
    assert_eq!(third.records[0].id, 11);
    clock.set_secs(START + 15 * 8);
    check(&clock, &store, 15, 0).await;
}

/// A reader does not notice that its connection was cut while nobody used it.
#[tokio::test(flavor = "multi_thread")]
async fn readers_find_another_connection() {
    let database = Database::create().await;
    let store = database.open(Arc::new(ManualClock::at_secs(START))).await;
    let shell = database.shell().await;
    for _ in 0..5 {
        store.ping().await.expect("it works");
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        assert!(!shell.query(cut, &[]).await.expect("cut").is_empty());
        store.ping().await.expect("it works again");
    }
}

/// A server that takes everything and answers nothing is given up.
#[tokio::test(flavor = "multi_thread")]
async fn silence_is_an_outage() {
    let database = Database::create().await;
    let proxy = Proxy::before(database.server()).await;
    let mut options = database.options_through(proxy.address);
    options.timeouts.lock = Duration::from_millis(100);
    options.timeouts.statement = Duration::from_millis(200);
    options.timeouts.silence = Duration::from_millis(500);
    let store = PgRepository::open(&options, Arc::new(ManualClock::at_secs(START))).await.expect("opened");
    proxy.arm(SILENT);
    let error = store.append(batch_after(0), Arc::new(Blinker { patience: 2 })).await.expect_err("silent");
    assert!(error.to_string().contains("does not answer"), "{error}");
    proxy.arm(OPEN);
    let appended = store.append(batch_after(0), Arc::new(Blinker { patience: 2 })).await.expect("stored");
    assert_eq!(appended.records[0].id, 1);
}
