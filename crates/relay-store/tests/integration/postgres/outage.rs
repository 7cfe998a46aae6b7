//! A server that stops, fails and comes back while records are made.

use std::sync::Arc;

use relay_core::ports::{
    Health as _, RecordSink as _, Repository, Transition,
    repository::{Maintenance as _, Records as _},
};
use relay_store::{Writer, WriterOptions};
use relay_testkit::{
    ManualClock,
    postgres::{Server, ServerOptions},
    suite::Blinker,
};
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    crash::{START, all_records, batch_after, check},
    support::postgres::Database,
};

/// A server of its own, stopped in turn as administrators and as power cuts do, while batches are appended and tried
/// again until they are stored: none is lost, none is doubled.
#[tokio::test(flavor = "multi_thread")]
async fn batches_survive_a_server_that_fails() {
    let mut server = Server::start(ServerOptions::default()).expect("a server");
    let database = Database::create_on(server.address()).await;
    let clock = Arc::new(ManualClock::at_secs(START));
    let store = Arc::new(database.open(clock.clone()).await);
    let stop = CancellationToken::new();
    let mut writing = JoinSet::new();
    let (own, stopped, hands) = (store.clone(), stop.clone(), clock.clone());
    let (progress, mut batches) = tokio::sync::watch::channel(0i64);
    writing.spawn(async move {
        let (mut last, mut event, mut failures) = (0, 0, 0);
        while !stopped.is_cancelled() {
            hands.set_secs(START + last * 8);
            match own.append(batch_after(last), Arc::new(Blinker { patience: 2 })).await {
                Ok(appended) => {
                    last = appended.records.last().expect("records").id;
                    event = appended.events.last().map_or(event, |event| event.id);
                    progress.send_modify(|count| *count += 1);
                }
                Err(_) => {
                    failures += 1;
                    sleep(Duration::from_millis(5)).await;
                }
            }
        }
        (last, event, failures)
    });
    for round in 0..4 {
        let target = *batches.borrow() + 25;
        batches.wait_for(|count| *count >= target).await.expect("it goes on");
        tokio::task::block_in_place(|| {
            if round % 2 == 0 {
                server.crash()
            } else {
                server.stop()
            }
            server.run().expect("it starts again");
        });
    }
    let target = *batches.borrow() + 25;
    batches.wait_for(|count| *count >= target).await.expect("it goes on");
    stop.cancel();
    let (record, event, failures) = writing.join_next().await.expect("it ran").expect("no panic");
    assert!(failures > 0, "the server was never missed");
    check(&clock, store.as_ref(), record, event).await;
    store.close().await.expect("closed");
}

/// Records wait in their order while the server is away, and the writer says so.
#[tokio::test(flavor = "multi_thread")]
async fn records_wait_while_the_server_is_away() {
    let mut server = Server::start(ServerOptions::default()).expect("a server");
    let database = Database::create_on(server.address()).await;
    let clock = Arc::new(ManualClock::at_secs(START));
    let store: Arc<dyn Repository> = Arc::new(database.open(clock.clone()).await);
    let rules: Arc<dyn Transition> = Arc::new(Blinker { patience: 2 });
    let options = WriterOptions { retry_pause: Duration::from_millis(200), ..WriterOptions::default() };
    let writer = Writer::new(options, store.clone(), store.clone(), rules);
    let stop = CancellationToken::new();
    let mut writing = JoinSet::new();
    let (own, soft) = (writer.clone(), stop.clone());
    writing.spawn(async move { own.run(soft, CancellationToken::new()).await });
    let submit = |from: i64, to: i64| {
        (from..to).step_by(5).flat_map(batch_after).for_each(|record| writer.submit(record));
    };
    submit(0, 100);
    writer.flush().await;
    assert_eq!(writer.check().await.trouble, None);
    tokio::task::block_in_place(|| server.stop());
    submit(100, 3000);
    let trouble = writer.check().await.trouble.expect("trouble");
    assert!(trouble.contains("unavailable"), "{trouble}");
    assert!(store.ping().await.is_err());
    tokio::task::block_in_place(|| server.run().expect("it starts again"));
    writer.flush().await;
    assert_eq!(writer.check().await.trouble, None);
    stop.cancel();
    writing.join_all().await;
    let times = |records: &mut dyn Iterator<Item = i64>| records.collect::<Vec<_>>();
    let stored = all_records(store.as_ref()).await;
    let expected = times(&mut (0..3000).step_by(5).flat_map(batch_after).map(|record| record.timestamp));
    assert_eq!(times(&mut stored.iter().map(|stored| stored.record.timestamp)), expected);
    assert_eq!(stored.last().map(|stored| stored.id), Some(3000));
}
